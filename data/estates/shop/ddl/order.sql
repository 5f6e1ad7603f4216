-- Ids are strings, and no foreign key is declared: which column refers to what is written in estate.toml, or to be inferred.
REVOKE ALL ON DATABASE order_db FROM PUBLIC;
GRANT CONNECT ON DATABASE order_db TO order_service, workbench;
GRANT CREATE ON SCHEMA public TO order_service;
SET LOCAL ROLE order_service;

-- Planted: the rule says partitioned by hash of user_id. payments of payment_db, by hash of order_id, is the clean twin.
CREATE TABLE orders (
    id              varchar(36) PRIMARY KEY,
    order_number    text NOT NULL CONSTRAINT orders_order_number_key UNIQUE,
    user_id         varchar(36) NOT NULL,
    cart_id         varchar(36),
    coupon_code     text,
    status          text NOT NULL CHECK (status IN ('placed', 'paid', 'shipped', 'delivered', 'cancelled', 'returned')),
    discount_total  numeric(12, 2) NOT NULL DEFAULT 0,
    total_amount    numeric(12, 2) NOT NULL CHECK (total_amount >= 0),
    currency        char(3) NOT NULL DEFAULT 'EUR',
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL
);
CREATE INDEX idx_orders_user_status ON orders (user_id, status);
CREATE INDEX idx_orders_cart_id ON orders (cart_id);
CREATE INDEX idx_orders_coupon_code ON orders (coupon_code) WHERE coupon_code IS NOT NULL;

CREATE TABLE order_items (
    id                  varchar(36) PRIMARY KEY,
    order_id            varchar(36) NOT NULL,
    product_id          varchar(36) NOT NULL,
    product_variant_id  varchar(36) NOT NULL,
    product_name        text NOT NULL,
    quantity            integer NOT NULL CHECK (quantity > 0),
    unit_price          numeric(12, 2) NOT NULL
);
CREATE INDEX idx_order_items_order_id ON order_items (order_id);
CREATE INDEX idx_order_items_product_id ON order_items (product_id);
CREATE INDEX idx_order_items_product_variant_id ON order_items (product_variant_id);

-- Planted: the rule says partitioned by month. notifications of notification_db is the clean twin.
CREATE TABLE order_status_history (
    id           varchar(36) PRIMARY KEY,
    order_id     varchar(36) NOT NULL,
    from_status  text,
    to_status    text NOT NULL,
    reason       text,
    created_at   timestamptz NOT NULL
);
CREATE INDEX idx_order_status_history_order_id_created_at ON order_status_history (order_id, created_at);

-- Where an order goes, as it was written when it was placed.
CREATE TABLE shipping_addresses (
    id              varchar(36) PRIMARY KEY,
    order_id        varchar(36) NOT NULL CONSTRAINT shipping_addresses_order_id_key UNIQUE,
    recipient_name  text NOT NULL,
    phone           text,
    street          text NOT NULL,
    city            text NOT NULL,
    postal_code     text NOT NULL,
    country_code    char(2) NOT NULL,
    created_at      timestamptz NOT NULL
);

CREATE TABLE order_notes (
    id           varchar(36) PRIMARY KEY,
    order_id     varchar(36) NOT NULL,
    body         text NOT NULL,
    is_internal  boolean NOT NULL DEFAULT true,
    created_at   timestamptz NOT NULL
);
CREATE INDEX idx_order_notes_order_id ON order_notes (order_id);
