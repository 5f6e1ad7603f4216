"""Drawn edges, frames, and parts of a picture that are laid out of their own. All in px from the top left corner."""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.present.diagrams.scene import Edge

Point = tuple[float, float]


@dataclass(frozen=True)
class Curve:
    """A drawn edge: a curve as start and three points a piece, the tip of its arrow, the middle of its label."""

    edge: Edge
    points: tuple[Point, ...]
    tip: Point
    label: Point | None = None


@dataclass(frozen=True)
class Frame:
    """The frame around a service's boxes."""

    service: str | None
    x: float
    y: float
    width: float
    height: float


@dataclass
class Part:
    """Something laid out of its own, to be put somewhere."""

    name: str
    width: float
    height: float
    places: dict[str, Point] = field(default_factory=dict)
    paths: list[Curve] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
