"""What others say of a column: people in aliases and comments, statements in joins, references that are certain."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from workbench.analyse.references.inference.estate import Estate
from workbench.analyse.references.inference.words import stems


def aliases_of(
    estate: Estate,
    given: Iterable[tuple[str, int, str | None]],
    certain: Mapping[int, int | None],
) -> dict[tuple[int | None, str], list[int]]:
    """Return words and the tables they mean, by service: those that people gave, and those that certain references use.

    ``given`` are (word, table, service or None: everywhere); ``certain`` maps columns to the keys they are
    known to refer to.
    """
    found: dict[tuple[int | None, str], list[int]] = defaultdict(list)
    for word, table, service in given:
        place = None if service is None else estate.services.get(service, -1)
        found[place, "".join(stems(word))].append(table)
    learned: dict[tuple[int, str], set[int]] = defaultdict(set)
    for column, key in certain.items():
        if key is None:
            continue
        stem = estate.read(column).stem
        own = estate.own[estate.table_of[column]]
        for i in range(len(stem)):
            learned[own, "".join(stem[i:])].add(estate.keys[key].table)
    for (place, word), tables in learned.items():
        if len(tables) == 1 and (place, word) not in found and (None, word) not in found:
            found[place, word] = sorted(tables)
    return dict(found)


def _of_its_own(estate: Estate, key: int) -> bool:
    """Whether a key is just `id`, or called after the whole name of its table."""
    stem = "".join(estate.keys[key].reading.stem)
    return stem in ("", "".join(estate.names[estate.keys[key].table]))


_NAMES = re.compile(
    r"(?:\breferences?|\brefers? to|\bforeign key(?: to)?|\bfk(?: to)?|\bpoints? to|->|→)"
    r"\s*:?\s*[\"`']?((?:[\w]+[\"`']?\.[\"`']?){0,2}\w+)",
    re.IGNORECASE,
)


def told_of(
    estate: Estate,
    at: Mapping[tuple[int, str], int],
    key_at: Mapping[int, int],
    joins: Iterable[tuple[int, str, int, str, int]],
) -> dict[int, frozenset[int]]:
    """Return the keys that statements compare a column with, and those that its comment names, by column.

    Where statements compare two keys, the one that is called after its own table is told of none that is not.

    ``at`` and ``key_at`` find columns by table and name, and keys by column; ``joins`` are (table, column,
    table, column, calls).
    """
    found: dict[int, set[int]] = defaultdict(set)
    for table, column, other, other_column, _ in joins:
        ends = (at.get((table, column)), at.get((other, other_column)))
        for source, target in (ends, ends[::-1]):
            if source is None or target is None or source == target:
                continue
            key = key_at.get(target)
            fits = key is not None and (estate.keys[key].own or estate.keys[key].primary)
            if key is None or not fits or estate.families[source] != estate.keys[key].family:
                continue
            mine = key_at.get(source)
            if mine is not None and _of_its_own(estate, mine) and not _of_its_own(estate, key):
                continue  # two keys: the one that is called after another table refers
            found[source].add(key)
    for source, key in _commented(estate):
        found[source].add(key)
    return {source: frozenset(keys) for source, keys in found.items()}


def _commented(estate: Estate) -> Iterator[tuple[int, int]]:
    said = [
        (n, match)
        for n, comment in enumerate(estate.structure.columns["comment"])
        if isinstance(comment, str) and (match := _NAMES.search(comment[:500]))
    ]
    if not said:
        return
    by_name: dict[tuple[int, str], list[int]] = defaultdict(list)
    for n, key in enumerate(estate.keys):
        if key.primary:
            by_name[estate.near[key.table], estate.table_names[key.table].lower()].append(n)
    for column, match in said:
        parts = [part.strip("\"`'").lower() for part in match[1].split(".")]
        near = estate.near[estate.table_of[column]]
        for part in reversed(parts):
            keys = by_name.get((near, part), [])
            if len(keys) == 1 and estate.keys[keys[0]].family == estate.families[column]:
                yield column, keys[0]
                break
