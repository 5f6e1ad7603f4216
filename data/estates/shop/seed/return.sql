-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
INSERT INTO return_requests (id, order_id, user_id, status, reason, requested_at, updated_at)
SELECT md5('return_request:' || n), md5('order:' || n * 10), md5('user:' || 1 + n * 10 * 7 % current_setting('population.user')::int), 'refunded',
    (ARRAY['does not fit', 'damaged', 'not as shown'])[1 + n % 3], at, at + interval '5 days'
FROM generate_series(1, current_setting('population.return_request')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 7 - (n % 70) * interval '1 day') AS _ (at);

INSERT INTO return_items (id, return_request_id, order_item_id, product_id, quantity, condition)
SELECT md5('return_item:' || n), md5('return_request:' || n), md5('order_item:' || item), md5('product:' || (variant + 1) / 2), 1, 'unopened'
FROM generate_series(1, current_setting('population.return_request')::int) AS n,
    LATERAL (SELECT n * 20, 1 + n * 20 * 13 % current_setting('population.variant')::int) AS _ (item, variant);

INSERT INTO return_authorizations (id, return_request_id, rma_number, expires_at, authorised_at)
SELECT md5('authorization:' || id), id, 'RMA-' || left(id, 12), requested_at + interval '30 days', requested_at + interval '1 day' FROM return_requests;

INSERT INTO return_status_history (id, return_request_id, from_status, to_status, created_at)
SELECT md5('return_status:' || id), id, 'requested', 'refunded', updated_at FROM return_requests;

INSERT INTO return_tracking (id, return_request_id, status, location, occurred_at)
SELECT md5('return_tracking:' || id), id, 'received', 'Leipzig', updated_at FROM return_requests;

INSERT INTO refunds (id, return_request_id, payment_id, amount, status, created_at)
SELECT md5('return_refund:' || n), md5('return_request:' || n), md5('payment:' || n * 10), 10 + n % 20, 'sent', current_setting('estate.start')::date - 2 - n % 70
FROM generate_series(1, current_setting('population.return_request')::int) AS n;
