"""The workload page and command: the answer first, intervals that are what the analysis says, hostile text that stays text."""

import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from types import SimpleNamespace
from xml.etree import ElementTree

import pandas as pd
import pytest

import workbench as wb
from small_history import HOSTILE, write_history
from test_commands import workbench
from workbench.analyse.workload import slow_limits
from workbench.analyse.workload_document import document
from workbench.collect import collect
from workbench.estate import Threshold, estate_from_urls, load_estate
from workbench.present import (
    crossings,
    ladders,
    meetings,
    sessions,
    statements,
    terminal_workload,
)
from workbench.present import workload as show
from workbench.present.answers import statements_abroad
from workbench.present.bench import Bench
from workbench.present.grid import Cell, grid
from workbench.present.ranges import Part, Range, Whole, ranges, wholes
from workbench.present.tables import Column, Table
from workbench.present.theme import ACCENT, GREY
from workbench.share import reference_estate, shared
from workbench.snapshot import History, reader_beside

SVG = "{http://www.w3.org/2000/svg}"
ESTATES = ("marketplace", "hauspet", "hauspet-small", "shop")
FIGURES = (
    *(show.load_by_service, show.load_over_time),
    *(crossings.who_touches_whom, ladders.known_shares, meetings.transaction_graph),
)
TABLES = (
    *(
        show.services,
        show.kinds_of_load,
        show.busiest_hours,
        ladders.rungs,
        ladders.unknown_because,
    ),
    *(ladders.statistics, crossings.crossings, crossings.foreign_writes),
    *(crossings.bypassed_views, crossings.written_by_several, crossings.unused_grants),
    *(statements.top_statements, statements.slow_statements, statements.interference),
    *(meetings.transactions_that_meet, meetings.what_was_seen, meetings.wal_by_service),
    *(meetings.wal_by_table, sessions.active_by_service, sessions.waits),
    sessions.sampled_instances,
)


@pytest.fixture(scope="module", params=ESTATES)
def bench(request):
    return wb.open_bench(reference_estate(request.param))


@pytest.fixture(scope="module")
def marketplace():
    return wb.open_bench(reference_estate("marketplace"))


@pytest.fixture(scope="module")
def unread(tmp_path_factory):
    """A history in which no statement was ever read."""
    folder = tmp_path_factory.mktemp("estates") / "blind" / "history"
    return wb.open_bench(history=write_history(folder, HOSTILE, days=3))


@pytest.fixture
def evil(database):
    """A bench on a real server whose schemas, columns, roles and statements are hostile."""
    schemas = ["<script>alert(1)</script>", 'a"b</details>']
    with database.connect() as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute("SELECT pg_stat_statements_reset()")
        for schema in schemas:
            quoted = '"' + schema.replace('"', '""') + '"'
            connection.execute(f"CREATE SCHEMA {quoted}")
            connection.execute(
                f'CREATE TABLE {quoted}."</pre><b>" (id int, "</details><img>" text)'
            )
        one, other = ('"' + s.replace('"', '""') + '"' for s in schemas)
        joined = f'SELECT a."</details><img>" FROM {one}."</pre><b>" a JOIN {other}."</pre><b>" b USING (id)'
        for _ in range(3):
            connection.execute(joined)
            connection.execute(
                f'INSERT INTO {one}."</pre><b>" SELECT id, $${{x}}$$ FROM {other}."</pre><b>"'
            )
    estate = estate_from_urls([database.url])
    return Bench(History(estate, (collect(estate),)))


class Tags(HTMLParser):
    """Every tag of a fragment, and whether each that opens is closed."""

    def __init__(self, text):
        super().__init__()
        self.seen, self.open = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        if tag not in ("br", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


ALLOWED = {
    *("div", "table", "caption", "thead", "tbody", "tr", "th", "td", "span", "sup", "ol", "li"),
    *("p", "i", "br", "wbr", "details", "summary", "code", "pre"),
}


def words(svg):
    return [node.text for node in ElementTree.fromstring(svg).iter(f"{SVG}text")]


# -- what the page says


def test_the_headline_is_the_answer_in_figures(marketplace):
    found = show.headline(marketplace)
    first, second = marketplace.workload.services.nlargest(2, "time_ms_high")["service"]
    assert first == "product"
    told = rf"product takes \d+–\d+\xa0% of execution time, {second} \d"
    assert re.match(told, found.sentence)
    count = sum(c.kind == "statement" for c in marketplace.crossings)
    assert f"{count} statements cross services" in found.sentence
    assert "callers" not in found.sentence
    assert "of calls is unknown" in found.sentence
    assert ("27 days", "of statistics") in found.figures


def test_each_service_is_a_mark_between_its_two_ends(bench):
    drawn = show.load_by_service(bench)
    told = " ".join(words(drawn.wide))
    for row in bench.workload.services.itertuples(index=False):
        assert row.service in told
        assert row.time_ms_share_low <= row.time_ms_share_high
    assert "Commits are in no statement's time" in drawn.subtitle


def test_the_grid_holds_every_crossing_and_marks_writes(marketplace):
    drawn = crossings.who_touches_whom(marketplace)
    for svg in (drawn.wide, drawn.narrow):
        told = " ".join(words(svg))
        for crossing in crossings.statements_that_cross(marketplace):
            assert all(owner in told for owner in crossing.owners)
    assert "write" in " ".join(words(drawn.narrow))
    rows = [text for text in words(drawn.wide) if text in ("search", crossings.UNKNOWN)]
    assert rows == ["search", crossings.UNKNOWN]


def test_crossings_show_their_statement_and_why_a_caller_is_unknown(marketplace):
    html = crossings.crossings(marketplace)._repr_html_()
    assert html.count('class="wb-under') == len(crossings.statements_that_cross(marketplace))
    assert "set application_name, or map its network" in html
    assert "≤ " in html


def test_a_write_through_a_view_is_listed_as_forbidden(marketplace):
    frame = crossings.foreign_writes(marketplace).frame
    assert list(frame["through"]) == [None, ("order_service.v_users",)]
    assert list(frame["owners"]) == [("inventory",), ("auth",)]


def test_no_evidence_is_one_sentence(marketplace):
    for name in ESTATES:
        html = statements.interference(wb.open_bench(reference_estate(name)))._repr_html_()
        assert "<td" in html or html.startswith('<p class="wb-empty">')
    hauspet = statements.interference(wb.open_bench(reference_estate("hauspet")))
    assert hauspet.frame.empty
    assert re.fullmatch(r"No evidence among \d+ pairs of a heavy statement .*", hauspet.empty)


def test_a_replica_is_advised_where_nine_tenths_only_read():
    said = show._replica(0.95, 0.9)
    assert said.startswith("✓")
    assert show._replica(0.95, 0.5) == "no: 50 % of time writes or locks"
    assert show._replica(0.2, 0.5) == "no: 80 % of calls writes or locks"
    assert show._replica(pd.NA, 1.0) is None


def test_an_agreed_latency_is_a_services_own_limit_for_slow():
    estate = load_estate(reference_estate("hauspet"), {"HAUSPET_URL": "postgresql:///x"})
    assert slow_limits(estate) == {"readmodels": 200.0}


def test_a_latency_that_is_agreed_for_all_holds_for_every_service():
    folder = reference_estate("marketplace")
    estate = load_estate(folder)
    agreed = (
        Threshold("latency", hard=0.0, unit="ms"),
        Threshold("latency", hard=1, unit="s", service="order"),
    )
    estate = replace(estate, thresholds=agreed)
    found = wb.workload(wb.window_of(wb.load_history(folder / "history", estate))).services
    busy = found[found["statements"] > 0].set_index("service")
    others = busy.drop(index="order")
    assert len(others) > 3
    assert (others["slow"] == others["statements"]).all()
    assert busy.loc["order", "slow"] < busy.loc["order", "statements"]


def test_a_statement_that_writes_and_reads_abroad_is_counted_once(marketplace):
    write = next(c for c in marketplace.crossings if c.kind == "statement" and c.access == "write")
    both = (replace(write, access="read", relations=("x.y",), owners=("x",)), write)
    found = SimpleNamespace(crossings=both)
    assert statements_abroad(found) == [write]


def test_the_title_of_the_grid_counts_a_call_once_however_many_owners_it_touches(marketplace):
    calls = sum(c.calls for c in crossings.statements_that_cross(marketplace))
    title = crossings.who_touches_whom(marketplace).title
    assert title.startswith(f"{round(calls / 27)} calls a day")


# -- what is not known


@pytest.mark.parametrize("table", TABLES)
def test_an_empty_table_never_says_fine_where_nothing_was_read(table, unread):
    html = table(unread)._repr_html_()
    if table not in (crossings.unused_grants,):
        assert "nknown" in html or "not read" in html, html[:300]
    assert Tags(html).seen <= ALLOWED


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_without_statements_says_so(figure, unread):
    drawn = figure(unread)
    for svg in (drawn.wide, drawn.narrow):
        ElementTree.fromstring(svg)
    assert re.search("not known|is known|needs a second", drawn.title)
    assert "not known" in show.headline(unread).sentence
    assert not re.search(r"\bnan\b|<NA>", drawn._repr_html_())


def test_services_without_statements_are_listed_as_unknown_with_a_reason(unread):
    rows = document(unread.workload)["services"]
    assert len(rows) == len(HOSTILE)
    for row in rows:
        assert row["calls"] is None
        assert "not read" in row["because"]


# -- hostile text


@pytest.mark.parametrize("figure", FIGURES)
def test_figures_hold_no_markup_of_a_database(figure, evil):
    drawn = figure(evil)
    assert "<script" not in drawn._repr_html_()
    for svg in (drawn.wide, drawn.narrow):
        ElementTree.fromstring(svg)


def test_tables_hold_no_markup_of_a_database(evil):
    shown = [table(evil)._repr_html_() for table in TABLES]
    for html in shown:
        tags = Tags(html)
        assert tags.seen <= ALLOWED
        assert tags.open == []
    whole = "".join(shown)
    assert "&lt;/details&gt;&lt;img&gt;" in whole
    assert "&lt;script&gt;" in whole


def test_one_reading_of_a_real_server_is_told_as_such(evil, capsys, monkeypatch):
    found = document(evil.workload)
    assert {c["access"] for c in found["crossings"] if c["kind"] == "statement"} == {"read"}
    owners = {tuple(c["owners"]) for c in found["crossings"] if c["kind"] == "statement"}
    assert ("<script>alert(1)</script>", 'a"b</details>') in owners
    monkeypatch.setenv("COLUMNS", "80")
    terminal_workload.print_workload(evil.workload)
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert "<NA>" not in out
    assert out.splitlines()[-1].startswith("next: workbench")


# -- the command


def test_the_command_gives_what_python_gives(marketplace):
    done = workbench("workload", "--estate", reference_estate("marketplace"), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found) == {"coverage", "services", "statements", "crossings"}
    assert found == json.loads(json.dumps(document(marketplace.workload)))
    for row in found["services"]:
        for name in ("calls", "time_ms", "wal_bytes", "blocks", "active_sessions"):
            low, high = row[name]
            assert 0 <= low <= high
    assert all(
        row["plan_ms"] is None and "track_planning" in row["because"] for row in found["services"]
    )
    coverage = found["coverage"]
    for ladder in ("attribution", "callers"):
        for measure in ("calls_share", "time_ms_share"):
            assert sum(r[measure] for r in coverage[ladder]["main"]) == pytest.approx(1, abs=1e-4)
    assert coverage["evictions"] == {"main": 0}
    assert coverage["statistics_age_days"]["main"] is not None
    assert coverage["callers_unknown"][0]["because"]


def test_the_command_fits_a_terminal_and_begins_with_the_answer():
    done = workbench("workload", "--estate", reference_estate("marketplace"))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("product takes")
    assert lines[-1].startswith("next: workbench")
    assert "nan" not in done.stdout.split()


def test_what_was_read_is_kept_beside_a_history_of_ones_own_and_not_in_what_is_shipped(tmp_path):
    shutil.copytree(reference_estate("hauspet-small"), tmp_path / "mine")
    documents = [
        workbench("workload", "--estate", tmp_path / "mine", "--json", PYTHONHASHSEED=seed).stdout
        for seed in ("1", "2")
    ]
    assert documents[0] == documents[1]
    assert list((tmp_path / "mine" / "history" / "derived").glob("statements-*.jsonl"))
    wb.open_bench(reference_estate("hauspet-small")).workload  # noqa: B018
    assert not (reference_estate("hauspet-small") / "history" / "derived").exists()
    inside = shared("data") / "estates" / ".." / "estates" / "x" / "history"
    assert reader_beside(inside).keywords["history"] is None


# -- the forms


def test_a_range_is_drawn_where_its_ends_are_and_an_unknown_one_not_at_all():
    rows = [Range("a", 0.2, 0.4, "20–40 %", "tip"), Range("b", None, None, "unknown", "tip b")]
    drawn = ranges(rows, ticks=[(0, "0"), (1, "100 %")], title="t", subtitle="s", more=3)
    assert {"a", "b", "unknown", "+3 more services"} <= set(words(drawn.wide))
    assert {"a", "b", "unknown", "+3 more services"} <= set(words(drawn.narrow))


def test_a_part_without_room_keeps_its_tip_and_drops_its_name():
    whole = Whole(
        "w", (Part("large", 0.999, "99.9 %", "l", GREY), Part("small", 0.001, "0.1 %", "s", ACCENT))
    )
    drawn = wholes([whole], title="t", subtitle="s", empty="none")
    assert "large 99.9 %" in words(drawn.wide)
    assert not any("small" in text for text in words(drawn.wide))
    tips = [n.text for n in ElementTree.fromstring(drawn.wide).iter(f"{SVG}title")]
    assert {"l", "s"} <= set(tips)


def test_the_heads_of_thirteen_columns_do_not_touch():
    names = [f"notification{n:02}" for n in range(13)]
    cells = {(r, c): Cell("1.2 k", "3", "tip") for r in names for c in names}
    options = {"title": "t", "subtitle": "s", "names": ("r", "w"), "empty": "", "colours": {}}
    drawn = grid(names, names, cells, **options)
    heads: dict[float, list[float]] = {}
    for node in ElementTree.fromstring(drawn.wide).iter(f"{SVG}text"):
        if node.text in names and "middle" in node.get("style", ""):
            heads.setdefault(float(node.get("y")), []).append(float(node.get("x")))
    assert sum(map(len, heads.values())) == 13
    for places in heads.values():
        places.sort()
        assert all(b - a > 110 for a, b in pairwise(places))


def test_intervals_bounds_lists_and_folded_statements_in_a_table():
    frame = pd.DataFrame(
        {
            "n": ["a", "b"],
            "low": [1.0, None],
            "high": [2.5, 3.0],
            "bound": [True, False],
            "many": [("x.y", "<z>"), ("q",)],
            "sql": ["SELECT 1", "SELECT '</details>' " + "x" * 200],
            "because": [None, "not read"],
        }
    )
    columns = [
        Column("n", "N"),
        Column("low", "L", "count", until="high"),
        Column("high", "H", "ms", at_most="bound"),
        Column("many", "M", "list"),
        Column("sql", "S", "sql"),
        Column("sql", "S", "sql", below=True),
    ]
    html = Table(frame, columns)._repr_html_()
    tags = Tags(html)
    assert tags.open == []
    assert tags.seen <= ALLOWED
    assert "1.00–2.50" in html
    assert "≤ 2.5" in html
    assert "≤ 3" not in html
    assert "<br>&lt;z&gt;" in html
    assert html.count("<details>") == 2
    assert html.count("<tbody>") == 2
    assert "unknown<sup>1</sup>" in html
    assert "1–2.5" in repr(Table(frame, columns[:2]))
