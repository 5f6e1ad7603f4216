"""References of every kind that catalogues, the estate's files and statements tell of, on real servers."""

from __future__ import annotations

import json
from contextlib import ExitStack

import psycopg
import pytest

from workbench.analyse.references import references
from workbench.collect import collect
from workbench.estate.resolve import estate_from_text
from workbench.model import Reference
from workbench.present.terminal_references import print_references

SHOP = """
CREATE SCHEMA sales; CREATE SCHEMA stock; CREATE SCHEMA common;
CREATE TYPE common.state AS ENUM ('new', 'done');
CREATE DOMAIN sales.flag AS common.state;
CREATE TYPE sales.pair AS (one common.state, n int);
CREATE FUNCTION common.stamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT now()';
CREATE SEQUENCE common.numbers;
CREATE TABLE stock.items (id int PRIMARY KEY, code text UNIQUE, place int, shelf int, UNIQUE (place, shelf));
CREATE TABLE stock.parents (id int PRIMARY KEY, parent_id int REFERENCES stock.parents);
CREATE TABLE sales.orders (
  id int PRIMARY KEY, number int DEFAULT nextval('common.numbers'), state common.state, states common.state[],
  item_id int REFERENCES stock.items ON DELETE CASCADE, code text REFERENCES stock.items (code),
  place int, shelf int, made timestamptz DEFAULT common.stamp(),
  FOREIGN KEY (place, shelf) REFERENCES stock.items (place, shelf)
);
CREATE TABLE sales.details (order_id int PRIMARY KEY REFERENCES sales.orders);
CREATE TABLE sales.events (id int, day date) PARTITION BY RANGE (day);
ALTER TABLE sales.events ADD FOREIGN KEY (id) REFERENCES sales.orders;
CREATE TABLE sales.events_1 PARTITION OF sales.events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE sales.archived () INHERITS (stock.items);
CREATE VIEW sales.v_items AS SELECT id, code FROM stock.items;
CREATE MATERIALIZED VIEW sales.m_items AS SELECT count(*) FROM sales.v_items;
CREATE FUNCTION sales.take() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN UPDATE stock.items SET shelf = shelf - 1 WHERE id = NEW.item_id; RETURN NEW; END $$;
CREATE TRIGGER take_stock AFTER INSERT ON sales.orders FOR EACH ROW EXECUTE FUNCTION sales.take();
CREATE PUBLICATION items FOR TABLE ONLY stock.items;
"""

ESTATE = """
[instances.main]
url = "{url}"
database = "{database}"
[services.sales]
schemas = ["sales"]
[services.stock]
schemas = ["stock"]
[services.common]
schemas = ["common"]
"""


def found_in(found: tuple[Reference, ...]) -> set[tuple[str, str, str, str]]:
    """Kind, source, target and shape, short enough to be read."""

    def text(end):
        columns = f"({','.join(end.columns)})" if end.columns else ""
        on = f"#{end.object}" if end.table and end.object else ""
        return f"{end.relation}{columns}{on}"

    return {(r.kind, text(r.source), text(r.target), r.shape) for r in found if r.target}


@pytest.fixture(scope="module")
def shop(server):
    with ExitStack() as stack:
        admin = stack.enter_context(psycopg.connect(server.url(), autocommit=True))
        admin.execute("CREATE DATABASE references_shop")
        stack.callback(admin.execute, "DROP DATABASE references_shop WITH (FORCE)")
        with psycopg.connect(server.url("references_shop"), autocommit=True) as connection:
            connection.execute(SHOP)
        text = ESTATE.format(url=server.url("references_shop"), database="references_shop")
        yield references(collect(estate_from_text(text)))


def test_catalogues_tell_of_every_kind(shop):
    assert found_in(shop.accepted) == {
        ("foreign_key", "stock.parents(parent_id)", "stock.parents(id)", "self"),
        ("foreign_key", "sales.orders(item_id)", "stock.items(id)", "plain"),
        ("foreign_key", "sales.orders(code)", "stock.items(code)", "natural_key"),
        ("foreign_key", "sales.orders(place,shelf)", "stock.items(place,shelf)", "composite"),
        ("foreign_key", "sales.details(order_id)", "sales.orders(id)", "shared_key"),
        ("foreign_key", "sales.events(id)", "sales.orders(id)", "plain"),
        ("view", "sales.v_items", "stock.items(id,code)", "plain"),
        ("view", "sales.m_items", "sales.v_items", "plain"),
        ("inheritance", "sales.archived", "stock.items", "plain"),
        ("sequence", "sales.orders(number)", "common.numbers", "plain"),
        ("trigger", "sales.orders#take_stock", "sales.take()", "plain"),
        ("function", "sales.take()", "stock.items", "plain"),
        ("function", "sales.orders(made)", "common.stamp()", "plain"),
        ("type", "sales.orders(state)", "common.state", "plain"),
        ("type", "sales.orders(states)", "common.state", "plain"),
        ("type", "sales.flag", "common.state", "plain"),
        ("type", "sales.pair", "common.state", "plain"),
        ("publication", "items", "stock.items", "plain"),
    }


def test_each_reference_says_what_it_rests_on_and_whether_it_crosses(shop):
    by_ends = {(r.source.path, r.target.path): r for r in shop.accepted}
    place = "main/references_shop"
    key = by_ends[f"{place}/sales.orders(item_id)", f"{place}/stock.items(id)"]
    assert key.crosses
    assert key.key == f"reference:{place}/sales.orders(item_id)->{place}/stock.items(id)"
    assert key.evidence == ("foreign key orders_item_id_fkey, ON DELETE CASCADE",)
    own = by_ends[f"{place}/sales.details(order_id)", f"{place}/sales.orders(id)"]
    assert not own.crosses
    body = by_ends[f"{place}/sales.take()", f"{place}/stock.items"]
    assert body.evidence == ("its body writes stock.items, as its text says",)
    assert body.confidence < 1
    fired = by_ends[f"{place}/sales.orders#take_stock", f"{place}/sales.take()"]
    assert fired.evidence == ("fires after insert, for each row",)


def test_the_document_holds_the_contract_and_is_the_same_each_time(shop):
    document = json.loads(json.dumps(shop.to_json()))
    assert set(document) == {"coverage", "references", "differences"}
    first = next(r for r in document["references"] if r["kind"] == "foreign_key")
    assert set(first) >= {
        *(
            "from",
            "to",
            "kind",
            "shape",
            "group",
            "status",
            "confidence",
            "crosses",
            "evidence",
            "key",
        ),
    }
    assert set(first["from"]) >= {
        *("service", "database", "schema", "table", "columns", "object", "object_kind"),
    }
    keys = [r["key"] for r in document["references"]]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


def test_the_graph_knows_hubs_and_what_the_server_binds(shop):
    graph = shop.graph
    assert graph.together == (("common", "sales", "stock"),)
    hub = graph.hubs.iloc[0]
    assert (hub["table"], hub["services"]) == ("main/references_shop/stock.items", 1)
    assert graph.layers[0] == ("common", "stock")
    assert graph.cycles == ()
    assert set(graph.isolation["service"]) == {"sales", "stock", "common"}
    assert graph.orphans == ()


CORNERS = """
CREATE SCHEMA a; CREATE SCHEMA b;
CREATE TABLE b.target (id int PRIMARY KEY, code text);
CREATE TABLE a.days (id int, day date, tid int, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE a.days_1 (junk int, tid int, day date NOT NULL, id int NOT NULL, PRIMARY KEY (id, day));
ALTER TABLE a.days_1 DROP COLUMN junk;
ALTER TABLE a.days ATTACH PARTITION a.days_1 FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
ALTER TABLE a.days_1 ADD FOREIGN KEY (tid) REFERENCES b.target;
CREATE TABLE a.visits (n int, d date, FOREIGN KEY (n, d) REFERENCES a.days_1 (id, day));
CREATE VIEW a.january AS SELECT tid FROM a.days_1;
CREATE TABLE a.twice (t int);
ALTER TABLE a.twice ADD CONSTRAINT second FOREIGN KEY (t) REFERENCES b.target;
ALTER TABLE a.twice ADD CONSTRAINT first FOREIGN KEY (t) REFERENCES b.target ON DELETE CASCADE;
CREATE FUNCTION a.clear() RETURNS void LANGUAGE sql AS 'DELETE FROM b.target';
CREATE FUNCTION b.more(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 + 1';
CREATE FUNCTION a.first() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT id FROM b.target; END;
CREATE TABLE a.made (n int CHECK (b.more(n) > 0), m int GENERATED ALWAYS AS (b.more(n)) STORED);
CREATE INDEX ON a.made (b.more(n));
CREATE VIEW a.computed AS SELECT b.more(n) AS n FROM a.made;
"""


@pytest.fixture
def corners(major):
    with ExitStack() as stack:
        admin = stack.enter_context(psycopg.connect(major.url(), autocommit=True))
        admin.execute("CREATE DATABASE corners")
        stack.callback(admin.execute, "DROP DATABASE corners WITH (FORCE)")
        with psycopg.connect(major.url("corners"), autocommit=True) as connection:
            connection.execute(CORNERS)
        text = f'[instances.main]\nurl = "{major.url("corners")}"\ndatabase = "corners"\n'
        text += '[services.a]\nschemas = ["a"]\n[services.b]\nschemas = ["b"]\n'
        yield references(collect(estate_from_text(text)))


def test_corners_of_the_catalogues_are_read_alike_on_every_version(corners):
    """What a partition refers to in another order of columns, and what depends on one thing in two ways."""
    assert found_in(corners.accepted) == {
        ("foreign_key", "a.days(tid)", "b.target(id)", "plain"),
        ("foreign_key", "a.visits(n,d)", "a.days(id,day)", "composite"),
        ("foreign_key", "a.twice(t)", "b.target(id)", "plain"),
        ("view", "a.january", "a.days(tid)", "plain"),
        ("view", "a.computed", "a.made(n)", "plain"),
        ("function", "a.computed", "b.more(integer)", "plain"),
        ("function", "a.clear()", "b.target", "plain"),
        ("function", "a.first()", "b.target", "plain"),
        ("function", "a.made", "b.more(integer)", "plain"),
        ("function", "a.made(m)", "b.more(integer)", "plain"),
    }
    said = {(r.source.relation, r.source.columns, r.kind): r.evidence for r in corners.accepted}
    twice = ("foreign key first, ON DELETE CASCADE", "foreign key second")
    assert said["a.twice", ("t",), "foreign_key"] == twice
    assert said["a.made", ("m",), "function"] == ("its default uses function b.more(integer)",)
    assert said["a.made", (), "function"] == (
        "a check on it uses function b.more(integer)",
        "an index on it uses function b.more(integer)",
    )
    keys = [r.key for r in corners.references]
    assert len(set(keys)) == len(keys)


def test_where_nothing_crosses_the_terminal_shows_what_is_inside(database, capsys, monkeypatch):
    with database.connect() as connection:
        connection.execute("CREATE TABLE customers (id int PRIMARY KEY)")
        connection.execute("CREATE TABLE invoices (id int PRIMARY KEY, customer_id int)")
        connection.execute("CREATE TABLE notes (id int PRIMARY KEY, of_type text, of_id int)")
    url = (
        f'[instances.main]\nurl = "{database.url}"\n[services.all]\ndatabase = "{database.name}"\n'
    )
    monkeypatch.setenv("COLUMNS", "80")
    print_references(references(collect(estate_from_text(url))))
    printed = capsys.readouterr().out
    assert "No reference is seen to leave its service; 1 stays inside" in printed
    row = next(line for line in printed.splitlines() if "all.invoices.customer_id" in line)
    assert "all.customers.id" in row
    assert "inferred" in row
    assert "`of_id` identifies a row of whichever" in printed
