"""What happened while lines ran: rules across a chart over time, numbered so that they never overlap."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from workbench.present.svg import Sheet, text_width
from workbench.present.text import legible, shorten
from workbench.present.theme import GREY, MUTED
from workbench.present.units import day_text

_LONGEST = 30  # characters of a label beside its rule
_GAP = 12.0  # px between two labels
_TICK = 8.0  # px above the axis


@dataclass(frozen=True)
class Mark:
    """Something that happened: when, a short label, and the whole of it for a tooltip.

    ``discreet`` marks are a tick on the axis, without a number.
    """

    at: datetime
    label: str
    tip: str
    discreet: bool = False


def listed(marks: Sequence[Mark]) -> list[str]:
    """Return the lines that say what the marks are, numbered as they are drawn.

    >>> listed([Mark(datetime(2026, 3, 4), "purge", "purge of December")])
    ['1 · 4 Mar 2026: purge of December']
    """
    loud = [m for m in marks if not m.discreet]
    lines = [f"{n} · {day_text(m.at)}: {m.tip}" for n, m in enumerate(loud, 1)]
    ticks = [f"{day_text(m.at)} {m.tip}" for m in marks if m.discreet]
    return [*lines, f"Ticks on the axis: {'; '.join(ticks)}"] if ticks else lines


def label_room(sheet: Sheet, marks: Sequence[Mark]) -> float:
    """Return how many px the labels take above the chart."""
    return sheet.font + 8 if any(not m.discreet for m in marks) else 0.0


def draw_marks(
    sheet: Sheet,
    marks: Sequence[Mark],
    across: Callable[[datetime], float],
    span: tuple[float, float],
    room: tuple[float, float],
) -> None:
    """Draw the marks, in order of their dates, within ``span`` (left, right) and ``room`` (top, bottom)."""
    top, bottom = room
    places = [max(span[0], min(span[1], across(mark.at))) for mark in marks]
    loud = [x for x, mark in zip(places, marks, strict=True) if not mark.discreet]
    for x, mark in zip(places, marks, strict=True):
        start = bottom - _TICK if mark.discreet else top - 4
        colour = MUTED if mark.discreet else GREY
        sheet.line([x, x], [start, bottom], colour, 1.0, f"{day_text(mark.at)}: {mark.tip}")
    texts = [
        f"{n} {shorten(legible(mark.label), _LONGEST)}"
        for n, mark in enumerate((m for m in marks if not m.discreet), 1)
    ]
    whole = _beside(sheet, loud, texts, (0.0, float(sheet.width)))
    for x, text in whole or _numbers(sheet, loud, (0.0, float(sheet.width))):
        sheet.text(x, top - sheet.font / 2 - 8, text, align="center", colour=MUTED)


def _beside(
    sheet: Sheet, places: Sequence[float], texts: Sequence[str], edges: tuple[float, float]
) -> list[tuple[float, str]]:
    """Each text over its rule; nothing where two would touch."""
    found: list[tuple[float, str]] = []
    free = edges[0]
    for x, text in zip(places, texts, strict=True):
        half = text_width(text, sheet.font) / 2
        centre = max(edges[0] + half, min(edges[1] - half, x))
        if centre - half < free:
            return []
        free = centre + half + _GAP
        found.append((centre, text))
    return found


def _numbers(
    sheet: Sheet, places: Sequence[float], edges: tuple[float, float]
) -> list[tuple[float, str]]:
    """A number over each rule; one label for several where theirs would touch."""
    groups = [[at] for at in range(len(places))]
    while True:
        texts = [str(g[0] + 1) if len(g) == 1 else f"{g[0] + 1}–{g[-1] + 1}" for g in groups]
        found = []
        for group, text in zip(groups, texts, strict=True):
            half = text_width(text, sheet.font) / 2
            middle = sum(places[at] for at in group) / len(group)
            centre = max(edges[0] + half, min(edges[1] - half, middle))
            found.append((centre, half, text))
        touching = next(
            (
                at
                for at in range(1, len(found))
                if found[at][0] - found[at][1] < found[at - 1][0] + found[at - 1][1] + _GAP / 2
            ),
            None,
        )
        if touching is None:
            return [(centre, text) for centre, _, text in found]
        groups[touching - 1 : touching + 1] = [groups[touching - 1] + groups[touching]]
