"""A review from beginning to end: read the estate, run the notebooks, write the report."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from workbench.decide.decisions import FOLDER
from workbench.present.audience import audience_of
from workbench.review.attempt import Attempt
from workbench.review.execute import Progress
from workbench.review.publish import staging, thin_reports
from workbench.review.report import ReviewResult, Sources, Wanted, make_report, reports_of
from workbench.review.webhook import Webhook
from workbench.source import Source, collect_reached, keep, stale


def review(
    source: Source,
    out: Path = Path("reports"),
    wanted: Wanted | None = None,
    *,
    offline: bool = False,
    webhook: Webhook | None = None,
    progress: Progress = lambda _: None,
) -> ReviewResult:
    """Collect a snapshot into the source's history and report on that history.

    ``offline``, or a source that names one snapshot, collects nothing. A source of URLs without a
    history has one for the time of the review. Raises Unreachable where no instance was connected, UsageError where
    a review of the estate is running already, and what ``run_review`` raises; status.json says so too, unless the
    estate's file is wrong or another review owns it.
    """
    wanted = wanted or Wanted()
    estate = source.load_estate()
    place = reports_of(estate.name, out) / audience_of(wanted.audience, estate).folder
    with ExitStack() as stack:
        folder = stack.enter_context(staging(place))
        attempt = stack.enter_context(Attempt(place, estate.name, webhook))
        history = source.history_folder(estate)
        if history is None:
            history = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="workbench-")))
        if not offline and source.snapshot is None:
            before = replace(source, history=history).newest(estate)
            keep(collect_reached(estate, previous=before, progress=progress), history)
        recorded = None if source.snapshot else history
        made = make_report(
            Sources.of(source.estate, recorded, source.snapshot, source.until),
            folder,
            attempt,
            wanted,
            out=out,
            late=[] if source.snapshot else stale(history, estate),
            progress=progress,
        )
        if wanted.retain is not None:
            decisions = estate.folder / FOLDER if estate.folder is not None else None
            for report in thin_reports(made.folder.parent, wanted.retain, decisions):
                progress(
                    f"removed {report}: {wanted.retain} reports are kept, and no decision names it"
                )
        return made
