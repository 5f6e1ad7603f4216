-- Where does each sequence stand?
-- One row per sequence; `last_value` is NULL while it was never drawn from. `unseen` where the login may not read the sequence, or where
-- somebody holds it in a lock that reading its position would wait for.
-- sees all with: pg_read_all_data
WITH locked AS MATERIALIZED (
  SELECT l.relation
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_database AS d ON d.oid = l.database
  WHERE d.datname = pg_catalog.current_database() AND l.locktype = 'relation'
    AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
)
SELECT
  s.seqrelid  AS relation_oid,
  CASE
    WHEN x.unseen IS NULL AND NOT (c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery())
      THEN pg_catalog.pg_sequence_last_value(s.seqrelid)
  END         AS last_value,
  x.unseen    AS unseen
FROM pg_catalog.pg_sequence AS s
JOIN pg_catalog.pg_class AS c ON c.oid = s.seqrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
  SELECT CASE
    WHEN NOT pg_catalog.has_sequence_privilege(s.seqrelid, 'SELECT,USAGE') THEN 'privilege'
    WHEN s.seqrelid IN (SELECT relation FROM locked) THEN 'locked'
  END
) AS x (unseen)
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
ORDER BY s.seqrelid;
