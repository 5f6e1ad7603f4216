"""Shop: what was written of its ten databases holds on a server that was really built and played, and in its history."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

import workbench as wb
from workbench.estate import Estate, load_estate
from workbench.lab import Server, build, private_server
from workbench.lab.reference import estate_folder
from workbench.lab.timetable import Timetable
from workbench.lab.workload import Workload, load_workload
from workbench.present.statements import slow_statements
from workbench.share import reference_estate
from workbench.snapshot import load_history

TABLES = {
    "auth": "users roles user_roles refresh_tokens password_reset_tokens email_verification_tokens security_audit_logs rate_limits",
    "user": "user_profiles addresses payment_methods user_preferences wishlist_items event_logs",
    "product": "products categories product_categories product_variants product_images inventory reviews product_tags",
    "order": "orders order_items order_status_history shipping_addresses order_notes",
    "payment": "payments payment_transactions refunds payment_methods payment_webhooks",
    "notification": "notifications email_templates notification_preferences notification_logs",
    "cart": "carts cart_items",
    "discount": "coupons coupon_usage promotions promotion_rules promotion_usage",
    "shipping": "shipping_zones shipping_methods shipping_rates shipments shipment_tracking carriers",
    "return": "return_requests return_items return_authorizations return_status_history return_tracking refunds",
}
EXTERNAL = {"analytics", "recommendation", "search"}
MEANT = {  # the map names services; this is what their data is known by
    "auth": "auth.users.id",
    "user": "user.user_profiles.user_id",
    "product": "product.products.id",
    "order": "order.orders.id",
    "payment": "payment.payments.id",
    "cart": "cart.carts.id",
    "discount": "discount.coupons.code",
}
EXPECTED = json.loads((Path(__file__).parent / "expected" / "shop_references.json").read_text())
REFERENCES, INSIDE = EXPECTED["references"], EXPECTED["inside"]
COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
"""
PARTITIONED = """
    SELECT c.relname, pg_get_partkeydef(c.oid), array_agg(pg_get_expr(p.relpartbound, p.oid) ORDER BY p.relname)
    FROM pg_partitioned_table t JOIN pg_class c ON c.oid = t.partrelid
    JOIN pg_inherits i ON i.inhparent = c.oid JOIN pg_class p ON p.oid = i.inhrelid
    WHERE c.relkind = 'p' GROUP BY 1, 2
"""


@dataclass(frozen=True)
class Shop:
    """The estate, built and played for a day."""

    server: Server
    workload: Workload
    estate: Estate

    def rows(self, service: str, query: str, user: str = "postgres") -> list[tuple]:
        with psycopg.connect(self.server.url(f"{service}_db", user), autocommit=True) as connection:
            return connection.execute(query).fetchall()

    def everywhere(self, query: str) -> dict[str, list[tuple]]:
        return {service: self.rows(service, query) for service in TABLES}

    def values(self, column: str) -> set[str]:
        """All values of ``SERVICE.TABLE.COLUMN``."""
        service, table, name = column.split(".")
        with psycopg.connect(self.server.url(f"{service}_db")) as connection:
            query = SQL("SELECT DISTINCT {0} FROM {1} WHERE {0} IS NOT NULL")
            rows = connection.execute(query.format(Identifier(name), Identifier(table)))
            return {value for (value,) in rows}

    def scanned(self, flow: str) -> int:
        """How many partitions the first statement of a flow scans, with the parameters it has on the first day."""
        call = next(c for c in Timetable(self.workload).calls(1) if c.flow == flow)
        sql, parameters = call.statements[0]
        url = self.server.url(self.workload.sessions[call.service].database)
        with psycopg.connect(url, cursor_factory=psycopg.RawCursor) as connection:
            plan = [line for (line,) in connection.execute(f"EXPLAIN {sql}", parameters)]
        return len(
            {
                m[1]
                for line in plan
                if (m := re.search(r"(?:Seq|Index|Heap) .*on (\w+_\d+)\b", line))
            }
        )


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with private_server(settings={"autovacuum_naptime": "1d"}) as server:
        built = build("shop", server, on_day=lambda day, built: None, days=1)
        yield Shop(server, load_workload(built.folder), load_estate(built.folder, built.environ))


# -- the files


@pytest.fixture(scope="module")
def estate() -> Estate:
    return load_estate(estate_folder("shop"))


def test_ten_services_own_a_database_each_and_three_are_kept_elsewhere(estate):
    ours = {s.name: s for s in estate.services if not s.external}
    assert list(ours) == list(TABLES)
    for name, service in ours.items():
        assert (service.database, service.whole, service.schemas) == (f"{name}_db", True, ())
    assert {s.name for s in estate.services if s.external} == EXTERNAL
    assert len(estate.instances) == 1


def test_the_written_map_is_declared_line_by_line(estate):
    declared = [
        (".".join((r.source.service, r.source.table, *r.source.columns)), r.target.service)
        for r in estate.references
    ]
    assert declared == [(r["from"], r["to"]) for r in REFERENCES if r["settled_by"] == "map"]
    assert len(declared) == 12
    assert all(r.target.table is None for r in estate.references)
    natural = [r.source.columns for r in estate.references if r.shape == "natural_key"]
    assert natural == [("coupon_code",)]


def test_pools_backups_and_the_slow_statement_are_as_written(estate):
    """The database without a declared backup is the planted one: there it is unknown."""
    ours = [s for s in estate.services if not s.external]
    assert {(s.connection_limit, s.pool_timeout) for s in ours} == {(100, 10)}
    backups = {s.name: s.attributes.get("backup") for s in ours}
    assert backups.pop("cart") is None
    agreed = {"full": "daily", "incremental": "hourly", "point_in_time": True, "cross_region": True}
    agreed |= {"kept_days": 30, "kept_weeks": 12, "kept_months": 12}
    assert all(backup == agreed for backup in backups.values())
    slow, pool = estate.thresholds
    assert (pool.metric, pool.service, pool.hard) == ("active_sessions", None, 100)
    assert (slow.metric, slow.service, slow.hard, slow.unit) == ("latency", None, 1, "s")


def test_columns_declared_as_hashed_or_encrypted_are_there(shop):
    for service in shop.estate.services:
        if service.external:
            continue
        there = {f"{t}.{c}": kind for t, c, kind in shop.rows(service.name, COLUMNS)}
        assert {there[name] for name in service.attributes.get("hashed", ())} <= {"text"}
        assert {there[name] for name in service.attributes.get("encrypted", ())} <= {"bytea"}


# -- what is built


def test_every_database_holds_its_tables_of_four_to_twelve_columns(shop):
    for service, rows in shop.everywhere(COLUMNS).items():
        platform = {"pg_stat_statements", "pg_stat_statements_info"}
        tables = [table for table, _, _ in rows if table not in platform]
        assert set(tables) == set(TABLES[service].split())
        assert all(4 <= tables.count(table) <= 12 for table in tables)
        for table in tables:
            owner = shop.estate.owner("main", f"{service}_db", "public", table)
            assert owner.service == service


def test_two_tables_have_a_namesake(shop):
    owners: dict[str, list[str]] = {}
    for service, rows in shop.everywhere("SELECT relname FROM pg_stat_user_tables").items():
        for (table,) in rows:
            owners.setdefault(table, []).append(service)
    assert {table: names for table, names in owners.items() if len(names) > 1} == {
        "refunds": ["payment", "return"],
        "payment_methods": ["user", "payment"],
    }


def test_ids_are_strings_every_table_has_a_key_and_none_is_foreign(shop):
    others = {
        f"{service}.{table}.{column}": kind
        for service, rows in shop.everywhere(COLUMNS).items()
        for table, column, kind in rows
        if (column == "id" or column.endswith("_id")) and kind != "character varying(36)"
    }
    assert others == {"payment.payments.gateway_transaction_id": "text"}
    keys = "SELECT count(*) FROM pg_constraint WHERE contype = 'f'"
    assert shop.everywhere(keys) == {service: [(0,)] for service in TABLES}
    keyless = """
        SELECT relname FROM pg_class c WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
            AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)"""
    assert shop.everywhere(keyless) == {service: [] for service in TABLES}


def test_no_column_looks_like_a_reference_but_those_that_are_listed(shop):
    """The map, what it omits, what stays inside a service, and what must not be drawn: and nothing else."""
    found = {
        f"{service}.{table}.{column}"
        for service, rows in shop.everywhere(COLUMNS).items()
        for table, column, _ in rows
        if column.endswith(("_id", "_code", "_ids", "_by", "_number"))
    }
    harmless = {"country_code", "postal_code", "order_number", "rma_number"}
    listed = [r["from"] for r in (*REFERENCES, *INSIDE)] + EXPECTED["not_drawn"]
    assert {name for name in found if name.split(".")[-1] not in harmless} == set(listed)
    assert len(listed) == len(set(listed)) == 12 + 18 + 38 + 4


def test_what_is_inside_stays_inside_and_all_else_crosses():
    assert all(r["from"].split(".")[0] == r["to"].split(".")[0] for r in INSIDE)
    assert all(r["from"].split(".")[0] != r["to"].split(".")[0] for r in REFERENCES)
    assert [r["settled_by"] for r in REFERENCES].count("inference") == 18


def test_every_reference_holds_in_the_data(shop):
    """Also after a day of writing: each value of the column is one of the column it refers to."""
    seen: dict[str, set[str]] = {}
    for reference in (*REFERENCES, *INSIDE):
        target = MEANT.get(reference["to"], reference["to"])
        values = shop.values(reference["from"])
        known = seen.setdefault(target, shop.values(target))
        assert values, reference
        assert values <= known, reference


def test_what_must_not_be_drawn_holds_no_key_of_any_table(shop):
    keys = {
        value
        for service, rows in shop.everywhere(COLUMNS).items()
        for table, column, _ in rows
        if column == "id"
        for value in shop.values(f"{service}.{table}.id")
    }
    for column in EXPECTED["not_drawn"]:
        values = shop.values(column)
        assert values
        assert not values & keys, column


def test_each_service_has_a_login_that_may_enter_its_database_alone(shop):
    may = shop.rows(
        "auth",
        "SELECT rolname, array_agg(datname::text) FROM pg_roles, pg_database"
        " WHERE rolcanlogin AND NOT rolsuper AND NOT datistemplate AND datname <> 'postgres'"
        " AND has_database_privilege(pg_roles.oid, pg_database.oid, 'CONNECT') GROUP BY 1",
    )
    entered = {login: sorted(names) for login, names in may}
    assert entered.pop("workbench") == sorted(f"{service}_db" for service in TABLES)
    assert entered == {f"{service}_service": [f"{service}_db"] for service in TABLES}
    assert {a.service: a.login for a in shop.estate.actors} == {
        service: f"{service}_service" for service in TABLES
    }
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        shop.rows("order", "SELECT 1", user="cart_service")


def test_the_statements_of_a_service_run_under_its_login(shop):
    counted = shop.rows(
        "auth",
        "SELECT userid::regrole::text, datname, sum(calls) FROM pg_stat_statements JOIN pg_database ON oid = dbid"
        " WHERE userid::regrole::text ~ '_service$' GROUP BY 1, 2",
    )
    sent: dict[tuple[str, str], int] = {}
    for call in Timetable(shop.workload).calls(1):
        session = shop.workload.sessions[call.service]
        at = (session.login, session.database)
        sent[at] = sent.get(at, 0) + len(call.statements) + 2 * call.transaction
    assert {(login, database): calls for login, database, calls in counted} == sent


# -- the design rules: kept here, broken there


def test_partitions_are_as_the_rules_say_for_two_tables_and_not_for_three(shop):
    found = {
        table: (key, bounds) for rows in shop.everywhere(PARTITIONED).values() for table, key, bounds in rows
    }  # fmt: skip
    assert set(found) == {"security_audit_logs", "notifications", "payments"}
    key, bounds = found["payments"]
    assert (key, len(bounds)) == ("HASH (order_id)", 4)
    for table, months in (("notifications", 1), ("security_audit_logs", 12)):
        key, bounds = found[table]
        assert key == "RANGE (created_at)"
        for bound in bounds:
            (y1, m1), (y2, m2) = (map(int, part[:7].split("-")) for part in bound.split("'")[1::2])
            assert 12 * (y2 - y1) + m2 - m1 == months


def test_rows_fall_into_the_partitions(shop):
    months = "SELECT tableoid::regclass::text, count(*) FROM notifications GROUP BY 1"
    assert {name[-7:] for name, _ in shop.rows("notification", months)} == {
        *("2025_12", "2026_01", "2026_02")
    }
    parts = shop.rows(
        "payment", "SELECT tableoid::regclass::text, count(*) FROM payments GROUP BY 1"
    )
    assert len(parts) == 4


@pytest.mark.parametrize(
    ("flow", "partitions"),
    [
        ("show how an order was paid", 1),
        ("capture a payment", 4),
        ("show what is new", 2),  # the last fourteen days, and all that is to come
        ("send a notification", 4),
    ],
)
def test_statements_without_the_key_look_into_every_partition(shop, flow, partitions):
    assert shop.scanned(flow) == partitions


def test_one_wished_index_is_there_and_the_other_lacks_its_condition(shop):
    query = "SELECT pg_get_indexdef('{}'::regclass)"
    ((orders,),) = shop.rows("order", query.format("idx_orders_user_status"))
    ((users,),) = shop.rows("auth", query.format("idx_users_active"))
    assert orders.endswith("(user_id, status)")
    assert users.endswith("(email)")
    assert "WHERE" not in users


def test_support_reads_whole_profiles_and_of_addresses_what_it_needs(shop):
    grants = """
        SELECT c.relname, NULL, a.grantee::regrole::text, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.relnamespace = 'public'::regnamespace AND a.grantee <> c.relowner AND c.relname NOT LIKE 'pg_stat%'
        UNION ALL
        SELECT c.relname, t.attname, a.grantee::regrole::text, a.privilege_type
        FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a
        WHERE c.relnamespace = 'public'::regnamespace"""
    found = {service: rows for service, rows in shop.everywhere(grants).items() if rows}
    assert set(found) == {"user"}
    needed = {"id", "user_id", "kind", "postal_code", "country_code"}
    assert set(found["user"]) == {("user_profiles", None, "support", "SELECT")} | {
        ("addresses", column, "support", "SELECT") for column in needed
    }


def test_one_token_is_kept_as_it_is_and_its_twins_are_not(shop):
    columns = {(t, c): kind for t, c, kind in shop.rows("auth", COLUMNS) if "token" in c}
    declared = shop.estate.service("auth").attributes
    kept = {f"{t}.{c}" for t, c in columns} - {*declared["hashed"], *declared["encrypted"]}
    assert kept == {"password_reset_tokens.token", "refresh_tokens.token_id"}


# -- the recorded history


@pytest.fixture(scope="module")
def bench():
    return wb.open_bench(reference_estate("shop"))


def test_the_recorded_history_is_every_day_in_less_than_two_megabytes():
    folder = reference_estate("shop") / "history"
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < 2_000_000
    history, workload = load_history(folder), load_workload(estate_folder("shop"))
    days = [snapshot.at.date() for snapshot in history.snapshots]
    assert days == [workload.day(number) for number in range(1, workload.days + 1)]
    assert {day.month for day in days} == {2, 3}


def test_the_history_holds_all_databases_and_only_the_orders_of_the_timetable(bench):
    newest = bench.history.newest
    columns = newest.frame("columns", "database")
    assert set(columns["database"]) >= {f"{service}_db" for service in TABLES}
    workload = load_workload(estate_folder("shop"))
    rows = newest.frame("table_statistics", "database", "relation_oid", "n_live_tup")
    names = newest.frame("relations", "database", "oid", "relation")
    named = rows.merge(
        names, left_on=["database", "relation_oid"], right_on=["database", "oid"]
    ).set_index(["database", "relation"])["n_live_tup"]
    sizes = Timetable(workload).sizes(workload.days + 1)
    assert named[("order_db", "orders")] == sizes["order"]
    assert named[("cart_db", "carts")] == sizes["cart"]


def test_nothing_leaves_its_service_and_product_alone_is_slow(bench):
    """Databases are walls: no statement, transaction or grant crosses. One statement takes over a second."""
    load = bench.workload
    assert load.crossings == ()
    services = load.services.set_index("service")
    assert set(services.index) == set(TABLES)
    assert dict(services["slow"][services["slow"] > 0]) == {"product": 1}
    texts = bench.history.newest.frame("statements", "queryid", "mean_exec_time").merge(
        bench.history.newest.frame("statement_texts", "queryid", "query"), on="queryid"
    )
    slow = texts[texts["mean_exec_time"] > 1000]["query"].unique()
    assert len(slow) == 1
    assert "b.product_id > a.product_id" in slow[0]


def test_the_page_shows_the_slow_statement_beside_its_limit(bench):
    shown = slow_statements(bench)
    assert shown.frame[["touched", "limit"]].to_numpy().tolist() == [["product", 1000.0]]
    assert "product_tags" in shown._repr_html_()


def test_product_is_read_far_more_than_written(bench):
    services = bench.workload.services.set_index("service")
    reads = services["read_calls"] / (services["read_calls"] + services["write_calls"])
    assert reads["product"] > 0.8
    assert reads["notification"] < 0.8


@pytest.mark.parametrize(
    ("command", "payload"), [("capacity", "capacity"), ("workload", "services")]
)
def test_commands_name_every_service_and_no_external_one(command, payload):
    arguments = [command, "--estate", str(reference_estate("shop")), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "workbench.cli", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    named = {row["service"] for row in found[payload] if row["service"]}
    assert named == set(TABLES)
    assert found["coverage"]["instances"] == {"reached": ["main"], "unreached": []}
