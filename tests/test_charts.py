"""Figures: their message comes from the data, names cannot break them, the same input draws the same bytes."""

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from small_history import HOSTILE, write_history
from workbench.present import capacity as show
from workbench.present.bench import open_bench
from workbench.present.charts import Bar, Line, apart, bars, lines, nice_ticks
from workbench.present.marks import Mark
from workbench.present.svg import text_width
from workbench.present.theme import (
    ACCENT,
    ALL,
    INK,
    LINK,
    MUTED,
    PAPER,
    SLOTS,
    SOFT,
    contrast,
    css_variables,
    service_colours,
)
from workbench.share import reference_estate

SVG = "{http://www.w3.org/2000/svg}"
FIGURES = [show.size_by_service, show.growth_over_time, show.growth_by_service, show.biggest_tables]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("estates") / 'evil <b>&"' / "history"
    return open_bench(history=write_history(folder, HOSTILE))


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    folder = tmp_path_factory.mktemp("estates") / "single" / "history"
    return open_bench(history=write_history(folder, ["one", "two"], days=1))


def words(svg):
    return [node.text for node in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_is_well_formed_and_says_in_words_what_it_shows(figure, hostile):
    drawn = figure(hostile)
    assert "simulated" in drawn.subtitle
    for svg in (drawn.wide, drawn.narrow):
        root = ElementTree.fromstring(svg)
        assert [root[0].tag, root[1].tag] == [f"{SVG}title", f"{SVG}desc"]
        assert root[1].text.startswith(drawn.subtitle)
        assert root.get("role") == "img"


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_carries_nothing_that_could_clash_or_load(figure, hostile):
    html = figure(hostile)._repr_html_()
    assert not re.search(r"\bid=|xlink|url\(|<style|<!DOCTYPE|@import|font-family", html)
    assert "<script" not in html
    # an xmlns is a name, not an address that is loaded
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("figure", FIGURES)
def test_the_same_history_draws_the_same_bytes(figure, hostile):
    assert (
        figure(hostile)._repr_html_()
        == figure(open_bench(history=hostile.history.folder))._repr_html_()
    )


def test_drawing_leaves_no_trace_and_heeds_nobodys_settings(tmp_path):
    """A matplotlibrc of the person at the keyboard changes nothing, and pyplot is never imported."""
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nfont.size: 40\nsvg.fonttype: path\n")
    code = """
import sys
from workbench.present.charts import Bar, bars
figure = bars([Bar("a$b$", (1.0,), "1", "tip")], title="t", subtitle="s")
assert "a$b$" in figure.wide and "font-size:16px" in figure.wide, figure.wide
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=120)


def test_importing_the_figures_does_not_import_matplotlib():
    code = "import sys, workbench.present.capacity; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_a_command_that_draws_no_graph_does_not_wait_for_the_libraries_of_graphs():
    heavy = "{'networkx', 'pygraphviz', 'matplotlib'}"
    code = f"import sys, workbench.present.terminal; sys.exit(len({heavy} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_the_message_names_what_the_data_say(hostile):
    assert "holds 22%" in show.headline(hostile).sentence
    assert "grows" in show.growth_by_service(hostile).title
    assert "14 days" in show.growth_over_time(hostile).title


def test_one_snapshot_says_that_growth_needs_another(single):
    assert "needs a second" in show.growth_over_time(single).title
    assert show.growth_by_service(single).title == "Growth is not known yet"
    assert "unknown" in words(show.growth_by_service(single).wide)
    value, what = show.headline(single).figures[-1]
    assert value == "unknown"
    assert "seen on one day only: growth is known from" in what


def test_exact_values_stand_in_tooltips():
    drawn = bars([Bar("a", (3.0, 1.0), "4 B", "a: 4 bytes")], title="t", subtitle="s")
    tips = [node.text for node in ElementTree.fromstring(drawn.wide).iter(f"{SVG}title")]
    assert tips.count("a: 4 bytes") == 2


def test_more_rows_than_fit_are_counted_not_hidden(tmp_path):
    folder = write_history(tmp_path / "many" / "history", [f"s{n:03}" for n in range(300)], days=2)
    bench = open_bench(history=folder)
    for figure in (show.size_by_service, show.growth_by_service):
        assert "+276 more services" in words(figure(bench).wide)
        assert "+276 more services" in words(figure(bench).narrow)
    assert "260 more not drawn" in show.growth_over_time(bench).subtitle
    assert "+252 more rows" in show.services(bench)._repr_html_()


def test_labels_at_the_ends_of_lines_never_overlap():
    days = [datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=n) for n in range(5)]
    close = [
        Line(tuple((day, 100.0 + n / 10) for day in days), f"line{n}", "100", "tip", colour)
        for n, colour in enumerate(SLOTS[:6])
    ]
    drawn = lines(close, ticks=[(0, "0"), (200, "200")], title="t", subtitle="s", description="d")
    for svg in (drawn.wide, drawn.narrow):
        nodes = [n for n in ElementTree.fromstring(svg).iter(f"{SVG}text") if "line" in n.text]
        places = sorted(float(node.get("y")) for node in nodes)
        assert len(places) == 6
        assert all(below - above >= 16 for above, below in pairwise(places))


def test_labels_stay_inside_the_drawing():
    assert apart([0, 0, 0], 20, 0, 100) == [0, 20, 40]
    assert apart([100, 100, 100], 20, 0, 100) == [60, 80, 100]


@pytest.mark.parametrize("top", [1, 7, 812, 5_000_000_000, 0.03])
def test_ticks_start_at_zero_and_reach_the_top(top):
    ticks = nice_ticks(top)
    assert ticks[0] == 0
    assert ticks[-1] >= top
    assert len(ticks) <= 6


def test_a_service_keeps_its_colour_and_nobody_has_that_of_the_unowned():
    colours = service_colours(["user", "auth"])
    assert colours == service_colours(["auth", "user", "auth"])
    assert len({colour.light for colour in ALL}) == len(ALL)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_on_its_ground(scheme):
    for ink in (INK, MUTED, LINK, ACCENT):
        for ground in (PAPER, SOFT):
            assert contrast(getattr(ink, scheme), getattr(ground, scheme)) >= 4.5


def test_every_colour_is_defined_for_light_and_dark_by_system_and_by_choice():
    sheet = css_variables()
    for colour in ALL:
        assert sheet.count(f"{colour.name}: {colour.light};") >= 1
        assert sheet.count(f"{colour.name}: {colour.dark};") >= 2


def marked(*days, discreet=False):
    """A chart of 28 days with marks on some of them."""
    points = tuple(
        (datetime(2026, 3, 1, 2, tzinfo=UTC) + timedelta(days=d), 1.0) for d in range(28)
    )
    marks = [
        Mark(datetime(2026, 3, day, tzinfo=UTC), "purge of <old> rows", f"purge {day}", discreet)
        for day in days
    ]
    return lines(
        [Line(points, "a", "1 B", "a")],
        ticks=[(0.0, "0"), (1.0, "1 B")],
        title="t",
        subtitle="s",
        description="d",
        marks=marks,
    )


def test_a_mark_carries_its_label_where_there_is_room_and_its_number_where_there_is_not():
    assert "1 purge of <old> rows" in words(marked(10).wide)
    close = words(marked(10, 12).wide)
    assert {"1", "2"} <= set(close)
    assert "1 purge of <old> rows" not in close
    assert "1–3" in words(marked(10, 10, 10).wide), "one label for rules at one place"


@pytest.mark.parametrize("days", [(1,), (1, 2), (3, 9, 10, 11, 27, 28), tuple(range(1, 29))])
def test_labels_of_marks_never_overlap_and_stay_inside(days):
    drawn = marked(*days)
    for svg, width, size in ((drawn.wide, 880, 16), (drawn.narrow, 358, 14)):
        labels = []
        for node in ElementTree.fromstring(svg).iter(f"{SVG}text"):
            if re.match(r"\d+(–\d+)?( purge|$)", node.text) and float(node.get("y")) < 30:
                half = text_width(node.text, size) / 2
                labels.append((float(node.get("x")) - half, float(node.get("x")) + half))
        assert labels
        assert labels == sorted(labels)
        assert labels[0][0] >= -1
        assert labels[-1][1] <= width + 1
        assert all(after[0] > before[1] for before, after in pairwise(labels))
        assert svg.count("<title>") >= len(days), "each has a tooltip"


def test_marks_are_listed_in_words_and_escaped():
    html = marked(4)._repr_html_()
    assert "1 · 4 Mar 2026: purge 4" in html
    assert "<old>" not in html
    assert "Ticks on the axis: 4 Mar 2026 purge 4" in marked(4, discreet=True).notes[0]


def test_the_growth_chart_marks_the_events_of_the_estate_within_the_period():
    drawn = show.growth_over_time(open_bench(reference_estate("marketplace")))
    assert drawn.notes == [
        "1 · 4 Mar 2026: purge: the notifications of December were dropped (notification)"
    ]
    early = show.growth_over_time(open_bench(reference_estate("marketplace"), until="2026-03-01"))
    assert early.notes == []
