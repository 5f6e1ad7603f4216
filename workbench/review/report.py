"""A report: the notebooks run over a history, and the pages made of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from workbench import __version__
from workbench.decide.check import Check, check_workload
from workbench.decide.facts import Verdict
from workbench.errors import NotebookFailed, UsageError
from workbench.model import Coverage
from workbench.present import capacity as show
from workbench.present import html
from workbench.present.bench import Bench, open_bench
from workbench.present.text import file_name
from workbench.review.attempt import Attempt
from workbench.review.execute import Outcome, Progress, run_notebooks
from workbench.review.publish import publish, staging, write_status
from workbench.share import shared

TIMEOUT = 600.0  # seconds for one notebook


@dataclass(frozen=True)
class ReviewResult:
    """Where a report is, and how complete: ``done``, ``partial`` (part of the estate was not reached) or ``failed``.

    ``check`` is what is new, and ``late`` what was not read for too long. ``untold`` is why the webhook was
    not told. With ``strict`` what is new counts in the exit code.
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


def run_review(
    estate: str | os.PathLike[str] | None,
    history: str | os.PathLike[str] | None = None,
    *,
    snapshot: str | os.PathLike[str] | None = None,
    until: str | None = None,
    out: Path = Path("reports"),
    notebooks: Sequence[Path] | None = None,
    timeout: float = TIMEOUT,
    progress: Progress = lambda _: None,
) -> ReviewResult:
    """Run every notebook over an estate's history and write the report under ``out``/<estate>/<time>.

    Collects nothing. A notebook that fails does not stop the others: the report is written and says so, and
    ``latest`` stays on the last good one. Interrupted, it leaves no process and no half-written report.
    Raises what ``open_bench`` raises, and UsageError for parameters that a notebook does not take, or where
    a review of the estate is running already.
    """
    sources = Sources.of(estate, history, snapshot, until)
    bench = sources.open()  # before anything is written
    place = reports_of(bench.estate.name, out)
    with staging(place) as folder, Attempt(place, bench.estate.name) as attempt:
        return make_report(
            sources, folder, attempt, notebooks=notebooks, timeout=timeout, progress=progress
        )


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
    *,
    late: Sequence[str] = (),
    strict: bool = False,
    notebooks: Sequence[Path] | None = None,
    timeout: float = TIMEOUT,
    progress: Progress = lambda _: None,
) -> ReviewResult:
    """Run the notebooks in ``folder``, which ``staging`` gave, publish the pages beside it, and say how it went."""
    chosen = (
        list(notebooks) if notebooks is not None else sorted(shared("notebooks").glob("*.ipynb"))
    )
    if not chosen:
        raise UsageError(f"no notebook in {shared('notebooks')}")
    for name in ("work", "report", "kept"):
        (folder / name).mkdir(mode=0o700)
    bench = replace(sources.open(), kept=folder / "kept")
    outcomes = run_notebooks(
        chosen,
        {name: value for name, value in vars(sources).items() if value is not None},
        folder / "work",
        timeout=timeout,
        kept=bench.kept,
        progress=progress,
    )
    check = what_is_new(bench, late)
    failed = _failures(outcomes)
    status = "failed" if failed else "partial" if bench.coverage.partial else "done"
    facts = attempt.ended(status, exit_code(outcomes, check, strict=strict)) | {
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
    write_pages(report, bench, outcomes)
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
        strict,
        untold,
    )


def what_is_new(bench: Bench, late: Sequence[str] = ()) -> Check:
    """Return what may alert: crossings and crossed limits that were not there before, and stale targets."""
    return check_workload(
        bench.workload, bench.history, statuses=bench.verdicts.statuses, stale=late
    )


def write_pages(folder: Path, bench: Bench, outcomes: Sequence[Outcome]) -> None:
    """Write the index, a page per notebook and the assets into ``folder``."""
    pages = _addresses(outcomes)
    links = [
        html.Link(href, html.title_of(o.notebook) or o.name, failed=bool(o.failure))
        for href, o in pages.items()
    ]
    frame = html.Frame(
        estate=bench.title,
        period=bench.period_alone,
        simulated=bench.coverage.simulated,
        coverage=bench.covered,
        provenance=_provenance(bench),
        version=__version__,
        pages=[html.Link("index.html", "Summary"), *links],
    )
    html.write_assets(folder)
    for href, outcome in pages.items():
        page = html.notebook_page(outcome.notebook, frame, here=href, failure=outcome.failure or "")
        (folder / href).write_text(page, encoding="utf-8")
    runs = [
        html.Run(link.href, link.title, html.summary_of(o.notebook), o.failure or "")
        for link, o in zip(links, outcomes, strict=True)
    ]
    index = html.index_page(
        frame, headline=show.headline(bench), sections=_sections(bench), runs=runs
    )
    (folder / "index.html").write_text(index, encoding="utf-8")


def _addresses(outcomes: Sequence[Outcome]) -> Mapping[str, Outcome]:
    """Addresses that stay when notebooks are renumbered: ``01_capacity`` is ``capacity.html``."""
    found: dict[str, Outcome] = {}
    for outcome in outcomes:
        short = f"{file_name(outcome.name.lstrip('0123456789').lstrip('_'))}.html"
        taken = short in found or short == "index.html"
        found[f"{file_name(outcome.name)}.html" if taken else short] = outcome
    return found


def _provenance(bench: Bench) -> str:
    digest = bench.coverage.estate_digest
    taken = bench.coverage.snapshots
    snapshots = f"{taken} snapshot{'' if taken == 1 else 's'}"
    return f"{snapshots} · estate file {digest[:12]}" if digest else snapshots


def _sections(bench: Bench) -> list[html.Section]:
    missing = len(bench.coverage.missing)
    return [
        html.Section("What is there, and how it grows", show.services(bench)),
        html.Section(
            "What could not be measured",
            show.not_measured(bench),
            f"{missing} gap{'' if missing == 1 else 's'}: what a figure rests on is not complete."
            if missing
            else "",
        ),
    ]
