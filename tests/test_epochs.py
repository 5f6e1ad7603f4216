"""Epochs and windows: what may be differenced, from when on, and what is only a lower bound."""

import math
import os
import random
import signal
import statistics
import time
from datetime import UTC, datetime, timedelta

import psycopg
import pyarrow as pa
import pytest

from workbench.collect import collect
from workbench.collect.queries import load_queries, pulse_frames
from workbench.estate import estate_from_urls, load_estate
from workbench.lab import private_server, standby_of
from workbench.snapshot import History, new_snapshot, per_day, per_second, window_of
from workbench.snapshot.differences import COUNTERS, GAUGES, STATEMENT_KEY
from workbench.snapshot.epochs import Adoption

ESTATE = estate_from_urls(["postgresql:///shop"])
START = datetime(2026, 10, 1, 2, tzinfo=UTC)
IDENTITY = {
    "system_identifier": 7,
    "timeline_id": 1,
    "in_recovery": False,
    "server_version_num": 180006,
    "started_at": START - timedelta(days=9),
    "counters_since": START - timedelta(days=9),
    "wal_position": 1000,
    "read_at": START,
}
UTC_US = pa.timestamp("us", tz="UTC")


def table(rows):
    columns = {name: [row.get(name) for row in rows] for name in rows[0]}
    moments = {"stats_reset", "stats_since", "started_at", "counters_since", "read_at"}
    return pa.table(
        {
            name: pa.array(values, UTC_US) if name in moments else pa.array(values)
            for name, values in columns.items()
        }
    )


def entry(queryid, calls, **more):
    figures = dict.fromkeys(COUNTERS["statements"], 0) | {"calls": calls}
    return {"dbid": 5, "userid": 10, "queryid": queryid, "toplevel": True, **figures} | {
        "mean_exec_time": 1.0,
        "stddev_exec_time": 0.0,
        "min_exec_time": 1.0,
        "max_exec_time": 1.0,
        "stats_since": START,
        **more,
    }


def taken(
    hours,
    *,
    statements=(),
    info=None,
    tables=(),
    commits=100,
    database=None,
    simulated=None,
    **identity,
):
    """A snapshot of one instance, ``hours`` after the start; ``tables`` are (oid, n_tup_ins)."""
    at = START + timedelta(hours=hours)
    told = IDENTITY | {"read_at": at, "wal_position": 1000 + int(hours * 10)} | identity
    counters = {
        "datid": 5,
        "datname": "shop",
        **dict.fromkeys(COUNTERS["database_statistics"], 0),
        "numbackends": 1,
        "xact_commit": commits,
        "stats_reset": None,
        **(database or {}),
    }
    answers = [
        ("identity", "shop", None, table([told]), 1.0),
        ("database_statistics", "shop", None, table([counters]), 1.0),
    ]
    if statements:
        answers.append(("statements", "shop", None, table(list(statements)), 1.0))
    if info:
        answers.append(("statements_info", "shop", None, table([info]), 1.0))
    if tables:
        held = [
            {
                "relation_oid": oid,
                **dict.fromkeys((*COUNTERS["table_statistics"], *GAUGES["table_statistics"]), 0),
                "n_tup_ins": count,
            }
            for oid, count in tables
        ]
        names = [
            {"oid": o, "schema": "s", "relation": f"t{o}", "relkind": "r", "root_oid": o}
            for o, _ in tables
        ]
        answers.append(("table_statistics", "shop", "shop", table(held), 1.0))
        answers.append(("relations", "shop", "shop", table(names), 1.0))
    return new_snapshot(ESTATE, answers, [], ["shop"], [], taken_at=at, simulated_at=simulated)


def history(*snapshots, adopted=()):
    return History(ESTATE, tuple(snapshots), adopted=tuple(adopted))


def breaks(*snapshots):
    return [(b.kind, b.database) for b in history(*snapshots).coverage.epoch_breaks]


def commits(window):
    (row,) = window.databases.to_dict("records")
    return row["xact_commit"], row["counted_from"]


LATER = START + timedelta(hours=12)


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"timeline_id": 2}, "failover"),
        ({"timeline_id": 2, "wal_position": 5}, "restore"),
        ({"wal_position": 5}, "restore"),
        ({"system_identifier": 8, "server_version_num": 190000}, "upgrade"),
        ({"system_identifier": 8}, "replaced"),
        ({"in_recovery": True}, "role"),
        ({"commits": 3, "counters_since": LATER}, "crash"),
        ({"commits": 3, "counters_since": LATER, "started_at": LATER}, "crash"),
        ({"commits": 3, "database": {"stats_reset": LATER}}, "reset"),
        ({"commits": 3, "database": {"datid": 6}}, "recreated"),
        ({"info": {"dealloc": 0, "stats_reset": LATER}}, "statements"),
    ],
)
def test_each_break_is_told_by_what_it_leaves(changed, kind):
    info = {"dealloc": 0, "stats_reset": START}
    first = taken(0, info=info)
    second = taken(24, **({"info": info} | changed))
    ((found, database),) = breaks(first, second)
    assert found == kind
    assert database == ("shop" if kind in ("reset", "recreated") else None)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"commits": 500},
        {"commits": 500, "started_at": LATER},  # a clean restart keeps its counters
        {"commits": 500, "database": {"stats_reset": LATER}},  # one table's counters were reset
        {"commits": 500, "counters_since": LATER},  # the shared statistics alone were reset
    ],
)
def test_what_keeps_its_counters_is_no_break(changed):
    assert breaks(taken(0), taken(24, **changed)) == []


def test_a_reset_that_no_counter_shows_makes_a_lower_bound():
    window = window_of(history(taken(0), taken(24, commits=500, database={"stats_reset": LATER})))
    assert commits(window) == (400, "window")
    (span,) = window.spans.to_dict("records")
    assert span["lower_bound"]
    assert "reset within the window" in span["because"]


def test_a_window_begins_after_the_last_break_and_says_why():
    snapshots = [
        taken(0, commits=100),
        taken(24, commits=200),
        taken(48, commits=5, timeline_id=2),
        taken(72, commits=25, timeline_id=2),
    ]
    window = window_of(history(*snapshots))
    assert commits(window) == (20, "window")
    (span,) = window.spans.to_dict("records")
    assert span["since"] == snapshots[2].at
    assert "failover" in span["because"]
    assert span["days"] == 1.0


def test_one_reading_after_a_break_counts_from_the_reset():
    window = window_of(history(taken(0), taken(24, commits=7, counters_since=LATER)))
    assert commits(window) == (7, "reset")
    (span,) = window.spans.to_dict("records")
    assert (span["kind"], span["since"], span["seconds"]) == ("since_reset", LATER, 12 * 3600)


def test_day_one_counts_since_the_reset_and_says_so():
    window = window_of(
        history(taken(0, commits=9, database={"stats_reset": START - timedelta(days=2)}))
    )
    assert commits(window) == (9, "reset")
    (span,) = window.spans.to_dict("records")
    assert (span["kind"], span["days"]) == ("since_reset", 2.0)
    assert "when they were reset" in span["because"]


def test_a_persons_word_joins_epochs():
    word = Adoption("shop", ("7", 1, False), ("7", 2, False), "ada", "counters were copied", START)
    snapshots = (taken(0, commits=100), taken(24, commits=140, timeline_id=2))
    assert commits(window_of(history(*snapshots, adopted=[word]))) == (40, "window")
    (broken,) = history(*snapshots, adopted=[word]).coverage.epoch_breaks
    assert broken.adopted == "ada: counters were copied"
    assert commits(window_of(history(*snapshots))) == (140, "reset")


def test_rates_use_the_real_clock_and_days_the_simulated_one():
    days = [datetime(2026, 3, d, tzinfo=UTC) for d in (1, 11)]
    window = window_of(
        history(taken(0, simulated=days[0]), taken(0.01, commits=460, simulated=days[1]))
    )
    assert per_second(window.databases, "xact_commit").tolist() == [10.0]
    assert per_day(window.databases, "xact_commit").tolist() == [36.0]


def test_a_clock_that_goes_back_gives_no_rate():
    snapshots = (taken(0), taken(1, commits=200, read_at=START - timedelta(hours=1)))
    window = window_of(history(*snapshots))
    assert commits(window) == (100, "window")
    assert per_second(window.databases, "xact_commit").isna().all()
    assert "clock went back" in window.spans["because"].iloc[0]


def test_tables_that_come_go_and_are_reset():
    first = taken(0, tables=[(1, 10), (2, 10), (3, 10)])
    second = taken(24, tables=[(1, 15), (2, 4), (4, 6)])
    found = window_of(history(first, second)).tables.set_index("relation")
    assert found["n_tup_ins"].to_dict() == {"t1": 5, "t2": 4, "t4": 6}
    assert found["counted_from"].to_dict() == {"t1": "window", "t2": "restarted", "t4": "created"}


def test_statements_that_went_down_or_changed_their_beginning_came_back():
    first = taken(0, statements=[entry(1, 10), entry(2, 10), entry(3, 10), entry(4, 10)])
    second = taken(
        24,
        statements=[
            entry(1, 15),
            entry(2, 4),
            entry(3, 30, stats_since=LATER),
            entry(5, 2, stats_since=LATER),
        ],
    )
    found = window_of(history(first, second)).statements.set_index("queryid")
    assert found["calls"].to_dict() == {1: 5, 2: 4, 3: 30, 5: 2}
    assert found["counted_from"].tolist() == ["window", "restarted", "restarted", "created"]


def test_statements_without_their_beginning_are_differenced_by_falling():
    first = taken(0, statements=[entry(1, 10, stats_since=None), entry(2, 9, stats_since=None)])
    second = taken(24, statements=[entry(1, 15, stats_since=None), entry(2, 4, stats_since=None)])
    found = window_of(history(first, second)).statements.set_index("queryid")
    assert found["calls"].to_dict() == {1: 5, 2: 4}


def test_mean_and_deviation_are_the_windows_own():
    random.seed(3)
    times = [random.lognormvariate(2, 1) for _ in range(500)]

    def after(n):
        some = times[:n]
        return entry(
            1,
            n,
            total_exec_time=math.fsum(some),
            mean_exec_time=statistics.fmean(some),
            stddev_exec_time=statistics.pstdev(some),
        )

    found = window_of(
        history(taken(0, statements=[after(300)]), taken(24, statements=[after(500)]))
    )
    (row,) = found.statements.to_dict("records")
    assert row["mean_exec_time"] == pytest.approx(statistics.fmean(times[300:]))
    assert row["stddev_exec_time"] == pytest.approx(statistics.pstdev(times[300:]))


def test_a_statement_without_a_call_has_no_mean():
    found = window_of(history(*(taken(h, statements=[entry(1, 10)]) for h in (0, 24)))).statements
    assert found["calls"].tolist() == [0]
    assert found["mean_exec_time"].isna().all()


def test_queryids_that_may_not_be_read_are_summed_by_user():
    first = taken(0, statements=[entry(1, 1), entry(None, 3), entry(None, 4)])
    second = taken(24, statements=[entry(1, 2), entry(None, 5), entry(None, 9)])
    found = window_of(history(first, second)).statements
    assert sorted(found["calls"]) == [1, 7]


@pytest.mark.parametrize(
    ("info", "lower"),
    [
        ({"dealloc": 2, "entries": 10, "max_entries": 100}, False),
        ({"dealloc": 3, "entries": 10, "max_entries": 100}, True),
        ({"dealloc": 2, "entries": 90, "max_entries": 100}, True),
    ],
)
def test_evictions_and_a_full_table_make_lower_bounds(info, lower):
    before = {"dealloc": 2, "entries": 10, "max_entries": 100, "stats_reset": START}
    window = window_of(
        history(
            taken(0, statements=[entry(1, 1)], info=before),
            taken(24, statements=[entry(1, 2)], info=info | {"stats_reset": START}),
        )
    )
    span = window.spans.set_index("frame").loc["statements"]
    assert bool(span["lower_bound"]) is lower
    assert ("lower bounds" in span["because"]) is lower
    assert window.statements["lower_bound"].tolist() == [lower]


def test_the_busiest_hour_stands_beside_the_mean_where_there_are_pulses():
    total, pulses = 0, []
    for quarter in range(25):
        pulses.append(taken(quarter / 4, commits=total))
        total += 9000 if 8 <= quarter < 12 else 900
    busiest = window_of(history(*pulses)).busiest.set_index("counter").loc["xact_commit"]
    assert busiest["busiest_per_second"] == 10.0
    assert busiest["busiest_hour"] == START + timedelta(hours=2)
    assert busiest["per_second"] == pytest.approx((20 * 900 + 4 * 9000) / (6 * 3600))
    nightly = window_of(history(taken(0), taken(24))).busiest.iloc[0]
    assert "--profile pulse" in nightly["because"]


def test_an_hour_of_which_little_was_seen_is_not_compared():
    window = window_of(history(taken(0), taken(0.25, commits=900)))
    assert window.hours.empty


def collected(url, only=None):
    return collect(estate_from_urls([url]), only=only)


def settled(ask, wanted):
    """Wait until the server's statistics say so: they arrive late."""
    deadline = time.monotonic() + 60
    while not wanted(found := ask()) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert wanted(found), found
    return found


FRAMES = {
    *("identity", "database_statistics", "schemas", "relations", "extensions", "table_statistics"),
    *("statements", "statements_info", "statement_texts"),
}


def test_every_column_of_counters_is_a_counter_or_a_gauge(database):
    with database.connect() as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute("CREATE TABLE t (id int PRIMARY KEY)")
    snapshot = collected(database.url, {*COUNTERS, "extensions"})
    keys = {"instance", "database", "datid", "relation_oid", "index_oid"}
    keys |= {"function_oid", *STATEMENT_KEY}
    for name, counters in COUNTERS.items():
        frame = snapshot.frame(name)
        figures = {
            c for c in frame.columns if frame[c].dtype in ("Int64", "float64", "boolean")
        } - keys
        never_null = figures - {*counters, *GAUGES[name]}
        assert not never_null, f"{name}: {never_null} is neither counter nor gauge"
        assert set(counters) <= set(frame.columns), name


def test_a_reset_a_crash_and_a_table_created_anew_on_a_real_server():
    with private_server() as server:
        url = server.url()
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute("CREATE EXTENSION pg_stat_statements")
            for name in ("kept", "dropped"):
                admin.execute(f"CREATE TABLE {name} (id int)")
                admin.execute(f"INSERT INTO {name} SELECT generate_series(1, 1000)")
        inserted = "SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = '{}'"

        def count(name):
            with psycopg.connect(url, autocommit=True) as one:
                row = one.execute(inserted.format(name)).fetchone()
                return row[0] if row else None

        settled(lambda: count("dropped"), lambda n: n == 1000)
        first = collected(url, FRAMES)
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute("DROP TABLE dropped")
            admin.execute("CREATE TABLE dropped (id int)")
            admin.execute("INSERT INTO dropped SELECT generate_series(1, 7)")
            admin.execute("INSERT INTO kept SELECT generate_series(1, 5)")
        settled(lambda: count("dropped"), lambda n: n == 7)
        second = collected(url, FRAMES)
        window = window_of(History(first.estate, (first, second)))
        tables = window.tables.set_index("relation")
        assert tables.loc["kept", ["n_tup_ins", "counted_from"]].tolist() == [5, "window"]
        assert tables.loc["dropped", ["n_tup_ins", "counted_from"]].tolist() == [7, "created"]
        texts = window.statements.set_index("query")
        mine = texts.loc["INSERT INTO kept SELECT generate_series($1, $2)"]
        assert (mine["calls"], mine["rows"], mine["counted_from"]) == (1, 5, "window")

        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute("SELECT pg_stat_reset()")
        third = collected(url, FRAMES)
        victim = psycopg.connect(url)
        os.kill(victim.info.backend_pid, signal.SIGKILL)

        def answers():
            try:
                with psycopg.connect(url) as one:
                    return one.execute("SELECT 1").fetchone()
            except psycopg.Error:
                return None

        time.sleep(0.5)
        settled(answers, bool)
        victim.close()
        fourth = collected(url, FRAMES)
        found = History(first.estate, (first, second, third, fourth)).coverage.epoch_breaks
        assert [(b.kind, b.database, b.at) for b in found] == [
            ("reset", "postgres", third.at),
            ("crash", None, fourth.at),
        ]
        assert "not started anew" in found[1].why


def test_a_failover_on_real_servers_breaks_the_epoch_and_names_it(tmp_path):
    text = '[estate]\nname = "two"\n[instances.main]\nurl = "{}"\n[services.a]\nschemas = ["a"]\n'

    def look(server):
        (tmp_path / "estate.toml").write_text(text.format(server.url()))
        return collect(load_estate(tmp_path), only=FRAMES)

    with private_server() as primary:
        with psycopg.connect(primary.url(), autocommit=True) as admin:
            admin.execute("CREATE EXTENSION pg_stat_statements")
            admin.execute("CREATE SCHEMA a")
        with standby_of(primary) as standby:
            snapshots = [look(primary), look(standby)]
            with psycopg.connect(standby.url(), autocommit=True) as admin:
                assert admin.execute("SELECT pg_promote(true, 60)").fetchone() == (True,)
            snapshots.append(look(standby))
            with psycopg.connect(standby.url(), autocommit=True) as admin:
                admin.execute("CHECKPOINT")
            snapshots.append(look(standby))
    role, promoted = History(snapshots[0].estate, tuple(snapshots)).coverage.epoch_breaks
    assert (role.kind, role.at) == ("role", snapshots[1].at)
    assert (promoted.kind, promoted.at) == ("failover", snapshots[2].at)
    assert promoted.why == "the standby was promoted: timeline 1 became 2"
    (straight,) = History(snapshots[0].estate, (snapshots[0], snapshots[2])).coverage.epoch_breaks
    assert straight.kind == "failover"


def test_evictions_on_a_real_server_are_lower_bounds():
    with private_server(settings={"pg_stat_statements.max": "100"}) as server:
        url = server.url()
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute("CREATE EXTENSION pg_stat_statements")
        first = collected(url, FRAMES)
        with psycopg.connect(url, autocommit=True) as admin:
            for n in range(300):
                admin.execute(("SELECT 1" + " + 1" * n).encode())
        second = collected(url, FRAMES)
        window = window_of(History(first.estate, (first, second)))
        span = window.spans.set_index("frame").loc["statements"]
        assert span["lower_bound"]
        assert "evicted" in span["because"]
        assert (window.statements["calls"] >= 0).all()


def test_a_pulse_asks_little_and_stands_for_no_night(database):
    estate = estate_from_urls([database.url])
    pulse = collect(estate, profile="pulse")
    assert {p.frame for p in pulse.manifest.parts} == pulse_frames()
    assert {p.database for p in pulse.manifest.parts} == {None}
    full = collect(estate, only={"identity", "sizes", "relations"})
    found = History(estate, (full, pulse))
    assert found.newest is full
    assert len(found.nights) == 1
    assert History(estate, (pulse,)).newest is pulse


def test_every_variant_of_a_question_is_put_in_the_same_profile():
    pulses = pulse_frames()
    assert {"identity", "database_statistics", "activity", "lock_waits", "replication"} <= pulses
    assert all(q.pulse == (q.frame in pulses) for q in load_queries())
    assert all(q.folder == "instance" for q in load_queries() if q.pulse)
