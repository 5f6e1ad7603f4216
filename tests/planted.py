"""A database with one of everything that a catalogue can hold, and a secret wherever somebody could have written one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from workbench.lab import Server

SECRET = "hunter2x9"
DATABASE = "planted"

_OBJECTS = f"""
CREATE EXTENSION pg_stat_statements;
CREATE SCHEMA app;
CREATE TYPE app.state AS ENUM ('open', 'paid');
CREATE DOMAIN app.code AS text DEFAULT '{SECRET}' CHECK (VALUE <> '{SECRET}');
CREATE SEQUENCE app.ticket;
SELECT nextval('app.ticket');
CREATE TABLE app.customer (
  id int PRIMARY KEY,
  mail text DEFAULT '{SECRET}@example.org' CHECK (mail <> '{SECRET}'),
  shout text GENERATED ALWAYS AS (mail || '{SECRET}') STORED
);
CREATE TABLE app.invoice (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  number int DEFAULT nextval('app.ticket'),
  customer_id int REFERENCES app.customer,
  state app.state DEFAULT 'open'
);
CREATE INDEX invoice_state ON app.customer (lower(mail || '{SECRET}')) WHERE mail <> '{SECRET}';
CREATE TABLE app.tenant (name text, at date) PARTITION BY LIST ((name || '{SECRET}'));
CREATE TABLE app.tenant_one PARTITION OF app.tenant FOR VALUES IN ('{SECRET}');
CREATE TABLE app.tenant_rest PARTITION OF app.tenant DEFAULT;
CREATE FUNCTION app.login() RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = app AS
  $body$ DECLARE k text := $q${SECRET}$q$; BEGIN /* {SECRET} */ RETURN k || '{SECRET}'; END $body$;
CREATE FUNCTION app.newest() RETURNS bigint LANGUAGE sql STABLE
  BEGIN ATOMIC SELECT max(id) FROM app.invoice WHERE '{SECRET}' <> ''; END;
CREATE PROCEDURE app.nothing() LANGUAGE sql AS $$ SELECT '{SECRET}' $$;
CREATE FUNCTION app.noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
CREATE TRIGGER noting BEFORE INSERT OR UPDATE OF mail ON app.customer FOR EACH ROW
  WHEN (new.mail <> '{SECRET}') EXECUTE FUNCTION app.noted('{SECRET}');
CREATE RULE kept AS ON DELETE TO app.customer WHERE old.mail = '{SECRET}' DO INSTEAD NOTHING;
ALTER TABLE app.customer ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON app.customer USING (
  mail <> '{SECRET}' AND EXISTS (SELECT FROM app.invoice AS i WHERE i.customer_id = id)
) WITH CHECK (mail <> '{SECRET}');
CREATE VIEW app.open AS SELECT id FROM app.invoice WHERE state = 'open' AND '{SECRET}' <> '';
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO PUBLIC;
COMMENT ON TABLE app.customer IS 'Who buys. Batch login: password = {SECRET}';
COMMENT ON COLUMN app.customer.mail IS 'see https://bot:{SECRET}@wiki.example.org/mail';
COMMENT ON DATABASE {DATABASE} IS 'The shop; token: {SECRET}';
CREATE FOREIGN DATA WRAPPER other;
CREATE SERVER stock FOREIGN DATA WRAPPER other
  OPTIONS (host 'stock.example.org', port '5433', dbname 'stock', password '{SECRET}');
CREATE SERVER odd FOREIGN DATA WRAPPER other OPTIONS (dbname 'host=x password={SECRET}');
CREATE USER MAPPING FOR PUBLIC SERVER stock OPTIONS (user 'reader', password '{SECRET}');
CREATE FOREIGN TABLE app.item (id int) SERVER stock
  OPTIONS (schema_name 'main', table_name 'items', password '{SECRET}');
CREATE PUBLICATION everything FOR TABLE app.invoice, app.tenant_one;
CREATE SUBSCRIPTION news CONNECTION 'host=news.example.org password={SECRET}' PUBLICATION front
  WITH (connect = false, enabled = false, slot_name = NONE, create_slot = false);
CREATE ROLE planted_app PASSWORD '{SECRET}';
ALTER ROLE planted_app SET app.key = '{SECRET}';
ALTER ROLE planted_app IN DATABASE {DATABASE} SET search_path = app;
INSERT INTO app.customer SELECT n, '{SECRET}' || n % 3 FROM generate_series(1, 500) AS n;
INSERT INTO app.invoice (customer_id) SELECT 1 + n % 500 FROM generate_series(1, 500) AS n;
CREATE ROLE planted_monitor LOGIN IN ROLE pg_monitor;
CREATE ROLE planted_guest LOGIN;
"""
_FROM_15 = f"""
CREATE EXTENSION pg_walinspect;
CREATE PUBLICATION part FOR TABLE app.customer (id, mail) WHERE (mail <> '{SECRET}');
CREATE PUBLICATION whole FOR TABLES IN SCHEMA app;
"""


def fill(server: Server) -> None:
    """Make the database and its roles on a server that has neither."""
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {DATABASE}")
    with psycopg.connect(server.url(DATABASE), autocommit=True) as connection:
        connection.execute(_OBJECTS + (_FROM_15 if server.version >= (15, 0) else ""))
        connection.execute("ANALYZE")


def clear(server: Server) -> None:
    """Take away what ``fill`` made."""
    with psycopg.connect(server.url(DATABASE), autocommit=True) as connection:
        connection.execute("DROP SUBSCRIPTION news")
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
        admin.execute("DROP ROLE planted_app, planted_monitor, planted_guest")


@contextmanager
def hba_with_a_secret(server: Server) -> Iterator[None]:
    """Run the block with a line in pg_hba.conf that holds a password."""
    with psycopg.connect(server.url(), autocommit=True) as admin:
        (name,) = admin.execute("SHOW hba_file").fetchone()
    path = Path(name)
    before = path.read_text()
    rule = f'host all all 203.0.113.0/24 radius radiusservers="r.example.org" radiussecrets="{SECRET}"\n'
    path.write_text(before + rule)
    try:
        yield
    finally:
        path.write_text(before)
