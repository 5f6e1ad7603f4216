-- Statements and WAL are the whole instance's: one database with the extensions is enough.
CREATE EXTENSION pg_stat_statements;

-- So that the reviewer sees which tables are written in one transaction; pg_monitor alone does not let it.
CREATE EXTENSION pg_walinspect;
GRANT EXECUTE ON FUNCTION pg_get_wal_records_info(pg_lsn, pg_lsn) TO workbench;

-- Ids are strings, and no foreign key is declared: which column refers to what is written in estate.toml, or to be inferred.
REVOKE ALL ON DATABASE auth_db FROM PUBLIC;
GRANT CONNECT ON DATABASE auth_db TO auth_service, workbench;
GRANT CREATE ON SCHEMA public TO auth_service;
SET LOCAL ROLE auth_service;

CREATE TABLE users (
    id               varchar(36) PRIMARY KEY,
    email            text NOT NULL CONSTRAINT users_email_key UNIQUE,
    password_hash    text NOT NULL,
    is_active        boolean NOT NULL DEFAULT true,
    failed_attempts  integer NOT NULL DEFAULT 0,
    last_login_at    timestamptz,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL
);
-- Planted: the rule asks for a partial index, (email) WHERE is_active, and this one holds everybody. The clean twin is
-- idx_orders_user_status of order_db, which is as the rules ask.
CREATE INDEX idx_users_active ON users (email);

CREATE TABLE roles (
    id           varchar(36) PRIMARY KEY,
    name         text NOT NULL CONSTRAINT roles_name_key UNIQUE,
    description  text,
    created_at   timestamptz NOT NULL
);

CREATE TABLE user_roles (
    user_id      varchar(36) NOT NULL,
    role_id      varchar(36) NOT NULL,
    assigned_at  timestamptz NOT NULL,
    expires_at   timestamptz,
    PRIMARY KEY (user_id, role_id)
);
CREATE INDEX idx_user_roles_role_id ON user_roles (role_id);

-- token_id is the number inside the token, made by a library: no table holds such tokens.
CREATE TABLE refresh_tokens (
    id                varchar(36) PRIMARY KEY,
    user_id           varchar(36) NOT NULL,
    token_id          varchar(36) NOT NULL CONSTRAINT refresh_tokens_token_id_key UNIQUE,
    token_ciphertext  bytea NOT NULL,
    ip_address        inet,
    expires_at        timestamptz NOT NULL,
    revoked_at        timestamptz,
    created_at        timestamptz NOT NULL
);
CREATE INDEX idx_refresh_tokens_user_id ON refresh_tokens (user_id) WHERE revoked_at IS NULL;

-- Planted: the token itself, as readable text. email_verification_tokens, which keeps a hash, is its clean twin.
CREATE TABLE password_reset_tokens (
    id          varchar(36) PRIMARY KEY,
    user_id     varchar(36) NOT NULL,
    token       text NOT NULL CONSTRAINT password_reset_tokens_token_key UNIQUE,
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz,
    created_at  timestamptz NOT NULL
);
CREATE INDEX idx_password_reset_tokens_user_id ON password_reset_tokens (user_id);

CREATE TABLE email_verification_tokens (
    id           varchar(36) PRIMARY KEY,
    user_id      varchar(36) NOT NULL,
    token_hash   text NOT NULL CONSTRAINT email_verification_tokens_token_hash_key UNIQUE,
    expires_at   timestamptz NOT NULL,
    verified_at  timestamptz,
    created_at   timestamptz NOT NULL
);
CREATE INDEX idx_email_verification_tokens_user_id ON email_verification_tokens (user_id);

-- Planted: partitioned by year where the rule says by month. notifications of notification_db is the clean twin.
CREATE TABLE security_audit_logs (
    id          varchar(36) NOT NULL,
    user_id     varchar(36),
    event_type  text NOT NULL,
    ip_address  inet NOT NULL,
    user_agent  text,
    details     jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX idx_security_audit_logs_user_id_created_at ON security_audit_logs (user_id, created_at);
CREATE TABLE security_audit_logs_2025 PARTITION OF security_audit_logs FOR VALUES FROM ('2025-01-01 00:00+00') TO ('2026-01-01 00:00+00');
CREATE TABLE security_audit_logs_2026 PARTITION OF security_audit_logs FOR VALUES FROM ('2026-01-01 00:00+00') TO ('2027-01-01 00:00+00');

CREATE TABLE rate_limits (
    id             varchar(36) PRIMARY KEY,
    bucket         text NOT NULL,
    endpoint       text NOT NULL,
    request_count  integer NOT NULL,
    window_start   timestamptz NOT NULL,
    window_end     timestamptz NOT NULL,
    CONSTRAINT rate_limits_bucket_endpoint_window_start_key UNIQUE (bucket, endpoint, window_start)
);
