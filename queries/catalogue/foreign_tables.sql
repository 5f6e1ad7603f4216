-- Which table of which other server stands behind each foreign table?
-- One row per foreign table. Of its options only the remote schema and table are asked for; NULL means the local name.
SELECT
  f.ftrelid  AS relation_oid,
  f.ftserver AS server_oid,
  (SELECT o.option_value FROM pg_catalog.pg_options_to_table(f.ftoptions) AS o WHERE o.option_name = 'schema_name') AS remote_schema,
  (SELECT o.option_value FROM pg_catalog.pg_options_to_table(f.ftoptions) AS o WHERE o.option_name = 'table_name')  AS remote_table
FROM pg_catalog.pg_foreign_table AS f
ORDER BY f.ftrelid;
