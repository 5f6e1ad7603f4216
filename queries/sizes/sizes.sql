-- How large is each relation, split into heap, index and TOAST?
-- One row per physical relation: its heap (all forks), each index, and its TOAST table with that one's index. `relation_oid` is the table it belongs to.
-- A relation under ACCESS EXCLUSIVE lock, or with one awaited on it, would make the size functions wait: it is estimated from relpages, and marked so.
-- The setting workbench.relations ('16385,16391') limits the question to these tables; workbench.estimate = 'on' estimates everything and opens no file.
WITH asked AS MATERIALIZED (
  SELECT o.oid::oid AS oid
  FROM pg_catalog.unnest(pg_catalog.string_to_array(NULLIF(pg_catalog.current_setting('workbench.relations', true), ''), ',')) AS o (oid)
), locked AS MATERIALIZED (
  SELECT l.relation
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_database AS d ON d.oid = l.database
  WHERE d.datname = pg_catalog.current_database()
    AND l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
), physical AS (
  SELECT c.oid AS relation_oid, c.oid, 'heap' AS part, c.relpages, NULL::oid AS inner_oid
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm', 'S')
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
  UNION ALL
  SELECT i.indrelid, c.oid, 'index', c.relpages, NULL
  FROM pg_catalog.pg_index AS i
  JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.relkind = 'i'
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
  UNION ALL
  SELECT c.oid, t.oid, 'toast', t.relpages, i.indexrelid
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_class AS t ON t.oid = c.reltoastrelid
  LEFT JOIN pg_catalog.pg_index AS i ON i.indrelid = t.oid AND i.indisvalid
  WHERE c.relkind IN ('r', 'm')
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
), guessed AS (
  SELECT
    p.*,
    COALESCE(pg_catalog.current_setting('workbench.estimate', true), '') = 'on'
      OR p.oid IN (SELECT relation FROM locked)
      OR p.relation_oid IN (SELECT relation FROM locked)
      OR COALESCE(p.inner_oid IN (SELECT relation FROM locked), false) AS estimated
  FROM physical AS p
  WHERE COALESCE(pg_catalog.current_setting('workbench.relations', true), '') = ''
     OR p.relation_oid IN (SELECT oid FROM asked)
)
SELECT
  g.relation_oid AS relation_oid,
  g.oid          AS oid,
  g.part         AS part,
  CASE
    WHEN g.estimated
      THEN g.relpages::int8 * pg_catalog.current_setting('block_size')::int8
    WHEN g.part = 'toast'
      THEN pg_catalog.pg_total_relation_size(g.oid)
    ELSE pg_catalog.pg_relation_size(g.oid, 'main') + pg_catalog.pg_relation_size(g.oid, 'fsm')
       + pg_catalog.pg_relation_size(g.oid, 'vm') + pg_catalog.pg_relation_size(g.oid, 'init')
  END            AS bytes,
  g.estimated    AS estimated
FROM guessed AS g
ORDER BY g.relation_oid, g.oid;
