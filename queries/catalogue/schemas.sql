-- Which schemas does this database hold?
-- One row per schema but the system's own; `extension` names the extension that owns it.
SELECT
  n.oid                                AS oid,
  n.nspname                            AS schema,
  pg_catalog.pg_get_userbyid(n.nspowner) AS owner,
  e.extname                            AS extension
FROM pg_catalog.pg_namespace AS n
LEFT JOIN pg_catalog.pg_depend AS x
  ON x.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND x.objid = n.oid AND x.deptype = 'e'
LEFT JOIN pg_catalog.pg_extension AS e ON e.oid = x.refobjid
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
ORDER BY n.nspname;
