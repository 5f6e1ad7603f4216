-- How are partitioned tables divided?
-- One row per partitioned table. `partattrs` holds column numbers in order, 0 where an expression stands; `definition` is redacted.
WITH locked AS MATERIALIZED (
  SELECT l.relation
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_database AS d ON d.oid = l.database
  WHERE d.datname = pg_catalog.current_database()
    AND l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
)
SELECT
  p.partrelid             AS relation_oid,
  p.partstrat             AS partstrat,
  (p.partattrs::int2[])[:] AS partattrs,
  NULLIF(p.partdefid, 0)  AS default_oid,
  CASE WHEN x.locked THEN NULL ELSE pg_catalog.pg_get_partkeydef(p.partrelid) END AS definition,
  CASE WHEN x.locked THEN 'locked' END AS unseen
FROM pg_catalog.pg_partitioned_table AS p
JOIN pg_catalog.pg_class AS c ON c.oid = p.partrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (SELECT p.partrelid IN (SELECT relation FROM locked)) AS x (locked)
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
ORDER BY p.partrelid;
