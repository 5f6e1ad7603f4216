"""What a review of this estate could see, and the statement that would let it see more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from workbench.analyse.gaps import quoted
from workbench.model import Finding, Level
from workbench.snapshot import Snapshot, records

OLDEST_SERVER = 140000
FRAMES = (
    "identity",
    "databases",
    "settings",
    "roles",
    "extensions",
    "schemas",
    "relations",
    "statements_info",
    "hba_rules",
    "column_statistics",
    "sequence_positions",
)
"""The frames a check needs; a full snapshot holds them as well."""

_BEYOND_MONITOR = frozenset(
    {"hba_rules", "column_statistics", "sequence_positions", "wal_transactions"}
)
"""What pg_monitor does not show: worth knowing, and no fault of the recommended login."""

_ORDER = {"error": 0, "warning": 1, "info": 2}

_SETTINGS: dict[str, tuple[str, Level, str]] = {
    "track_io_timing": ("on", "info", "the time spent reading and writing stays unknown"),
    "track_counts": ("on", "error", "tables and indexes have no statistics at all"),
    "compute_query_id": ("off", "warning", "sessions cannot be tied to their statements"),
    "pg_stat_statements.track": ("none", "error", "no statement is counted"),
}


def readiness(snapshot: Snapshot) -> tuple[Finding, ...]:
    """Return what is missing or unsafe for a review, errors first; empty where nothing is.

    Reads the frames in ``FRAMES``. Each finding's remediation is a statement to run, or the line of the
    estate file to correct.
    """
    found = [
        *_unread(snapshot),
        *_servers(snapshot),
        *_settings(snapshot),
        *_statements(snapshot),
        *_wal(snapshot),
        *_declarations(snapshot),
        *_unowned(snapshot),
    ]
    return tuple(sorted(found, key=lambda f: (_ORDER[f.level], f.rule, f.subject)))


def _unread(snapshot: Snapshot) -> Iterator[Finding]:
    for missing in snapshot.manifest.missing:
        whole = missing.what in ("instance", "database")
        yield Finding(
            "unreached" if whole else f"unread-{missing.what.replace('_', '-')}",
            "error" if whole else "info" if missing.what in _BEYOND_MONITOR else "warning",
            missing.place,
            missing.why,
            missing.remedy,
        )


def _servers(snapshot: Snapshot) -> Iterator[Finding]:
    names = ("server_version_num", "read_as", "is_superuser", "reads_all_stats")
    for row in records(snapshot.frame("identity", *names)):
        login = row["read_as"]
        if row["server_version_num"] < OLDEST_SERVER:
            major = row["server_version_num"] // 10000
            yield Finding(
                "server-too-old",
                "error",
                row["instance"],
                f"version {major} is older than 14, the oldest one that is read here",
                "plan the upgrade of the server first",
            )
        if row["is_superuser"]:
            yield Finding(
                "login-too-strong",
                "warning",
                row["instance"],
                f"the workbench logs in as the superuser {login}; pg_monitor is all it needs",
                "CREATE ROLE workbench LOGIN; GRANT pg_monitor TO workbench;",
            )
        elif not row["reads_all_stats"]:
            yield Finding(
                "login-too-weak",
                "warning",
                row["instance"],
                f"{login} is not in pg_monitor: statements of other logins stay hidden",
                f"GRANT pg_monitor TO {quoted(login)};",
            )


def _settings(snapshot: Snapshot) -> Iterator[Finding]:
    logins = dict(snapshot.frame("identity", "read_as")[["instance", "read_as"]].to_numpy())
    names = ("name", "reset_val", "boot_val", "source")
    for row in records(snapshot.frame("settings", *names)):
        name, now = row["name"], row["reset_val"]
        if name not in _SETTINGS:
            continue
        value, level, consequence = _SETTINGS[name]
        rule = f"setting-{name.replace('.', '-').replace('_', '-')}"
        if _is_the_readers(row):
            login = logins.get(row["instance"], "the login that reads")
            yield Finding(
                rule,
                "info",
                row["instance"],
                f"{name} is {now} for {login} alone: what it is for others cannot be seen",
                f"take it out of the URL or PGOPTIONS, or ALTER ROLE {quoted(login)} RESET {name}; "
                "and in each database where it is set as well",
            )
        elif now != value if value == "on" else now == value:
            wanted = {"off": "auto", "none": "top"}.get(value, value)
            yield Finding(
                rule,
                level,
                row["instance"],
                f"{name} is {now}: {consequence}",
                f"ALTER SYSTEM SET {name} = '{wanted}'; SELECT pg_reload_conf();",
            )


def _is_the_readers(row: dict[str, Any]) -> bool:
    """Whether a setting was made for the login that reads, or by it: it hides what others get."""
    if row["source"] in ("user", "database user"):
        return True
    known = isinstance(row["boot_val"], str)
    return known and row["source"] == "default" and row["reset_val"] != row["boot_val"]


def _statements(snapshot: Snapshot) -> Iterator[Finding]:
    for row in records(snapshot.frame("statements_info", "dealloc", "entries", "max_entries")):
        if row["dealloc"] is not pd.NA and row["dealloc"] > 0:
            yield Finding(
                "statements-evicted",
                "warning",
                row["instance"],
                f"pg_stat_statements has evicted entries {row['dealloc']} times since its reset and "
                f"holds {row['entries']} of {row['max_entries']}: its totals are lower bounds",
                f"ALTER SYSTEM SET pg_stat_statements.max = {2 * row['max_entries']}; -- and restart",
            )


def _wal(snapshot: Snapshot) -> Iterator[Finding]:
    """Say where the transactions in the WAL cannot be read, as far as the extensions tell."""
    told = {m.instance for m in snapshot.manifest.missing if m.what == "wal_transactions"}
    extensions = snapshot.frame("extensions", "extname")
    held = set(extensions.loc[extensions["extname"] == "pg_walinspect", "instance"])
    for instance in sorted(set(extensions["instance"]) - held - told):
        yield Finding(
            "unread-wal-transactions",
            "info",
            instance,
            "the extension pg_walinspect is in none of the databases that were read: which tables are "
            "written in one transaction stays unknown, but for samples of locks",
            "CREATE EXTENSION pg_walinspect; -- in one of them, from version 15 on",
        )


def _declarations(snapshot: Snapshot) -> Iterator[Finding]:
    if not snapshot.has("relations"):
        return
    found = snapshot.frame("relations", "schema", "relation")
    schemas = snapshot.frame("schemas", "schema").assign(relation=None)
    names = pd.concat([found, schemas], ignore_index=True)[
        ["instance", "database", "schema", "relation"]
    ]
    # Of what could not be read nothing is known: a name in it is not missing.
    unread = {(m.instance, m.database) for m in snapshot.manifest.missing if m.what == "database"}
    for unmatched in snapshot.estate.declared_unmatched(names.itertuples(index=False, name=None)):
        service = snapshot.estate.service(unmatched.service)
        if (service.instance, service.database) in unread:
            continue
        near = f"; the nearest name found is {unmatched.nearest!r}" if unmatched.nearest else ""
        yield Finding(
            "declared-matches-nothing",
            "warning",
            f"{unmatched.service}: {unmatched.what}",
            f"it was not found{near}",
            f"correct {unmatched.where}",
        )


def _unowned(snapshot: Snapshot) -> Iterator[Finding]:
    wanted = ("oid", "root_oid", "schema", "relation", "relkind", "extension")
    held = snapshot.frame("relations", *wanted)
    held = held[held["oid"] == held["root_oid"]]
    tables: dict[tuple[str, str, str], list[str]] = {}
    for row in records(held[held["relkind"].isin(list("rpmf")) & held["extension"].isna()]):
        place = (row["instance"], row["database"], row["schema"])
        tables.setdefault(place, []).append(row["relation"])
    for place, names in tables.items():
        owner = snapshot.settled.owner
        nobodys = sorted(n for n in names if owner(*place, n).standing == "unowned")
        if nobodys:
            shown = ", ".join(nobodys[:5]) + (", ..." if len(nobodys) > 5 else "")
            yield Finding(
                "unowned",
                "info",
                "/".join(place),
                f"{len(nobodys)} of its {len(names)} tables belong to no service: {shown}",
                "name their service in the estate file, by schema or by table",
            )
