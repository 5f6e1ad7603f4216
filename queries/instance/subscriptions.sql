-- To what is each database subscribed, and how far has it come?
-- One row per subscription; `publications` is a JSON list. The connection string is not asked for.
SELECT
  s.oid                                  AS oid,
  d.datname                              AS datname,
  s.subname                              AS subscription,
  pg_catalog.pg_get_userbyid(s.subowner) AS owner,
  s.subenabled                           AS enabled,
  s.subslotname                          AS slot_name,
  pg_catalog.to_json(s.subpublications)::text AS publications,
  w.pid                                  AS worker_pid,
  w.last_msg_receipt_time                AS last_msg_receipt_time,
  w.latest_end_time                      AS latest_end_time
FROM pg_catalog.pg_subscription AS s
LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.subdbid
LEFT JOIN LATERAL (
  SELECT a.pid, a.last_msg_receipt_time, a.latest_end_time
  FROM pg_catalog.pg_stat_get_subscription(s.oid) AS a
  WHERE a.relid IS NULL
  ORDER BY a.latest_end_time DESC NULLS LAST, a.pid
  LIMIT 1
) AS w ON true
ORDER BY s.subdbid, s.subname;
