SET LOCAL ROLE hauspet;

-- Planted: both enums are used by the tables of all three schemas.
CREATE TYPE public."AnimalType" AS ENUM ('DOG', 'CAT', 'RABBIT', 'BIRD');
CREATE TYPE public."Role" AS ENUM ('ADMIN', 'CARETAKER', 'SPONSOR', 'TRACKER');

CREATE TABLE public.breed (
    id           uuid PRIMARY KEY,
    name         text NOT NULL,
    type         public."AnimalType" NOT NULL,
    size         text NOT NULL CHECK (size IN ('small', 'medium', 'large')),
    description  text,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    CONSTRAINT breed_type_name_key UNIQUE (type, name)
);

CREATE TABLE public.users (
    id             uuid PRIMARY KEY,
    email          text NOT NULL CONSTRAINT users_email_key UNIQUE,
    name           text NOT NULL,
    password_hash  text NOT NULL,
    role           public."Role" NOT NULL,
    last_login_at  timestamptz,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL
);

-- The migration history of the ORM: a tool's table.
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
