"""The code that a server holds: the SQL of its views, and how often its functions run."""

from dataclasses import replace

import psycopg
import pytest

from attributed import estate_of, looked_at, made, wait_until
from workbench.collect import collect, sessions
from workbench.collect.parts import read_in_parts
from workbench.collect.queries import load_queries
from workbench.collect.reading import Reading
from workbench.collect.sessions import Session
from workbench.conninfo import read_target
from workbench.decide.code import Code
from workbench.estate import estate_from_urls
from workbench.model import Reference, ReferenceEnd
from workbench.snapshot import History, window_of

DATABASE = "coded"
ONLY = {
    *("identity", "settings", "role_settings", "database_statistics", "schemas", "relations"),
    *("functions", "function_statistics", "triggers", "view_definitions"),
}
OBJECTS = """
CREATE SCHEMA app; CREATE SCHEMA other;
CREATE TABLE app.rows (id int, name text);
CREATE TABLE app.more (id int);
CREATE FUNCTION app.often() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION app.never() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION app.inlined() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION app.noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE FUNCTION app.shared() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER alone AFTER INSERT ON app.rows FOR EACH ROW EXECUTE FUNCTION app.noted();
CREATE TRIGGER one AFTER INSERT ON app.rows FOR EACH ROW EXECUTE FUNCTION app.shared();
CREATE TRIGGER two AFTER INSERT ON app.more FOR EACH ROW EXECUTE FUNCTION app.shared();
CREATE VIEW app.named WITH (security_barrier) AS SELECT id FROM app.rows WHERE name = 'hunter2';
CREATE MATERIALIZED VIEW app.kept AS SELECT count(*) FROM app.rows WHERE id > 4711;
CREATE VIEW app.seen AS SELECT app.often() AS n;
CREATE VIEW other.through AS SELECT id FROM app.rows;
"""
RUNS = 6


def ended(name, kind="function", table=None):
    return ReferenceEnd(None, "main", DATABASE, "app", table, object=name, object_kind=kind)


def view(name):
    return ended(None, "view", name)


def fired(trigger, table, function):
    return Reference(ended(trigger, "trigger", table), ended(function), "trigger")


def tracked(server, value):
    """Set ``track_functions`` for the whole server, and wait until new sessions have it."""
    with psycopg.connect(server.url(), autocommit=True) as admin:
        if value is None:
            admin.execute("ALTER SYSTEM RESET track_functions")
        else:
            admin.execute(f"ALTER SYSTEM SET track_functions = '{value}'")
        admin.execute("SELECT pg_reload_conf()")

    def now():
        with psycopg.connect(server.url()) as session:
            return session.execute("SHOW track_functions").fetchone()[0]

    wait_until(now, value or "none")


@pytest.fixture(scope="module")
def snapshots(server):
    """Two snapshots, two days apart, in which every function was called; and a third, nothing being counted then."""
    with made(server, [DATABASE], []):
        with psycopg.connect(server.url(DATABASE), autocommit=True) as admin:
            admin.execute(OBJECTS)
        estate = estate_of(server, DATABASE, '[services.app]\nschemas = ["app"]\n')
        tracked(server, "all")
        try:
            before = looked_at(estate, only=ONLY)
            with psycopg.connect(server.url(DATABASE), autocommit=True) as session:
                for n in range(RUNS):
                    session.execute("SELECT app.often(), app.inlined()")
                    session.execute(
                        f"INSERT INTO app.rows VALUES ({n}); INSERT INTO app.more VALUES ({n})"
                    )
            with psycopg.connect(server.url(DATABASE), autocommit=True) as admin:
                counted = "SELECT funcname, calls FROM pg_stat_user_functions"
                wait_until(
                    lambda: dict(admin.execute(counted).fetchall()),
                    {"often": RUNS, "noted": RUNS, "shared": 2 * RUNS},
                )
            after = looked_at(estate, 2, only=ONLY)
        finally:
            tracked(server, None)
        return before, after, looked_at(estate, 4, only=ONLY)


def code_of(*snapshots):
    return Code(window_of(History(snapshots[-1].estate, snapshots)))


@pytest.fixture(scope="module")
def code(snapshots):
    return code_of(*snapshots[:2])


def test_a_view_is_shown_as_the_statement_that_makes_it_without_its_constants(code):
    assert code.text(view("named")) == (
        'CREATE VIEW "app"."named" WITH (security_barrier=true) AS\n'
        "SELECT id\n   FROM app.rows\n  WHERE (name = '?'::text)"
    )
    kept = code.text(view("kept"))
    assert kept.startswith('CREATE MATERIALIZED VIEW "app"."kept" AS\n')
    assert kept.endswith("> 0)")
    assert code.unseen(view("named")) == ""


def test_a_function_runs_as_often_as_it_was_called(code):
    assert code.calls(ended("often()")).per_day == RUNS / 2
    assert code.calls(ended("often()")).because == ""
    assert code.calls(ended("never()")).per_day == 0


def test_a_call_that_leaves_no_count_is_not_taken_for_none(code):
    found = code.calls(ended("inlined()"))
    assert found.per_day is None
    assert "inlined" in found.because


def test_a_trigger_runs_as_its_function_unless_others_share_that(code):
    assert code.runs(fired("alone", "rows", "noted()")).per_day == RUNS / 2
    shared = code.runs(fired("one", "rows", "shared()"))
    assert shared.per_day is None
    assert shared.because == f"app.shared() runs {RUNS} times a day for 2 triggers together"


def test_what_calls_a_function_is_not_counted_with_all_its_callers(code):
    found = code.runs(Reference(view("seen"), ended("often()"), "function"))
    assert found.per_day is None
    assert found.because == f"app.often() runs {RUNS // 2} times a day, whoever calls it"


def test_where_functions_are_not_counted_the_statement_that_counts_them_is_named(snapshots):
    found = code_of(*snapshots[1:]).calls(ended("never()"))
    assert found.per_day is None
    assert "track_functions is none: ALTER SYSTEM SET track_functions = 'all'" in found.because


def test_a_count_that_was_not_kept_throughout_is_a_lower_bound(snapshots):
    found = code_of(*snapshots).calls(ended("often()"))
    assert found.per_day == RUNS / 4
    assert found.because == "at least so often: track_functions did not count it throughout"


def test_one_snapshot_and_an_older_one_say_what_is_missing(snapshots):
    alone = code_of(snapshots[1]).calls(ended("often()"))
    assert alone.per_day is None
    assert "next snapshot" in alone.because
    newest = snapshots[1]
    parts = tuple(
        p
        for p in newest.manifest.parts
        if p.frame not in ("function_statistics", "view_definitions")
    )
    older = replace(newest, manifest=replace(newest.manifest, parts=parts))
    code = code_of(snapshots[0], older)
    assert code.calls(ended("often()")).per_day is None
    assert "collect anew" in code.calls(ended("often()")).because
    assert code.text(view("named")) is None
    assert "collect anew" in code.unseen(view("named"))


def test_what_is_too_long_to_be_kept_is_marked(database):
    with database.connect() as connection:
        connection.execute(f"CREATE VIEW long AS SELECT '{'x' * 100_001}' AS x")
        connection.execute("CREATE VIEW short AS SELECT 1 AS x")
    snapshot = collect(estate_from_urls([database.url]), only={"view_definitions", "relations"})
    names = snapshot.frame("relations", "oid", "relation").rename(columns={"oid": "relation_oid"})
    found = snapshot.frame("view_definitions").merge(names).set_index("relation")
    assert found["unseen"].fillna("").to_dict() == {"long": "long", "short": ""}
    assert found["definition"].fillna("").to_dict() == {"long": "", "short": "SELECT 0 AS x;"}
    assert not [m for m in snapshot.manifest.missing if m.what == "view_definitions"]


def test_no_transaction_takes_more_locks_than_the_server_can_spare(database):
    """Those that read other schemas come first; what one transaction leaves, the next ones read."""
    (query,) = (q for q in load_queries() if q.frame == "view_definitions")
    spare = "::int8 / 4 AS"
    assert spare in query.text
    with database.connect() as connection:
        connection.execute(OBJECTS)
        connection.execute(
            "CREATE VIEW app.wide AS SELECT r.id FROM app.rows r, app.more, app.kept"
        )
        (most,) = connection.execute(
            "SELECT current_setting('max_locks_per_transaction')::int8 * current_setting('max_connections')::int8"
        ).fetchone()
    tight = replace(query, text=query.text.replace(spare, f"::int8 / {most // 2} AS"))
    with Session(read_target(database.url)) as session:
        first = session.alone(tight).table
        reading = Reading("main", None, lambda line: None)
        read_in_parts(reading, session, tight, database.name)
    assert sum(r["unseen"] is None for r in first.to_pylist()) == 1
    assert set(first.column("unseen").to_pylist()) == {None, "locks"}
    (answer,) = (a.table.to_pylist() for a in reading.answers)
    assert [r["relation_oid"] for r in answer] == first.column("relation_oid").to_pylist()
    unseen = [r["unseen"] for r in answer]
    assert sorted(filter(None, unseen)) == ["locks"]
    assert all((r["unseen"] is None) == (r["definition"] is not None) for r in answer)
    (gap,) = reading.missing
    assert gap.why.startswith("1 of 5 rows would have taken too many locks")
    assert "max_locks_per_transaction" in gap.remedy


def test_the_locks_on_what_views_read_are_not_held_while_the_catalogue_is_read(
    database, monkeypatch
):
    asked = []
    together = sessions.Session.together

    def watched(session, queries):
        asked.extend(q.frame for q in queries)
        return together(session, queries)

    monkeypatch.setattr(sessions.Session, "together", watched)
    snapshot = collect(estate_from_urls([database.url]), only={"view_definitions", "relations"})
    assert asked == ["relations"]
    assert snapshot.has("view_definitions")
