"""What refers to what: the answer, the map as a table, what is open, what differs; each one call in a notebook.

Every function takes a ``Bench``; the references are those of ``workbench.analyse.references``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import pandas as pd

from workbench.analyse.references import References
from workbench.model import COLUMN_KINDS, Reference, ReferenceEnd
from workbench.present.bench import Bench
from workbench.present.capacity import Headline
from workbench.present.tables import Column, Table
from workbench.present.text import brief, slug

KINDS = {
    "foreign_key": "foreign key",
    "declared": "declared",
    "join": "joined",
    "inferred": "inferred",
    "view": "view",
    "function": "function",
    "trigger": "trigger",
    "type": "type",
    "sequence": "sequence",
    "inheritance": "inheritance",
    "foreign_table": "foreign table",
    "publication": "publication",
}
"""What people call a kind of reference."""

_SHAPES = {"shared_key": "shared key", "natural_key": "natural key"}
_NOBODY = "no service"


def end_text(end: ReferenceEnd, *, schema: bool = True) -> str:
    """Return one end as a table shows it: relation and columns, or the object; ``schema`` writes its schema too.

    >>> end_text(ReferenceEnd("auth", "main", "d", "public", "users", ("id",)))
    'public.users.id'
    """
    named = end.table or end.object
    if named is None:
        return "somewhere in it"
    on = f", {end.object_kind} {end.object}" if end.table and end.object else ""
    name = end.relation if schema else named
    if len(end.columns) == 1:
        return f"{name}.{end.columns[0]}{on}"
    return f"{name}{' (' + ', '.join(end.columns) + ')' if end.columns else ''}{on}"


def _namer(bench: Bench) -> Callable[[ReferenceEnd], str]:
    """How this estate's ends are called beside their service: with their schema where the service has several."""
    tables = bench.references.structure.tables
    schemas = tables.groupby("service")[["instance", "database", "schema"]].nunique().max(axis=1)
    single = set(schemas.index[schemas == 1])
    return lambda end: end_text(end, schema=end.service not in single)


def references_answer(found: References) -> str:
    """Say in a sentence how many references cross services, what holds them, and what is open."""
    crossing = found.crossing
    of_columns = [r for r in crossing if r.kind in COLUMN_KINDS]
    keys = sum(r.kind == "foreign_key" for r in of_columns)
    pairs = {(r.source.service, r.target.service) for r in crossing if r.target}
    if not crossing:
        told = "No reference is seen to leave its service"
        if inside := sum(not r.crosses for r in found.accepted):
            told += f"; {_count(inside, 'stays', 'stay')} inside"
    else:
        held = {0: "none of them a foreign key", 1: "one of them a foreign key"}.get(
            keys, f"{keys:,} of them foreign keys"
        )
        told = f"{_count(len(crossing), 'reference crosses', 'references cross')} {_count(len(pairs), 'pair', 'pairs')} of services, {held}"
    hubs = found.graph.hubs
    hubs = hubs[hubs["services"] > 0]
    if not hubs.empty and hubs["services"].iloc[0] > 1:
        top = hubs.iloc[0]
        table = str(top["table"]).rpartition("/")[2]
        told += f"; {top['services']} services refer to {brief(table)}"
    open_ = len(found.unresolved)
    return f"{told}{f'; {open_:,} more are open' if open_ else ''}."


def headline(bench: Bench) -> Headline:
    """Say what crosses in one sentence, with its figures under it."""
    found = bench.references
    inside = sum(not r.crosses for r in found.accepted)
    figures = [
        (f"{len(found.crossing):,}", "references cross services"),
        (f"{inside:,}", "stay inside"),
        (f"{len(found.unresolved):,}", "open: a person knows"),
        (f"{len(found.differences):,}", "differ from the map"),
        (f"{len(found.graph.groups):,}", "circles of services"),
    ]
    return Headline(references_answer(found), figures)


_MAP = [
    Column("service", "From service", absent=_NOBODY),
    Column("source", "From", "name"),
    Column("target_service", "To service", absent=_NOBODY),
    Column("target", "To", "name"),
    Column("kind", "Kind"),
    Column("confidence", "Sure", "share"),
    Column("calls", "Calls", "count", absent="–"),
    Column("evidence", "Because", "list"),
]


def crossing_references(bench: Bench) -> Table:
    """Every accepted reference that leaves its service, but audit columns."""
    found = [r for r in bench.references.crossing if r.group != "audit"]
    return _map(bench, found, "No reference is seen to leave its service.")


def references_of(
    bench: Bench, service: str, *, outwards: bool, links: Mapping[str, str] | None = None
) -> Table:
    """The accepted references that leave a service, or that come from others; ``links`` are addresses of services' pages."""
    found = [
        r
        for r in bench.references.crossing
        if r.target is not None and (r.source if outwards else r.target).service == service
    ]
    seen = "It is not seen to refer to another service."
    table = _map(bench, found, seen if outwards else "No other service is seen to refer to it.")
    return replace(table, links=links or {})


def audit_references(bench: Bench) -> Table:
    """Columns that tell who made or changed a row, of another service's user."""
    found = [r for r in bench.references.crossing if r.group == "audit"]
    return _map(bench, found, "No audit column refers to another service.")


def inside_references(bench: Bench) -> Table:
    """References of columns inside one service, or where an end has no service."""
    kinds = COLUMN_KINDS - {"foreign_key"}
    found = [r for r in bench.references.accepted if not r.crosses and r.kind in kinds]
    return _map(bench, found, "No reference inside a service is without a foreign key.")


def _map(bench: Bench, found: Iterable[Reference], empty: str) -> Table:
    name = _namer(bench)
    frame = pd.DataFrame(
        [_row(r, name) for r in found],
        columns=[
            "service",
            "source",
            "target_service",
            "target",
            "kind",
            "confidence",
            "calls",
            "evidence",
            "id",
        ],
    )
    order = ["service", "target_service", "source", "target"]
    frame = frame.sort_values(order, ignore_index=True, na_position="last")
    return Table(frame, _MAP, empty=empty, limit=400, colours=bench.colours, ids="id")


def _row(reference: Reference, name: Callable[[ReferenceEnd], str]) -> tuple[object, ...]:
    target = reference.target
    kind = KINDS[reference.kind]
    if reference.shape not in ("plain", "self"):
        kind += f", {_SHAPES.get(reference.shape, reference.shape)}"
    return (
        reference.source.service,
        name(reference.source),
        target.service if target else None,
        name(target) if target else None,
        kind,
        reference.confidence,
        reference.calls,
        reference.evidence,
        slug("reference", reference.key),
    )


def unresolved(bench: Bench) -> Table:
    """Columns that several tables fit, or one not surely enough: nothing is drawn for them until somebody says which."""
    name = _namer(bench)
    rows = [
        {
            "service": r.source.service,
            "source": name(r.source),
            "candidates": tuple(
                f"{c.target.service or _NOBODY}: {name(c.target)} ({c.confidence:.2f})"
                for c in r.candidates
            ),
            "evidence": r.evidence,
        }
        for r in bench.references.unresolved
    ]
    columns = [
        Column("service", "Service", absent=_NOBODY),
        Column("source", "Column", "name"),
        Column("candidates", "May mean", "list"),
        Column("evidence", "Because", "list"),
    ]
    frame = pd.DataFrame(rows, columns=["service", "source", "candidates", "evidence"])
    frame = frame.sort_values(["service", "source"], ignore_index=True)
    empty = "Every column that looks like a reference has one table that it fits."
    return Table(frame, columns, empty=empty, limit=400, colours=bench.colours)


def differences(bench: Bench) -> Table:
    """Where the map in the estate's files lacks, contradicts or outlives what is there."""
    words = {
        "reference-map-contradicted": "contradicted",
        "reference-map-missing": "missing",
        "reference-map-stale": "stale",
    }
    rows = [(words[f.rule], f.detail, f.remediation) for f in bench.references.differences]
    frame = pd.DataFrame(rows, columns=["rule", "detail", "remediation"])
    columns = [
        Column("rule", "The map is"),
        Column("detail", "What differs"),
        Column("remediation", "Next step"),
    ]
    kept = any(not row.rejected for row in bench.estate.references)
    empty = (
        "The map says what is there."
        if kept
        else "The estate keeps no map: write [[references]] rows, in references.toml for instance."
    )
    return Table(frame, columns, empty=empty, limit=400)


def hubs(bench: Bench) -> Table:
    """Tables that other services refer to."""
    frame = bench.references.graph.hubs
    frame = frame[frame["services"] > 0]
    columns = [
        Column("service", "Service", absent=_NOBODY),
        Column("table", "Table", "name"),
        Column("services", "Services that refer to it", "count"),
        Column("tables", "Tables", "count"),
        Column("references", "References", "count"),
    ]
    frame = frame.assign(table=[str(t).rpartition("/")[2] for t in frame["table"]])
    empty = "No table is referred to from outside its service."
    return Table(frame, columns, empty=empty, limit=20, colours=bench.colours)


def circles(bench: Bench) -> Table:
    """Services that refer to each other in circles, and those that the server itself holds together."""
    graph = bench.references.graph
    rows = [("circle", c, "each refers to the next, the last to the first") for c in graph.cycles]
    rows += [
        ("group", g, "every one reaches every other: no order of moves leaves none behind")
        for g in graph.groups
        if len(g) > 2
    ]
    rows += [
        ("bound", g, "foreign keys, views, types or code tie them: cut these first, or move all")
        for g in graph.together
    ]
    frame = pd.DataFrame(rows, columns=["kind", "services", "because"])
    columns = [
        Column("kind", "Kind"),
        Column("services", "Services", "list"),
        Column("because", "What that means"),
    ]
    return Table(frame, columns, empty="No services refer to each other in a circle.", limit=40)


def isolation(bench: Bench) -> Table:
    """How much of each service's references stays inside it."""
    frame = bench.references.graph.isolation
    frame = frame.assign(because="nothing refers to it and it refers to nothing")
    columns = [
        Column("service", "Service"),
        Column("inside", "Inside", "count"),
        Column("out", "To others", "count"),
        Column("in", "From others", "count"),
        Column("isolation", "Stays inside", "share"),
    ]
    return Table(frame, columns, empty="No service has a table.", colours=bench.colours)


def orphans(bench: Bench) -> Table:
    """Tables that refer to nothing and that nothing refers to."""
    rows = [(e.service, e.relation) for e in bench.references.graph.orphans]
    frame = pd.DataFrame(rows, columns=["service", "table"])
    columns = [Column("service", "Service", absent=_NOBODY), Column("table", "Table", "name")]
    return Table(
        frame,
        columns,
        empty="Every table refers to another or is referred to.",
        limit=100,
        colours=bench.colours,
    )


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
