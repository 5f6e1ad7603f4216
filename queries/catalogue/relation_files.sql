-- Which file holds the rows of which relation?
-- One row per table, materialized view and TOAST table whose changes are in the WAL. `relation_oid` is the table, also for its TOAST, and NULL where it is the system's own.
-- A rewrite (VACUUM FULL, TRUNCATE, most of ALTER TABLE) moves a relation into another file: the WAL knows files only.
SELECT
  CASE WHEN n.nspname NOT IN ('pg_catalog', 'information_schema') THEN o.oid END AS relation_oid,
  COALESCE(NULLIF(c.reltablespace, 0), d.dattablespace)                          AS tablespace_oid,
  CASE WHEN c.relfilenode = 0 THEN pg_catalog.pg_relation_filenode(c.oid) ELSE c.relfilenode END AS filenode
FROM pg_catalog.pg_class AS c
LEFT JOIN pg_catalog.pg_class AS t ON t.reltoastrelid = c.oid AND c.relkind = 't'
JOIN pg_catalog.pg_class AS o ON o.oid = COALESCE(t.oid, c.oid)
JOIN pg_catalog.pg_namespace AS n ON n.oid = o.relnamespace
CROSS JOIN pg_catalog.pg_database AS d
WHERE d.datname = pg_catalog.current_database()
  AND c.relkind IN ('r', 'm', 't') AND c.relpersistence = 'p' AND NOT c.relisshared
ORDER BY c.oid;
