"""How well an estate is kept, as pages show it: words that say what is so, and what nobody knows."""

import re

import pandas as pd
import pyarrow as pa
import pytest

from patience import settled
from small_history import HOSTILE, write_history
from workbench.collect import collect
from workbench.estate import estate_from_urls
from workbench.present import health as show
from workbench.present.bench import Bench, open_bench
from workbench.share import reference_estate
from workbench.snapshot import History, new_snapshot

VIEWS = (
    *(show.headline, show.space_by_service, show.vacuum, show.avoidable, show.cache),
    *(show.standbys, show.slots, show.writing, show.lock_waits, show.incidents),
)


def pages(bench):
    return {view.__name__: view(bench)._repr_html_() for view in VIEWS}


def clean(html):
    """A page with no value that is none: what pandas and Python print for nothing."""
    text = re.sub(r"<[^>]*>", " ", html)
    return not re.search(r"\bnan\b|<NA>|&lt;NA&gt;|\bNone\b(?! of)|\bNaT\b", text)


@pytest.fixture(scope="module")
def marketplace():
    return open_bench(reference_estate("marketplace"))


def test_the_recorded_marketplace_is_shown_whole(marketplace):
    found = pages(marketplace)
    assert all(map(clean, found.values()))
    assert "Nobody waited for a lock at 28 looks." in found["lock_waits"]
    assert "archive" in found["writing"].lower()


def test_a_database_nobody_may_read_columns_of_says_how_to(marketplace):
    if marketplace.health.bloat["avoidable_bytes"].notna().any():
        pytest.skip("this recording was made with the right to read columns")
    html = pages(marketplace)["avoidable"]
    assert html.count("GRANT pg_read_all_data") == 1, "a reason stands once"


def test_hostile_names_and_a_history_that_holds_little_are_shown(tmp_path):
    bench = open_bench(history=write_history(tmp_path / "x" / "history", HOSTILE, days=2))
    found = pages(bench)
    assert all(map(clean, found.values()))
    for html in found.values():
        assert "<script>" not in html
        assert "\u202e" not in html
    assert "Unknown: lock waits was not read." in found["lock_waits"]
    assert "Unknown: replication was not read." in found["standbys"]
    sentence = show.headline(bench).sentence
    assert "Vacuum keeps up" not in sentence, "what was not read is not fine"


def test_a_history_without_any_table_is_no_error(tmp_path):
    estate = estate_from_urls(["postgresql://nobody@127.0.0.1:1/none"])
    empty = {"datname": ["shop"], "bytes": [1], "datallowconn": [True]}
    snapshot = new_snapshot(
        estate,
        [("databases", "main", None, pa.table(empty), 1.0)],
        [],
        ["main"],
        [],
        taken_at=pd.Timestamp("2026-11-01", tz="UTC").to_pydatetime(),
    )
    bench = Bench(History(estate, (snapshot,)))
    assert all(map(clean, pages(bench).values()))
    assert show.headline(bench).sentence == "No table was read."
    assert bench.health.rows() == []


def test_dead_rows_are_drawn_for_the_service_that_has_them(database):
    with database.connect() as connection:
        for schema in ("orders", "carts"):
            connection.execute(f"CREATE SCHEMA {schema}")
            connection.execute(f"CREATE TABLE {schema}.t (id int) WITH (autovacuum_enabled = off)")
            connection.execute(f"INSERT INTO {schema}.t SELECT generate_series(1, 9000)")
            settled(connection, f"{schema}.t", 9000, "n_tup_ins")
        connection.execute("ANALYZE")
        connection.execute("DELETE FROM orders.t WHERE id > 3000")
        settled(connection, "orders.t", 6000)
    bench = Bench(_alone(collect(estate_from_urls([database.url]))))
    figure = show.space_by_service(bench)._repr_html_()
    assert re.search(r"can be freed in the heaps, \d+% of it in orders", figure)
    table = show.vacuum(bench)._repr_html_()
    assert "orders.<wbr>t" in table
    assert clean(figure)
    assert clean(table)


def _alone(snapshot):
    return History(snapshot.estate, (snapshot,))


def test_the_headline_names_the_gravest_first(database):
    with database.connect() as connection:
        connection.execute("CREATE TABLE t (id int)")
        connection.execute("SELECT pg_create_physical_replication_slot('left_behind', true)")
    try:
        found = show.headline(Bench(_alone(collect(estate_from_urls([database.url])))))
    finally:
        with database.connect() as connection:
            connection.execute("SELECT pg_drop_replication_slot('left_behind')")
    assert found.sentence.startswith("Slot left_behind holds back WAL and nobody reads it")
