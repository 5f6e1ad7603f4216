CREATE SCHEMA influencer_service AUTHORIZATION app;
SET LOCAL ROLE app;

CREATE TYPE influencer_service.campaign_status AS ENUM ('planned', 'running', 'ended');

CREATE TABLE influencer_service.influencers (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL UNIQUE,
    handle       text NOT NULL UNIQUE,
    platform     text NOT NULL,
    followers    integer NOT NULL,
    rate_percent numeric(5, 2) NOT NULL,
    created_at   timestamptz NOT NULL
);

CREATE TABLE influencer_service.campaigns (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    seller_id   uuid NOT NULL,
    name        text NOT NULL,
    status      influencer_service.campaign_status NOT NULL DEFAULT 'planned',
    budget      numeric(12, 2) NOT NULL,
    starts_on   date NOT NULL,
    ends_on     date NOT NULL,
    created_at  timestamptz NOT NULL,
    CHECK (ends_on >= starts_on)
);

CREATE TABLE influencer_service.campaign_products (
    campaign_id  integer NOT NULL REFERENCES influencer_service.campaigns (id),
    product_id   uuid NOT NULL,
    commission   numeric(5, 2) NOT NULL,
    added_at     timestamptz NOT NULL,
    PRIMARY KEY (campaign_id, product_id)
);

-- Made by an ORM whose model maps the table's name and not the names of its columns.
CREATE TABLE influencer_service.affiliate_links (
    "id"            uuid PRIMARY KEY,
    "influencerId"  uuid NOT NULL REFERENCES influencer_service.influencers (id),
    "productId"     uuid NOT NULL,
    "shortCode"     text NOT NULL,
    "clickCount"    integer NOT NULL DEFAULT 0,
    "createdAt"     timestamptz NOT NULL,
    "updatedAt"     timestamptz NOT NULL
);
CREATE UNIQUE INDEX "affiliate_links_shortCode_key" ON influencer_service.affiliate_links ("shortCode");
CREATE INDEX "affiliate_links_influencerId_productId_idx"
    ON influencer_service.affiliate_links ("influencerId", "productId");

CREATE TABLE influencer_service.link_clicks (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    link_id     uuid NOT NULL REFERENCES influencer_service.affiliate_links ("id"),
    referrer    text,
    country     char(2),
    clicked_at  timestamptz NOT NULL
);
CREATE INDEX idx_link_clicks_link_id ON influencer_service.link_clicks (link_id, clicked_at);

CREATE TABLE influencer_service.commissions (
    id             uuid PRIMARY KEY,
    influencer_id  uuid NOT NULL REFERENCES influencer_service.influencers (id),
    order_id       uuid NOT NULL,
    amount         numeric(12, 2) NOT NULL,
    paid_at        timestamptz,
    created_at     timestamptz NOT NULL
);
CREATE INDEX idx_commissions_influencer_id ON influencer_service.commissions (influencer_id) WHERE paid_at IS NULL;
