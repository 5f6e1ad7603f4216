"""Diagrams of references: services, the tables of one, what surrounds a table, and on request the whole estate.

Only accepted references are drawn; those of audit columns where asked. A solid line is a foreign key, a dashed
one logical, a dotted one a view; a foreign key that leaves its service is thick, red and labelled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from workbench.analyse.references.structure import Structure
from workbench.estate.facts import Service
from workbench.model import COLUMN_KINDS, Reference
from workbench.present.diagrams import mermaid
from workbench.present.diagrams.dot import dot_text
from workbench.present.diagrams.estate import estate_scene
from workbench.present.diagrams.layout import Layout, lay_out
from workbench.present.diagrams.overlay import Pair, overlay_scene
from workbench.present.diagrams.picture import Picture, compose, legend_html, to_bytes, to_svg
from workbench.present.diagrams.scene import Scene, anchor_of, violates, written
from workbench.present.diagrams.services import pairs_of, service_scene
from workbench.present.diagrams.tables import HUB, number_of, table_scene
from workbench.present.text import brief, escape, legible
from workbench.present.theme import Colour

Format = Literal["svg", "png", "pdf"]
NEIGHBOURS = 40  # tables of a neighbourhood; the nearest, and of those the most referred to


@dataclass(frozen=True)
class Diagram:
    """A diagram: its message, and what it shows, ready to be written in any form. Displays itself in a notebook.

    ``notes`` say what is counted and what is left out; ``alt`` says the picture in words. ``links`` are addresses
    that boxes lead to on a page, by their id: ``slug("service", NAME)`` of a service, ``anchor_of`` of a table.
    """

    title: str
    alt: str = field(repr=False)
    notes: tuple[str, ...]
    scene: Scene = field(repr=False)
    links: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def dot(self) -> str:
        """The diagram as DOT: sorted, the same text for the same input."""
        return dot_text(self.scene, self.title)

    def mermaid(self) -> str:
        """Return the diagram as Mermaid: a flowchart of services, an erDiagram of tables."""
        return (
            mermaid.flowchart(self.scene) if self.scene.weighted else mermaid.er_diagram(self.scene)
        )

    def render(self, format: Format) -> bytes:
        """Return the picture with heading and legend: SVG for a file of its own, PNG or PDF."""
        picture = self._picture(heading=True)
        if format == "svg":
            return to_svg(picture, alone=True).encode()
        return to_bytes(picture, format)

    def html(self, *, anchors: bool = True) -> str:
        """Return a figure for a page, in a frame that scrolls; ``anchors`` for one diagram of each table on it."""
        picture = self._picture(heading=False)
        # what does not fit beside text is printed on a sheet of its own
        sheet = " wb-sheet" if picture.width > 880 or picture.height > 1100 else ""
        drawn = to_svg(picture, alone=False, anchors=anchors, links=self.links)
        notes = "".join(f'<p class="wb-sub">{escape(note)}</p>' for note in self.notes)
        return (
            f'<figure class="wb-figure{sheet}"><figcaption><p class="wb-message">{escape(self.title)}</p>'
            f'{notes}{legend_html(self.scene)}</figcaption><div class="wb-diagram-frame" tabindex="0" role="region" '
            f'aria-label="{escape(self.title)}">{drawn}</div></figure>'
        )

    def _repr_html_(self) -> str:
        return self.html()

    def _picture(self, *, heading: bool) -> Picture:
        layout = self._layout
        notes = self.notes
        if not layout.complete:
            notes = (
                *notes,
                "Drawn without graphviz, which gave no answer: lines may run over tables.",
            )
        return compose(
            self.scene,
            layout,
            title=self.title,
            notes=notes,
            alt=self.alt,
            heading=heading,
        )

    @cached_property
    def _layout(self) -> Layout:
        return lay_out(self.scene)


def service_diagram(
    references: Iterable[Reference],
    services: Iterable[Service],
    colours: Mapping[str, Colour],
    *,
    audit: bool = False,
) -> Diagram:
    """Return the graph of services: an edge with the number of references for each that refers to another.

    ``colours`` are those of ``service_colours``. External services are dashed. ``audit`` draws references of
    audit columns too.

    >>> from workbench.model import ReferenceEnd
    >>> declared = Reference(ReferenceEnd("order"), ReferenceEnd("auth"), "declared")
    >>> diagram = service_diagram([declared], [], {})
    >>> diagram.title
    '1 reference between services, of which none is a foreign key'
    >>> print(diagram.mermaid())
    flowchart LR
      n0["auth"]
      n1["order"]
      n1 -.->|"1"| n0
    ...
    """
    drawn, left_out = _drawn(references, audit)
    pairs = pairs_of(drawn)
    scene = service_scene(pairs, services, colours)
    crossing = [r for found in pairs.values() for r in found]
    total, keys = len(crossing), sum(map(violates, crossing))
    if total:
        title = f"{_count(total, 'reference')} between services, of which {_of(keys)} {_keys(keys)}"
    else:
        title = "No reference leaves its service"
    note = (
        f"{_count(len(scene.boxes), 'service')}, {_count(len(pairs), 'pair')} joined by references"
    )
    if hidden := len(pairs) - len(scene.edges):
        note += (
            f": {len(scene.edges):,} as lines, foreign keys and the most references first, "
            f"{hidden:,} below the name of the service that refers"
        )
    said = [f"{one} to {other}: {len(found)}" for (one, other), found in pairs.items()]
    return Diagram(title, _alt(title, said), (f"{note}.", *left_out), scene)


def overlay_diagram(
    added: Mapping[Pair, Sequence[str]],
    removed: Mapping[Pair, Sequence[str]],
    kept: Iterable[Pair],
    services: Iterable[Service],
    colours: Mapping[str, Colour],
) -> Diagram:
    """Return the graph of services with what was added to it and removed from it; the rest stays in the background.

    >>> print(overlay_diagram({("order", "auth"): ["order reads auth.users"]}, {}, [], [], {}).title)
    1 thing was added between services, none was removed
    """
    scene = overlay_scene(added, removed, kept, services, colours)
    more, fewer = (sum(map(len, pairs.values())) for pairs in (added, removed))
    were = f"{_count(more, 'thing')} {'was' if more == 1 else 'were'} added" if more else ""
    gone = f"{f'{fewer:,}' if more else _count(fewer, 'thing')} {'was' if fewer == 1 else 'were'} removed"
    title = f"{were} between services, {gone if fewer else 'none was removed'}"
    if not more:
        title = (
            f"{gone} between services, none was added" if fewer else "Nothing was added or removed"
        )
    drawn = sum(1 for edge in scene.edges if edge.mark == "kept")
    changed = len(added.keys() | removed.keys())
    note = f"References and crossings; {_count(changed, 'pair')} changed, {_count(drawn, 'pair')} as before"
    if (
        hidden := len(added)
        + len(removed)
        + len(set(kept) - added.keys() - removed.keys())
        - len(scene.edges)
    ):
        note += f"; {_count(hidden, 'line')} left out"
    said = [
        f"{one} to {other}: {len(held)} {word}"
        for word, pairs in (("added", added), ("removed", removed))
        for (one, other), held in sorted(pairs.items())
    ]
    return Diagram(title, _alt(title, said), (f"{note}.",), scene)


def er_diagram(
    structure: Structure,
    references: Iterable[Reference],
    service: str,
    colours: Mapping[str, Colour],
    *,
    audit: bool = False,
) -> Diagram:
    """Return a service's tables with their key columns: primary key, references, unique keys.

    Inside the service references of columns are drawn; those to and from other services are of every kind, and
    end in stubs.
    """
    drawn, left_out = _drawn(references, audit)
    mine = [
        r
        for r in drawn
        if r.target is not None
        and service in (r.source.service, r.target.service)
        and (r.source.service != r.target.service or r.kind in COLUMN_KINDS)
    ]
    owned = structure.tables["service"].eq(service)
    shown = set(structure.tables.index[owned & structure.tables["relkind"].isin(list("rpf"))])
    for reference in mine:
        for end in (reference.source, reference.target):
            number = number_of(structure, end)
            if number is not None and end is not None and end.service == service:
                shown.add(number)
    scene = table_scene(structure, mine, shown, colours)
    out = [r for r in mine if r.source.service == service and r.crosses]
    into = [r for r in mine if r.source.service != service and r.crosses]
    to = {r.target.service for r in out if r.target}
    by = {r.source.service for r in into}
    name = brief(service)
    if out:
        keys = sum(map(violates, out))
        title = (
            f"{name} refers to {_count(len(to), 'other service')}; "
            f"{_of(keys)} of its {len(out):,} crossing references {_keys(keys)}"
            if len(out) > 1
            else f"{name} refers to 1 other service, by {'a' if keys else 'no'} foreign key"
        )
    else:
        title = f"{name} refers to no other service"
    inside = len(mine) - len(out) - len(into)
    if not scene.boxes:
        title = f"No table of {name} is known"
    note = f"{_count(len(shown), 'table')}, key columns only; {_count(inside, 'reference')} inside the service"
    if into:
        note += f"; {_count(len(into), 'reference')} from {_count(len(by), 'other service')}"
    return Diagram(title, _alt(title, _said(mine)), (f"{note}.", *left_out), scene)


def neighbourhood(
    structure: Structure,
    references: Iterable[Reference],
    table_number: int,
    distance: int,
    colours: Mapping[str, Colour],
    *,
    audit: bool = False,
) -> Diagram:
    """Return a table and what refers to it or is referred to, up to ``distance`` references away.

    Beyond the table itself nothing is followed through a table with more than twelve neighbours. At most forty
    tables are shown; a note says how many are not.
    """
    drawn, left_out = _drawn(references, audit)
    ends = [(number_of(structure, r.source), number_of(structure, r.target), r) for r in drawn]
    near: dict[int, set[int]] = {}
    for one, other, _ in ends:
        if one is not None and other is not None and one != other:
            near.setdefault(one, set()).add(other)
            near.setdefault(other, set()).add(one)
    far = {table_number: 0}
    edge = {table_number}
    for step in range(1, distance + 1):
        open_ = [n for n in edge if n == table_number or len(near.get(n, ())) <= HUB]
        edge = {m for n in open_ for m in near.get(n, ())} - set(far)
        far |= dict.fromkeys(edge, step)
    order = sorted(far, key=lambda n: (far[n], -len(near.get(n, ())), n))
    shown = set(order[:NEIGHBOURS])
    mine = [
        r
        for one, other, r in ends
        if {one, other} <= shown or (table_number in (one, other) and None in (one, other))
    ]
    scene = table_scene(structure, mine, shown, colours, unique=False, strong=table_number)
    end = structure.end(table_number)
    name = brief(end.table)
    to = {other for one, other, _ in ends if one == table_number and other not in (None, one)}
    by = {one for one, other, _ in ends if other == table_number and one not in (None, other)}
    if to or by:
        title = f"{name} refers to {_some(len(to))}; {_some(len(by))} refer{'' if len(by) > 1 else 's'} to it"
    else:
        title = f"No reference is known from or to {name}"
    rest = len(far) - len(shown)
    notes = [f"{end.relation} and what is up to {_count(distance, 'reference')} away."]
    if rest:
        notes.append(f"+{_count(rest, 'table')} not shown.")
    return Diagram(title, _alt(title, _said(mine)), (*notes, *left_out), scene)


def estate_diagram(
    structure: Structure,
    references: Iterable[Reference],
    colours: Mapping[str, Colour],
    *,
    audit: bool = False,
) -> Diagram:
    """Return all tables of the estate by name, in a frame for each service: to be searched, not to be read."""
    drawn, left_out = _drawn(references, audit)
    scene = estate_scene(structure, drawn, colours)
    crossing = [r for r in drawn if r.crosses]
    keys = sum(map(violates, crossing))
    per = Counter(box.service for box in scene.boxes if box.form == "name")
    services = sum(1 for name in per if name)
    title = (
        f"{_count(sum(per.values()), 'table')} of {_count(services, 'service')}; "
        f"of {_count(len(crossing), 'reference')} between them {_of(keys)} {_keys(keys)}"
    )
    if not per:
        title = "No table is known"
    note = "Names only; lines between services run behind the tables"
    if scene.packed:
        note += ", those inside a service are in its own diagram"
    said = [
        f"{name or 'no service'}: {_count(count, 'table')}"
        for name, count in sorted(per.items(), key=lambda i: i[0] or "")
    ]
    return Diagram(title, _alt(title, said), (f"{note}.", *left_out), scene)


def _drawn(references: Iterable[Reference], audit: bool) -> tuple[list[Reference], list[str]]:
    """The references that are drawn, in order, and a sentence on those of audit columns that are not."""
    accepted = [r for r in references if r.status == "accepted" and r.target is not None]
    accepted.sort(key=lambda r: (r.key, r.kind))
    kept = [r for r in accepted if audit or r.group != "audit"]
    hidden = len(accepted) - len(kept)
    said = f"{_count(hidden, 'reference')} of audit columns not drawn."
    return kept, [said] if hidden else []


def _some(count: int) -> str:
    return _count(count, "table") if count else "no table"


def _of(count: int) -> str:
    return f"{count:,}" if count else "none"


def _keys(count: int) -> str:
    return "is a foreign key" if count <= 1 else "are foreign keys"


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _said(references: Sequence[Reference]) -> list[str]:
    return [
        f"{written(r.source)} to {written(r.target)} by {r.kind.replace('_', ' ')}"
        for r in references
        if r.target
    ]


def _alt(title: str, said: Sequence[str], most: int = 40) -> str:
    more = [f"and {len(said) - most:,} more"] if len(said) > most else []
    return legible(f"{title}. {'; '.join([*said[:most], *more])}".rstrip(". ") + ".")


__all__ = [
    "Diagram",
    "anchor_of",
    "er_diagram",
    "estate_diagram",
    "neighbourhood",
    "overlay_diagram",
    "service_diagram",
]
