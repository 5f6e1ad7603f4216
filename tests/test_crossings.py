"""Who touches whose data: exactly what was planted, nothing besides, and under names that outlive an upgrade."""

from dataclasses import replace

import psycopg
import pytest

from attributed import Entries, estate_of, looked_at, made, unseen, worked
from workbench import load_history, window_of
from workbench.analyse.crossings import Crossing, matrix, statement_crossings, writers
from workbench.analyse.grants import grant_crossings
from workbench.analyse.workload import workload
from workbench.lab.workload import load_workload
from workbench.share import reference_estate
from workbench.sql import read_statement

# service, access, owners of the data, a piece of the text
PLANTED = [
    ("search", "read", ("product",), "FROM product_service.product_variants WHERE"),
    ("search", "read", ("product",), "count(*), min(price), max(price)"),
    ("search", "read", ("product",), "p.attributes, c.name AS category"),
    ("monolith", "read", ("inventory", "product", "seller"), "p.title, p.price, s.shop_name"),
    ("monolith", "read", ("order", "payment"), "p.status, p.captured_at"),
    ("order", "write", ("auth",), "UPDATE order_service.v_users"),
]
VIEWS = [
    ("order", "read", ("auth",), "JOIN order_service.v_users"),
    ("order", "read", ("seller",), "FROM order_service.v_sellers"),
    ("payment", "read", ("order",), "FROM payment_service.v_orders WHERE"),
    ("payment", "read", ("order",), "INSERT INTO payment_service.reconciliations"),
    ("notification", "read", ("auth",), "FROM notification_service.v_users"),
    ("influencer", "read", ("product",), "JOIN influencer_service.v_products"),
    ("admin", "read", ("auth",), "SELECT id, email, name, status, roles"),
    ("admin", "read", ("auth",), "count(DISTINCT t.id) AS tickets"),
]
STOCK = (
    "order",
    "write",
    ("inventory",),
    'UPDATE "inventory_service"."stock_levels" SET "on_hand"',
)


@pytest.fixture(scope="module")
def marketplace():
    return workload(window_of(load_history(reference_estate("marketplace") / "history")))


@pytest.fixture(scope="module")
def crossings(marketplace):
    return statement_crossings(marketplace.attributed)


def test_the_marketplace_crosses_as_planted_and_no_more(marketplace, crossings):
    # one service's stock, written over a login that many share: a crossing once the caller is known
    stock = Entries(marketplace).row(STOCK[-1])
    expected = [*PLANTED, *VIEWS, *([STOCK] if stock["caller"] == "order" else [])]
    for service, access, owners, piece in expected:
        (found,) = (
            c for c in crossings if c.access == access and any(piece in e for e in c.examples)
        )
        assert found.actor in (None, service)
        assert found.owners == owners
        assert found.calls > 0
        if found.actor is None:
            assert found.logins == ("app",)
            assert found.because
    assert len(crossings) == len(expected)


def test_what_a_login_of_its_own_reads_names_its_service(crossings):
    assert {c.actor for c in crossings if c.logins == ("search",)} == {"search"}
    assert not [c for c in crossings if c.logins == ("content",)]


def test_every_planted_statement_is_found_by_its_fingerprint(marketplace, crossings):
    told = load_workload(reference_estate("marketplace"))
    planted = {
        read_statement(s.sql).fingerprint for f in told.flows for s in f.statements if s.planted
    }
    hidden = read_statement(Entries(marketplace).row(STOCK[-1])["query"]).fingerprint
    assert hidden in planted
    assert len(planted) == len(PLANTED) + 1
    assert planted - {hidden} <= {c.fingerprint for c in crossings}


def test_the_six_views_are_what_it_goes_through(crossings):
    assert {v for c in crossings for v in c.through} == {
        *("order_service.v_users", "order_service.v_sellers", "payment_service.v_orders"),
        *("notification_service.v_users", "influencer_service.v_products"),
        "admin_service.v_users",
    }
    # search has no view of its own that it could have used
    assert not [c for c in crossings if c.bypasses]


def test_first_and_last_seen_are_dates_of_the_history(marketplace, crossings):
    history = marketplace.attributed.window.history
    days = [s.at for s in history.collected]
    for crossing in crossings:
        assert days[0] <= crossing.first_seen <= crossing.last_seen <= days[-1]
    # nobody renames a customer on a weekend, or only at times: its last night is not the last
    office = next(c for c in crossings if c.access == "write" and c.owners == ("auth",))
    assert office.first_seen == days[0]
    daily = next(c for c in crossings if "product_variants" in c.examples[0])
    assert daily.last_seen == days[-1]


def test_contents_grant_is_unused_and_searchs_is_used(marketplace, crossings):
    found = grant_crossings(marketplace.attributed.catalogue, crossings)
    told = {(c.actor, c.access, c.owners, c.calls == 0): c for c in found}
    assert set(told) == {
        ("content", "read", ("auth",), True),
        ("content", "write", ("auth",), True),
        ("search", "read", ("product",), False),
    }
    used = told["search", "read", ("product",), False]
    assert used.calls == sum(c.calls for c in crossings if c.actor == "search")
    assert "no statement" in told["content", "write", ("auth",), True].because


def test_the_matrix_counts_each_owner(crossings):
    sums = matrix(crossings)
    reads = sums[(sums["actor"] == "search") & (sums["owner"] == "product")]
    assert reads["crossings"].item() == 3
    assert reads["count"].item() == sum(c.calls for c in crossings if c.actor == "search")


def test_keys_name_neither_oid_nor_queryid_and_are_unique(marketplace, crossings):
    keys = [c.key for c in marketplace.crossings]
    assert len(set(keys)) == len(keys)
    catalogue = marketplace.attributed.catalogue
    oids = {str(o) for p in catalogue.places() for o in catalogue.database(*p).by_oid}
    ids = {str(q) for q in marketplace.attributed.entries["queryid"].dropna()}
    for key in keys:
        assert not set(key.replace("+", ":").split(":")) & (oids | ids)


# On servers


DATABASE = "crossings"
LOGINS = ("cross_auth", "cross_shop", "cross_app", "cross_group", "cross_reader", "cross_blind")
ESTATE = """
[services.auth]
schemas = ["auth"]
[services.shop]
schemas = ["shop"]
[services.depot]
schemas = ["depot"]
[[actors]]
service = "auth"
login = "cross_auth"
[[actors]]
service = "shop"
login = "cross_shop"
[[actors]]
service = "depot"
login = "cross_blind"
[[actors]]
service = "depot"
login = "cross_reader"
"""
OBJECTS = """
CREATE EXTENSION pg_stat_statements;
CREATE SCHEMA auth; CREATE SCHEMA shop; CREATE SCHEMA depot; CREATE SCHEMA closed;
CREATE TABLE auth.users (id int, name text, secret text); CREATE TABLE auth.roles (id int);
CREATE TABLE auth.open_to_all (id int); CREATE TABLE auth.by_group (id int); CREATE TABLE auth.by_column (id int, a int);
CREATE TABLE shop.carts (id int, user_id int); CREATE TABLE shop.owned (id int);
CREATE TABLE depot.bins (id int, n int);
CREATE VIEW shop.v_users AS SELECT id, name FROM auth.users;
GRANT USAGE ON SCHEMA auth, shop, depot TO cross_auth, cross_shop, cross_app, cross_group;
GRANT ALL ON ALL TABLES IN SCHEMA auth TO cross_auth, cross_app;
GRANT ALL ON ALL TABLES IN SCHEMA shop TO cross_shop, cross_app;
GRANT ALL ON ALL TABLES IN SCHEMA depot TO cross_app;
GRANT SELECT ON auth.users TO cross_shop;
GRANT SELECT ON auth.open_to_all TO PUBLIC;
GRANT cross_group TO cross_shop;
GRANT INSERT ON auth.by_group TO cross_group;
GRANT UPDATE (a) ON auth.by_column TO cross_shop;
GRANT SELECT ON depot.bins TO cross_shop;
ALTER TABLE shop.owned OWNER TO cross_auth;
GRANT ALL ON auth.users, shop.carts TO cross_blind;
GRANT pg_read_all_data TO cross_reader;
"""
CROSSED = [
    ("cross_shop", "SELECT id, name FROM auth.users WHERE id IN (1, 2, 3)"),
    ("cross_shop", "SELECT name FROM shop.v_users WHERE id = 1"),
    ("cross_shop", "SELECT id FROM shop.carts"),
    ("cross_auth", "INSERT INTO auth.roles VALUES (1)"),
    ("cross_app", "UPDATE depot.bins SET n = u.id FROM auth.users AS u WHERE u.id = bins.id"),
    ("cross_app", "DELETE FROM depot.bins WHERE id = 5"),
    ("cross_app", "INSERT INTO auth.roles VALUES (2)"),
]


def crossed(server):
    with made(server, [DATABASE], LOGINS):
        with unseen(server, DATABASE) as admin:
            admin.execute(OBJECTS)
        for login, text in CROSSED:
            with psycopg.connect(server.url(DATABASE, login), autocommit=True) as session:
                for _ in range(3):
                    session.execute(text)
        return worked(looked_at(estate_of(server, DATABASE, ESTATE)))


@pytest.fixture(scope="module")
def live(server):
    return crossed(server)


def test_on_a_server_known_callers_cross_and_unknown_ones_only_where_services_meet(live):
    found = {
        (c.actor, c.access, c.owners, c.relations) for c in statement_crossings(live.attributed)
    }
    assert found == {
        ("shop", "read", ("auth",), ("auth.users",)),
        (None, "read", ("auth",), ("auth.users",)),
    }


def test_a_read_that_leaves_a_view_aside_says_which(live):
    by_text = {c.examples[0]: c for c in statement_crossings(live.attributed)}
    direct = next(c for text, c in by_text.items() if "FROM auth.users" in text and c.actor)
    through = next(c for text, c in by_text.items() if "v_users" in text)
    assert (direct.bypasses, direct.through) == (("shop.v_users",), ())
    assert (through.bypasses, through.through) == ((), ("shop.v_users",))


def test_tables_with_several_writers(live):
    found = writers(live.attributed).set_index("relation")
    assert set(found.index) == {"auth.roles"}, "depot's bins are written over one login alone"
    roles = found.loc["auth.roles"]
    assert (roles["owner"], roles["services"], roles["logins"]) == (
        "auth",
        ("auth",),
        ("cross_app", "cross_auth"),
    )
    assert (roles["unknown"], roles["calls"]) == (3, 6)


def test_grants_by_membership_public_columns_and_ownership_but_not_without_usage(live):
    found = grant_crossings(live.attributed.catalogue, statement_crossings(live.attributed))
    held = {}
    for c in found:
        for relation in c.relations:
            held.setdefault((c.logins, c.access), set()).add(relation)
    assert held[("cross_shop",), "read"] == {"auth.users", "auth.open_to_all", "depot.bins"}
    assert held[("cross_shop",), "write"] == {"auth.by_group", "auth.by_column"}
    assert held[("cross_auth",), "read"] == held[("cross_auth",), "write"] == {"shop.owned"}
    assert ("cross_blind",) not in {logins for logins, _ in held}, "it may not enter the schemas"
    everything = held[("cross_reader",), "read"]
    assert everything == {
        *("auth.users", "auth.roles", "auth.open_to_all", "auth.by_group", "auth.by_column"),
        *("shop.carts", "shop.owned", "shop.v_users"),
    }
    assert (("cross_reader",), "write") not in held


NEEDS = """
CREATE EXTENSION pg_stat_statements;
CREATE SCHEMA auth; CREATE SCHEMA shop; GRANT USAGE ON SCHEMA auth TO PUBLIC;
CREATE TABLE auth.idle (id int); CREATE TABLE auth.inside (id int); CREATE TABLE auth.changed (id int, n int);
CREATE TABLE auth.base (id int); CREATE VIEW auth.v_base AS SELECT id FROM auth.base;
CREATE FUNCTION public.looks() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM auth.inside';
"""


@pytest.mark.parametrize(
    ("granted", "text", "calls", "because"),
    [
        ("SELECT ON auth.idle", "SELECT 1 AS one", 0, "no statement of the window used it"),
        ("SELECT ON auth.v_base", "SELECT id FROM auth.v_base", 1, None),
        ("SELECT ON auth.inside", "SELECT public.looks()", None, "they touch auth.inside"),
        (
            "SELECT ON auth.idle",
            "DO $$ BEGIN EXECUTE 'SELECT 1'; END $$",
            None,
            "ran may touch any",
        ),
    ],
    ids=["nobody", "a view", "a function", "text that is run"],
)
def test_a_grant_is_unused_only_where_nothing_may_have_used_it(
    server, granted, text, calls, because
):
    with made(server, ["cross_needs"], ["cross_shop"]):
        with unseen(server, "cross_needs") as admin:
            admin.execute(NEEDS)
            admin.execute(f"GRANT {granted} TO cross_shop")
        with psycopg.connect(server.url("cross_needs", "cross_shop"), autocommit=True) as session:
            session.execute(text)
        told = (
            '[services.auth]\nschemas = ["auth"]\n[services.shop]\nschemas = ["shop"]\n'
            '[[actors]]\nservice = "shop"\nlogin = "cross_shop"\n'
        )
        found = worked(looked_at(estate_of(server, "cross_needs", told))).crossings
    (grant,) = (c for c in found if c.kind == "grant")
    assert grant.calls == calls
    assert because in grant.because if because else grant.because is None


def test_an_update_may_need_to_read_and_statements_that_were_not_read_anything(server):
    with made(server, ["cross_needs"], ["cross_shop"]):
        with unseen(server, "cross_needs") as admin:
            admin.execute(NEEDS)
            admin.execute("GRANT SELECT, UPDATE ON auth.changed TO cross_shop")
        with psycopg.connect(server.url("cross_needs", "cross_shop"), autocommit=True) as session:
            session.execute("UPDATE auth.changed SET n = 1 WHERE id = 2")
        told = (
            '[services.auth]\nschemas = ["auth"]\n[services.shop]\nschemas = ["shop"]\n'
            '[[actors]]\nservice = "shop"\nlogin = "cross_shop"\n'
        )
        estate = estate_of(server, "cross_needs", told)
        found = {c.access: c for c in worked(looked_at(estate)).crossings if c.kind == "grant"}
        with unseen(server, "cross_needs") as admin:
            admin.execute("DROP EXTENSION pg_stat_statements")
        blind = [c for c in worked(looked_at(estate)).crossings if c.kind == "grant"]
    assert found["write"].calls == 1
    assert found["read"].calls is None
    assert "they touch auth.changed" in found["read"].because
    assert [c.calls for c in blind] == [None, None]
    assert all("CREATE EXTENSION" in c.because for c in blind)


def test_what_is_granted_to_all_is_no_crossing_where_a_login_may_not_connect(server):
    """Granted to PUBLIC in three databases: open to all, closed but for a group, closed."""
    databases = ("cross_open", "cross_guests", "cross_closed")
    with made(server, databases, ("cross_shop", "cross_auth", "cross_group")):
        for database in databases:
            with unseen(server, database) as admin:
                admin.execute(
                    "CREATE SCHEMA auth; CREATE TABLE auth.users (id int);"
                    "GRANT USAGE ON SCHEMA auth TO PUBLIC; GRANT SELECT ON auth.users TO PUBLIC"
                )
                if database != "cross_open":
                    admin.execute(f"REVOKE CONNECT ON DATABASE {database} FROM PUBLIC")
        with unseen(server, "postgres") as admin:
            admin.execute("GRANT cross_group TO cross_shop")
            admin.execute("GRANT CONNECT ON DATABASE cross_guests TO cross_group")
        text = "".join(f'[services.{d}]\ndatabase = "{d}"\n' for d in databases)
        for service in ("shop", "auth"):
            text += f"[services.{service}]\nexternal = true\n"
            text += f'[[actors]]\nservice = "{service}"\nlogin = "cross_{service}"\n'
        found = worked(looked_at(estate_of(server, databases[0], text))).crossings
    assert {(c.actor, c.database) for c in found} == {
        ("auth", "cross_open"),
        ("shop", "cross_open"),
        ("shop", "cross_guests"),
    }


def test_the_same_names_in_two_databases_are_two_crossings(server):
    databases = ("cross_one", "cross_two")
    with made(server, databases, LOGINS[:2]):
        for database in databases:
            with unseen(server, database) as admin:
                admin.execute(
                    "CREATE EXTENSION pg_stat_statements; CREATE SCHEMA auth; CREATE TABLE auth.users (id int);"
                    "CREATE SCHEMA shop; GRANT USAGE ON SCHEMA auth TO cross_shop;"
                    "GRANT SELECT ON auth.users TO cross_shop"
                )
            with psycopg.connect(server.url(database, "cross_shop"), autocommit=True) as session:
                session.execute("SELECT id FROM auth.users WHERE id = 1")
        text = "".join(
            f'[services.{s}_{d}]\ndatabase = "{d}"\nschemas = ["{s}"]\n'
            for d in databases
            for s in ("auth", "shop")
        )
        text += '[[actors]]\nservice = "shop_cross_one"\nlogin = "cross_shop"\n'
        found = worked(looked_at(estate_of(server, databases[0], text))).crossings
        assert {c.kind for c in found} == {"statement", "grant"}
        for kind in ("statement", "grant"):
            held = {c.database: c.key for c in found if c.kind == kind}
            assert set(held) == set(databases)
            assert len(set(held.values())) == 2


def test_keys_outlive_new_names_of_services(marketplace):
    def keys(estate):
        history = load_history(reference_estate("marketplace") / "history", estate)
        found = workload(window_of(history)).crossings
        return {c.key for c in found}, {s for c in found for s in c.services}

    def renamed(estate, old, new):
        """The estate, a service of which has a new name wherever it is said."""
        services = tuple(
            replace(s, name=new, was=(*s.was, old)) if s.name == old else s for s in estate.services
        )
        actors = tuple(replace(a, service=new) if a.service == old else a for a in estate.actors)
        return replace(estate, services=services, actors=actors)

    estate = marketplace.attributed.catalogue.estate
    first, before = keys(estate)
    once = renamed(renamed(estate, "search", "finder"), "auth", "accounts")
    twice = renamed(once, "finder", "discovery")
    for now, names in ((once, {"finder", "accounts"}), (twice, {"discovery", "accounts"})):
        after, services = keys(now)
        assert names <= services
        assert not names & before
        assert after == first


def test_keys_are_unique_and_hold_names_that_divide_them():
    blank = Crossing(
        *("statement", "statements", "main", "app", "shop"), (), ("auth",), "read", ("auth.users",)
    )
    twins = [
        blank,
        replace(blank, relations=("auth.a", "auth.b")),
        replace(blank, relations=("auth.a+auth.b",)),
        replace(blank, actor="shop:main/app"),
        replace(blank, actor=None),
        replace(blank, actor="unknown"),
        replace(blank, database="app:auth.users", relations=()),
        replace(blank, instance="main/app", database=""),
        replace(blank, kind="grant", source="catalog"),
        *(
            replace(blank, kind="transaction", source=s, services=m)
            for s in ("wal", "locks")
            for m in (("a", "b"), ("a", "c"))
        ),
    ]
    assert len({c.key for c in twins}) == len(twins)


def test_keys_outlive_an_upgrade(live, major):
    here = {c.key for c in statement_crossings(live.attributed)}
    there = {c.key for c in statement_crossings(crossed(major).attributed)}
    assert here == there
