-- Which vacuums are running at this moment, and how far are they?
-- One row per vacuum, autovacuum among them; `unseen` where the login may not look.
-- sees all with: pg_read_all_stats
SELECT
  v.pid                 AS pid,
  v.datname             AS datname,
  v.relid               AS relation_oid,
  v.phase               AS phase,
  v.heap_blks_total     AS heap_blks_total,
  v.heap_blks_scanned   AS heap_blks_scanned,
  v.heap_blks_vacuumed  AS heap_blks_vacuumed,
  v.index_vacuum_count  AS index_vacuum_count,
  CASE WHEN v.relid IS NULL THEN 'privilege' END AS unseen
FROM pg_catalog.pg_stat_progress_vacuum AS v
ORDER BY v.pid;
