"""PostgreSQL 14 to 18, read as superuser, as pg_monitor and as a guest: what is there, and why the rest is not."""

import subprocess

import psycopg
import pytest

from planted import DATABASE, SECRET, clear, fill, hba_with_a_secret
from workbench.collect import collect, reading, sessions
from workbench.collect.queries import FOLDED, Query, choose, frames, load_queries, version
from workbench.conninfo import read_target
from workbench.estate import estate_from_urls

FOLDERS = sorted({q.folder for q in load_queries()})
TIERS = {"superuser": "postgres", "monitor": "planted_monitor", "guest": "planted_guest"}

DEPARSED = {
    "column_defaults": "expression",
    "check_expressions": "expression",
    "index_definitions": "definition",
    "triggers": "definition",
    "rules": "definition",
    "view_definitions": "definition",
    "row_policies": "using_expression",
    "functions": "body",
    "partition_bounds": "bound",
    "partition_keys": "definition",
}


@pytest.fixture(scope="session")
def planted(major):
    """A server with the planted database and one session that has just run a statement with a secret."""
    fill(major)
    try:
        with hba_with_a_secret(major), psycopg.connect(major.url(DATABASE)) as busy:
            busy.execute(f"SELECT '{SECRET}'")
            yield major
    finally:
        clear(major)


def read(server, user="postgres", only=None):
    return collect(estate_from_urls([server.url(DATABASE, user)]), only=only)


def fitting(server) -> list[Query]:
    with psycopg.connect(server.url(DATABASE)) as connection:
        (held,) = connection.execute(
            "SELECT extversion FROM pg_extension WHERE extname = 'pg_stat_statements'"
        ).fetchone()
    versions = {"server": server.version, "pg_stat_statements": version(held)}
    if server.version >= (15, 0):
        versions["pg_walinspect"] = (1, 0)
    return [query for folder in FOLDERS for query in choose(folder, versions)[0]]


def columns(url, queries):
    """Return names and types of the columns that each frame of these queries gives."""
    found = {}
    with sessions.connect(read_target(url)) as connection:
        for query in queries:
            with sessions.guarded(connection, "statistics", "public"):
                schema = sessions.ask(connection, query).table.schema
            found[query.frame] = [(c.name, c.type) for c in schema]
    return found


@pytest.fixture(scope="session")
def shapes(server):
    """The columns of each question's answer on the newest server."""
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("CREATE DATABASE shapes")
    with psycopg.connect(server.url("shapes"), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute("CREATE EXTENSION pg_walinspect")
    versions = {"server": server.version, "pg_stat_statements": (1, 12), "pg_walinspect": (1, 1)}
    chosen = [query for folder in FOLDERS for query in choose(folder, versions)[0]]
    found = columns(server.url("shapes"), chosen)
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("DROP DATABASE shapes WITH (FORCE)")
    return found


def test_every_variant_gives_the_columns_of_the_newest(planted, shapes):
    found = columns(planted.url(DATABASE), fitting(planted))
    assert found == {frame: shape for frame, shape in shapes.items() if frame in found}


def test_every_query_runs_unchanged_in_psql(planted):
    files = [argument for query in fitting(planted) for argument in ("-f", str(query.path))]
    done = subprocess.run(
        [planted.bin / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", *files, planted.url(DATABASE)],
        capture_output=True,
        text=True,
        env=dict(planted.binaries.environ) | {"PGOPTIONS": "-c default_transaction_read_only=on"},
    )
    assert done.returncode == 0, done.stderr


def beyond(server):
    """What a server of this version does not have for anybody."""
    since = {"io_statistics": (16, 0), "wal_transactions": (15, 0)}
    return {frame for frame, least in since.items() if server.version < least}


def test_whoever_asks_what_is_missing_has_its_reason(planted):
    absent = beyond(planted)
    monitor = absent | {"hba_rules", "column_statistics", "sequence_positions", "wal_transactions"}
    files = {"wal_files", "temporary_files"}
    guest = monitor | files | {"shared_files"}
    guest |= {"settings", "activity", "statements", "statement_texts"}
    for user, expected, refused in [
        ("postgres", absent, set()),
        ("planted_monitor", monitor, {"hba_rules"}),
        ("planted_guest", guest, {"hba_rules", *files}),
    ]:
        snapshot = read(planted, user)
        assert {m.what for m in snapshot.manifest.missing} == expected, user
        assert all(m.why and m.remedy for m in snapshot.manifest.missing)
        never_asked = absent | refused
        if "wal_transactions" in expected:
            never_asked = never_asked | FOLDED["wal"]
        assert {p.frame for p in snapshot.manifest.parts} == frames() - never_asked


def test_the_remedies_cure_a_guest(planted):
    remedies = {m.remedy for m in read(planted, "planted_guest").manifest.missing}
    grants = sorted(r for r in remedies if r.startswith("GRANT"))
    assert any("pg_monitor" in g for g in grants)
    with psycopg.connect(planted.url(DATABASE), autocommit=True) as admin:
        admin.execute("ALTER ROLE planted_guest BYPASSRLS")
        for grant in grants:
            admin.execute(grant)
        try:
            left = {m.what for m in read(planted, "planted_guest").manifest.missing}
        finally:
            admin.execute("REVOKE pg_monitor, pg_read_all_data FROM planted_guest")
            admin.execute("DROP OWNED BY planted_guest")
            admin.execute("ALTER ROLE planted_guest NOBYPASSRLS")
    assert left == beyond(planted)


def texts(snapshot):
    """Return, for each frame, all that is stored of it as one text."""
    held = {}
    for part in snapshot.manifest.parts:
        rows = snapshot.objects.answer(part).to_pylist()
        held[part.frame] = held.get(part.frame, "") + repr(rows)
    return held


@pytest.mark.parametrize("tier", TIERS)
def test_no_planted_secret_is_stored(planted, tier):
    snapshot = read(planted, TIERS[tier])
    assert {f for f, text in texts(snapshot).items() if SECRET in text} == set()
    assert SECRET not in repr(snapshot.manifest)


def test_the_secrets_were_within_reach(planted, monkeypatch):
    """Without redaction they would have been stored: the test above can fail."""
    monkeypatch.setattr(reading, "withhold", lambda frame, table: table)
    bare = {f for f, text in texts(read(planted)).items() if SECRET in text}
    assert bare >= {*DEPARSED, "activity", "types", "comments", "instance_comments"}
    assert bare >= {"role_settings", "foreign_servers", "statement_texts"}
    assert ("publication_tables" in bare) == (planted.version >= (15, 0))


def test_the_catalogue_holds_what_was_made(planted):
    snapshot = read(planted)

    def found(frame, *names):
        return {tuple(r) for r in snapshot.frame(frame)[list(names)].itertuples(index=False)}

    assert found("enum_labels", "label") == {("open",), ("paid",)}
    assert ("login", "plpgsql", True, "app") in found(
        "functions", "function", "language", "security_definer", "search_path"
    )
    bodies = snapshot.frame("functions").set_index("function")["body"]
    assert "RETURN k || '?'" in bodies["login"]
    assert "max(id)" in bodies["newest"] or "max(invoice.id)" in bodies["newest"]
    assert ("noting", "before", "row", True, True, False) in found(
        "triggers", "trigger", "timing", "level", "on_insert", "on_update", "on_delete"
    )
    assert ("kept", "delete", "O", True) in found(
        "rules", "rule", "event", "ev_enabled", "is_instead"
    )
    assert ("stock", "stock.example.org", "5433", "stock") in found(
        "foreign_servers", "server", "host", "port", "dbname"
    )
    assert found("foreign_tables", "remote_schema", "remote_table") == {("main", "items")}
    assert ("news", False, '["front"]') in found(
        "subscriptions", "subscription", "enabled", "publications"
    )
    assert found("partition_keys", "partstrat") == {("l",)}
    assert {b for (b,) in found("partition_bounds", "bound")} == {"FOR VALUES IN ('?')", "DEFAULT"}
    assert "Who buys. Batch login: password ***" in {c for (c,) in found("comments", "comment")}
    assert "see https://***@wiki.example.org/mail" in {c for (c,) in found("comments", "comment")}
    assert ("pg_database", "The shop; token: ***") in found(
        "instance_comments", "catalogue", "comment"
    )
    assert len(snapshot.frame("default_privileges")) == 1
    assert set(snapshot.frame("sequence_positions")["last_value"]) == {500, 501}
    widths = snapshot.frame("column_statistics").set_index("attnum")["n_distinct"]
    assert widths.notna().all()
    (view,) = snapshot.frame("view_definitions")["definition"]
    assert view.startswith(("SELECT invoice.id", "SELECT id"))
    assert "'?'" in view
    drawn = snapshot.frame("column_defaults").dropna(subset=["sequence_oid"])
    assert set(drawn["sequence_oid"]) <= set(snapshot.frame("sequences")["relation_oid"])
    assert len(drawn) == 1


def test_an_unchanged_catalogue_is_equal_from_one_reading_to_the_next(planted):
    catalogue = {q.frame for q in load_queries() if q.folder == "catalogue"}
    first, second = (read(planted, only=catalogue) for _ in range(2))
    assert [p.content for p in first.manifest.parts] == [p.content for p in second.manifest.parts]


@pytest.mark.parametrize("table", ["customer", "invoice", "tenant"])
def test_what_somebody_holds_locked_is_left_out_and_marked(planted, table):
    with psycopg.connect(planted.url(DATABASE)) as holder:
        holder.execute(f"ALTER TABLE app.{table} ADD COLUMN more int")
        snapshot = read(planted)
        holder.rollback()
    reasons = {m.what: m.why for m in snapshot.manifest.missing}
    assert not [why for why in reasons.values() if "timeout" in why], reasons
    marked = {f for f in DEPARSED if (snapshot.frame(f, "unseen")["unseen"] == "locked").any()}
    assert (
        marked
        == {
            "customer": {
                "column_defaults",
                "check_expressions",
                "index_definitions",
                "triggers",
                "rules",
                "row_policies",
            },
            "invoice": {
                "column_defaults",
                "index_definitions",
                "row_policies",
                "functions",
                "view_definitions",
            },
            "tenant": {"partition_keys", "partition_bounds"},
        }[table]
    )
    for frame in marked:
        assert "left out" in reasons[frame]
        rows = snapshot.frame(frame, "unseen", DEPARSED[frame])
        assert rows.loc[rows["unseen"] == "locked", DEPARSED[frame]].isna().all()


def test_what_somebody_waits_to_lock_is_left_out_as_well(planted):
    """A reader would queue behind the one that waits."""
    with (
        psycopg.connect(planted.url(DATABASE)) as reader,
        psycopg.connect(planted.url(DATABASE)) as waiter,
        psycopg.connect(planted.url(), autocommit=True) as admin,
    ):
        reader.execute("SELECT FROM app.invoice")
        waiter.execute("SELECT")  # the transaction begins
        waiter.pgconn.send_query(b"LOCK TABLE app.invoice")
        for _ in range(1000):
            if admin.execute("SELECT FROM pg_locks WHERE NOT granted").fetchone():
                break
        snapshot = read(planted, only=set(DEPARSED))
        reader.rollback()
        while waiter.pgconn.get_result() is not None:
            pass
        waiter.rollback()
    reasons = {m.what: m.why for m in snapshot.manifest.missing}
    assert set(reasons) == {
        "column_defaults",
        "index_definitions",
        "row_policies",
        "functions",
        "view_definitions",
    }
    assert not [why for why in reasons.values() if "timeout" in why], reasons


def test_a_session_that_waits_is_seen_with_the_one_it_waits_for(planted):
    with (
        psycopg.connect(planted.url(DATABASE)) as holder,
        psycopg.connect(planted.url(DATABASE)) as waiter,
    ):
        holder.execute("LOCK TABLE app.invoice IN SHARE MODE")
        waiter.pgconn.send_query(b"UPDATE app.invoice SET number = 1 WHERE number = 4711")
        waits = read(planted, only={"lock_waits"}).frame("lock_waits")
        for _ in range(100):
            if len(waits):
                break
            waits = read(planted, only={"lock_waits"}).frame("lock_waits")
        holder.rollback()
        seen = (waits["pid"].tolist(), waits["blocking_pid"].tolist(), waits["mode"].tolist())
        assert seen == ([waiter.info.backend_pid], [holder.info.backend_pid], ["RowExclusiveLock"])
        while waiter.pgconn.get_result() is not None:
            pass
        waiter.rollback()
