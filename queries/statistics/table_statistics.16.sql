-- What has happened to each table since its counters were reset?
-- One row per table, partition and materialised view. Counters through pg_stat_get_*, cheaper than the views on large catalogues;
-- reltuples is -1 where the table was never analysed; vacuum and analyze times in milliseconds.
-- requires: server >= 16
-- replicas: too
SELECT
  c.oid                                                   AS relation_oid,
  c.reltuples::float8                                     AS reltuples,
  c.relpages                                              AS relpages,
  c.relallvisible                                         AS relallvisible,
  CASE WHEN c.relkind <> 'p' THEN pg_catalog.age(c.relfrozenxid) END     AS frozen_xid_age,
  CASE WHEN c.relkind <> 'p' THEN pg_catalog.mxid_age(c.relminmxid) END  AS min_mxid_age,
  pg_catalog.pg_stat_get_numscans(c.oid)                  AS seq_scan,
  pg_catalog.pg_stat_get_lastscan(c.oid)                  AS last_seq_scan,
  pg_catalog.pg_stat_get_tuples_returned(c.oid)           AS seq_tup_read,
  pg_catalog.pg_stat_get_tuples_fetched(c.oid)            AS tup_fetched,
  pg_catalog.pg_stat_get_tuples_inserted(c.oid)           AS n_tup_ins,
  pg_catalog.pg_stat_get_tuples_updated(c.oid)            AS n_tup_upd,
  pg_catalog.pg_stat_get_tuples_deleted(c.oid)            AS n_tup_del,
  pg_catalog.pg_stat_get_tuples_hot_updated(c.oid)        AS n_tup_hot_upd,
  pg_catalog.pg_stat_get_tuples_newpage_updated(c.oid)    AS n_tup_newpage_upd,
  pg_catalog.pg_stat_get_live_tuples(c.oid)               AS n_live_tup,
  pg_catalog.pg_stat_get_dead_tuples(c.oid)               AS n_dead_tup,
  pg_catalog.pg_stat_get_mod_since_analyze(c.oid)         AS n_mod_since_analyze,
  pg_catalog.pg_stat_get_ins_since_vacuum(c.oid)          AS n_ins_since_vacuum,
  pg_catalog.pg_stat_get_last_vacuum_time(c.oid)          AS last_vacuum,
  pg_catalog.pg_stat_get_last_autovacuum_time(c.oid)      AS last_autovacuum,
  pg_catalog.pg_stat_get_last_analyze_time(c.oid)         AS last_analyze,
  pg_catalog.pg_stat_get_last_autoanalyze_time(c.oid)     AS last_autoanalyze,
  pg_catalog.pg_stat_get_vacuum_count(c.oid)              AS vacuum_count,
  pg_catalog.pg_stat_get_autovacuum_count(c.oid)          AS autovacuum_count,
  NULL::float8                                            AS total_vacuum_time,
  NULL::float8                                            AS total_autovacuum_time,
  pg_catalog.pg_stat_get_blocks_fetched(c.oid)
    - pg_catalog.pg_stat_get_blocks_hit(c.oid)            AS heap_blks_read,
  pg_catalog.pg_stat_get_blocks_hit(c.oid)                AS heap_blks_hit
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm')
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
ORDER BY c.oid;
