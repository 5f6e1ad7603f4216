"""Samples of sessions and locks: who stood how, what one transaction held, and what of it was kept."""

import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from psycopg import sql

from workbench.analyse.lock_samples import transactions
from workbench.analyse.sessions import sessions
from workbench.collect import collect, fold, looking, samples
from workbench.collect.fold import SESSION_COLUMNS, Fold
from workbench.collect.samples import Sampling, sample
from workbench.collect.sessions import Session, ask, connect, guarded
from workbench.conninfo import read_target
from workbench.errors import UsageError
from workbench.estate import estate_from_urls
from workbench.lab import private_server, standby_of
from workbench.snapshot import History

ODD = 'a"b\\c\td\n<ж>'

TABLES = """
CREATE SCHEMA shop; CREATE SCHEMA bill;
CREATE TABLE shop.customer (id int PRIMARY KEY);
CREATE TABLE shop.orders (id serial PRIMARY KEY, customer_id int REFERENCES shop.customer);
CREATE TABLE bill.invoice (id int PRIMARY KEY, total int);
CREATE TABLE bill.entry (id int, day date) PARTITION BY RANGE (day);
CREATE TABLE bill.entry_2026 PARTITION OF bill.entry FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO shop.customer VALUES (1), (2);
INSERT INTO bill.invoice VALUES (1, 10);
INSERT INTO bill.entry VALUES (1, '2026-02-02');
"""

HELD = {
    "two tables": ("SELECT * FROM shop.customer", "UPDATE bill.invoice SET total = 11"),
    "a key's check": ("INSERT INTO shop.orders (customer_id) VALUES (1)",),
    "row lock": ("SELECT id FROM shop.customer WHERE id = 2 FOR UPDATE",),
    "cursor": ("DECLARE c CURSOR FOR SELECT * FROM bill.entry", "FETCH 1 FROM c"),
    "definition": ("CREATE INDEX ON bill.entry_2026 (id)",),
}
"""What a session of that name has run in a transaction that stays open."""


def estate_of(*urls):
    return estate_from_urls(list(urls))


def eventually(true, seconds=60):
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)
    return found


@contextmanager
def busy(database):
    """Sessions whose state is known and stays as it is for the length of the block."""
    with ExitStack() as stack:

        def session(name):
            found = psycopg.connect(database.url, application_name=name, autocommit=True)
            stack.callback(found.close)
            return found

        session("setup").execute(TABLES)
        for name, statements in HELD.items():
            held = session(name)
            held.execute("BEGIN")
            for statement in statements:
                held.execute(statement)
        session("idle").execute("SELECT count(*) FROM bill.invoice")
        running = session("active")
        running.pgconn.send_query(b"SELECT pg_sleep(600)")
        watch = session("watch")
        pid = running.info.backend_pid
        try:
            eventually(
                lambda: watch.execute(
                    "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'",
                    [pid],
                ).fetchone()
            )
            yield
        finally:
            watch.execute("SELECT pg_terminate_backend(%s)", [pid])


@pytest.fixture
def seen(database):
    with busy(database):
        return collect(estate_of(database.url), sample_s=1, looks_per_s=10)


def rows_of(snapshot, frame, database):
    found = snapshot.frame(frame).drop(columns="database")
    return found[found["datname"] == database.name].set_index("application_name")


def test_every_session_is_counted_in_every_look_as_it_stands(database, seen):
    (sampling,) = seen.frame("sampling").to_dict("records")
    looks = sampling["looks"]
    assert 1 <= looks <= sampling["asked_looks"] == 10
    assert sampling["server_ms"] > 0
    assert sampling["until"] - sampling["since"] < timedelta(seconds=sampling["seconds"] + 60)
    rows = rows_of(seen, "session_samples", database)
    assert set(rows.index) >= {*HELD, "idle", "active", "watch"}
    assert not any(name.startswith("workbench") for name in rows.index)
    assert set(rows.loc[list(HELD), "state"]) == {"idle in transaction"}
    assert (rows.loc[list(HELD), "looks"] == looks).all()
    active = rows.loc["active"]
    assert (active["state"], active["looks"]) == ("active", looks)
    assert (active["wait_event_type"], active["wait_event"]) == ("Timeout", "PgSleep")
    assert rows.loc["idle", "query_id"] not in (0, None)
    assert not rows["rest"].any()


def test_average_active_sessions_are_those_that_were_active(database, seen):
    found = sessions(History(seen.estate, (seen,)))
    callers = found.callers[found.callers["datname"] == database.name]
    callers = callers.set_index("application_name")
    assert callers.loc["active", "active_sessions"] == 1
    assert callers.loc["idle", "active_sessions"] == 0
    assert callers.loc["idle", "looks"] == callers.loc["active", "looks_active"]
    waits = found.waits.set_index("wait_class")
    assert waits.loc["Timeout", "active_sessions"] >= 1
    assert waits["share"].sum() == pytest.approx(1)
    (row,) = found.instances.to_dict("records")
    assert row["active_sessions"] == pytest.approx(waits["active_sessions"].sum())
    assert row["idle_in_transaction"] >= len(HELD)
    assert row["busiest"] == row["active_sessions"]
    assert row["because"] is None


def test_who_ran_a_statement_last_is_seen_while_it_is_idle(database, seen):
    found = sessions(History(seen.estate, (seen,)))
    rows = rows_of(seen, "session_samples", database)
    wanted = rows.loc["idle", "query_id"]
    mine = found.seen[found.seen["query_id"] == wanted]
    assert mine["application_name"].tolist() == ["idle"]
    (row,) = found.statements[found.statements["query_id"] == wanted].to_dict("records")
    assert (row["datname"], row["usename"]) == (database.name, "postgres")
    assert (row["looks_active"], row["looks"]) == (0, seen.frame("sampling")["looks"].item())


def test_what_a_transaction_reads_and_writes_is_told_by_its_locks(database, seen):
    found = transactions(seen).set_index("application_name")
    looks = seen.frame("sampling")["looks"].item()
    assert (found["transactions"] == 1).all()
    assert (found["looks"] == looks).all()
    sets = {name: (row["reads"], row["writes"]) for name, row in found.iterrows()}
    assert sets == {
        "two tables": (("shop.customer",), ("bill.invoice",)),
        "a key's check": ((), ("shop.orders",)),
        "row lock": (("shop.customer",), ()),
        "cursor": (("bill.entry",), ()),
    }
    row = found.loc["two tables"]
    assert (row["services_read"], row["services_written"]) == (("shop",), ("bill",))
    assert (row["database"], row["usename"]) == (database.name, "postgres")


def test_a_key_checked_from_the_other_side_is_no_reading(database):
    """Deleting a customer looks for orders of it: a row lock on the table that refers."""
    with database.connect() as connection:
        connection.execute(TABLES)
        connection.execute("BEGIN")
        connection.execute("DELETE FROM shop.customer WHERE id = 2")
        snapshot = collect(estate_of(database.url), sample_s=0.5)
    (row,) = transactions(snapshot).to_dict("records")
    assert (row["reads"], row["writes"]) == ((), ("shop.customer",))


def test_a_transaction_counts_once_with_the_most_that_it_held(database):
    with database.connect() as connection, database.connect() as other:
        connection.execute(TABLES)
        target = read_target(database.url)
        grown = Fold()
        questions = samples.SESSION_LOOK, samples.LOCK_LOOK
        with Session(target) as session, session.repeatedly(questions, {}) as look:
            connection.execute("BEGIN")
            connection.execute("SELECT * FROM shop.customer")
            grown.look(*look())
            connection.execute("UPDATE bill.invoice SET total = 1")
            grown.look(*look())
            connection.execute("COMMIT")
            grown.look(*look())
            for _ in range(2):
                other.execute("BEGIN")
                other.execute("SELECT * FROM shop.customer")
                grown.look(*look())
                other.execute("ROLLBACK")
    rows = grown.transaction_rows().to_pylist()
    counts = [(len(r["write_oids"]) > 0, r["transactions"], r["looks"]) for r in rows]
    assert sorted(counts) == [(False, 2, 2), (True, 1, 2)]


def test_odd_names_arrive_unharmed(database):
    role = sql.Identifier(ODD)
    with database.connect() as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(role))
        try:
            with psycopg.connect(database.url, user=ODD, password="x") as odd:
                odd.execute("SELECT 1")
                snapshot = collect(estate_of(database.url), sample_s=0.5)
        finally:
            admin.execute(sql.SQL("DROP ROLE {}").format(role))
    assert ODD in set(snapshot.frame("session_samples")["usename"])


def test_a_pulse_samples_too_and_the_full_snapshot_names_its_oids(database):
    estate = estate_of(database.url)
    with busy(database):
        full = collect(estate)
        pulse = collect(estate, profile="pulse", sample_s=0.5)
    assert not full.has("sampling")
    assert pulse.has("transaction_samples")
    assert not pulse.has("relations")
    alone = transactions(pulse)
    assert alone["reads"].isna().all()
    assert alone["transactions"].sum() == 4
    later = replace(pulse, manifest=replace(pulse.manifest, at=full.at + timedelta(hours=3)))
    named = transactions(History(estate, (full, later)))
    assert ("bill.invoice",) in set(named["writes"])
    twice = sessions(History(estate, (full, pulse, later)))
    assert len(twice.hours) == 2
    assert twice.instances["samples"].item() == 2


def test_a_login_without_privilege_is_told_what_it_does_not_see(database):
    with database.connect() as admin:
        admin.execute("CREATE ROLE sees_little LOGIN")
        try:
            url = database.server.url(database.name, "sees_little")
            with busy(database):
                little = collect(estate_of(url), sample_s=0.5, only={"identity"})
                admin.execute("GRANT pg_monitor TO sees_little")
                all_ = collect(estate_of(url), sample_s=0.5, only={"identity"})
        finally:
            admin.execute("DROP ROLE sees_little")
    (missing,) = little.manifest.missing
    assert missing.what == "session_samples"
    assert missing.remedy == 'GRANT pg_monitor TO "sees_little";'
    rows = rows_of(little, "session_samples", database)
    assert set(rows["unseen"]) == {"privilege"}
    assert rows["state"].isna().all()
    blind = sessions(History(little.estate, (little,)))
    (row,) = blind.instances.to_dict("records")
    assert blind.instances["active_sessions"].isna().all()
    assert "pg_monitor" in row["because"]
    assert blind.hours["active_sessions"].isna().all()
    assert len(blind.statements) == 0
    # Locks need no privilege.
    held = [len(s.frame("transaction_samples")) for s in (little, all_)]
    assert held[0] == held[1] > 0
    assert all_.manifest.missing == ()


def test_a_history_without_samples_says_so(database):
    plain = collect(estate_of(database.url), only={"identity"})
    found = sessions(History(plain.estate, (plain,)))
    (row,) = found.instances.to_dict("records")
    assert row["looks"] == 0
    assert "--sample" in row["because"]
    assert transactions(plain).empty
    assert found.hours.empty
    assert found.statements.empty


def slowed(monkeypatch, seconds):
    text = samples.SESSION_LOOK.text
    query = replace(
        samples.SESSION_LOOK, text=f"SELECT s.* FROM pg_sleep({seconds}) AS p, ({text}) AS s"
    )
    monkeypatch.setattr(samples, "SESSION_LOOK", query)


def test_a_slow_server_is_looked_at_less_often(database, monkeypatch):
    slowed(monkeypatch, 0.4)
    with Session(read_target(database.url)) as session:
        found = sample(session, Sampling(2.0, 20))
    assert 1 <= found.looks <= 5
    assert found.failure is None


def test_a_server_that_never_answers_in_time_is_left_alone(database, monkeypatch):
    slowed(monkeypatch, 30)
    snapshot = collect(estate_of(database.url), sample_s=60, only={"identity"})
    (missing,) = snapshot.manifest.missing
    assert missing.what == "sampling"
    assert "0 looks" in missing.why
    assert "statement timeout" in missing.why
    assert {p.frame for p in snapshot.manifest.parts} == {"sampling", "identity"}
    found = sessions(History(snapshot.estate, (snapshot,)))
    assert "statement timeout" in found.instances["because"].item()


def test_a_session_that_is_ended_from_outside_is_renewed(database):
    find = (
        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'workbench%' "
        "AND datname = current_database()"
    )
    taken = []

    def run():
        with Session(read_target(database.url)) as session:
            taken.append(sample(session, Sampling(6.0, 20)))

    with database.connect() as admin:
        thread = threading.Thread(target=run)
        thread.start()
        (pid,) = eventually(lambda: admin.execute(find).fetchone())
        admin.execute("SELECT pg_terminate_backend(%s)", [pid])
        eventually(lambda: (other := admin.execute(find).fetchone()) and other != (pid,))
        thread.join(120)
    (found,) = taken
    assert found.failure is None
    assert 1 <= found.looks < found.sampling["asked_looks"][0].as_py()


def test_a_standby_is_sampled():
    with private_server() as primary:
        with psycopg.connect(primary.url(), autocommit=True) as connection:
            connection.execute("CREATE TABLE t (id int)")
            reached = connection.execute("SELECT pg_current_wal_lsn()").fetchone()[0]
        with standby_of(primary) as standby, psycopg.connect(standby.url()) as reader:
            replayed = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
            eventually(lambda: reader.execute(replayed, [reached]).fetchone()[0])
            reader.execute("SELECT * FROM t")
            snapshot = collect(estate_of(standby.url()), sample_s=1)
            reader.rollback()
    (row,) = transactions(snapshot).to_dict("records")
    assert (row["reads"], row["writes"]) == (("public.t",), ())
    assert snapshot.frame("session_samples")["looks"].sum() > 0


def test_looks_are_read_only_on_every_major(major):
    with Session(read_target(major.url())) as session:
        found = sample(session, Sampling(0.5))
        writing = replace(
            samples.LOCK_LOOK,
            text="SELECT objoid FROM pg_catalog.pg_description LIMIT 1 FOR UPDATE",
        )
        with (
            session.repeatedly((writing,), {}) as look,
            pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
        ):
            look()
    assert found.looks >= 1
    with connect(read_target(major.url())) as connection, guarded(connection, "statistics"):
        table = ask(connection, samples.SESSION_LOOK).table
    assert tuple(table.column_names) == (*SESSION_COLUMNS, "pid")


def test_looks_in_one_transaction_see_what_changes_between_them(database):
    """What a server tells of its sessions stays as it was first seen in a transaction, unless it is let go."""
    with (
        database.connect() as other,
        database.connect() as watch,
        Session(read_target(database.url)) as session,
        session.repeatedly((samples.SESSION_LOOK, samples.LOCK_LOOK), {}) as look,
    ):
        pid = b",%d)" % other.info.backend_pid
        ours = "SELECT xact_start, backend_xmin FROM pg_stat_activity WHERE application_name LIKE 'workbench%' AND datname = current_database()"
        begun = set()
        for number in range(4):
            other.execute(f"SET application_name = 'n{number}'")
            (row,) = (r for r in look()[0] if r.endswith(pid))
            assert b",n%d," % number in row
            start, xmin = watch.execute(ours).fetchone()
            begun.add(start)
            assert xmin is None, "a snapshot that is held between looks keeps back vacuum"
    assert len(begun) < 4


def test_a_transaction_of_looks_ends_in_time_and_leaves_nothing(database, monkeypatch):
    monkeypatch.setattr(looking, "TOGETHER_S", 0.0)
    with database.connect() as watch, Session(read_target(database.url)) as session:
        ours = "SELECT state, xact_start FROM pg_stat_activity WHERE application_name LIKE 'workbench%' AND datname = current_database()"
        with session.repeatedly((samples.SESSION_LOOK, samples.LOCK_LOOK), {}) as look:
            begun = set()
            for _ in range(3):
                assert look()[0]
                begun.add(watch.execute(ours).fetchone())
            assert len(begun) == 3
        assert watch.execute(ours).fetchone() == ("idle", None)
        left = replace(samples.LOCK_LOOK, text="SELECT name FROM pg_catalog.pg_prepared_statements")
        assert session.alone(left).table.num_rows == 0


@pytest.mark.parametrize("which", [0, 1])
def test_after_a_look_that_failed_nothing_is_left_and_the_next_one_works(database, which):
    """A division by zero while a table is there: asked for when it runs, not when it is planned."""
    asked = [samples.SESSION_LOOK, samples.LOCK_LOOK]
    asked[which] = replace(
        asked[which],
        text="SELECT 1 / (count(*) - 1) AS n FROM pg_catalog.pg_class WHERE relname = 'stop'",
    )
    with database.connect() as admin, Session(read_target(database.url)) as session:
        with session.repeatedly(asked, {}) as look:
            assert look()[which] == [b"(-1)"]
            admin.execute("CREATE TABLE stop ()")
            with pytest.raises(psycopg.errors.DivisionByZero):
                look()
            admin.execute("DROP TABLE stop")
            assert look()[which] == [b"(-1)"]
        left = replace(samples.LOCK_LOOK, text="SELECT name FROM pg_catalog.pg_prepared_statements")
        assert session.alone(left).table.num_rows == 0


def test_rare_rows_are_summed_and_nothing_is_lost(monkeypatch):
    monkeypatch.setattr(fold, "KEPT", 3)
    monkeypatch.setattr(fold, "_HELD", 5)
    many = Fold()
    for n in range(10):
        state = b"active" if n % 2 else b"idle"
        session = b"(d,u%d,a,,%b,,,,,42)" % (n, state)
        lock = b"(42,3/%d,AccessShareLock,{%d})" % (n, 20000 + n)
        for _ in range(n + 1):
            many.look([session], [lock])
    rows = many.session_rows().to_pylist()
    assert sum(r["looks"] for r in rows) == 55
    assert [r["usename"] for r in rows] == ["u4", "u3", "u2", None, None]
    assert {r["state"]: r["looks"] for r in rows if r["rest"]} == {
        "active": 2 + 6 + 8 + 10,
        "idle": 1 + 7 + 9,
    }
    held = many.transaction_rows().to_pylist()
    assert [r["rest"] for r in held] == [False] * 3 + [True]
    assert sum(r["transactions"] for r in held) == 10
    assert sum(r["looks"] for r in held) == 55
    assert held[-1]["read_oids"] is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("30", "'30'"),
        ("a while", "'a while'"),
        ("-5s", "'-5s'"),
        ("0s", "0 s"),
        ("6m", "360 s"),
        ("30s@0", "0 looks"),
        ("30s@50", "50 looks"),
    ],
)
def test_a_sample_that_cannot_be_taken_is_refused_by_its_value(text, named):
    with pytest.raises(UsageError, match=named):
        samples.read_sampling(text)


@pytest.mark.parametrize("wrong", [{"sample_s": 301}, {"sample_s": 5, "looks_per_s": 0.5}])
def test_collect_refuses_it_before_anybody_is_asked(wrong):
    with pytest.raises(UsageError, match="ask for"):
        collect(estate_of("postgresql://u@127.0.0.1:1/x"), **wrong)
