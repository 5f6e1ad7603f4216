-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
SELECT setseed(0.5);

INSERT INTO search_service.search_documents (product_id, title, category_name, price, popularity, terms, indexed_at)
SELECT md5('product:' || n)::uuid, 'Product ' || n, 'Category ' || n % 40, 5 + n % 200, n % 77,
    to_tsvector('simple', 'product ' || n || ' colour' || n % 30 || ' shape' || n % 50), current_setting('estate.start')::date - 1
FROM generate_series(1, current_setting('population.product')::int) AS n;

INSERT INTO search_service.search_logs (user_id, query_text, filters, result_count, took_ms, searched_at)
SELECT md5('user:' || 1 + floor(random() * current_setting('population.user')::int))::uuid, 'colour' || n % 30 || ' shape' || n % 50,
    '{"in_stock": true}', n % 400, 2 + n % 80,
    current_setting('estate.start')::date - 30 + n * interval '30 days' / current_setting('seed_rows.search_logs')::int
FROM generate_series(1, current_setting('seed_rows.search_logs')::int) AS n;

INSERT INTO search_service.popular_terms (term, hits, updated_at)
SELECT 'colour' || n, 1000 - n, current_setting('estate.start')::date - 1
FROM generate_series(0, current_setting('population.term')::int - 1) AS n;

INSERT INTO search_service.synonyms (term, synonym, created_at)
SELECT 'colour' || n, 'color' || n, current_setting('estate.start')::date - 300
FROM generate_series(1, current_setting('seed_rows.synonyms')::int) AS n;
