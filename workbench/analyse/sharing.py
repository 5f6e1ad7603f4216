"""Statements that share what would tell them apart: entries of PostgreSQL 18, names that sessions change.

From PostgreSQL 18 on a queryid hashes the relation's alias, or its name where it has none, instead of its
oid. Statements on different relations that are used alike then share one entry, with the text of the first.
Used alike are columns by their number in the table, whatever they are called (see ``layouts``); and who ran one
of the statements ran them all, so that he may read, or write, each of the relations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from workbench.analyse.catalogue import Catalogue, DatabaseNames, SearchPath
from workbench.analyse.layouts import Layouts
from workbench.analyse.privileges import Privileges
from workbench.analyse.touching import Access
from workbench.sql import Name, Statement, Use

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


MOST_HIDDEN = 64
"""So many relations at most are listed behind a name that may stand for any; with more, any may be it."""

MOST_COMPARED = 5000
"""With more relations than that their columns are not compared: each may be used like any other."""


class Context(NamedTuple):
    """Who ran a text where."""

    instance: str
    database: str
    login: str


Aliases = Mapping[str, frozenset[Name]]
"""Per alias, the names that it stands for."""


@dataclass(frozen=True)
class Sharing:
    """Which relations' statements may share an entry: by aliases, by columns, by what the login may do.

    ``aliases`` are those in the statements there are, of (instance, database): see ``aliases_in``. Without
    ``layouts`` any relation may be used like any other, without ``privileges`` by anybody.
    """

    aliases: Mapping[tuple[str, str], Aliases]
    layouts: Layouts | None = None
    privileges: Sequence[Privileges] = ()
    """of the window's first catalogue and of its last: what was granted in either counts"""
    _called: dict[tuple[str, str, str], frozenset[int]] = field(default_factory=dict)
    _whole: dict[tuple[str, str], frozenset[int]] = field(default_factory=dict)
    _usable: dict[tuple[Context, Access], frozenset[int] | None] = field(default_factory=dict)

    def sharers(
        self, names: DatabaseNames, context: Context, access: Access, own: int, uses: Iterable[Use]
    ) -> tuple[frozenset[int], bool]:
        """Return the oids that ``uses`` of the relation ``own`` may hide, itself included, and whether there may be more."""
        found: set[int] = {own}
        anything = False
        usable = self._usable_by(names, context, access)
        for alias, (_, name), columns, compared in uses:
            # a table that is named without an alias goes by its own name
            near = {*names.by_name.get(name, {}).values(), *names.by_name.get(alias, {}).values()}
            called = self._standing_for(names, alias)
            wide = len(called) > MOST_SHARING or _MADE_UP.fullmatch(alias) is not None
            near |= called
            if wide:
                near |= self._tables(names)
            elif near == {own}:
                continue
            if usable is not None:
                near &= usable
            if self.layouts is not None and len(near) <= MOST_COMPARED:
                near = set(self.layouts.alike(names, own, columns, compared, near))
            if wide and len({names.root.get(oid, oid) for oid in near}) > MOST_HIDDEN:
                anything = True
            else:
                found |= near
        return frozenset(found), anything

    def _tables(self, names: DatabaseNames) -> frozenset[int]:
        """All that a made-up alias may stand for: no sequence, and no view of an extension's."""
        place = (names.instance, names.database)
        if place not in self._whole:
            held = names.by_oid.items()
            self._whole[place] = frozenset(
                oid
                for oid, r in held
                if r.relkind != "S" and (r.relkind, r.standing) != ("v", "platform")
            )
        return self._whole[place]

    def _usable_by(
        self, names: DatabaseNames, context: Context, access: Access
    ) -> frozenset[int] | None:
        """What a login may use so, by oid; None: anything."""
        key = (context, access)
        if key not in self._usable:
            held = [p.of(*context) for p in self.privileges]
            if not held or None in held:
                self._usable[key] = None
            else:
                wanted = ("read", "write") if access == "lock" else (access,)
                may = {
                    relation.qualified
                    for privileges in held
                    for how, relation in privileges or ()
                    if how in wanted
                }
                self._usable[key] = frozenset(
                    oid
                    for oid in names.by_oid
                    if names.by_oid[names.root.get(oid, oid)].qualified in may
                )
        return self._usable[key]

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
