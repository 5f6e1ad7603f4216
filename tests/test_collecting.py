"""What a collection takes, what it leaves alone, and how it says what it could not read."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from workbench.collect import collect
from workbench.collect.queries import frames
from workbench.errors import Unreachable, UsageError
from workbench.estate import estate_from_urls, load_estate
from workbench.share import reference_estate
from workbench.snapshot import load_history
from workbench.source import Source, collect_reached, stale

HOSTILE = ['a"b', "<script>alert(1)</script>", "$(x)", "ж" * 31, "x" * 63, "a'; DROP TABLE t; --"]


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def estate_of(*urls):
    return estate_from_urls(list(urls))


def reasons(snapshot):
    return {m.what: m.why for m in snapshot.manifest.missing}


def test_everything_that_is_asked_is_answered(database):
    with database.connect() as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute("CREATE EXTENSION pg_walinspect")
        connection.execute("CREATE TABLE t (id int PRIMARY KEY)")
    snapshot = collect(estate_of(database.url))
    assert snapshot.manifest.missing == ()
    assert {p.frame for p in snapshot.manifest.parts} == frames()
    assert all(p.ms > 0 for p in snapshot.manifest.parts)


def test_sizes_are_the_servers_own_and_roll_up_to_the_partition_root(database):
    with database.connect() as connection:
        connection.execute("CREATE TABLE p (id int, d date, t text) PARTITION BY RANGE (d)")
        connection.execute("CREATE INDEX ON p (id)")
        for year in (2025, 2026):
            connection.execute(
                f"CREATE TABLE p{year} PARTITION OF p FOR VALUES FROM ('{year}-01-01') TO ('{year + 1}-01-01')"
            )
        connection.execute(
            "INSERT INTO p SELECT i, '2025-01-01'::date + i % 700, "
            "(SELECT string_agg(md5(i::text || n), '') FROM generate_series(1, 200) n) "
            "FROM generate_series(1, 1000) i"
        )
        connection.execute("CREATE TABLE empty (id int)")
    with database.connect() as connection:
        connection.execute("VACUUM")
        connection.execute("ANALYZE")
        expected = connection.execute(
            "SELECT sum(pg_total_relation_size(c)), sum(pg_indexes_size(c)) "
            "FROM unnest(ARRAY['p2025', 'p2026']::regclass[]) c"
        ).fetchone()
    from workbench.analyse.capacity import capacity
    from workbench.snapshot import History

    estate = estate_of(database.url)
    found = capacity(History(estate, (collect(estate),)))
    tables = found.relations.set_index("table")
    assert (tables.loc["p", "total_bytes"], tables.loc["p", "index_bytes"]) == expected
    assert tables.loc["p", "rows"] == 1000
    assert tables.loc["p", "partitions"] == 2
    assert tables.loc["p", "toast_bytes"] > 0
    assert "p2025" not in tables.index
    assert tables.loc["empty", "rows"] == 0
    assert tables.loc["empty", "total_bytes"] == 0
    whole = found.databases.set_index("database").loc[database.name]
    assert (
        whole["bytes"] == whole["relations_bytes"] + whole["catalogue_bytes"] + whole["rest_bytes"]
    )
    assert 0 <= whole["rest_bytes"] < 2**20


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_arrive_unharmed(database, name):
    with database.connect() as connection:
        connection.execute(f"CREATE SCHEMA {quoted(name)}")
        connection.execute(f"CREATE TABLE {quoted(name)}.{quoted(name)} ({quoted(name)} int)")
    snapshot = collect(estate_of(database.url))
    assert name in set(snapshot.frame("schemas")["schema"])
    assert name in set(snapshot.frame("relations")["relation"])
    assert name in set(snapshot.frame("columns")["attname"])
    assert name in {s.name for s in snapshot.settled.services}


def test_an_empty_database_is_an_answer(database):
    snapshot = collect(estate_of(database.url))
    assert snapshot.frame("relations").empty
    assert snapshot.frame("columns", "attname").empty
    assert snapshot.frame("database_sizes", "bytes")["bytes"].notna().all()


def test_a_missing_extension_is_named_with_its_remedy(database):
    snapshot = collect(estate_of(database.url))
    remedies = {m.what: m.remedy for m in snapshot.manifest.missing}
    assert set(remedies) == {"statements", "wal_transactions"}
    assert "CREATE EXTENSION pg_stat_statements" in remedies["statements"]
    assert "CREATE EXTENSION pg_walinspect" in remedies["wal_transactions"]


def test_the_extension_is_found_in_another_schema(database):
    with database.connect() as connection:
        connection.execute('CREATE SCHEMA "Tools"')
        connection.execute('CREATE EXTENSION pg_stat_statements SCHEMA "Tools"')
        connection.execute('CREATE EXTENSION pg_walinspect SCHEMA "Tools"')
    snapshot = collect(estate_of(database.url))
    assert snapshot.manifest.missing == ()
    assert len(snapshot.frame("statements")) > 0
    assert len(snapshot.frame("wal_reading")) == 1


def test_the_extension_in_postgres_alone_tells_of_every_database(database):
    with database.connect() as connection:
        connection.execute("CREATE TABLE told (id int)")
        connection.execute("SELECT id AS told_of FROM told")
    with psycopg.connect(database.server.url(), autocommit=True) as admin:
        admin.execute("CREATE EXTENSION pg_stat_statements")
        try:
            snapshot = collect(estate_of(database.url))
        finally:
            admin.execute("DROP EXTENSION pg_stat_statements")
    assert set(reasons(snapshot)) == {"wal_transactions"}
    texts = snapshot.frame("statement_texts")
    told = texts[texts["query"].str.contains("told_of", na=False)]
    assert list(told["datname"]) == [database.name]
    assert set(snapshot.frame("extensions")["database"]) == {database.name}, "nobody's data"


def test_statement_texts_are_kept_without_their_literals(database):
    with database.connect() as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute("CREATE ROLE planted PASSWORD 'hunter2'")
        connection.execute("DROP ROLE planted")
    snapshot = collect(estate_of(database.url))
    texts = snapshot.frame("statement_texts", "query")["query"]
    assert any("CREATE ROLE planted PASSWORD '?'" in t for t in texts)
    assert not any("hunter2" in t for t in texts)
    assert not any(b"hunter2" in data for data in snapshot.objects.memory.values())


def test_a_wrong_password_is_reported_and_not_shown(server):
    url = server.tcp_url().replace(server.password, "wr0ng-s3cret")
    estate = estate_of(url)
    snapshot = collect(estate)
    (missing,) = snapshot.manifest.missing
    assert missing.what == "instance"
    assert "password authentication failed" in missing.why
    assert "PGPASSFILE" in missing.remedy
    assert "wr0ng-s3cret" not in repr((snapshot, estate, missing))
    with pytest.raises(Unreachable) as raised:
        collect_reached(estate)
    assert "wr0ng-s3cret" not in str(raised.value)


def test_an_unknown_database_is_reported_and_the_rest_is_read(database, tmp_path):
    (tmp_path / "estate.toml").write_text(
        f"""
[estate]
name = "two"
[instances.main]
url = "{database.url}"
[services.there]
database = "{database.name}"
[services.gone]
database = "no_such_database"
"""
    )
    snapshot = collect(load_estate(tmp_path))
    (missing,) = (m for m in snapshot.manifest.missing if m.what == "database")
    assert (missing.database, snapshot.manifest.reached) == ("no_such_database", ("main",))
    assert 'database "no_such_database" does not exist' in missing.why
    assert snapshot.coverage.partial
    assert snapshot.has("sizes")


def test_a_server_that_is_down_is_reported():
    snapshot = collect(estate_of("postgresql://u@127.0.0.1:1/x"))
    (missing,) = snapshot.manifest.missing
    assert snapshot.manifest.unreached == (missing.instance,)
    assert "refused" in missing.why
    with pytest.raises(Unreachable, match="nothing could be connected"):
        collect_reached(estate_of("postgresql://u@127.0.0.1:1/x"))


def test_an_unset_variable_is_an_unreached_instance(tmp_path):
    (tmp_path / "estate.toml").write_text(
        '[estate]\nname = "x"\n[instances.main]\nurl = "${NOT_SET_ANYWHERE}"\n'
        '[services.a]\ndatabase = "a"\n'
    )
    (missing,) = collect(load_estate(tmp_path)).manifest.missing
    assert "NOT_SET_ANYWHERE" in missing.why


def test_storage_parameters_are_kept_as_they_were_set(database):
    hostile = quoted(HOSTILE[0])
    with database.connect() as connection:
        connection.execute(
            "CREATE TABLE t (a text) WITH (autovacuum_enabled = off, fillfactor = 70)"
        )
        connection.execute("ALTER TABLE t SET (toast.autovacuum_vacuum_threshold = 9)")
        connection.execute(f"CREATE TABLE {hostile} (id int)")
        connection.execute("CREATE VIEW v WITH (security_barrier) AS SELECT a FROM t")
    snapshot = collect(estate_of(database.url), only={"relations"})
    held = snapshot.frame("relations").set_index("relation")[["reloptions", "toast_reloptions"]]
    assert json.loads(held.loc["t", "reloptions"]) == ["autovacuum_enabled=off", "fillfactor=70"]
    assert json.loads(held.loc["t", "toast_reloptions"]) == ["autovacuum_vacuum_threshold=9"]
    assert json.loads(held.loc["v", "reloptions"]) == ["security_barrier=true"]
    assert held.loc[HOSTILE[0]].isna().all()


def test_what_an_old_snapshot_does_not_hold_is_unknown():
    old = load_history(reference_estate("marketplace") / "history").snapshots[0]
    held = old.frame("relations", "relation", "no_such_column_yet")
    assert len(held)
    assert held["no_such_column_yet"].isna().all()


def test_a_table_under_access_exclusive_lock_is_estimated_and_nothing_waits(database):
    with database.connect() as connection:
        connection.execute("CREATE TABLE t AS SELECT generate_series(1, 5000) AS id")
        connection.execute("VACUUM ANALYZE t")
        connection.execute("CREATE TABLE u AS SELECT generate_series(1, 5000) AS id")
    with psycopg.connect(database.url) as holder:
        holder.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        snapshot = collect(estate_of(database.url))
    assert "sizes" not in reasons(snapshot)
    sizes = snapshot.frame("sizes").merge(
        snapshot.frame("relations")[["oid", "relation"]], left_on="relation_oid", right_on="oid"
    )
    marked = dict(zip(sizes["relation"], sizes["estimated"], strict=True))
    assert marked == {"t": True, "u": False}
    assert sizes.set_index("relation").loc["t", "bytes"] == 23 * 8192


@pytest.mark.parametrize(
    "failing",
    ["SELECT no_such_column", "SELECT 1 / (x - 3) AS late FROM generate_series(1, 9) AS x"],
    ids=["at once", "in the middle of its rows"],
)
def test_a_query_that_fails_leaves_the_others(database, monkeypatch, failing):
    from workbench.collect import reading
    from workbench.collect.queries import Query

    real = reading.choose

    def with_a_broken_one(folder, *rest):
        fitting, refused = real(folder, *rest)
        broken = Query(folder, f"broken_{folder}", Path(), (), failing)
        return (broken, *fitting), refused

    with database.connect() as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
    monkeypatch.setattr(reading, "choose", with_a_broken_one)
    snapshot = collect(estate_of(database.url), only=None)
    told = reasons(snapshot)
    assert {what for what in told if what.startswith("broken_")} == {
        f"broken_{folder}"
        for folder in ("instance", "catalogue", "statistics", "sizes", "statements")
    }
    assert "database" not in told
    assert {p.frame for p in snapshot.manifest.parts} >= {"relations", "sizes", "statements"}


def test_only_the_frames_that_are_asked_for(database):
    snapshot = collect(estate_of(database.url), only={"schemas", "identity"})
    assert {p.frame for p in snapshot.manifest.parts} == {"schemas", "identity"}
    with pytest.raises(UsageError):
        collect(estate_of(database.url), only={"nonsense"})


def test_nothing_is_written_and_no_session_stays(database):
    # Whatever writes draws a transaction number; autovacuum may, so one quiet try of three suffices.
    number = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::int8"
    drawn = []
    with database.connect() as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS id")
        for _ in range(3):
            before = connection.execute(number).fetchone()[0]
            collect(estate_of(database.url))
            drawn.append(connection.execute(number).fetchone()[0] - before)
        deadline = time.monotonic() + 30
        left = 1
        while left and time.monotonic() < deadline:
            (left,) = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'workbench%'"
            ).fetchone()
    assert min(drawn) == 0
    assert left == 0


def test_databases_are_read_side_by_side_over_few_connections(server, tmp_path):
    names = [f"side_{n}" for n in range(6)]
    with psycopg.connect(server.url(), autocommit=True) as admin:
        for name in names:
            admin.execute(f"CREATE DATABASE {name}")
    try:
        services = "".join(f'[services.{n}]\ndatabase = "{n}"\n' for n in names)
        (tmp_path / "estate.toml").write_text(
            f'[estate]\nname = "six"\n[instances.main]\nurl = "{server.url()}"\n{services}'
        )
        seen = []
        with psycopg.connect(server.url(), autocommit=True) as watch, ThreadPoolExecutor(1) as pool:
            reading = pool.submit(collect, load_estate(tmp_path))
            while not reading.done():
                count = (
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'workbench%'"
                )
                seen.append(watch.execute(count).fetchone()[0])
            snapshot = reading.result()
        assert 2 <= max(seen) <= 4
    finally:
        with psycopg.connect(server.url(), autocommit=True) as admin:
            for name in names:
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    assert set(snapshot.frame("schemas")["database"]) == set(names)
    assert not snapshot.coverage.partial


def test_a_collection_killed_in_the_middle_leaves_no_snapshot_and_no_session(database, tmp_path):
    with database.connect() as connection:
        connection.execute(
            "DO $$ BEGIN FOR i IN 1..400 LOOP EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, a text)', i); END LOOP; END $$"
        )
    script = (
        "import sys; from workbench.cli import main; "
        f"sys.argv = ['workbench', 'collect', '--url', {database.url!r}, '--history', {str(tmp_path)!r}]; main()"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "statistics and sizes" in line:
            break
    os.kill(process.pid, signal.SIGKILL)
    process.stderr.close()
    assert process.wait() == -signal.SIGKILL
    assert len(load_history(tmp_path, estate_of(database.url))) == 0
    estate = estate_of(database.url)
    collect(estate).save(tmp_path)
    assert len(load_history(tmp_path, estate)) == 1
    with database.connect() as connection:
        deadline = time.monotonic() + 15
        left = 1
        while left and time.monotonic() < deadline:
            (left,) = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'workbench%' AND datname = current_database()"
            ).fetchone()
    assert left == 0


def test_a_target_that_was_not_reached_for_long_is_stale(database, tmp_path):
    estate = estate_of(database.url)
    taken = collect(estate, only={"identity", "schemas"})
    taken.save(tmp_path)
    assert stale(tmp_path, estate) == []
    late = datetime(2100, 1, 1, tzinfo=UTC)
    assert any("last read" in line for line in stale(tmp_path, estate, late))


def test_simulated_days_do_not_age(database, tmp_path):
    estate = estate_of(database.url)
    at = datetime(2026, 10, 1, tzinfo=UTC)
    snapshot = collect(estate, only={"identity"}, simulated_at=at)
    snapshot.save(tmp_path)
    assert snapshot.at == at
    assert snapshot.coverage.simulated
    assert stale(tmp_path, estate, datetime(2100, 1, 1, tzinfo=UTC)) == []


def test_a_url_without_a_history_is_collected_and_thrown_away(database):
    history = Source(urls=[database.url]).open()
    assert len(history) == 1
    assert history.folder is None


def test_a_failing_password_command_is_one_instances_own_fault(database, tmp_path):
    (tmp_path / "estate.toml").write_text(
        f'[estate]\nname = "x"\n[instances.good]\nurl = "{database.url}"\n'
        '[instances.bad]\nurl = "postgresql://u@127.0.0.1:1/d"\npassword_command = ["false"]\n'
        f'[services.a]\ninstance = "good"\ndatabase = "{database.name}"\n'
        '[services.b]\ninstance = "bad"\ndatabase = "d"\n'
    )
    snapshot = collect(load_estate(tmp_path))
    assert snapshot.manifest.reached == ("good",)
    assert any("false" in m.why for m in snapshot.manifest.missing if m.instance == "bad")


def test_an_instance_that_was_not_asked_for_is_a_gap(database, tmp_path):
    (tmp_path / "estate.toml").write_text(
        f'[estate]\nname = "x"\n[instances.one]\nurl = "{database.url}"\n'
        '[instances.two]\nurl = "postgresql://u@127.0.0.1:1/d"\n'
        f'[services.a]\ninstance = "one"\ndatabase = "{database.name}"\n'
        '[services.b]\ninstance = "two"\ndatabase = "d"\n'
    )
    coverage = collect(load_estate(tmp_path), instances=["one"]).coverage
    assert coverage.partial
    assert coverage.unreached == ("two",)
    assert any("not asked for" in m.why for m in coverage.missing)
