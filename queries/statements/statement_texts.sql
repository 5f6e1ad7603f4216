-- What do the statements say?
-- One row per entry of pg_stat_statements, with the names of its database and login. Texts are redacted before anything is stored.
-- The server reads the whole file of texts for it. The setting workbench.queryids ('-4711,815') limits the answer to these.
-- The extension's schema must be in search_path.
-- sees all with: pg_read_all_stats
-- requires: pg_stat_statements >= 1.9
-- replicas: too
WITH asked AS MATERIALIZED (
  SELECT q.id::int8 AS queryid
  FROM pg_catalog.unnest(pg_catalog.string_to_array(NULLIF(pg_catalog.current_setting('workbench.queryids', true), ''), ',')) AS q (id)
)
SELECT
  s.dbid     AS dbid,
  s.userid   AS userid,
  s.queryid  AS queryid,
  s.toplevel AS toplevel,
  d.datname  AS datname,
  r.rolname  AS rolname,
  s.query    AS query
FROM pg_stat_statements(true) AS s
LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.dbid
LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.userid
WHERE COALESCE(pg_catalog.current_setting('workbench.queryids', true), '') = ''
   OR s.queryid IN (SELECT queryid FROM asked)
ORDER BY s.dbid, s.userid, s.queryid, s.toplevel;
