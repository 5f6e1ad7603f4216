"""What a page's scripts add, from disk and without network: tables sort, are searched and copied; figures are saved."""

import csv
import io
import re
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pandas as pd
import pytest
from PIL import Image

from chromium import offline_browser
from workbench.present import html
from workbench.present.charts import Bar, bars
from workbench.present.tables import Column, Table
from workbench.present.text import slug
from workbench.present.theme import PAPER, SLOTS

FRAME = html.Frame("Shop", "1–28 Nov 2026", True, "all reached", "28 snapshots", "0")
SQL = 'UPDATE "t" SET a = 1 | 2 -- ' + "x" * 90


def rows():
    """Twelve tables, of which one has no size, one is an interval, and one a name like a formula."""
    names = [f"t{at}" for at in range(1, 12)] + ['=cmd|"a"']
    sizes = [at * 1_500_000.0 for at in range(1, 12)] + [None]
    return pd.DataFrame(
        {
            "id": [slug("table", "main", name) for name in names],
            "name": names,
            "bytes": sizes,
            "most": [*sizes[:-2], 90_000_000.0, None],
            "at_most": [True, *[False] * 11],
            "seen": pd.to_datetime([f"2026-11-{day:02}" for day in range(28, 16, -1)]),
            "because": "not <allowed>",
            "q": SQL,
        }
    )


COLUMNS = [
    Column("name", "Table"),
    Column("bytes", "Size", "bytes", until="most", at_most="at_most"),
    Column("seen", "Seen", "date"),
]


@pytest.fixture(scope="module")
def browser():
    with offline_browser() as context:
        yield context


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    short = Table(rows().head(3), COLUMNS, caption="Short")
    below = [*COLUMNS, Column("q", "SQL", "sql", below=True)]
    parts = [
        bars(
            [Bar("a<b", (3.0,), "3 MB", "tip", SLOTS[0])],
            title="a<b holds 3 MB",
            subtitle="Bytes on disk",
        ),
        Table(rows(), COLUMNS, caption="Long", ids="id"),
        short,
        Table(rows().head(9), below, caption="Folded", ids="id"),
    ]
    made = nbformat.v4.new_notebook()
    made.cells.append(nbformat.v4.new_markdown_cell("# Page\n\n## One"))
    for part in parts:
        output = nbformat.v4.new_output("display_data", {"text/html": part._repr_html_()})
        made.cells.append(nbformat.v4.new_code_cell("show()", outputs=[output]))
    html.write_assets(folder)
    (folder / "x.html").write_text(html.notebook_page(made, FRAME, here="x.html"))
    return folder / "x.html"


@pytest.fixture
def tab(page, browser):
    """The page, open; a complaint or a request fails the test."""
    opened = browser.new_page()
    complaints = []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "request",
        lambda asked: (
            asked.url.startswith(("file:", "data:", "blob:")) or complaints.append(asked.url)
        ),
    )
    opened.set_viewport_size({"width": 1440, "height": 900})
    opened.emulate_media(color_scheme="light", reduced_motion="reduce")
    opened.goto(page.as_uri())
    yield opened
    assert complaints == []
    opened.close()


def table(tab, name):
    return tab.locator("div.wb-table").filter(has=tab.locator("caption", has_text=name))


def names(tab, name):
    return table(tab, name).locator("tbody th:visible").all_inner_texts()


def tools(tab, name):
    return table(tab, name).get_by_role("group", name=f"Copy: {name}")


def saved(tab, button):
    with tab.expect_download() as download:
        button.click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def test_heads_sort_by_value_and_what_is_unknown_stays_last(tab):
    head = table(tab, "Long").get_by_role("columnheader", name="Size")
    given = names(tab, "Long")
    for direction, first in (("descending", "t11"), ("ascending", "t1"), (None, "t1")):
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == direction
        assert names(tab, "Long")[0] == first
        assert names(tab, "Long")[-1] == '=cmd|"a"'
    assert names(tab, "Long") == given


def test_heads_sort_by_keyboard_names_by_number_and_days_by_date(tab):
    heads = table(tab, "Long").get_by_role("columnheader")
    heads.nth(0).get_by_role("button").focus()
    tab.keyboard.press("Enter")
    assert names(tab, "Long") == ['=cmd|"a"', *(f"t{at}" for at in range(1, 12))]
    tab.keyboard.press("Tab")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Space")
    assert heads.nth(0).get_attribute("aria-sort") is None
    assert heads.nth(2).get_attribute("aria-sort") == "ascending"
    assert names(tab, "Long")[:2] == ['=cmd|"a"', "t11"]


def test_what_stands_below_a_row_moves_with_it(tab):
    table(tab, "Folded").get_by_role("columnheader", name="Size").get_by_role("button").click()
    bodies = table(tab, "Folded").locator("tbody")
    assert bodies.first.locator("th").inner_text() == "t9"
    assert bodies.first.locator(".wb-under").count() == 1


def test_long_tables_are_searched_and_short_ones_are_not(tab):
    assert table(tab, "Short").get_by_role("searchbox").count() == 0
    box = tab.get_by_role("searchbox", name="Search: Long")
    box.press_sequentially("MB T1")
    assert names(tab, "Long") == []
    box.fill("T1")
    assert names(tab, "Long") == ["t1", "t10", "t11"]
    assert "3 of 12" in table(tab, "Long").locator("output").inner_text()
    box.fill("")
    assert len(names(tab, "Long")) == 12


def test_csv_holds_exact_figures_both_ends_and_no_formula(tab):
    tab.get_by_role("searchbox", name="Search: Long").fill("t1")
    name, data = saved(tab, tools(tab, "Long").get_by_role("button", name="Save as CSV"))
    assert name == "long.csv"
    found = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    low, high = "Size (bytes), at least", "Size (bytes), at most"
    assert [row["Table"] for row in found] == ["t1", "t10", "t11"]
    assert [row[low] for row in found] == ["unknown", "15000000", "16500000"]
    assert [row[high] for row in found] == ["1500000", "15000000", "90000000"]
    assert found[0]["Seen"] == "2026-11-28T00:00:00"
    tab.get_by_role("searchbox", name="Search: Long").fill("cmd")
    _, data = saved(tab, tools(tab, "Long").get_by_role("button", name="Save as CSV"))
    (row,) = csv.DictReader(io.StringIO(data.decode("utf-8-sig")))
    assert row["Table"] == '\'=cmd|"a"'
    assert row["Size (bytes)"] == "unknown (1)"


@pytest.mark.parametrize("clipboard", ["given", "refused"])
def test_markdown_is_copied_also_where_the_clipboard_is_refused(clipboard, tab, browser):
    if clipboard == "given":
        browser.grant_permissions(["clipboard-read", "clipboard-write"])
    else:
        tab.evaluate(
            "() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }"
        )
        tab.evaluate(
            "document.addEventListener('copy', () => { window.copied = getSelection().toString()"
            " || document.activeElement.value; })"
        )
    tools(tab, "Folded").get_by_role("button", name="Copy as Markdown").click()
    tools(tab, "Folded").get_by_role("button", name="copied").wait_for()
    read = "navigator.clipboard.readText()" if clipboard == "given" else "window.copied"
    lines = tab.evaluate(read).splitlines()
    assert lines[0] == "| Table | Size (MB) | Seen | below |"
    assert lines[1] == "|---|---:|---|---|"
    assert lines[2].startswith("| t1 | ≤ 1.50 | 28 Nov 2026 | UPDATE")
    assert r"1 \| 2" in lines[2]
    assert len(lines) == 11


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_figure_is_saved_as_it_is_seen(scheme, tab):
    tab.emulate_media(color_scheme=scheme)
    figure = tab.locator("figure")
    name, data = saved(tab, figure.get_by_role("button", name="Save as PNG"))
    assert name == "a-b-holds-3-mb.png"
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    colours = {colour for _, colour in picture.getcolors(1 << 24)}
    for wanted in (PAPER, SLOTS[0]):
        assert tuple(bytes.fromhex(getattr(wanted, scheme)[1:])) in colours
    name, data = saved(tab, figure.get_by_role("button", name="Save as SVG"))
    drawn = ElementTree.fromstring(data)
    assert "var(" not in re.sub(r"<(title|desc)>.*?</\1>", "", data.decode())
    words = [node.text for node in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"a<b holds 3 MB", "Bytes on disk", "a<b", "3 MB"} <= {*words}
    assert any("1–28 Nov 2026" in word and "simulated" in word for word in words)


def test_every_figure_says_what_it_shows_to_who_cannot_see_it(tab):
    drawing = tab.get_by_role("img", name="a<b holds 3 MB")
    assert drawing.count() == 1
    assert drawing.locator("> desc").text_content().startswith("Bytes on disk")


def test_a_row_is_reached_by_its_address_and_found_by_the_eye(tab, page):
    wanted = slug("table", "main", "t11")
    tab.goto(f"{page.as_uri()}#{wanted}")
    row = tab.locator(f'[id="{wanted}"]')
    tab.wait_for_function("document.querySelectorAll('.wb-target').length === 1")
    head = tab.locator(".wb-head").bounding_box()
    assert head["height"] <= row.bounding_box()["y"] < 900
    assert tab.locator("tr[id]").count() == 12  # a table shown twice has one address


def test_colours_are_chosen_by_the_reader_and_kept(tab, page):
    ground = "getComputedStyle(document.body).backgroundColor"
    light = tab.evaluate(ground)
    tab.get_by_role("button", name="Dark colours").click()
    dark = tab.evaluate(ground)
    assert dark != light
    tab.goto(page.as_uri())
    assert tab.evaluate(ground) == dark
    tab.emulate_media(media="print")
    assert tab.evaluate("getComputedStyle(document.body).color") == "rgb(27, 31, 36)"
    tab.emulate_media(media="screen")
    tab.get_by_role("button", name="Light colours").click()
    assert tab.evaluate(ground) == light
    tab.evaluate("localStorage.clear()")


def test_the_keyboard_skips_to_the_content(tab):
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "To the content"
    tab.keyboard.press("Enter")
    tab.wait_for_function("document.activeElement.id === 'content'")


def test_a_page_in_a_folder_finds_assets_and_pages_above(tmp_path):
    frame = html.Frame("Shop", "", False, "", "", "0", [html.Link("index.html", "Summary")])
    text = html.notebook_page(nbformat.v4.new_notebook(), frame, here="service/order.html")
    assert 'src="../assets/theme.js"' in text
    assert '<a href="../index.html">Summary' in text
