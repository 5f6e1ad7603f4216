"""Transactions from the WAL: which tables were written together, and what is not counted."""

import secrets
from contextlib import contextmanager
from itertools import pairwise

import psycopg
import pyarrow as pa
import pytest

from workbench.analyse.transactions import transactions
from workbench.collect import collect
from workbench.collect.wal_fold import MOST_SETS, Files, fold
from workbench.errors import UsageError
from workbench.estate import estate_from_urls
from workbench.lab import standby_of
from workbench.snapshot import History

TABLES = """
CREATE SCHEMA ordering; CREATE SCHEMA stock; CREATE SCHEMA pay;
CREATE TABLE ordering.orders (id int PRIMARY KEY, n int, note text);
CREATE TABLE stock.item (id int PRIMARY KEY, n int, note text);
CREATE TABLE pay.account (id int PRIMARY KEY, n int, note text);
INSERT INTO ordering.orders SELECT g, 0, '' FROM generate_series(1, 500) g;
INSERT INTO stock.item SELECT g, 0, '' FROM generate_series(1, 500) g;
INSERT INTO pay.account SELECT g, 0, '' FROM generate_series(1, 500) g;
"""

ROUNDS = 2000
MIX = f"""
DO $$ BEGIN
FOR i IN 1..{ROUNDS} LOOP
  UPDATE ordering.orders SET n = n + 1 WHERE id = i % 500 + 1;
  IF i % 3 = 0 THEN PERFORM sum(n) FROM stock.item; END IF;  -- reads only, and prunes what it reads
  IF i % 7 = 0 THEN PERFORM FROM pay.account WHERE id = i % 500 + 1 FOR UPDATE; END IF;
  IF i % 20 IN (1, 2, 3, 4) THEN UPDATE stock.item SET n = n + 1 WHERE id = i % 500 + 1; END IF;
  IF i % 20 IN (5, 6) THEN UPDATE pay.account SET n = n + 1 WHERE id = i % 500 + 1; END IF;
  COMMIT;
  IF i % 20 = 0 THEN
    UPDATE stock.item SET n = n + 1 WHERE id = 1;
    UPDATE pay.account SET n = n + 1 WHERE id = 1;
    ROLLBACK;
  END IF;
END LOOP;
END $$
"""


class Place:
    """A database on one server, read again and again, each snapshot after the one before."""

    def __init__(self, server, name):
        self.server, self.name, self.snapshots = server, name, []
        self.estate = estate_from_urls([server.url(name)])
        self.instance = self.estate.instances[0].name

    def run(self, *statements):
        with psycopg.connect(self.server.url(self.name), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def collect(self, user="postgres", **options):
        estate = estate_from_urls([self.server.url(self.name, user)])
        previous = self.snapshots[-1] if self.snapshots else None
        taken = collect(estate, previous=previous, **options)
        self.snapshots.append(taken)
        return taken

    def between(self, *statements, **options):
        """Run, collect before and after, and return what the WAL in between says."""
        self.collect()
        # What was rolled back last is flushed with the next commit.
        self.run(*statements, "SELECT pg_logical_emit_message(true, 'test', '')")
        self.collect(**options)
        return transactions(History(self.estate, tuple(self.snapshots[-2:])))


def counts(found):
    """Transactions by the relations that they wrote."""
    mine = found.sets[found.sets["writes"].notna()]
    return dict(zip(mine["writes"], mine["transactions"], strict=True))


def gap(snapshot):
    (missing,) = (m for m in snapshot.manifest.missing if m.what == "wal_transactions")
    return missing


@contextmanager
def new_place(server):
    name = f"wal_{secrets.token_hex(4)}"
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    found = Place(server, name)
    found.run("CREATE EXTENSION pg_walinspect", TABLES)
    yield found
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def place(server):
    with new_place(server) as found:
        yield found


@pytest.fixture
def anywhere(major):
    """A place on each major version: what they write into the WAL, and say of it, differs."""
    if major.version < (15, 0):
        pytest.skip("pg_walinspect came with 15")
    with new_place(major) as found:
        yield found


def test_a_known_mix_of_transactions_comes_back(anywhere):
    found = anywhere.between(MIX)
    seen = counts(found)
    assert sum(seen.values()) == ROUNDS
    for writes, share in [
        (("ordering.orders",), 0.7),
        (("ordering.orders", "stock.item"), 0.2),
        (("ordering.orders", "pay.account"), 0.1),
    ]:
        assert abs(seen[writes] / ROUNDS - share) <= 0.01, seen
    assert set(found.sets.loc[found.sets["crosses"], "services"]) == {
        ("ordering", "stock"),
        ("ordering", "pay"),
    }
    (reading,) = found.readings.to_dict("records")
    assert reading["transactions"] == ROUNDS
    assert reading["aborted"] == ROUNDS / 20
    assert (reading["unfinished"], reading["unmapped_bytes"]) == (0, 0)
    assert reading["seen"] == 1
    assert reading["because"] is None
    services = found.services.set_index("service")
    assert services["transactions"].to_dict() == {"ordering": 2000, "pay": 200, "stock": 400}
    assert services["crossing"].to_dict() == {"ordering": 600, "pay": 200, "stock": 400}
    assert services["bytes"].gt(0).all()
    assert services["share"].sum() == pytest.approx(1)


def test_in_small_pieces_the_same_is_found(place, monkeypatch):
    """Records that lie across the border of two pieces are read once: nothing is lost or counted twice."""
    whole = place.between(MIX)
    (since,) = place.snapshots[-1].frame("wal_reading")["since_lsn"]
    monkeypatch.setattr("workbench.collect.wal.PIECE", 65536 + 8)
    again = collect(place.estate, previous=place.snapshots[-2])
    found = transactions(History(place.estate, (place.snapshots[-2], again)))
    assert again.frame("wal_reading")["since_lsn"].tolist() == [since]
    assert counts(found) == counts(whole)
    assert found.sets["records"].tolist() == whole.sets["records"].tolist()
    assert found.relations["bytes"].tolist() == whole.relations["bytes"].tolist()


def test_what_a_transaction_wrote_is_what_it_committed(anywhere):
    kept = "BEGIN; INSERT INTO pay.account VALUES (1001); SAVEPOINT a; INSERT INTO stock.item VALUES (1001); "
    found = anywhere.between(
        "BEGIN; UPDATE stock.item SET n = 3 WHERE id = 1; UPDATE pay.account SET n = 3; ROLLBACK",
        kept + "RELEASE a; COMMIT",
        "BEGIN; UPDATE pay.account SET n = 2 WHERE id = 1; SAVEPOINT a; "
        "UPDATE ordering.orders SET n = 2 WHERE id = 1; ROLLBACK TO a; COMMIT",
    )
    assert counts(found) == {("pay.account", "stock.item"): 1, ("pay.account",): 1}
    assert found.readings["aborted"].tolist() == [2]  # a transaction, and a savepoint of another


def test_a_foreign_key_check_is_no_write_of_its_parent(place):
    place.run(
        "CREATE TABLE ordering.line (id int, item int REFERENCES stock.item)",
        "UPDATE stock.item SET n = 1",
    )
    found = place.between(
        "INSERT INTO ordering.line SELECT g, g FROM generate_series(1, 500) g",
        "BEGIN; SELECT FROM pay.account FOR UPDATE; COMMIT",
    )
    assert counts(found) == {("ordering.line",): 1}
    assert found.readings["lock_only"].tolist() == [1]
    assert found.relations["table"].tolist() == ["line"]


def test_every_way_to_write_is_counted_for_the_table_that_has_a_name(anywhere):
    anywhere.run(
        "CREATE TABLE stock.day (id int, at date) PARTITION BY RANGE (at)",
        "CREATE TABLE stock.day25 PARTITION OF stock.day FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
        "CREATE TABLE stock.day26 PARTITION OF stock.day FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
        "CREATE UNLOGGED TABLE pay.scratch (id int)",
        "ALTER TABLE pay.account ALTER note SET STORAGE EXTERNAL",
    )
    found = anywhere.between(
        "INSERT INTO stock.day VALUES (1, '2025-05-05'), (2, '2026-05-05')",
        "UPDATE pay.account SET note = repeat('x', 20000) WHERE id = 7",
        "BEGIN; INSERT INTO pay.scratch VALUES (1); DELETE FROM ordering.orders WHERE id = 9; COMMIT",
        "INSERT INTO ordering.orders SELECT g FROM generate_series(2001, 2200) g",
        "BEGIN; TRUNCATE stock.item; INSERT INTO pay.account VALUES (5001); COMMIT",
    )
    assert counts(found) == {
        ("stock.day",): 1,
        ("pay.account",): 1,
        ("ordering.orders",): 2,
        ("pay.account", "stock.item"): 1,
    }
    wal = found.relations.set_index("table")["bytes"]
    assert wal["account"] > 20000  # its TOAST is in it
    assert "scratch" not in wal.index
    assert found.readings["unmapped_bytes"].tolist() == [0]


def test_copied_rows_are_one_transaction(place):
    place.collect()
    with (
        psycopg.connect(place.server.url(place.name)) as connection,
        connection.cursor().copy("COPY stock.item FROM STDIN") as rows,
    ):
        for number in range(1000, 1500):
            rows.write_row((number, 0, "x" * 50))
    place.collect()
    found = transactions(History(place.estate, tuple(place.snapshots)))
    assert counts(found) == {("stock.item",): 1}
    (records,) = found.sets["records"]
    assert records < 500  # many rows to a record


def test_a_rewritten_or_dropped_table_is_known_by_the_file_it_had(place):
    place.run("CREATE TABLE pay.gone (id int)")
    found = place.between(
        "UPDATE stock.item SET n = 5 WHERE id = 5",
        "VACUUM FULL stock.item",
        "UPDATE stock.item SET n = 6 WHERE id = 6",
        "BEGIN; INSERT INTO pay.gone VALUES (1); INSERT INTO ordering.orders VALUES (900); COMMIT",
        "DROP TABLE pay.gone",
    )
    assert counts(found) == {("stock.item",): 2, ("ordering.orders", "pay.gone"): 1}
    assert found.readings["unmapped_bytes"].tolist() == [0]


def test_a_file_that_nobody_knows_is_said_to_be_unknown(place):
    found = place.between(
        "CREATE TABLE pay.brief (id int)",
        "BEGIN; INSERT INTO pay.brief VALUES (1); UPDATE stock.item SET n = 1 WHERE id = 1; COMMIT",
        "DROP TABLE pay.brief",
    )
    (row,) = found.sets.to_dict("records")
    assert (row["writes"], row["services"], row["partly"]) == (("stock.item",), ("stock",), True)
    assert found.readings["unmapped_bytes"].gt(0).all()
    assert found.relations["table"].isna().sum() == 1


def test_what_another_database_writes_is_counted_and_not_named(place):
    other = f"{place.name}_x"
    with psycopg.connect(place.server.url(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {other}")
    try:
        place.collect()
        with psycopg.connect(place.server.url(other), autocommit=True) as connection:
            connection.execute("CREATE TABLE t (id int)")
            connection.execute("INSERT INTO t VALUES (1)")
        place.collect()
        found = transactions(History(place.estate, tuple(place.snapshots)))
        (row,) = found.sets.to_dict("records")
    finally:
        with psycopg.connect(place.server.url(), autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {other}")
    assert (row["database"], row["writes"], row["transactions"]) == (other, None, 1)
    assert row["partly"]
    assert found.readings["unmapped_bytes"].tolist() == [0]


def test_a_transaction_that_goes_on_is_unfinished_and_not_in_it(place):
    place.collect()
    with psycopg.connect(place.server.url(place.name)) as busy:
        busy.execute("UPDATE stock.item SET n = 1 WHERE id = 1")
        place.run("UPDATE pay.account SET n = 1 WHERE id = 1")
        place.collect()
    found = transactions(History(place.estate, tuple(place.snapshots)))
    assert counts(found) == {("pay.account",): 1}
    assert found.readings["unfinished"].tolist() == [1]


def test_readings_follow_each_other_without_a_hole_and_are_summed(place):
    place.collect()
    for number in (1, 2, 3):
        place.run(f"UPDATE pay.account SET n = {number} WHERE id = {number}")
        place.collect()
    found = transactions(History(place.estate, tuple(place.snapshots)))
    assert counts(found) == {("pay.account",): 3}
    assert found.readings["seen"].tolist() == [1]
    assert found.readings["snapshots"].tolist() == [3]
    readings = [s.frame("wal_reading").iloc[0] for s in place.snapshots]
    for before, after in pairwise(readings):
        assert after["since_lsn"] == before["until_lsn"]


def test_of_much_wal_the_newest_is_read_and_the_share_is_said(place):
    found = place.between(MIX, "UPDATE pay.account SET n = 0 WHERE id = 1", wal_max=65536)
    (reading,) = found.readings.to_dict("records")
    assert 0 < reading["bytes_read"] <= 65536
    assert 0 < reading["seen"] < 1
    assert reading["because"] == "older WAL was left out: --wal-max says how much is read"
    assert counts(found)["pay.account",] == 1
    assert sum(counts(found).values()) < ROUNDS


def test_without_a_snapshot_before_the_newest_wal_is_read(place):
    place.run("UPDATE pay.account SET n = 1 WHERE id = 1")
    snapshot = place.collect(wal_max=2**20)
    (reading,) = snapshot.frame("wal_reading").to_dict("records")
    assert reading["because"].startswith("there is no snapshot before")
    found = transactions(History(place.estate, (snapshot,)))
    assert found.readings["seen"].isna().all()
    assert counts(found)["pay.account",] >= 1


def test_wal_that_the_server_has_removed_is_said_to_be_unseen(anywhere):
    anywhere.collect()
    for _ in range(2):
        anywhere.run(
            "UPDATE pay.account SET n = 1 WHERE id = 1", "SELECT pg_switch_wal()", "CHECKPOINT"
        )
    anywhere.run("UPDATE pay.account SET n = 1 WHERE id = 2")
    anywhere.collect()
    found = transactions(History(anywhere.estate, tuple(anywhere.snapshots)))
    (reading,) = found.readings.to_dict("records")
    assert reading["seen"] < 1
    assert "the server has removed older WAL" in reading["because"]
    assert counts(found)["pay.account",] >= 1


def test_whoever_may_not_read_the_wal_is_told_the_grant_and_it_cures(anywhere):
    login = f"{anywhere.name}_login"
    anywhere.run(f"CREATE ROLE {login} LOGIN IN ROLE pg_monitor")
    try:
        missing = gap(anywhere.collect(login))
        assert "permission denied" in missing.why
        assert missing.remedy.startswith("GRANT EXECUTE ON FUNCTION")
        anywhere.run(missing.remedy)
        snapshot = anywhere.collect(login)
        assert "wal_transactions" not in {m.what for m in snapshot.manifest.missing}
        assert len(snapshot.frame("wal_reading")) == 1
    finally:
        anywhere.run(f"DROP OWNED BY {login}", f"DROP ROLE {login}")


def test_without_the_extension_the_statement_that_makes_it_is_named(place):
    place.run("DROP EXTENSION pg_walinspect")
    missing = gap(place.collect())
    assert missing.why == "the extension pg_walinspect is in none of the databases that were read"
    assert missing.remedy.startswith("CREATE EXTENSION pg_walinspect")


def test_the_extension_is_found_in_the_database_postgres_as_well(place):
    place.run("DROP EXTENSION pg_walinspect")
    with psycopg.connect(place.server.url(), autocommit=True) as admin:
        admin.execute("CREATE EXTENSION pg_walinspect")
        try:
            found = place.between("UPDATE stock.item SET n = n + 1 WHERE id = 1")
        finally:
            admin.execute("DROP EXTENSION pg_walinspect")
    assert counts(found) == {("stock.item",): 1}
    places = place.snapshots[-1].frame("extensions")["database"]
    assert set(places) == {place.name}, "postgres itself is not reviewed"


def test_who_is_told_to_leave_the_wal_alone_does_so(place):
    snapshot = place.collect(wal_max=0)
    assert gap(snapshot).why == "it was told to leave the WAL alone"
    assert not snapshot.has("wal_reading")


def test_before_15_the_reason_is_the_version(major):
    if major.version >= (15, 0):
        pytest.skip("pg_walinspect came with 15")
    missing = gap(collect(estate_from_urls([major.url()])))
    assert missing.why.startswith("needs server >= 15 (14.")


def test_a_prepared_transaction_counts_when_it_is_committed():
    """Rows as the server's own questions give them; a server that prepares is not at hand everywhere."""
    files = Files({(5, 1663, 77): 16385, (5, 1663, 78): 16390}, {5: "shop"}, frozenset({5}))
    found = fold(
        records(
            (9, "INSERT", "1663/5/77", None),
            (10, "INSERT", "1663/5/78", None),
            (11, "DELETE", "1663/5/78", None),
            (9, "COMMIT_PREPARED", None, "10"),
            (11, "ABORT_PREPARED", None, None),
        ),
        files,
    )
    (row,) = found.transactions.to_pylist()
    assert row["write_oids"] == [16385, 16390]
    assert (found.committed, found.aborted, found.unfinished) == (1, 1, 0)


def test_sets_beyond_the_most_frequent_are_summed():
    files = Files({(5, 1663, n): n for n in range(1, MOST_SETS + 3)}, {5: "shop"}, frozenset({5}))
    writes = [(n, "INSERT", f"1663/5/{n}", None) for n in range(1, MOST_SETS + 3)]
    ends = [(n, "COMMIT", None, None) for n in range(1, MOST_SETS + 3)]
    found = fold(records(*writes, *ends), files)
    assert found.transactions.num_rows == MOST_SETS + 1
    last = found.transactions.to_pylist()[-1]
    assert (last["write_oids"], last["transactions"]) == (None, 2)


def records(*rows):
    kinds = {"xid": pa.int64(), "record_type": pa.string(), "file": pa.string()}
    kinds |= {"bytes": pa.int64(), "fpi_bytes": pa.int64(), "xids": pa.string()}
    wide = [(xid, kind, file, 60, 0, xids) for xid, kind, file, xids in rows]
    return pa.table(
        [list(c) for c in zip(*wide, strict=True)], schema=pa.schema(list(kinds.items()))
    )


def test_the_size_of_wal_to_read_is_checked():
    from workbench.collect.wal import read_size

    with pytest.raises(UsageError, match="is not a size"):
        read_size("much")


def test_a_standby_is_read_as_far_as_it_has_replayed(server):
    name = f"wal_{secrets.token_hex(4)}"
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    primary = Place(server, name)
    primary.run("CREATE EXTENSION pg_walinspect", TABLES)
    try:
        with standby_of(server) as standby:
            place = Place(standby, name)
            place.collect()
            primary.run("UPDATE pay.account SET n = 1 WHERE id = 1")
            with psycopg.connect(server.url()) as admin:
                (until,) = admin.execute("SELECT pg_current_wal_flush_lsn()").fetchone()
            with psycopg.connect(standby.url(), autocommit=True) as admin:
                for _ in range(3000):
                    (there,) = admin.execute(
                        "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", [until]
                    ).fetchone()
                    if there:
                        break
                    admin.execute("SELECT pg_sleep(0.01)")
            place.collect()
            found = transactions(History(place.estate, tuple(place.snapshots)))
    finally:
        with psycopg.connect(server.url(), autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    assert counts(found) == {("pay.account",): 1}
    assert found.readings["seen"].tolist() == [1]
