"""A form of figures: names down a line and arcs between those that are tied. It knows nothing of what it shows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from workbench.present.svg import Figure, Sheet, draw, text_width
from workbench.present.text import legible, shorten
from workbench.present.theme import ACCENT, GREY, MUTED, PAPER, RULE, Colour

_ROW, _PAIR, _FOOT = 34, 50, 30  # px from name to name, from tie to tie on phones, and below
_MOST = 16  # names on the line
_STEPS = (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74)  # where on an arc its figure may stand
_POINTS = 49
_LEAST, _REACH = (
    70.0,
    90.0,
)  # px to the right: of an arc to the next name, and more for every name between


@dataclass(frozen=True)
class Arc:
    """A tie of two names: how strong it is from 0 to 1, in words, and fully for a tooltip.

    A ``loud`` one needs a decision.
    """

    one: str
    other: str
    strength: float
    figure: str
    tip: str
    loud: bool = False


def arcs(
    ties: Sequence[Arc],
    others: Sequence[str],
    *,
    title: str,
    subtitle: str,
    empty: str,
    alone: str,
    colours: Mapping[str, Colour],
) -> Figure:
    """Draw ``ties``, the strongest first; on phones, their list. ``others`` have none: ``alone`` says so before their names."""
    names = in_order(ties)
    shown = names[:_MOST]
    drawn = [t for t in ties if {t.one, t.other} <= set(shown)]
    told = [f"{t.one} and {t.other}: {t.figure}" for t in ties]
    foot = _foot(others, alone, len(ties) - len(drawn))

    def painter(sheet: Sheet) -> None:
        if not ties:
            sheet.text(0, 14, shorten(empty, 42 if sheet.narrow else 100), colour=MUTED)
        elif sheet.narrow:
            _list(sheet, drawn)
        else:
            _arcs(sheet, shown, drawn, colours)
        for at, line in enumerate(foot if ties and not sheet.narrow else ()):
            sheet.text(0, sheet.height - _FOOT * (len(foot) - at) + 16, line, colour=MUTED)

    def height(narrow: bool) -> int:
        if not ties:
            return 30
        if narrow:
            return 4 + len(drawn) * _PAIR
        return 8 + len(shown) * _ROW + len(foot) * _FOOT

    return draw(
        painter,
        height,
        title=title,
        subtitle=subtitle,
        description=f"{subtitle}. {'; '.join([*told, *foot]) or empty}.",
    )


def in_order(ties: Iterable[Arc]) -> list[str]:
    """Return the names so that those tied most strongly stand close: each is the one most tied to those before it.

    >>> ties = [("a", "z", 0.9), ("b", "c", 0.5), ("c", "z", 0.4)]
    >>> in_order(Arc(one, other, s, "", "") for one, other, s in ties)
    ['z', 'a', 'c', 'b']
    """
    bonds: dict[str, dict[str, float]] = {}
    for tie in ties:
        for one, other in ((tie.one, tie.other), (tie.other, tie.one)):
            mine = bonds.setdefault(one, {})
            mine[other] = mine.get(other, 0.0) + tie.strength + 1e-6
    weight = {name: sum(mine.values()) for name, mine in bonds.items()}
    pull = dict.fromkeys(bonds, 0.0)
    found: list[str] = []
    while pull:
        # the nearer a tie, the shorter its arc: old ties pull less with every name placed since
        best = min(pull, key=lambda n: (-pull[n], -weight[n], n))
        del pull[best]
        found.append(best)
        pull = {n: p * 0.8 + bonds[best].get(n, 0.0) for n, p in pull.items()}
    return found


def _foot(others: Sequence[str], alone: str, hidden: int) -> list[str]:
    found = []
    if hidden:
        found.append(f"+{hidden:,} ties of other services")
    if others:
        names = ", ".join(shorten(legible(n), 22) for n in others)
        while text_width(f"{alone}{names}", 16.0) > 860 and ", " in names:
            names = names.removesuffix(", …").rpartition(", ")[0] + ", …"
        found.append(f"{alone}{names}")
    return found


def _arcs(
    sheet: Sheet, names: Sequence[str], ties: Sequence[Arc], colours: Mapping[str, Colour]
) -> None:
    labels = [shorten(legible(name), 24) for name in names]
    left = max(text_width(label, sheet.font) for label in labels) + 26
    place = {name: 8 + at * _ROW + _ROW / 2 for at, name in enumerate(names)}
    widest = max(text_width(tie.figure, sheet.font) for tie in ties) + 20
    spans = [abs(place[t.one] - place[t.other]) for t in ties]
    most = max(max(spans) / _ROW - 1, 1.0)
    step = min(_REACH, (sheet.width - left - widest - _LEAST) / most)
    for name, label in zip(names, labels, strict=True):
        sheet.text(left - 18, place[name], label, align="right")
    taken: list[tuple[float, float, float]] = []
    figures, lines = [], []
    for tie, span in zip(ties, spans, strict=True):
        curve = _Curve(place[tie.one], place[tie.other], left, _LEAST + step * (span / _ROW - 1))
        points = [curve.at(n / (_POINTS - 1)) for n in range(_POINTS)]
        colour = ACCENT if tie.loud else GREY
        width = 1.5 + 5.5 * tie.strength
        lines.append(([x for x, _ in points], [y for _, y in points], colour, width, tie.tip))
        wide = text_width(tie.figure, sheet.font) + 8
        for turn in _STEPS:
            x, y = curve.at(turn)
            if all(abs(y - b) > 19 or x + wide < a or x > a + w for a, b, w in taken):
                taken.append((x, y, wide))
                figures.append((tie, x + width / 2 + 4, y, wide))
                break
    for xs, ys, colour, width, tip in reversed(lines):  # the strongest lie on top
        sheet.line(xs, ys, colour, width, tip, behind=True)
    for tie, x, y, wide in figures:
        # an arc does not run through a figure
        sheet.bar(x - 2, y, wide - 4, 18, PAPER, 1.0, tie.tip)
        sheet.text(x, y, tie.figure, colour=ACCENT if tie.loud else MUTED)
    for name in names:
        sheet.dot(left, place[name], colours.get(name, GREY), 12)


@dataclass(frozen=True)
class _Curve:
    """Half an ellipse from one name to another, right of the line."""

    one: float
    other: float
    left: float
    reach: float

    def at(self, step: float) -> tuple[float, float]:
        middle, half = (self.one + self.other) / 2, (self.other - self.one) / 2
        turn = math.pi * step
        return self.left + self.reach * math.sin(turn), middle - half * math.cos(turn)


def _list(sheet: Sheet, ties: Sequence[Arc]) -> None:
    for at, tie in enumerate(ties):
        y = 4 + at * _PAIR
        sheet.text(
            0, y + 10, f"{shorten(legible(tie.one), 18)} – {shorten(legible(tie.other), 18)}"
        )
        sheet.text(0, y + 31, shorten(tie.figure, 44), colour=ACCENT if tie.loud else MUTED)
        sheet.line([0, sheet.width], [y + _PAIR - 5, y + _PAIR - 5], RULE, behind=True)
