-- What do the views read, down to the column?
-- One row per relation or column that a view's rewrite rule refers to; `attnum` is NULL for the relation as a whole.
SELECT DISTINCT
  r.ev_class               AS view_oid,
  d.refobjid               AS relation_oid,
  NULLIF(d.refobjsubid, 0) AS attnum
FROM pg_catalog.pg_depend AS d
JOIN pg_catalog.pg_rewrite AS r ON r.oid = d.objid
JOIN pg_catalog.pg_class AS v ON v.oid = r.ev_class
JOIN pg_catalog.pg_namespace AS n ON n.oid = v.relnamespace
WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
  AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
  AND d.refobjid <> r.ev_class
  AND v.relkind IN ('v', 'm')
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
ORDER BY 1, 2, 3 NULLS FIRST;
