-- Which extensions are installed in this database, and where?
-- One row per extension.
SELECT
  e.oid        AS oid,
  e.extname    AS extname,
  e.extversion AS extversion,
  n.nspname    AS schema
FROM pg_catalog.pg_extension AS e
JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
ORDER BY e.extname;
