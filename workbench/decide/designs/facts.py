"""What a design is answered with: met, not met, or unknown, why, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from workbench.decide.facts import Interval

Topic = Literal[
    "partition", "shard key", "index", "slow statements", "pool", "replica", "backup"
]  # fmt: skip
TOPICS: tuple[Topic, ...] = get_args(Topic)
"""In the order in which they are told."""

State = Literal["met", "not met", "unknown"]


@dataclass(frozen=True)
class Figure:
    """A measured number behind an answer; None where it is not known, and ``because`` says why."""

    name: str
    unit: str
    value: Interval | None
    because: str | None = None

    def to_json(self) -> dict[str, object]:
        """Return it as documents hold it; an interval as ``value`` and ``value_until``."""
        low, high = (None, None) if self.value is None else (float(f"{v:.6g}") for v in self.value)
        return {
            "name": self.name,
            "unit": self.unit,
            "value": low,
            "value_until": None if low == high else high,
            "because": self.because,
        }


@dataclass(frozen=True)
class Answer:
    """How one thing that was designed stands.

    ``because`` is what is there, or why that is not known. ``next_step`` is None where it is met, and only there.
    ``in_the_way`` are what has to be changed first; ``sql`` is the statement that an answer is about, as stored.

    >>> Answer("pool", "met", "main", "60 of 97", "it is so").to_json()["status"]
    'met'
    """

    topic: Topic
    state: State
    subject: str
    wished: str
    because: str
    next_step: str | None = None
    service: str | None = None
    instance: str | None = None
    figures: tuple[Figure, ...] = ()
    in_the_way: tuple[str, ...] = ()
    sql: str | None = None
    source: str | None = None

    def __post_init__(self) -> None:
        if (self.state == "met") != (self.next_step is None):
            raise ValueError(f"{self.topic} of {self.subject}: what is not met has a next step")

    @property
    def key(self) -> tuple[int, str, str, str]:
        """What answers are sorted by."""
        return TOPICS.index(self.topic), self.service or "", self.instance or "", self.subject

    def to_json(self) -> dict[str, object]:
        """Return it as documents hold it."""
        return {
            "topic": self.topic,
            "service": self.service,
            "instance": self.instance,
            "subject": self.subject,
            "wished": self.wished,
            "status": self.state,
            "because": self.because,
            "next_step": self.next_step,
            "figures": [f.to_json() for f in self.figures],
            "in_the_way": list(self.in_the_way),
            "sql": self.sql,
            "source": self.source,
        }


def known(name: str, unit: str, low: float, high: float | None = None) -> Figure:
    """Return a figure that is known, between two ends where ``high`` is another one."""
    return Figure(name, unit, Interval(float(low), float(low if high is None else high)))
