"""The separation page and command: the verdict first, figures that are the analysis's, hostile text that stays text."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from xml.etree import ElementTree

import pandas as pd
import pytest

import workbench as wb
from small_history import HOSTILE, write_history
from test_commands import workbench
from test_workload_page import ALLOWED, SVG, Tags, words
from workbench.decide.runway import NEVER
from workbench.decide.targets import TARGETS
from workbench.present import separation as show
from workbench.present.moves import NO_PRICES
from workbench.present.outlook import Limited, outlooks
from workbench.present.scatter import Point, scatter
from workbench.present.verdict_words import metric_name, verdicts_answer
from workbench.share import reference_estate

ESTATES = ("marketplace", "hauspet", "hauspet-small")
FIGURES = (show.pressure_by_isolation, show.limits_over_time)
TABLES = (
    *(show.decisions, show.pressures, show.crossing_counts, show.limits, show.unsettled),
    *(lambda bench: show.what_if(bench).breaks, lambda bench: show.what_if(bench).relief),
    *(show.next_moves, show.targets),
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
    shown = {name: verdict.replace("\u00a0", " ") for name, verdict in shown.items()}
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
    held = [s for s in bench.verdicts.statuses if s.kind != "low"]
    near = [s for s in held if s.state in ("crossing", "crossed")]
    assert (drawn.title == "No limit is near") == (not near)
    assert outlooks([], title="t", subtitle="s").wide


def test_every_limited_figure_is_drawn_or_said_to_have_no_days(bench):
    """Sizes are not all that is limited: what grows slow, full or old has days as well."""
    drawn = show.limits_over_time(bench)
    told = words(drawn.wide)
    known = {s.metric for s in bench.verdicts.statuses if len(s.days) > 1}
    assert known >= {"storage_used", "connections", "transaction_age", "rows_per_day"}
    for status in bench.verdicts.statuses:
        name = metric_name(status)
        if len(status.days) > 1:
            assert name in told
        else:
            assert name in drawn.subtitle or " more" in drawn.subtitle


def test_the_last_day_of_a_limited_figure_is_the_figure(bench):
    for status in bench.verdicts.statuses:
        if status.days:
            assert status.days[-1][1] == pytest.approx(status.value)
            assert [at for at, _ in status.days] == sorted({at for at, _ in status.days})


def test_a_figure_between_two_ends_is_a_band():
    at = wb.open_bench(reference_estate("hauspet")).history.newest.at
    points = ((at - timedelta(days=1), 1.0, 2.0), (at, 1.5, 3.0))
    sure = tuple((day, high, high) for day, _, high in points)
    drawn = [
        outlooks([Limited("x", held, ((4.0, "hard"),), "3", "")], title="t", subtitle="s").wide
        for held in (points, sure)
    ]
    assert ["opacity:0.25" in svg for svg in drawn] == [True, False]


def test_where_each_may_go_says_what_is_not_relieved(bench):
    compared = show.targets(bench)
    held = {v.service: v.verdict != "not needed" for v in bench.verdicts.verdicts}
    assert {name: acts for name, acts, _ in compared.tables} == held
    page = compared._repr_html_()
    for name, acts, table in compared.tables:
        rows = table.frame.set_index("name")
        assert list(rows.index) == list(TARGETS)
        assert "WAL" in rows.loc["own database, same server", "leaves"]
        assert rows.loc["stay", "leaves"] == "everything"
        folded = page.find(f"<b>{name}</b>") > page.find("<details>") >= 0
        assert folded == (not acts)


def test_the_next_moves_are_those_of_the_verdicts_with_their_rate(bench):
    rows = show.next_moves(bench).frame
    assert list(rows["service"]) == [m.service for m in bench.verdicts.order]
    for row, move in zip(rows.itertuples(), bench.verdicts.order, strict=True):
        if move.gain_days is not None:
            assert row.rate * move.effort.high == pytest.approx(move.gain_days.low)
            ended = move.gain_days.high < NEVER
            assert pd.notna(row.rate_until) == pd.notna(row.gain_until) == ended
            if ended:
                assert row.rate_until * move.effort.low == pytest.approx(move.gain_days.high)


def test_what_if_says_what_servers_cost_where_prices_are_written(tmp_path):
    source = reference_estate("hauspet")
    text = (source / "estate.toml").read_text("utf-8")
    prices = 'prices = { currency = "EUR", vcpu = 30, memory_gb = 4, storage_gb = 0.12 }'
    (tmp_path / "estate.toml").write_text(text.replace("[estate]\n", f"[estate]\n{prices}\n", 1))
    told = wb.open_bench(tmp_path, history=source / "history")
    asked = show.what_if(told, ["eventstore"])
    cost = asked.found.cost
    assert cost is not None
    figures = {what: value for value, what in asked.figures}
    assert figures["a month now"] == f"{cost.now:,.0f} EUR"
    assert figures["while both run"] == f"{cost.both:,.0f} EUR"
    assert all(why in asked.notes for why in cost.because)


def test_what_if_of_two_says_whether_that_is_cheaper_and_without_prices_names_no_currency(bench):
    pair = show.what_if(bench, [s.name for s in bench.estate.services][:2])
    saved = pair.found.cheaper_together
    word = "person-days saved by moving together"
    assert saved is not None
    assert (f"{saved:.3g}", word) in pair.figures or saved < 0
    assert NO_PRICES in pair.notes
    assert pair.found.cost is None
    assert set(pair.notes) >= {f"what else may break: {why}" for why in pair.found.unknown}


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
        assert tags.seen <= ALLOWED | {"section", "b", "ul", "i", "details", "summary"}
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
        ((wb.open_bench(reference_estate("hauspet")).history.newest.at, 1.0, 1.0),),
        ((2.0, "hard"), (1.99, "soft")),
        "1",
        "",
    )
    svg = outlooks([row], title="t", subtitle="s").wide
    ys = {n.text: float(n.get("y")) for n in ElementTree.fromstring(svg).iter(f"{SVG}text")}
    assert abs(ys["hard"] - ys["soft"]) > 12
