"""When a growing figure reaches a limit: the day and the band around it, or why no day can be named."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from workbench.analyse.trend import POINTS_FOR_A_TREND, Trend


@dataclass(frozen=True)
class Crossing:
    """The day at this pace, the band's ends, how many days that is from now; ``because`` where there is none.

    ``until`` is None as well where the slower end of the band takes over ten years.
    """

    on: date | None = None
    since: date | None = None
    until: date | None = None
    days: int | None = None
    because: str | None = None


def crossing(at: datetime, distance: float, found: Trend | None, points: int) -> Crossing:
    """Return when a figure that ``distance`` is left of reaches its limit, counted from ``at``.

    ``found`` is its trend, None where ``points`` daily values were too few for one.

    >>> from datetime import UTC
    >>> crossing(datetime(2026, 3, 1, tzinfo=UTC), 95.0, Trend(10.0, 0.0, 1.7, 28), 28).on
    datetime.date(2026, 3, 11)
    """
    if found is None:
        first = (at + timedelta(days=max(POINTS_FOR_A_TREND - points, 1))).date()
        needs = f"{points} daily points; a trend needs {POINTS_FOR_A_TREND}: from {first} on"
        return Crossing(because=needs)
    if found.per_day <= 0:
        return Crossing(because="it does not grow")
    early, middle, late = found.reaches(distance)
    if middle is None:
        return Crossing(because="not within ten years at this pace")

    def day(ahead: int | None) -> date | None:
        return None if ahead is None else (at + timedelta(days=ahead)).date()

    return Crossing(day(middle), day(early), day(late), middle)
