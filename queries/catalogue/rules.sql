-- Which rewrite rules stand on which relations, and what do they do?
-- One row per rule but those that make a view what it is. `event` is select, update, insert or delete. `definition` is redacted; it is `unseen`
-- where somebody holds the relation, or one that the rule names, locked.
WITH locked AS MATERIALIZED (
  SELECT l.relation
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_database AS d ON d.oid = l.database
  WHERE d.datname = pg_catalog.current_database()
    AND l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
), waiting AS MATERIALIZED (
  SELECT x.objid
  FROM pg_catalog.pg_depend AS x
  WHERE x.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
    AND x.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND x.refobjid IN (SELECT relation FROM locked)
)
SELECT
  r.oid                  AS oid,
  r.rulename             AS rule,
  r.ev_class             AS relation_oid,
  CASE r.ev_type WHEN '1' THEN 'select' WHEN '2' THEN 'update' WHEN '3' THEN 'insert' ELSE 'delete' END AS event,
  r.ev_enabled           AS ev_enabled,
  r.is_instead           AS is_instead,
  CASE WHEN x.locked THEN NULL ELSE pg_catalog.pg_get_ruledef(r.oid) END AS definition,
  CASE WHEN x.locked THEN 'locked' END AS unseen
FROM pg_catalog.pg_rewrite AS r
JOIN pg_catalog.pg_class AS c ON c.oid = r.ev_class
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
  SELECT r.ev_class IN (SELECT relation FROM locked) OR r.oid IN (SELECT objid FROM waiting)
) AS x (locked)
WHERE r.rulename <> '_RETURN'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
ORDER BY r.oid;
