"""Mermaid's text of a scene. Its grammar is narrow: names are numbered, what people called things stands in quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workbench.present.diagrams.scene import Box, Edge, Scene, stroke
from workbench.present.text import legible
from workbench.present.theme import ACCENT


def flowchart(scene: Scene) -> str:
    """Return a graph of services: arrows with their figure, a thick one for what violates."""
    ids = _ids(scene)
    lines = ["flowchart LR"]
    lines += [f'  {ids[box.id]}["{quoted(box.label)}"]' for box in scene.boxes]
    for at, edge in enumerate(sorted(scene.all_edges, key=lambda e: e.order)):
        arrow = "==>" if edge.loud else "-->" if edge.line == "solid" else "-.->"
        said = f'|"{quoted(edge.label)}"|' if edge.label else ""
        lines.append(f"  {ids[edge.tail]} {arrow}{said} {ids[edge.head]}")
        width = f"stroke-width:{stroke(edge, scene.weighted):.1f}px"
        colour = f",stroke:{ACCENT.light}" if edge.loud else ""
        lines.append(f"  linkStyle {at} {width}{colour}")
    lines += [f"  style {ids[box.id]} stroke:{box.colour.light}" for box in scene.boxes]
    return "\n".join(lines) + "\n"


def er_diagram(scene: Scene) -> str:
    """Return tables with their key columns, and references: solid for foreign keys, dotted for the others."""
    ids = _ids(scene)
    lines = ["erDiagram"]
    for box in scene.boxes:
        rows = [f"    {text}" for text in _attributes(box)]
        lines.append(f'  {ids[box.id]}["{quoted(box.label)}"]' + (" {" if rows else ""))
        lines += [*rows, "  }"] if rows else []
    lines += [
        f'  {ids[edge.tail]} {_cardinality(edge)} {ids[edge.head]} : "{quoted(_said(edge, scene))}"'
        for edge in sorted(scene.all_edges, key=lambda e: e.order)
    ]
    return "\n".join(lines) + "\n"


def _ids(scene: Scene) -> dict[str, str]:
    return {box.id: f"n{at}" for at, box in enumerate(scene.boxes)}


def _said(edge: Edge, scene: Scene) -> str:
    column = next((r.text for r in scene.index[edge.tail].rows if r.port == edge.tail_port), "")
    return ", ".join(text for text in (column, edge.label) if text) or edge.kind.replace("_", " ")


def _cardinality(edge: Edge) -> str:
    line = "--" if edge.line == "solid" else ".."
    return f"}}o{line}{'o|' if edge.nullable else '||'}"


def _attributes(box: Box) -> Iterator[str]:
    for row in box.rows:
        if not row.type:
            continue
        keys = [key for mark, key in (("PK", "PK"), ("UQ", "UK")) if mark in row.keys]
        if row.instead is not None or row.refers:
            keys.insert(1 if "PK" in keys else 0, "FK")
        name = _word(row.text)
        comment = f' "{quoted(row.text)}"' if name != row.text else ""
        yield f"{_word(row.type)} {name}{' ' if keys else ''}{', '.join(keys)}{comment}"


def _word(text: str) -> str:
    word = re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_") or "column"
    return word if word[0].isalpha() else f"c_{word}"


def quoted(text: str) -> str:
    """Return text for between quotes: what the grammar or a browser would act on stands as an entity.

    >>> quoted('a"b<i>')
    'a#quot;b#lt;i#gt;'
    """
    entities = {'"': "#quot;", "<": "#lt;", ">": "#gt;", "#": "#35;", "&": "#amp;"}
    entities |= {"%": "#37;", "\\": "#92;", "`": "#96;", ";": "#59;"}
    return "".join(entities.get(char, char) for char in legible(text))
