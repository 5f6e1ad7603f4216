-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
SELECT setseed(0.5);

INSERT INTO public.sessions (sid, user_id, data, expires_at, updated_at)
SELECT 'sess:' || n, md5('user:' || n)::uuid, jsonb_build_object('cart', md5('c' || n), 'seen', md5('s' || n)),
    current_setting('estate.start')::date + 30, current_setting('estate.start')::date - 1
FROM generate_series(1, current_setting('population.session')::int) AS n;

INSERT INTO public.api_keys (id, seller_id, key_hash, scopes, created_at)
SELECT md5('api_key:' || n)::uuid, md5('seller:' || n)::uuid, md5('k' || n) || md5('l' || n), ARRAY['orders:read', 'products:write'],
    current_setting('estate.start')::date - 100
FROM generate_series(1, current_setting('population.api_key')::int) AS n;

INSERT INTO public.feature_flags (name, enabled, rollout, updated_at)
SELECT 'flag_' || n, n % 2 = 0, n * 7 % 101, current_setting('estate.start')::date - 50
FROM generate_series(1, current_setting('population.flag')::int) AS n;

INSERT INTO public.background_jobs (queue, payload, attempts, run_at, finished_at)
SELECT (ARRAY['mail', 'thumbnails', 'exports'])[1 + n % 3], jsonb_build_object('job', md5('j' || n)), 1,
    at, at + interval '2 seconds'
FROM generate_series(1, current_setting('seed_rows.background_jobs')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 1 - (n % 30) * interval '1 day') AS _ (at);

INSERT INTO public.request_logs (request_id, user_id, method, path, status_code, took_ms, created_at)
SELECT md5('request:' || n)::uuid, md5('user:' || 1 + floor(random() * current_setting('population.user')::int))::uuid, 'GET',
    '/api/v1/products/' || n % 2000, 200, 3 + n % 90,
    current_setting('estate.start')::date - 14 + n * interval '14 days' / current_setting('seed_rows.request_logs')::int
FROM generate_series(1, current_setting('seed_rows.request_logs')::int) AS n;

INSERT INTO public._prisma_migrations (id, checksum, finished_at, migration_name, started_at, applied_steps_count)
SELECT md5('migration:' || n)::uuid, md5('a' || n) || md5('b' || n), at, to_char(at, 'YYYYMMDDHH24MISS') || '_step_' || n, at, 1
FROM generate_series(1, current_setting('seed_rows.prisma_migrations')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 600 + n * interval '10 days') AS _ (at);
