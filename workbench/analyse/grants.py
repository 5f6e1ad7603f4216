"""Privileges that let a service's login touch another service's data, and whether anything uses them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

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

_Right = tuple[str, str, Relation]
"""The grantee, the access, and what it is to."""


def grant_crossings(catalogue: Catalogue, used: Iterable[Crossing]) -> tuple[Crossing, ...]:
    """Return what the estate's logins may do to other services' data: explicit grants, ownership, memberships.

    One crossing per service, owner, access, and whether a statement of ``used`` makes use of it: ``calls`` are
    then those statements', and 0 where nothing of the window used it. Only logins that the estate maps
    to a service are looked at; superusers may do everything and are left out. Reads the frames grants,
    relations, roles, memberships, schemas.
    """
    found: dict[tuple[str, str, str, str, str], dict[Relation, set[str]]] = {}
    estate = catalogue.estate
    logins = {a.login: a.service for a in estate.actors if a.login}
    supers, roles = _roles(catalogue)
    for instance, database in catalogue.places():
        rights = list(_rights(catalogue, instance, database))
        entered = _entered(catalogue, instance, database)
        for login, service in sorted(logins.items()):
            if (instance, login) in supers or (instance, login) not in roles:
                continue
            member = {login, _PUBLIC, *_inherited(roles, instance, login)}
            for grantee, access, relation in rights:
                if grantee not in member or relation.service in (None, service):
                    continue
                if not entered.get(relation.schema, set()) & member:
                    continue
                key = (instance, database, service, str(relation.service), access)
                found.setdefault(key, {}).setdefault(relation, set()).add(login)
    return tuple(_crossings(found, list(used)))


def _crossings(
    found: dict[tuple[str, str, str, str, str], dict[Relation, set[str]]], used: list[Crossing]
) -> Iterable[Crossing]:
    for (instance, database, service, owner, access), relations in sorted(found.items()):
        calls: dict[str, int] = {}
        for crossing in used:
            if (crossing.instance, crossing.database) != (instance, database):
                continue
            if crossing.actor == service and crossing.access == access:
                for name in crossing.relations:
                    calls[name] = calls.get(name, 0) + (crossing.calls or 0)
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
                yield replace(blank, calls=sum(calls[r.qualified] for r in named))
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


def _rights(catalogue: Catalogue, instance: str, database: str) -> Iterable[_Right]:
    """What was granted on relations and their columns, and what their owners may do by being that."""
    snapshot = catalogue.snapshot
    columns = ("object_kind", "oid", "grantee", "privilege_type")
    granted = snapshot.frame("grants", *columns)
    granted = granted[(granted["instance"] == instance) & (granted["database"] == database)]
    granted = granted[granted["object_kind"].isin(["relation", "column"])]
    seen: dict[_Right, None] = {}
    for r in records(granted):
        access = _ACCESS.get(r["privilege_type"])
        relation = catalogue.relation(instance, database, int(r["oid"]))
        if access and relation is not None and relation.relkind != "S":
            seen[r["grantee"], access, relation] = None
    owned = snapshot.frame("relations", "oid", "owner", "relkind")
    owned = owned[(owned["instance"] == instance) & (owned["database"] == database)]
    for r in records(owned[owned["relkind"] != "S"]):
        relation = catalogue.relation(instance, database, int(r["oid"]))
        if relation is not None:
            seen[r["owner"], "read", relation] = seen[r["owner"], "write", relation] = None
    return seen


def _entered(catalogue: Catalogue, instance: str, database: str) -> dict[str, set[str]]:
    """Who may enter each schema: its owner, and who was granted USAGE."""
    snapshot = catalogue.snapshot
    schemas = snapshot.frame("schemas", "oid", "schema", "owner").dropna(subset="oid")
    schemas = schemas[(schemas["instance"] == instance) & (schemas["database"] == database)]
    names = {int(r["oid"]): r["schema"] for r in records(schemas)}
    found = {r["schema"]: {r["owner"]} for r in records(schemas)}
    granted = snapshot.frame("grants", "object_kind", "oid", "grantee", "privilege_type")
    granted = granted[(granted["instance"] == instance) & (granted["database"] == database)]
    for r in records(granted[granted["object_kind"] == "schema"]):
        if r["privilege_type"] == "USAGE" and int(r["oid"]) in names:
            found[names[int(r["oid"])]].add(r["grantee"])
    return found
