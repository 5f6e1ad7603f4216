"""Indexes that were designed: there, not there, or different."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.analyse.gaps import quoted
from workbench.decide.designs.facts import Answer
from workbench.decide.designs.layout import Layout, Table
from workbench.decide.evidence import Evidence
from workbench.estate import Design
from workbench.sql import redact

_CAST = re.compile(
    r"::(character varying|double precision|timestamp with(out)? time zone|[a-z_0-9]+)(\[\])?"
)
_TRUE = re.compile(r"\s*=\s*true$|\s+is\s+true$")


@dataclass(frozen=True)
class Indexes:
    """Answers each design of an index."""

    evidence: Evidence
    layout: Layout

    def answers(self) -> Iterator[Answer]:
        """Yield an answer for each index that was designed."""
        for design in self.evidence.estate.designs:
            if design.index is not None and design.table is not None:
                yield self._answer(design, design.index)

    def _answer(self, design: Design, name: str) -> Answer:
        assert design.table is not None
        shape = _shape(design.on, design.where)
        facts: dict[str, Any] = {"wished": f"index on {shape}", "source": design.source}
        table = self.layout.find(design.table)
        if isinstance(table, str):
            facts |= {"service": design.table.service, "subject": name}
            step = "mend the design in estate.toml"
            return Answer("index", "unknown", because=table, next_step=step, **facts)
        facts |= {"service": table.service, "instance": table.root[0], "subject": name}
        for frame in ("indexes", "index_definitions", "columns"):
            if why := self.layout.lacking(frame, table):
                step = "run `workbench collect`"
                return Answer("index", "unknown", because=why, next_step=step, **facts)
        held = self.layout.indexes.get(table.place, [])
        there = next((i for i in held if i["relation"] == name), None)
        alike = [(i, self._alike(table, i, design)) for i in held if i is not there]
        if there is None:
            same = next((i for i, how in alike if how is True), None)
            if same is not None:
                because = f"it is there under the name {same['relation']}"
                return self._whole(same, because, facts)
            because = f"{table.name} has no such index"
            return Answer(
                "index", "not met", because=because, next_step=_create(table, design, name), **facts
            )
        how = self._alike(table, there, design)
        if how is True:
            return self._whole(there, f"it is there: {shape}", facts)
        if how is None:
            because = "its predicate was not stored whole: constants are taken out"
            step = f"compare by hand: \\d {table.name}"
            return Answer("index", "unknown", because=because, next_step=step, **facts)
        columns = self.layout.column_names(table, _key(there))
        found = _shape(columns or ("an expression",), _text(there["predicate"]))
        step = f"{_create(table, design, name + '_new')}; then DROP INDEX CONCURRENTLY {quoted(table.root[2])}.{quoted(name)}, and rename"
        return Answer(
            "index", "not met", because=f"it is different: {found}", next_step=step, **facts
        )

    def _whole(self, index: dict[str, Any], because: str, facts: dict[str, Any]) -> Answer:
        if index["indisvalid"] is False:
            step = f"REINDEX INDEX CONCURRENTLY {quoted(index['relation'])}"
            because += ", and invalid: no query uses it"
            return Answer("index", "not met", because=because, next_step=step, **facts)
        return Answer("index", "met", because=because, **facts)

    def _alike(self, table: Table, index: dict[str, Any], design: Design) -> bool | None:
        """Whether an index is as designed; None where what was stored does not tell."""
        if self.layout.column_names(table, _key(index)) != tuple(design.on):
            return False
        if index["amname"] != "btree":
            return False
        if pd.notna(index["unseen"]):
            return None
        partial = index["has_predicate"] is True
        if partial != (design.where is not None):
            return False
        if design.where is None:
            return True
        stored, wished = (_plain(t) for t in (_text(index["predicate"]) or "", design.where))
        if "?" not in stored and stored == wished:
            return True
        if "?" in stored:
            return None if stored == _plain(redact(design.where).text) else False
        return False


def _key(index: dict[str, Any]) -> Any:
    return list(index["indkey"])[: int(index["indnkeyatts"])]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _plain(predicate: str) -> str:
    """A predicate without the parentheses and casts that the server adds.

    >>> _plain("(is_active)"), _plain("is_active = TRUE"), _plain("((status)::text = '?'::text)")
    ('is_active', 'is_active', "status = '?'")
    """
    text = _CAST.sub("", " ".join(predicate.lower().split()))
    text = re.sub(r"\((\w+)\)", r"\1", text)
    while text.startswith("(") and text.endswith(")") and _closes_last(text):
        text = text[1:-1].strip()
    return _TRUE.sub("", text)


def _closes_last(text: str) -> bool:
    depth = 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return at == len(text) - 1
    return False


def _shape(columns: tuple[str, ...], where: str | None) -> str:
    return f"({', '.join(columns)})" + (f" WHERE {where}" if where else "")


def _create(table: Table, design: Design, name: str) -> str:
    columns = ", ".join(quoted(c) for c in design.on)
    where = f" WHERE {design.where}" if design.where else ""
    on = f"{quoted(table.root[2])}.{quoted(table.root[3])}"
    if table.kind == "p":
        return f"CREATE INDEX ON ONLY {on}, then CONCURRENTLY on each partition, then ALTER INDEX ... ATTACH PARTITION: ({columns}){where}"
    return f"CREATE INDEX CONCURRENTLY {quoted(name)} ON {on} ({columns}){where}"
