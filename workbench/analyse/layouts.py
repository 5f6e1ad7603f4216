"""Which relations PostgreSQL 18 cannot tell apart in a statement: those with the same columns by number.

Measured on 18: of a column, a queryid hashes its number and neither its name nor its type. A type shows in the
operator that compares the column, where there is another one for each type; a star in all the numbers it
stands for. Tables, views, materialised views and partitioned tables are alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from workbench.analyse.catalogue import DatabaseNames
from workbench.snapshot import Snapshot

_OWN_OPERATORS = (
    *(16, 17, 20, 21, 23, 25, 700, 701, 869, 1042, 1043, 1082, 1083, 1114, 1184, 1186, 1266),
    *(1700, 2950, 3802),
)
"""bool, bytea, int8, int2, int4, text, float4, float8, inet, bpchar, varchar, date, time, timestamp,
timestamptz, interval, timetz, numeric, uuid, jsonb: no two of them are compared by the same operator without a
cast between (varchar is cast to text). Enums, arrays, ranges, composites and domains share theirs."""

_WIDEST = 100
"""Columns with higher numbers are not looked at: memory stays small, and less is told apart."""

_Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]

_PLACE = ["instance", "database", "schema", "relation"]


@dataclass(frozen=True)
class Layouts:
    """The columns of relations as two snapshots agree on them, the newest of a window and its ``first``.

    What is not the same in both was another table for a part of the window: it may be used like any. Reads the
    frames columns and relations.
    """

    newest: Snapshot
    first: Snapshot

    def alike(
        self,
        names: DatabaseNames,
        own: int,
        columns: Iterable[str],
        compared: Iterable[str],
        among: Iterable[int],
    ) -> frozenset[int]:
        """Return which ``among`` some relations, by oid, may be used like ``own``.

        ``columns`` and ``compared`` are those of a use (see ``workbench.sql.Use``); what is no column of
        ``own`` is passed over.
        """
        held = self._databases.get((names.instance, names.database))
        if held is None or own not in held.row:
            return frozenset(among)
        numbers = {held.number[own, c] for c in columns if (own, c) in held.number}
        typed = {held.number[own, c] for c in compared if (own, c) in held.number}
        known = [oid for oid in among if oid in held.row]
        rows = np.fromiter((held.row[oid] for oid in known), dtype="int64", count=len(known))
        fits = held.fits(rows, held.row[own], numbers, typed, star="" in columns)
        fitting = {oid for oid, fit in zip(known, fits.tolist(), strict=True) if fit}
        return frozenset(fitting.union(oid for oid in among if oid not in held.row))

    @cached_property
    def _databases(self) -> dict[tuple[str, str], _Database]:
        now = _columns(self.newest)
        before = now if self.first is self.newest else _columns(self.first)
        told = [*_PLACE, "attnum", "atttypid"]
        same = now.merge(before[told], "left", told, indicator="there")
        sizes = before.groupby(_PLACE).size().rename("before")
        counts = same.groupby(_PLACE).agg(
            now=("attnum", "size"), agreed=("there", lambda there: int((there == "both").sum()))
        )
        counts = counts.join(sizes)
        kept = counts[(counts["now"] == counts["agreed"]) & (counts["now"] == counts["before"])]
        now = now.merge(kept.reset_index()[_PLACE], "inner", _PLACE)
        return {
            (str(instance), str(database)): _database(rows)
            for (instance, database), rows in now.groupby(["instance", "database"])
        }


@dataclass(frozen=True)
class _Database:
    """The columns of one database, a table of numbers: a row per relation, a column per number of a column."""

    types: np.ndarray[tuple[int, int], np.dtype[np.int64]]
    """oids of types; 0 where there is no such column"""
    counts: _Numbers
    row: dict[int, int]
    number: dict[tuple[int, str], int]

    def fits(
        self, rows: _Numbers, at: int, numbers: Iterable[int], typed: Iterable[int], *, star: bool
    ) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Return which of ``rows`` have the columns that are used of row ``at``."""
        types, own = self.types[rows], self.types[at]
        fits = np.ones(len(rows), dtype=bool)
        for number in numbers:
            if number < _WIDEST:
                fits &= types[:, number] != 0
        for number in typed:
            if number < _WIDEST and own[number] in _OWN_OPERATORS:
                there = types[:, number]
                fits &= (there == own[number]) | ~np.isin(there, _OWN_OPERATORS)
        if star:
            fits &= self.counts[rows] == self.counts[at]
            fits &= ((types != 0) == (own != 0)).all(axis=1)
        return fits


def _columns(snapshot: Snapshot) -> pd.DataFrame:
    """Every column under the name of its relation."""
    names = snapshot.frame("relations", "oid", "schema", "relation")
    columns = snapshot.frame("columns", "relation_oid", "attnum", "attname", "atttypid")
    names = names.rename(columns={"oid": "relation_oid"})
    return columns.merge(names, "inner", ["instance", "database", "relation_oid"])


def _database(rows: pd.DataFrame) -> _Database:
    numbers, oids = pd.factorize(rows["relation_oid"].astype("int64"))
    held = rows["attnum"].to_numpy(dtype="int64")
    types = np.zeros((len(oids), _WIDEST), dtype="int64")
    seen = held < _WIDEST
    types[numbers[seen], held[seen]] = rows["atttypid"].to_numpy(dtype="int64")[seen]
    listed = zip(
        rows["relation_oid"].tolist(), rows["attname"].tolist(), held.tolist(), strict=True
    )
    return _Database(
        types,
        np.bincount(numbers, minlength=len(oids)),
        {int(oid): place for place, oid in enumerate(oids)},
        {(int(oid), str(name)): number for oid, name, number in listed},
    )
