"""How a figure stands against a limit: crossed and since when, crossing and on which day, clear, or unknown.

A figure that hovers does not flap: once crossed it stays so until it was clearly back, ``CLEARLY`` under the limit,
on ``DAYS_BACK`` days in a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

import numpy as np
import pandas as pd

from workbench.analyse.crossing import Crossing, crossing
from workbench.analyse.growth import HORIZON_DAYS
from workbench.analyse.trend import Floats, trend

CLEARLY = 0.05
"""Within this share of a limit a figure keeps the state it had."""

DAYS_BACK = 2
"""So many daily values in a row must be clearly back before a limit is no longer crossed."""

SOON_DAYS = 365
"""What is reached within so many days at this pace is crossing; the project's default."""

State = Literal["clear", "crossing", "crossed", "unknown"]
_NOTHING: Floats = np.empty(0)


@dataclass(frozen=True)
class Standing:
    """How a figure stands: ``since`` when it is crossed; ``reached`` when it will be; ``because`` why it is so, or unknown."""

    state: State
    since: date | None = None
    reached: Crossing = field(default_factory=Crossing)
    because: str | None = None


@dataclass(frozen=True)
class Figure:
    """A figure that has a limit: between ``low`` and ``high`` now (None: unknown), and the days it was known on.

    ``x`` are days since ``start``, ascending; ``lows`` and ``highs`` the figure on each, by the same formula.
    ``splits`` are days, so counted, on which something happened that is no part of a trend. ``because`` says why
    it is unknown, or what it rests on. ``open_ended``: it may be more than ``high``. ``unforetold`` says why no day
    is foretold, where none is to be.
    """

    at: datetime
    low: float | None
    high: float | None
    start: datetime | None = None
    x: Floats = field(default_factory=_NOTHING.copy)
    lows: Floats = field(default_factory=_NOTHING.copy)
    highs: Floats = field(default_factory=_NOTHING.copy)
    splits: Sequence[float] = ()
    because: str | None = None
    open_ended: bool = False
    unforetold: str | None = None
    by_day: tuple[Floats, Floats] | None = None
    """of a figure that is a mean of its window: days since ``start``, and the figure of each by itself. It is these that
    rise, and not the mean: where there are any, ``unforetold`` does not stand"""

    @property
    def days(self) -> list[tuple[datetime, float, float]]:
        """The figure as of each day it is known of: when, and its ends."""
        if self.start is None:
            return []
        moments = [self.start + timedelta(days=float(day)) for day in self.x]
        return list(zip(moments, self.lows.tolist(), self.highs.tolist(), strict=True))

    def against(self, kind: str, limit: float) -> Standing:
        """Hold it against a limit; ``kind`` ``low`` is crossed by what is below, the others by what is above it."""
        if self.low is None or self.high is None:
            return Standing("unknown", because=self.because)
        if kind == "low":
            return self._below(self.low, self.high, limit)
        crossed, first = _run(self.lows, self.highs, limit)
        if self.low > limit:
            since = self._day(first) if crossed else None
            return Standing("crossed", since or self._newest(), because=self.because)
        if self.open_ended:
            return Standing(
                "unknown", because=_joined("at least this; the rest was not counted", self.because)
            )
        if self.high > limit:
            text = f"between {self.low:.4g} and {self.high:.4g}: that does not decide it"
            return Standing("unknown", because=_joined(text, self.because))
        if crossed:
            why = f"it is back under, but not by {CLEARLY:.0%} on {DAYS_BACK} days in a row"
            return Standing("crossed", self._day(first), because=_joined(why, self.because))
        found = self._reaches(limit)
        soon = found.days is not None and found.days <= SOON_DAYS
        return Standing(
            "crossing" if soon else "clear", None, found, _joined(self.because, found.because)
        )

    def _below(self, low: float, high: float, limit: float) -> Standing:
        """Below a limit: where the figure moves and is foretold, that it stays so counts as well."""
        if low >= limit:
            return Standing("clear", because=_joined("it is above it", self.because))
        if high >= limit or self.open_ended:
            text = f"between {low:.4g} and {high:.4g}: that does not decide it"
            return Standing("unknown", because=_joined(text, self.because))
        below, first = _run(-self.highs, -self.lows, -limit)
        since = self._day(first) if below else self._newest()
        if self.unforetold is not None:
            return Standing("crossed", since, because=self.because)
        found = trend(self.x, self.highs, self.splits)
        reached = self._reaches(limit)
        if found is None:
            return Standing("unknown", None, reached, _joined(reached.because, self.because))
        stays = high + found.change(HORIZON_DAYS)[2] < limit
        if stays:
            return Standing("crossed", since, reached, _joined(reached.because, self.because))
        return Standing(
            "clear",
            None,
            reached,
            _joined(f"within {HORIZON_DAYS} days it may be above it", self.because),
        )

    def _reaches(self, limit: float) -> Crossing:
        assert self.high is not None
        if self.by_day is not None:
            return self._of_days(limit - self.high)
        if self.unforetold is not None:
            return Crossing(because=self.unforetold)
        pace = trend(self.x, self.highs, self.splits)
        return crossing(self.at, limit - self.high, pace, len(self.x))

    def _of_days(self, distance: float) -> Crossing:
        """When days that rise reach what is ``distance`` away; none where they scatter more than they rise."""
        assert self.by_day is not None
        x, y = self.by_day
        pace = trend(x, y, self.splits)
        if pace is not None and pace.per_day > 0 and pace.change(pace.days)[0] <= 0:
            return Crossing(because="its days scatter more than they rise: no day is foretold")
        return crossing(self.at, distance, pace, len(x))

    def _newest(self) -> date:
        return self.at.date()

    def _day(self, number: int) -> date:
        assert self.start is not None
        return (self.start + pd.Timedelta(days=float(self.x[number]))).date()


def _run(lows: Floats, highs: Floats, limit: float) -> tuple[bool, int]:
    """Whether the limit is crossed at the end of the days, and the day it was crossed on.

    >>> _run(np.array([9.0, 11.0, 9.8, 9.0, 11.0]), np.array([9.0, 11.0, 9.8, 9.0, 11.0]), 10.0)
    (True, 1)
    >>> _run(np.array([11.0, 9.0, 9.0, 9.8]), np.array([11.0, 9.0, 9.0, 9.8]), 10.0)
    (False, 0)
    """
    if not len(lows) or lows.max() <= limit:
        return False, 0
    enough = limit - CLEARLY * abs(limit)
    crossed, first, back = False, 0, 0
    for number, (low, high) in enumerate(zip(lows.tolist(), highs.tolist(), strict=True)):
        back = back + 1 if high < enough else 0
        if low > limit and not crossed:
            crossed, first = True, number
        elif back >= DAYS_BACK:
            crossed = False
    return crossed, first


def _joined(*reasons: str | None) -> str | None:
    return "; ".join(dict.fromkeys(r for r in reasons if r)) or None
