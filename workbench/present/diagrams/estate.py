"""The whole estate: every table by its name, in a frame for each service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
from workbench.present.theme import GREY, Colour
from workbench.snapshot import records


def estate_scene(
    structure: Structure, references: Sequence[Reference], colours: Mapping[str, Colour]
) -> Scene:
    """Return all tables but platform's, views where something is drawn to or from them, an edge for every pair."""
    pairs: dict[tuple[int, int], list[Reference]] = {}
    for reference in references:
        one = number_of(structure, reference.source)
        other = number_of(structure, reference.target)
        if one is not None and other is not None and one != other:
            pairs.setdefault((one, other), []).append(reference)
    rows = records(structure.tables)
    joined = {number for pair in pairs for number in pair}
    shown = {
        number: Box(
            anchor_of(structure.end(number)),
            row["table"],
            "name",
            row["service"],
            colours.get(row["service"] or "", GREY),
            tip=f"{row['schema']}.{row['table']}\n{RELKINDS[row['relkind']]} of {row['service'] or 'nobody'}",
        )
        for number, row in enumerate(rows)
        if row["standing"] != "platform" and (number in joined or row["relkind"] in "rpf")
    }
    edges = [
        Edge(
            shown[one].id,
            shown[other].id,
            strongest(found),
            weight=len(found),
            loud=any(map(violates, found)),
            tip=tell_all(sorted(found, key=lambda r: r.key)),
            services=(rows[one]["service"] or "", rows[other]["service"] or ""),
        )
        for (one, other), found in sorted(pairs.items())
        if one in shown and other in shown
    ]
    return Scene(tuple(shown.values()), tuple(edges), groups=True)
