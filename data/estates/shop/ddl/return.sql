-- Ids are strings, and no foreign key is declared: which column refers to what is written in estate.toml, or to be inferred.
REVOKE ALL ON DATABASE return_db FROM PUBLIC;
GRANT CONNECT ON DATABASE return_db TO return_service, workbench;
GRANT CREATE ON SCHEMA public TO return_service;
SET LOCAL ROLE return_service;

CREATE TABLE return_requests (
    id            varchar(36) PRIMARY KEY,
    order_id      varchar(36) NOT NULL,
    user_id       varchar(36) NOT NULL,
    status        text NOT NULL CHECK (status IN ('requested', 'authorised', 'received', 'refunded', 'rejected')),
    reason        text NOT NULL,
    comment       text,
    requested_at  timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL
);
CREATE INDEX idx_return_requests_order_id ON return_requests (order_id);
CREATE INDEX idx_return_requests_user_id_status ON return_requests (user_id, status);

CREATE TABLE return_items (
    id                 varchar(36) PRIMARY KEY,
    return_request_id  varchar(36) NOT NULL,
    order_item_id      varchar(36) NOT NULL,
    product_id         varchar(36) NOT NULL,
    quantity           integer NOT NULL CHECK (quantity > 0),
    condition          text NOT NULL CHECK (condition IN ('unopened', 'used', 'damaged'))
);
CREATE INDEX idx_return_items_return_request_id ON return_items (return_request_id);
CREATE INDEX idx_return_items_order_item_id ON return_items (order_item_id);
CREATE INDEX idx_return_items_product_id ON return_items (product_id);

CREATE TABLE return_authorizations (
    id                 varchar(36) PRIMARY KEY,
    return_request_id  varchar(36) NOT NULL,
    rma_number         text NOT NULL CONSTRAINT return_authorizations_rma_number_key UNIQUE,
    expires_at         timestamptz NOT NULL,
    authorised_at      timestamptz NOT NULL
);
CREATE INDEX idx_return_authorizations_return_request_id ON return_authorizations (return_request_id);

CREATE TABLE return_status_history (
    id                 varchar(36) PRIMARY KEY,
    return_request_id  varchar(36) NOT NULL,
    from_status        text,
    to_status          text NOT NULL,
    created_at         timestamptz NOT NULL
);
CREATE INDEX idx_return_status_history_return_request_id ON return_status_history (return_request_id);

CREATE TABLE return_tracking (
    id                 varchar(36) PRIMARY KEY,
    return_request_id  varchar(36) NOT NULL,
    status             text NOT NULL,
    location           text,
    occurred_at        timestamptz NOT NULL
);
CREATE INDEX idx_return_tracking_return_request_id ON return_tracking (return_request_id);

CREATE TABLE refunds (
    id                 varchar(36) PRIMARY KEY,
    return_request_id  varchar(36) NOT NULL,
    payment_id         varchar(36) NOT NULL,
    amount             numeric(12, 2) NOT NULL CHECK (amount > 0),
    currency           char(3) NOT NULL DEFAULT 'EUR',
    status             text NOT NULL CHECK (status IN ('pending', 'sent', 'failed')),
    created_at         timestamptz NOT NULL
);
CREATE INDEX idx_refunds_return_request_id ON refunds (return_request_id);
CREATE INDEX idx_refunds_payment_id ON refunds (payment_id);
