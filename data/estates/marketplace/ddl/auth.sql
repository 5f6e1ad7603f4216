CREATE SCHEMA auth_service AUTHORIZATION app;
SET LOCAL ROLE app;

CREATE TYPE auth_service.user_status AS ENUM ('pending', 'active', 'locked', 'deleted');

CREATE TABLE auth_service.users (
    id                 uuid PRIMARY KEY,
    email              text NOT NULL,
    name               text NOT NULL,
    password_hash      text NOT NULL,
    status             auth_service.user_status NOT NULL DEFAULT 'pending',
    email_verified_at  timestamptz,
    last_login_at      timestamptz,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    deleted_at         timestamptz
);
CREATE UNIQUE INDEX idx_users_email ON auth_service.users (email) WHERE deleted_at IS NULL;
CREATE INDEX idx_users_status_created_at ON auth_service.users (status, created_at);

CREATE TABLE auth_service.roles (
    id           smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL UNIQUE,
    description  text,
    created_at   timestamptz NOT NULL
);

CREATE TABLE auth_service.user_roles (
    user_id     uuid NOT NULL REFERENCES auth_service.users (id),
    role_id     smallint NOT NULL REFERENCES auth_service.roles (id),
    granted_by  uuid,
    granted_at  timestamptz NOT NULL,
    PRIMARY KEY (user_id, role_id)
);

CREATE TABLE auth_service.refresh_tokens (
    id          uuid PRIMARY KEY,
    user_id     uuid NOT NULL REFERENCES auth_service.users (id),
    token_hash  text NOT NULL,
    user_agent  text,
    ip          inet,
    expires_at  timestamptz NOT NULL,
    revoked_at  timestamptz,
    created_at  timestamptz NOT NULL
);
CREATE INDEX idx_refresh_tokens_user_id ON auth_service.refresh_tokens (user_id) WHERE revoked_at IS NULL;
CREATE INDEX idx_refresh_tokens_expires_at ON auth_service.refresh_tokens (expires_at);

CREATE TABLE auth_service.password_resets (
    id          uuid PRIMARY KEY,
    user_id     uuid NOT NULL REFERENCES auth_service.users (id),
    token_hash  text NOT NULL,
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz,
    created_at  timestamptz NOT NULL
);
CREATE INDEX idx_password_resets_user_id ON auth_service.password_resets (user_id);

CREATE TABLE auth_service.login_attempts (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email         text NOT NULL,
    ip            inet NOT NULL,
    succeeded     boolean NOT NULL,
    user_agent    text NOT NULL,
    attempted_at  timestamptz NOT NULL
);
CREATE INDEX idx_login_attempts_email ON auth_service.login_attempts (email, attempted_at);

CREATE TABLE auth_service.outbox_events (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_type    text NOT NULL,
    aggregate_id  uuid NOT NULL,
    payload       jsonb NOT NULL,
    created_at    timestamptz NOT NULL,
    published_at  timestamptz
);
CREATE INDEX idx_outbox_events_unpublished ON auth_service.outbox_events (id) WHERE published_at IS NULL;
