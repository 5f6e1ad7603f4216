"""What evicted entries may have held: what the server counts besides, less what the entries that are left tell.

pg_stat_statements drops the entries that are used least when it is full, and their counts with them. Counts of
pg_stat_database and pg_stat_wal go on, and say what is the most that may be missing. Nothing counts calls,
the rows that statements return, or the blocks they dirty: of those the most is unknown.
"""

from __future__ import annotations

import pandas as pd

from workbench.analyse.statements import MEASURES, Attributed
from workbench.snapshot import Window

_OF_DATABASES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "time_ms": (("active_time",), ("time_ms",)),
    "plan_ms": (("active_time",), ("time_ms", "plan_ms")),
    "blocks": (("blks_hit", "blks_read"), ("blocks",)),
    "blocks_read": (("blks_read",), ("blocks_read",)),
    "io_ms": (("blk_read_time", "blk_write_time"), ("io_ms",)),
}
"""Per measure, the counters of pg_stat_database that hold it too, and the measures of entries that they hold."""

UNBOUNDED = ("calls", "rows", "blocks_dirtied")
"""Measures that nothing but the entries counts."""


def evicted(window: Window) -> dict[str, str]:
    """Return the instances that evicted entries in the span of their statements, and what the span says of it."""
    spans = window.spans
    lost = spans[(spans["frame"] == "statements") & (spans["evictions"].fillna(0) > 0)]
    return {i: str(b) for i, b in lost[["instance", "because"]].itertuples(index=False)}


def unexplained(
    attributed: Attributed, top: pd.DataFrame, homes: pd.DataFrame, measure: str
) -> pd.DataFrame:
    """Return what the server counts of a measure and no entry of ``top`` explains, per instance and service.

    ``homes`` are the databases that hold a service's data: instance, database, service. ``mine``: what may be a
    service's own, all of it in its databases (of WAL, in the instance); ``all``: that of the instance. NA
    where nothing bounds it: no counter does, or not over all of the statements' span.
    """
    window = attributed.window
    places = homes[["instance", "service"]].drop_duplicates()
    index = pd.MultiIndex.from_frame(places)
    if measure == "wal_bytes":
        rest = _of_instances(window, top)
        whole = rest.reindex(index.get_level_values("instance")).set_axis(index)
        return pd.DataFrame({"mine": whole, "all": whole}, dtype="Float64")
    if measure not in _OF_DATABASES and measure != "temp_blocks":
        nothing = pd.Series(pd.NA, index, dtype="Float64")
        return pd.DataFrame({"mine": nothing, "all": nothing})
    rest = _of_databases(window, top, measure)
    whole = rest.groupby("instance").agg(_all_known)
    here = homes.merge(rest.rename("mine").reset_index(), "left", ["instance", "database"])
    mine = here.groupby(["instance", "service"])["mine"].agg(_all_known).reindex(index)
    all_of_it = whole.reindex(index.get_level_values("instance")).set_axis(index)
    return pd.DataFrame({"mine": mine, "all": all_of_it}, dtype="Float64")


def _all_known(parts: pd.Series[float]) -> float:
    return parts.sum(skipna=False)


def _of_databases(window: Window, top: pd.DataFrame, measure: str) -> pd.Series[float]:
    """What no entry explains, per instance and database."""
    counted = window.databases
    whole = _spanned(window, "database_statistics")[["instance", "database"]]
    counted = counted.merge(whole.assign(whole=True), "left", ["instance", "database"])
    counted = counted.set_index(["instance", "database"])
    if measure == "temp_blocks":
        # a file's blocks are read and written as often as one likes; where there was none, none was
        files = counted["temp_bytes"].astype("Float64")
        return (files * 0.0).where((files == 0) & counted["whole"].notna())
    counters, told = _OF_DATABASES[measure]
    there = counted[list(counters)].astype("Float64").sum(axis=1, skipna=False)
    entries = top.groupby(["instance", "datname"])[list(told)].sum().sum(axis=1)
    entries = entries.rename_axis(there.index.names).reindex(there.index).fillna(0.0)
    rest: pd.Series[float] = (there - entries).clip(lower=0.0)
    return rest.where(counted["whole"].notna())


def _of_instances(window: Window, top: pd.DataFrame) -> pd.Series[float]:
    """The WAL that no entry explains, per instance: vacuum's and commits' too."""
    counted = window.wal
    counted = counted[counted["instance"].isin(_spanned(window, "wal_statistics")["instance"])]
    there = counted.set_index("instance")["wal_bytes"].astype("Float64")
    told = top.groupby("instance")["wal_bytes"].sum().reindex(there.index).fillna(0.0)
    rest: pd.Series[float] = (there - told).clip(lower=0.0)
    return rest


def _spanned(window: Window, frame: str) -> pd.DataFrame:
    """The places whose counters of ``frame`` were counted over all of the statements' span."""
    spans = window.spans
    told = spans.loc[spans["frame"] == "statements", ["instance", "until", "seconds"]]
    both = spans[spans["frame"] == frame].merge(told, "inner", "instance", suffixes=("", " told"))
    # a reset within the window, or a break in it, leaves a counter less than the entries
    long_enough = (both["seconds"] >= both["seconds told"]).fillna(False).astype(bool)
    return both[(both["until"] == both["until told"]) & long_enough & ~both["lower_bound"]]


def said(because: str, unknown: list[str]) -> str:
    """What an instance's figures say of themselves: ``unknown`` are the measures without an upper end.

    >>> said("entries were evicted 2 times: totals are lower bounds", ["calls", "rows"])
    'entries were evicted 2 times: totals are lower bounds; nothing else counts calls, rows: how much was lost is unknown, and a higher pg_stat_statements.max loses less'
    """
    if not unknown:
        return because
    names = ", ".join(name for name in MEASURES if name in unknown)
    return (
        f"{because}; nothing else counts {names}: how much was lost is unknown, "
        "and a higher pg_stat_statements.max loses less"
    )
