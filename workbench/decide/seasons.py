"""What a history cannot know of weekdays, month ends and peak hours, and which of them it shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import pandas as pd

from workbench.decide.evidence import Evidence
from workbench.snapshot import records

TWO_WEEKS = 14
"""From so many days on every weekday was seen twice, so that a weekday's rhythm can be told from chance."""

PEAK = 1.5
"""A weekday or an hour with so many times the usual load is one. The project's own."""

_DAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


@dataclass(frozen=True)
class Seasons:
    """The rhythms in one history."""

    evidence: Evidence

    def of(self, service: str) -> tuple[str, ...]:
        """Return the warnings of a service: what its history is too short for, and the peaks that its mean hides."""
        return (*self._uncovered, *self._weekdays.get(service, ()), *self._hours.get(service, ()))

    @cached_property
    def _uncovered(self) -> tuple[str, ...]:
        since, until = self.evidence.coverage.since, self.evidence.coverage.until
        if since is None or until is None:
            return ()
        first, last = since.date(), until.date()
        days = (last - first).days
        short = []
        if days < TWO_WEEKS:
            short.append("less than two full weeks, so that no weekday's peak can be told")
        if not any((first + timedelta(days=n + 1)).day == 1 for n in range(days)):
            short.append("no end of a month")
        if not short:
            return ()
        held = "one day" if days <= 1 else f"{days} days"
        return (
            f"seasonality: the history holds {held}: {' and '.join(short)}; its peaks may be higher",
        )

    @cached_property
    def _weekdays(self) -> dict[str, tuple[str, ...]]:
        """Weekdays on which a service's statements take clearly longer in every week that was seen."""
        load = self.evidence.load
        if load.empty:
            return {}
        gaps = self.evidence.slices.readings[["instance", "at", "gap_s"]]
        load = load.merge(gaps, "inner", ["instance", "at"])
        # what a night's reading holds is of the day before it
        middle = load["at"] - pd.to_timedelta(load["gap_s"].fillna(0.0) / 2, unit="s")
        sums = (
            load.assign(day=middle.dt.floor("D"))
            .groupby(["service", "day"], as_index=False)["time_ms"]
            .sum()
        )
        found: dict[str, tuple[str, ...]] = {}
        for service, days in sums.groupby("service"):
            # a rhythm is told where every weekday was seen twice
            weekday = days["day"].dt.day_of_week.to_numpy()
            weeks = pd.Series(weekday).value_counts()
            if len(weeks) < len(_DAYS) or weeks.min() < 2:
                continue
            time = days["time_ms"].astype("float64")
            usual = float(time.median())
            least = time.groupby(weekday).min()
            peaks = [int(d) for d in least.index if usual > 0 and float(least[d]) >= PEAK * usual]
            if peaks:
                top = max(peaks, key=lambda d: float(least[d]))
                named = " and ".join(_DAYS[d] for d in peaks)
                found[str(service)] = (
                    f"seasonality: on {named} its statements take at least {float(least[top]) / usual:.1f} times "
                    "as long in all as on the usual day; plan for that day, not for the mean",
                )
        return found

    @cached_property
    def _hours(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for row in records(self.evidence.busiest):
            mean, most = row["active_sessions"], row["busiest_active_sessions"]
            if pd.isna(mean) or pd.isna(most) or mean <= 0 or most < PEAK * mean:
                continue
            told = (
                f"seasonality: in the hour from {row['busiest_hour']:%Y-%m-%d %H:%M} UTC its statements take "
                f"{most / mean:.1f} times the mean; plan for that hour"
            )
            found[row["service"]] = (*found.get(row["service"], ()), told)
        return found
