"""Small lines one below the other, on one calendar and each on an axis of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from workbench.present.charts import spread
from workbench.present.svg import Figure, Sheet, draw, text_width
from workbench.present.text import legible, shorten
from workbench.present.theme import INK, MUTED, RULE
from workbench.present.units import count_text

_HEIGHT = 104  # px from panel to panel
_HEAD, _FOOT = 26.0, 14.0


@dataclass(frozen=True)
class Panel:
    """One line: its name with the unit, its points (at least one), the top of its axis, its last figure in words."""

    name: str
    points: tuple[tuple[datetime, float], ...]
    top: float
    figure: str
    tip: str


def panels(rows: Sequence[Panel], *, title: str, subtitle: str) -> Figure:
    """Draw the panels; values below zero are cut off at the axis."""

    def painter(sheet: Sheet) -> None:
        _panels(sheet, rows)

    said = "; ".join(f"{row.name} {row.figure}" for row in rows)
    return draw(
        painter,
        lambda narrow: len(rows) * _HEIGHT + 30 if rows else 1,
        title=title,
        subtitle=subtitle,
        description=f"{subtitle}. {said}.",
    )


def _panels(sheet: Sheet, rows: Sequence[Panel]) -> None:
    if not rows:
        return
    days = sorted({at for row in rows for at, _ in row.points})
    whole = (days[-1] - days[0]).total_seconds()
    tops = [count_text(row.top) for row in rows]
    left = max(text_width(top, sheet.font) for top in tops) + 10
    right = sheet.width - max(text_width(row.figure, sheet.font) for row in rows) - 16

    def across(at: datetime) -> float:
        share = (at - days[0]).total_seconds() / whole if whole else 0.5
        return left + share * (right - left)

    for number, (row, top) in enumerate(zip(rows, tops, strict=True)):
        high, low = number * _HEIGHT + _HEAD, (number + 1) * _HEIGHT - _FOOT
        sheet.text(left, high - 16, shorten(legible(row.name), 34 if sheet.narrow else 80))
        for y, text in ((high, top), (low, "0")):
            sheet.line([left, right], [y, y], RULE, behind=True)
            sheet.text(left - 10, y, text, align="right", colour=MUTED)
        ys = [low - max(value, 0.0) / row.top * (low - high) for _, value in row.points]
        xs = [across(at) for at, _ in row.points]
        sheet.line(xs, ys, INK, 2.0, row.tip)
        sheet.dot(xs[-1], ys[-1], INK, 6)
        sheet.text(xs[-1] + 8, ys[-1], row.figure)
    foot = len(rows) * _HEIGHT + 12
    for at in spread(days, 2 if sheet.narrow else 6):
        sheet.text(across(at), foot, f"{at.day} {at:%b}", align="center", colour=MUTED)
