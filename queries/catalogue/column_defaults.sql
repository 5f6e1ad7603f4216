-- What do columns hold when nothing is given, and how are they generated?
-- One row per default or generated column. `expression` is redacted; `sequence_oid` is the sequence a default draws from, whose name it loses.
-- Where somebody holds the table locked, the server would wait to print the expression: it is `unseen`.
WITH locked AS MATERIALIZED (
  SELECT l.relation
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_database AS d ON d.oid = l.database
  WHERE d.datname = pg_catalog.current_database()
    AND l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
), drawn AS (
  SELECT x.objid, pg_catalog.min(x.refobjid) AS sequence_oid
  FROM pg_catalog.pg_depend AS x
  JOIN pg_catalog.pg_class AS s ON s.oid = x.refobjid
  WHERE x.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
    AND x.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND s.relkind = 'S'
  GROUP BY x.objid
)
SELECT
  v.adrelid        AS relation_oid,
  v.adnum          AS attnum,
  a.attgenerated   AS attgenerated,
  CASE WHEN k.locked THEN NULL ELSE pg_catalog.pg_get_expr(v.adbin, v.adrelid) END AS expression,
  q.sequence_oid   AS sequence_oid,
  CASE WHEN k.locked THEN 'locked' END AS unseen
FROM pg_catalog.pg_attrdef AS v
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = v.adrelid AND a.attnum = v.adnum
JOIN pg_catalog.pg_class AS c ON c.oid = v.adrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN drawn AS q ON q.objid = v.oid
CROSS JOIN LATERAL (SELECT v.adrelid IN (SELECT relation FROM locked)) AS k (locked)
WHERE NOT a.attisdropped
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
ORDER BY v.adrelid, v.adnum;
