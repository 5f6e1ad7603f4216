"""Nights on which a server is locked, standing by, pooled, full, odd or half away: the rest is read, and said."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest

from patience import LONG
from workbench.analyse.capacity import capacity
from workbench.collect import collect, reading, sessions
from workbench.collect.cost import SLOWEST, cost
from workbench.collect.queries import Query, frames, load_queries
from workbench.collect.sessions import Session
from workbench.collect.sizes import measure
from workbench.conninfo import read_target
from workbench.estate import estate_from_urls, load_estate
from workbench.lab import private_server, standby_of
from workbench.snapshot import History, load_history, new_snapshot
from workbench.source import Source, stale

SIZES = next(q for q in load_queries() if q.frame == "sizes")


def estate_of(*urls):
    return estate_from_urls(list(urls))


def reasons(snapshot):
    return {m.what: m.why for m in snapshot.manifest.missing}


def eventually(true, seconds=60):
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)
    return found


def asking(monkeypatch, folder, **texts):
    """Put these questions in ``folder`` besides the real ones."""
    real = reading.choose
    added = tuple(Query(folder, frame, Path(), (), text) for frame, text in texts.items())

    def choose(wanted, *rest):
        fitting, refused = real(wanted, *rest)
        return (added + fitting if wanted == folder else fitting), refused

    monkeypatch.setattr(reading, "choose", choose)


@contextmanager
def beside(action, *arguments):
    """Run ``action`` in a thread for the length of the block, and let its failure be seen."""
    failures = []

    def guarded():
        try:
            action(*arguments)
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=guarded)
    thread.start()
    try:
        yield
    finally:
        thread.join(120)
    assert failures == []


def sizes_of(snapshot):
    named = snapshot.frame("relations", "oid", "relation")
    sizes = snapshot.frame("sizes").merge(named, left_on="relation_oid", right_on="oid")
    return sizes[sizes["part"] == "heap"].set_index("relation")


# Transactions


def test_the_catalogue_is_one_transaction_and_everything_else_one_each(database, monkeypatch):
    now = (
        "SELECT pg_catalog.now() AS at, pg_catalog.current_setting('transaction_isolation') AS kind"
    )
    asking(monkeypatch, "catalogue", first=now, second=now)
    asking_too = pytest.MonkeyPatch()
    try:
        asking(asking_too, "statistics", third=now, fourth=now)
        snapshot = collect(estate_of(database.url))
    finally:
        asking_too.undo()
    rows = [snapshot.frame(n).iloc[0] for n in ("first", "second", "third", "fourth")]
    assert rows[0]["at"] == rows[1]["at"] != rows[2]["at"] != rows[3]["at"]
    assert [r["kind"] for r in rows] == ["repeatable read"] * 2 + ["read committed"] * 2


def test_what_does_not_fit_into_the_transaction_is_not_asked(database, monkeypatch):
    monkeypatch.setattr(sessions, "TRANSACTION_S", 2.0)
    text = "SELECT '' || pg_catalog.pg_sleep({}) AS x"
    asking(
        monkeypatch,
        "catalogue",
        a=text.format(1),
        b=text.format(30),
        c="SELECT 1 AS x",
        d="SELECT 2",
    )
    snapshot = collect(estate_of(database.url))
    why = reasons(snapshot)
    assert snapshot.has("a")
    assert "statement timeout" in why["b"]
    assert "used up" in why["c"]
    assert "used up" in why["relations"]
    assert snapshot.has("table_statistics")
    assert snapshot.has("sizes")


@pytest.mark.pg(">= 17")
def test_the_server_itself_ends_a_transaction_of_ten_seconds(database):
    with (
        sessions.connect(read_target(database.url)) as connection,
        sessions.guarded(connection, "catalogue"),
    ):
        assert connection.execute("SHOW transaction_timeout").fetchone() == ("10s",)


def test_settings_that_do_not_hold_mean_that_nothing_is_run(database):
    with database.connect() as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute("CREATE EXTENSION pg_walinspect")
        connection.execute("SET allow_system_table_mods = on")
        connection.execute(
            "ALTER FUNCTION pg_catalog.set_config(text, text, boolean) RENAME TO set_config_once"
        )
        connection.execute(
            "CREATE FUNCTION pg_catalog.set_config(text, text, boolean) RETURNS text "
            "LANGUAGE sql AS 'SELECT $2'"
        )
        snapshot = collect(estate_of(database.url))
        asked = connection.execute(
            "SELECT count(*) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid "
            "WHERE d.datname = current_database() AND query LIKE '%workbench:%'"
        ).fetchone()
    assert snapshot.manifest.parts == ()
    assert asked == (0,)
    for missing in snapshot.manifest.missing:
        assert "did not hold" in missing.why or missing.what in ("statements", "wal_transactions")
    assert "sizes" in reasons(snapshot)


# Poolers


def listens(path):
    with socket.socket(socket.AF_UNIX) as line:
        return line.connect_ex(str(path)) == 0


@contextmanager
def pooler(server, folder, **settings):
    """A PgBouncer before ``server``, as the account that the server runs as; yields how to reach it."""
    program = shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer is not installed")
    account = server.folder.stat().st_uid
    place = Path("/tmp", f"wb-pool-{os.getpid()}-{time.monotonic_ns()}")
    place.mkdir(mode=0o700)
    os.chown(place, account, -1)
    chosen = {
        "listen_addr": "",
        "listen_port": "6432",
        "unix_socket_dir": place,
        "auth_type": "any",
        "pool_mode": "transaction",
        "default_pool_size": "2",
    } | settings
    lines = "".join(f"{name} = {value}\n" for name, value in chosen.items())
    where = f"* = host={server.folder} port={server.port} user=postgres"
    (place / "ini").write_text(f"[databases]\n{where}\n[pgbouncer]\n{lines}")
    os.chown(place / "ini", account, -1)
    process = subprocess.Popen(
        [program, place / "ini"],
        user=account if os.getuid() == 0 else None,
        extra_groups=[] if os.getuid() == 0 else None,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: process.poll() is not None or listens(place / ".s.PGSQL.6432"))
        assert process.poll() is None, "pgbouncer ended at once"
        yield lambda name, more="": f"postgresql://postgres@/{name}?host={place}&port=6432{more}"
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(place)


def test_a_pooler_in_transaction_mode_is_as_good_as_the_server(database, tmp_path):
    with database.connect() as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute("CREATE EXTENSION pg_walinspect")
        connection.execute("CREATE TABLE t (id int PRIMARY KEY)")
    with pooler(database.server, tmp_path) as url:
        snapshot = collect(estate_of(url(database.name)))
    assert snapshot.manifest.missing == ()
    assert {p.frame for p in snapshot.manifest.parts} == frames()


def test_a_pooler_in_transaction_mode_is_sampled_and_keeps_nothing_of_it(database, tmp_path):
    """Looks are prepared inside a transaction, on a session that the pooler gives to others afterwards."""
    with pooler(database.server, tmp_path, default_pool_size="1") as url:
        pooled = url(database.name)
        snapshot = collect(estate_of(pooled), only={"identity"}, sample_s=4)
        with psycopg.connect(pooled) as connection:
            left = connection.execute("SELECT name FROM pg_prepared_statements").fetchall()
    assert snapshot.manifest.missing == ()
    assert snapshot.frame("sampling")["looks"].item() >= 1
    assert [name for (name,) in left if name.startswith("workbench")] == []


def test_a_pooler_that_refuses_startup_parameters_is_asked_without_them(database, tmp_path):
    with pooler(database.server, tmp_path) as url:
        pooled = url(database.name, "&options=-c%20work_mem%3D1MB")
        with pytest.raises(psycopg.OperationalError, match="unsupported startup parameter"):
            psycopg.connect(pooled)
        snapshot = collect(estate_of(pooled), only={"schemas", "sizes"})
    assert {p.frame for p in snapshot.manifest.parts} == {"schemas", "sizes"}


def test_behind_a_pooler_of_statements_nothing_is_run(database, tmp_path):
    with pooler(database.server, tmp_path, pool_mode="statement") as url:
        snapshot = collect(estate_of(url(database.name)))
    assert snapshot.manifest.parts == ()
    (gap,) = (m for m in snapshot.manifest.missing if m.what == "database")
    assert "statement pooling" in gap.why
    assert "transaction mode" in gap.remedy
    assert "could not be read" in reasons(snapshot)["statements"]


# Standbys


@pytest.fixture(scope="module")
def pair():
    """A primary, and a standby of it that cancels whatever stands in the way of its replay."""
    with private_server() as primary:
        with psycopg.connect(primary.url(), autocommit=True) as admin:
            admin.execute("CREATE EXTENSION pg_stat_statements")
            admin.execute("CREATE EXTENSION pg_walinspect")
            admin.execute("CREATE TABLE t (id int PRIMARY KEY)")
        with standby_of(primary, settings={"max_standby_streaming_delay": "0"}) as standby:
            replayed(primary, standby)
            yield primary, standby


def replayed(primary, standby):
    (wanted,) = seen(primary, "SELECT pg_current_wal_flush_lsn()::text", None)
    reached = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
    eventually(lambda: seen(standby, reached, [wanted])[0])


def churn(primary):
    """Remove catalogue rows, which an older snapshot on the standby may still want to see."""
    with psycopg.connect(primary.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE gone (id int)")
        connection.execute("DROP TABLE gone")
        connection.execute("VACUUM pg_catalog.pg_class")


def seen(server, query, parameters):
    """The first row of ``query``, asked again when a standby's replay ends the one who asks."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with psycopg.connect(server.url(), autocommit=True) as connection:
                return connection.execute(query, parameters).fetchone()
        except psycopg.OperationalError as failure:
            if "conflict with recovery" not in str(failure) or time.monotonic() > deadline:
                raise


def running(server, tag):
    look = "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE %s AND pid <> pg_backend_pid()"
    return seen(server, look, [f"%workbench:{tag} %"])


def test_a_standby_is_read_completely(pair):
    snapshot = collect(estate_of(pair[1].url()))
    assert snapshot.manifest.missing == ()
    assert {p.frame for p in snapshot.manifest.parts} == frames()
    assert snapshot.frame("identity")["in_recovery"].tolist() == [True]


@pytest.mark.parametrize("folder", ["catalogue", "statistics"])
def test_what_a_standby_cancels_is_asked_again(pair, folder, monkeypatch):
    primary, standby = pair
    asking(
        monkeypatch,
        folder,
        slow="SELECT count(*) AS n FROM pg_catalog.pg_class, pg_catalog.pg_sleep(1.5)",
    )

    def disturb():
        pid = eventually(lambda: running(standby, f"{folder}/slow"))
        # The session, or in a savepoint its whole connection, ends for the replay.
        while running(standby, f"{folder}/slow") == pid:
            churn(primary)

    with beside(disturb):
        snapshot = collect(estate_of(standby.url()))
    assert snapshot.manifest.missing == ()
    assert snapshot.has("slow")
    assert snapshot.has("relations")


def test_a_standby_that_keeps_cancelling_is_left_alone_in_the_end(pair, monkeypatch):
    primary, standby = pair
    asking(
        monkeypatch,
        "statistics",
        slow="SELECT count(*) AS n FROM pg_catalog.pg_class, pg_catalog.pg_sleep(7)",
    )
    done = threading.Event()

    def disturb():
        while not done.is_set():
            churn(primary)
            done.wait(0.1)

    with beside(disturb):
        try:
            snapshot = collect(estate_of(standby.url()), only={"schemas", "index_statistics"})
        finally:
            done.set()
    (missing,) = snapshot.manifest.missing
    assert (missing.what, "conflict with recovery" in missing.why) == ("slow", True)
    assert "max_standby_streaming_delay" in missing.remedy
    assert snapshot.has("index_statistics")


# Silence


def test_a_frozen_server_is_given_up_and_the_others_are_read(database, monkeypatch):
    monkeypatch.setattr(sessions, "TRANSACTION_S", 2.0)
    monkeypatch.setattr(sessions, "SILENCE_S", 1)
    asking(monkeypatch, "statistics", slow="SELECT '' || pg_catalog.pg_sleep(1.5) AS x")
    frozen = []
    with private_server() as other:

        def freeze():
            frozen.append(eventually(lambda: running(other, "statistics/slow"))[0])
            os.kill(frozen[0], signal.SIGSTOP)

        try:
            with beside(freeze):
                snapshot = collect(estate_of(other.url(), database.url))
        finally:
            os.kill(frozen[0], signal.SIGCONT)
    (gap,) = [m for m in snapshot.manifest.missing if m.what == "database"]
    assert "the server was silent for 3 s" in gap.why
    assert snapshot.has("slow", next(i for i in snapshot.manifest.reached if i != gap.instance))


# Locks


@pytest.fixture
def tables(database):
    with database.connect() as connection:
        for name in ("t", "u"):
            connection.execute(
                f"CREATE TABLE {name} AS SELECT generate_series(1, 5000) AS id, '' AS x"
            )
            connection.execute(f"CREATE INDEX ON {name} (id)")
        connection.execute("VACUUM ANALYZE")
    return database


def test_an_alter_table_that_is_open_costs_an_estimate_and_nothing_else(tables):
    with psycopg.connect(tables.url) as holder:
        holder.execute("ALTER TABLE t ADD CHECK (id > 0)")
        snapshot = collect(estate_of(tables.url))
    why = reasons(snapshot)
    assert set(why) <= {"statements", "index_definitions", "wal_transactions"}
    assert "1 of 2 rows would have waited" in why["index_definitions"]
    assert sizes_of(snapshot)["estimated"].to_dict() == {"t": True, "u": False}
    assert sizes_of(snapshot)["bytes"].gt(0).all()


def test_an_alter_table_that_waits_for_a_reader_is_not_waited_for(tables):
    def alter():
        with tables.connect() as connection:
            connection.execute("ALTER TABLE t ADD CHECK (id > 0)")

    waiting = "SELECT FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
    with psycopg.connect(tables.url) as reader, tables.connect() as look:
        reader.execute("SELECT FROM t LIMIT 1")
        with beside(alter):
            eventually(lambda: look.execute(waiting).fetchall())
            snapshot = collect(estate_of(tables.url))
            reader.rollback()
    why = reasons(snapshot)
    assert set(why) <= {"statements", "index_definitions", "wal_transactions"}
    assert "1 of 2 rows would have waited" in why["index_definitions"]
    assert sizes_of(snapshot)["estimated"].to_dict() == {"t": True, "u": False}


@contextmanager
def locked_in_the_middle(tables, monkeypatch):
    """Let a lock on ``t`` arrive after a sizes question has looked which relations are locked."""
    look = "AND l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'"
    assert look in SIZES.text
    slow = f"{look} UNION ALL SELECT 0 FROM pg_catalog.pg_sleep(1.5)"
    text = SIZES.text.replace(look, slow)
    real = reading.choose

    def choose(folder, *rest):
        fitting, refused = real(folder, *rest)
        return tuple(replace(q, text=text) if q.frame == "sizes" else q for q in fitting), refused

    monkeypatch.setattr(reading, "choose", choose)
    done = threading.Event()

    def lock():
        measuring = (
            "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' "
            "AND query LIKE '%workbench:sizes/sizes %' AND datname = current_database()"
        )
        with tables.connect() as connection:
            eventually(lambda: connection.execute(measuring).fetchall())
            with connection.transaction():
                connection.execute("ALTER TABLE t ADD CHECK (id > 0)")
                done.wait(120)

    with beside(lock):
        try:
            yield
        finally:
            done.set()


def test_an_alter_table_that_begins_in_the_middle_costs_one_retry(tables, monkeypatch):
    with locked_in_the_middle(tables, monkeypatch):
        snapshot = collect(estate_of(tables.url))
    assert sizes_of(snapshot)["estimated"].to_dict() == {"t": True, "u": False}
    assert "sizes" not in reasons(snapshot)


# Sizes within a budget


def test_a_size_without_its_turn_keeps_its_date(tables):
    estate = estate_of(tables.url)
    first = collect(estate)
    assert sizes_of(first)["measured_at"].isna().all()
    with tables.connect() as connection:
        connection.execute("INSERT INTO t SELECT generate_series(1, 50000)")
        connection.execute("CREATE TABLE later (id int)")
        connection.execute("DROP TABLE u")
    second = collect(estate, previous=first, sizes_s=0)
    third = collect(estate, previous=second, sizes_s=0)
    for snapshot in (second, third):
        sizes = sizes_of(snapshot)
        assert sizes["estimated"].to_dict() == {"t": False, "later": True}
        assert sizes.loc["t", "bytes"] == sizes_of(first).loc["t", "bytes"]
        assert sizes.loc["t", "measured_at"] == first.at
        assert "of 1 an earlier measurement" in reasons(snapshot)["sizes"]
        assert "1 are estimated" in reasons(snapshot)["sizes"]
    found = capacity(History(estate, (first, third))).relations.set_index("table")
    assert found.loc["t", "measured_at"] == first.at
    assert f"measured on {first.at:%Y-%m-%d}" in found.loc["t", "because"]
    identity = third.frame("identity").drop(columns=["instance", "database"])
    elsewhere = new_snapshot(
        estate,
        [
            *(
                (p.frame, p.instance, p.database, third.objects.read(p.content, None), 1.0)
                for p in third.manifest.parts
                if p.frame != "identity"
            ),
            (
                "identity",
                third.manifest.reached[0],
                None,
                pa.Table.from_pandas(identity.assign(system_identifier=1)),
                1.0,
            ),
        ],
        [],
        third.manifest.reached,
        [],
        taken_at=third.at,
    )
    restored = collect(estate, previous=elsewhere, sizes_s=0)
    assert sizes_of(restored)["estimated"].all(), "an oid of another cluster is another table"
    fourth = collect(estate, previous=third)
    assert sizes_of(fourth)["measured_at"].isna().all()
    assert sizes_of(fourth).loc["t", "bytes"] > sizes_of(first).loc["t", "bytes"]
    assert not sizes_of(fourth)["estimated"].any()


@LONG
def test_every_table_has_its_turn_over_the_runs(database):
    with database.connect() as connection:
        for n in range(9):
            connection.execute(f"CREATE TABLE t{n} AS SELECT generate_series(1, {n * 1000}) AS id")
        connection.execute("VACUUM ANALYZE")
    slow = replace(SIZES, text=SIZES.text.replace("AS g\n", "AS g, pg_catalog.pg_sleep(0.6)\n"))
    assert slow != SIZES
    at = datetime(2026, 11, 20, tzinfo=UTC)
    earlier, turns = None, []
    with Session(read_target(database.url)) as session:
        while sum(map(len, turns)) < 9:
            assert len(turns) < 9
            table = measure(session, slow, earlier, budget_s=3.5, batch=1).table
            rows = table.to_pylist()
            turns.append(
                {r["relation_oid"] for r in rows if not r["estimated"] and r["measured_at"] is None}
            )
            dates = [r["measured_at"] or at + timedelta(days=len(turns)) for r in rows]
            index = table.schema.get_field_index("measured_at")
            kind = table.schema.field("measured_at").type
            earlier = table.set_column(index, "measured_at", pa.array(dates, kind))
    assert len(turns) > 1, "the budget was never short"
    assert len(set.union(*turns)) == 9
    largest = max(rows, key=lambda r: r["bytes"])["relation_oid"]
    assert largest in turns[0]


def test_one_relation_that_cannot_be_measured_leaves_the_others_of_its_batch(tables):
    with tables.connect() as connection:
        (oid,) = connection.execute("SELECT 't'::regclass::oid").fetchone()
    broken = replace(
        SIZES,
        text=SIZES.text.replace(
            "CASE\n    WHEN g.estimated",
            f"CASE\n    WHEN NOT g.estimated AND g.relation_oid = {oid} THEN 1 / (g.relpages - g.relpages)\n    WHEN g.estimated",
        ),
    )
    assert broken != SIZES
    with Session(read_target(tables.url)) as session:
        found = measure(session, broken, None)
    assert (found.earlier, found.guessed) == (0, 1)
    assert {r["relation_oid"] == oid: r["estimated"] for r in found.table.to_pylist()} == {
        True: True,
        False: False,
    }


# Part of an estate


@pytest.fixture
def two(server, tmp_path):
    """An estate of two databases, each with a table; yields its folder."""
    names = ["night_a", "night_b"]
    with psycopg.connect(server.url(), autocommit=True) as admin:
        for name in names:
            admin.execute(f"CREATE DATABASE {name}")
            with psycopg.connect(server.url(name), autocommit=True) as connection:
                connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 5000) AS id")
        services = "".join(f'[services.{n}]\ndatabase = "{n}"\n' for n in names)
        (tmp_path / "estate.toml").write_text(
            f'[estate]\nname = "two"\n[instances.main]\nurl = "{server.url()}"\n{services}'
        )
        try:
            yield tmp_path
        finally:
            for name in names:
                if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                    admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
                    admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def workbench(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "workbench.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
    )


def test_nothing_stands_in_for_a_database_that_was_dropped(two, server):
    estate = load_estate(two)
    first = collect(estate)
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("DROP DATABASE night_b WITH (FORCE)")
    second = collect(estate, previous=first)
    assert [m.database for m in second.manifest.missing if m.what == "database"] == ["night_b"]
    assert set(second.frame("relations")["database"]) == {"night_a"}
    assert second.aged == {}
    parts = capacity(History(estate, (first, second))).databases
    assert set(parts["database"]) == {"night_a", "postgres"} | {
        d for d in parts["database"] if d.startswith("test_")
    }


def test_a_database_in_maintenance_is_shown_as_it_was_with_its_date(two, server):
    estate = load_estate(two)
    first = collect(estate)
    first.save(two / "history")
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("ALTER DATABASE night_b ALLOW_CONNECTIONS false")
    done = workbench("collect", "--estate", two, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["coverage"]["status"] == "partial"
    (gap,) = (m for m in document["coverage"]["missing"] if m["what"] == "database")
    date = f"{first.at:%Y-%m-%d %H:%M} UTC"
    assert gap["database"] == "night_b"
    assert gap["why"].endswith(f"what is shown of it is of {date}")
    old = [p for p in document["collect"]["taken"] if "as_of" in p]
    assert {p["database"] for p in old} == {"night_b"}
    assert {p["as_of"] for p in old} == {first.at.isoformat()}
    assert "table_statistics" not in {p["frame"] for p in old}, "counters do not stand in"

    history = load_history(two / "history", estate)
    assert len(history) == 2
    assert history.newest.aged == {("main", "night_b"): first.at}
    found = capacity(history)
    kept = found.relations.set_index("database")
    before = first.frame("sizes")
    of_b = before.loc[before["database"] == "night_b", "bytes"].sum()
    assert kept.loc["night_b", "total_bytes"] == of_b > 0
    assert kept.loc["night_b", "because"] == f"measured on {date}, not since"
    assert "measured on" not in kept.loc["night_a", "because"]
    (row,) = (
        r for r in found.rows() if (r["database"], r["metric"]) == ("night_b", "relations_bytes")
    )
    assert row["because"] == f"measured on {date}, not since"
    collect(estate, profile="pulse").save(two / "history")
    before = Source(two).newest(estate)
    assert before.manifest == history.newest.manifest, "a pulse has nothing that could stand in"
    third = collect(estate, previous=before)
    assert third.aged == history.newest.aged, "it keeps its first date however often it stands in"


def test_what_stands_in_is_no_reading(two, server):
    estate = load_estate(two)
    old = collect(estate)
    long_ago = old.manifest.taken_at - timedelta(days=30)
    old = replace(old, manifest=replace(old.manifest, at=long_ago, taken_at=long_ago))
    old.save(two / "history")
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("ALTER DATABASE night_b ALLOW_CONNECTIONS false")
    collect(estate, previous=old).save(two / "history")
    (line,) = stale(two / "history", estate)
    assert line.startswith("main/night_b: last read")


def test_an_instance_that_is_away_is_shown_as_it_was(database):
    estate = estate_of(database.url, "postgresql://u@127.0.0.1:1/x")
    with database.connect() as connection:
        connection.execute("CREATE TABLE t (id int)")
    first = collect(estate)
    name = first.manifest.reached[0]
    away = load_away(estate, name)
    second = collect(away, previous=first)
    assert name in second.manifest.unreached
    assert "what is shown of it is of" in next(
        m.why for m in second.manifest.missing if m.instance == name
    )
    assert second.frame("relations", "relation")["relation"].tolist() == ["t"]
    assert not second.has("database_statistics", name)


def load_away(estate, name):
    """The same estate, one instance of which nobody answers for."""
    instances = tuple(
        replace(
            i, endpoints=tuple(replace(e, url="postgresql://u@127.0.0.1:1/x") for e in i.endpoints)
        )
        if i.name == name
        else i
        for i in estate.instances
    )
    return replace(estate, instances=instances)


def test_four_sessions_are_all_that_an_instance_has_to_give(server, tmp_path):
    names = [f"few_{n}" for n in range(9)]
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("CREATE ROLE few LOGIN CONNECTION LIMIT 4 IN ROLE pg_monitor")
        for name in names:
            admin.execute(f"CREATE DATABASE {name}")
        try:
            services = "".join(f'[services.{n}]\ndatabase = "{n}"\n' for n in names)
            (tmp_path / "estate.toml").write_text(
                f'[estate]\nname = "few"\n[instances.main]\nurl = "{server.url(user="few")}"\n{services}'
            )
            snapshots = [collect(load_estate(tmp_path)) for _ in range(3)]
        finally:
            for name in names:
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
            admin.execute("DROP ROLE few")
    for snapshot in snapshots:
        assert not snapshot.coverage.partial
        assert not [m for m in snapshot.manifest.missing if "connections" in m.why]


def test_two_collections_of_one_estate_at_once_both_arrive(two):
    command = [sys.executable, "-m", "workbench.cli", "collect", "--estate", str(two)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in "12"]
    ends = [(p.communicate(timeout=240), p.returncode) for p in both]
    assert [code for _, code in ends] == [0, 0], ends
    history = load_history(two / "history", load_estate(two))
    assert len(history) == 2
    for snapshot in history:
        assert not snapshot.coverage.partial
        assert snapshot.frame("relations")["relation"].tolist() == ["kept", "kept"]
    assert not list((two / "history").glob(".staging-*"))


# Costs, clocks, disks


def test_what_the_collection_cost_is_said(two):
    done = workbench("collect", "--estate", two, "--json")
    document = json.loads(done.stdout)["collect"]
    (row,) = document["cost"]
    assert row["instance"] == "main"
    assert row["questions"] == len(document["taken"])
    assert row["ms"] == pytest.approx(sum(p["ms"] for p in document["taken"]), abs=0.1)
    assert [s["ms"] for s in row["slowest"]] == sorted(
        (p["ms"] for p in document["taken"]), reverse=True
    )[:SLOWEST]
    shown = workbench("collect", "--estate", two).stdout
    assert "slowest" in shown
    assert "main" in shown


def test_what_stands_in_cost_nothing(two, server):
    estate = load_estate(two)
    first = collect(estate)
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("ALTER DATABASE night_b ALLOW_CONNECTIONS false")
    second = collect(estate, previous=first)
    (row,) = cost(second.manifest)
    assert row["questions"] == sum(p.as_of is None for p in second.manifest.parts)
    assert row["questions"] < len(second.manifest.parts)


def test_a_clock_that_went_back_is_said_and_nothing_is_lost(database, tmp_path):
    estate = estate_of(database.url)
    first = collect(estate)
    ahead = first.at + timedelta(days=3)
    first = replace(first, manifest=replace(first.manifest, at=ahead, taken_at=ahead, id="ahead"))
    first.save(tmp_path)
    second = collect(estate, previous=load_history(tmp_path, estate).newest)
    assert f"dated {ahead:%Y-%m-%d %H:%M} UTC, later" in reasons(second)["clock"]
    second.save(tmp_path)
    history = load_history(tmp_path, estate)
    assert [s.manifest.id for s in history] == [second.manifest.id, "ahead"]
    assert capacity(history).instances["bytes"].notna().all()
    assert "clock" not in reasons(collect(estate, previous=second))


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk_leaves_the_history_as_it_was(database, tmp_path):
    with database.connect() as connection:
        for n in range(40):
            connection.execute(f"CREATE TABLE {'x' * 50}{n} (id int PRIMARY KEY)")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", disk], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    estate = estate_of(database.url)
    try:
        collect(estate, only={"schemas"}).save(disk)
        before = sorted(p for p in disk.rglob("*.json"))
        (disk / "ballast").write_bytes(b"x" * 90_000)
        with pytest.raises(OSError, match="No space left"):
            collect(estate).save(disk)
        assert sorted(p for p in disk.rglob("*.json")) == before
        assert not list(disk.glob(".staging-*"))
        assert load_history(disk, estate).newest.has("schemas")
        (disk / "ballast").unlink()
        collect(estate, only={"schemas", "roles"}).save(disk)
        assert load_history(disk, estate).newest.has("roles")
    finally:
        subprocess.run(["umount", disk], check=True)


# Odd databases


def test_a_table_of_1600_columns(database):
    columns = ", ".join(f"a_column_with_a_rather_long_name_{n:04} boolean" for n in range(1600))
    with database.connect() as connection:
        connection.execute(f"CREATE TABLE wide ({columns})")
    found = collect(estate_of(database.url)).frame("columns", "attname", "attnum")
    assert found["attnum"].tolist() == list(range(1, 1601))
    assert found["attname"].iloc[-1] == "a_column_with_a_rather_long_name_1599"


@pytest.fixture(scope="module")
def crowded():
    """A server with room for 60,000 statements, and a table whose columns give as many."""
    with private_server(settings={"pg_stat_statements.max": "60000"}) as server:
        yield server


def encoded(server, name, encoding):
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(
            f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0"
        )
    return psycopg.connect(server.url(name), autocommit=True, client_encoding=encoding)


def test_databases_that_speak_no_utf8(crowded, tmp_path):
    with encoded(crowded, "latin", "LATIN1") as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute("CREATE EXTENSION pg_walinspect")
        connection.execute('CREATE TABLE "café" (id int)')
    with encoded(crowded, "raw", "SQL_ASCII") as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute("CREATE EXTENSION pg_walinspect")
        connection.execute(b'CREATE TABLE "caf\xe9" (id int)')
        connection.execute(b'SELECT 1 AS "caf\xe9"')
    with psycopg.connect(crowded.url(), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_walinspect")
        connection.execute('SELECT 1 AS "Ж"')
    (tmp_path / "estate.toml").write_text(
        f'[estate]\nname = "odd"\n[instances.main]\nurl = "{crowded.url()}"\n'
        + "".join(f'[services.{n}]\ndatabase = "{n}"\n' for n in ("latin", "raw", "postgres"))
    )
    try:
        snapshot = collect(load_estate(tmp_path))
    finally:
        with psycopg.connect(crowded.url(), autocommit=True) as connection:
            connection.execute("SELECT pg_stat_statements_reset()")
    assert snapshot.manifest.missing == (), [(m.place, m.why) for m in snapshot.manifest.missing]
    found = snapshot.frame("relations")
    names = set(zip(found["database"], found["relation"], strict=True))
    assert {("latin", "café"), ("raw", "caf\ufffd")} <= names
    texts = set(snapshot.frame("statement_texts")["query"].dropna())
    assert any("Ж" in text for text in texts)
    assert any("caf\ufffd" in text for text in texts)
    snapshot.save(tmp_path / "history")
    assert len(load_history(tmp_path / "history").newest.frame("statement_texts")) > 0


def test_50000_statements_in_bounded_memory(crowded, tmp_path):
    with psycopg.connect(crowded.url(), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_walinspect")
        columns = ", ".join(f"c{n} int" for n in range(1, 230))
        connection.execute(f"CREATE TABLE many ({columns})")
        connection.execute("SET pg_stat_statements.track = 'all'")
        connection.execute(
            "DO $$ BEGIN FOR a IN 1..220 LOOP FOR b IN 1..229 LOOP "
            "EXECUTE format('SELECT c%s FROM many WHERE false AND c%s = 1', a, b); "
            "END LOOP; END LOOP; END $$"
        )
        (held,) = connection.execute("SELECT count(*) FROM pg_stat_statements").fetchone()
    assert held > 50_000
    script = (
        # of this program alone: what getrusage tells begins with the size of the process that started it
        "import sys; from pathlib import Path; from workbench.cli import main; "
        f"sys.argv = ['workbench', 'collect', '--url', {crowded.url()!r}, '--history', {str(tmp_path)!r}]; "
        "code = main(); (held,) = [w for w in Path('/proc/self/status').read_text().splitlines() if w.startswith('VmHWM')]; "
        "print(int(held.split()[1]) // 1024, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    snapshot = load_history(tmp_path).newest
    assert snapshot.manifest.missing == ()
    assert len(snapshot.frame("statements")) > 50_000
    assert len(snapshot.frame("statement_texts")) > 50_000
    assert int(done.stderr.split()[-1]) < 600, "MB"
