"""Small multiples of what is limited: its days, its limits as labelled lines, and the band in which it reaches them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from workbench.present.charts import apart
from workbench.present.svg import Figure, Sheet, draw, text_width
from workbench.present.text import legible, shorten
from workbench.present.theme import ACCENT, INK, MUTED, RULE, Colour

_HEIGHT, _HEAD, _FOOT = 150, 48.0, 18.0
_GAP = 40.0
"""px between two columns of panels"""


@dataclass(frozen=True)
class Limited:
    """One panel: its name, its days, the lines of its limits, and when the first of them is reached (None: no day).

    ``points`` are a day, and the least and the most of the figure on it. ``limits`` are pairs of a value and its
    words. ``reached`` are the earliest, the likeliest and the latest day of reaching ``limits[0]``. ``pressing`` is
    drawn so that it is seen first.
    """

    name: str
    points: tuple[tuple[datetime, float, float], ...]
    limits: tuple[tuple[float, str], ...]
    figure: str
    tip: str
    reached: tuple[datetime, datetime, datetime] | None = None
    colour: Colour = INK
    pressing: bool = False


def outlooks(rows: Sequence[Limited], *, title: str, subtitle: str) -> Figure:
    """Draw the panels on one calendar, two beside each other where there is room; each axis is from zero."""

    def painter(sheet: Sheet) -> None:
        if not rows:
            return
        across = _across(sheet, rows)
        span = _span(rows)
        width = (sheet.width - _GAP * (across - 1)) / across
        room = width - max(text_width(t, sheet.font) for r in rows for _, t in r.limits) - 12
        for number, row in enumerate(rows):
            left = (number % across) * (width + _GAP)
            _Panel(sheet, row, left, number // across * _HEIGHT, width, room, span).draw()
        for column in range(min(across, len(rows))):
            deep = (len(rows) - column + across - 1) // across
            _days(sheet, span, column * (width + _GAP), deep * _HEIGHT + 12, room)

    def height(narrow: bool) -> int:
        across = 1 if narrow or len(rows) == 1 else 2
        return -(-len(rows) // across) * _HEIGHT + 30 if rows else 1

    said = "; ".join(f"{row.name} {row.figure}, {row.tip}" for row in rows)
    return draw(painter, height, title=title, subtitle=subtitle, description=f"{subtitle}. {said}.")


_Span = tuple[datetime, datetime]


def _across(sheet: Sheet, rows: Sequence[Limited]) -> int:
    return 1 if sheet.narrow or len(rows) == 1 else 2


def _span(rows: Sequence[Limited]) -> _Span:
    days = [at for row in rows for at, *_ in row.points]
    days += [row.reached[2] for row in rows if row.reached]
    return min(days), max(days)


def _place(span: _Span, room: float, at: datetime) -> float:
    whole = (span[1] - span[0]).total_seconds()
    share = (at - span[0]).total_seconds() / whole if whole else 0.5
    return 4 + share * (room - 8)


@dataclass(frozen=True)
class _Panel:
    """One panel with its upper left corner; ``room`` is how wide its axis is, beside the words of the limits."""

    sheet: Sheet
    row: Limited
    left: float
    above: float
    width: float
    room: float
    span: _Span

    def draw(self) -> None:
        sheet, row = self.sheet, self.row
        high, low = self.above + _HEAD, self.above + _HEIGHT - _FOOT
        top = max([v for *_, v in row.points] + [v for v, _ in row.limits]) * 1.12 or 1.0

        def up(value: float) -> float:
            return low - value / top * (low - high)

        fits = int(self.width / sheet.font * 1.7)
        sheet.text(self.left, high - 37, shorten(legible(row.name), fits))
        told = MUTED if not row.pressing else ACCENT
        sheet.text(self.left, high - 18, shorten(row.figure, fits), colour=told)
        ends = [self.left + 2, self.left + self.room]
        sheet.line(ends, [low, low], RULE, behind=True)
        lines = sorted((up(value), words) for value, words in row.limits)
        places = apart([y for y, _ in lines], sheet.font + 3, high, low)
        for (y, words), place in zip(lines, places, strict=True):
            sheet.line(ends, [y, y], MUTED, 1.0, behind=True)
            sheet.text(ends[1] + 8, place, words, colour=MUTED)
        xs = [self._x(at) for at, *_ in row.points]
        lows = [up(least) for _, least, _ in row.points]
        ys = [up(most) for *_, most in row.points]
        if lows != ys:
            sheet.band(xs, lows, ys, row.colour)
        if row.reached is not None:
            first, likely, last = map(self._x, row.reached)
            y = up(row.limits[0][0])
            sheet.line([xs[-1], likely], [ys[-1], y], ACCENT, 1.5)
            sheet.line([first, last], [y, y], ACCENT, 5.0, row.tip)
        sheet.line(xs, ys, row.colour, 2.5, row.tip)
        sheet.dot(xs[-1], ys[-1], row.colour, 7)

    def _x(self, at: datetime) -> float:
        return self.left + _place(self.span, self.room, at)


def _days(sheet: Sheet, span: _Span, left: float, foot: float, room: float) -> None:
    ends = [(left, "left", span[0]), (left + room, "right", span[1])]
    for x, place, at in ends:
        sheet.text(x, foot, f"{at.day} {at:%b %y}", align=place, colour=MUTED)  # type: ignore[arg-type]
