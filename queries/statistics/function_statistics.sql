-- How often has each function run since its counters were reset, and for how long?
-- One row per function that was counted, an extension's too: of those in PL/pgSQL and the like where track_functions is pl, of all but the
-- built-in ones where it is all; one in SQL that the planner inlines is never counted. Times in milliseconds; `self_time` is without what it
-- calls. Trigger functions count as often as they fire.
SELECT
  p.oid                                              AS function_oid,
  pg_catalog.pg_stat_get_function_calls(p.oid)       AS calls,
  pg_catalog.pg_stat_get_function_total_time(p.oid)  AS total_time,
  pg_catalog.pg_stat_get_function_self_time(p.oid)   AS self_time
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE pg_catalog.pg_stat_get_function_calls(p.oid) IS NOT NULL
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
ORDER BY p.oid;
