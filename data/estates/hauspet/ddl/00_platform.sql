CREATE EXTENSION pg_stat_statements;

-- `hauspet` makes its types and the tables of app in here.
GRANT CREATE ON SCHEMA public TO hauspet;
