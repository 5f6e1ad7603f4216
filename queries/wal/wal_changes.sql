-- Which transactions changed the rows of which files, and how did they end?
-- One row per record, in the order of the WAL: a change of rows, a lock of rows, or the end of a transaction. `file` is tablespace/database/filenode.
-- `xids` are the subtransactions that end with a transaction, or for TRUNCATE the oids of the relations. No row's content is read.
-- Nothing else is counted: PRUNE, FPI and VISIBLE are logged by transactions that only read.
-- The settings workbench.wal_since and workbench.wal_until ('0/3000000') bound the question; without them: since the last checkpoint, at most 16 MB.
-- requires: server >= 15
-- requires: pg_walinspect >= 1.0
-- if refused: GRANT EXECUTE ON FUNCTION {schema}.pg_get_wal_records_info(pg_lsn, pg_lsn) TO {login};
WITH bounds AS MATERIALIZED (
  SELECT
    COALESCE(NULLIF(pg_catalog.current_setting('workbench.wal_since', true), '')::pg_lsn, GREATEST(k.redo_lsn, e.lsn - 16777216)) AS since_lsn,
    e.lsn AS until_lsn
  FROM pg_catalog.pg_control_checkpoint() AS k
  CROSS JOIN LATERAL (
    SELECT COALESCE(
      NULLIF(pg_catalog.current_setting('workbench.wal_until', true), '')::pg_lsn,
      CASE WHEN pg_catalog.pg_is_in_recovery()
           THEN pg_catalog.pg_last_wal_replay_lsn()
           ELSE pg_catalog.pg_current_wal_flush_lsn()
      END)
  ) AS e (lsn)
)
SELECT
  r.start_lsn     AS start_lsn,
  r.end_lsn       AS end_lsn,
  CASE WHEN r.record_type IN ('COMMIT_PREPARED', 'ABORT_PREPARED')
       THEN pg_catalog.substring(r.description, '^(\d+):')::xid
       ELSE r.xid
  END             AS xid,
  r.record_type   AS record_type,
  NULLIF(pg_catalog.split_part(r.block_ref, ' ', 4), '') AS file,
  r.record_length AS bytes,
  r.fpi_length    AS fpi_bytes,
  CASE WHEN r.record_type = 'TRUNCATE'
       THEN pg_catalog.substring(r.description, '\mrelids:? \[?([\d, ]*\d)')
       WHEN r.resource_manager = 'Transaction' AND r.description LIKE '%; subxacts: %'
       THEN pg_catalog.substring(r.description, '; subxacts: ([\d ]*\d)')
  END             AS xids
FROM bounds AS b
CROSS JOIN LATERAL pg_get_wal_records_info(b.since_lsn, b.until_lsn) AS r
WHERE r.resource_manager IN ('Heap', 'Heap2')
    AND r.record_type IN ('INSERT', 'INSERT+INIT', 'MULTI_INSERT', 'MULTI_INSERT+INIT', 'UPDATE', 'UPDATE+INIT',
                          'HOT_UPDATE', 'HOT_UPDATE+INIT', 'DELETE', 'TRUNCATE', 'LOCK', 'LOCK_UPDATED')
  OR r.resource_manager = 'Transaction'
    AND r.record_type IN ('COMMIT', 'COMMIT_PREPARED', 'ABORT', 'ABORT_PREPARED');
