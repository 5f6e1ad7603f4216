-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
INSERT INTO eventstore.events (aggregate_id, aggregate_type, version, event_type, animal_type, actor_id, actor_role, payload, occurred_at)
SELECT md5('animal:' || n)::uuid, 'animal', 1, 'AnimalRegistered', b.type, md5('user:1')::uuid, 'CARETAKER',
    jsonb_build_object('name', (ARRAY['Rex', 'Mia', 'Luna', 'Balu', 'Nala', 'Emma', 'Rocky'])[1 + n % 7], 'breed_id', b.id, 'status', 'available',
        'born_on', current_setting('estate.start')::date - 500 - n % 900, 'shelter', 'Shelter ' || 1 + n % 9),
    current_setting('estate.start')::date - 390 + n % 30 * interval '1 hour'
FROM generate_series(1, current_setting('population.animal')::int) AS n
JOIN public.breed AS b ON b.id = md5('breed:' || 1 + n % current_setting('population.breed')::int)::uuid
ORDER BY n;

INSERT INTO eventstore.events (aggregate_id, aggregate_type, version, event_type, animal_type, actor_id, actor_role, payload, occurred_at)
SELECT md5('sponsorship:' || n)::uuid, 'sponsorship', 1, 'SponsorshipStarted', a.animal_type, md5('user:' || who)::uuid, 'SPONSOR',
    jsonb_build_object('animal_id', a.aggregate_id, 'sponsor_id', md5('user:' || who)::uuid, 'monthly_amount', 5 + n % 40, 'status', 'active', 'started_at', at),
    at
FROM generate_series(1, current_setting('population.sponsorship')::int) AS n
CROSS JOIN LATERAL (SELECT 1 + n % current_setting('population.user')::int, (current_setting('estate.start')::date - 380 + n % 300 * interval '1 day')::timestamptz) AS _ (who, at)
JOIN eventstore.events AS a ON a.aggregate_id = md5('animal:' || 1 + n % current_setting('population.animal')::int)::uuid AND a.version = 1
ORDER BY n;

-- What the collars of the animals report.
INSERT INTO eventstore.events (aggregate_id, aggregate_type, version, event_type, actor_role, payload, occurred_at)
SELECT a.id, 'animal', 2 + n / animals, (ARRAY['AnimalFed', 'AnimalWalked', 'AnimalWeighed'])[1 + n % 3], 'TRACKER', jsonb_build_object('value', n % 400),
    current_setting('estate.start')::date - 90 + n * interval '90 days' / observations
FROM (SELECT current_setting('population.animal')::int, current_setting('seed_rows.observations')::int) AS counts (animals, observations)
CROSS JOIN LATERAL generate_series(0, observations - 1) AS n
JOIN (SELECT i, md5('animal:' || i)::uuid FROM generate_series(1, current_setting('population.animal')::int) AS i) AS a (i, id) ON a.i = 1 + n % animals
ORDER BY n;
