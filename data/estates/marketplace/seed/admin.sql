-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
SELECT setseed(0.5);

INSERT INTO admin_service.admin_users (user_id, department, is_superuser, created_at)
SELECT md5('user:' || n)::uuid, (ARRAY['support', 'finance', 'trust', 'engineering'])[1 + n % 4], n = 1,
    current_setting('estate.start')::date - 400 + n
FROM generate_series(1, current_setting('population.admin')::int) AS n;

INSERT INTO admin_service.audit_logs (admin_user_id, action, subject_type, subject_id, ip, details, created_at)
SELECT 1 + floor(random() * current_setting('population.admin')::int)::int,
    (ARRAY['view', 'update', 'refund', 'suspend'])[1 + n % 4], (ARRAY['user', 'order', 'seller'])[1 + n % 3],
    md5('subject:' || n)::uuid, '10.0.0.0'::inet + (n % 250), jsonb_build_object('before', md5('b' || n), 'after', md5('a' || n)),
    current_setting('estate.start')::date - 90 + n * interval '90 days' / current_setting('seed_rows.audit_logs')::int
FROM generate_series(1, current_setting('seed_rows.audit_logs')::int) AS n;

INSERT INTO admin_service.support_tickets
    (id, user_id, order_id, assigned_to, subject, status, priority, created_at, updated_at, solved_at)
SELECT md5('ticket:' || n)::uuid, md5('user:' || 1 + floor(random() * current_setting('population.user')::int))::uuid,
    md5('order:' || 1 + floor(random() * current_setting('population.order')::int))::uuid,
    1 + n % current_setting('population.admin')::int, 'Question about my order no. ' || n,
    CASE WHEN n % 10 = 0 THEN 'open' ELSE 'closed' END::admin_service.ticket_status, 1 + n % 5, at, at + interval '1 day',
    CASE WHEN n % 10 > 0 THEN at + interval '1 day' END
FROM generate_series(1, current_setting('population.ticket')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 1 - (n % 120) * interval '1 day') AS _ (at);

INSERT INTO admin_service.ticket_messages (ticket_id, author_id, is_internal, body, created_at)
SELECT t.id, t.user_id, m = 3, 'Hello, ' || repeat('about my parcel and my refund, please. ', 2 + m), t.created_at + m * interval '2 hours'
FROM admin_service.support_tickets AS t, generate_series(1, 3) AS m;

INSERT INTO admin_service.settings (key, value, updated_by, updated_at)
SELECT 'setting.' || n, jsonb_build_object('value', n), 1, current_setting('estate.start')::date - 200
FROM generate_series(1, current_setting('seed_rows.settings')::int) AS n;
