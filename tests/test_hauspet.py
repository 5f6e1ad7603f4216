"""Hauspet, small and grown: what ESTATES.md says of them holds on built servers and in the recorded histories."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

import pandas as pd
import psycopg
import pytest
from pglast.visitors import referenced_relations

from workbench.collect import collect
from workbench.estate import Estate, estate_from_urls, load_estate
from workbench.lab import BuiltEstate, Server, build, private_server
from workbench.lab.reference import estate_folder
from workbench.lab.timetable import Timetable
from workbench.lab.workload import Workload, load_workload
from workbench.snapshot import History, load_history

ESTATES = ("hauspet-small", "hauspet")
DAYS = 2
SCHEMAS = {"eventstore": "eventstore", "readmodels": "readmodels", "app": "public"}
TABLES = {
    ("eventstore", "events"),
    ("readmodels", "animals"),
    ("readmodels", "sponsorships"),
    ("public", "breed"),
    ("public", "users"),
    ("public", "_prisma_migrations"),
}
SMALL = {"events": 15, "animals": 11, "sponsorships": 2, "breed": 13, "users": 1}
MINUTES_A_DAY = 24 * 60


def loaded(name: str) -> tuple[Workload, Estate]:
    workload = load_workload(estate_folder(name))
    urls = dict.fromkeys(workload.environ, "postgresql://localhost/x")
    return workload, load_estate(estate_folder(name), urls)


def appended(workload: Workload, day: int) -> int:
    """How many events the timetable appends on a day: one row a statement, or one for each element of its arrays."""
    return sum(
        parameters[0].count(",") + 1 if "unnest" in sql else 1
        for call in Timetable(workload).calls(day)
        for sql, parameters in call.statements
        if "INSERT INTO eventstore.events" in sql
    )


def seeded(workload: Workload) -> int:
    first = sum(workload.populations[name].count for name in ("animal", "sponsorship"))
    return first + workload.seed_rows["observations"]


# -- the files


def test_both_estates_are_one_but_for_their_size():
    """What is written in both files is the same."""
    (_, small), (_, grown) = map(loaded, ESTATES)
    assert small.services == grown.services
    assert small.thresholds == grown.thresholds
    assert small.actors == grown.actors
    assert small.instances[0].capacity == grown.instances[0].capacity


def test_what_both_workloads_do_they_do_with_the_same_statements():
    small, grown = (
        {flow.name: flow for flow in load_workload(estate_folder(name)).flows} for name in ESTATES
    )
    assert small.keys() < grown.keys()
    for name, flow in small.items():
        other = grown[name]
        assert flow.statements == other.statements
        assert (flow.service, flow.transaction, flow.beside) == (
            other.service,
            other.transaction,
            other.beside,
        )


def test_the_written_thresholds_are_these():
    _, estate = loaded("hauspet")
    assert [(t.service, t.metric, t.hard, t.unit) for t in estate.thresholds] == [
        ("eventstore", "rows_per_day", 10_000, "rows a day"),
        ("eventstore", "rows", 1_000_000, "rows"),
        ("eventstore", "interference", 1, "ratio"),
        ("readmodels", "latency", 200, "ms"),
        ("readmodels", "replica_load", 0.5, "share"),
        ("readmodels", "cacheable_share", 0.5, "share"),
    ]
    assert all(t.formula and t.source and t.soft is None for t in estate.thresholds)
    replica, cache = estate.thresholds[-2:]
    assert replica.parameters == {"read_share": 0.8}
    assert cache.parameters == {"calls_per_day": 1000, "writes_per_minute": 1}
    assert [t.metric for t in estate.thresholds if t.window == "busiest hour"] == [
        "latency",
        "replica_load",
    ]
    for threshold in estate.thresholds:
        assert all(name in threshold.formula for name in threshold.parameters)


def test_the_wishes_and_what_is_to_come_are_facts_of_the_services():
    _, estate = loaded("hauspet")
    events, reads, app = (estate.service(name).attributes for name in SCHEMAS)
    assert events["append_only"] == ["events"]
    assert reads["rebuildable"] == ["animals", "sponsorships"]
    homes = [attributes["separated"] for attributes in (events, reads, app)]
    assert [(home["database"], home["url_setting"]) for home in homes] == [
        ("eventstore_db", "EVENTSTORE_DB_URL"),
        ("readmodels_db", "READMODELS_DB_URL"),
        ("app_db", "APP_DB_URL"),
    ]
    assert [(home["memory_gb"], home["vcpus"], home["backup"]) for home in homes[:2]] == [
        (4, 4, "continuous"),
        (2, 2, "daily"),
    ]
    wishes = [wish for attributes in (events, reads) for wish in attributes["wishes"]]
    assert {(w["setting"], w["value"]) for w in wishes if "setting" in w} == {
        ("autovacuum", "off"),
        ("wal_level", "minimal"),
        ("archive_mode", "on"),
        ("shared_buffers", "512MB"),
    }
    assert [w["command"].split()[:2] for w in wishes if "command" in w] == [
        ["pg_basebackup", "-d"],
        ["pg_dump", "--schema=readmodels"],
    ]
    assert [w["index"] for w in wishes if "index" in w] == ["idx_animals_type"]
    assert all(w["because"] for w in wishes)


# -- built and played


@dataclass(frozen=True)
class Built:
    """An estate, built and played for two days."""

    name: str
    server: Server
    workload: Workload
    evenings: list[dict[str, int]] = field(default_factory=list)
    """rows of each table after each day"""

    def rows(self, query: str, *parameters: object) -> list[tuple]:
        with psycopg.connect(self.server.url("hauspet_db"), autocommit=True) as connection:
            return connection.execute(query, parameters or None).fetchall()

    def value(self, query: str, *parameters: object) -> object:
        ((value,),) = self.rows(query, *parameters)
        return value

    def see(self, day: object, built: BuiltEstate) -> None:
        self.evenings.append(
            {
                table: self.value(f"SELECT count(*) FROM {schema}.{table}")
                for schema, table in sorted(TABLES)
            }
        )


def played(name: str) -> Iterator[Built]:
    with private_server(settings={"autovacuum_naptime": "1d"}) as server:
        estate = Built(name, server, load_workload(estate_folder(name)))
        build(name, server, on_day=estate.see, days=DAYS)
        yield estate


@pytest.fixture(scope="module")
def small() -> Iterator[Built]:
    yield from played("hauspet-small")


@pytest.fixture(scope="module")
def grown() -> Iterator[Built]:
    yield from played("hauspet")


@pytest.fixture(params=ESTATES)
def either(request: pytest.FixtureRequest) -> Built:
    return request.getfixturevalue({"hauspet-small": "small", "hauspet": "grown"}[request.param])


def test_three_schemas_hold_these_tables(either):
    tables = either.rows(
        "SELECT schemaname, relname FROM pg_stat_user_tables ORDER BY schemaname, relname"
    )
    assert set(tables) == TABLES
    owner = loaded(either.name)[1].owner
    for schema, table in tables:
        found = owner("main", "hauspet_db", schema, table)
        if table == "_prisma_migrations":
            assert found.standing == "platform"
        else:
            assert found.service == {s: n for n, s in SCHEMAS.items()}[schema]


def test_the_shared_enums_are_used_by_all_schemas_and_no_key_crosses(either):
    used: dict[str, set[str]] = {}
    for enum, schema in either.rows("""
        SELECT t.typname, c.relnamespace::regnamespace::text
        FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_class c ON c.oid = a.attrelid
        WHERE t.typtype = 'e' AND t.typnamespace = 'public'::regnamespace AND c.relkind = 'r'
    """):
        used.setdefault(enum, set()).add(schema)
    assert used == {enum: set(SCHEMAS.values()) for enum in ("AnimalType", "Role")}
    assert either.value("SELECT count(*) FROM pg_constraint WHERE contype = 'f'") == 0


def test_the_small_state_is_as_it_is_today_on_every_evening(small):
    expected = [SMALL] * DAYS
    assert [{table: seen[table] for table in SMALL} for seen in small.evenings] == expected


def test_the_grown_state_appends_what_the_timetable_says(grown):
    workload = grown.workload
    days = [appended(workload, day) for day in range(1, DAYS + 1)]
    assert [seen["events"] for seen in grown.evenings] == [
        seeded(workload) + sum(days[: day + 1]) for day in range(DAYS)
    ]
    assert min(days) > 9_000
    sizes = Timetable(workload).sizes(DAYS + 1)
    last = grown.evenings[-1]
    for table, population in {"animals": "animal", "sponsorships": "sponsorship", "users": "user", "breed": "breed"}.items():  # fmt: skip
        assert last[table] == sizes[population]


CHANGED = "SELECT n_tup_upd, n_tup_del FROM pg_stat_user_tables WHERE relname = 'events'"


def test_events_are_never_updated_or_deleted(either):
    assert either.rows(CHANGED) == [(0, 0)]


def test_an_update_of_an_event_shows_in_the_statistics(small):
    """The faulty twin: a copy of the estate in which somebody has corrected an event."""
    with psycopg.connect(small.server.url(), autocommit=True) as admin:
        admin.execute("CREATE DATABASE twin TEMPLATE hauspet_db")
        try:
            with psycopg.connect(small.server.url("twin"), autocommit=True) as connection:
                connection.execute("UPDATE eventstore.events SET actor_id = NULL WHERE id = 1")
                connection.execute("SELECT pg_stat_force_next_flush()")
            with psycopg.connect(small.server.url("twin"), autocommit=True) as connection:
                assert connection.execute(CHANGED).fetchall() == [(1, 0)]
        finally:
            admin.execute("DROP DATABASE twin WITH (FORCE)")


def replay(workload: Workload) -> list[str]:
    (flow,) = (flow for flow in workload.flows if flow.beside)
    return [statement.sql for statement in flow.statements]


def test_versions_of_an_aggregate_rise_without_a_gap(either):
    assert (
        either.rows("""
        SELECT aggregate_id FROM eventstore.events GROUP BY aggregate_id HAVING max(version) <> count(*)
    """)
        == []
    )


def test_projections_are_what_a_replay_builds(either):
    """After everything that went on beside it, nothing is lost; and from nothing it builds all of them."""
    counts, contents = [], []
    query = "SELECT t::text FROM readmodels.{} AS t ORDER BY id"
    with psycopg.connect(either.server.url("hauspet_db")) as connection:
        for empty in (False, True):
            if empty:
                connection.execute("TRUNCATE readmodels.animals, readmodels.sponsorships")
            counts.append(
                [connection.execute(s).rowcount for s in replay(either.workload) if "INSERT" in s]
            )
            contents.append(
                [
                    connection.execute(query.format(t)).fetchall()
                    for t in ("animals", "sponsorships")
                ]
            )
        connection.rollback()
    assert counts == [[0, 0], [len(rows) for rows in contents[0]]]
    assert contents[0] == contents[1]


def test_the_wish_to_leave_events_alone_is_granted_in_the_grown_state_only(small, grown):
    query = """
        SELECT c.reloptions, s.last_vacuum IS NULL, s.n_ins_since_vacuum, c.relallvisible
        FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid WHERE c.relname = 'events'
    """
    ((options, never, waiting, visible),) = grown.rows(query)
    assert (options, never, visible) == (["autovacuum_enabled=off"], True, 0)
    assert waiting == grown.evenings[-1]["events"]
    ((options, never, waiting, visible),) = small.rows(query)
    assert (options, never, waiting) == (None, False, 0)
    assert visible > 0
    others = "SELECT bool_and(last_vacuum IS NOT NULL) FROM pg_stat_user_tables WHERE relname <> 'events'"
    assert grown.value(others) is True


def test_a_collection_sees_the_wish_that_was_granted(small, grown):
    for built, expected in ((small, {}), (grown, {"events": '["autovacuum_enabled=off"]'})):
        estate = estate_from_urls([built.server.url("hauspet_db")])
        held = collect(estate, only={"relations"}).frame("relations", "relation", "reloptions")
        assert held.set_index("relation")["reloptions"].dropna().to_dict() == expected


def test_no_index_serves_the_lists_by_type(grown):
    indexes = {name for (name,) in grown.rows("SELECT indexname::text FROM pg_indexes")}
    assert "idx_animals_type" not in indexes
    (listing,) = (f for f in grown.workload.flows if f.name == "list animals of a type")
    query = re.sub(r"\$(\d)", "%s", listing.statements[0].sql)
    plan = "\n".join(row[0] for row in grown.rows(f"EXPLAIN {query}", "DOG", "available"))
    assert "Seq Scan on animals" in plan


def test_nothing_crosses_but_what_is_planted(either):
    """Every statement stays in its service's schema, or is marked as planted."""
    with psycopg.connect(either.server.url("hauspet_db", "hauspet")) as connection:
        for flow in either.workload.flows:
            for statement in flow.statements:
                schemas = {
                    connection.execute(
                        "SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = to_regclass(%s)",
                        [name],
                    ).fetchone()[0]
                    for name in referenced_relations(statement.sql)
                }
                leaves = schemas != {SCHEMAS[flow.service]}
                assert leaves == bool(statement.planted), statement.sql


def test_an_event_and_its_projection_are_one_transaction(either):
    """Rows written by one transaction carry its number."""
    together = """
        SELECT count(*) FROM readmodels.{} AS r JOIN eventstore.events AS e ON e.aggregate_id = r.id AND e.version = r.version
        WHERE e.occurred_at >= %s AND e.xmin = r.xmin
    """
    for table in ("animals", "sponsorships"):
        assert either.value(together.format(table), either.workload.start)


def test_one_login_is_shared_and_three_names_tell_the_services_apart(either):
    sessions = either.workload.sessions
    assert {s.login for s in sessions.values()} == {"hauspet"}
    actors = {actor.service: actor.application_name for actor in loaded(either.name)[1].actors}
    assert actors == {name: s.application_name for name, s in sessions.items()}
    assert set(actors) == set(SCHEMAS)


# -- the recorded histories


@dataclass(frozen=True)
class Recorded:
    """A recorded history: tables by day, and statements by day with their texts."""

    history: History
    workload: Workload
    tables: pd.DataFrame
    statements: pd.DataFrame

    def counts(self, table: str, column: str) -> list[int]:
        rows = self.tables[self.tables["relation"] == table].sort_values("at")
        return [int(value) for value in rows[column]]

    def a_day(self, frame: pd.DataFrame, column: str) -> pd.Series:
        """By how much the sum of a column grows from one snapshot to the next; before it is there, it is 0."""
        days = [snapshot.at for snapshot in self.history.snapshots]
        sums = frame.groupby("at")[column].sum().astype(float)
        return sums.reindex(days, fill_value=0.0).diff().iloc[1:]


def recorded(name: str) -> Recorded:
    history = load_history(estate_folder(name) / "history")
    figures = ("relation_oid", "n_tup_ins", "n_tup_upd", "n_tup_del", "n_live_tup")
    relations = history.frame("relations", "oid", "relation").rename(
        columns={"oid": "relation_oid"}
    )
    tables = history.frame("table_statistics", *figures).merge(relations, on=["at", "relation_oid"])
    texts = history.frame("statement_texts", "queryid", "query").drop_duplicates(["at", "queryid"])
    statements = history.frame("statements", "queryid", "calls", "total_exec_time")
    return Recorded(
        history,
        load_workload(estate_folder(name)),
        tables,
        statements.merge(texts[["at", "queryid", "query"]], on=["at", "queryid"]),
    )


@pytest.fixture(scope="module")
def was_small() -> Recorded:
    return recorded("hauspet-small")


@pytest.fixture(scope="module")
def was_grown() -> Recorded:
    return recorded("hauspet")


@pytest.mark.parametrize("name", ESTATES)
def test_a_recorded_history_is_every_day_in_less_than_two_megabytes(name):
    folder = estate_folder(name) / "history"
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < 2_000_000
    history, workload = load_history(folder), load_workload(estate_folder(name))
    days = [snapshot.at.date() for snapshot in history.snapshots]
    assert days == [workload.day(number) for number in range(1, workload.days + 1)]


def test_the_recorded_small_state_stays_as_it_is(was_small):
    days = was_small.workload.days
    for table, rows in SMALL.items():
        assert was_small.counts(table, "n_tup_ins") == [rows] * days
        assert was_small.counts(table, "n_tup_del") == [0] * days
        assert was_small.counts(table, "n_live_tup") == [rows] * days
    assert was_small.counts("events", "n_tup_upd") == [0] * days


def test_the_recorded_events_are_those_of_the_timetable_and_none_was_changed(was_grown):
    workload = was_grown.workload
    total, expected = seeded(workload), []
    for day in range(1, workload.days + 1):
        total += appended(workload, day)
        expected.append(total)
    assert was_grown.counts("events", "n_tup_ins") == expected
    assert was_grown.counts("events", "n_live_tup") == expected
    for never in ("n_tup_upd", "n_tup_del"):
        assert set(was_grown.counts("events", never)) == {0}


def test_events_cross_both_written_limits_within_the_recorded_days(was_grown):
    """More than 10,000 a day from some day on and in the mean; more than 1,000,000 in all from some day on."""
    limits = {t.metric: t.hard for t in loaded("hauspet")[1].thresholds}
    totals = was_grown.counts("events", "n_tup_ins")
    days = [after - before for before, after in pairwise(totals)]
    over = [day > limits["rows_per_day"] for day in days]
    assert over == sorted(over)
    assert not over[0]
    assert all(over[-14:])
    assert sum(days) / len(days) > limits["rows_per_day"]
    assert totals[0] < limits["rows"] < totals[-1]


def reading(frame: pd.DataFrame) -> pd.DataFrame:
    """The statements that only read, and only from readmodels."""
    return frame[frame["query"].str.match("SELECT") & of_readmodels(frame) & ~frame["query"].str.contains("FOR UPDATE")]  # fmt: skip


def of_readmodels(frame: pd.DataFrame) -> pd.Series:
    return frame["query"].str.contains("readmodels.", regex=False) & ~frame["query"].str.contains(r"eventstore\.|public\.")  # fmt: skip


def test_readmodels_is_slower_on_days_with_a_replay(was_grown):
    statements = was_grown.statements
    service = statements[of_readmodels(statements) & ~statements["query"].str.contains("AS held")]
    means = was_grown.a_day(service, "total_exec_time") / was_grown.a_day(service, "calls")
    replays = statements[statements["query"].str.contains("ON CONFLICT")]
    replayed = was_grown.a_day(replays, "calls") > 0
    assert sum(replayed) == 4
    assert median(means[replayed]) > 1.25 * median(means[~replayed])
    assert max(means) < 200


def test_one_read_is_worth_a_cache_in_the_grown_state_only(was_small, was_grown):
    """It takes most of the time, repeats over 1,000 times a day, and its table is written less than once a minute."""
    threshold = loaded("hauspet")[1].thresholds[-1]
    statements = was_grown.statements
    touching = statements[statements["query"].str.contains("readmodels.", regex=False)]
    spent = was_grown.a_day(touching, "total_exec_time").sum()
    listing = statements[statements["query"].str.contains("FROM readmodels.animals WHERE type")]
    assert was_grown.a_day(listing, "total_exec_time").sum() > threshold.hard * spent
    assert min(was_grown.a_day(listing, "calls")) > threshold.parameters["calls_per_day"]
    animals = was_grown.tables[was_grown.tables["relation"] == "animals"]
    written = sum(
        was_grown.a_day(animals, column) for column in ("n_tup_ins", "n_tup_upd", "n_tup_del")
    )
    assert max(written) < threshold.parameters["writes_per_minute"] * MINUTES_A_DAY
    for _, one in reading(was_small.statements).groupby("queryid"):
        assert max(was_small.a_day(one, "calls")) < threshold.parameters["calls_per_day"]
