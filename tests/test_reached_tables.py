"""What a statement reaches that only the catalogue tells of: what inherits, rules, and what rows are computed by."""

import psycopg
import pytest

from attributed import Entries, estate_of, looked_at, made, unseen, worked
from workbench.analyse.crossings import statement_crossings

ESTATE = """
[services.shop]
schemas = ["shop"]
[services.depot]
schemas = ["depot"]
[[actors]]
service = "shop"
login = "{login}"
"""
GRANTS = """
GRANT USAGE ON SCHEMA shop, depot TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA shop, depot TO PUBLIC;
"""


def ran(server, name, objects, texts):
    """The workload of some statements on a database of the services shop and depot, run by shop."""
    login = f"{name}_shop"
    with made(server, [name], [login]):
        with unseen(server, name) as admin:
            admin.execute(f"CREATE EXTENSION pg_stat_statements; {objects} {GRANTS}")
            admin.execute("SELECT pg_stat_statements_reset()")  # of databases long gone
        with psycopg.connect(server.url(name, login), autocommit=True) as session:
            for text in texts:
                session.execute(text)
        estate = estate_of(server, name, ESTATE.format(login=login))
        return Entries(worked(looked_at(estate)), name)


def beyond(found, piece):
    """What a statement touches beyond its text: access, relation, by what, and whether for certain."""
    return {
        (t.access, t.relation.qualified, " > ".join(t.via), t.certain)
        for t in found.touches(piece)
        if t.via
    }


def crossing(found, piece):
    crossings = statement_crossings(found.found.attributed)
    return [c for c in crossings if any(piece in e for e in c.examples)]


INHERITED = """
CREATE SCHEMA shop; CREATE SCHEMA depot;
CREATE TABLE shop.parent (id int, note text);
CREATE TABLE depot.child () INHERITS (shop.parent);
CREATE TABLE depot.grandchild () INHERITS (depot.child);
CREATE TABLE depot.log (n int);
CREATE TABLE shop.own (id int); CREATE TABLE shop.own_child () INHERITS (shop.own);
CREATE TABLE shop.keyed (id int PRIMARY KEY);
CREATE TABLE shop.keys (id int REFERENCES shop.keyed ON DELETE CASCADE);
CREATE TABLE depot.more_keys () INHERITS (shop.keys);
CREATE VIEW shop.v AS SELECT id AS seen FROM shop.parent;
CREATE FUNCTION shop.counted() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM shop.parent';
CREATE FUNCTION depot.noted() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO depot.log VALUES (1); RETURN NULL; END $$;
CREATE TRIGGER noted AFTER UPDATE ON depot.child FOR EACH ROW EXECUTE FUNCTION depot.noted();
INSERT INTO depot.child VALUES (1, 'a'); INSERT INTO depot.grandchild VALUES (1, 'b');
INSERT INTO shop.keyed VALUES (1);
"""
INHERITING = (
    "SELECT id FROM shop.parent WHERE note = 'all'",
    "SELECT id FROM ONLY shop.parent WHERE note = 'only'",
    "SELECT a.id FROM ONLY shop.parent AS a JOIN shop.parent AS b ON a.id = b.id",
    "SELECT seen FROM shop.v",
    "SELECT shop.counted()",
    "INSERT INTO shop.parent VALUES (2, 'c')",
    "UPDATE shop.parent SET note = 'd' WHERE id = 1",
    "UPDATE ONLY shop.parent SET note = 'e' WHERE id = 1",
    "UPDATE shop.v SET seen = 3",
    "DELETE FROM shop.parent WHERE id = 2",
    "SELECT id FROM shop.own",
    "DELETE FROM shop.keyed WHERE id = 1",
    "TRUNCATE ONLY shop.parent",
    "TRUNCATE shop.parent",
)


@pytest.fixture(scope="module")
def inherited(major):
    return ran(major, "inherited", INHERITED, INHERITING)


HEIRS = ("depot.child", "depot.grandchild")


def test_what_inherits_is_read_where_its_parent_is(inherited):
    for piece in ("FROM shop.parent WHERE note", "JOIN shop.parent"):
        assert beyond(inherited, piece) == {("read", h, "inheritance", True) for h in HEIRS}
        assert inherited.row(piece)["rung"] == "qualified"
        assert inherited.row(piece)["exclusive"] is None
        (found,) = crossing(inherited, piece)
        assert (found.owners, found.via, found.at_most) == (("depot",), ("inheritance",), False)


def test_only_leaves_what_inherits_alone(inherited):
    for piece in ("FROM ONLY shop.parent WHERE", "UPDATE ONLY", "TRUNCATE ONLY"):
        assert beyond(inherited, piece) == set()
        assert inherited.row(piece)["exclusive"] == "shop"
        assert crossing(inherited, piece) == []


def test_a_view_or_a_body_may_say_only(inherited):
    expected = {("read", h, "inheritance", False) for h in HEIRS}
    assert beyond(inherited, "SELECT seen FROM shop.v") == expected
    assert beyond(inherited, "shop.counted()") == expected
    written = {t for t in beyond(inherited, "UPDATE shop.v") if t[1] in HEIRS}
    assert written
    assert not any(certain for *_, certain in written)


def test_a_write_goes_on_to_what_inherits_but_for_an_insert(inherited):
    assert beyond(inherited, "INSERT INTO shop.parent") == set()
    assert inherited.row("INSERT INTO shop.parent")["exclusive"] == "shop"
    heirs = {
        ("write", "depot.child", "inheritance", True),
        ("write", "depot.grandchild", "inheritance > inheritance", True),
    }
    noted = ("write", "depot.log", "inheritance > trigger noted", False)
    assert beyond(inherited, "UPDATE shop.parent") == heirs | {noted}
    for piece in ("DELETE FROM shop.parent", "TRUNCATE shop.parent"):
        assert beyond(inherited, piece) == heirs
    (found,) = crossing(inherited, "DELETE FROM shop.parent")
    assert (found.access, found.owners, found.at_most) == ("write", ("depot",), False)


def test_within_one_service_inheritance_changes_nothing(inherited):
    assert inherited.row("FROM shop.own")["exclusive"] == "shop"
    assert crossing(inherited, "FROM shop.own") == []


def test_a_foreign_key_cascades_to_its_own_table_only(inherited):
    assert beyond(inherited, "DELETE FROM shop.keyed") == {
        ("write", "shop.keys", "foreign key keys_id_fkey", True)
    }


def test_whose_interval_holds_what_was_done_to_inheriting_tables(inherited):
    # all but three with ONLY, the INSERT, and those on other tables
    assert inherited.interval("depot", "calls") == (0.0, 8.0)


RULED = """
CREATE SCHEMA shop; CREATE SCHEMA depot;
CREATE TABLE depot.bins (id int, n int); CREATE TABLE depot.log (n int); CREATE TABLE depot.seen (n int);
CREATE TABLE shop.orders (id int, n int); CREATE TABLE shop.kept (id int, n int);
CREATE TABLE shop.parts (id int, n int); CREATE TABLE shop.idle (id int);
CREATE VIEW shop.v AS SELECT id FROM shop.kept;
CREATE FUNCTION depot.noted() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO depot.log VALUES (1); RETURN NULL; END $$;
CREATE TRIGGER noted AFTER INSERT ON depot.bins FOR EACH ROW EXECUTE FUNCTION depot.noted();
CREATE RULE stored AS ON INSERT TO shop.orders DO ALSO INSERT INTO depot.bins VALUES (NEW.id, 1);
CREATE RULE counted AS ON UPDATE TO shop.orders WHERE (SELECT count(*) FROM depot.seen) >= 0
  DO UPDATE depot.bins SET n = NEW.n WHERE id = OLD.id;
CREATE RULE kept AS ON DELETE TO shop.kept DO INSTEAD (UPDATE shop.kept SET n = 0 WHERE id = OLD.id; DELETE FROM depot.bins);
CREATE RULE off AS ON INSERT TO shop.idle DO ALSO INSERT INTO depot.bins VALUES (NEW.id, 1);
ALTER TABLE shop.idle DISABLE RULE off;
CREATE RULE through AS ON INSERT TO shop.v DO INSTEAD INSERT INTO depot.seen VALUES (NEW.id);
"""
RULING = (
    "INSERT INTO shop.orders VALUES (1, 1)",
    "UPDATE shop.orders SET n = 2",
    "DELETE FROM shop.orders WHERE id = 3",
    "SELECT id FROM shop.orders",
    "DELETE FROM shop.kept WHERE id = 1",
    "INSERT INTO shop.idle VALUES (1)",
    "INSERT INTO shop.v VALUES (1)",
)


@pytest.fixture(scope="module")
def ruled(major):
    return ran(major, "ruled", RULED, RULING)


def test_a_rule_writes_where_its_commands_write_and_what_they_set_off(ruled):
    piece = "INSERT INTO shop.orders"
    assert beyond(ruled, piece) == {
        ("write", "depot.bins", "rule stored", False),
        ("write", "depot.log", "rule stored > trigger noted", False),
    }
    row = ruled.row(piece)
    assert (row["rung"], row["exclusive"], row["open_ended"]) == ("approximate", None, False)
    assert ruled.sure(piece) == {"write shop.orders"}
    (found,) = crossing(ruled, piece)
    assert (found.owners, found.at_most) == (("depot",), True)


def test_a_rule_that_updates_and_what_its_condition_reads(ruled):
    assert {t for t in beyond(ruled, "UPDATE shop.orders") if t[1] != "shop.orders"} == {
        ("write", "depot.bins", "rule counted", False),
        ("read", "depot.seen", "rule counted", False),
    }


def test_a_rule_instead_of_a_delete(ruled):
    assert ("write", "depot.bins", "rule kept", False) in beyond(ruled, "DELETE FROM shop.kept")
    assert ruled.row("DELETE FROM shop.kept")["exclusive"] is None


def test_a_rule_on_a_view(ruled):
    touched = beyond(ruled, "INSERT INTO shop.v")
    assert ("write", "depot.seen", "rule through", False) in touched


def test_a_rule_of_another_event_or_disabled_changes_nothing(ruled):
    for piece in (
        "DELETE FROM shop.orders",
        "SELECT id FROM shop.orders",
        "INSERT INTO shop.idle",
    ):
        assert beyond(ruled, piece) == set()
        row = ruled.row(piece)
        assert (row["rung"], row["exclusive"]) == ("qualified", "shop")


def test_whose_interval_holds_what_rules_did(ruled):
    # four statements; the server counts what a rule adds to one as another call of it
    assert ruled.interval("depot", "calls") == (0.0, 7.0)


COMPUTED = """
CREATE SCHEMA shop; CREATE SCHEMA depot;
CREATE TABLE depot.numbers (n int); CREATE TABLE depot.rates (n int); CREATE TABLE depot.log (n int);
CREATE FUNCTION shop.nxt() RETURNS int LANGUAGE sql AS 'INSERT INTO depot.numbers VALUES (1) RETURNING n';
CREATE FUNCTION shop.rated(i int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN RETURN (SELECT count(*) >= 0 FROM depot.rates); END $$;
CREATE FUNCTION shop.plain(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i + 1';
CREATE FUNCTION depot.noted() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO depot.log VALUES (1); RETURN NULL; END $$;
CREATE TRIGGER noted AFTER INSERT ON depot.numbers FOR EACH ROW EXECUTE FUNCTION depot.noted();
CREATE TABLE shop.gen (id int DEFAULT shop.nxt(), note text);
CREATE TABLE shop.checked (id int, CONSTRAINT fair CHECK (shop.rated(id)));
CREATE TABLE shop.generated (id int, fair boolean GENERATED ALWAYS AS (shop.rated(id)) STORED);
CREATE TABLE shop.indexed (id int); CREATE INDEX by_rate ON shop.indexed (shop.rated(id));
CREATE TABLE shop.parted (id int) PARTITION BY RANGE (id);
CREATE TABLE shop.parted_1 PARTITION OF shop.parted FOR VALUES FROM (0) TO (10);
CREATE TABLE shop.parted_2 PARTITION OF shop.parted FOR VALUES FROM (10) TO (20);
CREATE INDEX parted_by_rate ON shop.parted (shop.rated(id));
CREATE DOMAIN shop.fair AS int CONSTRAINT is_fair CHECK (shop.rated(VALUE));
CREATE DOMAIN shop.fairer AS shop.fair;
CREATE TABLE shop.typed (id shop.fairer);
CREATE TABLE shop.calm (id int DEFAULT shop.plain(1) CHECK (shop.plain(id) > 0));
CREATE TABLE shop.ordered (id int PRIMARY KEY);
CREATE TABLE shop.lines (id int DEFAULT shop.nxt() REFERENCES shop.ordered ON DELETE SET DEFAULT);
"""
COMPUTING = (
    "INSERT INTO shop.gen (note) VALUES ('a')",
    "UPDATE shop.gen SET note = 'b'",
    "UPDATE shop.gen SET id = DEFAULT",
    "DELETE FROM shop.gen",
    "SELECT id FROM shop.gen",
    "INSERT INTO shop.checked VALUES (1)",
    "UPDATE shop.checked SET id = 2",
    "INSERT INTO shop.generated VALUES (1)",
    "INSERT INTO shop.indexed VALUES (1)",
    "INSERT INTO shop.parted_2 VALUES (11)",
    "INSERT INTO shop.typed VALUES (1)",
    "INSERT INTO shop.calm (id) VALUES (1)",
    "DELETE FROM shop.ordered WHERE id = 1",
)


@pytest.fixture(scope="module")
def computed(major):
    return ran(major, "computed", COMPUTED, COMPUTING)


def test_a_default_writes_where_its_function_writes(computed):
    drawn = {
        ("write", "depot.numbers", "default of id", False),
        ("write", "depot.log", "default of id > trigger noted", False),
    }
    for piece in ("INSERT INTO shop.gen (note)", "UPDATE shop.gen SET id"):
        assert beyond(computed, piece) == drawn
        row = computed.row(piece)
        assert (row["rung"], row["exclusive"], row["open_ended"]) == ("approximate", None, False)
        assert computed.sure(piece) == {"write shop.gen"}
        assert crossing(computed, piece) == [], "it may be called, and may not"


def test_what_computes_nothing_stays_as_it_was(computed):
    for piece in (
        "UPDATE shop.gen SET note",
        "DELETE FROM shop.gen",
        "SELECT id FROM shop.gen",
        "INSERT INTO shop.calm",
    ):
        assert beyond(computed, piece) == set()
        row = computed.row(piece)
        assert (row["rung"], row["exclusive"]) == ("qualified", "shop")


@pytest.mark.parametrize(
    ("piece", "via"),
    [
        ("INSERT INTO shop.checked", "check fair"),
        ("UPDATE shop.checked", "check fair"),
        ("INSERT INTO shop.generated", "generated column fair"),
        ("INSERT INTO shop.indexed", "index by_rate"),
        ("INSERT INTO shop.parted_2", "index parted_by_rate"),
        ("INSERT INTO shop.typed", "domain"),
    ],
)
def test_what_checks_generates_or_indexes_a_row_reads_where_its_function_reads(
    computed, piece, via
):
    assert beyond(computed, piece) == {("read", "depot.rates", via, False)}
    assert computed.row(piece)["exclusive"] is None
    assert crossing(computed, piece) == []


def test_a_foreign_key_that_sets_a_default_computes_it(computed):
    via = "foreign key lines_id_fkey"
    assert ("write", "depot.numbers", f"{via} > default of id", False) in beyond(
        computed, "DELETE FROM shop.ordered"
    )


def test_whose_interval_holds_what_expressions_did(computed):
    assert computed.interval("depot", "calls") == (0.0, 9.0)
