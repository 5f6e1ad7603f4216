-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
-- Conversation n is about lesson n, between its student and its tutor.
INSERT INTO conversations (id, "lessonId", "participantIds", status, "lastMessageAt")
SELECT md5('conversation:' || n)::uuid, md5('lesson:' || n)::uuid,
    ARRAY[md5('pupil:' || 1 + n * 7 % current_setting('population.pupil')::int)::uuid,
        md5('teacher:' || 1 + (1 + n % current_setting('population.course')::int) % current_setting('population.teacher')::int)::uuid],
    CASE WHEN n % 3 = 0 THEN 'archived' ELSE 'open' END, current_setting('estate.start')::date - 1 - n % 50
FROM generate_series(1, current_setting('population.conversation')::int) AS n;

INSERT INTO messages (id, "conversationId", "senderUserId", content, "messageType", timestamp)
SELECT md5('message:' || i || '/' || c.id)::uuid, c.id, c."participantIds"[1 + i % 2],
    (ARRAY['When do we start?', 'At four, as last time.', 'Here is my homework.', 'Well done, see you on Monday.'])[1 + i % 4], 'text',
    c."lastMessageAt" - (4 - i) * interval '10 minutes'
FROM conversations AS c, generate_series(1, 4) AS i;

INSERT INTO notifications (id, "userId", type, title, content, "isRead", "createdAt")
SELECT md5('notification:' || n)::uuid, md5('pupil:' || 1 + n * 11 % current_setting('population.pupil')::int)::uuid,
    (ARRAY['lessonReminder', 'message', 'payment'])[1 + n % 3], 'Your next lesson', 'It begins soon.', n % 4 <> 0,
    current_setting('estate.start')::date - 30 + n * interval '30 days' / current_setting('population.notification')::int
FROM generate_series(1, current_setting('population.notification')::int) AS n;

INSERT INTO video_sessions (id, "lessonId", "meetingUrl", "startedAt", "endedAt", "recordingUrl")
SELECT md5('video:' || n)::uuid, md5('lesson:' || n)::uuid, 'https://meet.example/' || md5('room:' || n), at, at + interval '45 minutes',
    CASE WHEN n % 2 = 0 THEN 'https://files.example/' || md5('recording:' || n) END
FROM generate_series(1, current_setting('population.video')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 60 + n * interval '60 days' / current_setting('population.lesson')::int) AS _ (at);
