"""A report: the notebooks run over a history, and the pages made of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from workbench import __version__
from workbench.errors import NotebookFailed, UsageError
from workbench.model import Coverage
from workbench.present.audience import Audience, audience_of
from workbench.present.bench import Bench, open_bench
from workbench.present.text import file_name, without_secrets
from workbench.review.execute import Outcome, Progress, run_notebooks
from workbench.review.pages import write_pages
from workbench.review.publish import before_this, publish, staging, write_status
from workbench.share import shared

TIMEOUT = 600.0  # seconds for one notebook


@dataclass(frozen=True)
class ReviewResult:
    """Where a report is, and how complete: ``done``, ``partial`` (part of the estate was not reached) or ``failed``."""

    folder: Path
    status: str
    outcomes: tuple[Outcome, ...] = field(repr=False)
    coverage: Coverage = field(repr=False)
    late: tuple[str, ...] = ()

    @property
    def index(self) -> Path:
        """The report's first page."""
        return self.folder / "index.html"

    @property
    def failures(self) -> list[str]:
        """Why notebooks failed, a line each: notebook, cell, error."""
        return [f"{o.name}: {o.failure}" for o in self.outcomes if o.failure]

    @property
    def exit_code(self) -> int:
        """What a command ends with: 3 where a notebook failed or a target was not read for too long."""
        return NotebookFailed.exit_code if self.failures or self.late else 0

    def to_json(self) -> dict[str, object]:
        """Return the payload of ``workbench review --json``."""
        return {
            "index": str(self.index),
            "status": self.status,
            "late": list(self.late),
            "notebooks": [outcome.to_json() for outcome in self.outcomes],
        }


def run_review(
    estate: str | os.PathLike[str] | None,
    history: str | os.PathLike[str] | None = None,
    *,
    snapshot: str | os.PathLike[str] | None = None,
    until: str | None = None,
    out: Path = Path("reports"),
    notebooks: Sequence[Path] | None = None,
    audience: str = "lead",
    timeout: float = TIMEOUT,
    progress: Progress = lambda _: None,
) -> ReviewResult:
    """Run every notebook over an estate's history and write the report under ``out``/<estate>/<time>.

    ``audience`` is ``lead``, ``room`` or ``team:NAME``: see ``workbench.present.audience``; reports for others than
    the lead stand in a folder of theirs below. A team's has the pages of its services, and no notebook.

    Collects nothing. A notebook that fails does not stop the others: the report is written and says so, and
    ``latest`` stays on the last good one. Interrupted, it leaves no process and no half-written report.
    Raises what ``open_bench`` raises, and UsageError for parameters that a notebook does not take.
    """
    started = datetime.now(UTC)
    bench = open_bench(estate, history=history, snapshot=snapshot, until=until)
    readers = audience_of(audience, bench.estate, _logins(bench))
    chosen = (
        []
        if readers.kind == "team"
        else list(notebooks)
        if notebooks is not None
        else sorted(shared("notebooks").glob("*.ipynb"))
    )
    if not chosen and readers.kind != "team":
        raise UsageError(f"no notebook in {shared('notebooks')}")
    parameters = {
        "estate": _absolute(estate),
        "history": _absolute(history),
        "snapshot": _absolute(snapshot),
        "until": until,
    }
    review_before = before_this(Path(out), bench.history)
    place = Path(out).absolute() / file_name(bench.estate.name) / readers.folder
    attempt = _Attempt(place / "status.json", bench, started)
    with attempt, staging(place) as folder:
        (folder / "work").mkdir()
        (folder / "report").mkdir()
        outcomes = run_notebooks(
            chosen,
            {name: value for name, value in parameters.items() if value is not None},
            folder / "work",
            offered={} if review_before is None else {"baseline": str(review_before)},
            timeout=timeout,
            progress=progress,
        )
        return attempt.finish(folder / "report", place, outcomes, readers)


def _logins(bench: Bench) -> set[str]:
    roles = bench.history.newest.frame("roles", "rolname")
    return set(roles["rolname"].dropna())


def _absolute(path: str | os.PathLike[str] | None) -> str | None:
    return None if path is None else str(Path(path).absolute())


class _Attempt:
    """Keeps the estate's status.json true: what it says is never better than what happened."""

    def __init__(self, path: Path, bench: Bench, started: datetime) -> None:
        self.path, self.bench, self.started = path, bench, started

    def __enter__(self) -> _Attempt:
        self._write("running", pid=os.getpid())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        if kind is not None:
            told = (
                "interrupted"
                if issubclass(kind, KeyboardInterrupt)
                else f"{kind.__name__}: {error}"
            )
            self._write("failed", because=without_secrets(told))

    def _write(self, status: str, **more: object) -> None:
        write_status(self.path, {**self._facts(status), **more})

    def _facts(self, status: str) -> dict[str, object]:
        return {
            "status": status,
            "estate": self.bench.estate.name,
            "started": self.started.isoformat(timespec="seconds"),
            "workbench": __version__,
        }

    def finish(
        self, report: Path, place: Path, outcomes: Sequence[Outcome], audience: Audience
    ) -> ReviewResult:
        """Write the pages, publish them, and say how it went."""
        coverage = self.bench.coverage
        failed = [outcome for outcome in outcomes if outcome.failure]
        status = "failed" if failed else "partial" if coverage.partial else "done"
        facts = self._facts(status) | {
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "notebooks": [outcome.to_json() for outcome in outcomes],
            "coverage": coverage.to_json(),
        }
        write_pages(report, self.bench, outcomes, audience)
        if audience.kind == "lead":
            write_status(report / "status.json", facts)
        folder = publish(report, place, self.started, latest=not failed)
        write_status(self.path, {**facts, "report": folder.name})
        return ReviewResult(folder, status, tuple(outcomes), coverage)
