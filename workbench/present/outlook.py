"""Small multiples of what is limited: its days, its limits as labelled lines, and the band in which it reaches them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from workbench.present.charts import apart
from workbench.present.svg import Figure, Sheet, draw, text_width
from workbench.present.text import legible, shorten
from workbench.present.theme import ACCENT, INK, MUTED, RULE, Colour

_HEIGHT, _HEAD, _FOOT = 132, 28.0, 18.0


@dataclass(frozen=True)
class Limited:
    """One panel: its name, its days, the lines of its limits, and when the first of them is reached (None: no day).

    ``limits`` are pairs of a value and its words. ``reached`` are the earliest, the likeliest and the latest day
    of reaching ``limits[0]``.
    """

    name: str
    points: tuple[tuple[datetime, float], ...]
    limits: tuple[tuple[float, str], ...]
    figure: str
    tip: str
    reached: tuple[datetime, datetime, datetime] | None = None
    colour: Colour = INK


def outlooks(rows: Sequence[Limited], *, title: str, subtitle: str) -> Figure:
    """Draw the panels on one calendar, each from zero to above its highest limit or point."""

    def painter(sheet: Sheet) -> None:
        if not rows:
            return
        span, right = _span(rows), _room(sheet, rows)
        for number, row in enumerate(rows):
            _panel(sheet, row, number, span, right)
        _days(sheet, span, len(rows) * _HEIGHT + 12, right)

    said = "; ".join(f"{row.name} {row.figure}, {row.tip}" for row in rows)
    return draw(
        painter,
        lambda narrow: len(rows) * _HEIGHT + 30 if rows else 1,
        title=title,
        subtitle=subtitle,
        description=f"{subtitle}. {said}.",
    )


_Span = tuple[datetime, datetime]


def _span(rows: Sequence[Limited]) -> _Span:
    days = [at for row in rows for at, _ in row.points]
    days += [row.reached[2] for row in rows if row.reached]
    return min(days), max(days)


def _room(sheet: Sheet, rows: Sequence[Limited]) -> float:
    """Where the panels end and the words of their limits begin."""
    words = [text for row in rows for _, text in row.limits]
    return sheet.width - max(text_width(text, sheet.font) for text in words) - 12


def _across(span: _Span, right: float, at: datetime) -> float:
    whole = (span[1] - span[0]).total_seconds()
    share = (at - span[0]).total_seconds() / whole if whole else 0.5
    return 4 + share * (right - 8)


def _panel(sheet: Sheet, row: Limited, number: int, span: _Span, right: float) -> None:
    high, low = number * _HEIGHT + _HEAD, (number + 1) * _HEIGHT - _FOOT
    top = max([v for _, v in row.points] + [v for v, _ in row.limits]) * 1.12 or 1.0

    def up(value: float) -> float:
        return low - value / top * (low - high)

    room = sheet.width - text_width(row.figure, sheet.font) - 16
    name = shorten(legible(row.name), int(room / sheet.font * 1.7))
    sheet.text(0, high - 17, name)
    sheet.text(sheet.width, high - 17, row.figure, align="right")
    sheet.line([2, right], [low, low], RULE, behind=True)
    lines = sorted((up(value), words) for value, words in row.limits)
    places = apart([y for y, _ in lines], sheet.font + 3, high, low)
    for (y, words), place in zip(lines, places, strict=True):
        sheet.line([2, right], [y, y], MUTED, 1.0, behind=True)
        sheet.text(right + 8, place, words, colour=MUTED)
    xs = [_across(span, right, at) for at, _ in row.points]
    ys = [up(value) for _, value in row.points]
    if row.reached is not None:
        first, likely, last = (_across(span, right, at) for at in row.reached)
        y = up(row.limits[0][0])
        sheet.line([xs[-1], likely], [ys[-1], y], ACCENT, 1.5)
        sheet.line([first, last], [y, y], ACCENT, 5.0, row.tip)
    sheet.line(xs, ys, row.colour, 2.5, row.tip)
    sheet.dot(xs[-1], ys[-1], row.colour, 7)


def _days(sheet: Sheet, span: _Span, foot: float, right: float) -> None:
    steps = 3 if sheet.narrow else 5
    whole = span[1] - span[0]
    for number in range(steps):
        at = span[0] + whole * number / (steps - 1)
        place = "left" if number == 0 else "right" if number == steps - 1 else "center"
        x = 0 if number == 0 else right if number == steps - 1 else _across(span, right, at)
        sheet.text(x, foot, f"{at.day} {at:%b %y}", align=place, colour=MUTED)  # type: ignore[arg-type]
