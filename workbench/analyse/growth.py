"""How fast each row of a frame grows, over the days of a history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from workbench.analyse.trend import Floats, slope, trend
from workbench.estate import Event

HORIZON_DAYS = 90
"""How far ahead a size is foretold."""

GROWTH = ["per_day", "ahead_low", "ahead", "ahead_high", "rows_per_day"]
"""The columns that growth adds: bytes a day, total_bytes in 90 days with its band, rows a day."""


def named(services: pd.Series[Any]) -> pd.Series[Any]:
    """Return the names, and None for nobody."""
    names = services.astype("object")
    return names.where(names != "", None)


@dataclass(frozen=True)
class Growth:
    """Growth of each row of a frame, given what the estate says has happened and when."""

    events: tuple[Event, ...]
    newest: datetime

    def of(
        self,
        every: pd.DataFrame,
        key: list[str],
        absent: str = "its size was not collected, or not of every part of it: `workbench check` names what helps",
    ) -> pd.DataFrame:
        """Return the rows of the newest day with ``GROWTH`` and because, from one row per day and ``key``.

        ``every`` holds at, instance, service, total_bytes, rows, measured_at and the columns of ``key``;
        ``absent`` is the reason where there is no size.
        """
        now = every[every["at"] == self.newest].drop(columns="at")
        start = every["at"].min()
        x = (every["at"] - start).dt.total_seconds().to_numpy(dtype=float) / 86400
        total, count = _floats(every["total_bytes"]), _floats(every["rows"])
        # A size of an earlier reading stands still by itself: it says nothing of growth.
        moving = np.where(every["measured_at"].isna(), total, np.nan)
        service, instance = every["service"].to_numpy(), every["instance"].to_numpy()
        rows = []
        groups: dict[tuple[str, ...], Any] = every.groupby(key, sort=False).indices  # type: ignore[assignment]
        for name, at in groups.items():
            splits = self.splits(start, service[at[0]], instance[at[0]])
            ahead = _ahead(x[at], moving[at], total[at[-1]], splits)
            rows.append((*name, *ahead, _known_slope(x[at], count[at], splits)))
        growth = pd.DataFrame(rows, columns=[*key, *GROWTH])
        found = now.merge(growth.astype(dict.fromkeys(GROWTH, "Float64")), "left", key)
        found["service"] = named(found["service"])
        tomorrow = (self.newest + timedelta(days=1)).date()
        reasons = [
            absent
            if pd.isna(size)
            else dated(measured_at)
            if pd.notna(measured_at)
            else f"seen on one day only: growth is known from {tomorrow} on"
            if pd.isna(per_day)
            else None
            for size, per_day, measured_at in zip(
                found["total_bytes"], found["per_day"], found["measured_at"], strict=True
            )
        ]
        found["because"] = pd.Series(reasons, found.index, dtype="object")
        return found

    def splits(self, start: datetime, service: str | None, instance: str) -> list[float]:
        """Return the days of the events that concern a series, counted from ``start``.

        Whether a snapshot of that day came before or after is not known: neither step counts.
        """
        found = []
        for event in self.events:
            if event.instance in (None, instance) and (
                service is None or event.service in (None, service)
            ):
                day = pd.Timestamp(event.date, tz="UTC")
                offset = (day - start).total_seconds() / 86400
                found += [offset, offset + 1]
        return sorted(found)


def series_of(at: pd.Series[Any], values: pd.Series[Any]) -> tuple[Floats, Floats]:
    """Return the days since the first, and the values that are known on them."""
    known = values.notna().to_numpy()
    days = (at[known] - at.min()).dt.total_seconds().to_numpy(dtype=float) / 86400
    return days, values[known].to_numpy(dtype=float)


def _floats(values: pd.Series[Any]) -> Floats:
    return values.to_numpy(dtype=float, na_value=np.nan)


def _known_slope(x: Floats, y: Floats, splits: list[float]) -> float | None:
    known = ~np.isnan(y)
    return slope(x[known], y[known], splits)


def _ahead(x: Floats, y: Floats, last: float, splits: list[float]) -> tuple[float | None, ...]:
    """Growth a day, and the size at the horizon: low, middle, high; None where no trend can be told."""
    known = ~np.isnan(y)
    found = trend(x[known], y[known], splits)
    if found is None:
        return slope(x[known], y[known], splits), None, None, None
    if np.isnan(last):
        return found.per_day, None, None, None
    return found.per_day, *(max(last + c, 0.0) for c in found.change(HORIZON_DAYS))


def dated(at: datetime) -> str:
    """Return the reason of a figure that is of an earlier reading."""
    return f"measured on {at:%Y-%m-%d %H:%M} UTC, not since"
