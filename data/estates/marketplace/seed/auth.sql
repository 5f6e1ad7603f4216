-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
SELECT setseed(0.5);

INSERT INTO auth_service.users
    (id, email, name, password_hash, status, email_verified_at, last_login_at, created_at, updated_at)
SELECT md5('user:' || n)::uuid, 'user' || n || '@example.com', 'User ' || n, '$argon2id$v=19$' || md5('p' || n) || md5('q' || n),
    CASE WHEN n % 25 = 0 THEN 'pending' ELSE 'active' END::auth_service.user_status, at + interval '1 hour',
    current_setting('estate.start')::date - (n % 60), at, at
FROM generate_series(1, current_setting('population.user')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 1 - (n % 500) * interval '1 day') AS _ (at);

INSERT INTO auth_service.roles (name, description, created_at)
SELECT name, 'May act as ' || name, current_setting('estate.start')::date - 700
FROM unnest(ARRAY['buyer', 'seller', 'editor', 'admin']) AS name;

INSERT INTO auth_service.user_roles (user_id, role_id, granted_at)
SELECT id, 1, created_at FROM auth_service.users;

INSERT INTO auth_service.user_roles (user_id, role_id, granted_by, granted_at)
SELECT md5('user:' || n)::uuid, 2, md5('user:1')::uuid, current_setting('estate.start')::date - 100
FROM generate_series(1, current_setting('population.seller')::int) AS n;

INSERT INTO auth_service.refresh_tokens (id, user_id, token_hash, user_agent, ip, expires_at, created_at)
SELECT md5('token:' || n)::uuid, md5('user:' || 1 + floor(random() * current_setting('population.user')::int))::uuid,
    md5('t' || n) || md5('u' || n), 'Mozilla/5.0 (X11; Linux x86_64) Shop/' || n % 9, '198.51.100.0'::inet + (n % 250),
    at + interval '30 days', at
FROM generate_series(1, current_setting('population.token')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - (n % 30) * interval '1 day') AS _ (at);

INSERT INTO auth_service.password_resets (id, user_id, token_hash, expires_at, used_at, created_at)
SELECT md5('password_reset:' || n)::uuid, md5('user:' || n)::uuid, md5('r' || n), at + interval '1 hour', at + interval '5 minutes', at
FROM generate_series(1, current_setting('population.password_reset')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 1 - (n % 90) * interval '1 day') AS _ (at);

INSERT INTO auth_service.login_attempts (email, ip, succeeded, user_agent, attempted_at)
SELECT 'user' || 1 + floor(random() * current_setting('population.user')::int) || '@example.com', '203.0.113.0'::inet + (n % 250),
    n % 7 > 0, 'Mozilla/5.0 (X11; Linux x86_64) Shop/' || n % 9,
    current_setting('estate.start')::date - 60 + n * interval '60 days' / current_setting('seed_rows.login_attempts')::int
FROM generate_series(1, current_setting('seed_rows.login_attempts')::int) AS n;
