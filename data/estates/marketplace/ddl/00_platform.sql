CREATE EXTENSION pg_stat_statements;

-- So that the reviewer sees which tables are written in one transaction; pg_monitor alone does not let it.
CREATE EXTENSION pg_walinspect;
GRANT EXECUTE ON FUNCTION pg_get_wal_records_info(pg_lsn, pg_lsn) TO workbench;

-- `app` makes the tables of the monolith in here.
GRANT CREATE ON SCHEMA public TO app;
