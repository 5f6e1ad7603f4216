-- Which tables and schemas does each publication name?
-- One row per table or schema that is named; none for a publication of all tables. `columns` is NULL where all go out; `row_filter` is redacted,
-- and `unseen` where somebody holds the table locked.
-- requires: server >= 15
WITH locked AS MATERIALIZED (
  SELECT l.relation
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_database AS d ON d.oid = l.database
  WHERE d.datname = pg_catalog.current_database()
    AND l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
)
SELECT
  p.prpubid                AS publication_oid,
  p.prrelid                AS relation_oid,
  NULL::name               AS schema,
  (p.prattrs::int2[])[:]   AS columns,
  CASE WHEN x.locked THEN NULL ELSE pg_catalog.pg_get_expr(p.prqual, p.prrelid) END AS row_filter,
  CASE WHEN x.locked THEN 'locked' END AS unseen
FROM pg_catalog.pg_publication_rel AS p
CROSS JOIN LATERAL (
  SELECT p.prqual IS NOT NULL AND p.prrelid IN (SELECT relation FROM locked)
) AS x (locked)
UNION ALL
SELECT s.pnpubid, NULL, n.nspname, NULL, NULL, NULL
FROM pg_catalog.pg_publication_namespace AS s
JOIN pg_catalog.pg_namespace AS n ON n.oid = s.pnnspid
ORDER BY 1, 2 NULLS LAST, 3;
