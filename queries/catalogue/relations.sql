-- Which tables, views and sequences does this database hold?
-- One row per relation but indexes, TOAST and the system's own. `root_oid` is the topmost partitioned table, or the relation itself.
-- `reloptions` and `toast_reloptions` (those of its TOAST table) are JSON lists, as in ["autovacuum_enabled=off"]; NULL where none is set.
-- Nothing here moves with the data, so that an unchanged catalogue stays equal from one reading to the next.
WITH RECURSIVE partition_tree AS (
  SELECT i.inhrelid AS oid, i.inhparent AS parent_oid, i.inhparent AS root_oid
  FROM pg_catalog.pg_inherits AS i
  JOIN pg_catalog.pg_class AS p ON p.oid = i.inhparent
  WHERE p.relkind = 'p' AND NOT p.relispartition
  UNION ALL
  SELECT i.inhrelid, i.inhparent, t.root_oid
  FROM partition_tree AS t
  JOIN pg_catalog.pg_inherits AS i ON i.inhparent = t.oid
)
SELECT
  c.oid                                  AS oid,
  n.nspname                              AS schema,
  c.relname                              AS relation,
  c.relkind                              AS relkind,
  c.relpersistence                       AS relpersistence,
  pg_catalog.pg_get_userbyid(c.relowner) AS owner,
  t.parent_oid                           AS parent_oid,
  COALESCE(t.root_oid, c.oid)            AS root_oid,
  c.relreplident                         AS relreplident,
  c.relrowsecurity                       AS relrowsecurity,
  e.extname                              AS extension,
  pg_catalog.to_json(c.reloptions)::text AS reloptions,
  (SELECT pg_catalog.to_json(o.reloptions)::text FROM pg_catalog.pg_class AS o WHERE o.oid = c.reltoastrelid) AS toast_reloptions
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN partition_tree AS t ON t.oid = c.oid
LEFT JOIN pg_catalog.pg_depend AS x
  ON x.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND x.objid = c.oid AND x.objsubid = 0 AND x.deptype = 'e'
LEFT JOIN pg_catalog.pg_extension AS e ON e.oid = x.refobjid
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
ORDER BY c.oid;
