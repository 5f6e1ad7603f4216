-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
SELECT setseed(0.5);

INSERT INTO order_service.carts (id, user_id, created_at, updated_at)
SELECT md5('cart:' || n)::uuid, md5('user:' || n)::uuid, current_setting('estate.start')::date - 20, current_setting('estate.start')::date - 1
FROM generate_series(1, current_setting('population.cart')::int) AS n;

INSERT INTO order_service.cart_items (cart_id, product_id, quantity, unit_price, added_at)
SELECT c.id, md5('product:' || 1 + floor(random() * current_setting('population.product')::int))::uuid, 1 + i % 3, 5 + i * 9.9, c.updated_at
FROM order_service.carts AS c, generate_series(1, 2) AS i;

INSERT INTO order_service.orders (id, user_id, seller_id, status, total_amount, shipping_address, placed_at, updated_at)
SELECT md5('order:' || n)::uuid, md5('user:' || 1 + floor(random() * current_setting('population.user')::int))::uuid,
    md5('seller:' || 1 + floor(random() * current_setting('population.seller')::int))::uuid,
    (ARRAY['delivered', 'delivered', 'shipped', 'paid', 'cancelled'])[1 + n % 5]::order_service.order_status, 20 + n % 300,
    jsonb_build_object('line1', 'Lange Strasse ' || n % 200, 'city', 'Leipzig', 'postcode', lpad((n % 99999)::text, 5, '0')), at, at + interval '1 day'
FROM generate_series(1, current_setting('population.order')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 180 + n * interval '178 days' / current_setting('population.order')::int) AS _ (at);

INSERT INTO order_service.order_items (order_id, product_id, quantity, unit_price)
SELECT o.id, md5('product:' || 1 + floor(random() * current_setting('population.product')::int))::uuid, 1 + i % 3, 5 + i * 9.9
FROM order_service.orders AS o, generate_series(1, 2) AS i;

INSERT INTO order_service.order_status_history (order_id, from_status, to_status, changed_at)
SELECT id, 'placed', status, updated_at FROM order_service.orders;
