-- How large are the system catalogues of this database?
-- One row: bytes of pg_catalog and information_schema with their indexes and TOAST; what all databases share is left out.
-- `estimated` where one of them is under ACCESS EXCLUSIVE lock: it is taken from relpages then, without its indexes and TOAST.
WITH locked AS MATERIALIZED (
  SELECT l.relation
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_database AS d ON d.oid = l.database
  WHERE d.datname = pg_catalog.current_database()
    AND l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
), catalogue AS (
  SELECT
    c.oid,
    c.relpages,
    c.oid IN (SELECT relation FROM locked)
      OR c.reltoastrelid IN (SELECT relation FROM locked)
      OR EXISTS (
        SELECT FROM pg_catalog.pg_index AS i
        WHERE i.indrelid IN (c.oid, c.reltoastrelid) AND i.indexrelid IN (SELECT relation FROM locked)
      ) AS estimated
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE n.nspname IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'm') AND NOT c.relisshared
)
SELECT
  pg_catalog.sum(
    CASE
      WHEN s.estimated THEN s.relpages::int8 * pg_catalog.current_setting('block_size')::int8
      ELSE pg_catalog.pg_total_relation_size(s.oid)
    END
  )::int8                        AS bytes,
  pg_catalog.count(*)            AS relations,
  pg_catalog.bool_or(s.estimated) AS estimated
FROM catalogue AS s;
