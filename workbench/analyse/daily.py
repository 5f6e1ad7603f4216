"""Load over time: what each service's statements took from one reading to the next."""

from __future__ import annotations

import pandas as pd

from workbench.analyse.statements import Attributed
from workbench.snapshot.differences import STATEMENT_KEY

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


def daily_load(attributed: Attributed) -> pd.DataFrame:
    """Return each service's load between consecutive readings of the window.

    One row per reading but the first, instance and service: at, instance, service, seconds, and calls, time_ms,
    wal_bytes of the top-level statements that touch the service's data for certain: see ``rises``.
    """
    owned = rises(attributed).merge(owners(attributed), "inner", ["entry", "instance"])
    group = ["at", "instance", "service", "seconds"]
    return owned.groupby(group, as_index=False)[["calls", "time_ms", "wal_bytes"]].sum(min_count=1)


def owners(attributed: Attributed) -> pd.DataFrame:
    """Return which services' data each entry touches for certain: entry, instance (where it ran), service."""
    touches = attributed.touches
    sure = touches[touches["certain"] & touches["service"].notna()]
    sure = sure.assign(instance=sure["entry"].map(attributed.entries["instance"]).astype("object"))
    return sure[["entry", "instance", "service"]].drop_duplicates()
