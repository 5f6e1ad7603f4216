CREATE SCHEMA payment_service AUTHORIZATION app;
SET LOCAL ROLE app;

CREATE TYPE payment_service.payment_status AS ENUM ('authorised', 'captured', 'failed', 'refunded');
CREATE TYPE payment_service.method_kind AS ENUM ('card', 'wallet', 'bank_transfer');

CREATE TABLE payment_service.payment_methods (
    id          uuid PRIMARY KEY,
    user_id     uuid NOT NULL,
    kind        payment_service.method_kind NOT NULL,
    provider    text NOT NULL,
    token       text NOT NULL,
    last4       char(4),
    expires_on  date,
    created_at  timestamptz NOT NULL
);
CREATE INDEX idx_payment_methods_user_id ON payment_service.payment_methods (user_id);

-- Planted: order_id is a foreign key that leaves its service. reconciliations.order_id, a plain
-- column, is its clean twin.
CREATE TABLE payment_service.payments (
    id                 uuid PRIMARY KEY,
    order_id           uuid NOT NULL REFERENCES order_service.orders (id),
    payment_method_id  uuid NOT NULL REFERENCES payment_service.payment_methods (id),
    amount             numeric(12, 2) NOT NULL CHECK (amount >= 0),
    currency           char(3) NOT NULL DEFAULT 'EUR',
    status             payment_service.payment_status NOT NULL,
    gateway_reference  text NOT NULL,
    created_at         timestamptz NOT NULL,
    captured_at        timestamptz
);
CREATE INDEX idx_payments_order_id ON payment_service.payments (order_id);
CREATE INDEX idx_payments_uncaptured ON payment_service.payments (created_at) WHERE status = 'authorised';

CREATE TABLE payment_service.refunds (
    id          uuid PRIMARY KEY,
    payment_id  uuid NOT NULL REFERENCES payment_service.payments (id),
    amount      numeric(12, 2) NOT NULL CHECK (amount > 0),
    reason      text,
    created_at  timestamptz NOT NULL
);
CREATE INDEX idx_refunds_payment_id ON payment_service.refunds (payment_id);

CREATE TABLE payment_service.payment_webhooks (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider      text NOT NULL,
    event_type    text NOT NULL,
    payload       jsonb NOT NULL,
    received_at   timestamptz NOT NULL,
    processed_at  timestamptz
);
CREATE INDEX idx_payment_webhooks_pending ON payment_service.payment_webhooks (received_at) WHERE processed_at IS NULL;

CREATE TABLE payment_service.ledger_entries (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id  uuid NOT NULL,
    account     text NOT NULL,
    debit       numeric(14, 2) NOT NULL DEFAULT 0,
    credit      numeric(14, 2) NOT NULL DEFAULT 0,
    entry_date  date NOT NULL,
    created_at  timestamptz NOT NULL
);
CREATE INDEX idx_ledger_entries_account_entry_date ON payment_service.ledger_entries (account, entry_date);

CREATE TABLE payment_service.reconciliations (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    business_date  date NOT NULL,
    order_id       uuid NOT NULL,
    order_total    numeric(12, 2) NOT NULL,
    paid_total     numeric(12, 2) NOT NULL,
    checked_at     timestamptz NOT NULL
);
CREATE INDEX idx_reconciliations_business_date ON payment_service.reconciliations (business_date);
