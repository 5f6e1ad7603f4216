CREATE SCHEMA inventory_service AUTHORIZATION app;
SET LOCAL ROLE app;

CREATE TYPE inventory_service.movement_kind AS ENUM ('receipt', 'sale', 'return', 'transfer', 'correction');
CREATE TYPE inventory_service.reservation_status AS ENUM ('held', 'released', 'consumed');

CREATE TABLE inventory_service.warehouses (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code          text NOT NULL UNIQUE,
    name          text NOT NULL,
    country_code  char(2) NOT NULL,
    created_at    timestamptz NOT NULL
);

CREATE TABLE inventory_service.stock_levels (
    product_id     uuid NOT NULL,
    warehouse_id   integer NOT NULL REFERENCES inventory_service.warehouses (id),
    on_hand        integer NOT NULL,
    reserved       integer NOT NULL DEFAULT 0,
    reorder_point  integer NOT NULL,
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (product_id, warehouse_id)
) WITH (fillfactor = 80);

CREATE TABLE inventory_service.stock_movements (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id    uuid NOT NULL,
    warehouse_id  integer NOT NULL REFERENCES inventory_service.warehouses (id),
    kind          inventory_service.movement_kind NOT NULL,
    quantity      integer NOT NULL,
    reference_id  uuid,
    note          text,
    moved_at      timestamptz NOT NULL
);
CREATE INDEX idx_stock_movements_product_id ON inventory_service.stock_movements (product_id, moved_at);

CREATE TABLE inventory_service.reservations (
    id          uuid PRIMARY KEY,
    order_id    uuid NOT NULL,
    product_id  uuid NOT NULL,
    quantity    integer NOT NULL CHECK (quantity > 0),
    status      inventory_service.reservation_status NOT NULL DEFAULT 'held',
    expires_at  timestamptz NOT NULL,
    created_at  timestamptz NOT NULL
);
CREATE INDEX idx_reservations_order_id ON inventory_service.reservations (order_id);
CREATE INDEX idx_reservations_held ON inventory_service.reservations (expires_at) WHERE status = 'held';

CREATE TABLE inventory_service.suppliers (
    id             integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text NOT NULL,
    contact_email  text NOT NULL,
    phone          text,
    lead_time_days smallint NOT NULL,
    created_at     timestamptz NOT NULL
);
