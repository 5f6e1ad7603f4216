"""Two more forms of figures: intervals on one axis, and a whole in its parts. They know nothing of what they show."""

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.present.svg import Figure, Sheet, draw, text_width
from workbench.present.text import legible, shorten
from workbench.present.theme import GREY, INK, MUTED, PAPER, RULE, Colour

_WIDE_STEP, _NARROW_STEP = 30, 46  # px from row to row


@dataclass(frozen=True)
class Range:
    """One interval: its ends in the unit of the axis (None: unknown), in words, and exactly for a tooltip."""

    label: str
    low: float | None
    high: float | None
    figure: str
    tip: str
    colour: Colour = GREY


def ranges(
    rows: Sequence[Range],
    *,
    ticks: Sequence[tuple[float, str]],
    title: str,
    subtitle: str,
    more: int = 0,
    more_of: str = "services",
) -> Figure:
    """Draw each interval as a mark from its low to its high end; ``ticks`` are the axis in words, the last its end.

    ``more`` says how many rows were left out.
    """
    heading = "; ".join(f"{row.label} {row.figure}" for row in rows[:12])
    tail = f"; and {more} more {more_of}" if more else ""

    def painter(sheet: Sheet) -> None:
        (_narrow_ranges if sheet.narrow else _wide_ranges)(sheet, rows, ticks)
        if more:
            sheet.text(0, sheet.height - 12, f"+{more:,} more {more_of}", colour=MUTED)

    def height(narrow: bool) -> int:
        step = _NARROW_STEP if narrow else _WIDE_STEP
        return 34 + len(rows) * step + (28 if more else 0)

    return draw(
        painter,
        height,
        title=title,
        subtitle=subtitle,
        description=f"{subtitle}. {heading}{tail}.",
    )


def _wide_ranges(sheet: Sheet, rows: Sequence[Range], ticks: Sequence[tuple[float, str]]) -> None:
    labels = [shorten(legible(row.label), 34) for row in rows]
    left = max([text_width(label, sheet.font) for label in labels], default=0) + 20
    figures = max([text_width(row.figure, sheet.font) for row in rows], default=0) + 24
    scale = (sheet.width - left - figures) / (ticks[-1][0] or 1.0)
    foot = 28 + len(rows) * _WIDE_STEP
    for value, text in ticks:
        x = left + value * scale
        sheet.line([x, x], [24, foot], RULE, behind=True)
        sheet.text(x, 10, text, align="center", colour=MUTED)
    for at, (row, label) in enumerate(zip(rows, labels, strict=True)):
        y = 28 + at * _WIDE_STEP + _WIDE_STEP / 2
        sheet.text(left - 16, y, label, align="right")
        end = _mark(sheet, row, left, y, scale)
        # the rules of the axis do not run through figures
        sheet.bar(end + 9, y, text_width(row.figure, sheet.font) + 6, 18, PAPER, 1.0, row.tip)
        sheet.text(end + 12, y, row.figure, colour=MUTED if row.high is None else INK)


def _narrow_ranges(sheet: Sheet, rows: Sequence[Range], ticks: Sequence[tuple[float, str]]) -> None:
    scale = (sheet.width - 12) / (ticks[-1][0] or 1.0)
    foot = 28 + len(rows) * _NARROW_STEP
    for at, (value, text) in enumerate(ticks):
        x = 6 + value * scale
        if at in (0, len(ticks) - 1):
            sheet.line([x, x], [24, foot], RULE, behind=True)
            sheet.text(x, 10, text, align="right" if at else "left", colour=MUTED)
    for at, row in enumerate(rows):
        y = 28 + at * _NARROW_STEP
        sheet.text(8, y + 11, shorten(legible(row.label), max(36 - len(row.figure), 12)))
        sheet.text(sheet.width - 8, y + 11, shorten(row.figure, 24), align="right")
        _mark(sheet, row, 6, y + 32, scale)


def _mark(sheet: Sheet, row: Range, left: float, y: float, scale: float) -> float:
    """Draw an interval, wide enough to be seen, and return where it ends."""
    if row.low is None or row.high is None:
        return left - 8
    width = max((row.high - row.low) * scale, 5.0)
    start = left + row.low * scale - (2.5 if width == 5.0 and row.low else 0.0)
    sheet.bar(start, y, width, 12, row.colour, 1.0, row.tip)
    return start + width


@dataclass(frozen=True)
class Part:
    """A part of a whole: its share from 0 to 1, in words, and how it is filled."""

    name: str
    share: float
    figure: str
    tip: str
    colour: Colour
    shade: float = 1.0


@dataclass(frozen=True)
class Whole:
    """A whole and its parts, in order."""

    label: str
    parts: tuple[Part, ...]


_WHOLE_STEP = 74


def wholes(rows: Sequence[Whole], *, title: str, subtitle: str, empty: str) -> Figure:
    """Draw each whole as one bar of its parts; a part that has room carries its name below. ``empty`` stands for no row."""
    told = [f"{r.label}: " + ", ".join(f"{p.name} {p.figure}" for p in r.parts) for r in rows]

    def painter(sheet: Sheet) -> None:
        if not rows:
            sheet.text(0, 14, shorten(empty, 40 if sheet.narrow else 100), colour=MUTED)
        for at, row in enumerate(rows):
            _whole(sheet, row, 4 + at * _WHOLE_STEP)

    return draw(
        painter,
        lambda _: 8 + max(len(rows) * _WHOLE_STEP, 24),
        title=title,
        subtitle=subtitle,
        description=f"{subtitle}. {'. '.join(told) or empty}.",
    )


def _whole(sheet: Sheet, row: Whole, y: float) -> None:
    sheet.text(0, y + 9, shorten(legible(row.label), 44 if sheet.narrow else 90), colour=MUTED)
    x = 0.0
    gap = 1.5
    for part in row.parts:
        width = part.share * sheet.width
        if width <= 0:
            continue
        sheet.bar(x, y + 31, max(width - gap, 1.0), 18, part.colour, part.shade, part.tip)
        for text in (f"{part.name} {part.figure}", part.name, part.figure):
            if text_width(text, sheet.font) <= width - 6:
                sheet.text(x, y + 53, text)
                break
        x += width
