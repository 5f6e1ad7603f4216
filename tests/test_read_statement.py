"""A text of SQL says what it reads, writes, locks, joins, filters and calls; no text raises."""

import random

import psycopg
import pytest

from workbench import read_statement
from workbench.snapshot import read_texts
from workbench.sql import READER, read_statements, redact, statement_from_json


def names(text):
    """``"s.a b"`` as ``{("s", "a"), (None, "b")}``."""
    return frozenset(
        (schema or None, name) for schema, _, name in (w.rpartition(".") for w in text.split())
    )


def column(text):
    """``"s.a.id"`` as ``("s", "a", "id")``, ``"a.id"`` as ``(None, "a", "id")``."""
    *schema, relation, name = text.split(".")
    return (schema[0] if schema else None), relation, name


def joins(text):
    """``"a.x=b.y c.z=d.w"`` as sets of two columns each."""
    return {frozenset(map(column, pair.split("="))) for pair in text.split()}


def filters(text):
    """``"a.x:eq b.y:in"`` as pairs of column and class."""
    return {(column(c), test) for c, test in (f.split(":") for f in text.split())}


def says(text, **expected):
    """Hold a statement against what is expected of it; the relations that are not named are none."""
    found = read_statement(text)
    assert not found.approximate or found.opaque, found.because
    for field in ("reads", "writes", "locks", "objects"):
        if field in expected or "kind" in expected:
            assert getattr(found, field) == names(expected.get(field, "")), field
    if "joins" in expected:
        assert {frozenset(j) for j in found.joins} == joins(expected["joins"])
    if "filters" in expected:
        assert found.filters == filters(expected["filters"])
    for field in ("stars", "functions"):
        if field in expected:
            assert getattr(found, field) == names(expected[field])
    if "kind" in expected:
        assert found.kind == expected["kind"]
    assert statement_from_json(found.to_json()) == found


@pytest.mark.parametrize(
    ("text", "only"),
    [
        ("SELECT * FROM ONLY s.t", "s.t"),
        ("SELECT * FROM ONLY t AS a JOIN t AS b ON a.id = b.id", ""),
        ("SELECT * FROM t WHERE id IN (SELECT id FROM ONLY u)", "u"),
        ("UPDATE ONLY t SET a = $1 FROM u", "t"),
        ("DELETE FROM ONLY (t) WHERE a = $1", "t"),
        ("MERGE INTO ONLY t USING u ON t.id = u.id WHEN MATCHED THEN DELETE", "t"),
        ("TRUNCATE ONLY t, u", "t"),
        ("LOCK TABLE ONLY t, u", "t"),
        ("COPY t TO STDOUT", "t"),
        ("INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) DO UPDATE SET a = $2", "t"),
    ],
)
def test_where_only_is_said(text, only):
    found = read_statement(text)
    assert found.only == names(only)
    assert statement_from_json(found.to_json()) == found


RELATIONS = [
    # what is read, and under which name
    ("SELECT 1", "select", {}),
    ("VALUES ($1, $2)", "select", {}),
    ("TABLE s.t", "select", {"reads": "s.t"}),
    ("SELECT * FROM db.s.t", "select", {"reads": "s.t"}),
    ("SELECT * FROM ONLY t", "select", {"reads": "t"}),
    ('SELECT * FROM "Shop"."User" WHERE "Id" = $1', "select", {"reads": "Shop.User"}),
    ("SELECT * FROM t a, t b, s.t c", "select", {"reads": "t s.t"}),
    ("SELECT * FROM f($1) x, LATERAL (SELECT * FROM t WHERE t.a = x) y", "select", {"reads": "t"}),
    (
        "SELECT (SELECT max(b) FROM u) FROM t ORDER BY (SELECT 1 FROM v)",
        "select",
        {"reads": "t u v"},
    ),
    (
        "SELECT 1 FROM a UNION SELECT 2 FROM b EXCEPT (SELECT 3 FROM c)",
        "select",
        {"reads": "a b c"},
    ),
    ("SELECT * FROM t TABLESAMPLE system ($1)", "select", {"reads": "t"}),
    (
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM a) THEN ARRAY(SELECT 1 FROM b) END",
        "select",
        {"reads": "a b"},
    ),
    # CTEs
    ("WITH c AS (SELECT * FROM t) SELECT * FROM c", "select", {"reads": "t"}),
    ("WITH t AS (SELECT * FROM t) SELECT * FROM t", "select", {"reads": "t"}),
    ("WITH t AS (SELECT 1) SELECT * FROM t", "select", {}),
    ("WITH t AS (SELECT 1) SELECT * FROM s.t", "select", {"reads": "s.t"}),
    ("WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a, b", "select", {"reads": "b"}),
    ("WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a", "select", {}),
    ("WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT 1 FROM t) SELECT * FROM t", "select", {}),
    ("SELECT * FROM (WITH c AS (SELECT 1) SELECT * FROM c) x, c", "select", {"reads": "c"}),
    (
        "WITH c AS (SELECT 1) SELECT * FROM t WHERE EXISTS (SELECT 1 FROM c)",
        "select",
        {"reads": "t"},
    ),
    ("WITH t AS (SELECT 1 AS a) INSERT INTO t SELECT a FROM t", "insert", {"writes": "t"}),
    (
        "WITH gone AS (DELETE FROM a RETURNING *) INSERT INTO b SELECT * FROM gone",
        "insert",
        {"writes": "a b"},
    ),
    ("WITH x AS (UPDATE a SET b = $1 RETURNING id) SELECT * FROM x", "select", {"writes": "a"}),
    # what is written; it is read only where it is named again
    ("INSERT INTO s.t (a) VALUES ($1) RETURNING id", "insert", {"writes": "s.t"}),
    ("INSERT INTO t SELECT * FROM u", "insert", {"writes": "t", "reads": "u"}),
    ("INSERT INTO t SELECT * FROM t", "insert", {"writes": "t", "reads": "t"}),
    (
        "INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) DO UPDATE SET b = (SELECT 1 FROM u)",
        "insert",
        {"writes": "t", "reads": "u"},
    ),
    ("UPDATE s.t SET a = u.b FROM u WHERE u.id = t.id", "update", {"writes": "s.t", "reads": "u"}),
    ("UPDATE t SET (a, b) = (SELECT c, d FROM u)", "update", {"writes": "t", "reads": "u"}),
    ("UPDATE t SET a = 1 FROM t o WHERE o.id = t.id", "update", {"writes": "t", "reads": "t"}),
    ("DELETE FROM ONLY t USING u WHERE u.id = t.id", "delete", {"writes": "t", "reads": "u"}),
    (
        "MERGE INTO t USING (SELECT * FROM u) s ON t.id = s.id WHEN MATCHED THEN DELETE "
        "WHEN NOT MATCHED THEN INSERT (id) VALUES ((SELECT 1 FROM v))",
        "merge",
        {"writes": "t", "reads": "u v"},
    ),
    ("TRUNCATE a, s.b CASCADE", "truncate", {"writes": "a s.b"}),
    ("COPY s.t (a) FROM STDIN", "copy", {"writes": "s.t"}),
    ("COPY s.t TO STDOUT", "copy", {"reads": "s.t"}),
    ("COPY (SELECT * FROM t) TO PROGRAM 'x'", "copy", {"reads": "t"}),
    ("REFRESH MATERIALIZED VIEW CONCURRENTLY s.m", "refresh", {"writes": "s.m"}),
    ("SELECT a INTO z FROM t", "select", {"writes": "z", "reads": "t"}),
    ("CREATE TABLE z AS SELECT * FROM t", "ddl", {"objects": "z", "writes": "z", "reads": "t"}),
    ("CREATE TABLE z AS SELECT * FROM t WITH NO DATA", "ddl", {"objects": "z", "reads": "t"}),
    (
        "CREATE MATERIALIZED VIEW s.m AS SELECT * FROM t",
        "ddl",
        {"objects": "s.m", "writes": "s.m", "reads": "t"},
    ),
    # locks
    ("SELECT * FROM t FOR UPDATE", "select", {"reads": "t", "locks": "t"}),
    ("SELECT * FROM t a, u b FOR NO KEY UPDATE OF b", "select", {"reads": "t u", "locks": "u"}),
    ("SELECT * FROM (SELECT * FROM t) x FOR SHARE", "select", {"reads": "t", "locks": "t"}),
    (
        "WITH c AS (SELECT * FROM t) SELECT * FROM c, u FOR UPDATE",
        "select",
        {"reads": "t u", "locks": "u"},
    ),
    ("LOCK TABLE s.a, b IN SHARE MODE", "lock", {"locks": "s.a b"}),
    # what wraps a statement
    ("EXPLAIN UPDATE t SET a = 1", "explain", {"reads": "t"}),
    ("EXPLAIN (ANALYZE, COSTS off) UPDATE t SET a = 1", "explain", {"writes": "t"}),
    ("EXPLAIN (ANALYZE false) DELETE FROM t", "explain", {"reads": "t"}),
    ("PREPARE p AS DELETE FROM t WHERE id = $1", "delete", {"writes": "t"}),
    ("DECLARE c CURSOR FOR SELECT * FROM t", "select", {"reads": "t"}),
    # definitions
    ("CREATE VIEW s.v AS SELECT * FROM t", "ddl", {"objects": "s.v", "reads": "t"}),
    (
        "CREATE RULE r AS ON INSERT TO t DO INSTEAD INSERT INTO u SELECT * FROM v",
        "ddl",
        {"objects": "t u", "reads": "v"},
    ),
    ("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC DELETE FROM t; END", "ddl", {"objects": "t"}),
    ("CREATE TABLE a (LIKE b, c int REFERENCES d) INHERITS (e)", "ddl", {"objects": "a b d e"}),
    ("CREATE TABLE p PARTITION OF q FOR VALUES IN ('x')", "ddl", {"objects": "p q"}),
    ("ALTER TABLE s.t ADD FOREIGN KEY (a) REFERENCES u.v (b)", "ddl", {"objects": "s.t u.v"}),
    ("ALTER VIEW v RENAME TO w", "ddl", {"objects": "v"}),
    ("DROP TABLE a.b, c", "ddl", {"objects": "a.b c"}),
    ("DROP TRIGGER x ON s.t", "ddl", {"objects": "s.t"}),
    ("DROP FUNCTION f(int)", "ddl", {}),
    ("COMMENT ON COLUMN s.t.a IS 'x'", "ddl", {"objects": "s.t"}),
    ("CREATE INDEX CONCURRENTLY ON s.t (a)", "ddl", {"objects": "s.t"}),
    ("GRANT SELECT ON a, s.b TO c", "ddl", {"objects": "a s.b"}),
    ("VACUUM ANALYZE s.t", "maintenance", {"objects": "s.t"}),
    # the rest of a session's life
    ("SET search_path = a, b", "set", {}),
    ("SHOW work_mem", "set", {}),
    ("BEGIN ISOLATION LEVEL SERIALIZABLE", "transaction", {}),
    ("SAVEPOINT $1", "transaction", {}),
    ("ROLLBACK TO $1", "transaction", {}),
    ("DEALLOCATE $1", "other", {}),
    ("SELECT 1 FROM a; SELECT 2 FROM b", "select", {"reads": "a b"}),
    ("BEGIN; UPDATE a SET b = 1; COMMIT", "several", {"writes": "a"}),
]


@pytest.mark.parametrize(("text", "kind", "relations"), RELATIONS)
def test_which_relations_a_statement_names(text, kind, relations):
    says(text, kind=kind, **relations)


JOINS = [
    ("SELECT 1 FROM s.a x JOIN b ON x.id = b.a_id", "s.a.id=b.a_id"),
    ("SELECT 1 FROM a, b WHERE a.x = b.y AND (a.z = b.w OR a.q = $1)", "a.x=b.y a.z=b.w"),
    ("SELECT 1 FROM s.a JOIN t.a b ON s.a.id = b.x", "s.a.id=t.a.x"),
    ("SELECT 1 FROM a JOIN b USING (x, y)", "a.x=b.x a.y=b.y"),
    ("SELECT 1 FROM a JOIN b USING (x) JOIN c USING (x)", "a.x=b.x a.x=c.x"),
    ("SELECT 1 FROM a NATURAL JOIN b", ""),  # only the catalogue knows
    ("SELECT 1 FROM (SELECT k, v FROM a) x NATURAL JOIN (SELECT k, w FROM b) y", "a.k=b.k"),
    (
        "SELECT 1 FROM users orders JOIN orders o ON orders.id = o.user_id",
        "users.id=orders.user_id",
    ),
    ("SELECT 1 FROM t a JOIN t b ON a.id = b.parent_id", "t.id=t.parent_id"),
    ("SELECT 1 FROM t WHERE t.a = t.b", ""),  # within one row
    ("SELECT 1 FROM a JOIN b ON a.x < b.y AND a.p <> b.q", ""),
    ('SELECT 1 FROM a JOIN b ON a.x::text = b.y COLLATE "C"', "a.x=b.y"),
    ("SELECT 1 FROM a JOIN b ON a.x OPERATOR(pg_catalog.=) b.y", "a.x=b.y"),
    ("SELECT 1 FROM a JOIN b ON (a.x, a.y) = (b.z, b.w)", "a.x=b.z a.y=b.w"),
    ("SELECT 1 FROM a JOIN b ON a.x = ANY (b.ids)", "a.x=b.ids"),
    ("SELECT 1 FROM a JOIN b ON a.x < ANY (b.ys)", ""),
    ("SELECT 1 FROM a, b WHERE a.x IN (b.y, b.z, $1)", "a.x=b.y a.x=b.z"),
    ("SELECT 1 FROM a JOIN b ON a.x IS NOT DISTINCT FROM b.y", "a.x=b.y"),
    # subqueries
    ("SELECT 1 FROM a WHERE a.x IN (SELECT y FROM b)", "a.x=b.y"),
    ("SELECT 1 FROM a WHERE x NOT IN (SELECT y FROM b WHERE b.z = $1)", "a.x=b.y"),
    ("SELECT 1 FROM a WHERE (x, y) IN (SELECT p, q FROM b)", "a.x=b.p a.y=b.q"),
    ("SELECT 1 FROM a WHERE x = (SELECT y FROM b LIMIT 1)", "a.x=b.y"),
    ("SELECT 1 FROM a WHERE x = ANY (SELECT y FROM b UNION SELECT z FROM c)", "a.x=b.y a.x=c.z"),
    ("SELECT 1 FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.a_id = a.id)", "b.a_id=a.id"),
    ("SELECT 1 FROM a, LATERAL (SELECT 1 FROM b WHERE b.a_id = a.id) x", "b.a_id=a.id"),
    ("SELECT (SELECT name FROM b WHERE b.id = a.b_id) FROM a", "a.b_id=b.id"),
    ("SELECT 1 FROM (SELECT k AS j FROM a) x JOIN b ON x.j = b.id", "a.k=b.id"),
    ("SELECT 1 FROM (SELECT * FROM a) x JOIN b ON x.k = b.id", "a.k=b.id"),
    ("SELECT 1 FROM (SELECT a.*, c.v FROM a, c) x JOIN b ON x.v = b.id", "c.v=b.id"),
    ("SELECT 1 FROM (SELECT lower(k) AS k FROM a) x JOIN b ON x.k = b.id", ""),
    ("SELECT 1 FROM (SELECT k, v FROM a) AS x (p, q) JOIN b ON x.q = b.id", "a.v=b.id"),
    ("SELECT 1 FROM (a JOIN b ON a.i = b.j) AS m JOIN c ON m.k = c.id", "a.i=b.j"),
    ("SELECT 1 FROM a JOIN (VALUES ($1, $2)) v (id, n) ON v.id = a.id", ""),
    ("SELECT 1 FROM a, unnest($1) AS x WHERE a.id = x", ""),
    # CTEs
    ("WITH c AS (SELECT k FROM a) SELECT 1 FROM c JOIN b ON b.id = c.k", "a.k=b.id"),
    ("WITH c (p) AS (SELECT k FROM a) SELECT 1 FROM c JOIN b ON b.id = p", "a.k=b.id"),
    ("WITH c AS (SELECT * FROM a) SELECT 1 FROM c x JOIN c y ON x.id = y.up", "a.id=a.up"),
    (
        "WITH RECURSIVE c AS (SELECT id FROM t UNION ALL SELECT t.id FROM t JOIN c ON t.up = c.id) "
        "SELECT 1 FROM c",
        "t.up=t.id",
    ),
    ("WITH d AS (DELETE FROM a RETURNING k) SELECT 1 FROM d JOIN b ON b.id = d.k", "a.k=b.id"),
    # writes
    ("UPDATE a SET v = 1 FROM b WHERE b.id = a.b_id", "a.b_id=b.id"),
    ("DELETE FROM s.a USING b x WHERE x.id = a.b_id", "s.a.b_id=b.id"),
    ("MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN DO NOTHING", "a.id=b.id"),
    ("INSERT INTO z SELECT 1 FROM a JOIN b ON a.id = b.id", "a.id=b.id"),
    # which table an unqualified column belongs to, the text says only of a single one
    ("SELECT 1 FROM a, b WHERE x = y", ""),
    ("SELECT 1 FROM a WHERE EXISTS (SELECT 1 FROM b WHERE x = a.id)", "b.x=a.id"),
]


@pytest.mark.parametrize(("text", "pairs"), JOINS)
def test_which_columns_a_statement_joins(text, pairs):
    says(text, joins=pairs)


FILTERS = [
    (
        "SELECT 1 FROM s.t WHERE a = $1 AND $2 = t.b AND s.t.c IS NOT DISTINCT FROM 1",
        "s.t.a:eq s.t.b:eq s.t.c:eq",
    ),
    ("SELECT 1 FROM t WHERE a <> $1 OR b IS DISTINCT FROM $2", "t.a:ne t.b:ne"),
    (
        "SELECT 1 FROM t WHERE a > now() - $1::interval AND b BETWEEN $2 AND $3",
        "t.a:range t.b:range",
    ),
    ("SELECT 1 FROM t WHERE a IN ($1 /*, ... */) AND b = ANY ($2)", "t.a:in t.b:in"),
    ("SELECT 1 FROM t WHERE (a, b) IN (($1, $2))", "t.a:in t.b:in"),
    ("SELECT 1 FROM t WHERE a NOT IN ($1) AND b <> ALL ($2)", "t.a:not_in t.b:not_in"),
    ("SELECT 1 FROM t WHERE a LIKE $1 OR b ILIKE $2 OR c ~ $3", "t.a:like t.b:like t.c:regex"),
    ("SELECT 1 FROM t WHERE a IS NULL AND b IS NOT NULL", "t.a:null t.b:not_null"),
    ("SELECT 1 FROM t WHERE a AND NOT b AND c IS TRUE", "t.a:eq t.b:eq t.c:eq"),
    ("SELECT 1 FROM t WHERE a LIKE ANY ($1) AND b < ALL ($2)", "t.a:like t.b:other"),
    ("SELECT 1 FROM t WHERE a @> $1 AND b <-> $2 < $3", "t.a:contains"),
    ("SELECT 1 FROM t WHERE (a, b) = ($1, $2)", "t.a:eq t.b:eq"),
    ("SELECT 1 FROM t WHERE lower(a) = $1", ""),
    ("SELECT 1 FROM t x JOIN u y ON y.a = $1 WHERE x.b::text = $2", "u.a:eq t.b:eq"),
    ("WITH c AS (SELECT k AS j FROM t) SELECT 1 FROM c WHERE j = $1", "t.k:eq"),
    ("UPDATE t SET a = $1 WHERE id = $2", "t.id:eq"),
]


@pytest.mark.parametrize(("text", "expected"), FILTERS)
def test_how_a_statement_filters(text, expected):
    says(text, filters=expected)


@pytest.mark.parametrize(
    ("text", "relations"),
    [
        ("SELECT * FROM s.a, b", "s.a b"),
        ("SELECT x.* FROM a x, b", "a"),
        ("SELECT a.id FROM a", ""),
        ("SELECT count(*) FROM a WHERE EXISTS (SELECT * FROM b)", ""),
        ("SELECT x FROM a x", "a"),
        ("SELECT row_to_json(x) FROM a x", "a"),
        ("SELECT k FROM (SELECT * FROM a) x", "a"),
        ("DELETE FROM a RETURNING *", "a"),
    ],
)
def test_which_relations_are_selected_whole(text, relations):
    says(text, stars=relations)


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("SELECT s.f(a), sum(b) FILTER (WHERE g(c)) OVER (ORDER BY h(d)) FROM t", "s.f sum g h"),
        ("SELECT 1 FROM s.f(u.g($1)) x", "s.f u.g"),
        ("INSERT INTO t VALUES (f($1))", "f"),
        ("CALL s.p(f($1))", "s.p f"),
    ],
)
def test_which_functions_are_called(text, called):
    says(text, functions=called)


def test_how_a_query_is_ordered_and_cut():
    found = read_statement(
        "SELECT a.x AS y, b.z FROM a, b ORDER BY y DESC, 2, b.w, f(a.q) LIMIT $1"
    )
    assert found.order_by == ((None, "a", "x"), (None, "b", "z"), (None, "b", "w"))
    assert (found.has_limit, found.has_offset) == (True, False)
    inner = read_statement(
        "SELECT 1 FROM (SELECT 1 FROM a ORDER BY a.x OFFSET 1 LIMIT 1) z OFFSET $1"
    )
    assert inner.order_by == ()
    assert (inner.has_limit, inner.has_offset) == (False, True)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (
            'SELECT $2 FROM ONLY "public"."x" x WHERE "id" OPERATOR(pg_catalog.=) $1 FOR KEY SHARE OF x',
            True,
        ),
        (
            'SELECT 1 FROM ONLY "s"."a ""b" x WHERE "id" OPERATOR(pg_catalog.=) $1 FOR KEY SHARE OF x',
            True,
        ),
        (
            'SELECT 1 FROM "public"."x" x WHERE $1 OPERATOR(pg_catalog.=) "y" FOR KEY SHARE OF x',
            True,
        ),
        (
            'SELECT 0 FROM ONLY "public"."x" x WHERE "id" OPERATOR(pg_catalog.=) $1 FOR KEY SHARE OF x',
            True,
        ),
        ('SELECT 1 FROM "public"."x" x WHERE "id" = $1 FOR KEY SHARE OF x', False),
        ("SELECT 1 FROM x WHERE id = $1 FOR KEY SHARE", False),
    ],
)
def test_the_servers_own_check_of_a_foreign_key_is_known(text, is_one):
    assert read_statement(text).is_foreign_key_check is is_one


def test_what_a_server_keeps_of_texts_is_read(major):
    """The texts of pg_stat_statements, redacted as they are stored, as each version normalises them."""
    with psycopg.connect(major.url(), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        connection.execute("SET pg_stat_statements.track = 'all'")
        for text in SESSION.strip().splitlines():
            connection.execute(text)
        rows = connection.execute("SELECT query FROM pg_stat_statements").fetchall()
        connection.execute("DROP SCHEMA read_me CASCADE")
    read = {text: read_statement(redact(text).text) for (text,) in rows}
    assert [t for t, s in read.items() if s.approximate and not s.opaque] == []
    ours = {t: s for t, s in read.items() if "read_me" in t}
    checks = {t: s for t, s in ours.items() if s.is_foreign_key_check}
    assert {n for s in checks.values() for n in s.locks} == names("read_me.p read_me.c")
    assert all("FOR KEY SHARE" in t for t in checks)
    kinds = {s.kind for s in ours.values() if s.touches}
    assert kinds >= {
        "select",
        "insert",
        "update",
        "delete",
        "explain",
        "copy",
        "truncate",
        "do",
        "ddl",
    }


SESSION = """
CREATE SCHEMA read_me
CREATE TABLE read_me.p (id int PRIMARY KEY, v varchar(20) DEFAULT 'x' CHECK (v <> 'y'))
CREATE TABLE read_me.c (id int PRIMARY KEY, p_id int REFERENCES read_me.p)
INSERT INTO read_me.p VALUES (1, 'a'), (2, 'b')
INSERT INTO read_me.c VALUES (1, 1)
DELETE FROM read_me.p WHERE id = 2
UPDATE read_me.p SET v = 'c' WHERE id IN (1, 2, 3)
BEGIN
SAVEPOINT a
DECLARE d CURSOR FOR SELECT * FROM read_me.p WHERE id > 3
FETCH FORWARD 5 FROM d
ROLLBACK TO a
COMMIT
PREPARE q AS UPDATE read_me.p SET v = 'd' WHERE id = $1
EXECUTE q (3)
DEALLOCATE q
EXPLAIN SELECT * FROM read_me.p WHERE id = 3
CREATE TABLE read_me.x AS SELECT * FROM read_me.p WHERE id > 4
ALTER TABLE read_me.x ALTER v TYPE varchar(40)
CREATE VIEW read_me.w AS SELECT * FROM read_me.p WHERE id = 3
COPY (SELECT * FROM read_me.p WHERE id = 4) TO '/dev/null'
TRUNCATE read_me.c
DO $$ BEGIN PERFORM 1 FROM read_me.p WHERE id = 9; END $$
SET work_mem = '4MB'
VACUUM read_me.p
"""


def test_what_call_and_do_hide_is_said():
    call = read_statement("CALL s.p($1)")
    assert (call.kind, call.opaque, call.because) == (
        "call",
        True,
        "what it runs is not in the text",
    )
    do = read_statement(
        "DO $$ DECLARE n int; BEGIN SELECT a INTO n FROM s.t WHERE b IN (SELECT 1 FROM u x); "
        "UPDATE v SET w = n; PERFORM s.f(n); FOR r IN SELECT * FROM q LOOP END LOOP; END $$"
    )
    assert (do.kind, do.opaque, do.approximate) == ("do", True, True)
    assert do.reads == names("s.t u q")
    assert do.writes == names("v")
    assert names("s.f") <= do.functions
    quoted = read_statement("DO '?'")
    assert (quoted.opaque, quoted.because) == (True, "what it runs is not in the text")


SEARCHED = [
    # text, cut?, reads, writes, locks
    ("SELECT a FROM s.orders o JOIN users u ON o.x = u.y WHERE (", "s.orders users", "", ""),
    ("SELECT a FROM orders WHERE b = 'cut o", "orders", "", ""),
    ("SELECT a FROM orders /* cut o", "orders", "", ""),
    ('SELECT a FROM "Or""der" WHERE b = $1 AND "cut o', 'Or"der', "", ""),
    ("SELECT a FROM x WHERE y IN (SELECT z FROM ord", "x", "", ""),  # half a name, perhaps
    ("SELECT a FROM x, s.y AS z, w WHERE (", "x s.y w", "", ""),
    ("SELECT extract(year FROM d), a IS DISTINCT FROM b FROM t WHERE (", "t", "", ""),
    (
        "WITH c AS (SELECT 1 FROM t), d (x) AS MATERIALIZED (SELECT 2 FROM c) SELECT 1 FROM d WHERE (",
        "t",
        "",
        "",
    ),
    ("SELECT a FROM f($1) WHERE (", "", "", ""),
    ("SELECT a FROM t x, u y WHERE b = $1 FOR UPDATE OF x NEWER SYNTAX", "t u", "", "t"),
    ("INSERT INTO s.t (a, b) VALUES ($1, (", "", "s.t", ""),
    ("INSERT INTO t (a) SELECT b FROM u ON CONFLICT (a) DO UPDATE SET (", "u", "t", ""),
    ("UPDATE t SET a = $1 FROM u WHERE (", "u", "t", ""),
    ("DELETE FROM t USING u WHERE (", "u", "t", ""),
    ("MERGE INTO t USING s ON (", "s", "t", ""),
    ("TRUNCATE TABLE a, b NEWER SYNTAX", "", "a b", ""),
]


@pytest.mark.parametrize(("text", "reads", "writes", "locks"), SEARCHED)
def test_a_text_that_does_not_parse_is_searched_and_says_so(text, reads, writes, locks):
    found = read_statement(text)
    assert found.approximate
    assert "searched for names" in found.because
    assert (found.reads, found.writes, found.locks) == tuple(map(names, (reads, writes, locks)))


def test_a_text_known_to_be_cut_is_not_believed_though_it_parses():
    text = "SELECT * FROM s.orders JOIN cust"
    assert read_statement("SELECT * FROM cust").reads == names("cust")
    assert read_statement(text, cut=True).reads == names("s.orders")
    assert read_statement(text, cut=True).approximate


@pytest.mark.parametrize(
    "text",
    [None, "", "   ", "-- nothing", "<insufficient privilege>", "<command string not enabled>"],
)
def test_a_text_that_is_not_there_is_unreadable_and_no_fault(text):
    found = read_statement(text)
    assert (found.kind, found.approximate) == ("unreadable", True)
    assert found.because
    assert not found.touches
    assert found.fingerprint is None


def test_why_a_text_does_not_parse_holds_nothing_of_it():
    for text in ("SELECT 1 FROM t WHERE a = 'hunter2", "SELECT hunter2 hunter2 hunter2"):
        assert "hunter2" not in read_statement(text).because


@pytest.mark.parametrize(
    "text", ["FETCH FORWARD $1 FROM c", "ALTER TABLE s.t ALTER a TYPE varchar($1)"]
)
def test_a_parameter_where_the_grammar_wants_a_constant_is_read_all_the_same(text):
    found = read_statement(text)
    assert not found.approximate or found.opaque


def test_the_fingerprint_is_the_parsers_and_survives_redaction():
    one = read_statement("SELECT a FROM t WHERE b = 1 AND c IN (1, 2, 3)")
    other = read_statement("select a  from t where b = $1 and c in ($2)")
    assert one.fingerprint == other.fingerprint
    assert len(one.fingerprint) == 16
    assert read_statement("SELECT a FROM t WHERE b = 1 AND d = 1").fingerprint != one.fingerprint
    cut = read_statement("SELECT a FROM t WHERE (")
    assert cut.fingerprint.startswith("~")
    assert cut.fingerprint == read_statement("SELECT a\nFROM t WHERE (").fingerprint


@pytest.mark.parametrize("text", [t for t, _, _ in RELATIONS] + [t for t, _ in JOINS])
def test_redaction_takes_no_fact_away(text):
    whole, kept = read_statement(text), read_statement(redact(text).text)
    for field in ("kind", "reads", "writes", "locks", "objects", "joins", "functions"):
        assert getattr(whole, field) == getattr(kept, field), field


MANY = 30_000
HUGE = {
    "parentheses": "select " + "(" * MANY + "1" + ")" * MANY,
    "subqueries": "select " + "(select " * MANY + "1 from t" + ")" * MANY,
    "a sum": "select " + "1+" * MANY + "1 from t",
    "a conjunction": "select 1 from t where " + "a=1 and " * MANY + "b=2",
    "a union": "select a from t " + "union all select a from u " * MANY,
    "parameters": "select 1 from t where a in (" + ",".join(["$1"] * MANY) + ")",
    "rows": "insert into t values " + ",".join(["($1,$2)"] * MANY),
    "tables": "select x from " + ",".join(f"t{n}" for n in range(MANY)),
    "stars over stars": "with c0 as (select * from t a, t b)"
    + "".join(f", c{n} as (select * from c{n - 1} a, c{n - 1} b)" for n in range(1, 60))
    + " select x from c59 where y = 1",
    "comments": "select 1 from t " + "/*" * MANY,
    "quotes": "select 1 from t where " + "'" * (MANY + 1),
    "dollars": "select 1 from t where " + "".join(f"$a{n}$ " for n in range(MANY)),
    "a megabyte": "select 1 from t where a = '" + "x" * 1_000_000 + "'",
}


@pytest.mark.parametrize("what", HUGE)
def test_a_huge_text_is_read_or_searched(what):
    found = read_statement(HUGE[what])
    assert found.kind in ("select", "insert")
    assert found.touches or what == "parentheses"
    redact(HUGE[what])


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1 FROM t\0 WHERE 'x'",
        "SELECT '\udc80' FROM t",
        'SELECT é FROM "ünï"',
        "\ufeffSELECT 1",
    ],
)
def test_odd_characters_raise_nothing(text):
    assert read_statement(text).kind in ("select", "unreadable")
    redact(text)


def test_no_mutilated_text_raises():
    draw = random.Random(20261028)
    pieces = [word for text, _, _ in RELATIONS for word in text.split()] + [
        *(
            "(",
            ")",
            "'",
            '"',
            "$$",
            "/*",
            "--",
            ";",
            ",",
            "[",
            "\\",
            "::",
            ".",
            "*",
            "\0",
            "\udc80",
            "é",
        ),
        *("USING (a)", "ROW(", "GROUPING SETS ((a))", "XMLTABLE(", "JSON_TABLE(", "AS (a, b)"),
    ]
    kinds = set()
    for text, _, _ in RELATIONS * 20:
        words = text.split()
        for _ in range(draw.randint(1, 4)):
            place = draw.randrange(len(words) + 1)
            words[place : place + draw.randint(0, 2)] = draw.sample(pieces, draw.randint(0, 3))
        for cut in (False, True):
            found = read_statement(" ".join(words), cut=cut)
            kinds.add(found.kind)
            assert statement_from_json(found.to_json()) == found
        redact(" ".join(words))
    assert len(kinds) > 10


def test_every_text_is_read_once_and_in_order():
    texts = ["SELECT 2", "SELECT 1", "SELECT 2", None]
    assert [t for t, _ in read_statements(texts)] == ["SELECT 2", "SELECT 1", None]


def test_a_text_once_read_is_not_read_again(tmp_path, monkeypatch):
    texts = ["SELECT * FROM s.t JOIN u USING (x)", "SELECT 'cut", "UPDATE t SET a = $1", "\udc80"]
    first = read_texts(texts, tmp_path)
    (file,) = (tmp_path / "derived").iterdir()
    assert READER in file.name
    monkeypatch.setattr("workbench.snapshot.readings.read_statement", None)
    assert read_texts(texts, tmp_path) == first
    assert read_texts(texts[::-1], tmp_path) == first[::-1]


def test_a_damaged_or_missing_store_costs_only_time(tmp_path):
    texts = ["SELECT 1 FROM t", "SELECT 2 FROM u"]
    first = read_texts(texts, tmp_path)
    (file,) = (tmp_path / "derived").iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 3] + b"\xff\n{}\n[1]\n" + whole[len(whole) // 3 + 5 :])
    assert read_texts(texts, tmp_path) == first
    assert sorted(file.read_bytes().splitlines()) == sorted(whole.splitlines())
    file.unlink()
    assert read_texts(texts, tmp_path) == first
    assert file.read_bytes() == whole
    assert not list(tmp_path.glob(".staging-*"))


def test_a_store_that_cannot_be_written_costs_only_time(tmp_path):
    texts = ["SELECT 1 FROM t"]
    (tmp_path / "derived").write_text("in the way")
    assert read_texts(texts, tmp_path) == read_texts(texts)
    assert not list(tmp_path.glob(".staging-*"))


def test_without_columns_the_store_has_them_all_the_same(tmp_path):
    texts = ["SELECT * FROM t JOIN u USING (x) WHERE t.a = $1 ORDER BY t.b"]
    (slim,) = read_texts(texts, tmp_path, columns=False)
    assert [*slim.filters, *slim.order_by, *slim.stars] == []
    (whole,) = read_texts(texts, tmp_path)
    assert whole == read_statement(texts[0])
    assert [*whole.joins] == [*slim.joins] == [((None, "t", "x"), (None, "u", "x"))]
    assert whole.without_columns() == slim


def test_another_readers_facts_are_left_behind(tmp_path):
    old = tmp_path / "derived" / "statements-0.jsonl"
    old.parent.mkdir()
    old.write_text("x {}\n")
    read_texts(["SELECT 1"], tmp_path)
    assert not old.exists()


USES = [
    (
        "SELECT u.id, lower(u.name) FROM a.users u WHERE u.age > $1 AND u.kind::text = $2 ORDER BY u.made",
        {("u", ("a", "users"), ("age", "id", "kind", "made", "name"), ("age",))},
    ),
    (
        "SELECT * FROM t x WHERE EXISTS (SELECT 1 FROM t x WHERE x.b = $1)",
        {("x", (None, "t"), ("",), ()), ("x", (None, "t"), ("b",), ("b",))},
    ),
    ("SELECT count(*) AS n FROM t ORDER BY n", {("t", (None, "t"), (), ())}),
    ("SELECT count(t.*) FROM t", {("t", (None, "t"), (), ())}),
    ("SELECT 1 FROM t WHERE a = NULL AND b IS DISTINCT FROM $1", {("t", (None, "t"), ("a", "b"), ())}),
    (
        "SELECT a.x FROM one AS a JOIN two AS b USING (k)",
        {("a", (None, "one"), ("k", "x"), ()), ("b", (None, "two"), ("k",), ())},
    ),
    ("INSERT INTO t (a, b) VALUES ($1, $2) RETURNING c", {("t", (None, "t"), ("a", "b", "c"), ())}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "uses"), USES, ids=[text for text, _ in USES])
def test_the_columns_of_each_use_of_a_relation(text, uses):
    assert read_statement(text).uses == uses


CHANGES = [
    ("INSERT INTO t VALUES (1)", {("insert", (None, "t"), ())}),
    (
        "INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET c = 1, b = 2",
        {("insert", (None, "t"), ()), ("update", (None, "t"), ("b", "c"))},
    ),
    ("UPDATE s.t SET a = 1, (b, c) = (2, 3)", {("update", ("s", "t"), ("a", "b", "c"))}),
    ("WITH d AS (DELETE FROM t RETURNING a) SELECT a FROM d", {("delete", (None, "t"), ())}),
    (
        "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET b = 1 WHEN NOT MATCHED THEN INSERT (a) VALUES (1)",
        {("insert", (None, "t"), ()), ("update", (None, "t"), ("b",))},
    ),
    ("TRUNCATE t, s.u", {("truncate", (None, "t"), ()), ("truncate", ("s", "u"), ())}),
    ("COPY t FROM STDIN", {("insert", (None, "t"), ())}),
    ("COPY t TO STDOUT", set()),
    ("EXPLAIN DELETE FROM t", set()),
    ("EXPLAIN ANALYZE DELETE FROM t", {("delete", (None, "t"), ())}),
    (
        "DO $$ BEGIN UPDATE t SET a = f(1, 2), b = 3 WHERE c; DELETE FROM s.u; TRUNCATE v; SELECT 1 INTO w FROM x; END $$",
        {
            ("update", (None, "t"), ("a", "b")),
            ("delete", ("s", "u"), ()),
            ("truncate", (None, "v"), ()),
        },
    ),
    (
        "DO $$ BEGIN INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 2; UPDATE u SET (a, b) = (1, 2); END $$",
        {
            ("insert", (None, "t"), ()),
            ("update", (None, "t"), ("b",)),
            ("update", (None, "u"), ()),
        },
    ),
]


@pytest.mark.parametrize(("text", "changes"), CHANGES, ids=[text for text, _ in CHANGES])
def test_what_is_done_to_what_is_written(text, changes):
    found = read_statement(text)
    assert found.changes == changes
    assert statement_from_json(found.to_json()) == found
