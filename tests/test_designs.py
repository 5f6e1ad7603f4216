"""What was designed is held against what is there: on the shop's recorded days, and on a server's own partitions."""

import json
import secrets

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

import workbench as wb
from test_workload_page import ALLOWED, Tags
from workbench.collect import collect
from workbench.decide.designs import TOPICS, Answer, designs
from workbench.decide.designs.keys import EQUAL, WITHIN, Key, carries
from workbench.decide.designs.servers import Servers
from workbench.decide.evidence import Evidence
from workbench.errors import EstateError
from workbench.estate import load_estate
from workbench.estate.resolve import estate_from_text
from workbench.lab import private_server
from workbench.present.bench import Bench
from workbench.present.designs import designed
from workbench.share import reference_estate
from workbench.snapshot import History, load_history
from workbench.sql import read_statement

PARTITIONED = {
    "auth.security_audit_logs": "not met",
    "notification.notifications": "met",
    "order.order_status_history": "not met",
    "order.orders": "not met",
    "payment.payments": "met",
}
BY_MONTH = ("auth.security_audit_logs", "notification.notifications")


@pytest.fixture(scope="module")
def bench():
    return wb.open_bench(reference_estate("shop"))


@pytest.fixture(scope="module")
def found(bench):
    return designs(bench)


def by_table(found):
    names = {f"{a.service}.{a.subject.removeprefix('public.')}": a for a in found.of("partition")}
    assert len(names) == len(found.of("partition"))
    return names


def figures(answer):
    return {f.name: f.value for f in answer.figures}


# -- the shop


def test_every_answer_says_what_to_do_next_unless_it_is_met(found):
    assert {a.topic for a in found.answers} == set(TOPICS)
    for answer in found.answers:
        assert answer.state in ("met", "not met", "unknown")
        assert answer.because
        assert (answer.next_step is None) == (answer.state == "met")
    with pytest.raises(ValueError, match="next step"):
        Answer("pool", "unknown", "main", "w", "nobody looked")


def test_partitions_are_as_the_ddl_has_them(bench, found):
    answers = by_table(found)
    assert set(answers) == set(PARTITIONED)
    spans = bench.history.newest.frame("partition_bounds", "span_days")["span_days"]
    for name, state in PARTITIONED.items():
        unread = name in BY_MONTH and spans.isna().all()  # days recorded before spans were read
        assert answers[name].state == ("unknown" if unread else state), name


def test_what_is_in_the_way_are_the_keys_that_lack_the_partition_key(found):
    answers = by_table(found)
    told = answers["order.orders"].in_the_way
    assert [w.split(" lacks")[0] for w in told] == [
        "primary key orders_pkey (id)",
        "unique constraint orders_order_number_key (order_number)",
    ]
    (only,) = answers["order.order_status_history"].in_the_way
    assert "(id) lacks created_at" in only
    assert not answers["payment.payments"].in_the_way


def test_rows_of_partitions_add_up_and_those_to_come_follow_growth(bench, found):
    answers = by_table(found)
    rows = bench.capacity.relations.set_index(["service", "table"])
    held = figures(answers["payment.payments"])
    whole = rows.loc[("payment", "payments"), "rows"]
    assert held["rows"].low == whole
    part = held["rows a partition"]
    assert part.low <= whole / 4 <= part.high
    a_day = rows.loc[("order", "order_status_history"), "rows_per_day"]
    to_come = figures(answers["order.order_status_history"])["rows a partition"]
    assert 28 * a_day < to_come.low == to_come.high < 31 * a_day
    unsaid = {f.name: f for f in answers["order.orders"].figures}["rows a partition"]
    assert unsaid.value is None
    assert "partitions = N" in unsaid.because


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("payment.payments", r"INSERT INTO payments\b|order_id\s*=\s*\$"),
        ("order.orders", r"INSERT INTO orders\b|user_id\s*=\s*\$"),
        ("notification.notifications", r"INSERT INTO notifications\b|created_at\s*[<>=]+"),
    ],
)
def test_the_share_with_the_key_is_that_of_the_texts(bench, found, name, pattern):
    service, table = name.split(".")
    entries = bench.workload.attributed.entries
    mine = entries[
        (entries["datname"] == f"{service}_db")
        & entries["query"].str.contains(rf"\b(?:FROM|INTO|JOIN|UPDATE) {table}\b", regex=True)
    ]
    mine = mine[mine["rung"] != "workbench"]
    calls = mine.groupby(mine["query"].str.contains(pattern, regex=True))["calls"].sum()
    share = figures(by_table(found)[name])["calls with the key"]
    assert 0 < calls[True] < calls.sum()
    assert share.low == share.high == pytest.approx(calls[True] / calls.sum())


def test_tables_without_the_shard_key_are_those_without_the_column(bench, found):
    newest = bench.history.newest
    columns = newest.frame("columns", "relation_oid", "attname")
    held = columns[columns["attname"] == "user_id"].merge(
        newest.frame("relations", "oid", "relation", "root_oid"),
        left_on=["instance", "database", "relation_oid"],
        right_on=["instance", "database", "oid"],
    )
    with_key = set(zip(held["database"], held["relation"], strict=True))
    with_key.add(("auth_db", "users"))  # its id is what user_id refers to
    roots = bench.capacity.relations
    tables = roots[roots["kind"].isin(["r", "p"]) & roots["service"].ne("")]
    assert len(found.of("shard key")) == 10
    for answer in found.of("shard key"):
        mine = tables[tables["service"] == answer.service]
        lacking = {t for d, t in zip(mine["database"], mine["table"], strict=True)
                   if (d, t) not in with_key}  # fmt: skip
        told = {w.split(" lacks ")[0].removeprefix("public.") for w in answer.in_the_way}
        assert told == lacking, answer.service
        share = figures(answer)["calls with the key"]
        assert 0 <= share.low <= share.high <= 1
        assert (share.high == 0) == (answer.service == "shipping")


def test_one_index_is_there_and_the_other_holds_everybody(found):
    states = {a.subject: a for a in found.of("index")}
    assert states["idx_orders_user_status"].state == "met"
    other = states["idx_users_active"]
    assert (other.state, other.because) == ("not met", "it is different: (email)")
    assert "WHERE is_active" in other.next_step


def test_one_statement_is_slow_and_its_figures_are_those_of_the_window(bench, found):
    (slow,) = [a for a in found.of("slow statements") if a.state != "met"]
    assert (slow.service, slow.state) == ("product", "not met")
    assert "b.product_id > a.product_id" in slow.sql
    entries = bench.workload.attributed.entries
    (row,) = entries[entries["mean_exec_time"] > 1000].to_dict("records")
    held = figures(slow)
    assert held["mean time"].low == row["mean_exec_time"] <= held["longest call"].low
    assert held["calls a day"].low == pytest.approx(row["calls"] / 7)
    assert 0.5 < held["share of time"].low < 1
    assert len(found.of("slow statements")) == 10


def test_ten_pools_of_a_hundred_do_not_fit(found):
    (pool,) = found.of("pool")
    assert pool.state == "not met"
    held = figures(pool)
    assert (held["declared connections"].low, held["room"].low) == (1000, 97)
    assert held["most seen at a look"].low >= 1


def test_a_backup_is_never_called_fine_because_somebody_wrote_it_down(found):
    server, *declared = found.of("backup")
    assert (server.instance, server.service, server.state) == ("main", None, "not met")
    assert "archive_mode = off" in server.because
    assert {a.state for a in declared} == {"unknown"}
    assert [a.service for a in declared if a.wished == "nothing is written"] == ["cart"]
    assert "kept 30 days, 12 weeks, 12 months" in found.of("backup", "order")[0].wished


def test_a_replica_is_needed_where_a_service_reads_more_than_half_of_what_there_is(found):
    assert {a.state for a in found.of("replica")} == {"met"}
    folder = reference_estate("shop")
    text = (folder / "estate.toml").read_text().replace("vcpus = 2", "vcpus = 0.2")
    small = load_history(folder / "history", estate_from_text(text))
    needed = {a.service: a for a in replicas(small) if a.state != "met"}
    assert set(needed) == {"product"}
    assert needed["product"].state == "not met"
    assert "main has none" in needed["product"].because
    undeclared = text.replace("vcpus = 0.2, ", "")
    blind = load_history(folder / "history", estate_from_text(undeclared))
    last = History(blind.estate, blind.snapshots[-1:])
    assert {a.state for a in replicas(last)} == {"unknown"}


def replicas(history):
    return [a for a in Servers(Evidence(history)).answers() if a.topic == "replica"]


def test_the_document_is_the_same_each_time_and_holds_no_number_that_is_none(found, bench):
    again = designs(bench).to_json()
    assert json.dumps(again) == json.dumps(found.to_json(), allow_nan=False)
    for row in again:
        for figure in row["figures"]:
            assert figure["value"] is not None or figure["because"]


def test_the_page_tells_each_topic_once_and_stays_text(bench, found):
    told = designed(bench)
    partitions, shards, slow, rest = told.tables
    assert len(partitions.frame) == 5
    assert set(shards.frame["service"]) == {s.name for s in bench.estate.services if not s.external}
    assert slow.frame["service"].tolist() == ["product"]
    assert list(rest.frame["state"]).count("met") >= 3
    page = told._repr_html_()
    assert "&#x27;it is not" not in page
    assert "it is not partitioned<br>" in page
    tags = Tags(page)
    assert tags.open == []
    assert tags.seen <= ALLOWED | {"b", "p"}
    assert "Sharded by user_id" in repr(told)


def test_an_estate_that_designed_nothing_is_told_of_its_servers():
    days = load_history(reference_estate("hauspet-small") / "history")
    told = designed(Bench(History(days.estate, days.snapshots[-1:])))
    assert {a.topic for a in told.answers} == {"slow statements", "pool", "replica", "backup"}
    assert [table.caption for table in told.tables] == ["Indexes and servers"]


# -- what a statement carries

ORDERS = Key("public", frozenset({"orders", "orders_1"}), ("user_id",), EQUAL)
LOGS = Key("public", frozenset({"logs"}), ("at",), WITHIN)


@pytest.mark.parametrize(
    ("text", "key", "told"),
    [
        ("SELECT 1 FROM public.orders_1 WHERE user_id IN ($1, $2)", ORDERS, "yes"),
        ("UPDATE orders SET status = $1 WHERE user_id = $2 AND id = $3", ORDERS, "yes"),
        ("DELETE FROM orders WHERE user_id > $1", ORDERS, "no"),
        ("SELECT 1 FROM orders o JOIN carts c ON c.user_id = o.user_id", ORDERS, "maybe"),
        (
            "SELECT 1 FROM orders a JOIN orders b ON a.id = b.id WHERE a.user_id = $1",
            ORDERS,
            "maybe",
        ),
        ("SELECT 1 FROM orders WHERE NOT (user_id = $1)", ORDERS, "maybe"),
        ("SELECT count(*) FILTER (WHERE user_id = $1) FROM orders", ORDERS, "no"),
        ("INSERT INTO orders SELECT * FROM orders", ORDERS, "maybe"),
        ("SELECT 1 FROM orders WHERE (", ORDERS, "maybe"),
        ("SELECT 1 FROM other.orders WHERE user_id = $1", ORDERS, "maybe"),
        ("SELECT 1 FROM logs WHERE at >= $1 - interval '1 day'", LOGS, "yes"),
        ("SELECT 1 FROM logs WHERE id = $1 ORDER BY at", LOGS, "no"),
    ],
)
def test_a_statement_carries_a_key(text, key, told):
    assert carries(read_statement(text), text, key) == told


# -- a server

DDL = """
CREATE SCHEMA flow;
CREATE TABLE flow.monthly (at timestamptz, id int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE flow.monthly_1 PARTITION OF flow.monthly FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE flow.monthly_2 PARTITION OF flow.monthly FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE TABLE flow.monthly_rest PARTITION OF flow.monthly DEFAULT;
CREATE TABLE flow.yearly (at date, id int) PARTITION BY RANGE (at);
CREATE TABLE flow.yearly_1 PARTITION OF flow.yearly FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE flow.hashed (id int, user_id int, PRIMARY KEY (id, user_id)) PARTITION BY HASH (user_id);
CREATE TABLE flow.hashed_0 PARTITION OF flow.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE flow.hashed_1 PARTITION OF flow.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE flow.hashed_otherwise (id int, user_id int) PARTITION BY HASH (id);
CREATE TABLE flow.plain (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id int, status text, active bool);
CREATE TABLE flow.child (plain_id int REFERENCES flow.plain);
CREATE TABLE flow.doubtful (made timestamptz, sent timestamptz);
CREATE UNIQUE INDEX plain_status ON flow.plain (status);
CREATE INDEX plain_other ON flow.plain (user_id, status);
CREATE INDEX plain_active ON flow.plain (user_id) WHERE active;
CREATE INDEX plain_open ON flow.plain (user_id) WHERE status = 'open';
INSERT INTO flow.hashed SELECT i, i % 50 FROM generate_series(1, 1000) AS i;
INSERT INTO flow.plain (user_id, status) SELECT i, i FROM generate_series(1, 100) AS i;
ANALYZE;
"""
ESTATE = """
[instances.main]
url = "URL"
[services.flow]
schemas = ["flow"]
"""
WISHES = [
    ("monthly", 'partition = "month"', "met"),
    ("yearly", 'partition = "month(at)"', "not met"),
    ("hashed", 'partition = "hash(user_id)"\npartitions = 2', "met"),
    ("hashed_otherwise", 'partition = "hash(user_id)"', "not met"),
    ("plain", 'partition = "hash(user_id)"\npartitions = 4', "not met"),
    ("doubtful", 'partition = "day"', "unknown"),
    ("hased", 'partition = "hash(user_id)"', "unknown"),
    ("child", 'partition = "hash(user_id)"', "not met"),
    ("plain", 'index = "by_user"\non = ["user_id", "status"]', "met"),
    ("plain", 'index = "plain_active"\non = ["user_id"]\nwhere = "active = true"', "met"),
    ("plain", 'index = "plain_open"\non = ["user_id"]\nwhere = "status = \'open\'"', "unknown"),
    ("plain", 'index = "plain_status"\non = ["status"]\nwhere = "active"', "not met"),
    ("plain", 'index = "none"\non = ["active"]', "not met"),
]


@pytest.fixture(scope="module")
def apart():
    """A server of this file's own: what other tests ran would leave shares of calls open."""
    with private_server() as server:
        yield server


@pytest.fixture(scope="module")
def live(apart, tmp_path_factory):
    """A small database with partitions of each kind, whose statements are counted."""
    server = apart
    name = f"test_{secrets.token_hex(6)}"
    text = ESTATE.replace("URL", server.url(name)) + "\n".join(
        f'[[designs]]\ntable = "flow.{table}"\n{wish}' for table, wish, _ in WISHES
    )
    folder = tmp_path_factory.mktemp("designed")
    (folder / "estate.toml").write_text(text)
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        try:
            with psycopg.connect(server.url(name), autocommit=True) as connection:
                connection.execute("CREATE EXTENSION pg_stat_statements")
                connection.execute(DDL)
                for number in range(3):
                    connection.execute("SELECT id FROM flow.hashed WHERE user_id = %s", [number])
                connection.execute("SELECT user_id FROM flow.hashed WHERE id = 5")
                connection.execute("SELECT * FROM flow.hashed WHERE user_id = 5 OR id = 6")
            snapshot = collect(load_estate(folder))
        finally:
            admin.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))
    return designs(History(snapshot.estate, (snapshot,)))


def test_the_catalogue_tells_whether_a_table_is_divided_as_designed(live):
    made = {(a.subject.removeprefix("flow."), a.wished): a for a in live.of("partition")}
    states = {table: a.state for (table, _), a in made.items()}
    assert states == {t: s for t, w, s in WISHES if w.startswith("partition")}
    told = {table: a.because for (table, _), a in made.items()}
    assert "a month each, in 2" in told["monthly"]
    assert "1 of 1 are 365 days long" in told["yearly"]
    assert told["hashed_otherwise"].startswith("it is partitioned by hash(id)")
    assert "made, sent" in told["doubtful"]
    assert "nearest valid: 'hashed'" in told["hased"]
    assert "has no column user_id" in told["child"]


def test_a_table_that_is_not_divided_says_what_is_in_the_way(live, apart):
    (plain,) = [a for a in live.of("partition") if a.subject == "flow.plain"]
    told = " / ".join(plain.in_the_way)
    for part in ("primary key plain_pkey (id)", "unique index plain_status",
                 "foreign key child_plain_id_fkey of flow.child"):  # fmt: skip
        assert part in told
    assert ("identity column id" in told) == (apart.version[0] < 17)
    assert figures(plain)["rows a partition"] == (25, 25)


def test_the_share_of_calls_leaves_open_what_stands_under_or(live):
    (hashed,) = [a for a in live.of("partition") if a.subject == "flow.hashed"]
    share = figures(hashed)["calls with the key"]
    assert (share.low, share.high) == pytest.approx((4 / 6, 5 / 6))
    rows = figures(hashed)["rows a partition"]
    assert figures(hashed)["rows"].low == 1000
    assert 0 < rows.low <= 500 <= rows.high < 1000


def test_indexes_are_compared_by_what_they_hold_and_not_by_name(live):
    states = [(a.subject, a.state) for a in live.of("index")]
    wished = [(w.split('"')[1], s) for _, w, s in WISHES if w.startswith("index")]
    assert sorted(states) == sorted(wished)
    told = {a.subject: a.because for a in live.of("index")}
    assert told["by_user"] == "it is there under the name plain_other"
    assert "constants are taken out" in told["plain_open"]


# -- the estate file


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ('table = "flw.a"\npartition = "month"', "table: no service is called 'flw'; nearest valid: 'flow'"),
        ('table = "flow.a"\npartition = "mnth"', "partition: is no way to divide a table; write"),
        ('table = "flow.a"\npartition = "month(a, b)"', "partition: is no way to divide a table"),
        ('table = "a"\nindex = "i"\non = ["b"]', 'table: must be "SERVICE.TABLE"'),
        ('table = "flow.a"\nindex = "i"', "on: belongs to an index; write on"),
        ('table = "flow.a"', "write exactly one of partition, index and shard_key"),
        ('partition = "month"', "table: is missing"),
        ('table = "flow.a"\nshard_key = "b"', "table: stands for all services"),
        ('table = "flow.a"\npartition = "month"\npartitions = 3', "partitions: counts the parts of a hash"),
        ('table = "flow.a"\npartition = "month"\nwhere = "x"', "where: belongs to an index"),
        ('shard_key = "a"\n[[designs]]\nshard_key = "b"', "shard_key: is said at"),
        ('shard_key = "a"\nindexes = ["b"]', "indexes: unknown key; nearest valid: 'index'"),
    ],
)  # fmt: skip
def test_a_design_that_cannot_be_meant_is_refused_with_the_way_out(lines, fault):
    text = ESTATE.replace("URL", "postgresql://db/app") + f"[[designs]]\n{lines}\n"
    with pytest.raises(EstateError) as refused:
        estate_from_text(text)
    assert fault in str(refused.value)


def test_a_table_can_be_named_with_its_schema():
    text = ESTATE.replace("URL", "postgresql://db/app")
    (one,) = estate_from_text(
        text + '[[designs]]\ntable = "flow.x.a"\npartition = "hash(b, c)"\n'
    ).designs
    assert (one.table.service, one.table.schema, one.table.table) == ("flow", "x", "a")
    assert str(one.partition) == "hash(b, c)"
