-- What did people write about databases, roles and tablespaces?
-- One row per comment on something that all databases share; kept as prose, without what looks like a secret.
SELECT
  k.relname      AS catalogue,
  d.objoid       AS oid,
  d.description  AS comment
FROM pg_catalog.pg_shdescription AS d
JOIN pg_catalog.pg_class AS k ON k.oid = d.classoid
WHERE d.objoid >= 16384
ORDER BY 1, 2;
