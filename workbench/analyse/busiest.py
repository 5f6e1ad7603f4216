"""How much an instance does: the mean of the window, and its busiest hour where pulses saw one."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from workbench.snapshot import Window, why_no_hour

_OF_DATABASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "commits": ("transactions", ("xact_commit",)),
    "rows_written": ("rows", ("tup_inserted", "tup_updated", "tup_deleted")),
    "blocks_read": ("blocks", ("blks_read",)),
    "temp_bytes": ("bytes", ("temp_bytes",)),
    "sessions": ("sessions", ("sessions",)),
}
_ORDER = ["commits", "rows_written", "wal_bytes", "blocks_read", "temp_bytes", "sessions"]
_COLUMNS = ["instance", "metric", "unit", "per_second", "busiest_per_second", "busiest_hour"]


def mean_and_busiest(window: Window) -> pd.DataFrame:
    """Return what each instance does a second of the real clock: one row per instance and metric.

    Columns: instance, metric (``commits``, ``rows_written``: inserted, updated and deleted, ``wal_bytes``,
    ``blocks_read``: from outside shared buffers, ``temp_bytes``, ``sessions``: opened), unit, per_second
    (mean of the window), busiest_per_second and busiest_hour (the hour, UTC, in which all databases
    together did the most), because (why one of them is NA). Rates are of pg_stat_database and pg_stat_wal.
    """
    rows = [*_by_database(window), *_wal(window)]
    found = pd.DataFrame(rows, columns=[*_COLUMNS, "because"])
    found = found.astype({"per_second": "Float64", "busiest_per_second": "Float64"})
    found["busiest_hour"] = pd.to_datetime(found["busiest_hour"], utc=True)
    found["because"] = found["because"].astype("object")
    rank = found["metric"].map({metric: at for at, metric in enumerate(_ORDER)})
    ordered = found.assign(rank=rank).sort_values(["instance", "rank"], ignore_index=True)
    return ordered.drop(columns="rank")


_Row = tuple[object, ...]


def _by_database(window: Window) -> Iterator[_Row]:
    counted = window.databases.dropna(subset="database")
    hours = dict(iter(window.hours.groupby("instance", sort=False)))
    for instance, databases in counted.groupby("instance", sort=True):
        seen = hours.get(instance)
        for metric, (unit, counters) in _OF_DATABASES.items():
            mean = _rates(databases, counters).sum(skipna=False)
            by_hour = None if seen is None else _rates(seen, counters).groupby(seen["hour"])
            best = None if by_hour is None else by_hour.agg(lambda r: r.sum(skipna=False))
            yield _row(str(instance), metric, unit, mean, best)


def _wal(window: Window) -> Iterator[_Row]:
    hours = dict(iter(window.wal_hours.groupby("instance", sort=False)))
    for instance, counted in window.wal.groupby("instance", sort=True):
        seen = hours.get(instance)
        mean = _rates(counted, ("wal_bytes",)).sum(skipna=False)
        best = None if seen is None else _rates(seen, ("wal_bytes",)).groupby(seen["hour"]).sum()
        yield _row(str(instance), "wal_bytes", "bytes", mean, best)


def _rates(counted: pd.DataFrame, counters: tuple[str, ...]) -> pd.Series[float]:
    seconds = counted["seconds"].astype("Float64")
    whole = counted[list(counters)].astype("Float64").sum(axis=1, skipna=False)
    return whole / seconds.where(seconds > 0)


def _row(
    instance: str, metric: str, unit: str, mean: float, by_hour: pd.Series[float] | None
) -> _Row:
    known = None if by_hour is None else by_hour.dropna().sort_index()
    if known is None or known.empty:
        return instance, metric, unit, mean, None, None, why_no_hour(known)
    because = "the window has no rate: its readings are of one moment" if pd.isna(mean) else None
    return instance, metric, unit, mean, float(known.max()), known.idxmax(), because
