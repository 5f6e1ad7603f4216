"""Where everything of a scene goes: graphviz for what hangs together, rows of such groups to fill the sheet.

All in px from the top left corner. Where graphviz fails or takes too long, boxes stand in rows and lines are
drawn straight over: there is always a picture.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.present.diagrams.dot import dot_text
from workbench.present.diagrams.fold import fold
from workbench.present.diagrams.parts import Curve, Frame, Part, Point
from workbench.present.diagrams.scene import Box, Edge, Scene, label_size

PATIENCE = 60.0  # s that graphviz may take before the picture is drawn without it
_BESIDE, _BELOW = 44, 24  # px between groups of tables
_CLOSE = (14, 10)  # the same for boxes that are names alone
_FRAME, _TITLE = 14, 30  # px inside a service's frame, and for its name
_LOOP = 26  # px that a line to its own table goes out
_SHEET = 1.45  # width over height of A3 landscape, about


@dataclass(frozen=True)
class Layout:
    """Top left corners of boxes by id, curves, frames, and the size of all of it."""

    width: float
    height: float
    places: Mapping[str, Point]
    curves: Sequence[Curve] = ()
    frames: Sequence[Frame] = ()
    complete: bool = True


def lay_out(scene: Scene, patience: float = PATIENCE) -> Layout:
    """Give every box and edge of a scene its place."""
    if not scene.groups:
        parts, complete = _parts([scene], patience)
        whole = _pack(parts[0], _BESIDE, _BELOW)
        return Layout(whole.width, whole.height, whole.places, whole.paths, (), complete)
    names = sorted({box.service or "" for box in scene.boxes}, key=lambda n: (not n, n))
    inside = [_inside(scene, name) for name in names]
    parts, complete = _parts(inside, patience)
    titles = {box.service or "": box for box in scene.boxes if box.form == "title"}
    framed = [
        _framed(titles[name], _columns(own.boxes) if scene.packed else _pack(mine, *_CLOSE))
        for name, own, mine in zip(names, inside, parts, strict=True)
    ]
    whole = _pack(framed, 28, 28)
    drawn = {path.edge.order for path in whole.paths}
    straight = [_straight(e, scene, whole.places) for e in scene.edges if e.order not in drawn]
    paths = _labelled([*straight, *whole.paths], scene, whole.places)
    return Layout(whole.width, whole.height, whole.places, paths, whole.frames, complete)


def _labelled(
    curves: Sequence[Curve], scene: Scene, places: Mapping[str, Point]
) -> Sequence[Curve]:
    """Put each label on its line where it hides neither a table nor another label; else there is none."""
    taken = [(*places[box.id], float(box.width), float(box.height)) for box in scene.boxes]
    found = []
    for curve in curves:
        if not curve.edge.label:
            found.append(curve)
            continue
        width, height = label_size(curve.edge)
        spots = [
            _on(curve.points[:4], 0.5 + side * step / 40) for step in range(17) for side in (1, -1)
        ]
        spot = next((s for s in spots if not _covers(s, width, height, taken)), None)
        if spot:
            taken.append((spot[0] - width / 2, spot[1] - height / 2, width, height))
        found.append(replace(curve, label=spot))
    return found


def _covers(
    middle: Point, width: float, height: float, taken: Iterable[tuple[float, float, float, float]]
) -> bool:
    left, top = middle[0] - width / 2, middle[1] - height / 2
    return any(
        left < x + w + 2 and x < left + width + 2 and top < y + h and y < top + height
        for x, y, w, h in taken
    )


def _inside(scene: Scene, service: str) -> Scene:
    mine = (box for box in scene.boxes if (box.service or "") == service)
    boxes = tuple(box for box in mine if box.form != "title")
    ids = {box.id for box in boxes}
    edges = tuple(e for e in scene.edges if e.tail in ids and e.head in ids)
    return Scene(boxes, edges)


def _columns(boxes: Sequence[Box]) -> Part:
    """Names in columns, by the alphabet: to be found, where there are too many to be looked at."""
    names = sorted(boxes, key=lambda box: (box.label, box.id))
    high = max(2, math.ceil(math.sqrt(len(names) * 4.2 / _SHEET)))
    whole = Part("", 0.0, 0.0)
    for at in range(0, len(names), high):
        column = [_single(box) for box in names[at : at + high]]
        x = whole.width + (14 if at else 0)
        for row, one in enumerate(column):
            _put(whole, one, x, row * (one.height + 4))
            whole.height = max(whole.height, row * (one.height + 4) + one.height)
        whole.width = x + max(one.width for one in column)
    return whole


def _parts(scenes: Sequence[Scene], patience: float) -> tuple[list[list[Part]], bool]:
    """Lay out what hangs together, of every scene, in one run of graphviz."""
    split = [list(_connected(scene)) for scene in scenes]
    asked = [part for parts in split for part in parts if len(part.boxes) > 1]
    # graphviz lays loops of rows across what stands beside them
    answers = _graphviz([dot_text(_without_loops(part)) for part in asked], patience)
    if answers is None:
        return [[_rows(part) for part in parts] for parts in split], False
    placed = {
        id(part): fold(_read(_without_loops(part), answer), part)
        for part, answer in zip(asked, answers, strict=True)
    }
    return [
        [_looped(placed.get(id(part)) or _single(part.boxes[0]), part) for part in parts]
        for parts in split
    ], True


def _without_loops(scene: Scene) -> Scene:
    return replace(scene, edges=tuple(e for e in scene.edges if e.tail != e.head))


def _looped(part: Part, scene: Scene) -> Part:
    """Add what refers to its own table: out of its right side, and in again."""
    for edge in scene.edges:
        if edge.tail != edge.head:
            continue
        box, (x, y) = scene.index[edge.tail], part.places[edge.tail]
        right, out = x + box.width, x + box.width + _LOOP
        start, end = y + box.middle(edge.tail_port), y + box.middle(edge.head_port)
        if start == end:
            start += 6
        points = ((right, start), (out, start), (out, end), (right + 7, end))
        middle = _on(points, 0.5) if edge.label else None
        part.paths.append(Curve(edge, points, (right, end), middle))
        part.width = max(part.width, right + _LOOP)
    return part


def _graphviz(texts: Sequence[str], patience: float) -> list[dict[str, Any]] | None:
    if not texts:
        return []
    # -P: the folder of the script is no place to import from
    command = [sys.executable, "-P", str(Path(__file__).with_name("_graphviz.py"))]
    try:
        run = subprocess.run(
            command,
            input=json.dumps(texts).encode(),
            capture_output=True,
            timeout=patience,
            check=True,
        )
        found: list[dict[str, Any]] = json.loads(run.stdout)
    except (subprocess.SubprocessError, ValueError):
        return None
    return found


def _connected(scene: Scene) -> Iterable[Scene]:
    """The parts of a scene that no edge joins, in the order of their first box."""
    parent = {box.id: box.id for box in scene.boxes}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for edge in scene.edges:
        one, other = sorted((root(edge.tail), root(edge.head)))
        parent[other] = one
    boxes: dict[str, list[Box]] = {}
    edges: dict[str, list[Edge]] = {}
    for box in scene.boxes:
        boxes.setdefault(root(box.id), []).append(box)
    for edge in scene.edges:
        edges.setdefault(root(edge.tail), []).append(edge)
    for name in sorted(boxes):
        yield Scene(tuple(boxes[name]), tuple(edges.get(name, ())), weighted=scene.weighted)


def _single(box: Box) -> Part:
    return Part(box.id, box.width, box.height, {box.id: (0.0, 0.0)})


def _rows(scene: Scene) -> Part:
    part = _pack([_single(box) for box in scene.boxes], _BESIDE, _BELOW)
    straight = [e for e in scene.edges if e.tail != e.head]
    part.paths = [_straight(edge, scene, part.places) for edge in straight]
    return _looped(part, scene)


def _read(scene: Scene, answer: Mapping[str, Any]) -> Part:
    """Take places from graphviz's answer; its y points up, its names are ours."""
    _, _, width, height = (float(n) for n in answer["bb"].split(","))

    def point(text: str) -> Point:
        x, y = text.split(",")
        return round(float(x), 2), round(height - float(y), 2)

    part = Part(scene.boxes[0].id, width, height)
    names = {}
    for node in answer["objects"]:
        names[node["_gvid"]] = node["name"]
        box = scene.index[node["name"]]
        x, y = point(node["pos"])
        part.places[box.id] = (x - box.width / 2, y - box.height / 2)
    # of several edges between two rows, graphviz keeps the order in which they were given
    given: dict[tuple[str, ...], list[Edge]] = {}
    for edge in scene.edges:
        given.setdefault((edge.tail, edge.head), []).append(edge)
    for drawn in sorted(answer["edges"], key=lambda d: int(d["_gvid"])):
        edge = given[names[drawn["tail"]], names[drawn["head"]]].pop(0)
        *_, spline = drawn["pos"].split(";")
        first, *others = spline.split()
        label = point(drawn["lp"]) if "lp" in drawn else None
        points = tuple(point(text) for text in others)
        on_line = label and _nearest(points, label)
        part.paths.append(Curve(edge, points, point(first.removeprefix("e,")), on_line))
    return part


def _nearest(points: Sequence[Point], wanted: Point) -> Point:
    """Return the point of a curve that is nearest to another: a figure on its line is nobody else's."""
    found = [
        _on(points[at : at + 4], step / 12)
        for at in range(0, len(points) - 3, 3)
        for step in range(13)
    ]
    return min(found, key=lambda point: math.dist(point, wanted))


def _on(piece: Sequence[Point], t: float) -> Point:
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
    return (
        sum(w * x for w, (x, _) in zip(weights, piece, strict=True)),
        sum(w * y for w, (_, y) in zip(weights, piece, strict=True)),
    )


def _pack(parts: Sequence[Part], beside: float, below: float) -> Part:
    """Put parts onto one sheet, about as wide to high as paper: each as high up as it fits, then as far left."""
    if not parts:
        return Part("", 0.0, 0.0)
    area = sum((p.width + beside) * (p.height + below) for p in parts)
    sheet = max(max(p.width for p in parts) + beside, math.sqrt(area * _SHEET))
    whole = Part(parts[0].name, 0.0, 0.0)
    line = [(0.0, sheet, 0.0)]  # from, to, and how far down it is taken
    for part in sorted(parts, key=lambda p: (-p.height, -p.width, p.name)):
        wide, high = part.width + beside, part.height + below
        x, y = _spot(line, wide, sheet)
        line = _taken(line, x, x + wide, y + high)
        _put(whole, part, x, y)
        whole.width = max(whole.width, x + part.width)
        whole.height = max(whole.height, y + part.height)
    return whole


def _spot(line: Sequence[tuple[float, float, float]], wide: float, sheet: float) -> Point:
    best = None
    for start, _, _ in line:
        if start + wide > sheet + 0.5:
            break
        top = max(y for a, b, y in line if a < start + wide - 0.01 and b > start + 0.01)
        if best is None or top < best[1]:
            best = (start, top)
    return best or (0.0, max(y for _, _, y in line))


def _taken(
    line: Sequence[tuple[float, float, float]], left: float, right: float, down: float
) -> list[tuple[float, float, float]]:
    found = [(a, min(b, left), y) for a, b, y in line if a < left - 0.01]
    found.append((left, right, down))
    return found + [(max(a, right), b, y) for a, b, y in line if b > right + 0.01]


def _put(whole: Part, part: Part, x: float, y: float) -> None:
    def moved(point: Point) -> Point:
        return round(point[0] + x, 2), round(point[1] + y, 2)

    whole.places |= {name: moved(place) for name, place in part.places.items()}
    whole.paths += [
        Curve(p.edge, tuple(map(moved, p.points)), moved(p.tip), p.label and moved(p.label))
        for p in part.paths
    ]
    whole.frames += [Frame(f.service, *moved((f.x, f.y)), f.width, f.height) for f in part.frames]


def _framed(title: Box, part: Part) -> Part:
    width = max(part.width, title.width) + 2 * _FRAME
    framed = Part(title.id, width, part.height + _FRAME + _TITLE)
    _put(framed, part, _FRAME, _TITLE)
    framed.places[title.id] = (_FRAME, 3.0)
    framed.frames.append(Frame(title.service, 0.0, 0.0, framed.width, framed.height))
    return framed


def _straight(edge: Edge, scene: Scene, places: Mapping[str, Point]) -> Curve:
    """A line from side to side that takes no heed of what lies between."""
    one, other = scene.index[edge.tail], scene.index[edge.head]
    (x1, y1), (x2, y2) = places[one.id], places[other.id]
    y1, y2 = y1 + one.middle(edge.tail_port), y2 + other.middle(edge.head_port)
    if x2 > x1 + one.width:
        start, tip, bend = x1 + one.width, x2, 1
    elif x2 + other.width < x1:
        start, tip, bend = x1, x2 + other.width, -1
    else:  # above each other: around the right
        start, tip, bend = x1 + one.width, x2 + other.width, 0
    reach = max(30.0, abs(tip - start) / 3)
    out, back = (reach, reach) if bend == 0 else (bend * reach, -bend * reach)
    end = tip + math.copysign(7, back)
    middle = ((start + end) / 2 + (reach * 0.75 if bend == 0 else 0), (y1 + y2) / 2)
    points = ((start, y1), (start + out, y1), (end + back, y2), (end, y2))
    return Curve(edge, points, (tip, y2), middle if edge.label else None)
