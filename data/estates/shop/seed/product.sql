-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
INSERT INTO products (id, name, slug, description, price, status, attributes, created_at, updated_at)
SELECT md5('product:' || n), 'Product ' || n, 'product-' || n, repeat('A fine thing, made with care. ', 4) || md5('description' || n), 5 + n % 200,
    CASE WHEN n % 12 = 0 THEN 'archived' ELSE 'active' END, jsonb_build_object('colour', (ARRAY['red', 'green', 'blue'])[1 + n % 3]), at, at
FROM generate_series(1, current_setting('population.product')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 1 - (n % 400) * interval '1 day') AS _ (at);

INSERT INTO categories (id, parent_id, name, slug, position, created_at)
SELECT md5('category:' || n), CASE WHEN n > 6 THEN md5('category:' || 1 + n % 6) END, 'Category ' || n, 'category-' || n, n, current_setting('estate.start')::date - 700
FROM generate_series(1, current_setting('population.category')::int) AS n;

INSERT INTO product_categories (product_id, category_id, is_primary, added_at)
SELECT p.id, md5('category:' || 1 + (length(p.description) + p.price::int) % current_setting('population.category')::int), true, p.created_at
FROM products AS p;

INSERT INTO product_variants (id, product_id, sku, name, price, options, created_at, updated_at)
SELECT md5('variant:' || n), md5('product:' || (n + 1) / 2), 'SKU-' || n, 'Size ' || n % 2, 5 + n % 200, jsonb_build_object('size', n % 2), at, at
FROM generate_series(1, current_setting('population.variant')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 1 - (n % 400) * interval '1 day') AS _ (at);

INSERT INTO product_images (id, product_id, url, alt_text, position)
SELECT md5('image:' || n), md5('product:' || n), 'https://img.example/' || md5('i' || n) || '.webp', 'Product ' || n, 1
FROM generate_series(1, current_setting('population.product')::int) AS n;

INSERT INTO inventory (id, product_variant_id, on_hand, reorder_level, updated_at)
SELECT md5('inventory:' || n), md5('variant:' || n), 1000 + n % 500, 20, current_setting('estate.start')::date - 1
FROM generate_series(1, current_setting('population.variant')::int) AS n;

INSERT INTO reviews (id, product_id, user_id, rating, title, body, status, created_at)
SELECT md5('review:' || n), md5('product:' || 1 + n * 7 % current_setting('population.product')::int), md5('user:' || 1 + n * 11 % current_setting('population.user')::int),
    1 + n % 5, 'My opinion', repeat('It does what it should. ', 1 + n % 9), 'published', current_setting('estate.start')::date - 1 - n % 300
FROM generate_series(1, current_setting('population.review')::int) AS n;

INSERT INTO product_tags (id, product_id, tag, created_at)
SELECT md5('tag:' || n || '/' || t), md5('product:' || n), 'tag' || (n * t + t * t) % current_setting('seed_rows.tags')::int, current_setting('estate.start')::date - 1 - n % 300
FROM generate_series(1, current_setting('population.product')::int) AS n, generate_series(1, 5) AS t
ON CONFLICT DO NOTHING;
