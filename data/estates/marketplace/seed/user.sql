-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
SELECT setseed(0.5);

INSERT INTO user_service.profiles (user_id, display_name, phone, birth_date, created_at, updated_at)
SELECT md5('user:' || n)::uuid, 'User ' || n, '+49 151 ' || 1000000 + n, date '1960-01-01' + n % 15000, at, at
FROM generate_series(1, current_setting('population.profile')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 1 - (n % 500) * interval '1 day') AS _ (at);

INSERT INTO user_service.preferences (user_id, email_opt_in, settings, updated_at)
SELECT user_id, true, '{"language": "de"}', updated_at FROM user_service.profiles;

INSERT INTO user_service.addresses (id, user_id, kind, line1, city, postcode, country_code, is_default, created_at)
SELECT md5('address:' || n)::uuid, md5('user:' || n)::uuid, 'shipping', 'Lange Strasse ' || n % 200, 'Leipzig',
    lpad((n % 99999)::text, 5, '0'), 'DE', true, current_setting('estate.start')::date - 1 - n % 300
FROM generate_series(1, current_setting('population.address')::int) AS n;

INSERT INTO user_service.wishlists (id, user_id, name, created_at)
SELECT md5('wishlist:' || n)::uuid, md5('user:' || n)::uuid, 'Wishes', current_setting('estate.start')::date - 1 - n % 300
FROM generate_series(1, current_setting('population.wishlist')::int) AS n;

INSERT INTO user_service.wishlist_items (wishlist_id, product_id, added_at)
SELECT w.id, md5('product:' || 1 + floor(random() * current_setting('population.product')::int))::uuid, w.created_at
FROM user_service.wishlists AS w, generate_series(1, 4) AS i;

INSERT INTO user_service.recently_viewed (user_id, product_id, viewed_at)
SELECT md5('user:' || 1 + floor(random() * current_setting('population.user')::int))::uuid,
    md5('product:' || 1 + floor(random() * current_setting('population.product')::int))::uuid,
    current_setting('estate.start')::date - 14 + n * interval '14 days' / current_setting('seed_rows.recently_viewed')::int
FROM generate_series(1, current_setting('seed_rows.recently_viewed')::int) AS n;
