"""Diagrams of an estate's references, each one call in a notebook or command; see ``workbench.present.diagrams``."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.errors import UsageError
from workbench.estate.names import nearest
from workbench.model import ReferenceEnd
from workbench.present.bench import Bench
from workbench.present.diagrams import (
    Diagram,
    er_diagram,
    estate_diagram,
    neighbourhood,
    service_diagram,
)
from workbench.present.text import escape

MOST_SERVICES = 24
"""Schemas on one page; those with most references across services come first."""


@dataclass(frozen=True)
class Folded:
    """Diagrams one below the other, each folded under its service's name, for a notebook or page."""

    diagrams: tuple[tuple[str, Diagram], ...]
    more: int = 0

    def _repr_html_(self) -> str:
        parts = [
            f'<details class="wb-diagrams"><summary>{escape(diagram.title)}</summary>'
            f"{diagram.html()}</details>"
            for _, diagram in self.diagrams
        ]
        if self.more:
            parts.append(
                f'<p class="wb-more">+{self.more} more services: workbench diagram --service NAME</p>'
            )
        return "\n".join(parts) or '<p class="wb-empty">No service has a table.</p>'

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {diagram.title}" for name, diagram in self.diagrams)


def service_graph(bench: Bench, *, audit: bool = False) -> Diagram:
    """Draw which services refer to which."""
    found = bench.references
    return service_diagram(found.accepted, bench.estate.services, bench.colours, audit=audit)


def service_schema(bench: Bench, service: str, *, audit: bool = False) -> Diagram:
    """Draw the keys and reference columns of a service's tables; EstateError for an unknown service."""
    name = bench.estate.service(service).name
    found = bench.references
    return er_diagram(found.structure, found.accepted, name, bench.colours, audit=audit)


def service_schemas(bench: Bench) -> Folded:
    """Draw the tables of every service, folded; those that refer most across services first."""
    tables = bench.references.structure.tables
    held = {s for s in tables["service"] if s is not None}
    ranked = bench.references.graph.isolation.assign(
        abroad=lambda f: f["out"] + f["in"]
    ).sort_values(["abroad", "service"], ascending=[False, True])
    services = [s for s in ranked["service"] if s in held]
    shown = tuple((s, service_schema(bench, s)) for s in services[:MOST_SERVICES])
    return Folded(shown, len(services) - len(shown))


def around(bench: Bench, table: str, distance: int = 1) -> Diagram:
    """Draw what is at most ``distance`` references (1 or 2) from a table: ``SERVICE.TABLE`` or ``SCHEMA.TABLE``.

    UsageError where no table, or more than one, is called so.
    """
    found = bench.references
    number = _number(bench, table)
    return neighbourhood(found.structure, found.accepted, number, distance, bench.colours)


def hub_neighbourhood(bench: Bench) -> Diagram | str:
    """Draw what surrounds the table that most services refer to."""
    found = bench.references
    hubs = found.graph.hubs
    if hubs.empty:
        return "No table is referred to."
    number = int(found.graph.tables.nodes[hubs["table"].iloc[0]]["number"])
    return neighbourhood(found.structure, found.accepted, number, 1, bench.colours)


def whole_estate(bench: Bench) -> Diagram:
    """Draw every table of the estate: a poster, not a page."""
    found = bench.references
    return estate_diagram(found.structure, found.accepted, bench.colours)


def _number(bench: Bench, table: str) -> int:
    structure = bench.references.structure
    names: dict[str, list[int]] = {}
    for number in range(len(structure.tables)):
        for name in _names(structure.end(number)):
            names.setdefault(name, []).append(number)
    found = names.get(table, [])
    if not found:
        raise UsageError(f"no table is called {table!r}; {nearest(table, sorted(names))}")
    if len(found) > 1:
        places = ", ".join(sorted(structure.end(n).path for n in found))
        raise UsageError(f"{table!r} is {len(found)} tables: {places}; write one of these")
    return found[0]


def _names(end: ReferenceEnd) -> set[str]:
    """What people may call a table."""
    return {end.path, end.relation, end.table or "", f"{end.service}.{end.table}"}
