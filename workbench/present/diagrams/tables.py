"""Tables with their key columns, and what joins them: the scene of a service and of a neighbourhood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from workbench.analyse.references.structure import RELKINDS, Structure
from workbench.model import Reference, ReferenceEnd
from workbench.present.diagrams.scene import (
    Box,
    Edge,
    Row,
    Scene,
    anchor_of,
    tell_all,
    violates,
)
from workbench.present.text import legible, slug
from workbench.present.theme import GREY, Colour
from workbench.snapshot import records

MOST_ROWS = 12  # columns of a box; "+N more" stands for the others
GATHERED = (
    3  # tables of another service that refer to one table; more are one stub with their number
)
HUB = 12  # edges that reach one box; where there are more, each is a note in its row

_Ends = tuple[str, str, str, str]


def number_of(structure: Structure, end: ReferenceEnd | None) -> int | None:
    """Return the number of the table that a reference's end is in; None for what is no table here."""
    if end is None or None in (end.instance, end.database, end.schema):
        return None
    name = end.table or end.object
    return structure.named(end.instance or "", end.database or "", end.schema or "", name or "")


def table_scene(
    structure: Structure,
    references: Sequence[Reference],
    shown: Iterable[int],
    colours: Mapping[str, Colour],
    *,
    unique: bool = True,
    strong: int | None = None,
) -> Scene:
    """Return the tables ``shown``, their key columns, and references between them and to stubs of all others.

    ``unique`` shows columns of unique keys too; ``strong`` is the table that the picture is about.
    """
    tables = _Tables(structure, frozenset(shown), colours)
    ends = [(tables.end(r.source), tables.end(r.target), r) for r in references]
    ends = [(one, other, r) for one, other, r in ends if tables.numbers & {one[0], other[0]}]
    gathered = _gathered(ends, tables.numbers)
    edges: dict[tuple[object, ...], list[Reference]] = {}
    stubs: dict[str, Box] = {}
    for (one, source), (other, target), reference in ends:
        tail, tail_port = tables.place(one, source)
        head, head_port = tables.place(other, target)
        if other is None:
            stubs[head] = tables.stub(target)
        if one is None and (source.service, other) in gathered:
            count = gathered[source.service, other]
            tail = slug("stub", source.service, head)
            name = f"{source.service or 'nobody'}: {count} tables"
            colour = colours.get(source.service or "", GREY)
            stubs[tail] = Box(tail, name, "stub", source.service, colour)
        elif one is None:
            stubs[tail] = tables.stub(source)
        what = (tail, tail_port, head, head_port, reference.kind, violates(reference))
        edges.setdefault(what, []).append(reference)
    drawn = [_edge(what, edges[what], tables) for what in sorted(edges, key=str)]
    boxes = tables.boxes([r for _, _, r in ends], unique, strong)
    return _without_hubs(Scene((*boxes, *stubs.values()), tuple(drawn)))


def _gathered(
    ends: Sequence[
        tuple[tuple[int | None, ReferenceEnd], tuple[int | None, ReferenceEnd], Reference]
    ],
    numbers: frozenset[int],
) -> dict[tuple[str | None, int | None], int]:
    """How many tables of another service refer to a table, where they are too many to show each."""
    found: dict[tuple[str | None, int | None], set[str]] = {}
    for (one, source), (other, _), _ in ends:
        if one is None and other in numbers:
            found.setdefault((source.service, other), set()).add(source.relation)
    reached: Counter[int | None] = Counter()
    for (_, other), names in found.items():
        reached[other] += len(names)
    return {
        (service, other): len(names)
        for (service, other), names in found.items()
        if len(names) > (GATHERED if reached[other] <= HUB else 1)
    }


class _Tables:
    """The shown tables: their columns by name, and what names and places they have in a scene."""

    def __init__(
        self, structure: Structure, numbers: frozenset[int], colours: Mapping[str, Colour]
    ) -> None:
        self.structure, self.numbers, self.colours = structure, numbers, colours
        mine = sorted(numbers)

        def of_shown(frame: Any) -> dict[int, list[dict[str, Any]]]:
            found: dict[int, list[dict[str, Any]]] = {number: [] for number in mine}
            for row in records(frame[frame["table"].isin(mine)]):
                found[row["table"]].append(row)
            return found

        self.columns = of_shown(structure.columns)
        self.keys = of_shown(structure.keys)
        self.indexes = of_shown(structure.indexes)
        self.ids = {number: anchor_of(structure.end(number)) for number in mine}
        self.ports = {
            number: {row["column"]: f"c{row['attnum']}" for row in rows}
            for number, rows in self.columns.items()
        }

    def end(self, end: ReferenceEnd | None) -> tuple[int | None, ReferenceEnd]:
        """The number of a shown table, and the end itself."""
        assert end is not None  # what is accepted has a target
        number = number_of(self.structure, end)
        return (number if number in self.numbers else None), end

    def place(self, number: int | None, end: ReferenceEnd) -> tuple[str, str]:
        if number is None:
            return self.stub(end).id, ""
        first = end.columns[0] if end.columns else ""
        return self.ids[number], self.ports[number].get(first, "")

    def stub(self, end: ReferenceEnd) -> Box:
        name = end.table or end.object
        label = end.service or "?" if name is None else f"{end.service or end.schema}.{name}"
        what = f"{end.object_kind or 'table'} {end.relation}" if name else "service"
        whose = f"{what} of {end.service}" if end.service else f"{what}: nobody's"
        colour = self.colours.get(end.service or "", GREY)
        return Box(f"stub-{anchor_of(end)}", label, "stub", end.service, colour, tip=whose)

    def boxes(
        self, references: Sequence[Reference], unique: bool, strong: int | None
    ) -> Iterable[Box]:
        leaving: dict[int, dict[str, tuple[str, ...]]] = {}
        reached: dict[int, set[str]] = {}
        for reference in references:
            one, source = self.end(reference.source)
            other, target = self.end(reference.target)
            if one is not None:
                leaving.setdefault(one, {}).update(dict.fromkeys(source.columns, source.columns))
            if other is not None:
                reached.setdefault(other, set()).update(target.columns)
        home = None if strong is None else self.structure.end(strong).service
        mine = sorted(self.numbers)
        for number, row in zip(mine, records(self.structure.tables.loc[mine]), strict=True):
            rows = self._rows(number, leaving.get(number, {}), reached.get(number, set()), unique)
            count = len(self.columns[number])
            what = f"{RELKINDS[row['relkind']]}, {count} column{'' if count == 1 else 's'}"
            tip = f"{row['schema']}.{row['table']}\n{what}"
            if row["comment"]:
                tip += f"\n{legible(row['comment'])[:300]}"
            yield Box(
                self.ids[number],
                self._label(row, home) if strong is not None else row["table"],
                "table",
                row["service"],
                self.colours.get(row["service"] or "", GREY),
                tuple(rows),
                tip,
                number == strong,
            )

    @staticmethod
    def _label(row: Mapping[str, Any], home: str | None) -> str:
        """A table's name, with its service where that is not the one at the centre."""
        if row["service"] == home:
            return str(row["table"])
        return f"{row['service'] or row['schema']}.{row['table']}"

    def _rows(
        self,
        number: int,
        leaving: Mapping[str, tuple[str, ...]],
        reached: set[str],
        unique: bool,
    ) -> list[Row]:
        keys = self.keys[number]
        primary = next((key["columns"] for key in keys if key["primary"]), ())
        others = [key for key in keys if not key["primary"]]
        in_unique = {column for key in others for column in key["columns"]}
        wanted = [*primary]
        for group in (set(leaving), reached, in_unique if unique else set()):
            named = [r["column"] for r in self.columns[number] if r["column"] in group]
            wanted += [name for name in named if name not in wanted]
        facts = {row["column"]: row for row in self.columns[number]}
        wanted = [name for name in wanted if name in facts]
        rows = []
        for name in wanted:
            marks = ["PK"] if name in primary else []
            marks += ["UQ"] if name in in_unique else []
            tip = [f"{name} {facts[name]['type']}{', not null' if facts[name]['not_null'] else ''}"]
            tip += [
                f"{'primary key' if key['primary'] else 'unique'} ({', '.join(key['columns'])})"
                for key in keys
                if name in key["columns"]
            ]
            if name in leaving:
                tip.append(self._indexed(number, leaving[name]))
            rows.append(
                Row(
                    self.ports[number][name],
                    name,
                    " ".join(marks),
                    tuple(marks),
                    facts[name]["type"],
                    "\n".join(tip),
                    refers=name in leaving,
                )
            )
        if len(rows) > MOST_ROWS:
            hidden = rows[MOST_ROWS:]
            told = ", ".join(row.text for row in hidden[:20])
            names = tuple(row.text for row in hidden)
            more = Row("more", f"+{len(hidden)} more", tip=told, muted=True, names=names)
            rows = [*rows[:MOST_ROWS], more]
        return rows

    def _indexed(self, number: int, columns: tuple[str, ...]) -> str:
        for index in self.indexes[number]:
            if set(index["columns"][: len(columns)]) == set(columns):
                return f"index {index['name']}{' (partial)' if index['partial'] else ''}"
        return "no index begins with it"

    def nullable(self, number: int | None, column: str) -> bool:
        if number is None:
            return True
        return not any(row["column"] == column and row["not_null"] for row in self.columns[number])


def _edge(what: tuple[Any, ...], references: Sequence[Reference], tables: _Tables) -> Edge:
    tail, tail_port, head, head_port, kind, loud = what
    references = sorted(references, key=lambda r: r.key)
    first = references[0]
    count = f"{len(references):,}" if len(references) > 1 else ""
    said = "foreign keys" if count else "foreign key"
    label = f"{count} {said}".strip() if loud else count
    number, source = tables.end(first.source)
    return Edge(
        tail,
        head,
        kind,
        tail_port,
        head_port,
        label,
        len(references),
        loud,
        tell_all(references),
        (
            first.source.service or "",
            (first.target.service if first.target else None) or "",
        ),
        tables.nullable(number, source.columns[0] if source.columns else ""),
    )


def _without_hubs(scene: Scene) -> Scene:
    """Write what many refer to into the rows that refer to it, and let edges end where there are rows.

    Fifty lines to one box tell nothing that its name beside fifty columns does not tell better.
    """
    ports = {box.id: {row.port for row in box.rows} for box in scene.boxes}

    def port(box: str, wanted: str) -> str:
        if not wanted or wanted in ports[box]:
            return wanted
        return "more" if "more" in ports[box] else ""

    edges = [
        replace(e, tail_port=port(e.tail, e.tail_port), head_port=port(e.head, e.head_port))
        for e in scene.edges
    ]
    reached = Counter(edge.head for edge in edges if edge.tail_port and edge.tail != edge.head)
    hubs = {name for name, count in reached.items() if count > HUB and not scene.index[name].strong}
    noted: dict[tuple[str, str], Edge] = {}
    kept = []
    for edge in edges:
        at = (edge.tail, edge.tail_port)
        own = edge.tail == edge.head
        if edge.head in hubs and not own and edge.tail_port not in ("", "more") and at not in noted:
            noted[at] = edge
        else:
            kept.append(edge)
    boxes = []
    for box in scene.boxes:
        rows = []
        for row in box.rows:
            told = noted.get((box.id, row.port))
            rows.append(_noted(row, told, scene) if told else row)
        if box.id in hubs:
            count = sum(e.weight for e in noted.values() if e.head == box.id)
            if box.form == "table":
                rows.append(Row("noted", f"← {count:,} references without a line", muted=True))
            else:
                box = replace(box, label=f"{box.label} ← {count:,}")
        boxes.append(replace(box, rows=tuple(rows)))
    return Scene(tuple(boxes), tuple(kept), keys=True)


def _noted(row: Row, edge: Edge, scene: Scene) -> Row:
    name = scene.index[edge.head].label
    arrow = "→" if edge.kind == "foreign_key" else "⇢"
    note = f"{row.note} {arrow} {name}".strip() + (" · foreign key" if edge.loud else "")
    return replace(row, note=note, instead=edge)
