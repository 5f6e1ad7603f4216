"""What a row is computed and checked by when it is written: defaults, generated columns, checks, index expressions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from workbench.snapshot import Snapshot, records
from workbench.sql import Name

_Place = tuple[str, str, int]


class Expression(NamedTuple):
    """An expression over a relation's rows, and a function of the database's own that it calls."""

    name: str
    """``default of c``, ``generated column c``, ``check k``, ``index i``, ``partition key`` or ``domain``"""
    function: Name
    column: str | None = None
    """of a default: an UPDATE computes it where it sets that column"""

    def computed(self, event: str, columns: frozenset[str]) -> bool:
        """Whether a change may compute it; ``columns`` are those that an update sets, none where unknown."""
        if event == "update":
            return self.column is None or not columns or self.column in columns
        return event == "insert"


def own_functions(snapshot: Snapshot) -> dict[_Place, Name]:
    """Return (schema, name) of every function by instance, database and oid, but extensions'."""
    functions = snapshot.frame("functions", "oid", "schema", "function", "extension")
    return {
        (r["instance"], r["database"], int(r["oid"])): (r["schema"], r["function"])
        for r in records(functions[functions["extension"].isna()])
    }


def expressions(
    snapshot: Snapshot, roots: Mapping[tuple[str, str], Mapping[int, int]]
) -> dict[_Place, tuple[Expression, ...]]:
    """Return the expressions that call somebody's functions, per relation; a partition's are its root's.

    ``roots`` gives each database's partition roots by oid. Reads the frames dependencies (pg_depend), functions,
    columns, column_defaults, constraints and indexes; a snapshot without dependencies tells of none.
    """
    return _Expressions(snapshot).found(roots)


class _Expressions:
    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        names = ("catalogue", "oid", "relation_oid", "attnum")
        frame = snapshot.frame("dependencies", *names, "referenced_catalogue", "referenced_oid")
        of_types = frame["catalogue"].isin(("pg_class", "pg_constraint", "pg_type"))
        of_types &= frame["referenced_catalogue"] == "pg_type"
        written = frame["catalogue"].isin(("pg_attrdef", "pg_constraint", "pg_class"))
        written &= frame["referenced_catalogue"] == "pg_proc"
        self.calls = records(frame[written])
        # of types, only what leads to a domain's check
        checked = {r["oid"] for r in self.calls if r["relation_oid"] is None}
        self.types = records(frame[of_types]) if checked else []

    def found(
        self, roots: Mapping[tuple[str, str], Mapping[int, int]]
    ) -> dict[_Place, tuple[Expression, ...]]:
        functions = own_functions(self.snapshot) if self.calls else {}
        named = self._names()
        held: dict[_Place, dict[tuple[str, Name, str | None], tuple[bool, str]]] = {}
        for row, kind in (*self._of_relations(), *self._of_domains()):
            where = (row["instance"], row["database"])
            function = functions.get((*where, int(row["referenced_oid"])))
            if function is None:
                continue
            oid = int(row["relation_oid"])
            name, column = named(kind, row)
            root = roots.get(where, {}).get(oid, oid)
            alike = held.setdefault((*where, root), {})  # each partition has its own index
            key, rank = (kind, function, column), (oid != root, name)
            alike[key] = min(rank, alike.get(key, rank))
        return {
            place: tuple(
                sorted(
                    (Expression(n, f, c) for (_, f, c), (_, n) in of.items()),
                    key=lambda e: (e.name, e.function),
                )
            )
            for place, of in held.items()
        }

    def _of_relations(self) -> Iterator[tuple[dict[str, Any], str]]:
        for row in self.calls:
            if row["relation_oid"] is None:
                continue
            # up to 14 a generated column itself depends on the function
            if row["attnum"] is not None:
                yield row, "default"
            elif row["catalogue"] == "pg_class":
                yield row, "partition key" if row["oid"] == row["relation_oid"] else "index"
            else:
                yield row, "check"

    def _of_domains(self) -> Iterator[tuple[dict[str, Any], str]]:
        """The functions that domains' checks call, for each column of such a type or of one made from it."""
        calls: dict[_Place, list[Any]] = {}
        for row in self.calls:
            if row["relation_oid"] is None:
                key = (row["instance"], row["database"], int(row["oid"]))
                calls.setdefault(key, []).append(row["referenced_oid"])
        parts: dict[_Place, list[_Place]] = {}
        checks: dict[_Place, list[_Place]] = {}
        columns = []
        for row in self.types:
            where = (row["instance"], row["database"])
            one, other = (*where, int(row["oid"])), (*where, int(row["referenced_oid"]))
            if row["catalogue"] == "pg_type":
                parts.setdefault(one, []).append(other)
            elif row["catalogue"] == "pg_constraint" and row["relation_oid"] is None:
                checks.setdefault(other, []).append(one)
            elif row["catalogue"] == "pg_class" and row["relation_oid"] is not None:
                columns.append((row, other))
        for row, top in columns:
            seen, waiting = {top}, [top]
            while waiting:
                one = waiting.pop()
                for check in checks.get(one, ()):
                    for function in calls.get(check, ()):
                        yield row | {"referenced_oid": function}, "domain"
                new = [t for t in parts.get(one, ()) if t not in seen]
                seen.update(new)
                waiting += new

    def _names(self) -> Any:
        """What tells the name of an expression, and a default's column, from its kind and row."""
        relations = {r["relation_oid"] for r in self.calls if r["attnum"] is not None}
        of_columns = self.snapshot.frame("columns", "relation_oid", "attnum", "attname")
        of_columns = of_columns[of_columns["relation_oid"].isin(relations)]
        columns = {
            (r["instance"], r["database"], r["relation_oid"], r["attnum"]): r["attname"]
            for r in records(of_columns)
        }
        defaults = self.snapshot.frame("column_defaults", "relation_oid", "attnum", "attgenerated")
        generated = {
            (r["instance"], r["database"], r["relation_oid"], r["attnum"])
            for r in records(defaults[defaults["relation_oid"].isin(relations)])
            if r["attgenerated"]
        }
        objects: dict[tuple[str, _Place], str] = {}
        wanted = {r["oid"] for r in self.calls}
        for kind, frame, name in (
            ("check", "constraints", "conname"),
            ("index", "indexes", "relation"),
        ):
            rows = self.snapshot.frame(frame, "oid", name)
            for r in records(rows[rows["oid"].isin(wanted)]):
                objects[kind, (r["instance"], r["database"], r["oid"])] = r[name]

        def named(kind: str, row: dict[str, Any]) -> tuple[str, str | None]:
            where = (row["instance"], row["database"])
            if kind == "default":
                at = (*where, row["relation_oid"], row["attnum"])
                column = columns.get(at)
                if at in generated:
                    return f"generated column {column or row['attnum']}", None
                return f"default of {column or row['attnum']}", column
            called = objects.get((kind, (*where, row["oid"])))
            return f"{kind} {called}" if called else kind, None

        return named
