-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
INSERT INTO carriers (id, name, tracking_url, created_at)
SELECT md5('carrier:' || n), 'Carrier ' || n, 'https://carrier' || n || '.example/track', current_setting('estate.start')::date - 600
FROM generate_series(1, current_setting('population.carrier')::int) AS n;

INSERT INTO shipping_zones (id, name, countries, created_at)
SELECT md5('zone:' || n), 'Zone ' || n, (ARRAY['{DE}', '{AT,CH}', '{FR,NL,BE}', '{ES,IT}', '{PL,CZ}'])[n]::text[], current_setting('estate.start')::date - 600
FROM generate_series(1, current_setting('population.zone')::int) AS n;

INSERT INTO shipping_methods (id, carrier_id, name, delivery_days, created_at)
SELECT md5('shipping_method:' || n), md5('carrier:' || 1 + n % current_setting('population.carrier')::int), 'Method ' || n, 1 + n % 5, current_setting('estate.start')::date - 600
FROM generate_series(1, current_setting('population.shipping_method')::int) AS n;

INSERT INTO shipping_rates (id, shipping_zone_id, shipping_method_id, max_weight_grams, price, valid_from)
SELECT md5('rate:' || z || '/' || m), md5('zone:' || z), md5('shipping_method:' || m), 10000, 4 + z + m * 0.5, current_setting('estate.start')::date - 300
FROM generate_series(1, current_setting('population.zone')::int) AS z, generate_series(1, current_setting('population.shipping_method')::int) AS m;

INSERT INTO shipments (id, order_id, carrier_id, shipping_method_id, tracking_number, status, weight_grams, shipped_at, delivered_at, created_at)
SELECT md5('shipment:' || n), md5('order:' || n), md5('carrier:' || 1 + n % current_setting('population.carrier')::int),
    md5('shipping_method:' || 1 + n % current_setting('population.shipping_method')::int), 'TRK' || md5('s' || n), 'delivered', 300 + n % 4000, at, at + interval '2 days', at
FROM generate_series(1, current_setting('population.shipment')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 90 + n * interval '86 days' / current_setting('population.shipment')::int) AS _ (at);

INSERT INTO shipment_tracking (id, shipment_id, status, location, occurred_at)
SELECT md5('tracking:' || s.id || step), s.id, (ARRAY['picked_up', 'delivered'])[step], 'Leipzig', s.shipped_at + step * interval '1 day'
FROM shipments AS s, generate_series(1, 2) AS step ORDER BY s.shipped_at, step;
