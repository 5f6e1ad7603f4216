-- Which server is this, and since when have its counters run?
-- One row. Identifier, timeline and recovery state together tell an epoch; none of them does alone.
-- The control file learns of a new timeline at its next checkpoint only: the name of the WAL file tells it at once.
-- `counters_since` moves when a crash throws all counters away, even where the server was not started anew.
-- Address (none over a socket), folder and name tell one standby from another; the folder is NULL where the login may not see it.
-- profile: pulse
-- replicas: too
SELECT
  s.system_identifier                          AS system_identifier,
  CASE WHEN pg_catalog.pg_is_in_recovery()
       THEN k.timeline_id
       ELSE ('x' || pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8))::bit(32)::int4
  END                                          AS timeline_id,
  pg_catalog.pg_is_in_recovery()               AS in_recovery,
  pg_catalog.current_setting('server_version_num')::int4 AS server_version_num,
  pg_catalog.current_setting('block_size')::int4 AS block_size,
  pg_catalog.pg_postmaster_start_time()        AS started_at,
  pg_catalog.now()                             AS read_at,
  LEAST((SELECT b.stats_reset FROM pg_catalog.pg_stat_bgwriter AS b),
        (SELECT a.stats_reset FROM pg_catalog.pg_stat_archiver AS a)) AS counters_since,
  CASE WHEN pg_catalog.pg_is_in_recovery()
       THEN pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_last_wal_replay_lsn(), '0/0')
       ELSE pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), '0/0')
  END::int8                                    AS wal_position,
  pg_catalog.host(pg_catalog.inet_server_addr()) AS server_address,
  pg_catalog.inet_server_port()                AS server_port,
  (SELECT d.setting FROM pg_catalog.pg_settings AS d WHERE d.name = 'data_directory') AS data_directory,
  NULLIF(pg_catalog.current_setting('cluster_name'), '') AS cluster_name,
  CURRENT_USER                                 AS read_as,
  (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = CURRENT_USER) AS is_superuser,
  pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')    AS reads_all_stats,
  pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE') AS reads_all_settings
FROM pg_catalog.pg_control_system() AS s, pg_catalog.pg_control_checkpoint() AS k;
