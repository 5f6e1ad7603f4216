"""Dead rows, vacuum, cache hit and avoidable bytes, on real servers with known faults."""

from dataclasses import replace

import psycopg
import pyarrow as pa
import pytest

from patience import eventually, one, settled
from workbench.analyse.bloat import ERROR
from workbench.analyse.cache import LEAST_BLOCKS
from workbench.analyse.health import Health
from workbench.collect import collect
from workbench.estate import estate_from_urls
from workbench.snapshot import History, new_snapshot


def health(*snapshots):
    return Health(History(snapshots[-1].estate, snapshots))


def with_reloptions(snapshot, connection):
    """The snapshot with the storage parameters of its relations as the server has them by now."""
    held = dict(connection.execute("SELECT oid, reloptions FROM pg_class").fetchall())

    def told(relations):
        now = [held.get(oid) for oid in relations.column("oid").to_pylist()]
        kept = relations.drop_columns(["reloptions"])
        return kept.append_column("reloptions", pa.array(now, pa.list_(pa.string())))

    return changed(snapshot, told)


def without_reloptions(snapshot):
    return changed(snapshot, lambda relations: relations.drop_columns(["reloptions"]))


def changed(snapshot, change):
    """The snapshot with its relations changed."""
    parts = []
    for part in snapshot.manifest.parts:
        table = snapshot.objects.answer(part)
        table = change(table) if part.frame == "relations" else table
        parts.append((part.frame, part.instance, part.database, table, part.ms))
    manifest = snapshot.manifest
    return new_snapshot(
        snapshot.estate, parts, manifest.missing, manifest.reached, [], taken_at=manifest.taken_at
    )


def by_table(frame):
    return frame.set_index("table")


@pytest.fixture
def neglected(database):
    """Five tables: kept, due, behind, without autovacuum, and partitioned; nothing is vacuumed meanwhile."""
    with database.connect() as connection:
        connection.execute("CREATE TABLE part (id int, n int) PARTITION BY LIST (n)")
        for n in (1, 2):
            connection.execute(f"CREATE TABLE part_{n} PARTITION OF part FOR VALUES IN ({n})")
        for name in ("kept", "due", "behind", "never"):
            connection.execute(f"CREATE TABLE {name} (id int, n int)")
        # The server is not to come before the test has looked.
        for name in ("kept", "due", "behind", "never", "part_1", "part_2"):
            connection.execute(f"ALTER TABLE {name} SET (autovacuum_enabled = off)")
        for name in ("kept", "due", "behind", "never"):
            connection.execute(f"INSERT INTO {name} SELECT i, 1 FROM generate_series(1, 1000) AS i")
        connection.execute(
            "INSERT INTO part SELECT i, 1 + i % 2 FROM generate_series(1, 2000) AS i"
        )
        # What is counted only after a vacuum would count twice.
        for name, rows in {"kept": 1000, "never": 1000, "part_1": 1000, "part_2": 1000}.items():
            settled(connection, name, rows, "n_tup_ins")
        connection.execute("VACUUM ANALYZE")
        # The threshold is 50 + 0.2 * 1000 = 250 dead rows.
        for name, dead in {"kept": 100, "due": 300, "behind": 600, "never": 5}.items():
            connection.execute(f"DELETE FROM {name} WHERE id <= {dead}")
        connection.execute("DELETE FROM part WHERE n = 1 AND id <= 1000")
        for name, dead in {"kept": 100, "due": 300, "behind": 600, "part_2": 0}.items():
            settled(connection, name, dead)
        settled(connection, "part_1", 500)
    return database


def test_dead_rows_stand_against_the_threshold_of_each_table(neglected):
    snapshot = collect(estate_from_urls([neglected.url]))
    with neglected.connect() as connection:
        connection.execute("ALTER TABLE due SET (autovacuum_vacuum_threshold = 600)")
        for name in ("kept", "due", "behind", "part_1", "part_2"):
            connection.execute(f"ALTER TABLE {name} RESET (autovacuum_enabled)")
        found = health(with_reloptions(snapshot, connection)).dead_rows
    tables = by_table(found)
    assert tables["state"].to_dict() == {
        "never": "off",
        "behind": "behind",
        "part": "behind",
        "kept": "kept",
        "due": "kept",  # its own threshold is 600 + 200
    }
    assert found["state"].tolist()[:3] == ["off", "behind", "behind"], "the worst come first"
    assert tables.loc["behind", "due"] == pytest.approx(600 / 250)
    assert tables.loc["due", "due"] == pytest.approx(300 / 800)
    assert "autovacuum is off for this table" in tables.loc["never", "because"]
    assert tables.loc["never"].isna()["due"]
    assert tables.loc["kept", "dead_share"] == pytest.approx(0.1)
    assert 0 < tables.loc["behind", "vacuumed_s"] < 3600


def test_partitions_are_summed_into_their_root_and_judged_one_by_one(neglected):
    snapshot = collect(estate_from_urls([neglected.url]))
    with neglected.connect() as connection:
        connection.execute("ALTER TABLE part_1 RESET (autovacuum_enabled)")
        connection.execute("ALTER TABLE part_2 RESET (autovacuum_enabled)")
        tables = by_table(health(with_reloptions(snapshot, connection)).dead_rows)
    assert "part_1" not in tables.index
    assert tables.loc["part", ["live", "dead"]].tolist() == [1500, 500]
    assert tables.loc["part", "due"] == pytest.approx(500 / 250), "of its worst partition"


def test_a_snapshot_of_before_storage_parameters_were_read_says_so(neglected):
    snapshot = collect(estate_from_urls([neglected.url]))
    tables = by_table(health(without_reloptions(snapshot)).dead_rows)
    assert tables.loc["due", "due"] == pytest.approx(300 / 250)
    assert tables.loc["due", "state"] == "due"
    assert "were not collected" in tables.loc["due", "because"]
    assert tables["off"].isna().all()


def test_the_window_counts_vacuums_and_from_18_on_their_time(neglected):
    estate = estate_from_urls([neglected.url])
    first = collect(estate)
    with neglected.connect() as connection:
        connection.execute("VACUUM behind")
        connection.execute("VACUUM behind")
        eventually(
            lambda: one(
                connection, "SELECT vacuum_count FROM pg_stat_all_tables WHERE relname = 'behind'"
            ),
            3,
        )
    found = by_table(health(first, collect(estate)).dead_rows).loc["behind"]
    assert (found["vacuums"], found["dead"]) == (2, 0)
    if neglected.server.version >= (18, 0):
        assert 0 < found["vacuum_s"] < 60
    else:
        assert found.isna()["vacuum_s"]


def test_cache_hit_is_of_the_window_and_unknown_where_too_little_was_read(database):
    estate = estate_from_urls([database.url])
    with database.connect() as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY, body text)")
        connection.execute("CREATE SCHEMA quiet CREATE TABLE q (id int PRIMARY KEY)")
        connection.execute("INSERT INTO t SELECT i, 'x' FROM generate_series(1, 20000) AS i")
        connection.execute("ANALYZE")
    first = collect(estate)
    with database.connect() as connection:
        connection.execute("SET enable_seqscan = off")
        connection.execute("SET enable_bitmapscan = off")
        connection.execute(
            "SELECT count((SELECT body FROM t WHERE t.id = g.i)) FROM generate_series(1, 20000) AS g (i)"
        )
        read, hit = "heap_blks_read", "heap_blks_hit"
        eventually(
            lambda: one(
                connection,
                f"SELECT {read} + {hit} > 40000 FROM pg_statio_user_tables WHERE relname = 't'",
            ),
            True,
        )
    found = health(first, collect(estate)).cache.set_index(["standing", "service"])
    busy = found.loc[("owned", "public")]
    assert busy["heap_hit"] > 0.99, "the table fits into the cache"
    assert busy["index_hit"] > 0.99
    assert busy["heap_blocks"] >= 20000
    quiet = found.loc[("owned", "quiet")]
    assert quiet.isna()["heap_hit"]
    assert f"fewer than {LEAST_BLOCKS:,} blocks" in quiet["heap_because"]
    whole = found.loc["instance"].iloc[0]
    assert whole["heap_blocks"] == busy["heap_blocks"] + quiet["heap_blocks"]
    assert "--profile pulse" in whole["busiest_because"]


BLOATED = """
CREATE TABLE {name} (id bigint PRIMARY KEY, kind int, at timestamptz, note text, amount numeric, more text);
INSERT INTO {name} SELECT i, i % 7, now(), repeat('x', i % 60), i * 1.5, CASE WHEN i % 3 = 0 THEN 'y' END
FROM generate_series(1, 60000) AS i;
"""


@pytest.mark.parametrize("share", [0.0, 0.4, 0.9])
def test_avoidable_bytes_are_those_that_a_rewrite_gives_back(database, share):
    """Within 3 % of the heap of what VACUUM FULL frees, and 5 % of what pgstattuple finds free.

    pgstattuple does not count the line pointers of rows that are gone, 4 bytes each.
    """
    with database.connect() as connection:
        connection.execute("CREATE EXTENSION pgstattuple")
        connection.execute(BLOATED.format(name="t"))
        settled(connection, "t", 60000, "n_tup_ins")
        connection.execute(f"DELETE FROM t WHERE id % 10 < {round(share * 10)}")
        connection.execute("VACUUM ANALYZE t")
        free, length = connection.execute(
            "SELECT free_space + dead_tuple_len, table_len FROM pgstattuple('t')"
        ).fetchone()
        row = by_table(health(collect(estate_from_urls([database.url]))).bloat).loc["t"]
        connection.execute("VACUUM FULL t")
        (rewritten,) = connection.execute("SELECT pg_relation_size('t')").fetchone()
    assert row["avoidable_bytes"] == pytest.approx(length - rewritten, abs=ERROR * length)
    assert row["avoidable_bytes"] == pytest.approx(free, abs=0.05 * length)
    assert row["because"] is None
    assert row["toast_bytes"] >= 0


def test_a_fill_factor_is_no_bloat(database):
    with database.connect() as connection:
        connection.execute("CREATE TABLE t (id bigint, n int) WITH (fillfactor = 50)")
        connection.execute("INSERT INTO t SELECT i, i FROM generate_series(1, 50000) AS i")
        connection.execute("VACUUM ANALYZE t")
        snapshot = collect(estate_from_urls([database.url]))
        row = by_table(health(with_reloptions(snapshot, connection)).bloat).loc["t"]
    assert row["avoidable_share"] < ERROR


def test_bloat_without_the_right_to_read_columns_is_not_measurable(database):
    with database.connect() as connection:
        connection.execute(BLOATED.format(name="t"))
        connection.execute("CREATE TABLE fresh (id int)")
        connection.execute("INSERT INTO fresh VALUES (1)")
        connection.execute("ANALYZE t")
        connection.execute("CREATE ROLE looks_only LOGIN IN ROLE pg_monitor")
    try:
        url = database.server.url(database.name, "looks_only")
        found = health(collect(estate_from_urls([url])))
    finally:
        with database.connect() as connection:
            connection.execute("DROP ROLE looks_only")
    row = by_table(found.bloat).loc["t"]
    assert row.isna()["avoidable_bytes"]
    assert row["because"].startswith("not measurable")
    assert "GRANT pg_read_all_data" in row["because"]
    told = [r for r in found.rows() if r["metric"] == "avoidable_bytes" and r["table"] == "t"]
    assert [(r["value"], "GRANT" in r["because"]) for r in told] == [(None, True)]


def test_a_table_never_analysed_has_no_estimate(database):
    with database.connect() as connection:
        connection.execute("CREATE TABLE t (id int, n text) WITH (autovacuum_enabled = off)")
        connection.execute("INSERT INTO t SELECT i, 'x' FROM generate_series(1, 5000) AS i")
    row = by_table(health(collect(estate_from_urls([database.url]))).bloat).loc["t"]
    assert row.isna()["avoidable_bytes"]
    assert "ANALYZE" in row["because"]


def test_avoidable_bytes_grow_by_the_day(database):
    estate = estate_from_urls([database.url])
    with database.connect() as connection:
        connection.execute(BLOATED.format(name="t"))
        settled(connection, "t", 60000, "n_tup_ins")
        connection.execute("VACUUM ANALYZE t")
        first = collect(estate)
        connection.execute("UPDATE t SET kind = kind + 1")
        settled(connection, "t", 60000, "n_tup_upd")
        connection.execute("VACUUM ANALYZE t")
    second = collect(estate)
    early = replace(first.manifest, at=second.at.replace(year=second.at.year - 1))
    days = (second.at - early.at).days
    found = by_table(health(replace(first, manifest=early), second).bloat).loc["t"]
    assert found["avoidable_bytes"] > 1_000_000
    was = by_table(health(first).bloat).loc["t", "avoidable_bytes"]
    assert found["per_day"] == pytest.approx((found["avoidable_bytes"] - was) / days)
    assert found["growth_because"] is None


def test_deadlocks_and_spilled_sorts_are_counted_over_the_window(database):
    estate = estate_from_urls([database.url])
    first = collect(estate)
    with database.connect() as connection:
        connection.execute("SET work_mem = '64kB'")
        connection.execute(
            "SELECT count(*) FROM (SELECT i FROM generate_series(1, 50000) AS g (i) ORDER BY -i) s"
        )
        eventually(
            lambda: one(
                connection,
                "SELECT temp_bytes > 0 FROM pg_stat_database WHERE datname = current_database()",
            ),
            True,
        )
    found = health(first, collect(estate)).incidents.set_index("database").loc[database.name]
    assert found["temp_bytes"] > 0
    assert found["temp_files"] >= 1
    assert found["deadlocks"] == 0


def test_every_null_in_the_rows_has_its_reason_on_every_version(major):
    with psycopg.connect(major.url(), autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS t")
        connection.execute("CREATE TABLE t (id int PRIMARY KEY)")
    estate = estate_from_urls([major.url()])
    found = health(collect(estate), collect(estate)).rows()
    assert {"dead_rows", "vacuum_due", "avoidable_bytes", "checkpoints_timed"} <= {
        r["metric"] for r in found
    }
    for row in found:
        if row["value"] is None or row["per_day"] is None:
            assert row["because"], row
