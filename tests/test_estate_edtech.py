"""Edtech: what ESTATES.md says of its six services on six instances holds on built servers and in the recorded history."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from pglast.visitors import referenced_relations

from workbench.collect import collect
from workbench.estate import load_estate
from workbench.lab import BuiltEstate, Server, build
from workbench.lab.reference import estate_folder, private_servers
from workbench.lab.workload import load_workload
from workbench.snapshot import load_history

ROOT = Path(__file__).parent.parent
TABLES = {
    "identity": {
        "users": "id email firstName lastName role status createdAt updatedAt",
        "user_profiles": "userId bio preferences settings",
        "user_sessions": "userId sessionId expiresAt",
        "auth_tokens": "userId token type expiresAt",
    },
    "learning": {
        "tutors": "id userId email name hourlyRate subjects languages isVerified",
        "students": "id userId email name learningGoals preferredLanguages",
        "courses": "id tutorId title description price duration",
        "lessons": "id courseId tutorId studentId scheduledAt status meetingUrl",
        "matching_requests": "id studentId subject budget requirements",
        "tutor_availability": "id tutorId dayOfWeek startTime endTime",
    },
    "payment": {
        "payments": "id lessonId studentUserId tutorUserId amount platformFee status",
        "transactions": "id paymentId type amount stripeTransactionId",
        "payouts": "id tutorUserId amount period status stripePayoutId",
        "invoices": "id paymentId studentUserId tutorUserId amount",
        "refunds": "id paymentId amount reason status",
        "stripe_accounts": "id tutorUserId stripeAccountId onboardingComplete",
    },
    "communication": {
        "conversations": "id lessonId participantIds status lastMessageAt",
        "messages": "id conversationId senderUserId content messageType timestamp",
        "notifications": "id userId type title content isRead createdAt",
        "video_sessions": "id lessonId meetingUrl startedAt endedAt recordingUrl",
    },
    "ai": {
        "content": "id creatorUserId title description contentType subject",
        "ai_interactions": "id userId sessionId query response timestamp",
        "recommendations": "id userId targetType targetId score reason",
        "learning_paths": "id userId subject steps progress createdAt",
    },
    "analytics": {
        "reviews": "id reviewerUserId targetUserId targetType rating comment",
        "analytics_events": "id userId eventType metadata timestamp",
        "reports": "id type data generatedAt generatedBy",
        "user_metrics": "id userId lessonCount totalSpent avgRating",
    },
}
SERVICES = tuple(TABLES)
PARTS = ("HOST", "PORT", "NAME", "USER", "PASSWORD")
EXPECTED = json.loads((ROOT / "tests/expected/edtech_references.json").read_text(encoding="utf-8"))
REFERENCES = EXPECTED["references"]


def database_of(service: str) -> str:
    return f"edtech_{service}_db"


# -- the files


def test_six_services_are_on_six_instances_reached_by_their_own_variables():
    environ = {
        f"{service.upper()}_DB_{part}": value
        for number, service in enumerate(SERVICES)
        for part, value in zip(PARTS, (f"{service}.example", f"{7000 + number}", f"{service}_x", "ann", "s3cret"), strict=True)
    }  # fmt: skip
    estate = load_estate(estate_folder("edtech"), environ)
    assert tuple(s.name for s in estate.services) == SERVICES
    assert [(s.instance, s.whole) for s in estate.services] == [(name, True) for name in SERVICES]
    assert [i.target(environ).safe for i in estate.instances] == [
        f"ann@{service}.example:{7000 + number}/{service}_x"
        for number, service in enumerate(SERVICES)
    ]
    unnamed = {name: value for name, value in environ.items() if not name.endswith("_NAME")}
    assert [i.target(unnamed).params["dbname"] for i in estate.instances] == [
        database_of(service) for service in SERVICES
    ]
    assert "s3cret" not in repr(estate)


def test_the_workload_gives_the_variables_and_databases_that_the_services_have():
    workload = load_workload(estate_folder("edtech"))
    assert set(workload.variables) == {f"{s.upper()}_DB_{part}" for s in SERVICES for part in PARTS}
    assert {name: part.instance for name, part in workload.databases.items()} == {
        database_of(service): service for service in SERVICES
    }
    assert {name: (s.database, s.login) for name, s in workload.sessions.items()} == {
        service: (database_of(service), service) for service in SERVICES
    }
    actors = load_estate(estate_folder("edtech"), {}).actors
    assert {actor.service: actor.login for actor in actors} == {s: s for s in SERVICES}


def test_identity_tells_of_new_users_and_no_reference_is_declared():
    estate = load_estate(estate_folder("edtech"), {})
    assert estate.references == ()
    (event,) = estate.service("identity").attributes["events"]
    assert (event["name"], event["table"]) == ("UserCreatedEvent", "users")
    assert event["carries"] == ["userId", "email", "firstName", "lastName", "role"]


def test_every_column_that_could_be_a_reference_is_expected_to_be_one_or_not():
    """The expected references were written by hand: none of the columns is forgotten, none is named twice."""
    columns = {
        f"{service}.{table}.{column}"
        for service, tables in TABLES.items()
        for table, names in tables.items()
        for column in names.split()
    }
    listed = Counter(
        entry["from"]
        for kind in ("references", "arrays", "polymorphic", "not_drawn")
        for entry in EXPECTED[kind]
    )
    assert set(listed.values()) == {1}
    assert set(listed) <= columns
    assert {c for c in columns if re.search(r"(Id|Ids|By)$", c)} <= set(listed)
    (pair,) = EXPECTED["polymorphic"]
    ends = {entry["to"] for kind in ("references", "arrays") for entry in EXPECTED[kind]}
    assert {*ends, *pair["to"].values(), pair["type"]} <= columns
    assert len(REFERENCES) == 35


# -- built and played


@dataclass(frozen=True)
class Built:
    """The estate on its six servers, after a day."""

    servers: dict[str, Server]
    estate: BuiltEstate

    def rows(self, service: str, query: str, user: str = "postgres") -> list[tuple]:
        url = self.servers[service].url(database_of(service), user)
        with psycopg.connect(url, autocommit=True) as connection:
            return connection.execute(query).fetchall()

    def values(self, column: str, where: str = "true") -> set[object]:
        """The values of ``service.table.column``; of arrays, their elements."""
        service, table, name = column.split(".")
        rows = self.rows(service, f'SELECT "{name}" FROM "{table}" WHERE {where}')
        found = {value for (value,) in rows if value is not None and not isinstance(value, list)}
        return found | {one for (value,) in rows if isinstance(value, list) for one in value}


@pytest.fixture(scope="module")
def built() -> Iterator[Built]:
    with private_servers("edtech", {"autovacuum_naptime": "1d"}) as servers:
        yield Built(servers, build("edtech", servers, on_day=lambda day, built: None, days=1))


def test_each_instance_is_a_server_of_its_own_with_one_database(built):
    identities = "SELECT system_identifier FROM pg_control_system()"
    assert len({built.rows(s, identities)[0] for s in SERVICES}) == len(SERVICES)
    assert len({server.port for server in built.servers.values()}) == len(SERVICES)
    for service in SERVICES:
        found = built.rows(service, "SELECT datname FROM pg_database WHERE NOT datistemplate")
        assert {name for (name,) in found} == {"postgres", database_of(service)}
        assert built.rows(service, "SHOW shared_buffers") == [("32MB",)]


@pytest.mark.parametrize("service", SERVICES)
def test_tables_have_exactly_these_columns(built, service):
    found: dict[str, list[str]] = {}
    for table, column in built.rows(
        service,
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0"
        " ORDER BY c.relname, a.attnum",
    ):
        found.setdefault(table, []).append(column)
    assert found == {table: names.split() for table, names in TABLES[service].items()}


def test_there_are_28_tables_and_each_has_a_primary_key(built):
    keyed = "SELECT conrelid::regclass::text FROM pg_constraint WHERE contype = 'p' AND connamespace = 'public'::regnamespace"
    tables = [(s, table) for s in SERVICES for (table,) in built.rows(s, keyed)]
    assert len(tables) == 28
    assert {(s, t) for s in SERVICES for t in TABLES[s]} == set(tables)


def test_ids_are_uuid_money_is_numeric_and_participants_are_an_array(built):
    types: dict[str, set[str]] = {}
    for service in SERVICES:
        for column, kind in built.rows(
            service,
            "SELECT a.attname, format_type(a.atttypid, NULL) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
            " WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0",
        ):
            types.setdefault(column, set()).add(kind)
    for column in ("id", "userId", "tutorId", "targetId", "generatedBy", "senderUserId"):
        assert types[column] == {"uuid"}
    for column in ("amount", "platformFee", "price", "hourlyRate", "budget", "totalSpent"):
        assert types[column] == {"numeric"}
    assert types["participantIds"] == {"uuid[]"}


def test_some_references_are_foreign_keys_and_others_are_left_to_find(built):
    declared = set()
    for service in SERVICES:
        for child, column, parent, key in built.rows(
            service,
            "SELECT conrelid::regclass::text, a.attname, confrelid::regclass::text, k.attname FROM pg_constraint c"
            " JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = conkey[1]"
            " JOIN pg_attribute k ON k.attrelid = confrelid AND k.attnum = confkey[1] WHERE contype = 'f'",
        ):
            declared.add((f"{service}.{child}.{column}", f"{service}.{parent}.{key}"))
    inside = {
        (r["from"], r["to"]) for r in REFERENCES if r["from"].split(".")[0] == r["to"].split(".")[0]
    }
    assert declared < inside
    assert (len(declared), len(inside)) == (6, 13)


def test_every_value_of_a_reference_is_there_on_the_other_side(built):
    keys = {end: built.values(end) for end in {r["to"] for r in REFERENCES}}
    for reference in [*REFERENCES, *EXPECTED["arrays"]]:
        held = built.values(reference["from"])
        assert held, reference
        assert held <= keys[reference["to"]], reference
    (pair,) = EXPECTED["polymorphic"]
    assert built.values(pair["type"]) == set(pair["to"])
    for kind, end in pair["to"].items():
        held = built.values(pair["from"], f"\"targetType\" = '{kind}'")
        assert held
        assert held <= built.values(end)


def test_what_is_not_to_be_drawn_refers_to_nothing(built):
    own = {"identity.user_sessions.sessionId"}
    copies = {"learning.tutors.email", "learning.students.email"}
    keys = {
        str(value)
        for service, tables in TABLES.items()
        for table, names in tables.items()
        if "id" in names.split()
        for value in built.values(f"{service}.{table}.id")
    } | {str(value) for value in built.values("identity.user_sessions.sessionId")}
    for entry in EXPECTED["not_drawn"]:
        held = {str(value) for value in built.values(entry["from"])}
        assert held, entry
        if entry["from"] not in own | copies:
            assert not held & keys, entry


def test_copies_are_what_the_event_told_and_a_few_have_drifted(built):
    users = {
        key: (email, f"{first} {last}")
        for key, email, first, last in built.rows(
            "identity", 'SELECT id, email, "firstName", "lastName" FROM users'
        )
    }
    drifted: Counter[str] = Counter()
    for table in ("tutors", "students"):
        copies = built.rows("learning", f'SELECT "userId", email, name FROM {table}')
        drifted[table] = sum(users[key] != (email, name) for key, email, name in copies)
        assert 0 < drifted[table] < len(copies) / 10
    workload = load_workload(estate_folder("edtech"))
    changes = [f for f in workload.flows if f.name.startswith("change a ")]
    assert sum(drifted.values()) <= sum(f.calls for f in changes)


def test_a_login_for_each_service_and_a_reviewer_that_may_only_monitor(built):
    query = "SELECT rolname, rolsuper, pg_has_role(oid, 'pg_monitor', 'member') FROM pg_roles WHERE rolcanlogin"
    for service in SERVICES:
        assert set(built.rows(service, query)) == {
            ("postgres", True, True),
            (service, False, False),
            ("workbench", False, True),
        }
        table = next(iter(TABLES[service]))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            built.rows(service, f"SELECT FROM {table}", user="workbench")


def test_the_reviewer_comes_over_the_network_with_a_password_for_each_server(built):
    environ = built.estate.environ
    estate = load_estate(built.estate.folder, environ)
    passwords = {environ[f"{s.upper()}_DB_PASSWORD"] for s in SERVICES}
    assert len(passwords) == len(SERVICES)
    assert not passwords & {server.password for server in built.servers.values()}
    for instance in estate.instances:
        target = instance.target(environ)
        with psycopg.connect(**target.connecting()) as connection:
            assert connection.info.host == "127.0.0.1"
            assert connection.info.port == built.servers[instance.name].port
            assert connection.info.dbname == database_of(instance.name)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(**target.override(password="wrong").connecting())
    assert not any(password in repr(built.estate) for password in passwords)


def test_nobody_leaves_their_database_and_no_table_is_left_alone(built):
    touched = set()
    for flow in load_workload(estate_folder("edtech")).flows:
        for statement in flow.statements:
            assert not statement.planted
            names = {name.replace('"', "") for name in referenced_relations(statement.sql)}
            assert names <= set(TABLES[flow.service]), statement.sql
            touched |= {(flow.service, name) for name in names}
    assert touched == {(service, table) for service in SERVICES for table in TABLES[service]}


def test_a_collection_reaches_all_six(built, monkeypatch):
    for name, value in built.estate.environ.items():
        monkeypatch.setenv(name, value)
    snapshot = collect(load_estate(built.estate.folder), only={"relations"})
    relations = snapshot.frame("relations", "relation", "relkind", "schema")
    tables = relations[(relations["relkind"] == "r") & (relations["schema"] == "public")]
    assert set(zip(tables["instance"], tables["relation"], strict=True)) == {
        (service, table) for service in SERVICES for table in TABLES[service]
    }


# -- the recorded history


def test_the_recorded_history_is_every_day_of_all_instances_in_less_than_two_megabytes():
    folder = estate_folder("edtech") / "history"
    stored = [*folder.glob("objects/**/*"), *folder.glob("snapshots/*")]
    assert sum(file.stat().st_size for file in stored if file.is_file()) < 2_000_000
    history, workload = load_history(folder), load_workload(estate_folder("edtech"))
    days = [snapshot.at.date() for snapshot in history.snapshots]
    assert days == [workload.day(number) for number in range(1, workload.days + 1)]
    for snapshot in history.snapshots:
        databases = snapshot.frame("databases", "datname")
        mine = databases[databases["datname"].str.startswith("edtech_")]
        assert dict(zip(mine["instance"], mine["datname"], strict=True)) == {
            service: database_of(service) for service in SERVICES
        }


@pytest.mark.parametrize("command", ["capacity", "workload"])
def test_commands_work_on_the_recorded_history_without_any_variable(command):
    environ = {n: v for n, v in os.environ.items() if not re.match(r"[A-Z]+_DB_", n)}
    folder = estate_folder("edtech")
    done = subprocess.run(
        [sys.executable, "-m", "workbench.cli", command, "--estate", folder, "--json"],
        capture_output=True,
        text=True,
        env=environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    rows = document["capacity"] if command == "capacity" else document["services"]
    assert {row["service"] for row in rows if row["service"]} == set(SERVICES)
    assert all(row["instance"] == row["service"] for row in rows if row["service"])
    if command == "workload":
        assert {row["service"] for row in rows if (row["calls"] or [0])[0] > 0} == set(SERVICES)
        assert document["crossings"] == []
