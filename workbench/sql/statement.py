"""What one text of SQL says: the facts that everything else asks of a statement."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

Name = tuple[str | None, str]
"""``(schema or None, name)`` of a relation or function, as the text writes it."""

Column = tuple[str | None, str, str]
"""``(schema or None, relation, column)``, aliases resolved."""

Filter = tuple[Column, str]
"""A column, and how it is compared: see ``Statement.filters``."""

Use = tuple[str, Name, tuple[str, ...], tuple[str, ...]]
"""One use of a relation: its alias or own name, the relation, and its columns by name, sorted: those
that the text names there (the empty name stands for all of them, ``*``), and those of them that it
compares bare, by an operator that is another one for another type."""

Change = tuple[str, Name, tuple[str, ...]]
"""``insert``, ``update``, ``delete`` or ``truncate``, of which relation, and of an update the columns
that it sets, sorted; none where the text does not say."""

_SETS = (
    *("reads", "writes", "locks", "objects", "joins", "filters", "stars", "functions"),
    *("aliases", "uses", "changes", "only"),
)
_NOTHING: frozenset[Any] = frozenset()
_FLAGS = ("has_limit", "has_offset", "is_foreign_key_check", "opaque")


@dataclass(frozen=True, slots=True)
class Statement:
    """The facts of one text of SQL. Relations are names as written; views are names like any other.

    ``kind`` is ``select``, ``insert``, ``update``, ``delete``, ``merge``, ``copy``, ``truncate``,
    ``refresh``, ``lock``, ``call``, ``do``, ``execute``, ``explain``, ``ddl``, ``maintenance``,
    ``set``, ``transaction``, ``cursor``, ``other``, ``several`` (a text of several statements of
    different kinds) or ``unreadable``. PREPARE and DECLARE CURSOR are of the kind they wrap.
    """

    kind: str
    reads: frozenset[Name] = frozenset()
    """Relations that are read, or that a view's or an EXPLAIN's query names."""
    writes: frozenset[Name] = frozenset()
    """Relations whose contents change; they are in ``reads`` only where they are named again."""
    locks: frozenset[Name] = frozenset()
    """What FOR UPDATE, FOR SHARE and their like, or LOCK, name."""
    objects: frozenset[Name] = frozenset()
    """Relations that DDL or maintenance names: created, altered, dropped, or referred to."""
    joins: frozenset[tuple[Column, Column]] = frozenset()
    """Pairs of columns set equal (or one IN the other), each pair sorted, of two uses of relations."""
    filters: frozenset[Filter] = frozenset()
    """Columns compared with constants or parameters: ``eq``, ``ne``, ``range``, ``in``, ``not_in``,
    ``like``, ``regex``, ``null``, ``not_null``, ``contains`` or ``other``."""
    order_by: tuple[Column, ...] = ()
    """The columns the outermost query is sorted by, in order."""
    stars: frozenset[Name] = frozenset()
    """Relations all columns of which are selected: ``*``, ``t.*`` or the whole row."""
    functions: frozenset[Name] = frozenset()
    """Functions and procedures called, built-in ones too."""
    aliases: frozenset[tuple[str, Name]] = frozenset()
    """Aliases that relations go by, where these are not their own names."""
    uses: frozenset[Use] = frozenset()
    """Each use of a relation with the columns that are surely its own; none where the facts are approximate."""
    changes: frozenset[Change] = frozenset()
    """What is done to the relations that are written."""
    only: frozenset[Name] = frozenset()
    """Relations of which the text says ONLY wherever it could: what inherits from them is left alone."""
    has_limit: bool = False
    has_offset: bool = False
    is_foreign_key_check: bool = False
    """Whether this is the query with which the server itself checks a foreign key."""
    opaque: bool = False
    """Whether more happens than the text shows: CALL, DO, EXECUTE and FETCH."""
    because: str | None = None
    """Why the facts are approximate; None where they are exact."""
    fingerprint: str | None = None
    """The parser's fingerprint, 16 hexadecimal digits; ``~`` and a hash of the text where it could
    not be parsed; None where there is no text."""

    @property
    def approximate(self) -> bool:
        """Whether the facts may be incomplete or wrong; ``because`` says why."""
        return self.because is not None

    @property
    def touches(self) -> frozenset[Name]:
        """Every relation the statement needs, in whatever way."""
        return self.reads | self.writes | self.locks | self.objects

    def without_columns(self) -> Statement:
        """Return the same facts but what is compared, sorted by and selected whole.

        Who touches what, and what refers to what, need none of it, and it is most of it.

        >>> statement_from_json('{"kind":"select","stars":[[null,"t"]],"reads":[[null,"t"]]}').without_columns()
        ... # doctest: +ELLIPSIS
        Statement(kind='select', reads=frozenset({(None, 't')}), ... stars=frozenset(), ...
        """
        return replace(self, filters=_NOTHING, order_by=(), stars=_NOTHING)

    def to_json(self) -> str:
        """Return the facts as one line of JSON, sorted, without what is empty.

        >>> Statement("truncate", writes=frozenset({("app", "t")})).to_json()
        '{"kind":"truncate","writes":[["app","t"]]}'
        """
        facts: dict[str, Any] = {"kind": self.kind}
        for name in _SETS:
            if found := getattr(self, name):
                facts[name] = sorted(found, key=ordered)
        for name in ("order_by", *_FLAGS, "because", "fingerprint"):
            if found := getattr(self, name):
                facts[name] = found
        return json.dumps(facts, separators=(",", ":"), ensure_ascii=True)


def statement_from_json(line: str) -> Statement:
    """Return the statement that ``to_json`` wrote; ValueError where ``line`` is none.

    >>> statement_from_json('{"kind":"truncate","writes":[["app","t"]]}').writes
    frozenset({('app', 't')})
    """
    facts = json.loads(line)
    if not isinstance(facts, dict) or "kind" not in facts:
        raise ValueError("no facts of a statement: the line is no object with a kind")
    for name in _SETS:
        if name in facts:
            facts[name] = frozenset(map(_tuples, facts[name]))
    if "order_by" in facts:
        facts["order_by"] = tuple(map(_tuples, facts["order_by"]))
    try:
        return Statement(**facts)
    except TypeError as fault:
        raise ValueError(f"no facts of a statement: {fault}") from None


class Pool:
    """Makes statements share the names and sets that they have in common: there are few, and many statements."""

    def __init__(self) -> None:
        self._held: dict[Any, Any] = {}

    def shared(self, statement: Statement) -> Statement:
        """Return ``statement`` itself, its parts replaced by equal ones that were seen before."""
        for name in _SETS:
            found = getattr(statement, name)  # an empty set of its own takes 200 bytes as well
            held = self._held.get(found)
            if held is None:
                part = self._use if name == "uses" else self._one
                held = frozenset(map(part, found))
                self._held[held] = held  # and not ``found``, whose parts are its own
            object.__setattr__(statement, name, held)
        object.__setattr__(statement, "order_by", self._one(statement.order_by))
        object.__setattr__(statement, "because", self._one(statement.because))
        object.__setattr__(statement, "kind", self._one(statement.kind))
        return statement

    def _use(self, use: Use) -> Use:
        """Few uses are alike, and few of their lists of columns: to look them up would take more than it saves."""
        alias, name, columns, compared = use
        return (
            self._one(alias),
            self._one(name),
            tuple(map(self._one, columns)),
            self._one(compared),
        )

    def _one(self, fact: Any) -> Any:
        held = self._held.get(fact)
        if held is None:
            if isinstance(fact, tuple):
                fact = tuple(map(self._one, fact))
            held = self._held[fact] = fact
        return held


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def ordered(fact: Any) -> Any:
    """A key that sorts names, columns and pairs of them; an absent schema comes first."""
    return tuple(map(ordered, fact)) if isinstance(fact, tuple) else fact or ""
