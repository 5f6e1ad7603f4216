"""The whole estate: every table by its name, in a frame for each service."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.analyse.references.structure import RELKINDS, Structure
from workbench.model import Reference
from workbench.present.diagrams.scene import (
    Box,
    Edge,
    Scene,
    anchor_of,
    strongest,
    tell_all,
    violates,
)
from workbench.present.diagrams.tables import number_of
from workbench.present.text import slug
from workbench.present.theme import GREY, Colour
from workbench.snapshot import records

PACKED = 150  # tables from which on lines inside services are left to the services' own diagrams
HUB = 8  # references to one table from other services; where there are more, one line a service


def estate_scene(
    structure: Structure, references: Sequence[Reference], colours: Mapping[str, Colour]
) -> Scene:
    """Return all tables but platform's, views where something is drawn to or from them, and what joins them.

    A table that many of other services refer to has one line from each service's name.
    """
    rows = records(structure.tables)
    pairs: dict[tuple[int, int], list[Reference]] = {}
    for reference in references:
        one = number_of(structure, reference.source)
        other = number_of(structure, reference.target)
        if one is not None and other is not None and one != other:
            pairs.setdefault((one, other), []).append(reference)
    joined = {number for pair in pairs for number in pair}
    shown = {
        number: _table(structure, number, row, colours)
        for number, row in enumerate(rows)
        if row["standing"] != "platform" and (number in joined or row["relkind"] in "rpf")
    }
    titles = {name: _title(name, colours) for name in {box.service for box in shown.values()}}
    packed = len(shown) > PACKED
    reached = Counter(b for a, b in pairs if rows[a]["service"] != rows[b]["service"])
    lines: dict[tuple[str, str, bool], list[Reference]] = {}
    for (one, other), found in sorted(pairs.items()):
        inside = rows[one]["service"] == rows[other]["service"]
        if one not in shown or other not in shown or (packed and inside):
            continue
        many = not inside and reached[other] > HUB
        tail = titles[rows[one]["service"]] if many else shown[one]
        for reference in found:
            line = (tail.id, shown[other].id, violates(reference))
            lines.setdefault(line, []).append(reference)
    edges = tuple(_edge(*line, lines[line]) for line in sorted(lines))
    return Scene((*shown.values(), *titles.values()), edges, groups=True, packed=packed)


def _table(
    structure: Structure, number: int, row: Mapping[str, Any], colours: Mapping[str, Colour]
) -> Box:
    service, kind = row["service"], RELKINDS[row["relkind"]]
    return Box(
        anchor_of(structure.end(number)),
        row["table"],
        "name",
        service,
        colours.get(service or "", GREY),
        tip=f"{row['schema']}.{row['table']}\n{kind} of {service or 'nobody'}",
    )


def _title(service: str | None, colours: Mapping[str, Colour]) -> Box:
    colour = colours.get(service or "", GREY)
    return Box(slug("service", service), service or "no service", "title", service, colour)


def _edge(tail: str, head: str, loud: bool, references: Sequence[Reference]) -> Edge:
    source, target = references[0].source, references[0].target
    count = f"{len(references):,} " if len(references) > 1 else ""
    return Edge(
        tail,
        head,
        strongest(references),
        label=f"{count}foreign key{'s' if count else ''}" if loud else "",
        weight=len(references),
        loud=loud,
        tip=tell_all(sorted(references, key=lambda r: r.key)),
        services=(source.service or "", (target.service if target else None) or ""),
    )
