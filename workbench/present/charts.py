"""The forms that figures take: bars with direct labels, and lines over time. They know nothing of what they show.

Axes start at zero; names stand beside their marks; beyond the cap a figure says how many more there are.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from workbench.present.marks import Mark, draw_marks, label_room, listed
from workbench.present.svg import Figure, Key, Sheet, draw, text_width
from workbench.present.text import legible, shorten
from workbench.present.theme import GREY, INK, MUTED, RULE, Colour

_SHADES = (1.0, 0.55, 0.28)  # parts of one bar: the same hue, fading
_WIDE_STEP, _NARROW_STEP = 32, 46  # px from bar to bar


@dataclass(frozen=True)
class Bar:
    """One bar: parts in the unit of the axis, its figure in words, and the exact values for a tooltip.

    ``parts`` is empty where the value is unknown: then ``figure`` says so, and no bar is drawn. ``start`` is
    where the bar begins on the axis: not at zero in a waterfall.
    """

    label: str
    parts: tuple[float, ...]
    figure: str
    tip: str
    colour: Colour = GREY
    start: float = 0.0

    @property
    def end(self) -> float:
        """Where the bar ends on the axis."""
        return self.start + sum(self.parts)


def bars(
    rows: Sequence[Bar],
    *,
    title: str,
    subtitle: str,
    part_names: Sequence[str] = (),
    more: int = 0,
    more_of: str = "services",
) -> Figure:
    """Draw horizontal bars, longest first as given; parts of a bar are stacked and share its hue.

    ``more`` says how many rows were left out: they are counted under the last bar.
    """
    heading = "; ".join(f"{row.label} {row.figure}" for row in rows[:12])
    tail = f"; and {more} more {more_of}" if more else ""

    def painter(sheet: Sheet) -> None:
        (_narrow_bars if sheet.narrow else _wide_bars)(sheet, rows, more, more_of)

    def height(narrow: bool) -> int:
        return 6 + len(rows) * (_NARROW_STEP if narrow else _WIDE_STEP) + (28 if more else 0)

    keys = [Key(name, shade) for name, shade in zip(part_names, _SHADES, strict=False)]
    return draw(
        painter,
        height,
        title=title,
        subtitle=subtitle,
        description=f"{subtitle}. {heading}{tail}.",
        keys=keys,
    )


def _reach(rows: Sequence[Bar]) -> tuple[float, float]:
    """The least and the greatest end of all bars; zero lies between."""
    ends = [at for row in rows if row.parts for at in (row.start, row.end)] or [0.0]
    low, high = min(0.0, *ends), max(0.0, *ends)
    return (low, high) if high > low else (0.0, 1.0)


def _wide_bars(sheet: Sheet, rows: Sequence[Bar], more: int, more_of: str) -> None:
    """Name, bar and figure in one row each."""
    labels = [shorten(legible(row.label), 34) for row in rows]
    left = max([text_width(label, sheet.font) for label in labels], default=0) + 14
    low, high = _reach(rows)
    figures = max([text_width(row.figure, sheet.font) for row in rows], default=0) + 12
    room = sheet.width - left - figures * (2 if low < 0 else 1)
    scale = room / (high - low)
    zero = left - low * scale + (figures if low < 0 else 0)
    for at, (row, label) in enumerate(zip(rows, labels, strict=True)):
        y = 6 + at * _WIDE_STEP + _WIDE_STEP / 2 - 2
        sheet.text(left - 14, y, label, align="right")
        _bar(sheet, row, zero, y, 22, scale)
        end = row.end * scale
        right = max(end, row.start * scale)
        sheet.text(
            zero + (right + 8 if end >= 0 else end - 8),
            y,
            row.figure,
            align="left" if end >= 0 else "right",
            colour=INK if row.parts else MUTED,
        )
    foot = 4 + len(rows) * _WIDE_STEP
    sheet.line([zero, zero], [4, foot], RULE, behind=True)
    if more:
        sheet.text(left, foot + 14, f"+{more:,} more {more_of}", colour=MUTED)


def _narrow_bars(sheet: Sheet, rows: Sequence[Bar], more: int, more_of: str) -> None:
    """Name and figure above each bar, which then has the whole width."""
    low, high = _reach(rows)
    scale = (sheet.width - 2) / (high - low)
    zero = 1 - low * scale
    for at, row in enumerate(rows):
        y = 6 + at * _NARROW_STEP
        sheet.text(0, y + 9, shorten(legible(row.label), max(36 - len(row.figure), 12)))
        sheet.text(sheet.width, y + 9, shorten(row.figure, 24), align="right")
        sheet.line([zero, zero], [y + 20, y + 36], RULE, behind=True)
        _bar(sheet, row, zero, y + 28, 15, scale)
    foot = 4 + len(rows) * _NARROW_STEP
    if more:
        sheet.text(0, foot + 14, f"+{more:,} more {more_of}", colour=MUTED)


def _bar(sheet: Sheet, row: Bar, zero: float, y: float, thick: float, scale: float) -> None:
    x = zero + row.start * scale
    for part, shade in zip(row.parts, _SHADES, strict=False):
        if part:
            sheet.bar(x, y, part * scale, thick, row.colour, shade, row.tip)
            x += part * scale


@dataclass(frozen=True)
class Line:
    """One line over time: its points, its name and its last figure in words. A line without ``label`` is background."""

    points: tuple[tuple[datetime, float], ...]
    label: str
    figure: str
    tip: str
    colour: Colour = GREY


def lines(
    series: Sequence[Line],
    *,
    ticks: Sequence[tuple[float, str]],
    title: str,
    subtitle: str,
    description: str,
    marks: Sequence[Mark] = (),
) -> Figure:
    """Draw lines over time from zero, each labelled at its end; ``ticks`` are the values of the y axis in words.

    The last tick is the top of the axis and lies at or above every point. ``marks`` are what happened
    meanwhile, in order; they are numbered, and listed above the figure.
    """

    def painter(sheet: Sheet) -> None:
        _lines(sheet, series, ticks, marks)

    return draw(
        painter,
        lambda narrow: 300 if narrow else 420,
        title=title,
        subtitle=subtitle,
        description=" ".join([description, *listed(marks)]),
        notes=listed(marks),
    )


def _lines(
    sheet: Sheet,
    series: Sequence[Line],
    ticks: Sequence[tuple[float, str]],
    marks: Sequence[Mark],
) -> None:
    labels = [
        shorten(
            legible(line.label if sheet.narrow else f"{line.label} {line.figure}".strip()),
            13 if sheet.narrow else 32,
        )
        for line in series
    ]
    left = max(text_width(text, sheet.font) for _, text in ticks) + 10
    right = max([text_width(label, sheet.font) for label in labels] + [0]) + 20
    top, bottom = 14.0 + label_room(sheet, marks), sheet.height - 34.0
    span = (left, sheet.width - right)
    days = sorted({at for line in series for at, _ in line.points})
    if not days:
        return
    full = ticks[-1][0] or 1.0
    whole = (days[-1] - days[0]).total_seconds()

    def across(at: datetime) -> float:
        share = (at - days[0]).total_seconds() / whole if whole else 0.5
        return span[0] + share * (span[1] - span[0])

    def down(value: float) -> float:
        return bottom - value / full * (bottom - top)

    for value, text in ticks:
        sheet.line(span, [down(value)] * 2, RULE, behind=True)
        sheet.text(left - 10, down(value), text, align="right", colour=MUTED)
    for at in spread(days, 2 if sheet.narrow else 6):
        sheet.text(across(at), bottom + 20, f"{at.day} {at:%b}", align="center", colour=MUTED)
    draw_marks(sheet, marks, across, span, (top, bottom))
    ends = []
    for line, label in sorted(zip(series, labels, strict=True), key=lambda pair: bool(pair[1])):
        xs = [across(at) for at, _ in line.points]
        ys = [down(value) for _, value in line.points]
        sheet.line(xs, ys, line.colour, 3.0 if label else 1.5, line.tip)
        sheet.dot(xs[-1], ys[-1], line.colour, 8 if label else 4)
        if label:
            ends.append((ys[-1], label, line.colour))
    _end_labels(sheet, sorted(ends, key=lambda end: end[0]), span[1], (top, bottom))


def _end_labels(
    sheet: Sheet, ends: Sequence[tuple[float, str, Colour]], x: float, room: tuple[float, float]
) -> None:
    """Write each label beside its line's end, moved apart where they would touch, with a thread to its line."""
    places = apart([y for y, _, _ in ends], sheet.font + 6, *room)
    for (y, label, colour), place in zip(ends, places, strict=True):
        if abs(place - y) > 2:
            sheet.line([x + 5, x + 13], [y, place], colour)
        sheet.text(x + 16, place, label)


def apart(places: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """Move sorted places so that neighbours are ``least`` apart, as little as can be, within ``low`` and ``high``.

    >>> apart([10, 12, 50], 10, 0, 60)
    [6.0, 16.0, 50.0]
    """
    blocks: list[tuple[list[float], float]] = []  # members, and the centre they share
    for place in places:
        blocks.append(([place], place))
        while len(blocks) > 1 and _touch(blocks[-2], blocks[-1], least):
            (first, _), (second, _) = blocks[-2], blocks.pop()
            members = first + second
            blocks[-1] = (members, _centre(members, least, low, high))
    found = []
    for members, centre in blocks:
        centre = _centre(members, least, low, high) if len(members) == 1 else centre
        start = centre - least * (len(members) - 1) / 2
        found += [float(start + least * at) for at in range(len(members))]
    return found


def _centre(members: Sequence[float], least: float, low: float, high: float) -> float:
    half = least * (len(members) - 1) / 2
    return max(low + half, min(high - half, sum(members) / len(members)))


def _touch(
    above: tuple[list[float], float], below: tuple[list[float], float], least: float
) -> bool:
    reach = least * (len(above[0]) + len(below[0])) / 2
    return below[1] - above[1] < reach


def spread(days: Sequence[datetime], most: int) -> list[datetime]:
    """Choose at most ``most`` of the days, evenly, the first and the last among them.

    >>> spread([datetime(2026, 1, day) for day in range(1, 29)], 4)[1]
    datetime.datetime(2026, 1, 10, 0, 0)
    """
    count = min(most, len(days))
    if count < 2:
        return list(days)
    return [days[round(at * (len(days) - 1) / (count - 1))] for at in range(count)]


def nice_ticks(top: float, most: int = 5) -> list[float]:
    """Return round values from zero to at or above ``top``, in at most ``most`` steps.

    >>> nice_ticks(812.0)
    [0.0, 200.0, 400.0, 600.0, 800.0, 1000.0]
    >>> nice_ticks(0.0)
    [0.0, 1.0]
    """
    if top <= 0:
        return [0.0, 1.0]
    power = 10.0 ** math.floor(math.log10(top / most))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor * most >= top)
    return [step * at for at in range(math.ceil(top / step) + 1)]
