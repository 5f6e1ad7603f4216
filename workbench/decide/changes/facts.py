"""What differs between two moments of a history: frozen facts, sorted by kind, way and key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

Kind = Literal[
    "verdict",
    "threshold",
    "crossing",
    "reference",
    "service",
    "relation",
    "finding",
    "size",
    "table_size",
]
"""``size`` is of a service, ``table_size`` of a table that is among those that grew most."""
Way = Literal["added", "removed", "changed"]

KINDS: tuple[Kind, ...] = get_args(Kind)
WAYS: tuple[Way, ...] = get_args(Way)

Figure = str | float | None


@dataclass(frozen=True)
class Change:
    """One thing that is not as it was. ``key`` outlives upgrades, restores and renamed services.

    ``before`` and ``after`` are a word or a figure in ``unit``; None where there is none at that end. ``because``
    is the reason, where one is known. ``joins`` are the services that it joins, from and to, of crossings and
    references.
    """

    kind: Kind
    way: Way
    key: str
    what: str
    service: str | None = None
    before: Figure = None
    after: Figure = None
    unit: str = ""
    because: str = ""
    joins: tuple[tuple[str, str], ...] = ()
    example: str | None = None
    """the SQL of a statement"""

    @property
    def order(self) -> tuple[object, ...]:
        """By kind, way and key."""
        return KINDS.index(self.kind), WAYS.index(self.way), self.key, self.unit

    def to_json(self) -> dict[str, object]:
        """Return the change as documents hold it."""
        return {
            "kind": self.kind,
            "key": self.key,
            "what": self.what,
            "service": self.service,
            "before": _rounded(self.before),
            "after": _rounded(self.after),
            "unit": self.unit,
            "because": self.because,
            "services": [list(pair) for pair in self.joins],
            "example": self.example,
        }


@dataclass(frozen=True, order=True)
class Uncompared:
    """What nobody can say to be the same or another, and why."""

    kind: Kind
    what: str
    because: str

    def to_json(self) -> dict[str, object]:
        """Return it as documents hold it."""
        return dict(vars(self))


@dataclass(frozen=True)
class End:
    """One of the two moments: the newest reading at it, and the readings up to it that it rests on."""

    since: datetime
    until: datetime
    readings: int
    simulated: bool

    def to_json(self) -> dict[str, object]:
        """Return it as documents hold it."""
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "readings": self.readings,
            "simulated": self.simulated,
        }


@dataclass(frozen=True)
class Changes:
    """What changed from ``before`` to ``after``.

    Verdicts and limits are those of all that was known at each end. ``days`` is the length of the windows, one
    ending at each, by which calls a day are compared; None where the first has none.
    """

    before: End
    after: End
    days: float | None
    found: tuple[Change, ...]
    uncompared: tuple[Uncompared, ...] = ()

    def of(self, *kinds: Kind, ways: Iterable[Way] = WAYS) -> tuple[Change, ...]:
        """Return the changes of these kinds, all of them where none is named, in these ways."""
        asked = frozenset(ways)
        return tuple(c for c in self.found if c.way in asked and (not kinds or c.kind in kinds))

    def to_json(self) -> dict[str, object]:
        """Return the payload of the ``diff`` document."""
        return {
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "window_days": None if self.days is None else round(self.days, 3),
            **{way: [c.to_json() for c in self.of(ways=[way])] for way in WAYS},
            "uncompared": [u.to_json() for u in self.uncompared],
        }


def _rounded(value: Figure) -> Figure:
    return float(f"{value:.6g}") if isinstance(value, float) else value
