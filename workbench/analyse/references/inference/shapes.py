"""References of other shapes than one column to one key: composite keys, and rows of any table."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from workbench.analyse.references.inference.estate import Estate
from workbench.analyse.references.inference.naming import Reading
from workbench.analyse.references.inference.words import CODES, IDENTIFIERS, stems, words
from workbench.model import Shape

_SAYS_WHICH = frozenset(("type", "kind", "table", "model"))
_MOST = 5  # columns of a key
_TENANTS = 1 / 3  # share of tables that hold one column: that of a tenant
_BUSY = 64  # tables that may hold the first column of one key: more, and it is no key's own name


class Composite(NamedTuple):
    """Columns of a table that hold a key of several columns of another."""

    table: int
    columns: tuple[int, ...]
    target: int
    target_columns: tuple[int, ...]
    replaces: int | None  # the column whose plain reference to the same table it stands for


def polymorphic(estate: Estate) -> dict[int, int]:
    """Return the columns that identify a row of any table, each with the column that says of which.

    `target_id` beside `target_type`: the names agree but for their last word, and no key is so called.
    """
    found = {}
    by_stem: dict[tuple[int, tuple[str, ...]], list[tuple[int, str]]] = defaultdict(list)
    wanted: dict[tuple[int, tuple[str, ...]], int] = {}
    for column, name in enumerate(estate.column_names):
        said = stems(name)
        if len(said) < 2 or estate.arrays[column]:
            continue
        if said[-1] in IDENTIFIERS and estate.families[column]:
            wanted[estate.table_of[column], said[:-1]] = column
        elif said[-1] in _SAYS_WHICH and estate.families[column] in ("text", ""):
            by_stem[estate.table_of[column], said[:-1]].append((column, said[-1]))
    for place, column in wanted.items():
        if place in by_stem:
            found[column] = min(by_stem[place])[0]
    return found


def composites(
    estate: Estate, plain: Mapping[int, int], taken: Collection[tuple[int, tuple[int, ...]]]
) -> Iterator[Composite]:
    """Yield the references to keys of several columns, in order of tables.

    A key is meant where all its columns have the same name and kind of type in the other table, and one of
    them is called after the key's table. A key that adds a column to what is unique already was made to be
    referred to: it replaces the ``plain`` reference (column to target column) to that table.
    """
    holders: dict[tuple[int, tuple[str, ...], str], list[int]] = defaultdict(list)
    readings: dict[int, Reading] = {}
    for column, family in enumerate(estate.families):
        if family and not estate.arrays[column] and estate.eligible[estate.table_of[column]]:
            readings[column] = reading = estate.read(column)
            near = estate.near[estate.table_of[column]]
            holders[near, reading.all, family].append(column)
    by_target: dict[int, list[int]] = defaultdict(list)
    for column, key in plain.items():
        by_target[key].append(column)
    at = {
        (table, name): n
        for n, (table, name) in enumerate(zip(estate.table_of, estate.column_names, strict=True))
    }
    seen: set[tuple[int, tuple[int, ...]]] = set(taken)
    sizes = Counter(
        near for near, takes_part in zip(estate.near, estate.eligible, strict=True) if takes_part
    )
    for table, names in zip(
        estate.structure.keys["table"], estate.structure.keys["columns"], strict=True
    ):
        table = int(table)
        if not 1 < len(names) <= _MOST or not estate.eligible[table]:
            continue
        held = tuple(at[table, name] for name in names if (table, name) in at)
        if len(held) != len(names) or any(column not in readings for column in held):
            continue
        unique = [column for column in held if estate.unique[column]]
        if len(unique) == 1 and any(
            len(holders[estate.near[table], readings[column].all, estate.families[column]])
            > _TENANTS * sizes[estate.near[table]]
            for column in held
            if column != unique[0]
        ):
            continue  # what most tables have says whose the rows are
        if len(unique) == 1:
            sources = [(column, True) for column in by_target.get(unique[0], ())]
            lead = unique[0]
        elif not unique:
            owned = [column for column in held if _called_after(estate, table, readings[column])]
            if len(owned) != 1:
                continue
            lead = owned[0]
            same = holders[estate.near[table], readings[lead].all, estate.families[lead]]
            sources = [(column, False) for column in same] if len(same) <= _BUSY else []
        else:
            continue
        for column, replaces in sources:
            source = estate.table_of[column]
            if source == table:
                continue
            matched = _beside(estate, holders, readings, source, held, lead, column)
            if matched and (source, matched) not in seen:
                seen.add((source, matched))
                yield Composite(source, matched, table, held, column if replaces else None)


def _called_after(estate: Estate, table: int, reading: Reading) -> bool:
    return bool(reading.stem) and "".join(reading.stem) == "".join(estate.names[table])


def _beside(
    estate: Estate,
    holders: Mapping[tuple[int, tuple[str, ...], str], list[int]],
    readings: Mapping[int, Reading],
    source: int,
    held: tuple[int, ...],
    lead: int,
    column: int,
) -> tuple[int, ...] | None:
    """Return the columns of ``source`` for those of a key: ``column`` for its ``lead``, the rest by name."""
    first = estate.first_column(source)
    mine = {}
    for other in range(first, len(estate.table_of)):
        if estate.table_of[other] != source:
            break
        if other in readings:
            mine[readings[other].all, estate.families[other]] = other
    found = []
    for part in held:
        if part == lead:
            found.append(column)
            continue
        match = mine.get((readings[part].all, estate.families[part]))
        if match is None or _bare(readings[part]):
            return None
        found.append(match)
    return tuple(found)


def _bare(reading: Reading) -> bool:
    return not reading.stem and reading.tail in IDENTIFIERS


def shape_of(estate: Estate, column: int, key_column: int, tail: str) -> Shape:
    """Return the shape of a reference from a column to a key whose name ends in ``tail``."""
    if estate.arrays[column]:
        return "array"
    if estate.table_of[column] == estate.table_of[key_column]:
        return "self"
    if estate.sole[column]:
        return "shared_key"
    if tail in CODES and not estate.generated[key_column]:
        return "natural_key"
    return "plain"


_CHANGES = frozenset(
    ("created", "updated", "modified", "deleted", "changed", "archived", "removed", "inserted")
)


def audits(name: str) -> bool:
    """Whether a column tells who changed a row.

    >>> [audits(name) for name in ("created_by", "generatedBy", "deleted_by_user_id", "creatorId")]
    [True, True, True, False]
    """
    said = words(name)
    return "by" in said[1:] or any(word in _CHANGES for word in said)
