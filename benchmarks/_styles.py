"""The same schema as others would have written it: so that weights learn what names mean and not one style."""

from __future__ import annotations

from collections import defaultdict

from benchmarks._truth import Edge, Truth
from workbench.analyse.references.inference.words import stems, words
from workbench.analyse.references.structure import Structure

STYLES: tuple[frozenset[str], ...] = tuple(
    map(
        frozenset,
        (
            ("bare", "unindexed"),
            ("fused",),
            ("tables prefixed", "texts"),
            ("columns prefixed", "unindexed"),
            ("uuids", "unindexed"),
            ("coded", "unindexed"),
            ("coded",),
            ("split", "unindexed"),
        ),
    )
)
"""bare: `user` for `user_id`; coded: keys, and what refers to them, have a short word of their own; fused: no
separators; split: tables in three schemas."""


def restyled(truth: Truth, style: frozenset[str]) -> tuple[Structure, frozenset[Edge]]:
    """Return a set's structure and truth in another style."""
    structure = truth.structure()
    tables, columns = structure.tables.copy(), structure.columns.copy()
    keys, indexes = structure.keys.copy(), structure.indexes.copy()
    names = [str(t) for t in tables["table"]]
    renamed = _renamed(truth, structure, names, style)

    def name(table: int, column: str) -> str:
        found = renamed.get((table, column), column)
        if "columns prefixed" in style:
            found = "".join(w[0] for w in words(names[table])) + "_" + found
        return "".join(words(found)) if "fused" in style else found

    columns["column"] = [
        name(t, c) for t, c in zip(columns["table"], columns["column"], strict=True)
    ]
    for frame in (keys, indexes):
        frame["columns"] = [
            tuple(name(t, c) for c in held)
            for t, held in zip(frame["table"], frame["columns"], strict=True)
        ]
    before = "ab_" if "tables prefixed" in style else ""
    tables["table"] = [before + ("".join(words(n)) if "fused" in style else n) for n in names]
    if "split" in style:
        tables["schema"] = [f"s{sum(map(ord, (stems(n) or ('',))[0])) % 3}" for n in names]
        tables["service"] = tables["schema"]
    if "unindexed" in style:
        held = set(zip(keys["table"], keys["name"], strict=True))
        kept = [place in held for place in zip(indexes["table"], indexes["name"], strict=True)]
        indexes = indexes[kept].reset_index(drop=True)
    if "texts" in style:
        columns["generated"] = False
        columns["type"] = columns["type"].replace(
            dict.fromkeys(("uuid", "bigint", "integer"), "character varying(36)")
        )
    if "uuids" in style:
        columns["generated"] = False
        columns["type"] = columns["type"].replace(dict.fromkeys(("bigint", "integer"), "uuid"))
    references = frozenset((t, name(t, c), u, name(u, d)) for t, c, u, d in truth.references)
    return Structure(tables, columns, keys, indexes), references


def _renamed(
    truth: Truth, structure: Structure, names: list[str], style: frozenset[str]
) -> dict[tuple[int, str], str]:
    held: dict[int, set[str]] = defaultdict(set)
    for table, column in zip(structure.columns["table"], structure.columns["column"], strict=True):
        held[table].add(column)
    renamed: dict[tuple[int, str], str] = {}

    def rename(table: int, column: str, new: str) -> None:
        if new not in held[table]:
            held[table].add(new)
            renamed[table, column] = new

    if "bare" in style:
        for table, columns in list(held.items()):
            for column in sorted(columns):
                said = words(column)
                if len(said) > 1 and said[-1] == "id":
                    rename(table, column, "_".join(said[:-1]))
    if "coded" in style:
        referring: dict[tuple[int, str], list[tuple[int, str]]] = defaultdict(list)
        for table, column, target, key in sorted(truth.references):
            referring[target, key].append((table, column))
        for place, sources in sorted(referring.items())[::2]:
            noun = "".join(stems(names[place[0]]))
            code = "".join(letter for letter in noun if letter not in "aeiou")[:3][::-1] + "q"
            called = [s for s in sources if "".join(stems(s[1])[:-1]) == noun]
            if len(called) > 1:
                renamed.pop(place, None)
                for table, column in (place, *called):
                    rename(table, column, f"{code}_id")
    return renamed
