-- Who was granted what?
-- One row per privilege that was granted explicitly, on this database, its schemas, relations and columns (`attnum`); an owner's implied rights are left out.
WITH acl AS (
  SELECT 'database' AS object_kind, d.oid, NULL::int2 AS attnum, d.datacl AS entries
  FROM pg_catalog.pg_database AS d
  WHERE d.datname = pg_catalog.current_database()
  UNION ALL
  SELECT 'schema', n.oid, NULL, n.nspacl
  FROM pg_catalog.pg_namespace AS n
  WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
  UNION ALL
  SELECT 'relation', c.oid, NULL, c.relacl
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
  UNION ALL
  SELECT 'column', a.attrelid, a.attnum, a.attacl
  FROM pg_catalog.pg_attribute AS a
  JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE a.attacl IS NOT NULL
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
)
SELECT
  acl.object_kind                              AS object_kind,
  acl.oid                                      AS oid,
  acl.attnum                                   AS attnum,
  CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(g.grantee) END AS grantee,
  pg_catalog.pg_get_userbyid(g.grantor)        AS grantor,
  g.privilege_type                             AS privilege_type,
  g.is_grantable                               AS is_grantable
FROM acl
CROSS JOIN LATERAL pg_catalog.aclexplode(acl.entries) AS g
ORDER BY 1, 2, 3 NULLS FIRST, 4, 6, 5;
