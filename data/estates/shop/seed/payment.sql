-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
INSERT INTO payment_methods (id, user_id, kind, provider, token_ciphertext, card_last4, expires_on, created_at)
SELECT md5('payment_method:' || n), md5('user:' || n), 'card', 'kartenhaus', decode(md5('m' || n) || md5('k' || n), 'hex'), lpad((n % 10000)::text, 4, '0'),
    current_setting('estate.start')::date + 300, current_setting('estate.start')::date - 1 - n % 300
FROM generate_series(1, current_setting('population.payment_method')::int) AS n;

INSERT INTO payments (id, order_id, user_id, payment_method_id, amount, status, gateway_transaction_id, created_at, updated_at)
SELECT md5('payment:' || n), md5('order:' || n), md5('user:' || 1 + n * 7 % current_setting('population.user')::int),
    md5('payment_method:' || 1 + n % current_setting('population.payment_method')::int), 20 + n % 300, 'captured', 'ch_' || md5('g' || n), at, at + interval '1 hour'
FROM generate_series(1, current_setting('population.payment')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 90 + n * interval '89 days' / current_setting('population.payment')::int) AS _ (at);

INSERT INTO payment_transactions (id, payment_id, kind, amount, status, created_at)
SELECT md5('transaction:' || p.id || kind), p.id, kind, p.amount, 'done', p.created_at
FROM payments AS p, unnest(ARRAY['authorise', 'capture']) AS kind ORDER BY p.created_at, kind;

INSERT INTO refunds (id, payment_id, amount, reason, status, created_at, processed_at)
SELECT md5('refund:' || n), md5('payment:' || n * 20), 10 + n % 20, 'damaged', 'sent', at, at + interval '1 day'
FROM generate_series(1, current_setting('population.refund')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 2 - (n % 80) * interval '1 day') AS _ (at);

INSERT INTO payment_webhooks (id, provider, event_type, payload, received_at, processed_at)
SELECT md5('webhook:' || n), 'kartenhaus', 'charge.captured', jsonb_build_object('id', n, 'body', md5('b' || n)), at, at + interval '1 second'
FROM generate_series(1, current_setting('seed_rows.payment_webhooks')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 1 - (n % 60) * interval '1 day') AS _ (at);
