"""What happens on a simulated day: a pure plan, the same from the same workload every time."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from workbench.lab.draws import Draw, Scene, array_literal
from workbench.lab.workload import Flow, ReadFlow, Statement, Workload, read_flow

_HOURS = 24


class Call(NamedTuple):
    """One run of a flow: statements with their parameters, in one transaction or each alone.

    ``beside``: the calls after it do not wait for its end.
    """

    service: str
    flow: str
    transaction: bool
    beside: bool
    statements: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Timetable:
    """The days of a workload, counted from 1."""

    workload: Workload

    def times(self, flow: Flow, day: int) -> int:
        """Return how often a flow runs on a day: by weekday and growth, or on its dates only."""
        today = self.workload.day(day)
        if flow.on:
            return round(flow.calls) if today in flow.on else 0
        factor = self.workload.rhythms[flow.rhythm][today.weekday()] if flow.rhythm else 1.0
        return round(flow.calls * factor * (1 + flow.growth) ** (day - 1))

    def sizes(self, day: int) -> dict[str, int]:
        """Return how many of each population exist on the morning of a day."""
        sizes = {name: part.count for name, part in self.workload.populations.items()}
        for flow in self.workload.flows:
            for name, each in flow.makes.items():
                sizes[name] += each * sum(self.times(flow, past) for past in range(1, day))
        return sizes

    def calls(self, day: int) -> Iterator[Call]:
        """Yield what happens on a day: the flows mingled over its hours, service by service in each."""
        sizes = self.sizes(day)
        fresh = dict(sizes)
        mingled = [
            (not flow.beside, flow.service, calls)
            for flow in self.workload.flows
            for calls in [self._calls(flow, day, sizes, fresh)] * self.times(flow, day)
        ]
        random.Random(day).shuffle(mingled)
        # One session at a time keeps its turn for a while: changing it with every call costs a third more.
        # What goes on beside the others begins its hour, so that there is something left to go on beside.
        for hour in range(_HOURS):
            turns = mingled[hour::_HOURS]
            for _, _, calls in sorted(turns, key=lambda turn: turn[:2]):
                yield next(calls)

    def _calls(
        self, flow: Flow, day: int, sizes: dict[str, int], fresh: dict[str, int]
    ) -> Iterator[Call]:
        # A generator of its own, so that a flow stays as it is when another one is changed.
        rng = random.Random(f"{flow.name}/{day}")
        draws, fills = self._read[flow.name]
        while True:
            scene = Scene(rng, self.workload.day(day), sizes, fresh)
            for name, draw in draws:
                scene.drawn[name] = draw(scene)
            statements = tuple(
                (statement.sql, _parameters(statement, fill, scene))
                for statement, fill in zip(flow.statements, fills, strict=True)
                for _ in range(rng.randint(*statement.repeats))
            )
            yield Call(flow.service, flow.name, flow.transaction, flow.beside, statements)

    @cached_property
    def _read(self) -> dict[str, ReadFlow]:
        flows = self.workload.flows
        return {flow.name: read_flow(flow, self.workload.populations) for flow in flows}


def _parameters(statement: Statement, fill: tuple[Draw, ...], scene: Scene) -> tuple[str, ...]:
    if statement.rows is None:
        return tuple(draw(scene).text for draw in fill)
    return tuple(array_literal([draw(scene).text for _ in range(statement.rows)]) for draw in fill)
