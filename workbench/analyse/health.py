"""How well an estate is kept: vacuum, cache, bloat, WAL, locks and what went wrong, over a history.

Each figure is defined in the module of its question; here they are put together, computed when first
asked for, and told as rows of the ``capacity`` document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from workbench.analyse import vacuum, wal
from workbench.analyse.bloat import bloat, bloat_growth
from workbench.analyse.cache import cache_hit
from workbench.analyse.stored import PLACE, homes, settings_of, stored
from workbench.analyse.waits import lock_looks, lock_waits
from workbench.snapshot import History, Snapshot, Window, records, window_of

_TEMPLATES = ("template0", "template1")
_INCIDENTS = ("deadlocks", "conflicts", "temp_files", "temp_bytes", "checksum_failures")
_OF_WINDOW = "counted over the window"
_STATE = "a state at one moment: no growth is given"


@dataclass(frozen=True)
class Health:
    """How well the estate of a history is kept. Frames are of the newest night or of the whole window.

    >>> from workbench import load_history
    >>> from workbench.share import reference_estate
    >>> found = Health(load_history(reference_estate("marketplace") / "history"))
    >>> sorted(found.incidents["database"])
    ['hos_marketplace', 'postgres']
    """

    history: History
    known: Window | None = field(default=None, repr=False, compare=False)
    """its window, where that is there already"""

    @cached_property
    def window(self) -> Window:
        """What happened between the first and the last reading."""
        return self.known or window_of(self.history)

    @cached_property
    def dead_rows(self) -> pd.DataFrame:
        """Dead rows per table, as ``vacuum.dead_rows``, with vacuums and vacuum_s of the window."""
        found = vacuum.dead_rows(self._stored, self._settings)
        return found.merge(vacuum.vacuum_work(self.window), "left", PLACE)

    @cached_property
    def dead_by_service(self) -> pd.DataFrame:
        """The same summed per instance and service, as ``vacuum.by_service``."""
        return vacuum.by_service(self.dead_rows)

    @cached_property
    def cache(self) -> pd.DataFrame:
        """Cache hit per instance and service, as ``cache.cache_hit``."""
        return cache_hit(self.window, homes(self.history.newest))

    @cached_property
    def bloat(self) -> pd.DataFrame:
        """Avoidable bytes per table, as ``bloat.bloat``, with per_day and growth_because.

        per_day is the difference to the first night that could be measured, over the days between.
        """
        now = bloat(self._newest, self._stored)
        nights = [s for s in self.history.nights if s.has("column_statistics") and s.has("sizes")]
        found = now.assign(per_day=pd.Series(pd.NA, now.index, dtype="Float64"))
        if len(nights) > 1 and found["avoidable_bytes"].notna().any():
            first = nights[0]
            days = (self.history.newest.at - first.at).total_seconds() / 86400
            found["per_day"] = bloat_growth(now, bloat(first, stored(first)), days)
        unknown = "measured at one night only: its growth is known from the second on"
        reasons = found["because"].fillna(unknown)
        found["growth_because"] = reasons.where(found["per_day"].isna(), None)
        return found

    @cached_property
    def standbys(self) -> pd.DataFrame:
        """Who receives WAL, as ``wal.standbys``."""
        return wal.standbys(self.history)

    @cached_property
    def slots(self) -> pd.DataFrame:
        """Replication slots, as ``wal.slots``."""
        return wal.slots(self.history)

    @cached_property
    def archiving(self) -> pd.DataFrame:
        """The archiver over the window, as ``wal.archiving``."""
        return wal.archiving(self.window, self._settings)

    @cached_property
    def checkpoints(self) -> pd.DataFrame:
        """Checkpoints over the window, as ``wal.checkpoints``."""
        return wal.checkpoints(self.window)

    @cached_property
    def waits(self) -> pd.DataFrame:
        """Who waited for whose lock, as ``waits.lock_waits``."""
        return lock_waits(self.history)

    @cached_property
    def looks(self) -> pd.DataFrame:
        """How often was looked for that, as ``waits.lock_looks``."""
        return lock_looks(self.history, self.waits)

    @cached_property
    def incidents(self) -> pd.DataFrame:
        """What went wrong per database over the window, the worst first.

        instance, database, deadlocks, conflicts (statements a standby cancelled), temp_files, temp_bytes
        (spilled by sorts and hashes), checksum_failures (NA where checksums are off), days, because.
        """
        held = self.window.databases
        held = held[~held["database"].isin(_TEMPLATES)]
        found = held[["instance", "database", *_INCIDENTS, "days"]].astype(
            dict.fromkeys(_INCIDENTS, "Int64")
        )
        off = pd.Series("data checksums are off", found.index, dtype="object")
        found["because"] = off.where(found["checksum_failures"].isna(), None)
        return found.sort_values(
            ["checksum_failures", "deadlocks", "conflicts", "temp_bytes", "instance", "database"],
            ascending=[False] * 4 + [True] * 2,
            ignore_index=True,
        )

    @property
    def _newest(self) -> Snapshot:
        return self.history.newest

    @cached_property
    def _stored(self) -> pd.DataFrame:
        return stored(self._newest)

    @cached_property
    def _settings(self) -> Mapping[str, Mapping[str, str]]:
        return settings_of(self._newest)

    def rows(self) -> list[dict[str, object]]:
        """Return what is here as rows of the ``capacity`` document, sorted by place, subject and metric.

        As there: instance, service, database, schema, table, standing, metric, unit, value, per_day,
        forecast (always None), because; and ``subject``, a standby's, slot's or database's name.
        """
        found = [
            *self._table_rows(),
            *self._service_rows(),
            *self._wal_rows(),
            *self._instance_rows(),
        ]
        names = ("instance", "database", "schema", "table", "service", "standing", "subject")
        return sorted(found, key=lambda r: tuple(str(r[n] or "") for n in (*names, "metric")))

    def _table_rows(self) -> Iterator[dict[str, object]]:
        for row in _rows(self.dead_rows):
            yield _row(row, "dead_rows", "rows", row["dead"], row["because"] or _STATE)
            why = row["because"] or "its statistics were not collected"
            yield _row(row, "vacuum_due", "ratio", row["due"], why)
            if pd.notna(row["vacuum_s"]):
                yield _row(row, "vacuum_time", "seconds", row["vacuum_s"], _OF_WINDOW)
        for row in _rows(self.bloat):
            why = row["because"] or row["growth_because"]
            value = row["avoidable_bytes"]
            yield _row(row, "avoidable_bytes", "bytes", value, why, row["per_day"])

    def _service_rows(self) -> Iterator[dict[str, object]]:
        for row in _rows(self.dead_by_service):
            why = row["because"] or _STATE
            yield _row(row, "dead_rows", "rows", row["dead"], why)
            yield _row(row, "dead_bytes", "bytes", row["dead_bytes"], why)
        for row in _rows(self.cache):
            for part in ("heap", "index"):
                why = row[f"{part}_because"] or _OF_WINDOW
                yield _row(row, f"{part}_cache_hit", "ratio", row[f"{part}_hit"], why)

    def _wal_rows(self) -> Iterator[dict[str, object]]:
        for row in _rows(self.standbys):
            named = row | {"subject": row["standby"] or "this standby"}
            why = row["because"] or _STATE
            yield _row(named, "replay_lag", "seconds", row["lag_s"], why)
            yield _row(named, "replay_lag_bytes", "bytes", row["lag_bytes"], why)
        for row in _rows(self.slots):
            named = {"instance": row["instance"], "subject": row["slot"]}
            value, why = row["held_bytes"], row["because"]
            yield _row(named, "slot_wal_bytes", "bytes", value, why, row["per_day"])
        for row in _rows(self.archiving):
            why = row["because"] or _OF_WINDOW
            yield _row(row, "archive_failures", "count", row["failed"], why)
        for row in _rows(self.checkpoints):
            for name in ("timed", "requested"):
                value, why = row[name], row["because"] or _OF_WINDOW
                yield _row(row, f"checkpoints_{name}", "count", value, why)

    def _instance_rows(self) -> Iterator[dict[str, object]]:
        for row in _rows(self.looks):
            why = f"seen at {row['looks']} looks"
            yield _row(row, "looks_with_lock_waits", "count", row["waited"], why)
            if row["waited"]:
                yield _row(row, "longest_lock_wait", "seconds", row["longest_s"], why)
        for row in _rows(self.incidents):
            for name in _INCIDENTS:
                unit = "bytes" if name == "temp_bytes" else "count"
                why = row["because"] or _OF_WINDOW
                yield _row(row, name, unit, row[name], why if pd.isna(row[name]) else _OF_WINDOW)


def _rows(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The rows of a frame; what is missing is None, a reason as well as a figure."""
    for row in records(frame):
        yield {n: None if pd.api.types.is_scalar(v) and pd.isna(v) else v for n, v in row.items()}


def _row(
    place: Mapping[str, Any],
    metric: str,
    unit: str,
    value: Any,
    because: str | None,
    per_day: Any = None,
) -> dict[str, object]:
    names = ("instance", "service", "database", "schema", "table", "subject")
    where = {n: place.get(n) for n in names}
    told = None if pd.isna(value) else float(value)
    whole = unit in ("rows", "bytes", "count")
    return {
        **{n: None if pd.isna(v) else v for n, v in where.items()},
        "standing": place.get("standing") if place.get("standing") != "instance" else None,
        "metric": metric,
        "unit": unit,
        "value": None if told is None else int(told) if whole else round(told, 6),
        "per_day": None if pd.isna(per_day) else round(float(per_day), 1),
        "forecast": None,
        "because": because,
    }
