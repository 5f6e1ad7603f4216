"""Whether data could be sharded by a key: which statements hold it to a value, and which tables lack the column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from workbench.decide.designs.facts import Answer, known
from workbench.decide.designs.keys import Key, Root, Statements, in_words
from workbench.decide.designs.layout import Layout, Table
from workbench.decide.evidence import Evidence
from workbench.estate import Design
from workbench.estate.names import join_name

_EXACTLY = frozenset(("eq",))


@dataclass(frozen=True)
class Shards:
    """Answers the shard key of an estate, service by service.

    The key's columns are those of its name, and what these refer to: ``users.id`` where ``user_id`` refers to it. A
    statement counts that holds the key of one of the service's tables equal to a value, or inserts rows with it; whether
    it reaches other tables on the same node hangs on how these are distributed.
    """

    evidence: Evidence
    layout: Layout
    statements: Statements

    def answers(self) -> Iterator[Answer]:
        """Yield an answer for each service and shard key."""
        for design in self.evidence.estate.designs:
            if design.shard_key is not None:
                referred = self._referred(design.shard_key)
                for service in self.evidence.estate.services:
                    if not service.external:
                        yield from self._of(service.name, design, design.shard_key, referred)

    @cached_property
    def _tables(self) -> Mapping[str, list[Table]]:
        found: dict[str, list[Table]] = {}
        for (service, _), tables in self.layout.tables.items():
            found.setdefault(service, []).extend(tables)
        return found

    def _referred(self, key: str) -> dict[Root, set[str]]:
        """What columns of the key's name refer to."""
        found: dict[Root, set[str]] = {}
        for reference in self.evidence.references.accepted:
            target = reference.target
            if reference.source.columns != (key,) or target is None or len(target.columns) != 1:
                continue
            if target.instance and target.database and target.schema and target.table:
                root = (target.instance, target.database, target.schema, target.table)
                found.setdefault(root, set()).add(target.columns[0])
        return found

    def _of(
        self, service: str, design: Design, key: str, referred: Mapping[Root, set[str]]
    ) -> Iterator[Answer]:
        tables = sorted(self._tables.get(service, []), key=lambda t: t.root)
        wished = f"sharded by {key}"
        if not tables:
            yield Answer(
                "shard key",
                "unknown",
                service,
                wished,
                "none of its tables was found",
                "run `workbench check`, which says what could not be read",
                service,
                source=design.source,
            )
        for instance in dict.fromkeys(t.root[0] for t in tables):
            here = [t for t in tables if t.root[0] == instance]
            keys = {t.root: k for t in here if (k := self._keys(t, key, referred))}
            lacking = [join_name(t.root[2:]) for t in here if t.root not in keys]
            shares = self.statements.of_service(instance, service, keys)
            calls = shares[0].value
            told = (
                f"{len(here) - len(lacking)} of {len(here)} tables have the key; {in_words(shares)}"
            )
            met = not lacking and calls is not None and calls.low >= 1.0
            unknown = not lacking and not met and (calls is None or calls.high >= 1.0)
            steps = []
            if lacking:
                steps.append(
                    f"give the key to the tables that lack it, or make them reference tables: {_some(lacking)}"
                )
            if calls is None:
                steps.append("collect statements over two days")
            elif calls.low < 1.0:
                steps.append("put the key into the statements that lack it: each asks every node")
            yield Answer(
                "shard key",
                "met" if met else "unknown" if unknown else "not met",
                service,
                wished,
                told,
                None if met else "; ".join(steps),
                service,
                instance,
                (*shares, known("tables without the key", "tables", len(lacking))),
                tuple(f"{name} lacks {key}" for name in lacking),
                source=design.source,
            )

    def _keys(self, table: Table, key: str, referred: Mapping[Root, set[str]]) -> list[Key]:
        names = {str(c["attname"]) for c in self.layout.columns.get(table.place, ())}
        held = sorted({key, *referred.get(table.root, ())} & names)
        return [Key(table.root[2], table.names, (column,), _EXACTLY) for column in held]


def _some(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
