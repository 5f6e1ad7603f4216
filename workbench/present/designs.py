"""What was designed, and what is there: partitions, the shard key, and the rest, a table each; those that apply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from workbench.decide.designs import Answer, Figure, Topic
from workbench.decide.designs import designs as analyse
from workbench.decide.facts import Interval
from workbench.present.bench import Bench
from workbench.present.tables import Column, Kind, Table
from workbench.present.text import escape
from workbench.present.units import interval_text, share_text

_RANK = {"not met": 0, "unknown": 1, "met": 2}
_WORDS: Mapping[str, str] = {
    "index": "Index",
    "slow statements": "Slow statements",
    "pool": "Pools",
    "replica": "Read replica",
    "backup": "Backup",
}
_FEW = 3
_NOTHING = "No service keeps its data here."
_OF_SLOW: tuple[tuple[str, str, Kind], ...] = (
    ("mean time", "Mean", "ms"),
    ("longest call", "Longest call", "ms"),
    ("calls a day", "Calls a day", "count"),
    ("share of time", "Of all time", "share"),
)


@dataclass(frozen=True)
class Designed:
    """The tables of a page. Displays itself."""

    bench: Bench
    answers: tuple[Answer, ...]

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """Partitions and the shard key where they were designed, and all the rest."""
        found = []
        if held := self._of("partition"):
            found.append(self._partitions(held))
        if held := self._of("shard key"):
            found.append(self._shards(held))
        if held := [a for a in self._of("slow statements") if a.sql is not None]:
            found.append(self._slow(held))
        return (*found, self._rest())

    def _repr_html_(self) -> str:
        return "\n".join(
            f"<p><b>{escape(table.caption)}</b></p>{table._repr_html_()}" for table in self.tables
        )

    def __repr__(self) -> str:
        return "\n\n".join(f"{table.caption}\n{table!r}" for table in self.tables)

    def _of(self, topic: Topic) -> list[Answer]:
        """The answers on a topic, what asks for something first."""
        held = [a for a in self.answers if a.topic == topic]
        return sorted(held, key=lambda a: (_RANK[a.state], a.key))

    def _partitions(self, held: Sequence[Answer]) -> Table:
        rows = []
        for one in held:
            row: dict[str, object] = {
                "service": one.service,
                "table": one.subject.removeprefix("public."),
                "wished": one.wished.removeprefix("partitioned by "),
                "state": one.state,
                "because": (one.because, *(w.split(":")[0] for w in one.in_the_way)),
                "step": one.next_step,
            }
            for name, key in (
                ("calls with the key", "calls"),
                ("time with the key", "time"),
                ("rows a partition", "rows"),
                ("bytes a partition", "bytes"),
            ):
                row |= _ends(key, one, name)
            rows.append(row)
        columns = [
            Column("service", "Service", "name"),
            Column("table", "Table", "name"),
            Column("wished", "Partitioned by"),
            Column("state", "Stands"),
            Column("because", "What is there, and in the way", "list"),
            Column(
                "calls", "Calls with the key", "share", until="calls_until", because="calls_why"
            ),
            Column("time", "Time with the key", "share", until="time_until", because="time_why"),
            Column("rows", "Rows a partition", "count", until="rows_until", because="rows_why"),
            Column("bytes", "Bytes a partition", "bytes", until="bytes_until", because="bytes_why"),
            Column("step", "Next step", absent="–"),
        ]
        return self._table(rows, columns, "Partitions")

    def _shards(self, held: Sequence[Answer]) -> Table:
        rows = []
        for one in sorted(held, key=_by_share):
            without = _named(one, "tables without the key")
            row: dict[str, object] = {
                "service": one.service,
                "state": one.state,
                "lacking": None if without is None or without.value is None else without.value.low,
                "names": ", ".join(
                    w.split(" lacks ")[0].removeprefix("public.") for w in one.in_the_way
                ),
            }
            for name, key in (("calls with the key", "calls"), ("time with the key", "time")):
                row |= _ends(key, one, name)
            rows.append(row)
        wished = held[0].wished
        columns = [
            Column("service", "Service", "name"),
            Column("state", "Stands"),
            Column(
                "calls", "Calls with the key", "share", until="calls_until", because="calls_why"
            ),
            Column("time", "Time with the key", "share", until="time_until", because="time_why"),
            Column("lacking", "Tables without it", "count"),
            Column("names", "Which"),
        ]
        return self._table(rows, columns, f"{wished[0].upper()}{wished[1:]}")

    def _slow(self, held: Sequence[Answer]) -> Table:
        rows = []
        for one in held:
            row: dict[str, object] = {"service": one.service, "state": one.state, "sql": one.sql}
            for name in ("mean time", "longest call", "calls a day", "share of time"):
                row |= _ends(name, one, name)
            rows.append(row)
        columns = [
            Column("service", "Service", "name"),
            Column("state", "Stands"),
            *(
                Column(name, head, kind, until=f"{name}_until", because=f"{name}_why")
                for name, head, kind in _OF_SLOW
            ),
            Column("sql", "Statement", "sql"),
        ]
        return self._table(rows, columns, f"Slow statements: {held[0].wished}")

    def _rest(self) -> Table:
        rows = []
        for topic, words in _WORDS.items():
            groups: dict[object, list[Answer]] = {}
            for one in self._of(topic):  # type: ignore[arg-type]
                if one.sql is None:  # it has a table of its own
                    groups.setdefault(_alike(one), []).append(one)
            for held in groups.values():
                rows.append(
                    {
                        "what": f"{words}: {held[0].subject}" if topic == "index" else words,
                        "whose": _whose(held),
                        "wished": held[0].wished,
                        "state": held[0].state,
                        "because": held[0].because if len(held) == 1 else _together(held),
                        "step": held[0].next_step if len(held) == 1 else _step(held[0]),
                    }
                )
        columns = [
            Column("what", "Design"),
            Column("whose", "Whose", "name"),
            Column("wished", "Wished"),
            Column("state", "Stands"),
            Column("because", "What is there"),
            Column("step", "Next step", absent="–"),
        ]
        frame = pd.DataFrame(rows, columns=[c.key for c in columns])
        return Table(frame, columns, "Indexes and servers", _NOTHING, limit=100)

    def _table(self, rows: list[dict[str, Any]], columns: list[Column], caption: str) -> Table:
        return Table(
            pd.DataFrame(rows), columns, caption, _NOTHING, colours=self.bench.colours, limit=100
        )


def designed(bench: Bench) -> Designed:
    """Hold what was designed against what is there: see ``workbench.decide.designs``."""
    return Designed(bench, analyse(bench).answers)


def _named(one: Answer, name: str) -> Figure | None:
    return next((f for f in one.figures if f.name == name), None)


def _ends(key: str, one: Answer, name: str) -> dict[str, object]:
    """A figure's ends and its reason, for a column; what no figure tells the answer itself does."""
    figure = _named(one, name)
    value = None if figure is None else figure.value
    low, high = (None, None) if value is None else value
    why = one.because if figure is None else figure.because
    return {key: low, f"{key}_until": high, f"{key}_why": why}


def _by_share(one: Answer) -> tuple[float, str]:
    figure = _named(one, "calls with the key")
    known = figure.value if figure is not None else None
    return -(known.high if known is not None else -1.0), one.service or ""


def _alike(one: Answer) -> object:
    """What is told in one line: all of a topic that is met, and what is said in the same words."""
    if one.state == "met" and one.topic != "index":
        return one.state, one.wished
    return one.state, one.wished, one.because, _step(one)


def _step(one: Answer) -> str | None:
    """The next step, as it is for every service."""
    mine = f"[services.{one.service}."
    return one.next_step and one.next_step.replace(mine, "[services.NAME.")


def _whose(held: Sequence[Answer]) -> str:
    names = [a.service or a.instance or "?" for a in held]
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return ", ".join(names[:_FEW]) + more


def _together(held: Iterable[Answer]) -> str:
    """What several answers have in common: the same words, or the range of their first figure."""
    every = list(held)
    told = {a.because for a in every}
    firsts = [a.figures[0] for a in every if a.figures]
    known = [f.value for f in firsts if f.value is not None]
    if len(told) == 1 or len(known) < len(every):
        return every[0].because
    ends = Interval(min(v.low for v in known), max(v.high for v in known))
    figure, heads = firsts[0], {a.because.partition(":")[0] for a in every}
    if figure.unit == "share":
        shown = interval_text(*ends, share_text) + " %"
    else:
        shown = f"{interval_text(*ends, lambda v: f'{v:.3g}')} {figure.unit}"
    told_first = f"{heads.pop()}; " if len(heads) == 1 else ""
    return f"{told_first}{figure.name}: {shown}"
