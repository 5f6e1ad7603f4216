"""Replicas are read beside their primary, count with it, and stay separable; what cannot be read is unknown."""

import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pyarrow as pa
import pytest

from patience import LONG
from test_hard_nights import eventually, replayed, seen
from workbench.collect import collect
from workbench.collect.queries import load_queries, pulse_frames, replica_frames
from workbench.collect.run import CONNECTIONS_PER_INSTANCE
from workbench.estate import estate_from_urls, load_estate
from workbench.lab import private_server, standby_of
from workbench.snapshot import History, each, load_history, new_snapshot, together, window_of
from workbench.snapshot.whole import Answered

QUICK = {"max_standby_streaming_delay": "0"}
FRAMES = {*replica_frames(), "extensions", "schemas", "relations", "indexes", "databases"}


def estate_of(folder, primary, *replicas, database="postgres"):
    """An estate of one instance, each endpoint given as a URL."""
    ways = [("primary", primary), *(("replica", url) for url in replicas)]
    text = '[estate]\nname = "copies"\n[instances.main]\n'
    for role, url in ways:
        text += f'[[instances.main.endpoints]]\nrole = "{role}"\nurl = "{url}"\n'
    text += f'[services.shop]\ndatabase = "{database}"\n'
    (folder / "estate.toml").write_text(text)
    return load_estate(folder)


def counted(server, expression, wanted):
    """Wait until a server's own statistics say so: they arrive late."""
    return eventually(lambda: seen(server, f"SELECT {expression}", None)[0] >= wanted)


@pytest.fixture(scope="module")
def trio():
    """A primary with an index that only its standbys use, and two standbys of it."""
    with private_server() as primary:
        with psycopg.connect(primary.url(), autocommit=True) as admin:
            admin.execute("CREATE EXTENSION pg_stat_statements")
            admin.execute("CREATE TABLE item (id int PRIMARY KEY, note text)")
            admin.execute("INSERT INTO item SELECT n, 'n' || n FROM generate_series(1, 3000) n")
            admin.execute("CREATE INDEX item_note ON item (note)")
            admin.execute("CREATE INDEX item_never ON item (lower(note))")
            admin.execute("VACUUM ANALYZE item")
        with standby_of(primary, settings=QUICK) as one, standby_of(primary, settings=QUICK) as two:
            replayed(primary, one)
            replayed(primary, two)
            yield primary, one, two


def used(server, times):
    """Look up a note ``times`` times, in sessions of their own, and wait until the server has counted it."""
    scans = "pg_stat_get_numscans('item_note'::regclass)"
    (before,) = seen(server, f"SELECT {scans}", None)
    for _ in range(times):
        seen(server, "SELECT id FROM item WHERE note = 'n77'", None)
    counted(server, scans, before + times)


def test_what_the_replicas_did_counts_with_the_primary_and_stays_separable(trio, tmp_path):
    primary, one, two = trio
    estate = estate_of(tmp_path, primary.url(), one.url(), two.url())
    first = collect(estate, only=FRAMES)
    assert first.manifest.missing == ()
    used(one, 3)
    used(two, 4)
    second = collect(estate, only=FRAMES)
    assert second.manifest.missing == ()
    window = window_of(History(estate, (first, second)))
    scans = each(window, "indexes").set_index(["index", "endpoint"])["idx_scan"]
    assert scans["item_note"].to_dict() == {"primary": 0, "replica-1": 3, "replica-2": 4}
    whole = together(window, "indexes").set_index("index")
    assert whole.loc["item_note", ["idx_scan", "endpoints"]].tolist() == [7, 3]
    assert whole.loc["item_never", ["idx_scan", "endpoints"]].tolist() == [0, 3]
    assert whole["because"].isna().all()
    assert not whole["lower_bound"].any()

    entries = each(window, "statements")
    looked = entries[entries["query"] == "SELECT id FROM item WHERE note = $1"]
    assert dict(zip(looked["endpoint"], looked["calls"], strict=True)) == {
        "replica-1": 3,
        "replica-2": 4,
    }
    statements = together(window, "statements")
    (row,) = statements[statements["query"] == "SELECT id FROM item WHERE note = $1"].to_dict(
        "records"
    )
    assert row["calls"] == 7
    assert row["total_exec_time"] == pytest.approx(looked["total_exec_time"].sum())
    assert row["mean_exec_time"] == pytest.approx(row["total_exec_time"] / 7)
    assert not statements.duplicated(["instance", "dbid", "userid", "queryid", "toplevel"]).any()


def test_a_replica_is_asked_for_what_differs_there_and_no_more(trio, tmp_path):
    primary, one, _ = trio
    estate = estate_of(tmp_path, primary.url(), one.url())
    snapshot = collect(estate)
    there = {p.frame for p in snapshot.manifest.parts if p.endpoint == "replica-1"}
    assert there <= replica_frames()
    assert replica_frames() - there <= {"statement_texts"}
    folders = {q.folder for q in load_queries() if q.replicas}
    assert folders == {"instance", "statistics", "statements"}
    # A reader who knows nothing of replicas sees each thing once.
    assert snapshot.frame("identity")["in_recovery"].tolist() == [False]
    assert not snapshot.frame("table_statistics").duplicated(["database", "relation_oid"]).any()
    both = snapshot.by_endpoint("identity").set_index("endpoint")["in_recovery"]
    assert both.to_dict() == {"primary": False, "replica-1": True}
    receiver = snapshot.by_endpoint("wal_receiver", "status", "replay_lag_bytes")
    assert receiver["endpoint"].tolist() == ["replica-1"]
    assert receiver["replay_lag_bytes"].notna().all()
    texts = snapshot.by_endpoint("statement_texts", "dbid", "userid", "queryid", "toplevel")
    assert not texts.duplicated(["dbid", "userid", "queryid", "toplevel"]).any()


def test_a_pulse_takes_the_replicas_pulse_too(trio, tmp_path):
    primary, one, _ = trio
    pulse = collect(estate_of(tmp_path, primary.url(), one.url()), profile="pulse")
    assert pulse.manifest.missing == ()
    there = {p.frame for p in pulse.manifest.parts if p.endpoint == "replica-1"}
    assert there == pulse_frames() & replica_frames()
    assert {"identity", "database_statistics", "wal_receiver", "activity"} <= there


def test_a_replica_that_is_away_is_missing_and_a_zero_becomes_unknown(trio, tmp_path):
    primary, one, two = trio
    estate = estate_of(tmp_path, primary.url(), one.url(), two.url())
    first = collect(estate, only=FRAMES)
    used(one, 2)
    away = estate_of(tmp_path, primary.url(), one.url(), "postgresql://u@127.0.0.1:1/postgres")
    second = collect(away, only=FRAMES, previous=first)
    (gap,) = second.manifest.missing
    assert (gap.what, gap.endpoint, gap.place) == ("replica", "replica-2", "main on replica-2")
    assert second.manifest.reached == ("main",)
    assert second.coverage.partial
    whole = together(window_of(History(away, (first, second))), "indexes").set_index("index")
    assert whole.loc["item_note", "idx_scan"] == 2
    assert whole.loc["item_note", "lower_bound"]
    assert whole["idx_scan"].isna()["item_never"], "what a server that was not read did is unknown"
    assert whole["because"].str.contains("replica-2 could not be read: ").all()
    assert collect(away, profile="pulse").coverage.partial


def test_one_that_never_answered_is_unknown_as_well(trio, tmp_path):
    primary, one, _ = trio
    alone = collect(estate_of(tmp_path, primary.url()), only=FRAMES)
    declared = estate_of(tmp_path, primary.url(), one.url())
    whole = together(window_of(History(declared, (alone,))), "indexes").set_index("index")
    assert whole["idx_scan"].isna()["item_never"]
    assert "replica-1 was not read" in whole["because"].iloc[0]


@pytest.fixture(scope="module")
def stranger():
    with private_server() as server:
        yield server


def test_what_is_no_standby_of_this_instance_is_refused(trio, stranger, tmp_path):
    primary, one, _ = trio
    urls = [stranger.url(), primary.url(), one.url(), one.url()]
    snapshot = collect(estate_of(tmp_path, primary.url(), *urls), only=FRAMES)
    why = {m.endpoint: m.why for m in snapshot.manifest.missing}
    assert set(why) == {"replica-1", "replica-2", "replica-4"}
    assert "no physical standby of this instance" in why["replica-1"]
    assert "not in recovery" in why["replica-2"]
    assert why["replica-4"] == "it leads to the same server as replica-3"
    assert {p.endpoint for p in snapshot.manifest.parts} == {None, "replica-3"}


# A process of its own: libpq holds this one's interpreter lock while it waits for some answers.
BALANCER = """
import itertools, socket, sys, threading

def pass_on(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

door = socket.create_server(("127.0.0.1", 0))
print(door.getsockname()[1], flush=True)
for port in itertools.cycle(map(int, sys.argv[1:])):
    client, _ = door.accept()
    there = socket.create_connection(("127.0.0.1", port))
    for ends in ((client, there), (there, client)):
        threading.Thread(target=pass_on, args=ends, daemon=True).start()
"""


@contextmanager
def balancer(*servers):
    """An address that leads to these servers in turn; yields its port."""
    ports = [str(s.port) for s in servers]
    command = [sys.executable, "-c", BALANCER, *ports]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def test_an_address_that_leads_to_several_servers_is_found_out(trio, tmp_path):
    primary, one, two = trio
    with balancer(one, two) as port:
        url = f"postgresql://postgres:{primary.password}@127.0.0.1:{port}/postgres"
        snapshot = collect(estate_of(tmp_path, primary.url(), url), only=FRAMES)
    (gap,) = (m for m in snapshot.manifest.missing if m.what == "replica")
    assert (gap.endpoint, gap.database) == ("replica-1", "postgres")
    assert "another server than a moment before" in gap.why
    assert not [p for p in snapshot.manifest.parts if p.endpoint and p.frame == "index_statistics"]


def test_an_instance_of_replicas_alone_says_that_its_primary_is_unknown(trio, tmp_path):
    _, one, two = trio
    estate = estate_of(tmp_path, one.url(), two.url())
    snapshot = collect(estate, only=FRAMES)
    assert snapshot.manifest.missing == ()
    whole = together(window_of(History(estate, (snapshot,))), "indexes").set_index("index")
    assert whole["idx_scan"].isna()["item_never"]
    assert whole["because"].str.contains("no primary is read").all()


@contextmanager
def watching(server, login):
    """Count the sessions of ``login`` as long as the block lasts; yields the counts, in no order."""
    counts = [0]
    done = threading.Event()
    look = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s"

    def watch():
        with psycopg.connect(server.url(), autocommit=True) as connection:
            while not done.wait(0.01):
                counts.append(connection.execute(look, [login]).fetchone()[0])

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield counts
    finally:
        done.set()
        thread.join(60)


def test_four_sessions_are_enough_for_an_instance_with_replicas(trio, tmp_path):
    primary, one, two = trio
    with psycopg.connect(primary.url(), autocommit=True) as admin:
        admin.execute("CREATE ROLE counted LOGIN IN ROLE pg_monitor")
    try:
        for server in (one, two):
            replayed(primary, server)
        urls = [s.url(user="counted") for s in trio]
        with watching(primary, "counted") as a, watching(one, "counted") as b:
            snapshot = collect(estate_of(tmp_path, *urls))
        assert {m.what for m in snapshot.manifest.missing} & {"replica", "instance"} == set()
        assert 0 < max(a) <= CONNECTIONS_PER_INSTANCE
        assert 0 < max(b) <= CONNECTIONS_PER_INSTANCE
    finally:
        with psycopg.connect(primary.url(), autocommit=True) as admin:
            admin.execute("DROP ROLE counted")


def test_a_saved_history_gives_the_replicas_back(trio, tmp_path):
    primary, one, _ = trio
    estate = estate_of(tmp_path, primary.url(), one.url())
    snapshot = collect(estate, only=FRAMES)
    snapshot.save(tmp_path / "history")
    (found,) = load_history(tmp_path / "history", estate)
    assert found.manifest == snapshot.manifest
    assert len(found.by_endpoint("index_statistics")) == 2 * len(found.frame("index_statistics"))


# Another standby under the same address


def test_a_standby_that_was_replaced_is_no_crash(tmp_path):
    """The second is built anew: younger, with less in every counter, and of the same cluster."""
    with private_server() as primary:
        with psycopg.connect(primary.url(), autocommit=True) as admin:
            admin.execute("CREATE EXTENSION pg_stat_statements")
            admin.execute("CREATE TABLE item (id int PRIMARY KEY)")
        look = []
        for reads in (30, 0):
            with standby_of(primary, settings=QUICK) as standby:
                replayed(primary, standby)
                for _ in range(reads):
                    seen(standby, "SELECT count(*) FROM item", None)
                if reads:
                    scans = "pg_stat_get_numscans('item'::regclass)"
                    counted(standby, scans, reads)
                estate = estate_of(tmp_path, primary.url(), standby.url())
                look.append(collect(estate, only=FRAMES))
                alone = estate_of(tmp_path, standby.url())
                look.append(collect(alone, only=FRAMES))
    as_replica = History(look[0].estate, (look[0], look[2])).coverage.epoch_breaks
    assert [(b.kind, b.endpoint) for b in as_replica] == [("replaced", "replica-1")]
    assert "another standby of this cluster answers: data directory" in as_replica[0].why
    as_instance = History(look[1].estate, (look[1], look[3])).coverage.epoch_breaks
    assert [(b.kind, b.endpoint) for b in as_instance] == [("replaced", None)]
    window = window_of(History(look[0].estate, (look[0], look[2])))
    tables = each(window, "tables").set_index("endpoint")
    assert (tables["seq_scan"] >= 0).all()
    assert tables.loc["replica-1", "counted_from"] == "reset"
    whole = together(window, "tables")
    assert whole["because"].str.contains("replica-1 is counted from").all()


def test_a_swap_between_two_standbys_that_both_run_is_seen_though_no_counter_fell(trio, tmp_path):
    """The second has run all the time and counted more: its counters would be taken for growth."""
    primary, one, two = trio
    first = collect(estate_of(tmp_path, primary.url(), one.url()), only=FRAMES)
    used(two, 40)
    second = collect(estate_of(tmp_path, primary.url(), two.url()), only=FRAMES)
    (broken,) = History(first.estate, (first, second)).coverage.epoch_breaks
    assert (broken.kind, broken.endpoint) == ("replaced", "replica-1")
    assert broken.place == "main on replica-1"


START = datetime(2026, 10, 1, 2, tzinfo=UTC)
STANDBY = {
    "system_identifier": 7,
    "timeline_id": 1,
    "in_recovery": True,
    "server_version_num": 180006,
    "started_at": START - timedelta(days=9),
    "counters_since": START - timedelta(days=9),
    "wal_position": 1000,
    "read_at": START,
    "server_address": "10.0.0.5",
    "server_port": 5432,
    "data_directory": "/data",
    "cluster_name": None,
}


def told(commits_after, changed):
    """The kinds of break between a standby and what answers a day later."""
    estate = estate_from_urls(["postgresql:///shop"])
    snapshots = []
    later = {"read_at": START + timedelta(days=1), "wal_position": 2000}
    for day, (row, commits) in enumerate(
        [(STANDBY, 100), (STANDBY | later | changed, commits_after)]
    ):
        moments = {"started_at", "counters_since", "read_at"}
        identity = pa.table(
            {
                name: pa.array([value], pa.timestamp("us", tz="UTC"))
                if name in moments
                else pa.array([value], pa.string() if value is None else None)
                for name, value in row.items()
            }
        )
        counters = pa.table({"datname": ["shop"], "datid": [5], "xact_commit": [commits]})
        answers = [
            Answered("identity", "main", None, identity, 1.0),
            Answered("database_statistics", "main", None, counters, 1.0),
        ]
        at = START + timedelta(days=day)
        snapshots.append(new_snapshot(estate, answers, [], ["main"], [], taken_at=at))
    return [b.kind for b in History(estate, tuple(snapshots)).coverage.epoch_breaks]


NEW = {
    "started_at": START + timedelta(hours=5),
    "counters_since": START + timedelta(hours=5, seconds=2),
}
BESIDE = dict.fromkeys(("started_at", "counters_since"), START - timedelta(hours=3))


@pytest.mark.parametrize(
    ("commits", "changed", "kinds"),
    [
        (200, {}, []),
        (3, NEW | {"server_address": "10.0.0.9"}, ["replaced"]),
        (900, NEW | {"server_address": "10.0.0.9"}, ["replaced"]),  # a busier one
        (3, NEW | {"server_address": None, "data_directory": None}, ["replaced"]),
        (3, NEW, ["crash"]),  # the same address: it stayed where it was
        (3, {"counters_since": NEW["counters_since"]}, ["crash"]),  # it was not started anew
        (200, {"wal_position": 500}, []),  # it replays again what it had replayed
        (3, NEW | {"wal_position": 500}, ["replaced"]),
        (900, BESIDE, ["replaced"]),
        (200, {"started_at": NEW["started_at"], "server_address": "10.0.0.9"}, []),
    ],
    ids=[
        *("same", "elsewhere", "elsewhere and busier", "nobody knows where", "restarted in place"),
        *("process crashed", "replays again", "replays from further back", "ran beside", "moved"),
    ],
)
def test_what_tells_a_replaced_standby_from_one_that_crashed(commits, changed, kinds):
    assert told(commits, changed) == kinds


# Every major


@LONG
def test_a_standby_of_every_major_is_read(major, tmp_path):
    with psycopg.connect(major.url(), autocommit=True) as admin:
        admin.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    with standby_of(major, settings=QUICK) as standby:
        replayed(major, standby)
        snapshot = collect(estate_of(tmp_path, major.url(), standby.url()))
    assert {m.what for m in snapshot.manifest.missing} <= {"io_statistics"}
    there = {p.frame for p in snapshot.manifest.parts if p.endpoint == "replica-1"}
    absent = {"io_statistics"} if major.version < (16, 0) else set()
    assert replica_frames() - absent - there <= {"statement_texts"}
