"""Points on two axes, each with a name where one fits: those that need a decision first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workbench.present.charts import nice_ticks
from workbench.present.svg import Figure, Sheet, draw, text_width
from workbench.present.text import legible, shorten
from workbench.present.theme import GREY, INK, MUTED, RULE, Colour
from workbench.present.units import share_text

_FOOT, _TOP, _DOT = 58.0, 30.0, 11.0

_Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Point:
    """One point: where it is (shares; ``low`` to ``high`` upwards), its name with and without more, and a tooltip."""

    x: float
    low: float
    high: float
    name: str
    more: str
    tip: str
    colour: Colour = GREY
    first: bool = False
    """named before others, and in ink"""


def scatter(
    points: Sequence[Point], *, across: str, upwards: str, title: str, subtitle: str
) -> Figure:
    """Draw shares from zero: ``across`` and ``upwards`` say what the axes are. An interval is a bar through its point."""

    def painter(sheet: Sheet) -> None:
        _scatter(sheet, points, across, upwards)

    said = "; ".join(f"{p.name}: {p.tip}" for p in points[:20])
    return draw(
        painter,
        lambda narrow: (380 if narrow else 440) if points else 1,
        title=title,
        subtitle=subtitle,
        description=f"{subtitle}. {said}.",
    )


def _scatter(sheet: Sheet, points: Sequence[Point], across: str, upwards: str) -> None:
    if not points:
        return
    ticks = nice_ticks(max(p.high for p in points) or 0.01)
    texts = [f"{share_text(t)} %" for t in ticks]
    left = max(text_width(t, sheet.font) for t in texts) + 10
    right, bottom = sheet.width - 24.0, sheet.height - _FOOT

    def right_of(share: float) -> float:
        return left + share * (right - left)

    def up(share: float) -> float:
        return bottom - share / ticks[-1] * (bottom - _TOP)

    sheet.text(0, 10, upwards, colour=MUTED)
    for tick, text in zip(ticks, texts, strict=True):
        sheet.line([left, right], [up(tick)] * 2, RULE, behind=True)
        sheet.text(left - 10, up(tick), text, align="right", colour=MUTED)
    for share in (0.0, 0.5, 1.0):
        x = right_of(share)
        sheet.line([x, x], [bottom, bottom + 5], RULE, behind=True)
        text = f"{share:.0%}".replace("%", " %")
        place = "left" if share == 0 else "center" if share < 1 else "right"
        at = x + 24 if share == 1 else x
        sheet.text(at, bottom + 18, text, align=place, colour=MUTED)  # type: ignore[arg-type]
    sheet.text(right + 24, bottom + 42, across, align="right", colour=MUTED)
    places = [(right_of(p.x), up((p.low + p.high) / 2)) for p in points]
    taken: list[_Box] = [(x - 7, y - 7, x + 7, y + 7) for x, y in places]
    taken += [
        (x - 3, up(p.high), x + 3, up(p.low)) for p, (x, _) in zip(points, places, strict=True)
    ]
    for point, (x, y) in zip(points, places, strict=True):
        sheet.line([x, x], [up(point.low), up(point.high)], point.colour, 3.0, point.tip)
        sheet.dot(x, y, point.colour, _DOT if point.first else _DOT - 3)
    order = sorted(
        zip(points, places, strict=True), key=lambda p: (not p[0].first, -p[0].high, p[0].name)
    )
    for point, (x, y) in order:
        far = (40.0, 80.0, 120.0) if point.first else ()
        for text in _texts(point, narrow=sheet.narrow):
            box = _free(text_width(text, sheet.font), x, y, sheet, taken, bottom, far)
            if box is not None:
                taken.append(box)
                gap = x - box[2] if box[2] < x else box[0] - x
                if gap > 30:  # far from its point: a thread leads there
                    edge = box[2] + 3 if box[2] < x else box[0] - 3
                    sheet.line([edge, x], [y, y], point.colour, behind=True)
                sheet.text(
                    box[0], (box[1] + box[3]) / 2, text, colour=INK if point.first else MUTED
                )
                break


def _texts(point: Point, *, narrow: bool) -> Iterator[str]:
    name = shorten(legible(point.name), 18 if narrow else 30)
    if point.more and not narrow:
        yield f"{name} {point.more}"
    yield name


def _free(
    width: float,
    x: float,
    y: float,
    sheet: Sheet,
    taken: Sequence[_Box],
    bottom: float,
    reach: Sequence[float],
) -> _Box | None:
    """A place beside, above or below a point where nothing stands yet; ``reach`` are how far away it may also be."""
    high = sheet.font + 4
    beside = [(x + 10, y), (x - 10 - width, y)]
    for step in (0.75, 1.3):
        for side in (-1, 1):
            shift = side * step * high
            beside += [
                (x + 8, y + shift),
                (x - width / 2, y + shift + side * 3),
                (x - 8 - width, y + shift),
            ]
    beside += [place for far in reach for place in ((x - far - width, y), (x + far, y))]
    for left, middle in beside:
        box = (left, middle - high / 2, left + width, middle + high / 2)
        inside = box[0] >= 0 and box[2] <= sheet.width and box[1] >= 20 and box[3] <= bottom
        if inside and not any(_overlap(box, other) for other in taken):
            return box
    return None


def _overlap(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
