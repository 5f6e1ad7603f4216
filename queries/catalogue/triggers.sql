-- Which triggers fire on which tables, and what do they call?
-- One row per trigger that a person made. `definition` is redacted; it is `unseen` where somebody holds the table locked.
WITH locked AS MATERIALIZED (
  SELECT l.relation
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_database AS d ON d.oid = l.database
  WHERE d.datname = pg_catalog.current_database()
    AND l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
)
SELECT
  t.oid                  AS oid,
  t.tgname               AS trigger,
  t.tgrelid              AS relation_oid,
  t.tgfoid               AS function_oid,
  CASE WHEN t.tgtype::int4 & 2 <> 0 THEN 'before' WHEN t.tgtype::int4 & 64 <> 0 THEN 'instead of' ELSE 'after' END AS timing,
  CASE WHEN t.tgtype::int4 & 1 <> 0 THEN 'row' ELSE 'statement' END AS level,
  t.tgtype::int4 & 4 <> 0  AS on_insert,
  t.tgtype::int4 & 16 <> 0 AS on_update,
  t.tgtype::int4 & 8 <> 0  AS on_delete,
  t.tgtype::int4 & 32 <> 0 AS on_truncate,
  t.tgenabled            AS tgenabled,
  NULLIF(t.tgparentid, 0) AS parent_oid,
  (t.tgattr::int2[])[:]  AS tgattr,
  x.definition           AS definition,
  CASE WHEN x.definition IS NULL THEN 'locked' END AS unseen
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
  SELECT CASE
    WHEN t.tgrelid IN (SELECT relation FROM locked) OR t.tgconstrrelid IN (SELECT relation FROM locked) THEN NULL
    ELSE pg_catalog.pg_get_triggerdef(t.oid)
  END
) AS x (definition)
WHERE NOT t.tgisinternal
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
ORDER BY t.oid;
