-- Which databases does the instance hold?
-- One row per database but the templates.
SELECT
  d.oid                                        AS oid,
  d.datname                                    AS datname,
  pg_catalog.pg_get_userbyid(d.datdba)         AS owner,
  pg_catalog.pg_encoding_to_char(d.encoding)   AS encoding,
  d.datcollate                                 AS datcollate,
  d.datallowconn                               AS datallowconn,
  d.datconnlimit                               AS datconnlimit,
  pg_catalog.age(d.datfrozenxid)               AS frozen_xid_age,
  pg_catalog.mxid_age(d.datminmxid)            AS min_mxid_age
FROM pg_catalog.pg_database AS d
WHERE NOT d.datistemplate
ORDER BY d.datname;
