"""References that leave a database: foreign tables, publications, subscriptions."""

from __future__ import annotations

import json
from collections.abc import Iterator

from workbench.analyse.catalogue import Catalogue
from workbench.analyse.references.objects import Objects, Place
from workbench.model import Reference, ReferenceEnd


def foreign_tables(objects: Objects, catalogue: Catalogue) -> Iterator[Reference]:
    """Yield each foreign table to the table it stands for, on whatever instance of the estate.

    Where the estate declares no instance at that address, the address stands for it.
    """
    servers = {
        (*place, int(row["oid"])): row
        for place, row in objects.rows("foreign_servers", "oid", "server", "host", "port", "dbname")
    }
    wanted = ("relation_oid", "server_oid", "remote_schema", "remote_table")
    for place, row in objects.rows("foreign_tables", *wanted):
        oid = int(row["relation_oid"])
        source = objects.find(place, "pg_class", oid)
        server = servers.get((*place, int(row["server_oid"])))
        names = catalogue.database(*place)
        if source is None or server is None or names is None:
            continue
        said = f"foreign server {server['server']}"
        there = names.foreign.get(oid)
        if there is not None:
            found = objects.structure.named(*there)
            owner = objects.snapshot.settled.owner(*there).service
            target = ReferenceEnd(owner, *there) if found is None else objects.structure.end(found)
        else:
            said += ", whose address is no instance of the estate"
            at = ":".join(server[n] for n in ("host", "port") if server[n] is not None)
            target = ReferenceEnd(
                None,
                at or None,
                server["dbname"],
                row["remote_schema"] or source.schema,
                row["remote_table"] or source.table,
            )
        yield Reference(source, target, "foreign_table", evidence=(said,))


def publications(objects: Objects) -> Iterator[Reference]:
    """Yield each publication to the tables it names; one of all tables names none (pg_publication_rel)."""
    held = {
        (*place, int(row["oid"])): row["publication"]
        for place, row in objects.rows("publications", "oid", "publication")
    }
    for place, row in objects.rows("publication_tables", "publication_oid", "relation_oid"):
        name = held.get((*place, int(row["publication_oid"])))
        oid = row["relation_oid"]
        target = None if oid is None else objects.find(place, "pg_class", int(oid))
        if name is not None and target is not None:
            said = f"publication {name} names it"
            yield Reference(
                _named(place, name, "publication"), target, "publication", evidence=(said,)
            )


def subscriptions(objects: Objects) -> Iterator[Reference]:
    """Yield each subscription to the publication that it follows, where one database alone has it and the slot."""
    slots = {
        (place[0], row["datname"], row["slot_name"])
        for place, row in objects.rows("replication_slots", "slot_name", "datname")
    }
    homes: dict[str, list[Place]] = {}
    for place, row in objects.rows("publications", "publication"):
        homes.setdefault(row["publication"], []).append(place)
    wanted = ("datname", "subscription", "slot_name", "publications")
    for (instance, _), row in objects.rows("subscriptions", *wanted):
        if row["datname"] is None:
            continue
        source = _named((instance, row["datname"]), row["subscription"], "subscription")
        for name in json.loads(row["publications"] or "[]"):
            found = [p for p in homes.get(name, []) if (*p, row["slot_name"]) in slots]
            if len(found) == 1:
                said = f"it follows publication {name} through slot {row['slot_name']}"
                target = _named(found[0], name, "publication")
                yield Reference(source, target, "publication", evidence=(said,))


def _named(place: Place, name: str, kind: str) -> ReferenceEnd:
    return ReferenceEnd(None, *place, object=name, object_kind=kind)
