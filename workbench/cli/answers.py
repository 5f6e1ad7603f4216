"""The commands that answer from a history, and collect nothing."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from workbench.decide.check import Check as Checked

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
    from workbench.present import terminal, terminal_workload
    from workbench.snapshot import reader_beside, window_of

    source = source_of(estate, url, history, snapshot, since, until, baseline)
    found = source.open()
    analysed = analyse(window_of(found), reader_beside(found.folder))
    checked = None
    if check:
        from workbench.decide.news import check_workload
        from workbench.source import late, since_its_beginning

        whole, stale = since_its_beginning(source, found), late(source, found)
        checked = check_workload(analysed, whole, baseline=baseline, stale=stale)
    if json:
        terminal.print_document(document(analysed) | _of(checked))
    else:
        terminal_workload.print_workload(analysed)
    _end(checked, json)


@app.command()
def references(
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
    """What refers to what across services: keys, views, code, joins, the estate's map, and what names suggest.

    With --check, red is a reference across services that was never seen up to the newest baseline, until a later
    baseline or an exemption accepts it, or it is gone.
    """
    from workbench.analyse.references import references as analyse
    from workbench.analyse.statements import attribute
    from workbench.present import terminal, terminal_references
    from workbench.snapshot import reader_beside, window_of

    source = source_of(estate, url, history, snapshot, since, until, baseline)
    opened = source.open()
    seen = attribute(window_of(opened), reader_beside(opened.folder))
    found = analyse(opened.newest, seen)
    checked = None
    if check:
        from workbench.decide.news import check_references
        from workbench.source import late, since_its_beginning

        whole, stale = since_its_beginning(source, opened), late(source, opened)
        checked = check_references(found, whole, baseline=baseline, stale=stale)
    if json:
        terminal.print_document(found.to_json() | _of(checked))
    else:
        terminal_references.print_references(found)
    _end(checked, json)


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
    check: Check = False,
    json: Json = False,
) -> None:
    """Limits and how they stand, a verdict for each service with its reasons, what would break if it moved.

    With --check, red is a limit crossed since the newest baseline, a written one or a hard one of the project's own,
    until a later baseline or an exemption accepts it, or it is no longer crossed.
    """
    from dataclasses import replace

    from workbench.decide.designs import designs
    from workbench.decide.evidence import Evidence
    from workbench.decide.verdicts import moves_of
    from workbench.decide.verdicts import verdicts as analyse
    from workbench.present import terminal, terminal_verdicts

    source = source_of(estate, url, history, snapshot, since, until, baseline)
    opened = source.open()
    evidence = Evidence(opened)
    asked = None
    if what_if is not None:
        names = [name.strip() for name in what_if.split(",") if name.strip()]
        asked = moves_of(evidence).what_if(names)
    found = replace(analyse(evidence), what_if=asked)
    checked = None
    if check:
        from workbench.decide.news import check_limits
        from workbench.source import late, since_its_beginning

        whole, stale = since_its_beginning(source, opened), late(source, opened)
        checked = check_limits(found.statuses, whole, baseline=baseline, stale=stale)
    if json:
        held = designs(evidence).to_json()
        terminal.print_document(found.to_json() | {"designs": held} | _of(checked))
    else:
        terminal_verdicts.print_verdicts(found)
    _end(checked, json)


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
        int,
        typer.Option(
            "--distance",
            help="How many references around --table.",
            metavar="1|2",
            min=1,
            max=2,
        ),
    ] = 1,
    whole: Annotated[
        bool, typer.Option("--whole", help="Every table of the estate: a poster, not a page.")
    ] = False,
    audit: Annotated[
        bool, typer.Option("--audit", help="Also the columns that tell who changed a row.")
    ] = False,
    format: Annotated[
        DiagramFormat | None,
        typer.Option(
            "--format",
            help="Unless the ending of -o says it; svg where nothing does.",
            metavar="|".join(DiagramFormat),
        ),
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


def _of(checked: Checked | None) -> dict[str, object]:
    """What a check adds to a document."""
    return {} if checked is None else {"check": checked.to_json()}


def _end(checked: Checked | None, json: bool) -> None:
    """Print a check below its answer, and end with its exit code."""
    if checked is None:
        return
    if not json:
        from workbench.present import terminal_check

        terminal_check.print_check(checked)
    if checked.exit_code:
        raise typer.Exit(checked.exit_code)
