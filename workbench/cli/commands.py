"""The commands. Each reads its options, calls one function, and prints what it returns."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.history import app as history_app
from workbench.cli.options import (
    Baseline,
    Check,
    EstatePath,
    HistoryDir,
    Json,
    Since,
    SnapshotPath,
    Until,
    Urls,
    progress,
    source_of,
)

if TYPE_CHECKING:
    from workbench.review import ReviewResult

app = typer.Typer(
    name="workbench",
    help="The data architecture of PostgreSQL estates: what is there, how it grows, who touches whose data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(history_app, name="history")


class Profile(StrEnum):
    """How much a collection takes."""

    full = "full"
    pulse = "pulse"


class DiagramFormat(StrEnum):
    """How a diagram is written."""

    svg = "svg"
    png = "png"
    pdf = "pdf"
    dot = "dot"
    mermaid = "mermaid"


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
    found = discover(url, progress=progress)
    if output is None:
        sys.stdout.write(draft_text(found))
        return
    output.write_text(update_file(output, found) if update else draft_text(found), "utf-8")
    progress(f"wrote {output}; next: workbench check --estate {output}")


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

    source = source_of(estate, url, snapshot=snapshot)
    if dossier is not None:
        from workbench.collect.dossier import dossier as write

        held = load_snapshot(snapshot, source.load_estate()) if snapshot else None
        found = readiness(held) if held else ()
        dossier.write_text(write(source.load_estate(), found), "utf-8")
        more = "" if held else "; add --snapshot PATH for what was missing then"
        progress(
            f"wrote {dossier}: the login's SQL, every query, what is withheld; no server was asked{more}"
        )
        return
    taken = (
        load_snapshot(snapshot, source.load_estate())
        if snapshot
        else collect(source.load_estate(), only=FRAMES, progress=progress)
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
    sample: Annotated[
        str | None,
        typer.Option(
            "--sample",
            help="First look at sessions and locks for so long: 30s, or 2m; 30s@5 for 5 looks a second (1 to 20; 10).",
            metavar="TIME",
        ),
    ] = None,
    wal_max: Annotated[str, typer.Option(help="How much WAL to read; 0 for none.")] = "256MB",
    json: Json = False,
) -> None:
    """Take a snapshot of the estate into its history. Reads only; writes nothing to a server."""
    from workbench.collect.cost import cost
    from workbench.collect.samples import LOOKS_PER_S, read_sampling
    from workbench.collect.wal import read_size
    from workbench.errors import UsageError
    from workbench.present import terminal
    from workbench.source import collect_reached, keep, stale

    sampling = read_sampling(sample) if sample is not None else None
    source = source_of(estate, url, history)
    loaded = source.load_estate()
    folder = source.history_folder(loaded)
    if folder is None:
        raise UsageError("name a folder for the snapshot with --history DIR: a URL has none")
    snapshot = collect_reached(
        loaded,
        instances=instance,
        profile=profile.value,
        previous=source.newest(loaded) if profile is Profile.full else None,
        sample_s=sampling and sampling.seconds,
        looks_per_s=sampling.looks_per_s if sampling else LOOKS_PER_S,
        wal_max=read_size(wal_max),
        progress=progress,
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
            progress(line)
        raise typer.Exit(3)


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
    from workbench.analyse.health import Health
    from workbench.present import terminal

    opened = source_of(estate, url, history, snapshot, since, until, baseline).open()
    found = analyse(opened)
    if json:
        rows = [*found.rows(), *Health(opened).rows()]
        terminal.print_json(found.coverage, "capacity", rows)
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
    check: Check = False,
    json: Json = False,
) -> None:
    """Load per service, statements, and who touches whose data.

    With --check, red is a crossing that was never seen up to the newest baseline, until a later baseline or an
    exemption accepts it, or it is gone.
    """
    from workbench.analyse.workload import workload as analyse
    from workbench.analyse.workload_document import document
    from workbench.present import terminal, terminal_check, terminal_workload
    from workbench.snapshot import reader_beside, window_of

    source = source_of(estate, url, history, snapshot, since, until, baseline)
    found = source.open()
    analysed = analyse(window_of(found), reader_beside(found.folder))
    checked = None
    if check:
        from workbench.decide.check import check_workload
        from workbench.source import late, since_its_beginning

        checked = check_workload(
            analysed,
            since_its_beginning(source, found),
            baseline=baseline,
            stale=late(source, found),
        )
    if json:
        terminal.print_document(
            document(analysed) | ({"check": checked.to_json()} if checked else {})
        )
    else:
        terminal_workload.print_workload(analysed)
    if checked:
        if not json:
            terminal_check.print_check(checked)
        if checked.exit_code:
            raise typer.Exit(checked.exit_code)


@app.command()
def references(
    estate: EstatePath = None,
    url: Urls = None,
    history: HistoryDir = None,
    snapshot: SnapshotPath = None,
    since: Since = None,
    until: Until = None,
    baseline: Baseline = None,
    json: Json = False,
) -> None:
    """What refers to what across services: keys, views, code, joins, the estate's map, and what names suggest."""
    from workbench.analyse.references import references as analyse
    from workbench.analyse.statements import attribute
    from workbench.present import terminal, terminal_references
    from workbench.snapshot import reader_beside, window_of

    opened = source_of(estate, url, history, snapshot, since, until, baseline).open()
    seen = attribute(window_of(opened), reader_beside(opened.folder))
    found = analyse(opened.newest, seen)
    if json:
        terminal.print_document(found.to_json())
    else:
        terminal_references.print_references(found)


@app.command()
def verdicts(
    estate: EstatePath = None,
    url: Urls = None,
    history: HistoryDir = None,
    snapshot: SnapshotPath = None,
    since: Since = None,
    until: Until = None,
    baseline: Baseline = None,
    what_if: Annotated[
        str | None,
        typer.Option(
            "--what-if",
            help="What breaks, and what is relieved, if these services move together: order,inventory.",
            metavar="SERVICES",
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Exit with 1 where a limit is newly crossed: since --baseline, or without an exemption.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Limits and how they stand, a verdict for each service with its reasons, what would break if it moved."""
    from dataclasses import replace

    from workbench.decide.evidence import Evidence
    from workbench.decide.verdicts import moves_of
    from workbench.decide.verdicts import verdicts as analyse
    from workbench.present import terminal, terminal_verdicts

    opened = source_of(estate, url, history, snapshot, since, until, baseline).open()
    evidence = Evidence(opened)
    asked = None
    if what_if is not None:
        names = [name.strip() for name in what_if.split(",") if name.strip()]
        asked = moves_of(evidence).what_if(names)
    found = replace(analyse(evidence), what_if=asked)
    if json:
        terminal.print_document(found.to_json())
    else:
        terminal_verdicts.print_verdicts(found)
    new = (
        found.newly_crossed(evidence.estate, opened.snapshots[0].at if baseline else None)
        if check
        else ()
    )
    for status in new:
        progress(f"crossed: {status.key}")
    if new:
        raise typer.Exit(1)


@app.command()
def diagram(
    estate: EstatePath = None,
    url: Urls = None,
    history: HistoryDir = None,
    snapshot: SnapshotPath = None,
    until: Until = None,
    service: Annotated[
        str | None, typer.Option("--service", help="The tables of this service.", metavar="NAME")
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(
            "--table",
            help="What surrounds this table: SERVICE.TABLE or SCHEMA.TABLE.",
            metavar="NAME",
        ),
    ] = None,
    distance: Annotated[
        int, typer.Option("--distance", help="How many references around --table.", min=1, max=2)
    ] = 1,
    whole: Annotated[
        bool, typer.Option("--whole", help="Every table of the estate: a poster, not a page.")
    ] = False,
    audit: Annotated[
        bool, typer.Option("--audit", help="Also the columns that tell who changed a row.")
    ] = False,
    format: Annotated[
        DiagramFormat | None,
        typer.Option("--format", help="Unless the ending of -o says it; svg where nothing does."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the file here.", metavar="PATH")
    ] = None,
) -> None:
    """Draw which services refer to which; or one service's tables, or what surrounds a table."""
    from workbench.errors import UsageError
    from workbench.present import Bench
    from workbench.present import reference_figures as draw

    ending = output.suffix.lstrip(".") if output is not None else ""
    known = {"mmd": "mermaid", "gv": "dot"}.get(ending, ending)
    wanted = format or (DiagramFormat(known) if known in set(DiagramFormat) else DiagramFormat.svg)
    if output is None and wanted in (DiagramFormat.png, DiagramFormat.pdf):
        raise UsageError(f"{wanted.value} is no text: name a file with -o diagram.{wanted.value}")
    if sum((service is not None, table is not None, whole)) > 1:
        raise UsageError("ask for one of --service, --table and --whole")
    bench = Bench(source_of(estate, url, history, snapshot, until=until).open())
    if service is not None:
        drawn = draw.service_schema(bench, service, audit=audit)
    elif table is not None:
        drawn = draw.around(bench, table, distance)
    else:
        drawn = draw.whole_estate(bench) if whole else draw.service_graph(bench, audit=audit)
    if wanted is DiagramFormat.dot:
        made = drawn.dot.encode()
    elif wanted is DiagramFormat.mermaid:
        made = drawn.mermaid().encode()
    else:
        made = drawn.render(wanted.value)  # type: ignore[arg-type]
    if output is None:
        sys.stdout.write(made.decode())
    else:
        output.write_bytes(made)
        progress(f"wrote {output}: {drawn.title}")


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

    source = source_of(estate, url, history, snapshot, until=until)
    _report(run(source, out, offline=offline, timeout=timeout, progress=progress), json)


def _report(result: ReviewResult, json: bool) -> None:
    from workbench.present import terminal

    if json:
        terminal.print_json(result.coverage, "review", result.to_json())
    else:
        for line in (*result.late, *result.failures):
            progress(line)
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

    with play_demo(name, days=days, record=record, progress=progress) as estate:
        if review:
            _report(run(source_of(estate.folder), out, offline=True, progress=progress), json)
            return
        if record is not None:
            return
        for line in estate.invitation():
            progress(line)
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
