-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
-- Names and e-mail addresses are those of the users in identity's seed, joined as UserCreatedEvent tells them.
INSERT INTO tutors (id, "userId", email, name, "hourlyRate", subjects, languages, "isVerified")
SELECT md5('tutor:' || n)::uuid, md5('teacher:' || n)::uuid, 'teacher' || n || '@example.com', firsts[1 + n % 8] || ' ' || lasts[1 + n % 11] || '-' || n,
    18 + n % 40, ARRAY[subjects[1 + n % 6], subjects[1 + (n + 2) % 6]], ARRAY['de', 'en'], n % 5 <> 0
FROM generate_series(1, current_setting('population.tutor')::int) AS n,
    LATERAL (SELECT ARRAY['Anna', 'Ben', 'Carla', 'Deniz', 'Elif', 'Finn', 'Gita', 'Hugo'],
        ARRAY['Adler', 'Berg', 'Costa', 'Demir', 'Egger', 'Fuchs', 'Garcia', 'Hahn', 'Ivanov', 'Jansen', 'Kaya'],
        ARRAY['algebra', 'biology', 'chemistry', 'english', 'physics', 'spanish']) AS _ (firsts, lasts, subjects);

INSERT INTO students (id, "userId", email, name, "learningGoals", "preferredLanguages")
SELECT md5('student:' || n)::uuid, md5('pupil:' || n)::uuid, 'pupil' || n || '@example.com', firsts[1 + n % 8] || ' ' || lasts[1 + n % 11] || '-' || n,
    ARRAY['exam'], ARRAY['de']
FROM generate_series(1, current_setting('population.student')::int) AS n,
    LATERAL (SELECT ARRAY['Anna', 'Ben', 'Carla', 'Deniz', 'Elif', 'Finn', 'Gita', 'Hugo'],
        ARRAY['Adler', 'Berg', 'Costa', 'Demir', 'Egger', 'Fuchs', 'Garcia', 'Hahn', 'Ivanov', 'Jansen', 'Kaya']) AS _ (firsts, lasts);

INSERT INTO courses (id, "tutorId", title, description, price, duration)
SELECT md5('course:' || n)::uuid, md5('tutor:' || 1 + n % current_setting('population.tutor')::int)::uuid, 'Course ' || n,
    'What you always wanted to know, part ' || n, 20 + n % 60, 30 + 15 * (n % 5)
FROM generate_series(1, current_setting('population.course')::int) AS n;

INSERT INTO lessons (id, "courseId", "tutorId", "studentId", "scheduledAt", status, "meetingUrl")
SELECT md5('lesson:' || n)::uuid, md5('course:' || 1 + n % courses)::uuid, md5('tutor:' || 1 + (1 + n % courses) % tutors)::uuid,
    md5('student:' || 1 + n * 7 % students)::uuid, current_setting('estate.start')::date - 60 + n * interval '60 days' / lessons,
    (CASE WHEN n % 12 = 0 THEN 'cancelled' ELSE 'completed' END)::"lessonStatus", 'https://meet.example/' || md5('room:' || n)
FROM (SELECT current_setting('population.lesson')::int, current_setting('population.course')::int, current_setting('population.tutor')::int,
    current_setting('population.student')::int) AS counts (lessons, courses, tutors, students), LATERAL generate_series(1, lessons) AS n;

INSERT INTO matching_requests (id, "studentId", subject, budget, requirements)
SELECT md5('matching:' || n)::uuid, md5('student:' || 1 + n * 3 % current_setting('population.student')::int)::uuid,
    (ARRAY['algebra', 'biology', 'chemistry', 'english', 'physics', 'spanish'])[1 + n % 6], 20 + n % 80, 'In the afternoon'
FROM generate_series(1, current_setting('population.matching')::int) AS n;

INSERT INTO tutor_availability (id, "tutorId", "dayOfWeek", "startTime", "endTime")
SELECT md5('availability:' || n || '/' || d)::uuid, md5('tutor:' || n)::uuid, d, time '14:00' + n % 3 * interval '1 hour', time '19:00'
FROM generate_series(1, current_setting('population.tutor')::int) AS n, generate_series(0, 4) AS d;
