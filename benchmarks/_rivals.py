"""The rules by which other tools find references that no foreign key declares, each as its source has them.

From names, types and single-column primary keys alone. Views, options and settings beyond their defaults
are left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from benchmarks._truth import Edge
from workbench.analyse.references.inference.words import singular, words
from workbench.analyse.references.structure import Structure


class Seen:
    """A structure as the rules look at it."""

    def __init__(self, structure: Structure) -> None:
        tables = structure.tables
        self.names: list[str] = [str(t) for t in tables["table"]]
        self.schemas: list[str] = [str(s) for s in tables["schema"]]
        of = structure.columns
        self.columns: list[tuple[int, str, str]] = list(
            zip(of["table"].tolist(), of["column"].tolist(), of["type"].tolist(), strict=True)
        )
        types = {(t, c): kind for t, c, kind in self.columns}
        keys = structure.keys
        self.keys: list[tuple[int, str, str]] = [
            (int(t), c[0], types[t, c[0]])
            for t, c, primary in zip(keys["table"], keys["columns"], keys["primary"], strict=True)
            if primary and len(c) == 1 and (t, c[0]) in types
        ]

    def by_name(self) -> dict[str, list[tuple[int, str, str]]]:
        found: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
        for key in self.keys:
            found[_one(self.names[key[0]])].append(key)
        return found


def schemaspy(seen: Seen) -> Iterator[Edge]:
    """A column that equals or ends with a key's name and has its type; more than one match gives none."""
    by_end: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for key in seen.keys:
        by_end[key[1].lower()].append(key)
    for table, column, kind in seen.columns:
        name = column.lower()
        found = [
            key
            for start in range(len(name))
            for key in by_end.get(name[start:], ())
            if key[0] != table and key[2] == kind
        ]
        if len(found) == 1:
            yield table, column, found[0][0], found[0][1]


def tbls(seen: Seen) -> Iterator[Edge]:
    """`x_id` to `xs.id`, `x.id`, `xs.x_id` or `x.x_id` of the same schema; types are not looked at."""
    by_place = {
        (seen.schemas[t], seen.names[t], column): (t, column) for t, column, _ in seen.columns
    }
    for table, column, _ in seen.columns:
        if not column.endswith("_id") or len(column) == 3:
            continue
        noun = column[:-3]
        for name in (_many(noun), noun):
            for key in ("id", column):
                found = by_place.get((seen.schemas[table], name, key))
                if found and found != (table, column):
                    yield table, column, *found
                    break
            else:
                continue
            break


def schemacrawler(seen: Seen) -> Iterator[Edge]:
    """The name without its id and in the singular is a table's; same type; the first of several."""
    by_name = seen.by_name()
    for table, column, kind in seen.columns:
        stem = _without_id(column)
        found = [k for k in by_name.get(_one(stem), ()) if k[2] == kind] if stem else []
        if found and (found[0][0], found[0][1]) != (table, column):
            yield table, column, found[0][0], found[0][1]


def azimutt(seen: Seen) -> Iterator[Edge]:
    """Words with up to three taken from either end, `*_by` to users; every candidate, in every schema."""
    by_name = seen.by_name()
    for table, column, _ in seen.columns:
        said = words(column)
        if len(said) > 1 and said[-1] == "by":
            names = {"user"}
        elif len(said) > 1 and said[-1] in ("id", "ids"):
            rest = said[:-1]
            names = {
                "".join(map(singular, rest[a : len(rest) - b]))
                for a in range(4)
                for b in range(4)
                if a + b < len(rest)
            }
        else:
            continue
        for name in sorted(names):
            for key in by_name.get(name, ()):
                if (key[0], key[1]) != (table, column):
                    yield table, column, key[0], key[1]


RIVALS: Sequence[tuple[str, Callable[[Seen], Iterator[Edge]]]] = (
    ("SchemaSpy", schemaspy),
    ("tbls", tbls),
    ("SchemaCrawler", schemacrawler),
    ("Azimutt", azimutt),
)


def _one(name: str) -> str:
    return "".join(map(singular, words(name)))


def _many(noun: str) -> str:
    if noun.endswith("y"):
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def _without_id(column: str) -> str:
    lower = column.lower()
    for end in ("_id", "_key", "_keyid", "id"):
        if lower.endswith(end) and len(lower) > len(end):
            return column[: -len(end)]
    return ""
