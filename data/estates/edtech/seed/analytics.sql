-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
INSERT INTO reviews (id, "reviewerUserId", "targetUserId", "targetType", rating, comment)
SELECT md5('review:' || n)::uuid, CASE WHEN n % 4 = 0 THEN tutor ELSE pupil END, CASE WHEN n % 4 = 0 THEN pupil ELSE tutor END,
    CASE WHEN n % 4 = 0 THEN 'student' ELSE 'tutor' END, 5 - n % 10 / 4, 'We got on well'
FROM generate_series(1, current_setting('population.review')::int) AS n,
    LATERAL (SELECT md5('pupil:' || 1 + n * 7 % current_setting('population.pupil')::int)::uuid,
        md5('teacher:' || 1 + n % current_setting('population.teacher')::int)::uuid) AS _ (pupil, tutor);

INSERT INTO analytics_events (id, "userId", "eventType", metadata, timestamp)
SELECT md5('event:' || n)::uuid, md5('pupil:' || 1 + n * 19 % current_setting('population.pupil')::int)::uuid,
    (ARRAY['pageView', 'pageView', 'search', 'lessonBooked', 'videoJoined'])[1 + n % 5], jsonb_build_object('page', '/p/' || n % 90),
    current_setting('estate.start')::date - 30 + n * interval '30 days' / current_setting('seed_rows.events')::int
FROM generate_series(1, current_setting('seed_rows.events')::int) AS n;

INSERT INTO reports (id, type, data, "generatedAt", "generatedBy")
SELECT md5('report:' || n)::uuid, (ARRAY['revenue', 'activity', 'quality'])[1 + n % 3], jsonb_build_object('total', n * 100),
    current_setting('estate.start')::date - 1 - n, md5('staff:' || 1 + n % current_setting('population.staff')::int)::uuid
FROM generate_series(1, current_setting('population.report')::int) AS n;

INSERT INTO user_metrics (id, "userId", "lessonCount", "totalSpent", "avgRating")
SELECT md5('metric:' || n)::uuid, md5('pupil:' || n)::uuid, n % 9, n % 9 * 42, 3 + n % 3
FROM generate_series(1, current_setting('population.measured')::int) AS n;
