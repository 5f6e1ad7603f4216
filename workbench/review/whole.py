"""A review from beginning to end: read the estate, run the notebooks, write the report."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from workbench.review.attempt import Attempt
from workbench.review.execute import Progress
from workbench.review.publish import staging
from workbench.review.report import TIMEOUT, ReviewResult, Sources, make_report, reports_of
from workbench.review.webhook import Webhook
from workbench.source import Source, collect_reached, keep, stale


def review(
    source: Source,
    out: Path = Path("reports"),
    *,
    offline: bool = False,
    strict: bool = False,
    webhook: Webhook | None = None,
    timeout: float = TIMEOUT,
    progress: Progress = lambda _: None,
) -> ReviewResult:
    """Collect a snapshot into the source's history and report on that history.

    ``offline``, or a source that names one snapshot, collects nothing. A source of URLs without a
    history has one for the time of the review. ``strict`` lets what is new count in the exit code. Raises
    Unreachable where no instance was connected, UsageError where a review of the estate is running
    already, and what ``run_review`` raises; status.json says so too, unless the estate's file is wrong or
    another review owns it.
    """
    estate = source.load_estate()
    place = reports_of(estate.name, out)
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
        return make_report(
            Sources.of(source.estate, recorded, source.snapshot, source.until),
            folder,
            attempt,
            late=[] if source.snapshot else stale(history, estate),
            strict=strict,
            timeout=timeout,
            progress=progress,
        )
