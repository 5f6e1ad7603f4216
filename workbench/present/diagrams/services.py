"""The graph of services: who refers to whom, how often, and by what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from workbench.estate.facts import Service
from workbench.model import Reference
from workbench.present.diagrams.scene import (
    Box,
    Edge,
    Row,
    Scene,
    strongest,
    tell_all,
    violates,
)
from workbench.present.text import slug
from workbench.present.theme import GREY, Colour

MOST_LINES = 60  # more are no picture; the other pairs are rows of the service that refers

Pair = tuple[str, str]


def pairs_of(references: Iterable[Reference]) -> dict[Pair, list[Reference]]:
    """Return the references that leave their service, by the service they leave and the one they refer to."""
    found: dict[Pair, list[Reference]] = {}
    for reference in references:
        one, target = reference.source.service, reference.target
        if reference.crosses and one is not None and target is not None and target.service:
            found.setdefault((one, target.service), []).append(reference)
    return {pair: sorted(found[pair], key=lambda r: r.key) for pair in sorted(found)}


def service_scene(
    pairs: Mapping[Pair, Sequence[Reference]],
    services: Iterable[Service],
    colours: Mapping[str, Colour],
) -> Scene:
    """Return a box for every service and an edge for every pair of which one refers to the other."""
    outside = {service.name: service.external for service in services}
    names = sorted({*outside, *(name for pair in pairs for name in pair)})
    boxes = []
    for name in names:
        to = [(other, len(found)) for (one, other), found in pairs.items() if one == name]
        by = [(one, len(found)) for (one, other), found in pairs.items() if other == name]
        tip = [name + (" (external)" if outside.get(name) else ""), *_told("refers to", to)]
        boxes.append(
            Box(
                slug("service", name),
                name,
                "outside" if outside.get(name) else "service",
                name,
                colours.get(name, GREY),
                tip="\n".join([*tip, *_told("referred to by", by)]),
            )
        )
    edges = [
        Edge(
            slug("service", one),
            slug("service", other),
            strongest(found),
            label=_figure(found),
            weight=len(found),
            loud=any(map(violates, found)),
            tip=f"{one} → {other}: {len(found):,} references\n{tell_all(found)}",
            services=(one, other),
        )
        for (one, other), found in pairs.items()
    ]
    edges.sort(key=lambda e: (not e.loud, -e.weight, e.order))
    written: dict[str, list[Edge]] = {}
    for edge in edges[MOST_LINES:]:
        written.setdefault(edge.tail, []).append(edge)
    boxes = [replace(box, rows=_rows(written.get(box.id, ()))) for box in boxes]
    return Scene(tuple(boxes), tuple(edges[:MOST_LINES]), weighted=True)


def _rows(edges: Sequence[Edge]) -> tuple[Row, ...]:
    """Return what a service refers to without a line."""
    return tuple(
        Row(f"to{at}", f"→ {edge.services[1]}", edge.label, instead=edge, names=(edge.services[1],))
        for at, edge in enumerate(edges)
    )


def _told(verb: str, ends: Sequence[tuple[str, int]]) -> list[str]:
    if not ends:
        return [f"{verb} no other service"]
    most = sorted(ends, key=lambda end: (-end[1], end[0]))
    named = ", ".join(f"{name} ({count:,})" for name, count in most[:8])
    return [f"{verb} {named}{f' and {len(most) - 8:,} more' if len(most) > 8 else ''}"]


def _figure(references: Sequence[Reference]) -> str:
    keys, total = sum(map(violates, references)), len(references)
    if not keys:
        return f"{total:,}"
    said = f"{keys:,} foreign key{'' if keys == 1 else 's'}"
    return said if keys == total else f"{total:,} · {said}"
