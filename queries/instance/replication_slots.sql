-- Which replication slots hold WAL back, and how much of it?
-- One row per slot; bytes of WAL from here back to what the slot still needs. What a version does not know is NULL.
-- profile: pulse
-- replicas: too
SELECT
  s.slot_name       AS slot_name,
  s.plugin          AS plugin,
  s.slot_type       AS slot_type,
  s.database        AS datname,
  s.temporary       AS temporary,
  s.active          AS active,
  s.active_pid      AS active_pid,
  pg_catalog.age(s.xmin)          AS xmin_age,
  pg_catalog.age(s.catalog_xmin)  AS catalog_xmin_age,
  pg_catalog.pg_wal_lsn_diff(h.at, s.restart_lsn)::int8         AS restart_lag_bytes,
  pg_catalog.pg_wal_lsn_diff(h.at, s.confirmed_flush_lsn)::int8 AS flush_lag_bytes,
  s.wal_status      AS wal_status,
  s.safe_wal_size   AS safe_wal_size,
  s.two_phase       AS two_phase,
  (j.row ->> 'conflicting')::bool           AS conflicting,
  (j.row ->> 'failover')::bool              AS failover,
  (j.row ->> 'synced')::bool                AS synced,
  j.row ->> 'invalidation_reason'           AS invalidation_reason,
  (j.row ->> 'inactive_since')::timestamptz AS inactive_since
FROM pg_catalog.pg_replication_slots AS s
CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(s)) AS j (row)
CROSS JOIN LATERAL (
  SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
              ELSE pg_catalog.pg_current_wal_lsn() END
) AS h (at)
ORDER BY s.slot_name;
