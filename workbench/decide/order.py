"""The next moves: by the days that each gains for its instance, for each person-day of its effort."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, NamedTuple

import pandas as pd

from workbench.analyse.capacity import Capacity
from workbench.analyse.growth import Growth, series_of
from workbench.analyse.trend import FARTHEST_DAYS, POINTS_FOR_A_TREND, trend
from workbench.decide.facts import Interval, Move
from workbench.decide.whatif import Moves
from workbench.estate import STORAGE_USED, Estate
from workbench.snapshot import records

OWN_INSTANCE = "own instance"
NEVER = float(FARTHEST_DAYS)
"""What is not reached within ten years counts as reached then."""


class _Limit(NamedTuple):
    """The days until a limit, what it is, and the soonest late end of all that it was the first of."""

    days: Interval
    said: str
    soonest: float

    def with_(self, other: _Limit) -> _Limit:
        """Return the first of both."""
        return min(self, other)._replace(soonest=min(self.soonest, other.soonest))


_First = dict[str, tuple[Interval | None, str]]
"""Per instance, the days until its first hard limit, and which that is."""


@dataclass(frozen=True)
class Runway:
    """Days until an instance reaches its first hard limit: of its storage, or one that a service on it was given.

    A limit of a service's own leaves with the service. Storage is foretold from the daily bytes of all that stays
    (see ``workbench.analyse.trend``).
    """

    estate: Estate
    capacity: Capacity

    def of(self, instance: str, gone: Iterable[str] = ()) -> tuple[Interval | None, str]:
        """Return the days without the services ``gone``, and which limit is first; None and why where it is not known."""
        left = frozenset(gone)
        days, said = self._storage(instance, left)
        found = [] if days is None else [_Limit(days, said, days.high)]
        mine = self._declared.get(instance, {})
        found += [limit for service, limit in mine.items() if service not in left]
        # whatever the unknown one is, where one is crossed
        if days is None and not any(limit.soonest <= 0 for limit in found):
            return None, said
        first = min(found)
        return Interval(first.days.low, min(limit.soonest for limit in found)), first.said

    @cached_property
    def _declared(self) -> dict[str, dict[str, _Limit]]:
        """Per instance, the first of the hard limits that each service was given."""
        limits = self.capacity.limits
        mine = limits[limits["service"].notna() & limits["value"].notna()]
        mine = mine[(mine["kind"] == "hard") & (mine["metric"] != STORAGE_USED)]
        found: dict[str, dict[str, _Limit]] = {}
        for row in records(mine[mine["crossed"].fillna(False) | mine["days"].notna()]):
            days, said = _days(row)
            held, service = found.setdefault(row["instance"], {}), row["service"]
            limit = _Limit(days, said, days.high)
            held[service] = limit.with_(held[service]) if service in held else limit
        return found

    def _storage(self, instance: str, gone: frozenset[str]) -> tuple[Interval | None, str]:
        disks = self.capacity.instances
        disk = next((r for r in records(disks) if r["instance"] == instance), None)
        known = disk is not None and instance in self._daily
        if disk is None or not known or pd.isna(disk["bytes"]) or pd.isna(disk["storage_bytes"]):
            why = (disk or {}).get("because") or f"nothing is known of {instance}'s storage"
            return None, why
        at, totals, leaving = self._without(instance, gone)
        share = self._shares.get(instance, 1.0)
        beside = 0.0 if pd.isna(disk["beside_bytes"]) else float(disk["beside_bytes"])
        left = share * float(disk["storage_bytes"]) - beside - (float(disk["bytes"]) - leaving)
        said = f"{share:.0%} of its storage"
        if left <= 0:
            return Interval(0.0, 0.0), f"{said}, crossed already"
        x, y = series_of(at, totals)
        newest = self.capacity.daily["at"].max()
        splits = Growth(self.estate.events, newest).splits(at.min(), None, instance)
        found = trend(x, y, splits)
        if found is None:
            return None, f"{len(x)} daily points; a trend needs {POINTS_FOR_A_TREND}"
        early, _, late = found.reaches(left) if found.per_day > 0 else (None, None, None)
        return Interval(
            NEVER if early is None else float(early), NEVER if late is None else float(late)
        ), said

    @cached_property
    def _shares(self) -> dict[str, float]:
        """The hard limit of each instance's storage, as a share of it."""
        limits = self.capacity.limits
        mine = limits[(limits["metric"] == STORAGE_USED) & (limits["kind"] == "hard")]
        return {r["instance"]: float(r["limit"]) for r in records(mine)}

    def _without(
        self, instance: str, gone: frozenset[str]
    ) -> tuple[pd.Series[pd.Timestamp], pd.Series[float], float]:
        """The days, the bytes on each of what stays (NA: not known of all), and the bytes of what leaves now."""
        days, held, unknown = self._daily[instance]
        leaving = [s for s in sorted(gone) if s in held.columns]
        totals = days["total_bytes"] - held[leaving].sum(axis=1)
        partly = days["unknown"] > unknown[leaving].sum(axis=1)
        now = float(held[leaving].iloc[-1].sum()) if len(held) else 0.0
        return pd.Series(days.index), totals.mask(partly).reset_index(drop=True), now

    @cached_property
    def _daily(self) -> dict[str, tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]]:
        """Per instance and day: the sum and how many unknown parts it has; the same of each service, a column each."""
        daily = self.capacity.daily[["at", "instance", "service", "total_bytes"]]
        daily = daily.assign(
            unknown=daily["total_bytes"].isna().astype(float),
            total_bytes=daily["total_bytes"].astype("Float64").fillna(0).astype(float),
        )
        found = {}
        for instance, rows in daily.groupby("instance"):
            days = rows.groupby("at")[["total_bytes", "unknown"]].sum()
            owned = rows[rows["service"].notna()]
            wide = owned.pivot_table(
                index="at", columns="service", values=["total_bytes", "unknown"], aggfunc="sum"
            ).reindex(days.index)
            held, unknown = (
                pd.DataFrame(wide[name] if len(owned) else None, index=days.index).fillna(0)
                for name in ("total_bytes", "unknown")
            )
            found[str(instance)] = (days, held, unknown)
        return found


def _days(row: Mapping[str, Any]) -> tuple[Interval, str]:
    """The days until a service's own limit, which is crossed or foretold, and what it is."""
    said = f"{row['service']}'s {row['metric']} ({row['limit']:,.0f} {row['unit']})"
    if pd.notna(row["crossed"]) and row["crossed"]:
        return Interval(0.0, 0.0), f"{said}, crossed already"
    now = row["crosses_on"] - timedelta(days=int(row["days"]))
    early, late = row["crosses_from"], row["crosses_until"]
    low = float(row["days"]) if early is None else float((early - now).days)
    return Interval(low, NEVER if late is None else float((late - now).days)), said


def next_moves(moves: Moves, count: int = 3) -> tuple[Move, ...]:
    """Return the next ``count`` moves, one after the other: after each the rest is weighed anew.

    A move's gain is the days that its instance's first hard limit is put off by, from the earliest to the latest;
    its effort that of what it breaks and earlier moves have not cured. Left out: external services, services
    without data, and a service that has its instance to itself. Where no days can be told, the least effort comes first.

    >>> from workbench import load_history
    >>> from workbench.share import reference_estate
    >>> moves = Moves.of(load_history(reference_estate("hauspet") / "history"))
    >>> [move.service for move in next_moves(moves, 1)]
    ['eventstore']
    """
    runway = Runway(moves.estate, moves.capacity)
    homes = _homes(moves)
    found: list[Move] = []
    gone: list[str] = []
    while len(found) < count:
        left = {s: where for s, where in homes.items() if s not in gone}
        shared = Counter(instance for where in left.values() for instance in where)
        first: _First = {i: runway.of(i, gone) for i in shared}
        weighed = [
            _weighed(moves, runway, service, where, gone, first)
            for service, where in left.items()
            if any(shared[i] > 1 for i in where)
        ]
        if not weighed:
            break
        best = min(weighed, key=_rank)
        found.append(best)
        gone.append(best.service)
    return tuple(found)


def _homes(moves: Moves) -> dict[str, list[str]]:
    """The services that have data somewhere, by name, and the instances that hold it."""
    external = {s.name for s in moves.estate.services if s.external}
    held = moves.capacity.services
    held = held[(held["total_bytes"].fillna(0) > 0) & held["service"].notna()]
    found: dict[str, list[str]] = {}
    for row in records(held.sort_values(["service", "instance"])):
        if row["service"] not in external:
            found.setdefault(row["service"], []).append(row["instance"])
    return found


def _weighed(
    moves: Moves, runway: Runway, service: str, homes: list[str], gone: list[str], first: _First
) -> Move:
    effort = moves.days_of([service], gone)
    gains: list[tuple[Interval | None, str]] = [
        _gain(instance, first[instance], runway.of(instance, [*gone, service]))
        for instance in homes
    ]
    gain, why = max(gains, key=lambda g: (g[0] is not None, g[0] or Interval(0, 0)))
    again = " after that" if gone else ""
    work = f"{effort.low:g} to {effort.high:g} person-days{again}"
    return Move(service, gain, effort, OWN_INSTANCE, f"{why}; {work}")


def _gain(
    instance: str, now: tuple[Interval | None, str], moved: tuple[Interval | None, str]
) -> tuple[Interval | None, str]:
    (before, first), (after, then) = now, moved
    if before is None or after is None:
        why = first if before is None else then
        return None, f"the days it gains for {instance} are not known: {why}"
    # the same future with and without it: ends belong together
    ends = sorted((after.low - before.low, after.high - before.high))
    gain = Interval(*(max(e, 0.0) for e in ends))
    if gain.high <= 0:
        if before.low >= NEVER:
            return gain, f"{instance} reaches no limit within ten years, with it or without it"
        return gain, f"it gains {instance} no days: {then} comes as early without it"
    days = f"{gain.low:,.0f}" if gain.low == gain.high else f"{gain.low:,.0f} to {gain.high:,.0f}"
    days = f"{days} days" if gain.high < NEVER else "ten years or more"
    if after.low >= NEVER:
        later = "without it no limit is reached within ten years"
    else:
        later = "it comes later then" if then == first else f"then {then}"
    return gain, f"it gains {instance} {days}: the first limit is {first}; {later}"


def _rank(move: Move) -> tuple[float, float, str]:
    gain = -1.0 if move.gain_days is None else move.gain_days.middle
    effort = max(move.effort.middle, 0.1)
    return -gain / effort if gain > 0 else -gain, effort, move.service
