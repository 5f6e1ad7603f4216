-- How is each index defined, and which rows does it leave out?
-- One row per index: the whole definition and the predicate of a partial one, both redacted; `unseen` where somebody holds it or its table locked.
WITH locked AS MATERIALIZED (
  SELECT l.relation
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_database AS d ON d.oid = l.database
  WHERE d.datname = pg_catalog.current_database()
    AND l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
)
SELECT
  i.indexrelid           AS index_oid,
  CASE WHEN x.locked THEN NULL ELSE pg_catalog.pg_get_indexdef(i.indexrelid) END AS definition,
  CASE WHEN x.locked THEN NULL ELSE pg_catalog.pg_get_expr(i.indpred, i.indrelid) END AS predicate,
  CASE WHEN x.locked THEN 'locked' END AS unseen
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
  SELECT i.indexrelid IN (SELECT relation FROM locked) OR i.indrelid IN (SELECT relation FROM locked)
) AS x (locked)
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
ORDER BY i.indexrelid;
