"""Load over time: what each service's statements took from one night to the next."""

from __future__ import annotations

import pandas as pd

from workbench.analyse.statements import Attributed
from workbench.snapshot.differences import STATEMENT_KEY

_KEY = ["instance", *STATEMENT_KEY]
_FIGURES = {"calls": "calls", "total_exec_time": "time_ms", "wal_bytes": "wal_bytes"}


def daily_load(attributed: Attributed) -> pd.DataFrame:
    """Return each service's load between consecutive readings of the window.

    One row per reading but the first, instance and service: at, instance, service, calls, time_ms, wal_bytes
    (of the top-level statements that touch the service's data for certain), seconds (real, since the reading
    before). What went down, or was not there before, counts from zero. Entries that the newest reading does
    not hold are not in it: nobody knows what they touched.
    """
    window = attributed.window
    entries = attributed.entries[_KEY].assign(entry=attributed.entries.index)
    spans = window.spans[window.spans["frame"] == "statements"]
    since = spans.set_index("instance")["since"]
    read = window.history.frame("statements", *STATEMENT_KEY, *_FIGURES)
    read = read[read["toplevel"].fillna(True).astype(bool)]
    read = read[read["at"] >= read["instance"].map(since)]
    taken = {s.at: s.manifest.taken_at for s in window.history.collected}
    nights = read[["instance", "at"]].drop_duplicates().sort_values(["instance", "at"])
    nights = nights.assign(taken=pd.to_datetime(nights["at"].map(taken), utc=True))
    nights["seconds"] = nights.groupby("instance")["taken"].diff().dt.total_seconds()
    read = read.merge(entries, "inner", _KEY).sort_values(["entry", "at"], ignore_index=True)
    rises = read[["at", "instance", "entry"]].copy()
    for column, name in _FIGURES.items():
        now = read[column].astype("Float64")
        before = now.groupby(read["entry"]).shift().fillna(0.0)
        rises[name] = (now - before).where(now >= before, now)
    rises = rises.merge(nights[["instance", "at", "seconds"]], "left", ["instance", "at"])
    rises = rises[rises["seconds"].notna()]
    touches = attributed.touches
    sure = touches[touches["certain"] & touches["service"].notna()]
    sure = sure[["entry", "instance", "service"]].drop_duplicates()
    owned = rises.merge(sure, "inner", ["entry", "instance"])
    group = ["at", "instance", "service", "seconds"]
    return owned.groupby(group, as_index=False)[list(_FIGURES.values())].sum(min_count=1)
