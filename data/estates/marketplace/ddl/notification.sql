CREATE SCHEMA notification_service AUTHORIZATION app;
SET LOCAL ROLE app;

CREATE TYPE notification_service.channel AS ENUM ('email', 'sms', 'push', 'in_app');
CREATE TYPE notification_service.notification_status AS ENUM ('queued', 'sent', 'failed', 'read');

CREATE TABLE notification_service.notification_templates (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code        text NOT NULL UNIQUE,
    channel     notification_service.channel NOT NULL,
    subject     text,
    body        text NOT NULL,
    version     smallint NOT NULL DEFAULT 1,
    updated_at  timestamptz NOT NULL
);

CREATE TABLE notification_service.notifications (
    id           uuid NOT NULL,
    user_id      uuid NOT NULL,
    template_id  integer NOT NULL REFERENCES notification_service.notification_templates (id),
    channel      notification_service.channel NOT NULL,
    status       notification_service.notification_status NOT NULL DEFAULT 'queued',
    payload      jsonb NOT NULL,
    created_at   timestamptz NOT NULL,
    sent_at      timestamptz,
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX idx_notifications_user_id ON notification_service.notifications (user_id, created_at);
CREATE INDEX idx_notifications_queued ON notification_service.notifications (created_at) WHERE status = 'queued';

CREATE TABLE notification_service.notifications_2025_12 PARTITION OF notification_service.notifications
    FOR VALUES FROM ('2025-12-01 00:00+00') TO ('2026-01-01 00:00+00');
CREATE TABLE notification_service.notifications_2026_01 PARTITION OF notification_service.notifications
    FOR VALUES FROM ('2026-01-01 00:00+00') TO ('2026-02-01 00:00+00');
CREATE TABLE notification_service.notifications_2026_02 PARTITION OF notification_service.notifications
    FOR VALUES FROM ('2026-02-01 00:00+00') TO ('2026-03-01 00:00+00');

CREATE TABLE notification_service.deliveries (
    id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notification_id      uuid NOT NULL,
    provider             text NOT NULL,
    provider_message_id  text NOT NULL,
    status               text NOT NULL CHECK (status IN ('accepted', 'delivered', 'bounced')),
    error                text,
    attempted_at         timestamptz NOT NULL
);
CREATE INDEX idx_deliveries_notification_id ON notification_service.deliveries (notification_id);

CREATE TABLE notification_service.device_tokens (
    id            uuid PRIMARY KEY,
    user_id       uuid NOT NULL,
    platform      text NOT NULL CHECK (platform IN ('ios', 'android', 'web')),
    token         text NOT NULL UNIQUE,
    last_seen_at  timestamptz NOT NULL,
    created_at    timestamptz NOT NULL
);
CREATE INDEX idx_device_tokens_user_id ON notification_service.device_tokens (user_id);

CREATE TABLE notification_service.unsubscribes (
    email       text NOT NULL,
    channel     notification_service.channel NOT NULL,
    reason      text,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (email, channel)
);
