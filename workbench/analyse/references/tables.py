"""References that the catalogues know between tables: foreign keys, views, inheritance, sequences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from workbench.analyse.references.objects import Objects, Place
from workbench.model import Reference, ReferenceEnd, Shape

_ACTIONS = {"c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}


def foreign_keys(objects: Objects) -> Iterator[Reference]:
    """Yield every declared foreign key (pg_constraint), a partition's as its root's; what it inherits counts once."""
    names = ("conname", "contype", "relation_oid", "conkey", "referenced_oid", "confkey")
    more = ("confdeltype", "confupdtype", "convalidated", "parent_oid")
    for place, row in objects.rows("constraints", *names, *more):
        if row["contype"] != "f" or row["parent_oid"] is not None:
            continue
        source = objects.columns(place, int(row["relation_oid"]), _ints(row["conkey"]))
        target = objects.columns(place, int(row["referenced_oid"]), _ints(row["confkey"]))
        if source is None or target is None:
            continue
        said = [f"foreign key {row['conname']}"]
        for action, when in (("confdeltype", "DELETE"), ("confupdtype", "UPDATE")):
            if row[action] in _ACTIONS:
                said.append(f"ON {when} {_ACTIONS[row[action]]}")
        if not row["convalidated"]:
            said.append("not validated")
        shape = shape_of(objects, source, target)
        yield Reference(source, target, "foreign_key", shape, evidence=(", ".join(said),))


def shape_of(objects: Objects, source: ReferenceEnd, target: ReferenceEnd) -> Shape:
    """Return what a certain reference looks like: see ``workbench.model.Shape``."""
    if len(source.columns) > 1:
        return "composite"
    if replace(source, columns=()) == replace(target, columns=()):
        return "self"
    structure = objects.structure
    number, other = structure.of(source), structure.of(target)
    if number is not None and source.columns == structure.primary_key(number):
        return "shared_key"
    # the key of a partitioned table holds its partition key as well
    if other is not None and not set(target.columns) <= set(structure.primary_key(other)):
        return "natural_key"
    return "plain"


def views(objects: Objects) -> Iterator[Reference]:
    """Yield what each view's rewrite rule names (pg_rewrite through pg_depend), with the columns it uses."""
    structure = objects.structure
    used: dict[tuple[int, int], set[int]] = {}
    for place, row in objects.rows("view_dependencies", "view_oid", "relation_oid", "attnum"):
        view = structure.number(*place, int(row["view_oid"]))
        oid = int(row["relation_oid"])
        relation = structure.number(*place, oid)
        if view is None or relation is None or view == relation:
            continue
        attnums = used.setdefault((view, relation), set())
        if row["attnum"] is not None:
            attnum = structure.root_attnum(*place, oid, int(row["attnum"]))
            if structure.has_column(relation, attnum):
                attnums.add(attnum)
    for (view, relation), attnums in used.items():
        source = structure.end(view)
        target = structure.end(relation, structure.column_names(relation, tuple(sorted(attnums))))
        columns = ", ".join(target.columns) or "no column by name"
        said = f"the {source.object_kind} reads {columns}"
        yield Reference(source, target, "view", evidence=(said,))


def inheritance(objects: Objects) -> Iterator[Reference]:
    """Yield plain inheritance (pg_inherits), child to parent."""
    for place, row in objects.rows("inheritance", "relation_oid", "parent_oid"):
        child = objects.find(place, "pg_class", int(row["relation_oid"]))
        parent = objects.find(place, "pg_class", int(row["parent_oid"]))
        if child is not None and parent is not None and child != parent:
            said = f"inherits from {parent.relation}"
            yield Reference(child, parent, "inheritance", evidence=(said,))


def sequences(objects: Objects) -> Iterator[Reference]:
    """Yield defaults that draw from a sequence which is not the column's own."""
    owned: dict[tuple[Place, int], tuple[object, object]] = {}
    for place, row in objects.rows("sequences", "relation_oid", "owner_oid", "attnum"):
        owned[place, int(row["relation_oid"])] = (row["owner_oid"], row["attnum"])
    for place, row in objects.rows("column_defaults", "relation_oid", "attnum", "sequence_oid"):
        if row["sequence_oid"] is None:
            continue
        oid, column = int(row["sequence_oid"]), (row["relation_oid"], row["attnum"])
        target = objects.sequences.get((*place, oid))
        source = objects.columns(place, int(row["relation_oid"]), (int(row["attnum"]),))
        if source is None or target is None or owned.get((place, oid)) == column:
            continue
        said = f"its default draws from sequence {target.relation}"
        yield Reference(source, target, "sequence", evidence=(said,))


def _ints(values: object) -> tuple[int, ...]:
    return () if values is None else tuple(int(n) for n in values)  # type: ignore[attr-defined]
