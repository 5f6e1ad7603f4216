-- Which sequences are there, how far can they count, and which column owns each?
-- One row per sequence; where each stands is asked with the statistics. `attnum` is the owning column's, NULL where none owns it.
SELECT
  s.seqrelid                            AS relation_oid,
  pg_catalog.format_type(s.seqtypid, NULL) AS type,
  s.seqstart                            AS seqstart,
  s.seqmin                              AS seqmin,
  s.seqmax                              AS seqmax,
  s.seqincrement                        AS seqincrement,
  s.seqcycle                            AS seqcycle,
  s.seqcache                            AS seqcache,
  x.refobjid                            AS owner_oid,
  NULLIF(x.refobjsubid, 0)              AS attnum,
  x.deptype = 'i'                       AS is_identity
FROM pg_catalog.pg_sequence AS s
JOIN pg_catalog.pg_class AS c ON c.oid = s.seqrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_depend AS x
  ON x.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND x.objid = s.seqrelid AND x.objsubid = 0
  AND x.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND x.deptype IN ('a', 'i')
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
ORDER BY s.seqrelid;
