-- Which types did somebody define?
-- One row per enum, domain, composite and range type; a table's row type and an array type are left out. A domain's default is redacted.
SELECT
  t.oid                                  AS oid,
  n.nspname                              AS schema,
  t.typname                              AS type,
  t.typtype                              AS typtype,
  pg_catalog.pg_get_userbyid(t.typowner) AS owner,
  CASE WHEN t.typtype = 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) END AS base_type,
  NULLIF(t.typbasetype, 0)               AS base_type_oid,
  CASE WHEN t.typtype = 'd' THEN t.typnotnull END AS typnotnull,
  t.typdefault                           AS typdefault,
  e.extname                              AS extension
FROM pg_catalog.pg_type AS t
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = t.typrelid
LEFT JOIN pg_catalog.pg_depend AS x
  ON x.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND x.objid = t.oid AND x.deptype = 'e'
LEFT JOIN pg_catalog.pg_extension AS e ON e.oid = x.refobjid
WHERE t.typtype IN ('e', 'd', 'c', 'r') AND (c.oid IS NULL OR c.relkind = 'c')
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
ORDER BY t.oid;
