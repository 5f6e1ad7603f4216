"""Plain inheritance: whose rows are read under another table's name as well."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from workbench.analyse.catalogue import Catalogue, Relation
from workbench.snapshot import Snapshot, records


def children(snapshot: Snapshot) -> dict[tuple[str, str, int], tuple[int, ...]]:
    """Return, per instance, database and oid of a table, what inherits from it directly.

    Reads the frame inheritance; partitions are not in it. A snapshot without it tells of none.
    """
    found: dict[tuple[str, str, int], tuple[int, ...]] = {}
    for r in records(snapshot.frame("inheritance", "relation_oid", "parent_oid")):
        parent = (r["instance"], r["database"], int(r["parent_oid"]))
        found[parent] = (*found.get(parent, ()), int(r["relation_oid"]))
    return found


@dataclass(frozen=True)
class Inheritance:
    """What inherits from the tables of one snapshot."""

    catalogue: Catalogue

    def heirs(self, table: Relation) -> tuple[Relation, ...]:
        """Return the tables that are read where ``table`` is, unless ONLY is said: its children, and theirs."""
        where = (table.instance, table.database)
        names = self.catalogue.database(*where) if self._children else None
        top = None if names is None else names.find(table.schema, table.relation)
        if top is None:
            return ()
        seen: dict[int, None] = {top: None}
        waiting = [top]
        while waiting:
            new = [c for c in self._children.get((*where, waiting.pop()), ()) if c not in seen]
            seen |= dict.fromkeys(new)
            waiting += new
        found = {t: None for oid in seen for t in self.catalogue.behind(*where, oid).tables}
        return tuple(t for t in found if t != table)

    @cached_property
    def _children(self) -> dict[tuple[str, str, int], tuple[int, ...]]:
        return children(self.catalogue.snapshot)
