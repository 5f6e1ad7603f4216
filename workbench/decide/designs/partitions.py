"""Partition advice: is a table divided as it was designed, do statements carry the key, and what is in the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from workbench.analyse.statements import majors_of
from workbench.decide.designs.facts import Answer, Figure, known
from workbench.decide.designs.keys import EQUAL, WITHIN, Key, Statements
from workbench.decide.designs.layout import Layout, Table
from workbench.decide.evidence import Evidence
from workbench.estate import Design, Partitioning
from workbench.snapshot import records

SPANS = {"day": (1, 1), "week": (7, 7), "month": (28, 31), "quarter": (90, 92), "year": (365, 366)}
"""How many days a partition by time may be long."""

DAYS_A_MONTH = 365.25 / 12
SEEN_BY_FEW = 0.5
"""Where less than this share of calls can carry the key, most look into every partition, and the answer says so."""

_STRATEGIES = {"h": "hash", "l": "list", "r": "range"}
_MOMENTS = ("date", "timestamp")
_NO_EXCLUSION_BEFORE = 17
_NO_IDENTITY_BEFORE = 17


@dataclass(frozen=True)
class Partitions:
    """Answers each design of a partition."""

    evidence: Evidence
    layout: Layout
    statements: Statements

    def answers(self) -> Iterator[Answer]:
        """Yield an answer for each table of which a partition was designed."""
        for design in self.evidence.estate.designs:
            if design.partition is not None and design.table is not None:
                yield self._answer(design, design.partition)

    def _answer(self, design: Design, wish: Partitioning) -> Answer:
        assert design.table is not None
        table = self.layout.find(design.table)
        wished = f"partitioned by {wish}"
        if design.partitions is not None:
            wished += f" in {design.partitions}"
        facts: dict[str, Any] = {"wished": wished, "source": design.source}
        if isinstance(table, str):
            at = f"{design.table.service}.{design.table.table}"
            facts |= {"service": design.table.service, "subject": at}
            return Answer("partition", "unknown", because=table, next_step=_MEND, **facts)
        facts |= {"service": table.service, "instance": table.root[0], "subject": table.name}
        for frame in ("columns", "partition_keys", "partition_bounds"):
            if why := self.layout.lacking(frame, table):
                return Answer("partition", "unknown", because=why, next_step=_COLLECT, **facts)
        columns = wish.columns or self._meant(table, wish)
        if isinstance(columns, str):
            step = f'write partition = "{wish}(COLUMN)"'
            return Answer("partition", "unknown", because=columns, next_step=step, **facts)
        names = {str(c["attname"]) for c in self.layout.columns.get(table.place, ())}
        if missing := [c for c in columns if c not in names]:
            why = f"{table.name} has no column {', '.join(missing)}"
            return Answer("partition", "not met", because=why, next_step=_MEND, **facts)
        return self._held(table, wish, columns, design.partitions, facts)

    def _held(
        self,
        table: Table,
        wish: Partitioning,
        columns: tuple[str, ...],
        count: int | None,
        facts: dict[str, Any],
    ) -> Answer:
        by = WITHIN if wish.strategy == "range" else EQUAL
        held = columns if wish.strategy == "hash" else columns[:1]
        key = Key(table.root[2], table.names, held, by)
        shares = self.statements.of_table(table.root, key)
        figures = (*shares, *self._sizes(table, wish, count))
        calls = shares[0].value
        few = calls is not None and calls.high < SEEN_BY_FEW
        aside = (
            "; few of its statements carry the key, and the others look into every partition"
            if few
            else ""
        )
        if table.kind != "p":
            barriers = self._barriers(table, columns)
            step = _anew(wish, columns)
            if barriers:
                step = f"change what is in the way; {step}"
            because = f"it is not partitioned{aside}"
            answer = Answer("partition", "not met", because=because, next_step=step, **facts)
            return _with(answer, figures, barriers)
        state, because = self._as_wished(table, wish, columns, count)
        steps = {
            "not met": _anew(wish, columns),
            "unknown": _COLLECT,
        }
        if state == "not met" and because.startswith(_LENGTHS):
            steps[state] = f"make the partitions to come {_each(wish)} long; old ones can stay"
        answer = Answer(
            "partition",
            state,  # type: ignore[arg-type]
            because=f"{because}{aside}",
            next_step=steps.get(state),
            **facts,
        )
        return _with(answer, figures, ())

    def _as_wished(
        self, table: Table, wish: Partitioning, columns: tuple[str, ...], count: int | None
    ) -> tuple[str, str]:
        """Hold the catalogue against the wish: the state, and why."""
        row = next(iter(self.layout.keys.get(table.place, ())), None)
        if row is None:
            return "unknown", "its partition key was not read"
        strategy = _STRATEGIES.get(str(row["partstrat"]), "?")
        there = self.layout.column_names(table, row["partattrs"])
        found = f"{strategy}({', '.join(there)})" if there else f"{strategy} of an expression"
        if strategy != wish.strategy or there != columns:
            return "not met", f"it is partitioned by {found}"
        bounds = self.layout.bounds.get(table.place, [])
        parts = [b for b in bounds if b["is_default"] is not True]
        if not parts:
            return "not met", f"it is partitioned by {found}, and has no partition"
        if count is not None and len(parts) != count:
            return "not met", f"it is partitioned by {found} in {len(parts)}"
        if wish.every is None:
            return "met", f"it is partitioned by {found} in {len(parts)}"
        spans = [None if pd.isna(b["span_days"]) else float(b["span_days"]) for b in parts]
        least, most = SPANS[wish.every]
        other = [s for s in spans if s is not None and not least <= s <= most]
        if other:
            ends = " to ".join(dict.fromkeys(f"{end:g}" for end in (min(other), max(other))))
            return "not met", f"{_LENGTHS} {len(other)} of {len(parts)} are {ends} days long"
        if None in spans:
            blind = f"{spans.count(None)} of {len(parts)} partitions"
            return "unknown", f"it is partitioned by {found}; how long {blind} are was not read"
        return "met", f"it is partitioned by {found}, {_each(wish)} each, in {len(parts)}"

    def _meant(self, table: Table, wish: Partitioning) -> tuple[str, ...] | str:
        """The columns of a partition by time that names none: its key's, else the only column of time."""
        if table.kind == "p":
            row = next(iter(self.layout.keys.get(table.place, ())), None)
            there = self.layout.column_names(table, row["partattrs"]) if row else None
            if there:
                return there[:1]
        held = self.layout.columns.get(table.place, ())
        times = [str(c["attname"]) for c in held if str(c["type"]).startswith(_MOMENTS)]
        if len(times) == 1:
            return (times[0],)
        told = ", ".join(times) if times else "none"
        return f"by which column of time is not said ({table.name} has {told})"

    def _sizes(self, table: Table, wish: Partitioning, count: int | None) -> Iterator[Figure]:
        """Rows and bytes of the whole, and of a partition: as it is, or as it would be."""
        row = self._relations.get(table.root, {})
        for name, unit, column in (("rows", "rows", "rows"), ("bytes", "bytes", "total_bytes")):
            value = row.get(column)
            if value is None or pd.isna(value):
                yield Figure(name, unit, None, _UNSIZED)
                yield Figure(f"{name} a partition", unit, None, _UNSIZED)
                continue
            yield known(name, unit, float(value))
            if table.kind == "p":
                yield self._now(table, name, unit)
            else:
                growth = row.get("rows_per_day" if name == "rows" else "per_day")
                yield _then(name, unit, float(value), growth, wish, count)

    def _now(self, table: Table, name: str, unit: str) -> Figure:
        at = 0 if name == "rows" else 1
        held = [
            self.layout.leaves.get((*table.place[:2], p), (None, None))[at] for p in table.parts
        ]
        sure = [v for v in held if v is not None]
        if not held or len(sure) < len(held):
            return Figure(f"{name} a partition", unit, None, _UNSIZED)
        return known(f"{name} a partition", unit, min(sure), max(sure))

    @cached_property
    def _relations(self) -> dict[tuple[Any, ...], dict[str, Any]]:
        rows = records(self.evidence.capacity.relations)
        return {(r["instance"], r["database"], r["schema"], r["table"]): r for r in rows}

    # -- what is in the way of a table that is not divided yet

    def _barriers(self, table: Table, columns: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self._keys(table, columns), *self._others(table, columns)]))

    def _keys(self, table: Table, columns: tuple[str, ...]) -> Iterator[str]:
        key = ", ".join(columns)
        backed = set()
        for one in self.layout.constraints.get(table.place, ()):
            if one["contype"] not in ("p", "u"):
                continue
            backed.add(one["index_oid"])
            held = self.layout.column_names(table, one["conkey"])
            if not held or not set(columns) <= set(held):
                kind = "primary key" if one["contype"] == "p" else "unique constraint"
                told = ", ".join(held or ("?",))
                yield (
                    f"{kind} {one['conname']} ({told}) lacks {key}: each must hold the partition key,"
                    f" so that ({told}) alone is not kept unique any more"
                )
        for one in self.layout.indexes.get(table.place, ()):
            if one["indisunique"] is True and one["oid"] not in backed:
                held = self.layout.column_names(table, one["indkey"][: int(one["indnkeyatts"])])
                if not held or not set(columns) <= set(held):
                    yield f"unique index {one['relation']} lacks {key}"
        names = {t.place: t for named in self.layout.tables.values() for t in named}
        for one in self.layout.referring.get(table.place, ()):
            if pd.isna(one["parent_oid"]):
                source = names.get((one["instance"], one["database"], int(one["relation_oid"])))
                who = source.name if source else f"relation {one['relation_oid']}"
                yield (
                    f"foreign key {one['conname']} of {who}: it must name the new key, and {who} hold {key} too"
                )

    def _others(self, table: Table, columns: tuple[str, ...]) -> Iterator[str]:
        major = majors_of(self.evidence.window).get(table.root[0])
        old = major is None or major < _NO_EXCLUSION_BEFORE
        for one in self.layout.constraints.get(table.place, ()):
            if one["contype"] == "x" and old:
                yield f"exclusion constraint {one['conname']}: a partitioned table can have one from PostgreSQL 17 on"
        for column in self.layout.columns.get(table.place, ()):
            if column["attidentity"] in ("a", "d") and (
                major is None or major < _NO_IDENTITY_BEFORE
            ):
                yield f"identity column {column['attname']}: a partitioned table can have one from PostgreSQL 17 on"
            if column["attname"] in columns and column["attgenerated"] in ("s", "v"):
                yield f"{column['attname']} is generated: a partition key cannot be"
        for frame in ("constraints", "indexes"):
            if why := self.layout.lacking(frame, table):
                yield f"not known: {frame}, for {why}"


_MEND = "mend the design in estate.toml"
_COLLECT = "run `workbench collect`"
_UNSIZED = "it was not sized, or never analysed: run ANALYZE, and `workbench collect`"
_LENGTHS = "of its partitions"


def _then(
    name: str, unit: str, value: float, growth: Any, wish: Partitioning, count: int | None
) -> Figure:
    """What a partition would hold of a table that is not divided yet."""
    title = f"{name} a partition"
    if wish.strategy == "hash":
        if count is None:
            return Figure(title, unit, None, "in how many is not said: write partitions = N")
        return known(title, unit, value / count)
    if wish.every is None:
        return Figure(title, unit, None, "it hangs on the bounds, which are not said")
    if growth is None or pd.isna(growth):
        return Figure(title, unit, None, "its growth is not known: it needs snapshots of two days")
    least, most = SPANS[wish.every]
    return known(title, unit, max(float(growth), 0.0) * (least + most) / 2)


def _each(wish: Partitioning) -> str:
    return f"a {wish.every}"


def _anew(wish: Partitioning, columns: tuple[str, ...]) -> str:
    key = f"{wish.strategy.upper()} ({', '.join(columns)})"
    return f"make the table anew, PARTITION BY {key}: none is divided in place"


def _with(answer: Answer, figures: tuple[Figure, ...], barriers: tuple[str, ...]) -> Answer:
    return replace(answer, figures=figures, in_the_way=barriers)
