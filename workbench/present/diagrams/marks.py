"""A scene with its places as marks: rectangles, curves and words in groups, which any painter can draw."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from workbench.present.diagrams.layout import Layout
from workbench.present.diagrams.parts import Curve, Frame, Point
from workbench.present.diagrams.scene import (
    BECAME,
    HEAD,
    KINDS,
    LONGEST,
    MEANING,
    NORMAL,
    ROW,
    SMALL,
    STATUSES,
    VIOLATION,
    Box,
    Edge,
    Line,
    Scene,
    breadth,
    label_size,
    line_of,
    stroke,
)
from workbench.present.text import legible, shorten
from workbench.present.theme import ACCENT, GREY, INK, MUTED, PAPER, RULE, SOFT, Colour

DASHES: Mapping[Line, tuple[float, ...]] = {
    "solid": (),
    "dashed": (6, 4),
    "dotted": (1.5, 3.5),
    "dashdot": (8, 3, 1.5, 3),
}


@dataclass(frozen=True)
class Rect:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float
    fill: Colour | None = None
    line: Colour | None = None
    stroke: float = 1.0
    dash: tuple[float, ...] = ()
    radius: float = 0.0


@dataclass(frozen=True)
class Path:
    """A curve (start, then three points a piece), or a filled shape of straight sides."""

    points: tuple[Point, ...]
    colour: Colour
    stroke: float = 1.4
    dash: tuple[float, ...] = ()
    opacity: float = 1.0
    filled: bool = False


@dataclass(frozen=True)
class Words:
    """A line of text, its middle at ``y``."""

    x: float
    y: float
    text: str
    size: float = SMALL
    align: str = "start"
    colour: Colour = INK
    bold: bool = False


Mark = Rect | Path | Words


@dataclass(frozen=True)
class Group:
    """Marks that belong together: what they are for a script and a style sheet, and what the reader is told."""

    marks: tuple[Mark, ...]
    classes: tuple[str, ...] = ()
    data: Mapping[str, str] = field(default_factory=dict)
    tip: str = ""
    id: str = ""
    focus: bool = False


def marks_of(scene: Scene, layout: Layout) -> Iterator[Group]:
    """Yield the groups of a scene, those behind first: frames, quiet lines, boxes, violations, figures."""
    yield from (_frame(frame) for frame in layout.frames)
    # beyond what the eye can follow, lines are a texture
    faint = 0.5 if scene.groups and len(scene.edges) > 150 else 1.0
    quiet = [c for c in layout.curves if not c.edge.loud]
    loud = [c for c in layout.curves if c.edge.loud]
    yield from (_edge(curve, scene, faint) for curve in quiet)
    if scene.groups:  # lines there run over what lies between
        yield from (_edge(curve, scene, 1.0) for curve in loud)
    for box in scene.boxes:
        yield from _box(box, *layout.places[box.id])
    if not scene.groups:
        yield from (_edge(curve, scene, 1.0) for curve in loud)
    yield from (_figure(curve) for curve in layout.curves if curve.label and curve.edge.label)


def _edge(curve: Curve, scene: Scene, opacity: float) -> Group:
    edge, colour = curve.edge, ACCENT if curve.edge.loud else MUTED
    width = stroke(edge, scene.weighted)
    if edge.mark == "kept":
        colour, width = GREY, 1.0
    line = Path(curve.points, colour, width, DASHES[edge.line], opacity)
    head = _arrow(curve.points[-1], curve.tip, colour, max(3.2, width * 0.9))
    marks = (line,) if head is None else (line, head)
    return Group(marks, _classes(edge), _data(edge), edge.tip, focus=bool(edge.tip))


def _classes(edge: Edge) -> tuple[str, ...]:
    return ("wb-edge", f"wb-{edge.line}", *(("wb-loud",) if edge.loud else ()))


def _data(edge: Edge) -> dict[str, str]:
    one, other = edge.services
    return {
        "from": edge.tail,
        "to": edge.head,
        "kind": edge.kind,
        "status": edge.status,
        "weight": str(edge.weight),
        **({"mark": edge.mark} if edge.mark else {}),
        "service": one,
        "to-service": other,
    }


def _arrow(start: Point, tip: Point, colour: Colour, half: float) -> Path | None:
    dx, dy = tip[0] - start[0], tip[1] - start[1]
    far = math.hypot(dx, dy)
    if far < 0.5:
        return None
    ux, uy = dx / far, dy / far
    sides = (
        (start[0] - uy * half, start[1] + ux * half),
        (start[0] + uy * half, start[1] - ux * half),
    )
    return Path((tip, *sides), colour, filled=True)


def _figure(curve: Curve) -> Group:
    edge, (x, y) = curve.edge, curve.label or (0.0, 0.0)
    width, height = label_size(edge)
    ground = Rect(x - width / 2, y - height / 2, width, height, PAPER, radius=3)
    colour = ACCENT if edge.loud else INK
    words = Words(x, y, legible(edge.label), align="middle", colour=colour, bold=edge.loud)
    return Group((ground, words), ("wb-label", *_classes(edge)[2:]), _data(edge), edge.tip)


def _frame(frame: Frame) -> Group:
    ground = Rect(frame.x, frame.y, frame.width, frame.height, SOFT, radius=6)
    return Group((ground,), ("wb-frame",), {"service": frame.service or ""})


def _box(box: Box, x: float, y: float) -> Iterator[Group]:
    forms = {
        "table": _table,
        "name": _name,
        "service": _service,
        "outside": _service,
        "stub": _stub,
        "title": _title,
    }
    form = _table if box.rows else forms[box.form]
    marks = tuple(form(box, x, y))
    data = {"node": box.id, "name": legible(box.label), "service": box.service or ""}
    named = "" if box.form == "stub" else box.id
    yield Group(marks, ("wb-box", f"wb-{box.form}"), data, box.tip or box.label, named, True)
    for at, row in enumerate(box.rows):
        found_by = {"name": legible(" ".join(row.names or (row.text,)))}
        if not row.tip and row.instead is None:
            continue
        top = y + HEAD + ROW * at
        hit = Rect(x + 1, top, box.width - 2, ROW)
        if row.instead is None:
            yield Group((hit,), ("wb-row",), {"node": box.id} | found_by, row.tip)
        else:
            edge = row.instead
            data = _data(edge) | {"node": box.id} | found_by
            yield Group((hit,), ("wb-row", *_classes(edge)), data, edge.tip or row.tip, focus=True)


def _table(box: Box, x: float, y: float) -> Iterator[Mark]:
    line = INK if box.strong else GREY
    yield Rect(x, y, box.width, box.height, PAPER, line, 2.0 if box.strong else 1.0, radius=4)
    yield Rect(x + 1, y + 1, 4, box.height - 2, box.colour, radius=2)
    yield Words(x + 12, y + HEAD / 2, box.name, NORMAL, bold=True)
    if box.rows:
        yield Rect(x + 5, y + HEAD - 0.5, box.width - 5, 1, RULE)
    for at, row in enumerate(box.rows):
        middle = y + HEAD + 1 + ROW * at + ROW / 2
        ink = MUTED if row.muted else INK
        yield Words(x + 12, middle, shorten(legible(row.text), LONGEST), colour=ink)
        if row.note:
            colour = ACCENT if row.loud else MUTED
            note = legible(row.note)
            yield Words(x + box.width - 8, middle, note, align="end", colour=colour, bold=row.loud)


def _name(box: Box, x: float, y: float) -> Iterator[Mark]:
    yield Rect(x, y, box.width, box.height, PAPER, RULE, radius=3)
    yield Rect(x + 1, y + 1, 3, box.height - 2, box.colour, radius=1.5)
    yield Words(x + 10, y + box.height / 2, box.name)


def _service(box: Box, x: float, y: float) -> Iterator[Mark]:
    outside = box.form == "outside"
    dash = (4.0, 3.0) if outside else ()
    yield Rect(x, y, box.width, box.height, PAPER, MUTED if outside else box.colour, 1.5, dash, 6)
    yield Rect(x + 10, y + box.height / 2 - 5, 10, 10, box.colour, radius=2)
    yield Words(x + 26, y + box.height / 2, box.name, NORMAL, bold=True)


def _stub(box: Box, x: float, y: float) -> Iterator[Mark]:
    yield Rect(x, y, box.width, box.height, SOFT, RULE, radius=box.height / 2)
    yield Rect(x + 10, y + box.height / 2 - 4, 8, 8, box.colour, radius=4)
    yield Words(x + 23, y + box.height / 2, box.name, colour=INK)


def _title(box: Box, x: float, y: float) -> Iterator[Mark]:
    yield Rect(x, y + 2, box.width, box.height - 4, SOFT)
    yield Rect(x, y + box.height / 2 - 5, 10, 10, box.colour, radius=2)
    yield Words(x + 16, y + box.height / 2, box.name, NORMAL, bold=True)


def keys(scene: Scene) -> list[tuple[tuple[Mark, ...], str]]:
    """Return what the lines and letters of a scene mean: a sample, in a field of 34 by 0 px, and words."""
    found = [(_sample(MUTED, 1.4, DASHES[line]), MEANING[line]) for line in scene.lines]
    samples = {
        "added": _sample(ACCENT, 3.0, ()),
        "removed": _sample(MUTED, 2.0, DASHES["dashed"]),
        "kept": _sample(GREY, 1.0, ()),
    }
    found += [(samples[mark], BECAME[mark]) for mark in scene.became]
    if any(edge.loud and not edge.mark for edge in scene.all_edges):
        found.append((_sample(ACCENT, 3.0, ()), VIOLATION))
    return [*found, *(((), text) for text in letters(scene))]


def filters(scene: Scene) -> list[tuple[tuple[Mark, ...], str, Mapping[str, str]]]:
    """Return what its lines can be told apart by: a sample, words, and the data that such lines have."""
    quiet = [edge for edge in scene.all_edges if not edge.loud]
    found: list[tuple[tuple[Mark, ...], str, Mapping[str, str]]] = [
        (_sample(MUTED, 1.4, DASHES[line_of(kind)]), kind.replace("_", " "), {"kind": kind})
        for kind in KINDS
        if any(edge.kind == kind for edge in quiet)
    ]
    if len(quiet) < len(scene.all_edges):
        found.append((_sample(ACCENT, 3.0, ()), VIOLATION, {"status": "violation"}))
    held = {edge.status for edge in quiet}
    if len(held) > 1:
        found += [
            ((), STATUSES[status], {"status": status}) for status in STATUSES if status in held
        ]
    return found


def _sample(colour: Colour, stroke: float, dash: tuple[float, ...]) -> tuple[Mark, ...]:
    line = Path(((0, 0), (9, 0), (18, 0), (27, 0)), colour, stroke, dash)
    head = _arrow((27, 0), (34, 0), colour, 3.2)
    return (line, head) if head else (line,)


def legend(scene: Scene, width: float, top: float) -> tuple[Group, float]:
    """Return a legend as marks, from ``top`` on in lines of ``width`` px, and how far down it goes."""
    x, y = 0.0, top + 12
    marks: list[Mark] = []
    for sample, text in keys(scene):
        ahead = 42 if sample else 0
        wide = ahead + breadth(text, SMALL)
        if x and x + wide > width:
            x, y = 0.0, y + 22
        marks += [moved(mark, x, y) for mark in sample]
        marks.append(Words(x + ahead, y, text, colour=MUTED))
        x += wide + 26
    return Group(tuple(marks), ("wb-legend",)), y + 12 if marks else top


def moved(mark: Mark, x: float, y: float) -> Mark:
    """Return a mark elsewhere."""
    if isinstance(mark, Path):
        return replace(mark, points=tuple((a + x, b + y) for a, b in mark.points))
    return replace(mark, x=mark.x + x, y=mark.y + y)


def letters(scene: Scene) -> list[str]:
    """Return what letters and figures of a scene mean."""
    rows = [row for box in scene.boxes for row in box.rows]
    held = {key for row in rows for key in row.keys}
    found = []
    if scene.became:
        found.append("a number counts what was added (+) or removed (−) between two services")
    elif scene.weighted and scene.edges:
        found.append("a number counts references; a line grows with it")
    if "PK" in held:
        found.append("PK primary key")
    if "UQ" in held:
        found.append("UQ unique")
    if held and any(row.instead for row in rows):
        found.append("→ foreign key, ⇢ logical, to what too many refer to for lines")
    return found
