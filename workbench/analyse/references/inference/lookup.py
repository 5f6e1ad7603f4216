"""What a name could mean: keys looked up by words, so that the work grows with the columns alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

from workbench.analyse.references.inference.estate import Estate, Key
from workbench.analyse.references.inference.naming import Reading
from workbench.analyse.references.inference.words import (
    CODES,
    FLEETING,
    FOREIGN,
    GENERIC,
    HOLLOW,
    IDENTIFIERS,
    PEOPLE,
    ROLES,
    SECRETS,
)


class Kind(IntEnum):
    """By what the name of a column says the table, surest first."""

    ALIAS = 0  # a word that a person gave, or that a certain reference uses
    FULL = 1  # it ends with the table's whole name
    CONTEXT = 2  # it names the table after what its own table is called: area.type, area_type
    EXTENDS = 3  # the key of a table that is called after another: order_details, orders
    SUFFIX = 4  # it ends with the last words of the table's name
    KEY = 5  # it ends with the name of the table's key alone
    PREFIX = 6  # with its first words
    PAIR = 7  # the first or second of two, in a table that is called after two
    SELF = 8  # a relation between rows of one table: parent_id
    ROLE = 9  # a part that a person plays: created_by
    ACRONYM = 10
    SHORT = 11  # promo_id, promotion
    INITIALED = 12  # cdemo_id, customer_demographics
    TOLD = 13  # not by its name: statements join the two, or a comment says so


_FULL, _KEY, _SELF, _TOLD = (
    Kind.FULL,
    Kind.KEY,
    Kind.SELF,
    Kind.TOLD,
)  # members of an enumeration are slow to name


class Match(NamedTuple):
    """One key that a name could mean."""

    key: int
    kind: Kind
    matched: int  # words that agree
    left: int  # words of the column before them
    extra: int  # words of the table that the column does not say
    named: bool  # it ends with the name of the key


_CAPS = {
    Kind.FULL: (8, 8, 6),
    Kind.SUFFIX: (12, 8, 0),
    Kind.PREFIX: (6, 4, 0),
    Kind.KEY: (12, 12, 6),
    Kind.ACRONYM: (3, 2, 0),
    Kind.SHORT: (4, 2, 0),
    Kind.INITIALED: (3, 2, 0),
}
"""How many keys one word may mean in the own service, database and estate; a word that means more says
nothing."""

_PLAYED = frozenset(("assigned", "sent", "shared", "granted", "delegated", "belong", "addressed"))
_Where = tuple[int, str]


class Index:
    """The keys of an estate by the words that name them, within a service, a database, and all of it."""

    def __init__(
        self, estate: Estate, aliases: Mapping[tuple[int | None, str], Sequence[int]]
    ) -> None:
        self._estate = estate
        self._aliases = aliases
        self._found: dict[Kind, tuple[dict[_Where, tuple[int, ...]], ...]] = {
            kind: ({}, {}, {}) for kind in _CAPS
        }
        self._people: tuple[dict[int, list[tuple[float, int]]], ...] = (
            defaultdict(list),
            defaultdict(list),
            defaultdict(list),
        )
        self.of_table: dict[int, list[int]] = defaultdict(list)
        numbers: dict[tuple[int, int], int] = {}
        self._place = [
            numbers.setdefault(place, len(numbers))
            for place in zip(estate.own, estate.near, strict=True)
        ]
        self.whole_names = frozenset("".join(estate.names[key.table]) for key in estate.keys)
        for number, key in enumerate(estate.keys):
            self.of_table[key.table].append(number)
            self._enter(number, key)
        self._cache: dict[tuple[int, Reading], list[Match]] = {}

    def _enter(self, number: int, key: Key) -> None:
        name = self._estate.names[key.table]
        places = (self._estate.own[key.table], self._estate.near[key.table], 0)

        def enter(kind: Kind, word: str) -> None:
            for found, place, cap in zip(self._found[kind], places, _CAPS[kind], strict=True):
                if not cap:
                    continue
                held = found.get((place, word), ())
                if len(held) <= cap and number not in held:
                    found[place, word] = (*held, number)

        size = len(name)
        enter(Kind.FULL, "".join(name))
        for i in range(1, size):
            enter(Kind.SUFFIX, "".join(name[i:]))
            enter(Kind.PREFIX, "".join(name[:i]))
        said = key.reading.all
        telling = not SECRETS.intersection(said) and not _says_nothing(key.reading)
        if telling or (key.own and key.reading.stem):
            enter(Kind.KEY, "".join(said))
        if not key.own and not key.primary:
            return
        if size > 1:
            enter(Kind.ACRONYM, "".join(word[0] for word in name))
        if size:
            for word in {name[-1], name[0]}:
                for end in range(3, len(word)):
                    enter(Kind.SHORT, word[:end])
            if size > 1:
                for end in range(3, len(name[-1]) + 1):
                    enter(Kind.INITIALED, name[0][0] + name[-1][:end])
            liking = PEOPLE.get(name[-1], 0.0)
            if liking and key.own and key.alone:
                rank = (-liking + 0.01 * size, number)
                for found, place in zip(self._people, places, strict=True):
                    found[place].append(rank)
                    found[place].sort()
                    del found[place][4:]

    def look(self, kind: Kind, word: str, table: int, far: bool) -> Iterator[int]:
        """Yield the keys that a word means for a table: of its service and its database, else elsewhere."""
        places = (self._estate.own[table], self._estate.near[table], 0)
        seen: set[int] = set()
        for depth, (found, place, cap) in enumerate(
            zip(self._found[kind], places, _CAPS[kind], strict=True)
        ):
            if depth == 2 and (seen or not far):
                return
            held = found.get((place, word), ())
            if len(held) > cap:
                continue
            for number in held:
                if number not in seen:
                    seen.add(number)
                    yield number

    def people(self, table: int) -> list[int]:
        """Return the keys of tables of people that are nearest to a table."""
        places = (self._estate.own[table], self._estate.near[table], 0)
        seen: dict[int, None] = {}
        for found, place in zip(self._people, places, strict=True):
            for _, number in found.get(place, ()):
                seen[number] = None
        return list(seen)[:8]

    def matches(self, table: int, reading: Reading) -> list[Match]:
        """Return what a column's name means in a table, whatever that table is called."""
        known = (self._place[table], reading)
        if known not in self._cache:
            self._cache[known] = self._matches(table, reading)
        return self._cache[known]

    def _matches(self, table: int, reading: Reading) -> list[Match]:
        best: dict[int, Match] = {}
        stem, tail, everything = reading.stem, reading.tail, reading.all
        keys = self._estate.keys
        fleeting = bool(stem) and stem[-1] in FLEETING

        def put(number: int, kind: Kind, matched: int, left: int, extra: int, named: bool) -> None:
            before = best.get(number)
            if before is None:
                best[number] = Match(number, kind, matched, left, extra, named)
            elif kind < before.kind:
                best[number] = Match(number, kind, matched, left, extra, named or before.named)
            elif named and not before.named:
                best[number] = before._replace(named=True)

        for i in range(len(stem)):
            word = "".join(stem[i:])
            far = not fleeting and bool(tail) and not FOREIGN.intersection(stem)
            for kind in (Kind.FULL, Kind.SUFFIX, Kind.PREFIX):
                for number in self.look(kind, word, table, far):
                    key = keys[number]
                    name = self._estate.names[key.table]
                    if kind == Kind.PREFIX and tail in name:
                        continue
                    if self._fits(key, tail):
                        extra = len(name) - (len(stem) - i)
                        put(number, kind, len(stem) - i, i, max(extra, 0), False)
            place = (self._estate.own[table], None)
            for scope in place:
                for target in self._aliases.get((scope, word), ()):
                    for number in self.of_table.get(target, ())[:1]:
                        put(number, Kind.ALIAS, len(stem) - i, i, 0, False)
        for i in range(len(everything)):
            word = "".join(everything[i:])
            for number in self.look(Kind.KEY, word, table, i == 0 and not fleeting):
                put(number, Kind.KEY, max(len(stem) - i, 1), i, 0, True)
        if (
            stem
            and (tail in IDENTIFIERS or tail in CODES)
            and not any(m.kind == Kind.FULL for m in best.values())
        ):
            for kind in (Kind.ACRONYM, Kind.SHORT, Kind.INITIALED):
                for number in self.look(kind, stem[-1], table, False):
                    if self._fits(keys[number], tail):
                        put(number, kind, 1, len(stem) - 1, 0, False)
        played = (
            tail == "by"
            or stem[-1:] == ("by",)
            or (tail == "to" and bool(stem) and stem[-1] in _PLAYED)
        )
        if played or (stem and stem[-1] in ROLES and tail not in CODES):
            for number in self.people(table):
                put(number, Kind.ROLE, 0, len(stem), 0, False)
        return list(best.values())

    @staticmethod
    def _fits(key: Key, tail: str) -> bool:
        """Whether a column that ends so, and names the key's table, may hold that key."""
        last = key.reading.tail
        if tail == last:
            return True
        if not (key.own or key.primary):
            return False
        if tail in CODES:
            return last in CODES or last not in IDENTIFIERS
        return (
            tail == ""
            or (tail in IDENTIFIERS and last not in CODES)
            or (tail not in ("by", "to") and key.primary)
        )


def _says_nothing(reading: Reading) -> bool:
    stem = reading.stem
    return HOLLOW.issuperset(stem) or (len(reading.all) == 1 and reading.all[0] in GENERIC)
