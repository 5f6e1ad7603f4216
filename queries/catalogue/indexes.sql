-- Which indexes are there, and on what?
-- One row per index. `indkey` holds column numbers in order, 0 where an expression stands (the slice counts them from 1).
SELECT
  i.indexrelid              AS oid,
  c.relname                 AS relation,
  i.indrelid                AS relation_oid,
  m.amname                  AS amname,
  i.indisunique             AS indisunique,
  i.indisprimary            AS indisprimary,
  i.indisexclusion          AS indisexclusion,
  i.indisvalid              AS indisvalid,
  i.indisready              AS indisready,
  i.indisreplident          AS indisreplident,
  i.indnkeyatts             AS indnkeyatts,
  (i.indkey::int2[])[:]      AS indkey,
  (i.indoption::int2[])[:]    AS indoption,
  i.indexprs IS NOT NULL    AS has_expressions,
  i.indpred IS NOT NULL     AS has_predicate
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_am AS m ON m.oid = c.relam
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
ORDER BY i.indexrelid;
