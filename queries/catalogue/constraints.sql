-- Which keys and checks hold on the relations?
-- One row per constraint, its columns by number, in order. NOT NULL stands with the columns and is left out here.
SELECT
  k.oid            AS oid,
  k.conname        AS conname,
  k.contype        AS contype,
  k.conrelid       AS relation_oid,
  k.conkey         AS conkey,
  NULLIF(k.confrelid, 0) AS referenced_oid,
  k.confkey        AS confkey,
  k.confupdtype    AS confupdtype,
  k.confdeltype    AS confdeltype,
  k.condeferrable  AS condeferrable,
  k.convalidated   AS convalidated,
  NULLIF(k.conindid, 0)    AS index_oid,
  NULLIF(k.conparentid, 0) AS parent_oid
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_namespace AS n ON n.oid = k.connamespace
WHERE k.conrelid <> 0 AND k.contype <> 'n'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
ORDER BY k.oid;
