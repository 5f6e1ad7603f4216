-- Which row policies filter what a login sees or writes?
-- One row per policy; `roles` is a JSON list, PUBLIC standing for everybody. Expressions are redacted; `unseen` where somebody holds the
-- table, or one that an expression reads, locked.
WITH locked AS MATERIALIZED (
  SELECT l.relation
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_database AS d ON d.oid = l.database
  WHERE d.datname = pg_catalog.current_database()
    AND l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
), waiting AS MATERIALIZED (
  SELECT x.objid
  FROM pg_catalog.pg_depend AS x
  WHERE x.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass
    AND x.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND x.refobjid IN (SELECT relation FROM locked)
)
SELECT
  p.oid            AS oid,
  p.polname        AS policy,
  p.polrelid       AS relation_oid,
  p.polcmd         AS polcmd,
  p.polpermissive  AS polpermissive,
  (SELECT pg_catalog.json_agg(g.role ORDER BY g.role)
   FROM (SELECT CASE WHEN r.oid = 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(r.oid)::text END
         FROM pg_catalog.unnest(p.polroles) AS r (oid)) AS g (role))::text AS roles,
  CASE WHEN x.locked THEN NULL ELSE pg_catalog.pg_get_expr(p.polqual, p.polrelid) END AS using_expression,
  CASE WHEN x.locked THEN NULL ELSE pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) END AS check_expression,
  CASE WHEN x.locked THEN 'locked' END AS unseen
FROM pg_catalog.pg_policy AS p
CROSS JOIN LATERAL (
  SELECT p.polrelid IN (SELECT relation FROM locked) OR p.oid IN (SELECT objid FROM waiting)
) AS x (locked)
ORDER BY p.oid;
