"""Drafts of estate files: they load, and an update loses nothing that a person wrote."""

import pytest

from workbench.conninfo import read_target
from workbench.errors import EstateError
from workbench.estate import estate_from_urls, load_estate
from workbench.estate.draft import (
    Found,
    FoundDatabase,
    FoundInstance,
    FoundLogin,
    FoundSchema,
    draft_text,
    update_file,
    update_text,
)
from workbench.estate.resolve import estate_from_text

SECRET = "hunter2"
HOSTILE = [
    'a"b',
    "<script>",
    "$(x)",
    "${HOME}",
    "$${x}",
    "é" * 31,
    "заказы",
    "a.b",
    "a\nb",
    "\x7f\\",
    "'",
]

MARKETPLACE = Found(
    (
        FoundInstance(
            "db.example",
            f"postgresql://ann:{SECRET}@db.example:6432/hos?sslmode=require",
            (
                FoundDatabase(
                    "hos",
                    (
                        FoundSchema("public", 9, 5_000_000),
                        FoundSchema("order_service", 4, 3_500_000),
                        FoundSchema("content_service", 1, None),
                        FoundSchema("cron", 2, 100),
                        FoundSchema("geo", 2, 100, platform=True),
                        FoundSchema("pg_catalog", 60, 100),
                    ),
                ),
                FoundDatabase("postgres", (FoundSchema("public"),)),
            ),
            (
                FoundLogin("app", (("hos", "public"), ("hos", "order_service"))),
                FoundLogin("content_rw", (("hos", "content_service"), ("hos", "cron"))),
                FoundLogin("reader"),
            ),
        ),
    )
)


def instance(name: str, databases: dict[str, list[str]], url: str | None = None) -> FoundInstance:
    return FoundInstance(
        name,
        url or f"postgresql://{name}",
        tuple(
            FoundDatabase(database, tuple(FoundSchema(schema, 1, 1) for schema in schemas))
            for database, schemas in databases.items()
        ),
    )


SHOP = Found((instance("main", {"auth_db": ["public"], "user_db": ["public"]}),))


def claims(text: str) -> list[tuple[object, ...]]:
    return [
        (s.name, s.database, s.schemas, s.whole)
        for s in estate_from_text(text, environ={}).services
    ]


def test_a_schema_per_service_is_drafted():
    text = draft_text(MARKETPLACE)
    estate = estate_from_text(text, environ={})
    assert estate.name == "hos"
    assert claims(text) == [
        ("content_service", "hos", ("content_service",), False),
        ("order_service", "hos", ("order_service",), False),
        ("public", "hos", ("public",), False),
    ]
    assert [(a.service, a.login) for a in estate.actors] == [("content_service", "content_rw")]
    assert '# Of no single service: "app", "reader"' in text
    assert '# Left to the platform: "cron", "geo"' in text
    assert "[services.order_service]  # 4 tables, 3.3 MB" in text
    assert "[services.content_service]  # 1 table, size unknown" in text


def test_no_password_is_written_down():
    text = draft_text(MARKETPLACE)
    assert SECRET not in text + repr(MARKETPLACE)
    assert 'url = "postgresql://ann@db.example:6432/hos?sslmode=require"' in text
    assert "PGPASSFILE" in text
    assert "password_command" in text


def test_a_url_of_an_implicit_estate_is_drafted_as_it_was_given():
    url = "postgresql://u:p${x}@h/d${y}"
    held = estate_from_urls([url]).instances[0]
    assert held.target({}) == read_target(url)
    text = draft_text(Found((FoundInstance(held.name, held.endpoints[0].url),)))
    assert estate_from_text(text, environ={}).instances[0].target({}).params == {
        "user": "u", "host": "h", "dbname": "d${y}",
    }  # fmt: skip


def test_a_database_per_service_is_drafted():
    assert claims(draft_text(SHOP)) == [
        ("auth_db", "auth_db", (), True),
        ("user_db", "user_db", (), True),
    ]


def test_several_instances_are_drafted():
    found = Found((instance("b", {"x": ["public", "s"]}), instance("a", {"x": ["public", "s"]})))
    estate = estate_from_text(draft_text(found), environ={})
    assert [i.name for i in estate.instances] == ["a", "b"]
    assert [(s.name, s.instance) for s in estate.services] == [
        ("a.x.public", "a"), ("a.x.s", "a"), ("b.x.public", "b"), ("b.x.s", "b"),
    ]  # fmt: skip


def test_a_draft_names_services_as_an_implicit_estate_does():
    found = [
        ("db.example", "hos", s) for s in ("public", "order_service", "content_service", "cron")
    ]
    implicit = estate_from_urls(["postgresql://db.example/hos"]).settle(found)
    drafted = estate_from_text(draft_text(MARKETPLACE), environ={})
    assert [s.name for s in implicit.services] == [s.name for s in drafted.services]


def test_hostile_names_are_drafted_as_they_are():
    login = FoundLogin('x"]\n[estate]', (("d", HOSTILE[0]),))
    found = instance("h", {"d": [*HOSTILE, "public"], 'e"\n${X}': ["public"]})
    found = Found((FoundInstance('i."\n', "postgresql://h/$%7BX%7D", found.databases, (login,)),))
    text = draft_text(found, name="${HOME}")
    estate = estate_from_text(text, environ={})
    assert estate.name == "${HOME}"
    assert sorted(s.schemas[0] for s in estate.services if s.schemas) == sorted(
        [*HOSTILE, "public"]
    )
    assert [s.database for s in estate.services if s.whole] == ['e"\n${X}']
    assert estate.instances[0].target({}).params["dbname"] == "${X}"
    assert estate.actors[0].login == login.name
    assert update_text(text, found) == text


def test_an_empty_server_gives_a_file_that_loads():
    database = FoundDatabase("postgres", (FoundSchema("public"),))
    text = draft_text(Found((FoundInstance("h", "postgresql://h", (database,)),)))
    assert claims(text) == []


def test_the_same_is_found_in_any_order():
    one, two = MARKETPLACE.instances[0].databases
    turned = FoundDatabase(one.name, one.schemas[::-1])
    first = MARKETPLACE.instances[0]
    other = FoundInstance(first.name, first.url, (turned, two), first.logins[::-1])
    assert draft_text(Found((other,))) == draft_text(MARKETPLACE)


@pytest.mark.parametrize("found", [MARKETPLACE, SHOP])
def test_an_update_of_what_is_known_changes_nothing(found):
    text = draft_text(found)
    assert update_text(text, found) == text


EDITED = """\
# our estate, by hand
[estate]
name   =   "ours"    # odd spaces stay

[instances.main]
url = "postgresql://reader@db.example:6432/hos"   # the one from init, renamed
exclude_databases = ['*_dev']

[services.order]  # was order_service
schemas = [ "order_service", ] # trailing comma
team = 'checkout'
database = "hos"

[[actors]]
service = "order"
login = "app"
# the end, without a newline"""


def test_an_update_adds_what_is_new_and_keeps_every_line():
    found = Found(
        (
            FoundInstance(
                "db.example",
                MARKETPLACE.instances[0].url,
                (
                    *MARKETPLACE.instances[0].databases,
                    FoundDatabase("hos_dev", (FoundSchema("public", 3, 3),)),
                    FoundDatabase("billing", (FoundSchema("public", 3, 3),)),
                ),
                MARKETPLACE.instances[0].logins,
            ),
            instance("new", {"x": ["order"]}),
        )
    )
    text = update_text(EDITED, found)
    kept = iter(text.splitlines())
    assert all(line in kept for line in EDITED.splitlines()), "each line, in order"
    estate = estate_from_text(text, environ={})
    assert [i.name for i in estate.instances] == ["main", "new"]
    assert [(s.name, s.instance, s.database) for s in estate.services] == [
        ("order", "main", "hos"),
        ("billing", "main", "billing"),
        ("content_service", "main", "hos"),
        ("public", "main", "hos"),
        ("x.order", "new", "x"),
    ]
    assert [(a.service, a.login) for a in estate.actors] == [
        ("order", "app"),
        ("content_service", "content_rw"),
    ]
    assert update_text(text, found) == text


def test_an_update_takes_nothing_from_who_has_it():
    text = """
    [instances.main]
    url = "postgresql://main"
    [services.learning]
    database = "edtech"
    tables = ["tutors"]
    [services.old]
    database = "auth_db"
    schemas = ["gone"]
    """
    found = Found((instance("main", {"edtech": ["public"], "auth_db": ["public"]}),))
    added = update_text(text, found)
    assert claims(added)[2:] == [("auth_db", "auth_db", ("public",), False)]
    assert update_text(added, found) == added


def test_a_default_that_an_update_makes_ambiguous_is_written_out():
    text = """
    [instances.main]  # the only one
    url = "${URL}"
    [services.order]
    schemas = ["order_service"]
    [services.order.attributes]
    port = 1
    [ services . "us.er" ]  # oddly spaced
    schemas = ["user_service"]
    """
    found = Found(
        (
            instance("main", {"hos": ["order_service", "user_service"], "billing": ["public"]}),
            instance("second", {"x": ["public"]}),
        )
    )
    added = update_text(text, found, environ={})
    estate = estate_from_text(added, environ={})
    assert [(s.name, s.instance, s.database) for s in estate.services] == [
        ("order", "main", "hos"),
        ("us.er", "main", "hos"),
        ("billing", "main", "billing"),
        ("x", "second", "x"),
    ]
    kept = iter(added.splitlines())
    assert all(line in kept for line in text.splitlines()), "each line, in order"
    assert update_text(added, found, environ={}) == added


def test_an_update_that_would_move_a_service_is_refused():
    text = 'instances.main.url = "postgresql://main/hos"\nservices.order.schemas = ["o"]\n'
    found = Found((instance("main", {"hos": ["o"]}), instance("second", {"x": ["public"]})))
    with pytest.raises(EstateError, match="say instance and database where services leave"):
        update_text(text, found, environ={})


def test_an_update_keeps_the_line_ends_of_a_file():
    text = draft_text(MARKETPLACE).replace("\n", "\r\n")
    added = update_text(text, Found((*MARKETPLACE.instances, *SHOP.instances)), environ={})
    assert added.count("\n") == added.count("\r\n") > text.count("\r\n")


def test_what_other_files_own_is_not_new(tmp_path):
    main = tmp_path / "estate.toml"
    main.write_text('[instances.main]\nurl = "postgresql://main"\n')
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "auth.toml").write_text('database = "auth_db"\n')
    main.write_text(update_file(main, SHOP, {}))
    estate = load_estate(tmp_path, {})
    assert [s.name for s in estate.services] == ["user_db", "auth"]
    assert update_file(tmp_path, SHOP, {}) == main.read_text()


def test_an_update_refuses_what_it_cannot_extend():
    with pytest.raises(EstateError, match="is not TOML"):
        update_text("[estate", SHOP)
    inline = (
        'services = { a = { database = "auth_db" } }\n[instances.main]\nurl = "postgresql://main"\n'
    )
    with pytest.raises(EstateError, match=r"write tables as \[services\.NAME\]"):
        update_text(inline, SHOP)
