CREATE EXTENSION pg_stat_statements;

-- `app` makes the tables of the monolith in here.
GRANT CREATE ON SCHEMA public TO app;
