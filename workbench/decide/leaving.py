"""What an instance gains when a service leaves: days until it crosses a limit, before and after; what debloating would do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import pandas as pd

from workbench.decide.evidence import Evidence
from workbench.decide.facts import Status, Urgency
from workbench.decide.judgement import RESOURCE_OF, SOON_DAYS, concerning, days_until
from workbench.estate import METRICS
from workbench.snapshot import records

HORIZON_DAYS = 3650
"""Beyond this no day is told."""

FAR = "not within ten years"
"""Why there is no day where a limit is too far away to tell one."""


@dataclass(frozen=True)
class Leaving:
    """Answers for one estate, from sizes and daily growth of its instances and services."""

    evidence: Evidence

    def urgency(self, service: str, shared: Iterable[Status]) -> Urgency:
        """Return the days until a capacity limit of the service's instances is crossed, and without the service.

        Of the hard limits the one that is reached first. Without the service: its bytes and its growth taken off.
        """
        found = [
            s for s in shared if s.kind == "hard" and s.metric in RESOURCE_OF and concerning(s)
        ]
        dated = [(d, s.key, s) for s in found if (d := days_until(s, self._today)) is not None]
        if not dated:
            return Urgency(because=_why_no_day(found))
        days, _, status = min(dated, key=lambda d: d[:2])
        after, because = self._without(service, status)
        return Urgency(status.metric, days, after, because)

    def put_off(self, service: str, shared: Iterable[Status]) -> frozenset[str]:
        """Return the keys of the storage limits that are reached within ``SOON_DAYS``, and without the service are not."""
        found = set()
        for status in shared:
            days = days_until(status, self._today)
            if status.metric != "storage_used" or days is None or not 0 < days <= SOON_DAYS:
                continue
            after, because = self._without(service, status)
            if because == FAR or (after is not None and after > SOON_DAYS):
                found.add(status.key)
        return frozenset(found)

    def curable(self, service: str, shared: Iterable[Status]) -> bool:
        """Return whether taking the avoidable bytes out of the service's tables keeps storage off its hard limit long enough."""
        limits = [s for s in shared if s.metric == "storage_used" and s.kind == "hard"]
        limits = [s for s in limits if s.state in ("crossed", "crossing")]
        for status in limits:
            spare = self._avoidable.get((status.instance, service), 0.0)
            room = self._room(status)
            if room is None or spare <= 0:
                return False
            left = room + spare
            rate = self._rate(status.instance)
            if left <= 0 or rate is None or (rate > 0 and left / rate <= SOON_DAYS):
                return False
        return bool(limits)

    def _without(self, service: str, status: Status) -> tuple[int | None, str | None]:
        if status.metric != "storage_used":
            return None, f"what of {status.metric} stays when it leaves is not foretold"
        mine = self._services.get((status.instance, service))
        room, rate = self._room(status), self._rate(status.instance)
        if mine is None or room is None or pd.isna(mine["total_bytes"]):
            return None, "without it: its size is not known"
        if rate is None or pd.isna(mine["per_day"]):
            return None, f"without it: no trend, {mine['because'] or 'its growth is not known'}"
        left, pace = room + float(mine["total_bytes"]), rate - float(mine["per_day"])
        if left <= 0:
            return 0, "without it the limit stays crossed"
        if pace <= 0 or left / pace > HORIZON_DAYS:
            return None, FAR
        return int(left / pace), None

    def _room(self, status: Status) -> float | None:
        """The bytes up to a limit of storage; negative where it is crossed."""
        row = self._disks.get(status.instance)
        if row is None or status.value is None or pd.isna(row["storage_bytes"]):
            return None
        size = METRICS[status.metric].size_of(status.unit)
        return (status.limit - status.value.high) * size * float(row["storage_bytes"])

    def _rate(self, instance: str | None) -> float | None:
        row = self._disks.get(instance)
        return None if row is None or pd.isna(row["per_day"]) else float(row["per_day"])

    @cached_property
    def _today(self) -> date:
        return self.evidence.history.newest.at.date()

    @cached_property
    def _disks(self) -> dict[str | None, dict[str, Any]]:
        return {r["instance"]: r for r in records(self.evidence.capacity.instances)}

    @cached_property
    def _services(self) -> dict[tuple[str | None, str], dict[str, Any]]:
        rows = records(self.evidence.capacity.services)
        return {(r["instance"], r["service"]): r for r in rows}

    @cached_property
    def _avoidable(self) -> dict[tuple[str | None, str], float]:
        held = self.evidence.health.bloat.dropna(subset=["service", "avoidable_bytes"])
        sums = held.groupby(["instance", "service"])["avoidable_bytes"].sum().reset_index()
        return {(r["instance"], r["service"]): float(r["avoidable_bytes"]) for r in records(sums)}


def _why_no_day(found: list[Status]) -> str:
    if not found:
        return "no capacity is declared: write capacity = { storage_gb = ... } for its instance"
    reasons = dict.fromkeys(s.because for s in found if s.metric == "storage_used" and s.because)
    return "; ".join(reasons) or FAR
