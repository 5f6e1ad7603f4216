"""Texts of statements are fetched once; what is known is carried over as long as it holds."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pyarrow as pa
import pytest

from workbench.collect import collect
from workbench.collect.texts import AT_MOST, Texts, known_texts
from workbench.estate import estate_from_urls
from workbench.snapshot import Snapshot, new_snapshot

NAME = "texts"
# 18 leaves out the comment in front that names the question.
ASKED = (
    "SELECT COALESCE(sum(calls), 0)::int, COALESCE(sum(rows), 0)::int FROM pg_stat_statements "
    "WHERE query LIKE '%COPY%pg_stat_statements(true)%'"
)


@contextmanager
def filled(server):
    """A database with statements enough to tell a few from all, and a connection to it."""
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {NAME}")
        try:
            with psycopg.connect(server.url(NAME), autocommit=True) as connection:
                connection.execute("CREATE EXTENSION pg_stat_statements")
                connection.execute("SELECT pg_stat_statements_reset()")
                for n in range(1, 81):
                    connection.execute(f"SELECT {', '.join(['1'] * n)}")
                yield connection
        finally:
            admin.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


@pytest.fixture
def connection(server):
    with filled(server) as connection:
        yield connection


def read(server, previous=None):
    return collect(estate_from_urls([server.url(NAME)]), previous=previous)


def texts_of(snapshot):
    held = snapshot.frame("statement_texts").drop(columns=["instance", "database"])
    return held.set_index(["dbid", "userid", "queryid", "toplevel"])


def content(snapshot):
    (found,) = (p.content for p in snapshot.manifest.parts if p.frame == "statement_texts")
    return found


def known_by_heart(server, connection):
    """Read until the workbench's own statements are known as well, and return the last snapshot."""
    snapshot = read(server)
    for _ in range(8):
        before = connection.execute(ASKED).fetchone()
        snapshot = read(server, snapshot)
        if connection.execute(ASKED).fetchone() == before:
            return snapshot
    raise AssertionError("texts are asked for every time")


def test_what_is_known_is_not_asked_for_again_and_what_is_new_alone_is(major):
    with filled(major) as connection:
        check_that_new_texts_alone_are_asked_for(major, connection)


def check_that_new_texts_alone_are_asked_for(server, connection):
    first = known_by_heart(server, connection)
    second = read(server, first)
    assert content(second) == content(first), "one object serves both"
    entries = second.frame("statements").dropna(subset=["queryid"])
    assert set(entries["queryid"]) == set(texts_of(second).index.get_level_values("queryid"))
    calls, rows = connection.execute(ASKED).fetchone()
    connection.execute("CREATE TABLE IF NOT EXISTS fresh (a text)")
    connection.execute("SELECT a FROM fresh WHERE a = 'hunter2'")
    connection.execute("SET app.key = 'hunter2'")
    third = read(server, second)
    found = set(texts_of(third)["query"])
    assert "SELECT a FROM fresh WHERE a = $1" in found
    assert not any("hunter2" in text for text in found)
    asked = connection.execute(ASKED).fetchone()
    assert asked[0] == calls + 1
    assert 2 <= asked[1] - rows < 20 < len(texts_of(third))
    carried = texts_of(second)
    kept = texts_of(third).loc[carried.index]
    assert kept["query"].equals(carried["query"])
    whole = texts_of(read(server))
    assert texts_of(third)["query"].equals(whole.loc[texts_of(third).index, "query"])


def test_an_entry_that_is_gone_takes_its_text_along(server, connection):
    first = known_by_heart(server, connection)
    connection.execute("SELECT pg_stat_statements_reset()")
    connection.execute("SELECT 1")
    second = read(server, first)
    wide = [{t for t in texts_of(s)["query"] if t.count("$") > 60} for s in (first, second)]
    assert (len(wide[0]), len(wide[1])) == (20, 0)


def test_after_a_reset_the_same_queryid_may_have_another_text(server, connection):
    connection.execute("SELECT now() AS moment")
    first = known_by_heart(server, connection)
    assert "SELECT now() AS moment" in set(texts_of(first)["query"])
    connection.execute("SELECT pg_stat_statements_reset()")
    connection.execute("select  now()  as moment")
    second = read(server, first)
    (was,) = texts_of(first).index[texts_of(first)["query"] == "SELECT now() AS moment"]
    assert texts_of(second).loc[was, "query"] == "select  now()  as moment"


@pytest.mark.pg(">= 17")
def test_from_17_on_one_entry_that_came_back_is_asked_for_alone(server, database):
    with database.connect() as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute("SELECT now() AS moment")
        estate = estate_from_urls([database.url])
        first = collect(estate)
        for _ in range(8):
            first = collect(estate, previous=first)
        held = texts_of(first)
        (was,) = held.index[
            (held["query"] == "SELECT now() AS moment") & (held["datname"] == database.name)
        ]
        connection.execute(f"SELECT pg_stat_statements_reset(0, 0, {was[2]})")
        connection.execute("select  now()  as moment")
        before = connection.execute(ASKED).fetchone()
        second = collect(estate, previous=first)
        after = connection.execute(ASKED).fetchone()
    assert texts_of(second).loc[was, "query"] == "select  now()  as moment"
    assert after[1] - before[1] < 20 < len(held)


def test_another_cluster_another_major_or_another_workbench_knows_nothing(server, connection):
    known = known_by_heart(server, connection)

    def asked(previous):
        before = connection.execute(ASKED).fetchone()[1]
        snapshot = read(server, previous)
        return connection.execute(ASKED).fetchone()[1] - before, len(texts_of(snapshot))

    for changes in ({"system_identifier": 1}, {"server_version_num": 990001}):
        rows, held = asked(with_identity(known, **changes))
        assert rows >= held > 80
    older = Snapshot(replace(known.manifest, workbench="0.0.1"), known.objects, known.estate)
    rows, held = asked(older)
    assert rows >= held > 80, "its redaction may have been another"


def with_identity(snapshot, **changes):
    answers = []
    for part in snapshot.manifest.parts:
        table = snapshot.objects.answer(part)
        if part.frame == "identity":
            frame = table.to_pandas().assign(**changes)
            table = pa.Table.from_pandas(frame, preserve_index=False)
        answers.append((part.frame, part.instance, part.database, table, 1.0))
    reached = snapshot.manifest.reached
    return new_snapshot(snapshot.estate, answers, [], reached, [], taken_at=snapshot.at)


def test_a_renamed_login_is_called_as_it_is_called_now(server, connection):
    connection.execute("DROP ROLE IF EXISTS was_called, is_called")
    connection.execute("CREATE ROLE was_called LOGIN")
    try:
        with psycopg.connect(server.url(NAME, "was_called")) as other:
            other.execute("SELECT 1 AS renamed")
        first = known_by_heart(server, connection)
        connection.execute("ALTER ROLE was_called RENAME TO is_called")
        second = read(server, first)
    finally:
        connection.execute("DROP ROLE IF EXISTS was_called, is_called")
    for snapshot, name in ((first, "was_called"), (second, "is_called")):
        held = texts_of(snapshot)
        assert set(held.loc[held["query"] == "SELECT $1 AS renamed", "rolname"]) == {name}


# What holds, from answers whose truth is known beforehand

AT = datetime(2026, 11, 20, tzinfo=UTC)
RESET = datetime(2026, 10, 1, tzinfo=UTC)


def entries(*rows):
    """Rows of (queryid, calls, stats_since)."""
    ids, calls, since = zip(*rows, strict=True)
    return pa.table(
        {
            "dbid": [5] * len(ids),
            "userid": [10] * len(ids),
            "queryid": pa.array(ids, pa.int64()),
            "toplevel": [True] * len(ids),
            "calls": list(calls),
            "stats_since": pa.array(since, pa.timestamp("us", "UTC")),
        }
    )


def info(dealloc=3, reset=RESET):
    return pa.table({"dealloc": [dealloc], "stats_reset": pa.array([reset])})


def before(held, told, texts=None):
    ids = held.column("queryid").to_pylist()
    texts = held.select(["dbid", "userid", "queryid", "toplevel"]).append_column(
        "query", pa.array(texts or [f"SELECT {n}" for n in ids], pa.string())
    )
    texts = texts.append_column("datname", pa.array(["d"] * len(ids)))
    texts = texts.append_column("rolname", pa.array(["r"] * len(ids)))
    frames = {"statements": held, "statements_info": told, "statement_texts": texts}
    answers = [(frame, "main", None, table, 1.0) for frame, table in frames.items()]
    estate = estate_from_urls(["postgresql://x/y"])
    return new_snapshot(estate, answers, [], ["main"], [], taken_at=AT)


def unknown(was, now, told=None, **kwargs):
    return known_texts(before(was, info(), **kwargs), "main", now, told or info(), {}).unknown


def test_before_17_an_eviction_makes_everything_unknown_and_a_fallen_count_one_entry():
    was = entries((1, 10, None), (2, 20, None))
    assert unknown(was, entries((1, 11, None), (2, 20, None), (3, 1, None))) == (3,)
    assert unknown(was, entries((1, 11, None), (2, 3, None))) == (2,)
    for told in (info(dealloc=4), info(reset=AT)):
        found = known_texts(before(was, info()), "main", was, told, {})
        assert (found.carried, found.complete, found.settings) == (None, False, {})
    assert known_texts(before(was, info()), "main", was, None, {}).carried is None


def test_from_17_on_each_entry_tells_whether_it_is_the_same():
    was = entries((1, 10, RESET), (2, 20, RESET))
    now = entries((1, 11, RESET), (2, 30, AT), (None, 5, RESET))
    assert unknown(was, now, info(dealloc=99)) == (2,), "and what may not be seen is not asked for"


def test_a_text_that_was_not_to_be_had_is_asked_for_again():
    was = entries((1, 10, RESET), (2, 20, RESET))
    assert unknown(was, was, texts=["SELECT", None]) == (2,)


def test_one_queryid_of_two_logins_is_two_entries():
    was = entries((1, 10, RESET))
    other = was.set_column(1, "userid", pa.array([11]))
    found = known_texts(before(was, info()), "main", pa.concat_tables([was, other]), info(), {})
    assert found.unknown == (1,)
    fetched = pa.concat_tables([was, other]).select(["dbid", "userid", "queryid", "toplevel"])
    whole = found.with_fetched(fetched.append_column("query", pa.array(["SELECT 1", "SELECT 2"])))
    assert whole.column("userid").to_pylist() == [10, 11]


def test_a_question_names_a_few_or_none():
    carried = pa.table({"queryid": [0]})
    assert Texts(carried, (1, -2)).settings == {"workbench.queryids": "1,-2"}
    assert Texts(carried, tuple(range(AT_MOST + 1))).settings == {}
    assert Texts(carried, ()).complete
