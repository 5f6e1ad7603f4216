"""Load over time: what each service's statements took from one reading to the next."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pandas as pd

from workbench.analyse.statements import Attributed
from workbench.snapshot.differences import STATEMENT_KEY
from workbench.snapshot.window import LEAST_OF_AN_HOUR_S

NEAR_S = 5400.0
"""Readings at most this many seconds of the calendar apart say what happened in an hour: an hour and a half."""

_KEY = ["instance", *STATEMENT_KEY]
_COUNTERS = {
    "calls": "calls",
    "total_exec_time": "time_ms",
    "wal_bytes": "wal_bytes",
    "shared_blks_hit": "blocks_hit",
    "shared_blks_read": "blocks_read",
    "temp_blks_read": "temp_blocks",
}


def rises(attributed: Attributed) -> pd.DataFrame:
    """Return what each entry took between consecutive readings of the window.

    One row per entry and reading but an instance's first: at, instance, entry (see ``Attributed.entries``), seconds
    (real, since the reading before), calls, time_ms, wal_bytes, blocks_hit, blocks_read, temp_blocks. What went down, or was not
    there before, counts from zero. Entries that the newest reading does not hold are not in it: nobody
    knows what they touched. Nested ones are left out, and those that the login may not see.
    """
    window = attributed.window
    entries = attributed.entries[_KEY].assign(entry=attributed.entries.index)
    spans = window.spans[window.spans["frame"] == "statements"]
    since = spans.set_index("instance")["since"].to_dict()
    read = window.history.frame("statements", *STATEMENT_KEY, *_COUNTERS)
    read = read[read["toplevel"].fillna(True).astype(bool) & read["queryid"].notna()]
    read = read[read["at"] >= pd.to_datetime(read["instance"].map(since), utc=True)]
    taken = {s.at: s.manifest.taken_at for s in window.history.collected}
    nights = read[["instance", "at"]].drop_duplicates().sort_values(["instance", "at"])
    nights = nights.assign(taken=pd.to_datetime(nights["at"].map(taken), utc=True))
    nights["seconds"] = nights.groupby("instance")["taken"].diff().dt.total_seconds()
    read = read.merge(entries, "inner", _KEY).sort_values(["entry", "at"], ignore_index=True)
    found = read[["at", "instance", "entry"]].astype({"instance": "object"})
    for column, name in _COUNTERS.items():
        now = read[column].astype("Float64")
        before = now.groupby(read["entry"]).shift().fillna(0.0)
        found[name] = (now - before).where(now >= before, now)
    found = found.merge(nights[["instance", "at", "seconds"]], "left", ["instance", "at"])
    return found[found["seconds"].notna()].reset_index(drop=True)


def daily_load(attributed: Attributed, moved: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return each service's load between consecutive readings of the window.

    One row per reading but the first, instance and service: at, instance, service, seconds, and calls, time_ms,
    wal_bytes of the top-level statements that touch the service's data for certain: see ``rises``, which
    ``moved`` is of where it is known already.
    """
    moved = rises(attributed) if moved is None else moved
    owned = moved.merge(owners(attributed), "inner", ["entry", "instance"])
    group = ["at", "instance", "service", "seconds"]
    return owned.groupby(group, as_index=False)[["calls", "time_ms", "wal_bytes"]].sum(min_count=1)


def busiest_hours(attributed: Attributed) -> pd.DataFrame:
    """Return each service's mean and busiest hour, from what its statements took between neighbouring readings.

    One row per instance and service with data: instance, service, calls_per_hour and active_sessions (mean of
    the window: calls by the calendar that counts, time in statements by real time), busiest_calls_per_hour, busiest_active_sessions and busiest_hour
    (UTC; the hour with the most time in statements, calls in the same hour), hours (how many were seen), because
    (why the busiest is NA). Of statements that touch the service's data for certain: see ``rises``. An hour is
    seen where two readings of it lie no further apart than ``NEAR_S``, by the calendar that counts.
    """
    spans = attributed.window.spans
    spans = spans[spans["frame"] == "statements"]
    begun = dict(zip(spans["instance"], spans["since"], strict=True))
    gaps = _gaps(attributed, begun)
    entries = attributed.entries
    top = entries.loc[entries["toplevel"].fillna(True).astype(bool), ["calls", "time_ms"]]
    owned = owners(attributed).merge(top, "inner", left_on="entry", right_index=True)
    sums = owned.groupby(_PLACE, as_index=False)[["calls", "time_ms"]].sum()
    places = {(i, s) for i, _, s in attributed.catalogue.homes() if i in begun}
    places |= set(sums[_PLACE].itertuples(index=False, name=None))
    found = pd.DataFrame(sorted(places), columns=_PLACE, dtype="object")
    found = found.merge(sums.astype(dict.fromkeys(_PLACE, "object")), "left", _PLACE)
    timed = found[["instance"]].merge(spans[["instance", "seconds", "days"]], "left", "instance")
    passed = timed["seconds"].astype("Float64")
    passed = passed.where(passed > 0)
    hourly = timed["days"].where(timed["days"] > 0).astype("Float64") * 24.0
    found["calls_per_hour"] = found["calls"].astype("Float64").fillna(0.0) / hourly
    found["active_sessions"] = found["time_ms"].astype("Float64").fillna(0.0) / 1000.0 / passed
    hours = _hours(attributed, gaps)
    best = hours.sort_values(["active_sessions", "hour"], ascending=[False, True])
    best = best.drop_duplicates(_PLACE).rename(columns={n: f"busiest_{n}" for n in _RATES})
    found = found.merge(best.rename(columns={"hour": "busiest_hour"}), "left", _PLACE)
    seen = hours.groupby("instance")["hour"].nunique().to_dict()
    found["hours"] = [seen.get(i, 0) for i in found["instance"]]
    reasons = [
        None if pd.notna(at) else _why_no_hour(gaps.get(i, []), i in seen)
        for i, at in found[["instance", "busiest_hour"]].itertuples(index=False)
    ]
    found["because"] = pd.Series(reasons, found.index, dtype="object")
    found["busiest_hour"] = pd.to_datetime(found["busiest_hour"], utc=True)
    kinds = dict.fromkeys(_BUSIEST[2:6], "Float64") | {"because": "object", "hours": "int64"}
    return found[_BUSIEST].astype(kinds)


_PLACE = ["instance", "service"]
_RATES = ["calls_per_hour", "active_sessions"]
_BUSIEST = [
    *("instance", "service", "calls_per_hour", "active_sessions", "busiest_calls_per_hour"),
    *("busiest_active_sessions", "busiest_hour", "hours", "because"),
]


def _gaps(attributed: Attributed, since: dict[str, Any]) -> dict[str, list[tuple[datetime, float]]]:
    """Per instance, each reading of its statements but the first, and the seconds of the calendar before it."""
    read: dict[str, list[datetime]] = {}
    for snapshot in attributed.window.history.collected:
        for part in snapshot.manifest.parts:
            if part.frame == "statements" and part.endpoint is None:
                begun = since.get(part.instance)
                if begun is not None and not pd.isna(begun) and snapshot.at >= begun:
                    read.setdefault(part.instance, []).append(snapshot.at)
    return {
        instance: [(now, (now - was).total_seconds()) for was, now in pairwise(moments)]
        for instance, moments in read.items()
    }


def _hours(attributed: Attributed, gaps: dict[str, list[tuple[datetime, float]]]) -> pd.DataFrame:
    """What each service's statements took in each hour that was seen: active_sessions and calls_per_hour."""
    near = [
        (instance, at, at - timedelta(seconds=gap / 2))
        for instance, readings in gaps.items()
        for at, gap in readings
        if 0 < gap <= NEAR_S
    ]
    columns = [*_PLACE, "hour", *_RATES]
    if not near:  # then nothing is read again
        return pd.DataFrame(columns=columns, dtype="object")
    seen = pd.DataFrame(near, columns=["instance", "at", "middle"])
    seen["hour"] = pd.to_datetime(seen["middle"], utc=True).dt.floor("h")
    load = daily_load(attributed).merge(seen, "inner", ["instance", "at"])
    group = [*_PLACE, "hour"]
    sums = load.groupby(group, as_index=False)[["calls", "time_ms", "seconds"]].sum()
    sums = sums[sums["seconds"] >= LEAST_OF_AN_HOUR_S]
    return sums.assign(
        calls_per_hour=sums["calls"] / sums["seconds"] * 3600.0,
        active_sessions=sums["time_ms"] / 1000.0 / sums["seconds"],
    )[columns]


def _why_no_hour(readings: list[tuple[datetime, float]], others: bool) -> str:
    if others:
        return "in the hours that were seen no statement touched its data for certain"
    if not readings:
        return "one reading says nothing of an hour: collect twice, an hour apart"
    apart = min(gap for _, gap in readings) / 3600.0
    if apart * 3600.0 <= NEAR_S:
        return "less than half of an hour was seen: collect every hour"
    return (
        f"snapshots are {apart:.3g} hours apart: `workbench collect` every hour shows the busiest"
    )


def owners(attributed: Attributed) -> pd.DataFrame:
    """Return which services' data each entry touches for certain: entry, instance (where it ran), service."""
    touches = attributed.touches
    sure = touches[touches["certain"] & touches["service"].notna()]
    sure = sure.assign(instance=sure["entry"].map(attributed.entries["instance"]).astype("object"))
    return sure[["entry", "instance", "service"]].drop_duplicates()
