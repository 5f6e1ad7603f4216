-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
SELECT setseed(0.5);

INSERT INTO legacy_import.import_batches (source_file, row_count, imported_at)
SELECT 'products_' || n || '.csv', current_setting('seed_rows.raw_products')::int, current_setting('estate.start')::date - 800 + n
FROM generate_series(1, current_setting('seed_rows.import_batches')::int) AS n;

INSERT INTO legacy_import.raw_products (batch_id, line_number, raw)
SELECT b.id, n, concat_ws(';', n, md5('a' || n), md5('b' || n), n * 1.5, 'imported')
FROM legacy_import.import_batches AS b, generate_series(1, current_setting('seed_rows.raw_products')::int) AS n;
