-- Which columns do the relations have?
-- One row per column of a table, view, materialised view or foreign table; dropped ones are left out. `type` is printed by format_type.
SELECT
  a.attrelid                                        AS relation_oid,
  a.attnum                                          AS attnum,
  a.attname                                         AS attname,
  pg_catalog.format_type(a.atttypid, a.atttypmod)   AS type,
  a.atttypid                                        AS atttypid,
  a.attnotnull                                      AS attnotnull,
  a.atthasdef                                       AS atthasdef,
  a.attidentity                                     AS attidentity,
  a.attgenerated                                    AS attgenerated
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE a.attnum > 0 AND NOT a.attisdropped
  AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
ORDER BY a.attrelid, a.attnum;
