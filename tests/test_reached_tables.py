"""What a statement reaches that only the catalogue tells of: tables that inherit from what it names."""

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
