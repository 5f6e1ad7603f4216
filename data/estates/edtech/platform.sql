CREATE EXTENSION pg_stat_statements;

-- What services ask is of interest: their BEGIN and COMMIT and a reviewer's COPY need no entries beside it.
DO $$
BEGIN
    EXECUTE format('ALTER DATABASE %I SET pg_stat_statements.track_utility = off', current_database());
END $$;
