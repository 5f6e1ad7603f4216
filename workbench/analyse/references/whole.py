"""All references of an estate: what catalogues, people and statements say, and what names suggest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from workbench.analyse.attribution import attributor
from workbench.analyse.catalogue import Catalogue
from workbench.analyse.references import code, elsewhere, tables
from workbench.analyse.references.columns import ColumnReferences
from workbench.analyse.references.differences import differences
from workbench.analyse.references.graph import Graph
from workbench.analyse.references.objects import Objects
from workbench.analyse.references.seen import seen_joins
from workbench.analyse.references.structure import Structure, read_structure
from workbench.analyse.references.written import read_written
from workbench.analyse.statements import Attributed, attribute, majors_of
from workbench.model import Coverage, Finding, Reference
from workbench.snapshot import History, Snapshot, window_of
from workbench.sql import read_statement


@dataclass(frozen=True)
class References:
    """The references of one snapshot, sorted by key; ``differences`` from the map that people keep, if they do."""

    structure: Structure
    references: tuple[Reference, ...]
    differences: tuple[Finding, ...]
    coverage: Coverage

    @cached_property
    def accepted(self) -> tuple[Reference, ...]:
        """Those that hold."""
        return tuple(r for r in self.references if r.status == "accepted")

    @cached_property
    def unresolved(self) -> tuple[Reference, ...]:
        """Those with several candidates, none of them much better than the next."""
        return tuple(r for r in self.references if r.status == "unresolved")

    @cached_property
    def crossing(self) -> tuple[Reference, ...]:
        """Accepted ones that leave their service."""
        return tuple(r for r in self.accepted if r.crosses)

    @cached_property
    def graph(self) -> Graph:
        """The accepted references as graphs of services and tables."""
        return Graph(self.structure, self.accepted)

    def to_json(self) -> dict[str, object]:
        """Return the document of the command: every reference, and where the map differs."""
        return {
            "coverage": self.coverage.to_json(),
            "references": [r.to_json() for r in self.references],
            "differences": [f.to_json() for f in self.differences],
        }


def references(snapshot: Snapshot, attributed: Attributed | None = None) -> References:
    """Return every reference of a snapshot.

    ``attributed`` are the statements whose joins are looked at; by default those that the snapshot itself
    holds. The same snapshot and estate give the same references, in the same order.

    >>> from workbench import load_history, reference_estate
    >>> found = references(load_history(reference_estate("hauspet-small") / "history").newest)
    >>> "type" in {r.kind for r in found.accepted}
    True
    """
    if attributed is None:
        attributed = attribute(window_of(History(snapshot.estate, (snapshot,))))
    structure = read_structure(snapshot)
    objects = Objects(snapshot, structure)
    catalogue = Catalogue(snapshot)
    reader = attributor(catalogue, majors_of(attributed.window), read_statement, ())
    written = read_written(snapshot.settled, structure)
    keys = tuple(dict.fromkeys(tables.foreign_keys(objects)))
    columns = ColumnReferences(objects, keys, written, seen_joins(attributed, structure))
    found = [
        *columns.references(),
        *tables.views(objects),
        *tables.inheritance(objects),
        *tables.sequences(objects),
        *code.triggers(objects),
        *code.rules(objects, reader),
        *code.bodies(objects, reader),
        *code.called_by_views(objects),
        *code.dependencies(objects),
        *elsewhere.foreign_tables(objects, catalogue),
        *elsewhere.publications(objects),
        *elsewhere.subscriptions(objects),
    ]
    every = _merged(found)
    accepted = [r for r in every if r.status == "accepted"]
    differing = differences(written, accepted, columns.suggested)
    return References(structure, every, differing, snapshot.coverage)


def _merged(found: Iterable[Reference]) -> tuple[Reference, ...]:
    """One reference for each key, kind and status, the surest, with the evidence of all; sorted by those."""
    groups: dict[tuple[str, str, str], list[Reference]] = {}
    for reference in found:
        place = (reference.key, reference.kind, reference.status)
        groups.setdefault(place, []).append(reference)
    return tuple(_surest(groups[place]) for place in sorted(groups))


def _surest(group: list[Reference]) -> Reference:
    if len(group) == 1:
        return group[0]
    ranked = sorted(group, key=lambda r: (-r.confidence, r.evidence))
    said = dict.fromkeys(line for r in ranked for line in r.evidence)
    return replace(ranked[0], evidence=tuple(said))
