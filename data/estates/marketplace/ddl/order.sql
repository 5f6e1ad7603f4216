CREATE SCHEMA order_service AUTHORIZATION app;
SET LOCAL ROLE app;

CREATE TYPE order_service.order_status AS ENUM
    ('placed', 'paid', 'packed', 'shipped', 'delivered', 'cancelled', 'returned');

CREATE TABLE order_service.carts (
    id          uuid PRIMARY KEY,
    user_id     uuid NOT NULL,
    currency    char(3) NOT NULL DEFAULT 'EUR',
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL
);
CREATE INDEX idx_carts_user_id ON order_service.carts (user_id);

CREATE TABLE order_service.cart_items (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cart_id     uuid NOT NULL REFERENCES order_service.carts (id),
    product_id  uuid NOT NULL,
    quantity    integer NOT NULL CHECK (quantity > 0),
    unit_price  numeric(12, 2) NOT NULL,
    added_at    timestamptz NOT NULL
);
CREATE INDEX idx_cart_items_cart_id ON order_service.cart_items (cart_id);

CREATE TABLE order_service.orders (
    id                uuid PRIMARY KEY,
    order_number      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    user_id           uuid NOT NULL,
    seller_id         uuid NOT NULL,
    status            order_service.order_status NOT NULL DEFAULT 'placed',
    total_amount      numeric(12, 2) NOT NULL,
    currency          char(3) NOT NULL DEFAULT 'EUR',
    shipping_address  jsonb NOT NULL,
    placed_at         timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL
);
CREATE INDEX idx_orders_user_id_placed_at ON order_service.orders (user_id, placed_at);
CREATE INDEX idx_orders_seller_id_status ON order_service.orders (seller_id, status);
CREATE INDEX idx_orders_open ON order_service.orders (placed_at) WHERE status IN ('placed', 'paid', 'packed');

CREATE TABLE order_service.order_items (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id    uuid NOT NULL REFERENCES order_service.orders (id),
    product_id  uuid NOT NULL,
    quantity    integer NOT NULL CHECK (quantity > 0),
    unit_price  numeric(12, 2) NOT NULL
);
CREATE INDEX idx_order_items_order_id ON order_service.order_items (order_id);
CREATE INDEX idx_order_items_product_id ON order_service.order_items (product_id);

CREATE TABLE order_service.order_status_history (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id     uuid NOT NULL REFERENCES order_service.orders (id),
    from_status  order_service.order_status,
    to_status    order_service.order_status NOT NULL,
    reason       text,
    changed_at   timestamptz NOT NULL
);
CREATE INDEX idx_order_status_history_order_id ON order_service.order_status_history (order_id);

CREATE TABLE order_service.outbox_events (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_type    text NOT NULL,
    aggregate_id  uuid NOT NULL,
    payload       jsonb NOT NULL,
    created_at    timestamptz NOT NULL,
    published_at  timestamptz
);
CREATE INDEX idx_outbox_events_unpublished ON order_service.outbox_events (id) WHERE published_at IS NULL;
