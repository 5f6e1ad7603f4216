"""The dossier says what is really done: its SQL makes the login, its queries are those that are sent."""

import re

import psycopg
import pytest

from workbench.collect import collect
from workbench.collect.dossier import dossier
from workbench.collect.queries import load_queries
from workbench.estate import estate_from_urls, load_estate
from workbench.lab import private_server
from workbench.share import reference_estate


@pytest.fixture(scope="module")
def text():
    return dossier(load_estate(reference_estate("marketplace")))


@pytest.mark.parametrize("query", load_queries(), ids=lambda q: q.path.name)
def test_every_query_is_in_it_as_it_is_sent(text, query):
    assert query.text in text


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
