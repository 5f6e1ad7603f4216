-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
INSERT INTO email_templates (id, name, subject, body, created_at, updated_at)
SELECT md5('template:' || n), 'template_' || n, 'Your order', repeat('Dear customer, thank you. ', 20), at, at
FROM generate_series(1, current_setting('population.template')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 400) AS _ (at);

INSERT INTO notifications (id, user_id, email_template_id, channel, payload, status, created_at, sent_at)
SELECT md5('notification:' || n), md5('user:' || 1 + n * 7 % current_setting('population.user')::int),
    md5('template:' || 1 + n % current_setting('population.template')::int), 'email', jsonb_build_object('subject', md5('n' || n)), 'sent', at, at + interval '3 seconds'
FROM generate_series(1, current_setting('population.notification')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 80 + n * interval '79 days' / current_setting('population.notification')::int) AS _ (at);

INSERT INTO notification_preferences (id, user_id, channel, topic, updated_at)
SELECT md5('preference:' || n), md5('user:' || n), 'email', 'orders', current_setting('estate.start')::date - 1 - n % 300
FROM generate_series(1, current_setting('population.user')::int) AS n;

INSERT INTO notification_logs (id, notification_id, provider, status, attempted_at)
SELECT md5('log:' || id), id, 'postbote', 'delivered', sent_at FROM notifications WHERE created_at > current_setting('estate.start')::date - 20 ORDER BY created_at;
