"""The objects of a snapshot that are no tables, as references name them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from workbench.analyse.references.structure import RELKINDS, Structure
from workbench.model import ReferenceEnd
from workbench.snapshot import Snapshot, records

Place = tuple[str, str]
"""(instance, database)"""

_TYPTYPES = {"e": "enum", "d": "domain", "c": "composite type", "r": "range type"}
_PROKINDS = {"f": "function", "p": "procedure", "a": "aggregate", "w": "window function"}


@dataclass(frozen=True)
class Function:
    """A function that somebody wrote, and who owns it on the server."""

    end: ReferenceEnd
    schema: str
    name: str
    login: str


@dataclass(frozen=True)
class Objects:
    """Looks up what catalogues name by oid. What extensions own is left out."""

    snapshot: Snapshot
    structure: Structure

    def rows(self, frame: str, *columns: str) -> Iterator[tuple[Place, dict[str, Any]]]:
        """Yield each row of a frame with its place; what is NULL is None."""
        found = self.snapshot.frame(frame, *columns)
        values = found.astype(object).where(found.notna(), None)
        for row in records(values):
            yield (row["instance"], row["database"]), row

    def service(self, place: Place, schema: str) -> str | None:
        """Return who owns what stands in a schema and is no table."""
        return self.snapshot.settled.owner(*place, schema).service

    def find(self, place: Place, catalogue: str, oid: int) -> ReferenceEnd | None:
        """Return an object by the catalogue its oid is of; None where it is the platform's."""
        if catalogue == "pg_class":
            number = self.structure.number(*place, oid)
            return None if number is None else self.structure.end(number)
        if catalogue == "pg_proc":
            function = self.functions.get((*place, oid))
            return None if function is None else function.end
        return self._types.get((*place, oid)) if catalogue == "pg_type" else None

    def columns(self, place: Place, oid: int, attnums: tuple[int, ...]) -> ReferenceEnd | None:
        """Return columns of a relation by its attnums, a partition's as its root's; None where they are not here."""
        number = self.structure.number(*place, oid)
        attnums = tuple(self.structure.root_attnum(*place, oid, n) for n in attnums)
        if number is None or not all(self.structure.has_column(number, n) for n in attnums):
            return None
        return self.structure.end(number, self.structure.column_names(number, attnums))

    @cached_property
    def functions(self) -> dict[tuple[str, str, int], Function]:
        """Every function by (instance, database, oid)."""
        names = ("oid", "schema", "function", "arguments", "owner", "prokind", "extension")
        return {
            (*place, int(row["oid"])): Function(
                ReferenceEnd(
                    self.service(place, row["schema"]),
                    *place,
                    row["schema"],
                    object=f"{row['function']}({row['arguments']})",
                    object_kind=_PROKINDS.get(row["prokind"], "function"),
                ),
                row["schema"],
                row["function"],
                row["owner"],
            )
            for place, row in self.rows("functions", *names)
            if row["extension"] is None
        }

    @cached_property
    def _types(self) -> dict[tuple[str, str, int], ReferenceEnd]:
        names = ("oid", "schema", "type", "typtype", "extension")
        return {
            (*place, int(row["oid"])): ReferenceEnd(
                self.service(place, row["schema"]),
                *place,
                row["schema"],
                object=row["type"],
                object_kind=_TYPTYPES.get(row["typtype"], "type"),
            )
            for place, row in self.rows("types", *names)
            if row["extension"] is None
        }

    @cached_property
    def sequences(self) -> dict[tuple[str, str, int], ReferenceEnd]:
        """Every sequence by (instance, database, oid)."""
        names = ("oid", "schema", "relation", "relkind", "extension")
        return {
            (*place, int(row["oid"])): ReferenceEnd(
                self.snapshot.settled.owner(*place, row["schema"], row["relation"]).service,
                *place,
                row["schema"],
                object=row["relation"],
                object_kind=RELKINDS["S"],
            )
            for place, row in self.rows("relations", *names)
            if row["relkind"] == "S" and row["extension"] is None
        }
