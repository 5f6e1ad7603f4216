"""Privileges that let a service's login touch another service's data, and whether anything uses them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from workbench.analyse.catalogue import Catalogue, Relation
from workbench.analyse.crossings import Crossing
from workbench.analyse.privileges import Privileges

_Found = dict[tuple[str, str, str, str, str], dict[Relation, set[str]]]
"""Per instance, database, service, owner and access: the relations, and the logins that may."""


def grant_crossings(catalogue: Catalogue, used: Iterable[Crossing]) -> tuple[Crossing, ...]:
    """Return what the estate's logins may do to other services' data: explicit grants, ownership, memberships.

    One crossing per service, owner, access, and whether a statement of ``used`` makes use of it: ``calls`` are
    then those statements', and 0 where nothing of the window used it. Only logins that the estate maps
    to a service are looked at, in the databases that they may connect to; superusers may do everything and are left out. Reads the frames grants,
    relations, roles, memberships, schemas.
    """
    found: _Found = {}
    logins = {a.login: a.service for a in catalogue.estate.actors if a.login}
    held = Privileges(catalogue)
    for instance, database in catalogue.places():
        for login, service in sorted(logins.items()):
            if not held.may_connect(instance, database, login):
                continue
            for access, relation in held.of(instance, database, login) or ():
                if relation.service not in (None, service):
                    key = (instance, database, service, str(relation.service), access)
                    found.setdefault(key, {}).setdefault(relation, set()).add(login)
    names = catalogue.estate.first_names
    return tuple(replace(c, first_names=names) for c in _crossings(found, used))


def _crossings(found: _Found, used: Iterable[Crossing]) -> Iterable[Crossing]:
    users: dict[tuple[str, str, str | None, str], list[Crossing]] = {}
    for crossing in used:
        place = (crossing.instance, crossing.database, crossing.actor, crossing.access)
        users.setdefault(place, []).append(crossing)
    for (instance, database, service, owner, access), relations in sorted(found.items()):
        here = users.get((instance, database, service, access), [])
        calls = {name for crossing in here for name in crossing.relations}
        for in_use in (True, False):
            named = [r for r in relations if (r.qualified in calls) is in_use]
            if not named:
                continue
            blank = Crossing(
                "grant",
                "catalog",
                instance,
                database,
                service,
                tuple(sorted((service, owner))),
                (owner,),
                "write" if access == "write" else "read",
                tuple(sorted(r.qualified for r in named)),
                logins=tuple(sorted({login for r in named for login in relations[r]})),
            )
            if in_use:
                by_these = [c for c in here if {r.qualified for r in named} & {*c.relations}]
                yield replace(blank, calls=sum(c.calls or 0 for c in by_these))
            else:
                yield replace(blank, calls=0, because="no statement of the window used it")
