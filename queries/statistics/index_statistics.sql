-- How much has each index been used since its counters were reset?
-- One row per index.
-- replicas: too
SELECT
  i.indexrelid                                   AS index_oid,
  pg_catalog.pg_stat_get_numscans(i.indexrelid)  AS idx_scan,
  NULL::timestamptz                              AS last_idx_scan,
  pg_catalog.pg_stat_get_tuples_returned(i.indexrelid) AS idx_tup_read,
  pg_catalog.pg_stat_get_tuples_fetched(i.indexrelid)  AS idx_tup_fetch,
  pg_catalog.pg_stat_get_blocks_fetched(i.indexrelid)
    - pg_catalog.pg_stat_get_blocks_hit(i.indexrelid)  AS idx_blks_read,
  pg_catalog.pg_stat_get_blocks_hit(i.indexrelid)      AS idx_blks_hit
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
ORDER BY i.indexrelid;
