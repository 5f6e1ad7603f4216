-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
SELECT setseed(0.5);

INSERT INTO content_service.pages (slug, title, body, status, author_id, published_at, created_at, updated_at)
SELECT 'page-' || n, 'Page ' || n, string_agg(md5(n || '/' || line), ' '), 'published', md5('user:' || 1 + n % 12)::uuid,
    current_setting('estate.start')::date - 90, current_setting('estate.start')::date - 100, current_setting('estate.start')::date - 90
FROM generate_series(1, current_setting('population.page')::int) AS n, generate_series(1, 150) AS line
GROUP BY n ORDER BY n;

INSERT INTO content_service.page_revisions (page_id, title, body, author_id, created_at)
SELECT p.id, p.title, p.body || r, p.author_id, p.created_at + r * interval '1 day'
FROM content_service.pages AS p, generate_series(1, 4) AS r;

INSERT INTO content_service.media_assets (id, storage_key, mime_type, width, height, size_bytes, uploaded_by, created_at)
SELECT md5('media:' || n)::uuid, 'media/' || md5('media:' || n) || '.webp', 'image/webp', 1200, 630, 40000 + n * 37,
    md5('user:' || 1 + n % 12)::uuid, current_setting('estate.start')::date - 1 - n % 300
FROM generate_series(1, current_setting('population.media')::int) AS n;

INSERT INTO content_service.banners (placement, media_id, headline, target_url, starts_at, ends_at)
SELECT (ARRAY['home', 'category', 'checkout'])[1 + n % 3], md5('media:' || n)::uuid, 'Offer ' || n, '/offers/' || n,
    current_setting('estate.start')::date - 30, current_setting('estate.start')::date + 90
FROM generate_series(1, current_setting('population.banner')::int) AS n;

INSERT INTO content_service.banner_impressions (banner_id, user_id, clicked, shown_at)
SELECT 1 + n % current_setting('population.banner')::int, md5('user:' || 1 + floor(random() * current_setting('population.user')::int))::uuid,
    n % 40 = 0, current_setting('estate.start')::date - 30 + n * interval '30 days' / current_setting('seed_rows.banner_impressions')::int
FROM generate_series(1, current_setting('seed_rows.banner_impressions')::int) AS n;

INSERT INTO content_service.menu_items (page_id, label, position)
SELECT n, 'Page ' || n, n FROM generate_series(1, current_setting('seed_rows.menu_items')::int) AS n;
