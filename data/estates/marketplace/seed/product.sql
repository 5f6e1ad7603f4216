-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
SELECT setseed(0.5);

INSERT INTO product_service.categories (parent_id, slug, name, position, created_at)
SELECT CASE WHEN n > 8 THEN 1 + n % 8 END, 'category-' || n, 'Category ' || n, n, current_setting('estate.start')::date - 700
FROM generate_series(1, current_setting('population.category')::int) AS n;

INSERT INTO product_service.brands (name, website, created_at)
SELECT 'Brand ' || n, 'https://brand' || n || '.example', current_setting('estate.start')::date - 700
FROM generate_series(1, current_setting('population.brand')::int) AS n;

INSERT INTO product_service.products
    (id, seller_id, category_id, brand_id, sku, title, description, price, status, attributes, created_at, updated_at)
SELECT md5('product:' || n)::uuid, md5('seller:' || 1 + n % current_setting('population.seller')::int)::uuid,
    1 + floor(random() * current_setting('population.category')::int)::int, 1 + n % current_setting('population.brand')::int, 'SKU-' || n,
    'Product ' || n || ' of ' || md5('title' || n), repeat('A fine thing, made with care. ', 8) || md5('description' || n), 5 + n % 200,
    CASE WHEN n % 12 = 0 THEN 'paused' ELSE 'active' END::product_service.product_status,
    jsonb_build_object('colour', (ARRAY['red', 'green', 'blue'])[1 + n % 3], 'weight', n % 900), at, at
FROM generate_series(1, current_setting('population.product')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 1 - (n % 400) * interval '1 day') AS _ (at);

INSERT INTO product_service.product_variants (id, product_id, sku, name, price, options, created_at)
SELECT md5('variant:' || p.sku || v)::uuid, p.id, p.sku || '-' || v, 'Size ' || v, p.price, jsonb_build_object('size', v), p.created_at
FROM product_service.products AS p, generate_series(1, 3) AS v;

INSERT INTO product_service.product_images (product_id, url, alt_text, position)
SELECT p.id, 'https://img.example/' || md5(p.sku || i) || '.webp', p.title, i
FROM product_service.products AS p, generate_series(1, 2) AS i;

INSERT INTO product_service.product_reviews (id, product_id, user_id, rating, title, body, created_at)
SELECT md5('review:' || n)::uuid, md5('product:' || 1 + floor(random() * current_setting('population.product')::int))::uuid,
    md5('user:' || 1 + floor(random() * current_setting('population.user')::int))::uuid, 1 + n % 5, 'My opinion', repeat('It does what it should. ', 1 + n % 9),
    current_setting('estate.start')::date - 1 - (n % 300)
FROM generate_series(1, current_setting('population.review')::int) AS n;
