"""Which relations a statement touches: a ladder from the qualified name down to *ambiguous*.

A rung is named for every entry of pg_stat_statements:

    qualified      every name says its schema
    search_path    the login's, the database's or the server's search_path finds what has none
    unique         one relation of the database alone is called so
    none           it touches no table of anybody: BEGIN, SET, catalogues, foreign-key checks
    workbench      the same, of the login that the workbench itself reads with
    ambiguous      several relations may be meant; never credited to one
    merged         from PostgreSQL 18 on: statements on several relations may share this entry
    approximate    the text is cut off or beyond the parser, or runs code: names were found by searching it
    absent         a relation of that name is not there any more, or was temporary
    unreadable     there is no text, or the database's catalogue was not read

Only the first three are certain. The others count in upper bounds alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

from workbench.analyse.catalogue import Catalogue, DatabaseNames, Function, Relation
from workbench.analyse.consequences import Change, Consequences
from workbench.analyse.inheritance import Inheritance
from workbench.analyse.layouts import Layouts
from workbench.analyse.privileges import Privileges
from workbench.analyse.sharing import (
    MERGING_MAJOR,
    Context,
    Sharing,
    aliases_in,
    saying_so,
    setting_paths,
)
from workbench.analyse.touching import (
    ACCESSES,
    INHERITANCE,
    MAINTAINING,
    Access,
    Touch,
    by_name,
    is_system,
    wanted,
)
from workbench.snapshot import Snapshot
from workbench.sql import Name, Statement

__all__ = [
    "ACCESSES",
    "CERTAIN",
    "MAINTAINING",
    "MERGING_MAJOR",
    "RUNGS",
    "Access",
    "Attribution",
    "Attributor",
    "Context",
    "Rung",
    "Touch",
    "aliases_in",
    "attributor",
    "setting_paths",
]

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


RUN_TEXT = frozenset(
    f"{what}_to_xml{how}"
    for what in ("query", "table", "schema", "database", "cursor")
    for how in ("", "schema", "_and_xmlschema")
) | {"ts_stat", "ts_rewrite", "crosstab", "crosstab2", "crosstab3", "crosstab4", "connectby"}
"""Functions of the server and of tablefunc that run a query, or read a table, which they are given as text."""


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


@dataclass
class _Found:
    """What is found of one statement so far."""

    touches: dict[Touch, None] = field(default_factory=dict)
    rungs: dict[Rung, list[str]] = field(default_factory=dict)
    open_ended: bool = False
    unnamed: set[str] = field(default_factory=set)

    def name(self, rung: Rung, name: str) -> None:
        self.rungs.setdefault(rung, []).append(name)

    def beside(self, rung: Rung, what: str) -> None:
        """Note what keeps the rung low and is no name in the text."""
        self.rungs.setdefault(rung, []).append(what)
        self.unnamed.add(what)

    def attribution(self) -> Attribution:
        lowest: Rung = max(self.rungs, key=RUNGS.index) if self.rungs else "none"
        unsettled = tuple(dict.fromkeys(self.rungs.get(lowest, [])))
        count = len({n for rung in self.rungs.values() for n in rung} - self.unnamed)
        return Attribution(lowest, tuple(self.touches), self.open_ended, unsettled, count)


def attributor(
    catalogue: Catalogue,
    majors: Mapping[str, int],
    read: Callable[[str], Statement],
    statements: Iterable[tuple[Context, str, Statement]],
    first: Snapshot | None = None,
) -> Attributor:
    """Return what attributes the statements of a window, having looked at all of them: (context, text, facts).

    ``first`` is the window's first snapshot with a catalogue: what changed since tells no relations apart.
    """
    first = catalogue.snapshot if first is None else first
    catalogues = [catalogue] if first is catalogue.snapshot else [catalogue, Catalogue(first)]
    seen: list[tuple[Context, Statement]] = []
    setting, temporary = saying_so(_noted(statements, seen))
    return Attributor(
        catalogue,
        majors,
        read,
        setting | setting_paths(catalogue, seen),
        Sharing(
            aliases_in((c[:2], s) for c, s in seen),
            Layouts(catalogue.snapshot, first),
            [Privileges(c) for c in catalogues],
        ),
        temporary,
    )


def _noted(
    statements: Iterable[tuple[Context, str, Statement]], seen: list[tuple[Context, Statement]]
) -> Iterator[tuple[Context, str, Statement]]:
    """Pass on what is looked at, and note it in ``seen`` without its text."""
    for context, text, statement in statements:
        seen.append((context, statement))
        yield context, text, statement


@dataclass(frozen=True)
class Attributor:
    """Attributes statements by one snapshot's catalogue.

    ``majors`` gives each instance's major version; one that is unknown may merge entries. ``sets_path``
    names (instance, database, login) whose sessions are known to set a search_path of their own, so that
    none that is configured binds them; ``temporary`` the names of their temporary tables. ``read`` reads
    the bodies of functions.
    """

    catalogue: Catalogue
    majors: Mapping[str, int]
    read: Callable[[str], Statement]
    sets_path: frozenset[Context] = frozenset()
    sharing: Sharing = field(default_factory=lambda: Sharing({}))
    temporary: Mapping[Context, frozenset[str]] = field(default_factory=dict)
    _stands: dict[tuple[str, str, int, Access, bool, bool, bool], tuple[Touch, ...]] = field(
        default_factory=dict
    )

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
        path = self.catalogue.search_path(*context).schemas
        runs_text = not RUN_TEXT.isdisjoint(name for _, name in statement.functions)
        found = _Found(open_ended=statement.approximate or statement.opaque or runs_text)
        calls: dict[Name, None] = {}
        policies: dict[tuple[str, Function], None] = {}
        events: dict[Change, None] = {}
        for access, (schema, name) in wanted(statement):
            if is_system(names, schema, name):
                continue
            if access == "lock" and (schema, name) not in statement.locks:
                homes = names.by_name.get(name, {})
                if not homes or schema not in (None, *homes):
                    continue  # what DDL names may be an index, or not be there yet or any more
            oids, rung = self._resolve(names, context, path, schema, name, several)
            here = oids
            if rung == "absent":
                self._missing(found, context, statement, access, schema, name)
            elif rung == "ambiguous":
                here = ()
                found.open_ended |= name in self.temporary.get(context, ())
            elif self.majors.get(context.instance, MERGING_MAJOR) >= MERGING_MAJOR:
                uses = [u for u in statement.uses if u[1] == (schema, name)]
                uses = uses or [(name, (schema, name), (), ())]  # which a search does not tell
                hidden, anything = self.sharing.sharers(names, context, access, oids[0], uses)
                if anything or not hidden <= set(oids):
                    oids, rung = (*oids, *sorted(hidden - set(oids))), "merged"
                    found.open_ended |= anything
            found.name(rung, f"{schema}.{name}" if schema else name)
            certain = rung in CERTAIN and not statement.approximate
            only = (schema, name) in statement.only
            if access == "write":
                for oid in oids:
                    events |= dict.fromkeys(
                        Change(event, oid, frozenset(columns), certain, oid in here, only)
                        for event, of, columns in sorted(statement.changes, key=str)
                        if of == (schema, name)
                    )
            for oid in oids:
                found.touches |= dict.fromkeys(
                    self._touched(names, oid, access, certain, oid in here, only)
                )
                calls |= dict.fromkeys(self.catalogue.behind(*context[:2], oid).calls)
                policies |= dict.fromkeys(self.catalogue.policies(*context[:2], oid))
                if statement.kind == "refresh":  # it reads what the materialised view is made from
                    calls |= dict.fromkeys(names.calls.get(oid, ()))
                    for origin in names.reads.get(oid, ()):
                        touched = self._touched(names, origin, "read", certain, oid in here)
                        found.touches |= dict.fromkeys(touched)
        calls = dict.fromkeys(sorted(statement.functions, key=by_name)) | calls
        for then in (
            self._consequences.of_calls(names, context, path, tuple(calls)),
            self._consequences.of_policies(names, context, path, tuple(policies)),
            *(self._consequences.of_change(names, context, path, event) for event in events),
        ):
            found.touches |= dict.fromkeys(then.touches)
            found.open_ended |= then.hidden
            for function in then.functions:
                found.beside("approximate", function)
        if statement.approximate or statement.opaque or runs_text:
            found.rungs.setdefault("approximate", [])
        return found.attribution()

    @cached_property
    def _consequences(self) -> Consequences:
        return Consequences(self.catalogue, self.read, self._resolve, self._touched)

    def _missing(
        self,
        found: _Found,
        context: Context,
        statement: Statement,
        access: Access,
        schema: str | None,
        name: str,
    ) -> None:
        """A relation that is not there any more, as its schema's owner still knows it; or was temporary."""
        if schema is not None:
            owner = self.catalogue.estate.owner(context.instance, context.database, schema, name)
            gone = Relation(*context[:2], schema, name, "", owner.service, owner.standing)
            found.touches[Touch(gone, access, not statement.approximate)] = None
        else:
            found.open_ended |= name not in self.temporary.get(context, ())

    def _resolve(
        self,
        names: DatabaseNames,
        context: Context,
        path: tuple[str, ...],
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
        if name in self.temporary.get(context, ()):  # then a session's own hides them
            return everywhere, "ambiguous"
        if len(everywhere) == 1:
            return everywhere, "search_path" if next(iter(homes)) in path else "unique"
        trusted = context not in self.sets_path and not several
        if trusted and self.majors.get(context.instance, MERGING_MAJOR) < MERGING_MAJOR:
            for place in path:
                if place in homes:
                    return (homes[place],), "search_path"
        return everywhere, "ambiguous"

    @cached_property
    def _inheritance(self) -> Inheritance:
        return Inheritance(self.catalogue)

    def _touched(
        self,
        names: DatabaseNames,
        oid: int,
        access: Access,
        certain: bool,
        named: bool,
        only: bool = False,
    ) -> tuple[Touch, ...]:
        key = (names.instance, names.database, oid, access, certain, named, only)
        if key not in self._stands:
            tables, views, _ = self.catalogue.behind(*key[:3])
            # a write through a view changes one table; which one of several, nobody can tell here
            sure = certain and (access != "write" or len(tables) == 1)
            self._stands[key] = tuple(
                [Touch(table, access, sure, named, views) for table in tables]
                or [Touch(view, access, certain, named) for view in views[:1]]
            )
            if not only and access != "write":  # a write goes on by what it does: see Consequences
                # a view may say ONLY, and so may DDL
                sure = certain and access == "read" and not views
                self._stands[key] += tuple(
                    Touch(heir, access, sure, named, views, (INHERITANCE,))
                    for table in tables
                    for heir in self._inheritance.heirs(table)
                )
        return self._stands[key]
