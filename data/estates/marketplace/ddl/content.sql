CREATE SCHEMA content_service AUTHORIZATION content;
ALTER ROLE content SET search_path = content_service;
SET LOCAL ROLE content;
SET LOCAL search_path = content_service;

CREATE TYPE page_status AS ENUM ('draft', 'published', 'archived');

CREATE TABLE pages (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug          text NOT NULL UNIQUE,
    title         text NOT NULL,
    body          text NOT NULL,
    status        page_status NOT NULL DEFAULT 'draft',
    author_id     uuid NOT NULL,
    published_at  timestamptz,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL
);

CREATE TABLE page_revisions (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    page_id     integer NOT NULL REFERENCES pages (id),
    title       text NOT NULL,
    body        text NOT NULL,
    author_id   uuid NOT NULL,
    created_at  timestamptz NOT NULL
);
CREATE INDEX idx_page_revisions_page_id ON page_revisions (page_id, created_at);

CREATE TABLE media_assets (
    id            uuid PRIMARY KEY,
    storage_key   text NOT NULL UNIQUE,
    mime_type     text NOT NULL,
    width         integer,
    height        integer,
    size_bytes    bigint NOT NULL,
    metadata      jsonb NOT NULL DEFAULT '{}',
    uploaded_by   uuid NOT NULL,
    created_at    timestamptz NOT NULL
);

CREATE TABLE banners (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    placement   text NOT NULL,
    media_id    uuid REFERENCES media_assets (id),
    headline    text NOT NULL,
    target_url  text NOT NULL,
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL
);
CREATE INDEX idx_banners_placement ON banners (placement, starts_at, ends_at);

CREATE TABLE banner_impressions (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    banner_id   integer NOT NULL REFERENCES banners (id),
    user_id     uuid,
    clicked     boolean NOT NULL,
    shown_at    timestamptz NOT NULL
);
CREATE INDEX idx_banner_impressions_banner_id ON banner_impressions (banner_id, shown_at);

CREATE TABLE menu_items (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    parent_id   integer REFERENCES menu_items (id),
    page_id     integer REFERENCES pages (id),
    label       text NOT NULL,
    position    smallint NOT NULL
);
