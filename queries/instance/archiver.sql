-- Does the archiver keep up?
-- One row since the counters were reset.
-- profile: pulse
SELECT
  a.archived_count      AS archived_count,
  a.last_archived_wal   AS last_archived_wal,
  a.last_archived_time  AS last_archived_time,
  a.failed_count        AS failed_count,
  a.last_failed_wal     AS last_failed_wal,
  a.last_failed_time    AS last_failed_time,
  a.stats_reset         AS stats_reset
FROM pg_catalog.pg_stat_archiver AS a;
