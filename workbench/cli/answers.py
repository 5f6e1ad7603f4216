"""The commands that answer from a history, and collect nothing."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

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

app = typer.Typer()


class DiagramFormat(StrEnum):
    """How a diagram is written."""

    svg = "svg"
    png = "png"
    pdf = "pdf"
    dot = "dot"
    mermaid = "mermaid"


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
def diff(
    first: Annotated[
        str | None,
        typer.Argument(
            help="A baseline, a day, a snapshot's file or a report's folder; the review before unless given, else "
            "the newest baseline or the first reading.",
            metavar="A",
        ),
    ] = None,
    second: Annotated[
        str | None, typer.Argument(help="Another, later one; the newest reading.", metavar="B")
    ] = None,
    estate: EstatePath = None,
    history: HistoryDir = None,
    reports: Annotated[
        Path, typer.Option("--reports", help="Where reports are.", metavar="DIR")
    ] = Path("reports"),
    json: Json = False,
) -> None:
    """What changed from A to B: verdicts, limits, crossings, references, services, tables, sizes."""
    from workbench.decide.changes import changes
    from workbench.decide.evidence import Evidence
    from workbench.decide.seen import Seen
    from workbench.present import terminal, terminal_changes
    from workbench.review.publish import before_this
    from workbench.snapshot import begin_of, find_moment

    whole = source_of(estate, None, history).open()
    now = whole if second is None else whole.between(until=find_moment(whole, second).at)
    if first is None:
        review = before_this(reports, now)
        first = str(review) if review is not None else None
    moment = begin_of(now) if first is None else find_moment(whole, first)
    accepted = Seen.from_json(moment.tag.seen) if moment.tag is not None else None
    found = changes(Evidence(whole.between(until=moment.at)), Evidence(now), accepted)
    if json:
        terminal.print_json(now.coverage, "diff", found.to_json())
    else:
        terminal_changes.print_changes(found, moment.name)


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
