-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
INSERT INTO carts (id, user_id, status, created_at, updated_at)
SELECT md5('cart:' || n), md5('user:' || 1 + n * 7 % current_setting('population.user')::int), CASE WHEN n % 3 = 0 THEN 'open' ELSE 'ordered' END,
    current_setting('estate.start')::date - 20, current_setting('estate.start')::date - 1
FROM generate_series(1, current_setting('population.cart')::int) AS n;

INSERT INTO cart_items (id, cart_id, product_id, product_variant_id, quantity, unit_price, added_at)
SELECT md5('cart_item:' || n), md5('cart:' || (n + 1) / 2), md5('product:' || (variant + 1) / 2), md5('variant:' || variant), 1 + n % 3, 5 + n % 90,
    current_setting('estate.start')::date - 1
FROM generate_series(1, current_setting('population.cart_item')::int) AS n,
    LATERAL (SELECT 1 + n * 13 % current_setting('population.variant')::int) AS _ (variant);
