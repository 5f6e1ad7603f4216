-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
INSERT INTO orders (id, order_number, user_id, cart_id, coupon_code, status, discount_total, total_amount, created_at, updated_at)
SELECT md5('order:' || n), 'O-' || n, md5('user:' || 1 + n * 7 % current_setting('population.user')::int), md5('cart:' || 1 + n % current_setting('population.cart')::int),
    CASE WHEN n % 8 = 0 THEN 'COUPON' || 1 + n % current_setting('population.coupon')::int END,
    (ARRAY['delivered', 'delivered', 'shipped', 'paid', 'cancelled'])[1 + n % 5], CASE WHEN n % 8 = 0 THEN 5 ELSE 0 END, 20 + n % 300, at, at + interval '1 day'
FROM generate_series(1, current_setting('population.order')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 90 + n * interval '89 days' / current_setting('population.order')::int) AS _ (at);

INSERT INTO order_items (id, order_id, product_id, product_variant_id, product_name, quantity, unit_price)
SELECT md5('order_item:' || n), md5('order:' || (n + 1) / 2), md5('product:' || (variant + 1) / 2), md5('variant:' || variant), 'Product ' || (variant + 1) / 2,
    1 + n % 3, 5 + n % 90
FROM generate_series(1, current_setting('population.order_item')::int) AS n,
    LATERAL (SELECT 1 + n * 13 % current_setting('population.variant')::int) AS _ (variant);

INSERT INTO order_status_history (id, order_id, from_status, to_status, created_at)
SELECT md5('order_status:' || o.order_number || '/' || step.position), o.id, step.old, step.new, o.created_at + step.position * interval '6 hours'
FROM orders AS o, (VALUES (0, NULL, 'placed'), (1, 'placed', 'paid'), (2, 'paid', 'shipped')) AS step (position, old, new);

INSERT INTO shipping_addresses (id, order_id, recipient_name, phone, street, city, postal_code, country_code, created_at)
SELECT md5('shipping_address:' || n), md5('order:' || n), 'Person ' || n, '+49 341 ' || 200000 + n, 'Lange Strasse ' || n % 200, 'Leipzig',
    lpad((n % 99999)::text, 5, '0'), 'DE', current_setting('estate.start')::date - 1
FROM generate_series(1, current_setting('population.order')::int) AS n;

INSERT INTO order_notes (id, order_id, body, created_at)
SELECT md5('note:' || n), md5('order:' || n * 5), 'Please ring twice.', current_setting('estate.start')::date - 1 - n % 60
FROM generate_series(1, current_setting('seed_rows.order_notes')::int) AS n;
