-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
INSERT INTO public.breed (id, name, type, size, description, created_at, updated_at)
SELECT md5('breed:' || n)::uuid, CASE WHEN n <= cardinality(names) THEN names[n] ELSE names[1 + n % 13] || ' ' || n / 13 END,
    types[1 + (n - 1) % 13]::public."AnimalType", (ARRAY['small', 'medium', 'large'])[1 + n % 3], 'Known since ' || 1800 + n % 150, at, at
FROM generate_series(1, current_setting('population.breed')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 400,
        ARRAY['Beagle', 'Collie', 'Dachshund', 'Labrador', 'Poodle', 'Birman', 'Maine Coon', 'Persian', 'Siamese', 'Angora', 'Lop', 'Budgie', 'Canary'],
        ARRAY['DOG', 'DOG', 'DOG', 'DOG', 'DOG', 'CAT', 'CAT', 'CAT', 'CAT', 'RABBIT', 'RABBIT', 'BIRD', 'BIRD']) AS _ (at, names, types);

INSERT INTO public.users (id, email, name, password_hash, role, last_login_at, created_at, updated_at)
SELECT md5('user:' || n)::uuid, 'user' || n || '@example.com', 'User ' || n, '$argon2id$v=19$' || md5('p' || n) || md5('q' || n),
    (CASE WHEN n = 1 THEN 'ADMIN' WHEN n % 20 = 0 THEN 'CARETAKER' ELSE 'SPONSOR' END)::public."Role", at + interval '1 day', at, at
FROM generate_series(1, current_setting('population.user')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 2 - (n % 300) * interval '1 day') AS _ (at);

INSERT INTO public._prisma_migrations (id, checksum, finished_at, migration_name, started_at, applied_steps_count)
SELECT md5('migration:' || n)::uuid, md5('a' || n) || md5('b' || n), at, to_char(at, 'YYYYMMDDHH24MISS') || '_step_' || n, at, 1
FROM generate_series(1, current_setting('seed_rows.prisma_migrations')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 400 + n * interval '10 days') AS _ (at);
