"""A review from beginning to end: read the estate, run the notebooks, write the report."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from workbench.decide.decisions import FOLDER
from workbench.review.execute import Progress
from workbench.review.publish import thin_reports
from workbench.review.report import TIMEOUT, ReviewResult, run_review
from workbench.source import Source, collect_reached, keep, stale


def review(
    source: Source,
    out: Path = Path("reports"),
    *,
    offline: bool = False,
    audience: str = "lead",
    timeout: float = TIMEOUT,
    retain: int | None = None,
    progress: Progress = lambda _: None,
) -> ReviewResult:
    """Collect a snapshot into the source's history and report on that history.

    ``offline``, or a source that names one snapshot, collects nothing. A source of URLs without a
    history has one for the time of the review. ``retain`` removes all but so many reports: see ``thin_reports``. Raises Unreachable where no instance was connected, and
    what ``run_review`` raises.
    """
    with ExitStack() as stack:
        estate = source.load_estate()
        history = source.history_folder(estate)
        if history is None:
            history = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="workbench-")))
        if not offline and source.snapshot is None:
            before = replace(source, history=history).newest(estate)
            keep(collect_reached(estate, previous=before, progress=progress), history)
        result = run_review(
            source.estate,
            None if source.snapshot else history,
            snapshot=source.snapshot,
            until=source.until,
            out=out,
            audience=audience,
            timeout=timeout,
            progress=progress,
        )
        if retain is not None:
            decisions = estate.folder / FOLDER if estate.folder is not None else None
            for report in thin_reports(result.folder.parent, retain, decisions):
                progress(f"removed {report}: {retain} reports are kept, and no decision names it")
        late = [] if source.snapshot else stale(history, estate)
        return replace(result, late=tuple(late))
