"""What moving services away would do: what breaks, with its remedy; what each resource falls to; round trips, effort, cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from workbench.analyse.capacity import Capacity
from workbench.analyse.references import References
from workbench.analyse.workload import Workload
from workbench.decide.breaks import Breaks
from workbench.decide.facts import Break, Interval, Remedy, Resource, WhatIf, summed
from workbench.decide.remedies import Remedies, count_of
from workbench.decide.resources import resources, together
from workbench.errors import UsageError
from workbench.estate import Estate
from workbench.estate.names import nearest

_OVER_THE_NETWORK = ("API call", "federated API")


@dataclass(frozen=True)
class Moves:
    """Answers what if: for one service or for a set that moves to one database of its own together."""

    estate: Estate
    workload: Workload
    capacity: Capacity
    references: References
    remedies: Remedies

    def what_if(self, services: Iterable[str]) -> WhatIf:
        """Return what moving ``services`` would do; UsageError where one is unknown or none is named."""
        moving = tuple(dict.fromkeys(self._known(s) for s in services))
        if not moving:
            raise UsageError("name the services that move: --what-if order, or order,inventory")
        breaks = self._breaks.of(moving)
        effort = self.effort(breaks)
        alone = [self.effort(self._breaks.of([s])) for s in moving]
        saved = summed(alone)
        mine = [r for s in moving for r in self.resources.get(s, ())]
        return WhatIf(
            moving,
            breaks,
            together(mine),
            effort,
            self._round_trips(breaks),
            None,
            round(_middle(saved) - _middle(effort), 3) if len(moving) > 1 else None,
        )

    def effort(self, breaks: Iterable[Break]) -> Interval:
        """Return the person-days of what breaks: a remedy that serves several is built once, each statement is changed."""
        found: list[tuple[Remedy, str]] = []
        changed = self.remedies.days("statement changed")
        count = 0
        for one in breaks:
            if one.remedy is None:
                continue
            what = "+".join(one.relations) if one.kind in ("foreign_key", "type") else ""
            found.append((one.remedy, "+".join(one.services) + what))
            count += one.kind == "statement"
        return summed([count_of(found), Interval(changed.low * count, changed.high * count)])

    @cached_property
    def resources(self) -> dict[str, tuple[Resource, ...]]:
        """The resources of every service, by its name."""
        return resources(self.workload, self.capacity, self.estate)

    @cached_property
    def _breaks(self) -> Breaks:
        return Breaks(self.workload, self.references, self.remedies)

    def _known(self, name: str) -> str:
        names = [s.name for s in self.estate.services]
        if name not in names:
            raise UsageError(f"no service is called {name!r}; {nearest(name, names)}")
        return name

    def _round_trips(self, breaks: Iterable[Break]) -> float | None:
        """Calls a day that go over the network and did not before; None where some are not counted."""
        counts = [
            b.per_day
            for b in breaks
            if b.kind == "statement" and b.remedy is not None and b.remedy.name in _OVER_THE_NETWORK
        ]
        known = [c for c in counts if c is not None]
        return round(sum(known), 3) if len(known) == len(counts) else None


def _middle(days: Interval) -> float:
    return (days.low + days.high) / 2
