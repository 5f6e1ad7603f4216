"""What is concluded: frozen facts that verdicts, notebooks and documents exchange. They refer to each other by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, NamedTuple

from workbench.model import join_name


class Interval(NamedTuple):
    """A figure between its least and its most; both are the same where it is known."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        """Halfway between its ends."""
        return (self.low + self.high) / 2


Limit = Literal["soft", "hard", "low"]
State = Literal["clear", "crossing", "crossed", "unknown"]


@dataclass(frozen=True)
class Status:
    """How a metric stands against one limit.

    ``value`` is None where it is not known, and ``because`` says why and what would settle it. ``crossed``
    holds for the whole of the interval; where only its upper end is beyond, the state is ``unknown``.
    ``since`` is the day from which it is crossed without a break longer than its hysteresis; ``crosses_on``
    the day it is at this pace, in the band from ``crosses_from`` to ``crosses_until``. ``source`` says who
    set the limit: ``the project's default`` where nobody did.
    """

    metric: str
    unit: str
    kind: Limit
    limit: float
    state: State
    value: Interval | None = None
    instance: str | None = None
    service: str | None = None
    scope: str | None = None
    """``SCHEMA`` or ``SCHEMA.TABLE`` where it is narrower than the service"""
    window: str | None = None
    since: date | None = None
    crosses_on: date | None = None
    crosses_from: date | None = None
    crosses_until: date | None = None
    because: str | None = None
    formula: str = ""
    source: str = ""
    declared: bool = True
    """a person wrote it; False: a default of the project's own"""
    first_name: str | None = field(default=None, repr=False, compare=False)
    """what the service was called first, where it was renamed"""
    days: tuple[tuple[datetime, Interval], ...] = field(default=(), repr=False, compare=False)
    """the figure as of each day it is known of, in ``unit``"""

    @property
    def key(self) -> str:
        """The name by which it is exempted and compared: it outlives a renamed service."""
        service = self.first_name or self.service
        place = [p for p in (self.instance, service, self.scope) if p is not None]
        return f"threshold:{self.metric}:{self.kind}:{'/'.join(map(str, place))}"

    def to_json(self) -> dict[str, object]:
        """Return the status as documents hold it; an interval as ``value`` and ``value_until``."""
        low, high = (None, None) if self.value is None else map(_rounded, self.value)
        return {
            "service": self.service,
            "instance": self.instance,
            "scope": self.scope,
            "metric": self.metric,
            "unit": self.unit,
            "kind": self.kind,
            "limit": self.limit,
            "value": low,
            "value_until": None if low == high else high,
            "status": self.state,
            "window": self.window,
            "since": _day(self.since),
            "crosses_on": _day(self.crosses_on),
            "crosses_from": _day(self.crosses_from),
            "crosses_until": _day(self.crosses_until),
            "because": self.because,
            "formula": self.formula,
            "source": self.source,
            "declared": self.declared,
            "key": self.key,
        }


BreakKind = Literal[
    "statement", "transaction", "view", "foreign_key", "trigger", "function", "type",
    "sequence", "foreign_table", "inheritance", "publication", "reference", "grant",
]  # fmt: skip


@dataclass(frozen=True)
class Remedy:
    """What takes the place of something that breaks: a name of the catalogue of remedies, why it fits, and its work."""

    name: str
    because: str
    days: Interval
    """person-days, of the editable table"""


@dataclass(frozen=True)
class Break:
    """One thing that stops working when services move to a database of their own, on the evidence of ``key``.

    ``sql`` shows it; ``caller`` is the service that runs it, None where it is unknown. ``per_day`` counts
    its calls or transactions (None: not counted). ``remedy`` is None where none of the catalogue removes it.
    """

    kind: BreakKind
    key: str
    instance: str
    database: str
    services: tuple[str, ...]
    """all that it joins: those that move, and those that stay"""
    relations: tuple[str, ...]
    access: Literal["read", "write"] | None = None
    caller: str | None = None
    sql: str | None = None
    per_day: float | None = None
    remedy: Remedy | None = None
    because: str = ""

    def to_json(self) -> dict[str, object]:
        """Return the break as documents hold it."""
        remedy = self.remedy
        return {
            "kind": self.kind,
            "key": self.key,
            "instance": self.instance,
            "database": self.database,
            "services": list(self.services),
            "relations": list(self.relations),
            "access": self.access,
            "caller": self.caller,
            "sql": self.sql,
            "per_day": None if self.per_day is None else _rounded(self.per_day),
            "remedy": None
            if remedy is None
            else {"name": remedy.name, "because": remedy.because, "days": list(remedy.days)},
            "because": self.because,
        }


@dataclass(frozen=True)
class Resource:
    """A resource of an instance, and what of it is a service's.

    ``used`` is the instance's utilisation (1.0: all of what is declared; None: unknown, ``because`` says
    why). ``share`` is the service's part of what is used, ``after`` what the use falls to when it leaves.
    """

    name: str
    instance: str
    used: float | None
    share: Interval | None
    after: Interval | None = None
    busiest: Interval | None = None
    """the share in the busiest hour"""
    because: str | None = None
    no_busiest: str | None = None
    """why there is no share of a busiest hour"""

    @property
    def pressure(self) -> Interval | None:
        """Share times utilisation; None where either is unknown."""
        if self.used is None or self.share is None:
            return None
        return Interval(self.share.low * self.used, self.share.high * self.used)

    def to_json(self) -> dict[str, object]:
        """Return the resource as documents hold it."""
        return {
            "resource": self.name,
            "instance": self.instance,
            "used": _rounded(self.used),
            **{
                name: _pair(getattr(self, name))
                for name in ("share", "busiest", "after", "pressure")
            },
            "because": self.because,
            "no_busiest": self.no_busiest,
        }


@dataclass(frozen=True)
class Press:
    """How a service presses on a limit of its instance or of the estate.

    ``share`` is its part of what is limited, which ``of`` names (None: not known). ``first``: its leaving alone puts the
    limit off beyond the horizon, or nobody's relieves it and its share is the greatest. ``leaders`` are those with the
    greatest shares, the greatest first, each with its share and of what.
    """

    share: Interval | None
    of: str
    first: bool
    leaders: tuple[tuple[str, Interval, str], ...] = ()


Judgement = Literal[
    "insufficient evidence", "not needed", "fix in place", "blocked", "decouple first", "ready"
]


@dataclass(frozen=True)
class Isolation:
    """How much of a service's life stays inside it: ``share`` by weight, beside the raw counts."""

    share: float | None
    counts: tuple[tuple[str, float | None], ...] = ()
    """what crosses, by name (``foreign keys in``, ``statements a day``), in the order they are shown"""

    def to_json(self) -> dict[str, object]:
        """Return it as documents hold it."""
        return {"share": _rounded(self.share), **{n: _rounded(v) for n, v in self.counts}}


@dataclass(frozen=True)
class Urgency:
    """Days until its instance reaches a limit, as it is and after the move; None: no trend, or not within ten years."""

    metric: str | None = None
    days: int | None = None
    after: int | None = None
    because: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What is concluded for one service, and why; ``argument`` cites the figures it rests on."""

    service: str
    verdict: Judgement
    argument: str
    binding: Resource | None = None
    resources: tuple[Resource, ...] = ()
    isolation: Isolation = field(default_factory=lambda: Isolation(None))
    urgency: Urgency = field(default_factory=Urgency)
    crossed: tuple[str, ...] = ()
    """keys of the limits that are crossed"""
    blockers: tuple[Break, ...] = ()
    warnings: tuple[str, ...] = ()
    settles: tuple[str, ...] = ()
    """what would settle what is not known: a statement, a date"""

    def to_json(self) -> dict[str, object]:
        """Return the verdict as documents hold it."""
        return {
            "service": self.service,
            "verdict": self.verdict,
            "pressure": {
                "binding": None if self.binding is None else self.binding.to_json(),
                "resources": [r.to_json() for r in self.resources],
            },
            "isolation": self.isolation.to_json(),
            "urgency": {
                "metric": self.urgency.metric,
                "days": self.urgency.days,
                "days_after": self.urgency.after,
                "because": self.urgency.because,
            },
            "crossed": list(self.crossed),
            "blockers": [b.to_json() for b in self.blockers],
            "warnings": list(self.warnings),
            "settles": list(self.settles),
            "argument": self.argument,
        }


@dataclass(frozen=True)
class Cost:
    """What the servers cost a month, in the estate's currency: now, while both run, after, and if everything stays.

    ``waiting`` is what the instances cost that have to grow when nothing moves, ``now`` where none has to; None
    where that is not known. ``because`` says what each rests on.
    """

    currency: str
    now: float
    both: float
    after: float
    waiting: float | None = None
    because: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return it as documents hold it."""
        return vars(self) | {"because": list(self.because)}


@dataclass(frozen=True)
class WhatIf:
    """What moving services away together would do: what breaks, what each resource falls to, and what it costs.

    ``round_trips`` are those added a day; ``effort`` person-days. ``cost`` is None without prices.
    """

    services: tuple[str, ...]
    breaks: tuple[Break, ...]
    resources: tuple[Resource, ...]
    effort: Interval
    round_trips: float | None = None
    cost: Cost | None = None
    cheaper_together: float | None = None
    """person-days saved against moving each to a database of its own; None for one service"""
    no_cost: str | None = None
    """why there is no cost, where there are prices"""
    unknown: tuple[str, ...] = ()
    """which kinds of break cannot all be told, and what would settle it"""

    @property
    def name(self) -> str:
        """The services, as commands take them."""
        return ",".join(join_name([s]) for s in self.services)

    def to_json(self) -> dict[str, object]:
        """Return it as documents hold it."""
        return {
            "services": list(self.services),
            "breaks": [b.to_json() for b in self.breaks],
            "resources": [r.to_json() for r in self.resources],
            "effort_days": list(self.effort),
            "round_trips_per_day": _rounded(self.round_trips),
            "cheaper_together_days": _rounded(self.cheaper_together),
            "cost": None if self.cost is None else self.cost.to_json(),
            "no_cost": self.no_cost,
            "unknown": list(self.unknown),
        }


@dataclass(frozen=True)
class Move:
    """One of the next moves: which service, the days it gains for its instance, its effort, and why it is next."""

    service: str
    gain_days: Interval | None
    effort: Interval
    target: str
    because: str

    def to_json(self) -> dict[str, object]:
        """Return the move as documents hold it."""
        return {
            "service": self.service,
            "gain_days": _pair(self.gain_days),
            "effort_days": list(self.effort),
            "target": self.target,
            "because": self.because,
        }


def summed(days: Iterable[Interval]) -> Interval:
    """Add up intervals end by end.

    >>> summed([Interval(1, 2), Interval(3, 5)])
    Interval(low=4, high=7)
    """
    found = list(days)
    return Interval(sum(d.low for d in found), sum(d.high for d in found))


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")


def _pair(value: Interval | None) -> list[Any] | None:
    return None if value is None else [_rounded(value.low), _rounded(value.high)]


def _day(value: date | None) -> str | None:
    return None if value is None else value.isoformat()
