-- Which databases does the instance hold, and how large are they?
-- One row per database but the templates. `bytes` is NULL where the role may neither connect nor read all statistics.
-- sees all with: pg_read_all_stats
SELECT
  d.oid                                        AS oid,
  d.datname                                    AS datname,
  pg_catalog.pg_get_userbyid(d.datdba)         AS owner,
  pg_catalog.pg_encoding_to_char(d.encoding)   AS encoding,
  d.datcollate                                 AS datcollate,
  d.datallowconn                               AS datallowconn,
  d.datconnlimit                               AS datconnlimit,
  CASE WHEN x.readable THEN pg_catalog.pg_database_size(d.oid) END AS bytes,
  pg_catalog.age(d.datfrozenxid)               AS frozen_xid_age,
  pg_catalog.mxid_age(d.datminmxid)            AS min_mxid_age,
  CASE WHEN NOT x.readable THEN 'privilege' END AS unseen
FROM pg_catalog.pg_database AS d
CROSS JOIN LATERAL (
  SELECT pg_catalog.has_database_privilege(d.oid, 'CONNECT')
      OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
) AS x (readable)
WHERE NOT d.datistemplate
ORDER BY d.datname;
