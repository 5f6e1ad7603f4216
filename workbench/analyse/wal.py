"""Where WAL goes and whether it gets there: standbys, slots, the archive; and what checkpoints it caused.

Lags and slots are states, seen at each look (every snapshot, pulses too); archiver and checkpoints are
counters, differenced over the window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from workbench.analyse.cells import text_of
from workbench.snapshot import History, Snapshot, Window, records

LATE_S = 5.0
"""Seconds from which a standby is late: PgHero's limit, the project's default."""

REQUESTED = 0.5
"""Share of requested checkpoints from which ``max_wal_size`` is too small for the load: the project's default."""

_STANDBY = ["instance", "standby", "client"]
_CAUGHT_UP = 0.0


def looks(history: History, frame: str) -> dict[str, tuple[Snapshot, ...]]:
    """Return, per instance, the snapshots in which ``frame`` was read, in order."""
    found: dict[str, list[Snapshot]] = {}
    for snapshot in history.collected:
        for part in snapshot.manifest.parts:
            if part.frame == frame:
                found.setdefault(part.instance, []).append(snapshot)
    return {instance: tuple(held) for instance, held in found.items()}


def standbys(history: History) -> pd.DataFrame:
    """Return who receives WAL, the latest first: one row per receiver, as its sender sees it.

    instance (the sender), standby (application_name), client (address, None over a socket), state (of
    pg_stat_replication; ``gone`` where an earlier look saw it and the last did not), sync_state, lag_bytes
    and lag_s (replay, at the last look; 0 s where nothing is outstanding), worst_bytes and worst_s (over
    all looks), seen (in how many looks), looks, late (lag_s against ``LATE_S``), because.

    A standby under review has a row of its own, ``standby`` None, with what it has received and not yet
    replayed; its state is that of pg_stat_wal_receiver, or ``not receiving``.
    """
    columns = ("application_name", "client_addr", "state", "sync_state", "replay_lag_bytes")
    rows: list[dict[str, Any]] = []
    for instance, held in looks(history, "replication").items():
        seen: dict[tuple[Any, ...], list[tuple[int, dict[str, Any]]]] = {}
        for number, snapshot in enumerate(held):
            frame = snapshot.frame("replication", *columns, "replay_lag_s", "unseen")
            for row in records(frame[frame["instance"] == instance]):
                if row["state"] != "backup":  # a base backup reads; it does not stand by
                    name = text_of(row["application_name"])
                    seen.setdefault((name, text_of(row["client_addr"])), []).append((number, row))
        rows += [_sent(instance, who, found, held) for who, found in seen.items()]
    rows += _received(history)
    names = ["instance", "standby", "client", "state", "sync_state", "lag_bytes", "lag_s"]
    names += ["worst_bytes", "worst_s", "seen", "looks", "because"]
    found = pd.DataFrame(rows, columns=names)
    kinds = {"lag_bytes": "Int64", "worst_bytes": "Int64", "lag_s": "Float64", "worst_s": "Float64"}
    found = found.astype(kinds | {"seen": "Int64", "looks": "Int64", "because": "object"})
    found["late"] = (found["lag_s"] >= LATE_S).astype("boolean")
    rank = found["state"].isin(["gone", "not receiving"])
    return (
        found.assign(rank=~rank)
        .sort_values(["rank", "lag_s", "lag_bytes", *_STANDBY[:2]], ascending=[True, False, False, True, True])
        .drop(columns="rank")
        .reset_index(drop=True)
    )  # fmt: skip


def _seconds(row: Mapping[str, Any]) -> float | None:
    """The replay lag; a receiver with nothing outstanding reports none."""
    if pd.notna(row["replay_lag_s"]):
        return float(row["replay_lag_s"])
    return (
        _CAUGHT_UP if pd.notna(row["replay_lag_bytes"]) and row["replay_lag_bytes"] <= 0 else None
    )


def _sent(
    instance: str,
    who: tuple[Any, ...],
    found: Sequence[tuple[int, dict[str, Any]]],
    held: Sequence[Snapshot],
) -> dict[str, Any]:
    last = len(held) - 1
    now = [row for number, row in found if number == last]
    bytes_ = [int(r["replay_lag_bytes"]) for _, r in found if pd.notna(r["replay_lag_bytes"])]
    seconds = [s for _, r in found if (s := _seconds(r)) is not None]
    made: dict[str, Any] = {
        "instance": instance,
        "standby": who[0],
        "client": who[1],
        "worst_bytes": max(bytes_, default=None),
        "worst_s": max(seconds, default=None),
        "seen": len({number for number, _ in found}),
        "looks": len(held),
    }
    if not now:
        when = held[found[-1][0]].at
        return made | {
            "state": "gone",
            "because": f"last seen on {when:%Y-%m-%d %H:%M} UTC, not connected at the last look",
        }
    row = max(now, key=lambda r: -1 if pd.isna(r["replay_lag_bytes"]) else r["replay_lag_bytes"])
    hidden = pd.notna(row["unseen"])
    lag = None if pd.isna(row["replay_lag_bytes"]) else max(int(row["replay_lag_bytes"]), 0)
    because = None
    if hidden:
        because = "the login may not see it: GRANT pg_monitor"
    elif lag is None:
        because = "it reports no replay position: it is no standby, or has just connected"
    elif _seconds(row) is None:
        because = "it has not reported a time yet"
    return made | {
        "state": "unknown" if hidden else row["state"],
        "sync_state": text_of(row["sync_state"]),
        "lag_bytes": lag,
        "lag_s": _seconds(row),
        "because": because,
    }


def _received(history: History) -> list[dict[str, Any]]:
    rows = []
    for instance, held in looks(history, "identity").items():
        last = held[-1]
        identity = last.frame("identity", "in_recovery")
        here = identity[identity["instance"] == instance]
        if not here["in_recovery"].fillna(False).any():
            continue
        frame = last.frame("wal_receiver", "status", "replay_lag_bytes", "unseen")
        found = records(frame[frame["instance"] == instance])
        row: dict[str, Any] = {"instance": instance, "standby": None, "seen": 1, "looks": 1}
        if not last.has("wal_receiver", instance):
            row |= {"state": "unknown", "because": "its receiver was not read"}
        elif not found:
            row |= {
                "state": "not receiving",
                "because": "it is in recovery, and no receiver runs: it replays an archive, or nothing",
            }
        elif pd.notna(found[0]["unseen"]):
            row |= {"state": "unknown", "because": "the login may not see it: GRANT pg_monitor"}
        else:
            lag = found[0]["replay_lag_bytes"]
            row |= {
                "state": found[0]["status"],
                "lag_bytes": None if pd.isna(lag) else max(int(lag), 0),
                "because": "a standby does not know the time it lags: its sender does",
            }
        rows.append(row)
    return rows


def slots(history: History) -> pd.DataFrame:
    """Return the replication slots of the last look, those lost or about to be first.

    instance, slot, kind (physical or logical), database, active, held_bytes (WAL kept for it), per_day (of
    held_bytes, since the first look that saw it), room_bytes (what may still be written before it is lost;
    NA without ``max_slot_wal_keep_size``), xmin_age (transactions whose dead rows it keeps), state
    (``lost``, ``unreserved``: soon lost, ``inactive``, ``active``), because.
    """
    names = ("slot_name", "slot_type", "datname", "active", "restart_lag_bytes", "safe_wal_size")
    more = ("xmin_age", "catalog_xmin_age", "wal_status", "conflicting", "invalidation_reason")
    rows = []
    for instance, held in looks(history, "replication_slots").items():
        last = held[-1].frame("replication_slots", *names, *more, "inactive_since")
        first: dict[str, tuple[Any, float]] = {}
        for snapshot in held[:-1]:
            frame = snapshot.frame("replication_slots", "slot_name", "restart_lag_bytes")
            for row in records(frame[frame["instance"] == instance]):
                if pd.notna(row["restart_lag_bytes"]):
                    first.setdefault(row["slot_name"], (snapshot.at, row["restart_lag_bytes"]))
        for row in records(last[last["instance"] == instance]):
            rows.append(_slot(row, first.get(row["slot_name"]), held[-1]))
    columns = ["instance", "slot", "kind", "database", "active", "held_bytes", "per_day"]
    columns += ["room_bytes", "xmin_age", "state", "because"]
    kinds = {
        "held_bytes": "Int64",
        "room_bytes": "Int64",
        "xmin_age": "Int64",
        "per_day": "Float64",
    }
    found = pd.DataFrame(rows, columns=columns).astype(kinds | {"active": "boolean"})
    rank = found["state"].map({"lost": 0, "unreserved": 1, "inactive": 2, "active": 3})
    return (
        found.assign(rank=rank)
        .sort_values(["rank", "held_bytes", "instance", "slot"], ascending=[True, False, True, True])
        .drop(columns="rank")
        .reset_index(drop=True)
    )  # fmt: skip


def _slot(
    row: Mapping[str, Any], before: tuple[Any, float] | None, last: Snapshot
) -> dict[str, Any]:
    reason, held = text_of(row["invalidation_reason"]), row["restart_lag_bytes"]
    lost = row["wal_status"] == "lost" or reason is not None or row["conflicting"] is True
    state = "lost" if lost else "active" if row["active"] else "inactive"
    if row["wal_status"] == "unreserved":
        state = "unreserved"
    because = None
    per_day = None
    if lost:
        because = f"invalid ({reason or 'its WAL is gone'}): drop it, and build its receiver anew"
    elif pd.isna(held):
        because = "it has reserved no WAL yet"
    elif before is not None and last.at > before[0]:
        per_day = (held - before[1]) / ((last.at - before[0]).total_seconds() / 86400)
    else:
        because = "seen at one look only: its growth is known from the second on"
    ages = [row[a] for a in ("xmin_age", "catalog_xmin_age") if pd.notna(row[a])]
    return {
        "instance": row["instance"],
        "slot": row["slot_name"],
        "kind": row["slot_type"],
        "database": text_of(row["datname"]),
        "active": row["active"],
        "held_bytes": held,
        "per_day": per_day,
        "room_bytes": row["safe_wal_size"],
        "xmin_age": max(ages, default=None),
        "state": state,
        "because": because,
    }


def archiving(window: Window, settings: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """Return what the archiver of each instance did in the window, failing ones first.

    instance, archived and failed (counts of the window), days, last_archived and last_failed (moments of
    the server), state (``off``, ``failing``: the last attempt failed, ``failed``: some in the window did,
    ``works``, ``idle``: nothing was tried in the window, ``unknown``), because.
    """
    moments: dict[str, dict[str, Any]] = {}
    for instance, held in looks(window.history, "archiver").items():
        frame = held[-1].frame("archiver", "last_archived_time", "last_failed_time")
        for row in records(frame[frame["instance"] == instance]):
            moments[instance] = row
    rows = []
    for row in records(window.archiver):
        now = moments[row["instance"]]
        mode = settings.get(row["instance"], {}).get("archive_mode")
        row |= {"last_archived": now["last_archived_time"], "last_failed": now["last_failed_time"]}
        row |= {"archived": row["archived_count"], "failed": row["failed_count"]}
        rows.append(row | {"state": _archive_state(row, mode), "because": _archive_because(mode)})
    columns = ["instance", "archived", "failed", "days", "last_archived", "last_failed", "state"]
    found = pd.DataFrame(rows, columns=[*columns, "because"])
    order = {"failing": 0, "failed": 1, "unknown": 2, "off": 3, "idle": 4, "works": 5}
    rank = found["state"].map(order)
    found = found.assign(rank=rank).sort_values(["rank", "instance"]).drop(columns="rank")
    return found.reset_index(drop=True)


def _archive_state(row: Mapping[str, Any], mode: str | None) -> str:
    if mode == "off":
        return "off"
    failed, archived = row["last_failed"], row["last_archived"]
    if pd.notna(failed) and (pd.isna(archived) or failed > archived):
        return "failing"
    if pd.isna(row["failed_count"]):
        return "unknown"
    if row["failed_count"] > 0:
        return "failed"
    return "works" if row["archived_count"] > 0 else "unknown" if mode is None else "idle"


def _archive_because(mode: str | None) -> str | None:
    if mode == "off":
        return "archive_mode is off: nothing is archived"
    return None if mode else "archive_mode was not read"


def checkpoints(window: Window) -> pd.DataFrame:
    """Return the checkpoints of each instance over the window, those most often requested first.

    instance, timed, requested (by the amount of WAL, or by a command), requested_share, write_s and sync_s
    (seconds), days, because. On a standby they are restart points, from 17 on; before, it counts both as
    checkpoints.
    """
    held = window.checkpoints
    standby = held["num_timed"].fillna(0) + held["num_requested"].fillna(0) == 0
    standby &= held["restartpoints_timed"].astype("Int64").fillna(0) > 0
    timed = held["num_timed"].astype("Int64").mask(standby, held["restartpoints_timed"])
    requested = held["num_requested"].astype("Int64").mask(standby, held["restartpoints_requested"])
    every = (timed + requested).astype("Float64")
    found = held[["instance", "days"]].assign(
        timed=timed,
        requested=requested,
        requested_share=requested / every.where(every > 0),
        write_s=held["write_time"].astype("Float64") / 1000,
        sync_s=held["sync_time"].astype("Float64") / 1000,
    )
    none = found["requested_share"].isna()
    because = pd.Series("no checkpoint in the window", found.index, dtype="object")
    found["because"] = because.where(none, None)
    return found.sort_values(
        ["requested_share", "instance"], ascending=[False, True], ignore_index=True
    )
