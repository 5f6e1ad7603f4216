"""Whether statements carry a key: by how much of their calls and time a table could be divided.

A statement carries the key of a table where it holds the key's columns to values, itself or through columns that it
sets equal; an INSERT brings the key in its rows. It is left open where the key is only joined, where the text is
reached through a view or is approximate, where the table is used twice, and under OR, NOT and CASE, of which the facts of a
statement do not tell.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import pandas as pd

from workbench.analyse.evicted import evicted
from workbench.analyse.touching import MAINTAINING
from workbench.analyse.workload import OUT_OF_SIGHT
from workbench.decide.designs.facts import Figure
from workbench.decide.evidence import Evidence
from workbench.decide.facts import Interval
from workbench.snapshot.readings import kept_beside, read_texts
from workbench.sql import Name, Statement

Carries = Literal["yes", "maybe", "no"]
Root = tuple[str, str, str, str]
"""instance, database, schema and name of a partition root"""

EQUAL = frozenset(("eq", "in"))
WITHIN = frozenset(("eq", "in", "range"))

_LOOSE = re.compile(r"\bor\b|\bnot\s*\(|\bcase\b", re.IGNORECASE)


class Key(NamedTuple):
    """A key of a table: the names that stand for the table, its columns, and the comparisons that hold them."""

    schema: str
    names: frozenset[str]
    columns: tuple[str, ...]
    by: frozenset[str]

    def is_of(self, name: Name) -> bool:
        """Whether a name in a text means the table, or one of its partitions."""
        return name[1] in self.names and name[0] in (None, self.schema)


def carries(statement: Statement, text: str, key: Key) -> Carries:
    """Return whether a statement carries the key of a table that it touches.

    >>> from workbench.sql import read_statement
    >>> key = Key("public", frozenset({"orders"}), ("user_id",), EQUAL)
    >>> texts = ("SELECT 1 FROM orders WHERE user_id = $1", "SELECT 1 FROM orders WHERE id = $1",
    ...          "SELECT 1 FROM orders WHERE user_id = $1 OR id = $2", "INSERT INTO orders VALUES ($1)",
    ...          "SELECT 1 FROM orders o JOIN carts c ON c.user_id = o.user_id WHERE c.user_id = $1")
    >>> [carries(read_statement(text), text, key) for text in texts]
    ['yes', 'no', 'maybe', 'yes', 'yes']
    """
    uses = sum(key.is_of(use[1]) for use in statement.uses)
    if statement.because is not None or not uses:
        return "maybe"
    if any(what == "insert" and key.is_of(name) for what, name, _ in statement.changes):
        return "yes" if uses == 1 else "maybe"
    held = _held(statement, key.by)
    mine = {column[2] for column in held if key.is_of(column[:2])}
    if mine.issuperset(key.columns):
        return "yes" if uses == 1 and not _LOOSE.search(text) else "maybe"
    ends = {column for pair in statement.joins for column in pair}
    joined = {column[2] for column in ends if key.is_of(column[:2])} | mine
    return "maybe" if joined.issuperset(key.columns) else "no"


def _held(statement: Statement, by: Collection[str]) -> set[tuple[str | None, str, str]]:
    """The columns that are held to values: compared so, or set equal to one that is."""
    held = {column for column, how in statement.filters if how in by}
    equal: dict[Any, set[Any]] = {}
    for a, b in statement.joins:
        equal.setdefault(a, set()).add(b)
        equal.setdefault(b, set()).add(a)
    waiting = list(held)
    while waiting:
        for other in equal.get(waiting.pop(), set()) - held:
            held.add(other)
            waiting.append(other)
    return held


@dataclass(frozen=True)
class Statements:
    """The statements of a window with what they compare; texts are read when first asked for."""

    evidence: Evidence

    @cached_property
    def _top(self) -> pd.DataFrame:
        entries = self.evidence.workload.attributed.entries
        top = entries["toplevel"].fillna(True).astype(bool) & (entries["rung"] != "workbench")
        return entries[top & ~entries["kind"].isin(MAINTAINING)]

    @cached_property
    def _read(self) -> Mapping[int, tuple[Statement, str]]:
        """Each statement with its columns, and its text."""
        texts = self._top["query"].astype("str").fillna("")
        beside = kept_beside(self.evidence.history.folder)
        found = read_texts(texts.array, beside)
        return dict(zip(texts.index.tolist(), zip(found, texts, strict=True), strict=True))

    @cached_property
    def _touching(self) -> Mapping[Root, Mapping[int, bool]]:
        """Per root, the entries that touch it, and whether by a certain touch of their own text."""
        touches = self.evidence.workload.attributed.touches
        touches = touches[touches["entry"].isin(self._top.index)]
        own = touches["certain"] & touches["named"] & ~touches["via"].map(bool).astype(bool)
        own &= ~touches["views"].map(bool).astype(bool)
        names = touches[["instance", "database", "schema", "relation", "entry"]]
        found: dict[Root, dict[int, bool]] = {}
        for (*root, entry), sure in zip(names.itertuples(index=False, name=None), own, strict=True):
            held = found.setdefault(tuple(root), {})
            held[entry] = held.get(entry, False) or bool(sure)
        return found

    @cached_property
    def _hidden(self) -> pd.DataFrame:
        """What may touch anything of its database."""
        top = self._top
        return top[top["rung"].isin(OUT_OF_SIGHT) & top["open_ended"]][["instance", "datname"]]

    def of_table(self, root: Root, key: Key) -> tuple[Figure, ...]:
        """Return which share of a table's calls and time carries its key."""
        touching = self._touching.get(root, {})
        marks: dict[int, Carries] = {}
        for entry, sure in touching.items():
            marks[entry] = carries(*self._read[entry], key) if sure else "maybe"
        hidden = self._hidden
        here = hidden["instance"].eq(root[0]) & (
            hidden["datname"].isna() | hidden["datname"].eq(root[1])
        )
        for entry in hidden.index[here]:
            marks.setdefault(entry, "maybe")
        return self._shares(root[0], marks)

    def of_service(
        self, instance: str, service: str, keys: Mapping[Root, Sequence[Key]]
    ) -> tuple[Figure, ...]:
        """Return which share of a service's calls and time holds a key of one of its tables to one value.

        ``keys`` are those of all its tables that have one.
        """
        claims = self._claims.get((instance, service), {})
        mine: dict[int, set[Carries]] = {entry: set() for entry in claims}
        for root, held in keys.items():
            for entry, sure in self._touching.get(root, {}).items():
                if entry in mine:
                    told: set[Carries] = {carries(*self._read[entry], key) for key in held}
                    mine[entry] |= told if sure else {"maybe"}
        marks: dict[int, Carries] = {
            entry: "maybe"
            if not claims[entry] or (found and "yes" not in found and "maybe" in found)
            else "yes"
            if "yes" in found
            else "no"
            for entry, found in mine.items()
        }
        return self._shares(instance, marks)

    @cached_property
    def _claims(self) -> Mapping[tuple[str, str], Mapping[int, bool]]:
        found: dict[tuple[str, str], dict[int, bool]] = {}
        held = self.evidence.claims
        held = held[held["entry"].isin(self._top.index)]
        names = held[["instance", "service", "entry", "certain"]]
        for instance, service, entry, certain in names.itertuples(index=False, name=None):
            found.setdefault((instance, service), {})[entry] = bool(certain)
        return found

    def _shares(self, instance: str, marks: Mapping[int, Carries]) -> tuple[Figure, ...]:
        return tuple(
            self._share(f"{name} with the key", column, instance, marks)
            for name, column in (("calls", "calls"), ("time", "time_ms"))
        )

    def _share(self, name: str, column: str, instance: str, marks: Mapping[int, Carries]) -> Figure:
        weight = self._top[column].astype("Float64").fillna(0.0)
        sums = {
            mark: float(weight.loc[[e for e, m in marks.items() if m == mark]].sum())
            for mark in ("yes", "maybe", "no")
        }
        every = sum(sums.values())
        because = self._unread(instance)
        if every <= 0 or because:
            return Figure(name, "share", None, because or "no statement of it was counted")
        lost = evicted(self.evidence.window).get(instance)
        shares = Interval(sums["yes"] / every, (sums["yes"] + sums["maybe"]) / every)
        note = "of the statements that are left: entries were evicted" if lost else None
        return Figure(name, "share", shares, note)

    def _unread(self, instance: str) -> str | None:
        rows = self.evidence.workload.services
        rows = rows[(rows["instance"] == instance) & rows["calls_low"].isna()]
        return str(rows["because"].iloc[0]) if len(rows) else None


def in_words(figures: Iterable[Figure]) -> str:
    """Say which share carries a key.

    >>> in_words([Figure("calls with the key", "share", Interval(0.25, 0.5))])
    'its statements carry it in 25 % to 50 % of calls'
    """
    told = []
    for figure in figures:
        if figure.value is None:
            return f"how many of its statements carry it is not known: {figure.because}"
        low, high = (f"{end * 100:.0f} %" for end in figure.value)
        what = figure.name.removesuffix(" with the key")
        told.append(f"{low if low == high else f'{low} to {high}'} of {what}")
    return f"its statements carry it in {' and '.join(told)}"
