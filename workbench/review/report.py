"""A report: the notebooks run over a history, and the pages made of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from workbench import __version__
from workbench.errors import NotebookFailed, UsageError
from workbench.model import Coverage
from workbench.present import capacity as show
from workbench.present import html
from workbench.present.bench import Bench, open_bench
from workbench.present.single import single_file
from workbench.present.text import file_name, without_secrets
from workbench.review.execute import Outcome, Progress, run_notebooks
from workbench.review.publish import publish, staging, write_status
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
    single: Path | None = None  # the whole report in one file, where asked for

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
            **({"single_file": str(self.single)} if self.single else {}),
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
    single: bool = False,
    timeout: float = TIMEOUT,
    progress: Progress = lambda _: None,
) -> ReviewResult:
    """Run every notebook over an estate's history and write the report under ``out``/<estate>/<time>.

    Collects nothing. A notebook that fails does not stop the others: the report is written and says so, and
    ``latest`` stays on the last good one. ``single`` adds the whole report as one file. Interrupted, it leaves no process and no half-written report.
    Raises what ``open_bench`` raises, and UsageError for parameters that a notebook does not take.
    """
    started = datetime.now(UTC)
    bench = open_bench(estate, history=history, snapshot=snapshot, until=until)
    chosen = (
        list(notebooks) if notebooks is not None else sorted(shared("notebooks").glob("*.ipynb"))
    )
    if not chosen:
        raise UsageError(f"no notebook in {shared('notebooks')}")
    parameters = {
        "estate": _absolute(estate),
        "history": _absolute(history),
        "snapshot": _absolute(snapshot),
        "until": until,
    }
    place = Path(out).absolute() / file_name(bench.estate.name)
    attempt = _Attempt(place / "status.json", bench, started)
    with attempt, staging(place) as folder:
        (folder / "work").mkdir()
        (folder / "report").mkdir()
        outcomes = run_notebooks(
            chosen,
            {name: value for name, value in parameters.items() if value is not None},
            folder / "work",
            timeout=timeout,
            progress=progress,
        )
        return attempt.finish(folder / "report", place, outcomes, single=single)


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
        self, report: Path, place: Path, outcomes: Sequence[Outcome], *, single: bool
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
        write_pages(report, self.bench, outcomes)
        name = f"{file_name(self.bench.estate.name)}-report.html"
        if single:
            (report / name).write_text(single_file(report), encoding="utf-8")
        write_status(report / "status.json", facts)
        folder = publish(report, place, self.started, latest=not failed)
        write_status(self.path, {**facts, "report": folder.name})
        whole = folder / name if single else None
        return ReviewResult(folder, status, tuple(outcomes), coverage, single=whole)


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
