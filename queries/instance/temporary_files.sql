-- How much disk do temporary files take at this moment?
-- One row per tablespace; bytes of the files that sorts, hashes and the like have spilled to.
-- if refused: GRANT pg_monitor TO {login};
SELECT
  t.spcname                                 AS tablespace,
  pg_catalog.count(f.name)                  AS files,
  COALESCE(pg_catalog.sum(f.size), 0)::int8 AS bytes
FROM pg_catalog.pg_tablespace AS t
LEFT JOIN LATERAL pg_catalog.pg_ls_tmpdir(t.oid) AS f ON true
WHERE t.spcname <> 'pg_global'
GROUP BY t.spcname
ORDER BY t.spcname;
