-- How often does the instance write checkpoints, and who writes its buffers?
-- One row since the counters were reset; times in milliseconds. What backends write themselves is counted in the I/O statistics.
-- requires: server >= 17
-- profile: pulse
SELECT
  k.num_timed              AS num_timed,
  k.num_requested          AS num_requested,
  (j.row ->> 'num_done')::int8 AS num_done,
  k.restartpoints_timed    AS restartpoints_timed,
  k.restartpoints_req      AS restartpoints_requested,
  k.restartpoints_done     AS restartpoints_done,
  k.write_time             AS write_time,
  k.sync_time              AS sync_time,
  k.buffers_written        AS buffers_written,
  b.buffers_clean          AS buffers_clean,
  b.maxwritten_clean       AS maxwritten_clean,
  NULL::int8               AS buffers_backend,
  NULL::int8               AS buffers_backend_fsync,
  b.buffers_alloc          AS buffers_alloc,
  k.stats_reset            AS stats_reset,
  b.stats_reset            AS writer_stats_reset
FROM pg_catalog.pg_stat_checkpointer AS k
CROSS JOIN pg_catalog.pg_stat_bgwriter AS b
CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(k)) AS j (row);
