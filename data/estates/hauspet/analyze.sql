-- The last time that somebody looked at all tables: the planner needs to know them from the first day on.
ANALYZE;
