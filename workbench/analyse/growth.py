"""How fast each row of a frame grows, over the days of a history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.analyse.trend import Floats, slopes, trends
from workbench.estate import Event

HORIZON_DAYS = 90
"""How far ahead a size is foretold."""

GROWTH = ["per_day", "ahead_low", "ahead", "ahead_high", "rows_per_day"]
"""The columns that growth adds: bytes a day, total_bytes in 90 days with its band, rows a day."""

_T = TypeVar("_T")


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
        groups: dict[tuple[str, ...], Any] = every.groupby(key, sort=False).indices  # type: ignore[assignment]
        places = list(groups.values())
        service, instance = every["service"].to_numpy(), every["instance"].to_numpy()
        splits = [tuple(self.splits(start, service[at[0]], instance[at[0]])) for at in places]
        ahead = _each(x, moving, places, splits, _ahead)
        rows_per_day = _each(x, count, places, splits, _slopes)
        last = [total[at[-1]] for at in places]
        rows = [
            (*name, per_day, *_from(now_, changes), of_rows)
            for name, now_, (per_day, changes), of_rows in zip(
                groups, last, ahead, rows_per_day, strict=True
            )
        ]
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

    def splits(self, start: datetime, service: str | None, instance: str | None) -> list[float]:
        """Return the days of the events that concern a series, counted from ``start``; None: of any.

        Whether a snapshot of that day came before or after is not known: neither step counts.
        """
        found = []
        for event in self.events:
            if (instance is None or event.instance in (None, instance)) and (
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


def _each(
    x: Floats,
    y: Floats,
    places: Sequence[npt.NDArray[np.intp]],
    splits: Sequence[tuple[float, ...]],
    of: Callable[[Floats, Floats, Sequence[float]], Sequence[_T]],
) -> list[_T]:
    """Apply ``of`` to the known points of every series, those of the same days and splits together."""
    alike: dict[tuple[bytes, tuple[float, ...]], list[int]] = {}
    known = [at[~np.isnan(y[at])] for at in places]
    for number, at in enumerate(known):
        alike.setdefault((x[at].tobytes(), splits[number]), []).append(number)
    found: dict[int, _T] = {}
    for (_, split), numbers in alike.items():
        rows = np.stack([y[known[n]] for n in numbers])
        found |= zip(numbers, of(x[known[numbers[0]]], rows, split), strict=True)
    return [found[number] for number in range(len(places))]


def _slopes(x: Floats, y: Floats, splits: Sequence[float]) -> list[float]:
    return [float(slope) for slope in slopes(x, y, splits)]


def _ahead(
    x: Floats, y: Floats, splits: Sequence[float]
) -> list[tuple[float, tuple[float, float, float] | None]]:
    """Per series growth a day, and the change until the horizon: low, middle, high; None without a trend."""
    paces = slopes(x, y, splits)
    return [
        (float(pace), None if told is None else told.change(HORIZON_DAYS))
        for pace, told in zip(paces, trends(x, y, splits), strict=True)
    ]


def _from(last: float, changes: tuple[float, float, float] | None) -> tuple[float, ...]:
    if changes is None or np.isnan(last):
        return (np.nan,) * 3
    return tuple(max(last + change, 0.0) for change in changes)


def dated(at: datetime) -> str:
    """Return the reason of a figure that is of an earlier reading."""
    return f"measured on {at:%Y-%m-%d %H:%M} UTC, not since"
