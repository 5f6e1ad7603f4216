"""Differences of counters: two readings in, what happened between them out. Frames only.

Every figure of a difference carries a mark, ``counted_from``, that says what it counts from:

    window      the first reading: both readings saw the same counter, and it did not go down
    created     the object's own beginning within the window: only the later reading knows it
    restarted   a reset, or an eviction and return, within the window: the later value, a lower bound
    reset       the statistics' own reset: there is no earlier reading in this epoch
"""

from __future__ import annotations

from typing import Any

import pandas as pd

COUNTERS: dict[str, tuple[str, ...]] = {
    "database_statistics": (
        *("xact_commit", "xact_rollback", "blks_read", "blks_hit", "tup_returned", "tup_fetched"),
        *("tup_inserted", "tup_updated", "tup_deleted", "conflicts", "temp_files", "temp_bytes"),
        *("deadlocks", "checksum_failures", "blk_read_time", "blk_write_time", "session_time"),
        *("active_time", "idle_in_transaction_time", "sessions", "sessions_abandoned"),
        *("sessions_fatal", "sessions_killed"),
    ),
    "table_statistics": (
        *("seq_scan", "seq_tup_read", "tup_fetched", "n_tup_ins", "n_tup_upd", "n_tup_del"),
        *("n_tup_hot_upd", "n_tup_newpage_upd", "vacuum_count", "autovacuum_count"),
        *("total_vacuum_time", "total_autovacuum_time", "heap_blks_read", "heap_blks_hit"),
    ),
    "index_statistics": (
        *("idx_scan", "idx_tup_read", "idx_tup_fetch", "idx_blks_read", "idx_blks_hit"),
    ),
    "function_statistics": ("calls", "total_time", "self_time"),
    "statements": (
        *("plans", "total_plan_time", "calls", "total_exec_time", "rows", "shared_blks_hit"),
        *("shared_blks_read", "shared_blks_dirtied", "shared_blks_written", "local_blks_read"),
        *("local_blks_written", "temp_blks_read", "temp_blks_written", "shared_blk_read_time"),
        *("shared_blk_write_time", "wal_records", "wal_fpi", "wal_bytes"),
    ),
    "archiver": ("archived_count", "failed_count"),
    "checkpoints": (
        *("num_timed", "num_requested", "num_done", "restartpoints_timed"),
        *("restartpoints_requested", "restartpoints_done", "write_time", "sync_time"),
        *("buffers_written", "buffers_clean", "maxwritten_clean", "buffers_backend"),
        *("buffers_backend_fsync", "buffers_alloc"),
    ),
    "wal_statistics": (
        *("wal_records", "wal_fpi", "wal_bytes", "wal_buffers_full"),
        *("wal_write", "wal_sync", "wal_write_time", "wal_sync_time"),
    ),
}
"""Per frame the columns that only ever rise; times are in milliseconds."""

ONLY_WRITTEN = frozenset(
    (
        *("n_tup_ins", "n_tup_upd", "n_tup_del", "n_tup_hot_upd", "n_tup_newpage_upd"),
        *("vacuum_count", "autovacuum_count", "total_vacuum_time", "total_autovacuum_time"),
        *("tup_inserted", "tup_updated", "tup_deleted"),
    )
)
"""Counters that only a primary raises: what was written on it reaches a standby as WAL, uncounted."""

GAUGES: dict[str, tuple[str, ...]] = {
    "database_statistics": ("numbackends",),
    "table_statistics": (
        *("reltuples", "relpages", "relallvisible", "frozen_xid_age", "min_mxid_age"),
        *("n_live_tup", "n_dead_tup", "n_mod_since_analyze", "n_ins_since_vacuum"),
    ),
    "index_statistics": (),
    "function_statistics": (),
    "statements": ("min_exec_time", "max_exec_time", "mean_exec_time", "stddev_exec_time"),
    "archiver": (),
    "checkpoints": (),
    "wal_statistics": (),
}
"""Per frame the figures that rise and fall: a difference shows the later reading's, or recomputes them."""

STATEMENT_KEY = ("dbid", "userid", "queryid", "toplevel")
"""What makes an entry of pg_stat_statements one; it covers all databases of an instance."""

_MOMENTS = ("mean_exec_time", "stddev_exec_time")


def difference(
    before: pd.DataFrame | None,
    after: pd.DataFrame,
    key: list[str],
    counters: tuple[str, ...],
    same: str | None = None,
) -> pd.DataFrame:
    """Return ``after`` with its ``counters`` less those of ``before``, and the mark ``counted_from``.

    Rows are matched by ``key``, which is unique in each frame. Where any counter of a row went down, or
    the column ``same`` differs (NULL on both sides is no difference), all are taken as they stand.
    Without ``before`` every row is. A counter that the server does not have is NA.
    """
    found = after.reset_index(drop=True)
    found = found.astype({c: "Float64" for c in counters if found[c].dtype == "object"})
    if before is None:
        return found.assign(counted_from="reset")
    carried = [*counters, *([same] if same else [])]
    earlier = before[[*key, *carried]].rename(columns={c: f"{c} before" for c in carried})
    found = found.merge(earlier, "left", key, indicator=True, validate="one_to_one")
    held = found["_merge"] == "both"
    restarted = pd.Series(False, found.index)
    for counter in counters:
        was = pd.to_numeric(found[f"{counter} before"]).astype("Float64")
        restarted |= (found[counter] < was).fillna(False).astype(bool)
    if same:
        was, now = found[f"{same} before"], found[same]
        restarted |= held & ~((was == now).fillna(False).astype(bool) | (was.isna() & now.isna()))
    goes_on = held & ~restarted
    for counter in counters:
        was = pd.to_numeric(found[f"{counter} before"]).astype("Float64")
        less = was.where(goes_on, 0).astype(found[counter].dtype)
        found[counter] = found[counter] - less
    found["counted_from"] = "created"
    found["counted_from"] = (
        found["counted_from"].mask(held, "window").mask(held & restarted, "restarted")
    )
    return found.drop(columns=[*(f"{c} before" for c in carried), "_merge"])


def statement_difference(before: pd.DataFrame | None, after: pd.DataFrame) -> pd.DataFrame:
    """Difference the entries of pg_stat_statements of one instance.

    From 17 on ``stats_since`` tells whether an entry is still the same one; before, only falling does.
    ``mean_exec_time`` and ``stddev_exec_time`` are those of the window, from sums of squares; minimum and
    maximum cannot be differenced and are left out. Without the right to read them, queryids are NULL:
    such entries are summed by user, and have neither mean nor deviation.
    """
    counters = COUNTERS["statements"]
    key = list(STATEMENT_KEY)
    later = _unique(after)
    earlier = None if before is None else _unique(before)
    found = difference(earlier, later, key, counters, "stats_since")
    if earlier is not None:
        kept = earlier[[*key, "calls", *_MOMENTS]].rename(
            columns={c: f"{c} before" for c in ("calls", *_MOMENTS)}
        )
        found = found.merge(kept, "left", key)
        _window_moments(found)
        found = found.drop(columns=[f"{c} before" for c in ("calls", *_MOMENTS)])
    return found.drop(columns=["min_exec_time", "max_exec_time"])


def _unique(entries: pd.DataFrame) -> pd.DataFrame:
    key = list(STATEMENT_KEY)
    hidden = entries["queryid"].isna()
    if not hidden.any():
        return entries
    summed = entries[hidden].groupby(key, dropna=False, as_index=False)
    together = summed[list(COUNTERS["statements"])].sum(min_count=1)
    return pd.concat([entries[~hidden], together], ignore_index=True)


def _window_moments(found: pd.DataFrame) -> None:
    """Set mean and deviation of the window: both sums of squares are about means, so little is lost."""
    calls = found["calls"].astype("Float64")
    going = found["counted_from"] == "window"
    was = found["calls before"].astype("Float64")
    mean_was = found["mean_exec_time before"].astype("Float64")
    mean_now = found["mean_exec_time"].astype("Float64")
    whole = calls + was
    mean = ((mean_now * whole - mean_was * was) / calls).where(calls > 0)
    squares_now = found["stddev_exec_time"].astype("Float64") ** 2 * whole
    squares_was = found["stddev_exec_time before"].astype("Float64") ** 2 * was
    between = (mean - mean_was) ** 2 * was * calls / whole
    variance = ((squares_now - squares_was - between) / calls).where(calls > 0)
    deviation = variance.clip(lower=0) ** 0.5
    found["mean_exec_time"] = mean_now.mask(going, mean.clip(lower=0))
    found["stddev_exec_time"] = found["stddev_exec_time"].astype("Float64").mask(going, deviation)


def hourly(
    readings: pd.DataFrame, key: list[str], counters: tuple[str, ...], longest: float
) -> pd.DataFrame:
    """Sum what happened between neighbouring readings into hours.

    ``readings`` has ``at`` (a date), ``clock`` (real seconds), ``epoch`` (differences stay inside one)
    and the counters, in order. Two readings further apart than ``longest`` seconds say nothing about an
    hour, nor do two between which a counter fell. Returns key, hour, seconds covered, counters.
    """
    group: Any = readings.groupby([*key, "epoch"], sort=False)
    values = readings[list(counters)].astype("Float64")
    steps = values - group[list(counters)].shift().astype("Float64")
    seconds = readings["clock"] - group["clock"].shift()
    fell = (steps < 0).fillna(False).any(axis=1)
    good = seconds.notna() & (seconds > 0) & (seconds <= longest) & ~fell
    # A step belongs to the hour that its middle lies in, by the dates that count.
    middle = readings["at"] - (readings["at"] - group["at"].shift()) / 2
    parts = steps[good].assign(
        **{k: readings.loc[good, k] for k in key},
        hour=middle[good].dt.floor("h"),
        seconds=seconds[good],
    )
    hours: Any = parts.groupby([*key, "hour"])[["seconds", *counters]]
    found: pd.DataFrame = hours.sum(min_count=1).reset_index()
    return found
