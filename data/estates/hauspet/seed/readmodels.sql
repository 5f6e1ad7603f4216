-- The projections as a replay of the events gives them.
INSERT INTO readmodels.animals (id, name, type, breed_id, status, born_on, shelter, version, updated_at)
SELECT aggregate_id, payload ->> 'name', animal_type, (payload ->> 'breed_id')::uuid, payload ->> 'status',
    (payload ->> 'born_on')::date, payload ->> 'shelter', version, occurred_at
FROM eventstore.events WHERE event_type = 'AnimalRegistered' ORDER BY id;

INSERT INTO readmodels.sponsorships (id, animal_id, sponsor_id, sponsor_role, monthly_amount, status, version, started_at, updated_at)
SELECT aggregate_id, (payload ->> 'animal_id')::uuid, (payload ->> 'sponsor_id')::uuid, actor_role, (payload ->> 'monthly_amount')::numeric,
    payload ->> 'status', version, (payload ->> 'started_at')::timestamptz, occurred_at
FROM eventstore.events WHERE event_type = 'SponsorshipStarted' ORDER BY id;
