CREATE SCHEMA product_service AUTHORIZATION app;
SET LOCAL ROLE app;

CREATE TYPE product_service.product_status AS ENUM ('draft', 'active', 'paused', 'discontinued');

CREATE TABLE product_service.categories (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    parent_id   integer REFERENCES product_service.categories (id),
    slug        text NOT NULL UNIQUE,
    name        text NOT NULL,
    position    smallint NOT NULL,
    created_at  timestamptz NOT NULL
);

CREATE TABLE product_service.brands (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL UNIQUE,
    website     text,
    created_at  timestamptz NOT NULL
);

CREATE TABLE product_service.products (
    id           uuid PRIMARY KEY,
    seller_id    uuid NOT NULL,
    category_id  integer NOT NULL REFERENCES product_service.categories (id),
    brand_id     integer REFERENCES product_service.brands (id),
    sku          text NOT NULL UNIQUE,
    title        text NOT NULL,
    description  text NOT NULL,
    price        numeric(12, 2) NOT NULL CHECK (price >= 0),
    status       product_service.product_status NOT NULL DEFAULT 'draft',
    attributes   jsonb NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL
);
CREATE INDEX idx_products_category_id_price ON product_service.products (category_id, price) WHERE status = 'active';
CREATE INDEX idx_products_seller_id ON product_service.products (seller_id);
CREATE INDEX idx_products_updated_at ON product_service.products (updated_at);
CREATE INDEX idx_products_attributes ON product_service.products USING gin (attributes);

CREATE TABLE product_service.product_variants (
    id          uuid PRIMARY KEY,
    product_id  uuid NOT NULL REFERENCES product_service.products (id),
    sku         text NOT NULL,
    name        text NOT NULL,
    price       numeric(12, 2) NOT NULL,
    options     jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL
);
CREATE INDEX idx_product_variants_product_id ON product_service.product_variants (product_id);

CREATE TABLE product_service.product_images (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id  uuid NOT NULL REFERENCES product_service.products (id),
    url         text NOT NULL,
    alt_text    text,
    position    smallint NOT NULL
);
CREATE INDEX idx_product_images_product_id ON product_service.product_images (product_id, position);

CREATE TABLE product_service.product_reviews (
    id          uuid PRIMARY KEY,
    product_id  uuid NOT NULL REFERENCES product_service.products (id),
    user_id     uuid NOT NULL,
    rating      smallint NOT NULL CHECK (rating BETWEEN 1 AND 5),
    title       text NOT NULL,
    body        text NOT NULL,
    created_at  timestamptz NOT NULL
);
CREATE INDEX idx_product_reviews_product_id ON product_service.product_reviews (product_id, created_at);

CREATE TABLE product_service.price_changes (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id  uuid NOT NULL REFERENCES product_service.products (id),
    new_price   numeric(12, 2) NOT NULL,
    reason      text NOT NULL,
    changed_at  timestamptz NOT NULL
);

CREATE TABLE product_service.outbox_events (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_type    text NOT NULL,
    aggregate_id  uuid NOT NULL,
    payload       jsonb NOT NULL,
    created_at    timestamptz NOT NULL,
    published_at  timestamptz
);
CREATE INDEX idx_outbox_events_unpublished ON product_service.outbox_events (id) WHERE published_at IS NULL;
