"""The references as graphs: services and tables, hubs, cycles, what must move together, what stands alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import networkx as nx
import pandas as pd

from workbench.analyse.references.structure import Structure
from workbench.model import Reference, ReferenceEnd, ReferenceKind

BINDING: frozenset[ReferenceKind] = frozenset(
    ("foreign_key", "trigger", "type", "sequence", "inheritance", "view", "function")
)
"""Kinds that the server itself holds together inside one database: they break where one side moves alone."""

LONGEST_CYCLE = 6
"""Cycles over more services than that are told as the group they are in, not one by one."""


@dataclass(frozen=True)
class Graph:
    """Accepted references as graphs (networkx).

    ``services``: a node per service, an edge for each pair of them with ``references`` (how many),
    ``kinds`` (how many of each kind) and ``calls``. Audit columns count apart, as ``audit``.
    ``tables``: a node per table by its path, an edge for each pair, likewise; its own table included.
    """

    structure: Structure
    references: tuple[Reference, ...]

    @cached_property
    def services(self) -> nx.DiGraph[str]:
        """References between services."""
        named = {s for s in self.structure.tables["service"] if s is not None}
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(sorted(named))
        for reference in self.references:
            if pair := _pair(reference):
                _add(graph, *pair, reference)
        return graph

    @cached_property
    def tables(self) -> nx.DiGraph[str]:
        """References between relations."""
        structure = self.structure
        graph: nx.DiGraph[str] = nx.DiGraph()
        for number, standing in enumerate(structure.tables["standing"]):
            if standing != "platform":
                end = structure.end(number)
                graph.add_node(end.path, number=number, service=end.service)
        for reference in self.references:
            target = reference.target
            if target is not None and reference.source.table and target.table:
                _add(graph, _table(reference.source), _table(target), reference)
        return graph

    @cached_property
    def crossings(self) -> pd.DataFrame:
        """One row per pair of services and kind: source, target, kind, references, audit (of them), calls."""
        rows: dict[tuple[str, str, str], list[int]] = {}
        for reference in self.references:
            if pair := _pair(reference):
                row = rows.setdefault((*pair, reference.kind), [0, 0, 0])
                row[0] += 1
                row[1] += reference.group == "audit"
                row[2] += reference.calls or 0
        columns = ["source", "target", "kind", "references", "audit", "calls"]
        return pd.DataFrame([(*key, *row) for key, row in sorted(rows.items())], columns=columns)

    @cached_property
    def hubs(self) -> pd.DataFrame:
        """Relations that others refer to, those of most services first: table (path), service, services, tables, references.

        ``services`` and ``tables`` count who refers to it from outside its service and from other relations.
        """
        rows = []
        graph = self.tables
        for path in graph:
            mine = graph.nodes[path].get("service")
            others = [p for p in graph.predecessors(path) if p != path]
            services = {graph.nodes[p].get("service") for p in others} - {mine, None}
            count = sum(graph.edges[p, path]["references"] for p in others)
            if others:
                rows.append((path, mine, len(services), len(others), count))
        columns = ["table", "service", "services", "tables", "references"]
        found = pd.DataFrame(rows, columns=columns)
        order = ["services", "references", "table"]
        return found.sort_values(order, ascending=[False, False, True], ignore_index=True)

    @cached_property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Services that refer to each other in circles: strongly connected, more than one each; largest first."""
        found = (tuple(sorted(g)) for g in nx.strongly_connected_components(self.services))
        return tuple(sorted((g for g in found if len(g) > 1), key=lambda g: (-len(g), g)))

    @cached_property
    def cycles(self) -> tuple[tuple[str, ...], ...]:
        """For each service in a circle a shortest one through it, over at most ``LONGEST_CYCLE``; each once, shortest first."""
        found: set[tuple[str, ...]] = set()
        for group in self.groups:
            inside = self.services.subgraph(group)
            for service in group:
                back = sorted(inside.predecessors(service))
                paths = nx.single_source_shortest_path(inside, service)
                around = min((paths[p] for p in back if p in paths), key=lambda p: (len(p), p))
                if len(around) <= LONGEST_CYCLE:
                    first = around.index(min(around))
                    found.add(tuple(around[first:] + around[:first]))
        return tuple(sorted(found, key=lambda c: (len(c), c)))

    @cached_property
    def layers(self) -> tuple[tuple[str, ...], ...]:
        """Services by how many others they build on: the first refer to none; circles are in one layer together."""
        whole = nx.condensation(self.services)
        return tuple(
            tuple(sorted(s for n in layer for s in whole.nodes[n]["members"]))
            for layer in nx.topological_generations(whole.reverse())
        )

    @cached_property
    def together(self) -> tuple[tuple[str, ...], ...]:
        """Services that the server itself binds (see ``BINDING``): to move one, its ties are cut or all move."""
        graph: nx.Graph[str] = nx.Graph()
        for reference in self.references:
            pair = _pair(reference)
            if pair and reference.kind in BINDING:
                graph.add_edge(*pair)
        found = (tuple(sorted(g)) for g in nx.connected_components(graph))
        return tuple(sorted(found, key=lambda g: (-len(g), g)))

    @cached_property
    def isolation(self) -> pd.DataFrame:
        """One row per service: service, inside, out, in (references), isolation (the share that stays inside; NA without any).

        Audit columns are left out: nearly every table has them.
        """
        inside: dict[str, list[int]] = {s: [0, 0, 0] for s in self.services}
        for reference in self.references:
            target = reference.target
            mine, other = reference.source.service, target.service if target else None
            if reference.group == "audit" or mine is None or other is None:
                continue
            if mine == other:
                inside[mine][0] += 1
            else:
                inside[mine][1] += 1
                inside.setdefault(other, [0, 0, 0])[2] += 1
        rows = [
            (service, *counts, counts[0] / sum(counts) if sum(counts) else None)
            for service, counts in sorted(inside.items())
        ]
        return pd.DataFrame(rows, columns=["service", "inside", "out", "in", "isolation"])

    @cached_property
    def orphans(self) -> tuple[ReferenceEnd, ...]:
        """Tables that refer to nothing and that nothing refers to, views aside."""
        tables = (n for n in self.tables if not self.tables.degree(n))
        numbers = [self.tables.nodes[n]["number"] for n in tables]
        kinds = self.structure.tables["relkind"]
        return tuple(self.structure.end(n) for n in numbers if kinds[n] in ("r", "p", "f"))

    def near(self, table: int, distance: int) -> frozenset[int]:
        """Return the tables (numbers) at most ``distance`` references away, in either direction; itself included."""
        path = self.structure.end(table).path
        found = nx.single_source_shortest_path_length(
            self.tables.to_undirected(as_view=True), path, cutoff=distance
        )
        numbers = (self.tables.nodes[n].get("number") for n in found)
        return frozenset(n for n in numbers if n is not None)


def _pair(reference: Reference) -> tuple[str, str] | None:
    """The services that a reference crosses between."""
    source = reference.source.service
    target = reference.target.service if reference.target else None
    if source is None or target is None or source == target:
        return None
    return source, target


def _table(end: ReferenceEnd) -> str:
    return ReferenceEnd(end.service, end.instance, end.database, end.schema, end.table).path


def _add(graph: nx.DiGraph[str], source: str, target: str, reference: Reference) -> None:
    if not graph.has_edge(source, target):
        graph.add_edge(source, target, references=0, audit=0, calls=0, kinds={})
    edge = graph.edges[source, target]
    edge["references"] += 1
    edge["audit"] += reference.group == "audit"
    edge["calls"] += reference.calls or 0
    edge["kinds"][reference.kind] = edge["kinds"].get(reference.kind, 0) + 1
