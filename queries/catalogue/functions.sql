-- Which functions and procedures are there, and what do they do?
-- One row per function, procedure, aggregate and window function but the system's own. `body` is kept for SQL and PL/pgSQL, redacted;
-- that of an extension's or another language's is not asked for. `search_path` is what its own SET clause says.
-- A body in SQL's own form is printed by the server, which would wait for a relation it names and somebody locks: then it is `unseen`.
WITH locked AS MATERIALIZED (
  SELECT l.relation
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_database AS d ON d.oid = l.database
  WHERE d.datname = pg_catalog.current_database()
    AND l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
), waiting AS MATERIALIZED (
  SELECT x.objid
  FROM pg_catalog.pg_depend AS x
  WHERE x.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    AND x.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND x.refobjid IN (SELECT relation FROM locked)
)
SELECT
  p.oid                                    AS oid,
  n.nspname                                AS schema,
  p.proname                                AS function,
  pg_catalog.pg_get_function_identity_arguments(p.oid) AS arguments,
  pg_catalog.pg_get_function_result(p.oid) AS result,
  pg_catalog.pg_get_userbyid(p.proowner)   AS owner,
  p.prokind                                AS prokind,
  l.lanname                                AS language,
  p.provolatile                            AS provolatile,
  p.proparallel                            AS proparallel,
  p.prosecdef                              AS security_definer,
  p.proisstrict                            AS proisstrict,
  p.proleakproof                           AS proleakproof,
  p.proretset                              AS proretset,
  (SELECT pg_catalog.substr(c.entry, 13)
   FROM pg_catalog.unnest(p.proconfig) AS c (entry)
   WHERE c.entry LIKE 'search_path=%')     AS search_path,
  e.extname                                AS extension,
  CASE
    WHEN e.extname IS NOT NULL OR p.prokind = 'a' OR l.lanname NOT IN ('sql', 'plpgsql') THEN NULL
    WHEN p.prosqlbody IS NULL THEN p.prosrc
    WHEN p.oid NOT IN (SELECT objid FROM waiting) THEN pg_catalog.pg_get_function_sqlbody(p.oid)
  END                                      AS body,
  CASE
    WHEN e.extname IS NULL AND p.prosqlbody IS NOT NULL AND p.oid IN (SELECT objid FROM waiting) THEN 'locked'
  END                                      AS unseen
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
LEFT JOIN pg_catalog.pg_depend AS x
  ON x.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND x.objid = p.oid AND x.deptype = 'e'
LEFT JOIN pg_catalog.pg_extension AS e ON e.oid = x.refobjid
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
ORDER BY p.oid;
