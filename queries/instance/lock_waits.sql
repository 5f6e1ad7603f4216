-- Who is waiting for a lock at this moment, and for whom?
-- One row per waiting and blocking process; `blocking_pid` is 0 for a prepared transaction. What they run stands with the activity.
-- profile: pulse
-- replicas: too
SELECT
  l.pid                  AS pid,
  b.pid                  AS blocking_pid,
  l.locktype             AS locktype,
  l.mode                 AS mode,
  d.datname              AS datname,
  l.relation             AS relation_oid,
  l.waitstart            AS waitstart
FROM pg_catalog.pg_locks AS l
LEFT JOIN pg_catalog.pg_database AS d ON d.oid = l.database
CROSS JOIN LATERAL (
  SELECT DISTINCT u.pid FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids(l.pid)) AS u (pid)
) AS b
WHERE NOT l.granted
ORDER BY l.pid, b.pid, l.locktype, l.mode;
