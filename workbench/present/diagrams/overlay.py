"""What was added and removed between services, over what is as before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from workbench.estate.facts import Service
from workbench.present.diagrams.scene import Box, Edge, Mark, Scene
from workbench.present.text import slug
from workbench.present.theme import GREY, Colour

Pair = tuple[str, str]

MOST_LINES = 60
"""Lines of one picture; those as before give way."""

_MOST_TOLD = 12


def overlay_scene(
    added: Mapping[Pair, Sequence[str]],
    removed: Mapping[Pair, Sequence[str]],
    kept: Iterable[Pair],
    services: Iterable[Service],
    colours: Mapping[str, Colour],
) -> Scene:
    """Return a box for every service, and a line for every pair to which something was added, from which something was removed, or that is as before.

    ``added`` and ``removed`` say in a line each what it is.
    """
    marked = [
        *_edges("added", added, "+"),
        *_edges("removed", removed, "−"),
    ]
    marked.sort(key=lambda e: (-e.weight, e.order))
    changed = added.keys() | removed.keys()
    rest = sorted(set(kept) - changed)
    edges = [*marked[:MOST_LINES], *(_kept(pair) for pair in rest)][:MOST_LINES]
    outside = {s.name: s.external for s in services}
    names = sorted({*outside, *(name for pair in (*changed, *rest) for name in pair)})
    boxes = [
        Box(
            slug("service", name),
            name,
            "outside" if outside.get(name) else "service",
            name,
            colours.get(name, GREY),
            tip=name + (" (external)" if outside.get(name) else ""),
        )
        for name in names
    ]
    return Scene(tuple(boxes), tuple(edges), weighted=True)


def _edges(mark: Mark, pairs: Mapping[Pair, Sequence[str]], sign: str) -> Iterable[Edge]:
    for one, other in sorted(pairs):
        told = pairs[one, other]
        more = [f"and {len(told) - _MOST_TOLD:,} more"] if len(told) > _MOST_TOLD else []
        yield Edge(
            slug("service", one),
            slug("service", other),
            "declared",
            label=f"{sign}{len(told):,}",
            weight=len(told),
            loud=mark == "added",
            tip="\n".join([f"{one} → {other}: {mark}", *told[:_MOST_TOLD], *more]),
            services=(one, other),
            mark=mark,
        )


def _kept(pair: Pair) -> Edge:
    one, other = pair
    return Edge(
        slug("service", one),
        slug("service", other),
        "declared",
        tip=f"{one} → {other}: as before",
        services=pair,
        mark="kept",
    )
