"""A server that is started anew: after a clean stop its counts go on, after an immediate one its window ends."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from clusters import clusters
from servers import MAJORS
from test_hard_nights import eventually
from workbench.collect import collect
from workbench.estate import estate_from_urls
from workbench.snapshot import History, window_of

START = datetime(2026, 6, 1, 2, tzinfo=UTC)
READ = "SELECT count(*) FROM sales.item"


def read(cluster, times):
    with psycopg.connect(cluster.url("shop"), autocommit=True) as one:
        for _ in range(times):
            one.execute(READ)
    told = "SELECT calls FROM pg_stat_statements WHERE query = %s"

    def calls():
        with psycopg.connect(cluster.url("shop"), autocommit=True) as one:
            row = one.execute(told, [READ]).fetchone()
            return row and row[0] >= times

    assert eventually(calls)


def scans(cluster, least):
    """Wait until so many scans of the table are counted."""
    told = "SELECT pg_stat_get_numscans('sales.item'::regclass)"

    def counted():
        with psycopg.connect(cluster.url("shop"), autocommit=True) as one:
            return one.execute(told).fetchone()[0] >= least

    assert eventually(counted)


@pytest.mark.parametrize("major", [MAJORS[0], MAJORS[-1]])
@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_a_clean_restart_keeps_the_window_and_an_immediate_one_ends_it(major, how):
    with clusters(major) as (cluster,), cluster.running():
        with psycopg.connect(cluster.url(), autocommit=True) as admin:
            admin.execute("CREATE DATABASE shop")
        with psycopg.connect(cluster.url("shop"), autocommit=True) as admin:
            admin.execute("CREATE EXTENSION pg_stat_statements")
            admin.execute("CREATE SCHEMA sales CREATE TABLE item (id int)")
            admin.execute("CHECKPOINT")
        estate = estate_from_urls([cluster.url("shop")])
        read(cluster, 7)
        scans(cluster, 7)
        before = collect(estate, simulated_at=START)
        read(cluster, 5)
        scans(cluster, 12)
        cluster.run(
            "pg_ctl", "-w", "-m", how, "-D", cluster.data, "-l", cluster.folder / "log", "restart"
        )
        read(cluster, 3)
        kept = how == "fast"
        scans(cluster, 15 if kept else 3)
        after = collect(estate, simulated_at=START + timedelta(days=1), previous=before)
    history = History(after.estate, (before, after))
    window = window_of(history)
    spans = window.spans.set_index("frame")
    entries = window.statements.set_index("query")
    tables = window.tables.set_index("relation")
    if kept:
        assert history.coverage.epoch_breaks == (), "a clean restart loses nothing"
        assert set(spans["kind"]) == {"difference"}
        assert (entries.loc[READ, "calls"], entries.loc[READ, "counted_from"]) == (8, "window")
        assert (tables.loc["item", "seq_scan"], tables.loc["item", "counted_from"]) == (8, "window")
        assert spans.loc["statements", "evictions"] == 0
    else:
        assert {b.kind for b in history.coverage.epoch_breaks} == {"crash"}
        assert spans.loc["statements", "kind"] == "since_reset"
        # even so stopped, the server writes the entries' file: they count from their own reset, and say so
        assert (entries.loc[READ, "calls"], entries.loc[READ, "counted_from"]) == (15, "reset")
        assert tables.loc["item", "seq_scan"] == 3
