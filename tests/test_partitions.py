"""Partitions that come and go are no change: everything is said of their root."""

from datetime import timedelta

import pytest

from workbench.analyse.capacity import capacity
from workbench.collect import collect
from workbench.estate import estate_from_urls
from workbench.present import capacity as show
from workbench.present.bench import Bench
from workbench.snapshot import History, window_of

MADE = """
CREATE SCHEMA flow;
CREATE TABLE flow.event (day date, id int, note text, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
CREATE TABLE flow.event_1 PARTITION OF flow.event FOR VALUES FROM ('2026-11-01') TO ('2026-11-02');
CREATE TABLE flow.event_2 PARTITION OF flow.event FOR VALUES FROM ('2026-11-02') TO ('2026-11-03')
  PARTITION BY HASH (id);
CREATE TABLE flow.event_2_a PARTITION OF flow.event_2 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE flow.event_2_b PARTITION OF flow.event_2 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE flow.plain (id int PRIMARY KEY);
INSERT INTO flow.event SELECT '2026-11-01', i, 'x' FROM generate_series(1, 700) AS i;
INSERT INTO flow.event SELECT '2026-11-02', i, 'x' FROM generate_series(1, 700) AS i;
ANALYZE;
"""
TURNED_OVER = """
DROP TABLE flow.event_1;
CREATE TABLE flow.event_3 PARTITION OF flow.event FOR VALUES FROM ('2026-11-03') TO ('2026-11-04');
INSERT INTO flow.event SELECT '2026-11-03', i, 'x' FROM generate_series(1, 700) AS i;
ANALYZE;
"""


@pytest.fixture
def turned_over(database, tmp_path):
    """Two nights of one estate: in between the oldest partition went, and a new one came."""
    estate = estate_from_urls([database.url])
    with database.connect() as connection:
        connection.execute(MADE)
    first = collect(estate)
    with database.connect() as connection:
        connection.execute(TURNED_OVER)
    second = collect(estate, previous=first, simulated_at=first.at + timedelta(days=1))
    return History(first.estate, (first, second))


def _roots(found):
    return found.relations.set_index("table")


def test_a_partition_that_goes_and_one_that_comes_are_no_change(turned_over):
    before, after = (
        _roots(capacity(History(turned_over.estate, (night,)))) for night in turned_over
    )
    assert list(before.index) == list(after.index) == ["event", "plain"]
    assert (
        before["partitions"].to_dict() == {"event": 4, "plain": 0} == after["partitions"].to_dict()
    )
    assert before["rows"].to_dict() == {"event": 1400, "plain": 0} == after["rows"].to_dict()
    assert before.loc["event", "total_bytes"] == after.loc["event", "total_bytes"] > 0


def test_its_root_has_a_history_and_grows_by_what_its_partitions_hold(turned_over):
    found = capacity(turned_over)
    assert found.days == 2
    assert _roots(found)["per_day"].to_dict() == {"event": 0, "plain": 0}
    assert _roots(found)["rows_per_day"].to_dict() == {"event": 0, "plain": 0}
    assert found.relations["because"].isna().all()
    assert [set(r) for r in (found.services["tables"], found.schemas["tables"])] == [{2}, {2}]


def test_it_breaks_no_epoch_and_takes_no_counter_below_zero(turned_over):
    window = window_of(turned_over)
    assert not turned_over.cuts
    of_event = window.tables[window.tables["root"] == "event"]
    assert set(of_event["relation"]) == {"event", "event_2", "event_2_a", "event_2_b", "event_3"}
    marks = of_event.set_index("relation")["counted_from"]
    assert marks["event_3"] == "created"
    assert set(marks.drop("event_3")) == {"window"}
    assert (of_event.groupby("root")["n_tup_ins"].sum() >= 0).all()
    assert not (of_event["n_tup_ins"].dropna() < 0).any()


def test_pages_name_roots_alone(turned_over):
    bench = Bench(turned_over)
    shown = "".join(
        part(bench)._repr_html_()
        for part in (show.tables, show.fastest_tables, show.biggest_tables, show.services)
    )
    assert "event" in shown
    assert "event_" not in shown
    assert "Partitions" in show.tables(bench)._repr_html_()
    (event, plain) = show.tables(bench)._shown("partitions")
    assert (event, plain) == (4, None)
