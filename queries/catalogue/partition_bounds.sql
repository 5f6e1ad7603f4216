-- Which rows does each partition take?
-- One row per partition of a table. A bound's values may be a person's (a tenant, a name): `bound` keeps its form and loses them.
-- `span_days` is how long a partition by one date or moment is, in days; NULL of any other.
WITH locked AS MATERIALIZED (
  SELECT l.relation
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_database AS d ON d.oid = l.database
  WHERE d.datname = pg_catalog.current_database()
    AND l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
)
SELECT
  c.oid              AS relation_oid,
  i.inhparent        AS parent_oid,
  x.bound = 'DEFAULT' AS is_default,
  x.bound            AS bound,
  CASE WHEN d.ends IS NOT NULL
       THEN pg_catalog.date_part('epoch', d.ends[2]::timestamp - d.ends[1]::timestamp) / 86400 END AS span_days,
  CASE WHEN x.bound IS NULL THEN 'locked' END AS unseen
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = c.oid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
  SELECT CASE
    WHEN c.oid IN (SELECT relation FROM locked) OR i.inhparent IN (SELECT relation FROM locked) THEN NULL
    ELSE pg_catalog.pg_get_expr(c.relpartbound, c.oid)
  END
) AS x (bound)
LEFT JOIN pg_catalog.pg_partitioned_table AS p ON p.partrelid = i.inhparent AND p.partnatts = 1
LEFT JOIN pg_catalog.pg_attribute AS a
  ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]
  AND a.atttypid IN ('pg_catalog.date'::regtype, 'pg_catalog.timestamp'::regtype, 'pg_catalog.timestamptz'::regtype)
CROSS JOIN LATERAL (
  SELECT CASE WHEN a.attnum > 0 THEN pg_catalog.regexp_match(
    x.bound, '^FOR VALUES FROM [(]''([0-9]{4}-[0-9]{2}-[0-9]{2}[^'']*)''[)] TO [(]''([0-9]{4}-[0-9]{2}-[0-9]{2}[^'']*)''[)]$'
  ) END
) AS d (ends)
WHERE c.relispartition AND c.relkind IN ('r', 'p', 'f')
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
ORDER BY c.oid;
