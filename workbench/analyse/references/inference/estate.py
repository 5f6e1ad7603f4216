"""The tables, columns and keys of a structure as the inference sees them: read once, numbered, in arrays."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.analyse.references.inference.naming import (
    Habits,
    Reading,
    column_prefixes,
    habits,
    table_prefix,
)
from workbench.analyse.references.inference.words import COPIES, IDENTIFIERS, stems, words
from workbench.analyse.references.structure import Structure

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_INTEGERS = frozenset(("smallint", "integer", "bigint", "oid"))
_TEXTS = frozenset(("text", "character varying", "character", "citext", "name", "bpchar"))
_OTHERS = frozenset(("uuid", "bytea", "ltree"))
_MODIFIER = re.compile(r"\([^)]*\)")
_DATED = re.compile(r"\d{6,}|^(?:19|20)\d\d$")


@dataclass(frozen=True)
class Key:
    """A key of one column, and what its names say."""

    table: int
    column: int  # row in the structure's columns
    name: str
    family: str
    type: str
    primary: bool
    alone: bool  # unique by itself; else by the columns that its table is partitioned by
    reading: Reading
    own: bool  # it is called after its table, or just `id`


@dataclass(frozen=True)
class Estate:
    """What the inference knows of a structure before it looks for references.

    ``families`` says by column what it can be compared with ("" : nothing that refers); an array has its
    element's, and is marked in ``arrays``. ``own`` and ``near`` number each table's service and database.
    """

    structure: Structure
    table_names: list[str]
    names: list[tuple[str, ...]]  # by table: its words
    own: list[int]
    near: list[int]
    services: dict[str, int]  # the numbers of services by name
    eligible: list[bool]  # tables that refer and are referred to
    habits: list[Habits]  # by database
    prefixes: dict[int, str]
    keys: list[Key]
    families: list[str]
    arrays: Bools
    table_of: list[int]
    column_names: list[str]
    types: list[str]
    indexed: Bools  # an index begins with it
    unique: Bools  # unique alone
    sole: Bools  # the primary key alone
    member: Bools  # one column of a composite primary key
    generated: Bools
    readings: dict[tuple[int, str, str | None], Reading]  # what was read before
    counted: list[float]  # by database: the share of its integer keys that are generated

    def first_column(self, table: int) -> int:
        """Return the row of a table's first column; columns are in order of tables."""
        return bisect_left(self.table_of, table)

    def read(self, column: int) -> Reading:
        """Return a column's name in parts."""
        table = self.table_of[column]
        known = (self.near[table], self.column_names[column], self.prefixes.get(table))
        if known not in self.readings:
            self.readings[known] = self.habits[known[0]].read(*known[1:])
        return self.readings[known]


def family(type_: str, kind: str) -> tuple[str, bool]:
    """Return what values of a type can be compared with, and whether the type is an array of them.

    >>> family("character varying(21)", "b"), family("uuid[]", "b"), family("boolean", "b")
    (('text', False), ('uuid', True), ('', False))
    >>> family("numeric(38,0)", "b"), family("numeric(7,2)", "b"), family("order_status", "e")
    (('number', False), ('', False), ('', False))
    """
    array = type_.endswith("[]")
    name = type_.removesuffix("[]")
    if kind not in ("b", "d"):
        return "", array
    if kind == "d":
        return f"domain {name}", array
    if name.startswith("numeric"):
        scale = re.search(r",\s*(-?\d+)\)", name)
        return ("" if scale and int(scale[1]) else "number"), array
    bare = _MODIFIER.sub("", name).strip()
    if bare in _INTEGERS:
        return "integer", array
    if bare in _TEXTS:
        return "text", array
    return (bare if bare in _OTHERS else ""), array


def read_estate(structure: Structure) -> Estate:
    """Return what the inference works on. Views, platform tables and copies of tables take no part."""
    tables, columns = structure.tables, structure.columns
    texts = [str(t) for t in tables["table"]]
    names = [stems(t) for t in texts]
    near, own, services = _places(tables)
    names = _without_prefix(names, near)
    eligible = [
        kind in ("r", "p") and standing != "platform"
        for kind, standing in zip(tables["relkind"], tables["standing"], strict=True)
    ]
    for table in _copies(texts, near):
        eligible[table] = False

    table_of = [int(t) for t in columns["table"]]
    column_names = [str(c) for c in columns["column"]]
    types = [str(t) for t in columns["type"]]
    kinds = dict.fromkeys(zip(types, columns["type_kind"], strict=True))
    found = {pair: family(*pair) for pair in kinds}
    pairs = list(zip(types, columns["type_kind"], strict=True))
    families = [found[pair][0] for pair in pairs]
    at = {pair: n for n, pair in enumerate(zip(table_of, column_names, strict=True))}

    size = len(columns)
    indexed, unique, sole, member = (np.zeros(size, dtype=bool) for _ in range(4))
    for table, held in zip(structure.indexes["table"], structure.indexes["columns"], strict=True):
        if (table, held[0]) in at:
            indexed[at[table, held[0]]] = True
    rows: list[tuple[int, int, bool, bool]] = []
    parted = (tables["relkind"] == "p").tolist()
    for table, held, primary in zip(
        structure.keys["table"], structure.keys["columns"], structure.keys["primary"], strict=True
    ):
        numbers = [at[table, name] for name in held if (table, name) in at]
        if len(numbers) != len(held):
            continue
        if len(held) == 1:
            unique[numbers[0]] = True
            sole[numbers[0]] |= bool(primary)
            rows.append((int(table), numbers[0], bool(primary), True))
        elif primary:
            member[numbers] = True
            if parted[table]:
                rows += [(int(table), number, True, False) for number in numbers]
    learned = _habits(tables, near, texts, rows, column_names)
    prefixes = column_prefixes(table_of, column_names)
    keys = _keys(rows, names, near, eligible, learned, prefixes, column_names, families, types)
    return Estate(
        structure=structure,
        table_names=texts,
        names=names,
        own=own,
        near=near,
        services=services,
        eligible=eligible,
        habits=learned,
        prefixes=prefixes,
        keys=keys,
        families=families,
        arrays=np.array([found[pair][1] for pair in pairs], dtype=bool),
        table_of=table_of,
        column_names=column_names,
        types=types,
        indexed=indexed,
        unique=unique,
        sole=sole,
        member=member,
        generated=columns["generated"].to_numpy(dtype=bool),
        readings={},
        counted=_counted(near, table_of, families, sole, columns["generated"].to_numpy(dtype=bool)),
    )


def _places(tables: pd.DataFrame) -> tuple[list[int], list[int], dict[str, int]]:
    databases: dict[object, int] = {}
    services: dict[tuple[str, ...], int] = {}
    near, own = [], []
    for instance, database, schema, service in tables[
        ["instance", "database", "schema", "service"]
    ].itertuples(index=False, name=None):
        near.append(databases.setdefault((instance, database), len(databases)))
        whose: tuple[str, ...] = (instance, database, schema)
        if isinstance(service, str):
            whose = (service,)
        own.append(services.setdefault(whose, len(services)))
    named = {whose[0]: n for whose, n in services.items() if len(whose) == 1}
    return near, own, named


def _without_prefix(names: list[tuple[str, ...]], near: Sequence[int]) -> list[tuple[str, ...]]:
    grouped: dict[int, list[tuple[str, ...]]] = defaultdict(list)
    for name, where in zip(names, near, strict=True):
        grouped[where].append(name)
    before = {where: table_prefix(held) for where, held in grouped.items()}
    return [
        name[1:] if len(name) > 1 and name[0] == before[where] else name
        for name, where in zip(names, near, strict=True)
    ]


def _copies(texts: Sequence[str], near: Sequence[int]) -> list[int]:
    """Return the tables that are copies of others beside them: `users_old`, `tmp_orders`, `users_20240131`."""
    plain = {(where, "".join(words(text))) for where, text in zip(near, texts, strict=True)}
    found = []
    for table, (text, where) in enumerate(zip(texts, near, strict=True)):
        said = words(text)
        kept = [w for w in said if w not in COPIES and not _DATED.search(w)]
        if kept and len(kept) < len(said):
            at_an_end = said[: len(kept)] == tuple(kept) or said[-len(kept) :] == tuple(kept)
            if at_an_end and (where, "".join(kept)) in plain:
                found.append(table)
    return found


def _habits(
    tables: pd.DataFrame,
    near: Sequence[int],
    texts: Sequence[str],
    rows: Sequence[tuple[int, int, bool, bool]],
    column_names: Sequence[str],
) -> list[Habits]:
    by_place: dict[int, list[str]] = defaultdict(list)
    for where, text in zip(near, texts, strict=True):
        by_place[where].append(text)
    primary: dict[int, list[str]] = defaultdict(list)
    for table, column, is_primary, alone in rows:
        if is_primary and alone:
            primary[near[table]].append(column_names[column])
    return [habits(by_place[where], primary[where]) for where in range(len(by_place))]


def _counted(
    near: Sequence[int],
    table_of: Sequence[int],
    families: Sequence[str],
    sole: Bools,
    generated: Bools,
) -> list[float]:
    size = max(near, default=-1) + 1
    whole, drawn = [1.0] * size, [0.0] * size
    for column in np.flatnonzero(sole).tolist():
        if families[column] == "integer":
            whole[near[table_of[column]]] += 1
            drawn[near[table_of[column]]] += bool(generated[column])
    return [d / w for d, w in zip(drawn, whole, strict=True)]


def _keys(
    rows: Sequence[tuple[int, int, bool, bool]],
    names: Sequence[tuple[str, ...]],
    near: Sequence[int],
    eligible: Sequence[bool],
    learned: Sequence[Habits],
    prefixes: dict[int, str],
    column_names: Sequence[str],
    families: Sequence[str],
    types: Sequence[str],
) -> list[Key]:
    best: dict[int, Key] = {}
    single = {table for table, _, primary, alone in rows if primary and alone}
    for table, column, primary, alone in rows:
        if not eligible[table] or not families[column]:
            continue
        reading = learned[near[table]].read(column_names[column], prefixes.get(table))
        own = _own(reading, names[table])
        if not alone and (table in single or not own):
            continue  # the identifier of a table that is partitioned by something else, or nothing
        before = best.get(column)
        if before is None or (primary and alone, alone) > (
            before.primary and before.alone,
            before.alone,
        ):
            best[column] = Key(
                table,
                column,
                column_names[column],
                families[column],
                types[column],
                primary,
                alone,
                reading,
                own,
            )
    counts: Counter[int] = Counter()
    kept = []
    for key in sorted(best.values(), key=lambda k: (k.table, not k.primary, not k.own, k.column)):
        counts[key.table] += 1
        if counts[key.table] <= 6:
            kept.append(key)
    return kept


def _own(reading: Reading, name: tuple[str, ...]) -> bool:
    if not reading.stem:
        return reading.tail in IDENTIFIERS or len(reading.all) == 1
    if reading.tail in ("by", "to"):
        return False
    said = "".join(reading.stem)
    return (
        any(said == "".join(name[i:]) for i in range(len(name)))
        or any(said == "".join(name[:i]) for i in range(1, len(name)))
        or "".join(name).startswith(said)
    )
