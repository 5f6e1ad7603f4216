"""A review from beginning to end: read the estate, run the notebooks, write the report."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from workbench.review.execute import Progress
from workbench.review.report import TIMEOUT, ReviewResult, run_review
from workbench.source import Source, collect_reached, keep, stale


def review(
    source: Source,
    out: Path = Path("reports"),
    *,
    offline: bool = False,
    single: bool = False,
    timeout: float = TIMEOUT,
    progress: Progress = lambda _: None,
) -> ReviewResult:
    """Collect a snapshot into the source's history and report on that history.

    ``offline``, or a source that names one snapshot, collects nothing. A source of URLs without a
    history has one for the time of the review. Raises Unreachable where no instance was connected, and
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
            single=single,
            timeout=timeout,
            progress=progress,
        )
        late = [] if source.snapshot else stale(history, estate)
        return replace(result, late=tuple(late))
