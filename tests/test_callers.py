"""Who ran a statement: what a login says, what sessions say of themselves, and when nobody can tell."""

from contextlib import ExitStack

import psycopg
import pyarrow as pa
import pytest

from attributed import DAY, Entries, estate_of, looked_at, made, unseen, worked
from workbench.analyse.callers import Callers, Session
from workbench.estate import estate_from_urls
from workbench.estate.resolve import estate_from_text
from workbench.snapshot import History, new_snapshot

DATABASE = "callers"
LOGINS = ("call_own", "call_app")
ESTATE = """
[services.auth]
schemas = ["auth"]
[services.shop]
schemas = ["shop"]
[services.depot]
schemas = ["depot"]
[[actors]]
service = "auth"
login = "call_own"
[[actors]]
service = "shop"
application_name = "shop-service"
[[actors]]
service = "auth"
application_name = "auth-service"
[[actors]]
service = "depot"
network = "127.0.0.0/8"
"""
OBJECTS = """
CREATE EXTENSION pg_stat_statements;
CREATE SCHEMA auth; CREATE SCHEMA shop; CREATE SCHEMA depot;
CREATE TABLE auth.users (id int); CREATE TABLE shop.carts (id int, a int, b int); CREATE TABLE depot.bins (id int);
GRANT USAGE ON SCHEMA auth, shop, depot TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA auth, shop, depot TO PUBLIC;
"""


@pytest.fixture(scope="module")
def found(server):
    with made(server, [DATABASE], LOGINS), ExitStack() as sessions:
        with unseen(server, DATABASE) as admin:
            admin.execute(OBJECTS)
            admin.execute(f"ALTER ROLE call_app PASSWORD '{server.password}'")

        def session(login, name, text, tcp=False):
            url = server.tcp_url(DATABASE, login) if tcp else server.url(DATABASE, login)
            held = sessions.enter_context(
                psycopg.connect(url, autocommit=True, application_name=name)
            )
            held.execute(text)

        session("call_own", "shop-service", "SELECT id FROM auth.users")
        for _ in range(2):
            session("call_app", "shop-service", "SELECT a FROM shop.carts")
            session("call_app", "", "SELECT id FROM depot.bins", tcp=True)
            session("call_app", "nobody knows", "SELECT a, b FROM shop.carts")
        session("call_app", "shop-service", "SELECT b FROM shop.carts")
        for name in ("shop-service", "auth-service"):
            session("call_app", name, "SELECT count(*) FROM shop.carts")
            session("call_app", name, "SELECT count(*) FROM auth.users")
        session("call_app", "shop-service", "SELECT count(*) FROM auth.users")
        with psycopg.connect(server.url(DATABASE, "call_app"), autocommit=True) as gone:
            gone.execute("SELECT id FROM shop.carts")
        snapshot = looked_at(estate_of(server, DATABASE, ESTATE))
        sessions.close()
        yield Entries(worked(snapshot), DATABASE)


@pytest.mark.parametrize(
    ("text", "service", "rung", "because"),
    [
        ("SELECT id FROM auth.users", "auth", "login", "maps the login call_own"),
        ("SELECT a FROM shop.carts", "shop", "application_name", "all 2 sessions seen"),
        ("SELECT id FROM depot.bins", "depot", "network", "all 2 sessions seen"),
        ("SELECT a, b FROM shop.carts", None, "unknown", "set application_name"),
        ("SELECT b FROM shop.carts", None, "unknown", "seen once only, with shop"),
        ("SELECT count(*) FROM auth.users", None, "unknown", "several run it over the login"),
        ("SELECT id FROM shop.carts", None, "unknown", "no session was seen with it"),
    ],
)
def test_the_ladder(found, text, service, rung, because):
    row = found.row(text)
    assert (row["caller"], row["caller_rung"]) == (service, rung)
    assert because in row["caller_because"]


def test_two_services_behind_one_login_are_named_and_neither_is_chosen(found):
    assert "auth, shop" in found.row("SELECT count(*) FROM auth.users")["caller_because"]


def test_the_shares_of_all_rungs_are_the_whole(found):
    shares = found.found.callers.groupby("instance")[["calls_share", "time_ms_share"]].sum()
    assert shares.to_numpy().ravel().tolist() == pytest.approx([1.0, 1.0])


# What looks count, from frames whose truth is known beforehand


def seen(**columns):
    """The callers by one sample of sessions of the login ``app`` that ran the query 7."""
    columns = {"datname": ["d"], "usename": ["app"], "query_id": [7], **columns}
    many = max(map(len, columns.values()))
    table = pa.table({n: v * many if len(v) < many else v for n, v in columns.items()})
    text = '[services.shop]\ninstance = "main"\nschemas = ["shop"]\n'
    text += '[[actors]]\nservice = "shop"\napplication_name = "shop-service"\n'
    estate = estate_from_text('[instances.main]\nurl = "postgresql://db/d"\n' + text)
    answers = [("session_samples", "main", None, table, 1.0)]
    snapshot = new_snapshot(estate, answers, [], ["main"], [], taken_at=DAY)
    return Callers.of(History(estate, (snapshot,))).of_entry("main", "d", "app", 7)


def test_one_idle_session_looked_at_a_hundred_times_was_seen_once():
    names = {"application_name": ["shop-service"]}
    assert seen(**names, state=["idle"], looks=[100]).service is None
    assert seen(**names, state=["active"], looks=[100]).service == "shop"
    assert seen(**names, state=["idle", "active"], looks=[100, 1]).service == "shop"


def test_what_was_summed_for_being_rare_says_nothing():
    names = {"application_name": ["shop-service"], "state": ["active"], "looks": [9]}
    assert seen(**names, rest=[True]).service is None
    assert seen(**names, rest=[False]).service == "shop"


def test_a_hidden_login_is_nobody_and_says_what_would_show_it():
    callers = Callers(estate_from_urls(["postgresql://db/d"]), {})
    found = callers.of_entry("main", "d", None, 7)
    assert (found.service, found.rung) == (None, "unknown")
    assert "GRANT pg_read_all_stats" in found.because


def test_addresses_of_either_family_and_none():
    text = '[instances.main]\nurl = "postgresql://db/d"\n[services.shop]\nschemas = ["shop"]\n'
    for network in ("10.1.0.0/16", "2001:db8::/32"):
        text += f'[[actors]]\nservice = "shop"\nnetwork = "{network}"\n'
    callers = Callers(estate_from_text(text), {})
    for address, service in (
        ("10.1.2.3/32", "shop"),
        ("10.2.0.1", None),
        ("2001:db8::1/128", "shop"),
        (None, None),
        ("", None),
    ):
        assert callers.of_session(Session("app", None, address)).service == service
