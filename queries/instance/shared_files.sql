-- How much disk do the shared catalogues and the template databases take, which are in no other database's size?
-- One row of bytes; NULL where the role may not read all statistics.
-- sees all with: pg_read_all_stats
SELECT
  CASE WHEN x.readable THEN pg_catalog.pg_tablespace_size('pg_global') END AS catalogue_bytes,
  CASE WHEN x.readable THEN (
    SELECT pg_catalog.sum(pg_catalog.pg_database_size(d.oid))::int8
    FROM pg_catalog.pg_database AS d
    WHERE d.datistemplate
  ) END                                        AS template_bytes,
  CASE WHEN NOT x.readable THEN 'privilege' END AS unseen
FROM (SELECT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')) AS x (readable);
