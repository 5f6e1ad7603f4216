-- Which role is a member of which?
-- One row per member and role. Before 16 whether a member inherits is the member's own setting: NULL here.
SELECT
  pg_catalog.pg_get_userbyid(m.roleid) AS role,
  pg_catalog.pg_get_userbyid(m.member) AS member,
  pg_catalog.bool_or(m.admin_option)   AS admin_option,
  pg_catalog.bool_or((j.row ->> 'inherit_option')::bool) AS inherit_option,
  pg_catalog.bool_or((j.row ->> 'set_option')::bool)     AS set_option
FROM pg_catalog.pg_auth_members AS m
CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(m)) AS j (row)
GROUP BY 1, 2
ORDER BY 1, 2;
