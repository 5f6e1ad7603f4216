"""Numbers as people read them. Bytes are decimal: 1 MB is 1,000,000 bytes; the exact figure belongs in a tooltip."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd

_BYTES = ("B", "kB", "MB", "GB", "TB", "PB")
_COUNTS = ("", "k", "M", "G", "T")


@dataclass(frozen=True)
class Scale:
    """A unit for a whole column: ``value / factor`` is shown, with ``decimals`` places."""

    unit: str
    factor: float
    decimals: int

    def text(self, value: float, *, signed: bool = False) -> str:
        """Return the figure without its unit; 0 is 0, and what is too small to show says so.

        >>> scale = Scale("MB", 1e6, 1)
        >>> scale.text(1_450_000), scale.text(200), scale.text(0), scale.text(-2e6, signed=True)
        ('1.4', '< 0.1', '0', '−2.0')
        """
        if not value:
            return "0"
        shown = value / self.factor
        least = 10.0**-self.decimals
        if abs(shown) < least / 2:
            return f"< {least:.{self.decimals}f}" if value > 0 else f"> −{least:.{self.decimals}f}"
        figure = f"{abs(shown):,.{self.decimals}f}"
        return ("−" if shown < 0 else "+" if signed else "") + figure


def scale_of(values: Sequence[float], *, of_bytes: bool) -> Scale:
    """Choose one unit for ``values``: the largest has one to three digits before the point, most can be told apart.

    Where most would be too small to show, it is the next smaller unit.

    >>> scale_of([8_192.0, 812_000_000.0], of_bytes=True)
    Scale(unit='MB', factor=1000000.0, decimals=1)
    >>> scale_of([12.0, 870.0], of_bytes=False)
    Scale(unit='', factor=1.0, decimals=0)
    >>> scale_of([31.0, 1_345.0, 4_600.0, 1_082_249.0], of_bytes=False)
    Scale(unit='k', factor=1000.0, decimals=2)
    """
    known = sorted(abs(value) for value in values if value and math.isfinite(value))
    if not known:
        return Scale("B" if of_bytes else "", 1.0, 0)
    units = _BYTES if of_bytes else _COUNTS
    step = 0
    while known[-1] / 1000.0**step >= 999.95 and step < len(units) - 1:
        step += 1
    if step and known[len(known) // 2] / 1000.0**step < 0.005:
        step -= 1
    if step == 0 and all(float(value).is_integer() for value in known):
        return Scale(units[0], 1.0, 0)
    middle = known[len(known) // 2] / 1000.0**step
    return Scale(units[step], 1000.0**step, 1 if middle >= 10 else 2)


def axis_text(value: float, top: float, *, of_bytes: bool = True) -> str:
    """Return a round value on an axis that ends at ``top``, in the unit of ``top``.

    >>> axis_text(50e6, 250e6), axis_text(500e6, 2e9), axis_text(0, 2e9)
    ('50 MB', '0.5 GB', '0')
    """
    if not value:
        return "0"
    scale = scale_of([top], of_bytes=of_bytes)
    return f"{value / scale.factor:g} {scale.unit}".rstrip()


def bytes_text(value: float, *, signed: bool = False) -> str:
    """Return a size with its unit.

    >>> bytes_text(1_400_000_000), bytes_text(0), bytes_text(8192), bytes_text(123_456_789)
    ('1.4 GB', '0 B', '8.2 kB', '123 MB')
    """
    return _figure(value, _BYTES, signed)


def count_text(value: float, *, signed: bool = False) -> str:
    """Return a count, thousands abbreviated.

    >>> count_text(12_345), count_text(812), count_text(2_500_000), count_text(0.25)
    ('12.3 k', '812', '2.5 M', '0.25')
    """
    return _figure(value, _COUNTS, signed)


def _figure(value: float, units: tuple[str, ...], signed: bool) -> str:
    if signed and not value:
        return "0"
    sign = "−" if value < 0 else "+" if signed and value > 0 else ""
    size, step = abs(value), 0
    while size >= 999.5 and step < len(units) - 1:
        size, step = size / 1000, step + 1
    if step == 0 and float(size).is_integer():
        figure = f"{size:.0f}"
    elif step == 0 and size < 1:
        figure = f"{size:.2g}"
    else:
        figure = f"{size:.0f}" if size >= 99.95 else f"{size:.1f}"
    return f"{sign}{figure} {units[step]}".rstrip()


def share_text(share: float) -> str:
    """Return a share in per cent, without the sign.

    >>> share_text(0.154), share_text(0.0312), share_text(0.0001), share_text(0.0), share_text(1.0)
    ('15', '3.1', '< 0.1', '0', '100')
    """
    if 0 < share < 0.0005:
        return "< 0.1"
    return f"{share * 100:.1f}" if 0 < share < 0.0995 else f"{share * 100:.0f}"


def interval_text(low: Any, high: Any, text: Callable[[float], str]) -> str:
    """Return an interval, as one figure where its ends read the same, and its least where no more is known.

    >>> interval_text(0.15, 0.23, share_text), interval_text(0.5, 0.5, share_text)
    ('15–23', '50')
    >>> interval_text(None, None, share_text), interval_text(0.0, 0.0003, share_text)
    ('unknown', '< 0.1')
    >>> interval_text(2_100.0, 2_900.0, count_text), interval_text(2_100.0, None, count_text)
    ('2.1–2.9 k', '≥ 2.1 k')
    """
    if pd.isna(low) or (pd.isna(high) and not low > 0):
        return "unknown"
    if pd.isna(high):
        return f"≥ {text(float(low))}"
    first, last = text(float(low)), text(float(high))
    if first == last or (first == "0" and last.startswith("<")):
        return last
    figure, _, unit = first.rpartition(" ")
    if unit and figure not in ("", "<", ">") and last.endswith(f" {unit}"):
        first = figure
    return f"{first}–{last}"


def exact(value: float, unit: str) -> str:
    """Return the figure in full, for tooltips.

    >>> exact(1_400_000_123, "bytes"), exact(3.14159, "rows/day")
    ('1,400,000,123 bytes', '3.14 rows/day')
    """
    figure = f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:,.3g}"
    return f"{figure} {unit}".rstrip()


def day_text(day: date | datetime) -> str:
    """Return a date for people.

    >>> day_text(date(2026, 11, 3))
    '3 Nov 2026'
    """
    return f"{day.day} {day:%b %Y}"


def period_text(start: date | datetime, end: date | datetime) -> str:
    """Return a period for people, without saying anything twice.

    >>> period_text(date(2026, 11, 1), date(2026, 11, 28)), period_text(date(2026, 1, 30), date(2026, 2, 3))
    ('1–28 Nov 2026', '30 Jan – 3 Feb 2026')
    """
    if (start.year, start.month, start.day) == (end.year, end.month, end.day):
        return day_text(end)
    if (start.year, start.month) == (end.year, end.month):
        return f"{start.day}–{day_text(end)}"
    if start.year == end.year:
        return f"{start.day} {start:%b} – {day_text(end)}"
    return f"{day_text(start)} – {day_text(end)}"


def duration_text(seconds: float) -> str:
    """Return a length of time.

    >>> [duration_text(s) for s in (0, 1e-5, 0.21, 12, 300, 7200, 86400 * 3)]
    ['0 s', '< 0.01 s', '0.21 s', '12 s', '5 min', '2 h', '3 days']
    """
    for size, unit in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size or (seconds >= size and unit != "days"):
            return f"{seconds / size:.0f} {unit}"
    if 0 < seconds < 0.01:
        return "< 0.01 s"
    return f"{seconds:.0f} s" if seconds >= 9.95 or not seconds else f"{seconds:.2g} s"
