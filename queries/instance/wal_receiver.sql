-- From whom does this server receive WAL?
-- One row on a standby that streams, none elsewhere. Its connection string is not asked for; `unseen` where the login may not look.
-- sees all with: pg_read_all_stats
-- profile: pulse
-- replicas: too
SELECT
  w.pid                    AS pid,
  w.status                 AS status,
  w.received_tli           AS received_tli,
  pg_catalog.pg_wal_lsn_diff(w.latest_end_lsn, pg_catalog.pg_last_wal_replay_lsn())::int8 AS replay_lag_bytes,
  w.last_msg_receipt_time  AS last_msg_receipt_time,
  w.latest_end_time        AS latest_end_time,
  w.slot_name              AS slot_name,
  w.sender_host            AS sender_host,
  w.sender_port            AS sender_port,
  CASE WHEN w.status IS NULL THEN 'privilege' END AS unseen
FROM pg_catalog.pg_stat_wal_receiver AS w;
