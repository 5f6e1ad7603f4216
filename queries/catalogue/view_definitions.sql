-- What does the SQL of each view and materialised view say?
-- One row per view but extensions' and the system's own; `definition` is redacted. The server prints it from the stored rule, reads no row,
-- and needs no privilege on the view; it holds ACCESS SHARE on the view and on what that reads until the transaction ends. So `unseen` says
-- what was left out: `locked` where that would wait, `long` beyond 100,000 characters, or a rule of more than 1 MB as it is stored, and
-- `locks` where all would take more than a quarter of the server's lock table; those that read other schemas come first.
-- The setting workbench.relations ('16385,16391') limits the question to these views.
-- transaction: its own
WITH asked AS MATERIALIZED (
  SELECT o.oid::oid AS oid
  FROM pg_catalog.unnest(pg_catalog.string_to_array(NULLIF(pg_catalog.current_setting('workbench.relations', true), ''), ',')) AS o (oid)
), most AS MATERIALIZED (
  SELECT pg_catalog.current_setting('max_locks_per_transaction')::int8 * pg_catalog.current_setting('max_connections')::int8 / 4 AS locks
), locked AS MATERIALIZED (
  SELECT l.relation
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_database AS d ON d.oid = l.database
  WHERE d.datname = pg_catalog.current_database()
    AND l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
), rules AS MATERIALIZED (
  SELECT
    r.ev_class                              AS relation_oid,
    pg_catalog.pg_column_size(r.ev_action)  AS bytes,
    v.relnamespace                          AS namespace_oid,
    r.oid                                   AS oid
  FROM pg_catalog.pg_rewrite AS r
  JOIN pg_catalog.pg_class AS v ON v.oid = r.ev_class
  JOIN pg_catalog.pg_namespace AS n ON n.oid = v.relnamespace
  WHERE v.relkind IN ('v', 'm') AND r.rulename = '_RETURN'
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
    AND (COALESCE(pg_catalog.current_setting('workbench.relations', true), '') = '' OR v.oid IN (SELECT oid FROM asked))
    AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend AS e
      WHERE e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.objid = v.oid AND e.deptype = 'e'
    )
), reading AS MATERIALIZED (
  SELECT
    r.relation_oid,
    r.bytes,
    pg_catalog.count(DISTINCT d.refobjid)   AS locks,
    pg_catalog.bool_or(c.relnamespace <> r.namespace_oid) AS elsewhere,
    pg_catalog.bool_or(d.refobjid IN (SELECT relation FROM locked)) AS locked
  FROM rules AS r
  JOIN pg_catalog.pg_depend AS d  -- the view itself is among them
    ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
  JOIN pg_catalog.pg_class AS c ON c.oid = d.refobjid
  GROUP BY r.relation_oid, r.bytes
), judged AS MATERIALIZED (
  SELECT
    r.relation_oid,
    CASE
      WHEN r.locked THEN 'locked'
      WHEN r.bytes > 1000000 THEN 'long'
      WHEN r.locks > m.locks OR pg_catalog.sum(r.locks) FILTER (WHERE r.locks <= m.locks AND r.bytes <= 1000000 AND NOT r.locked)
        OVER (ORDER BY r.elsewhere DESC, r.relation_oid) > m.locks THEN 'locks'
    END AS unseen
  FROM reading AS r
  CROSS JOIN most AS m
), printed AS MATERIALIZED (
  SELECT
    j.relation_oid,
    j.unseen,
    CASE WHEN j.unseen IS NULL THEN pg_catalog.pg_get_viewdef(j.relation_oid) END AS definition
  FROM judged AS j
)
SELECT
  p.relation_oid         AS relation_oid,
  CASE WHEN pg_catalog.length(p.definition) <= 100000 THEN p.definition END AS definition,
  CASE WHEN pg_catalog.length(p.definition) > 100000 THEN 'long' ELSE p.unseen END AS unseen
FROM printed AS p
ORDER BY p.relation_oid;
