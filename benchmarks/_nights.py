"""Days of history derived from one real snapshot: real frames, earlier dates, synthetic growth.

A night ``ago`` days before the real one holds the same frames with sizes and counters scaled down, clocks
set back, and the partitioned database's partitions moved by ``ago`` days: each night the oldest
partition of every root goes and a new one comes, with a name and an oid of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks._servers import LAST_DAY, PARTITIONED, Extent
from workbench.snapshot import Part, Snapshot, new_snapshot
from workbench.snapshot.differences import COUNTERS

_OIDS = re.compile(r"(^|_|dat)(oid|id)$")
_DAY = re.compile(r"20\d\d-?\d\d-?\d\d")
_LONGEST_DAYS = 1000
_CLOCKS = {"read_at"}
_ROUND = 0.004
"""What the estate grows by a day, on average, as a share of its newest size."""


@dataclass(frozen=True)
class Origin:
    """A real snapshot to derive others from. ``extent`` says how its partitions lie."""

    snapshot: Snapshot
    extent: Extent

    def night(self, ago: int) -> Snapshot:
        """Return the snapshot as it might have been ``ago`` days earlier; not yet saved."""
        return self._made(timedelta(days=ago), ago, "full")

    def pulse(self, before: timedelta) -> Snapshot:
        """Return a real pulse as it might have been some time earlier; not yet saved."""
        return self._made(before, 0, "pulse")

    def _made(self, before: timedelta, ago: int, profile: Any) -> Snapshot:
        manifest = self.snapshot.manifest
        return new_snapshot(
            self.snapshot.estate,
            self._answers(before, ago),
            manifest.missing,
            manifest.reached,
            manifest.unreached,
            taken_at=manifest.taken_at - before,
            profile=profile,
        )

    def _answers(self, before: timedelta, ago: int) -> Iterator[Any]:
        days = before / timedelta(days=1)
        for part in self.snapshot.manifest.parts:
            table = self._tables[part]
            if ago and part.database == PARTITIONED:
                table = self._moved(table, ago)
            scaled = _scaled(table, part, days, pulse=not ago)
            yield part.frame, part.instance, part.database, scaled, part.ms

    @cached_property
    def _tables(self) -> dict[Part, pa.Table]:
        manifest = self.snapshot.manifest
        return {p: self.snapshot.objects.answer(p) for p in manifest.parts}

    @cached_property
    def _ranked(self) -> npt.NDArray[np.int64]:
        """Every oid of the partitions and what belongs to them, ascending: as many a day."""
        mine = [(p, t) for p, t in self._tables.items() if p.database == PARTITIONED]
        relations = next(t for p, t in mine if p.frame == "relations")
        leaf = pc.is_valid(relations.column("parent_oid"))
        first = pc.min(relations.filter(leaf).column("oid")).as_py()
        found = {
            oid
            for _, table in mine
            for name in _oid_columns(table)
            for oid in pc.unique(table.column(name)).to_pylist()
            if oid is not None and oid >= first
        }
        if len(found) % self.extent.days:
            raise AssertionError(f"{len(found)} oids of {self.extent.days} days of partitions")
        return np.array(sorted(found))

    def _moved(self, table: pa.Table, ago: int) -> pa.Table:
        """Rename and renumber partitions as if each were ``ago`` days older."""
        for at, name in enumerate(table.column_names):
            column = table.column(name)
            if pa.types.is_string(column.type):
                column = _redated(column, ago)
            elif name in _oid_columns(table):
                column = self._renumbered(column, ago)
            table = table.set_column(at, name, column)
        return table

    def _renumbered(self, column: pa.ChunkedArray, ago: int) -> pa.ChunkedArray:
        known = column.fill_null(-1).to_numpy()
        rank = np.searchsorted(self._ranked, known)
        partition = (known >= self._ranked[0]) & column.is_valid().to_numpy()
        older = rank - ago * (len(self._ranked) // self.extent.days)
        # One that the real night no longer holds has an oid that none has.
        moved = np.where(older >= 0, self._ranked[older.clip(0, len(self._ranked) - 1)], older)
        values = np.where(partition, moved, known)
        return pa.chunked_array([pa.array(values, column.type, mask=~column.is_valid().to_numpy())])


def _oid_columns(table: pa.Table) -> list[str]:
    return [f.name for f in table.schema if f.type == pa.int64() and _OIDS.search(f.name)]


@cache
def _days_before(ago: int) -> dict[str, str]:
    """Every day that a partition's name or bound may hold, as it is written, and the one ``ago`` days before."""
    days = [LAST_DAY + timedelta(days=2 - back) for back in range(_LONGEST_DAYS)]
    return {
        form.format(day): form.format(day - timedelta(days=ago))
        for form in ("{:%Y%m%d}", "{:%Y-%m-%d}")
        for day in days
    }


def _redated(column: pa.ChunkedArray, ago: int) -> pa.ChunkedArray:
    days = _days_before(ago)
    texts = [
        text if text is None else _DAY.sub(lambda m: days.get(m[0], m[0]), text)
        for text in column.to_pylist()
    ]
    return pa.chunked_array([pa.array(texts, pa.string())])


def _scaled(table: pa.Table, part: Part, days: float, *, pulse: bool) -> pa.Table:
    """Counters and sizes as they were ``days`` days before, when less had happened.

    In a pulse every figure moves: hardly an answer in it is ever the same twice.
    """
    counters = set(COUNTERS.get(part.frame, ()))
    if pulse and part.frame != "identity":
        known = {*_oid_columns(table), "pid", "leader_pid", "queryid"}
        counters |= {f.name for f in table.schema if f.type in (pa.int64(), pa.float64())} - known
    if part.frame in ("sizes", "databases"):
        counters = {"bytes"}
    if part.frame == "table_statistics":
        counters |= {"n_live_tup", "reltuples"}
    for at, field in enumerate(table.schema):
        column = table.column(field.name)
        if field.name in counters and pa.types.is_primitive(field.type):
            values = column.cast(pa.float64()).to_numpy()
            share = 1 - days * _ROUND * (1 + np.arange(len(values)) % 5) / 4
            less = np.floor(values * share)
            column = pa.array(less, pa.float64(), from_pandas=True).cast(field.type)
        elif field.name in _CLOCKS:
            column = pc.subtract(column, pa.scalar(timedelta(days=days)))
        table = table.set_column(at, field.name, column)
    if "wal_position" in table.column_names:
        table = _wal(table, days)
    return table


def _wal(table: pa.Table, days: float) -> pa.Table:
    at = table.schema.get_field_index("wal_position")
    less = pc.subtract(
        table.column("wal_position"), pa.scalar(int(days * 86400 * 1000), pa.int64())
    )
    return table.set_column(at, "wal_position", less.cast(table.schema.field(at).type))
