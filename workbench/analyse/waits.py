"""Who waited for a lock at the moments looked at, and for whom.

A look is a snapshot or a pulse. Between two looks anybody may have waited: what is seen here is a
sample, and an empty one says no more than its number of looks.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from workbench.analyse.cells import text_of
from workbench.analyse.stored import homes
from workbench.analyse.wal import looks
from workbench.estate import Estate
from workbench.snapshot import History, Snapshot, records

_Homes = dict[tuple[Any, ...], dict[str, Any]]


def lock_waits(history: History) -> pd.DataFrame:
    """Return who waited for whom, the longest wait first.

    instance, database, schema, table (the partition root that is locked; None where the wait is for a
    transaction or something else that is no relation), owner (service of that table), locktype, mode,
    waiter and blocker (logins; ``prepared transaction`` where no session holds the lock), waiter_service
    and blocker_service (as the estate's actors map logins; None where it does not), seen (in how many
    looks), longest_s (by the server's clock, NA where it did not tell), because.
    """
    rows: list[dict[str, Any]] = []
    known: dict[str, _Homes] = {}
    for instance, held in looks(history, "lock_waits").items():
        for snapshot in held:
            rows += _seen(snapshot, instance, history, known)
    group = ["instance", "database", "schema", "table", "owner", "locktype", "mode"]
    group += ["waiter", "blocker", "waiter_service", "blocker_service"]
    found = pd.DataFrame(rows, columns=[*group, "at", "seconds"])
    grouped = found.astype({"seconds": "Float64"}).groupby(group, dropna=False, sort=True)
    made = grouped.agg(seen=("at", "nunique"), longest_s=("seconds", "max")).reset_index()
    for name in group:
        made[name] = made[name].astype("object").where(made[name].notna(), None)
    told = made["longest_s"].notna()
    because = pd.Series("the server did not say since when", made.index, dtype="object")
    made["because"] = because.where(~told, None)
    return made.sort_values(
        ["longest_s", "seen", "instance"], ascending=[False, False, True], ignore_index=True
    )


def lock_looks(history: History, waits: pd.DataFrame) -> pd.DataFrame:
    """Return how often was looked, and how often somebody waited: instance, looks, waited, longest_s.

    ``waits`` is ``lock_waits`` of the same history.
    """
    rows = []
    for instance, held in looks(history, "lock_waits").items():
        parts = (p for s in held for p in s.manifest.parts if p.frame == "lock_waits")
        waited = sum(p.instance == instance and p.rows > 0 for p in parts)
        longest = waits.loc[waits["instance"] == instance, "longest_s"].max()
        rows.append((instance, len(held), waited, longest))
    found = pd.DataFrame(rows, columns=["instance", "looks", "waited", "longest_s"])
    return found.astype({"looks": "Int64", "waited": "Int64", "longest_s": "Float64"})


def _seen(
    snapshot: Snapshot, instance: str, history: History, known: dict[str, _Homes]
) -> list[dict[str, Any]]:
    names = ("pid", "blocking_pid", "locktype", "mode", "datname", "relation_oid", "waitstart")
    frame = snapshot.frame("lock_waits", *names)
    waits = records(frame[frame["instance"] == instance])
    if not waits:
        return []
    sessions = _sessions(snapshot, instance)
    clock = snapshot.frame("identity", "read_at")
    moment = clock.loc[clock["instance"] == instance, "read_at"].dropna()
    # A pulse reads no catalogue: the newest night did.
    source = snapshot if snapshot.has("relations") else history.newest
    if source.manifest.id not in known:
        held = records(homes(source))
        known[source.manifest.id] = {(r["instance"], r["database"], r["oid"]): r for r in held}
    relations = known[source.manifest.id]
    estate = history.newest.settled
    rows = []
    for wait in waits:
        waiter, blocker = sessions.get(wait["pid"], {}), sessions.get(wait["blocking_pid"], {})
        database = text_of(wait["datname"]) or text_of(waiter.get("datname"))
        home = relations.get((instance, database, wait["relation_oid"]), {})
        seconds = None
        if pd.notna(wait["waitstart"]) and len(moment):
            # Its own query is asked after the clock was read.
            seconds = max((moment.iloc[0] - wait["waitstart"]).total_seconds(), 0.0)
        prepared = wait["blocking_pid"] == 0
        rows.append(
            {
                "instance": instance,
                "database": database,
                "schema": home.get("schema"),
                "table": home.get("table"),
                "owner": home.get("service"),
                "locktype": wait["locktype"],
                "mode": wait["mode"],
                "waiter": text_of(waiter.get("usename")) or "unknown",
                "blocker": "prepared transaction"
                if prepared
                else text_of(blocker.get("usename")) or "unknown",
                "waiter_service": _service(estate, waiter),
                "blocker_service": _service(estate, blocker),
                "at": snapshot.at,
                "seconds": seconds,
            }
        )
    return rows


def _sessions(snapshot: Snapshot, instance: str) -> dict[int, dict[str, Any]]:
    held = snapshot.frame("activity", "pid", "usename", "application_name", "datname")
    return {row["pid"]: row for row in records(held[held["instance"] == instance])}


def _service(estate: Estate, session: dict[str, Any]) -> str | None:
    """The service that a login, and where it is asked for an application_name, stands for."""
    for actor in estate.actors:
        wanted = ((actor.login, "usename"), (actor.application_name, "application_name"))
        told = [(value, key) for value, key in wanted if value is not None]
        if told and all(text_of(session.get(key)) == value for value, key in told):
            return actor.service
    return None
