-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
SELECT setseed(0.5);

INSERT INTO influencer_service.influencers (id, user_id, handle, platform, followers, rate_percent, created_at)
SELECT md5('influencer:' || n)::uuid, md5('user:' || n)::uuid, '@star' || n, (ARRAY['instagram', 'youtube', 'tiktok'])[1 + n % 3],
    1000 + n * 731, 3 + n % 9, current_setting('estate.start')::date - 1 - n
FROM generate_series(1, current_setting('population.influencer')::int) AS n;

INSERT INTO influencer_service.campaigns (seller_id, name, status, budget, starts_on, ends_on, created_at)
SELECT md5('seller:' || n)::uuid, 'Campaign ' || n, 'running', 500 + n * 25, current_setting('estate.start')::date - 20,
    current_setting('estate.start')::date + 60, current_setting('estate.start')::date - 30
FROM generate_series(1, current_setting('population.campaign')::int) AS n;

INSERT INTO influencer_service.campaign_products (campaign_id, product_id, commission, added_at)
SELECT c.id, md5('product:' || c.id * 20 + p)::uuid, 5 + p % 5, c.created_at
FROM influencer_service.campaigns AS c, generate_series(1, 8) AS p;

INSERT INTO influencer_service.affiliate_links ("id", "influencerId", "productId", "shortCode", "createdAt", "updatedAt")
SELECT md5('link:' || n)::uuid, md5('influencer:' || 1 + n % current_setting('population.influencer')::int)::uuid,
    md5('product:' || 1 + floor(random() * current_setting('population.product')::int))::uuid, 'link' || n,
    current_setting('estate.start')::date - 1 - n % 60, current_setting('estate.start')::date - 1 - n % 60
FROM generate_series(1, current_setting('population.link')::int) AS n;

INSERT INTO influencer_service.link_clicks (link_id, referrer, country, clicked_at)
SELECT md5('link:' || 1 + floor(random() * current_setting('population.link')::int))::uuid, 'https://social.example/p/' || n % 500,
    (ARRAY['DE', 'AT', 'CH', 'FR'])[1 + n % 4], current_setting('estate.start')::date - 30 + n * interval '30 days' / current_setting('seed_rows.link_clicks')::int
FROM generate_series(1, current_setting('seed_rows.link_clicks')::int) AS n;

INSERT INTO influencer_service.commissions (id, influencer_id, order_id, amount, paid_at, created_at)
SELECT md5('commission:' || n)::uuid, md5('influencer:' || 1 + n % current_setting('population.influencer')::int)::uuid,
    md5('order:' || n)::uuid, 1 + n % 40, current_setting('estate.start')::date - 5, current_setting('estate.start')::date - 10
FROM generate_series(1, current_setting('population.commission')::int) AS n;
