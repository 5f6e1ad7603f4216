-- What is every session doing at this moment?
-- One row per server process but the reader's own. Texts are redacted; a client's port is not asked for.
-- `unseen` where the login may not look at other logins' sessions.
-- sees all with: pg_read_all_stats
-- profile: pulse
-- replicas: too
SELECT
  a.pid                AS pid,
  a.leader_pid         AS leader_pid,
  a.backend_type       AS backend_type,
  a.datname            AS datname,
  a.usename            AS usename,
  a.application_name   AS application_name,
  a.client_addr        AS client_addr,
  a.state              AS state,
  a.wait_event_type    AS wait_event_type,
  a.wait_event         AS wait_event,
  a.backend_start      AS backend_start,
  a.xact_start         AS xact_start,
  a.query_start        AS query_start,
  a.state_change       AS state_change,
  pg_catalog.age(a.backend_xid)  AS xid_age,
  pg_catalog.age(a.backend_xmin) AS xmin_age,
  a.query_id           AS query_id,
  CASE WHEN a.query <> '<insufficient privilege>' THEN a.query END AS query,
  CASE WHEN a.query = '<insufficient privilege>' THEN 'privilege' END AS unseen
FROM pg_catalog.pg_stat_activity AS a
WHERE a.pid <> pg_catalog.pg_backend_pid()
ORDER BY a.pid;
