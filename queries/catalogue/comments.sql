-- What did people write about their objects?
-- One row per comment on an object of this database or on one of its columns (`attnum`); those of the system and of extensions are left
-- out. `catalogue` names where the object's oid is looked up. Comments are kept as prose, without what looks like a secret.
SELECT
  k.relname              AS catalogue,
  d.objoid               AS oid,
  NULLIF(d.objsubid, 0)  AS attnum,
  d.description          AS comment
FROM pg_catalog.pg_description AS d
JOIN pg_catalog.pg_class AS k ON k.oid = d.classoid
WHERE (d.objoid >= 16384
       OR d.objoid = (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'public')
          AND d.description <> 'standard public schema')
  AND k.relname <> 'pg_extension'
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend AS x
    WHERE x.classid = d.classoid AND x.objid = d.objoid AND x.deptype = 'e'
  )
ORDER BY 1, 2, 3 NULLS FIRST;
