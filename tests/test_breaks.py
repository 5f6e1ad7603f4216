"""What breaks when services move: everything that was planted on a server, and nothing besides."""

import json
from dataclasses import replace

import psycopg
import pytest

from attributed import estate_of, looked_at, made, unseen
from workbench import load_history
from workbench.decide.breaks import Breaks
from workbench.decide.remedies import Remedies
from workbench.decide.targets import TARGETS, Targets
from workbench.decide.whatif import Moves
from workbench.errors import UsageError
from workbench.share import reference_estate
from workbench.snapshot import History

DATABASE = "breaking"
LOGINS = ["break_shop", "break_auth", "break_app", "break_idle"]
ESTATE = """
[services.shop]
schemas = ["shop"]
staleness_s = 60
[services.auth]
schemas = ["auth"]
[services.depot]
schemas = ["depot"]
[services.elsewhere]
external = true
[[actors]]
service = "shop"
login = "break_shop"
[[actors]]
service = "auth"
login = "break_auth"
[[actors]]
service = "depot"
login = "break_idle"
"""
OBJECTS = """
CREATE EXTENSION pg_stat_statements;
CREATE SCHEMA auth; CREATE SCHEMA shop; CREATE SCHEMA depot;
CREATE TYPE public.mood AS ENUM ('good', 'bad');
CREATE SEQUENCE auth.ticket;
CREATE TABLE public.settings (name text PRIMARY KEY, value text);
GRANT ALL ON public.settings TO break_shop, break_app;
CREATE TABLE auth.users (id int PRIMARY KEY, name text, visits int NOT NULL DEFAULT 0);
CREATE TABLE auth.log (id int);
CREATE FUNCTION auth.noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
CREATE TABLE shop.carts (
  id int PRIMARY KEY DEFAULT nextval('auth.ticket'),
  user_id int REFERENCES auth.users, mood public.mood DEFAULT 'good'
);
CREATE TABLE shop.own (id int PRIMARY KEY, cart_id int REFERENCES shop.carts);
CREATE VIEW shop.v_users AS SELECT id, name FROM auth.users;
CREATE VIEW shop.v_own AS SELECT id FROM shop.carts;
CREATE FUNCTION shop.visits() RETURNS bigint LANGUAGE sql AS 'SELECT sum(visits) FROM auth.users';
CREATE TRIGGER noting AFTER INSERT ON shop.carts FOR EACH ROW EXECUTE FUNCTION auth.noted();
CREATE TABLE depot.bins (id int PRIMARY KEY, n int);
CREATE TABLE depot.parts () INHERITS (auth.log);
CREATE RULE forgetting AS ON DELETE TO depot.bins DO ALSO DELETE FROM auth.log WHERE id = old.id;
CREATE FUNCTION depot.sweep(t text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'TRUNCATE ' || t; END $$;
CREATE PUBLICATION carts FOR TABLE shop.carts;
INSERT INTO auth.users SELECT n, 'u' || n FROM generate_series(1, 20) AS n;
INSERT INTO depot.bins SELECT n, n FROM generate_series(1, 20) AS n;
GRANT USAGE ON SCHEMA auth, shop, depot TO break_shop, break_auth, break_app, break_idle;
GRANT ALL ON ALL TABLES IN SCHEMA auth, shop, depot TO break_app;
GRANT ALL ON ALL TABLES IN SCHEMA shop TO break_shop;
GRANT ALL ON ALL TABLES IN SCHEMA auth TO break_auth;
GRANT SELECT, UPDATE ON auth.users TO break_shop;
GRANT SELECT ON shop.own TO break_idle;
GRANT ALL ON SEQUENCE auth.ticket TO break_shop;
"""
RUN = [
    ("break_shop", "SELECT name FROM auth.users WHERE id = 1"),
    ("break_shop", "UPDATE auth.users SET visits = visits + 1 WHERE id = 2"),
    ("break_shop", "INSERT INTO shop.carts (user_id) VALUES (3)"),
    ("break_shop", "SELECT count(*) FROM shop.own"),
    ("break_app", "SELECT c.id, b.n FROM shop.carts AS c JOIN depot.bins AS b ON b.id = c.user_id"),
    ("break_shop", "SELECT value FROM public.settings WHERE name = 'rate'"),
    ("break_app", "INSERT INTO public.settings SELECT id, n FROM depot.bins WHERE id < 0"),
    ("break_app", "SELECT n FROM depot.bins WHERE id = 5"),
]
WALINSPECT = "CREATE EXTENSION pg_walinspect"
TOGETHER = "WITH c AS (INSERT INTO shop.carts (user_id) VALUES (4)) UPDATE auth.users SET visits = 9 WHERE id = 4"
CALLS = 4
NOBODYS = {"public.settings", "public.mood", "publication"}


@pytest.fixture(scope="module")
def moves(server):
    """The moves of the planted estate: two snapshots, two days apart, with every statement run in between."""
    with made(server, [DATABASE], LOGINS):
        with unseen(server, DATABASE) as admin:
            admin.execute(OBJECTS)
            if server.version >= (15, 0):
                admin.execute(WALINSPECT)
        estate = estate_of(server, DATABASE, ESTATE)
        before = looked_at(estate)
        for login, text in RUN:
            with psycopg.connect(server.url(DATABASE, login), autocommit=True) as session:
                for _ in range(CALLS):
                    session.execute(text)
        with unseen(server, DATABASE) as admin:
            admin.execute(TOGETHER)
            admin.execute("SELECT pg_logical_emit_message(true, 'test', '')")
        after = looked_at(estate, 2, previous=before)
        return Moves.of(History(estate, (before, after)))


@pytest.fixture(scope="module")
def marketplace():
    return Moves.of(load_history(reference_estate("marketplace") / "history"))


@pytest.fixture(scope="module")
def hauspet():
    return Moves.of(load_history(reference_estate("hauspet") / "history"))


def held(found, kind):
    """What is joined by breaks of a kind, and their remedies."""
    return {
        (b.relations, b.services): b.remedy and b.remedy.name
        for b in found.breaks
        if b.kind == kind
    }


def test_statements_break_with_their_text_caller_calls_and_remedy(moves):
    found = {
        (b.caller, b.access, b.services): b
        for b in moves.what_if(["shop"]).breaks
        if b.kind == "statement" and len(b.services) > 1
    }
    assert set(found) == {
        ("shop", "read", ("auth", "shop")),
        ("shop", "write", ("auth", "shop")),
        (None, "read", ("depot", "shop")),
    }
    read = found["shop", "read", ("auth", "shop")]
    assert read.sql == "SELECT name FROM auth.users WHERE id = $1"
    assert read.per_day == pytest.approx(CALLS / 2)
    assert read.remedy.name == "API call"
    assert found["shop", "write", ("auth", "shop")].remedy.name == "outbox"
    unknown = found[None, "read", ("depot", "shop")]
    assert unknown.because
    assert {b.caller for b in moves.what_if(["depot"]).breaks if b.kind == "statement"} == {None}


def test_what_the_server_holds_breaks_on_either_side(moves):
    shop, auth = moves.what_if(["shop"]), moves.what_if(["auth"])
    both = ("auth", "shop")
    for found in (shop, auth):
        assert held(found, "foreign_key") == {
            (("shop.carts", "auth.users"), both): "loose foreign key"
        }
        assert held(found, "view") == {(("shop.v_users", "auth.users"), both): "API call"}
        assert {k: v for k, v in held(found, "trigger").items() if k[1] == both} == {
            (("shop.carts", "auth.noted()"), both): "rewritten function"
        }
        assert held(found, "function") == {
            (("shop.visits()", "auth.users"), both): "rewritten function"
        }
        assert held(found, "sequence") == {
            (("shop.carts", "auth.ticket"), both): "sequence of its own"
        }
    assert held(auth, "inheritance") == {(("depot.parts", "auth.log"), ("auth", "depot")): None}
    assert not held(shop, "inheritance")
    texts = {b.kind: b.sql for b in shop.breaks if b.kind in ("trigger", "function")}
    assert texts["function"] == "SELECT sum(visits) FROM auth.users"
    assert texts["trigger"].startswith("CREATE TRIGGER noting AFTER INSERT ON shop.carts")
    (key,) = (b for b in shop.breaks if b.kind == "foreign_key")
    assert key.sql == (
        'ALTER TABLE "shop"."carts" ADD FOREIGN KEY ("user_id") REFERENCES "auth"."users" ("id")'
    )


def test_a_rule_that_works_on_anothers_table_breaks_with_its_text(moves):
    for service in ("depot", "auth"):
        (rule,) = (
            b
            for b in moves.what_if([service]).breaks
            if b.kind == "trigger" and "depot" in b.services
        )
        assert (rule.relations, rule.services) == (("depot.bins", "auth.log"), ("auth", "depot"))
        assert rule.sql.startswith("CREATE RULE forgetting AS")
        assert "on delete the rule writes auth.log" in rule.because
        assert rule.remedy.name == "rewritten function"


def test_a_function_that_makes_its_own_text_is_named_as_unknown(moves):
    (said,) = (t for t in moves.what_if(["shop"]).unknown if "is made while it runs" in t)
    assert "depot.sweep(t text)" in said
    assert "visits" not in said


def test_what_nobody_owns_stays_behind(moves):
    shop, auth = moves.what_if(["shop"]), moves.what_if(["auth"])
    types = [b for b in shop.breaks if b.kind == "type"]
    assert {b.relations for b in types} == {("shop.carts", "public.mood")}
    assert all("nobody owns public.mood" in b.because for b in types)
    assert {b.remedy.name for b in types} == {"copied type"}
    assert not held(auth, "type")
    assert held(shop, "publication") == {
        (("carts", "shop.carts"), ("shop",)): "publication made anew"
    }


def test_an_older_snapshot_without_dependencies_still_tells_types_and_says_what_it_cannot(moves):
    history = moves.workload.attributed.window.history
    newest = history.newest
    parts = tuple(p for p in newest.manifest.parts if p.frame != "dependencies")
    older = replace(newest, manifest=replace(newest.manifest, parts=parts))
    found = Moves.of(replace(history, snapshots=(*history.snapshots[:-1], older))).what_if(["shop"])
    assert held(found, "type") == held(moves.what_if(["shop"]), "type")
    assert any("older format" in said for said in found.unknown)
    assert not any("older format" in said for said in moves.what_if(["shop"]).unknown)


def test_statements_on_what_nobody_owns_break(moves):
    found = {
        s: [b for b in moves.what_if([s]).breaks if b.relations == ("public.settings",)]
        for s in ("shop", "depot", "auth")
    }
    assert [(b.caller, b.access, b.services) for b in found["shop"]] == [
        ("shop", "read", ("shop",))
    ]
    assert [(b.caller, b.access, b.services) for b in found["depot"]] == [
        (None, "write", ("depot",))
    ]
    assert found["auth"] == []
    for broken in (*found["shop"], *found["depot"]):
        assert broken.because == "nobody owns public.settings"
        assert (broken.remedy.name, broken.per_day) == ("owner found", CALLS / 2)


def test_a_grant_that_nothing_used_breaks_and_a_used_one_is_its_statements(moves):
    found = [b for b in moves.what_if(["shop"]).breaks if b.kind == "grant"]
    assert [(b.caller, b.access, b.relations) for b in found] == [("depot", "read", ("shop.own",))]
    assert found[0].remedy.name == "grant withdrawn"


@pytest.mark.pg(">= 15")
def test_a_transaction_of_two_services_breaks_and_is_counted(moves):
    found = [b for b in moves.what_if(["auth"]).breaks if b.kind == "transaction"]
    assert [(b.services, b.relations) for b in found] == [
        (("auth", "shop"), ("auth.users", "shop.carts"))
    ]
    assert found[0].per_day == pytest.approx(0.5)
    assert found[0].remedy.name == "outbox"


def test_nothing_that_stays_inside_breaks(moves):
    for service in ("shop", "auth", "depot"):
        for broken in moves.what_if([service]).breaks:
            assert not {"shop.own", "shop.v_own"} & set(broken.relations) or broken.kind == "grant"
            assert len(broken.services) > 1 or NOBODYS & {*broken.relations, broken.kind}
    everything = moves.what_if(["shop", "auth", "depot"]).breaks
    assert {b.kind for b in everything} == {"statement", "type", "publication"}
    assert all(NOBODYS & {*b.relations, b.kind} for b in everything)


def test_what_joins_two_that_move_together_stays(moves):
    one, other = moves.what_if(["shop"]), moves.what_if(["auth"])
    pair = moves.what_if(["shop", "auth"])
    joined = {b.key for b in one.breaks} & {b.key for b in other.breaks}
    assert joined
    assert {b.key for b in pair.breaks} == {b.key for b in (*one.breaks, *other.breaks)} - joined
    assert pair.cheaper_together > 0
    assert one.cheaper_together is None
    assert pair.effort.high < one.effort.high + other.effort.high
    # what joins two is cured once, whether they move in one step or in two
    apart = moves.days_apart(["shop", "auth"])
    assert apart.high < one.effort.high + other.effort.high
    assert moves.days_of(["auth"], ["shop"]).high < other.effort.high


def test_calls_over_the_network_are_round_trips(moves):
    found = moves.what_if(["shop"])
    called = [
        b.per_day
        for b in found.breaks
        if b.kind == "statement" and b.remedy.name in ("API call", "federated API")
    ]
    assert found.round_trips == pytest.approx(sum(called))
    assert found.round_trips > 0


def test_what_may_read_nothing_old_gets_no_copy(moves):
    reasons = {}
    for staleness in ({"shop": 0.0}, {}):
        breaks = Breaks(moves.workload, moves.references, Remedies({}, staleness))
        reasons[bool(staleness)] = {
            (b.remedy.name, b.remedy.because)
            for b in breaks.of(["shop"])
            if b.access == "read" and b.caller == "shop" and len(b.services) > 1
        }
    assert reasons == {
        True: {("API call", "shop may read nothing old")},
        False: {("API call", "2 reads a day: a call each is simplest")},
    }


def test_callers_that_are_not_known_are_told_of(moves):
    (said,) = (t for t in moves.what_if(["depot"]).unknown if "no known caller" in t)
    assert said.startswith(f"{CALLS / 2:g} calls a day")
    assert not [t for t in moves.what_if(["auth"]).unknown if "no known caller" in t]


def test_a_service_that_is_not_there_is_refused(moves):
    with pytest.raises(UsageError, match="nearest valid: 'shop'"):
        moves.what_if(["shp"])
    with pytest.raises(UsageError, match="'elsewhere' keeps its data elsewhere"):
        moves.what_if(["elsewhere"])
    with pytest.raises(UsageError, match="name the services"):
        moves.what_if([])


def test_the_document_is_the_same_each_time(moves):
    texts = {json.dumps(replace(moves).what_if(["shop", "auth"]).to_json()) for _ in range(2)}
    assert len(texts) == 1
    assert json.loads(texts.pop())["services"] == ["shop", "auth"]


# -- targets


def test_citus_refuses_what_the_catalogue_shows(moves):
    targets = Targets(moves)
    refused = {s: next(t for t in targets.of(s) if t.name == "Citus") for s in ("shop", "auth")}
    assert any("foreign keys to auth.users" in b for b in refused["shop"].blockers)
    assert any("foreign keys from other schemas: shop.carts" in b for b in refused["auth"].blockers)
    assert any(b.startswith("no primary key") and "auth.log" in b for b in refused["auth"].blockers)
    depot = next(t for t in targets.of("depot") if t.name == "Citus")
    assert any(b == "inheritance: depot.parts" for b in depot.blockers)
    assert not any("foreign key" in b for b in depot.blockers)


def test_every_target_is_compared(moves):
    rows = Targets(moves).of("shop")
    assert tuple(t.name for t in rows) == TARGETS
    same, own, replica, _, stay = rows
    assert {"CPU", "WAL", "checkpoints", "transaction ids", "connections"} <= set(same.leaves)
    assert same.blockers == own.blockers
    assert "1 foreign key" in own.blockers
    assert "main declares no replica" in replica.blockers
    assert stay.relieves == ()
    assert json.dumps([t.to_json() for t in rows])


# -- reference estates


def test_order_of_the_marketplace_breaks_as_its_review_says(marketplace):
    found = marketplace.what_if(["order"])
    kinds = {}
    for broken in found.breaks:
        kinds.setdefault(broken.kind, []).append(broken)
    views = {b.relations for b in kinds["view"]}
    assert ("order_service.v_users", "auth_service.users") in views
    assert ("payment_service.v_orders", "order_service.orders") in views
    assert [b.relations for b in kinds["foreign_key"]] == [
        ("payment_service.payments", "order_service.orders")
    ]
    through = [b for b in kinds["statement"] if b.access == "write" and "v_users" in b.sql]
    assert [b.services for b in through] == [("auth", "order")]
    stock = {b.services for b in kinds["transaction"]}
    assert ("inventory", "order") in stock
    assert all(b.remedy is not None and b.sql for b in kinds["statement"])
    # one reader has one remedy for what it takes of one owner
    taken = {}
    for broken in found.breaks:
        if broken.access == "read" and broken.caller:
            taken.setdefault((broken.caller, broken.services), set()).add(broken.remedy.name)
    assert {len(names) for names in taken.values()} == {1}


def test_search_breaks_with_product(marketplace):
    found = [b for b in marketplace.what_if(["product"]).breaks if b.caller == "search"]
    assert len(found) == 3
    assert all(b.kind == "statement" and b.sql and b.per_day > 0 for b in found)


def test_the_shared_enums_of_hauspet_break_its_event_store(hauspet):
    found = {b.relations for b in hauspet.what_if(["eventstore"]).breaks if b.kind == "type"}
    assert found == {
        ("eventstore.events", "public.AnimalType"),
        ("eventstore.events", "public.Role"),
    }
    together = hauspet.what_if(["eventstore", "app"]).breaks
    assert {b.services for b in together if b.kind == "type"} == {("app", "readmodels")}


def test_shared_types_break_with_the_statement_that_makes_them(moves, hauspet):
    (mood,) = (b for b in moves.what_if(["shop"]).breaks if b.kind == "type")
    assert mood.sql == "CREATE TYPE \"public\".\"mood\" AS ENUM ('good', 'bad')"
    roles = [b for b in hauspet.what_if(["eventstore"]).breaks if b.relations[-1] == "public.Role"]
    assert roles
    assert all(b.sql.startswith('CREATE TYPE "public"."Role" AS ENUM (') for b in roles)


def test_what_is_not_known_of_code_is_said(moves):
    found = moves.what_if(["shop"]).breaks
    code = [b for b in found if b.kind in ("function", "trigger")]
    assert code
    for one in code:
        assert one.per_day is None
        assert "track_functions is none: ALTER SYSTEM SET track_functions = 'all'" in one.because
    (view,) = (b for b in found if b.kind == "view")
    assert view.sql == ('CREATE VIEW "shop"."v_users" AS\nSELECT id,\n    name\n   FROM auth.users')
    assert "text" not in view.because
