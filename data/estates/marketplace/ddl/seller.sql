CREATE SCHEMA seller_service AUTHORIZATION app;
SET LOCAL ROLE app;

CREATE TYPE seller_service.seller_status AS ENUM ('applied', 'approved', 'suspended');

CREATE TABLE seller_service.sellers (
    id            uuid PRIMARY KEY,
    user_id       uuid NOT NULL UNIQUE,
    shop_name     text NOT NULL,
    slug          text NOT NULL UNIQUE,
    status        seller_service.seller_status NOT NULL DEFAULT 'applied',
    country_code  char(2) NOT NULL,
    rating        numeric(3, 2),
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL
);

CREATE TABLE seller_service.seller_profiles (
    seller_id      uuid PRIMARY KEY REFERENCES seller_service.sellers (id),
    description    text NOT NULL,
    logo_url       text,
    support_email  text NOT NULL,
    return_policy  text NOT NULL,
    settings       jsonb NOT NULL DEFAULT '{}',
    updated_at     timestamptz NOT NULL
);

CREATE TABLE seller_service.payouts (
    id            uuid PRIMARY KEY,
    seller_id     uuid NOT NULL REFERENCES seller_service.sellers (id),
    period_start  date NOT NULL,
    period_end    date NOT NULL,
    amount        numeric(12, 2) NOT NULL,
    status        text NOT NULL CHECK (status IN ('open', 'sent', 'failed')),
    created_at    timestamptz NOT NULL,
    paid_at       timestamptz
);
CREATE INDEX idx_payouts_seller_id_period_start ON seller_service.payouts (seller_id, period_start);

CREATE TABLE seller_service.commission_rates (
    seller_id    uuid NOT NULL REFERENCES seller_service.sellers (id),
    category_id  integer NOT NULL,
    rate         numeric(5, 4) NOT NULL,
    valid_from   date NOT NULL,
    PRIMARY KEY (seller_id, category_id, valid_from)
);

CREATE TABLE seller_service.seller_documents (
    id           uuid PRIMARY KEY,
    seller_id    uuid NOT NULL REFERENCES seller_service.sellers (id),
    kind         text NOT NULL,
    storage_key  text NOT NULL,
    verified_at  timestamptz,
    uploaded_at  timestamptz NOT NULL
);
CREATE INDEX idx_seller_documents_seller_id ON seller_service.seller_documents (seller_id);

CREATE TABLE seller_service.daily_figures (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    seller_id  uuid NOT NULL REFERENCES seller_service.sellers (id),
    day        date NOT NULL,
    page_views integer NOT NULL,
    orders     integer NOT NULL,
    revenue    numeric(12, 2) NOT NULL
);
CREATE INDEX idx_daily_figures_seller_id_day ON seller_service.daily_figures (seller_id, day);
