"""From one major to the next, by pg_upgrade and by dump and restore: sizes and findings go on, counters do not."""

import shutil
from datetime import UTC, datetime, timedelta
from itertools import combinations

import psycopg
import pytest

from clusters import clusters
from patience import LONG
from servers import MAJORS
from test_hard_nights import eventually
from workbench.analyse.capacity import capacity
from workbench.analyse.readiness import readiness
from workbench.collect import collect
from workbench.decide.evidence import Evidence
from workbench.decide.news import accept, news
from workbench.decide.thresholds import statuses
from workbench.estate import load_estate
from workbench.snapshot import adopt, load_history, tag, window_of

START = datetime(2026, 6, 1, 2, tzinfo=UTC)
ROWS = "INSERT INTO sales.item SELECT n, repeat('x', 200) FROM generate_series({}, {}) AS n"
JOINED = "SELECT count(*) FROM web.basket JOIN sales.item ON item.id = basket.item_id"
LIMITS = """
[[thresholds]]
metric = "rows"
service = "{0}"
hard = 1000
[[thresholds]]
metric = "rows_per_day"
service = "{0}"
hard = 1
"""
QUICK = {("upgrade", 16, 18)}
PAIRS = [
    pytest.param(
        way,
        old,
        new,
        id=f"{way}-{old}-{new}",
        marks=[] if (way, old, new) in QUICK else LONG,
    )
    for way in ("upgrade", "restore")
    for old, new in combinations(MAJORS, 2)
]


def fill(cluster):
    with psycopg.connect(cluster.url(), autocommit=True) as admin:
        admin.execute("CREATE DATABASE shop")
    with psycopg.connect(cluster.url("shop"), autocommit=True) as admin:
        admin.execute("CREATE EXTENSION pg_stat_statements")
        admin.execute("CREATE SCHEMA sales")
        admin.execute("CREATE TABLE sales.item (id int PRIMARY KEY, note text)")
        admin.execute("CREATE SCHEMA nobodys CREATE TABLE stray (id int)")
        admin.execute("CREATE SCHEMA web CREATE TABLE basket (item_id int REFERENCES sales.item)")
        admin.execute("CREATE VIEW web.offers AS SELECT note FROM sales.item")


def insert(cluster, first, last):
    """Insert rows, and wait until the server has counted them."""
    counted = "SELECT pg_stat_get_tuples_inserted('sales.item'::regclass)"

    def count():
        with psycopg.connect(cluster.url("shop"), autocommit=True) as one:
            return one.execute(counted).fetchone()[0]

    before = count()
    with psycopg.connect(cluster.url("shop"), autocommit=True) as connection:
        connection.execute(ROWS.format(first, last))
        connection.execute("VACUUM ANALYZE sales.item")
        connection.execute(JOINED)
    eventually(lambda: count() >= before + last - first + 1)


def write_estate(cluster, folder, name="sales", more=""):
    (folder / "estate.toml").write_text(
        f'[estate]\nname = "moving"\n[instances.main]\nurl = "{cluster.url("shop")}"\n'
        f'[services.{name}]\ndatabase = "shop"\nschemas = ["sales"]\n{more}'
        '[services.web]\ndatabase = "shop"\nschemas = ["web"]\n' + LIMITS.format(name)
    )
    return load_estate(folder)


def look(cluster, folder, day):
    """A snapshot of the estate, whose address leads to this cluster today, in the history."""
    estate = write_estate(cluster, folder)
    snapshot = collect(estate, simulated_at=START + timedelta(days=day))
    assert {m.what for m in snapshot.manifest.missing} <= {"io_statistics", "wal_transactions"}
    snapshot.save(folder / "history")
    return snapshot


def keys(snapshot):
    return {f.key for f in readiness(snapshot) if not f.rule.startswith("unread-")}


def moved(way, old, new):
    """Bring all that is in the old cluster into the new one; the old one was running."""
    if way == "upgrade":
        new.upgrade_from(old)
        return
    with old.running(), new.running():
        old.dump_to(new, "shop")


@pytest.mark.parametrize(("way", "before", "after"), PAIRS)
def test_sizes_and_findings_go_on_over_a_move_and_counters_do_not(way, before, after, tmp_path):
    with clusters(before, after) as (old, new):
        with old.running():
            fill(old)
            insert(old, 1, 4000)
            first = look(old, tmp_path, 0)
            insert(old, 4001, 8000)
            second = look(old, tmp_path, 1)
            before_it = load_history(tmp_path / "history", load_estate(tmp_path))
        moved(way, old, new)
        with new.running():
            insert(new, 8001, 9000)
            third = look(new, tmp_path, 2)
            insert(new, 9001, 9500)
            look(new, tmp_path, 3)

    def history():
        return load_history(tmp_path / "history", load_estate(tmp_path))

    (broken,) = history().coverage.epoch_breaks
    assert (broken.kind, broken.at) == ("upgrade", third.at)
    assert f"PostgreSQL {before} became {after}" in broken.why

    window = window_of(history())
    item = window.tables.set_index("relation").loc["item"]
    assert (item["n_tup_ins"], item["counted_from"], item["days"]) == (500, "window", 1)
    assert set(window.spans["since"]) == {third.at}
    across = window_of(history().between(until=third.at))
    assert set(across.spans["kind"]) == {"since_reset"}
    assert (across.tables["counted_from"] == "reset").all()

    found = capacity(history())
    (table,) = (r for r in found.rows() if (r["table"], r["metric"]) == ("item", "bytes"))
    (service,) = (
        r
        for r in found.rows()
        if (r["service"], r["schema"], r["metric"]) == ("sales", None, "bytes")
    )
    assert table["value"] > 9500 * 200
    assert table["per_day"] is not None, table["because"]
    assert table["per_day"] > 0
    assert service["per_day"] == pytest.approx(table["per_day"])
    assert len(found.daily.loc[found.daily["service"] == "sales", "at"].unique()) == 4

    assert keys(second) == keys(third), "a move makes no finding, and hides none"
    assert keys(first)

    # what was agreed before the move: a crossing, references, and limits, one of which began to count anew
    seen = accept(before_it, second)
    tag(tmp_path / "history", "agreed", second, seen=seen.to_json())
    for estate in (
        load_estate(tmp_path),
        write_estate(new, tmp_path, "stock", 'was = ["sales"]\n'),
    ):
        evidence = Evidence(load_history(tmp_path / "history", estate))
        assert evidence.crossings
        assert {r.kind for r in evidence.references.crossing} == {"foreign_key", "view"}
        assert {s.metric for s in statuses(evidence) if s.state == "crossed"} >= {
            "rows",
            "rows_per_day",
        }
        found = news(evidence)
        assert (found.baseline, found.alerts, found.unjudged) == ("agreed", (), ())
        shutil.rmtree(tmp_path / "history" / "tags")
        assert {a.kind for a in news(evidence).alerts} == {"threshold"}, "it is what was agreed"
        tag(tmp_path / "history", "agreed", second, seen=seen.to_json())
    shutil.rmtree(tmp_path / "history" / "tags")
    write_estate(new, tmp_path)

    adopt(history(), "main", who="ada", why="the same data", when=START)
    (joined,) = history().coverage.epoch_breaks
    assert joined.adopted == "ada: the same data"
    whole = window_of(history())
    assert set(whole.spans.loc[whole.spans["frame"] == "table_statistics", "since"]) == {first.at}
    assert (whole.tables["n_tup_ins"] >= 0).all()
