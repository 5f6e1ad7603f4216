"""A service's share of a resource in its instance's busiest hour, beside the mean; or why no hour can be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from workbench.decide.argument import shares_of
from workbench.decide.evidence import Evidence
from workbench.decide.facts import Interval, Resource
from workbench.snapshot import records

_COUNTED = {"active sessions": "time_ms", "WAL": "wal_bytes"}
"""Resources that statements take, and the counter of each."""

_NO_HOURS = {
    "storage": "a size stands: it has no hours",
    "connections": "declared pools are not counted by the hour",
    "wraparound age": "an age has no hours",
}


@dataclass(frozen=True)
class Busiest:
    """The busiest hours of one estate, from readings near enough to each other to show hours."""

    evidence: Evidence

    def of(self, service: str, resource: Resource) -> Resource:
        """Return the resource with ``busiest`` filled, else with ``no_busiest``."""
        counter = _COUNTED.get(resource.name)
        if counter is None:
            return replace(resource, no_busiest=_NO_HOURS[resource.name])
        instance = resource.instance
        slices = self.evidence.slices
        if instance not in set(slices.readings["instance"]):
            return replace(resource, no_busiest="its statements were not read twice")
        share = self._shares[counter].get((instance, service))
        _, why = slices.words(instance)
        if why is None:
            none = None if share else "nothing of it is counted in that hour"
            return replace(resource, busiest=share, no_busiest=none)
        took = f"; there it took {shares_of(share)}" if share else ""
        return replace(resource, no_busiest=f"{why}{took}")

    @cached_property
    def _shares(self) -> Mapping[str, Mapping[tuple[str, str], Interval]]:
        return {counter: self._of(counter) for counter in set(_COUNTED.values())}

    def _of(self, counter: str) -> dict[tuple[str, str], Interval]:
        """Each service's least and greatest share of a counter in the slice in which its instance counted most a second."""
        moved, hours = self.evidence.moved, self.evidence.slices.hours
        taken = moved[["instance", "at", "entry", "seconds", counter]]
        taken = taken.merge(hours, "left", ["instance", "at"])
        # where an instance has hours, what is in none of them does not count
        taken = taken[taken["hour"].notna() | ~taken["instance"].isin(hours["instance"])]
        place = ["instance", "slice"]
        taken = taken.assign(slice=taken["hour"].fillna(taken["at"]))
        readings = taken.drop_duplicates(["instance", "at"])
        passed = readings.groupby(place)["seconds"].sum()
        whole = taken.groupby(place)[counter].sum().astype("float64")
        pace = (whole / passed.where(passed > 0)).rename("pace").reset_index().dropna()
        order = ["instance", "pace", "slice"]
        top = pace.sort_values(order, ascending=[True, False, True]).drop_duplicates("instance")
        held = taken.merge(top, "inner", place).merge(
            self.evidence.claims, "inner", ["entry", "instance"]
        )
        value = held[counter].astype("float64").fillna(0.0)
        ends = held[[*place, "service"]].assign(
            low=value * held["low"].astype("float64"), high=value * held["high"].astype("float64")
        )
        sums = ends.groupby([*place, "service"], as_index=False)[["low", "high"]].sum()
        found = {}
        for row in records(sums):
            total = float(whole.loc[(row["instance"], row["slice"])])
            if total > 0:
                low, high = float(row["low"]) / total, min(float(row["high"]) / total, 1.0)
                found[row["instance"], row["service"]] = Interval(min(low, high), high)
        return found
