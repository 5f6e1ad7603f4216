"""What a service's team wishes for or relies on, and what would go wrong with it: settings, backup commands, append-only tables.

Wishes stand in the estate file: ``[services.NAME.attributes]`` with ``wishes`` and ``append_only``.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping

import pandas as pd

from workbench.analyse.references import References
from workbench.decide.wished import index_told, setting_told
from workbench.estate import Service
from workbench.snapshot import Snapshot, records

_OFF = frozenset({"off", "false", "no", "0"})
_NEVER_OFF = {
    "fsync": "after a crash of the machine the cluster may be lost",
    "full_page_writes": "a page half written in a crash cannot be repaired",
    "track_counts": "autovacuum does not run without it",
}


def warnings_of(service: Service, newest: Snapshot, found: References) -> tuple[str, ...]:
    """Return what to know of a service's wishes and promises, one sentence each; what is harmless is met, not met or unknown."""
    wishes = [w for w in _list(service.attributes.get("wishes")) if isinstance(w, Mapping)]
    made = [*_settings(service, wishes, newest), *_commands(wishes, service, found)]
    return tuple(dict.fromkeys([*made, *_append_only(service, newest)]))


def _settings(
    service: Service, wishes: list[Mapping[str, object]], newest: Snapshot
) -> Iterator[str]:
    wanted = {str(w.get("setting", "")).lower(): str(w.get("value", "")).lower() for w in wishes}
    for wish in wishes:
        name, value = str(wish.get("setting", "")).lower(), str(wish.get("value", "")).lower()
        table = wish.get("table")
        if name in ("autovacuum", "autovacuum_enabled") and value in _OFF:
            where = f" for {table}" if table else ""
            yield (
                f"wished: {name} = {value}{where}. Rows that are only inserted still have to be frozen, and their pages "
                "marked all-visible: keep it on, and set autovacuum_vacuum_insert_scale_factor"
            )
        elif name == "wal_level" and value == "minimal":
            beside = _archives(service, wanted, newest)
            why = (
                f"{beside} needs replica: the server does not start with both"
                if beside
                else "no archive, no standby and no base backup can be made of it"
            )
            yield f"wished: wal_level = minimal. {why[0].upper()}{why[1:]}"
        elif name in _NEVER_OFF and value in _OFF:
            yield f"wished: {name} = {value}. {_NEVER_OFF[name].capitalize()}"
        elif name and not table:
            yield setting_told(service, name, str(wish.get("value", "")), newest)
        elif wish.get("index"):
            yield index_told(service, wish, newest)


def _archives(service: Service, wanted: Mapping[str, str], newest: Snapshot) -> str | None:
    """What archives the WAL, or is to."""
    if wanted.get("archive_mode", "off") not in _OFF:
        return f"the wished archive_mode = {wanted['archive_mode']}"
    target = service.attributes.get("separated")
    if isinstance(target, Mapping) and target.get("backup") == "continuous":
        return "the wished continuous backup"
    settings = newest.frame("settings", "name", "reset_val")
    here = settings[
        (settings["instance"] == service.instance) & (settings["name"] == "archive_mode")
    ]
    value = next(iter(here["reset_val"]), None)
    return f"archive_mode = {value}" if value not in (None, *_OFF) else None


def _commands(
    wishes: list[Mapping[str, object]], service: Service, found: References
) -> Iterator[str]:
    for wish in wishes:
        command = str(wish.get("command", ""))
        words = _words(command)
        tool = words[0].rpartition("/")[2] if words else ""
        if tool == "pg_basebackup":
            yield (
                f"wished: {command}. pg_basebackup copies a whole cluster, never one database: "
                "on a shared instance it holds every service's data"
            )
        if tool == "pg_dump" and any(re.match(r"(-n|--schema(=|$))", word) for word in words[1:]):
            left = sorted(set(_types_left(service.name, found)))
            named = f": here {', '.join(left)}" if left else ""
            yield (
                f"wished: {command}. It leaves behind what lies in other schemas, shared enums too{named}; "
                "tables with such columns are lost on restore"
            )


def _types_left(service: str, found: References) -> Iterator[str]:
    for reference in found.crossing:
        if reference.kind == "type" and reference.source.service == service and reference.target:
            yield reference.target.relation


def _append_only(service: Service, newest: Snapshot) -> Iterator[str]:
    """Hold the promise that rows are never updated or deleted against the counters since their reset."""
    names = [str(name) for name in _list(service.attributes.get("append_only"))]
    if not names:
        return
    tables = _tables(service, newest)
    for name in names:
        schema, _, bare = name.rpartition(".")
        mine = tables[
            (tables["relation"] == bare) & (tables["schema"] == (schema or tables["schema"]))
        ]
        if mine.empty:
            yield f"append-only: {name} was not found, so it is not known whether its rows change"
        for row in records(mine):
            where = f"{row['schema']}.{row['relation']}"
            counts = (row["n_tup_upd"], row["n_tup_del"])
            if any(pd.isna(c) for c in counts):
                yield f"append-only: whether rows of {where} change is not known, for its counters were not read"
            elif any(counts):
                updated, deleted = (int(c) for c in counts)
                yield (
                    f"append-only is broken: {updated:,} updates and {deleted:,} deletes of {where} are counted since "
                    "its statistics were reset"
                )
            if _vacuum_off(row["reloptions"]):
                yield (
                    f"autovacuum is off on {where}: rows that are only inserted still have to be frozen; "
                    f"ALTER TABLE {where} RESET (autovacuum_enabled)"
                )


def _tables(service: Service, newest: Snapshot) -> pd.DataFrame:
    relations = newest.frame("relations", "oid", "schema", "relation", "relkind", "reloptions")
    relations = relations.rename(columns={"oid": "relation_oid"})
    counted = newest.frame("table_statistics", "relation_oid", "n_tup_upd", "n_tup_del")
    key = ["instance", "database", "relation_oid"]
    found = relations[relations["relkind"].isin(["r", "p"])].merge(counted, "left", key)
    place = found[["instance", "database", "schema", "relation"]]
    owners = [newest.settled.owner(*names).service for names in place.itertuples(index=False)]
    return found[pd.Series(owners, found.index, dtype="object") == service.name]


def _vacuum_off(options: object) -> bool:
    found = re.search(r"autovacuum_enabled=(\w+)", options) if isinstance(options, str) else None
    return found is not None and found[1].lower() in _OFF


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


def _list(value: object) -> Iterable[object]:
    return value if isinstance(value, (list, tuple)) else ()
