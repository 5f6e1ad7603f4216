"""Joins that statements were seen to make: which columns are set equal, and how often."""

from __future__ import annotations

from typing import NamedTuple

from workbench.analyse.references.structure import Structure
from workbench.analyse.statements import Attributed, Entry
from workbench.sql import Column


class Join(NamedTuple):
    """Two columns that statements set equal: tables by number, the lesser pair first, and the calls of those statements."""

    table: int
    column: str
    other: int
    other_column: str
    calls: int


def seen_joins(attributed: Attributed, structure: Structure) -> tuple[Join, ...]:
    """Return the joins of a window's statements whose relations are certain (``Statement.joins``), by tables.

    What goes through a view, and what may mean several relations, is left out.
    """
    columns = set(structure.columns[["table", "column"]].itertuples(index=False, name=None))
    counted: dict[tuple[int, str, int, str], int] = {}
    calls = attributed.entries["calls"].fillna(0).astype("int64").tolist()
    for entry, count in zip(attributed.facts, calls, strict=True):
        if not entry.statement.joins:
            continue
        for pair in entry.statement.joins:
            ends = [_end(entry, column, structure) for column in pair]
            found = sorted(e for e in ends if e is not None and e in columns)
            if len(found) == 2 and found[0] != found[1]:
                key = (*found[0], *found[1])
                counted[key] = counted.get(key, 0) + count
    return tuple(Join(*key, count) for key, count in sorted(counted.items()))


def _end(entry: Entry, column: Column, structure: Structure) -> tuple[int, str] | None:
    schema, name, attname = column
    found = {
        structure.named(*t.relation[:4])
        for t in entry.attribution.touches
        if t.certain
        and t.named
        and not t.views
        and t.relation.relation == name
        and schema in (None, t.relation.schema)
    }
    number = found.pop() if len(found) == 1 else None
    return None if number is None else (number, attname)
