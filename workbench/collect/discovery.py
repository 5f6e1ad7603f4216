"""What is on a server before anybody wrote an estate file: databases, schemas, logins."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pandas as pd

from workbench.collect.run import collect
from workbench.errors import Unreachable
from workbench.estate import estate_from_urls
from workbench.estate.draft import Found, FoundDatabase, FoundInstance, FoundLogin, FoundSchema
from workbench.snapshot import Snapshot, records

_FRAMES = (
    "identity",
    "databases",
    "roles",
    "role_settings",
    "extensions",
    "schemas",
    "relations",
    "sizes",
)


def discover(urls: Sequence[str], progress: Callable[[str], None] | None = None) -> Found:
    """Look into every database of the instances that ``urls`` lead to, read-only.

    EstateError for a URL that cannot be read; Unreachable where an instance cannot be connected, with
    the reason: a draft that leaves one out would be taken for the whole.
    """
    estate = estate_from_urls(urls)
    snapshot = collect(estate, only=_FRAMES, everywhere=True, progress=progress)
    if snapshot.manifest.unreached:
        gaps = [m for m in snapshot.manifest.missing if m.what == "instance"]
        raise Unreachable("; ".join(f"{m.place}: {m.why}: {m.remedy}" for m in gaps))
    return Found(
        tuple(
            FoundInstance(
                instance.name,
                instance.endpoints[0].url,
                tuple(_databases(snapshot, instance.name)),
                tuple(_logins(snapshot, instance.name)),
            )
            for instance in estate.instances
        )
    )


def _databases(snapshot: Snapshot, instance: str) -> Iterator[FoundDatabase]:
    schemas = snapshot.frame("schemas", "schema", "extension")
    relations = snapshot.frame("relations", "oid", "schema", "relkind", "root_oid", "extension")
    sizes = snapshot.frame("sizes", "relation_oid", "bytes").rename(columns={"relation_oid": "oid"})
    key = ["instance", "database"]
    own = relations["relkind"].isin(list("rpmf")) & relations["extension"].isna()
    roots = relations[(relations["oid"] == relations["root_oid"]) & own]
    tables = roots.groupby([*key, "schema"]).size()
    sized = relations.merge(sizes, "left", [*key, "oid"])
    total = sized.groupby([*key, "schema"])["bytes"].sum(min_count=1)
    for database in sorted(set(schemas.loc[schemas["instance"] == instance, "database"])):
        mine = schemas[(schemas["instance"] == instance) & (schemas["database"] == database)]
        yield FoundDatabase(
            database,
            tuple(
                FoundSchema(
                    row["schema"],
                    int(tables.get((instance, database, row["schema"]), 0)),
                    _whole(total.get((instance, database, row["schema"]), None)),
                    platform=isinstance(row["extension"], str),
                )
                for row in records(mine)
            ),
        )


def _whole(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)


def _logins(snapshot: Snapshot, instance: str) -> Iterator[FoundLogin]:
    roles = snapshot.frame("roles", "rolname", "rolcanlogin", "rolsuper")
    held = snapshot.frame("schemas", "schema", "owner")
    settings = snapshot.frame("role_settings", "datname", "rolname", "name", "value")
    here = held[held["instance"] == instance]
    there = set(zip(here["database"], here["schema"], strict=True))
    for row in records(roles[roles["instance"] == instance]):
        name = row["rolname"]
        if not row["rolcanlogin"] or row["rolsuper"]:
            continue
        mine = {(r["database"], r["schema"]) for r in records(here[here["owner"] == name])}
        for setting in records(settings[settings["instance"] == instance]):
            if setting["rolname"] == name and setting["name"] == "search_path":
                wanted = {s.strip().strip('"') for s in str(setting["value"]).split(",")}
                mine |= {
                    (d, s)
                    for d, s in there
                    if s in wanted and s != "public" and setting["datname"] in (None, d)
                }
        yield FoundLogin(name, tuple(sorted(mine)))
