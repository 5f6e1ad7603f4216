-- Which other servers does this database reach into?
-- One row per foreign server. Of its options only host, port and database name are asked for; those of user mappings never are.
SELECT
  s.oid                                  AS oid,
  s.srvname                              AS server,
  w.fdwname                              AS wrapper,
  pg_catalog.pg_get_userbyid(s.srvowner) AS owner,
  (SELECT o.option_value FROM pg_catalog.pg_options_to_table(s.srvoptions) AS o WHERE o.option_name = 'host')   AS host,
  (SELECT o.option_value FROM pg_catalog.pg_options_to_table(s.srvoptions) AS o WHERE o.option_name = 'port')   AS port,
  (SELECT o.option_value FROM pg_catalog.pg_options_to_table(s.srvoptions) AS o WHERE o.option_name = 'dbname') AS dbname
FROM pg_catalog.pg_foreign_server AS s
JOIN pg_catalog.pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw
ORDER BY s.srvname;
