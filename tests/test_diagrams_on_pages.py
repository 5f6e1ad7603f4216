"""Diagrams on a page in a browser: moving, searching, one node's neighbours, the legend as a filter; and without script."""

import re
import shutil
from dataclasses import replace

import pytest
from playwright.sync_api import sync_playwright

from benchmarks.diagrams import made_up
from test_diagrams import HOSTILE, hostile
from workbench.present.diagrams import (
    er_diagram,
    estate_diagram,
    neighbourhood,
    service_diagram,
    slug,
)
from workbench.present.html import Frame, Section, index_page, write_assets
from workbench.present.text import legible
from workbench.present.theme import service_colours

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FRAME = Frame("made up", "a day", True, "all of it", "from nowhere", "1")
SERVICE, ER, AROUND, ESTATE = range(4)

# a node is shown where the veil has a hole, or where there is no veil
SHOWN = """svg => {
    const veil = svg.parentElement.querySelector('.wb-veil')
    const ground = veil.querySelector('.wb-ground')
    const drawn = getComputedStyle(veil).display !== 'none'
    return [...svg.querySelectorAll('.wb-box')].filter(group => {
        const [x, y, wide, high] = ['x', 'y', 'width', 'height'].map(k => Number(group.querySelector('rect').getAttribute(k)))
        return !drawn || !ground.isPointInFill(new DOMPoint(x + wide / 2, y + high / 2))
    }).map(group => group.dataset.node)
}"""
VISIBLE_EDGES = """svg => [...svg.querySelectorAll('.wb-edge')].filter(g => g.getClientRects().length)
    .map(g => [g.dataset.kind, g.dataset.status])"""
PLACE = """(svg, [node, axis]) => {
    const box = [...svg.querySelectorAll('.wb-box')].find(g => g.dataset.node === node).querySelector('rect').getBBox()
    return axis === 'x' ? box.x + box.width / 2 : box.y + box.height / 2
}"""
INSIDE = """group => {
    const frame = group.closest('.wb-diagram-frame').getBoundingClientRect(), own = group.getBoundingClientRect()
    return own.left >= frame.left && own.right <= frame.right && own.top >= frame.top && own.bottom <= frame.bottom
}"""


@pytest.fixture(scope="module")
def diagrams():
    """One of every form, drawn from the same references."""
    structure, references, owners = made_up(60, 8)
    colours = service_colours(owner.name for owner in owners)
    pages = {slug("service", owner.name): f"service/{owner.name}.html" for owner in owners}
    return [
        replace(service_diagram(references, owners, colours), links=pages),
        er_diagram(structure, references, "s0", colours),
        neighbourhood(structure, references, 0, 1, colours),
        estate_diagram(structure, references, colours),
    ]


@pytest.fixture(scope="module")
def hostile_diagrams():
    return hostile()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, diagrams, hostile_diagrams):
    folder = tmp_path_factory.mktemp("report")
    write_assets(folder)
    many, owners = made_up(100, 1)[:2]
    crowded = er_diagram(many, owners, "s0", {})  # with tables that too many refer to for lines
    for name, shown in {"all": diagrams, "crowded": [crowded], "hostile": hostile_diagrams}.items():
        sections = [Section(f"Diagram {at}", diagram) for at, diagram in enumerate(shown)]
        text = index_page(FRAME, headline=None, sections=sections, runs=[])
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return folder, crowded


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH")
    flags = (
        "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags.split())
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page(browser):
    context = browser.new_context(offline=True, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("dialog", lambda dialog: page.complaints.append(dialog.message))
    page.on("request", lambda request: page.complaints.append(request.url))
    yield page
    context.close()


@pytest.fixture
def tab(page):
    """A tab without network; what it asks for or complains of fails the test."""
    page.complaints.clear()
    yield page
    page.emulate_media(media="screen")
    assert [c for c in page.complaints if not c.startswith(("file:", "data:"))] == []


def opened(tab, folder, name="all", which=ER):
    """A figure of a page, with its picture."""
    tab.goto((folder[0] / f"{name}.html").as_uri())
    figure = tab.locator("figure").nth(which)
    figure.scroll_into_view_if_needed()
    return figure, figure.locator("svg.wb-diagram")


def told(figure):
    return figure.locator("output").text_content()


def focused(tab):
    return tab.evaluate("document.activeElement.closest('g')?.dataset.node")


# -- search


def test_a_search_shows_what_it_finds_and_goes_from_one_to_the_next(tab, folder, diagrams):
    figure, svg = opened(tab, folder)
    boxes = diagrams[ER].scene.boxes
    wanted = {
        box.id
        for box in boxes
        if "table_1" in box.label or any("table_1" in r.text for r in box.rows)
    }
    assert 3 < len(wanted) < len(boxes)
    box = figure.locator("input[type=search]")
    box.fill("TABLE_1")
    assert set(svg.evaluate(SHOWN)) == wanted
    assert told(figure) == f"1 of {len(wanted)} found"
    for at in [*range(2, len(wanted) + 1), 1]:
        box.press("Enter")
        assert told(figure) == f"{at} of {len(wanted)} found"
    box.fill("s0_table_16")
    first = svg.locator(".wb-box[data-name=s0_table_16]")
    assert first.evaluate(INSIDE)  # the whole name first, then names in which it is, then columns
    box.press("Escape")
    assert (box.input_value(), told(figure)) == ("", "")
    assert len(svg.evaluate(SHOWN)) == len(boxes)


def test_a_search_is_of_columns_too_and_of_service_and_table_with_a_point(tab, folder, diagrams):
    figure, svg = opened(tab, folder)
    box = figure.locator("input[type=search]")
    box.fill("s0_table_0_id")
    scene = diagrams[ER].scene
    assert set(svg.evaluate(SHOWN)) == {
        box.id for box in scene.boxes if any(row.text == "s0_table_0_id" for row in box.rows)
    }
    box.fill("nowhere")
    assert (told(figure), svg.evaluate(SHOWN)) == ("nothing found", [])
    figure, svg = opened(tab, folder, which=ESTATE)
    figure.locator("input[type=search]").fill("s2.s2_")
    titles = {b.id for b in diagrams[ESTATE].scene.boxes if b.service == "s2" and b.form == "name"}
    assert set(svg.evaluate(SHOWN)) == titles


# -- one node and its neighbours

CHOOSE_EACH = """(svg, shown) => {
    const look = eval(shown)
    return [...svg.querySelectorAll('.wb-box')].map(group => {
        group.dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true}))
        return [group.dataset.node, look(svg)]
    })
}"""


@pytest.mark.parametrize("which", [SERVICE, ER, AROUND, ESTATE, "crowded"])
def test_a_click_shows_a_node_and_exactly_its_neighbours(tab, folder, diagrams, which):
    if which == "crowded":
        _, svg = opened(tab, folder, "crowded", 0)
        scene = folder[1].scene
        assert any(row.instead for box in scene.boxes for row in box.rows)
    else:
        _, svg = opened(tab, folder, which=which)
        scene = diagrams[which].scene
    found = {node: set(shown) for node, shown in svg.evaluate(CHOOSE_EACH, SHOWN)}
    assert set(found) == {box.id for box in scene.boxes}
    for box in scene.boxes:
        own = {box.id}
        if box.form == "title":  # stands for all that its service has
            own = {b.id for b in scene.boxes if b.service == box.service}
        near = [{e.tail, e.head} for e in scene.all_edges if {e.tail, e.head} & own]
        assert found[box.id] == own.union(*near)


def test_a_real_click_says_who_it_is_and_escape_clears(tab, folder, diagrams):
    figure, svg = opened(tab, folder, which=SERVICE)
    scene = diagrams[SERVICE].scene
    edges = [e for e in scene.edges if "service-s0" in (e.tail, e.head)]
    others = {e.tail for e in edges} | {e.head for e in edges}
    svg.locator(".wb-box[data-name=s0] rect").first.click()
    references = sum(e.weight for e in edges)
    assert told(figure) == (f"s0: {len(others) - 1} neighbours, {references} references · its page")
    assert tab.url.endswith(
        "all.html"
    )  # the link is for who has no script, and in a tab of its own
    link = figure.locator("output a")
    assert link.get_attribute("href") == "service/s0.html"
    assert figure.locator(".wb-veil .wb-lines path").count() >= 2 * len(edges)
    tab.keyboard.press("Escape")
    assert told(figure) == ""
    assert len(svg.evaluate(SHOWN)) == len(scene.boxes)


def test_an_address_of_a_table_shows_it(tab, folder, diagrams):
    name = next(box.id for box in reversed(diagrams[ER].scene.boxes) if box.form == "table")
    tab.goto(f"{(folder[0] / 'all.html').as_uri()}#{name}")
    group = tab.locator(f"[id='{name}']").first
    svg = tab.locator("svg.wb-diagram", has=group).first
    assert name in svg.evaluate(SHOWN)
    assert group.evaluate(INSIDE)


# -- the legend


def test_the_legend_hides_kinds_and_what_crosses_and_says_so(tab, folder, diagrams):
    figure, svg = opened(tab, folder)
    edges = diagrams[ER].scene.edges
    every = sorted([e.kind, e.status] for e in edges)
    assert sorted(svg.evaluate(VISIBLE_EDGES)) == every

    def press(text):
        button = figure.locator(".wb-lines button", has_text=text).first
        button.click()
        return button

    button = press("inferred")
    assert button.get_attribute("aria-pressed") == "false"
    left = [e for e in every if e[0] != "inferred" or e[1] == "violation"]
    assert len(left) < len(every)
    assert sorted(svg.evaluate(VISIBLE_EDGES)) == left
    press("inferred")
    press("foreign key across services")
    assert sorted(svg.evaluate(VISIBLE_EDGES)) == [e for e in every if e[1] != "violation"]
    press("foreign key across services")
    press("between services")
    assert sorted(svg.evaluate(VISIBLE_EDGES)) == [e for e in every if e[1] != "crossing"]
    press("between services")
    assert sorted(svg.evaluate(VISIBLE_EDGES)) == every


def test_what_is_hidden_makes_no_neighbours(tab, folder, diagrams):
    figure, svg = opened(tab, folder, which=AROUND)
    scene = diagrams[AROUND].scene
    (centre,) = [box.id for box in scene.boxes if box.strong]
    svg.locator(f".wb-box[data-node='{centre}']").click(position={"x": 30, "y": 10})
    figure.locator(".wb-lines button", has_text="foreign key").first.click()
    near = [e for e in scene.edges if centre in (e.tail, e.head) and e.kind != "foreign_key"]
    wanted = {centre}.union(*({e.tail, e.head} for e in near))
    assert set(svg.evaluate(SHOWN)) == wanted
    assert len(wanted) < len(scene.boxes)


# -- moving


def test_it_zooms_where_the_pointer_is_and_moves_with_it(tab, folder):
    figure, svg = opened(tab, folder)
    frame = figure.locator(".wb-diagram-frame")
    frame.scroll_into_view_if_needed()
    scroll = "frame => [frame.scrollLeft, frame.scrollTop, frame.querySelector('svg').clientWidth]"
    group = svg.locator(".wb-table").nth(8)
    where = group.bounding_box()
    x, y = where["x"] + 5, where["y"] + 5
    before = frame.evaluate(scroll)
    tab.mouse.move(x, y)
    tab.keyboard.down("Control")
    tab.mouse.wheel(0, -400)
    tab.keyboard.up("Control")
    tab.wait_for_function(
        "([frame, wide]) => frame.querySelector('svg').clientWidth > wide * 1.2",
        arg=[frame.element_handle(), before[2]],
    )
    now = group.bounding_box()
    assert abs(now["x"] - x) < 20
    assert abs(now["y"] - y) < 20
    assert now["width"] > where["width"] * 1.2
    left, top, _ = frame.evaluate(scroll)
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x - 40, y - 30, steps=4)
    tab.mouse.up()
    assert frame.evaluate(scroll)[:2] == [left + 40, top + 30]
    assert told(figure) == ""  # no click
    figure.locator("button[title='Show all of it']").click()
    outer, inner = frame.bounding_box(), svg.bounding_box()
    assert inner["width"] <= outer["width"]
    assert inner["height"] <= outer["height"]
    figure.locator("button[title='Zoom in']").click()
    assert svg.bounding_box()["width"] > inner["width"] * 1.2


def test_full_screen_has_the_tools_and_the_picture(tab, folder):
    figure, svg = opened(tab, folder)
    figure.locator("button[title='Full screen']").click()
    tab.wait_for_function("document.fullscreenElement?.matches('.wb-figure')")
    assert figure.locator("input").is_visible()
    figure.locator("input").fill("s0_table_16")
    assert svg.locator(".wb-box[data-name=s0_table_16]").evaluate(INSIDE)
    figure.locator("button[title='Full screen']").click()
    tab.wait_for_function("!document.fullscreenElement")


# -- keyboard


def test_the_keyboard_alone_does_all_of_it(tab, folder, diagrams):
    figure, svg = opened(tab, folder)
    scene = diagrams[ER].scene
    figure.locator(".wb-lines button").first.focus()
    stops = []
    for _ in range(40):
        stops.append(
            tab.evaluate(
                "[document.activeElement.localName, document.activeElement.closest('figure .wb-lines, .wb-tools, .wb-diagram-frame')?.className]"
            )
        )
        if stops[-1][0] == "g":
            break
        tab.keyboard.press("Tab")
    parts = list(dict.fromkeys(part for _, part in stops))
    assert parts == ["wb-lines", "wb-tools", "wb-diagram-frame"]
    assert [name for name, _ in stops].count("g") == 1  # a thousand tables are one stop

    # to a table by its name, its neighbours by the Tab key, and what each is
    figure.locator("input").focus()
    tab.keyboard.type("s0_table_16")
    tab.keyboard.press("ArrowDown")
    (node,) = [box.id for box in scene.boxes if box.label == "s0_table_16"]
    assert focused(tab) == node
    tip = figure.locator(".wb-tip")
    assert tip.is_visible()
    assert "s0.s0_table_16" in tip.text_content()
    tab.keyboard.press("Enter")
    edges = [e for e in scene.edges if node in (e.tail, e.head)]
    near = {e.tail for e in edges} | {e.head for e in edges}
    assert set(svg.evaluate(SHOWN)) == near
    reached = svg.locator("[tabindex='0']").evaluate_all(
        "all => all.map(g => g.dataset.node || g.dataset.from)"
    )
    assert sorted(reached) == sorted([*near, *(e.tail for e in edges)])
    tab.keyboard.press("Shift+Tab")
    assert tab.evaluate("Object.values({...document.activeElement.dataset})").count(node) == 1
    assert "→ s0.s0_table_16(id)" in tip.text_content()
    tab.keyboard.press("Escape")
    assert len(svg.evaluate(SHOWN)) < len(scene.boxes)  # the search is still there
    tab.keyboard.press("Escape")
    assert len(svg.evaluate(SHOWN)) == len(scene.boxes)

    # moving and zooming
    frame = figure.locator(".wb-diagram-frame")
    frame.focus()
    wide = svg.evaluate("svg => svg.clientWidth")
    tab.keyboard.press("+")
    tab.keyboard.press("+")
    assert svg.evaluate("svg => svg.clientWidth") > wide * 1.4
    frame.evaluate("frame => frame.scrollTo(0, 0)")
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("ArrowDown")
    assert frame.evaluate("frame => [frame.scrollLeft, frame.scrollTop]") == [80, 80]
    tab.keyboard.press("-")
    tab.keyboard.press("0")
    assert svg.bounding_box()["height"] <= frame.bounding_box()["height"]


@pytest.mark.parametrize("which", [SERVICE, ESTATE])
def test_arrows_go_to_what_lies_there_and_page_keys_reach_every_node(tab, folder, diagrams, which):
    figure, svg = opened(tab, folder, which=which)
    figure.locator("input").press("ArrowDown")
    seen = set()
    for _ in diagrams[which].scene.boxes:
        seen.add(focused(tab))
        tab.keyboard.press("PageDown")
    assert seen == {box.id for box in diagrams[which].scene.boxes}
    moved = 0
    for key, axis, way in (("ArrowRight", "x", 1), ("ArrowLeft", "x", -1), ("ArrowDown", "y", 1)):
        before = focused(tab)
        spot = svg.evaluate(PLACE, [before, axis])
        tab.keyboard.press(key)
        if focused(tab) != before:
            moved += 1
            assert (svg.evaluate(PLACE, [focused(tab), axis]) - spot) * way > 0
    assert moved


# -- paper, no script, hostile names


def test_paper_gets_the_whole_picture_whatever_was_done_to_it(tab, folder, diagrams):
    figure, svg = opened(tab, folder)
    for _ in range(4):
        figure.locator("button[title='Zoom in']").click()
    figure.locator("input").fill("s0_table_16")
    figure.locator(".wb-lines button", has_text="inferred").click()
    tab.emulate_media(media="print")
    for control in ("input", "output", ".wb-tools button", ".wb-veil", ".wb-help", ".wb-tip"):
        assert not figure.locator(control).first.is_visible()
    assert len(svg.evaluate(VISIBLE_EDGES)) == len(diagrams[ER].scene.edges)
    assert not figure.locator(".wb-lines li", has_text="inside a service").is_visible()
    frame = figure.locator(".wb-diagram-frame")
    assert frame.evaluate("f => getComputedStyle(f).overflow") == "visible"
    outer, inner = frame.bounding_box(), svg.bounding_box()
    assert inner["width"] <= outer["width"] + 1
    assert inner["height"] <= outer["height"] + 1


def test_without_script_it_is_the_picture_with_its_legend(browser, folder, diagrams):
    context = browser.new_context(offline=True, java_script_enabled=False)
    page = context.new_page()
    page.goto((folder[0] / "all.html").as_uri())
    assert page.locator("button, .wb-tools, .wb-veil").count() == 0
    figures = page.locator("figure")
    assert figures.count() == len(diagrams)
    for at, diagram in enumerate(diagrams):
        figure = figures.nth(at)
        assert figure.locator(".wb-box").count() == len(diagram.scene.boxes)
        kinds = {edge.kind for edge in diagram.scene.all_edges if not edge.loud}
        assert figure.locator(".wb-lines li[data-kind]").count() == len(kinds)
        assert figure.locator(".wb-lines li[data-status]:visible").count() == any(
            edge.loud for edge in diagram.scene.all_edges
        )
        assert "<script" not in diagram.html()
        assert not re.search(r"\son\w+=", diagram.html())
    assert page.locator("a[href='service/s0.html'] text").count() == 1
    context.close()


def test_hostile_names_do_nothing_but_stand_there(tab, folder, hostile_diagrams):
    for which, diagram in enumerate(hostile_diagrams):
        figure, svg = opened(tab, folder, "hostile", which)
        names = svg.locator(".wb-box").evaluate_all("all => all.map(g => g.dataset.name)")
        assert sorted(names) == sorted(legible(box.label) for box in diagram.scene.boxes)
        for name in HOSTILE if which == ER else HOSTILE[:2]:
            figure.locator("input").fill(legible(name))
            figure.locator("input").press("Enter")
        figure.locator("input").press("Escape")
        found = svg.evaluate(CHOOSE_EACH, SHOWN)
        assert {node for node, _ in found} == {box.id for box in diagram.scene.boxes}
        assert all(node in shown for node, shown in found)
        tab.keyboard.press("Tab")
        for button in figure.locator(".wb-lines button").all():
            button.click()
        figure.locator("input").focus()
        tab.keyboard.press("ArrowDown")
        assert figure.locator(".wb-tip").is_visible()
        assert tab.evaluate("document.querySelectorAll('body script, b, iframe').length") == 0
