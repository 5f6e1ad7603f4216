-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
INSERT INTO user_profiles (id, user_id, first_name, last_name, phone, birth_date, created_at, updated_at)
SELECT md5('profile:' || n), md5('user:' || n), (ARRAY['Anna', 'Ben', 'Clara', 'David', 'Emma', 'Finn'])[1 + n % 6], 'Person ' || n,
    '+49 151 ' || 1000000 + n, date '1960-01-01' + n % 15000, at, at
FROM generate_series(1, current_setting('population.profile')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 1 - (n % 500) * interval '1 day') AS _ (at);

INSERT INTO addresses (id, user_id, kind, recipient_name, street, city, postal_code, country_code, phone, is_default, created_at)
SELECT md5('address:' || n), md5('user:' || n), CASE WHEN n % 4 = 0 THEN 'billing' ELSE 'shipping' END, 'Person ' || n, 'Lange Strasse ' || n % 200,
    'Leipzig', lpad((n % 99999)::text, 5, '0'), 'DE', '+49 341 ' || 200000 + n, true, current_setting('estate.start')::date - 1 - n % 300
FROM generate_series(1, current_setting('population.address')::int) AS n;

INSERT INTO payment_methods (id, user_id, kind, card_brand, card_last4, card_holder, expires_on, is_default, created_at)
SELECT md5('payment_method:' || n), md5('user:' || n), 'card', (ARRAY['visa', 'mastercard'])[1 + n % 2], lpad((n % 10000)::text, 4, '0'), 'Person ' || n,
    current_setting('estate.start')::date + 300, true, current_setting('estate.start')::date - 1 - n % 300
FROM generate_series(1, current_setting('population.payment_method')::int) AS n;

INSERT INTO user_preferences (id, user_id, newsletter, updated_at)
SELECT md5('preference:' || n), md5('user:' || n), n % 3 = 0, current_setting('estate.start')::date - 1 - n % 300
FROM generate_series(1, current_setting('population.profile')::int) AS n;

INSERT INTO wishlist_items (id, user_id, product_id, added_at)
SELECT md5('wishlist_item:' || n), md5('user:' || 1 + n * 7 % current_setting('population.user')::int),
    md5('product:' || 1 + n * 11 % current_setting('population.product')::int), current_setting('estate.start')::date - 1 - n % 200
FROM generate_series(1, current_setting('population.wishlist_item')::int) AS n;

INSERT INTO event_logs (id, event_type, correlation_id, payload, occurred_at, published_at)
SELECT md5('event:' || n), 'user.profile.updated', md5('correlation:' || n), jsonb_build_object('n', n), at, at + interval '2 seconds'
FROM generate_series(1, current_setting('seed_rows.event_logs')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 30 + n * interval '30 days' / (1 + current_setting('seed_rows.event_logs')::int)) AS _ (at);
