"""The reference estates: what ESTATES.md says of them holds on a server that was really built and played."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg
import pytest
from pglast.visitors import referenced_relations

from workbench.errors import EstateError, LabError, UsageError
from workbench.estate import Estate, load_estate
from workbench.lab import BuiltEstate, Server, build, private_server, reference_estates
from workbench.lab.play import Player
from workbench.lab.reference import estate_folder, private_servers
from workbench.lab.timetable import Timetable
from workbench.lab.workload import Workload, load_workload

DAYS = 2
SERVICES = [
    "monolith",
    "auth",
    "user",
    "product",
    "order",
    "payment",
    "notification",
    "search",
    "inventory",
    "seller",
    "influencer",
    "content",
    "admin",
]
VIEWS = {  # who reads whom through which view
    ("order_service", "v_users"): {"auth_service"},
    ("order_service", "v_sellers"): {"seller_service"},
    ("payment_service", "v_orders"): {"order_service"},
    ("notification_service", "v_users"): {"auth_service"},
    ("influencer_service", "v_products"): {"product_service"},
    ("admin_service", "v_users"): {"auth_service"},
}


def schema_of(service: str) -> str:
    return "public" if service == "monolith" else f"{service}_service"


@dataclass(frozen=True)
class Evening:
    """What was seen when a day had been played."""

    day: date
    sessions: int
    inserted: dict[str, int]
    calls: dict[str, int]


@dataclass(frozen=True)
class Marketplace:
    """The estate, built and played for two days."""

    server: Server
    built: BuiltEstate
    workload: Workload
    estate: Estate
    evenings: list[Evening]

    def rows(self, query: str, *parameters: object, user: str = "postgres") -> list[tuple]:
        url = self.server.url("hos_marketplace", user)
        with psycopg.connect(url, autocommit=True) as connection:
            return connection.execute(query, parameters or None).fetchall()

    def value(self, query: str, *parameters: object, user: str = "postgres") -> object:
        ((value,),) = self.rows(query, *parameters, user=user)
        return value

    def planned(self, text: str) -> int:
        """How often the timetable runs statements that hold this text."""
        calls = (call for day in range(1, DAYS + 1) for call in Timetable(self.workload).calls(day))
        return sum(text in sql for call in calls for sql, _ in call.statements)


def evening(day: date, built: BuiltEstate) -> Evening:
    with psycopg.connect(built.environ["MARKETPLACE_URL"]) as connection:
        (sessions,) = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchone()
        inserted = connection.execute("SELECT relname, n_tup_ins FROM pg_stat_user_tables")
        calls = connection.execute(
            "SELECT userid::regrole::text, sum(calls) FROM pg_stat_statements"
            " WHERE userid <> current_user::regrole GROUP BY 1"
        )
        return Evening(day, sessions, dict(inserted), dict(calls))


@pytest.fixture(scope="module")
def marketplace() -> Iterator[Marketplace]:
    evenings: list[Evening] = []
    # so that the log names who was connected, after they are gone
    settings = {"log_disconnections": "on", "log_line_prefix": "%u|%a|"}
    with private_server(settings=settings) as server:
        built = build(
            "marketplace",
            server,
            on_day=lambda day, built: evenings.append(evening(day, built)),
            days=DAYS,
        )
        estate = load_estate(built.folder, built.environ)
        yield Marketplace(server, built, load_workload(built.folder), estate, evenings)


# -- the files


@pytest.mark.parametrize("name", reference_estates())
def test_the_files_of_every_reference_estate_agree(name):
    """The variables that one file asks for are those that the other gives, and the services are the same."""
    folder = estate_folder(name)
    workload = load_workload(folder)
    asked = set(re.findall(r"\$\{(\w+)", (folder / "estate.toml").read_text(encoding="utf-8")))
    assert asked == set(workload.variables)
    estate = load_estate(folder, {})
    assert {s.name for s in estate.services if not s.external} == set(workload.sessions)
    served = {flow.service for flow in workload.flows}
    assert served == set(workload.sessions)
    first, last = workload.start, workload.day(workload.days)
    assert all(first <= event.date <= last for event in estate.events)


def test_an_unknown_estate_is_refused_with_the_nearest_name(server):
    with pytest.raises(UsageError, match="'marketplac'; did you mean 'marketplace'"):
        build("marketplac", server, on_day=lambda day, built: None)


@pytest.mark.parametrize("days", [-1, 29])
def test_days_that_the_estate_does_not_have_are_refused(server, days):
    with pytest.raises(UsageError, match="ask for 0 to 28"):
        build("marketplace", server, on_day=lambda day, built: None, days=days)


def test_an_instance_without_a_server_is_refused():
    with pytest.raises(UsageError, match="marketplace needs a server for main"):
        build("marketplace", {}, on_day=lambda day, built: None)


SMALL = """
start = 2026-01-05
days = 3
[instances.main]
[databases.shop]
instance = "main"
files = ["*.sql"]
[populations]
user = { count = 2 }
[rhythms]
week = [1, 1, 1, 1, 1, 0, 0]
[sessions.web]
database = "shop"
login = "postgres"
[[flows]]
name = "sign up"
service = "web"
calls = 2
rhythm = "week"
[[flows.statements]]
sql = "SELECT $1, $2"
with = ["new user", "int 1 5"]
"""

WRONG = [
    ("days = 3", "days = 0", "days: Input should be greater than or equal to 1"),
    ("days = 3", "dais = 3", "days: Field required"),
    ("start = 2026-01-05", "start = 5 January", "is not TOML in UTF-8"),
    ('instance = "main"', 'instance = "mian"', "databases.shop.instance: nothing is called 'mian'; did you mean 'main'"),
    ('database = "shop"', 'database = "x"', "sessions.web.database: nothing is called 'x'; there are: shop"),
    ('service = "web"', 'service = "wob"', "flows['sign up'].service: nothing is called 'wob'; did you mean 'web'"),
    ('rhythm = "week"', 'rhythm = "weak"', "flows['sign up'].rhythm: nothing is called 'weak'; did you mean 'week'"),
    ("calls = 2", "calls = -2", "flows['sign up'].calls: Input should be greater than 0"),
    ("calls = 2", "call = 2", "flows['sign up'].calls: Field required"),
    ("calls = 2", "calls = 2\non = [2026-01-08]", "flows['sign up'].on: 2026-01-08 is not one of the days from 2026-01-05 to 2026-01-07"),
    ('"new user"', '"new usr"', "flows['sign up']: there is no population 'usr'; did you mean 'user'"),
    ('"new user"', '"soma user"', "flows['sign up']: 'soma user' is neither a draw nor a name drawn before; did you mean 'some'"),
    ('"int 1 5"', '"int 5 1"', "flows['sign up']: 'int' takes the lower number first, not '5 1'"),
    ('"int 1 5"', '"int 1"', "flows['sign up']: 'int' takes 2 whole numbers, not '1'"),
    ('"int 1 5"', '"say {who}"', "flows['sign up']: 'say' names 'who', which the flow does not draw before"),
    ('"int 1 5"', '"hex 0"', "'hex' and 'json' take a length of at least 1"),
    ("$1, $2", "$1, $3", "flows['sign up'].statements.0.with: fills 2 parameters, the statement has $1, $3"),
    ('"int 1 5"]', '"int 1 5"]\nrepeat = [1, 3]', "statements.0.repeat: must be one number where the statement draws something new"),
    ("[1, 1, 1, 1, 1, 0, 0]", "[1, 1]", "rhythms.week: Tuple should have at least 7 items"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "said"), WRONG)
def test_a_wrong_workload_is_refused_with_file_key_and_remedy(tmp_path, right, wrong, said):
    file = tmp_path / "workload.toml"
    file.write_text(SMALL)
    load_workload(tmp_path)
    assert right in SMALL
    file.write_text(SMALL.replace(right, wrong, 1))
    with pytest.raises(EstateError) as caught:
        load_workload(tmp_path)
    assert str(caught.value).startswith(f"{file}: ")
    assert said in str(caught.value)


def test_a_missing_workload_is_refused(tmp_path):
    with pytest.raises(EstateError, match="every reference estate needs this file"):
        load_workload(tmp_path)


ENVIRON = """
[environ.SHOP_URL]
database = "shop"
login = "ann"
[environ.SHOP]
database = "shop"
login = "bob"
parts = true
"""


def test_a_variable_holds_a_url_or_five_hold_its_parts(tmp_path):
    (tmp_path / "workload.toml").write_text(SMALL + ENVIRON)
    assert load_workload(tmp_path).variables == {
        "SHOP_URL": ("shop", "ann", None),
        "SHOP_HOST": ("shop", "bob", "host"),
        "SHOP_PORT": ("shop", "bob", "port"),
        "SHOP_NAME": ("shop", "bob", "name"),
        "SHOP_USER": ("shop", "bob", "user"),
        "SHOP_PASSWORD": ("shop", "bob", "password"),
    }


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("SHOP_URL", "SHOP_HOST", "environ.SHOP_HOST: SHOP_HOST is given twice; call one of them otherwise"),
        ("parts = true", 'parts = "host"', "environ.SHOP.parts: Input should be a valid boolean"),
        ('"shop"', '"shp"', "environ.SHOP_URL.database: nothing is called 'shp'; did you mean 'shop'"),
    ],
)  # fmt: skip
def test_wrong_variables_are_refused(tmp_path, right, wrong, said):
    (tmp_path / "workload.toml").write_text(SMALL + ENVIRON.replace(right, wrong, 1))
    with pytest.raises(EstateError, match=re.escape(said)):
        load_workload(tmp_path)


def test_one_instance_is_one_server_with_the_settings_given():
    with private_servers("marketplace", {"work_mem": "5MB"}) as servers:
        (server,) = servers.values()
        assert list(servers) == ["main"]
        with psycopg.connect(server.url()) as connection:
            shown = [connection.execute(f"SHOW {name}").fetchone()[0] for name in ("work_mem", "shared_buffers")]  # fmt: skip
    assert shown == ["5MB", "64MB"]
    assert not server.folder.exists()


# -- the plan of a day


def test_a_day_is_planned_the_same_every_time_and_not_like_another():
    first, second = (Timetable(load_workload(estate_folder("marketplace"))) for _ in range(2))
    assert list(first.calls(9)) == list(second.calls(9))
    assert Counter(call.flow for call in first.calls(9)) != Counter(c.flow for c in first.calls(10))


def test_rhythm_and_growth_show_in_the_calls():
    timetable = Timetable(load_workload(estate_folder("marketplace")))
    flows = {flow.name: flow for flow in timetable.workload.flows}
    search, tickets = flows["search"], flows["open a ticket"]
    monday, saturday = 1, 6
    assert timetable.times(search, monday) < timetable.times(search, saturday)
    assert timetable.times(tickets, monday) > timetable.times(tickets, saturday)
    assert timetable.times(search, saturday) < timetable.times(search, saturday + 21)
    purge = flows["purge December"]
    days = range(1, timetable.workload.days + 1)
    assert [timetable.workload.day(d) for d in days if timetable.times(purge, d)] == [*purge.on]


def test_what_is_new_gets_numbers_of_its_own_and_is_there_the_next_morning():
    timetable = Timetable(load_workload(estate_folder("marketplace")))
    new = [
        parameters[0]
        for day in (1, 2, 3)
        for call in timetable.calls(day)
        for sql, parameters in call.statements
        if sql.startswith('INSERT INTO "order_service"."orders"')
    ]
    assert len(set(new)) == len(new)
    grown = timetable.sizes(4)["order"] - timetable.sizes(1)["order"]
    assert grown == len(new)


# -- the player


def player(tmp_path: Path, server: Server, workload: str, **files: str) -> Player:
    (tmp_path / "workload.toml").write_text(workload)
    for name, text in files.items():
        (tmp_path / f"{name}.sql").write_text(text)
    loaded = load_workload(tmp_path)
    return Player(tmp_path, loaded, dict.fromkeys(loaded.instances, server))


HOSTILE = """
start = 2026-01-05
days = 1
[instances.one]
[instances.two]
[databases.'a"b']
instance = "one"
files = ["one.sql"]
[databases.'$(x)']
instance = "two"
files = ["two.sql"]
[sessions.'<script>']
database = 'a"b'
login = "postgres"
application_name = "заказы"
search_path = '''"o'; \\ --"'''
[sessions.other]
database = '$(x)'
login = "postgres"
[[flows]]
name = "write"
service = '<script>'
calls = 3
draws = { note = "words 1 1" }
[[flows.statements]]
sql = 'INSERT INTO "t\\" VALUES ($1)'
with = ['say \\ " {note}']
[[flows]]
name = "also"
service = "other"
calls = 2
[[flows.statements]]
sql = 'INSERT INTO t SELECT * FROM unnest($1::text[])'
with = ['say \\ " , } NULL']
rows = 4
"""


def test_hostile_names_and_several_instances_are_played(tmp_path, server):
    one = 'CREATE SCHEMA "o\'; \\ --"; CREATE TABLE "o\'; \\ --"."t\\" (note text);'
    play = player(tmp_path, server, HOSTILE, one=one, two="CREATE TABLE t (note text);")
    try:
        play.build()
        assert play.play(1) == 5
        with psycopg.connect(server.url('a"b')) as connection:
            rows = connection.execute('SELECT note FROM "o\'; \\ --"."t\\"').fetchall()
            assert len(rows) == 3
            assert all(note.startswith('\\ " ') for (note,) in rows)
        with psycopg.connect(server.url("$(x)")) as connection:
            rows = connection.execute("SELECT DISTINCT note, count(*) FROM t GROUP BY 1").fetchall()
            assert rows == [('\\ " , } NULL', 8)]
    finally:
        with psycopg.connect(server.url(), autocommit=True) as admin:
            admin.execute('DROP DATABASE IF EXISTS "a""b"')
            admin.execute('DROP DATABASE IF EXISTS "$(x)"')


def test_faults_of_the_files_name_file_line_and_flow(tmp_path, server):
    play = player(tmp_path, server, SMALL, first="CREATE TABLE t (id int);\n\nCREATE TABEL u ();")
    try:
        with pytest.raises(LabError, match=r'first\.sql:3: syntax error at or near "TABEL"'):
            play.build()
        with pytest.raises(
            LabError, match='database shop: database "shop" already exists; build on a fresh'
        ):
            play.build()
        with pytest.raises(
            LabError, match=r"workload.toml: flows\['sign up'\] failed on 2026-01-05"
        ):
            player(tmp_path, server, SMALL.replace("SELECT $1, $2", "SELECT $1, $2, nothing")).play(
                1
            )
    finally:
        with psycopg.connect(server.url(), autocommit=True) as admin:
            admin.execute("DROP DATABASE IF EXISTS shop")


BESIDE = """
start = 2026-01-05
days = 1
[instances.one]
[databases.shop]
instance = "one"
files = ["first.sql"]
[sessions.late]
database = "shop"
login = "postgres"
[sessions.web]
database = "shop"
login = "postgres"
[[flows]]
name = "wait for all orders"
service = "late"
calls = 1
beside = true
[[flows.statements]]
sql = "CALL await_orders()"
[[flows]]
name = "order"
service = "web"
calls = 30
[[flows.statements]]
sql = "INSERT INTO orders DEFAULT VALUES"
"""
AWAIT = """
CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY);
CREATE PROCEDURE await_orders() LANGUAGE plpgsql AS $$
BEGIN
    FOR attempt IN 1..6000 LOOP
        PERFORM pg_sleep(0.01);
        IF (SELECT count(*) FROM orders) = 30 THEN RETURN; END IF;
        COMMIT;
    END LOOP;
    RAISE 'nobody orders while this waits';
END $$;
"""


def test_a_flow_goes_on_beside_the_others(tmp_path, server):
    """The one call waits for rows that only come after it."""
    play = player(tmp_path, server, BESIDE, first=AWAIT)
    try:
        play.build()
        assert play.play(1) == 31
    finally:
        with psycopg.connect(server.url(), autocommit=True) as admin:
            admin.execute("DROP DATABASE IF EXISTS shop")


@pytest.mark.parametrize(
    ("waiting", "other", "failed"),
    [
        ("SELECT pg_advisory_xact_lock(1)", "SELECT pg_advisory_lock_shared(1), 1 / ($1 - 1)", "order"),
        ("SELECT nothing", "SELECT $1::int", "wait for all orders"),
    ],
)  # fmt: skip
def test_a_day_ends_where_a_flow_fails_beside_others_or_they_meanwhile(
    tmp_path, server, waiting, other, failed
):
    """Also where what goes on beside waits for a lock of the one that fails."""
    workload = BESIDE.replace("CALL await_orders()", waiting)
    workload = workload.replace('"INSERT INTO orders DEFAULT VALUES"', f'"{other}"\nwith = [1]')
    play = player(tmp_path, server, workload, first=AWAIT)
    try:
        play.build()
        with pytest.raises(LabError, match=rf"flows\['{failed}'\] failed on 2026-01-05"):
            play.play(1)
    finally:
        with psycopg.connect(server.url(), autocommit=True) as admin:
            admin.execute("DROP DATABASE IF EXISTS shop")


def test_a_pattern_that_matches_no_file_is_refused(tmp_path, server):
    workload = SMALL.replace("[instances.main]", '[instances.main]\nfiles = ["rolls.sql"]')
    with pytest.raises(LabError, match=r"no file is 'rolls\.sql'"):
        player(tmp_path, server, workload).build()


# -- marketplace: what is there


def test_days_are_reported_in_order_with_nobody_left_and_every_row_counted(marketplace):
    timetable = Timetable(marketplace.workload)
    seen = [(e.day, e.sessions, e.inserted["orders"]) for e in marketplace.evenings]
    assert seen == [
        (date(2026, 2, 16), 0, timetable.sizes(2)["order"]),
        (date(2026, 2, 17), 0, timetable.sizes(3)["order"]),
    ]


def test_every_statement_of_a_service_is_counted_and_none_of_the_player(marketplace):
    timetable = Timetable(marketplace.workload)
    sent: Counter[str] = Counter()
    for day, seen in enumerate(marketplace.evenings, start=1):
        for call in timetable.calls(day):
            login = marketplace.workload.sessions[call.service].login
            sent[login] += len(call.statements) + 2 * call.transaction
        assert seen.calls == sent


def test_thirteen_services_have_a_schema_and_a_port_each(marketplace):
    services = marketplace.estate.services
    assert [s.name for s in services] == SERVICES
    assert [s.schemas for s in services] == [(schema_of(name),) for name in SERVICES]
    ports = [s.attributes["port"] for s in services]
    assert ports == sorted(set(ports))
    assert (ports[0], ports[-1]) == (3001, 3014)
    schemas = marketplace.rows(
        "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
    )
    assert {name for (name,) in schemas} == {*map(schema_of, SERVICES), "legacy_import"}


def test_services_have_four_to_eight_tables_of_four_to_twelve_columns(marketplace):
    tables = marketplace.rows("""
        SELECT n.nspname, c.relname, count(*)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> '_prisma_migrations'
            AND n.nspname = ANY(%s)
        GROUP BY 1, 2""", [schema_of(name) for name in SERVICES])  # fmt: skip
    per_service = Counter(schema for schema, _, _ in tables)
    assert len(per_service) == len(SERVICES)
    assert all(4 <= count <= 8 for count in per_service.values()), per_service
    odd = [(schema, name) for schema, name, columns in tables if not 4 <= columns <= 12]
    assert odd == []


def test_the_six_views_and_no_others_read_across(marketplace):
    found: dict[tuple[str, str], set[str]] = {}
    for schema, view, read in marketplace.rows("""
        SELECT DISTINCT v.relnamespace::regnamespace::text, v.relname::text, t.relnamespace::regnamespace::text
        FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_class v ON v.oid = r.ev_class
        JOIN pg_class t ON t.oid = d.refobjid
        WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND t.oid <> v.oid
            AND v.relname NOT LIKE 'pg_stat_statements%' AND v.relnamespace::regnamespace::text !~ '^(pg_|information)'
    """):
        found.setdefault((schema, view), set()).add(read)
    assert found == VIEWS


def test_users_views_show_what_they_are_for(marketplace):
    columns: dict[str, set[str]] = {}
    for schema, column in marketplace.rows(
        "SELECT table_schema, column_name FROM information_schema.columns WHERE table_name = 'v_users'"
    ):
        columns.setdefault(schema, set()).add(column)
    assert columns["order_service"] == {"id", "email", "name"}
    assert columns["notification_service"] == {"id", "email"}


def test_content_and_search_have_logins_and_all_others_share_app(marketplace):
    logins = marketplace.rows(
        "SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname !~ '^pg_'"
    )
    assert {name for (name,) in logins} == {"postgres", "app", "content", "search", "workbench"}
    sessions = marketplace.workload.sessions
    assert {name: s.login for name, s in sessions.items() if s.login != "app"} == {
        "content": "content",
        "search": "search",
    }
    owners = marketplace.rows(
        "SELECT DISTINCT relnamespace::regnamespace::text, relowner::regrole::text FROM pg_class"
        " WHERE relkind IN ('r', 'p') AND relnamespace::regnamespace::text ~ '_service$'"
    )
    assert dict(owners) == {schema_of(n): s.login for n, s in sessions.items() if n != "monolith"}


def test_about_half_of_those_who_share_app_say_who_they_are(marketplace):
    sessions = marketplace.workload.sessions
    named = {n: s.application_name for n, s in sessions.items() if s.application_name}
    assert len(named) == 5
    assert all(sessions[name].login == "app" for name in named)
    actors = {
        a.service: a.application_name for a in marketplace.estate.actors if a.application_name
    }
    assert actors == named
    assert {a.service: a.login for a in marketplace.estate.actors if a.login} == {
        "content": "content",
        "search": "search",
    }
    log = marketplace.server.log.read_text()
    connected = set(re.findall(r"^(\w+)\|(.*)\|LOG:  disconnection", log, re.MULTILINE))
    logins = {s.login for s in sessions.values()}
    assert {(login, name) for login, name in connected if login in logins} == {
        (s.login, s.application_name or "[unknown]") for s in sessions.values()
    }


def test_platform_and_unowned_objects_stand_beside_the_services(marketplace):
    owner = marketplace.estate.owner
    assert owner("main", "hos_marketplace", "public", "_prisma_migrations").standing == "platform"
    assert owner("main", "hos_marketplace", "legacy_import", "raw_products").standing == "unowned"
    assert marketplace.value(
        "SELECT count(*) FROM pg_extension WHERE extname = 'pg_stat_statements'"
    )
    touched = marketplace.rows(
        "SELECT query FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid"
        " WHERE rolname IN ('app', 'content', 'search') AND query ~ 'legacy_import|_prisma_migrations'"
    )
    assert touched == []
    assert marketplace.value("SELECT count(*) FROM legacy_import.raw_products")
    assert marketplace.value("SELECT count(*) FROM public._prisma_migrations")


def test_the_tables_show_what_real_ones_have(marketplace):
    """TOAST that is in use, identity and uuid keys, enums, money as numeric, odd indexes, mixed case."""
    toasted = marketplace.rows(
        "SELECT c.relname FROM pg_class c WHERE pg_relation_size(c.reltoastrelid) > 0"
        " AND c.relnamespace::regnamespace::text ~ '_service$'"
    )
    assert {"payment_webhooks", "page_revisions", "saved_reports"} <= {n for (n,) in toasted}
    indexes = "SELECT count(*) FROM pg_index WHERE indrelid >= 16384 AND "
    assert marketplace.value(indexes + "indpred IS NOT NULL")
    assert marketplace.value(indexes + "indnkeyatts > 1 AND NOT indisprimary")
    money = marketplace.rows(
        "SELECT DISTINCT data_type FROM information_schema.columns WHERE table_schema ~ '_service$'"
        " AND column_name ~ '(amount|price|total|debit|credit|budget|revenue)$'"
    )
    assert money == [("numeric",)]
    columns = (
        "SELECT count(*) FROM information_schema.columns WHERE table_schema ~ '_service$' AND "
    )
    assert marketplace.value(columns + "identity_generation IS NOT NULL")
    assert marketplace.value(columns + "column_name = 'id' AND data_type = 'uuid'")
    assert marketplace.value(columns + "column_name <> lower(column_name)")
    assert marketplace.value(
        "SELECT count(*) FROM pg_type WHERE typtype = 'e' AND typnamespace >= 16384"
    )


def test_notifications_are_partitioned_by_month_and_purged(marketplace):
    """The leaves of a day follow from the flows that make and drop them."""
    leaves = "SELECT relid::regclass::text FROM pg_partition_tree('notification_service.notifications') WHERE isleaf"
    months = lambda names: [name[-7:] for (name,) in sorted(names)]  # noqa: E731
    assert months(marketplace.rows(leaves)) == ["2025_12", "2026_01", "2026_02"]
    workload = marketplace.workload
    flows = sorted((f for f in workload.flows if f.on), key=lambda flow: flow.on)
    with psycopg.connect(marketplace.server.url("hos_marketplace", "app")) as connection:
        for flow in flows:
            for statement in flow.statements:
                connection.execute(statement.sql)
        assert months(connection.execute(leaves)) == ["2026_01", "2026_02", "2026_03", "2026_04"]
        late = connection.execute(
            "INSERT INTO notification_service.notifications"
            " (id, user_id, template_id, channel, payload, created_at)"
            " VALUES (gen_random_uuid(), gen_random_uuid(), 1, 'email', '{}', %s)"
            " RETURNING tableoid::regclass::text",
            [workload.day(workload.days)],
        )
        assert late.fetchone() == ("notification_service.notifications_2026_03",)
        connection.rollback()
    (event,) = marketplace.estate.events
    assert (event.service, event.date) == ("notification", flows[-1].on[0])


# -- marketplace: the planted faults, and their clean twins


def test_the_only_foreign_key_across_is_payments_to_orders(marketplace):
    keys = marketplace.rows("""
        SELECT c.conrelid::regclass::text, c.confrelid::regclass::text
        FROM pg_constraint c JOIN pg_class a ON a.oid = c.conrelid JOIN pg_class b ON b.oid = c.confrelid
        WHERE c.contype = 'f' AND a.relnamespace <> b.relnamespace
    """)
    assert keys == [("payment_service.payments", "order_service.orders")]
    assert marketplace.value("SELECT count(*) FROM payment_service.reconciliations")


def test_orders_transaction_writes_inventory_and_its_twin_does_not(marketplace):
    """Rows written by one transaction carry its number."""
    together = "SELECT count(*) FROM inventory_service.stock_levels s WHERE EXISTS (SELECT FROM order_service.{} AND o.xmin = s.xmin)"
    assert marketplace.value(together.format("orders o WHERE true"))
    written = 'UPDATE "inventory_service"."stock_levels"'
    assert marketplace.value(
        "SELECT sum(calls) FROM pg_stat_statements WHERE starts_with(query, %s)", written
    ) == marketplace.planned(written)
    cancelled = "order_status_history o WHERE to_status = 'cancelled' AND from_status = 'placed'"
    assert marketplace.value(
        f"SELECT count(*) FROM order_service.{cancelled} AND changed_at >= '2026-02-16'"
    )
    assert not marketplace.value(together.format(cancelled))


def test_one_view_is_written_through_and_no_other_can_be(marketplace):
    calls = marketplace.value(
        "SELECT sum(calls) FROM pg_stat_statements WHERE query LIKE 'UPDATE order_service.v_users%'"
    )
    assert calls == marketplace.planned("UPDATE order_service.v_users")
    changed = marketplace.value(
        "SELECT count(*) FROM auth_service.users WHERE name = 'Renamed by order'"
    )
    assert 0 < changed <= calls
    for schema, view in VIEWS:
        change = f"UPDATE {schema}.{view} SET id = id WHERE false RETURNING 1"
        if (schema, view) == ("order_service", "v_users"):
            assert marketplace.rows(change, user="app") == []
        else:
            with pytest.raises(
                (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState)
            ):
                marketplace.rows(change, user="app")


def test_the_only_grants_across_are_searchs_reads_and_contents_unused_writes(marketplace):
    grants: dict[str, set[tuple[str, str]]] = {}
    for grantee, table, privilege in marketplace.rows("""
        SELECT a.grantee::regrole::text, c.oid::regclass::text, a.privilege_type
        FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.relnamespace::regnamespace::text ~ '_service$' AND a.grantee <> c.relowner
    """):
        grants.setdefault(grantee, set()).add((table, privilege))
    written = {"SELECT", "INSERT", "UPDATE", "DELETE"}
    assert grants.pop("content") == {
        (f"auth_service.{table}", privilege)
        for table in ("users", "user_roles")
        for privilege in written
    }
    search = grants.pop("search")
    assert {(table.partition(".")[0], privilege) for table, privilege in search} == {
        ("product_service", "SELECT")
    }
    assert grants == {"app": {("notification_service.v_users", "SELECT")}}
    contents = marketplace.rows(
        "SELECT query FROM pg_stat_statements WHERE userid = 'content'::regrole"
    )
    assert contents
    assert not [query for (query,) in contents if "auth_service" in query]
    assert marketplace.value("SELECT count(*) FROM auth_service.users", user="content")


def test_search_reads_product_directly_with_its_own_login(marketplace):
    readers = marketplace.rows("""
        SELECT userid::regrole::text, sum(calls) FROM pg_stat_statements
        WHERE query ~ 'product_variants WHERE product_id' AND query ~ '^SELECT sku' GROUP BY 1
    """)
    assert readers == [
        ("search", marketplace.planned("SELECT sku, name, price FROM product_service"))
    ]
    assert marketplace.value(
        "SELECT count(*) FROM pg_stat_statements WHERE userid = 'search'::regrole AND query ~ 'product_service'"
    ) == 3  # fmt: skip


def test_nothing_crosses_but_what_is_planted(marketplace):
    """Every statement stays in its service's schema, reads an agreed view of its own, or is marked as planted."""
    for flow in marketplace.workload.flows:
        session = marketplace.workload.sessions[flow.service]
        url = marketplace.server.url(session.database, session.login)
        options = f"-c search_path={session.search_path}" if session.search_path else None
        with psycopg.connect(url, options=options) as connection:
            for statement in flow.statements:
                if statement.sql.startswith(("DROP", "\nCREATE", "CREATE")):
                    continue
                schemas = {
                    connection.execute(
                        "SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = to_regclass(%s)",
                        [name],
                    ).fetchone()[0]
                    for name in referenced_relations(statement.sql)
                }
                leaves = schemas != {schema_of(flow.service)}
                writes_view = statement.sql.startswith("UPDATE order_service.v_")
                assert (leaves or writes_view) == bool(statement.planted), statement.sql


def test_the_planted_statements_are_these(marketplace):
    planted = {
        (flow.service, statement.planted)
        for flow in marketplace.workload.flows
        for statement in flow.statements
        if statement.planted
    }
    assert planted == {
        ("monolith", "the monolith reads product, seller and inventory"),
        ("monolith", "the monolith reads order and payment"),
        ("order", "order writes inventory's stock in its own transaction"),
        ("order", "order writes auth's users through its own view"),
        ("search", "search reads product's tables directly"),
    }


def test_a_second_build_on_the_same_server_is_refused(marketplace):
    with pytest.raises(LabError, match=r'roles\.sql.*role "app" already exists'):
        build("marketplace", marketplace.server, on_day=lambda day, built: None)
