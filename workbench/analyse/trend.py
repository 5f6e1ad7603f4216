"""The slope of a size over days, and how far ahead it can be trusted.

The slope is the median of the slopes between pairs of days (Theil-Sen), which one odd day does not
move; from three weeks on only pairs a whole number of weeks apart count, so that a weekly rhythm
cancels out. Pairs never straddle a split: a purge or bulk load that a person wrote down.

The band holds what the past scattered around the slope, plus what the slope itself may be wrong by::

    half width after h days = t * sqrt(v * h + v * h * h / n)

with v the variance a day, from sums over blocks of up to a week, n the number of days, and t the
Student quantile for the blocks at hand. It is a band for a future like the past, and says nothing of a campaign.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

POINTS_FOR_A_TREND = 14
"""Below this many daily points no trend is stated, only the difference between first and last."""

COVERAGE = 0.9
"""The share of futures like the past that the band is meant to hold."""

LONGEST_DAYS = 120
"""How far back a trend looks: what was longer ago says little of now, and pairs grow with the square."""

FARTHEST_DAYS = 3650
_WEEK = 7
_AT_ONCE = 512  # series whose pairs of days are laid out at a time: 90 days have 4,005

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trend:
    """How a value moves: units a day, with ``low`` and ``high`` for the slope over the horizon of a month.

    ``variance`` is that of one day's scatter, ``quantile`` the factor of the band, ``days`` how many
    days it rests on.
    """

    per_day: float
    variance: float
    quantile: float
    days: int

    def change(self, horizon: float) -> tuple[float, float, float]:
        """Return the change after ``horizon`` days: low end, middle, high end.

        >>> Trend(10.0, 0.0, 1.7, 28).change(9)
        (90.0, 90.0, 90.0)
        """
        middle = self.per_day * horizon
        reach = self.quantile * math.sqrt(self.variance * (horizon + horizon**2 / self.days))
        return middle - reach, middle, middle + reach

    def reaches(self, distance: float) -> tuple[int | None, int | None, int | None]:
        """Return after how many days the value has moved up by ``distance``: earliest, middle, latest.

        None where that is more than ten years away, or never.

        >>> Trend(10.0, 0.0, 1.7, 28).reaches(95)
        (10, 10, 10)
        >>> Trend(-1.0, 0.0, 1.7, 28).reaches(95)
        (None, None, None)
        """
        ahead = np.arange(FARTHEST_DAYS + 1, dtype=float)
        reach = self.quantile * np.sqrt(self.variance * (ahead + ahead**2 / self.days))
        middle = self.per_day * ahead
        return tuple(_first(path >= distance) for path in (middle + reach, middle, middle - reach))  # type: ignore[return-value]


def _first(true: npt.NDArray[np.bool_]) -> int | None:
    return int(true.argmax()) if true.any() else None


def _recent(days: Floats) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = days >= days.max(initial=-math.inf) - LONGEST_DAYS
    return found


def slope(days: Floats, values: Floats, splits: Sequence[float] = ()) -> float | None:
    """Return the change of ``values`` a day, or None from fewer than two days; ``days`` ascend.

    Below 14 points it is the difference between last and first.

    >>> days = np.arange(20.0)
    >>> slope(days, np.r_[10 * days[:-1], 9000.0])
    10.0
    """
    found = slopes(days, values[None], splits)[0]
    return None if np.isnan(found) else float(found)


def slopes(days: Floats, values: Floats, splits: Sequence[float] = ()) -> Floats:
    """Return ``slope`` of each row of ``values``, all of the same days; not a number for None.

    >>> slopes(np.arange(20.0), np.outer([1.0, -2.0], np.arange(20.0)))
    array([ 1., -2.])
    """
    kept = _recent(days)
    days, values = days[kept], values[:, kept]
    nothing = np.full(len(values), np.nan)
    if len(days) < 2 or days[-1] <= days[0]:
        return nothing
    still = (values == values[:, :1]).all(axis=1)
    if len(days) < POINTS_FOR_A_TREND:
        steps = (values[:, -1] - values[:, 0]) / (days[-1] - days[0])
        return np.where(still, 0.0, steps)
    before, after, apart = _pairs(days.astype(np.float64).tobytes(), tuple(splits))
    if not len(apart):
        return np.where(still, 0.0, nothing)
    found = np.where(still, 0.0, nothing)
    moving = np.flatnonzero(~still)
    for at in range(0, len(moving), _AT_ONCE):
        rows = moving[at : at + _AT_ONCE]
        found[rows] = np.median((values[rows][:, after] - values[rows][:, before]) / apart, axis=1)
    return found


@lru_cache(maxsize=64)
def _pairs(
    held: bytes, splits: tuple[float, ...]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Floats]:
    """The pairs of days that a slope counts, and how far each is apart; ``held`` are the days' bytes.

    Things of one estate are read on the same days: their pairs are laid out once.
    """
    days = np.frombuffer(held, dtype=np.float64)
    before, after = np.triu_indices(len(days), 1)
    apart = days[after] - days[before]
    segment = np.searchsorted(np.asarray(splits, dtype=float), days, side="right")
    usable = (segment[before] == segment[after]) & (apart > 0)
    weekly = usable & (np.abs(apart / _WEEK - np.round(apart / _WEEK)) < 0.02)
    # A rhythm is only told from a slope when several weeks show it.
    chosen = weekly if days[-1] - days[0] >= 3 * _WEEK - 1 and weekly.any() else usable
    return before[chosen], after[chosen], apart[chosen]


def trend(days: Floats, values: Floats, splits: Sequence[float] = ()) -> Trend | None:
    """Return the trend of daily ``values``, or None from fewer than 14 points.

    ``splits`` are days on which something happened that is not part of the trend: no pair of days
    before and after it counts.

    >>> days = np.arange(28.0)
    >>> found = trend(days, 5 * days)
    >>> found.per_day, found.change(30)
    (5.0, (150.0, 150.0, 150.0))
    """
    return trends(days, values[None], splits)[0]


def trends(days: Floats, values: Floats, splits: Sequence[float] = ()) -> list[Trend | None]:
    """Return ``trend`` of each row of ``values``, all of the same days.

    >>> [found.per_day for found in trends(np.arange(28.0), np.outer([1, 5], np.arange(28.0)))]
    [1.0, 5.0]
    """
    kept = _recent(days)
    days, values = days[kept], values[:, kept]
    nothing: list[Trend | None] = [None] * len(values)
    if len(days) < POINTS_FOR_A_TREND:
        return nothing
    per_day = slopes(days, values, splits)
    segment = np.searchsorted(np.asarray(splits, dtype=float), days, side="right")
    residual = values - per_day[:, None] * days
    blocks: list[Floats] = []
    for number in np.unique(segment):
        inside = residual[:, segment == number]
        length = min(_WEEK, max(inside.shape[1] // 3, 1))
        blocks.append((inside[:, length:] - inside[:, :-length]) ** 2 / length)
    squares = np.concatenate(blocks, axis=1)
    if not squares.shape[1]:
        return nothing
    quantile = _quantile(max(len(days) / _WEEK, 2.0))
    return [
        None if np.isnan(pace) else Trend(float(pace), float(variance), quantile, len(days))
        for pace, variance in zip(per_day, squares.mean(axis=1), strict=True)
    ]


def _quantile(blocks: float) -> float:
    """Student's quantile for ``blocks - 1`` degrees of freedom, by Cornish and Fisher's expansion.

    >>> round(_quantile(1e9), 3), round(_quantile(5), 1)
    (1.645, 2.1)
    """
    z = NormalDist().inv_cdf((1 + COVERAGE) / 2)
    freedom = max(blocks - 1, 1.0)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    return z + first / freedom + second / freedom**2
