"""Privileges that let a service's login touch another service's data, and whether anything uses them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from workbench.analyse.catalogue import Catalogue, Relation
from workbench.analyse.crossings import Crossing
from workbench.snapshot import records

_ACCESS = {
    "SELECT": "read",
    "INSERT": "write",
    "UPDATE": "write",
    "DELETE": "write",
    "TRUNCATE": "write",
}
_PUBLIC = "PUBLIC"

_EVERYTHING = {"pg_read_all_data": "read", "pg_write_all_data": "write"}
"""Roles whose members may use every relation of every database, without a grant."""

_Place = tuple[str, str]
_Rights = dict[str, dict[tuple[str, Relation], None]]
"""Per grantee, the access and what it is to."""

_Found = dict[tuple[str, str, str, str, str], dict[Relation, set[str]]]
"""Per instance, database, service, owner and access: the relations, and the logins that may."""


def grant_crossings(catalogue: Catalogue, used: Iterable[Crossing]) -> tuple[Crossing, ...]:
    """Return what the estate's logins may do to other services' data: explicit grants, ownership, memberships.

    One crossing per service, owner, access, and whether a statement of ``used`` makes use of it: ``calls`` are
    then those statements', and 0 where nothing of the window used it. Only logins that the estate maps
    to a service are looked at; superusers may do everything and are left out. Reads the frames grants,
    relations, roles, memberships, schemas.
    """
    found: _Found = {}
    logins = {a.login: a.service for a in catalogue.estate.actors if a.login}
    supers, roles = _roles(catalogue)
    rights, entered = _rights(catalogue), _entered(catalogue)
    for instance, database in catalogue.places():
        granted = rights.get((instance, database), {})
        usable = entered.get((instance, database), {})
        for login, service in sorted(logins.items()):
            if (instance, login) in supers or (instance, login) not in roles:
                continue
            member = {login, _PUBLIC, *_inherited(roles, instance, login)}
            for grantee in sorted(member):
                for access, relation in granted.get(grantee, ()):
                    if relation.service in (None, service):
                        continue
                    if usable.get(relation.schema, set()) & member or grantee in _EVERYTHING:
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


def _roles(
    catalogue: Catalogue,
) -> tuple[set[tuple[str, str]], dict[tuple[str, str], set[str]]]:
    """The superusers, and per (instance, role) the roles whose privileges it inherits at once."""
    snapshot = catalogue.snapshot
    supers: set[tuple[str, str]] = set()
    inherits: dict[tuple[str, str], bool] = {}
    for r in records(snapshot.frame("roles", "rolname", "rolsuper", "rolinherit")):
        inherits[r["instance"], r["rolname"]] = bool(r["rolinherit"])
        if r["rolsuper"] is True:
            supers.add((r["instance"], r["rolname"]))
    found: dict[tuple[str, str], set[str]] = {role: set() for role in inherits}
    for r in records(snapshot.frame("memberships", "role", "member", "inherit_option")):
        member = (r["instance"], r["member"])
        given = r["inherit_option"]
        # before 16 it is the member's own setting that decides
        if given is True or (given is not False and inherits.get(member, True)):
            found.setdefault(member, set()).add(r["role"])
    return supers, found


def _inherited(roles: dict[tuple[str, str], set[str]], instance: str, role: str) -> set[str]:
    found: set[str] = set()
    waiting = [role]
    while waiting:
        for other in roles.get((instance, waiting.pop()), set()) - found:
            found.add(other)
            waiting.append(other)
    return found


def _rights(catalogue: Catalogue) -> dict[_Place, _Rights]:
    """What was granted on relations and their columns, what owners may do, and who may do everything."""
    snapshot = catalogue.snapshot
    columns = ("object_kind", "oid", "grantee", "privilege_type")
    granted = snapshot.frame("grants", *columns)
    found: dict[_Place, _Rights] = {}

    def add(r: dict[str, Any], grantee: str, *accesses: str) -> None:
        place = (r["instance"], r["database"])
        relation = catalogue.relation(*place, int(r["oid"]))
        if relation is not None and relation.relkind != "S":
            rights = found.setdefault(place, {}).setdefault(grantee, {})
            rights |= dict.fromkeys((access, relation) for access in accesses)

    for r in records(granted[granted["object_kind"].isin(["relation", "column"])]):
        if access := _ACCESS.get(r["privilege_type"]):
            add(r, r["grantee"], access)
    for r in records(snapshot.frame("relations", "oid", "owner")):
        if isinstance(r["owner"], str):
            add(r, r["owner"], "read", "write")
        for role, access in _EVERYTHING.items():
            add(r, role, access)
    return found


def _entered(catalogue: Catalogue) -> dict[_Place, dict[str, set[str]]]:
    """Who may enter each schema: its owner, and who was granted USAGE."""
    snapshot = catalogue.snapshot
    names: dict[tuple[str, str, int], str] = {}
    found: dict[_Place, dict[str, set[str]]] = {}
    for r in records(snapshot.frame("schemas", "oid", "schema", "owner").dropna(subset="oid")):
        place = (r["instance"], r["database"])
        names[(*place, int(r["oid"]))] = r["schema"]
        found.setdefault(place, {})[r["schema"]] = {r["owner"]}
    granted = snapshot.frame("grants", "object_kind", "oid", "grantee", "privilege_type")
    granted = granted[granted["privilege_type"] == "USAGE"]
    for r in records(granted[granted["object_kind"] == "schema"]):
        place = (r["instance"], r["database"])
        if (schema := names.get((*place, int(r["oid"])))) is not None:
            found[place][schema].add(r["grantee"])
    return found
