"""Whom a limit of an instance or of the estate concerns: who presses most on what it limits, and by which share.

Where services take ``RELIEF`` or more of what is limited, each of them is concerned, for its leaving relieves it. Where
nobody does, it is the one that takes most: the limit is reached all the same, and somebody has to be asked first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from workbench.analyse.gaps import gap_of
from workbench.decide.evidence import Evidence
from workbench.decide.facts import Interval, Press, Resource, Status
from workbench.decide.judgement import RELIEF, UPKEEP, concerning, days_until, reached, resource_of
from workbench.decide.leaving import Leaving
from workbench.snapshot import records

_SIZES = {
    "total_bytes": ("total_bytes", "bytes"),
    "bytes_per_day": ("per_day", "growth"),
    "rows": ("rows", "rows"),
    "rows_per_day": ("rows_per_day", "growth in rows"),
}
_LOADS = {
    "calls_per_day": ("calls", "calls"),
    "active_sessions": ("time_ms", "time in statements"),
    "load": ("time_ms", "time in statements"),
    "cpu": ("time_ms", "time in statements"),
    "wal_per_day": ("wal_bytes", "WAL"),
    "throughput": ("wal_bytes", "WAL"),
    "iops": ("blocks_read", "blocks read"),
    "temp_bytes_per_day": ("temp_blocks", "temporary blocks"),
}
"""What a service's part of a limited metric is taken from, and how that is called."""


@dataclass(frozen=True)
class Pressing:
    """Answers for one estate; ``resources`` are those of every service."""

    evidence: Evidence
    resources: Mapping[str, tuple[Resource, ...]]
    leaving: Leaving

    def of(self, service: str, shared: tuple[Status, ...]) -> dict[str, Press]:
        """Return how a service presses on each limit that its instances, or the whole estate, share; by key.

        Limits that upkeep cures concern everybody, and are not here.
        """
        return {
            s.key: self._limit(s).get(service, Press(None, "", False))
            for s in shared
            if s.metric not in UPKEEP and concerning(s)
        }

    def _limit(self, status: Status) -> dict[str, Press]:
        if status.key not in self._limits:
            self._limits[status.key] = self._all(status)
        return self._limits[status.key]

    @cached_property
    def _limits(self) -> dict[str, dict[str, Press]]:
        return {}

    def _all(self, status: Status) -> dict[str, Press]:
        """How each service presses on one limit, and who does most."""
        parts = {name: self._part(status, name) for name in self._names(status)}
        known = {name: part for name, (part, _) in parts.items() if part is not None}
        order = sorted(known, key=lambda name: (-known[name].high, name))
        leaders = tuple((n, known[n], parts[n][1]) for n in order[:3] if known[n].high > 0)
        today = self.evidence.history.newest.at.date()
        alone = {
            name
            for name in self._names(status)
            if status.key in self.leaving.put_off(name, (status,))
        }
        attended = bool(alone) or any(part.high >= RELIEF for part in known.values())
        most = order[0] if leaders and not attended and reached(status, today, "low") else None
        return {
            name: Press(part, of, name in alone or name == most, leaders)
            for name, (part, of) in parts.items()
        }

    def _names(self, status: Status) -> list[str]:
        """The services in the reach of a limit."""
        return sorted(
            name
            for name, held in self._places.items()
            if status.instance is None or status.instance in held
        )

    @cached_property
    def _places(self) -> dict[str, set[str]]:
        return {name: {r.instance for r in held} for name, held in self.resources.items()}

    def _part(self, status: Status, service: str) -> tuple[Interval | None, str]:
        """A service's share of what a limit is of, and of what that is a share."""
        if status.metric in _SIZES:
            column, of = _SIZES[status.metric]
            level = self._share(self.evidence.capacity.services, column, column, status, service)
            return self._or_growth(status, service, level, of)
        resource = resource_of(status, self.resources.get(service, ()))
        if resource is not None and resource.name != "active sessions":
            of = "the declared pools" if resource.name == "connections" else resource.name
            return self._or_growth(status, service, resource.share, of)
        if status.metric in _LOADS:
            column, of = _LOADS[status.metric]
            return self._load(column, status, service), of
        return None, ""

    def _load(self, column: str, status: Status, service: str) -> Interval | None:
        """A service's part of a load: of one instance its share there, with what nobody owns in the whole."""
        frame = self.evidence.workload.services
        if status.instance is None:
            return self._share(frame, f"{column}_low", f"{column}_high", status, service)
        mine = (frame["instance"] == status.instance) & (frame["service"] == service)
        for row in records(frame[mine]):
            low, high = row[f"{column}_share_low"], row[f"{column}_share_high"]
            return None if pd.isna(low) or pd.isna(high) else Interval(float(low), float(high))
        return None

    def _or_growth(
        self, status: Status, service: str, level: Interval | None, of: str
    ) -> tuple[Interval | None, str]:
        """The share of growth instead, where a size is not over its limit yet, and growth is what takes it there."""
        days = days_until(status, self.evidence.history.newest.at.date())
        if status.metric not in ("storage_used", "total_bytes", "rows") or not days:
            return level, of
        column = "rows_per_day" if status.metric == "rows" else "per_day"
        grows = self._share(self.evidence.capacity.services, column, column, status, service)
        if grows is None or (level is not None and level.high >= grows.high):
            return level, of
        return grows, "growth"

    def _share(
        self, frame: pd.DataFrame, low: str, high: str, status: Status, service: str
    ) -> Interval | None:
        """A service's part of a column's sum over the reach of a limit; what shrinks is no part of a growth."""
        rows = frame if status.instance is None else frame[frame["instance"] == status.instance]
        ends = rows[["service", low, high]].set_axis(["service", "low", "high"], axis=1)
        figures = ends[["low", "high"]].astype("Float64").clip(lower=0.0)
        mine = figures[rows["service"] == service]
        if mine.empty or mine.isna().any(axis=None):
            return None
        others = figures[~rows["service"].isin({service, *self._absent})]
        least, most = float(mine["low"].sum()), float(mine["high"].sum())
        # what touches several services is in the high end of each; what is not known of others may be any size
        unsized = bool(others.isna().any(axis=None))
        lows = 0.0 if unsized else _over(least, least + float(others["high"].sum()))
        return Interval(lows, max(lows, _over(most, most + float(others["low"].sum()))))

    @cached_property
    def _absent(self) -> frozenset[str]:
        """Services whose database was read and holds nothing of theirs: they take no part of anything."""
        newest = self.evidence.history.newest
        held = self.evidence.capacity.services
        missing = set(held.loc[held["tables"].isna(), "service"].dropna())
        return frozenset(
            s.name
            for s in self.evidence.estate.services
            if s.name in missing
            and gap_of(newest, "database", s.instance or "", s.database) is None
        )


def _over(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0
