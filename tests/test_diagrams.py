"""Diagrams: what is drawn, how it reads, and that no name from a database breaks a form."""

import os
import random
import re
import shutil
import tempfile
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import sync_playwright
from pygraphviz import AGraph

import workbench as wb
from benchmarks.diagrams import made_up
from workbench.analyse.references.structure import Structure, read_structure
from workbench.estate.facts import Service
from workbench.model import Candidate, Reference, ReferenceEnd
from workbench.present.diagrams import (
    anchor_of,
    er_diagram,
    estate_diagram,
    neighbourhood,
    service_diagram,
)
from workbench.present.diagrams.layout import lay_out
from workbench.present.theme import css_variables, service_colours
from workbench.share import reference_estate
from workbench.snapshot import newest_first, records

SVG = "{http://www.w3.org/2000/svg}"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HOSTILE = (
    'a"b',
    "<script>alert(1)</script>",
    "$(x)",
    "back\\",
    "\\N",
    "a%b#c;d`e&amp;",
    "]]>",
    "--> b",
    "line\nbreak",
    "\u202eturned",
    "名" * 21,
    "o'clock {x} [y] | z",
    "end",
)


# -- what they are drawn from


@pytest.fixture(scope="module")
def marketplace():
    """The recorded estate: its structure, its foreign keys and views as references, its services."""
    folder = reference_estate("marketplace")
    estate = wb.load_estate(folder)
    snapshot = next(iter(newest_first(folder / "history", estate)))
    structure = read_structure(snapshot)
    found = []
    for row in records(snapshot.frame("constraints")):
        if row["contype"] != "f":
            continue
        place = (row["instance"], row["database"])
        one = structure.number(*place, row["relation_oid"])
        other = structure.number(*place, row["referenced_oid"])
        columns = structure.column_names(one, tuple(map(int, row["conkey"])))
        keys = structure.column_names(other, tuple(map(int, row["confkey"])))
        said = (f"constraint {row['conname']}",)
        found.append(
            Reference(
                structure.end(one, columns),
                structure.end(other, keys),
                "foreign_key",
                evidence=said,
            )
        )
    users = structure.named("main", "hos_marketplace", "auth_service", "users")
    for number, row in enumerate(records(structure.tables)):
        if row["table"] == "v_users":
            found.append(Reference(structure.end(number), structure.end(users), "view"))
    carts = structure.named("main", "hos_marketplace", "order_service", "carts")
    found.append(
        Reference(
            structure.end(carts, ("user_id",)),
            structure.end(users, ("id",)),
            "inferred",
            confidence=0.91,
            evidence=("longest suffix names the table",),
        )
    )
    return structure, found, estate.services


def table_of(structure, name):
    return next(n for n, row in enumerate(records(structure.tables)) if row["table"] == name)


def tables(spec, service="shop"):
    """A structure from ``{table: "key* column unique!"}``: ``*`` in the primary key, ``!`` unique."""
    columns, keys = [], []
    for number, text in enumerate(spec.values()):
        words = text.split()
        for at, word in enumerate(words, 1):
            columns.append((number, at, word.rstrip("*!"), "bigint", "b", True, False, None))
        primary = tuple(w[:-1] for w in words if w.endswith("*"))
        if primary:
            keys.append((number, f"t{number}_pkey", primary, True))
        keys += [(number, f"t{number}_key", (w[:-1],), False) for w in words if w.endswith("!")]
    rows = [("main", "d", service, name, "r", service, "owned", 1, None) for name in spec]
    names = ["table", "attnum", "column", "type", "type_kind", "not_null", "generated", "comment"]
    places = [
        "instance",
        "database",
        "schema",
        "table",
        "relkind",
        "service",
        "standing",
        "oid",
        "comment",
    ]
    return Structure(
        pd.DataFrame(rows, columns=places),
        pd.DataFrame(columns, columns=names),
        pd.DataFrame(keys, columns=["table", "name", "columns", "primary"]),
        pd.DataFrame(columns=["table", "name", "columns", "partial"]),
    )


def end(service, table=None, *columns):
    if table is None:
        return ReferenceEnd(service)
    return ReferenceEnd(service, "main", "d", service, table, columns, None, "table")


def between(one, other, kind="foreign_key", **more):
    """A reference written ``service.table.column``."""
    return Reference(end(*one.split(".")), end(*other.split(".")), kind, **more)


# -- what is read back from an SVG


class Drawn:
    """An SVG as a script on the page would find it."""

    def __init__(self, diagram):
        self.root = ElementTree.fromstring(diagram.render("svg"))
        self.groups = list(self.root.iter(f"{SVG}g"))

    def of(self, name):
        return [g for g in self.groups if name in g.get("class", "").split()]

    @property
    def edges(self):
        return self.of("wb-edge")

    def edge(self, one, other):
        (found,) = [
            g
            for g in self.edges
            if one in g.get("data-from").split(".") and other in g.get("data-to").split(".")
        ]
        return found

    def box(self, name):
        (found,) = [g for g in self.of("wb-box") if name in words(g)]
        return found


def words(group):
    return [node.text for node in group.iter(f"{SVG}text")]


def tip(group):
    return group.find(f"{SVG}title").text


def line(group):
    return next(p for p in group.iter(f"{SVG}path") if "var" in p.get("stroke", ""))


def colours_of(*services):
    return service_colours(services)


# -- services


def graph(references, services=("auth", "order", "shop"), **more):
    known = [Service(name) for name in services]
    return service_diagram(references, known, colours_of(*services), **more)


def test_an_arrow_counts_the_references_and_says_which_are_foreign_keys():
    references = [
        between("order.orders.user_id", "auth.users.id", evidence=("constraint orders_fk",)),
        between("order.carts.user_id", "auth.users.id", "inferred"),
        between("shop.likes.user_id", "auth.users.id", "join"),
        between("auth.tokens.user_id", "auth.users.id"),
    ]
    diagram = graph(references)
    drawn = Drawn(diagram)
    assert len(drawn.edges) == 2
    loud, quiet = (
        drawn.edge("service-order", "service-auth"),
        drawn.edge("service-shop", "service-auth"),
    )
    assert (loud.get("data-weight"), loud.get("data-kind")) == ("2", "foreign_key")
    assert (loud.get("data-service"), loud.get("data-to-service")) == ("order", "auth")
    assert "order.orders(user_id) → auth.users(id) (foreign key)" in tip(loud)
    assert "wb-loud" in loud.get("class")
    assert float(line(loud).get("stroke-width")) > float(line(quiet).get("stroke-width")) + 1
    assert [w for g in drawn.of("wb-label") for w in words(g)].count("2 · 1 foreign key") == 1
    assert diagram.title == "3 references between services, of which 1 is a foreign key"


def test_an_external_service_is_dashed_and_one_without_references_is_there():
    services = [Service("order"), Service("stripe", external=True), Service("alone")]
    reference = Reference(end("order", "payments", "charge_id"), end("stripe"), "declared")
    drawn = Drawn(service_diagram([reference], services, colours_of("order", "stripe", "alone")))
    outline = {name: drawn.box(name).find(f"{SVG}rect") for name in ("order", "stripe", "alone")}
    assert outline["stripe"].get("stroke-dasharray")
    assert outline["order"].get("stroke-dasharray") is None
    assert "refers to no other service" in tip(drawn.box("alone"))


def test_of_many_pairs_the_heaviest_are_lines_and_the_others_are_written_at_who_refers():
    _, references, services = made_up(1800, 300)
    diagram = service_diagram(references, services, {})
    drawn = Drawn(diagram)
    pairs = {(r.source.service, r.target.service) for r in references if r.crosses}
    told = [(g.get("data-service"), g.get("data-to-service")) for g in drawn.edges]
    assert sorted(told) == sorted(pairs)
    lines = [g for g in drawn.edges if g.find(f"{SVG}path") is not None]
    assert len(lines) == 60
    assert f"{len(pairs) - 60} below the name" in diagram.notes[0]


# -- what is drawn at all


def test_only_what_is_accepted_is_drawn_and_audit_columns_where_asked():
    shop = tables({"items": "id* owner_id made_by"})
    users = end("auth", "users", "id")
    accepted = between("shop.items.owner_id", "auth.users.id", "inferred")
    open_ = replace(accepted, target=None, status="unresolved", candidates=(Candidate(users, 0.5),))
    rejected = replace(accepted, source=end("shop", "items", "id"), status="rejected")
    audit = between("shop.items.made_by", "auth.users.id", "inferred", group="audit")
    references = [accepted, open_, rejected, audit]
    for draw in (
        lambda **more: er_diagram(shop, references, "shop", {}, **more),
        lambda **more: graph(references, **more),
        lambda **more: neighbourhood(shop, [*references], 0, 1, {}, **more),
    ):
        diagram, whole = draw(), draw(audit=True)
        assert sum(int(g.get("data-weight")) for g in Drawn(diagram).edges) in (0, 1)
        assert diagram.notes[-1] == "1 reference of audit columns not drawn."
        assert not any("audit" in note for note in whole.notes)
    drawn = Drawn(er_diagram(shop, references, "shop", {}))
    assert len(drawn.edges) == 1
    assert len(Drawn(er_diagram(shop, references, "shop", {}, audit=True)).edges) == 2
    assert "made_by" not in words(drawn.box("items"))


@pytest.mark.parametrize(
    ("kind", "style"),
    [
        ("foreign_key", "solid"),
        ("declared", "dashed"),
        ("inferred", "dashed"),
        ("join", "dashed"),
        ("view", "dotted"),
        ("trigger", "dashdot"),
    ],
)
def test_a_kind_has_its_line_which_the_legend_explains(kind, style):
    shop = tables({"a": "id* b_id", "b": "id*"})
    other = "auth.b.id" if kind in ("view", "trigger") else "shop.b.id"
    drawn = Drawn(er_diagram(shop, [between("shop.a.b_id", other, kind)], "shop", {}))
    (edge,) = drawn.edges
    assert f"wb-{style}" in edge.get("class")
    dash = line(edge).get("stroke-dasharray")
    assert (dash is None) == (style == "solid")
    (legend,) = drawn.of("wb-legend")
    assert next(p.get("stroke-dasharray") for p in legend.iter(f"{SVG}path")) == dash
    assert kind.replace("_", " ").removesuffix("erred") in " ".join(words(legend))


def test_a_foreign_key_that_leaves_its_service_is_thick_red_and_labelled():
    shop = tables({"a": "id* user_id b_id", "b": "id*"})
    references = [
        between("shop.a.user_id", "auth.users.id"),
        between("shop.a.b_id", "shop.b.id"),
    ]
    diagram = er_diagram(shop, references, "shop", {})
    drawn = Drawn(diagram)
    loud, quiet = drawn.edge("shop", "users"), drawn.edge("shop", "b")
    assert "--wb-accent" in line(loud).get("stroke")
    assert "--wb-accent" not in line(quiet).get("stroke")
    assert float(line(loud).get("stroke-width")) > 2 * float(line(quiet).get("stroke-width"))
    assert [words(g) for g in drawn.of("wb-label")] == [["foreign key"]]
    assert diagram.title == "shop refers to 1 other service, by a foreign key"
    near = Drawn(neighbourhood(shop, references, 0, 1, {}))
    assert [words(g) for g in near.of("wb-label")] == [["foreign key"]]


# -- tables


def test_a_table_shows_its_keys_and_references_and_nothing_else():
    shop = tables({"orders": "id* user_id number! note total", "users": "id*"})
    drawn = Drawn(er_diagram(shop, [between("shop.orders.user_id", "shop.users.id")], "shop", {}))
    assert words(drawn.box("orders")) == ["orders", "id", "PK", "user_id", "number", "UQ"]
    (row,) = [g for g in drawn.of("wb-row") if "user_id" in tip(g)]
    assert "user_id bigint, not null\nno index begins with it" in tip(row)


def test_a_wide_table_ends_with_how_many_more_and_lines_still_leave_it():
    many = [f"p{n}_id" for n in range(20)]
    shop = tables({"wide": f"id* {' '.join(many)}", **{f"p{n}": "id*" for n in range(20)}})
    references = [between(f"shop.wide.p{n}_id", f"shop.p{n}.id") for n in range(20)]
    diagram = er_diagram(shop, references, "shop", {})
    drawn = Drawn(diagram)
    assert words(drawn.box("wide"))[-1] == "+9 more"
    assert len(drawn.box("wide").findall(f"{SVG}text")) == 1 + 1 + 1 + 11 + 1  # name, id, PK, rows
    assert len(drawn.edges) == 20
    assert ":more:e" in diagram.dot


def test_a_line_to_its_own_table_stays_beside_it():
    shop = tables({"parts": "id* parent_id", "uses": "id* part_id", "boxes": "id* part_id"})
    references = [
        between("shop.parts.parent_id", "shop.parts.id", shape="self"),
        between("shop.uses.part_id", "shop.parts.id"),
        between("shop.boxes.part_id", "shop.parts.id"),
    ]
    diagram = er_diagram(shop, references, "shop", {})
    for patience in (60, 0.001):
        layout = lay_out(diagram.scene, patience)
        (loop,) = [c for c in layout.curves if c.edge.tail == c.edge.head]
        assert len(layout.curves) == 3
        box = diagram.scene.index[loop.edge.tail]
        x, y = layout.places[box.id]
        assert all(0 <= a - x - box.width <= 30 and y < b < y + box.height for a, b in loop.points)
        assert max(a for a, _ in loop.points) <= layout.width


def test_what_many_refer_to_is_named_in_their_rows():
    spec = {"users": "id*", **{f"t{n}": "id* user_id" for n in range(20)}}
    references = [between(f"shop.t{n}.user_id", "shop.users.id") for n in range(20)]
    drawn = Drawn(er_diagram(tables(spec), references, "shop", {}))
    assert [g for g in drawn.edges if g.find(f"{SVG}path") is not None] == []
    assert len(drawn.edges) == 20
    assert {g.get("data-to") for g in drawn.edges} == {"table-main.d.shop.users"}
    assert "← 20 references without a line" in words(drawn.box("users"))
    assert "→ users" in words(drawn.box("t7"))


def test_many_tables_of_another_service_are_one_stub():
    shop = tables({"users": "id*"})
    few = [between(f"a.t{n}.user_id", "shop.users.id", "inferred") for n in range(3)]
    many = [between(f"b.t{n}.user_id", "shop.users.id", "inferred") for n in range(5)]
    drawn = Drawn(er_diagram(shop, few + many, "shop", {}))
    assert sorted(w for g in drawn.of("wb-stub") for w in words(g)) == [
        "a.t0",
        "a.t1",
        "a.t2",
        "b: 5 tables",
    ]
    assert [g.get("data-weight") for g in drawn.edges if "b" in g.get("data-service")] == ["5"]


def test_a_neighbourhood_has_what_is_so_far_away_and_nothing_through_a_hub():
    spec = {"a": "id* b_id", "b": "id* c_id", "c": "id* d_id", "d": "id*"}
    spec |= {"hub": "id*", **{f"x{n}": "id* hub_id" for n in range(20)}}
    spec["a"] += " hub_id"
    shop = tables(spec)
    chain = [between(f"shop.{one}.{two}_id", f"shop.{two}.id") for one, two in ("ab", "bc", "cd")]
    chain.append(between("shop.a.hub_id", "shop.hub.id"))
    chain += [between(f"shop.x{n}.hub_id", "shop.hub.id") for n in range(20)]

    def names(distance):
        drawn = Drawn(neighbourhood(shop, chain, 0, distance, {}))
        return {words(g)[0] for g in drawn.of("wb-table")}

    assert names(1) == {"a", "b", "hub"}
    assert names(2) == {"a", "b", "c", "hub"}
    assert neighbourhood(shop, chain, 0, 1, {}).title == (
        "a refers to 2 tables; no table refers to it"
    )
    around = neighbourhood(shop, chain, 4, 1, {})
    assert len(Drawn(around).of("wb-table")) == 22


def test_a_neighbourhood_of_too_many_says_how_many_are_missing():
    spec = {"hub": "id*", **{f"x{n}": "id* hub_id" for n in range(60)}}
    references = [between(f"shop.x{n}.hub_id", "shop.hub.id") for n in range(60)]
    diagram = neighbourhood(tables(spec), references, 0, 1, {})
    assert len(Drawn(diagram).of("wb-table")) == 40
    assert "+21 tables not shown." in diagram.notes


# -- the recorded estate


def test_the_recorded_estate_has_every_table_once_and_no_platform(marketplace):
    structure, references, services = marketplace
    colours = service_colours(s.name for s in services)
    drawn = Drawn(estate_diagram(structure, references, colours))
    ids = [g.get("id") for g in drawn.of("wb-name")]
    owned = structure.tables[structure.tables["standing"] != "platform"]
    wanted = {anchor_of(structure.end(n)) for n in owned.index[owned["relkind"] != "v"]}
    assert wanted <= set(ids)
    assert len(ids) == len(set(ids))
    assert not [i for i in ids if "prisma" in i]
    titles = [words(g)[0] for g in drawn.of("wb-title")]
    assert set(titles) == {*owned["service"].dropna(), "no service"}


def test_a_service_of_the_recorded_estate_reads_as_its_catalogue_says(marketplace):
    structure, references, services = marketplace
    colours = service_colours(s.name for s in services)
    diagram = er_diagram(structure, references, "order", colours)
    drawn = Drawn(diagram)
    edge = drawn.edge("order_items", "orders")
    assert "constraint order_items_order_id_fkey" in tip(edge)
    assert "inferred, 91% sure" in tip(drawn.edge("carts", "users"))
    mine = structure.tables[structure.tables["service"].eq("order")]
    names = {words(g)[0] for g in drawn.of("wb-table")}
    assert set(mine.loc[mine["relkind"] != "v", "table"]) <= names
    assert (
        "order_service.order_items(order_id) to order_service.orders(id) by foreign key"
        in diagram.alt
    )
    swatch = colours["order"].css
    assert any(r.get("fill") == swatch for r in drawn.box("orders").iter(f"{SVG}rect"))


# -- shape


def every_diagram(count, services):
    structure, references, owners = made_up(count, services)
    colours = service_colours(owner.name for owner in owners)
    yield er_diagram(structure, references, owners[0].name, colours)
    yield neighbourhood(structure, references, 0, 2, colours)
    yield service_diagram(references, owners, colours)
    yield estate_diagram(structure, references, colours)


@pytest.mark.parametrize(("count", "services"), [(5, 2), (30, 1), (100, 1), (1000, 30)])
def test_no_box_lies_on_another_and_the_sheet_is_no_ribbon(count, services):
    for diagram in every_diagram(count, services):
        layout = lay_out(diagram.scene)
        assert layout.complete
        boxes = sorted((*layout.places[b.id], b.width, b.height) for b in diagram.scene.boxes)
        for at, (x, y, wide, high) in enumerate(boxes):
            for left, top, _, tall in boxes[at + 1 :]:
                if left >= x + wide:
                    break
                assert top >= y + high or top + tall <= y
        if len(boxes) > 20:
            assert 0.3 < layout.width / layout.height < 3.5
        assert all(x >= 0 and x + wide <= layout.width + 1 for x, _, wide, _ in boxes)


@pytest.mark.parametrize("more", [[], [(3, 20), (30, 2), (5, 9), (6, 12)]])
def test_a_long_chain_is_folded_like_text(more):
    names = [f"service{n:02}" for n in range(44)]
    pairs = [(n, n + 1) for n in range(43)] + more
    references = [between(f"{names[a]}.t.x_id", f"{names[b]}.t.id", "join") for a, b in pairs]
    scene = service_diagram(references, [Service(name) for name in names], {}).scene
    layout = lay_out(scene)
    assert 0.8 < layout.width / layout.height < 2.5
    rows = {}
    for box in scene.boxes:
        x, y = layout.places[box.id]
        assert 0 <= x <= layout.width - box.width
        assert 0 <= y <= layout.height - box.height
        rows.setdefault(y, []).append((x, x + box.width, box.id))
    for row in rows.values():
        row.sort()
        assert all(one[1] < other[0] for one, other in pairwise(row))
    if not more:
        read = [name for y in sorted(rows) for _, _, name in rows[y]]
        assert read == [f"service-{name}" for name in names]
    assert len(layout.curves) == len(pairs)
    for curve in layout.curves:
        assert all(0 <= x <= layout.width and 0 <= y <= layout.height for x, y in curve.points)
        for (x, y), name in ((curve.points[0], curve.edge.tail), (curve.tip, curve.edge.head)):
            box, (left, top) = scene.index[name], layout.places[name]
            assert left - 2 <= x <= left + box.width + 2
            assert top - 2 <= y <= top + box.height + 2


def test_what_is_held_together_by_many_lines_is_not_cut():
    names = [f"service{n:02}" for n in range(24)]
    pairs = [(a, b) for a in range(24) for b in (a + 1, a + 2, a + 7) if b < 24]
    references = [between(f"{names[a]}.t.x_id", f"{names[b]}.t.id", "join") for a, b in pairs]
    scene = service_diagram(references, [Service(name) for name in names], {}).scene
    places = lay_out(scene).places
    assert all(places[e.tail][0] < places[e.head][0] for e in scene.edges)  # left to right


def test_without_an_answer_of_graphviz_there_is_still_a_picture_of_everything():
    structure, references, _ = made_up(30, 1)
    scene = er_diagram(structure, references, "s0", {}).scene
    layout = lay_out(scene, patience=0.001)
    assert not layout.complete
    assert set(layout.places) == {box.id for box in scene.boxes}
    assert len(layout.curves) == len(scene.edges)


def test_a_machine_without_fonts_draws_the_same(tmp_path, monkeypatch):
    structure, references, _ = made_up(12, 2)
    before = er_diagram(structure, references, "s0", {}).render("svg")
    config = tmp_path / "fonts.conf"
    config.write_text(f"<fontconfig><cachedir>{tmp_path}</cachedir></fontconfig>")
    monkeypatch.setenv("FONTCONFIG_FILE", str(config))
    diagram = er_diagram(structure, references, "s0", {})
    assert diagram.render("svg") == before
    assert diagram.render("pdf").count(b"DejaVu") > 0


# -- forms


def test_the_same_references_in_any_order_give_the_same_bytes():
    structure, references, services = made_up(40, 3)
    shuffled = list(references)
    random.Random(1).shuffle(shuffled)
    for draw in (
        lambda refs: er_diagram(structure, refs, "s0", {}),
        lambda refs: service_diagram(refs, services, {}),
        lambda refs: estate_diagram(structure, refs, {}),
        lambda refs: neighbourhood(structure, refs, 0, 2, {}),
    ):
        one, other = draw(references), draw(shuffled)
        assert (one.dot, one.mermaid(), one.alt) == (other.dot, other.mermaid(), other.alt)
        assert one.render("svg") == other.render("svg")
    assert one.render("pdf") == other.render("pdf")


def test_nothing_to_draw_is_said_in_every_form():
    shop = tables({"a": "id*"})
    titles = {
        "No table of nobody is known": er_diagram(shop, [], "nobody", {}),
        "No reference leaves its service": service_diagram([], [], {}),
        "No table is known": estate_diagram(tables({}), [], {}),
        "No reference is known from or to a": neighbourhood(shop, [], 0, 2, {}),
    }
    for title, diagram in titles.items():
        assert diagram.title == title
        assert words(Drawn(diagram).of("wb-heading")[0])
        assert diagram.render("pdf")
        assert diagram.render("png")
        assert diagram.html()
        assert diagram.dot.startswith("digraph")


def test_pictures_are_png_and_pdf():
    structure, references, _ = made_up(12, 2)
    diagram = er_diagram(structure, references, "s0", {})
    with Image.open(BytesIO(diagram.render("png"))) as image:
        image.load()
        assert image.format == "PNG"
        assert len(image.convert("RGB").getcolors(1 << 24)) > 10
    assert diagram.render("pdf").startswith(b"%PDF-")


def test_an_svg_is_complete_names_itself_and_loads_nothing(marketplace):
    structure, references, services = marketplace
    colours = service_colours(s.name for s in services)
    diagram = er_diagram(structure, references, "order", colours)
    text = diagram.render("svg").decode()
    root = ElementTree.fromstring(text)
    assert [node.tag.removeprefix(SVG) for node in list(root)[:2]] == ["title", "desc"]
    assert root.find(f"{SVG}title").text == diagram.title
    assert "img" in root.get("role").split()
    assert re.findall(r"(?:https?:|url\(|@import|href|<script|<image|\bon\w+=)", text) == [
        "http:"  # the name of SVG itself
    ]
    ids = [node.get("id") for node in root.iter() if node.get("id")]
    assert len(ids) == len(set(ids))
    assert anchor_of(structure.end(table_of(structure, "orders"))) in ids
    assert "prefers-color-scheme:dark" in text
    for box in Drawn(diagram).of("wb-box"):
        assert box.get("tabindex") == "0"
        assert box.get("aria-label")
    page = diagram.html()
    assert "<style" not in page
    assert ' id="table-' in page
    assert ' id="table-' not in diagram.html(anchors=False)


def hostile():
    """Every table, column, service and evidence has a name that breaks something."""
    spec = dict.fromkeys(HOSTILE, "")
    structure = tables(spec, service=HOSTILE[1])
    columns = [
        (number, at, name, 'text"<b>', "b", True, False, None)
        for number in range(len(HOSTILE))
        for at, name in enumerate(HOSTILE, 1)
    ]
    keys = [(number, HOSTILE[0], (HOSTILE[number],), True) for number in range(len(HOSTILE))]
    structure = replace(
        structure,
        columns=pd.DataFrame(columns, columns=structure.columns.columns),
        keys=pd.DataFrame(keys, columns=structure.keys.columns),
    )
    kinds = ("foreign_key", "inferred", "view")
    references = [
        Reference(
            structure.end(at, (name,)),
            end(HOSTILE[at - 1], HOSTILE[at - 2], HOSTILE[at - 3]),
            kinds[at % 3],
            evidence=(name,),
        )
        for at, name in enumerate(HOSTILE)
    ]
    references += [
        Reference(structure.end(at, (name,)), structure.end(at - 1, (name,)), "join")
        for at, name in enumerate(HOSTILE)
    ]
    services = [Service(name) for name in HOSTILE]
    colours = service_colours(HOSTILE)
    return [
        service_diagram(references, services, colours),
        er_diagram(structure, references, HOSTILE[1], colours),
        neighbourhood(structure, references, 3, 2, colours),
        estate_diagram(structure, references, colours),
    ]


@pytest.mark.parametrize("which", range(4))
def test_no_name_breaks_a_form(which):
    diagram = hostile()[which]
    drawn = Drawn(diagram)
    assert {node.tag.removeprefix(SVG) for node in drawn.root.iter()} <= {
        "svg",
        "title",
        "desc",
        "style",
        "rect",
        "g",
        "path",
        "text",
    }
    assert any('a"b' in (word or "") for g in drawn.of("wb-box") for word in words(g))
    graph = AGraph(string=diagram.dot)
    assert set(graph.nodes()) == {box.id for box in diagram.scene.boxes}
    assert graph.number_of_edges() == len(diagram.scene.edges)
    graph.close()
    assert diagram.render("pdf")
    assert "<script>" not in diagram.html()


@pytest.fixture(scope="module")
def tab():
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH")
    flags = "--no-sandbox --disable-gpu --disable-quic --no-first-run"
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, headless=True, args=flags.split(), offline=True
        )
        yield context.new_page()
        context.close()


def test_mermaid_reads_what_is_written_for_it(tab):
    bundle = os.environ.get("WORKBENCH_MERMAID")
    if not bundle or not Path(bundle).is_file():
        pytest.skip("WORKBENCH_MERMAID names no mermaid.min.js (npm pack mermaid)")
    tab.set_content("<p></p>")
    tab.add_script_tag(path=bundle)
    read = "async t => { try { return (await mermaid.parse(t)).diagramType } catch (e) { return String(e) } }"
    assert "Parse error" in tab.evaluate(read, "erDiagram\n a {{{")
    for diagram in [*hostile(), *every_diagram(30, 4)]:
        text = diagram.mermaid()
        assert tab.evaluate(read, text) in ("er", "flowchart-v2"), text


def test_text_stays_in_its_box_in_a_browser(tab, marketplace):
    structure, references, services = marketplace
    colours = service_colours(s.name for s in services)
    measure = """() => [...document.querySelectorAll('.wb-box, .wb-label')].flatMap(group => {
        const box = group.querySelector('rect').getBBox()
        return [...group.querySelectorAll('text')].filter(text => {
            const own = text.getBBox()
            return own.x < box.x - 1 || own.x + own.width > box.x + box.width + 1
        }).map(text => text.textContent)
    })"""
    style = Path(wb.__file__).parent / "present" / "assets" / "report.css"
    pages = [
        er_diagram(structure, references, "order", colours),
        estate_diagram(structure, references, colours),
        *hostile(),
        *every_diagram(100, 3),
    ]
    for diagram in pages:
        tab.set_content(
            f"<style>{css_variables()}{style.read_text()}</style><main>{diagram.html()}</main>"
        )
        assert tab.evaluate(measure) == []
        assert tab.evaluate("document.querySelectorAll('.wb-box').length") > 0
