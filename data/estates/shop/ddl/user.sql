-- Ids are strings, and no foreign key is declared: which column refers to what is written in estate.toml, or to be inferred.
REVOKE ALL ON DATABASE user_db FROM PUBLIC;
GRANT CONNECT ON DATABASE user_db TO user_service, support, workbench;
GRANT CREATE ON SCHEMA public TO user_service;
SET LOCAL ROLE user_service;

CREATE TABLE user_profiles (
    id          varchar(36) PRIMARY KEY,
    user_id     varchar(36) NOT NULL CONSTRAINT user_profiles_user_id_key UNIQUE,
    first_name  text NOT NULL,
    last_name   text NOT NULL,
    phone       text,
    birth_date  date,
    avatar_url  text,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL
);
-- Planted: support reads everything, birth dates too. addresses, of which it reads what it needs, is the clean twin.
GRANT SELECT ON user_profiles TO support;

CREATE TABLE addresses (
    id              varchar(36) PRIMARY KEY,
    user_id         varchar(36) NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('shipping', 'billing')),
    recipient_name  text NOT NULL,
    street          text NOT NULL,
    city            text NOT NULL,
    postal_code     text NOT NULL,
    country_code    char(2) NOT NULL,
    phone           text,
    is_default      boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL
);
CREATE INDEX idx_addresses_user_id ON addresses (user_id);
GRANT SELECT (id, user_id, kind, postal_code, country_code) ON addresses TO support;

-- What a person sees in the account; what is charged is payment_methods of payment_db.
CREATE TABLE payment_methods (
    id           varchar(36) PRIMARY KEY,
    user_id      varchar(36) NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('card', 'wallet', 'bank_transfer')),
    card_brand   text,
    card_last4   char(4),
    card_holder  text,
    expires_on   date,
    is_default   boolean NOT NULL DEFAULT false,
    created_at   timestamptz NOT NULL
);
CREATE INDEX idx_payment_methods_user_id ON payment_methods (user_id);

CREATE TABLE user_preferences (
    id          varchar(36) PRIMARY KEY,
    user_id     varchar(36) NOT NULL CONSTRAINT user_preferences_user_id_key UNIQUE,
    language    text NOT NULL DEFAULT 'de',
    currency    char(3) NOT NULL DEFAULT 'EUR',
    newsletter  boolean NOT NULL DEFAULT false,
    settings    jsonb NOT NULL DEFAULT '{}',
    updated_at  timestamptz NOT NULL
);

CREATE TABLE wishlist_items (
    id          varchar(36) PRIMARY KEY,
    user_id     varchar(36) NOT NULL,
    product_id  varchar(36) NOT NULL,
    note        text,
    added_at    timestamptz NOT NULL
);
CREATE INDEX idx_wishlist_items_user_id_added_at ON wishlist_items (user_id, added_at);
CREATE INDEX idx_wishlist_items_product_id ON wishlist_items (product_id);

-- correlation_id follows a request through all services: no table holds correlations.
CREATE TABLE event_logs (
    id              varchar(36) PRIMARY KEY,
    event_type      text NOT NULL,
    correlation_id  varchar(36) NOT NULL,
    payload         jsonb NOT NULL,
    occurred_at     timestamptz NOT NULL,
    published_at    timestamptz
);
CREATE INDEX idx_event_logs_unpublished ON event_logs (occurred_at) WHERE published_at IS NULL;
