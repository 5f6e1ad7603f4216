"""What runs out besides disk, on a real server."""

import pytest

from workbench.analyse.upkeep import limits
from workbench.collect import collect
from workbench.estate import estate_from_urls, load_estate


@pytest.fixture
def prepared(database):
    with database.connect() as connection:
        connection.execute("CREATE TABLE t (id smallserial PRIMARY KEY, n int)")
        connection.execute("INSERT INTO t (n) SELECT n FROM generate_series(1, 30000) AS n")
        connection.execute("CREATE TABLE fresh (id int GENERATED ALWAYS AS IDENTITY)")
        connection.execute("CREATE SEQUENCE alone MAXVALUE 10")
        connection.execute("SELECT nextval('alone') FROM generate_series(1, 4)")
    return database


def keys(found):
    return found[found["metric"] == "key_position"].set_index("subject")


def test_a_key_is_held_against_the_narrower_of_sequence_and_column(prepared):
    found = keys(limits(collect(estate_from_urls([prepared.url]))))
    assert found.loc["public.t.id", ["value", "limit"]].tolist() == [30000, 32767]
    assert found.loc["public.fresh.id", ["value", "limit"]].tolist() == [0, 2**31 - 1]
    assert found.loc["public.alone", ["value", "limit"]].tolist() == [4, 10]
    assert found.index[0] == "public.t.id", "the fullest comes first"
    assert found["because"].isna().all()


def test_a_sequence_that_may_not_be_read_is_unknown_and_says_why(prepared):
    with prepared.connect() as connection:
        connection.execute("CREATE ROLE looks_only LOGIN IN ROLE pg_monitor")
    try:
        url = prepared.server.url(prepared.name, "looks_only")
        found = keys(limits(collect(estate_from_urls([url]))))
    finally:
        with prepared.connect() as connection:
            connection.execute("DROP ROLE looks_only")
    (row,) = found.to_dict("records")
    assert found.index[0].startswith("3 sequences of")
    assert "pg_read_all_data" in row["because"]


def test_transaction_numbers_and_connections_stand_against_the_servers_own_limits(
    prepared, tmp_path
):
    (tmp_path / "estate.toml").write_text(
        f'[estate]\nname = "x"\n[instances.main]\nurl = "{prepared.url}"\n'
        f'[services.a]\ndatabase = "{prepared.name}"\nconnection_limit = 30\n'
    )
    found = limits(collect(load_estate(tmp_path))).set_index(["metric", "subject"])
    with prepared.connect() as connection:
        room, age = connection.execute(
            "SELECT current_setting('max_connections')::int "
            "- current_setting('superuser_reserved_connections')::int, "
            "age(datfrozenxid) FROM pg_database WHERE datname = current_database()"
        ).fetchone()
    pools = found.loc[("declared_pools", "pools of 1 of 1 services")]
    assert pools[["value", "limit"]].tolist() == [30, room]
    assert abs(found.loc[("transaction_age", prepared.name), "value"] - age) < 1000
    assert found.loc[("connections", "in use at this moment"), "value"] >= 1
