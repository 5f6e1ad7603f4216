-- Up to where can the WAL be read?
-- One row, a position in bytes: what is flushed, or on a standby what is replayed.
-- requires: server >= 15
-- requires: pg_walinspect >= 1.0
SELECT pg_catalog.pg_wal_lsn_diff(
  CASE WHEN pg_catalog.pg_is_in_recovery()
       THEN pg_catalog.pg_last_wal_replay_lsn()
       ELSE pg_catalog.pg_current_wal_flush_lsn()
  END, '0/0')::int8 AS until_lsn;
