-- How much WAL has the instance written since its counters were reset?
-- One row; times in milliseconds. From 18 on writes and syncs are counted in the I/O statistics and are NULL here.
-- profile: pulse
SELECT
  w.wal_records                         AS wal_records,
  w.wal_fpi                             AS wal_fpi,
  w.wal_bytes::int8                     AS wal_bytes,
  w.wal_buffers_full                    AS wal_buffers_full,
  (j.row ->> 'wal_write')::int8         AS wal_write,
  (j.row ->> 'wal_sync')::int8          AS wal_sync,
  (j.row ->> 'wal_write_time')::float8  AS wal_write_time,
  (j.row ->> 'wal_sync_time')::float8   AS wal_sync_time,
  w.stats_reset                         AS stats_reset
FROM pg_catalog.pg_stat_wal AS w
CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(w)) AS j (row);
