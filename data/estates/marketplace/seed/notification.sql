-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
SELECT setseed(0.5);

INSERT INTO notification_service.notification_templates (code, channel, subject, body, updated_at)
SELECT 'template_' || n, (ARRAY['email', 'sms', 'push', 'in_app'])[1 + n % 4]::notification_service.channel, 'News no. ' || n,
    repeat('Dear {{name}}, something happened to {{subject}}. ', 6), current_setting('estate.start')::date - 100
FROM generate_series(1, current_setting('population.template')::int) AS n;

INSERT INTO notification_service.notifications (id, user_id, template_id, channel, status, payload, created_at, sent_at)
SELECT md5('notification:' || n)::uuid, md5('user:' || 1 + floor(random() * current_setting('population.user')::int))::uuid,
    1 + n % current_setting('population.template')::int, (ARRAY['email', 'sms', 'push', 'in_app'])[1 + n % 4]::notification_service.channel,
    'sent', jsonb_build_object('subject', md5('n' || n), 'link', '/orders/' || md5('o' || n)), at, at + interval '3 seconds'
FROM generate_series(1, current_setting('seed_rows.notifications')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 77 + n * interval '77 days' / (1 + current_setting('seed_rows.notifications')::int)) AS _ (at);

INSERT INTO notification_service.deliveries (notification_id, provider, provider_message_id, status, attempted_at)
SELECT id, 'postbote', md5('message' || id), 'delivered', sent_at
FROM notification_service.notifications WHERE created_at > current_setting('estate.start')::date - 20 AND channel = 'email';

INSERT INTO notification_service.device_tokens (id, user_id, platform, token, last_seen_at, created_at)
SELECT md5('device:' || n)::uuid, md5('user:' || n)::uuid, (ARRAY['ios', 'android', 'web'])[1 + n % 3], md5('d' || n) || md5('e' || n),
    current_setting('estate.start')::date - 1, current_setting('estate.start')::date - 100
FROM generate_series(1, current_setting('population.device')::int) AS n;

INSERT INTO notification_service.unsubscribes (email, channel, reason, created_at)
SELECT 'user' || n * 17 || '@example.com', 'email', 'too many', current_setting('estate.start')::date - 1 - n % 90
FROM generate_series(1, current_setting('seed_rows.unsubscribes')::int) AS n;
