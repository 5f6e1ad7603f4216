"""What samples of sessions mean: average active sessions, what they waited for, who was seen with what.

A sample counts sessions look by look (`queries/samples`). *Average active sessions* are the looks at
active sessions over all looks: the mean number of sessions that worked or waited at a time, commits
included, which statement times leave out. A session is active whose state is ``active`` or ``fastpath function
call``; parallel workers are not counted. Where several samples were taken, each counts by its looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.snapshot import History, records

_ACTIVE = ("active", "fastpath function call")
_CALLER = ["instance", "datname", "usename", "application_name"]
_SEEN = ["instance", "datname", "usename", "query_id"]
_SESSION_COLUMNS = (
    *("datname", "usename", "application_name", "client_addr", "state", "wait_event_type"),
    *("query_id", "unseen", "looks", "rest"),
)
_UNSAMPLED = "no sample was taken: `workbench collect --sample 30s` takes one"
_UNSEEN = "the login may not look at other logins' sessions: grant it pg_monitor"


@dataclass(frozen=True)
class Sessions:
    """Sessions as samples saw them. All figures named ``active_sessions`` are means over looks.

    ``instances``: instance, samples, seconds, looks, asked_looks, sessions (mean connected),
    active_sessions, idle_in_transaction (mean), busiest_hour (UTC), busiest (active sessions in it),
    because (why a figure is NA). One row per instance of the estate, sampled or not.

    ``waits``: instance, wait_class (pg_stat_activity's wait_event_type; ``CPU`` where an active session
    waits for nothing), active_sessions, share (of the instance's).

    ``callers``: instance, datname, usename, application_name, active_sessions, looks_active, looks.

    ``hours``: instance, hour (UTC; simulated where the snapshots are), samples, looks, active_sessions.

    ``statements``: instance, datname, usename, query_id, looks_active (looks at sessions that ran it),
    looks (those at idle sessions included, of which it was the last).

    ``seen``: who was seen with a statement: instance, datname, usename, application_name, client_addr,
    query_id, looks_active, looks.

    Rows of callers, statements and seen are of what the login may see; those too rare to be kept apart
    count in instances, waits and hours only.
    """

    instances: pd.DataFrame
    waits: pd.DataFrame
    callers: pd.DataFrame
    hours: pd.DataFrame
    statements: pd.DataFrame
    seen: pd.DataFrame


def sessions(history: History) -> Sessions:
    """Add up every sample in ``history``. Reads the frames sampling and session_samples.

    >>> from workbench import load_history
    >>> from workbench.share import shared
    >>> found = sessions(load_history(shared("data") / "estates/marketplace/history"))
    >>> list(found.instances["instance"])
    ['main']
    """
    looks = _sampling(history)
    rows = history.frame("session_samples", *_SESSION_COLUMNS)
    rows["looks"] = rows["looks"].astype("Int64")
    rows["active"] = rows["looks"].where(rows["state"].isin(_ACTIVE), 0)
    rows["hour"] = rows["at"].dt.floor("h")
    hours = _hours(looks, rows)
    return Sessions(
        instances=_instances(history, looks, rows, hours),
        waits=_waits(looks, rows),
        callers=_callers(looks, rows),
        hours=hours,
        statements=_with(rows, _SEEN),
        seen=_with(rows, [*_CALLER, "client_addr", "query_id"]),
    )


def _sampling(history: History) -> pd.DataFrame:
    names = ("seconds", "looks", "asked_looks", "sessions")
    looks = history.frame("sampling", *names)
    looks = looks.astype({"looks": "Int64", "asked_looks": "Int64", "sessions": "Float64"})
    looks["hour"] = looks["at"].dt.floor("h")
    return looks


def _known(rows: pd.DataFrame) -> pd.DataFrame:
    """What tells who: not summed with others, and not withheld."""
    return rows[rows["unseen"].isna() & ~rows["rest"].fillna(False).astype(bool)]


def _with(rows: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    held = _known(rows).dropna(subset=["query_id"])
    return _summed(held, key, looks_active="active", looks="looks")


def _summed(frame: pd.DataFrame, key: list[str], **sums: str) -> pd.DataFrame:
    found = frame.groupby(key, dropna=False, sort=True)
    return pd.DataFrame({name: found[column].sum() for name, column in sums.items()}).reset_index()


def _mean(counted: pd.DataFrame, column: str, looks: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Add ``active_sessions``: the counts over the looks of ``key``."""
    totals = _summed(looks, key, all_looks="looks")
    found = counted.merge(totals, "left", key)
    mean = found[column].astype("Float64") / found["all_looks"].where(found["all_looks"] > 0)
    return found.assign(active_sessions=mean).drop(columns="all_looks")


def _callers(looks: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    found = _summed(_known(rows), _CALLER, looks_active="active", looks="looks")
    found = _mean(found, "looks_active", looks, ["instance"])
    return found[[*_CALLER, "active_sessions", "looks_active", "looks"]]


def _waits(looks: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    active = rows[rows["active"] > 0]
    active = active.assign(wait_class=active["wait_event_type"].fillna("CPU"))
    found = _summed(active, ["instance", "wait_class"], counted="active")
    whole = found.groupby("instance")["counted"].transform("sum").astype("Float64")
    found["share"] = found["counted"].astype("Float64") / whole
    found = _mean(found, "counted", looks, ["instance"])
    return found[["instance", "wait_class", "active_sessions", "share"]].sort_values(
        ["instance", "share", "wait_class"], ascending=[True, False, True], ignore_index=True
    )


def _hours(looks: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    key = ["instance", "hour"]
    made = looks[looks["looks"] > 0]
    found = made.groupby(key).agg(samples=("looks", "size"), looks=("looks", "sum")).reset_index()
    found = found.merge(_summed(rows, key, counted="active"), "left", key)
    found["counted"] = found["counted"].fillna(0)
    blind = rows.loc[rows["unseen"].notna(), key].drop_duplicates().assign(blind=True)
    found = found.merge(blind, "left", key)
    mean = found["counted"].astype("Float64") / found["looks"]
    found["active_sessions"] = mean.mask(found["blind"].notna())
    return found[[*key, "samples", "looks", "active_sessions"]]


def _instances(
    history: History, looks: pd.DataFrame, rows: pd.DataFrame, hours: pd.DataFrame
) -> pd.DataFrame:
    names = {i.name for i in history.estate.instances} | set(looks["instance"])
    names |= set(history.coverage.reached)
    gaps = {
        m.instance: f"{m.why}: {m.remedy}"
        for s in history.collected
        for m in s.manifest.missing
        if m.what == "sampling"
    }
    found = []
    for name in sorted(names):
        mine, seen = looks[looks["instance"] == name], rows[rows["instance"] == name]
        made = int(mine["looks"].sum())
        row: dict[str, Any] = {
            "instance": name,
            "samples": len(mine),
            "seconds": float(mine["seconds"].sum()),
            "looks": made,
            "asked_looks": int(mine["asked_looks"].sum()),
            "because": None,
        }
        if not made:
            found.append(row | {"because": gaps.get(name, _UNSAMPLED)})
            continue
        row["sessions"] = float((mine["sessions"] * mine["looks"]).sum()) / made
        if seen["unseen"].notna().any():
            found.append(row | {"because": _UNSEEN})
            continue
        waiting = seen["state"].astype("string").str.startswith("idle in transaction").fillna(False)
        row["active_sessions"] = int(seen["active"].sum()) / made
        row["idle_in_transaction"] = int(seen.loc[waiting, "looks"].sum()) / made
        ranked = hours[hours["instance"] == name].sort_values(
            ["active_sessions", "hour"], ascending=[False, True]
        )
        top = records(ranked)[0]
        row |= {"busiest_hour": top["hour"], "busiest": float(top["active_sessions"])}
        found.append(row)
    means = ("sessions", "active_sessions", "idle_in_transaction", "busiest")
    columns = {
        "instance": "object",
        "samples": "Int64",
        "seconds": "Float64",
        "looks": "Int64",
        "asked_looks": "Int64",
        **dict.fromkeys(means, "Float64"),
        "busiest_hour": "datetime64[us, UTC]",
        "because": "object",
    }
    return pd.DataFrame(found, columns=list(columns)).astype(columns)
