-- What is every client's session doing at this moment?
-- One row per session but the reader's own. Its last statement stays named, by `query_id`, while it is idle.
-- The function that pg_stat_activity stands on is asked: planning the view's joins anew costs more than its rows, many times a second.
-- `pid` comes last: it tells whose the locks are that are looked at next, and is not kept.
-- `unseen` where the login may not look at other logins' sessions: they show neither state nor statement, and an
-- autovacuum worker cannot be told from a client among them.
-- sees all with: pg_read_all_stats
SELECT
  (SELECT d.datname FROM pg_catalog.pg_database AS d WHERE d.oid = a.datid) AS datname,
  pg_catalog.pg_get_userbyid(a.usesysid) AS usename,
  a.application_name   AS application_name,
  pg_catalog.host(a.client_addr) AS client_addr,
  a.state              AS state,
  a.wait_event_type    AS wait_event_type,
  a.wait_event         AS wait_event,
  a.query_id           AS query_id,
  CASE WHEN a.query = '<insufficient privilege>' THEN 'privilege' END AS unseen,
  a.pid                AS pid
FROM pg_catalog.pg_stat_get_activity(NULL) AS a
WHERE a.pid <> pg_catalog.pg_backend_pid()
  AND COALESCE(a.backend_type, 'client backend') = 'client backend' AND a.usesysid IS NOT NULL;
