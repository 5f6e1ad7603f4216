-- How wide, empty, distinct and ordered are the columns, by what ANALYZE found?
-- One row per column with statistics, as numbers only: no common value and no bound of a histogram is asked for. `inherited` counts the
-- children in. A column that the login may not read has one row, `unseen`.
-- sees all with: pg_read_all_data
SELECT
  c.oid                  AS relation_oid,
  a.attnum               AS attnum,
  s.inherited            AS inherited,
  s.null_frac::float8    AS null_frac,
  s.avg_width            AS avg_width,
  s.n_distinct::float8   AS n_distinct,
  s.correlation::float8  AS correlation,
  x.unseen               AS unseen
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid
LEFT JOIN pg_catalog.pg_stats AS s
  ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname
CROSS JOIN LATERAL (
  SELECT CASE
    WHEN NOT pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')
      OR c.relrowsecurity AND pg_catalog.row_security_active(c.oid) THEN 'privilege'
  END
) AS x (unseen)
WHERE c.relkind IN ('r', 'p', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped
  AND (s.attname IS NOT NULL OR x.unseen IS NOT NULL)
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
ORDER BY c.oid, a.attnum, s.inherited NULLS LAST;
