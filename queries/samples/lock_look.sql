-- Which relations does every running transaction hold at this moment?
-- One row per transaction and mode, with the oids of the relations: names are found later, where it costs the server nothing.
-- A transaction holds relations of its session's database. Catalogues are left out, and so is what is only waited for.
SELECT
  l.pid                AS pid,
  l.virtualtransaction AS virtualtransaction,
  l.mode               AS mode,
  pg_catalog.array_agg(l.relation::int8) AS relation_oids
FROM pg_catalog.pg_locks AS l
WHERE l.locktype = 'relation' AND l.granted AND l.relation >= 16384 AND l.pid <> pg_catalog.pg_backend_pid()
GROUP BY l.pid, l.virtualtransaction, l.mode;
