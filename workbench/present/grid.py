"""A form of figures: who does how much to whom, as a grid. It knows nothing of what it shows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.present.svg import Figure, Sheet, draw, text_width
from workbench.present.text import legible, shorten
from workbench.present.theme import ACCENT, GREY, INK, MUTED, PAPER, RULE, Colour

_ROW, _LEVEL = 40, 22  # px from row to row, and from level to level of the heads
_LABEL = 16  # characters of a name that are shown
_PAIR = 46


@dataclass(frozen=True)
class Cell:
    """What a row does to a column: quietly (``plain``) and so that it needs a decision (``loud``), each in words.

    ``strength`` from 0 to 1 fills a plain cell. Empty text: none of it.
    """

    plain: str
    loud: str
    tip: str
    strength: float = 0.0


def grid(
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Mapping[tuple[str, str], Cell],
    *,
    title: str,
    subtitle: str,
    names: tuple[str, str],
    empty: str,
    colours: Mapping[str, Colour],
) -> Figure:
    """Draw a grid of ``cells`` by (row, column); on phones, the list of its pairs. ``names`` says what plain and loud are."""
    pairs = [(r, c, cells[r, c]) for r in rows for c in columns if (r, c) in cells]
    told = [f"{r} to {c}: {_words(cell, names)}" for r, c, cell in pairs]

    def painter(sheet: Sheet) -> None:
        if not pairs:
            sheet.text(0, 14, shorten(empty, 42 if sheet.narrow else 100), colour=MUTED)
        elif sheet.narrow:
            _pairs(sheet, pairs, names)
        else:
            _grid(sheet, rows, columns, cells, colours)

    def height(narrow: bool) -> int:
        if not pairs:
            return 30
        if narrow:
            return 4 + len(pairs) * _PAIR
        return 14 + _levels(columns) * _LEVEL + len(rows) * _ROW

    return draw(
        painter,
        height,
        title=title,
        subtitle=subtitle,
        description=f"{subtitle}. {'; '.join(told) or empty}.",
    )


def _words(cell: Cell, names: tuple[str, str]) -> str:
    both = zip((cell.plain, cell.loud), names, strict=True)
    return ", ".join(f"{figure} {name}" for figure, name in both if figure)


def _width(columns: Sequence[str], left: float) -> float:
    return min(128.0, (880.0 - left) / max(len(columns), 1))


def _left(rows: Sequence[str]) -> float:
    return max(text_width(shorten(legible(r), 22), 16.0) for r in rows) + 20


def _levels(columns: Sequence[str]) -> int:
    """How many levels the heads take so that none touches the next on its level."""
    widest = max(text_width(shorten(legible(c), _LABEL), 16.0) for c in columns) + 12
    return max(1, math.ceil(widest / _width(columns, 200.0)))


def _grid(
    sheet: Sheet,
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Mapping[tuple[str, str], Cell],
    colours: Mapping[str, Colour],
) -> None:
    left = _left(rows)
    wide = _width(columns, left)
    levels = _levels(columns)
    top = 14 + levels * _LEVEL
    for at, column in enumerate(columns):
        middle = left + at * wide + wide / 2
        head = 10.0 + (levels - 1 - at % levels) * _LEVEL
        sheet.text(middle, head, shorten(legible(column), _LABEL), align="center")
        sheet.line([middle, middle], [head + 11, top - 2], RULE, behind=True)
        sheet.bar(
            left + at * wide + 2, top - 1, wide - 4, 3, colours.get(column, GREY), 1.0, column
        )
    for number, row in enumerate(rows):
        y = top + number * _ROW + _ROW / 2 + 2
        sheet.text(left - 12, y, shorten(legible(row), 22), align="right")
        sheet.line(
            [left, left + wide * len(columns)], [y + _ROW / 2, y + _ROW / 2], RULE, behind=True
        )
        for at, column in enumerate(columns):
            cell = cells.get((row, column))
            if cell is not None:
                _cell(sheet, cell, left + at * wide + 2, y, wide - 4)


def _cell(sheet: Sheet, cell: Cell, x: float, y: float, width: float) -> None:
    both = bool(cell.plain and cell.loud)
    part = width / 2 if both else width
    if cell.plain:
        shade = 0.16 + 0.34 * max(0.0, min(cell.strength, 1.0))
        sheet.bar(x, y, part, _ROW - 6, GREY, shade, cell.tip)
        sheet.text(x + part / 2, y, cell.plain, align="center", colour=INK)
    if cell.loud:
        start = x + (part if both else 0)
        sheet.bar(start, y, part, _ROW - 6, ACCENT, 1.0, cell.tip)
        sheet.text(start + part / 2, y, cell.loud, align="center", colour=PAPER)


def _pairs(sheet: Sheet, pairs: Sequence[tuple[str, str, Cell]], names: tuple[str, str]) -> None:
    for at, (row, column, cell) in enumerate(pairs):
        y = 4 + at * _PAIR
        name = f"{shorten(legible(row), 18)} → {shorten(legible(column), 18)}"
        sheet.text(0, y + 10, name)
        sheet.text(0, y + 30, _words(cell, names), colour=ACCENT if cell.loud else MUTED)
        sheet.line([0, sheet.width], [y + _PAIR - 3, y + _PAIR - 3], RULE, behind=True)
