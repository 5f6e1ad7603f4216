"""Load per service: a known mix comes back, and what is not known widens the interval and never narrows it."""

import os
import random
import signal
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pandas as pd
import psycopg
import pytest

from attributed import DAY, Entries, estate_of, looked_at, made, unseen, wait_until, worked
from workbench.analyse.workload_document import document
from workbench.collect import collect
from workbench.lab import private_server
from workbench.present.bench import Bench
from workbench.present.workload import services

SERVICES = ("a", "b", "c", "d")
ESTATE = "".join(f'[services.{s}]\nschemas = ["{s}"]\n' for s in SERVICES)
STATEMENTS = 3000

# how often of a hundred, the statement (twin: same-named tables), what it touches
MIX = [
    (40, "SELECT v FROM a.main_rows WHERE id = %s", "a"),
    (15, "UPDATE a.main_rows SET v = v + 1 WHERE id = %s", "a"),
    (15, "INSERT INTO a.log_rows VALUES (%s)", "a"),
    (
        8,
        "UPDATE a.main_rows SET v = o.v FROM b.other_rows AS o WHERE o.id = main_rows.id AND o.id = %s",
        "ab",
    ),
    (
        12,
        "SELECT m.v, o.v FROM a.main_rows AS m JOIN b.other_rows AS o ON o.id = m.id WHERE m.id = %s",
        "ab",
    ),
    (4, "INSERT INTO c.third_rows SELECT id FROM d.fourth_rows WHERE id = %s", "cd"),
    (
        6,
        "SELECT count(*) FROM c.third_rows WHERE id IN (SELECT id FROM d.fourth_rows WHERE id > %s)",
        "cd",
    ),
]
TWINS = [
    (50, "SELECT v FROM a.twins WHERE id = %s", "a"),
    (20, "SELECT v FROM b.twins WHERE id = %s", "b"),
    (20, "INSERT INTO a.twins VALUES (%s)", "a"),
    (10, "INSERT INTO c.twins VALUES (%s)", "c"),
]
OBJECTS = """
CREATE EXTENSION pg_stat_statements;
CREATE SCHEMA a; CREATE SCHEMA b; CREATE SCHEMA c; CREATE SCHEMA d;
CREATE TABLE a.main_rows (id int PRIMARY KEY, v int); CREATE TABLE a.log_rows (id int);
CREATE TABLE b.other_rows (id int PRIMARY KEY, v int);
CREATE TABLE c.third_rows (id int); CREATE TABLE d.fourth_rows (id int);
CREATE TABLE a.twins (id int, v int); CREATE TABLE b.twins (id int, v int); CREATE TABLE c.twins (id int, v int);
INSERT INTO a.main_rows SELECT n, n FROM generate_series(1, 100) AS n;
INSERT INTO b.other_rows SELECT n, n FROM generate_series(1, 100) AS n;
INSERT INTO d.fourth_rows SELECT n FROM generate_series(1, 100) AS n;
GRANT USAGE ON SCHEMA a, b, c, d TO mixer; GRANT ALL ON ALL TABLES IN SCHEMA a, b, c, d TO mixer;
GRANT pg_monitor TO watcher;
"""


def mixed(server, mix):
    """Run a mix over the login mixer.

    Return per service how many statements touched it, alone and at all, and the inserts into the twins.
    """
    draw = random.Random(20)
    chosen = draw.choices(mix, weights=[share for share, _, _ in mix], k=STATEMENTS)
    with psycopg.connect(server.url("mixed", "mixer"), autocommit=True) as session:
        for _, text, _ in chosen:
            session.execute(text, (draw.randint(1, 100),))
    alone = Counter(touched for _, _, touched in chosen if len(touched) == 1)
    at_all = Counter(service for _, _, touched in chosen for service in touched)
    return (alone, at_all), sum("INSERT" in text and "twins" in text for _, text, _ in chosen)


TIERS = {"superuser": "postgres", "pg_monitor": "watcher"}


@pytest.fixture(scope="module", params=["MIX superuser", "MIX pg_monitor", "TWINS pg_monitor"])
def mix(request):
    name, tier = request.param.split()
    mix = {"MIX": MIX, "TWINS": TWINS}[name]
    with private_server() as server, made(server, ["mixed"], ["mixer", "watcher"]):
        with unseen(server, "mixed") as admin:
            admin.execute(OBJECTS)
        estate = estate_of(server, "mixed", ESTATE, TIERS[tier])
        before = looked_at(estate)
        truth, inserted = mixed(server, mix)
        with unseen(server, "mixed") as admin:
            text = "SELECT sum(n_tup_ins) FROM pg_stat_user_tables WHERE relname = 'twins'"
            wait_until(lambda: admin.execute(text).fetchone()[0], inserted)
        yield name, truth, worked(before, looked_at(estate, 1, before))


def test_a_known_mix_comes_back_within_two_points(mix):
    name, (alone, at_all), found = mix
    rows = found.services.set_index("service")
    for service in SERVICES:
        low, high = (float(rows.loc[service, f"calls_share_{e}"]) for e in ("low", "high"))
        least, most = alone[service] / STATEMENTS, at_all[service] / STATEMENTS
        print(f"{name} {service}: [{low:.4f}, {high:.4f}], truly [{least:.4f}, {most:.4f}]")
        assert low <= least + 0.02, "no more is called its own than is"
        assert high >= most - 0.02, "and all that touches it is among the most it may be"
        if name == "MIX":
            assert (low, high) == pytest.approx((least, most), abs=0.02)
        calls = [float(rows.loc[service, f"calls_{e}"]) for e in ("low", "high")]
        assert calls[0] - 1e-6 <= alone[service] <= at_all[service] <= calls[1] + 1e-6


def test_merged_entries_widen_reads_and_are_bounded_for_writes(mix):
    name, (alone, _), found = mix
    if name == "MIX":
        assert "merged" not in set(found.rungs["rung"])
        return
    rows = found.services.set_index("service")
    # of reads nothing tells them apart; of inserts the tables' counters do
    assert rows.loc["b", "calls_low"] == 0
    inserts = Entries(found).row("twins VALUES")
    touches = found.attributed.touches
    mine = touches[touches["entry"] == inserts.name].set_index("schema")
    for service in ("a", "c"):
        low, high = mine.loc[service, ["low", "high"]] * inserts["calls"]
        assert low == pytest.approx(high)
    assert rows.loc["c", "calls_low"] == pytest.approx(alone["c"])


def test_shares_by_rung_are_the_whole(mix):
    _, _, found = mix
    shares = found.rungs.groupby("instance")[["calls_share", "time_ms_share"]].sum()
    assert shares.to_numpy().ravel().tolist() == pytest.approx([1.0, 1.0])


# What ends a window, or tears holes into it


def on_server(settings):
    """A server of its own, and an estate on it."""
    with private_server(settings=settings) as server, made(server, ["mixed"], ["mixer", "watcher"]):
        with unseen(server, "mixed") as admin:
            admin.execute(OBJECTS)
        yield server, estate_of(server, "mixed", ESTATE)


@pytest.fixture
def small():
    """A server that keeps a hundred entries, the fewest there can be."""
    yield from on_server({"pg_stat_statements.max": "100", "track_io_timing": "on"})


@pytest.fixture
def roomy():
    """A server that keeps all entries."""
    yield from on_server({})


@pytest.fixture
def untimed():
    """A server that does not time its reads and writes, but for the login that the workbench uses."""
    for server, estate in on_server({"track_io_timing": "off"}):
        with psycopg.connect(server.url(), autocommit=True) as admin:
            admin.execute("ALTER ROLE postgres SET track_io_timing = on")
        yield server, estate


def run(server, texts):
    with psycopg.connect(server.url("mixed", "mixer"), autocommit=True) as session:
        for text in texts:
            session.execute(text)


SLEEP = "SELECT v, pg_sleep(0.3) FROM b.other_rows WHERE id = 1"


def test_what_the_readers_own_login_times_is_not_taken_for_the_servers_setting(untimed):
    server, estate = untimed
    run(server, ["SELECT v FROM a.main_rows WHERE id = 1"] * 3)
    found = worked(looked_at(estate)).services.set_index("service")
    assert found.loc["a", "calls_low"] == 3
    assert found["io_ms_low"].isna().all(), "nobody timed it: it is unknown, and not zero"
    assert found["io_ms_high"].isna().all()


def test_what_the_server_times_is_known(small):
    server, estate = small
    run(server, ["SELECT v FROM a.main_rows WHERE id = 1"])
    found = worked(looked_at(estate)).services.set_index("service")
    assert found["io_ms_low"].notna().all()


def test_evictions_widen_the_interval_and_are_said(small):
    server, estate = small
    run(server, ["SELECT v FROM a.main_rows WHERE id = 1"] * 200)
    before = looked_at(estate)
    run(server, [SLEEP])
    # so many others that the sleeper's entry, called once, is dropped
    run(server, [f"SELECT {', '.join(['v'] * n)} FROM a.main_rows" for n in range(1, 200)] * 2)
    with unseen(server, "mixed") as admin:
        gone = "SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%other_rows%'"
        wait_until(lambda: admin.execute(gone).fetchone()[0], 0)
        active = "SELECT active_time > 250 FROM pg_stat_database WHERE datname = 'mixed'"
        wait_until(lambda: admin.execute(active).fetchone()[0], True)
    found = worked(before, looked_at(estate, 1, before))
    rows = found.services.set_index("service")
    assert rows["lower_bound"].all()
    assert rows.loc["b", "because"].startswith("entries were evicted")
    low, high = Entries(found).interval("b", "time_ms")
    assert low == 0
    assert high > 250, "what nobody can name may be its own"
    assert rows.loc["b", "time_ms_share_high"] > 0.25
    assert rows.loc["a", "time_ms_share_low"] < 0.9, "and is not all the others'"
    whole = found.attributed.entries["calls"].sum()
    for name in ("calls", "rows", "blocks_dirtied"):
        assert rows[f"{name}_high"].isna().all(), "nothing else counts them"
        assert rows[f"{name}_low"].notna().all()
    assert "nothing else counts calls, rows, blocks_dirtied: " in rows.loc["b", "because"]
    assert rows["calls_share_high"].isna().all()
    assert rows.loc["a", "calls_low"] <= whole
    for name in ("wal_bytes", "io_ms", "blocks", "blocks_read", "temp_blocks"):
        assert rows[f"{name}_high"].notna().all(), "the server counts them besides"
    said = document(found)["services"]
    (b,) = [row for row in said if row["service"] == "b"]
    assert b["calls"] == [0, None]
    assert "nothing else counts calls" in b["because"]
    page = services(Bench(found.attributed.window.history))
    assert "nothing else counts calls" in page._repr_html_()
    assert "≥" in page._repr_html_(), "what a is known to do is the least of it"


WRITE = "INSERT INTO b.other_rows SELECT n, n FROM generate_series(1000, 20999) AS n"
SORT = (
    "SELECT count(*) FROM (SELECT n FROM generate_series(1, 200000) AS n ORDER BY -n OFFSET 0) AS s"
)


def test_the_wal_and_temporary_blocks_of_evicted_statements_widen_theirs(small):
    server, estate = small
    before = looked_at(estate)
    run(server, ["SET work_mem = '64kB'", WRITE, SORT])
    run(server, [f"SELECT {', '.join(['v'] * n)} FROM a.main_rows" for n in range(1, 200)] * 3)
    with unseen(server, "mixed") as admin:
        gone = "SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%generate_series%'"
        wait_until(lambda: admin.execute(gone).fetchone()[0], 0)
        spilt = "SELECT temp_bytes > 0 FROM pg_stat_database WHERE datname = 'mixed'"
        wait_until(lambda: admin.execute(spilt).fetchone()[0], True)
    found = worked(before, looked_at(estate, 1, before))
    rows = found.services.set_index("service")
    low, high = Entries(found).interval("b", "wal_bytes")
    assert low == 0
    assert high > 20_000 * 50, "what it wrote is in nobody's entry any more"
    assert rows.loc["b", "wal_bytes_share_high"] > 0.5
    assert rows["temp_blocks_high"].isna().all(), "how often a file was read nobody counts"
    assert "temp_blocks" in rows.loc["b", "because"]


def test_the_window_begins_anew_at_a_reset(roomy):
    server, estate = roomy
    run(server, ["SELECT v FROM a.main_rows WHERE id = 1"] * 50)
    before = looked_at(estate)
    run(server, ["SELECT v FROM a.main_rows WHERE id = 1"] * 40)
    with unseen(server, "mixed") as admin:
        admin.execute("SELECT pg_stat_statements_reset()")
    run(server, ["SELECT v FROM a.main_rows WHERE id = 1"] * 7)
    found = worked(before, looked_at(estate, 1, before))
    assert Entries(found).interval("a", "calls") == (7.0, 7.0)
    spans = found.attributed.window.spans
    (span,) = spans[spans["frame"] == "statements"].to_dict("records")
    assert span["kind"] == "since_reset"
    assert span["because"]


def test_making_the_extension_anew_loses_nothing(roomy):
    server, estate = roomy
    before = looked_at(estate)
    run(server, ["SELECT v FROM a.main_rows WHERE id = 1"] * 5)
    with unseen(server, "mixed") as admin:
        admin.execute("DROP EXTENSION pg_stat_statements; CREATE EXTENSION pg_stat_statements")
    run(server, ["SELECT v FROM a.main_rows WHERE id = 1"] * 5)
    found = worked(before, looked_at(estate, 1, before))
    assert Entries(found).interval("a", "calls") == (10.0, 10.0)


def test_a_crash_ends_the_window_and_is_said(roomy):
    server, estate = roomy
    run(server, ["SELECT v FROM a.main_rows WHERE id = 1"] * 50)
    before = looked_at(estate)
    with psycopg.connect(server.url("mixed"), autocommit=True) as doomed:
        os.kill(doomed.info.backend_pid, signal.SIGKILL)  # the server throws all its memory away

    def answers():
        try:
            with unseen(server, "mixed") as admin:
                return admin.execute("SELECT 1").fetchone()[0]
        except psycopg.OperationalError:
            return None

    wait_until(answers, 1)
    run(server, ["SELECT v FROM a.main_rows WHERE id = 1"] * 3)
    found = worked(before, looked_at(estate, 1, before))
    assert Entries(found).interval("a", "calls") == (3.0, 3.0)
    spans = found.attributed.window.spans
    assert spans[spans["frame"] == "statements"]["because"].item()


def test_a_database_that_could_not_be_read_may_have_any_of_its_load(server):
    logins = ["mixer", "watcher", "outsider"]
    with made(server, ["mixed", "readable"], logins):
        with unseen(server, "mixed") as admin:
            admin.execute(OBJECTS)
            admin.execute("GRANT pg_monitor TO outsider")
            admin.execute("REVOKE CONNECT ON DATABASE mixed FROM PUBLIC")
            admin.execute("GRANT CONNECT ON DATABASE mixed TO mixer")
        with unseen(server, "readable") as admin:
            admin.execute("CREATE EXTENSION pg_stat_statements")
        run(server, ["SELECT v FROM a.main_rows WHERE id = 1"] * 9)
        text = ESTATE.replace("schemas", 'database = "mixed"\nschemas')
        text += '[services.e]\ndatabase = "readable"\nschemas = ["public"]\n'
        found = worked(looked_at(estate_of(server, "readable", text, "outsider")))
    mine = Entries(found, "mixed")
    assert set(mine.rows["rung"]) == {"unreadable"}
    for service in SERVICES:
        low, high = mine.interval(service, "calls")
        assert low == 0
        assert high >= 9


def taken_in_hour(snapshot, hour):
    """The same snapshot, as if it had been taken at that hour: nobody waits for three."""
    at = DAY + timedelta(hours=hour)
    return replace(snapshot, manifest=replace(snapshot.manifest, at=at, taken_at=at))


def test_the_busiest_hour_of_a_service_is_seen_between_snapshots_an_hour_apart(roomy):
    server, estate = roomy
    taken = [taken_in_hour(collect(estate), 0)]
    for hour, times in ((1, 5), (2, 60), (3, 1), (26, 900)):
        run(server, ["SELECT v FROM a.main_rows WHERE id = 1"] * times)
        taken.append(taken_in_hour(collect(estate, previous=taken[-1]), hour))
    found = worked(*taken)
    a, b = (found.busiest.set_index("service").loc[name] for name in "ab")
    assert a["hours"] == 3, "what lies a day apart says nothing of an hour"
    seen = {DAY + timedelta(hours=n): calls for n, calls in enumerate((5, 60, 1))}
    assert a["busiest_calls_per_hour"] == pytest.approx(seen[a["busiest_hour"]])
    assert a["busiest_active_sessions"] > 0
    assert a["calls_per_hour"] == pytest.approx((5 + 60 + 1 + 900) / 26)
    assert a["because"] is None
    assert b["busiest_hour"] is pd.NaT
    assert "no statement touched" in b["because"]
    (row,) = [row for row in document(found)["services"] if row["service"] == "a"]
    assert row["busiest"]["hour"] == a["busiest_hour"].isoformat()


def test_the_busiest_hour_is_unknown_where_snapshots_lie_far_apart(roomy):
    server, estate = roomy
    before = looked_at(estate)
    run(server, ["SELECT v FROM a.main_rows WHERE id = 1"])
    found = worked(before, looked_at(estate, 1, before))
    a = found.busiest.set_index("service").loc["a"]
    assert pd.isna(a["busiest_calls_per_hour"])
    assert a["because"].startswith("snapshots are 24 hours apart")
    (row,) = [row for row in document(found)["services"] if row["service"] == "a"]
    assert row["busiest"]["busiest_calls_per_hour"] is None
    assert row["busiest"]["because"] == a["because"]
