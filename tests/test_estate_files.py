"""Estate files: every topology is read, and a wrong file is refused with the way out."""

import copy
import json
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.conninfo import read_target
from workbench.errors import EstateError
from workbench.estate import (
    Alias,
    DeclaredReference,
    Estate,
    Owner,
    Place,
    Prices,
    TableName,
    WrittenEnd,
    estate_from_urls,
    load_estate,
)
from workbench.share import reference_estate

SECRET = "hunter2"
MAIN = '[instances.main]\nurl = "postgresql://db.example/hos"\n'
HOSTILE = [
    'a"b',
    "<script>alert(1)</script>",
    "$(x)",
    "é" * 31 + "x",
    "заказы",
    "a.b",
    "a\nb",
    "'",
    "\\",
]


@pytest.fixture
def load(tmp_path):
    """Load an estate from the text of its files; variables come from ``environ`` alone."""

    def load(text: str, environ=None, **files: str) -> Estate:
        (tmp_path / "estate.toml").write_text(text, encoding="utf-8")
        for name, content in files.items():
            path = tmp_path / (f"{name}.toml" if name == "exemptions" else f"services/{name}.toml")
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8")
        return load_estate(tmp_path, environ or {})

    return load


@pytest.fixture
def refused(load, tmp_path):
    """The faults of an estate, a line each, without the folder's name."""

    def refused(text: str, environ=None, **files: str) -> list[str]:
        with pytest.raises(EstateError) as caught:
            load(text, environ, **files)
        return str(caught.value).replace(f"{tmp_path}/", "").splitlines()

    return refused


def owners(estate: Estate, *places: tuple[str, ...]) -> list[str]:
    found = [estate.owner(*place) for place in places]
    return [owner.service or owner.standing for owner in found]


# -- topologies


def test_a_schema_per_service(load):
    estate = load(
        MAIN
        + """
        [services.monolith]
        schemas = ["public"]
        attributes = { port = 3001 }
        [services.order]
        schemas = ["order_service"]
        [services.order.attributes]
        port = 3004
        tier = "gold"
        """
    )
    assert estate.service("order").attributes == {"port": 3004, "tier": "gold"}
    assert [(s.instance, s.database, s.schemas) for s in estate.services] == [
        ("main", "hos", ("public",)),
        ("main", "hos", ("order_service",)),
    ]
    assert owners(
        estate,
        ("main", "hos", "order_service", "orders"),
        ("main", "hos", "order_service"),
        ("main", "hos", "legacy", "orders"),
        ("main", "other", "public", "orders"),
    ) == ["order", "order", "unowned", "unowned"]


def test_a_database_per_service(load):
    estate = load(
        """
        [instances.main]
        url = "${ORION_URL}"
        exclude_databases = ["*_dev", "*_test"]
        [services.auth]
        database = "orion_auth"
        [services.user]
        url = "${ORION_URL}/orion_user?connection_limit=10&pool_timeout=2"
        """
    )
    user = estate.service("user")
    assert (user.instance, user.database, user.whole) == ("main", "orion_user", True)
    assert (user.connection_limit, user.pool_timeout) == (10, 2)
    assert owners(
        estate,
        ("main", "orion_auth", "public", "users"),
        ("main", "orion_user", "anything", "users"),
        ("main", "orion_new", "public", "users"),
    ) == ["auth", "user", "unowned"]
    main = estate.instance("main")
    assert [main.excludes(d) for d in ("orion_auth_dev", "orion_auth")] == [True, False]


def test_an_instance_per_service_from_variables(load):
    text = ""
    for name in ("identity", "learning"):
        up = name.upper()
        text += f"""
        [services.{name}]
        url = "postgresql://${{{up}_USER}}:${{{up}_PASSWORD}}@${{{up}_HOST}}:${{{up}_PORT}}/${{{up}_NAME:-edtech_{name}_db}}"
        """
    estate = load(text)
    assert [i.name for i in estate.instances] == ["identity", "learning"]
    assert owners(
        estate,
        ("identity", "edtech_identity_db", "public", "users"),
        ("learning", "edtech_learning_db", "public", "users"),
    ) == ["identity", "learning"]
    environ = {"IDENTITY_USER": "u", "IDENTITY_PASSWORD": SECRET}
    environ |= {"IDENTITY_HOST": "h", "IDENTITY_PORT": "5"}
    assert estate.instance("identity").target(environ).safe == "u@h:5/edtech_identity_db"


def test_an_instance_claimed_whole_needs_no_more_than_its_name(load):
    estate = load(
        '[instances.a]\nurl="service=a"\n[instances.b]\nurl="service=b"\n[services.a]\nteam="A"\n'
    )
    assert owners(estate, ("a", "x", "public", "t"), ("b", "x", "public", "t")) == ["a", "unowned"]


def test_named_tables_of_a_shared_schema(load):
    estate = load(
        MAIN
        + """
        [services.monolith]
        schemas = ["public"]
        [services.learning]
        tables = ["tutors", 'odd."we.ird"']
        [services.payment]
        tables = []
        """
    )
    assert estate.service("learning").tables == (
        TableName("public", "tutors"),
        TableName("odd", "we.ird"),
    )
    assert owners(
        estate,
        ("main", "hos", "public", "tutors"),
        ("main", "hos", "public", "users"),
        ("main", "hos", "odd", "we.ird"),
        ("main", "hos", "odd", "other"),
    ) == ["learning", "monolith", "learning", "unowned"]
    assert not estate.service("payment").whole


def test_three_services_elsewhere(load):
    estate = load(MAIN + '[services.search]\nexternal = true\nteam = "search team"\n')
    assert estate.service("search").external
    assert estate.owner("main", "hos", "search") == Owner(None, "unowned")


def test_the_whole_vocabulary(load):
    estate = load(
        """
        [estate]
        name = "shop"
        title = "The shop"
        max_age = 5
        [instances.main]
        provider = "RDS"
        network = "office"
        url = "postgresql://db/shop"
        password_command = ["pass", "show", "db"]
        capacity = { vcpus = 8, memory_gb = 32, storage_gb = 500 }
        [[instances.main.endpoints]]
        role = "pooler"
        url = "postgresql://pool:6432/shop"
        pool_size = 20
        pool_mode = "transaction"
        max_clients = 400
        [services.user]
        team = "identity"
        contact = "#identity"
        was = ["users"]
        schemas = ["u"]
        [services.auth]
        schemas = ["a"]
        connection_limit = 5
        [[references]]
        from = "user.user_profiles.user_id"
        to = "auth"
        [[references]]
        from = ["user.u.pairs.a", "user.u.pairs.b"]
        to = ["auth.users.a", "auth.users.b"]
        shape = "composite"
        [[actors]]
        service = "user"
        login = "user_rw"
        [[actors]]
        service = "auth"
        network = "10.1.2.3/16"
        [[thresholds]]
        metric = "slow_calls"
        service = "user"
        hard = 10_000
        window = "7 days"
        formula = "calls a day whose mean is over slower_than_ms"
        parameters = { slower_than_ms = 3 }
        source = "review of May"
        [[events]]
        date = 2026-03-02
        what = "campaign"
        [[events]]
        date = "2026-03-01"
        what = "release"
        service = "user"
        """,
        exemptions='[[exemptions]]\nkey = "k"\nowner = "ann"\nreason = "r"\nexpires = 2027-01-01\n',
    )
    assert (estate.name, estate.title, estate.max_age) == ("shop", "The shop", 5)
    main = estate.instance("main")
    assert [(e.role, e.pool_size) for e in main.endpoints] == [("primary", None), ("pooler", 20)]
    assert (main.capacity.vcpus, main.capacity.iops) == (8, None)
    assert estate.service("users") is estate.service("user"), "a former name finds it"
    assert estate.references[0] == DeclaredReference(
        WrittenEnd("user", None, "user_profiles", ("user_id",)), WrittenEnd("auth")
    )
    assert estate.references[1].source == WrittenEnd("user", "u", "pairs", ("a", "b"))
    assert [a.network for a in estate.actors] == [None, "10.1.0.0/16"]
    assert (estate.thresholds[0].hard, estate.thresholds[0].soft) == (10_000, None)
    assert estate.thresholds[0].parameters == {"slower_than_ms": 3}
    assert [e.what for e in estate.events] == ["release", "campaign"]
    assert estate.exemptions[0].expires.year == 2027


def test_a_file_per_service(load, tmp_path):
    files = {"order": 'schemas = ["o"]\nteam = "T"\n', "user": 'schemas = ["u"]\n'}
    estate = load(MAIN, **files)
    assert [s.name for s in estate.services] == ["order", "user"]
    assert estate.service("order").team == "T"
    assert estate.folder == tmp_path
    assert load_estate(tmp_path / "estate.toml", {}) == estate


def test_the_digest_follows_the_files_and_nothing_else(load, tmp_path):
    first = load(MAIN + "[services.a]\ndatabase='a'\n")
    assert load(MAIN + "[services.a]\ndatabase='a'\n", {"X": "1"}).digest == first.digest
    assert load(MAIN + "[services.a]\ndatabase='b'\n").digest != first.digest
    moved = tmp_path / "moved"
    moved.mkdir()
    (moved / "estate.toml").write_text(MAIN + "[services.a]\ndatabase='a'\n")
    assert load_estate(moved, {}).digest == first.digest


def test_hostile_names_are_names(load):

    text = MAIN
    for name in HOSTILE:
        quoted = json.dumps(name, ensure_ascii=False)
        text += f"[services.{quoted}]\nschemas = [{quoted}]\n"
    estate = load(text)
    assert [s.name for s in estate.services] == HOSTILE
    assert [estate.owner("main", "hos", name, name).service for name in HOSTILE] == HOSTILE


# -- ownership


@pytest.mark.parametrize(
    ("schema", "table", "standing"),
    [
        ("cron", "job", "platform"),
        ("partman", "part_config", "platform"),
        ("_timescaledb_internal", "x", "platform"),
        ("pg_catalog", "pg_class", "platform"),
        ("public", "_prisma_migrations", "platform"),
        ("public", "__EFMigrationsHistory", "platform"),
        ("public", "migrations", "owned"),
        ("cronjobs", "x", "owned"),
    ],
)
def test_platform_is_nobodys(load, schema, table, standing):
    estate = load(MAIN + '[services.all]\ndatabase = "hos"\n')
    assert estate.owner("main", "hos", schema, table).standing == standing


def test_what_is_named_outright_is_owned_even_from_the_platform(load):
    estate = load(
        MAIN + '[services.jobs]\nschemas = ["cron"]\ntables = ["public.schema_version"]\n'
    )
    assert owners(
        estate,
        ("main", "hos", "cron", "job"),
        ("main", "hos", "cron", "schema_migrations"),
        ("main", "hos", "public", "schema_version"),
    ) == ["jobs", "platform", "jobs"]


def test_members_of_extensions_are_platform(load):
    estate = load(MAIN + '[services.all]\nschemas = ["public"]\n')
    member = estate.owner("main", "hos", "public", "pg_stat_statements", extension=True)
    assert member == Owner(None, "platform")


# -- implicit estates


def test_each_schema_found_is_a_service():
    estate = estate_from_urls(["postgresql://u:p@db/hos"])
    assert estate.implicit
    assert estate.services == ()
    found = [
        ("db", "hos", "public"), ("db", "hos", "order"), ("db", "hos", "cron"),
        ("db", "auth", "public"), ("db", "auth", "pg_toast"),
        ("db", "two", "order"), ("db", "two", "user"),
    ]  # fmt: skip
    settled = estate.settle(found)
    assert sorted(s.name for s in settled.services) == [
        "auth", "hos.order", "public", "two.order", "user",
    ]  # fmt: skip
    assert settled.owner("db", "auth", "public", "users").service == "auth"
    assert settled.owner("db", "two", "order", "t").service == "two.order"
    assert settled.owner("db", "hos", "cron", "job").standing == "platform"
    assert settled == estate.settle(reversed(found))


def test_names_stay_unique_across_instances_and_dots():
    estate = estate_from_urls(["postgresql://a/x", "postgresql://b/x"])
    found = [(i, d, s) for i in "ab" for d in ("x", "x.y") for s in ("p", "q", "y.p")]
    names = [s.name for s in estate.settle(found).services]
    assert len(set(names)) == len(found)
    assert {"a.x.p", 'a."x.y".p'} <= set(names)


def test_instances_are_named_after_host_or_database():
    def names(*urls):
        return [i.name for i in estate_from_urls(urls).instances]

    assert names("postgresql://db.example/a", "postgresql://db.example/b") == ["db.example"]
    assert names("postgresql://db:1/a", "postgresql://db:2/a") == ["db:1", "db:2"]
    assert names("postgresql:///a?host=/tmp/x", "postgresql://localhost/b") == ["a", "b"]
    assert names("service=x", "postgresql://") == ["x", "local"]


def test_an_explicit_estate_settles_as_itself(load):
    estate = load(MAIN + "[services.a]\ndatabase='a'\n")
    assert estate.settle([("main", "b", "c")]) is estate


def test_a_bad_url_is_refused_without_its_password():
    with pytest.raises(EstateError, match="--url 2: malformed URL") as caught:
        estate_from_urls(["postgresql://h", f"postgresql://u:{SECRET}@h:x/y"])
    assert SECRET not in str(caught.value)
    with pytest.raises(EstateError, match="no --url was given"):
        estate_from_urls([])


def test_declarations_that_match_nothing_are_told_with_what_is_near(load):
    estate = load(
        MAIN
        + """
        [instances.away]
        url = "postgresql://away/x"
        [services.order]
        instance = "main"
        schemas = ["order_service", "here"]
        [services.user]
        instance = "main"
        tables = ["usr"]
        [services.gone]
        instance = "main"
        database = "gone"
        [services.unread]
        instance = "away"
        """.replace('schemas = ["order', 'database = "hos"\n schemas = ["order').replace(
            "tables", 'database = "hos"\n tables'
        )
    )
    found = [
        Place("main", "hos", "orders_service", "orders"),
        Place("main", "hos", "here"),
        Place("main", "hos", "public", "users"),
    ]
    assert [(u.service, u.nearest) for u in estate.declared_unmatched(found)] == [
        ("order", "orders_service"),
        ("user", "users"),
        ("gone", None),
    ]
    first = estate.declared_unmatched(found)[0]
    assert first.what == "schema 'order_service' of database 'hos'"
    assert first.where.endswith("estate.toml: services.order")


# -- connecting


def test_replicas_are_named_as_written_or_by_their_place(load):
    head = "[[instances.main.endpoints]]\nrole = '{}'\nurl = 'postgresql://{}/x'\n"
    ways = head.format("primary", "p") + head.format("replica", "a")
    ways += head.format("replica", "b") + "name = 'reports'\n" + head.format("replica", "c")
    (instance,) = load(f"[estate]\n{ways}").instances
    assert [e.name for e in instance.replicas] == ["replica-1", "reports", "replica-3"]
    target = instance.target(endpoint=instance.replicas[1])
    assert target.params["host"] == "b"
    for name in ("replica-1", "primary"):
        with pytest.raises(EstateError, match="has endpoints named"):
            load(f"[estate]\n{ways}name = 'x'\n".replace("reports", name))


def test_the_primary_is_connected_then_the_pooler_then_a_replica(load):
    for roles, host in ((("replica", "primary"), "primary"), (("replica", "pooler"), "pooler")):
        points = "".join(
            f'[[instances.main.endpoints]]\nrole="{r}"\nurl="postgresql://{r}/x"\n' for r in roles
        )
        assert load(points).instance("main").target({}).params["host"] == host


def test_tls_settings_override_the_url_and_paths_start_in_the_folder(load, tmp_path):
    estate = load(
        """
        [instances.main]
        url = "postgresql://db/x?sslmode=disable"
        tls = { sslmode = "verify-full", sslrootcert = "ca.pem", sslkey = "${KEYS}/k" }
        """
    )
    params = estate.instance("main").target({"KEYS": "/keys"}).params
    assert params["sslmode"] == "verify-full"
    assert params["sslrootcert"] == str(tmp_path / "ca.pem")
    assert params["sslkey"] == "/keys/k"


def test_the_database_connected_to(load):
    main = load('[instances.main]\nurl = "postgresql://db"\ndatabase = "hos"\n').instance("main")
    assert main.target({}).params["dbname"] == "hos"
    assert main.target({}, database="b").params["dbname"] == "b"


def test_a_password_command_is_split_without_a_shell_and_run_at_connect(load):
    estate = load(
        f"""
        [instances.main]
        url = "postgresql://db/x"
        password_command = '"{sys.executable}" -c "import sys; print(sys.argv[1])" ${{WORD}}'
        """
    )
    target = estate.instance("main").target({"WORD": "a b; $(c)"})
    assert target.connecting()["password"] == "a b; $(c)"


def test_variables_of_a_url_wait_until_they_are_needed(load, tmp_path):
    text = '[instances.main]\nurl = "${URL}"\ntls.sslrootcert = "${CA}"\n[services.a]\nschemas = ["a"]\n'
    estate = load(text)
    assert estate.owner("main", "anything", "a", "t").service == "a"
    with pytest.raises(EstateError) as caught:
        estate.instance("main").target({})
    assert str(caught.value) == (
        f"{tmp_path}/estate.toml: instances.main.url:"
        " variable URL is not set; set it, or give a default: ${URL:-...}"
    )
    with pytest.raises(EstateError, match=r"instances\.main\.tls: variable CA is not set"):
        estate.instance("main").target({"URL": "postgresql://db"})


def test_no_password_is_shown_by_an_estate(load, tmp_path):
    text = f"""
    [instances.main]
    url = "postgresql://u:{SECRET}@db/x"
    password_command = "echo {SECRET}"
    [[instances.main.endpoints]]
    role = "replica"
    url = "postgresql://u:${{PW}}@r/x"
    [services.a]
    url = "postgresql://u:{SECRET}@other/x"
    """
    estate = load(text, {"PW": SECRET})
    target = estate.instance("main").target({"PW": SECRET})
    assert SECRET not in repr(estate) + str(estate) + repr(target) + str(target)
    bad = load('[instances.main]\nurl = "postgresql://u:${PW}@db:${PORT}/x"\n').instance("main")
    with pytest.raises(EstateError, match="malformed URL") as caught:
        bad.target({"PW": SECRET, "PORT": SECRET})
    assert SECRET not in str(caught.value)


# -- applications' own URLs


def test_a_prisma_url_says_where_a_service_is(load):
    estate = load(
        MAIN
        + """
        [services.order]
        url = "postgresql://app:${PW}@db.example:5432/hos?schema=order_service&connection_limit=5"
        [services.user]
        url = "postgresql://app@elsewhere/u"
        [services.user2]
        url = "postgresql://app@elsewhere:5432/u?schema=two"
        database = "u2"
        """
    )
    assert [(s.instance, s.database, s.schemas, s.whole) for s in estate.services] == [
        ("main", "hos", ("order_service",), False),
        ("user", "u", (), True),
        ("user", "u2", (), True),
    ]
    assert [i.name for i in estate.instances] == ["main", "user"]


def test_a_url_that_is_a_variable_is_read_when_set_and_needed_only_for_what_is_not_written(
    load, refused
):
    text = MAIN + '[services.order]\nurl = "${ORDER_URL}"\n'
    environ = {"ORDER_URL": "postgresql://wherever/hos?schema=o"}
    assert load(text, environ).service("order").schemas == ("o",)
    assert refused(text) == [
        "estate.toml: services.order.url: variable ORDER_URL is not set, and the database hangs"
        ' on it; set it, or write database = "..."'
    ]
    assert load(text + 'database = "hos"\n').service("order").database == "hos"


def test_which_instance_is_never_guessed_from_the_environment(refused):
    text = '[instances.main]\nurl = "${URL}"\n[services.order]\nurl = "postgresql://db/x"\n'
    for environ in ({}, {"URL": "postgresql://db/x"}):
        assert refused(text, environ) == [
            "estate.toml: services.order.url: may point at 'main': an address hangs on a variable;"
            " write instance = the one"
        ]


def test_prices_person_days_and_staleness_are_read(load):
    estate = load(
        '[estate]\nprices = { currency = "EUR", vcpu = 30, memory_gb = 4, storage_gb = 0.12 }\n'
        'effort = { "API call" = [1, 2.5] }\n'
        + MAIN
        + "[services.a]\nschemas = ['a']\nstaleness_s = 0\n[services.b]\nschemas = ['b']\n"
    )
    assert estate.prices == Prices("EUR", 30, 4, 0.12)
    assert estate.effort == {"API call": (1, 2.5)}
    assert [s.staleness_s for s in estate.services] == [0, None]
    with pytest.raises(TypeError):
        estate.effort["saga"] = (1, 2)
    assert pickle.loads(pickle.dumps(estate)) == estate
    bare = load(MAIN)
    assert (bare.prices, bare.effort) == (None, {})


# -- refusals


def test_no_estate_file(tmp_path):
    with pytest.raises(EstateError, match=r"nowhere: no such file; make one .* init URL -o .*toml"):
        load_estate(tmp_path / "nowhere", {})
    with pytest.raises(EstateError, match=r"the folder holds no estate\.toml; make one"):
        load_estate(tmp_path, {})


FAULTS = {
    "broken": ("[estate\n", "", "is not TOML: .*line 1.*mend that line"),
    "empty": ("", "", "declares neither instances nor services"),
    "unknown table": ("[[reference]]\n", MAIN, "reference: unknown key; nearest valid: 'references'"),
    "unknown key": ("[services.a]\nschema = ['a']\n", MAIN, "services.a.schema: unknown key; nearest valid: 'schemas'"),
    "nested key": ("[instances.b]\nurl='service=b'\ncapacity.cpus = 1\n", "", "instances.b.capacity.cpus: unknown key; nearest valid: 'vcpus'"),
    "a password": ("[instances.b]\nurl='service=b'\npassword = 'hunter2'\n", "", "instances.b.password: unknown key; nearest valid: 'password_command'"),
    "text for a list": ("[services.a]\nschemas = 'a'\n", MAIN, r"services.a.schemas: must be a list in square brackets, not text"),
    "list for text": ("[services.a]\nteam = ['a']\nschemas=['a']\n", MAIN, "services.a.team: must be text in quotes, not a list"),
    "table for list": ("[actors]\nservice = 'a'\n", MAIN, r"actors: must be a list of tables; write \[\[actors\]\]"),
    "value for table": ("services.a = 1\n", "", "services.a: must be a table, not a whole number"),
    "unknown instance": ("[services.a]\ninstance = 'mian'\n", MAIN, "services.a.instance: no instance is called 'mian'; nearest valid: 'main'"),
    "which instance": ("[instances.b]\nurl='service=b'\n[services.a]\nschemas=['a']\n", MAIN, "services.a: is on which instance. Write instance = one of b, main"),
    "no instance": ("[services.a]\nschemas=['a']\n", "", "services.a: no instance is declared"),
    "no url": ("[instances.a]\nprovider = 'x'\n", "", "instances.a: has no url"),
    "two primaries": ("[[instances.main.endpoints]]\nrole='primary'\nurl='service=b'\n", MAIN, "instances.main: has two primaries"),
    "unknown role": ("[[instances.main.endpoints]]\nrole='replika'\nurl='service=b'\n", MAIN, r"instances.main.endpoints\[0\].role: .*nearest valid: 'replica'"),
    "which database": ('[instances.main]\nurl = "service=hos"\n' "[services.a]\nschemas=['a']\n[services.b]\ndatabase='b'\n[services.c]\ndatabase='c'\n", "", "services.a: is in which database. Write database = one of b, c"),
    "one schema twice": ("[services.a]\nschemas=['s']\n[services.b]\nschemas=['s']\n", MAIN, "services.b: schema 's' of database 'hos' is claimed by service 'a' too"),
    "one table twice": ("[services.a]\ntables=['s.t']\n[services.b]\ntables=['s.t']\n", MAIN, "services.b: table 't' in schema 's' of database 'hos' is claimed by service 'a' too"),
    "one database twice": ("[services.a]\ndatabase='d'\n[services.b]\ndatabase='d'\n", MAIN, "services.b: database 'd' of instance 'main' is claimed by service 'a' too"),
    "schema in a whole database": ("[services.a]\ndatabase='d'\n[services.b]\ndatabase='d'\nschemas=['s']\n", MAIN, "services.b: schema 's' of database 'd' lies in database 'd' of instance 'main', which service 'a' claims whole"),
    "schema in a whole instance": ("[services.a]\ninstance='main'\n[services.b]\ndatabase='d'\n", MAIN, "services.b: database 'd' .* lies in instance 'main', which service 'a' claims whole"),
    "external with data": ("[services.a]\nexternal=true\nschemas=['s']\n", MAIN, "services.a.schemas: an external service keeps its data elsewhere"),
    "no data": ("[services.a]\nteam='x'\n", MAIN, "services.a: owns nothing; give it schemas.*external = true.*"),
    "bad url": ("[instances.b]\nurl='mysql://u:hunter2@h/x'\n", "", r"instances.b.url: unknown scheme mysql://; nearest valid: postgresql://"),
    "bad service url": ("[services.a]\nurl='postgresql://u:hunter2@h:x/y'\n", MAIN, "services.a.url: malformed URL"),
    "bad endpoint url": ("[[instances.main.endpoints]]\nrole='replica'\nurl='postgresql://h/x?sslmod=a'\n", MAIN, r"instances.main.endpoints\[0\].url: unknown parameter 'sslmod'; nearest valid: sslmode"),
    "unset variable": ("[services.a]\ndatabase='${NONE}'\n", MAIN, "services.a.database: variable NONE is not set; set it, or give a default"),
    "malformed variable": ("[services.a]\ndatabase='${NONE'\n", MAIN, "services.a.database: malformed variable"),
    "bad date": ("[[events]]\ndate='2026-02-30'\nwhat='x'\n", MAIN, r"events\[0\].date: is not a date; write YYYY-MM-DD"),
    "number for a date": ("[[events]]\ndate=20260101\nwhat='x'\n", MAIN, r"events\[0\].date: is not a date"),
    "was another": ("[services.a]\nschemas=['a']\nwas=['b']\n[services.b]\nschemas=['b']\n", MAIN, "services.a.was: 'b' is, or was, another service too"),
    "was the same": ("[services.a]\nschemas=['a']\nwas=['o']\n[services.b]\nschemas=['b']\nwas=['o']\n", MAIN, "services.b.was: 'o' is, or was, another"),
    "reference to nobody": ("[[references]]\nfrom='a.t.c'\nto='odrer'\n[services.order]\nschemas=['o']\n[services.a]\nschemas=['a']\n", MAIN, r"references\[0\].to: no service is called 'odrer'; nearest valid: 'order'"),
    "reference from no column": ("[[references]]\nfrom='a.t'\nto='a'\n[services.a]\nschemas=['a']\n", MAIN, r"references\[0\].from: names no column; write SERVICE.TABLE.COLUMN"),
    "reference to nothing said": ("[[references]]\nfrom='a.t.c'\n[services.a]\nschemas=['a']\n", MAIN, r"references\[0\].to: is missing; write what it refers to, or rejected = true"),
    "reference of other columns": ("[[references]]\nfrom='a.t.c'\nto=['a.u.c','a.u.d']\n[services.a]\nschemas=['a']\n", MAIN, r"references\[0\].to: has another number of columns than from"),
    "alias of no table": ("[[aliases]]\nword='owner'\nmeans='a'\n[services.a]\nschemas=['a']\n", MAIN, r"aliases\[0\].means: names no table; write SERVICE.TABLE"),
    "alias of nobody": ("[[aliases]]\nword='owner'\nmeans='b.t'\n[services.a]\nschemas=['a']\n", MAIN, r"aliases\[0\].means: no service is called 'b'; valid: 'a'"),
    "alias with two meanings": ("[[aliases]]\nword='owner'\nmeans='a.t'\n[[aliases]]\nword='Owner'\nmeans='a.u'\n[services.a]\nschemas=['a']\n", MAIN, r"aliases\[1\].word: has a meaning at .*aliases\[0\] already; keep one"),
    "reference of two tables": ("[[references]]\nfrom=['a.t.c','a.u.c']\nto='a'\n[services.a]\nschemas=['a']\n", MAIN, r"references\[0\].from: must name columns of one table"),
    "an actor twice": ("[[actors]]\nservice='a'\nlogin='x'\n[[actors]]\nservice='b'\nlogin='x'\n[services.a]\nschemas=['a']\n[services.b]\nschemas=['b']\n", MAIN, r"actors\[1\].login: is service 'a' already"),
    "an actor of two kinds": ("[[actors]]\nservice='a'\nlogin='x'\nnetwork='10.0.0.0/8'\n[services.a]\nschemas=['a']\n", MAIN, r"actors\[0\]: write exactly one of login"),
    "no network": ("[[actors]]\nservice='a'\nnetwork='10.0'\n[services.a]\nschemas=['a']\n", MAIN, r"actors\[0\].network: is not a network"),
    "a threshold without limit": ("[[thresholds]]\nmetric='x'\n", MAIN, r"thresholds\[0\]: has no limit; write soft, hard or low"),
    "a parameter of no number": ("[[thresholds]]\nmetric='x'\nhard=1\nparameters={share='much'}\n", MAIN, r"thresholds\[0\].parameters.share: must be a (valid )?number"),
    "an exemption without end": ("[[exemptions]]\nkey='x'\nowner='a'\nreason='b'\n", MAIN, r"exemptions\[0\].expires: is missing"),
    "a name too long": (f"[services.a]\nschemas=['{'é' * 32}']\n", MAIN, r"services.a.schemas\[0\]: is longer than the 63 bytes"),
    "a name of no letters": ("[services.a]\nschemas=['']\n", MAIN, r"services.a.schemas\[0\]: is not a name"),
    "an open quote": ("[services.a]\ntables=['\"a.b']\n", MAIN, r"services.a.tables\[0\]: is not a dotted name"),
    "prices without a currency": ("[estate]\nprices={vcpu=30,memory_gb=4,storage_gb=0.1}\n", MAIN, "estate.prices.currency: is missing; write it"),
    "an unknown price": ("[estate]\nprices={currency='EUR',cpu=30,vcpu=30,memory_gb=4,storage_gb=0.1}\n", MAIN, "estate.prices.cpu: unknown key; nearest valid: 'vcpu'"),
    "a negative price": ("[estate]\nprices={currency='EUR',vcpu=-1,memory_gb=4,storage_gb=0.1}\n", MAIN, "estate.prices.vcpu: must be greater than or equal to 0"),
    "effort of an unknown remedy": ("[estate]\neffort={'API cal'=[2,5]}\n", MAIN, 'estate.effort."API cal": no remedy is called that; nearest valid: \'API call\''),
    "effort upside down": ("[estate]\neffort={saga=[25,10]}\n", MAIN, r"estate.effort.saga: the least is above the most; write \[10, 25\]"),
    "effort of one number": ("[estate]\neffort={saga=10}\n", MAIN, r"estate.effort.saga: must be a list in square brackets, not a whole number"),
    "effort of three numbers": ("[estate]\neffort={saga=[1,2,3]}\n", MAIN, "estate.effort.saga: must hold two numbers, the least and the most"),
    "effort of no number": ("[estate]\neffort={saga=[1,'much']}\n", MAIN, r"estate.effort.saga\[1\]: must be a number"),
    "negative staleness": ("[services.a]\nschemas=['a']\nstaleness_s=-1\n", MAIN, "services.a.staleness_s: must be greater than or equal to 0"),
    "negative capacity": ("[instances.b]\nurl='service=b'\ncapacity.vcpus=-1\n", "", "instances.b.capacity.vcpus: must be greater than 0"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_file_is_refused_with_file_key_fault_and_next_step(refused, fault):
    text, before, message = FAULTS[fault]
    lines = refused(before + text)
    assert len(lines) == 1, lines

    assert re.match(rf"estate\.toml: {message}", lines[0]), lines[0]
    assert SECRET not in lines[0]


def test_every_fault_is_told_at_once_by_file(refused):
    lines = refused(
        MAIN + "[services.a]\nschemas = 'a'\nteem = 'x'\n[[events]]\ndate = 'x'\nwhat = 'y'\n",
        b="schemas = ['b']\nteem = 'x'\n",
        c="not toml",
        a="schemas = ['a']\n",
        exemptions="[[exemption]]\n",
    )
    assert lines == [
        "estate.toml: services.a.teem: unknown key; nearest valid: 'team'",
        "estate.toml: services.a.schemas: must be a list in square brackets, not text",
        "estate.toml: events[0].date: is not a date; write YYYY-MM-DD",
        "services/a.toml: is declared in estate.toml too; keep one",
        "services/b.toml: teem: unknown key; nearest valid: 'team'",
        "services/c.toml: is not TOML: Expected '=' after a key in a key/value pair"
        " (at line 1, column 5); mend that line",
        "exemptions.toml: exemption: unknown key; nearest valid: 'exemptions'",
    ]


def test_a_file_that_is_not_text(tmp_path):
    (tmp_path / "estate.toml").write_bytes(b"# one\n\xff\n")
    with pytest.raises(EstateError, match=r"is not UTF-8 \(at line 2\)"):
        load_estate(tmp_path, {})


def test_ask_for_what_is_not_there(load):
    estate = load(MAIN + "[services.order]\nschemas = ['o']\n")
    with pytest.raises(EstateError, match="has no service 'ordr'; nearest valid: 'order'"):
        estate.service("ordr")
    with pytest.raises(EstateError, match="has no instance 'x'; valid: 'main'"):
        estate.instance("x")


def test_the_face_is_frozen(load):
    estate = load(MAIN + "[services.a]\nschemas = ['a']\nattributes.port = 1\n")
    with pytest.raises(AttributeError):
        estate.name = "x"
    with pytest.raises(AttributeError):
        estate.services[0].team = "x"
    with pytest.raises(TypeError):
        estate.services[0].attributes["port"] = 2
    assert isinstance(estate.folder, Path)
    assert read_target(estate.instances[0].endpoints[0].url) == estate.instances[0].target({})


def test_a_service_is_in_the_database_of_the_url_whatever_others_name(tmp_path):
    (tmp_path / "estate.toml").write_text(
        '[estate]\nname = "x"\n[instances.main]\nurl = "postgresql://db.example/hos"\n'
        '[services.a]\nschemas = ["a"]\n[services.b]\ndatabase = "b"\n'
    )
    assert load_estate(tmp_path).service("a").database == "hos"


def test_an_estate_travels_to_another_process(tmp_path):
    for name in ("marketplace", "hauspet", "shop"):
        estate = load_estate(reference_estate(name))
        again = pickle.loads(pickle.dumps(estate))
        assert again == estate
        assert copy.deepcopy(estate) == estate
        with pytest.raises(TypeError):
            again.services[0].attributes["more"] = 1
    script = "import pickle, sys; print(pickle.load(sys.stdin.buffer).name)"
    done = subprocess.run(
        [sys.executable, "-c", script], input=pickle.dumps(estate), capture_output=True
    )
    assert done.stdout.decode().strip() == estate.name, done.stderr


def test_urls_of_one_server_are_read_with_one_login():
    alike = ["postgresql://ann:s3cret@db/a", "postgresql://ann:s3cret@db/b", "postgresql://db/c"]
    (instance,) = estate_from_urls(alike).instances
    assert instance.databases == ("a", "b", "c")
    for other, named in (
        ("postgresql://bob@db/b", "user"),
        ("postgresql://ann:0ther@db/b", "password"),
        ("postgresql://db/b?sslmode=require", "sslmode"),
    ):
        with pytest.raises(EstateError, match=rf"--url 2: .*one login.*{named}; write") as raised:
            estate_from_urls([alike[0], other])
        assert "s3cret" not in str(raised.value)
        assert "0ther" not in str(raised.value)


def test_references_and_aliases_may_be_kept_apart(tmp_path):
    (tmp_path / "estate.toml").write_text(
        "[instances.main]\nurl='postgresql://h/d'\n[services.a]\nschemas=['a']\n[services.b]\nschemas=['b']\n"
    )
    (tmp_path / "references.toml").write_text(
        "[[references]]\nfrom='a.t.owner_id'\nto='b.users.id'\n"
        "[[references]]\nfrom='a.t.session_id'\nrejected=true\n"
        "[[aliases]]\nword='owner'\nmeans='b.users'\nservice='a'\n"
    )
    found = load_estate(tmp_path)
    confirmed, rejected = found.references
    assert (confirmed.target, confirmed.rejected) == (
        WrittenEnd("b", None, "users", ("id",)),
        False,
    )
    assert (rejected.target, rejected.rejected) == (None, True)
    assert found.aliases == (Alias("owner", WrittenEnd("b", None, "users"), "a"),)


def test_a_file_of_references_holds_nothing_else(tmp_path):
    (tmp_path / "estate.toml").write_text("[services.a]\nexternal=true\n")
    (tmp_path / "references.toml").write_text("[[thresholds]]\nmetric='rows'\n")
    with pytest.raises(EstateError, match=r"references.toml: thresholds: unknown key; valid: "):
        load_estate(tmp_path)
