-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
INSERT INTO content (id, "creatorUserId", title, description, "contentType", subject)
SELECT md5('content:' || n)::uuid, md5('teacher:' || 1 + n % current_setting('population.teacher')::int)::uuid, 'Lesson notes ' || n,
    'Notes, exercises and answers', (ARRAY['article', 'exercise', 'video'])[1 + n % 3],
    (ARRAY['algebra', 'biology', 'chemistry', 'english', 'physics', 'spanish'])[1 + n % 6]
FROM generate_series(1, current_setting('population.content')::int) AS n;

INSERT INTO ai_interactions (id, "userId", "sessionId", query, response, timestamp)
SELECT md5('interaction:' || n)::uuid, md5('pupil:' || 1 + n / 4 * 17 % current_setting('population.pupil')::int)::uuid,
    'chat-' || substr(md5('chat:' || n / 4), 1, 20), 'How do I solve exercise ' || n || '?', repeat('First look at what is given, then at what is asked. ', 1 + n % 6),
    current_setting('estate.start')::date - 30 + n * interval '30 days' / current_setting('seed_rows.interactions')::int
FROM generate_series(1, current_setting('seed_rows.interactions')::int) AS n;

INSERT INTO recommendations (id, "userId", "targetType", "targetId", score, reason)
SELECT md5('recommendation:' || n)::uuid, md5('pupil:' || 1 + n * 5 % current_setting('population.pupil')::int)::uuid, kind,
    md5(kind || ':' || 1 + n % current_setting('population.' || kind)::int)::uuid, n % 100 / 100.0, 'Others learn this as well'
FROM generate_series(1, current_setting('population.recommendation')::int) AS n,
    LATERAL (SELECT (ARRAY['tutor', 'course', 'course', 'content'])[1 + n % 4]) AS _ (kind);

INSERT INTO learning_paths (id, "userId", subject, steps, progress, "createdAt")
SELECT md5('path:' || n)::uuid, md5('pupil:' || n)::uuid, (ARRAY['algebra', 'biology', 'chemistry', 'english', 'physics', 'spanish'])[1 + n % 6],
    '[{"step": "basics"}, {"step": "practice"}, {"step": "exam"}]', n % 101, current_setting('estate.start')::date - 1 - n % 100
FROM generate_series(1, current_setting('population.path')::int) AS n;
