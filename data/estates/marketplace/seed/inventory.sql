-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
SELECT setseed(0.5);

INSERT INTO inventory_service.warehouses (code, name, country_code, created_at)
SELECT 'WH' || n, 'Warehouse ' || n, (ARRAY['DE', 'PL', 'NL'])[1 + n % 3], current_setting('estate.start')::date - 700
FROM generate_series(1, current_setting('population.warehouse')::int) AS n;

INSERT INTO inventory_service.suppliers (name, contact_email, phone, lead_time_days, created_at)
SELECT 'Supplier ' || n, 'orders@supplier' || n || '.example', '+49 30 5550' || 100 + n, 2 + n % 20, current_setting('estate.start')::date - 700
FROM generate_series(1, current_setting('seed_rows.suppliers')::int) AS n;

INSERT INTO inventory_service.stock_levels (product_id, warehouse_id, on_hand, reorder_point, updated_at)
SELECT md5('product:' || n)::uuid, w, 5000 + n % 90, 10, current_setting('estate.start')::date - 1
FROM generate_series(1, current_setting('population.product')::int) AS n, generate_series(1, 2) AS w;

INSERT INTO inventory_service.stock_movements (product_id, warehouse_id, kind, quantity, note, moved_at)
SELECT md5('product:' || 1 + floor(random() * current_setting('population.product')::int))::uuid, 1 + n % 2,
    CASE WHEN n % 5 = 0 THEN 'receipt' ELSE 'sale' END::inventory_service.movement_kind, 1 + n % 6, 'scanned at gate ' || n % 9,
    current_setting('estate.start')::date - 60 + n * interval '60 days' / current_setting('seed_rows.stock_movements')::int
FROM generate_series(1, current_setting('seed_rows.stock_movements')::int) AS n;

INSERT INTO inventory_service.reservations (id, order_id, product_id, quantity, status, expires_at, created_at)
SELECT md5('reservation:' || n)::uuid, md5('order:' || n)::uuid, md5('product:' || 1 + floor(random() * current_setting('population.product')::int))::uuid,
    1, 'consumed', at + interval '1 hour', at
FROM generate_series(1, current_setting('population.reservation')::int) AS n,
    LATERAL (SELECT current_setting('estate.start')::date - 1 - (n % 60) * interval '1 day') AS _ (at);
