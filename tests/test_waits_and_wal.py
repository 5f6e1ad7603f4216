"""Who waits for whom, and whether WAL gets where it should: on real servers with planted faults."""

import threading
from contextlib import contextmanager, suppress

import psycopg
import pytest

from patience import DEADLINE_S, eventually, one
from workbench.analyse.health import Health
from workbench.collect import collect
from workbench.estate import estate_from_urls, load_estate
from workbench.lab import private_server, standby_of
from workbench.snapshot import History


def health(*snapshots):
    return Health(History(snapshots[-1].estate, snapshots))


@contextmanager
def waiting(database, statement, user):
    """A session of ``user`` that waits for a lock as long as the block runs."""
    with psycopg.connect(database.server.url(database.name, user), autocommit=True) as waiter:
        pid = waiter.info.backend_pid
        thread = threading.Thread(target=_quietly, args=(waiter, statement))
        thread.start()
        try:
            with database.connect() as watcher:
                eventually(
                    lambda: one(
                        watcher,
                        f"SELECT count(*) FROM pg_locks WHERE pid = {pid} AND NOT granted AND waitstart IS NOT NULL",
                    )
                )
            yield
        finally:
            waiter.cancel_safe()
            thread.join(DEADLINE_S)


def _quietly(connection, statement):
    with suppress(psycopg.errors.QueryCanceled):
        connection.execute(statement)


@pytest.fixture
def locked(database, tmp_path):
    """A partition that its owner holds locked, and an estate that knows both logins."""
    with database.connect() as connection:
        connection.execute("CREATE SCHEMA orders")
        connection.execute("CREATE TABLE orders.item (id int, n int) PARTITION BY LIST (n)")
        connection.execute("CREATE TABLE orders.item_1 PARTITION OF orders.item FOR VALUES IN (1)")
        connection.execute("INSERT INTO orders.item VALUES (1, 1)")
        for role in ("app_order", "app_cart"):
            connection.execute(f"CREATE ROLE {role} LOGIN")
            connection.execute(f"GRANT USAGE ON SCHEMA orders TO {role}")
            connection.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA orders TO {role}")
    (tmp_path / "estate.toml").write_text(
        f'[estate]\nname = "x"\n[instances.main]\nurl = "{database.url}"\n'
        f'[services.order]\ndatabase = "{database.name}"\nschemas = ["orders"]\n'
        f'[services.cart]\ndatabase = "{database.name}"\nschemas = ["carts"]\n'
        '[[actors]]\nlogin = "app_order"\nservice = "order"\n'
        '[[actors]]\nlogin = "app_cart"\nservice = "cart"\n'
    )
    yield database, load_estate(tmp_path)
    with database.connect() as connection:
        for role in ("app_order", "app_cart"):
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"DROP ROLE {role}")


def test_a_wait_names_who_waits_for_whom_and_on_which_table(locked):
    database, estate = locked
    quiet = collect(estate)
    with psycopg.connect(database.server.url(database.name, "app_order")) as holder:
        holder.execute("LOCK TABLE orders.item_1 IN EXCLUSIVE MODE")
        with waiting(database, "UPDATE orders.item_1 SET id = 2", "app_cart"):
            found = health(quiet, collect(estate))
            (row,) = found.waits.to_dict("records")
    assert (row["waiter_service"], row["blocker_service"]) == ("cart", "order")
    assert (row["waiter"], row["blocker"]) == ("app_cart", "app_order")
    assert (row["owner"], row["schema"], row["table"]) == ("order", "orders", "item")
    assert (row["locktype"], row["mode"]) == ("relation", "RowExclusiveLock")
    assert (row["seen"], row["longest_s"] >= 0) == (1, True)
    (looks,) = found.looks.to_dict("records")
    assert (looks["looks"], looks["waited"]) == (2, 1)
    rows = {r["metric"]: r for r in found.rows() if r["metric"].endswith(("waits", "wait"))}
    assert rows["looks_with_lock_waits"]["value"] == 1
    assert rows["longest_lock_wait"]["value"] >= 0


def test_a_wait_for_a_row_names_the_sessions_though_no_table(locked):
    database, estate = locked
    with psycopg.connect(database.server.url(database.name, "app_order")) as holder:
        holder.execute("UPDATE orders.item_1 SET id = 3")
        with waiting(database, "UPDATE orders.item_1 SET id = 2", "app_cart"):
            (row,) = health(collect(estate)).waits.to_dict("records")
    assert (row["waiter_service"], row["blocker_service"]) == ("cart", "order")
    assert (row["locktype"], row["table"]) == ("transactionid", None)
    assert row["database"] == database.name


def test_an_archive_command_that_fails_is_failing_until_it_works_again():
    with private_server(settings={"archive_mode": "on", "archive_command": "false"}) as server:
        estate = estate_from_urls([server.url()])
        first = collect(estate)
        with psycopg.connect(server.url(), autocommit=True) as admin:
            failed = "SELECT failed_count FROM pg_stat_archiver"
            before = one(admin, failed)
            admin.execute("SELECT pg_create_restore_point('x')")
            admin.execute("SELECT pg_switch_wal()")
            eventually(lambda: one(admin, failed) > before)
            second = collect(estate)
            (row,) = health(first, second).archiving.to_dict("records")
            assert row["state"] == "failing"
            assert row["failed"] >= 1
            admin.execute("ALTER SYSTEM SET archive_command = 'true'")
            admin.execute("SELECT pg_reload_conf()")
            admin.execute("CHECKPOINT")
            done = "SELECT last_archived_time > last_failed_time FROM pg_stat_archiver"
            eventually(lambda: one(admin, done))
        (row,) = health(first, collect(estate)).archiving.to_dict("records")
        assert row["state"] == "failed", "it works again, and the window still had failures"
        assert row["archived"] >= 1


def test_archiving_that_is_off_says_so(database):
    (row,) = health(collect(estate_from_urls([database.url]))).archiving.to_dict("records")
    assert row["state"] == "off"
    assert "archive_mode" in row["because"]


def test_checkpoints_are_counted_over_the_window(database):
    estate = estate_from_urls([database.url])
    first = collect(estate)
    with database.connect() as connection:
        for _ in range(3):
            connection.execute("CREATE TABLE IF NOT EXISTS t (id int)")
            connection.execute("INSERT INTO t VALUES (1)")
            connection.execute("CHECKPOINT")
    found = health(first, collect(estate)).checkpoints.iloc[0]
    assert found["requested"] >= 3
    assert found["requested_share"] > 0.5
    alone = health(first, first).checkpoints.iloc[0]
    assert alone["requested"] == 0
    assert alone["because"] == "no checkpoint in the window"


def written(admin, megabytes):
    """Write about so much WAL."""
    admin.execute("CREATE TABLE IF NOT EXISTS ballast (body text)")
    admin.execute(
        "INSERT INTO ballast SELECT repeat(md5(i::text), 32) FROM generate_series(1, %s) AS i",
        [megabytes * 1000],
    )


def test_a_slot_that_nobody_reads_holds_wal_back_and_is_lost_at_the_limit():
    with private_server(settings={"max_slot_wal_keep_size": "40MB"}) as server:
        estate = estate_from_urls([server.url()])
        with psycopg.connect(server.url(), autocommit=True) as admin:
            admin.execute("SELECT pg_create_physical_replication_slot('left_behind', true)")
            admin.execute("SELECT pg_create_physical_replication_slot('fresh')")
            first = collect(estate)
            written(admin, 10)
            second = collect(estate)
            found = health(first, second).slots.set_index("slot")
            slow = found.loc["left_behind"]
            assert (slow["state"], slow["active"], slow["kind"]) == ("inactive", False, "physical")
            assert slow["held_bytes"] > 8_000_000
            assert slow["per_day"] > 0
            assert found.loc["fresh"].isna()["held_bytes"]
            assert "no WAL yet" in found.loc["fresh", "because"]
            for _ in range(6):
                written(admin, 20)
                admin.execute("SELECT pg_switch_wal()")
                admin.execute("CHECKPOINT")
            status = "SELECT wal_status FROM pg_replication_slots WHERE slot_name = 'left_behind'"
            eventually(lambda: one(admin, status) == "lost")
        lost = health(first, collect(estate)).slots.iloc[0]
        assert (lost["slot"], lost["state"]) == ("left_behind", "lost")
        assert "drop it" in lost["because"]


def test_a_standby_that_replays_late_and_one_that_went_away():
    with private_server() as server, psycopg.connect(server.url(), autocommit=True) as admin:
        estate = estate_from_urls([server.url()])
        with standby_of(server) as standby:
            with psycopg.connect(standby.url(), autocommit=True) as there:
                eventually(
                    lambda: one(
                        admin,
                        "SELECT count(*) > 0 FROM pg_stat_replication WHERE state = 'streaming'",
                    )
                )
                there.execute("SELECT pg_wal_replay_pause()")
                eventually(lambda: one(there, "SELECT pg_get_wal_replay_pause_state()") == "paused")
                written(admin, 5)
                eventually(
                    lambda: one(
                        admin,
                        "SELECT pg_wal_lsn_diff(flush_lsn, replay_lsn) > 4000000 FROM pg_stat_replication",
                    )
                )
                first = collect(estate)
                here = health(collect(estate_from_urls([standby.url()]))).standbys.iloc[0]
                there.execute("SELECT pg_wal_replay_resume()")
            row = health(first).standbys.iloc[0]
            assert row["state"] == "streaming"
            assert row["lag_bytes"] > 4_000_000
            assert here["standby"] is None
            assert here["state"] == "streaming"
            assert here["lag_bytes"] > 4_000_000
            assert "its sender does" in here["because"]
        eventually(lambda: one(admin, "SELECT count(*) = 0 FROM pg_stat_replication"))
        gone = health(first, collect(estate)).standbys.iloc[0]
        assert (gone["state"], gone["seen"], gone["looks"]) == ("gone", 1, 2)
        assert gone["worst_bytes"] > 4_000_000
        assert "not connected at the last look" in gone["because"]
