"""The commands. Each reads its options, calls one function, and prints what it returns."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.review import ReviewResult
    from workbench.snapshot import History
    from workbench.source import Source

app = typer.Typer(
    name="workbench",
    help="The data architecture of PostgreSQL estates: what is there, how it grows, who touches whose data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
history_app = typer.Typer(help="The snapshots of an estate, in order.", no_args_is_help=True)
app.add_typer(history_app, name="history")

EstatePath = Annotated[
    Path | None,
    typer.Option("--estate", help="The estate's folder, or its estate.toml.", metavar="PATH"),
]
Urls = Annotated[
    list[str] | None,
    typer.Option(
        "--url", help="A database instead of an estate file; each schema is then a service."
    ),
]
HistoryDir = Annotated[
    Path | None,
    typer.Option(
        "--history",
        help="Where snapshots are kept; history/ in the estate's folder.",
        metavar="DIR",
    ),
]
SnapshotPath = Annotated[
    Path | None,
    typer.Option("--snapshot", help="Work on this one snapshot, offline.", metavar="PATH"),
]
Since = Annotated[str | None, typer.Option("--since", help="First day, as 2026-11-01.")]
Until = Annotated[str | None, typer.Option("--until", help="Last day, as 2026-11-28.")]
Baseline = Annotated[
    str | None,
    typer.Option("--baseline", help="Begin with this tagged snapshot.", metavar="NAME"),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


class Profile(StrEnum):
    """How much a collection takes."""

    full = "full"
    pulse = "pulse"


def main() -> int:
    """Run the command line; every expected failure is one message on stderr and an exit code."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _stop)
    try:
        code = app(standalone_mode=False)
    except WorkbenchError as error:
        return _complain(str(error), error.exit_code)
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _complain(f"{where}{error.strerror or error}; nothing half-written is left", 2)
    except Exception as error:
        if hasattr(error, "format_message"):  # the parser's own: wrong usage
            return _complain(f"{error.format_message()} (see `workbench --help`)", 2)
        raise
    # Where a command ends by typer.Exit, or by Ctrl-C, its code is what comes back.
    if code == 130:
        _complain("stopped", 130)
    return code if isinstance(code, int) else 0


def _stop(number: int, frame: FrameType | None) -> None:
    # An exception lets every "with" on the way out put things in order.
    sys.exit(128 + number)


def _complain(message: str, code: int) -> int:
    print(f"workbench: {message}", file=sys.stderr)
    return code


def _progress(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _source(
    estate: Path | None = None,
    urls: list[str] | None = None,
    history: Path | None = None,
    snapshot: Path | None = None,
    since: str | None = None,
    until: str | None = None,
    baseline: str | None = None,
) -> Source:
    # Here as in the commands, what is heavy is imported when it is needed: help answers at once.
    from workbench.source import Source

    return Source(estate, urls or (), history, snapshot, since, until, baseline)


@app.command()
def init(
    url: Annotated[
        list[str], typer.Argument(help="A database of each instance.", metavar="URL...")
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the file here.", metavar="PATH")
    ] = None,
    update: Annotated[
        bool,
        typer.Option(
            "--update", help="Add to the file of -o what is new; keep what a person wrote."
        ),
    ] = False,
) -> None:
    """Print a commented estate file made from what is found on the servers."""
    from workbench.collect.discovery import discover
    from workbench.errors import UsageError
    from workbench.estate.draft import draft_text, update_file

    if update and output is None:
        raise UsageError("--update needs the file to update: -o estate.toml")
    if output is not None and output.exists() and not update:
        raise UsageError(f"{output} exists: add --update to extend it, or name another file")
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
    found = discover(url, progress=_progress)
    if output is None:
        sys.stdout.write(draft_text(found))
        return
    output.write_text(update_file(output, found) if update else draft_text(found), "utf-8")
    _progress(f"wrote {output}; next: workbench check --estate {output}")


@app.command()
def check(
    estate: EstatePath = None,
    url: Urls = None,
    snapshot: SnapshotPath = None,
    dossier: Annotated[
        Path | None,
        typer.Option(
            "--dossier", help="Write what a security team asks for to this file.", metavar="PATH"
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Say what a review could see here, and which statement would let it see more.

    Reads versions, privileges, extensions, settings and names, and compares the estate file with them.
    """
    from workbench.analyse.readiness import FRAMES, readiness
    from workbench.collect import collect
    from workbench.present import terminal
    from workbench.snapshot import load_snapshot

    source = _source(estate, url, snapshot=snapshot)
    if dossier is not None:
        from workbench.collect.dossier import dossier as write

        dossier.write_text(write(source.load_estate()), "utf-8")
        _progress(
            f"wrote {dossier}: the login's SQL, every query, what is withheld; no server was asked"
        )
        return
    taken = (
        load_snapshot(snapshot, source.load_estate())
        if snapshot
        else collect(source.load_estate(), only=FRAMES, progress=_progress)
    )
    findings = readiness(taken)
    if json:
        terminal.print_json(taken.coverage, "check", [f.to_json() for f in findings])
    else:
        terminal.print_findings(findings, "Everything a review needs can be read.")
    if not taken.manifest.reached:
        raise typer.Exit(3)


@app.command()
def collect(
    estate: EstatePath = None,
    url: Urls = None,
    history: HistoryDir = None,
    instance: Annotated[
        list[str] | None, typer.Option("--instance", help="Only this instance; repeatable.")
    ] = None,
    profile: Annotated[
        Profile,
        typer.Option("--profile", help="Everything, or counters alone for every few minutes."),
    ] = Profile.full,
    json: Json = False,
) -> None:
    """Take a snapshot of the estate into its history. Reads only; writes nothing to a server."""
    from workbench.collect.cost import cost
    from workbench.errors import UsageError
    from workbench.present import terminal
    from workbench.source import collect_reached, keep, stale

    source = _source(estate, url, history)
    loaded = source.load_estate()
    folder = source.history_folder(loaded)
    if folder is None:
        raise UsageError("name a folder for the snapshot with --history DIR: a URL has none")
    snapshot = collect_reached(
        loaded,
        instances=instance,
        profile=profile.value,
        previous=source.newest(loaded),
        progress=_progress,
    )
    path = keep(snapshot, folder)
    if json:
        terminal.print_json(
            snapshot.coverage,
            "collect",
            snapshot.summary() | {"path": str(path), "cost": cost(snapshot.manifest)},
        )
    else:
        terminal.print_collected(snapshot, path)
    if late := stale(folder, loaded):
        for line in late:
            _progress(line)
        raise typer.Exit(3)


@history_app.command("list")
def history_list(
    estate: EstatePath = None,
    history: HistoryDir = None,
    since: Since = None,
    until: Until = None,
    baseline: Baseline = None,
    json: Json = False,
) -> None:
    """List the snapshots: date, profile, what was reached, what is missing; baselines; epoch breaks."""
    from workbench.present import terminal

    source = _source(estate, None, history, since=since, until=until, baseline=baseline)
    found = source.open_or_empty()
    rows = [s.summary() for s in found]
    if json:
        terminal.print_json(found.coverage if found.collected else None, "history", rows)
    else:
        terminal.print_history(found)


@history_app.command("tag")
def history_tag(
    name: Annotated[str, typer.Argument(help="A name such as 2026-Q3.")],
    estate: EstatePath = None,
    history: HistoryDir = None,
    snapshot: SnapshotPath = None,
    note: Annotated[str, typer.Option("--note", help="What the baseline stands for.")] = "",
    json: Json = False,
) -> None:
    """Name the newest snapshot, or that of --snapshot, as a baseline; thinning keeps it."""
    from workbench.snapshot import load_snapshot, tag

    found, folder = _recorded(estate, history)
    chosen = load_snapshot(snapshot, found.estate) if snapshot else found.newest
    made = tag(folder, name, chosen, note)
    _say(json, made.to_json(), f"{name} is {made.snapshot}, of {made.at:%Y-%m-%d %H:%M} UTC")


@history_app.command("adopt")
def history_adopt(
    instance: Annotated[str, typer.Argument(help="The instance whose last break is joined.")],
    why: Annotated[str, typer.Option("--why", help="How you know that counters go on.")],
    estate: EstatePath = None,
    history: HistoryDir = None,
    who: Annotated[str | None, typer.Option("--who", help="Whose word it is; your login.")] = None,
    json: Json = False,
) -> None:
    """Join two epochs of an instance by your word: its counters are then differenced over the break."""
    from getpass import getuser

    from workbench.snapshot import adopt

    found, _ = _recorded(estate, history)
    made = adopt(found, instance, who=who or getuser(), why=why, when=datetime.now(UTC))
    document: dict[str, object] = {
        "instance": instance,
        "before": list(made.before),
        "after": list(made.after),
        "who": made.who,
        "why": why,
        "when": made.when.isoformat(),
    }
    _say(json, document, f"{instance}: the epochs are joined; `workbench history list` shows it")


@history_app.command("merge")
def history_merge(
    other: Annotated[Path, typer.Argument(help="Another history, or an estate's folder.")],
    estate: EstatePath = None,
    history: HistoryDir = None,
    json: Json = False,
) -> None:
    """Bring in what was collected elsewhere, on another network for one; parts of one night count as one."""
    from workbench.snapshot import merge

    _, folder = _recorded(estate, history)
    made = merge(folder, other)
    _say(json, made.to_json(), f"{len(made.added)} snapshots added, {made.known} were known")


@history_app.command("import")
def history_import(
    file: Annotated[Path, typer.Argument(help="Sizes or a provider's metrics.", metavar="CSV")],
    estate: EstatePath = None,
    history: HistoryDir = None,
    json: Json = False,
) -> None:
    """Take dated figures from a CSV file, all of them or none.

    Sizes: date, instance, database, bytes, and if wanted schema, table. Metrics: date, instance, metric,
    value, unit.
    """
    from workbench.snapshot import read_figures

    found, folder = _recorded(estate, history)
    taken = read_figures(file, found.estate, datetime.now(UTC))
    for snapshot in taken:
        snapshot.save(folder)
    rows = sum(p.rows for s in taken for p in s.manifest.parts)
    document: dict[str, object] = {"added": [s.manifest.id for s in taken], "figures": rows}
    _say(json, document, f"{rows} figures of {len(taken)} dates imported")


@history_app.command("thin")
def history_thin(
    estate: EstatePath = None,
    history: HistoryDir = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    json: Json = False,
) -> None:
    """Keep a reading a week of what is older than 90 days, and fewer pulses; never remove a baseline."""
    from workbench.snapshot import thin

    _, folder = _recorded(estate, history)
    made = thin(folder, dry=dry_run)
    would = "would go" if dry_run else "removed"
    text = f"{len(made.removed)} snapshots {would} ({made.bytes:,} bytes), {made.kept} stay"
    _say(json, made.to_json() | {"dry_run": dry_run}, text)


def _recorded(estate: Path | None, history: Path | None) -> tuple[History, Path]:
    """The history that --estate or --history names, and its folder."""
    from workbench.snapshot import load_history

    if estate is None and history is not None:  # the estate beside it, where there is one
        return load_history(history), history
    source = _source(estate, None, history)
    loaded = source.load_estate()
    folder = source.history_folder(loaded)
    assert folder is not None
    return load_history(folder, loaded), folder


def _say(json: bool, document: Mapping[str, object], text: str) -> None:
    from workbench.present import terminal

    if json:
        terminal.print_json(None, "history", document)
    else:
        sys.stdout.write(f"{text}\n")


@app.command()
def capacity(
    estate: EstatePath = None,
    url: Urls = None,
    history: HistoryDir = None,
    snapshot: SnapshotPath = None,
    since: Since = None,
    until: Until = None,
    baseline: Baseline = None,
    json: Json = False,
) -> None:
    """Sizes, growth and headroom, per instance, service, schema and table."""
    from workbench.analyse.capacity import capacity as analyse
    from workbench.present import terminal

    source = _source(estate, url, history, snapshot, since, until, baseline)
    found = analyse(source.open())
    if json:
        terminal.print_json(found.coverage, "capacity", found.rows())
    else:
        terminal.print_capacity(found)


@app.command()
def workload(
    estate: EstatePath = None,
    url: Urls = None,
    history: HistoryDir = None,
    snapshot: SnapshotPath = None,
    since: Since = None,
    until: Until = None,
    baseline: Baseline = None,
    json: Json = False,
) -> None:
    """Load per service, statements, and who touches whose data."""
    from workbench.analyse.workload import workload as analyse
    from workbench.analyse.workload_document import document
    from workbench.present import terminal, terminal_workload
    from workbench.snapshot import reader_beside, window_of

    source = _source(estate, url, history, snapshot, since, until, baseline)
    found = source.open()
    analysed = analyse(window_of(found), reader_beside(found.folder))
    if json:
        terminal.print_document(document(analysed))
    else:
        terminal_workload.print_workload(analysed)


@app.command()
def review(
    estate: EstatePath = None,
    url: Urls = None,
    history: HistoryDir = None,
    snapshot: SnapshotPath = None,
    until: Until = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Review the history as it stands; collect nothing.")
    ] = False,
    out: Annotated[Path, typer.Option("--out", help="Where reports go.", metavar="DIR")] = Path(
        "reports"
    ),
    timeout: Annotated[int, typer.Option(help="Seconds a notebook may take.")] = 600,
    json: Json = False,
) -> None:
    """Collect, run every notebook, and write the report; its path is printed last."""
    from workbench.review import review as run

    source = _source(estate, url, history, snapshot, until=until)
    _report(run(source, out, offline=offline, timeout=timeout, progress=_progress), json)


def _report(result: ReviewResult, json: bool) -> None:
    from workbench.present import terminal

    if json:
        terminal.print_json(result.coverage, "review", result.to_json())
    else:
        for line in (*result.late, *result.failures):
            _progress(line)
        sys.stdout.write(f"{result.index}\n")
    if result.exit_code:
        raise typer.Exit(result.exit_code)


@app.command()
def demo(
    name: Annotated[str, typer.Argument(help="A reference estate, such as marketplace.")],
    review: Annotated[bool, typer.Option("--review", help="Review it once, then stop.")] = False,
    days: Annotated[
        int | None, typer.Option("--days", help="Play only the first days.", min=1)
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option("--record", help="Keep the recorded history in this folder.", metavar="DIR"),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Where reports go.", metavar="DIR")] = Path(
        "reports"
    ),
    json: Json = False,
) -> None:
    """Build a reference estate on a private server, give it its days of load, and keep it running.

    Stops with Ctrl-C; nothing is left behind.
    """
    from workbench.lab.demo import play_demo
    from workbench.review import review as run

    with play_demo(name, days=days, record=record, progress=_progress) as estate:
        if review:
            _report(run(_source(estate.folder), out, offline=True, progress=_progress), json)
            return
        if record is not None:
            return
        for line in estate.invitation():
            _progress(line)
        with suppress(KeyboardInterrupt):
            signal.pause()


@app.command()
def lab(
    estate: EstatePath = None,
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Passed on to JupyterLab.", metavar="ARGUMENTS")
    ] = None,
) -> None:
    """Open JupyterLab on the notebooks, with the estate set."""
    from workbench.review import open_lab

    open_lab(estate, arguments or ())


if __name__ == "__main__":
    sys.exit(main())
