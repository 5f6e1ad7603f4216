"""References of code and types: triggers, functions' bodies, and what depends on functions and types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from workbench.analyse.attribution import Attributor, Context
from workbench.analyse.consequences import as_statement
from workbench.analyse.reactions import does_of
from workbench.analyse.references.objects import Objects, Place
from workbench.analyse.touching import Touch
from workbench.model import Reference, ReferenceEnd, ReferenceKind
from workbench.snapshot import records
from workbench.sql import Statement

_EVENTS = ("insert", "update", "delete", "truncate")
_USES = {
    "pg_attrdef": "its default",
    "pg_constraint": "a check on it",
    "pg_class": "an index on it",
    "pg_policy": "a row policy of it",
}

BODY_CONFIDENCE = 0.95
"""Of what a body names: it is found by searching its text, and may be in a branch that never runs."""


def triggers(objects: Objects) -> Iterator[Reference]:
    """Yield each trigger that a person made, from its table to its function (pg_trigger)."""
    names = ("trigger", "relation_oid", "function_oid", "timing", "level", "tgenabled")
    events = tuple(f"on_{event}" for event in _EVENTS)
    for place, row in objects.rows("triggers", *names, *events, "parent_oid"):
        table = objects.find(place, "pg_class", int(row["relation_oid"]))
        function = objects.find(place, "pg_proc", int(row["function_oid"]))
        if table is None or function is None or row["parent_oid"] is not None:
            continue
        on = " or ".join(event for event in _EVENTS if row[f"on_{event}"])
        state = ", but is disabled" if row["tgenabled"] == "D" else ""
        source = replace(table, object=row["trigger"], object_kind="trigger")
        said = f"fires {row['timing']} {on}, for each {row['level']}{state}"
        yield Reference(source, function, "trigger", evidence=(said,))


def rules(objects: Objects, attributor: Attributor) -> Iterator[Reference]:
    """Yield each rewrite rule that is used, from its table to what its text names besides (pg_rewrite)."""
    structure = objects.structure
    for place, row in objects.rows(
        "rules", "rule", "relation_oid", "event", "ev_enabled", "definition"
    ):
        table = objects.find(place, "pg_class", int(row["relation_oid"]))
        text = does_of(row["definition"])
        if table is None or text is None or row["ev_enabled"] == "D":
            continue
        touches = attributor.attribute(
            Context(*place, ""), attributor.read(as_statement(text))
        ).touches
        verbs: dict[int, set[str]] = {}
        for touch in touches:
            number = structure.named(*touch.relation[:4])
            if number is not None and not touch.via:
                verbs.setdefault(number, set()).add(_verb(touch))
        source = replace(table, object=row["rule"], object_kind="rule")
        for number, how in sorted(verbs.items()):
            target = structure.end(number)
            if target != table:
                named = f"{' and '.join(sorted(how))} {target.relation}, as its text says"
                said = f"on {row['event']} the rule {named}"
                yield Reference(
                    source, target, "trigger", confidence=BODY_CONFIDENCE, evidence=(said,)
                )


def _verb(touch: Touch) -> str:
    return "writes" if touch.access == "write" else "reads"


def bodies(objects: Objects, attributor: Attributor) -> Iterator[Reference]:
    """Yield what functions in SQL and PL/pgSQL name in their bodies, and in those that they call.

    Functions of one name in one schema are read together. What their writes set off is told by the triggers
    and foreign keys that do.
    """
    structure = objects.structure
    for (instance, database, _), function in sorted(objects.functions.items()):
        call = Statement("select", functions=frozenset({(function.schema, function.name)}))
        found = attributor.attribute(Context(instance, database, function.login), call)
        verbs: dict[int, set[str]] = {}
        for touch in found.touches:
            number = structure.named(*touch.relation[:4])
            if number is not None and not touch.via:
                verbs.setdefault(number, set()).add(_verb(touch))
        for number, how in sorted(verbs.items()):
            target = structure.end(number)
            said = f"its body {' and '.join(sorted(how))} {target.relation}, as its text says"
            yield Reference(
                function.end, target, "function", confidence=BODY_CONFIDENCE, evidence=(said,)
            )


def called_by_views(objects: Objects) -> Iterator[Reference]:
    """Yield the functions that people wrote which views call (pg_rewrite through pg_depend)."""
    for place, row in objects.rows("view_functions", "view_oid", "function_oid"):
        view = objects.find(place, "pg_class", int(row["view_oid"]))
        function = objects.find(place, "pg_proc", int(row["function_oid"]))
        if view is not None and function is not None:
            said = f"the {view.object_kind} calls {function.object_kind} {function.relation}"
            yield Reference(view, function, "function", evidence=(said,))


def dependencies(objects: Objects) -> Iterator[Reference]:
    """Yield what uses functions and types that people wrote: columns, defaults, checks, indexes, policies (pg_depend)."""
    if not objects.snapshot.has("dependencies"):
        yield from _column_types(objects)
    names = ("catalogue", "oid", "relation_oid", "attnum")
    for place, row in objects.rows(
        "dependencies", *names, "referenced_catalogue", "referenced_oid"
    ):
        source, use = _dependent(objects, place, row)
        catalogue = row["referenced_catalogue"]
        target = objects.find(place, catalogue, int(row["referenced_oid"]))
        if source is None or target is None or _same(source, target):
            continue
        of_type = catalogue == "pg_type" or (
            catalogue == "pg_class" and row["catalogue"] in ("pg_class", "pg_type")
        )
        kind: ReferenceKind = "type" if of_type else "function"
        said = f"{use} uses {target.object_kind} {target.relation}"
        yield Reference(source, target, kind, evidence=(said,))


def _column_types(objects: Objects) -> Iterator[Reference]:
    """Yield the types of columns, where a snapshot is older than the frame of dependencies."""
    columns = objects.snapshot.frame("columns", "relation_oid", "attnum", "atttypid")
    types = objects.snapshot.frame("types", "oid", "extension")
    known = types.loc[types["extension"].isna(), ["instance", "database", "oid"]]
    used = columns.merge(known.set_axis(["instance", "database", "atttypid"], axis=1), "inner")
    for row in records(used):
        place = (row["instance"], row["database"])
        source = objects.columns(place, int(row["relation_oid"]), (int(row["attnum"]),))
        target = objects.find(place, "pg_type", int(row["atttypid"]))
        if source is not None and target is not None:
            said = f"its type uses {target.object_kind} {target.relation}"
            yield Reference(source, target, "type", evidence=(said,))


def _dependent(
    objects: Objects, place: Place, row: dict[str, Any]
) -> tuple[ReferenceEnd | None, str]:
    """What depends, and in which words."""
    if row["relation_oid"] is None:
        return objects.find(place, row["catalogue"], int(row["oid"])), "it"
    attnums = () if row["attnum"] is None else (int(row["attnum"]),)
    source = objects.columns(place, int(row["relation_oid"]), attnums)
    of_column = row["catalogue"] == "pg_class" and row["oid"] == row["relation_oid"]
    if not of_column:
        return source, _USES.get(row["catalogue"], "it")
    if not attnums and row["referenced_catalogue"] == "pg_proc":
        return source, "its partition key"
    # before PostgreSQL 15 what a generated column is made of stands with the column
    generated = row["referenced_catalogue"] == "pg_proc"
    return source, _USES["pg_attrdef"] if generated else "its type"


def _same(source: ReferenceEnd, target: ReferenceEnd) -> bool:
    return replace(source, columns=()) == replace(target, columns=())
