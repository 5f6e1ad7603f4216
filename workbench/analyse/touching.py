"""What it is to touch a relation, and which of a statement's names are looked up for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from workbench.analyse.catalogue import DatabaseNames, Relation
from workbench.sql import Name, Statement

Access = Literal["read", "write", "lock"]

ACCESSES: tuple[Access, ...] = ("read", "write", "lock")

MAINTAINING = ("ddl", "maintenance")
"""Kinds of statements that work on a relation and not with its rows: all they touch, they lock."""

INHERITANCE = "inheritance"
"""By what a table is reached whose rows stand under its parent's name as well."""

_SYSTEM = ("pg_catalog", "information_schema", "pg_toast")


class Touch(NamedTuple):
    """One relation that a statement touches, or may touch, and how."""

    relation: Relation
    access: Access
    certain: bool
    named: bool = True
    """the text names it, or what it names sets this off; False: it may hide behind the same name"""
    views: tuple[Relation, ...] = ()
    """the views through which it is reached, the one that is named first"""
    via: tuple[str, ...] = ()
    """by what it is reached that the text does not say, the first one first: ``trigger t``, ``rule r``, ``foreign key f``,
    ``inheritance``, ``default of c``, ``check k``, ``index i``"""


def wanted(statement: Statement) -> Iterator[tuple[Access, Name]]:
    """Yield each name of a statement that is looked up, and what is done to it."""
    if statement.is_foreign_key_check:
        return  # the server's own: it reads the parent for nobody
    if statement.kind in MAINTAINING and not statement.writes:
        # the query of a new view or function is not run
        groups = [frozenset[Name](), frozenset[Name](), statement.touches]
    else:
        groups = [statement.reads, statement.writes, statement.locks]
    for access, group in zip(ACCESSES, groups, strict=True):
        for name in sorted(group, key=by_name) if len(group) > 1 else group:
            yield access, name


def by_name(name: Name) -> tuple[str, str]:
    """Sort names, the one without a schema first."""
    return name[0] or "", name[1]


def is_system(names: DatabaseNames, schema: str | None, name: str) -> bool:
    """Whether a name is the server's own, or a temporary table's that says so."""
    if schema is not None:
        return schema in _SYSTEM or schema.startswith("pg_temp")
    return name.startswith("pg_") and name not in names.by_name
