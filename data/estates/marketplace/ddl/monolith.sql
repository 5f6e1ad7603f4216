-- What is left of the monolith: it owns little and reads everywhere.
SET LOCAL ROLE app;

CREATE TABLE public.sessions (
    sid         text PRIMARY KEY,
    user_id     uuid,
    data        jsonb NOT NULL,
    expires_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX idx_sessions_expires_at ON public.sessions (expires_at);

CREATE TABLE public.api_keys (
    id            uuid PRIMARY KEY,
    seller_id     uuid NOT NULL,
    key_hash      text NOT NULL UNIQUE,
    scopes        text[] NOT NULL,
    last_used_at  timestamptz,
    created_at    timestamptz NOT NULL,
    revoked_at    timestamptz
);

CREATE TABLE public.feature_flags (
    name        text PRIMARY KEY,
    enabled     boolean NOT NULL DEFAULT false,
    rollout     smallint NOT NULL DEFAULT 0 CHECK (rollout BETWEEN 0 AND 100),
    rules       jsonb NOT NULL DEFAULT '[]',
    updated_at  timestamptz NOT NULL
);

CREATE TABLE public.background_jobs (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue        text NOT NULL,
    payload      jsonb NOT NULL,
    attempts     smallint NOT NULL DEFAULT 0,
    run_at       timestamptz NOT NULL,
    finished_at  timestamptz,
    last_error   text
);
CREATE INDEX idx_background_jobs_due ON public.background_jobs (queue, run_at) WHERE finished_at IS NULL;

CREATE TABLE public.request_logs (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id   uuid NOT NULL,
    user_id      uuid,
    method       text NOT NULL,
    path         text NOT NULL,
    status_code  smallint NOT NULL,
    took_ms      integer NOT NULL,
    created_at   timestamptz NOT NULL
);
CREATE INDEX idx_request_logs_created_at ON public.request_logs USING brin (created_at);

-- The migration history of the ORM: a tool's table, no service's.
CREATE TABLE public._prisma_migrations (
    id                   varchar(36) PRIMARY KEY,
    checksum             varchar(64) NOT NULL,
    finished_at          timestamptz,
    migration_name       varchar(255) NOT NULL,
    logs                 text,
    rolled_back_at       timestamptz,
    started_at           timestamptz NOT NULL DEFAULT now(),
    applied_steps_count  integer NOT NULL DEFAULT 0
);
