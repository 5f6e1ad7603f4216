-- Ids are strings, and no foreign key is declared: which column refers to what is written in estate.toml, or to be inferred.
REVOKE ALL ON DATABASE cart_db FROM PUBLIC;
GRANT CONNECT ON DATABASE cart_db TO cart_service, workbench;
GRANT CREATE ON SCHEMA public TO cart_service;
SET LOCAL ROLE cart_service;

CREATE TABLE carts (
    id          varchar(36) PRIMARY KEY,
    user_id     varchar(36) NOT NULL,
    status      text NOT NULL CHECK (status IN ('open', 'ordered', 'abandoned')),
    currency    char(3) NOT NULL DEFAULT 'EUR',
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL
);
CREATE INDEX idx_carts_user_id ON carts (user_id) WHERE status = 'open';

CREATE TABLE cart_items (
    id                  varchar(36) PRIMARY KEY,
    cart_id             varchar(36) NOT NULL,
    product_id          varchar(36) NOT NULL,
    product_variant_id  varchar(36) NOT NULL,
    quantity            integer NOT NULL CHECK (quantity > 0),
    unit_price          numeric(12, 2) NOT NULL,
    added_at            timestamptz NOT NULL
);
CREATE INDEX idx_cart_items_cart_id ON cart_items (cart_id);
CREATE INDEX idx_cart_items_product_id ON cart_items (product_id);
CREATE INDEX idx_cart_items_product_variant_id ON cart_items (product_variant_id);
