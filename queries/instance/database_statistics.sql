-- What has each database done since its counters were reset?
-- One row per database; cumulative counters of pg_stat_database, times in milliseconds.
-- profile: pulse
-- replicas: too
SELECT
  s.datid                    AS datid,
  s.datname                  AS datname,
  s.numbackends              AS numbackends,
  s.xact_commit              AS xact_commit,
  s.xact_rollback            AS xact_rollback,
  s.blks_read                AS blks_read,
  s.blks_hit                 AS blks_hit,
  s.tup_returned             AS tup_returned,
  s.tup_fetched              AS tup_fetched,
  s.tup_inserted             AS tup_inserted,
  s.tup_updated              AS tup_updated,
  s.tup_deleted              AS tup_deleted,
  s.conflicts                AS conflicts,
  s.temp_files               AS temp_files,
  s.temp_bytes               AS temp_bytes,
  s.deadlocks                AS deadlocks,
  s.checksum_failures        AS checksum_failures,
  s.blk_read_time            AS blk_read_time,
  s.blk_write_time           AS blk_write_time,
  s.session_time             AS session_time,
  s.active_time              AS active_time,
  s.idle_in_transaction_time AS idle_in_transaction_time,
  s.sessions                 AS sessions,
  s.sessions_abandoned       AS sessions_abandoned,
  s.sessions_fatal           AS sessions_fatal,
  s.sessions_killed          AS sessions_killed,
  s.stats_reset              AS stats_reset
FROM pg_catalog.pg_stat_database AS s
WHERE s.datid <> 0
ORDER BY s.datname;
