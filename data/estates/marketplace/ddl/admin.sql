CREATE SCHEMA admin_service AUTHORIZATION app;
SET LOCAL ROLE app;

CREATE TYPE admin_service.ticket_status AS ENUM ('open', 'waiting', 'solved', 'closed');

CREATE TABLE admin_service.admin_users (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id       uuid NOT NULL UNIQUE,
    department    text NOT NULL,
    is_superuser  boolean NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL,
    disabled_at   timestamptz
);

CREATE TABLE admin_service.audit_logs (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    admin_user_id  integer NOT NULL REFERENCES admin_service.admin_users (id),
    action         text NOT NULL,
    subject_type   text NOT NULL,
    subject_id     uuid NOT NULL,
    ip             inet NOT NULL,
    details        jsonb NOT NULL,
    created_at     timestamptz NOT NULL
);
CREATE INDEX idx_audit_logs_subject ON admin_service.audit_logs (subject_type, subject_id);
CREATE INDEX idx_audit_logs_created_at ON admin_service.audit_logs (created_at);

CREATE TABLE admin_service.support_tickets (
    id             uuid PRIMARY KEY,
    user_id        uuid NOT NULL,
    order_id       uuid,
    assigned_to    integer REFERENCES admin_service.admin_users (id),
    subject        text NOT NULL,
    status         admin_service.ticket_status NOT NULL DEFAULT 'open',
    priority       smallint NOT NULL DEFAULT 3 CHECK (priority BETWEEN 1 AND 5),
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    solved_at      timestamptz
);
CREATE INDEX idx_support_tickets_assigned_to ON admin_service.support_tickets (assigned_to, status);
CREATE INDEX idx_support_tickets_open ON admin_service.support_tickets (created_at) WHERE status = 'open';

CREATE TABLE admin_service.ticket_messages (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ticket_id   uuid NOT NULL REFERENCES admin_service.support_tickets (id),
    author_id   uuid NOT NULL,
    is_internal boolean NOT NULL DEFAULT false,
    body        text NOT NULL,
    created_at  timestamptz NOT NULL
);
CREATE INDEX idx_ticket_messages_ticket_id ON admin_service.ticket_messages (ticket_id);

CREATE TABLE admin_service.saved_reports (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    admin_user_id integer NOT NULL REFERENCES admin_service.admin_users (id),
    name          text NOT NULL,
    parameters    jsonb NOT NULL DEFAULT '{}',
    result        jsonb NOT NULL,
    created_at    timestamptz NOT NULL
);

CREATE TABLE admin_service.settings (
    key         text PRIMARY KEY,
    value       jsonb NOT NULL,
    updated_by  integer REFERENCES admin_service.admin_users (id),
    updated_at  timestamptz NOT NULL
);
