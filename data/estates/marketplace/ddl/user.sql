CREATE SCHEMA user_service AUTHORIZATION app;
SET LOCAL ROLE app;

CREATE TYPE user_service.address_kind AS ENUM ('billing', 'shipping');

CREATE TABLE user_service.profiles (
    user_id       uuid PRIMARY KEY,
    display_name  text NOT NULL,
    phone         text,
    birth_date    date,
    locale        text NOT NULL DEFAULT 'de-DE',
    avatar_url    text,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL
);

CREATE TABLE user_service.addresses (
    id            uuid PRIMARY KEY,
    user_id       uuid NOT NULL,
    kind          user_service.address_kind NOT NULL,
    line1         text NOT NULL,
    line2         text,
    city          text NOT NULL,
    postcode      text NOT NULL,
    country_code  char(2) NOT NULL,
    is_default    boolean NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL
);
CREATE INDEX idx_addresses_user_id ON user_service.addresses (user_id);

CREATE TABLE user_service.preferences (
    user_id       uuid PRIMARY KEY REFERENCES user_service.profiles (user_id),
    email_opt_in  boolean NOT NULL DEFAULT true,
    sms_opt_in    boolean NOT NULL DEFAULT false,
    theme         text NOT NULL DEFAULT 'light',
    settings      jsonb NOT NULL DEFAULT '{}',
    updated_at    timestamptz NOT NULL
);

CREATE TABLE user_service.wishlists (
    id          uuid PRIMARY KEY,
    user_id     uuid NOT NULL REFERENCES user_service.profiles (user_id),
    name        text NOT NULL,
    is_public   boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL
);
CREATE INDEX idx_wishlists_user_id ON user_service.wishlists (user_id);

CREATE TABLE user_service.wishlist_items (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    wishlist_id  uuid NOT NULL REFERENCES user_service.wishlists (id),
    product_id   uuid NOT NULL,
    note         text,
    added_at     timestamptz NOT NULL
);
CREATE INDEX idx_wishlist_items_wishlist_id ON user_service.wishlist_items (wishlist_id);

CREATE TABLE user_service.recently_viewed (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id     uuid NOT NULL,
    product_id  uuid NOT NULL,
    viewed_at   timestamptz NOT NULL
);
CREATE INDEX idx_recently_viewed_user_id ON user_service.recently_viewed (user_id, viewed_at);
