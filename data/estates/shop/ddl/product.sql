-- Ids are strings, and no foreign key is declared: which column refers to what is written in estate.toml, or to be inferred.
REVOKE ALL ON DATABASE product_db FROM PUBLIC;
GRANT CONNECT ON DATABASE product_db TO product_service, workbench;
GRANT CREATE ON SCHEMA public TO product_service;
SET LOCAL ROLE product_service;

CREATE TABLE products (
    id           varchar(36) PRIMARY KEY,
    name         text NOT NULL,
    slug         text NOT NULL CONSTRAINT products_slug_key UNIQUE,
    description  text NOT NULL,
    price        numeric(12, 2) NOT NULL CHECK (price >= 0),
    currency     char(3) NOT NULL DEFAULT 'EUR',
    status       text NOT NULL CHECK (status IN ('draft', 'active', 'archived')),
    attributes   jsonb NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL
);
CREATE INDEX idx_products_active ON products (created_at) WHERE status = 'active';

CREATE TABLE categories (
    id          varchar(36) PRIMARY KEY,
    parent_id   varchar(36),
    name        text NOT NULL,
    slug        text NOT NULL CONSTRAINT categories_slug_key UNIQUE,
    position    integer NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL
);
CREATE INDEX idx_categories_parent_id ON categories (parent_id);

CREATE TABLE product_categories (
    product_id   varchar(36) NOT NULL,
    category_id  varchar(36) NOT NULL,
    is_primary   boolean NOT NULL DEFAULT false,
    added_at     timestamptz NOT NULL,
    PRIMARY KEY (product_id, category_id)
);
CREATE INDEX idx_product_categories_category_id ON product_categories (category_id);

CREATE TABLE product_variants (
    id          varchar(36) PRIMARY KEY,
    product_id  varchar(36) NOT NULL,
    sku         text NOT NULL CONSTRAINT product_variants_sku_key UNIQUE,
    name        text NOT NULL,
    price       numeric(12, 2) NOT NULL,
    options     jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL
);
CREATE INDEX idx_product_variants_product_id ON product_variants (product_id);

CREATE TABLE product_images (
    id          varchar(36) PRIMARY KEY,
    product_id  varchar(36) NOT NULL,
    url         text NOT NULL,
    alt_text    text,
    position    integer NOT NULL DEFAULT 0
);
CREATE INDEX idx_product_images_product_id ON product_images (product_id);

CREATE TABLE inventory (
    id                  varchar(36) PRIMARY KEY,
    product_variant_id  varchar(36) NOT NULL CONSTRAINT inventory_product_variant_id_key UNIQUE,
    on_hand             integer NOT NULL CHECK (on_hand >= 0),
    reserved            integer NOT NULL DEFAULT 0,
    reorder_level       integer NOT NULL DEFAULT 0,
    updated_at          timestamptz NOT NULL
);

CREATE TABLE reviews (
    id          varchar(36) PRIMARY KEY,
    product_id  varchar(36) NOT NULL,
    user_id     varchar(36) NOT NULL,
    rating      integer NOT NULL CHECK (rating BETWEEN 1 AND 5),
    title       text,
    body        text,
    status      text NOT NULL CHECK (status IN ('pending', 'published', 'rejected')),
    created_at  timestamptz NOT NULL
);
CREATE INDEX idx_reviews_product_id_created_at ON reviews (product_id, created_at);
CREATE INDEX idx_reviews_user_id ON reviews (user_id);

CREATE TABLE product_tags (
    id          varchar(36) PRIMARY KEY,
    product_id  varchar(36) NOT NULL,
    tag         text NOT NULL,
    created_at  timestamptz NOT NULL,
    CONSTRAINT product_tags_product_id_tag_key UNIQUE (product_id, tag)
);
CREATE INDEX idx_product_tags_tag ON product_tags (tag);
