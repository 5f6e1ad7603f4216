-- What does this database publish to subscribers?
-- One row per publication.
SELECT
  p.oid                                  AS oid,
  p.pubname                              AS publication,
  pg_catalog.pg_get_userbyid(p.pubowner) AS owner,
  p.puballtables                         AS all_tables,
  p.pubinsert                            AS publishes_insert,
  p.pubupdate                            AS publishes_update,
  p.pubdelete                            AS publishes_delete,
  p.pubtruncate                          AS publishes_truncate,
  p.pubviaroot                           AS via_root
FROM pg_catalog.pg_publication AS p
ORDER BY p.pubname;
