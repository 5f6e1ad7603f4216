"""Databases are known by name whatever their sizes cost: measured in turns, kept with a date, or unknown with a reason."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from workbench.analyse.capacity import capacity
from workbench.collect import collect, sizes
from workbench.collect.queries import load_queries
from workbench.collect.sessions import Session
from workbench.collect.sizes import measure
from workbench.conninfo import read_target
from workbench.estate import estate_from_urls, load_estate
from workbench.snapshot import History, new_snapshot

QUESTION = next(q for q in load_queries() if q.frame == "database_sizes")
AT = datetime(2026, 11, 20, tzinfo=UTC)


def estate_of(database, user="postgres"):
    return estate_from_urls([database.server.url(database.name, user)])


def sizes_of(snapshot):
    names = snapshot.frame("databases", "oid", "datname")
    held = snapshot.frame("database_sizes", "oid", "bytes", "measured_at", "unseen")
    return names.merge(held, on="oid").set_index("datname")


def gap(snapshot):
    return {m.what: m for m in snapshot.manifest.missing}.get("database_sizes")


def test_names_come_without_a_size_and_sizes_keep_their_date(database):
    estate = estate_of(database)
    none = collect(estate, sizes_s=0)
    assert database.name in set(none.frame("databases", "datname")["datname"])
    assert sizes_of(none)["bytes"].isna().all()
    assert "have no size" in gap(none).why
    assert "workbench history import" in gap(none).remedy
    first = collect(estate)
    assert gap(first) is None
    assert sizes_of(first)["bytes"].gt(0).all()
    assert sizes_of(first)["measured_at"].isna().all()
    with database.connect() as connection:
        connection.execute("CREATE TABLE t AS SELECT generate_series(1, 50000) AS id")
    second = collect(estate, previous=first, sizes_s=0)
    third = collect(estate, previous=second, sizes_s=0)
    mine = sizes_of(third).loc[database.name]
    assert mine["bytes"] == sizes_of(first).loc[database.name, "bytes"]
    assert mine["measured_at"] == first.at
    assert "an earlier measurement is shown" in gap(third).why
    row = capacity(History(estate, (third,))).databases.set_index("database").loc[database.name]
    assert f"measured on {first.at:%Y-%m-%d}" in row["bytes_because"]
    assert row.isna()["rest_bytes"]
    fourth = collect(estate, previous=third)
    assert sizes_of(fourth).loc[database.name, "bytes"] > mine["bytes"]
    assert gap(fourth) is None


def test_one_that_takes_too_long_costs_the_others_nothing(database, monkeypatch):
    called = "pg_catalog.pg_database_size(d.oid)"
    slow = replace(
        QUESTION,
        text=QUESTION.text.replace(
            called,
            f"{called} + CASE d.datname WHEN '{database.name}' THEN pg_catalog.length(pg_catalog.pg_sleep(60)::text) ELSE 0 END",
        ),
    )
    assert slow != QUESTION
    hasty = replace(sizes.TURNS["database_sizes"], patience_s=(2.0, 2.5))
    monkeypatch.setitem(sizes.TURNS, "database_sizes", hasty)
    with Session(read_target(database.url)) as session:
        found = measure(session, slow, None)
    held = {r["datname"]: r["bytes"] for r in found.table.to_pylist()}
    assert held.pop(database.name) is None
    assert held
    assert all(held.values())
    assert (found.earlier, found.guessed) == (0, 1)


def test_one_alone_that_takes_long_is_given_more_time_after_the_others(database, monkeypatch):
    called = "pg_catalog.pg_database_size(d.oid)"
    waits = f"{called} + pg_catalog.length(pg_catalog.pg_sleep(1)::text)"
    slow = replace(QUESTION, text=QUESTION.text.replace(called, waits))
    turns = replace(sizes.TURNS["database_sizes"], patience_s=(0.3, 60.0), batch=1)
    monkeypatch.setitem(sizes.TURNS, "database_sizes", turns)
    with Session(read_target(database.url)) as session:
        found = measure(session, slow, None, budget_s=120)
    assert found.guessed == 0
    assert all(r["bytes"] for r in found.table.to_pylist())


def test_whom_the_server_does_not_tell_knows_the_statement_that_helps(database):
    with database.connect() as admin:
        admin.execute("CREATE ROLE sizes_guest LOGIN")
        admin.execute("CREATE DATABASE closed_to_guests")
        admin.execute("REVOKE CONNECT ON DATABASE closed_to_guests FROM PUBLIC")
    try:
        snapshot = collect(estate_of(database, "sizes_guest"))
    finally:
        with database.connect() as admin:
            admin.execute("DROP DATABASE closed_to_guests")
            admin.execute("DROP ROLE sizes_guest")
    held = sizes_of(snapshot)
    assert held.loc["closed_to_guests", "unseen"] == "privilege"
    assert held.loc[database.name, "bytes"] > 0
    assert "could not be measured within" not in gap(snapshot).why, "time would not help"
    assert gap(snapshot).remedy == 'GRANT pg_monitor TO "sizes_guest";'
    found = capacity(History(snapshot.estate, (snapshot,)))
    row = found.databases.set_index("database").loc["closed_to_guests"]
    assert row.isna()["bytes"]
    assert "GRANT pg_monitor" in row["bytes_because"]
    assert "GRANT pg_monitor" in found.instances.loc[0, "because"]


@pytest.fixture
def estate(tmp_path):
    (tmp_path / "estate.toml").write_text(
        '[estate]\nname = "x"\n[instances.main]\nurl = "service=x"\n'
        'capacity = { storage_gb = 1 }\n[services.a]\ndatabase = "shop"\n'
    )
    return load_estate(tmp_path)


def taken(estate, day, databases, sized=None, catalogue=None):
    """A snapshot whose ``databases`` (and ``sized``) are columns; with one table of 40 bytes in shop."""
    table = {
        "oid": [1],
        "schema": ["public"],
        "relation": ["t"],
        "relkind": ["r"],
        "root_oid": [1],
        "extension": pa.nulls(1, pa.string()),
    }
    size = {"relation_oid": [1], "part": ["heap"], "bytes": [40], "estimated": [False]}
    answers = [("databases", "main", None, pa.table(databases), 1.0)]
    answers += [
        (f, "main", "shop", pa.table(t), 1.0) for f, t in (("relations", table), ("sizes", size))
    ]
    if sized:
        answers.append(("database_sizes", "main", None, pa.table(sized), 1.0))
    if catalogue:
        answers.append(("system_size", "main", "shop", pa.table({"bytes": [catalogue]}), 1.0))
    at = AT + timedelta(days=day)
    return new_snapshot(estate, answers, [], ["main"], [], taken_at=at)


def test_sizes_of_before_they_were_a_question_of_their_own_are_read_as_ever(estate):
    old = [
        taken(estate, day, {"oid": [5], "datname": ["shop"], "bytes": [1000 + day]}, catalogue=7)
        for day in range(15)
    ]
    new = [
        taken(
            estate,
            day,
            {"oid": [5], "datname": ["shop"]},
            {
                "oid": [5],
                "bytes": [1000 + day],
                "measured_at": pa.nulls(1, pa.timestamp("us", "UTC")),
            },
            catalogue=7,
        )
        for day in range(15)
    ]
    mixed = [*old[:8], *new[8:]]
    found = [capacity(History(estate, tuple(h))) for h in (old, new, mixed)]
    for one in found[1:]:
        assert one.databases.equals(found[0].databases)
        assert one.instances.equals(found[0].instances)
    assert found[0].databases.loc[0, ["bytes", "rest_bytes"]].tolist() == [1014, 1014 - 47]
    assert found[0].instances.loc[0, "per_day"] == pytest.approx(1)


def test_a_database_that_could_not_be_measured_is_estimated_and_says_so(estate):
    unsized = {"oid": [5], "bytes": pa.nulls(1, pa.int64())}
    names = {"oid": [5], "datname": ["shop"]}
    found = capacity(History(estate, (taken(estate, 0, names, unsized, catalogue=7),)))
    row = found.databases.loc[0]
    assert (row["bytes"], row["estimated"]) == (47, True)
    assert "estimated" in row["bytes_because"]
    assert "1 of 1 databases are estimated" in found.instances.loc[0, "bytes_because"]
    found = capacity(History(estate, (taken(estate, 0, names, unsized),)))
    assert found.databases.isna().loc[0, "bytes"]
    assert "workbench collect" in found.databases.loc[0, "bytes_because"]


def test_a_size_of_an_earlier_day_says_nothing_of_growth(estate):
    days = []
    for day in range(20):
        at = None if day < 16 else AT + timedelta(days=15)
        sized = {
            "oid": [5],
            "bytes": [1000 + min(day, 15)],
            "measured_at": pa.array([at], pa.timestamp("us", "UTC")),
        }
        days.append(taken(estate, day, {"oid": [5], "datname": ["shop"]}, sized, catalogue=7))
    found = capacity(History(estate, tuple(days))).instances.loc[0]
    assert found["bytes"] == 1015
    assert found["per_day"] == pytest.approx(1)
