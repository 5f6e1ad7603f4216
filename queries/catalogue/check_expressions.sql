-- What do the check constraints of tables and domains demand?
-- One row per check; `type_oid` is the domain's where it is not a table's. `expression` is redacted; `unseen` where somebody holds the table locked.
WITH locked AS MATERIALIZED (
  SELECT l.relation
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_database AS d ON d.oid = l.database
  WHERE d.datname = pg_catalog.current_database()
    AND l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
)
SELECT
  k.oid                  AS constraint_oid,
  k.conname              AS conname,
  NULLIF(k.conrelid, 0)  AS relation_oid,
  NULLIF(k.contypid, 0)  AS type_oid,
  CASE WHEN x.locked THEN NULL ELSE pg_catalog.pg_get_expr(k.conbin, k.conrelid) END AS expression,
  CASE WHEN x.locked THEN 'locked' END AS unseen
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_namespace AS n ON n.oid = k.connamespace
CROSS JOIN LATERAL (SELECT k.conrelid IN (SELECT relation FROM locked)) AS x (locked)
WHERE k.contype = 'c'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
ORDER BY k.oid;
