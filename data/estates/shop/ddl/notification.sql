-- Ids are strings, and no foreign key is declared: which column refers to what is written in estate.toml, or to be inferred.
REVOKE ALL ON DATABASE notification_db FROM PUBLIC;
GRANT CONNECT ON DATABASE notification_db TO notification_service, workbench;
GRANT CREATE ON SCHEMA public TO notification_service;
SET LOCAL ROLE notification_service;

CREATE TABLE email_templates (
    id          varchar(36) PRIMARY KEY,
    name        text NOT NULL CONSTRAINT email_templates_name_key UNIQUE,
    subject     text NOT NULL,
    body        text NOT NULL,
    language    text NOT NULL DEFAULT 'de',
    is_active   boolean NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL
);

-- Clean: partitioned by month, as the rule says.
CREATE TABLE notifications (
    id                 varchar(36) NOT NULL,
    user_id            varchar(36) NOT NULL,
    email_template_id  varchar(36),
    channel            text NOT NULL CHECK (channel IN ('email', 'sms', 'push')),
    payload            jsonb NOT NULL,
    status             text NOT NULL CHECK (status IN ('queued', 'sent', 'failed', 'read')),
    created_at         timestamptz NOT NULL,
    sent_at            timestamptz,
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX idx_notifications_user_id_created_at ON notifications (user_id, created_at);
CREATE INDEX idx_notifications_email_template_id ON notifications (email_template_id);
CREATE TABLE notifications_2025_12 PARTITION OF notifications FOR VALUES FROM ('2025-12-01 00:00+00') TO ('2026-01-01 00:00+00');
CREATE TABLE notifications_2026_01 PARTITION OF notifications FOR VALUES FROM ('2026-01-01 00:00+00') TO ('2026-02-01 00:00+00');
CREATE TABLE notifications_2026_02 PARTITION OF notifications FOR VALUES FROM ('2026-02-01 00:00+00') TO ('2026-03-01 00:00+00');
CREATE TABLE notifications_2026_03 PARTITION OF notifications FOR VALUES FROM ('2026-03-01 00:00+00') TO ('2026-04-01 00:00+00');

CREATE TABLE notification_preferences (
    id          varchar(36) PRIMARY KEY,
    user_id     varchar(36) NOT NULL,
    channel     text NOT NULL,
    topic       text NOT NULL,
    enabled     boolean NOT NULL DEFAULT true,
    updated_at  timestamptz NOT NULL,
    CONSTRAINT notification_preferences_user_id_channel_topic_key UNIQUE (user_id, channel, topic)
);

CREATE TABLE notification_logs (
    id               varchar(36) PRIMARY KEY,
    notification_id  varchar(36) NOT NULL,
    provider         text NOT NULL,
    status           text NOT NULL,
    error            text,
    attempted_at     timestamptz NOT NULL
);
CREATE INDEX idx_notification_logs_notification_id ON notification_logs (notification_id);
