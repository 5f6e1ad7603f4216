"""Public schemas as data: their structure without foreign keys, and the foreign keys apart, as the truth."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
import psycopg
from psycopg.sql import SQL, Composed, Identifier

from workbench.analyse.references.structure import Structure

PARTIAL = frozenset(("medusa", "mimic4"))
"""Sets whose authors declare few of their references: what is extra there cannot be told."""

_PLAIN = re.compile(
    r'(integer|bigint|smallint|text|boolean|uuid|jsonb?|bytea|date|real|double precision|inet|cidr|xml|"char"'
    r"|name|point|tsvector|interval|oid|money|numeric.*|character.*|time.*|bit.*)(\[\])?"
)
_INTEGERS = ("integer", "bigint", "smallint")

Edge = tuple[int, str, int, str]
"""table, column, target table, target column; tables by their number"""


def truth_folder() -> Path:
    """Return where the sets are: ``WORKBENCH_TRUTH``, else ``shared/truth`` beside the checkout."""
    given = os.environ.get("WORKBENCH_TRUTH")
    return Path(given) if given else Path(__file__).parents[2] / "shared" / "truth"


def read_sets(folder: Path) -> list[Truth]:
    """Return the sets of a folder, by name; FileNotFoundError where it holds none."""
    names = sorted(p.parent.name for p in folder.glob("*/references.csv"))
    if not names:
        raise FileNotFoundError(f"no set in {folder}: it wants folders with a references.csv")
    return [Truth(folder / name) for name in names]


@dataclass(frozen=True)
class Counted:
    """How references compare with the truth of one set."""

    right: int
    wrong: int
    extra: int
    truth: int

    @property
    def recall(self) -> float:
        return self.right / self.truth

    @property
    def precision(self) -> float:
        """Of the columns that have a foreign key: how many targets are right."""
        return self.right / max(1, self.right + self.wrong)

    @property
    def extra_rate(self) -> float:
        return self.extra / max(1, self.right + self.wrong + self.extra)


@dataclass(frozen=True)
class Truth:
    """One set: a folder of CSVs."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def partial(self) -> bool:
        return self.name in PARTIAL

    @cached_property
    def columns(self) -> pd.DataFrame:
        found = _read(self.folder / "columns.csv")
        plain = [bool(_PLAIN.fullmatch(t)) for t in found["type"]]
        found["type"] = [
            t if p else ("text[]" if t.endswith("[]") else "text")
            for t, p in zip(found["type"], plain, strict=True)
        ]
        return found.sort_values(["schema", "table", "position"], ignore_index=True)

    @cached_property
    def indexes(self) -> pd.DataFrame:
        found = _read(self.folder / "indexes.csv")
        held = set(zip(self.columns["schema"], self.columns["table"], strict=True))
        there = [p in held for p in zip(found["schema"], found["table"], strict=True)]
        return found[there].reset_index(drop=True)

    @cached_property
    def numbers(self) -> dict[tuple[str, str], int]:
        """The tables' numbers by schema and name, as a structure numbers them."""
        places = sorted(set(zip(self.columns["schema"], self.columns["table"], strict=True)))
        return {place: n for n, place in enumerate(places)}

    @cached_property
    def references(self) -> frozenset[Edge]:
        """The foreign keys of one column."""
        return frozenset(
            (number, columns[0], other, others[0])
            for number, columns, other, others in self._foreign_keys()
            if len(columns) == 1
        )

    @cached_property
    def composite_columns(self) -> frozenset[tuple[int, str]]:
        """The columns of foreign keys of several columns."""
        return frozenset(
            (number, column)
            for number, columns, _, _ in self._foreign_keys()
            if len(columns) > 1
            for column in columns
        )

    def count(self, edges: Iterable[Edge]) -> Counted:
        """Compare references of one column with the truth."""
        has = {edge[:2] for edge in self.references}
        right = wrong = extra = 0
        for edge in edges:
            if edge in self.references:
                right += 1
            elif edge[:2] in has:
                wrong += 1
            else:
                extra += 1
        return Counted(right, wrong, extra, len(self.references))

    def structure(self) -> Structure:
        """Return the structure straight from the files; each schema is a service."""
        places = list(self.numbers)
        tables = pd.DataFrame(
            {
                "instance": "main",
                "database": self.name,
                "schema": pd.Series([p[0] for p in places], dtype=object),
                "table": pd.Series([p[1] for p in places], dtype=object),
                "relkind": "r",
                "service": pd.Series([p[0] for p in places], dtype=object),
                "standing": "owned",
                "comment": None,
            }
        )
        of = self.columns
        columns = pd.DataFrame(
            {
                "table": [self.numbers[p] for p in zip(of["schema"], of["table"], strict=True)],
                "attnum": of["position"],
                "column": of["column"].astype(object),
                "type": of["type"].astype(object),
                "type_kind": "b",
                "not_null": of["not_null"],
                "generated": of["generated_id"],
                "comment": None,
            }
        )
        keyed, leading = [], []
        for row in self.indexes.to_dict("records"):
            names = str(row["columns"]).split(";")
            number = self.numbers[row["schema"], row["table"]]
            whole = not any(name.startswith("(") for name in names)
            if not names[0].startswith("("):
                before = names if whole else names[: [n[0] for n in names].index("(")]
                leading.append((number, row["index"], tuple(before), row["partial"]))
            if row["unique"] and not row["partial"] and whole:
                keyed.append((number, row["index"], tuple(names), row["primary"]))
        return Structure(
            tables,
            columns,
            pd.DataFrame(keyed, columns=["table", "name", "columns", "primary"]),
            pd.DataFrame(leading, columns=["table", "name", "columns", "partial"]),
        )

    def load(self, url: str) -> None:
        """Make the tables and indexes in an empty database; what its server cannot index is left out."""
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in self._tables():
                connection.execute(statement)
            for statement in self._indexes():
                try:
                    connection.execute(statement)
                except psycopg.errors.UndefinedObject:
                    continue  # no operator class for what stands in for a type

    def _foreign_keys(self) -> Iterator[tuple[int, list[str], int, list[str]]]:
        for row in _read(self.folder / "references.csv").to_dict("records"):
            yield (
                self.numbers[row["from_schema"], row["from_table"]],
                str(row["from_columns"]).split(";"),
                self.numbers[row["to_schema"], row["to_table"]],
                str(row["to_columns"]).split(";"),
            )

    def _tables(self) -> Iterator[Composed]:
        for schema in sorted(set(self.columns["schema"]) - {"public"}):
            yield SQL("CREATE SCHEMA {}").format(Identifier(schema))
        for (schema, table), held in self.columns.groupby(["schema", "table"], sort=True):
            parts = []
            for row in held.to_dict("records"):
                more = " NOT NULL" if row["not_null"] else ""
                if row["generated_id"] and row["type"] in _INTEGERS:
                    more = " GENERATED BY DEFAULT AS IDENTITY"
                part = SQL("{} ").format(Identifier(row["column"]))
                parts.append(part + SQL(row["type"] + more))  # a type that _PLAIN lets through
            yield SQL("CREATE TABLE {} ({})").format(
                Identifier(schema, table), SQL(", ").join(parts)
            )

    def _indexes(self) -> Iterator[Composed]:
        for row in self.indexes.to_dict("records"):
            names = str(row["columns"]).split(";")
            table = Identifier(row["schema"], row["table"])
            columns = SQL(", ").join(
                SQL("(1)") if name.startswith("(") else Identifier(name) for name in names
            )
            if row["primary"]:
                yield SQL("ALTER TABLE {} ADD CONSTRAINT {} PRIMARY KEY ({})").format(
                    table, Identifier(row["index"]), columns
                )
                continue
            yield SQL("CREATE {}INDEX {} ON {} ({}){}").format(
                SQL("UNIQUE " if row["unique"] else ""),
                Identifier(row["index"]),
                table,
                columns,
                SQL(" WHERE 1 = 1" if row["partial"] else ""),
            )


def _read(path: Path) -> pd.DataFrame:
    found = pd.read_csv(path, keep_default_na=False, dtype=str)
    for name in found.columns:
        values = set(found[name])
        if values and values <= {"True", "False"}:
            found[name] = found[name] == "True"
    if "position" in found:
        found["position"] = found["position"].astype(int)
    return found
