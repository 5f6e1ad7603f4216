"""What may share an entry on PostgreSQL 18: never less than the server merges, and no more than can be told apart."""

from itertools import combinations

import psycopg
import pytest

from attributed import Entries, estate_of, looked_at, made, unseen, worked
from workbench.analyse.catalogue import Catalogue
from workbench.analyse.layouts import Layouts
from workbench.sql import read_statement

pytestmark = pytest.mark.pg(">= 18")

TYPES = (
    *("bool", "bytea", "int8", "int2", "int4", "text", "float4", "float8", "inet", "char(3)", "varchar(9)", "varchar"),
    *("date", "time", "timestamp", "timestamptz", "interval", "timetz", "numeric", "uuid", "jsonb", "json", "xml"),
    *("oid", "regclass", "name", "cidr", "int4[]", "text[]", "int4range", "daterange", "mood", "taste", "d_int", "e_int"),
    *("d_text", "point", "macaddr", "bit(3)", '"char"', "money", "tsvector"),
)  # fmt: skip
OF_ITS_OWN = TYPES.index("json")
"""The types before this one have operators of their own."""
SHAPES = (
    "SELECT t0.{a} FROM {t} AS t0",
    "SELECT t0.{b} FROM {t} AS t0",
    "SELECT t0.{c} FROM {t} AS t0 WHERE t0.{a} IS NULL",
    *(
        "SELECT 1 FROM {t} AS t0 WHERE t0.{b} " + test.replace("?", value)
        for test in (
            *(
                "= ?",
                "<> ?",
                "< ?",
                "IN (?, ?)",
                "NOT IN (?, ?)",
                "BETWEEN ? AND ?",
                "NOT BETWEEN ? AND ?",
            ),
            *(
                "LIKE ?",
                "ILIKE ?",
                "~ ?",
                "SIMILAR TO ?",
                "IS DISTINCT FROM ?",
                "IS NOT DISTINCT FROM ?",
            ),
            *("= ANY (?)", "<> ALL (?)", "@> ?", "<@ ?", "&& ?"),
        )
        for value in ("$1", "NULL")
    ),
    "SELECT 1 FROM {t} AS t0 WHERE {b} = $1 AND $2 < {b}",
    "SELECT 1 FROM {t} AS t0 WHERE ({a}, {b}) = ($1, $2)",
    "SELECT 1 FROM {t} AS t0 WHERE ({a}, {b}) < ($1, $2)",
    "SELECT 1 FROM {t} AS t0 WHERE NULLIF({b}, $1) IS NULL",
    "SELECT 1 FROM {t} AS t0 WHERE {b} IN (SELECT t1.{b} FROM {t} AS t1)",
    "SELECT 1 FROM {t} AS t0 WHERE {b} IN (SELECT {b} FROM {t} AS t1 WHERE t1.{a} = t0.{a})",
    "SELECT 1 FROM {t} AS t0 WHERE t0.{b}::text = 'x'",
    "SELECT 1 FROM {t} AS t0 JOIN {t} AS t1 ON t0.{b} = t1.{b}",
    "SELECT 1 FROM {t} AS t0 JOIN {t} AS t1 USING ({b})",
    "SELECT count(*) AS {c} FROM {t} AS t0 ORDER BY {c}",
    "SELECT 1 FROM {t} AS t0 ORDER BY t0.{b}",
    "SELECT count(*) FROM {t} AS t0 GROUP BY t0.{b}",
    "SELECT count(t0.{b}), max(t0.{a}) FROM {t} AS t0",
    "SELECT * FROM {t} AS t0",
    "SELECT t0 FROM {t} AS t0",
    "SELECT count(t0.*) FROM {t} AS t0",
    "SELECT EXISTS (SELECT 1 FROM {t} AS t0 WHERE t0.{b} = NULL)",
    "SELECT t0.{a} || 'x' FROM {t} AS t0 WHERE (t0.{b} || 'x') = 'y'",
    "INSERT INTO {t} AS t0 ({a}, {b}) VALUES (NULL, NULL)",
    "INSERT INTO {t} AS t0 VALUES (NULL)",
    "UPDATE {t} AS t0 SET {b} = NULL WHERE t0.{a} = NULL",
    "DELETE FROM {t} AS t0 WHERE {b} = NULL RETURNING {c}",
    "MERGE INTO {t} AS t0 USING {t} AS t1 ON t0.{b} = t1.{b} WHEN MATCHED THEN UPDATE SET {c} = NULL",
)


def identifier(session, text):
    """The number that the server gives a statement; None where it is none."""
    how = "EXPLAIN (GENERIC_PLAN, VERBOSE, FORMAT JSON) "
    try:
        ((found,),) = session.execute(how + text).fetchall()
    except psycopg.Error:
        return None
    return found[0]["Query Identifier"]


def test_whatever_the_server_merges_is_alike(server, database):
    kept = []
    with database.connect() as session:
        session.execute(
            "SET compute_query_id = on; CREATE EXTENSION pg_stat_statements; CREATE SCHEMA s;"
            "CREATE TYPE mood AS ENUM ('a'); CREATE TYPE taste AS ENUM ('b');"
            "CREATE DOMAIN d_int AS int4; CREATE DOMAIN e_int AS int4; CREATE DOMAIN d_text AS text"
        )
        for n, kind in enumerate(TYPES):
            first = ("int4", "text")[n % 2]
            session.execute(f"CREATE TABLE s.t{n} (a{n} {first}, b{n} {kind}, c{n} int4)")
        for n, more in enumerate(("", ", d int4", ", d int4, e text"), len(TYPES)):
            session.execute(
                f"CREATE TABLE s.t{n} (gone int4, a{n} int4, b{n} int4, c{n} int4{more})"
            )
            session.execute(f"ALTER TABLE s.t{n} DROP COLUMN gone")
        session.execute(
            f"CREATE VIEW s.t{n + 1} (a{n + 1}, b{n + 1}, c{n + 1}) AS SELECT * FROM s.t4"
        )
        session.execute(
            f"CREATE MATERIALIZED VIEW s.t{n + 2} (a{n + 2}, b{n + 2}, c{n + 2}) AS SELECT * FROM s.t4"
        )
        session.execute(
            f"CREATE TABLE s.t{n + 3} (a{n + 3} int4, b{n + 3} int4, c{n + 3} int4) PARTITION BY RANGE (a{n + 3})"
        )
        tables = range(n + 4)
        for shape in SHAPES:
            for number in tables:
                text = shape.format(
                    t=f"s.t{number}", a=f"a{number}", b=f"b{number}", c=f"c{number}"
                )
                kept.append((shape, number, text, identifier(session, text)))
    snapshot = looked_at(estate_of(server, database.name, '[services.s]\nschemas = ["s"]\n'))
    names = Catalogue(snapshot).database("main", database.name)
    oid = {number: names.find("s", f"t{number}") for number in tables}
    layouts = Layouts(snapshot, snapshot)
    merged = 0
    for shape in SHAPES:
        held = [(number, text, found) for s, number, text, found in kept if s == shape and found]
        assert held, f"the server refuses {shape} for every table"
        alike = {}
        for number, text, _ in held:
            alike[number] = [
                layouts.alike(names, oid[number], columns, compared, oid.values())
                for _, _, columns, compared in read_statement(text).uses
            ]
            assert alike[number], text
        for (one, text, mine), (other, _, theirs) in combinations(held, 2):
            fit = all(oid[other] in found for found in alike[one])
            fit &= all(oid[one] in found for found in alike[other])
            if mine == theirs:
                merged += 1
                assert fit, f"the server merges it with t{other}: {text}"
            elif shape == SHAPES[3] and max(one, other) < OF_ITS_OWN:
                assert not fit, f"the server tells it from t{other}: {text}"
    assert merged > len(tables) * 10


DATABASE = "sharing"
LOGINS = ("share_app", "share_one", "share_two", "share_boss")
ESTATE = "".join(f'[services.{s}]\nschemas = ["{s}"]\n' for s in ("one", "two", "three"))
OBJECTS = """
CREATE EXTENSION pg_stat_statements;
CREATE SCHEMA one; CREATE SCHEMA two; CREATE SCHEMA three;
CREATE TABLE one.users (id int8, email text, name text, age int);
CREATE TABLE two.units (uid int8, label text, place text, n int, m int);
CREATE TABLE two.uuids (id uuid, label text, place text, n int);
CREATE TABLE three.narrow (id int8, label text);
CREATE TABLE three.grown (id int8, label text);
CREATE VIEW three.v_units AS SELECT * FROM two.units;
CREATE TABLE one.same (id int8, a int); CREATE TABLE two.same (id int8);
GRANT USAGE ON SCHEMA one, two, three TO share_app;
GRANT ALL ON ALL TABLES IN SCHEMA one, two, three TO share_app;
GRANT USAGE ON SCHEMA one TO share_one; GRANT ALL ON ALL TABLES IN SCHEMA one TO share_one;
GRANT USAGE ON SCHEMA two TO share_one; GRANT SELECT ON two.units TO share_one;
GRANT USAGE ON SCHEMA one, two TO share_two; GRANT SELECT ON one.users TO share_two;
GRANT SELECT (uid, label, place, n) ON two.units TO share_two;
GRANT pg_read_all_data TO share_boss;
"""
BY_ID = "SELECT u1_0.id, u1_0.email, u1_0.name FROM one.users u1_0 WHERE u1_0.id = 1"
ITS_TWIN = "SELECT u1_0.uid, u1_0.label, u1_0.place FROM two.units u1_0 WHERE u1_0.uid = 2"
BY_AGE = "SELECT u1_0.id FROM one.users u1_0 WHERE u1_0.age = 1"
STAR = "SELECT u1_0.* FROM one.users u1_0 LIMIT 1"
GROWN = "SELECT u1_0.label FROM three.grown u1_0 WHERE u1_0.label = 'x'"
SAME = "SELECT a FROM one.same"
WRITE = "UPDATE one.users u1_0 SET name = 'x' WHERE u1_0.id = 1"


@pytest.fixture(scope="module")
def shared(server):
    with made(server, [DATABASE], LOGINS):
        with unseen(server, DATABASE) as admin:
            admin.execute(OBJECTS)
        estate = estate_of(server, DATABASE, ESTATE)
        first = looked_at(estate)
        for login in LOGINS:
            with psycopg.connect(server.url(DATABASE, login), autocommit=True) as session:
                for text in (BY_ID, BY_AGE, STAR):
                    session.execute(text)
                if login in ("share_app", "share_two", "share_boss"):
                    session.execute(ITS_TWIN)
                if login == "share_app":
                    for text in (GROWN, SAME, WRITE, "SELECT id FROM two.same"):
                        session.execute(text)
                if login == "share_one":
                    session.execute(WRITE)
        with unseen(server, DATABASE) as admin:
            admin.execute("ALTER TABLE three.grown ADD COLUMN more int8, ADD COLUMN most int4")
            admin.execute("REVOKE SELECT ON two.units FROM share_one")
        yield Entries(worked(first, looked_at(estate, 1, first)), DATABASE)


def reached(found, text, login):
    """What an entry may touch, which rung it is on, and whether there may be more."""
    piece = text.split(" WHERE")[0].split(" SET")[0].split(" LIMIT")[0]
    row = found.row(piece, login)
    touches = found.touches(piece, login)
    return {t.relation.qualified for t in touches}, row["rung"], row["open_ended"]


def test_a_made_up_alias_stands_for_what_has_the_columns_and_no_more(shared):
    found, rung, more = reached(shared, BY_ID, "share_app")
    assert (rung, more) == ("merged", False)
    assert found == {"one.users", "two.units", "three.grown"}, "narrow has two, uuids another id"
    assert shared.row("u1_0.email", "share_app")["calls"] == 2, "and with units it is merged indeed"
    found, _, _ = reached(shared, BY_AGE, "share_app")
    assert found == {"one.users", "two.units", "two.uuids", "three.grown"}


def test_a_star_stands_for_as_many_columns(shared):
    found, _, _ = reached(shared, STAR, "share_app")
    assert found == {"one.users", "two.uuids", "three.grown"}


def test_what_changed_in_the_window_is_not_told_apart(shared):
    found, _, _ = reached(shared, GROWN, "share_app")
    everything = {"one.users", "two.units", "two.uuids", "three.narrow", "three.grown"}
    assert found >= everything


def test_a_name_in_two_schemas_is_certain_where_the_columns_differ(shared):
    found, rung, _ = reached(shared, SAME, "share_app")
    assert (found, rung) == ({"one.same"}, "qualified")
    found, rung, _ = reached(shared, "SELECT id FROM two.same", "share_app")
    assert (found, rung) == ({"one.same", "two.same"}, "merged")


def test_who_may_use_but_one_relation_used_that(shared):
    found, rung, more = reached(shared, WRITE, "share_one")
    assert (found, rung, more) == ({"one.users"}, "qualified", False)
    assert shared.row("UPDATE one.users", "share_one")["exclusive"] == "one"
    assert reached(shared, WRITE, "share_app")[1] == "merged"


def test_what_was_granted_at_either_end_of_the_window_counts(shared):
    found, rung, _ = reached(shared, BY_ID, "share_one")
    assert (found, rung) == ({"one.users", "two.units"}, "merged"), "it could be read until the end"


def test_a_privilege_on_columns_counts_and_so_does_membership(shared):
    assert reached(shared, BY_ID, "share_two")[0] == {"one.users", "two.units"}
    assert reached(shared, BY_ID, "share_boss")[0] == {"one.users", "two.units", "three.grown"}


def test_the_intervals_of_the_services_are_as_narrow_as_that(shared):
    """Whatever was run of one service's statements is inside its interval, and nothing is anybody's."""
    low, high = shared.interval("one", "calls")
    ran = 4 * 3 + 1 + 2  # BY_ID, BY_AGE and STAR of four logins, SAME, WRITE of two
    assert low <= ran <= high
    low, high = shared.interval("three", "calls")
    assert low <= 1 <= high
    assert not shared.rows["open_ended"].any()
