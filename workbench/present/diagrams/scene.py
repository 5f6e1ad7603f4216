"""What a diagram shows, before anything has a place: boxes with rows, edges between them, and how each reads."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Literal, get_args

from workbench.model import Reference, ReferenceEnd, ReferenceKind
from workbench.present.svg import text_width
from workbench.present.text import legible, shorten, slug
from workbench.present.theme import GREY, Colour

SMALL, NORMAL = 12.0, 14.0  # px: rows and notes; names
ROW, HEAD, PILL = 20, 26, 24  # px: heights
_PAD, _GAP = 10, 14  # px: beside text; between a row's name and its note
LONGEST = 34  # characters of a name; the whole of it is in the tooltip

KINDS: tuple[ReferenceKind, ...] = get_args(ReferenceKind)

Line = Literal["solid", "dashed", "dotted", "dashdot"]
_LINES: Mapping[str, Line] = {
    "foreign_key": "solid",
    "declared": "dashed",
    "inferred": "dashed",
    "join": "dashed",
    "view": "dotted",
}
MEANING: Mapping[Line, str] = {
    "solid": "foreign key",
    "dashed": "logical: declared, joined or inferred",
    "dotted": "view",
    "dashdot": "function, trigger, type or other",
}
VIOLATION = "foreign key across services"
Status = Literal["violation", "crossing", "inside"]
STATUSES: Mapping[Status, str] = {
    "violation": VIOLATION,
    "crossing": "between services",
    "inside": "inside a service",
}

Mark = Literal["", "added", "removed", "kept"]
"""What became of an edge between two moments; nothing where only one is drawn."""

BECAME: Mapping[Mark, str] = {
    "added": "added",
    "removed": "removed",
    "kept": "as before",
}


def line_of(kind: ReferenceKind) -> Line:
    """Return how references of a kind are drawn.

    >>> line_of("foreign_key"), line_of("inferred"), line_of("trigger")
    ('solid', 'dashed', 'dashdot')
    """
    return _LINES.get(kind, "dashdot")


@dataclass(frozen=True)
class Row:
    """A line of a box: a column, with its ``keys`` (``PK``, ``UQ``) at its right, or another note.

    ``port`` names it for edges. A row that stands for an edge has that edge in ``instead``. ``refers``: the
    column is of a reference. ``names`` are those it is found by, where its text is not one.
    """

    port: str
    text: str
    note: str = ""
    keys: tuple[str, ...] = ()
    type: str = ""
    tip: str = ""
    muted: bool = False
    refers: bool = False
    instead: Edge | None = None
    names: tuple[str, ...] = ()

    @property
    def loud(self) -> bool:
        """Whether it stands for a violation."""
        return self.instead is not None and self.instead.loud


@dataclass(frozen=True)
class Box:
    """A table, view, service or stub. ``id`` is stable: made of names alone.

    ``form`` is ``table`` (a head and rows), ``name`` (a table by its name alone), ``service``, ``outside``
    (an external service, dashed), ``stub`` (an end in another service) or ``title`` (a frame's own name).
    """

    id: str
    label: str
    form: Literal["table", "name", "service", "outside", "stub", "title"]
    service: str | None = None
    colour: Colour = GREY
    rows: tuple[Row, ...] = ()
    tip: str = ""
    strong: bool = False

    @property
    def name(self) -> str:
        """The label as it is drawn."""
        return shorten(legible(self.label), LONGEST)

    @cached_property
    def width(self) -> int:
        """Width in px, by a font that system fonts are seldom wider than."""
        bold = self.form in ("table", "service", "outside", "title")
        head = breadth(self.name, NORMAL if bold else SMALL, bold=bold) + 2 * _PAD
        head += 14 if self.form in ("stub", "service", "outside", "title") else 0
        rows = [
            breadth(shorten(legible(row.text), LONGEST), SMALL)
            + (breadth(legible(row.note), SMALL, bold=row.loud) + _GAP if row.note else 0)
            + 2 * _PAD
            for row in self.rows
        ]
        return int(max([head, *rows])) + 3

    @property
    def height(self) -> int:
        """Height in px."""
        if self.form == "table" or self.rows:
            return HEAD + ROW * len(self.rows) + (4 if self.rows else 0)
        return {"service": 36, "outside": 36, "name": 22}.get(self.form, PILL)

    def middle(self, port: str) -> float:
        """Return how far below the top of the box the middle of a row is, in px."""
        for at, row in enumerate(self.rows):
            if row.port == port:
                return HEAD + ROW * at + ROW / 2
        return (HEAD if self.form == "table" or self.rows else self.height) / 2


@dataclass(frozen=True)
class Edge:
    """A line from box (and row) to box. ``weight`` is how many references it stands for; ``loud``: a violation."""

    tail: str
    head: str
    kind: ReferenceKind
    tail_port: str = ""
    head_port: str = ""
    label: str = ""
    weight: int = 1
    loud: bool = False
    tip: str = ""
    services: tuple[str, str] = ("", "")
    nullable: bool = True
    mark: Mark = ""

    @property
    def line(self) -> Line:
        """Its line style."""
        if self.mark:
            return "dashed" if self.mark == "removed" else "solid"
        return line_of(self.kind)

    @property
    def status(self) -> Status:
        """Whether it leaves its service, and is a foreign key that does."""
        if self.loud:
            return "violation"
        one, other = self.services
        return "crossing" if one and other and one != other else "inside"

    @property
    def order(self) -> tuple[str, ...]:
        """By what it joins."""
        return (
            *(self.tail, self.head, self.tail_port, self.head_port),
            *(self.kind, self.label, self.mark),
        )


@dataclass(frozen=True)
class Scene:
    """Boxes by id and edges in order.

    ``groups`` draws a frame around each service's boxes; each has a ``title`` box. ``packed`` sets them in
    columns, without the lines inside a service.

    ``weighted`` makes an edge as wide as its weight. ``keys`` says that rows are key columns.
    """

    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    groups: bool = False
    packed: bool = False
    weighted: bool = False
    keys: bool = False
    index: Mapping[str, Box] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "boxes", tuple(sorted(self.boxes, key=lambda b: b.id)))
        object.__setattr__(self, "edges", tuple(sorted(self.edges, key=lambda e: e.order)))
        object.__setattr__(self, "index", {box.id: box for box in self.boxes})

    @property
    def lines(self) -> tuple[Line, ...]:
        """The line styles it uses, in the order of the legend."""
        used = {edge.line for edge in self.all_edges if not (edge.loud or edge.mark)}
        return tuple(line for line in MEANING if line in used)

    @property
    def became(self) -> tuple[Mark, ...]:
        """What became of its edges, in the order of the legend."""
        used = {edge.mark for edge in self.all_edges}
        return tuple(mark for mark in BECAME if mark in used)

    @property
    def all_edges(self) -> tuple[Edge, ...]:
        """The edges, and those that are written as a note into a row."""
        told = [row.instead for box in self.boxes for row in box.rows if row.instead]
        return (*self.edges, *told)


def anchor_of(end: ReferenceEnd) -> str:
    """Return the id that a table has in every diagram: pages link to it as ``#table-...``.

    >>> anchor_of(ReferenceEnd("auth", "main", "auth_db", "public", "users", ("id",)))
    'table-main.auth_db.public.users'
    """
    if end.schema is None:
        return slug("service", end.service)
    return slug("table", end.instance, end.database, end.schema, end.table or end.object)


def breadth(text: str, size: float, *, bold: bool = False) -> float:
    """Return how wide text is at ``size`` px, letter by letter; wide letters of East Asia are a square each."""
    return sum(_advance(char, bold) for char in text) * size


@cache
def _advance(char: str, bold: bool) -> float:
    if unicodedata.east_asian_width(char) in "WF":
        return 1.0
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0.0
    # a space alone has no outline to measure
    pair = text_width(f"x{char}x", 100.0, bold=bold) - text_width("xx", 100.0, bold=bold)
    return max(pair, 0.0) / 100


def label_size(edge: Edge) -> tuple[int, int]:
    """Return width and height in px of an edge's label."""
    return (
        (int(breadth(legible(edge.label), SMALL, bold=edge.loud)) + 9, 18) if edge.label else (0, 0)
    )


def stroke(edge: Edge, weighted: bool) -> float:
    """Return how wide an edge is drawn, in px: a violation always wider than any other of its weight."""
    width = min(1.2 + 0.55 * math.log2(edge.weight), 6.0) if weighted else 1.4
    return width + 1.6 if edge.loud else width


def violates(reference: Reference) -> bool:
    """Whether a reference is drawn as a violation: a foreign key that leaves its service."""
    return reference.kind == "foreign_key" and reference.crosses


def strongest(references: Sequence[Reference]) -> ReferenceKind:
    """Return the kind that holds the hardest among references."""
    return min((r.kind for r in references), key=KINDS.index)


def tell(reference: Reference) -> str:
    """Return a reference's evidence for a tooltip, one fact a line."""
    facts = [
        f"{written(reference.source)} → {written(reference.target) if reference.target else '?'}"
    ]
    what = VIOLATION if violates(reference) else reference.kind.replace("_", " ")
    facts.append(what if reference.confidence >= 1 else f"{what}, {reference.confidence:.0%} sure")
    if reference.shape != "plain":
        facts.append(reference.shape.replace("_", " "))
    facts += reference.evidence
    if reference.calls:
        facts.append(f"joined by {reference.calls:,} calls")
    facts += [f"not {written(c.target)} ({c.confidence:.0%})" for c in reference.candidates[:3]]
    return "\n".join(facts)


def tell_all(references: Sequence[Reference], most: int = 12) -> str:
    """Return the evidence of one reference, or a line each of several."""
    if len(references) == 1:
        return tell(references[0])
    lines = [
        f"{written(r.source)} → {written(r.target) if r.target else '?'} ({r.kind.replace('_', ' ')})"
        for r in references
    ]
    lines = sorted(set(lines))
    more = [f"and {len(lines) - most:,} more"] if len(lines) > most else []
    return "\n".join([*lines[:most], *more])


def written(end: ReferenceEnd) -> str:
    """Return a reference's end in a line of text: relation and columns."""
    columns = f"({', '.join(end.columns)})" if end.columns else ""
    return legible(end.relation + columns)
