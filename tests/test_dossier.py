"""The dossier says what is really done: its SQL makes the login, its queries are those that are sent."""

import re

import psycopg
import pytest

from workbench.collect import collect
from workbench.collect.dossier import dossier
from workbench.collect.privileges import WHO
from workbench.collect.queries import load_queries
from workbench.estate import estate_from_urls, load_estate
from workbench.lab import private_server
from workbench.model import Finding
from workbench.share import reference_estate


@pytest.fixture(scope="module")
def text():
    return dossier(load_estate(reference_estate("marketplace")))


@pytest.mark.parametrize("query", [*load_queries(), WHO], ids=lambda q: q.path.name)
def test_every_query_is_in_it_as_it_is_sent_with_what_it_reads(text, query):
    section = text.split(f"### {query.name}{f' ({query.path.name})' if query.path.name else ''}\n")
    assert len(section) == 2, "once"
    section = section[1].split("\n### ")[0]
    assert query.text in section
    reads = re.search(r"^- Reads: (.*)$", section, re.MULTILINE)[1].split(", ")
    for name in re.findall(
        r"(?:FROM|JOIN) +(pg_catalog\.\w+|pg_stat_statements_info)\b(?!\()", query.text
    ):
        assert name in reads
    assert "- Leaves the server: " in section
    assert "Sees all with: `" in section


def test_every_instance_and_database_has_its_statements():
    for name in ("marketplace", "hauspet", "shop"):
        estate = load_estate(reference_estate(name))
        made = dossier(estate)
        for instance in estate.instances:
            assert f"### Instance {instance.name}\n" in made
        for service in estate.services:
            if service.database:
                assert f'GRANT CONNECT ON DATABASE "{service.database}" TO "workbench";' in made


def test_every_question_stands_in_one_tier(text):
    tiers = text.split("## What each privilege adds")[1].split("## What mends")[0]
    for query in {q.name for q in load_queries()}:
        assert tiers.count(f"- {query}: ") == 1


def test_what_a_check_found_is_in_it_and_stays_text(tmp_path):
    hostile = Finding("r", "error", "a`b", "<script> # **x**\n## No heading", "GRANT ``` TO x;")
    estate = load_estate(reference_estate("marketplace"))
    made = dossier(estate, [hostile])
    assert "GRANT ``` TO x;" in made
    assert "\n## No heading" not in made
    assert "<script>" not in made.split("What a check found here")[1].split("## What leaves")[0]


def test_it_names_what_is_withheld_and_the_limits(text):
    for word in ("statement_texts: query", "`lock_timeout = 100ms`", "READ ONLY", "`pg_monitor`:"):
        assert word in text


def test_its_sql_makes_a_login_that_suffices_and_may_write_nothing():
    with private_server() as server:  # roles are the server's, and this one has a fixed name
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION pg_stat_statements")
            connection.execute("CREATE TABLE t (id int)")
            made = dossier(estate_from_urls([server.url()]))
            connection.execute(re.search(r"```sql\n(.*?)```", made, re.DOTALL).group(1))
        url = server.url(user="workbench")
        snapshot = collect(estate_from_urls([url]))
        beyond = {"hba_rules", "column_statistics", "sequence_positions", "wal_transactions"}
        assert {m.what for m in snapshot.manifest.missing} <= beyond
        with psycopg.connect(url) as connection:
            may = "SELECT has_table_privilege('t', 'SELECT, INSERT, UPDATE, DELETE')"
            assert connection.execute(may).fetchone() == (False,)


def test_a_hostile_database_name_stays_a_name(tmp_path):
    (tmp_path / "estate.toml").write_text(
        '[estate]\nname = "x"\n[instances.main]\nurl = "service=x"\n'
        '[services.a]\ndatabase = "x\\"; DROP TABLE t; --"\n'
    )
    made = dossier(load_estate(tmp_path))
    assert 'GRANT CONNECT ON DATABASE "x""; DROP TABLE t; --" TO "workbench";' in made
