-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
INSERT INTO users (id, email, password_hash, is_active, last_login_at, created_at, updated_at)
SELECT md5('user:' || n), 'user' || n || '@example.com', '$argon2id$v=19$' || md5('p' || n) || md5('q' || n), n % 25 > 0,
    current_setting('estate.start')::date - (n % 60), at, at
FROM generate_series(1, current_setting('population.user')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 1 - (n % 500) * interval '1 day') AS _ (at);

INSERT INTO roles (id, name, description, created_at)
SELECT md5('role:' || n), (ARRAY['customer', 'support', 'editor', 'admin'])[n], 'What a person may do', current_setting('estate.start')::date - 700
FROM generate_series(1, current_setting('population.role')::int) AS n;

INSERT INTO user_roles (user_id, role_id, assigned_at)
SELECT id, md5('role:1'), created_at FROM users;

INSERT INTO refresh_tokens (id, user_id, token_id, token_ciphertext, ip_address, expires_at, created_at)
SELECT md5('refresh_token:' || n), md5('user:' || 1 + n * 7 % current_setting('population.user')::int), md5('jti:' || n),
    decode(md5('t' || n) || md5('u' || n), 'hex'), '198.51.100.0'::inet + n % 250, at + interval '30 days', at
FROM generate_series(1, current_setting('population.refresh_token')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 1 - (n % 30) * interval '1 day') AS _ (at);

INSERT INTO password_reset_tokens (id, user_id, token, expires_at, used_at, created_at)
SELECT md5('password_reset_token:' || n), md5('user:' || n), md5('r' || n), at + interval '1 hour', at + interval '5 minutes', at
FROM generate_series(1, current_setting('population.password_reset_token')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 1 - (n % 90) * interval '1 day') AS _ (at);

INSERT INTO email_verification_tokens (id, user_id, token_hash, expires_at, verified_at, created_at)
SELECT md5('email_verification_token:' || n), md5('user:' || n), md5('v' || n) || md5('w' || n), at + interval '1 day', at + interval '1 hour', at
FROM generate_series(1, current_setting('population.email_verification_token')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 1 - (n % 500) * interval '1 day') AS _ (at);

INSERT INTO security_audit_logs (id, user_id, event_type, ip_address, user_agent, details, created_at)
SELECT md5('audit:' || n), md5('user:' || 1 + n * 13 % current_setting('population.user')::int),
    (ARRAY['login', 'login', 'logout', 'login_failed', 'password_changed'])[1 + n % 5], '203.0.113.0'::inet + n % 250,
    'Mozilla/5.0 (X11; Linux x86_64) Shop/' || n % 9, '{"channel": "web"}',
    current_setting('estate.start')::date - 90 + n * interval '90 days' / (1 + current_setting('seed_rows.security_audit_logs')::int)
FROM generate_series(1, current_setting('seed_rows.security_audit_logs')::int) AS n;

INSERT INTO rate_limits (id, bucket, endpoint, request_count, window_start, window_end)
SELECT md5('rate_limit:' || n), 'ip:203.0.113.' || n, '/login', 1 + n % 20, at, at + interval '1 minute'
FROM generate_series(1, current_setting('seed_rows.rate_limits')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - interval '1 hour') AS _ (at);
