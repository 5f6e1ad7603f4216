"""Days until an instance reaches a limit, with and without services that leave it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from workbench.analyse.capacity import Capacity
from workbench.analyse.growth import Growth
from workbench.analyse.trend import FARTHEST_DAYS, POINTS_FOR_A_TREND, Floats, trend
from workbench.decide.facts import Interval, Resource, Status
from workbench.decide.judgement import RESOURCE_OF, concerning, days_until
from workbench.decide.resources import together
from workbench.estate import STORAGE_USED, Estate
from workbench.snapshot import records

NEVER = float(FARTHEST_DAYS)
"""What is not reached within ten years counts as reached then."""


@dataclass(frozen=True)
class Runway:
    """Days until an instance reaches its first hard limit: of its storage, or one that a service on it was given.

    A limit of a service's own leaves with the service. Storage is foretold from the daily bytes of all that stays
    (see ``workbench.analyse.trend``). Of ``limits`` the hard ones count that an instance has on its sessions, CPU,
    connections or WAL: ``resources`` say what a service takes of these, and its growth is taken to be the same share.
    """

    estate: Estate
    capacity: Capacity
    limits: tuple[Status, ...] = ()
    resources: Mapping[str, tuple[Resource, ...]] = field(default_factory=dict)

    def of(self, instance: str, gone: Iterable[str] = ()) -> tuple[Interval | None, str]:
        """Return the days without the services ``gone``, and which limit is first; None and why where it is not known."""
        left = frozenset(gone)
        if (instance, left) not in self._told:
            self._told[instance, left] = self._first(instance, left)
        return self._told[instance, left]

    @cached_property
    def _told(self) -> dict[tuple[str, frozenset[str]], tuple[Interval | None, str]]:
        return {}

    def _first(self, instance: str, left: frozenset[str]) -> tuple[Interval | None, str]:
        found = [self._storage(instance, left), *self._declared(instance, left)]
        found += self._loads(instance, left)
        unknown = [said for days, said in found if days is None]
        known = [(days, said) for days, said in found if days is not None]
        if unknown and not any(days.high <= 0 for days, _ in known):
            return None, unknown[0]
        # whatever the unknown ones are, where one is crossed
        first, said = min(known)
        return Interval(first.low, min(days.high for days, _ in known)), said

    def _declared(
        self, instance: str, gone: frozenset[str]
    ) -> Iterator[tuple[Interval | None, str]]:
        for service, days, said in self._own.get(instance, ()):
            if service not in gone:
                yield days, said

    @cached_property
    def _own(self) -> dict[str, list[tuple[str, Interval, str]]]:
        """Per instance, the hard limits that services were given: whose, the days until each, and which it is."""
        limits = self.capacity.limits
        hard = limits[(limits["kind"] == "hard") & (limits["metric"] != STORAGE_USED)]
        found: dict[str, list[tuple[str, Interval, str]]] = {}
        for row in records(hard):
            if row["service"] is None or pd.isna(row["value"]):
                continue
            said = f"{row['service']}'s {row['metric']} ({row['limit']:,.0f} {row['unit']})"
            if row["crossed"]:
                days = Interval(0.0, 0.0)
                said = f"{said}, crossed already"
            elif pd.isna(row["days"]):
                continue
            else:
                now = row["crosses_on"] - timedelta(days=int(row["days"]))
                early, late = row["crosses_from"], row["crosses_until"]
                days = Interval(
                    float(row["days"]) if early is None else float((early - now).days),
                    NEVER if late is None else float((late - now).days),
                )
            found.setdefault(row["instance"], []).append((row["service"], days, said))
        return found

    def _loads(self, instance: str, gone: frozenset[str]) -> Iterator[tuple[Interval | None, str]]:
        """Limits of an instance on what its services share, but storage: as far as it is known who takes what."""
        for status in self.limits:
            name = RESOURCE_OF.get(status.metric)
            mine = status.service is None and status.instance == instance and status.kind == "hard"
            if not mine or name in (None, "storage") or not concerning(status):
                continue
            days = days_until(status, self._today)
            if status.value is None or days is None:
                continue
            held = [
                r
                for s in sorted(gone)
                for r in self.resources.get(s, ())
                if (r.name, r.instance) == (name, instance)
            ]
            share = together(held)[0].share if held else Interval(0.0, 0.0)
            said = f"{instance}'s {status.metric} ({status.limit:g} {status.unit})"
            crossed = f"{said}, crossed already"
            # what may be anybody's may stay or leave
            part = share or Interval(0.0, 1.0)
            ends = [_days_left(status, days, 1.0 - p) for p in (part.low, part.high)]
            yield Interval(min(ends), max(ends)), said if max(ends) > 0 else crossed

    @cached_property
    def _today(self) -> date:
        newest: date = self.capacity.daily["at"].max().date()
        return newest

    def _storage(self, instance: str, gone: frozenset[str]) -> tuple[Interval | None, str]:
        disk = self._disks.get(instance)
        known = disk is not None and instance in self._daily
        if disk is None or not known or pd.isna(disk["bytes"]) or pd.isna(disk["storage_bytes"]):
            why = (disk or {}).get("because") or f"nothing is known of {instance}'s storage"
            return None, why
        days = self._daily[instance]
        y, leaving = days.without(gone)
        share = self._shares.get(instance, 1.0)
        beside = 0.0 if pd.isna(disk["beside_bytes"]) else float(disk["beside_bytes"])
        left = share * float(disk["storage_bytes"]) - beside - (float(disk["bytes"]) - leaving)
        said = f"{share:.0%} of its storage"
        if left <= 0:
            return Interval(0.0, 0.0), f"{said}, crossed already"
        kept = ~np.isnan(y)
        found = trend(days.x[kept], y[kept], days.splits)
        if found is None:
            return None, f"{kept.sum()} daily points; a trend needs {POINTS_FOR_A_TREND}"
        early, _, late = found.reaches(left) if found.per_day > 0 else (None, None, None)
        return Interval(
            NEVER if early is None else float(early), NEVER if late is None else float(late)
        ), said

    @cached_property
    def _disks(self) -> dict[str, dict[str, Any]]:
        return {r["instance"]: r for r in records(self.capacity.instances)}

    @cached_property
    def _shares(self) -> dict[str, float]:
        """The hard limit of each instance's storage, as a share of it."""
        limits = self.capacity.limits
        mine = limits[(limits["metric"] == STORAGE_USED) & (limits["kind"] == "hard")]
        return {r["instance"]: float(r["limit"]) for r in records(mine)}

    @cached_property
    def _daily(self) -> dict[str, _Days]:
        daily = self.capacity.daily[["at", "instance", "service", "total_bytes"]]
        newest = daily["at"].max()
        growth = Growth(self.estate.events, newest)
        daily = daily.assign(
            unknown=daily["total_bytes"].isna().astype(float),
            total_bytes=daily["total_bytes"].astype("Float64").fillna(0).astype(float),
        )
        found = {}
        for name, rows in daily.groupby("instance"):
            sums = rows.groupby("at")[["total_bytes", "unknown"]].sum()
            start = sums.index.min()
            x = (sums.index - start).total_seconds().to_numpy(dtype=float) / 86400
            held: dict[str, tuple[Floats, Floats]] = {}
            for service, part in rows[rows["service"].notna()].groupby("service"):
                mine = part.groupby("at")[["total_bytes", "unknown"]].sum()
                mine = mine.reindex(sums.index, fill_value=0.0)
                held[str(service)] = (mine["total_bytes"].to_numpy(), mine["unknown"].to_numpy())
            totals, unknown = sums["total_bytes"].to_numpy(), sums["unknown"].to_numpy()
            splits = growth.splits(start, None, str(name))
            found[str(name)] = _Days(x, totals, unknown, held, splits)
        return found


@dataclass(frozen=True)
class _Days:
    """What an instance held on each day: the bytes, and of how many parts they are not known; of each service the same."""

    x: Floats
    bytes: Floats
    unknown: Floats
    services: Mapping[str, tuple[Floats, Floats]]
    splits: Sequence[float]

    def without(self, gone: frozenset[str]) -> tuple[Floats, float]:
        """Return the bytes of what stays on each day (not a number where some are not known), and what leaves now."""
        leaving, unknown = np.zeros(len(self.x)), np.zeros(len(self.x))
        for service in sorted(gone & self.services.keys()):
            held, missing = self.services[service]
            leaving, unknown = leaving + held, unknown + missing
        stays = np.where(self.unknown > unknown, np.nan, self.bytes - leaving)
        return stays, float(leaving[-1])


def _days_left(status: Status, days: int, stays: float) -> float:
    """In how many days a limit is reached where so much of its figure stays, growth and all.

    >>> limit = Status("load", "share", "hard", 0.8, "crossing", Interval(0.6, 0.6))
    >>> [round(_days_left(limit, 100, stays)) for stays in (1.0, 0.5, 0.0)]
    [100, 500, 3650]
    >>> over = Status("load", "share", "hard", 0.8, "crossed", Interval(0.9, 0.9))
    >>> _days_left(over, 0, 1.0), _days_left(over, 0, 0.5) == NEVER
    (0.0, True)
    """
    assert status.value is not None
    now = status.value.high
    left = status.limit - now * stays
    if left <= 0:
        return 0.0
    pace = (status.limit - now) * stays / days if days else 0.0
    return min(left / pace, NEVER) if pace > 0 else NEVER
