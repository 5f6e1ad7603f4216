"""Sessions and transactions on the workload page: what samples and the WAL say, and what is said where they are silent."""

import re
from dataclasses import replace
from itertools import combinations
from xml.etree import ElementTree

import pandas as pd
import psycopg
import pytest

import workbench as wb
from small_history import write_history
from test_samples import busy
from test_workload_page import SVG, words
from workbench.analyse.crossings import Crossing
from workbench.analyse.meetings import pairs
from workbench.analyse.workload_document import document
from workbench.collect import collect
from workbench.estate import estate_from_urls
from workbench.model import Missing
from workbench.present import crossings, meetings, sessions, terminal_workload
from workbench.present import workload as show
from workbench.present.answers import together_a_day, written_together
from workbench.present.arcs import Arc, arcs
from workbench.present.bench import Bench
from workbench.share import reference_estate
from workbench.snapshot import History

ESTATES = ("marketplace", "hauspet", "hauspet-small", "shop")


@pytest.fixture(scope="module", params=ESTATES)
def bench(request):
    return wb.open_bench(reference_estate(request.param))


@pytest.fixture(scope="module")
def marketplace():
    return wb.open_bench(reference_estate("marketplace"))


def tips(svg):
    return [node.text for node in ElementTree.fromstring(svg).iter(f"{SVG}title")]


# -- what the page says


def test_orders_and_stock_are_written_together(marketplace):
    drawn = meetings.transaction_graph(marketplace)
    (row,) = marketplace.workload.transactions.sets.query("crosses").to_dict("records")
    a_day = row["transactions"] / 27
    assert drawn.title.startswith(f"{a_day:.0f} transactions a day write data of several services")
    for name in row["services"]:
        assert f"{name}'s" in drawn.title
    assert f"{a_day:.0f} a day" in words(drawn.wide)
    assert any("written together 966 times" in tip for tip in tips(drawn.wide))
    assert "from all of the WAL" in drawn.subtitle


def test_every_pair_that_meets_is_drawn_and_the_others_are_named(bench):
    drawn = meetings.transaction_graph(bench)
    met = {
        pair
        for c in bench.crossings
        if c.kind == "transaction"
        for pair in combinations(sorted(c.services), 2)
    }
    listed = [text for text in words(drawn.narrow) if " – " in text]
    assert {tuple(text.split(" – ")) for text in listed} == met
    if met:
        for name in bench.workload.services["service"]:
            assert name in " ".join(words(drawn.wide))
    else:
        assert words(drawn.wide) == ["No two services are seen to meet."]


def test_the_page_and_the_document_hold_the_same_transactions(bench):
    found = [c for c in document(bench.workload)["crossings"] if c["kind"] == "transaction"]
    table = meetings.transactions_that_meet(bench)
    assert len(table.frame) == len(found)
    counted = sum(c["transactions"] for c in found if c["source"] == "wal")
    assert (table.frame["pace"].astype("Float64").sum() or 0) == pytest.approx(counted / 27)
    assert table.frame["seen"].astype("Float64").sum() == sum(
        c["transactions"] for c in found if c["source"] == "locks"
    )


def test_a_caller_is_taken_from_samples_that_fit_one_set_alone(marketplace):
    frame = meetings.transactions_that_meet(marketplace).frame
    written = frame[frame["source"] == "WAL"]
    ((caller,),) = written["caller"]
    assert re.fullmatch(r"order, \d+ seen", caller)
    (real,) = [c for c in marketplace.crossings if c.source == "wal"]
    rival = replace(real, relations=("inventory_service.stock_levels", "order_service.carts"))
    sampled = [c for c in marketplace.crossings if c.source == "locks"]
    assert meetings._callers(real, [real, *sampled]) == (caller,)
    assert meetings._callers(real, [real, rival, *sampled]) == ()


def test_shares_of_the_wal_add_up(bench):
    for table in (meetings.wal_by_service(bench), meetings.wal_by_table(bench)):
        assert table.frame["share"].astype(float).sum() == pytest.approx(1.0)
    frame = meetings.what_was_seen(bench).frame
    assert list(frame["seen"]) == [1.0]
    written = bench.workload.transactions.sets["transactions"].sum()
    assert list(frame["transactions"]) == [written]


def test_sessions_are_drawn_between_their_two_ends_with_their_waits(marketplace):
    drawn = sessions.active_by_service(marketplace)
    held = marketplace.workload.activity
    assert re.match(r"0\.\d+ sessions are active at a time", drawn.title)
    assert set(held["wait_class"]) >= {"CPU"}
    assert "Commits are in it" in drawn.subtitle
    told = words(drawn.wide)
    for row in marketplace.workload.services.itertuples(index=False):
        assert row.service in told
    assert any(tip.startswith("auth: ") and "\nCPU 0." in tip for tip in tips(drawn.wide))
    assert "Active sessions, from samples" in show.services(marketplace)._repr_html_()


def test_the_busiest_hour_stands_beside_the_mean(bench):
    (row,) = sessions.sampled_instances(bench).frame.to_dict("records")
    assert row["busiest"] >= row["active_sessions"]
    assert row["hour"].endswith(":00 UTC")
    waited = sessions.waits(bench).frame
    assert waited.empty or waited["share"].sum() == pytest.approx(1.0)


def test_one_hour_of_samples_has_no_busiest(marketplace):
    one = marketplace.sessions
    alone = Bench(marketplace.history)
    alone.__dict__["sessions"] = replace(one, hours=one.hours.head(1))
    html = sessions.sampled_instances(alone)._repr_html_()
    assert "nothing to compare it with" in html


def test_a_cell_of_the_grid_tells_of_transactions(marketplace):
    told = tips(crossings.who_touches_whom(marketplace).wide)
    (tip,) = {t for t in told if t.startswith("order to inventory:")}
    assert "966 transactions wrote data of both" in tip
    assert not any("wrote data of both" in t for t in told if t.startswith("search to"))


def test_the_terminal_tells_of_transactions(marketplace, capsys):
    terminal_workload.print_workload(marketplace.workload)
    out = " ".join(capsys.readouterr().out.split())
    assert "36 transactions a day write data of several services: inventory's and order's" in out


# -- where the WAL or samples are silent


def test_without_wal_and_samples_everything_is_unknown_with_what_would_tell(tmp_path, capsys):
    gap = Missing(
        "wal_transactions", "main", None, "no pg_walinspect", "CREATE EXTENSION pg_walinspect;"
    )
    folder = write_history(tmp_path / "plain" / "history", ["a", "b"], days=3, missing=(gap,))
    plain = wb.open_bench(history=folder)
    assert "not known" in meetings.transaction_graph(plain).title
    for table in (
        meetings.transactions_that_meet(plain),
        meetings.wal_by_service(plain),
        meetings.wal_by_table(plain),
        meetings.what_was_seen(plain),
    ):
        html = table._repr_html_()
        assert "nknown" in html
        assert "CREATE EXTENSION pg_walinspect;" in html
    for table in (
        sessions.active_by_service(plain),
        sessions.waits(plain),
        sessions.sampled_instances(plain),
    ):
        html = table._repr_html_()
        assert "nknown" in html
        assert "workbench collect --sample 30s" in html
    assert ("unknown", "transactions a day cross") in show.headline(plain).figures
    assert "from statement time" in show.services(plain)._repr_html_()
    assert together_a_day(plain.workload) is None
    terminal_workload.print_workload(plain.workload)
    assert "no WAL was read" in capsys.readouterr().out


def test_without_wal_samples_of_a_real_server_carry_the_page(database):
    estate = estate_from_urls([database.url])
    with busy(database):
        bench = Bench(History(estate, (collect(estate, sample_s=0.5),)))
    drawn = meetings.transaction_graph(bench)
    assert drawn.title.startswith("Samples saw a pair of services inside one transaction")
    assert "bill" in drawn.title
    assert "shop" in drawn.title
    frame = meetings.transactions_that_meet(bench).frame
    assert set(frame["source"]) == {"locks"}
    html = meetings.what_was_seen(bench)._repr_html_()
    assert "pg_walinspect" in html
    assert written_together(bench.workload) is None


def test_a_login_that_sees_no_sessions_counts_none_as_idle(database):
    with psycopg.connect(database.url, autocommit=True) as admin:
        admin.execute("CREATE ROLE sees_nobody LOGIN")
        try:
            estate = estate_from_urls([database.server.url(database.name, "sees_nobody")])
            with busy(database):
                bench = Bench(History(estate, (collect(estate, sample_s=0.5),)))
        finally:
            admin.execute("DROP ROLE sees_nobody")
    assert set(bench.workload.services["active_from"]) <= {"statements"}
    shown = sessions.active_by_service(bench)._repr_html_()
    assert "grant it pg_monitor" in shown


# -- the forms


def test_a_transaction_that_reads_and_writes_abroad_counts_once_in_a_pair():
    write = Crossing(
        *("transaction", "locks", "i", "d", "a", ("a", "b"), ("b",), "write", ("b.x",)),
        transactions=3,
    )
    read = replace(write, access="read", relations=("b.y",), transactions=5)
    wal = replace(write, source="wal", actor=None, services=("a", "b", "c"), transactions=7)
    other = replace(write, kind="statement")
    frame = pairs([write, read, wal, other])
    assert frame.to_dict("records") == [
        {"instance": "i", "one": "a", "other": "b", "written": 7, "seen": 5, "writes": True},
        {"instance": "i", "one": "a", "other": "c", "written": 7, "seen": 0, "writes": False},
        {"instance": "i", "one": "b", "other": "c", "written": 7, "seen": 0, "writes": False},
    ]
    assert pd.DataFrame(pairs([])).empty


def test_the_figures_of_thirteen_services_that_all_meet_do_not_touch():
    names = [f"notification{n:02}" for n in range(13)]
    ties = [
        Arc(a, b, 1.0 - n / 100, f"{n} a day", f"tip {n}")
        for n, (a, b) in enumerate(combinations(names, 2))
    ]
    options = {"title": "t", "subtitle": "s", "empty": "", "alone": "", "colours": {}}
    drawn = arcs(ties, [], **options)
    assert set(names) <= set(words(drawn.wide))
    figures = [
        (float(node.get("x")), float(node.get("y")))
        for node in ElementTree.fromstring(drawn.wide).iter(f"{SVG}text")
        if "a day" in node.text
    ]
    assert len(figures) > 20
    for (x, y), (a, b) in combinations(figures, 2):
        assert abs(x - a) > 60 or abs(y - b) > 14
    assert {f"tip {n}" for n in range(len(ties))} <= set(tips(drawn.wide))
    assert max(x for x, _ in figures) < 820


def test_more_services_than_fit_are_counted():
    ties = [Arc("hub", f"s{n:02}", 1.0, "1 a day", "tip") for n in range(30)]
    alone = [f"quiet_{n}" for n in range(200)]
    options = {"title": "t", "subtitle": "s", "empty": "", "alone": "Alone: ", "colours": {}}
    drawn = arcs(ties, alone, **options)
    assert "+15 ties of other services" in words(drawn.wide)
    (foot,) = [text for text in words(drawn.wide) if text.startswith("Alone: quiet_0")]
    assert foot.endswith(", …")
