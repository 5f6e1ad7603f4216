"""How tables lie: columns, keys, partitions and indexes of the newest snapshot, by the names that designs use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import pandas as pd

from workbench.analyse.gaps import gap_of
from workbench.analyse.stored import homes, stored
from workbench.decide.designs.keys import Root
from workbench.estate import WrittenEnd
from workbench.estate.names import nearest
from workbench.snapshot import Snapshot, records

Place = tuple[str, str, int]
"""instance, database and oid"""

_AT = ["instance", "database", "oid"]


class Table(NamedTuple):
    """A partition root: its service and names, and the oids of its partitions, the leaves that hold rows."""

    service: str
    root: Root
    oid: int
    kind: str
    parts: tuple[int, ...]
    names: frozenset[str]

    @property
    def place(self) -> Place:
        """Where its rows of other frames are found."""
        return self.root[0], self.root[1], self.oid

    @property
    def name(self) -> str:
        """As SQL says it."""
        return f"{self.root[2]}.{self.root[3]}"


@dataclass(frozen=True)
class Layout:
    """The tables that services own, and what the catalogue says of them. Each frame is read once."""

    newest: Snapshot

    @cached_property
    def tables(self) -> Mapping[tuple[str, str], tuple[Table, ...]]:
        """By service and name the tables of that name, one in each schema that has it."""
        held = homes(self.newest)
        held = held[held["service"].notna() & held["relkind"].isin(["r", "p"])]
        relations = self.newest.frame("relations", *_AT[2:], "relation", "root_oid")
        held = held.merge(relations[[*_AT, "relation", "root_oid"]], "inner", _AT)
        found: dict[tuple[str, str], list[Table]] = {}
        for _, group in held.groupby(["instance", "database", "root_oid"], sort=True):
            rows = records(group)
            top = next((r for r in rows if r["oid"] == r["root_oid"]), None)
            if top is None:
                continue
            root = (top["instance"], top["database"], top["schema"], top["table"])
            leaves = tuple(sorted(int(r["oid"]) for r in rows if r["relkind"] == "r"))
            names = frozenset(r["relation"] for r in rows)
            table = Table(top["service"], root, int(top["oid"]), top["relkind"], leaves, names)
            found.setdefault((table.service, table.root[3]), []).append(table)
        return {key: tuple(tables) for key, tables in found.items()}

    def find(self, end: WrittenEnd) -> Table | str:
        """Return the table that a design names, or why it is not there, with the next step."""
        wanted = end.table or ""
        named = self.tables.get((end.service, wanted), ())
        named = tuple(t for t in named if end.schema in (None, t.root[2]))
        if len(named) == 1:
            return named[0]
        if named:
            schemas = ", ".join(sorted({t.root[2] for t in named}))
            return f"{end.service} has a table {wanted} in {schemas}; write SERVICE.SCHEMA.TABLE"
        service = self.newest.settled.service(end.service)
        if service.external:
            return f"{end.service} keeps its data elsewhere; remove the design, or external"
        why = gap_of(self.newest, "relations", service.instance or "", service.database)
        if why is not None:
            return why
        known = sorted({name for owner, name in self.tables if owner == end.service})
        near = nearest(wanted, known)
        return f"{end.service} has no table {wanted}; {near}"

    def lacking(self, frame: str, table: Table) -> str | None:
        """Return why a frame says nothing of a table; None where it was read."""
        instance, database = table.root[:2]
        why = gap_of(self.newest, frame, instance, database)
        if why is None and not self.newest.has(frame, instance):
            return f"{frame.replace('_', ' ')} were not read: run `workbench collect`"
        return why

    # -- what other frames say of a relation, by its place

    def _by_relation(self, frame: str, *columns: str, by: str = "relation_oid") -> dict[Place, Any]:
        found: dict[Place, list[dict[str, Any]]] = {}
        for row in records(self.newest.frame(frame, by, *columns)):
            if pd.notna(row[by]):
                place = (row["instance"], row["database"], int(row[by]))
                found.setdefault(place, []).append(row)
        return found

    @cached_property
    def columns(self) -> Mapping[Place, list[dict[str, Any]]]:
        """attnum, attname, type, attidentity and attgenerated of each column."""
        wanted = ("attnum", "attname", "type", "attidentity", "attgenerated")
        return self._by_relation("columns", *wanted)

    @cached_property
    def keys(self) -> Mapping[Place, list[dict[str, Any]]]:
        """partstrat and partattrs of partitioned tables."""
        return self._by_relation("partition_keys", "partstrat", "partattrs")

    @cached_property
    def bounds(self) -> Mapping[Place, list[dict[str, Any]]]:
        """is_default and span_days of each partition, by its parent."""
        return self._by_relation("partition_bounds", "is_default", "span_days", by="parent_oid")

    @cached_property
    def constraints(self) -> Mapping[Place, list[dict[str, Any]]]:
        """conname, contype and conkey."""
        return self._by_relation("constraints", "conname", "contype", "conkey", "index_oid")

    @cached_property
    def referring(self) -> Mapping[Place, list[dict[str, Any]]]:
        """Foreign keys that refer to a relation: conname, relation_oid, parent_oid."""
        wanted = ("conname", "relation_oid", "parent_oid")
        return self._by_relation("constraints", *wanted, by="referenced_oid")

    @cached_property
    def indexes(self) -> Mapping[Place, list[dict[str, Any]]]:
        """Each index of a table with its definition and predicate."""
        names = ("oid", "relation", "relation_oid", "indisunique", "indisvalid", "indisready")
        more = ("indnkeyatts", "indkey", "has_predicate", "amname")
        held = self.newest.frame("indexes", *names, *more)
        texts = self.newest.frame("index_definitions", "index_oid", "predicate", "unseen")
        texts = texts.rename(columns={"index_oid": "oid"})
        found: dict[Place, list[dict[str, Any]]] = {}
        for row in records(held.merge(texts, "left", _AT)):
            place = (row["instance"], row["database"], int(row["relation_oid"]))
            found.setdefault(place, []).append(row)
        return found

    @cached_property
    def leaves(self) -> Mapping[Place, tuple[float | None, float | None]]:
        """Rows and bytes (heap, indexes and TOAST) of each table that holds rows; None where unknown."""
        sizes = self.newest.frame("sizes", "relation_oid", "part", "bytes")
        key = ["instance", "database", "relation_oid"]
        sums = sizes.groupby(key)["bytes"].sum(min_count=1).dropna().reset_index()
        bytes_ = {
            (str(i), str(d), int(o)): float(b)
            for i, d, o, b in sums.itertuples(index=False, name=None)
        }
        rows = stored(self.newest)[[*_AT, "rows"]]
        return {
            (i, d, int(o)): (None if pd.isna(n) else float(n), bytes_.get((i, d, int(o))))
            for i, d, o, n in rows.itertuples(index=False, name=None)
        }

    def column_names(self, table: Table, numbers: Any) -> tuple[str, ...] | None:
        """Return the columns of these numbers, in order; None where one of them is an expression."""
        names = {int(c["attnum"]): str(c["attname"]) for c in self.columns.get(table.place, ())}
        found = [names.get(int(n)) for n in numbers] if _listed(numbers) else [None]
        return None if None in found else tuple(n for n in found if n is not None)


def _listed(value: Any) -> bool:
    return value is not None and hasattr(value, "__len__")
