"""What moving services away would do: what breaks, with its remedy; what each resource falls to; round trips, effort, cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from workbench.analyse.capacity import Capacity, capacity
from workbench.analyse.references import References, references
from workbench.analyse.workload import Workload, workload
from workbench.decide.breaks import Breaks
from workbench.decide.cost import cost_of
from workbench.decide.facts import Break, Cost, Interval, Remedy, Resource, WhatIf, summed
from workbench.decide.remedies import Remedies, count_of
from workbench.decide.resources import resources, together
from workbench.errors import EstateError, UsageError
from workbench.estate import CHANGED, MOVE, Estate
from workbench.snapshot import History, window_of

_OVER_THE_NETWORK = ("API call", "federated API")


@dataclass(frozen=True)
class Moves:
    """Answers what if: for one service or for a set that moves to one database of its own together."""

    estate: Estate
    workload: Workload
    capacity: Capacity
    references: References
    remedies: Remedies

    @classmethod
    def of(cls, history: History) -> Moves:
        """Return the moves of a whole history: its workload, sizes, references, and its estate's own remedies."""
        found = workload(window_of(history))
        estate = history.newest.settled
        links = references(history.newest, found.attributed)
        return cls(estate, found, capacity(history), links, Remedies.of(estate))

    def what_if(self, services: Iterable[str]) -> WhatIf:
        """Return what moving ``services`` would do; UsageError where one is unknown or none is named."""
        moving = tuple(dict.fromkeys(self._known(s) for s in services))
        if not moving:
            raise UsageError("name the services that move: --what-if order, or order,inventory")
        breaks = self._breaks.of(moving)
        effort = self.days_of(moving)
        apart = self.days_apart(moving).middle
        mine = [r for s in moving for r in self.resources.get(s, ())]
        cost = cost_of(self.estate, self.capacity, together(mine), moving)
        return WhatIf(
            moving,
            breaks,
            together(mine),
            effort,
            None if self._breaks.uncounted(moving) else self._round_trips(breaks),
            cost if isinstance(cost, Cost) else None,
            round(apart - effort.middle, 3) if len(moving) > 1 else None,
            cost if isinstance(cost, str) else None,
            self._breaks.unknown(moving),
        )

    def effort(self, breaks: Iterable[Break]) -> Interval:
        """Return the person-days of what breaks: a remedy that serves several is built once, each statement is changed.

        What reads is served in one direction, what writes between the same services; a key, a view, a function or
        a type by itself.
        """
        found: list[tuple[Remedy, str]] = []
        changed = self.remedies.days(CHANGED)
        count = 0
        for one in breaks:
            if one.remedy is None:
                continue
            found.append((one.remedy, _served(one)))
            count += one.kind == "statement"
        return summed([count_of(found), Interval(changed.low * count, changed.high * count)])

    def days_of(self, services: Iterable[str], cured: Iterable[str] = ()) -> Interval:
        """Return the person-days of moving services together, the move itself included.

        ``cured`` are services that moved before: what joined them with these is done already.
        """
        moving = tuple(services)
        done = {b.key for service in cured for b in self._alone(service)}
        breaks = self._alone(moving[0]) if len(moving) == 1 else self._breaks.of(moving)
        left = [b for b in breaks if b.key not in done]
        return summed([self.effort(left), self.remedies.days(MOVE)])

    def days_apart(self, services: Iterable[str]) -> Interval:
        """Return the person-days of moving services one by one: what joins two of them is cured once."""
        names = list(services)
        every = {b.key: b for s in names for b in self._alone(s)}
        return summed([self.effort(every.values()), *[self.remedies.days(MOVE)] * len(names)])

    @cached_property
    def resources(self) -> dict[str, tuple[Resource, ...]]:
        """The resources of every service, by its name."""
        return resources(self.workload, self.capacity, self.estate)

    def _alone(self, service: str) -> tuple[Break, ...]:
        """What moving one service alone breaks: orders of moves ask for it again and again."""
        if service not in self._held:
            self._held[service] = self._breaks.of([service])
        return self._held[service]

    @cached_property
    def _held(self) -> dict[str, tuple[Break, ...]]:
        return {}

    @cached_property
    def _breaks(self) -> Breaks:
        return Breaks(self.workload, self.references, self.remedies)

    def _known(self, name: str) -> str:
        try:
            service = self.estate.service(name)
        except EstateError as error:
            raise UsageError(str(error)) from None
        if service.external:
            raise UsageError(
                f"{name!r} keeps its data elsewhere: name a service that is in the estate"
            )
        return service.name

    def _round_trips(self, breaks: Iterable[Break]) -> float | None:
        """Calls a day that go over the network and did not before; None where some are not counted."""
        counts = [
            b.per_day
            for b in breaks
            if b.kind == "statement" and b.remedy is not None and b.remedy.name in _OVER_THE_NETWORK
        ]
        known = [c for c in counts if c is not None]
        return round(sum(known), 3) if len(known) == len(counts) else None


def _served(one: Break) -> str:
    """What a remedy is built for: breaks of the same are cured by it together."""
    if one.kind in ("type", "function", "trigger", "sequence"):
        return one.relations[-1]
    if one.kind in ("foreign_key", "grant", "inheritance", "foreign_table", "publication"):
        return one.key
    if one.remedy is not None and one.remedy.name == "denormalised column":
        return one.key
    if one.remedy is not None and one.remedy.name == "owner found":
        return "+".join(one.relations)
    if one.access == "read":
        others = [s for s in one.services if s != one.caller]
        return f"{one.caller or ''}>{'+'.join(others)}"
    return "+".join(one.services)
