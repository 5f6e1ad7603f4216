"""Pages: open from disk with no network, hold no markup that came from a database, can be linked to and read narrow."""

import re
from html import unescape
from html.parser import HTMLParser
from importlib.resources import files
from urllib.parse import unquote

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe

from chromium import offline_browser
from patience import LONG
from small_history import HOSTILE, write_history
from workbench.model import Missing
from workbench.present import html
from workbench.present.single import single_file
from workbench.present.text import escape, legible, without_secrets
from workbench.review import run_review
from workbench.share import shared

TITLE = '<script>alert("estate")</script> & "Ко"'
FRAME = html.Frame(
    estate=TITLE,
    period="1–28 Nov 2026",
    simulated=True,
    coverage="1 of 1 instance reached, no gaps",
    provenance="28 snapshots",
    version="0",
    pages=[html.Link("index.html", "Summary"), html.Link("x.html", TITLE, failed=True)],
)
SCRIPTS = {
    path.name
    for path in (files("workbench.present") / "assets").iterdir()
    if path.name.endswith(".js")
}
PAGES = ["index.html", *sorted(f"{n.stem[3:]}.html" for n in shared("notebooks").glob("*.ipynb"))]


class Page(HTMLParser):
    """What a page loads, links to, and defines, as a browser reads it."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.anchors, self.links, self.tags, self.events = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "srcset", "data", "poster") or (tag == "link" and name == "href"):
                self.loads.append(value)
            elif name in ("href", "xlink:href"):
                self.links.append(value)
            elif name == "id":
                self.anchors.append(value)
            elif name.startswith("on"):
                self.events.append((tag, name))


def notebook(*cells):
    """An executed notebook; each cell is Markdown, or the list of its outputs."""
    made = nbformat.v4.new_notebook(metadata={"papermill": {"parameters": {"estate": "/private"}}})
    for cell in cells:
        if isinstance(cell, str):
            made.cells.append(nbformat.v4.new_markdown_cell(cell))
        else:
            made.cells.append(nbformat.v4.new_code_cell("show()", outputs=cell, execution_count=1))
    return made


def shown(**data):
    kinds = {"html": "text/html", "plain": "text/plain", "markdown": "text/markdown"}
    kinds |= {"latex": "text/latex", "js": "application/javascript", "svg": "image/svg+xml"}
    return nbformat.v4.new_output(
        "display_data", {kinds[kind]: text for kind, text in data.items()}
    )


def page(*cells, failure=""):
    return html.notebook_page(notebook(*cells), FRAME, here="x.html", failure=failure)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The report on an estate whose every name is hostile, made by the notebooks that are shipped."""
    folder = tmp_path_factory.mktemp("estates")
    gap = Missing("<b>", 'a"b', "<i>x</i>", "<script>why</script>", "GRANT <u> TO you")
    history = write_history(folder / 'evil <b>&" estate' / "history", HOSTILE, missing=(gap,))
    return run_review(None, history, out=folder / "reports").folder


@pytest.fixture(scope="module")
def pages(report):
    return {path.name: path.read_text() for path in sorted(report.glob("*.html"))}


# -- text


def test_a_page_states_estate_period_coverage_and_simulated_dates():
    text = unescape(page("# One"))
    for said in (TITLE, FRAME.period, FRAME.coverage, "simulated dates"):
        assert said in text


def test_headings_are_anchors_and_the_contents_lead_to_them():
    text = page("# One", "## What grows?\n\nMuch.", "## What grows?", "### a < b & c")
    found = Page(text)
    assert {"what-grows", "what-grows-2", "a-b-c"} <= set(found.anchors)
    assert len(found.anchors) == len(set(found.anchors))
    assert {"#what-grows", "#what-grows-2", "#a-b-c"} <= set(found.links)
    assert "<title>One · " in text


def test_a_failed_page_says_so_and_where():
    text = page("# One", failure="code cell 3, `x()`: ValueError: <script>alert(1)</script>")
    assert 'role="alert"' in text
    assert "code cell 3" in text
    assert "<script>alert" not in text


def test_printed_text_and_errors_are_escaped_and_lose_their_passwords():
    url = "postgresql://app:hunter2@db/shop"
    outputs = [
        nbformat.v4.new_output("stream", text=f"<script>alert(1)</script> {url}"),
        nbformat.v4.new_output("error", ename="E", evalue=url, traceback=[f"<img src=x> {url}"]),
        shown(plain=f"<b> {url}"),
    ]
    text = page(outputs)
    assert "hunter2" not in text
    assert "<script>alert" not in text
    assert "<img" not in text


@pytest.mark.parametrize("kind", ["markdown", "latex", "js", "svg"])
def test_output_that_could_carry_markup_unescaped_is_not_shown(kind):
    text = page([shown(**{kind: "<script>alert(1)</script>", "plain": "instead"})])
    assert "alert(1)" not in text
    assert "instead" in text


def test_parameters_and_papermills_traces_are_not_published():
    made = notebook("# One", [shown(plain="kept")])
    for tag in ("parameters", "injected-parameters", "papermill-error-cell-tag"):
        cell = nbformat.v4.new_code_cell("estate = '/private'", metadata={"tags": [tag]})
        made.cells.append(cell)
    text = html.notebook_page(made, FRAME, here="x.html")
    assert "/private" not in text
    assert "papermill" not in text
    assert "kept" in text


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_legible_text(name):
    assert not re.search(r"[<>\"\x00-\x1f\u202e]", escape(name))
    assert legible(legible(name)) == legible(name)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://app:hunter2@db/shop",
        "connection failed: password=hunter2 host=db",
        "{'password': 'hunter2'}",
        "PGPASSWORD=hunter2",
        "token: hunter2",
    ],
)
def test_a_password_in_a_text_is_blanked(text):
    assert "hunter2" not in without_secrets(text)


# -- whole reports


def test_nothing_is_loaded_but_the_reports_own_files(pages, report):
    for text in pages.values():
        for address in Page(text).loads:
            assert address.startswith("data:") or (report / address).is_file()
        assert not re.search(r"url\(|@import", text)
    for asset in (report / "assets").iterdir():
        text = asset.read_text().replace("http://www.w3.org/2000/svg", "")  # a name, no address
        assert not re.search(r"https?://|//\w+\.\w+/|url\(|@import", text)


def test_every_link_leads_somewhere(report):
    """Those of pages in a folder, too: an address counts from the page that it stands on."""
    found = {path.resolve(): Page(path.read_text()) for path in report.rglob("*.html")}
    assert any(path.parent.name == "service" for path in found)
    for path, page_ in found.items():
        for link in page_.links:
            target, _, anchor = unquote(link).partition("#")
            there = (path.parent / target).resolve() if target else path
            assert there in found, (path.name, link)
            assert not anchor or anchor in found[there].anchors, (path.name, link)


def test_no_name_from_a_database_becomes_markup(pages):
    for text in pages.values():
        found = Page(text)
        assert found.tags.count("script") == len(SCRIPTS)
        assert not set(found.tags) & {"iframe", "object", "embed", "base", "form", "u", "img"}
        assert found.events == []
        assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", text)


def test_the_index_says_what_could_not_be_measured_and_what_would_settle_it(pages):
    assert "GRANT &lt;u&gt; TO you" in pages["index.html"]
    assert "1 gap" in pages["index.html"]


def test_all_pages_of_a_report_share_one_frame(pages):
    assert set(pages) == set(PAGES)
    for text in pages.values():
        assert text.count('aria-current="page"') == 1
        assert text.count("<h1") == 1
        assert '<html lang="en">' in text


# -- in a browser


@pytest.fixture(scope="module")
def browser():
    with offline_browser() as context:
        yield context


@pytest.mark.parametrize("name", PAGES)
def test_it_opens_from_disk_without_network(name, report, browser):
    """Wide and narrow, light and dark: nothing is asked of the network, nothing complains, nothing overflows."""
    tab = browser.new_page()
    requests, complaints = [], []
    tab.on("request", lambda request: requests.append(request.url))
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("dialog", lambda dialog: complaints.append(dialog.message))
    for width in (1440, 390):
        for scheme in ("light", "dark"):
            tab.set_viewport_size({"width": width, "height": 900})
            tab.emulate_media(color_scheme=scheme)
            tab.goto((report / name).as_uri())
            wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert tab.evaluate(wider) <= 0
            assert tab.screenshot(full_page=True)
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert complaints == []
    assert {url.rsplit("/", 1)[-1] for url in requests} >= SCRIPTS
    tab.close()


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=LONG)])
def test_nothing_keeps_people_out(scheme, report, browser):
    """axe finds nothing serious on any page: names, roles, order of headings, contrast."""
    tab = browser.new_page()
    tab.emulate_media(color_scheme=scheme)
    found = {}
    for name in PAGES:
        tab.goto((report / name).as_uri())
        asked = {"resultTypes": ["violations"], "preload": False}
        if scheme == "dark":  # nothing but colours differs
            asked["runOnly"] = ["color-contrast"]
        for rule in Axe().run(tab, options=asked).response["violations"]:
            if rule["impact"] in ("serious", "critical"):
                found[name, rule["id"]] = [node["html"][:200] for node in rule["nodes"][:3]]
    assert found == {}
    tab.close()


@pytest.mark.parametrize("width", [688, 1017], ids=["A4", "A3"])
def test_it_fits_on_paper(width, report, browser):
    """Between the margins of the sheet nothing is cut off: what scrolls on a screen cannot scroll there."""
    tab = browser.new_page()
    tab.emulate_media(media="print")
    tab.set_viewport_size({"width": width, "height": 1000})
    for name in PAGES:
        tab.goto((report / name).as_uri())
        right = "e => [e.tagName, e.textContent.slice(0, 60), e.getBoundingClientRect().right]"
        every = tab.locator(".wb-table table, figure > div > svg")
        placed = every.evaluate_all(f"found => found.map({right})")
        assert [place for place in placed if place[2] > width + 1] == []
        assert not tab.locator(":is(.wb-pages, .wb-code, .wb-tools, .wb-search):visible").count()
    tab.close()


@pytest.fixture(scope="module")
def single(report, tmp_path_factory):
    path = tmp_path_factory.mktemp("mail") / "report.html"
    path.write_text(single_file(report))
    return path


def test_a_report_in_one_file_needs_nothing_else(single, report):
    text = single.read_text()
    found = Page(text)
    assert [address for address in found.loads if not address.startswith("data:")] == []
    assert len(found.anchors) == len(set(found.anchors))
    assert {link.removeprefix("#") for link in found.links} <= {*found.anchors}
    assert {name.removesuffix(".html") for name in PAGES} <= {*found.anchors}
    for name in PAGES:
        own = Page((report / name).read_text()).anchors
        assert {f"{name.removesuffix('.html')}/{anchor}" for anchor in own} <= {*found.anchors}


def test_a_report_in_one_file_shows_a_page_at_a_time(single, browser):
    tab = browser.new_page()
    requests, complaints = [], []
    tab.on("request", lambda request: requests.append(request.url))
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.set_viewport_size({"width": 1440, "height": 900})
    tab.emulate_media(reduced_motion="reduce")
    tab.goto(f"{single.as_uri()}#capacity/which-tables-grow")
    heading = tab.locator('[id="capacity/which-tables-grow"]')
    head = tab.locator(".wb-head").bounding_box()
    assert head["height"] <= heading.bounding_box()["y"] < 900
    assert tab.title().startswith("Capacity · ")
    tab.get_by_role("navigation", name="Pages").get_by_role("link", name="References").click()
    tab.wait_for_function("document.title.startsWith('References')")
    assert tab.locator(".wb-page:visible").get_attribute("id") == "references"
    assert tab.locator(".wb-pages [aria-current]").inner_text() == "References"
    tab.go_back()
    tab.wait_for_function("document.title.startsWith('Capacity')")
    assert tab.locator(".wb-page:visible").get_attribute("id") == "capacity"
    asked = {url.split("#")[0] for url in requests if not url.startswith("data:")}
    assert asked == {single.as_uri()}
    assert complaints == []
    tab.close()


def test_a_phone_gets_the_drawing_made_for_it(report, browser):
    tab = browser.new_page()
    for width, wanted in ((1440, "wide"), (390, "narrow")):
        tab.set_viewport_size({"width": width, "height": 900})
        tab.goto((report / "capacity.html").as_uri())
        for kind in ("wide", "narrow"):
            assert tab.locator(f".wb-{kind} svg").first.is_visible() == (kind == wanted)
        size = "document.querySelector('.wb-%s text').getBoundingClientRect().height"
        assert tab.evaluate(size % wanted) >= 12
    tab.close()


def test_an_anchor_lands_below_the_head_that_stays(report, browser):
    tab = browser.new_page()
    tab.set_viewport_size({"width": 1440, "height": 900})
    tab.emulate_media(reduced_motion="reduce")
    tab.goto((report / "capacity.html").as_uri() + "#which-tables-grow")
    heading = tab.locator("#which-tables-grow").bounding_box()
    head = tab.locator(".wb-head").bounding_box()
    assert head["height"] <= heading["y"] < 900
    tab.close()


def test_it_can_be_read_without_script(report, browser):
    tab = browser.new_page()
    tab.route("**/*.js", lambda route: route.abort())
    tab.goto((report / "capacity.html").as_uri())
    assert tab.locator(".wb-rail a").first.is_visible()
    assert tab.locator(".wb-table").first.is_visible()
    assert tab.locator("main button, main input").count() == 0  # nothing that would do nothing
    tab.close()
