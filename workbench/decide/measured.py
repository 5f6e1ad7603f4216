"""What measures are asked and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from workbench.analyse.standing import Figure
from workbench.decide.evidence import Evidence
from workbench.estate import Level


class Thing(NamedTuple):
    """What is limited; None where it is wider."""

    instance: str | None = None
    service: str | None = None
    database: str | None = None
    schema: str | None = None
    table: str | None = None


@dataclass(frozen=True)
class Ask:
    """Of what a metric is wanted, whether in its busiest hour, and the numbers of its formula.

    ``services`` are those that are wanted alone; None: all.
    """

    level: Level
    busiest: bool = False
    parameters: Mapping[str, float] | None = None
    services: frozenset[str] | None = None


@dataclass(frozen=True)
class Measured:
    """A metric of one thing, and the window it is of, in words (None: a state)."""

    thing: Thing
    figure: Figure
    window: str | None = None


Measure = Callable[[Evidence, Ask], Iterator[Measured]]
"""Measures a metric on everything of the level that is asked for. Pure; what is not known is a figure without value."""
