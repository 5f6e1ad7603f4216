-- How often does the instance write checkpoints, and who writes its buffers?
-- One row since the counters were reset; times in milliseconds. Before 17 restart points count as checkpoints.
-- profile: pulse
SELECT
  b.checkpoints_timed      AS num_timed,
  b.checkpoints_req        AS num_requested,
  NULL::int8               AS num_done,
  NULL::int8               AS restartpoints_timed,
  NULL::int8               AS restartpoints_requested,
  NULL::int8               AS restartpoints_done,
  b.checkpoint_write_time  AS write_time,
  b.checkpoint_sync_time   AS sync_time,
  b.buffers_checkpoint     AS buffers_written,
  b.buffers_clean          AS buffers_clean,
  b.maxwritten_clean       AS maxwritten_clean,
  b.buffers_backend        AS buffers_backend,
  b.buffers_backend_fsync  AS buffers_backend_fsync,
  b.buffers_alloc          AS buffers_alloc,
  b.stats_reset            AS stats_reset,
  b.stats_reset            AS writer_stats_reset
FROM pg_catalog.pg_stat_bgwriter AS b;
