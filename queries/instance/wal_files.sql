-- How much disk do the files of the write-ahead log take?
-- One row: files in pg_wal that hold WAL or wait to be used again, and their bytes.
-- if refused: GRANT pg_monitor TO {login};
SELECT
  pg_catalog.count(*)                       AS files,
  COALESCE(pg_catalog.sum(w.size), 0)::int8 AS bytes
FROM pg_catalog.pg_ls_waldir() AS w;
