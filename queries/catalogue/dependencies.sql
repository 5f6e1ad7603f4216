-- Which types and functions do columns, defaults, checks, indexes, policies, functions and types depend on?
-- One row per dependency on what somebody defined, extensions' included. `catalogue` and `oid` name the object that depends; where it
-- belongs to a relation, that is `relation_oid`, and `attnum` the column. An array counts as its element, a row type as its relation.
WITH named AS (
  SELECT DISTINCT
    k.relname AS catalogue, d.objid, d.objsubid, r.relname AS referenced_catalogue, d.refobjid, d.refobjsubid
  FROM pg_catalog.pg_depend AS d
  JOIN pg_catalog.pg_class AS k ON k.oid = d.classid
  JOIN pg_catalog.pg_class AS r ON r.oid = d.refclassid
  WHERE d.refobjid >= 16384 AND d.deptype IN ('n', 'a')
    AND (k.relname, r.relname) IN (
      ('pg_class', 'pg_type'), ('pg_class', 'pg_proc'),
      ('pg_attrdef', 'pg_type'), ('pg_attrdef', 'pg_proc'),
      ('pg_constraint', 'pg_type'), ('pg_constraint', 'pg_proc'),
      ('pg_policy', 'pg_proc'), ('pg_policy', 'pg_class'),
      ('pg_proc', 'pg_type'), ('pg_proc', 'pg_class'), ('pg_proc', 'pg_proc'),
      ('pg_type', 'pg_type')
    )
), placed AS (
  SELECT
    m.catalogue, m.objid, m.referenced_catalogue, m.refobjid, m.refobjsubid,
    COALESCE(i.indrelid, v.adrelid, NULLIF(k.conrelid, 0), p.polrelid, c.oid) AS relation_oid,
    COALESCE(v.adnum::int4, CASE WHEN i.indrelid IS NULL AND c.oid IS NOT NULL THEN NULLIF(m.objsubid, 0) END) AS attnum
  FROM named AS m
  LEFT JOIN pg_catalog.pg_attrdef AS v ON m.catalogue = 'pg_attrdef' AND v.oid = m.objid
  LEFT JOIN pg_catalog.pg_constraint AS k ON m.catalogue = 'pg_constraint' AND k.oid = m.objid
  LEFT JOIN pg_catalog.pg_policy AS p ON m.catalogue = 'pg_policy' AND p.oid = m.objid
  LEFT JOIN pg_catalog.pg_class AS c ON m.catalogue = 'pg_class' AND c.oid = m.objid
  LEFT JOIN pg_catalog.pg_index AS i ON m.catalogue = 'pg_class' AND i.indexrelid = m.objid
)
SELECT DISTINCT
  CASE WHEN c.relkind = 'c' THEN 'pg_type' ELSE p.catalogue END AS catalogue,
  CASE WHEN c.relkind = 'c' THEN c.reltype ELSE p.objid END AS oid,
  CASE WHEN c.relkind <> 'c' THEN p.relation_oid END AS relation_oid,
  p.attnum                 AS attnum,
  CASE WHEN w.oid IS NOT NULL THEN 'pg_class' ELSE p.referenced_catalogue END AS referenced_catalogue,
  COALESCE(w.oid, e.oid, p.refobjid) AS referenced_oid,
  CASE WHEN p.referenced_catalogue = 'pg_class' THEN NULLIF(p.refobjsubid, 0) END AS referenced_attnum
FROM placed AS p
LEFT JOIN pg_catalog.pg_type AS t ON p.referenced_catalogue = 'pg_type' AND t.oid = p.refobjid
LEFT JOIN pg_catalog.pg_type AS e ON e.oid = t.typelem AND t.typcategory = 'A'
LEFT JOIN pg_catalog.pg_class AS w ON w.oid = COALESCE(e.typrelid, t.typrelid) AND w.relkind <> 'c'
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = p.relation_oid
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IS NULL
   OR n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
ORDER BY 1, 2, 3, 4, 5, 6, 7;
