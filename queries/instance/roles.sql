-- Which roles exist, and what may they do?
-- One row per role; the passwords are not asked for.
SELECT
  r.oid            AS oid,
  r.rolname        AS rolname,
  r.rolsuper       AS rolsuper,
  r.rolinherit     AS rolinherit,
  r.rolcreaterole  AS rolcreaterole,
  r.rolcreatedb    AS rolcreatedb,
  r.rolcanlogin    AS rolcanlogin,
  r.rolreplication AS rolreplication,
  r.rolbypassrls   AS rolbypassrls,
  r.rolconnlimit   AS rolconnlimit,
  CASE WHEN pg_catalog.isfinite(r.rolvaliduntil) THEN r.rolvaliduntil END AS rolvaliduntil
FROM pg_catalog.pg_roles AS r
ORDER BY r.rolname;
