"""What each service's statements took, slice by slice of the window: hours where readings lie near enough, else what is between two."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.analyse.daily import NEAR_S
from workbench.analyse.statements import Attributed
from workbench.snapshot.window import LEAST_OF_AN_HOUR_S

_PLACE = ["instance", "service"]
_NO_ROWS: npt.NDArray[np.intp] = np.empty(0, dtype=np.intp)
SUMS = ["calls", "ms", "read_ms", "low_ms", "high_ms", "maybe_read_ms", "maybe_write_ms"]


@dataclass(frozen=True)
class Slices:
    """The statements of a window in slices; ``moved`` and ``claims`` are those of the workload ``attributed`` is of.

    Where there is one reading alone, its counts since their reset are one slice.
    """

    attributed: Attributed
    moved: pd.DataFrame
    claims: pd.DataFrame

    @cached_property
    def taken(self) -> pd.DataFrame:
        """One row per entry and reading: at, instance, entry, seconds (real), calls, time_ms."""
        columns = ["at", "instance", "entry", "seconds", "calls", "time_ms"]
        found = self.moved[columns]
        spans = self.attributed.window.spans
        spans = spans[(spans["frame"] == "statements") & (spans["kind"] != "difference")]
        if spans.empty:
            return found
        alone = self.attributed.entries.reset_index(names="entry")
        alone = alone[alone["toplevel"].fillna(True).astype(bool) & alone["queryid"].notna()]
        alone = alone.drop(columns=["seconds", "days", "lower_bound"], errors="ignore")
        timed = spans.rename(columns={"until": "at"})[["instance", "at", "seconds"]]
        once = alone.merge(timed, "inner", "instance")[columns]
        found = pd.concat([found[~found["instance"].isin(timed["instance"])], once])
        return found.astype({"instance": "object"}).reset_index(drop=True)

    @cached_property
    def _places(self) -> dict[tuple[str, pd.Timestamp], npt.NDArray[np.intp]]:
        """Which rows of ``taken`` are of which instance and reading."""
        found: Any = self.taken.groupby(["instance", "at"], sort=False).indices
        return dict(found)

    @cached_property
    def _claimed(self) -> dict[tuple[str, str], npt.NDArray[np.intp]]:
        """Which rows of ``claims`` are of which instance and service."""
        found: Any = self.claims.groupby(_PLACE, sort=False).indices
        return dict(found)

    def claims_of(self, instance: str | None, service: str | None) -> pd.DataFrame:
        """Return the rows of ``claims`` of a service on one instance, in their order."""
        return self.claims.iloc[self._claimed.get((instance or "", service or ""), _NO_ROWS)]

    def in_order(self, busiest: bool) -> dict[tuple[str, str], pd.DataFrame]:
        """Return the slices of each instance and service: of ``by_hour`` if ``busiest``, else of ``by_reading``."""
        if busiest not in self._in_order:
            every = self.by_hour if busiest else self.by_reading
            parts: Any = every.groupby(_PLACE, sort=False)
            self._in_order[busiest] = {
                name: days.reset_index(drop=True) for name, days in iter(parts)
            }
        return self._in_order[busiest]

    @cached_property
    def _in_order(self) -> dict[bool, dict[tuple[str, str], pd.DataFrame]]:
        return {}

    @cached_property
    def by_entry(self) -> pd.DataFrame:
        """What each entry took in the whole window, by its number: calls, time_ms."""
        return self.taken.groupby("entry")[["calls", "time_ms"]].sum()

    @cached_property
    def readings(self) -> pd.DataFrame:
        """One row per instance and reading with statements: instance, at, seconds, gap_s (of the calendar; NA: unknown)."""
        spans = self.attributed.window.spans
        spans = spans[spans["frame"] == "statements"]
        found = self.taken.drop_duplicates(["instance", "at"])[["instance", "at", "seconds"]]
        found = found.merge(spans[["instance", "since"]], "left", "instance")
        found = found.sort_values(["instance", "at"], ignore_index=True)
        before = found.groupby("instance")["at"].shift().fillna(found["since"])
        found["gap_s"] = (found["at"] - before).dt.total_seconds()
        return found.drop(columns="since")

    @cached_property
    def by_reading(self) -> pd.DataFrame:
        """What each service's statements took from one reading to the next, in order.

        instance, service, at, seconds; calls, ms and read_ms of what touches its data for certain; low_ms (of that
        which touches its data alone) and high_ms (of all that may touch it); maybe_read_ms and maybe_write_ms.
        """
        held = self.taken.merge(self.claims, "inner", ["entry", "instance"])
        time, sure = held["time_ms"].astype("float64"), held["certain"].astype(bool)
        reads, high = held["only_reads"].astype(bool), held["high"].astype("float64")
        sums = held[[*_PLACE, "at", "seconds"]].assign(
            calls=held["calls"].astype("float64").where(sure, 0.0),
            ms=time.where(sure, 0.0),
            read_ms=time.where(sure & reads, 0.0),
            low_ms=time * held["low"].astype("float64"),
            high_ms=time * high,
            maybe_read_ms=(time * high).where(~sure & reads, 0.0),
            maybe_write_ms=(time * high).where(~sure & ~reads, 0.0),
        )
        group = [*_PLACE, "at", "seconds"]
        return sums.groupby(group, as_index=False)[SUMS].sum().sort_values([*_PLACE, "at"])

    @cached_property
    def hours(self) -> pd.DataFrame:
        """Which hour each reading near enough to the one before belongs to: instance, at, hour."""
        near = self.readings[self.readings["gap_s"].between(0, NEAR_S, inclusive="right")]
        middle = near["at"] - pd.to_timedelta(near["gap_s"] / 2, unit="s")
        seen = near.assign(hour=middle.dt.floor("h"))
        held = seen.groupby(["instance", "hour"])["seconds"].transform("sum")
        return seen.loc[held >= LEAST_OF_AN_HOUR_S, ["instance", "at", "hour"]]

    @cached_property
    def by_hour(self) -> pd.DataFrame:
        """The same as ``by_reading`` by hours (``at`` is the hour) where an instance has any; else between readings."""
        hours = self.hours
        rest = self.by_reading[~self.by_reading["instance"].isin(hours["instance"])]
        held = self.by_reading.merge(hours, "inner", ["instance", "at"])
        sums = held.groupby([*_PLACE, "hour"], as_index=False)[["seconds", *SUMS]].sum()
        both = pd.concat([rest, sums.rename(columns={"hour": "at"})], ignore_index=True)
        return both.sort_values([*_PLACE, "at"], ignore_index=True)

    def entries_of(self, instance: str, service: str, at: pd.Timestamp) -> pd.DataFrame:
        """What each statement that may touch a service's data took in one slice of ``by_hour``: claims, calls, time_ms."""
        hours = self.hours[self.hours["instance"] == instance]
        moments = set(hours.loc[hours["hour"] == at, "at"]) if len(hours) else {at}
        rows = [self._places.get((instance, moment), _NO_ROWS) for moment in moments]
        taken = self.taken.iloc[np.sort(np.concatenate([_NO_ROWS, *rows]))]
        mine = self.claims_of(instance, service)
        held = taken.merge(mine, "inner", ["entry", "instance"])
        sums = held.groupby(["entry", "certain", "only_reads", "high"], as_index=False)
        return sums[["calls", "time_ms"]].sum()

    def words(self, instance: str) -> tuple[str, str | None]:
        """Say what a slice of an instance is, and what that leaves out."""
        if (self.hours["instance"] == instance).any():
            return "busiest hour", None
        here = self.readings[self.readings["instance"] == instance]
        if (
            len(here) == 1
            and (
                self.attributed.window.spans.query(
                    "frame == 'statements' and instance == @instance"
                )["kind"]
                != "difference"
            ).any()
        ):
            return (
                "all since the reset of the statistics",
                "one reading says nothing of an hour: collect every hour",
            )
        apart = here["gap_s"].median() / 3600.0
        spoken = "busiest of the times between readings"
        return spoken, (
            f"no hour can be told, for readings are {apart:.3g} hours apart: it is the busiest of {len(here)} times "
            "between readings, each a mean; `workbench collect` every hour shows the hour"
        )
