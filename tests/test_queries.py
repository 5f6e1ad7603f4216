"""Every question can be put as it stands: through psql, and through the workbench, read-only."""

import subprocess

import psycopg
import pytest

from workbench.collect import sessions
from workbench.collect.queries import (
    FOLDED,
    SAMPLES,
    Query,
    choose,
    frames,
    load_queries,
    version,
)
from workbench.conninfo import read_target
from workbench.errors import UsageError
from workbench.share import shared
from workbench.sql.outline import outline

QUERIES = load_queries()
NEWEST = {"server": (18, 0), "pg_stat_statements": (1, 12), "pg_walinspect": (1, 1)}
FOLDERS = sorted({q.folder for q in QUERIES})
CHOSEN = [q for folder in FOLDERS for q in choose(folder, NEWEST)[0]]


@pytest.fixture
def prepared(database):
    with database.connect() as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute("CREATE EXTENSION pg_walinspect")
        connection.execute("CREATE TABLE t (id int PRIMARY KEY, a text UNIQUE)")
        connection.execute("CREATE VIEW v AS SELECT a FROM t")
        connection.execute("GRANT SELECT ON t TO PUBLIC")
    return database


def test_every_file_is_a_query_and_every_query_has_a_question():
    assert len(QUERIES) == len(list(shared("queries").rglob("*.*")))
    for query in QUERIES:
        head = query.path.read_text().splitlines()[0]
        assert head.startswith("-- "), query.path
        assert head.endswith("?"), query.path


def test_a_question_has_one_name_wherever_it_is_put():
    names = {q.name: q.frame for q in QUERIES}
    assert len(names) == len(set(names.values()))


def test_every_query_is_put_to_some_server():
    held = [
        {"server": (major, 0), "pg_stat_statements": (1, minor), "pg_walinspect": (1, 0)}
        for major in range(14, 19)
        for minor in range(9, 13)
    ]
    chosen = {q.path for h in held for folder in FOLDERS for q in choose(folder, h)[0]}
    assert chosen == {q.path for q in QUERIES}


def test_every_question_can_be_put_to_the_newest_server():
    kept = {q.frame for q in CHOSEN if q.folder not in (*FOLDED, SAMPLES)}
    assert {q.frame for q in CHOSEN} == {q.frame for q in QUERIES}
    assert kept.union(*FOLDED.values()) == frames()


def test_what_the_collector_reads_in_a_head_is_written_as_it_reads_it():
    for query in QUERIES:
        head = [line for line in query.path.read_text().splitlines() if line.startswith("--")]
        marks = ("-- requires", "-- sees", "-- if ", "-- transaction")
        told = [line for line in head if line.startswith(marks)]
        read = len(query.needs) + (query.sees_all_with is not None) + (query.if_refused is not None)
        read += query.alone
        assert len(told) == read, query.path


@pytest.mark.parametrize("query", CHOSEN, ids=lambda q: q.name)
def test_it_runs_unchanged_in_psql_and_gives_the_same_rows(prepared, query):
    server = prepared.server
    done = subprocess.run(
        [
            server.bin / "psql",
            "-XqAt",
            "-R\x1e",
            "-v",
            "ON_ERROR_STOP=1",
            "-f",
            query.path,
            prepared.url,
        ],
        capture_output=True,
        text=True,
        env=dict(server.binaries.environ) | {"PGOPTIONS": "-c default_transaction_read_only=on"},
    )
    assert done.returncode == 0, done.stderr
    with sessions.connect(read_target(prepared.url)) as connection:
        search_path = "public" if query.folder in ("statements", "wal") else None
        with sessions.guarded(connection, "statistics", search_path):
            table = sessions.ask(connection, query).table
    assert table.num_columns > 0
    assert outline(query.text).columns == tuple(table.column_names), "what the dossier says leaves"
    if query.folder in ("catalogue", "sizes"):
        rows = done.stdout.split("\x1e") if done.stdout.strip() else []
        assert table.num_rows == len(rows)


def test_queries_say_every_name_in_full_and_hold_no_parameters():
    for query in QUERIES:
        assert "$1" not in query.text, query.path
        assert "%s" not in query.text, query.path


def test_a_login_that_may_write_nothing_suffices(prepared):
    with prepared.connect() as connection:
        connection.execute("CREATE ROLE only_reads LOGIN IN ROLE pg_monitor")
    try:
        url = prepared.server.url(prepared.name, "only_reads")
        with sessions.connect(read_target(url)) as connection:
            for query in CHOSEN:
                if query.frame in ("hba_rules", "wal_changes"):  # they have remedies of their own
                    continue
                path = "public" if query.folder in ("statements", "wal") else None
                with sessions.guarded(connection, "catalogue", path):
                    sessions.ask(connection, query)
    finally:
        with prepared.connect() as connection:
            connection.execute("DROP ROLE only_reads")


def test_the_most_demanding_variant_that_fits_is_chosen(tmp_path, monkeypatch):
    import workbench.collect.queries as module

    (tmp_path / "instance").mkdir()
    for variant, requires in [
        ("x.sql", ""),
        ("x.16.sql", "-- requires: server >= 16\n"),
        ("x.9.sql", "-- requires: server >= 9\n"),
        ("x.18.sql", "-- requires: server >= 18\n"),
        ("y.17.sql", "-- requires: server >= 17\n"),
        ("y.sql", "-- requires: server >= 16\n"),
    ]:
        (tmp_path / "instance" / variant).write_text(f"-- What?\n{requires}SELECT '{variant}'")
    monkeypatch.setattr(module, "shared", lambda name: tmp_path)
    module.load_queries.cache_clear()
    try:
        for server, name in [((18, 1), "x.18"), ((17, 9), "x.16"), ((15, 2), "x.9"), ((8,), "x")]:
            fitting, _ = choose("instance", {"server": server}, only={"x"})
            assert fitting[0].text == f"SELECT '{name}.sql'"
        fitting, refused = choose("instance", {"server": (15, 2)})
    finally:
        module.load_queries.cache_clear()
    assert [q.frame for q in fitting] == ["x"]
    assert refused["y"].why == "needs server >= 16 (15.2)"
    assert refused["y"].remedy == "upgrade the server to 16 or later"


def test_what_an_extension_lacks_is_cured_by_a_statement():
    _, absent = choose("statements", {"server": (16, 0)})
    _, old = choose("statements", {"server": (16, 0), "pg_stat_statements": (1, 8)})
    assert absent["statements"].remedy == "CREATE EXTENSION pg_stat_statements;"
    assert old["statements"].why == "needs pg_stat_statements >= 1.9 (1.8)"
    assert old["statements"].remedy == "ALTER EXTENSION pg_stat_statements UPDATE;"


@pytest.mark.parametrize("held", ["1.9", "1.10", "1.11", "1.12"])
def test_an_old_extension_on_a_new_server_gives_the_same_columns(database, held):
    with database.connect() as connection:
        connection.execute(f"CREATE EXTENSION pg_stat_statements VERSION '{held}'")
    questions, refused = choose(
        "statements", {"server": database.server.version, "pg_stat_statements": version(held)}
    )
    assert not refused
    with (
        sessions.connect(read_target(database.url)) as connection,
        sessions.guarded(connection, "statistics", "public"),
    ):
        answers = {q.frame: sessions.ask(connection, q).table for q in questions}
    assert all(answer.num_rows for answer in answers.values())
    texts = {f: [(c.name, str(c.type)) for c in a.schema] for f, a in answers.items()}
    assert texts["statements"][-8:] == [
        ("temp_blks_read", "int64"),
        ("temp_blks_written", "int64"),
        ("shared_blk_read_time", "double"),
        ("shared_blk_write_time", "double"),
        ("wal_records", "int64"),
        ("wal_fpi", "int64"),
        ("wal_bytes", "int64"),
        ("stats_since", "timestamp[us, tz=UTC]"),
    ]
    known = answers["statements"].column("stats_since").null_count == 0
    assert known == (version(held) >= (1, 11))


def test_versions_compare_as_numbers():
    assert version("1.12") > version("1.9")


def test_a_frame_that_no_query_gives_is_refused():
    with pytest.raises(UsageError, match="no query gives"):
        choose("instance", {"server": (18, 0)}, only={"sises"})


def test_a_transaction_cannot_write_and_its_limits_hold(database):
    with sessions.connect(read_target(database.url)) as connection:
        with (
            pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
            sessions.guarded(connection, "statistics"),
        ):
            connection.execute("CREATE TABLE x ()")
        with sessions.guarded(connection, "catalogue"):
            shown = connection.execute(
                "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'), "
                "current_setting('search_path'), current_setting('transaction_isolation')"
            ).fetchone()
    assert shown == ("8s", "100ms", "", "repeatable read")


def test_values_arrive_as_they_are(database):
    text = (
        "SELECT ''::text AS empty, NULL::text AS nothing, E'a\"b,\\n<script>\\u0416' AS text, "
        "ARRAY[1,2]::int2[] AS numbers, '{}'::int2[] AS none, true AS yes, "
        "'2026-11-20 12:00:00.5+02'::timestamptz AS at, 9223372036854775807 AS big, 1.5::float8 AS f"
    )
    with (
        sessions.connect(read_target(database.url)) as connection,
        sessions.guarded(connection, "statistics"),
    ):
        query = Query("x", "x", shared("queries"), (), text)
        (row,) = sessions.ask(connection, query).table.to_pylist()
    assert (row["empty"], row["nothing"], row["text"]) == ("", None, 'a"b,\n<script>Ж')
    assert (row["numbers"], row["none"], row["yes"]) == ([1, 2], [], True)
    assert row["at"].isoformat() == "2026-11-20T10:00:00.500000+00:00"
    assert (row["big"], row["f"]) == (9223372036854775807, 1.5)
