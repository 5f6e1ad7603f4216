"""The separation page and command: the verdict first, figures that are the analysis's, hostile text that stays text."""

from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest

import workbench as wb
from small_history import HOSTILE, write_history
from test_commands import workbench
from test_workload_page import ALLOWED, SVG, Tags, words
from workbench.present import separation as show
from workbench.present.outlook import Limited, outlooks
from workbench.present.scatter import Point, scatter
from workbench.present.verdict_words import verdicts_answer
from workbench.share import reference_estate

ESTATES = ("marketplace", "hauspet", "hauspet-small")
FIGURES = (show.pressure_by_isolation, show.limits_over_time)
TABLES = (
    *(show.decisions, show.pressures, show.crossing_counts, show.limits, show.unsettled),
    *(lambda bench: show.what_if(bench).breaks, lambda bench: show.what_if(bench).relief),
)


@pytest.fixture(scope="module", params=ESTATES)
def bench(request):
    return wb.open_bench(reference_estate(request.param))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("estates") / "blind" / "history"
    return wb.open_bench(history=write_history(folder, HOSTILE, days=3))


def test_the_page_opens_with_what_the_verdicts_say(bench):
    found = show.headline(bench)
    assert found.sentence == verdicts_answer(bench.verdicts)
    counted = sum(
        int(v) for v, what in found.figures if "written" not in what and "unknown" not in what
    )
    assert counted == len(bench.verdicts.verdicts)
    assert show.decisions(bench).frame["service"].iloc[0] == (
        "notification"
        if bench.estate.name == "marketplace"
        else "eventstore"
        if bench.estate.name == "hauspet"
        else "readmodels"
    )


def test_every_service_has_its_verdict_and_its_argument(bench):
    shown = show.decisions(bench).frame.set_index("service")["verdict"].to_dict()
    assert shown == {v.service: v.verdict for v in bench.verdicts.verdicts}
    told = repr(show.arguments(bench))
    for verdict in bench.verdicts.verdicts:
        assert verdict.argument in told
        assert all(warning in told for warning in verdict.warnings)


def test_the_figures_are_those_of_the_verdicts(bench):
    held = {v.service: v for v in bench.verdicts.verdicts}
    for row in show.decisions(bench).frame.itertuples(index=False):
        binding = held[row.service].binding
        assert (row.low, row.high) == tuple(binding.share)
        assert row.used == binding.used


def test_what_asks_for_a_decision_is_named_in_the_figure(bench):
    told = words(show.pressure_by_isolation(bench).wide)
    for verdict in bench.verdicts.verdicts:
        if verdict.verdict != "not needed":
            assert any(text.startswith(verdict.service) for text in told)


def test_names_in_the_figure_never_touch():
    points = [Point(0.5, 0.1, 0.1 + at / 1000, f"service-{at}", "", "") for at in range(30)]
    for drawing in (lambda f: f.wide, lambda f: f.narrow):
        svg = drawing(scatter(points, across="x", upwards="y", title="t", subtitle="s"))
        places = [
            (float(n.get("x")), float(n.get("y")))
            for n in ElementTree.fromstring(svg).iter(f"{SVG}text")
            if n.text.startswith("service")
        ]
        assert places
        rows = sorted(places)
        assert all(abs(a[1] - b[1]) > 12 or abs(a[0] - b[0]) > 60 for a, b in pairwise(rows))


def test_a_limit_is_drawn_with_the_days_it_is_reached(bench):
    drawn = show.limits_over_time(bench)
    near = [s for s in bench.verdicts.statuses if s.state == "crossing" and s.kind == "hard"]
    assert (drawn.title == "No limit on a size is near") == (not near)
    assert outlooks([], title="t", subtitle="s").wide


def test_what_if_takes_the_services_a_person_names(bench):
    names = [s.name for s in bench.estate.services][:2]
    pair = show.what_if(bench, names)
    assert pair.found.services == tuple(names)
    assert len(pair.breaks.frame) == len(pair.found.breaks)
    assert all(name in pair.sentence for name in names)


def test_every_table_and_figure_is_whole_markup(bench):
    for part in (*TABLES, show.arguments, show.headline):
        tags = Tags(part(bench)._repr_html_())
        assert tags.open == []
    for figure in FIGURES:
        ElementTree.fromstring(figure(bench).wide)
        ElementTree.fromstring(figure(bench).narrow)


def test_hostile_names_and_nothing_known_stay_text(hostile):
    for part in (*TABLES, show.arguments):
        tags = Tags(part(hostile)._repr_html_())
        assert tags.seen <= ALLOWED | {"section", "b", "ul"}
    for figure in FIGURES:
        ElementTree.fromstring(figure(hostile).wide)
    assert "unknown" in show.decisions(hostile)._repr_html_()


def test_an_unknown_share_is_said_to_be_unknown(bench):
    verdict = replace(bench.verdicts.verdicts[0], binding=None)
    told = wb.open_bench(reference_estate(bench.estate.name))
    told.__dict__["verdicts"] = replace(bench.verdicts, verdicts=(verdict,))
    assert "unknown" in show.decisions(told)._repr_html_()
    assert "not drawn" in show.pressure_by_isolation(told).subtitle


def test_the_same_history_gives_the_same_page(bench):
    again = wb.open_bench(reference_estate(bench.estate.name))
    assert show.pressure_by_isolation(bench).wide == show.pressure_by_isolation(again).wide
    assert show.decisions(bench)._repr_html_() == show.decisions(again)._repr_html_()


def test_a_terminal_shows_the_same_in_eighty_columns():
    found = workbench(
        "verdicts", "--estate", reference_estate("hauspet"), "--what-if", "eventstore"
    )
    assert found.returncode == 0
    lines = found.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "eventstore and readmodels are to be decoupled first; 1 stays." in lines
    assert any(line.startswith("if eventstore moved: ") for line in lines)


def test_limits_of_one_panel_stand_apart():
    row = Limited(
        "x",
        ((wb.open_bench(reference_estate("hauspet")).history.newest.at, 1.0),),
        ((2.0, "hard"), (1.99, "soft")),
        "1",
        "",
    )
    svg = outlooks([row], title="t", subtitle="s").wide
    ys = {n.text: float(n.get("y")) for n in ElementTree.fromstring(svg).iter(f"{SVG}text")}
    assert abs(ys["hard"] - ys["soft"]) > 12
