-- Which settings, search_path above all, does a role get in a database?
-- One row per setting of pg_db_role_setting; NULL stands for every database or every role.
SELECT
  d.datname                                                   AS datname,
  r.rolname                                                   AS rolname,
  pg_catalog.split_part(c.entry, '=', 1)                      AS name,
  pg_catalog.substr(c.entry, pg_catalog.strpos(c.entry, '=') + 1) AS value
FROM pg_catalog.pg_db_role_setting AS s
LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase
LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole
CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (entry)
ORDER BY 1 NULLS FIRST, 2 NULLS FIRST, 3;
