"""What a write sets off by itself: a table's triggers, rules and expressions, foreign keys that cascade, heirs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from workbench.analyse.catalogue import Function
from workbench.analyse.cells import text_of
from workbench.analyse.expressions import Expression, expressions, own_functions
from workbench.analyse.inheritance import children
from workbench.snapshot import Snapshot, records
from workbench.sql import Name

_EVENTS = ("insert", "update", "delete", "truncate")
_FIRING = ("O", "A")
"""Settings of a trigger or rule with which it fires in an ordinary session: neither disabled nor of a replica."""
_UPDATES = re.compile(r"\bDO\s+(?=UPDATE\s+(?!SET\b))", re.IGNORECASE)
"""Where a rule does an UPDATE, and it is not what ON CONFLICT does."""
_ACTING = ("c", "n", "d")
"""CASCADE, SET NULL, SET DEFAULT."""


class Trigger(NamedTuple):
    """A trigger that fires, and the function it runs."""

    name: str
    function: Name
    events: frozenset[str]
    columns: frozenset[str]
    """of UPDATE OF; none: whatever is set"""

    def fires(self, event: str, columns: frozenset[str]) -> bool:
        """Whether a change fires it, or may; ``columns`` are those that an update sets, none where unknown."""
        of_others = self.columns and columns and not self.columns & columns
        return event in self.events and not (event == "update" and of_others)


class Rule(NamedTuple):
    """A rewrite rule that is used, and what it does: the text that defines it stands for a body."""

    name: str
    event: str
    does: Function


class Cascade(NamedTuple):
    """A foreign key, seen from the table that it references."""

    name: str
    child: int
    """oid of the table that has it"""
    columns: frozenset[str]
    """the child's"""
    keys: frozenset[str]
    """the referenced ones"""
    on_delete: str
    on_update: str
    """as pg_constraint has them: ``a``, ``r``, ``c``, ``n``, ``d``"""

    def change(self, event: str, columns: frozenset[str]) -> tuple[str, frozenset[str]] | None:
        """What becomes of the child's rows: an event and, of an update, its columns; None: nothing.

        TRUNCATE of what is referenced takes the child along, or is refused. An update whose columns are
        unknown is taken to leave the key alone.
        """
        if event == "truncate":
            return "truncate", frozenset()
        if event == "delete" and self.on_delete in _ACTING:
            whole = self.on_delete == "c"
            return ("delete", frozenset()) if whole else ("update", self.columns)
        if event == "update" and self.on_update in _ACTING and self.keys & columns:
            return "update", self.columns
        return None


class Reactions(NamedTuple):
    """What writes to one relation set off."""

    triggers: tuple[Trigger, ...] = ()
    cascades: tuple[Cascade, ...] = ()
    rules: tuple[Rule, ...] = ()
    expressions: tuple[Expression, ...] = ()
    children: tuple[int, ...] = ()
    """oids of what inherits from it: all but an INSERT works on them too, unless it says ONLY"""


Place = tuple[str, str, int]
"""Instance, database, and the oid of a partition root."""


def reactions(
    snapshot: Snapshot, roots: Mapping[tuple[str, str], Mapping[int, int]]
) -> dict[Place, Reactions]:
    """Return what writes set off, per relation; a partition's triggers and rules are its root's.

    ``roots`` gives each database's partition roots by oid. Reads the frames triggers, rules, functions, constraints,
    columns, inheritance and what ``expressions`` reads. Triggers whose function is the system's or an extension's are left out.
    """
    names = _Columns(snapshot)
    triggers = _triggers(snapshot, roots, names)
    cascades = _cascades(snapshot, roots, names)
    rules = _rules(snapshot, roots)
    computed = expressions(snapshot, roots)
    heirs = children(snapshot)
    places = (triggers, cascades, rules, computed, heirs)
    return {
        place: Reactions(
            tuple(triggers.get(place, ())),
            tuple(cascades.get(place, ())),
            tuple(rules.get(place, ())),
            computed.get(place, ()),
            heirs.get(place, ()),
        )
        for place in {place for found in places for place in found}
    }


class _Columns:
    """Names of columns, of those relations alone that are asked for."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.held: dict[tuple[str, str, int, int], str] = {}

    def read(self, relations: set[int]) -> None:
        rows = self.snapshot.frame("columns", "relation_oid", "attnum", "attname")
        for r in records(rows[rows["relation_oid"].isin(relations)]):
            key = (r["instance"], r["database"], int(r["relation_oid"]), int(r["attnum"]))
            self.held[key] = r["attname"]

    def names(self, instance: str, database: str, oid: int, numbers: object) -> frozenset[str]:
        listed = numbers if isinstance(numbers, Iterable) else ()
        keys = ((instance, database, oid, int(n)) for n in listed)
        return frozenset(self.held[key] for key in keys if key in self.held)


def _triggers(
    snapshot: Snapshot, roots: Mapping[tuple[str, str], Mapping[int, int]], columns: _Columns
) -> dict[Place, list[Trigger]]:
    frame = snapshot.frame(
        "triggers",
        "trigger",
        "relation_oid",
        "function_oid",
        "tgenabled",
        "tgattr",
        *(f"on_{event}" for event in _EVENTS),
    )
    rows = records(frame[frame["tgenabled"].isin(_FIRING)])
    if not rows:
        return {}
    called = own_functions(snapshot)
    columns.read({int(r["relation_oid"]) for r in rows})
    found: dict[Place, dict[Trigger, None]] = {}
    for r in rows:
        where, oid = (r["instance"], r["database"]), int(r["relation_oid"])
        function = called.get((*where, int(r["function_oid"])))
        if function is None:
            continue
        events = frozenset(e for e in _EVENTS if r[f"on_{e}"] is True)
        named = columns.names(*where, oid, r["tgattr"])
        trigger = Trigger(r["trigger"], function, events, named)
        root = roots.get(where, {}).get(oid, oid)
        found.setdefault((*where, root), {})[trigger] = None  # a partition's copy is the same
    return {place: sorted(held, key=lambda t: t.name) for place, held in found.items()}


def _rules(
    snapshot: Snapshot, roots: Mapping[tuple[str, str], Mapping[int, int]]
) -> dict[Place, list[Rule]]:
    names = ("rule", "relation_oid", "event", "ev_enabled", "definition")
    frame = snapshot.frame("rules", *names)
    found: dict[Place, list[Rule]] = {}
    for r in records(frame[frame["ev_enabled"].isin(_FIRING)]):
        where, oid = (r["instance"], r["database"]), int(r["relation_oid"])
        does = Function(does_of(r["definition"]), None)
        root = roots.get(where, {}).get(oid, oid)
        found.setdefault((*where, root), []).append(Rule(r["rule"], r["event"], does))
    return {place: sorted(held, key=lambda r: r.name) for place, held in found.items()}


def does_of(definition: object) -> str | None:
    """Return the text that defines a rule as a body is read, or None where it is not known."""
    text = text_of(definition)
    return None if text is None else _UPDATES.sub("; ", text)


def _cascades(
    snapshot: Snapshot, roots: Mapping[tuple[str, str], Mapping[int, int]], columns: _Columns
) -> dict[Place, list[Cascade]]:
    frame = snapshot.frame(
        "constraints",
        "conname",
        "contype",
        "relation_oid",
        "conkey",
        "referenced_oid",
        "confkey",
        "confupdtype",
        "confdeltype",
        "parent_oid",
    )
    rows = records(frame[(frame["contype"] == "f") & frame["parent_oid"].isna()])
    columns.read({int(r[k]) for r in rows for k in ("relation_oid", "referenced_oid")})
    found: dict[Place, list[Cascade]] = {}
    for r in rows:
        where = (r["instance"], r["database"])
        child, parent = int(r["relation_oid"]), int(r["referenced_oid"])
        cascade = Cascade(
            r["conname"],
            child,
            columns.names(*where, child, r["conkey"]),
            columns.names(*where, parent, r["confkey"]),
            r["confdeltype"],
            r["confupdtype"],
        )
        root = roots.get(where, {}).get(parent, parent)
        found.setdefault((*where, root), []).append(cascade)
    return {place: sorted(held, key=lambda c: (c.name, c.child)) for place, held in found.items()}
