CREATE SCHEMA eventstore AUTHORIZATION hauspet;
SET LOCAL ROLE hauspet;

-- Append-only: its rows are never updated or deleted.
CREATE TABLE eventstore.events (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    aggregate_id    uuid NOT NULL,
    aggregate_type  text NOT NULL CHECK (aggregate_type IN ('animal', 'sponsorship')),
    version         integer NOT NULL CHECK (version > 0),
    event_type      text NOT NULL,
    animal_type     public."AnimalType",
    actor_id        uuid,
    actor_role      public."Role" NOT NULL,
    payload         jsonb NOT NULL,
    occurred_at     timestamptz NOT NULL,
    CONSTRAINT events_aggregate_id_version_key UNIQUE (aggregate_id, version)
);
