"""A report: the notebooks run over a history, and the pages made of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from workbench.decide.check import Check
from workbench.decide.facts import Verdict
from workbench.decide.news import news
from workbench.errors import NotebookFailed, UsageError
from workbench.model import Coverage
from workbench.present.audience import Audience, audience_of
from workbench.present.bench import Bench, open_bench
from workbench.present.single import single_file
from workbench.present.text import file_name
from workbench.review.attempt import Attempt
from workbench.review.execute import Outcome, Progress, run_notebooks
from workbench.review.pages import write_pages
from workbench.review.publish import before_this, publish, staging, write_status
from workbench.share import shared

TIMEOUT = 600.0  # seconds for one notebook


@dataclass(frozen=True)
class ReviewResult:
    """Where a report is, and how complete: ``done``, ``partial`` (part of the estate was not reached) or ``failed``.

    ``check`` is what is new, and ``late`` what was not read for too long. ``untold`` is why the webhook was
    not told. With ``strict`` what is new counts in the exit code. ``single`` is the report in one file.
    """

    folder: Path
    status: str
    outcomes: tuple[Outcome, ...] = field(repr=False)
    coverage: Coverage = field(repr=False)
    check: Check = field(repr=False)
    verdicts: tuple[Verdict, ...] = field(repr=False)
    late: tuple[str, ...] = ()
    strict: bool = False
    untold: str | None = None
    single: Path | None = None

    @property
    def index(self) -> Path:
        """The report's first page."""
        return self.folder / "index.html"

    @property
    def failures(self) -> list[str]:
        """Why notebooks failed, a line each: notebook, cell, error."""
        return _failures(self.outcomes)

    @property
    def exit_code(self) -> int:
        """What a command ends with: see ``exit_code``."""
        return exit_code(self.outcomes, self.check, strict=self.strict)

    def to_json(self) -> dict[str, object]:
        """Return the payload of ``workbench review --json``."""
        return {
            "index": str(self.index),
            **({"single_file": str(self.single)} if self.single else {}),
            "status": self.status,
            "late": list(self.late),
            "check": self.check.to_json(),
            "verdicts": [v.to_json() for v in self.verdicts],
            "notebooks": [outcome.to_json() for outcome in self.outcomes],
        }


def exit_code(outcomes: Sequence[Outcome], check: Check, *, strict: bool = False) -> int:
    """Return what a command ends with.

    3 where a notebook failed or a target was not read for too long; with ``strict``, 1 where something
    crosses that is new, or a limit is newly crossed; 0 otherwise.
    """
    if _failures(outcomes) or any(a.kind == "stale" for a in check.alerts):
        return NotebookFailed.exit_code
    return check.exit_code if strict else 0


def _failures(outcomes: Sequence[Outcome]) -> list[str]:
    return [f"{o.name}: {o.failure}" for o in outcomes if o.failure]


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a report.

    ``audience`` is ``lead``, ``room`` or ``team:NAME``: see ``workbench.present.audience``; reports for others than
    the lead stand in a folder of theirs below, and a team's has the pages of its services, and no notebook. ``single``
    adds the whole report as one file. ``strict`` lets what is new count in the exit code. ``retain`` removes all but so
    many reports: see ``thin_reports``. ``timeout`` is in seconds for each notebook; ``notebooks`` are all there are
    where they are None.
    """

    audience: str = "lead"
    single: bool = False
    strict: bool = False
    retain: int | None = None
    timeout: float = TIMEOUT
    notebooks: tuple[Path, ...] | None = None


def run_review(
    estate: str | os.PathLike[str] | None,
    history: str | os.PathLike[str] | None = None,
    wanted: Wanted | None = None,
    *,
    snapshot: str | os.PathLike[str] | None = None,
    until: str | None = None,
    out: Path = Path("reports"),
    progress: Progress = lambda _: None,
) -> ReviewResult:
    """Run every notebook over an estate's history and write the report under ``out``/<estate>/<time>.

    Collects nothing. A notebook that fails does not stop the others: the report is written and says so, and
    ``latest`` stays on the last good one. Interrupted, it leaves no process and no half-written report.
    Raises what ``open_bench`` raises, and UsageError for parameters that a notebook does not take, or where
    a review of the estate is running already.
    """
    wanted = wanted or Wanted()
    sources = Sources.of(estate, history, snapshot, until)
    bench = sources.open()  # before anything is written
    readers = audience_of(wanted.audience, bench.estate, _logins(bench))
    place = reports_of(bench.estate.name, out) / readers.folder
    with staging(place) as folder, Attempt(place, bench.estate.name) as attempt:
        return make_report(sources, folder, attempt, wanted, out=out, progress=progress)


def _logins(bench: Bench) -> set[str]:
    roles = bench.history.newest.frame("roles", "rolname")
    return set(roles["rolname"].dropna())


def reports_of(estate: str, out: Path) -> Path:
    """Return the folder of an estate's reports."""
    return Path(out).absolute() / file_name(estate)


@dataclass(frozen=True)
class Sources:
    """What the notebooks open, as they are told: absolute paths, and a day."""

    estate: str | None
    history: str | None
    snapshot: str | None
    until: str | None

    @staticmethod
    def of(
        estate: str | os.PathLike[str] | None,
        history: str | os.PathLike[str] | None,
        snapshot: str | os.PathLike[str] | None,
        until: str | None,
    ) -> Sources:
        """Make paths absolute: a notebook runs in a folder of its own."""
        return Sources(_absolute(estate), _absolute(history), _absolute(snapshot), until)

    def open(self) -> Bench:
        """Open what the notebooks open."""
        return open_bench(
            self.estate, history=self.history, snapshot=self.snapshot, until=self.until
        )


def _absolute(path: str | os.PathLike[str] | None) -> str | None:
    return None if path is None else str(Path(path).absolute())


def make_report(
    sources: Sources,
    folder: Path,
    attempt: Attempt,
    wanted: Wanted,
    *,
    out: Path,
    late: Sequence[str] = (),
    progress: Progress = lambda _: None,
) -> ReviewResult:
    """Run the notebooks in ``folder``, which ``staging`` gave, publish the pages beside it, and say how it went."""
    for name in ("work", "report", "kept"):
        (folder / name).mkdir(mode=0o700)
    bench = replace(sources.open(), kept=folder / "kept")
    readers = audience_of(wanted.audience, bench.estate, _logins(bench))
    review_before = before_this(out, bench.history)
    outcomes = run_notebooks(
        _chosen(wanted, readers),
        {name: value for name, value in vars(sources).items() if value is not None},
        folder / "work",
        offered={} if review_before is None else {"baseline": str(review_before)},
        timeout=wanted.timeout,
        kept=bench.kept,
        progress=progress,
    )
    check = what_is_new(bench, late)
    failed = _failures(outcomes)
    status = "failed" if failed else "partial" if bench.coverage.partial else "done"
    facts = attempt.ended(status, exit_code(outcomes, check, strict=wanted.strict)) | {
        "notebooks": [outcome.to_json() for outcome in outcomes],
        "failures": failed,
        "coverage": bench.coverage.to_json(),
        "late": list(late),
        "nights_missed": [day.isoformat() for day in bench.history.missed],
        "compared": check.compared,
        "alerts": [alert.to_json() for alert in check.alerts],
    }
    report = folder / "report"
    report.chmod(0o755)
    write_pages(report, bench, outcomes, readers, review_before)
    name = f"{file_name(bench.estate.name)}-report.html"
    if wanted.single:
        (report / name).write_text(single_file(report), encoding="utf-8")
    if readers.kind == "lead":  # it names logins
        write_status(report / "status.json", facts)
    kept = publish(report, folder.parent, attempt.started, latest=not failed)
    untold = attempt.close({**facts, "report": kept.name})
    return ReviewResult(
        kept,
        status,
        tuple(outcomes),
        bench.coverage,
        check,
        bench.verdicts.verdicts,
        tuple(late),
        wanted.strict,
        untold,
        kept / name if wanted.single else None,
    )


def _chosen(wanted: Wanted, readers: Audience) -> list[Path]:
    """The notebooks to run; UsageError where there is none."""
    if readers.kind == "team":
        return []
    if wanted.notebooks is not None:
        return list(wanted.notebooks)
    found = sorted(shared("notebooks").glob("*.ipynb"))
    if not found:
        raise UsageError(f"no notebook in {shared('notebooks')}")
    return found


def what_is_new(bench: Bench, late: Sequence[str] = ()) -> Check:
    """Return what may alert: crossings, references and crossed limits that were not there before, and stale targets."""
    return news(bench, limits=bench.verdicts.statuses, stale=late)
