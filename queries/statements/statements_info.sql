-- How trustworthy are the statement counters?
-- One row: entries evicted for want of room since the reset, when that was, and how full the table is.
-- The extension's schema must be in search_path.
-- requires: pg_stat_statements >= 1.9
-- replicas: too
SELECT
  i.dealloc     AS dealloc,
  i.stats_reset AS stats_reset,
  (SELECT pg_catalog.count(*) FROM pg_stat_statements(false)) AS entries,
  pg_catalog.current_setting('pg_stat_statements.max')::int4   AS max_entries
FROM pg_stat_statements_info AS i;
