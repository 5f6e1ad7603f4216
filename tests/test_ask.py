"""SQL of a person's own: over the snapshots, and on a live server without being able to change it."""

import pytest

from patience import LONG
from workbench import load_estate, open_bench
from workbench.collect.ask import ask_live
from workbench.errors import Unreachable, UsageError
from workbench.estate import estate_from_urls


@pytest.fixture(scope="module")
def bench():
    return open_bench()


@pytest.fixture
def estate(database, tmp_path):
    with database.connect() as connection:
        connection.execute('CREATE SCHEMA "Sh""op"')
        connection.execute('CREATE TABLE "Sh""op".orders AS SELECT 1 AS id, NULL::text AS note')
    (tmp_path / "estate.toml").write_text(
        f"""[instances.main]
        url = "{database.url}"
        [services.shop]
        schemas = ['Sh"op']
        """
    )
    return load_estate(tmp_path)


def test_a_frame_is_a_table_of_the_newest_night(bench):
    found = bench.ask('SELECT count(*) AS n FROM "relations" WHERE schema = $$order_service$$')
    frame = bench.history.newest.frame("relations")
    assert found["n"].iloc[0] == (frame["schema"] == "order_service").sum() > 0


def test_over_time_holds_every_reading(bench):
    found = bench.ask(
        "SELECT moment, count(*) AS n FROM over_time.databases GROUP BY moment ORDER BY moment"
    )
    assert len(found) == len(bench.history.nights) > 20
    assert found["moment"].iloc[-1] == bench.history.newest.at


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("SELECT * FROM relation", r"no frame is called 'relation'; .*relations"),
        ("SELECT colour FROM relations", "colour"),
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM read_csv('/etc/passwd')", "disabled by configuration"),
        ("COPY relations TO '/tmp/workbench-leak.csv'", "disabled by configuration"),
        ("INSTALL httpfs", "disabled by configuration"),
        ("SET enable_external_access = true", "locked|disabled|Cannot"),
    ],
)
def test_what_cannot_be_asked_says_why(bench, question, told):
    with pytest.raises(UsageError, match=f"(?s){told}"):
        bench.ask(question)


def test_a_live_server_answers_in_the_services_schema(estate):
    found = ask_live(estate, "SELECT *, now() AS at FROM orders; ", service="shop")
    assert found["id"].tolist() == [1]
    assert found["note"].isna().all()
    assert ask_live(estate, "SELECT 1 AS one -- the end").to_dict("list") == {"one": [1]}


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("DELETE FROM orders RETURNING id", "read-only|COPY|cannot"),
        ("WITH gone AS (DELETE FROM orders RETURNING id) SELECT * FROM gone", "read-only"),
        ("SELECT 1; DROP TABLE orders", "multiple commands"),
        ("SELECT 1) TO PROGRAM 'true' --", "syntax error"),
        ("SELECT nextval('nothing')", "does not exist"),
        pytest.param("SELECT pg_sleep(30)", "statement timeout", marks=LONG),
    ],
)
def test_a_live_server_is_not_changed_and_not_held(estate, question, told):
    with pytest.raises(UsageError, match=f"main: .*({told})"):
        ask_live(estate, question, service="shop")
    assert len(ask_live(estate, "SELECT id FROM orders", service="shop")) == 1


def test_where_to_ask_must_be_clear(estate):
    with pytest.raises(UsageError, match=r"no instance is called 'mian'; .*main"):
        ask_live(estate, "SELECT 1", instance="mian")
    two = estate_from_urls(["postgresql://a.example/x", "postgresql://b.example/y"])
    with pytest.raises(UsageError, match="the estate has 2 instances: name one of"):
        ask_live(two, "SELECT 1")


def test_a_server_that_is_not_there_is_named_without_its_password():
    gone = estate_from_urls(["postgresql://u:hunter2@127.0.0.1:1/x"])
    with pytest.raises(Unreachable, match="refused") as raised:
        ask_live(gone, "SELECT 1")
    assert "hunter2" not in str(raised.value)
