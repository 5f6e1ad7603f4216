"""Which keys each column could refer to: what its name means, what its table is called after, what was said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.analyse.references.inference.estate import Estate, Ints, Key
from workbench.analyse.references.inference.lookup import Index, Kind, Match
from workbench.analyse.references.inference.naming import Reading
from workbench.analyse.references.inference.words import (
    CHIEFS,
    CODES,
    FOREIGN,
    IDENTIFIERS,
    LED,
    SELVES,
)

_FULL, _KEY, _SELF, _TOLD = (
    Kind.FULL,
    Kind.KEY,
    Kind.SELF,
    Kind.TOLD,
)  # members of an enumeration are slow to name


@dataclass(frozen=True)
class Pairs:
    """Every column with every key that it could refer to, in order of columns; arrays of one length."""

    column: Ints
    key: Ints
    kind: Ints
    matched: Ints
    left: Ints
    extra: Ints
    named: Ints
    told: Ints  # statements join the two, or a comment says so: 1 or 0
    foreign: Ints  # it says somebody outside whom the table's name does not: 1 or 0
    context: Ints  # the words that the column does not say are in the name of its own table


def pairs(
    estate: Estate,
    aliases: Mapping[tuple[int | None, str], Sequence[int]],
    told: Mapping[int, frozenset[int]],
    rejected: frozenset[tuple[int, int | None]],
) -> Pairs:
    """Return every column with the keys that it could refer to.

    ``aliases`` are tables by (service number or None, word); ``told`` the keys that statements or comments
    name, by column; ``rejected`` are (column, target table or None: any).
    """
    index = Index(estate, aliases)
    rows: list[int] = []
    keys, names, table_of = estate.keys, estate.names, estate.table_of
    for column, family in enumerate(estate.families):
        table = table_of[column]
        if not family or not estate.eligible[table]:
            continue
        if (column, None) in rejected:
            continue
        reading = estate.read(column)
        if not reading.all:
            continue
        aliens = FOREIGN.intersection(reading.stem)
        heard = told.get(column, frozenset())
        name = names[table]
        here = set(name)
        found = [
            m
            for m in index.matches(table, reading)
            if keys[m.key].family == family and keys[m.key].column != column
        ]
        found += _of_table(estate, index, column, reading)
        found += [Match(key, Kind.TOLD, 0, 0, 0, False) for key in sorted(heard)]
        for match in _one_a_table(keys, found) if len(found) > 1 else found:
            key = keys[match.key]
            if key.table == table and match.left == 0 and match.kind not in (_SELF, _TOLD):
                continue  # it says its own table: an identifier of the row itself
            if (column, key.table) in rejected:
                continue
            outside = aliens and not aliens.issubset(names[key.table])
            unsaid = () if match.kind == _FULL else _unsaid(reading.stem, names[key.table])
            rows.extend(
                (
                    column,
                    match.key,
                    int(match.kind),
                    match.matched,
                    match.left,
                    match.extra,
                    int(match.named),
                    int(match.key in heard),
                    int(bool(outside)),
                    int(bool(unsaid) and here.issuperset(unsaid)),
                )
            )
    found_all = np.array(rows, dtype=np.int64).reshape(-1, 10)
    return Pairs(*(found_all[:, n] for n in range(10)))


def _one_a_table(keys: Sequence[Key], found: Sequence[Match]) -> list[Match]:
    """Keep of several keys of one table the one whose name the column has, else the first: the primary."""
    best: dict[int, Match] = {}
    for match in found:
        table = keys[match.key].table
        before = best.get(table)
        if before is None:
            best[table] = match
            continue
        mine, other = ((m.named, m.kind != _KEY, -m.key) for m in (match, before))
        if match.key == before.key:
            surer = min(match, before, key=lambda m: (m.kind, m.left))
            best[table] = surer._replace(named=match.named or before.named)
        elif mine > other:
            best[table] = match
    return list(best.values())


def _unsaid(stem: tuple[str, ...], name: tuple[str, ...]) -> list[str]:
    return [word for word in name if word not in stem]


def _of_table(estate: Estate, index: Index, column: int, reading: Reading) -> Iterator[Match]:
    """Yield what a column's name means because of the name of its own table."""
    table = estate.table_of[column]
    name, family = estate.names[table], estate.families[column]
    stem, tail = reading.stem, reading.tail

    def fitting(numbers: Iterable[int]) -> Iterator[int]:
        for number in numbers:
            key = estate.keys[number]
            wanted = key.family == family and key.column != column and (key.own or key.primary)
            if wanted and (tail not in CODES or key.reading.tail not in IDENTIFIERS):
                yield number

    if stem and (tail in IDENTIFIERS or tail in CODES or not tail):
        said = "".join(stem)
        for i in range(1, len(name) + 1):
            for start in dict.fromkeys(("".join(name[:i]), "".join(name[-i:]))):
                if start + said not in index.whole_names:
                    continue
                for number in fitting(index.look(Kind.FULL, start + said, table, False)):
                    yield Match(number, Kind.CONTEXT, len(stem), 0, i, False)
    if stem and any(word in SELVES for word in stem):
        rest = [word for word in stem if word not in SELVES]
        if not rest or "".join(name).endswith("".join(rest)) or len(rest) == 1:
            for number in fitting(index.of_table.get(table, ())):
                fits = bool(rest) and "".join(name).endswith("".join(rest))
                yield Match(
                    number,
                    Kind.SELF,
                    len(rest) if fits else 0,
                    0 if fits or not rest else 1,
                    0,
                    False,
                )
    elif (stem and stem[-1] in CHIEFS and name and name[-1] in LED) or (
        tail == "to" and stem and stem[-1] == "reply"
    ):
        for number in fitting(index.of_table.get(table, ())):
            yield Match(number, Kind.SELF, 0, 0, 0, False)
    drawn = family == "integer" and estate.counted[estate.near[table]] >= 0.3
    if drawn and estate.sole[column] and not estate.generated[column] and len(name) > 1:
        for i in range(len(name) - 1, 0, -1):
            longest = [
                Match(number, Kind.EXTENDS, i, 0, 0, False)
                for start in (name[:i], name[-i:])
                for number in fitting(index.look(Kind.FULL, "".join(start), table, False))
                if estate.keys[number].primary
            ]
            if longest:
                yield from longest
                break
    if reading.which is not None and len(name) > 1:
        for target, place in _two(estate, index, table, name):
            if place == reading.which:
                for number in fitting([target]):
                    yield Match(number, Kind.PAIR, 1, len(stem), 0, False)


def _two(
    estate: Estate, index: Index, table: int, name: tuple[str, ...]
) -> Iterator[tuple[int, int]]:
    """Yield the keys of the two tables that a table is called after, each with its place: 0, 1 and 1, 2."""
    for start in (0, 1):
        for middle in range(start + 1, len(name)):
            firsts = list(index.look(Kind.FULL, "".join(name[start:middle]), table, False))
            if not firsts:
                continue
            for end in range(len(name), middle, -1):
                seconds = list(index.look(Kind.FULL, "".join(name[middle:end]), table, False))
                if seconds:
                    numbered = {r.which for r in _numbered(estate, table)}
                    shift = 0 if 0 in numbered else 1
                    yield from ((n, shift) for n in firsts)
                    yield from ((n, shift + 1) for n in seconds)
                    return


def _numbered(estate: Estate, table: int) -> Iterator[Reading]:
    first = estate.first_column(table)
    for column in range(first, len(estate.table_of)):
        if estate.table_of[column] != table:
            return
        reading = estate.read(column)
        if reading.which is not None:
            yield reading
