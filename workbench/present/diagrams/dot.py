"""DOT text of a scene: sorted, escaped, with every size given, so that no font of the machine changes the layout."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape as entities

from workbench.present.diagrams.scene import (
    HEAD,
    LONGEST,
    ROW,
    Box,
    Edge,
    Scene,
    label_size,
    stroke,
)
from workbench.present.text import legible, shorten
from workbench.present.theme import ACCENT, INK, MUTED, RULE

FONTS = "Helvetica,Arial,DejaVu Sans,sans-serif"
_COLUMN, _BELOW = (
    700,
    16,
)  # px: how high boxes that hang on one box alone may stand, and the space between them
_STYLE = {"solid": "solid", "dashed": "dashed", "dotted": "dotted", "dashdot": "dashed"}


def dot_text(scene: Scene, title: str = "") -> str:
    """Return a scene as DOT, left to right."""
    lines = [
        "digraph {",
        f"  graph [rankdir=LR, nodesep=0.22, ranksep=0.9, fontname={quote(FONTS)}, fontsize=14"
        + (f", label={quote(_literal(title))}, labelloc=t" if title else "")
        + "];",
        f"  node [shape=plain, margin=0, fontname={quote(FONTS)}, fontsize=12];",
        f"  edge [fontname={quote(FONTS)}, fontsize=12, color={quote(MUTED.light)}, arrowsize=0.7];",
    ]
    if scene.groups:
        lines += _clusters(scene.boxes)
    else:
        lines += [f"  {_node(box)}" for box in scene.boxes]
    lengths = _lengths(scene)
    lines += [f"  {_edge(edge, scene, lengths.get(edge.order, 1))}" for edge in scene.edges]
    return "\n".join([*lines, "}"]) + "\n"


def quote(text: str) -> str:
    r"""Return text as a DOT string.

    >>> print(quote('a"b\\'))
    "a\"b\\"
    """
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _literal(text: str) -> str:
    """Text of which graphviz takes nothing for a formula: of its own escapes only the backslash's doubling."""
    return "\n".join(legible(line) for line in text.split("\n"))


def _clusters(boxes: Sequence[Box]) -> Iterable[str]:
    names = sorted({box.service or "" for box in boxes})
    for at, name in enumerate(names):
        yield f"  subgraph cluster_{at} {{"
        yield f"    label={quote(_literal(name or 'no service'))}; color={quote(RULE.light)};"
        yield from (f"    {_node(box)}" for box in boxes if (box.service or "") == name)
        yield "  }"


def _cell(text: str, width: int, height: int, port: str, extra: str = "") -> str:
    at = f' PORT="{port}"' if port else ""
    return f'<TD{at} FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="{height}" ALIGN="LEFT"{extra}>{text}</TD>'


def _node(box: Box) -> str:
    name = entities(box.name)
    head_height = HEAD if box.form == "table" or box.rows else box.height
    width = box.width
    head = f"<B>{name}</B>" if box.form in ("table", "service", "outside") else name
    rows = [_cell(f" {head}", width, head_height, "head")]
    for row in box.rows:
        text = shorten(legible(row.text), LONGEST) + (f"  {legible(row.note)}" if row.note else "")
        rows.append(_cell(f" {entities(text)}", width, ROW, row.port))
    if box.rows:
        rows.append(_cell("", width, 4, ""))
    style = ' STYLE="ROUNDED,DASHED"' if box.form == "outside" else ' STYLE="ROUNDED"'
    table = "".join(f"<TR>{row}</TR>" for row in rows)
    label = (
        f'<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" '
        f'COLOR="{box.colour.light}"{style}>{table}</TABLE>'
    )
    return f"{quote(box.id)} [label=<{label}>, tooltip={quote(_literal(box.tip or box.label))}];"


def _edge(edge: Edge, scene: Scene, length: int) -> str:
    def end(name: str, port: str, side: str) -> str:
        if scene.weighted:
            return quote(name)
        port = port or ("head" if scene.index[name].rows else "")
        sided = "" if edge.tail == edge.head else f":{side}"
        return f"{quote(name)}{f':{port}' if port else ''}{sided}"

    said = [f"style={_STYLE[edge.line]}", f"penwidth={stroke(edge, scene.weighted):.2f}"]
    if length > 1:
        said.append(f"minlen={length}")
    if edge.loud:
        said.append(f"color={quote(ACCENT.light)}")
    if edge.label:
        width, height = label_size(edge)
        colour = (ACCENT if edge.loud else INK).light
        text = f'<FONT COLOR="{colour}">{entities(legible(edge.label))}</FONT>'
        cell = _cell(text, width, height, "").replace(' ALIGN="LEFT"', "")
        said.append(
            f'label=<<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="0"><TR>{cell}</TR></TABLE>>'
        )
    if edge.tip:
        said.append(f"tooltip={quote(_literal(edge.tip))}")
    tail, head = end(edge.tail, edge.tail_port, "e"), end(edge.head, edge.head_port, "w")
    return f"{tail} -> {head} [{', '.join(said)}];"


def _lengths(scene: Scene) -> Mapping[tuple[str, ...], int]:
    """Spread what hangs on one box over several ranks: a column of fifty boxes is nothing to look at."""
    found: dict[tuple[str, ...], int] = {}
    for leaf, hub in (("tail", "head"), ("head", "tail")):
        hanging: dict[str, list[Edge]] = {}
        for edge in scene.edges:
            if edge.tail != edge.head:
                hanging.setdefault(getattr(edge, hub), []).append(edge)
        placed: set[str] = set()
        for mine in sorted(hanging.values(), key=len, reverse=True):
            names = sorted({getattr(edge, leaf) for edge in mine} - placed)
            high = sum(scene.index[name].height + _BELOW for name in names)
            ranks = math.ceil(high / max(_COLUMN, math.sqrt(high * _COLUMN)))
            place = {name: 1 + at % ranks for at, name in enumerate(names)} if ranks > 1 else {}
            placed |= set(place)
            found |= {
                edge.order: place[getattr(edge, leaf)]
                for edge in mine
                if getattr(edge, leaf) in place and edge.order not in found
            }
    return found
