"""Which relation a statement touches, and with what certainty: a trap in each test, on every major version."""

import psycopg
import pytest

from attributed import Entries, estate_of, looked_at, made, unseen, wait_until, worked
from workbench.analyse.crossings import statement_crossings
from workbench.lab import private_server

DATABASE, FAR = "traps", "traps_far"
LOGINS = ("trap_one", "trap_two", "trap_app", "trap_user", "trap_plain", "trap_temp", "trap_set")
READER = "trap_reader"
LONG = 1_000_000
ESTATE = f"""
[services.auth]
schemas = ["auth"]
[services.shop]
schemas = ["shop"]
[services.depot]
schemas = ["depot"]
[services.personal]
schemas = ["trap_user"]
[services.rest]
schemas = ["public"]
[services.odd]
schemas = ["Odd Schema"]
[services.alpha]
tables = ["commons.a_rows"]
[services.beta]
tables = ["commons.b_rows"]
[services.far]
database = "{FAR}"
schemas = ["far"]
"""

OBJECTS = """
CREATE SCHEMA tools; CREATE EXTENSION pg_stat_statements SCHEMA tools;
CREATE SCHEMA auth; CREATE SCHEMA shop; CREATE SCHEMA depot; CREATE SCHEMA commons;
CREATE SCHEMA trap_user; CREATE SCHEMA "Odd Schema";
CREATE TABLE auth.events (id int); CREATE TABLE shop.user_events (id int);
CREATE TABLE auth.pairs (id int, other int);
CREATE TABLE auth.items (id int); CREATE TABLE shop.items (id int);
CREATE TABLE auth.parts (id int); CREATE TABLE shop.parts (id int);
CREATE TABLE auth.bits (id int); CREATE TABLE shop.bits (id int);
CREATE TABLE trap_user.prefs (id int); CREATE TABLE public.prefs (id int);
CREATE TABLE depot.bins (id int); CREATE TABLE public.bins (id int);
CREATE TABLE shop.lonely (id int);
CREATE TABLE shop.scratched (id int);
CREATE TABLE auth.people (id int PRIMARY KEY, name text);
CREATE TABLE shop.notes (id int, people_id int);
CREATE VIEW shop.v_people AS SELECT id, name FROM auth.people;
CREATE VIEW shop.v_nested AS SELECT n.id, p.name FROM shop.notes AS n JOIN shop.v_people AS p ON p.id = n.people_id;
CREATE MATERIALIZED VIEW depot.mv AS SELECT id FROM auth.people;
CREATE VIEW depot.v_series AS SELECT g FROM generate_series(1, 3) AS g;
CREATE FUNCTION auth.f_sql() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM auth.people $$;
CREATE FUNCTION auth.f_atomic() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM auth.people; END;
CREATE FUNCTION auth.f_dynamic(t text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SELECT 1 FROM ' || t; END $$;
CREATE FUNCTION shop.f_outer() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN auth.f_sql(); END $$;
CREATE FUNCTION shop.f_pathed() RETURNS bigint LANGUAGE sql SET search_path = auth AS $$ SELECT count(*) FROM people $$;
CREATE VIEW shop.v_called AS SELECT auth.f_sql() AS n;
CREATE TABLE depot.logs (id int) PARTITION BY RANGE (id);
CREATE TABLE depot.logs_1 PARTITION OF depot.logs FOR VALUES FROM (0) TO (100) PARTITION BY RANGE (id);
CREATE TABLE depot.logs_1_1 PARTITION OF depot.logs_1 FOR VALUES FROM (0) TO (50);
CREATE TABLE depot.orders (id int, people_id int REFERENCES auth.people);
CREATE TABLE shop.gone (id int);
CREATE TABLE commons.a_rows (id int); CREATE TABLE commons.b_rows (id int); CREATE TABLE commons.c_rows (id int);
CREATE TABLE public._prisma_migrations (id int);
CREATE TABLE "Odd Schema"."Mixed Table" (id int); CREATE TABLE "Odd Schema"."mixed table" (id int);
CREATE TABLE auth.shadowed (id int); CREATE TABLE shop.source (id int);
CREATE TABLE auth.things (id int, a int); CREATE TABLE shop.stuff (id int, a int);
CREATE TABLE auth.twins (id int); CREATE TABLE shop.twins (id int);
CREATE TABLE auth.upserted (id int PRIMARY KEY, n int); CREATE TABLE shop.upserted (id int PRIMARY KEY, n int);
CREATE TABLE shop.wide (id int);
INSERT INTO auth.people VALUES (1, 'Ada'), (2, 'Bo');
INSERT INTO auth.upserted VALUES (1, 0);
INSERT INTO shop.twins SELECT n FROM generate_series(1, 10) AS n;
GRANT USAGE ON SCHEMA auth, shop, depot, commons, trap_user, "Odd Schema" TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA auth, shop, depot, commons, trap_user, "Odd Schema", public TO PUBLIC;
GRANT pg_monitor TO trap_reader; GRANT USAGE ON SCHEMA tools TO trap_reader;
ALTER ROLE trap_one SET search_path = auth;
ALTER ROLE trap_two SET search_path = shop;
"""
FOREIGN = """
CREATE EXTENSION postgres_fdw;
CREATE SERVER near FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{host}', port '{port}', dbname '{far}');
CREATE SERVER unknown FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'nowhere.example', dbname '{far}');
CREATE USER MAPPING FOR postgres SERVER near OPTIONS (user 'postgres');
CREATE FOREIGN TABLE shop.f_goods (id int) SERVER near OPTIONS (schema_name 'far', table_name 'goods');
CREATE FOREIGN TABLE shop.f_unknown (id int) SERVER unknown;
"""


@pytest.fixture(scope="module")
def traps(major):
    with made(major, [FAR, DATABASE], (*LOGINS, READER)):
        with unseen(major, FAR) as far:
            far.execute("CREATE SCHEMA far; CREATE TABLE far.goods (id int)")
        with unseen(major, DATABASE) as admin:
            admin.execute(f"""ALTER DATABASE {DATABASE} SET search_path = "$user", depot, public""")
            admin.execute(OBJECTS)
            admin.execute(FOREIGN.format(host=major.folder, port=major.port, far=FAR))
        estate = estate_of(major, DATABASE, ESTATE, READER)
        first = looked_at(estate)
        run(major)
        second = looked_at(estate, 1, first)
        yield Entries(worked(first, second), DATABASE), second, major.version[0]


def run(server):
    def as_login(login, *texts, options=""):
        with psycopg.connect(
            server.url(DATABASE, login), autocommit=True, options=options, prepare_threshold=None
        ) as session:
            for text in texts:
                session.execute(text)

    as_login(
        "trap_plain",
        "SELECT count(*) FROM shop.user_events",
        "SELECT count(*) FROM auth.events",
        "SELECT pa.id FROM auth.pairs pa JOIN auth.pairs pb ON pa.id = pb.other",
        "SELECT count(*) FROM bins",
        "SELECT name FROM shop.v_nested WHERE id = 5",
        "SELECT count(*) FROM depot.mv",
        "SELECT sum(g) FROM depot.v_series",
        "UPDATE shop.v_people SET name = 'Al' WHERE id = 1",
        "INSERT INTO depot.logs_1_1 VALUES (3)",
        "SELECT auth.f_sql(), 1",
        "SELECT auth.f_atomic(), 2, 3",
        "SELECT auth.f_dynamic('shop.notes')",
        "SELECT shop.f_outer(), 1, 2, 3",
        "SELECT shop.f_pathed(), 1, 2, 3, 4",
        "SELECT n + 1 FROM shop.v_called",
        "SELECT count(*) FROM commons.a_rows",
        "SELECT count(*) FROM commons.b_rows",
        "SELECT count(*) FROM commons.c_rows",
        "SELECT count(*) FROM public._prisma_migrations",
        'SELECT count(*) FROM "Odd Schema"."Mixed Table"',
        "WITH shadowed AS (SELECT id FROM shop.source) SELECT id FROM shadowed",
        "SELECT t0.id FROM auth.things AS t0 WHERE t0.a = 5",
        "SELECT t0.id FROM shop.stuff AS t0 WHERE t0.a = 5",
        "SELECT count(*) FROM shop.gone",
        f"INSERT INTO shop.wide VALUES {','.join(f'({n})' for n in range(LONG // 8))}",
        "SELECT count(*) FROM pg_class WHERE relname = 'x'",
        "INSERT INTO depot.orders VALUES (1, 1)",
    )
    for n in range(30):
        as_login("trap_plain", *[f"INSERT INTO auth.twins VALUES ({n})"] * 10)
    as_login("trap_plain", *["INSERT INTO shop.twins VALUES (1)"] * 100)
    as_login("trap_plain", *["DELETE FROM shop.twins WHERE id = 1"] * 20)
    for schema in ("auth", "auth", "shop"):
        text = f"INSERT INTO {schema}.upserted VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET n = 2"
        as_login("trap_plain", *[text] * 10)
    for login in ("trap_one", "trap_two"):
        as_login(login, "SELECT count(*) FROM items")
    as_login("trap_set", "SELECT max(id) FROM lonely", options="-c search_path=shop")
    for schema in ("auth", "shop"):
        as_login("trap_app", "SELECT count(*) FROM parts", options=f"-c search_path={schema}")
        as_login("trap_set", f"SET search_path TO {schema}")
    as_login("trap_set", "SELECT count(*) FROM bits", options="-c search_path=auth,shop")
    as_login("trap_user", "SELECT count(*) FROM prefs")
    as_login(
        "trap_temp",
        "CREATE TEMP TABLE scratched (id int)",
        "INSERT INTO scratched VALUES (1)",
        "CREATE TEMPORARY TABLE scratch2 (id int)",
        "DELETE FROM scratch2",
        "SELECT min(id) FROM pg_temp.scratch2",
    )
    as_login(
        "postgres",
        "SELECT count(*) FROM shop.f_goods",
        "REFRESH MATERIALIZED VIEW depot.mv",
        "VACUUM auth.people",
        "CREATE VIEW depot.v_later AS SELECT id FROM shop.notes",
        "DROP TABLE shop.gone",
        "SET pg_stat_statements.track = 'all'",
        "SELECT auth.f_sql(), 'nested', 1, 2, 3, 4, 5",
        "INSERT INTO depot.orders SELECT 2, 2",
    )
    with psycopg.connect(server.url(DATABASE), autocommit=True) as admin:
        changed = "SELECT n_tup_ins FROM pg_stat_user_tables WHERE relid = '{}.twins'::regclass"
        wait_until(lambda: admin.execute(changed.format("auth")).fetchone()[0], 300)
        wait_until(lambda: admin.execute(changed.format("shop")).fetchone()[0], 110)


def test_a_longer_name_is_another_table(traps):
    found, _, _ = traps
    assert found.sure("shop.user_events") == {"read shop.user_events"}
    assert found.sure("FROM auth.events") == {"read auth.events"}
    assert found.row("FROM auth.events")["exclusive"] == "auth"


def test_a_table_named_twice_is_one_table(traps):
    found, _, _ = traps
    assert found.sure("auth.pairs") == {"read auth.pairs"}
    assert len(found.touches("auth.pairs")) == 1


def test_one_text_under_two_logins_search_paths(traps):
    found, _, major = traps
    for login, service in (("trap_one", "auth"), ("trap_two", "shop")):
        row = found.row("FROM items", login)
        if major < 18:
            assert (row["rung"], row["exclusive"]) == ("search_path", service)
            assert found.sure("FROM items", login) == {f"read {service}.items"}
        else:  # an entry of 18 does not say which
            assert (row["rung"], row["exclusive"]) == ("ambiguous", None)
            assert found.maybe("FROM items", login) == {"read auth.items", "read shop.items"}


def test_one_login_whose_sessions_set_a_path_is_ambiguous_in_every_entry(traps):
    found, _, major = traps
    held = found.all("FROM parts", "trap_app")
    assert len(held) == (2 if major < 18 else 1)
    assert set(held["rung"]) == {"ambiguous"}
    assert held["exclusive"].isna().all()


def test_a_login_that_is_seen_to_set_its_path_is_not_bound_by_the_configured_one(traps):
    found, _, _ = traps
    row = found.row("FROM bits", "trap_set")
    assert (row["rung"], row["exclusive"]) == ("ambiguous", None)
    assert found.maybe("FROM bits") == {"read auth.bits", "read shop.bits"}


def test_the_logins_own_schema_comes_first_and_the_databases_setting_holds(traps):
    found, _, major = traps
    if major < 18:
        assert found.sure("FROM prefs", "trap_user") == {"read trap_user.prefs"}
        assert found.sure("FROM bins") == {"read depot.bins"}
    else:
        assert found.row("FROM prefs")["rung"] == found.row("FROM bins")["rung"] == "ambiguous"
    catalogue = found.found.attributed.catalogue
    assert catalogue.search_path("main", DATABASE, "trap_one") == (("auth",), "role")
    assert catalogue.search_path("main", DATABASE, "x") == (("x", "depot", "public"), "database")
    # the reader sees its own database's setting in its place
    assert catalogue.search_path("main", FAR, "x") == ((), "server")


def test_a_name_that_is_there_once_needs_no_path(traps):
    found, _, _ = traps
    assert found.row("FROM lonely")["rung"] == "unique"
    assert found.sure("FROM lonely") == {"read shop.lonely"}


def test_views_are_followed_to_their_tables(traps):
    found, _, _ = traps
    assert found.sure("shop.v_nested") == {"read auth.people", "read shop.notes"}
    views = {v.qualified for t in found.touches("shop.v_nested") for v in t.views}
    assert views == {"shop.v_nested", "shop.v_people"}
    assert found.sure("sum(g) FROM depot.v_series") == {"read depot.v_series"}


def test_a_materialised_view_holds_its_rows_and_its_refresh_reads_the_tables(traps):
    found, _, _ = traps
    assert found.sure("FROM depot.mv") == {"read depot.mv"}
    assert found.sure("REFRESH") == {"write depot.mv", "read auth.people"}


def test_an_update_through_a_view_writes_the_table(traps):
    found, _, _ = traps
    assert found.sure("UPDATE shop.v_people") == {"write auth.people"}
    (crossing,) = (c for c in statement_crossings(found.found.attributed) if c.access == "write")
    assert (crossing.owners, crossing.through) == (("auth",), ("shop.v_people",))


def test_a_partition_is_its_root(traps):
    found, _, _ = traps
    assert found.sure("depot.logs_1_1") == {"write depot.logs"}


def test_a_foreign_table_is_the_table_of_the_instance_that_the_estate_knows(traps):
    found, _, _ = traps
    (touch,) = found.touches("shop.f_goods")
    assert (touch.relation.database, touch.relation.qualified) == (FAR, "far.goods")
    assert (touch.relation.service, [v.qualified for v in touch.views]) == ("far", ["shop.f_goods"])
    assert found.row("shop.f_goods")["exclusive"] == "far"
    catalogue = found.found.attributed.catalogue
    names = catalogue.database("main", DATABASE)
    (unknown,) = catalogue.behind("main", DATABASE, names.find("shop", "f_unknown")).tables
    assert unknown.qualified == "shop.f_unknown"


@pytest.mark.parametrize(
    ("text", "open_ended"),
    [
        ("auth.f_sql(), $1%", False),
        ("auth.f_atomic()", False),
        ("shop.f_outer()", False),
        ("shop.f_pathed()", False),
        ("FROM shop.v_called", False),
    ],
)
def test_what_a_function_names_may_be_touched(traps, text, open_ended):
    found, _, _ = traps
    login = "trap_plain"
    piece = text.rstrip("%")
    row = found.row(piece, login)
    assert (row["rung"], row["open_ended"]) == ("approximate", open_ended)
    assert "read auth.people" in found.maybe(piece, login)


def test_a_function_that_executes_text_may_touch_anything(traps):
    found, _, _ = traps
    row = found.row("auth.f_dynamic(")
    assert (row["rung"], row["open_ended"], row["exclusive"]) == ("approximate", True, None)


def test_nested_statements_are_not_counted_twice(traps):
    found, _, _ = traps
    entries = found.rows
    nested = entries[~entries["toplevel"].astype(bool)]
    assert "SELECT count(*) FROM auth.people" in "".join(nested["query"])
    everybody = found.found.attributed.entries
    top = everybody[everybody["toplevel"].astype(bool)]
    assert found.found.rungs["calls"].sum() == top["calls"].sum()


def test_the_check_of_a_foreign_key_reads_for_nobody(traps):
    found, _, _ = traps
    row = found.row('FROM ONLY "auth"."people" x')
    assert (row["rung"], row["toplevel"]) == ("none", False)
    assert found.touches('FROM ONLY "auth"."people" x') == ()


def test_a_temporary_table_is_nobodys_and_hides_a_real_one(traps):
    found, _, _ = traps
    assert found.touches("DELETE FROM scratch2") == ()
    assert found.row("DELETE FROM scratch2")["rung"] == "absent"
    assert found.row("pg_temp.scratch2")["rung"] == "none"
    row = found.row("INSERT INTO scratched")
    assert (row["rung"], row["exclusive"]) == ("ambiguous", None)


def test_a_dropped_table_is_still_its_schemas_owners(traps):
    found, _, _ = traps
    row = found.row("SELECT count(*) FROM shop.gone")
    assert (row["rung"], row["exclusive"]) == ("absent", "shop")


def test_tables_of_a_shared_schema_have_owners_of_their_own(traps):
    found, _, _ = traps
    owners = [found.row(f"commons.{t}_rows")["exclusive"] for t in "abc"]
    assert owners == ["alpha", "beta", None]


def test_what_a_tool_keeps_is_nobodys(traps):
    found, _, _ = traps
    assert found.row("_prisma_migrations")["exclusive"] is None
    (touch,) = found.touches("_prisma_migrations")
    assert touch.relation.standing == "platform"
    assert found.row("FROM pg_class WHERE relname")["rung"] == "none"


def test_quoted_names_keep_their_case(traps):
    found, _, _ = traps
    assert found.sure("Mixed Table") == {"read Odd Schema.Mixed Table"}


def test_a_cte_hides_a_table_of_its_name(traps):
    found, _, _ = traps
    assert found.sure("WITH shadowed") == {"read shop.source"}


def test_aliases_merge_entries_from_18_on(traps):
    found, _, major = traps
    held = found.all("AS t0 WHERE")
    if major < 18:
        assert set(held["exclusive"]) == {"auth", "shop"}
        return
    (row,) = held.to_dict("records")
    assert (row["rung"], row["exclusive"], row["calls"]) == ("merged", None, 2)
    for service in ("auth", "shop"):
        low, high = found.interval(service, "calls")
        assert low + 2 <= high, "and it counts in the upper bounds of both"


def test_the_tables_counters_bound_what_merged_writes_changed(traps):
    found, _, major = traps
    touches = found.found.attributed.touches
    held = {s: found.all(f"INSERT INTO {s}.twins") for s in ("auth", "shop")}
    if major < 18:
        assert [int(h["calls"].sum()) for h in held.values()] == [300, 100]
        return
    (row,) = found.all(".twins VALUES").to_dict("records")
    assert (row["rung"], row["calls"]) == ("merged", 400)
    mine = touches[touches["entry"] == found.all(".twins VALUES").index[0]].set_index("schema")
    assert mine.loc["auth", ["low", "high"]].tolist() == pytest.approx([0.75, 0.75])
    assert mine.loc["shop", ["low", "high"]].tolist() == pytest.approx([0.25, 0.25])
    deleted = touches[touches["entry"] == found.row("DELETE FROM shop.twins").name]
    deleted = deleted.set_index("schema")
    assert deleted.loc["shop", ["low", "high"]].tolist() == [1.0, 1.0]
    assert deleted.loc["auth", ["low", "high"]].tolist() == [0.0, 0.0]


def test_an_upsert_is_bounded_by_inserts_and_updates(traps):
    found, _, major = traps
    if major < 18:
        return
    touches = found.found.attributed.touches
    mine = touches[touches["entry"] == found.row(".upserted VALUES").name].set_index("schema")
    for schema, share in (("auth", 2 / 3), ("shop", 1 / 3)):
        low, high = mine.loc[schema, ["low", "high"]]
        assert low - 1e-9 <= share <= high + 1e-9


def test_maintenance_and_ddl_lock_what_they_name_and_cross_nothing(traps):
    found, _, _ = traps
    assert found.sure("VACUUM") == {"lock auth.people"}
    assert found.sure("CREATE VIEW depot.v_later") == {"lock shop.notes"}
    crossed = {e for c in statement_crossings(found.found.attributed) for e in c.examples}
    assert not [text for text in crossed if text.startswith(("VACUUM", "CREATE", "DROP"))]


def test_a_text_of_a_megabyte_is_read(traps):
    found, _, _ = traps
    row = found.row("INSERT INTO shop.wide")
    assert len(row["query"]) > LONG * 0.8
    assert found.sure("INSERT INTO shop.wide") == {"write shop.wide"}


def test_what_the_workbench_asks_is_its_own(traps):
    found, _, _ = traps
    rungs = found.found.rungs.set_index("rung")
    assert rungs.loc["workbench", "entries"] > 10
    own = found.rows[found.rows["query"].fillna("").str.contains("pg_catalog.pg_class AS c")]
    assert set(own["rung"]) <= {"workbench"}


def test_the_same_snapshots_give_the_same_answer(traps):
    found, _, _ = traps
    window = found.found.attributed.window
    again = worked(*window.history.snapshots)
    for name in ("services", "rungs", "callers"):
        one, other = (getattr(w, name).to_csv() for w in (found.found, again))
        assert one == other
    assert again.statements.to_csv() == found.found.statements.to_csv()


# Whoever may not see, and texts that are no UTF-8


def test_without_the_right_to_see_it_is_the_logins_and_may_be_anybodys(server):
    logins = ("trap_low", "trap_auth")
    with made(server, ["traps_low"], logins):
        with unseen(server, "traps_low") as admin:
            admin.execute("CREATE EXTENSION pg_stat_statements")
            admin.execute("CREATE SCHEMA auth; CREATE TABLE auth.events (id int)")
            admin.execute("CREATE SCHEMA shop; CREATE TABLE shop.events (id int)")
            admin.execute("GRANT USAGE ON SCHEMA auth, shop TO PUBLIC")
            admin.execute("GRANT SELECT ON ALL TABLES IN SCHEMA auth, shop TO PUBLIC")
        text = """
[services.auth]
schemas = ["auth"]
[services.shop]
schemas = ["shop"]
[[actors]]
service = "auth"
login = "trap_auth"
"""
        with psycopg.connect(server.url("traps_low", "trap_auth"), autocommit=True) as session:
            for _ in range(7):
                session.execute("SELECT id FROM auth.events")
        estate = estate_of(server, "traps_low", text, "trap_low")
        found = Entries(worked(looked_at(estate)), "traps_low")
    hidden = found.rows[found.rows["rung"] == "unreadable"]
    mine = hidden[hidden["rolname"] == "trap_auth"]
    assert mine["query"].isna().all()
    assert mine["calls"].sum() == 7
    assert set(mine["caller"]) == {"auth"}, "the login is told all the same"
    path = found.found.attributed.catalogue.search_path("main", "traps_low", "x")
    assert path == (("x", "public"), "server")
    for service in ("auth", "shop"):
        low, high = found.interval(service, "calls")
        assert low == 0
        assert high >= 7


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_names_in_other_encodings(server, encoding):
    name = f"traps_{encoding.lower()}"
    with made(server, [name], [], encoding=encoding):
        client = encoding if encoding == "LATIN1" else "SQL_ASCII"
        size = "gr\u00f6\u00dfe".encode("latin-1" if encoding == "LATIN1" else "utf-8")
        with unseen(server, name, client_encoding=client) as admin:
            admin.execute("CREATE EXTENSION pg_stat_statements")
            admin.execute(b'CREATE SCHEMA shop; CREATE TABLE shop."' + size + b'" (id int)')
            admin.execute("SET pg_stat_statements.track = 'top'")
            admin.execute(b'SELECT count(*) FROM shop."' + size + b'"')
        estate = estate_of(server, name, '[services.shop]\nschemas = ["shop"]\n')
        found = Entries(worked(looked_at(estate)), name)
    assert found.sure('FROM shop."gr') == {"read shop.gr\u00f6\u00dfe"}
    assert found.row('FROM shop."gr')["exclusive"] == "shop"


def test_bytes_that_are_no_text_do_not_stop_it():
    # on a server of its own: such a text keeps every database in UTF-8 there from reading any
    with private_server() as server, made(server, ["traps_bytes"], [], encoding="SQL_ASCII"):
        with unseen(server, "traps_bytes", client_encoding="SQL_ASCII") as admin:
            admin.execute("CREATE EXTENSION pg_stat_statements")
            admin.execute("CREATE SCHEMA shop; CREATE TABLE shop.plain (id int)")
            admin.execute(b'CREATE TABLE shop."b\xe4d" (id int)')
            admin.execute("SET pg_stat_statements.track = 'top'")
            admin.execute(b'SELECT count(*) AS "\xe4\xff" FROM shop.plain')
            admin.execute(b'SELECT max(id) FROM shop."b\xe4d"')
        estate = estate_of(server, "traps_bytes", '[services.shop]\nschemas = ["shop"]\n')
        found = Entries(worked(looked_at(estate)), "traps_bytes")
    assert found.sure("FROM shop.plain") == {"read shop.plain"}
    assert found.row("max(id) FROM shop.")["exclusive"] == "shop"
