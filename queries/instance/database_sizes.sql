-- How large is each database on disk?
-- One row per database but the templates. `bytes` is NULL where the role may neither connect nor read all statistics (`unseen`), or where it was not measured.
-- pg_database_size looks at every file of a database, which on a large one takes minutes.
-- The setting workbench.databases ('16384,16391') limits the question to these; workbench.estimate = 'on' opens no file and leaves `bytes` NULL.
-- sees all with: pg_read_all_stats
WITH asked AS MATERIALIZED (
  SELECT o.oid::oid AS oid
  FROM pg_catalog.unnest(pg_catalog.string_to_array(NULLIF(pg_catalog.current_setting('workbench.databases', true), ''), ',')) AS o (oid)
)
SELECT
  d.oid     AS oid,
  d.datname AS datname,
  CASE
    WHEN x.readable AND COALESCE(pg_catalog.current_setting('workbench.estimate', true), '') <> 'on'
      THEN pg_catalog.pg_database_size(d.oid)
  END       AS bytes,
  CASE WHEN NOT x.readable THEN 'privilege' END AS unseen
FROM pg_catalog.pg_database AS d
CROSS JOIN LATERAL (
  SELECT pg_catalog.has_database_privilege(d.oid, 'CONNECT')
      OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
) AS x (readable)
WHERE NOT d.datistemplate
  AND (COALESCE(pg_catalog.current_setting('workbench.databases', true), '') = '' OR d.oid IN (SELECT oid FROM asked))
ORDER BY d.oid;
