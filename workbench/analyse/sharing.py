"""Statements that share what would tell them apart: entries of PostgreSQL 18, names that sessions change.

From PostgreSQL 18 on a queryid hashes the relation's alias, or its name where it has none, instead of its
oid. Statements on different relations that are used alike then share one entry, with the text of the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from workbench.analyse.catalogue import Catalogue, DatabaseNames, SearchPath
from workbench.sql import Name, Statement

MERGING_MAJOR = 18
"""From this major on, a queryid hashes a relation's name or alias instead of its oid."""

MOST_SHARING = 8
"""An alias that stands for more relations than that may stand for any."""

_MADE_UP = re.compile(r"_?[a-z]{1,3}\d+(_\d+)*_?|this_?")
"""Aliases that a library makes up the same for any table: t0, p1_0, this_."""

_SETS_PATH = re.compile(r"\bsearch_path\b", re.IGNORECASE)
_TEMPORARY = re.compile(
    r"\A\s*create\s+(?:or\s+replace\s+)?(?:(?:global|local)\s+)?temp(?:orary)?\s"
    r"|\binto\s+(?:(?:global|local)\s+)?temp(?:orary)?\s",
    re.IGNORECASE,
)


class Context(NamedTuple):
    """Who ran a text where."""

    instance: str
    database: str
    login: str


Aliases = Mapping[str, frozenset[Name]]
"""Per alias, the names that it stands for."""


@dataclass(frozen=True)
class Sharing:
    """Which relations' statements may share an entry, by the aliases in the statements there are.

    ``aliases`` are those of (instance, database): see ``aliases_in``.
    """

    aliases: Mapping[tuple[str, str], Aliases]
    _called: dict[tuple[str, str, str], frozenset[int]] = field(default_factory=dict)

    def sharers(
        self, names: DatabaseNames, statement: Statement, name: Name
    ) -> tuple[frozenset[int], bool]:
        """Return the oids that a use of ``name`` may hide, itself included, and whether there may be more."""
        found = set(names.by_name.get(name[1], {}).values())
        anything = False
        for alias, of in statement.aliases:
            if of == name:
                # a table that is named without an alias goes by its own name
                found |= set(names.by_name.get(alias, {}).values())
                called = self._standing_for(names, alias)
                if len(called) > MOST_SHARING or _MADE_UP.fullmatch(alias):
                    anything = True
                if len(called) <= MOST_SHARING:
                    found |= called
        return frozenset(found), anything

    def _standing_for(self, names: DatabaseNames, alias: str) -> frozenset[int]:
        """The relations for which an alias stands in the texts of a database."""
        key = (names.instance, names.database, alias)
        if key not in self._called:
            found: set[int] = set()
            known = self.aliases.get(key[:2], {})
            for schema, name in known.get(alias, frozenset()):
                homes = names.by_name.get(name, {})
                found |= {oid for home, oid in homes.items() if schema in (None, home)}
            self._called[key] = frozenset(found)
        return self._called[key]


def aliases_in(
    statements: Iterable[tuple[tuple[str, str], Statement]],
) -> dict[tuple[str, str], dict[str, frozenset[Name]]]:
    """Collect, per (instance, database), which relations each alias stands for in the texts there are."""
    found: dict[tuple[str, str], dict[str, set[Name]]] = {}
    for place, statement in statements:
        for alias, name in statement.aliases:
            found.setdefault(place, {}).setdefault(alias, set()).add(name)
    return {p: {a: frozenset(n) for a, n in known.items()} for p, known in found.items()}


def setting_paths(
    catalogue: Catalogue, statements: Iterable[tuple[Context, Statement]]
) -> frozenset[Context]:
    """Return whose sessions set a search_path of their own: they name, bare, what their configured one cannot find."""
    found: set[Context] = set()
    paths: dict[Context, SearchPath] = {}
    for context, statement in statements:
        if context in found or statement.approximate:
            continue
        names = catalogue.database(context.instance, context.database)
        if names is None:
            continue
        path = paths.setdefault(context, catalogue.search_path(*context)).schemas
        for schema, name in (*statement.reads, *statement.writes):
            homes = names.by_name.get(name, {}) if schema is None else {}
            if homes and not any(place in homes for place in path):
                found.add(context)
    return frozenset(found)


def saying_so(
    statements: Iterable[tuple[Context, str, Statement]],
) -> tuple[frozenset[Context], dict[Context, frozenset[str]]]:
    """Return whose sessions SET a search_path, by their own statements, and the names of their temporary tables.

    What a call of ``set_config`` sets is a literal, and not recorded: it may be the path.
    """
    setting: set[Context] = set()
    temporary: dict[Context, set[str]] = {}
    for context, text, statement in statements:
        says_so = statement.kind == "set" and _SETS_PATH.search(text) is not None
        if says_so or {(None, "set_config"), ("pg_catalog", "set_config")} & statement.functions:
            setting.add(context)
        elif statement.kind in ("ddl", "select") and _TEMPORARY.search(text):
            made = {n for s, n in statement.objects | statement.writes if s in (None, "pg_temp")}
            temporary.setdefault(context, set()).update(made)
    return frozenset(setting), {c: frozenset(n) for c, n in temporary.items()}
