"""What earlier forecasts said, beside what came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from workbench.analyse.capacity import Capacity, capacity
from workbench.analyse.growth import Growth, named
from workbench.analyse.trend import POINTS_FOR_A_TREND, trend
from workbench.estate import Event
from workbench.snapshot import History

HORIZONS_DAYS = (30, 90)

_KEY = ["instance", "service", "standing"]


def hindsight(history: History, horizons: Sequence[int] = HORIZONS_DAYS) -> pd.DataFrame:
    """Forecast the size of each service from what was known ``horizons`` days ago.

    One row per horizon and service or standing: days, instance, service, standing, said, said_low,
    said_high, came (bytes, NA where not known), held (whether it came within the band), because.
    """
    return judged(capacity(history), history.newest.settled.events, horizons)


def judged(
    found: Capacity, events: tuple[Event, ...], horizons: Sequence[int] = HORIZONS_DAYS
) -> pd.DataFrame:
    """Do the same with what ``capacity`` has measured already and the ``events`` of the estate."""
    growth = Growth(events, found.daily["at"].max())
    daily = found.daily.assign(service=found.daily["service"].fillna(""))
    rows = [
        (days, *name, *_judged(series, days, growth))
        for days in horizons
        for name, series in daily.groupby(_KEY, sort=True)
    ]
    said = ["said", "said_low", "said_high", "came"]
    table = pd.DataFrame(rows, columns=["days", *_KEY, *said, "held", "because"])
    table["service"] = named(table["service"])
    table["because"] = table["because"].astype("object")
    return table.astype(dict.fromkeys(said, "Float64") | {"held": "boolean"})


def _judged(series: pd.DataFrame, horizon: int, growth: Growth) -> tuple[Any, ...]:
    """Said, its band, what came, whether it held, and the reason where there is nothing to say."""
    known = series.dropna(subset="total_bytes").sort_values("at")
    if known.empty:
        return (*_nothing(), "its size was not collected")
    x = ((known["at"] - known["at"].min()).dt.total_seconds() / 86400).to_numpy(dtype=float)
    y = known["total_bytes"].to_numpy(dtype=float)
    past = x <= x[-1] - horizon + 0.5
    splits = growth.splits(known["at"].min(), series["service"].iloc[0], series["instance"].iloc[0])
    found = trend(x[past], y[past], splits)
    if found is None:
        least = POINTS_FOR_A_TREND + horizon
        first = (known["at"].min() + pd.Timedelta(days=least - 1)).date()
        return (*_nothing(), f"needs {least} days of history; there from {first} on")
    low, middle, high = (y[past][-1] + c for c in found.change(x[-1] - x[past][-1]))
    came = y[-1]
    return middle, low, high, came, bool(low <= came <= high), None


def _nothing() -> tuple[None, ...]:
    return (None,) * 5


def rolling(found: Capacity, past: int, ahead: int) -> Iterator[bool]:
    """Whether the band held, for every service and every day with ``past`` days before and ``ahead`` after."""
    daily = found.daily.assign(service=found.daily["service"].fillna(""))
    for _, series in daily.groupby(_KEY, sort=True):
        y = series.sort_values("at")["total_bytes"].to_numpy(dtype=float)
        for end in range(past, len(y) - ahead + 1):
            told = trend(pd.RangeIndex(past).to_numpy(dtype=float), y[end - past : end])
            if told is not None and y[:end].std() > 0:
                low, _, high = told.change(ahead)
                yield bool(low <= y[end + ahead - 1] - y[end - 1] <= high)
