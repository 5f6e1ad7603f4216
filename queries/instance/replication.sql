-- Who receives this server's WAL, and how far behind are they?
-- One row per receiver; lags in bytes of WAL from here, and in seconds as the receiver reports them. `unseen` where the login may not look.
-- sees all with: pg_read_all_stats
-- profile: pulse
-- replicas: too
SELECT
  r.pid               AS pid,
  r.usename           AS usename,
  r.application_name  AS application_name,
  r.client_addr       AS client_addr,
  r.backend_start     AS backend_start,
  r.state             AS state,
  r.sync_state        AS sync_state,
  pg_catalog.pg_wal_lsn_diff(h.at, r.sent_lsn)::int8   AS sent_lag_bytes,
  pg_catalog.pg_wal_lsn_diff(h.at, r.flush_lsn)::int8  AS flush_lag_bytes,
  pg_catalog.pg_wal_lsn_diff(h.at, r.replay_lsn)::int8 AS replay_lag_bytes,
  pg_catalog.date_part('epoch', r.write_lag)           AS write_lag_s,
  pg_catalog.date_part('epoch', r.flush_lag)           AS flush_lag_s,
  pg_catalog.date_part('epoch', r.replay_lag)          AS replay_lag_s,
  CASE WHEN r.state IS NULL THEN 'privilege' END       AS unseen
FROM pg_catalog.pg_stat_replication AS r
CROSS JOIN LATERAL (
  SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_receive_lsn()
              ELSE pg_catalog.pg_current_wal_lsn() END
) AS h (at)
ORDER BY r.pid;
