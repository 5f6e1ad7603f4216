-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
INSERT INTO coupons (id, code, kind, value, usage_limit, valid_from, created_at)
SELECT md5('coupon:' || n), 'COUPON' || n, CASE WHEN n % 2 = 0 THEN 'percent' ELSE 'amount' END, 5 + n % 10, 10000, at, at
FROM generate_series(1, current_setting('population.coupon')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 100) AS _ (at);

INSERT INTO coupon_usage (id, coupon_id, user_id, order_id, discount_amount, used_at)
SELECT md5('coupon_usage:' || n), md5('coupon:' || 1 + 8 * n % current_setting('population.coupon')::int), md5('user:' || 1 + 8 * n * 7 % current_setting('population.user')::int),
    md5('order:' || 8 * n), 5, current_setting('estate.start')::date - 1 - n % 80
FROM generate_series(1, current_setting('seed_rows.coupon_usage')::int) AS n;

INSERT INTO promotions (id, name, status, priority, starts_at, ends_at, created_at)
SELECT md5('promotion:' || n), 'Promotion ' || n, CASE WHEN n % 2 = 0 THEN 'running' ELSE 'ended' END, n, at, at + interval '120 days', at
FROM generate_series(1, current_setting('population.promotion')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 60) AS _ (at);

INSERT INTO promotion_rules (id, promotion_id, kind, value, created_at)
SELECT md5('promotion_rule:' || n), md5('promotion:' || n), 'minimum_amount', 50 + n, current_setting('estate.start')::date - 60
FROM generate_series(1, current_setting('population.promotion')::int) AS n;

INSERT INTO promotion_usage (id, promotion_id, user_id, order_id, discount_amount, used_at)
SELECT md5('promotion_usage:' || n), md5('promotion:' || 1 + n % current_setting('population.promotion')::int),
    md5('user:' || 1 + 6 * n * 7 % current_setting('population.user')::int), md5('order:' || 6 * n), 3, current_setting('estate.start')::date - 1 - n % 50
FROM generate_series(1, current_setting('seed_rows.promotion_usage')::int) AS n;
