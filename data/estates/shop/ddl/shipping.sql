-- Ids are strings, and no foreign key is declared: which column refers to what is written in estate.toml, or to be inferred.
REVOKE ALL ON DATABASE shipping_db FROM PUBLIC;
GRANT CONNECT ON DATABASE shipping_db TO shipping_service, workbench;
GRANT CREATE ON SCHEMA public TO shipping_service;
SET LOCAL ROLE shipping_service;

CREATE TABLE carriers (
    id            varchar(36) PRIMARY KEY,
    name          text NOT NULL CONSTRAINT carriers_name_key UNIQUE,
    tracking_url  text NOT NULL,
    is_active     boolean NOT NULL DEFAULT true,
    created_at    timestamptz NOT NULL
);

CREATE TABLE shipping_zones (
    id          varchar(36) PRIMARY KEY,
    name        text NOT NULL CONSTRAINT shipping_zones_name_key UNIQUE,
    countries   text[] NOT NULL,
    created_at  timestamptz NOT NULL
);

CREATE TABLE shipping_methods (
    id             varchar(36) PRIMARY KEY,
    carrier_id     varchar(36) NOT NULL,
    name           text NOT NULL,
    delivery_days  integer NOT NULL,
    is_active      boolean NOT NULL DEFAULT true,
    created_at     timestamptz NOT NULL
);
CREATE INDEX idx_shipping_methods_carrier_id ON shipping_methods (carrier_id);

CREATE TABLE shipping_rates (
    id                  varchar(36) PRIMARY KEY,
    shipping_zone_id    varchar(36) NOT NULL,
    shipping_method_id  varchar(36) NOT NULL,
    max_weight_grams    integer NOT NULL,
    price               numeric(12, 2) NOT NULL,
    currency            char(3) NOT NULL DEFAULT 'EUR',
    valid_from          date NOT NULL
);
CREATE INDEX idx_shipping_rates_zone_method ON shipping_rates (shipping_zone_id, shipping_method_id);
CREATE INDEX idx_shipping_rates_shipping_method_id ON shipping_rates (shipping_method_id);

-- tracking_number is the carrier's: no table holds such numbers.
CREATE TABLE shipments (
    id                  varchar(36) PRIMARY KEY,
    order_id            varchar(36) NOT NULL,
    carrier_id          varchar(36) NOT NULL,
    shipping_method_id  varchar(36) NOT NULL,
    tracking_number     text NOT NULL,
    status              text NOT NULL CHECK (status IN ('packed', 'in_transit', 'delivered', 'lost')),
    weight_grams        integer NOT NULL,
    shipped_at          timestamptz,
    delivered_at        timestamptz,
    created_at          timestamptz NOT NULL
);
CREATE INDEX idx_shipments_order_id ON shipments (order_id);
CREATE INDEX idx_shipments_carrier_id ON shipments (carrier_id);
CREATE INDEX idx_shipments_shipping_method_id ON shipments (shipping_method_id);
CREATE INDEX idx_shipments_tracking_number ON shipments (tracking_number);

CREATE TABLE shipment_tracking (
    id           varchar(36) PRIMARY KEY,
    shipment_id  varchar(36) NOT NULL,
    status       text NOT NULL,
    location     text,
    occurred_at  timestamptz NOT NULL
);
CREATE INDEX idx_shipment_tracking_shipment_id_occurred_at ON shipment_tracking (shipment_id, occurred_at);
