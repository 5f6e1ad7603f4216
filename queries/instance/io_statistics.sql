-- Who reads and writes what, and how long does it wait for that?
-- One row per kind of process, object and context of pg_stat_io since its counters were reset; times in milliseconds.
-- What a version does not count is NULL; until 17 bytes are operations times their fixed size, from 18 on WAL is among the objects.
-- requires: server >= 16
-- profile: pulse
-- replicas: too
SELECT
  s.backend_type                          AS backend_type,
  s.object                                AS object,
  s.context                               AS context,
  s.reads                                 AS reads,
  COALESCE((j.row ->> 'read_bytes')::float8, s.reads * (j.row ->> 'op_bytes')::float8)     AS read_bytes,
  s.read_time                             AS read_time,
  s.writes                                AS writes,
  COALESCE((j.row ->> 'write_bytes')::float8, s.writes * (j.row ->> 'op_bytes')::float8)   AS write_bytes,
  s.write_time                            AS write_time,
  s.writebacks                            AS writebacks,
  s.extends                               AS extends,
  COALESCE((j.row ->> 'extend_bytes')::float8, s.extends * (j.row ->> 'op_bytes')::float8) AS extend_bytes,
  s.hits                                  AS hits,
  s.evictions                             AS evictions,
  s.reuses                                AS reuses,
  s.fsyncs                                AS fsyncs,
  s.fsync_time                            AS fsync_time,
  s.stats_reset                           AS stats_reset
FROM pg_catalog.pg_stat_io AS s
CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(s)) AS j (row)
ORDER BY s.backend_type, s.object, s.context;
