"""Limits on hours, and on counters that were reset or lost entries, over readings made by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from workbench.decide.evidence import Evidence
from workbench.decide.thresholds import statuses
from workbench.estate.resolve import estate_from_text
from workbench.snapshot import History, new_snapshot
from workbench.snapshot.differences import COUNTERS

START = datetime(2026, 11, 2, 6, tzinfo=UTC)
MOMENT = pa.timestamp("us", tz="UTC")
HEAD = """
[estate]
name = "shop"
[instances.main]
url = "service=shop"
database = "shop"
capacity = { vcpus = 2 }
[services.order]
schemas = ["orders"]
[services.user]
schemas = ["users"]
"""
TEXTS = {1: "SELECT * FROM orders.lines WHERE id = $1", 2: "UPDATE users.people SET name = $1"}


def nulls(columns, count):
    return {name: pa.nulls(count, pa.float64()) for name in columns}


def reading(
    at, took, *, inserted=0, reset=None, dealloc=0, besides=0.0, began=START - timedelta(days=1)
):
    """A reading; ``took`` are calls and ms of the entries so far, by their number in ``TEXTS``, ``besides`` ms of others."""
    estate = estate_from_text(HEAD, environ={})
    identity = {
        "system_identifier": [7],
        "timeline_id": [1],
        "in_recovery": [False],
        "server_version_num": [170006],
        "started_at": pa.array([began], MOMENT),
        "counters_since": pa.array([began], MOMENT),
        "wal_position": [1000 + int((at - START).total_seconds())],
        "read_at": pa.array([at], MOMENT),
        "block_size": [8192],
    }
    count = len(took)
    entries = {name: [0.0] * count for name in COUNTERS["statements"]}
    entries |= {
        "dbid": [5] * count,
        "userid": [10] * count,
        "queryid": list(took),
        "toplevel": [True] * count,
        "calls": [calls for calls, _ in took.values()],
        "total_exec_time": [float(ms) for _, ms in took.values()],
        "stats_since": pa.nulls(count, MOMENT),
        **nulls(("min_exec_time", "max_exec_time", "stddev_exec_time"), count),
        "mean_exec_time": [ms / calls if calls else 0.0 for calls, ms in took.values()],
    }
    texts = {name: entries[name] for name in ("dbid", "userid", "queryid", "toplevel")}
    texts |= {"datname": ["shop"] * count, "rolname": ["app"] * count}
    texts |= {"query": [TEXTS[number] for number in took]}
    info = {"dealloc": [dealloc], "entries": [count], "max_entries": [5000]}
    info |= {"stats_reset": pa.array([began], MOMENT)}
    relations = {
        "oid": [100, 101],
        "schema": ["orders", "users"],
        "relation": ["lines", "people"],
        "relkind": ["r", "r"],
        "root_oid": [100, 101],
        "extension": pa.nulls(2, pa.string()),
    }
    tables = {name: [0, 0] for name in COUNTERS["table_statistics"]}
    tables |= {"relation_oid": [100, 101], "n_tup_ins": [inserted, 0]}
    tables |= {"reltuples": [1e6, 10.0], "n_live_tup": [10**6, 10]}
    databases = {name: [0] for name in COUNTERS["database_statistics"]}
    databases |= {"datid": [5], "datname": ["shop"], "numbackends": [3]}
    databases["active_time"] = [besides + sum(float(ms) for _, ms in took.values())]
    databases |= {"stats_reset": pa.array([reset], MOMENT)}
    answers = [
        ("identity", None, identity),
        ("statements", None, entries),
        ("statement_texts", None, texts),
        ("statements_info", None, info),
        ("database_statistics", None, databases),
        ("relations", "shop", relations),
        ("schemas", "shop", {"schema": ["orders", "users"]}),
        ("table_statistics", "shop", tables),
    ]
    shaped = [(name, "main", place, pa.table(columns), 1.0) for name, place, columns in answers]
    return new_snapshot(estate, shaped, [], ["main"], [], taken_at=at)


def held(readings, text):
    estate = estate_from_text(HEAD + text, environ={})
    return {
        (s.service, s.metric): s
        for s in statuses(
            Evidence(History(estate, tuple(replace(r, estate=estate) for r in readings)))
        )
        if s.declared
    }


def limit(metric, more=""):
    return f'[[thresholds]]\nmetric = "{metric}"\nservice = "order"\nhard = 100\n{more}\n'


def hours(slow, *, hours=6, every=60):
    """Readings every so many minutes; order's calls take 10 ms, in the hours of ``slow`` as long as it says and ten times as many."""
    calls, ms, made = 0, 0.0, []
    for number in range(hours * 60 // every + 1):
        made.append(
            reading(START + timedelta(minutes=every * number), {1: (calls, ms), 2: (1, 1.0)})
        )
        mean = slow.get(number * every // 60)
        often = 600 * every // 60 * (10 if mean else 1)
        calls, ms = calls + often, ms + often * (mean or 10.0)
    return made


@pytest.mark.parametrize(("mean", "state"), [(99.9, "clear"), (100.1, "crossed")])
@pytest.mark.parametrize("every", [15, 60])
def test_latency_is_the_mean_of_the_busiest_hour(mean, state, every):
    status = held(hours({2: mean}, every=every), limit("latency"))["order", "latency"]
    assert status.value.low == status.value.high == pytest.approx(mean)
    assert (status.state, status.window) == (state, "busiest hour")
    assert status.since == (START.date() if state == "crossed" else None)


def test_the_busiest_hour_is_that_with_the_most_time_not_with_the_slowest_calls():
    readings = hours({2: 50.0, 3: 60.0})
    status = held(readings, limit("latency"))["order", "latency"]
    assert status.value.low == pytest.approx(60.0)
    mean = held(readings, limit("latency", 'window = "whole period"'))["order", "latency"]
    assert mean.value.low == pytest.approx((4 * 600 * 10 + 6000 * 110) / (4 * 600 + 12000))


def test_load_is_of_the_busiest_hour_and_of_the_declared_cores():
    text = limit("load").replace("100", "0.1")
    status = held(hours({2: 99.0}), text)["order", "load"]
    assert status.value.high == pytest.approx(6000 * 0.099 / 3600 / 2)
    assert status.state == "clear"


def test_readings_far_apart_say_that_no_hour_can_be_told():
    readings = hours({6: 120.0}, hours=18, every=360)
    status = held(readings, limit("latency"))["order", "latency"]
    assert (status.state, status.window) == ("crossed", "busiest of the times between readings")
    assert "readings are 6 hours apart" in status.because


@pytest.mark.parametrize(("besides", "state"), [(0.0, "clear"), (1e6, "unknown")])
def test_evicted_entries_leave_open_what_the_server_does_not_explain(besides, state):
    """Of what was evicted nobody knows how often it ran; how long is bounded by what the server counts."""
    readings = hours({})
    last = readings[-1].at + timedelta(hours=1)
    readings.append(
        reading(last, {1: (10_000, 100_000.0), 2: (1, 1.0)}, dealloc=3, besides=besides)
    )
    status = held(readings, limit("latency"))["order", "latency"]
    assert status.state == state
    assert "evicted" in status.because


def rows(*totals, resets=()):
    """Daily readings of the rows inserted so far; in ``resets`` are the numbers of days on which the counters began anew."""
    made, reset = [], None
    for number, total in enumerate(totals):
        at = START + timedelta(days=number)
        reset = at - timedelta(hours=20) if number in resets else reset
        made.append(reading(at, {1: (number, 1.0)}, inserted=total, reset=reset))
    return made


@pytest.mark.parametrize(("a_day", "state"), [(99, "clear"), (101, "crossed")])
def test_rows_a_day_are_counted_over_the_window(a_day, state):
    readings = rows(*(7 + a_day * n for n in range(6)))
    status = held(readings, limit("rows_per_day"))["order", "rows_per_day"]
    assert status.value == (a_day, a_day)
    assert status.state == state


def test_over_which_days_can_be_said():
    readings = rows(0, 10, 20, 30, 330, 630)
    assert held(readings, limit("rows_per_day"))["order", "rows_per_day"].value.low == 126
    status = held(readings, limit("rows_per_day", 'window = "2 days"'))["order", "rows_per_day"]
    assert status.value.low == 300
    late = held(readings, limit("rows_per_day", 'window = "30 days"'))["order", "rows_per_day"]
    assert (late.state, late.value) == ("unknown", None)
    assert "from 2026-12-02 on" in late.because


def test_a_reset_in_the_middle_is_explained_and_what_is_lost_is_not_called_clear():
    """What was counted before the reset is gone: at least so much was inserted, perhaps more."""
    readings = rows(1000, 1100, 1200, 50, 150, 250, resets=[3])
    few = held(readings, limit("rows_per_day"))["order", "rows_per_day"]
    assert few.state == "unknown"
    assert "counted" in few.because or "reset" in few.because
    readings = rows(1000, 1100, 1200, 500, 2000, 4000, resets=[3])
    many = held(readings, limit("rows_per_day"))["order", "rows_per_day"]
    assert (many.state, many.value.low >= 800) == ("crossed", True)


def test_one_reading_makes_no_rate_of_days():
    status = held(rows(7), limit("rows_per_day"))["order", "rows_per_day"]
    assert status.because
    assert status.state in ("unknown", "clear")


def daily(*means):
    """Daily readings; on each day order's calls take so many ms."""
    ms = 0.0
    for number, mean in enumerate((*means, 0.0)):
        yield reading(START + timedelta(days=number), {1: (100 * number, ms), 2: (1, 1.0)})
        ms += 100 * mean


def test_a_figure_of_a_window_is_foretold_from_its_days_where_there_are_enough():
    rising = list(daily(*(50.0 + n for n in range(20))))
    status = held(rising, limit("latency"))["order", "latency"]
    # the busiest of 20 days took 69 ms a call, one more each day
    assert (status.state, status.value.low) == ("crossing", pytest.approx(69.0))
    assert status.crosses_on == (rising[-1].at + timedelta(days=31)).date()
    assert status.crosses_from <= status.crosses_on <= status.crosses_until
    few = held(rising[:11], limit("latency"))["order", "latency"]
    assert (few.state, few.crosses_on) == ("clear", None)
    assert "10 daily points; a trend needs 14" in few.because


def test_days_that_scatter_foretell_nothing():
    hovering = list(daily(*(50.0 + (n * 7) % 11 + 0.05 * n for n in range(20))))
    status = held(hovering, limit("latency"))["order", "latency"]
    assert (status.state, status.crosses_on) == ("clear", None)
    assert "scatter more than they rise" in status.because


def test_rows_a_day_are_foretold_from_how_many_each_day_brought():
    totals = [0]
    for number in range(20):
        totals.append(totals[-1] + 20 + 2 * number)
    status = held(rows(*totals), limit("rows_per_day"))["order", "rows_per_day"]
    assert status.state == "crossing"
    assert status.value.low == pytest.approx(39.0)
    assert status.crosses_on is not None
    steady = held(rows(*range(0, 420, 20)), limit("rows_per_day"))["order", "rows_per_day"]
    assert (steady.state, steady.crosses_on) == ("clear", None)
    assert "does not grow" in steady.because
