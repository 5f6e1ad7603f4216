"""Names of relations as a server's catalogue resolves them: search paths, views, partitions, foreign tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

from workbench.analyse.cells import text_of
from workbench.conninfo import TargetError, read_target
from workbench.errors import EstateError
from workbench.estate import Estate
from workbench.estate.facts import Standing
from workbench.snapshot import Snapshot, records

PathSource = Literal["role", "database", "server"]

_DEFAULT_PATH = '"$user", public'
_THIS_MACHINE = frozenset(("localhost", "127.0.0.1", "::1"))
_WORD = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^\s,"]+))\s*(?:,|$)')


class Relation(NamedTuple):
    """A relation by name (its partition root's), and whose it is."""

    instance: str
    database: str
    schema: str
    relation: str
    relkind: str
    service: str | None
    standing: Standing

    @property
    def qualified(self) -> str:
        """``schema.relation``, as findings and keys name it."""
        return f"{self.schema}.{self.relation}"

    def seen_from(self, instance: str, database: str) -> str:
        """``schema.relation`` for who is in that database; elsewhere ``instance/database/schema.relation``."""
        here = (self.instance, self.database) == (instance, database)
        return self.qualified if here else f"{self.instance}/{self.database}/{self.qualified}"


class SearchPath(NamedTuple):
    """The schemas in which a login's unqualified names are looked up, and whose setting says so."""

    schemas: tuple[str, ...]
    source: PathSource


class Behind(NamedTuple):
    """What a name stands for: the tables that hold its rows, and the views on the way to them."""

    tables: tuple[Relation, ...]
    views: tuple[Relation, ...]
    calls: tuple[tuple[str, str], ...] = ()
    """the database's own functions, ``(schema, function)``, that those views call"""


class Function(NamedTuple):
    """What is known of one function of the database's own."""

    body: str | None
    """redacted; None where it cannot be read"""
    search_path: str | None
    """what its own SET clause says"""


@dataclass(frozen=True)
class DatabaseNames:
    """The relations of one database, by name and by oid."""

    instance: str
    database: str
    by_name: dict[str, dict[str, int]] = field(default_factory=dict)
    """relation name to {schema: oid}"""
    by_oid: dict[int, Relation] = field(default_factory=dict)
    root: dict[int, int] = field(default_factory=dict)
    reads: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """view to what its rewrite rule names"""
    foreign: dict[int, tuple[str, str, str, str]] = field(default_factory=dict)
    """foreign table to (instance, database, schema, relation) where the estate knows the server"""
    calls: dict[int, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """view to the functions that its rewrite rule calls, but extensions' and the system's"""
    functions: dict[str, dict[str, tuple[Function, ...]]] = field(default_factory=dict)
    """function to {schema: all that are called so}, but extensions'"""
    policies: dict[tuple[str, str], tuple[tuple[str, Function], ...]] = field(default_factory=dict)
    """(schema, relation) to its row policies, by name, where they are enforced: what each asks"""

    def find(self, schema: str, relation: str) -> int | None:
        """Return the oid of a relation, or None."""
        return self.by_name.get(relation, {}).get(schema)


class Catalogue:
    """The names of one snapshot, seen with its estate's eyes.

    Reads the frames relations, view_dependencies, view_functions, foreign_tables, foreign_servers, functions, row_policies,
    role_settings, settings and identity. Views are followed down to tables (pg_rewrite through pg_depend), partitions up to their
    root, foreign tables to the instance and database that the estate declares under that address.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.estate: Estate = snapshot.settled
        self._behind: dict[tuple[str, str, int], Behind] = {}
        self._found_paths: dict[tuple[str, str, str], SearchPath] = {}

    def database(self, instance: str, database: str) -> DatabaseNames | None:
        """Return the names of a database; None where its relations were not collected."""
        return self._databases.get((instance, database))

    def places(self) -> tuple[tuple[str, str], ...]:
        """Return every (instance, database) whose relations were collected."""
        return tuple(sorted(self._databases))

    def relations(self) -> Iterator[Relation]:
        """Yield every relation; a partition is itself here, under its own name."""
        for _, names in sorted(self._databases.items()):
            yield from names.by_oid.values()

    def homes(self) -> tuple[tuple[str, str, str], ...]:
        """Return (instance, database, service) for every service that has relations there."""
        held = {
            (*place, relation.service)
            for place, names in self._databases.items()
            for relation in names.by_oid.values()
            if relation.service is not None
        }
        return tuple(sorted(held))

    def relation(self, instance: str, database: str, oid: int) -> Relation | None:
        """Return the relation of that oid under the name of its partition root."""
        names = self._databases.get((instance, database))
        return None if names is None else names.by_oid.get(names.root.get(oid, oid))

    def behind(self, instance: str, database: str, oid: int) -> Behind:
        """Return the tables that a relation's rows come from, and the views on the way, itself included.

        A materialised view holds rows of its own: it stands for itself. A view over nothing but functions
        stands for no table.
        """
        key = (instance, database, oid)
        found = self._behind.get(key)
        if found is None:
            found = self._behind[key] = self._follow(key)
        return found

    def policies(self, instance: str, database: str, oid: int) -> tuple[tuple[str, Function], ...]:
        """Return the row policies of the tables that a relation's rows come from, there, and what each asks."""
        names = self._databases.get((instance, database))
        if names is None or not names.policies:
            return ()
        return tuple(
            policy
            for table in self.behind(instance, database, oid).tables
            if (table.instance, table.database) == (instance, database)
            for policy in names.policies.get((table.schema, table.relation), ())
        )

    def views(self) -> Iterator[tuple[Relation, Relation]]:
        """Yield every view with each table behind it."""
        for (instance, database), names in sorted(self._databases.items()):
            for oid in sorted(names.reads):
                view = names.by_oid.get(oid)
                if view is None or view.relkind != "v":
                    continue
                for table in self.behind(instance, database, oid).tables:
                    yield view, table

    def search_path(self, instance: str, database: str, role: str) -> SearchPath:
        """Return where a login's unqualified names are looked up: its own setting, the database's, the server's."""
        known = self._found_paths.get((instance, database, role))
        if known is None:
            known = self._configured(instance, database, role)
            self._found_paths[instance, database, role] = known
        return known

    def _configured(self, instance: str, database: str, role: str) -> SearchPath:
        settings = self._paths
        sources: tuple[tuple[PathSource, tuple[str | None, str | None]], ...] = (
            ("role", (database, role)),
            ("role", (None, role)),
            ("database", (database, None)),
            ("database", (None, None)),
        )
        for source, (where, who) in sources:
            text = settings.get((instance, where, who))
            if text is not None:
                return SearchPath(read_path(text, role), source)
        return SearchPath(read_path(self._server_path(instance), role), "server")

    @cached_property
    def _paths(self) -> dict[tuple[str, str | None, str | None], str]:
        rows = self.snapshot.frame("role_settings", "datname", "rolname", "name", "value")
        return {
            (r["instance"], text_of(r["datname"]), text_of(r["rolname"])): str(r["value"])
            for r in records(rows[rows["name"] == "search_path"])
        }

    def _server_path(self, instance: str) -> str:
        return self._defaults.get(instance, _DEFAULT_PATH)

    @cached_property
    def _defaults(self) -> dict[str, str]:
        """The server's own search_path, as far as the reader's session shows it.

        What it shows may be a setting of its own login or database: then the server's is unknown, and
        no schema is looked in.
        """
        rows = self.snapshot.frame("settings", "name", "reset_val", "boot_val", "source")
        readers = self.snapshot.frame("identity", "read_as")[["instance", "read_as"]]
        logins = {i: (None, r) for i, r in readers.itertuples(index=False)}
        found: dict[str, str] = {}
        for r in records(rows[rows["name"] == "search_path"]):
            if r["source"] not in ("default", "configuration file", "command line"):
                continue
            instance, path = r["instance"], str(r["reset_val"])
            of_its_own = {
                text
                for (where, _, who), text in self._paths.items()
                if where == instance and who in logins.get(instance, (None,))
            }
            unknown = path in of_its_own and path != text_of(r["boot_val"])
            found[instance] = "" if unknown else path
        return found

    @cached_property
    def _databases(self) -> dict[tuple[str, str], DatabaseNames]:
        found: dict[tuple[str, str], DatabaseNames] = {}
        columns = ("oid", "schema", "relation", "relkind", "root_oid", "extension")
        for r in records(self.snapshot.frame("relations", *columns)):
            place = (r["instance"], r["database"])
            names = found.setdefault(place, DatabaseNames(*place))
            oid, schema, name = int(r["oid"]), r["schema"], r["relation"]
            extension = text_of(r["extension"]) is not None
            owner = self.estate.owner(*place, schema, name, extension=extension)
            names.by_name.setdefault(name, {})[schema] = oid
            names.by_oid[oid] = Relation(
                *place, schema, name, r["relkind"], owner.service, owner.standing
            )
            names.root[oid] = int(r["root_oid"])
        reads = self.snapshot.frame("view_dependencies", "view_oid", "relation_oid")
        for r in records(reads.drop_duplicates()):
            held = found.get((r["instance"], r["database"]))
            if held is not None:
                view = int(r["view_oid"])
                held.reads[view] = (*held.reads.get(view, ()), int(r["relation_oid"]))
        self._add_functions(found)
        self._add_policies(found)
        for where, oid, target in self._foreign_tables():
            if where in found:
                found[where].foreign[oid] = target
        return found

    def _add_functions(self, found: dict[tuple[str, str], DatabaseNames]) -> None:
        """The functions of each database's own, and which views call them."""
        names = ("oid", "schema", "function", "body", "search_path", "extension")
        functions = self.snapshot.frame("functions", *names)
        called: dict[tuple[str, str, int], tuple[str, str]] = {}
        for r in records(functions[functions["extension"].isna()]):
            place = (r["instance"], r["database"])
            called[(*place, int(r["oid"]))] = (r["schema"], r["function"])
            if place in found:
                homes = found[place].functions.setdefault(r["function"], {})
                function = Function(text_of(r["body"]), text_of(r["search_path"]))
                homes[r["schema"]] = (*homes.get(r["schema"], ()), function)
        for r in records(self.snapshot.frame("view_functions", "view_oid", "function_oid")):
            place, view = (r["instance"], r["database"]), int(r["view_oid"])
            name = called.get((*place, int(r["function_oid"])))
            if name is not None and place in found:
                calls = found[place].calls
                calls[view] = (*calls.get(view, ()), name)

    def _add_policies(self, found: dict[tuple[str, str], DatabaseNames]) -> None:
        rows = self.snapshot.frame("relations", "oid", "relrowsecurity")
        off = rows[~rows["relrowsecurity"].astype("boolean").fillna(True).astype(bool)]
        unforced = {(r["instance"], r["database"], int(r["oid"])) for r in records(off)}
        columns = ("policy", "relation_oid", "using_expression", "check_expression", "unseen")
        for r in records(self.snapshot.frame("row_policies", *columns)):
            place, oid = (r["instance"], r["database"]), int(r["relation_oid"])
            relation = self._rooted(found, place, oid)
            if relation is None or (*place, oid) in unforced:
                continue
            asked = [text_of(r[name]) for name in ("using_expression", "check_expression")]
            seen = text_of(r["unseen"]) is None
            body = "; ".join(f"SELECT {e}" for e in asked if e is not None) if seen else None
            policies, key = found[place].policies, (relation.schema, relation.relation)
            policies[key] = (*policies.get(key, ()), (r["policy"], Function(body, None)))

    @staticmethod
    def _rooted(
        found: dict[tuple[str, str], DatabaseNames], place: tuple[str, str], oid: int
    ) -> Relation | None:
        names = found.get(place)
        return None if names is None else names.by_oid.get(names.root.get(oid, oid))

    def _foreign_tables(self) -> Iterator[tuple[tuple[str, str], int, tuple[str, str, str, str]]]:
        servers = self.snapshot.frame("foreign_servers", "oid", "host", "port", "dbname")
        known = {(r["instance"], r["database"], int(r["oid"])): r for r in records(servers)}
        local = {
            (r["instance"], r["database"], int(r["oid"])): (r["schema"], r["relation"])
            for r in records(self.snapshot.frame("relations", "oid", "schema", "relation"))
        }
        columns = ("relation_oid", "server_oid", "remote_schema", "remote_table")
        for r in records(self.snapshot.frame("foreign_tables", *columns)):
            place = (r["instance"], r["database"])
            server = known.get((*place, int(r["server_oid"])))
            named = local.get((*place, int(r["relation_oid"])))
            if server is None or named is None or text_of(server["dbname"]) is None:
                continue
            instance = self._instance_at(place[0], text_of(server["host"]), text_of(server["port"]))
            if instance is not None:
                schema = text_of(r["remote_schema"]) or named[0]
                table = text_of(r["remote_table"]) or named[1]
                yield place, int(r["relation_oid"]), (instance, server["dbname"], schema, table)

    def _instance_at(self, here: str, host: str | None, port: str | None) -> str | None:
        """The instance that the estate declares under an address; this one where none is given.

        What a server calls its own machine is itself, where the port is its own.
        """
        own = self._ports.get(here)
        if (host is None or host in _THIS_MACHINE or host.startswith("/")) and port in (None, own):
            return here
        if host is None:
            return None
        at = f"{host}:{port or 5432}"
        for instance, addresses in self._addresses.items():
            if at in addresses:
                return instance
        return None

    @cached_property
    def _ports(self) -> dict[str, str]:
        rows = self.snapshot.frame("settings", "name", "reset_val")
        return {r["instance"]: str(r["reset_val"]) for r in records(rows[rows["name"] == "port"])}

    @cached_property
    def _addresses(self) -> dict[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {}
        for instance in self.estate.instances:
            addresses: set[str] = set()
            for endpoint in instance.endpoints:
                try:
                    addresses |= set(read_target(endpoint.url).addresses)
                except (TargetError, EstateError):
                    continue  # its variable is not set: nothing can be said of its address
            found[instance.name] = frozenset(addresses)
        return found

    def _follow(self, key: tuple[str, str, int]) -> Behind:
        tables: dict[Relation, None] = {}
        views: dict[Relation, None] = {}
        calls: dict[tuple[str, str], None] = {}
        seen: set[tuple[str, str, int]] = set()
        waiting = [key]
        while waiting:
            instance, database, oid = waiting.pop()
            names = self._databases.get((instance, database))
            if names is None or (instance, database, oid) in seen:
                continue
            seen.add((instance, database, oid))
            relation = names.by_oid.get(names.root.get(oid, oid))
            if relation is None:
                continue
            if relation.relkind == "v":
                views[relation] = None
                calls |= dict.fromkeys(names.calls.get(oid, ()))
                waiting += [(instance, database, o) for o in reversed(names.reads.get(oid, ()))]
            elif oid in names.foreign:
                there = names.foreign[oid]
                other = self._databases.get(there[:2])
                found = other.find(*there[2:]) if other else None
                if found is None:
                    tables[relation] = None
                else:
                    views[relation] = None
                    waiting.append((*there[:2], found))
            else:
                tables[relation] = None
        return Behind(tuple(tables), tuple(views), tuple(calls))


def read_path(text: str, role: str) -> tuple[str, ...]:
    """Split a search_path; ``"$user"`` is the login's own schema.

    >>> read_path('"$user", public, "Odd, one"', "app")
    ('app', 'public', 'Odd, one')
    """
    found = []
    for quoted, bare in _WORD.findall(text):
        name = quoted.replace('""', '"') if quoted else bare.lower()
        if name:
            found.append(role if name == "$user" else name)
    return tuple(found)
