-- Which tables inherit from which others?
-- One row per child and parent of plain inheritance; partitions stand with the relations.
SELECT
  i.inhrelid  AS relation_oid,
  i.inhparent AS parent_oid,
  i.inhseqno  AS inhseqno
FROM pg_catalog.pg_inherits AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT c.relispartition AND c.relkind IN ('r', 'f')
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
ORDER BY i.inhrelid, i.inhseqno;
