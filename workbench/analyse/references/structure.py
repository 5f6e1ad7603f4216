"""The tables of an estate as numbers and names: what references are looked for in.

A table's number is its row in ``Structure.tables``, so that frames join without strings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from workbench.model import ReferenceEnd
from workbench.snapshot import Snapshot, records

_PLACE = ["instance", "database"]
_TABLE = [*_PLACE, "oid"]

RELKINDS = {
    "r": "table",
    "p": "partitioned table",
    "v": "view",
    "m": "materialised view",
    "f": "foreign table",
    "S": "sequence",
}
"""What people call a relkind."""


@dataclass(frozen=True)
class Structure:
    """The tables, views and foreign tables of an estate, but partitions: their roots stand for them.

    ``tables``: one row each, numbered from 0 by place and name; instance, database, schema, table,
    relkind, service (None: nobody's), standing, oid, comment (None: none).

    ``columns``, by table and attnum: table, attnum, column, type (as format_type prints it), type_kind
    (pg_type.typtype of what people defined, else ``b``), not_null, generated (identity, or a default that
    draws from a sequence), comment.

    ``keys``: unique and valid indexes over all rows and over columns alone: table, name, columns (tuple of
    names in order), primary.

    ``indexes``: every valid index that begins with a column: table, name, columns (those before the first
    expression), partial.
    """

    tables: pd.DataFrame
    columns: pd.DataFrame
    keys: pd.DataFrame
    indexes: pd.DataFrame
    numbers: Mapping[tuple[str, str, int], int] = field(default_factory=dict, repr=False)
    """(instance, database, oid) to number; a partition has its root's"""
    moved: Mapping[tuple[str, str, int, int], int] = field(default_factory=dict, repr=False)
    """(instance, database, oid, attnum) of a partition's column to its root's attnum, where that differs"""

    def end(self, table: int, columns: tuple[str, ...] = ()) -> ReferenceEnd:
        """Return a table, or columns of it, as references name them."""
        row = self._rows[table]
        return ReferenceEnd(
            service=row["service"],
            instance=row["instance"],
            database=row["database"],
            schema=row["schema"],
            table=row["table"],
            columns=columns,
            object_kind=RELKINDS[row["relkind"]],
        )

    def number(self, instance: str, database: str, oid: int) -> int | None:
        """Return the number of the table with that oid, a partition's root's; None where it is not here."""
        return self.numbers.get((instance, database, oid))

    def named(self, instance: str, database: str, schema: str, table: str) -> int | None:
        """Return the number of the table of that name; None where it is not here."""
        return self._by_name.get((instance, database, schema, table))

    def root_attnum(self, instance: str, database: str, oid: int, attnum: int) -> int:
        """Return the attnum by which a relation's column is here: a partition may have its columns in another order."""
        return self.moved.get((instance, database, oid, attnum), attnum)

    def column_names(self, table: int, attnums: tuple[int, ...]) -> tuple[str, ...]:
        """Return the names of a table's columns by their attnum; KeyError where there is none such."""
        return tuple(self._attnames[table, attnum] for attnum in attnums)

    def of(self, end: ReferenceEnd) -> int | None:
        """Return the number of an end's table; None where it is none that is here."""
        return self._by_name.get((end.instance, end.database, end.schema, end.table))  # type: ignore[arg-type]

    def has_column(self, table: int, attnum: int) -> bool:
        """Whether the table has a column of that attnum."""
        return (table, attnum) in self._attnames

    def primary_key(self, table: int) -> tuple[str, ...]:
        """Return the columns of the table's primary key; empty where it has none."""
        return self._primary.get(table, ())

    @cached_property
    def _primary(self) -> dict[int, tuple[str, ...]]:
        found = self.keys[self.keys["primary"].astype(bool)]
        return dict(zip(found["table"].tolist(), found["columns"].tolist(), strict=True))

    @cached_property
    def _rows(self) -> list[dict[str, Any]]:
        return records(self.tables)

    @cached_property
    def _by_name(self) -> dict[tuple[str, str, str, str], int]:
        names = self.tables[[*_PLACE, "schema", "table"]].itertuples(index=False, name=None)
        return {tuple(name): n for n, name in enumerate(names)}

    @cached_property
    def _attnames(self) -> dict[tuple[int, int], str]:
        found = self.columns[["table", "attnum", "column"]].itertuples(index=False, name=None)
        return {(int(table), int(attnum)): column for table, attnum, column in found}


def read_structure(snapshot: Snapshot) -> Structure:
    """Return the structure of a snapshot, with its estate's owners.

    Reads the frames relations, columns, types, indexes, column_defaults, sequences and comments. What an
    extension owns is here too, as platform.
    """
    relations = _read(
        snapshot, "relations", "oid", "schema", "relation", "relkind", "root_oid", "extension"
    )
    relations = relations[relations["relkind"].isin(["r", "p", "v", "m", "f"])]
    roots = relations[relations["oid"] == relations["root_oid"]]
    roots = roots.sort_values([*_PLACE, "schema", "relation"], ignore_index=True)
    places = roots[[*_PLACE, "schema", "relation"]].itertuples(index=False, name=None)
    owners = [
        snapshot.settled.owner(*place, extension=extension)
        for place, extension in zip(places, roots["extension"].notna(), strict=True)
    ]
    comments = _read(snapshot, "comments", "catalogue", "oid", "attnum", "comment")
    comments = comments[comments["catalogue"] == "pg_class"]
    of_tables = comments[comments["attnum"].isna()].set_index(_TABLE)["comment"]
    tables = pd.DataFrame(
        {
            **{name: roots[name] for name in (*_PLACE, "schema")},
            "table": roots["relation"],
            "relkind": roots["relkind"],
            "service": pd.Series([o.service for o in owners], roots.index, dtype=object),
            "standing": pd.Series([o.standing for o in owners], roots.index, dtype=object),
            "oid": roots["oid"].astype("int64"),
            "comment": _texts(of_tables.reindex(pd.MultiIndex.from_frame(roots[_TABLE]))),
        }
    )
    numbered = tables[_TABLE].rename(columns={"oid": "root_oid"}).assign(table=tables.index)
    relations = relations.merge(numbered, "inner", [*_PLACE, "root_oid"])
    numbers = dict(
        zip(
            relations[_TABLE].astype({"oid": "int64"}).itertuples(index=False, name=None),
            relations["table"].tolist(),
            strict=True,
        )
    )
    of_root = numbered.rename(columns={"root_oid": "relation_oid"})
    columns = _columns(snapshot, of_root, comments)
    keys, indexes = _indexes(snapshot, of_root, columns)
    return Structure(tables, columns, keys, indexes, numbers, _moved(snapshot, relations, columns))


def _moved(
    snapshot: Snapshot, relations: pd.DataFrame, columns: pd.DataFrame
) -> dict[tuple[str, str, int, int], int]:
    leaves = relations.loc[relations["oid"] != relations["root_oid"], [*_TABLE, "table"]]
    leaves = leaves.rename(columns={"oid": "relation_oid"})
    found = _read(snapshot, "columns", "relation_oid", "attnum", "attname")
    found = found.merge(leaves, "inner", [*_PLACE, "relation_oid"])
    of_root = columns[["table", "column", "attnum"]].rename(
        columns={"column": "attname", "attnum": "root_attnum"}
    )
    found = found.merge(of_root, "inner", ["table", "attname"])
    found = found[found["attnum"] != found["root_attnum"]]
    return {
        (instance, database, int(oid), int(attnum)): int(there)
        for instance, database, oid, attnum, there in found[
            [*_PLACE, "relation_oid", "attnum", "root_attnum"]
        ].itertuples(index=False, name=None)
    }


def _read(snapshot: Snapshot, name: str, *columns: str) -> pd.DataFrame:
    return snapshot.frame(name, *columns)[[*_PLACE, *columns]]


def _texts(found: pd.Series) -> np.ndarray:
    values = found.to_numpy(dtype=object, copy=True)
    values[pd.isna(values)] = None
    return values


def _columns(snapshot: Snapshot, of_root: pd.DataFrame, comments: pd.DataFrame) -> pd.DataFrame:
    at = [*_PLACE, "relation_oid"]
    wanted = ("relation_oid", "attnum", "attname", "type", "atttypid", "attnotnull", "attidentity")
    found = _read(snapshot, "columns", *wanted).merge(of_root, "inner", at)
    types = _read(snapshot, "types", "oid", "typtype").rename(columns={"oid": "atttypid"})
    found = found.merge(types, "left", [*_PLACE, "atttypid"])
    drawn = _read(snapshot, "column_defaults", "relation_oid", "attnum", "sequence_oid")
    drawn = drawn[drawn["sequence_oid"].notna()].drop_duplicates([*at, "attnum"])
    found = found.merge(drawn, "left", [*at, "attnum"])
    said = comments[comments["attnum"].notna()].rename(columns={"oid": "relation_oid"})
    found = found.merge(said[[*at, "attnum", "comment"]], "left", [*at, "attnum"])
    found = found.sort_values(["table", "attnum"], ignore_index=True)
    identity = found["attidentity"].fillna("").ne("")
    return pd.DataFrame(
        {
            "table": found["table"].astype("int64"),
            "attnum": found["attnum"].astype("int64"),
            "column": found["attname"].astype(object),
            "type": found["type"].astype(object),
            "type_kind": found["typtype"].astype(object).fillna("b"),
            "not_null": found["attnotnull"].astype(bool),
            "generated": identity | found["sequence_oid"].notna(),
            "comment": _texts(found["comment"]),
        }
    )


def _indexes(
    snapshot: Snapshot, of_root: pd.DataFrame, columns: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    wanted = ("relation_oid", "relation", "indisunique", "indisprimary", "indisvalid")
    more = ("indnkeyatts", "indkey", "has_expressions", "has_predicate")
    found = _read(snapshot, "indexes", *wanted, *more)
    found = found[found["indisvalid"].astype(bool)].merge(
        of_root, "inner", [*_PLACE, "relation_oid"]
    )
    found = found.sort_values(["table", "relation"], ignore_index=True)
    names = dict(
        zip(
            columns[["table", "attnum"]].itertuples(index=False, name=None),
            columns["column"],
            strict=True,
        )
    )
    keyed, leading = [], []
    for row in records(found):
        attnums = [int(n) for n in row["indkey"][: int(row["indnkeyatts"])]]
        before = attnums[: attnums.index(0)] if 0 in attnums else attnums
        held = tuple(names[row["table"], n] for n in before if (row["table"], n) in names)
        if len(held) < len(before) or not held:
            continue  # a system column, as ctid
        place = {"table": row["table"], "name": row["relation"], "columns": held}
        leading.append({**place, "partial": bool(row["has_predicate"])})
        if row["indisunique"] and not row["has_predicate"] and len(before) == len(attnums):
            keyed.append({**place, "primary": bool(row["indisprimary"])})
    return (
        pd.DataFrame(keyed, columns=["table", "name", "columns", "primary"]),
        pd.DataFrame(leading, columns=["table", "name", "columns", "partial"]),
    )
