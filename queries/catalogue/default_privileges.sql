-- What will be granted on objects that do not exist yet?
-- One row per privilege of ALTER DEFAULT PRIVILEGES; `schema` is NULL where it holds in the whole database.
SELECT
  pg_catalog.pg_get_userbyid(a.defaclrole)     AS owner,
  n.nspname                                    AS schema,
  a.defaclobjtype                              AS object_type,
  CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(g.grantee) END AS grantee,
  pg_catalog.pg_get_userbyid(g.grantor)        AS grantor,
  g.privilege_type                             AS privilege_type,
  g.is_grantable                               AS is_grantable
FROM pg_catalog.pg_default_acl AS a
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = a.defaclnamespace
CROSS JOIN LATERAL pg_catalog.aclexplode(a.defaclacl) AS g
ORDER BY 1, 2 NULLS FIRST, 3, 4, 6, 5;
