-- Which values does each enum allow?
-- One row per label, in the order the enum sorts them. Labels are part of the schema, as column names are, and are kept as they are.
SELECT
  v.enumtypid           AS type_oid,
  v.enumsortorder::float8 AS position,
  v.enumlabel           AS label
FROM pg_catalog.pg_enum AS v
JOIN pg_catalog.pg_type AS t ON t.oid = v.enumtypid
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
ORDER BY v.enumtypid, v.enumsortorder;
