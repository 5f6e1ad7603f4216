-- Who may connect from where, and how must they prove who they are?
-- One row per line of pg_hba.conf that counts; lists are JSON. Of the options only the names are asked for: values hold passwords.
-- if refused: GRANT SELECT ON pg_catalog.pg_hba_file_rules TO {login}; GRANT EXECUTE ON FUNCTION pg_catalog.pg_hba_file_rules() TO {login};
SELECT
  h.line_number                          AS line_number,
  pg_catalog.regexp_replace(j.row ->> 'file_name', '^.*/', '') AS file_name,
  h.type                                 AS type,
  pg_catalog.to_json(h.database)::text   AS databases,
  pg_catalog.to_json(h.user_name)::text  AS users,
  h.address                              AS address,
  h.netmask                              AS netmask,
  h.auth_method                          AS auth_method,
  (SELECT pg_catalog.json_agg(pg_catalog.split_part(o.option, '=', 1) ORDER BY o.option)
   FROM pg_catalog.unnest(h.options) AS o (option))::text AS options,
  h.error IS NOT NULL                    AS is_faulty
FROM pg_catalog.pg_hba_file_rules AS h
CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(h)) AS j (row)
ORDER BY 2 NULLS FIRST, h.line_number;
