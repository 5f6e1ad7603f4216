-- Ids are strings, and no foreign key is declared: which column refers to what is written in estate.toml, or to be inferred.
REVOKE ALL ON DATABASE discount_db FROM PUBLIC;
GRANT CONNECT ON DATABASE discount_db TO discount_service, workbench;
GRANT CREATE ON SCHEMA public TO discount_service;
SET LOCAL ROLE discount_service;

CREATE TABLE coupons (
    id           varchar(36) PRIMARY KEY,
    code         text NOT NULL CONSTRAINT coupons_code_key UNIQUE,
    kind         text NOT NULL CHECK (kind IN ('percent', 'amount')),
    value        numeric(12, 2) NOT NULL CHECK (value > 0),
    usage_limit  integer,
    used_count   integer NOT NULL DEFAULT 0,
    is_active    boolean NOT NULL DEFAULT true,
    valid_from   timestamptz NOT NULL,
    valid_until  timestamptz,
    created_at   timestamptz NOT NULL
);

CREATE TABLE coupon_usage (
    id               varchar(36) PRIMARY KEY,
    coupon_id        varchar(36) NOT NULL,
    user_id          varchar(36) NOT NULL,
    order_id         varchar(36) NOT NULL,
    discount_amount  numeric(12, 2) NOT NULL,
    used_at          timestamptz NOT NULL
);
CREATE INDEX idx_coupon_usage_coupon_id_user_id ON coupon_usage (coupon_id, user_id);
CREATE INDEX idx_coupon_usage_user_id ON coupon_usage (user_id);
CREATE INDEX idx_coupon_usage_order_id ON coupon_usage (order_id);

CREATE TABLE promotions (
    id          varchar(36) PRIMARY KEY,
    name        text NOT NULL,
    status      text NOT NULL CHECK (status IN ('planned', 'running', 'ended')),
    priority    integer NOT NULL DEFAULT 0,
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    created_at  timestamptz NOT NULL
);
CREATE INDEX idx_promotions_running ON promotions (starts_at, ends_at) WHERE status = 'running';

CREATE TABLE promotion_rules (
    id            varchar(36) PRIMARY KEY,
    promotion_id  varchar(36) NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('minimum_amount', 'minimum_quantity', 'first_order')),
    value         numeric(12, 2) NOT NULL,
    created_at    timestamptz NOT NULL
);
CREATE INDEX idx_promotion_rules_promotion_id ON promotion_rules (promotion_id);

CREATE TABLE promotion_usage (
    id               varchar(36) PRIMARY KEY,
    promotion_id     varchar(36) NOT NULL,
    user_id          varchar(36) NOT NULL,
    order_id         varchar(36) NOT NULL,
    discount_amount  numeric(12, 2) NOT NULL,
    used_at          timestamptz NOT NULL
);
CREATE INDEX idx_promotion_usage_promotion_id ON promotion_usage (promotion_id);
CREATE INDEX idx_promotion_usage_user_id ON promotion_usage (user_id);
CREATE INDEX idx_promotion_usage_order_id ON promotion_usage (order_id);
