-- What has each statement cost since its entry was made?
-- One row per entry of pg_stat_statements, without texts, so that its text file is not read. Times in milliseconds.
-- The extension's schema must be in search_path.
-- sees all with: pg_read_all_stats
-- requires: pg_stat_statements >= 1.11
-- replicas: too
SELECT
  s.dbid                   AS dbid,
  s.userid                 AS userid,
  s.queryid                AS queryid,
  s.toplevel               AS toplevel,
  s.plans                  AS plans,
  s.total_plan_time        AS total_plan_time,
  s.calls                  AS calls,
  s.total_exec_time        AS total_exec_time,
  s.min_exec_time          AS min_exec_time,
  s.max_exec_time          AS max_exec_time,
  s.mean_exec_time         AS mean_exec_time,
  s.stddev_exec_time       AS stddev_exec_time,
  s.rows                   AS rows,
  s.shared_blks_hit        AS shared_blks_hit,
  s.shared_blks_read       AS shared_blks_read,
  s.shared_blks_dirtied    AS shared_blks_dirtied,
  s.shared_blks_written    AS shared_blks_written,
  s.local_blks_read        AS local_blks_read,
  s.local_blks_written     AS local_blks_written,
  s.temp_blks_read         AS temp_blks_read,
  s.temp_blks_written      AS temp_blks_written,
  s.shared_blk_read_time   AS shared_blk_read_time,
  s.shared_blk_write_time  AS shared_blk_write_time,
  s.wal_records            AS wal_records,
  s.wal_fpi                AS wal_fpi,
  s.wal_bytes::int8        AS wal_bytes,
  s.stats_since            AS stats_since
FROM pg_stat_statements(false) AS s
ORDER BY s.dbid, s.userid, s.queryid, s.toplevel;
