-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
SELECT setseed(0.5);

INSERT INTO payment_service.payment_methods (id, user_id, kind, provider, token, last4, expires_on, created_at)
SELECT md5('payment_method:' || n)::uuid, md5('user:' || n)::uuid, (ARRAY['card', 'wallet', 'bank_transfer'])[1 + n % 3]::payment_service.method_kind,
    'stripe', 'pm_' || md5('m' || n), lpad((n % 10000)::text, 4, '0'), current_setting('estate.start')::date + 300,
    current_setting('estate.start')::date - 1 - n % 300
FROM generate_series(1, current_setting('population.payment_method')::int) AS n;

INSERT INTO payment_service.payments
    (id, order_id, payment_method_id, amount, status, gateway_reference, created_at, captured_at)
SELECT md5('payment:' || n)::uuid, md5('order:' || n)::uuid,
    md5('payment_method:' || 1 + floor(random() * current_setting('population.payment_method')::int))::uuid,
    20 + n % 300, 'captured', 'ch_' || md5('g' || n), at, at + interval '1 hour'
FROM generate_series(1, current_setting('population.payment')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 180 + n * interval '178 days' / current_setting('population.payment')::int) AS _ (at);

INSERT INTO payment_service.refunds (id, payment_id, amount, reason, created_at)
SELECT md5('refund:' || n)::uuid, md5('payment:' || n * 20)::uuid, 10 + n % 20, 'damaged', current_setting('estate.start')::date - 1 - n % 90
FROM generate_series(1, current_setting('population.refund')::int) AS n;

INSERT INTO payment_service.payment_webhooks (provider, event_type, payload, received_at, processed_at)
SELECT 'stripe', 'charge.captured', jsonb_build_object('id', n, 'body', string_agg(md5(n || '/' || line), '')), at, at + interval '1 second'
FROM generate_series(1, current_setting('seed_rows.payment_webhooks')::int) AS n, generate_series(1, 110) AS line,
    LATERAL (SELECT current_setting('estate.start')::date - 1 - (n % 20) * interval '1 day') AS _ (at)
GROUP BY n, at ORDER BY n;

INSERT INTO payment_service.ledger_entries (payment_id, account, debit, credit, entry_date, created_at)
SELECT p.id, account, CASE WHEN account = 'receivable' THEN p.amount ELSE 0 END, CASE WHEN account = 'revenue' THEN p.amount ELSE 0 END,
    p.created_at::date, p.created_at
FROM payment_service.payments AS p, unnest(ARRAY['receivable', 'revenue']) AS account;
