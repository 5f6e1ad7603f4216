"""Long chains in lines one below the other, as text is: a picture of 9,000 by 40 px is nothing to look at.

What graphviz drew is cut between two ranks, where few lines cross. Lines that do run between the bands: out to the
right, along, and in from the left.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import replace

from workbench.present.diagrams.parts import Curve, Part, Point
from workbench.present.diagrams.scene import Edge, Scene

_WIDE, _RATIO = 2400, 4.0  # px, and width over height, from which on a part is folded
_LINE = 1100.0  # px that a band is wide, at least
_SHEET = 1.45  # width over height of A3 landscape, about
_CUT = 4  # lines that may cross a cut: more are easier to follow where they are
_LANE, _AISLE = (
    22,
    26,
)  # px between lines that run side by side; between bands, above and below such lines
_OUT, _BESIDE = 16.0, 6.0  # px that a line goes out of a box before it turns; and the next one more
_ROUND = 8.0  # px of its corners


def fold(part: Part, scene: Scene) -> Part:
    """Return a part in bands where it is long and low and can be cut; else the part itself."""
    if part.width < _WIDE or part.width < _RATIO * part.height:
        return part
    cuts = _cuts(part, scene)
    return _folded(part, scene, cuts) if cuts else part


def _cuts(part: Part, scene: Scene) -> list[float]:
    """Where to cut, from left to right; nothing where too many lines cross."""
    spans = sorted((x, x + scene.index[name].width) for name, (x, _) in part.places.items())
    gaps, reached = [], spans[0][1]
    for left, right in spans[1:]:
        if left > reached + 1:
            gaps.append((reached + left) / 2)
        reached = max(reached, right)
    ends = [sorted((part.places[e.tail][0], part.places[e.head][0])) for e in scene.edges]
    wide = max(_LINE, math.sqrt(part.width * (part.height + 2 * _AISLE) * _SHEET))
    wide = (
        part.width / math.ceil(part.width / wide) * 1.05
    )  # bands alike, rather than a short last one
    found: list[float] = []
    start = 0.0
    while part.width - start > wide:
        near = [gap for gap in gaps if start + 0.6 * wide < gap <= start + wide]
        crossing = {gap: sum(left < gap < right for left, right in ends) for gap in near}
        start = min(near, key=lambda gap: (crossing[gap], -gap), default=0.0)
        if not near or crossing[start] > _CUT:
            return []
        found.append(start)
    return found


def _folded(part: Part, scene: Scene, cuts: Sequence[float]) -> Part:
    band = {name: bisect(cuts, x) for name, (x, _) in part.places.items()}
    bounds = _bounds(part, scene, band)
    turned = [c.edge for c in part.paths if band[c.edge.tail] != band[c.edge.head]]
    # the aisles that a line leaves by and comes in by: aisle n is above band n
    ways = {edge.order: _aisles(band[edge.tail], band[edge.head]) for edge in turned}
    lanes: dict[int, list[tuple[str, ...]]] = {}
    for order, aisles in ways.items():
        for aisle in dict.fromkeys(aisles):
            lanes.setdefault(aisle, []).append(order)
    around = [order for order, (one, other) in ways.items() if one != other]
    margin = float(_LANE * len(around))
    tops, y = [], 0.0
    for at, (_, high, low) in enumerate(bounds):
        y += _LANE * len(lanes.get(at, ())) + (_AISLE if at else 0)
        tops.append(y)
        y += low - high + _AISLE
    # room for lines that come in at the left
    shift = [
        (margin + 2 * _OUT + 7 - left, top - high)
        for (left, high, _), top in zip(bounds, tops, strict=True)
    ]

    def moved(point: Point, at: int) -> Point:
        return round(point[0] + shift[at][0], 2), round(point[1] + shift[at][1], 2)

    places = {name: moved(place, band[name]) for name, place in part.places.items()}
    whole = Part(part.name, 0.0, y - _AISLE, places)
    whole.width = max(x + scene.index[name].width for name, (x, _) in places.items())
    for curve in part.paths:
        edge, at = curve.edge, band[curve.edge.tail]
        if edge.order not in ways:
            points = tuple(moved(point, at) for point in curve.points)
            label = curve.label and moved(curve.label, at)
            kept = replace(curve, points=points, tip=moved(curve.tip, at), label=label)
            whole.paths.append(kept)
            continue

        one, other = ways[edge.order]
        nth, last = lanes[one].index(edge.order), lanes[other].index(edge.order)
        side = _LANE * around.index(edge.order) if one != other else None
        leave, enter = tops[one] - _AISLE - _LANE * nth, tops[other] - _AISLE - _LANE * last
        beside = _BESIDE * (nth % 4)  # lines of one box stay apart
        path = _path(edge, scene, places, (leave, enter), side, beside)
        whole.paths.append(path)
        whole.width = max(whole.width, *(x for x, _ in path.points))
    return whole


def _bounds(part: Part, scene: Scene, band: Mapping[str, int]) -> list[tuple[float, float, float]]:
    """Left, top and bottom of what each band has."""
    found: list[list[Point]] = [[] for _ in range(1 + max(band.values()))]
    for name, (x, y) in part.places.items():
        found[band[name]] += [(x, y), (x, y + scene.index[name].height)]
    for curve in part.paths:
        at = band[curve.edge.tail]
        if at == band[curve.edge.head]:
            left = min(x for x, _ in found[at])
            found[at] += [(max(x, left), y) for x, y in curve.points]
    ys = [[y for _, y in points] for points in found]
    return [
        (min(x for x, _ in points), min(y), max(y)) for points, y in zip(found, ys, strict=True)
    ]


def _aisles(tail: int, head: int) -> tuple[int, int]:
    return (tail + 1, head) if head > tail else (tail, head + 1)


def _path(
    edge: Edge,
    scene: Scene,
    places: Mapping[str, Point],
    lanes: Point,
    side: float | None,
    beside: float,
) -> Curve:
    """Out of the tail to the first lane, by the margin at ``side`` to the second, and into the head from the left."""
    leave, enter = lanes
    one, other = scene.index[edge.tail], scene.index[edge.head]
    (x1, y1), (x2, y2) = places[one.id], places[other.id]
    x1, y1, y2 = x1 + one.width, y1 + one.middle(edge.tail_port), y2 + other.middle(edge.head_port)
    out, back = x1 + _OUT + beside, x2 - _OUT - 7 - beside
    corners = [(x1, y1), (out, y1), (out, leave)]
    corners += [(side, leave), (side, enter)] if side is not None else []
    corners += [(back, enter), (back, y2), (x2 - 7, y2)]
    after = back if side is None else side
    label = ((out + after) / 2, leave) if edge.label else None
    return Curve(edge, _rounded(corners), (x2, y2), label)


def _rounded(corners: Sequence[Point]) -> tuple[Point, ...]:
    """Return straight lines through corners as a curve, with the corners taken off."""
    points = [corners[0]]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        points += [points[-1], _towards(corner, before), _towards(corner, before)]
        points += [corner, corner, _towards(corner, after)]
    points += [points[-1], corners[-1], corners[-1]]
    return tuple((round(x, 2), round(y, 2)) for x, y in points)


def _towards(corner: Point, other: Point) -> Point:
    far = math.dist(corner, other)
    share = min(_ROUND, far / 2) / far if far else 0.0
    return (
        corner[0] + (other[0] - corner[0]) * share,
        corner[1] + (other[1] - corner[1]) * share,
    )
