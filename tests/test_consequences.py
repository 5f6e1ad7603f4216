"""What a write sets off is followed: triggers and foreign keys that reach into another service's tables."""

import psycopg
import pytest

from attributed import Entries, estate_of, looked_at, made, unseen, worked
from workbench.analyse.crossings import statement_crossings, writers
from workbench.lab import private_server

DATABASE = "set_off"
LOGINS = ("set_off_shop", "set_off_app", "set_off_stock")
ESTATE = """
[services.shop]
schemas = ["shop"]
[services.audit]
schemas = ["audit"]
[services.stock]
schemas = ["stock"]
[[actors]]
service = "shop"
login = "set_off_shop"
[[actors]]
service = "stock"
login = "set_off_stock"
"""
OBJECTS = """
CREATE EXTENSION pg_stat_statements;
CREATE SCHEMA shop; CREATE SCHEMA audit; CREATE SCHEMA stock;
CREATE TABLE audit.log (what text); CREATE TABLE audit.echo (what text); CREATE TABLE audit.wiped (what text);
CREATE TABLE stock.bins (id int PRIMARY KEY, n int);
CREATE TABLE shop.orders (id int PRIMARY KEY, bin int, note text, status text);
CREATE TABLE shop.quiet (id int PRIMARY KEY, note text);
CREATE TABLE shop.stamped (id int, at timestamptz);
CREATE TABLE shop.dynamic (id int);
CREATE TABLE shop.loop (id int);
CREATE TABLE shop.logs (id int, day int) PARTITION BY RANGE (day);
CREATE TABLE shop.logs_1 PARTITION OF shop.logs FOR VALUES FROM (0) TO (100);
CREATE TABLE stock.reserved (bin int REFERENCES stock.bins ON DELETE CASCADE ON UPDATE CASCADE, order_id int
  CONSTRAINT reserved_order REFERENCES shop.orders ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE audit.remembered (order_id int CONSTRAINT remembered_order REFERENCES shop.orders ON DELETE SET NULL);
CREATE TABLE audit.held (order_id int REFERENCES shop.quiet);
CREATE VIEW shop.v_new AS SELECT id, note FROM shop.quiet;
CREATE FUNCTION audit.write(t text) RETURNS void LANGUAGE sql AS $$ INSERT INTO audit.log VALUES (t) $$;
CREATE FUNCTION shop.noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM audit.write('x'); RETURN NULL; END $$;
CREATE FUNCTION shop.reserve() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN UPDATE stock.bins SET n = n - 1 WHERE id = NEW.bin; RETURN NEW; END $$;
CREATE FUNCTION shop.wiped() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM audit.wiped; RETURN NULL; END $$;
CREATE FUNCTION shop.stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.at := now(); RETURN NEW; END $$;
CREATE FUNCTION shop.anything() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN EXECUTE 'SELECT 1'; RETURN NEW; END $$;
CREATE FUNCTION shop.instead() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO audit.echo VALUES ('v'); RETURN NEW; END $$;
CREATE FUNCTION audit.echoed() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO shop.loop VALUES (1); RETURN NULL; END $$;
CREATE FUNCTION shop.looped() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN IF NEW.id > 1 THEN INSERT INTO audit.echo VALUES ('l'); END IF; RETURN NULL; END $$;
CREATE FUNCTION shop.place() RETURNS void LANGUAGE sql AS $$ INSERT INTO shop.orders VALUES (900, 1, 'f') $$;
CREATE TRIGGER noted AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.noted();
CREATE TRIGGER reserve BEFORE UPDATE OF bin ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.reserve();
CREATE TRIGGER off AFTER INSERT ON shop.quiet FOR EACH ROW EXECUTE FUNCTION shop.noted();
ALTER TABLE shop.quiet DISABLE TRIGGER off;
CREATE TRIGGER wiped AFTER TRUNCATE ON shop.stamped EXECUTE FUNCTION shop.wiped();
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON shop.stamped FOR EACH ROW EXECUTE FUNCTION shop.stamp();
CREATE TRIGGER anything BEFORE INSERT ON shop.dynamic FOR EACH ROW EXECUTE FUNCTION shop.anything();
CREATE TRIGGER echoed AFTER INSERT ON audit.echo FOR EACH STATEMENT EXECUTE FUNCTION audit.echoed();
CREATE TRIGGER looped AFTER INSERT ON shop.loop FOR EACH ROW EXECUTE FUNCTION shop.looped();
CREATE TRIGGER noted AFTER INSERT ON shop.logs FOR EACH ROW EXECUTE FUNCTION shop.noted();
CREATE TRIGGER instead INSTEAD OF UPDATE ON shop.v_new FOR EACH ROW EXECUTE FUNCTION shop.instead();
INSERT INTO stock.bins VALUES (1, 10); INSERT INTO shop.quiet VALUES (1, 'a');
GRANT USAGE ON SCHEMA shop, audit, stock TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA shop, audit, stock TO PUBLIC;
"""
RUN = [
    ("set_off_shop", "INSERT INTO shop.orders (id, bin, note) VALUES (1, 1, 'a')"),
    ("set_off_shop", "UPDATE shop.orders SET note = 'b' WHERE id = 1"),
    ("set_off_shop", "UPDATE shop.orders SET bin = 1, note = 'c' WHERE id = 1"),
    ("set_off_shop", "UPDATE shop.orders SET id = 2 WHERE id = 1"),
    ("set_off_shop", "DELETE FROM shop.orders WHERE id = 2"),
    ("set_off_app", "DELETE FROM shop.orders WHERE note = 'none'"),
    ("set_off_shop", "INSERT INTO shop.orders AS o (id) VALUES (3) ON CONFLICT (id) DO UPDATE SET bin = 1"),
    ("set_off_shop", "INSERT INTO shop.quiet VALUES (2, 'b')"),
    ("set_off_shop", "DELETE FROM shop.quiet WHERE id = 2"),
    ("set_off_shop", "INSERT INTO shop.stamped VALUES (1)"),
    ("set_off_shop", "TRUNCATE shop.stamped"),
    ("set_off_shop", "INSERT INTO shop.dynamic VALUES (1)"),
    ("set_off_shop", "INSERT INTO shop.loop VALUES (2)"),
    ("set_off_shop", "INSERT INTO shop.logs_1 VALUES (1, 1)"),
    ("set_off_shop", "UPDATE shop.v_new SET note = 'z' WHERE id = 1"),
    ("set_off_shop", "SELECT shop.place()"),
    ("set_off_stock", "DELETE FROM stock.bins WHERE id = 99"),
    ("set_off_shop", "WITH gone AS (DELETE FROM shop.orders WHERE 77 = id RETURNING id) SELECT count(*) FROM gone"),
    ("postgres", "TRUNCATE shop.orders CASCADE"),
]  # fmt: skip


@pytest.fixture(scope="module")
def set_off(server):
    with made(server, [DATABASE], LOGINS):
        with unseen(server, DATABASE) as admin:
            admin.execute(OBJECTS)
        for login, text in RUN:
            with psycopg.connect(server.url(DATABASE, login), autocommit=True) as session:
                session.execute(text)
        yield Entries(worked(looked_at(estate_of(server, DATABASE, ESTATE))), DATABASE)


def beyond(found, piece, login=None):
    """What a statement touches by what it sets off, and by what."""
    touches = found.touches(piece, login)
    return {(t.relation.qualified, " > ".join(t.via), t.certain) for t in touches if t.via}


def crossing(found, piece, **facts):
    held = [
        c
        for c in statement_crossings(found.found.attributed)
        if any(piece in e for e in c.examples)
    ]
    return [c for c in held if all(getattr(c, n) == v for n, v in facts.items())]


def test_a_trigger_writes_where_its_function_and_what_that_calls_write(set_off):
    piece = "INSERT INTO shop.orders (id, bin"
    assert beyond(set_off, piece) == {("audit.log", "trigger noted", False)}
    (found,) = crossing(set_off, piece)
    assert (found.actor, found.access, found.owners) == ("shop", "write", ("audit",))
    assert (found.relations, found.via, found.at_most) == (("audit.log",), ("trigger noted",), True)
    row = set_off.row(piece)
    assert (row["rung"], row["exclusive"], row["open_ended"]) == ("approximate", None, False)
    assert set_off.sure(piece) == {"write shop.orders"}


def test_update_of_fires_where_its_column_is_set(set_off):
    assert beyond(set_off, "UPDATE shop.orders SET note") == set()
    assert set_off.row("UPDATE shop.orders SET note")["exclusive"] == "shop"
    assert beyond(set_off, "UPDATE shop.orders SET bin") == {
        ("stock.bins", "trigger reserve", False)
    }
    both = beyond(set_off, "ON CONFLICT (id) DO UPDATE")
    assert {via for _, via, _ in both} == {"trigger noted", "trigger reserve"}


def test_a_delete_takes_other_services_rows_along_by_foreign_keys(set_off):
    expected = {
        ("stock.reserved", "foreign key reserved_order", True),
        ("audit.remembered", "foreign key remembered_order", True),
    }
    assert beyond(set_off, "DELETE FROM shop.orders WHERE id", "set_off_shop") == expected
    assert beyond(set_off, "WITH gone AS (DELETE") == expected
    (found,) = crossing(set_off, "DELETE FROM shop.orders WHERE note")
    assert found.actor is None
    assert (found.owners, found.at_most) == (("audit", "stock"), False)
    assert beyond(set_off, "DELETE FROM shop.quiet") == set(), (
        "a key that only checks takes nothing"
    )
    assert crossing(set_off, "DELETE FROM stock.bins") == [], "nor is one's own table a crossing"


def test_a_key_cascades_where_it_is_what_an_update_changes(set_off):
    assert beyond(set_off, "UPDATE shop.orders SET id") == {
        ("stock.reserved", "foreign key reserved_order", True)
    }


def test_truncate_takes_along_whatever_refers_to_it(set_off):
    touched = {relation for relation, _, _ in beyond(set_off, "TRUNCATE shop.orders")}
    assert touched == {"stock.reserved", "audit.remembered"}
    assert beyond(set_off, "TRUNCATE shop.stamped") == {("audit.wiped", "trigger wiped", False)}


def test_a_trigger_that_is_disabled_or_touches_nothing_changes_nothing(set_off):
    for piece in ("INSERT INTO shop.quiet", "INSERT INTO shop.stamped"):
        row = set_off.row(piece)
        assert (row["rung"], row["exclusive"], beyond(set_off, piece)) == (
            "qualified",
            "shop",
            set(),
        )


def test_a_trigger_that_executes_text_may_touch_anything(set_off):
    row = set_off.row("INSERT INTO shop.dynamic")
    assert (row["rung"], row["open_ended"], row["exclusive"]) == ("approximate", True, None)


def test_triggers_that_fire_each_other_end(set_off):
    assert beyond(set_off, "INSERT INTO shop.loop") == {
        ("audit.echo", "trigger looped", False),
        ("shop.loop", "trigger looped > trigger echoed", False),
    }


def test_a_partition_fires_its_roots_trigger(set_off):
    assert beyond(set_off, "INSERT INTO shop.logs_1") == {("audit.log", "trigger noted", False)}


def test_a_trigger_instead_of_an_update_of_a_view(set_off):
    assert ("audit.echo", "trigger instead", False) in beyond(set_off, "UPDATE shop.v_new")


def test_what_a_called_function_writes_fires_triggers_too_but_is_no_named_crossing(set_off):
    assert beyond(set_off, "SELECT shop.place()") == {("audit.log", "trigger noted", False)}
    assert crossing(set_off, "SELECT shop.place()") == []


def test_a_direct_crossing_keeps_its_key_whatever_is_set_off(set_off):
    keys = [c.key for c in statement_crossings(set_off.found.attributed)]
    assert len(keys) == len(set(keys))


def test_who_writes_by_triggers_is_a_writer(set_off):
    held = writers(set_off.found.attributed).set_index("relation")
    assert held.loc["audit.log", "services"] == ("shop",)


GUARDED = """
CREATE EXTENSION pg_stat_statements;
CREATE SCHEMA shop; CREATE SCHEMA audit; CREATE SCHEMA stock;
CREATE TABLE stock.members (id int); CREATE TABLE audit.seats (id int);
CREATE FUNCTION shop.seated(i int) RETURNS boolean LANGUAGE sql AS 'SELECT count(*) >= 0 FROM audit.seats';
CREATE TABLE shop.guarded (id int); ALTER TABLE shop.guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_member ON shop.guarded USING (id IN (SELECT m.id FROM stock.members AS m));
CREATE POLICY by_seat ON shop.guarded FOR INSERT WITH CHECK (shop.seated(id));
CREATE VIEW shop.v_guarded AS SELECT id AS seen FROM shop.guarded;
CREATE TABLE shop.unguarded (id int); CREATE POLICY idle ON shop.unguarded USING (id IN (SELECT id FROM stock.members));
CREATE TABLE shop.plain (id int); ALTER TABLE shop.plain ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON shop.plain USING (id > 0);
GRANT USAGE ON SCHEMA shop, audit, stock TO PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA shop, audit, stock TO PUBLIC;
"""
ASKED = (
    "SELECT id FROM shop.guarded WHERE id = 1",
    "SELECT seen FROM shop.v_guarded",
    "SELECT id FROM shop.unguarded",
    "SELECT id FROM shop.plain",
    "SELECT query_to_xml('SELECT id FROM stock.members', true, true, '')",
)


def test_what_row_policies_look_at_widens_the_interval_and_so_does_a_query_given_as_text():
    name, login, told = "guarded", "guarded_shop", ESTATE.replace("set_off_", "guarded_")
    with private_server() as server:  # what other tests ran there would widen the interval as well
        with made(server, [name], [login]):
            with unseen(server, name) as admin:
                admin.execute(GUARDED)
            for text in ASKED:
                with psycopg.connect(server.url(name, login), autocommit=True) as session:
                    session.execute(text)
            found = Entries(worked(looked_at(estate_of(server, name, told))), name)
        for piece in ("FROM shop.guarded", "FROM shop.v_guarded"):
            assert found.sure(piece) == {"read shop.guarded"}
            assert found.maybe(piece) == {"read stock.members", "read audit.seats"}
            row = found.row(piece)
            assert (row["rung"], row["exclusive"], row["names"]) == ("approximate", None, 1)
        for piece in ("FROM shop.unguarded", "FROM shop.plain"):
            assert found.maybe(piece) == set()
            assert found.row(piece)["exclusive"] == "shop"
        assert found.row("query_to_xml")["open_ended"]
        # all that reads shop's guarded table, and the query that nobody can see
        assert found.interval("stock", "calls") == (0.0, 3.0)
        assert found.interval("audit", "calls") == (0.0, 3.0)
        assert crossing(found, "shop.guarded") == []
