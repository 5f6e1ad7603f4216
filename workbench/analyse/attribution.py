"""Which relations a statement touches: a ladder from the qualified name down to *ambiguous*.

A rung is named for every entry of pg_stat_statements:

    qualified      every name says its schema
    search_path    the login's, the database's or the server's search_path finds what has none
    unique         one relation of the database alone is called so
    none           it touches no table of anybody: BEGIN, SET, catalogues
    workbench      the same, of the login that the workbench itself reads with
    ambiguous      several relations may be meant; never credited to one
    merged         from PostgreSQL 18 on: statements on several relations may share this entry
    approximate    the text is cut off or beyond the parser: names were found by searching it
    absent         a relation of that name is not there any more, or was temporary
    unreadable     there is no text, or the database's catalogue was not read

Only the first three are certain. The others count in upper bounds alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from workbench.analyse.catalogue import Catalogue, DatabaseNames, Relation, SearchPath
from workbench.sql import Statement

Rung = Literal[
    "qualified",
    "search_path",
    "unique",
    "none",
    "workbench",
    "ambiguous",
    "merged",
    "approximate",
    "absent",
    "unreadable",
]

RUNGS: tuple[Rung, ...] = (
    *("workbench", "none", "qualified", "search_path", "unique"),
    *("merged", "ambiguous", "approximate", "absent", "unreadable"),
)
"""From the surest to the least sure: an entry stands on the lowest of its names' rungs."""

CERTAIN: frozenset[Rung] = frozenset(("workbench", "none", "qualified", "search_path", "unique"))

Access = Literal["read", "write", "lock"]

MERGING_MAJOR = 18
"""From this major on, a queryid hashes a relation's name or alias instead of its oid."""

_SYSTEM = ("pg_catalog", "information_schema", "pg_toast")
_MADE_UP = re.compile(r"_?[a-z]{1,3}\d+(_\d+)*_?|this_?")
"""Aliases that a library makes up the same for any table: t0, p1_0, this_."""

_DYNAMIC = re.compile(r"\bexecute\b", re.IGNORECASE)
"""What a function's body needs to run what nobody can read in it."""

Name = tuple[str | None, str]


class Touch(NamedTuple):
    """One relation that a statement touches, or may touch, and how."""

    relation: Relation
    access: Access
    certain: bool
    named: bool = True
    """the text names it; False: it may hide behind the same name"""
    views: tuple[Relation, ...] = ()
    """the views through which it is reached, the one that is named first"""


class Attribution(NamedTuple):
    """What one text touches when a login runs it in a database."""

    rung: Rung
    touches: tuple[Touch, ...]
    open_ended: bool = False
    """it may touch relations besides, of which nothing is known"""
    unsettled: tuple[str, ...] = ()
    """the names that keep the rung low"""
    names: int = 0
    """how many relations the text names"""

    @property
    def exclusive(self) -> str | None:
        """The one service that all of it belongs to, whatever its names mean; None where there is none."""
        owners = {t.relation.service for t in self.touches if t.relation.standing != "platform"}
        return owners.pop() if len(owners) == 1 and not self.open_ended else None


class Context(NamedTuple):
    """Who ran a text where."""

    instance: str
    database: str
    login: str


@dataclass(frozen=True)
class Attributor:
    """Attributes statements by one snapshot's catalogue.

    ``majors`` gives each instance's major version; ``sets_path`` names (instance, database, login) whose
    sessions are known to set a search_path of their own, so that none that is configured binds them;
    ``aliases`` the relations that each alias stands for in the statements of (instance, database).
    ``read`` reads the bodies of functions.
    """

    catalogue: Catalogue
    majors: dict[str, int]
    read: Callable[[str], Statement]
    sets_path: frozenset[Context] = frozenset()
    aliases: dict[tuple[str, str], dict[str, frozenset[Name]]] | None = None

    def attribute(
        self, context: Context, statement: Statement, *, several: bool = False
    ) -> Attribution:
        """Return what ``statement`` touches, as ``context`` ran it.

        ``several``: its text stands in several entries of that context at once. They touch different
        relations, so that a name without a schema is ambiguous in all of them.
        """
        names = self.catalogue.database(context.instance, context.database)
        if names is None or statement.kind == "unreadable":
            return Attribution("unreadable", (), open_ended=True)
        path = self.catalogue.search_path(*context)
        touches: dict[Touch, None] = {}
        rungs: dict[Rung, list[str]] = {}
        open_ended = statement.approximate or statement.opaque
        merging = self.majors.get(context.instance, 0) >= MERGING_MAJOR
        wanted: tuple[tuple[Access, Iterable[Name]], ...] = (
            # the server's own check of a foreign key reads the parent for nobody
            ("read", () if statement.is_foreign_key_check else statement.reads),
            ("write", statement.writes),
            ("lock", () if statement.is_foreign_key_check else statement.locks),
        )
        for access, group in wanted:
            for schema, name in sorted(group, key=lambda n: (n[0] or "", n[1])):
                if _is_system(names, schema, name):
                    continue
                oids, rung = self._resolve(names, context, path, schema, name, several)
                if merging and rung not in ("absent", "ambiguous"):
                    others, unknown = self._merged_with(names, statement, (schema, name), oids)
                    if others or unknown:
                        oids, rung = (*oids, *others), "merged"
                        open_ended = open_ended or unknown
                rungs.setdefault(rung, []).append(f"{schema}.{name}" if schema else name)
                certain = rung in CERTAIN and not statement.approximate
                if rung == "absent":
                    gone = self._gone(context, schema, name)
                    touches |= {Touch(r, access, not statement.approximate): None for r in gone}
                    open_ended = open_ended or not gone
                named = oids[:1] if rung == "merged" else () if rung == "ambiguous" else oids
                for oid in oids:
                    for touch in self._touched(names, oid, access, certain):
                        touches[touch._replace(named=oid in named)] = None
        for function, body in self._bodies(names, statement):
            inside = None if body is None else self._inside(context, names, path, body)
            hidden = inside is None or _DYNAMIC.search(body or "") is not None
            if inside or hidden:
                rungs.setdefault("approximate", []).append(f"{function}()")
                touches |= dict.fromkeys(inside or ())
                open_ended = open_ended or hidden
        if statement.approximate or statement.opaque:
            rungs.setdefault("approximate", [])
        lowest: Rung = max(rungs, key=RUNGS.index) if rungs else "none"
        unsettled = tuple(dict.fromkeys(rungs.get(lowest, [])))
        count = len({name for found in rungs.values() for name in found})
        return Attribution(lowest, tuple(touches), open_ended, unsettled, count)

    def _bodies(
        self, names: DatabaseNames, statement: Statement
    ) -> Iterator[tuple[str, str | None]]:
        """The functions of the database's own that a statement calls, with each body they may have."""
        for schema, name in sorted(statement.functions, key=lambda f: (f[0] or "", f[1])):
            homes = names.functions.get(name, {})
            for place in sorted(homes):
                if schema in (None, place):
                    for body in homes[place]:
                        yield name, body

    def _inside(
        self, context: Context, names: DatabaseNames, path: SearchPath, body: str
    ) -> tuple[Touch, ...]:
        """What a function's body names: it may touch that, each time it is called."""
        quote = "$body$" if "$body$" not in body else "$body_$"
        code = self.read(f"DO {quote}{body}{quote}")
        found: dict[Touch, None] = {}
        groups: tuple[tuple[Access, Iterable[Name]], ...] = (
            ("read", code.reads),
            ("write", code.writes),
        )
        for access, group in groups:
            for schema, name in sorted(group, key=lambda n: (n[0] or "", n[1])):
                if not _is_system(names, schema, name):
                    oids, _ = self._resolve(names, context, path, schema, name, False)
                    for oid in oids:
                        for touch in self._touched(names, oid, access, False):
                            found[touch._replace(named=False)] = None
        return tuple(found)

    def _gone(self, context: Context, schema: str | None, name: str) -> tuple[Relation, ...]:
        """A relation that is not there any more, as its schema's owner still knows it."""
        if schema is None:
            return ()
        owner = self.catalogue.estate.owner(context.instance, context.database, schema, name)
        return (Relation(*context[:2], schema, name, "", owner.service, owner.standing),)

    def _resolve(
        self,
        names: DatabaseNames,
        context: Context,
        path: SearchPath,
        schema: str | None,
        name: str,
        several: bool,
    ) -> tuple[tuple[int, ...], Rung]:
        homes = names.by_name.get(name, {})
        if schema is not None:
            oid = homes.get(schema)
            return ((oid,), "qualified") if oid is not None else ((), "absent")
        if not homes:
            return (), "absent"
        everywhere = tuple(homes[s] for s in sorted(homes))
        if len(everywhere) == 1:
            oid = everywhere[0]
            return (oid,), "search_path" if next(iter(homes)) in path.schemas else "unique"
        trusted = context not in self.sets_path and not several
        if trusted and self.majors.get(context.instance, 0) < MERGING_MAJOR:
            for place in path.schemas:
                if place in homes:
                    return (homes[place],), "search_path"
        return everywhere, "ambiguous"

    def _merged_with(
        self, names: DatabaseNames, statement: Statement, name: Name, oids: tuple[int, ...]
    ) -> tuple[tuple[int, ...], bool]:
        """The relations whose statements may hide in this entry too, and whether there may be more."""
        aliases = [alias for alias, of in statement.aliases if of == name] or [name[1]]
        found: set[int] = set()
        for alias in aliases:
            # a table that is named without an alias goes by its own name
            found |= set(names.by_name.get(alias, {}).values())
            if alias != name[1]:
                found |= self._called(names, alias)
        others = tuple(sorted(found - set(oids)))
        made_up = any(a != name[1] and _MADE_UP.fullmatch(a) for a in aliases)
        return others, made_up

    def _called(self, names: DatabaseNames, alias: str) -> set[int]:
        """The relations for which an alias stands in the texts of a database."""
        known = (self.aliases or {}).get((names.instance, names.database), {})
        found: set[int] = set()
        for schema, name in known.get(alias, frozenset()):
            homes = names.by_name.get(name, {})
            found |= (
                {homes[schema]} if schema in homes else set() if schema else set(homes.values())
            )
        return found

    def _touched(
        self, names: DatabaseNames, oid: int, access: Access, certain: bool
    ) -> Iterable[Touch]:
        place = (names.instance, names.database)
        behind = self.catalogue.behind(*place, oid)
        for table in behind.tables:
            # a write through a view changes one table; which one of several, nobody can tell here
            sure = certain and (access != "write" or len(behind.tables) == 1)
            yield Touch(table, access, sure, views=behind.views)
        if behind.views and not behind.tables:
            for view in behind.views[:1]:
                yield Touch(view, access, certain)


def _is_system(names: DatabaseNames, schema: str | None, name: str) -> bool:
    if schema is not None:
        return schema in _SYSTEM
    return name.startswith("pg_") and name not in names.by_name


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
