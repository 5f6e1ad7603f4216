-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
-- Pupils and teachers are the users whom learning knows as students and tutors, under the same numbers.
INSERT INTO users (id, email, "firstName", "lastName", role, status, "createdAt", "updatedAt")
SELECT md5(kind || ':' || n)::uuid, kind || n || '@example.com', firsts[1 + n % 8], lasts[1 + n % 11] || '-' || n, role::"userRole",
    (CASE WHEN n % 40 = 39 THEN 'suspended' ELSE 'active' END)::"userStatus", at, at
FROM (VALUES ('pupil', 'student'), ('teacher', 'tutor'), ('staff', 'admin')) AS kinds (kind, role),
    LATERAL generate_series(1, current_setting('population.' || kind)::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 1 - n % 300 * interval '1 day',
        ARRAY['Anna', 'Ben', 'Carla', 'Deniz', 'Elif', 'Finn', 'Gita', 'Hugo'],
        ARRAY['Adler', 'Berg', 'Costa', 'Demir', 'Egger', 'Fuchs', 'Garcia', 'Hahn', 'Ivanov', 'Jansen', 'Kaya']) AS _ (at, firsts, lasts);

INSERT INTO user_profiles ("userId", bio, preferences, settings)
SELECT id, 'I am ' || "firstName" || ' and like to learn.', '{"theme": "light"}', '{"newsletter": true}' FROM users WHERE status = 'active';

INSERT INTO user_sessions ("userId", "sessionId", "expiresAt")
SELECT md5('pupil:' || 1 + n * 13 % current_setting('population.pupil')::int)::uuid, md5('session:' || n)::uuid,
    current_setting('estate.start')::date + 1 + n % 13
FROM generate_series(1, current_setting('population.session')::int) AS n;

INSERT INTO auth_tokens ("userId", token, type, "expiresAt")
SELECT md5('pupil:' || 1 + n * 7 % current_setting('population.pupil')::int)::uuid, md5('t' || n) || md5('u' || n),
    (ARRAY['refresh', 'refresh', 'refresh', 'passwordReset', 'emailVerification'])[1 + n % 5], current_setting('estate.start')::date + n % 30
FROM generate_series(1, current_setting('seed_rows.auth_tokens')::int) AS n;
