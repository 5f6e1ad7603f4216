"""No literal, no comment and no secret outlives the reading of a text."""

import pyarrow as pa
import pytest

from workbench.collect.prose import strip_secrets
from workbench.collect.withhold import WITHHELD, withhold
from workbench.sql import redact

SECRETS = [
    ("ALTER ROLE app PASSWORD 'hunter2'", "hunter2"),
    ("CREATE USER MAPPING FOR x SERVER y OPTIONS (user 'u', password 'hunter2')", "hunter2"),
    ("CREATE SUBSCRIPTION s CONNECTION 'host=h password=hunter2' PUBLICATION p", "hunter2"),
    ("SELECT E'hunter2\\'x', U&'hunter2', $$hunter2$$, $q$hunter2$q$", "hunter2"),
    ("DO $$ BEGIN EXECUTE 'ALTER ROLE a PASSWORD ''hunter2'''; END $$", "hunter2"),
    ("CREATE FUNCTION f() RETURNS text AS $f$ SELECT 'hunter2' $f$ LANGUAGE sql", "hunter2"),
    ("ALTER ROLE a PASSWORD $$hunter2$$", "hunter2"),
    ("SET app.jwt = hunter2", "hunter2"),
    ("ALTER DATABASE d SET app.jwt TO hunter2", "hunter2"),
    ("BEGIN; SET LOCAL app.jwt = hunter2; SELECT 1", "hunter2"),
    ("SELECT 1; ALTER ROLE a SET app.jwt TO hunter2", "hunter2"),
    ("DO $$ BEGIN LOOP SET app.jwt = hunter2; END LOOP; END $$", "hunter2"),
    ("CREATE FUNCTION f() RETURNS int SET app.jwt = hunter2 AS 'x' LANGUAGE sql", "hunter2"),
    ("SET app.jwt = a UESCAPE 'b' hunter2", "hunter2"),
    ("COPY t FROM PROGRAM 'curl -H hunter2'", "hunter2"),
    ("SELECT dblink('password=hunter2', $$SELECT 'hunter2'$$)", "hunter2"),
    ("SELECT set_config('app.jwt', 'hunter2', true)", "hunter2"),
    ("SELECT 1 \0 'hunter2'", "hunter2"),
    ("SELECT 1 " + "/*" * 1001 + "hunter2", "hunter2"),
    ("SELECT 1 /* token=hunter2 */ -- hunter2", "hunter2"),
    ("SELECT * FROM accounts WHERE iban = 4711", "4711"),
    ("SELECT 'cut off hunter2", "hunter2"),
    ("SELECT 4711, $x$ never ends hunter2", "hunter2"),
    ("SELECT 4711 'hunter2' 'unended", "4711"),
    ("SELECT 1 WHERE x = 'a' /* /* nested */ hunter2 */", "hunter2"),
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_a_secret_is_gone(text, secret):
    assert secret not in redact(text).text


@pytest.mark.parametrize(
    "text",
    [
        'SELECT a, "Б  б" FROM s."T" WHERE x = $1 AND y IN ($2 /*, ... */)',
        "UPDATE t SET a = $1 WHERE b = interval '1 day'",
        "UPDATE t SET address.street = name, b = c.d FROM c",
        "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b.c = excluded.d",
        "SELECT U&'d!0061' UESCAPE '!', 1::float(24)",
        "SET app.jwt = hunter2; SELECT a.b FROM a",
        "CREATE TABLE t (a varchar(40) DEFAULT 'x', b numeric(10,2) CHECK (b > 0))",
    ],
)
def test_what_is_left_still_parses(text):
    from pglast import parse_sql

    done = redact(text)
    assert not done.approximate
    assert parse_sql(done.text)


def test_what_follows_a_setting_or_assigns_a_field_is_no_secret():
    assert "name" in redact("UPDATE t SET address.street = name").text
    assert redact("SET app.jwt = hunter2; SELECT a.b FROM a").text.endswith("SELECT a.b FROM a")
    assert "SET a.b = c" in redact("/* x */ DO $$ BEGIN UPDATE t SET a.b = c; END $$").text


def test_names_stay_as_they_are_written():
    assert '"Б  б"' in redact('SELECT "Б  б" FROM s."T\'s" WHERE x = \'y\'').text


def test_the_tag_of_our_own_statements_stays():
    assert redact("/* workbench:sizes/sizes */ SELECT 1").text.startswith("/* workbench:")


def test_a_text_that_cannot_be_scanned_says_so():
    assert redact("SELECT 'cut o").approximate
    assert redact("").text == ""


def test_settings_that_may_hold_a_secret_lose_their_value():
    table = pa.table(
        {
            "name": ["primary_conninfo", "app.jwt", "archive_command", "work_mem", "search_path"],
            "vartype": ["string", "string", "string", "integer", "string"],
            "reset_val": ["password=hunter2", "hunter2", "cp -K hunter2", "4096", "public"],
            "boot_val": [None, "", "", "4096", "public"],
        }
    )
    kept = withhold("settings", table).column("reset_val").to_pylist()
    assert kept == [WITHHELD, WITHHELD, WITHHELD, "4096", "public"]


def test_a_setting_that_is_not_set_is_seen_to_be_empty():
    table = pa.table(
        {"name": ["archive_command"], "vartype": ["string"], "reset_val": [""], "boot_val": [""]}
    )
    assert withhold("settings", table).column("reset_val").to_pylist() == [""]


@pytest.mark.parametrize(
    "comment",
    [
        "password hunter2",
        "Passwd: hunter2, ask Ann",
        "DB_PASSWORD=hunter2",
        "the secret is hunter2",
        "API key:\n  hunter2",
        "credentials (hunter2)",
        "token = hunter2",
        "PIN: hunter2",
        "see postgresql://app:hunter2@db/shop",
        "https://hunter2@example.org",
        "jwt eyJhbGciOiJIUzI1NiJ9hunter2.eyJzdWIiOiIxMjM0In0.hunter2",
        "AKIAIOSFODNN7hunter2",
        "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nhunter2",
    ],
)
def test_a_comment_loses_what_looks_like_a_secret(comment):
    assert "hunter2" not in strip_secrets(comment)


@pytest.mark.parametrize(
    "comment",
    [
        "One row per order; amounts in cents, without tax.",
        "Schlüssel des Kunden, siehe app.customer (id)",
        "bcrypt hash of the password",
        "https://wiki.example.org/orders?page=2",
        "moved from legacy_archive_2019; order_items holds the rest",
        "key of the tenant",
        "",
    ],
)
def test_a_comment_that_is_prose_stays(comment):
    assert strip_secrets(comment) == comment


def test_a_foreign_server_loses_an_option_that_is_a_connection_string():
    table = pa.table(
        {
            "host": ["db.example.org", "/run/db", None],
            "port": ["5433", None, None],
            "dbname": ["shop", "host=x password=hunter2", "postgresql://a:hunter2@x/y"],
        }
    )
    kept = withhold("foreign_servers", table)
    assert kept.column("dbname").to_pylist() == ["shop", WITHHELD, WITHHELD]
    assert kept.column("host").to_pylist() == ["db.example.org", "/run/db", None]


def test_every_frame_that_is_changed_is_one_that_a_query_gives():
    from workbench.collect.queries import frames
    from workbench.collect.withhold import _CHANGES

    assert set(_CHANGES) <= frames()
