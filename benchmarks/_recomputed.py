"""The figures of written limits by plain SQL, over the frames of a recorded history as PostgreSQL tables.

Which table a statement touches is read from its text, which does for the reference estates: theirs name every table
after FROM, JOIN, INTO or UPDATE, and by its schema where a database has several.
"""

from dataclasses import dataclass, field

FRAMES = {
    "statements": {
        "dbid": "oid",
        "userid": "oid",
        "queryid": "bigint",
        "toplevel": "boolean",
        "calls": "float8",
        "total_exec_time": "float8",
        **dict.fromkeys(
            ("shared_blks_hit", "shared_blks_read", "temp_blks_read", "temp_blks_written"), "float8"
        ),
    },
    "statement_texts": {
        "dbid": "oid",
        "userid": "oid",
        "queryid": "bigint",
        "toplevel": "boolean",
        "datname": "text",
        "rolname": "text",
        "query": "text",
    },
    "relations": {
        "oid": "oid",
        "schema": "text",
        "relation": "text",
        "relkind": "text",
        "root_oid": "oid",
    },
    "table_statistics": {
        "relation_oid": "oid",
        "reltuples": "float8",
        "n_live_tup": "float8",
        **dict.fromkeys(("n_mod_since_analyze", "n_tup_ins", "n_tup_upd", "n_tup_del"), "float8"),
    },
    "sizes": {"relation_oid": "oid", "bytes": "float8"},
    "identity": {"block_size": "float8"},
    "sampling": {"looks": "float8"},
    "session_samples": {
        "datname": "text",
        "usename": "text",
        "state": "text",
        "query_id": "bigint",
        "looks": "float8",
    },
}
"""Of each frame the columns that are copied, and their types."""

SETUP = r"""
CREATE TEMP TABLE span AS
SELECT min(at) AS first, max(at) AS last, extract(epoch FROM max(at) - min(at)) / 86400 AS days FROM identity;

CREATE TEMP TABLE texts AS
SELECT DISTINCT ON (dbid, userid, queryid) dbid, userid, queryid, datname, query
FROM statement_texts WHERE queryid IS NOT NULL AND rolname <> 'workbench' ORDER BY dbid, userid, queryid, at;

CREATE TEMP TABLE tables AS
SELECT DISTINCT r.database, r.schema, r.relation, o.service, (SELECT count(DISTINCT p.schema) > 1 FROM owned p WHERE p.database = r.database) AS qualified
FROM relations r JOIN owned o USING (database, schema) WHERE r.relkind IN ('r', 'p');

CREATE TEMP TABLE touches AS
SELECT t.dbid, t.userid, t.queryid, b.service, b.schema, b.relation,
    t.query ~* (CASE WHEN b.qualified THEN '(into|update|delete from)\s+' || b.schema || '\.' ELSE '(into|update|delete from)\s+' END || b.relation || '\M')
    OR t.query ~* 'for (no key )?(update|share)' AS writes,
    t.query ~* '^\s*(select|with)' AND t.query !~* 'for (no key )?(update|share)' AS only_reads
FROM texts t JOIN tables b ON b.database = t.datname
WHERE t.query ~* (CASE WHEN b.qualified THEN '\m' || b.schema || '\.' ELSE '(from|join|into|update)\s+(public\.)?' END || b.relation || '\M')
  AND t.query !~* '^\s*(copy|vacuum|analyze|create|truncate)';

CREATE TEMP TABLE clocks AS
SELECT at, taken, extract(epoch FROM taken - lag(taken) OVER (ORDER BY at)) AS seconds FROM (SELECT DISTINCT at, taken FROM statements) AS nights;

CREATE TEMP TABLE moved AS
SELECT at, seconds, dbid, userid, queryid, calls, ms, blocks FROM (
    SELECT s.at, c.seconds, s.dbid, s.userid, s.queryid,
        s.calls - coalesce(lag(s.calls) OVER w, 0) AS calls,
        s.total_exec_time - coalesce(lag(s.total_exec_time) OVER w, 0) AS ms,
        s.shared_blks_hit + s.shared_blks_read + s.temp_blks_read
            - coalesce(lag(s.shared_blks_hit + s.shared_blks_read + s.temp_blks_read) OVER w, 0) AS blocks
    FROM statements s JOIN clocks c USING (at)
    WHERE s.toplevel IS NOT FALSE AND s.queryid IS NOT NULL
    WINDOW w AS (PARTITION BY s.dbid, s.userid, s.queryid ORDER BY s.at)) AS risen
WHERE seconds IS NOT NULL;

CREATE TEMP TABLE mine AS
SELECT service, dbid, userid, queryid, bool_or(writes) AS writes, bool_and(only_reads) AS only_reads
FROM touches GROUP BY service, dbid, userid, queryid;

CREATE TEMP TABLE slices AS
SELECT service, at, seconds, sum(ms) AS ms, sum(calls) AS calls, sum(ms) FILTER (WHERE only_reads) AS read_ms
FROM moved JOIN mine USING (dbid, userid, queryid) GROUP BY service, at, seconds;

CREATE TEMP TABLE counted AS
SELECT t.at, b.schema, b.relation, o.service, t.relation_oid, t.reltuples, t.n_live_tup, t.n_mod_since_analyze, t.n_tup_ins,
    t.n_tup_ins + t.n_tup_upd + t.n_tup_del AS written
FROM table_statistics t
JOIN relations r ON (r.at, r.database, r.oid) = (t.at, t.database, t.relation_oid)
JOIN relations b ON (b.at, b.database, b.oid) = (r.at, r.database, coalesce(r.root_oid, r.oid))
JOIN owned o ON (o.database, o.schema) = (b.database, b.schema);
"""


@dataclass(frozen=True)
class Figure:
    """SQL that gives a figure, or its two ends, in the metric's own unit; how many of it each other unit is."""

    sql: str
    units: dict[str, float] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    """in its formula, where the estate file gives none"""


FIGURES = {
    "total_bytes": Figure(
        """
        SELECT sum(s.bytes) FROM sizes s JOIN span ON s.at = span.last
        JOIN relations r ON (r.at, r.database, r.oid) = (s.at, s.database, s.relation_oid)
        JOIN owned o ON (o.database, o.schema) = (r.database, r.schema) WHERE o.service = %(service)s""",
    ),
    "rows": Figure(
        """
        SELECT sum(round(CASE
            WHEN reltuples >= 0 THEN least(greatest(n_live_tup, reltuples - n_mod_since_analyze), reltuples + n_mod_since_analyze)
            ELSE n_live_tup END))
        FROM counted JOIN span ON at = last WHERE service = %(service)s""",
    ),
    "rows_per_day": Figure(
        """
        SELECT sum(l.n_tup_ins - coalesce(f.n_tup_ins, 0)) / min(span.days)
        FROM span JOIN counted l ON l.at = span.last LEFT JOIN counted f ON f.at = span.first AND f.relation_oid = l.relation_oid
        WHERE l.service = %(service)s""",
    ),
    "latency": Figure(
        "SELECT ms / calls FROM slices WHERE service = %(service)s ORDER BY ms / seconds DESC LIMIT 1",
        {"ms": 1.0, "s": 1000.0},
    ),
    "replica_load": Figure(
        """
        SELECT CASE WHEN coalesce(read_ms, 0) > %(read_share)s * ms THEN ms / 1000 / seconds / %(vcpus)s ELSE 0 END
        FROM slices WHERE service = %(service)s ORDER BY ms / seconds DESC LIMIT 1""",
        numbers={"read_share": 0.8},
    ),
    "cacheable_share": Figure(
        """
        WITH busy AS (
            SELECT DISTINCT l.schema, l.relation FROM span JOIN counted l ON l.at = span.last
            LEFT JOIN counted f ON f.at = span.first AND f.relation_oid = l.relation_oid
            GROUP BY l.schema, l.relation, span.days
            HAVING sum(l.written - coalesce(f.written, 0)) / (span.days * 1440) >= %(writes_per_minute)s),
        taken AS (
            SELECT m.dbid, m.userid, m.queryid, m.only_reads, sum(ms) AS ms, sum(calls) AS calls
            FROM moved JOIN mine m USING (dbid, userid, queryid) WHERE m.service = %(service)s GROUP BY 1, 2, 3, 4)
        SELECT coalesce(sum(ms) FILTER (WHERE only_reads AND calls / days > %(calls_per_day)s AND NOT EXISTS (
            SELECT FROM touches t JOIN busy USING (schema, relation) WHERE (t.dbid, t.userid, t.queryid) = (taken.dbid, taken.userid, taken.queryid))), 0) / sum(ms)
        FROM taken, span""",
        numbers={"calls_per_day": 1000, "writes_per_minute": 1},
    ),
    "interference": Figure(
        """
        WITH least AS (
            SELECT greatest(%(read_share)s * sum(s.bytes) / min(i.block_size), %(least_blocks)s) AS blocks
            FROM span JOIN sizes s ON s.at = span.last JOIN identity i ON i.at = span.last
            JOIN relations r ON (r.at, r.database, r.oid) = (s.at, s.database, s.relation_oid)
            JOIN owned o ON (o.database, o.schema) = (r.database, r.schema) WHERE o.service = %(service)s),
        replays AS (
            SELECT DISTINCT at FROM moved JOIN mine USING (dbid, userid, queryid), least
            WHERE service = %(service)s AND NOT writes AND calls > 0 AND moved.blocks / calls >= least.blocks),
        others AS (
            SELECT m.*, EXISTS (SELECT FROM replays r WHERE r.at = m.at) AS beside FROM moved m
            WHERE EXISTS (SELECT FROM mine WHERE (dbid, userid, queryid) = (m.dbid, m.userid, m.queryid))
              AND NOT EXISTS (SELECT FROM mine WHERE (dbid, userid, queryid) = (m.dbid, m.userid, m.queryid) AND service = %(service)s)),
        usual AS (
            SELECT dbid, userid, queryid, sum(ms) / nullif(sum(calls), 0) AS mean FROM others WHERE NOT beside GROUP BY 1, 2, 3),
        slow AS (
            SELECT at, beside, ln(sum(ms) / sum(calls * mean)) AS log FROM others JOIN usual USING (dbid, userid, queryid)
            WHERE mean > 0 GROUP BY at, beside HAVING sum(calls * mean) > 0),
        both_ AS (
            SELECT avg(log) FILTER (WHERE beside) - avg(log) FILTER (WHERE NOT beside) AS difference,
                var_samp(log) FILTER (WHERE beside) / count(*) FILTER (WHERE beside) AS one, count(*) FILTER (WHERE beside) - 1 AS free_one,
                var_samp(log) FILTER (WHERE NOT beside) / count(*) FILTER (WHERE NOT beside) AS two, count(*) FILTER (WHERE NOT beside) - 1 AS free_two
            FROM slow),
        welch AS (
            SELECT difference, sqrt(one + two) AS deviation, 1 / (((one + two) ^ 2) / (one ^ 2 / free_one + two ^ 2 / free_two)) AS f,
                1.959963984540054::float8 AS z FROM both_ WHERE free_one >= 2 AND free_two >= 2),
        reach AS (
            SELECT difference, deviation * (z + (z^3 + z) / 4 * f + (5 * z^5 + 16 * z^3 + 3 * z) / 96 * f^2
                + (3 * z^7 + 19 * z^5 + 17 * z^3 - 15 * z) / 384 * f^3) AS reach FROM welch)
        SELECT CASE WHEN EXISTS (SELECT FROM replays) THEN (SELECT exp(difference - reach) FROM reach) ELSE 1 END,
            CASE WHEN EXISTS (SELECT FROM replays) THEN (SELECT exp(difference + reach) FROM reach) ELSE 1 END""",
        numbers={"read_share": 0.5, "least_blocks": 1000},
    ),
    # a COMMIT touches no table: it is the work of whose login it is
    "active_sessions": Figure(
        """
        WITH active AS (SELECT * FROM session_samples WHERE state IN ('active', 'fastpath function call')),
        run AS (SELECT datname, queryid AS query_id, service FROM mine JOIN texts USING (dbid, userid, queryid))
        SELECT coalesce(sum(looks), 0) / (SELECT sum(looks) FROM sampling) FROM active a
        WHERE EXISTS (SELECT FROM run WHERE service = %(service)s AND (datname, query_id) = (a.datname, a.query_id))
           OR usename IN (SELECT login FROM actors WHERE service = %(service)s)
              AND NOT EXISTS (SELECT FROM run WHERE (datname, query_id) = (a.datname, a.query_id))""",
    ),
}
