CREATE SCHEMA search_service AUTHORIZATION search;
ALTER ROLE search SET search_path = search_service;
SET LOCAL ROLE search;
SET LOCAL search_path = search_service;

CREATE TABLE search_documents (
    product_id     uuid PRIMARY KEY,
    title          text NOT NULL,
    category_name  text NOT NULL,
    price          numeric(12, 2) NOT NULL,
    popularity     integer NOT NULL DEFAULT 0,
    terms          tsvector NOT NULL,
    indexed_at     timestamptz NOT NULL
);
CREATE INDEX idx_search_documents_terms ON search_documents USING gin (terms);

CREATE TABLE search_logs (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id       uuid,
    query_text    text NOT NULL,
    filters       jsonb NOT NULL DEFAULT '{}',
    result_count  integer NOT NULL,
    took_ms       integer NOT NULL,
    searched_at   timestamptz NOT NULL
);
CREATE INDEX idx_search_logs_searched_at ON search_logs (searched_at);

CREATE TABLE popular_terms (
    term        text PRIMARY KEY,
    language    char(2) NOT NULL DEFAULT 'de',
    hits        bigint NOT NULL DEFAULT 0,
    updated_at  timestamptz NOT NULL
) WITH (fillfactor = 70);

CREATE TABLE synonyms (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    term        text NOT NULL,
    synonym     text NOT NULL,
    created_at  timestamptz NOT NULL,
    UNIQUE (term, synonym)
);

CREATE TABLE index_runs (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at   timestamptz NOT NULL,
    finished_at  timestamptz,
    documents    integer NOT NULL DEFAULT 0,
    status       text NOT NULL CHECK (status IN ('running', 'done', 'failed'))
);
