"""What a login may do to which relations: grants, ownership, memberships, and who may enter a schema."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from workbench.analyse.catalogue import Catalogue, Relation
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


class Privileges:
    """The privileges that one snapshot tells of: the frames grants, relations, roles, memberships, schemas."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def of(
        self, instance: str, database: str, login: str
    ) -> Mapping[tuple[str, Relation], None] | None:
        """Return ``(access, relation)`` for all that a login may ``read`` or ``write`` without SET ROLE.

        None where it may do anything, or nobody knows: a superuser, a role that is not there any more, a
        database whose grants were not read. A privilege on one column counts.
        """
        supers, roles = self._roles
        if (instance, login) in supers or (instance, login) not in roles:
            return None
        if (instance, database) not in self._read:
            return None
        granted = self._rights.get((instance, database), {})
        usable = self._entered.get((instance, database), {})
        member = {login, _PUBLIC, *_inherited(roles, instance, login)}
        return {
            (access, relation): None
            for grantee in sorted(member)
            for access, relation in granted.get(grantee, ())
            if usable.get(relation.schema, set()) & member or grantee in _EVERYTHING
        }

    def may_connect(self, instance: str, database: str, login: str) -> bool:
        """Whether a login has CONNECT on a database; True also where nothing is known of it.

        A role that a session took on with SET ROLE needs none.
        """
        connecting = self._connecting.get((instance, database))
        member = {login, _PUBLIC, *_inherited(self._roles[1], instance, login)}
        return connecting is None or not connecting.isdisjoint(member)

    @cached_property
    def _connecting(self) -> dict[_Place, set[str]]:
        """Who was granted CONNECT; without a database where nothing was granted or revoked: all may then."""
        granted = self.catalogue.snapshot.frame(
            "grants", "object_kind", "grantee", "privilege_type"
        )
        found: dict[_Place, set[str]] = {}
        for r in records(granted[granted["object_kind"] == "database"]):
            held = found.setdefault((r["instance"], r["database"]), set())
            if r["privilege_type"] == "CONNECT":
                held.add(r["grantee"])
        return found

    @cached_property
    def _read(self) -> set[_Place]:
        parts = self.catalogue.snapshot.manifest.parts
        return {(p.instance, p.database) for p in parts if p.frame == "grants" and p.database}

    @cached_property
    def _roles(self) -> tuple[set[tuple[str, str]], dict[tuple[str, str], set[str]]]:
        return _roles(self.catalogue)

    @cached_property
    def _rights(self) -> dict[_Place, _Rights]:
        return _rights(self.catalogue)

    @cached_property
    def _entered(self) -> dict[_Place, dict[str, set[str]]]:
        return _entered(self.catalogue)


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
