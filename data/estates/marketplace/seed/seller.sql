-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
SELECT setseed(0.5);

INSERT INTO seller_service.sellers (id, user_id, shop_name, slug, status, country_code, rating, created_at, updated_at)
SELECT md5('seller:' || n)::uuid, md5('user:' || n)::uuid, 'Shop ' || n, 'shop-' || n, 'approved', (ARRAY['DE', 'AT', 'CH'])[1 + n % 3],
    3 + (n % 20) / 10.0, current_setting('estate.start')::date - 500, current_setting('estate.start')::date - 10
FROM generate_series(1, current_setting('population.seller')::int) AS n;

INSERT INTO seller_service.seller_profiles (seller_id, description, logo_url, support_email, return_policy, updated_at)
SELECT s.id, repeat('We sell good things. ', 10), 'https://img.example/' || s.slug || '.webp', 'help@' || s.slug || '.example',
    repeat('Returns are free for thirty days. ', 12), s.updated_at
FROM seller_service.sellers AS s;

INSERT INTO seller_service.payouts (id, seller_id, period_start, period_end, amount, status, created_at, paid_at)
SELECT md5('payout:' || s.slug || w)::uuid, s.id, monday, monday + 6, 100 + w * 13, 'sent', monday + 7, monday + 8
FROM seller_service.sellers AS s, generate_series(1, 8) AS w,
    LATERAL (SELECT current_setting('estate.start')::date - 7 * (w + 1)) AS _ (monday);

INSERT INTO seller_service.commission_rates (seller_id, category_id, rate, valid_from)
SELECT s.id, c, 0.08 + c * 0.001, current_setting('estate.start')::date - 300
FROM seller_service.sellers AS s, generate_series(1, 6) AS c;

INSERT INTO seller_service.seller_documents (id, seller_id, kind, storage_key, verified_at, uploaded_at)
SELECT md5('document:' || slug)::uuid, id, 'vat certificate', 'documents/' || slug || '.pdf', created_at, created_at
FROM seller_service.sellers;

INSERT INTO seller_service.daily_figures (seller_id, day, page_views, orders, revenue)
SELECT s.id, current_setting('estate.start')::date - d, 40 + d, d % 6, d % 6 * 39.9
FROM seller_service.sellers AS s, generate_series(1, current_setting('seed_rows.daily_figures_days')::int) AS d;
