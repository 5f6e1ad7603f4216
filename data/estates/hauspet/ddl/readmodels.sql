-- Projections of eventstore.events, which a replay can build again.
CREATE SCHEMA readmodels AUTHORIZATION hauspet;
SET LOCAL ROLE hauspet;

-- Planted: no index serves the lists by type; idx_animals_type is still a wish.
CREATE TABLE readmodels.animals (
    id           uuid PRIMARY KEY,
    name         text NOT NULL,
    type         public."AnimalType" NOT NULL,
    breed_id     uuid NOT NULL,
    status       text NOT NULL CHECK (status IN ('available', 'reserved', 'adopted')),
    born_on      date,
    shelter      text NOT NULL,
    version      integer NOT NULL,
    updated_at   timestamptz NOT NULL
);
CREATE INDEX idx_animals_breed_id ON readmodels.animals (breed_id);

CREATE TABLE readmodels.sponsorships (
    id              uuid PRIMARY KEY,
    animal_id       uuid NOT NULL,
    sponsor_id      uuid NOT NULL,
    sponsor_role    public."Role" NOT NULL,
    monthly_amount  numeric(10, 2) NOT NULL CHECK (monthly_amount > 0),
    status          text NOT NULL CHECK (status IN ('active', 'paused', 'ended')),
    version         integer NOT NULL,
    started_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL
);
CREATE INDEX idx_sponsorships_animal_id ON readmodels.sponsorships (animal_id);
CREATE INDEX idx_sponsorships_sponsor_id ON readmodels.sponsorships (sponsor_id);
