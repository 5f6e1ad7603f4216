-- How is the server configured?
-- One row per setting; `reset_val` is what a new session would get, whatever this session has set for itself.
-- Values that may carry a secret are withheld before anything is stored.
-- sees all with: pg_read_all_settings
SELECT
  s.name            AS name,
  s.reset_val       AS reset_val,
  s.unit            AS unit,
  s.vartype         AS vartype,
  s.category        AS category,
  s.boot_val        AS boot_val,
  CASE WHEN s.source IN ('session', 'client') THEN 'default' ELSE s.source END AS source,
  s.pending_restart AS pending_restart
FROM pg_catalog.pg_settings AS s
ORDER BY s.name;
