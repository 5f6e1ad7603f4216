-- Ids are strings, and no foreign key is declared: which column refers to what is written in estate.toml, or to be inferred.
REVOKE ALL ON DATABASE payment_db FROM PUBLIC;
GRANT CONNECT ON DATABASE payment_db TO payment_service, workbench;
GRANT CREATE ON SCHEMA public TO payment_service;
SET LOCAL ROLE payment_service;

-- What is charged; what a person sees in the account is payment_methods of user_db.
CREATE TABLE payment_methods (
    id                varchar(36) PRIMARY KEY,
    user_id           varchar(36) NOT NULL,
    kind              text NOT NULL CHECK (kind IN ('card', 'wallet', 'bank_transfer')),
    provider          text NOT NULL,
    token_ciphertext  bytea NOT NULL,
    card_last4        char(4),
    expires_on        date,
    created_at        timestamptz NOT NULL
);
CREATE INDEX idx_payment_methods_user_id ON payment_methods (user_id);

-- Clean: partitioned by hash of order_id, as the rule says. gateway_transaction_id is a number of the gateway's.
CREATE TABLE payments (
    id                      varchar(36) NOT NULL,
    order_id                varchar(36) NOT NULL,
    user_id                 varchar(36) NOT NULL,
    payment_method_id       varchar(36) NOT NULL,
    amount                  numeric(12, 2) NOT NULL CHECK (amount >= 0),
    currency                char(3) NOT NULL DEFAULT 'EUR',
    status                  text NOT NULL CHECK (status IN ('authorised', 'captured', 'failed', 'refunded')),
    gateway_transaction_id  text NOT NULL,
    created_at              timestamptz NOT NULL,
    updated_at              timestamptz NOT NULL,
    PRIMARY KEY (id, order_id)
) PARTITION BY HASH (order_id);
CREATE INDEX idx_payments_order_id ON payments (order_id);
CREATE INDEX idx_payments_user_id ON payments (user_id);
CREATE INDEX idx_payments_payment_method_id ON payments (payment_method_id);
CREATE TABLE payments_0 PARTITION OF payments FOR VALUES WITH (MODULUS 4, REMAINDER 0);
CREATE TABLE payments_1 PARTITION OF payments FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE TABLE payments_2 PARTITION OF payments FOR VALUES WITH (MODULUS 4, REMAINDER 2);
CREATE TABLE payments_3 PARTITION OF payments FOR VALUES WITH (MODULUS 4, REMAINDER 3);

CREATE TABLE payment_transactions (
    id          varchar(36) PRIMARY KEY,
    payment_id  varchar(36) NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('authorise', 'capture', 'refund')),
    amount      numeric(12, 2) NOT NULL,
    status      text NOT NULL,
    response    jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL
);
CREATE INDEX idx_payment_transactions_payment_id ON payment_transactions (payment_id);

CREATE TABLE refunds (
    id            varchar(36) PRIMARY KEY,
    payment_id    varchar(36) NOT NULL,
    amount        numeric(12, 2) NOT NULL CHECK (amount > 0),
    reason        text,
    status        text NOT NULL CHECK (status IN ('pending', 'sent', 'failed')),
    created_at    timestamptz NOT NULL,
    processed_at  timestamptz
);
CREATE INDEX idx_refunds_payment_id ON refunds (payment_id);

CREATE TABLE payment_webhooks (
    id            varchar(36) PRIMARY KEY,
    provider      text NOT NULL,
    event_type    text NOT NULL,
    payload       jsonb NOT NULL,
    received_at   timestamptz NOT NULL,
    processed_at  timestamptz
);
CREATE INDEX idx_payment_webhooks_pending ON payment_webhooks (received_at) WHERE processed_at IS NULL;
