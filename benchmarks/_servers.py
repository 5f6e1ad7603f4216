"""The large estate on its servers: what is built, and what is asked of it so that there are statements."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import psycopg

from workbench.lab import Server, private_server

SETTINGS = {
    "max_locks_per_transaction": "1024",
    "autovacuum": "off",  # that the same is measured every time
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
}
LAST_DAY = date(2026, 6, 30)
"""Up to which day partitions were made."""

_BATCH = 500
PARTITIONED = "ledger"


@dataclass(frozen=True)
class Extent:
    """How large the estate is: everything else follows from these."""

    servers: int = 5
    databases: int = 23
    tables: int = 130  # in each database but the partitioned one
    roots: int = 30
    partitions: int = 12_000
    statements: int = 4_800  # a server, under pg_stat_statements.max
    nights: int = 90
    real_nights: int = 2
    beats: int = 3
    pulses: int = 864  # three days of them

    @property
    def days(self) -> int:
        """How many partitions each root has."""
        return self.partitions // self.roots

    @property
    def roots_per_service(self) -> int:
        return 2


SMALL = Extent(2, 4, 12, 4, 120, 60, 16, real_nights=1, beats=1, pulses=48)


def names(extent: Extent) -> list[tuple[int, str]]:
    """Return (server, database) of every database; the first is the partitioned one."""
    others = [(n % extent.servers, f"unit{n:02}") for n in range(1, extent.databases)]
    return [(0, PARTITIONED), *others]


@contextmanager
def estate(extent: Extent, folder: Path) -> Iterator[list[Server]]:
    """Build the estate in ``folder`` and keep its servers running for the length of the block."""
    with ExitStack() as stack:
        servers = [
            stack.enter_context(private_server(settings=SETTINGS)) for _ in range(extent.servers)
        ]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda n: _fill(extent, servers[n], n), range(extent.servers)))
        (folder / "estate.toml").write_text("\n".join(_declared(extent, servers)), "utf-8")
        yield servers


def _declared(extent: Extent, servers: list[Server]) -> Iterator[str]:
    yield '[estate]\nname = "large"\ntitle = "A large estate"\n'
    for number, server in enumerate(servers):
        yield f'[instances.server{number}]\nurl = "{server.url()}"\ncapacity = {{ storage_gb = 2 }}\n'
    for number, name in names(extent):
        if name == PARTITIONED:
            for service in range(-(-extent.roots // extent.roots_per_service)):
                yield f'[services.flow{service:02}]\ninstance = "server{number}"\ndatabase = "{name}"'
                yield f'schemas = ["flow{service:02}"]\n'
        else:
            yield f'[services.{name}]\ninstance = "server{number}"\ndatabase = "{name}"\n'


def _fill(extent: Extent, server: Server, number: int) -> None:
    mine = [name for at, name in names(extent) if at == number]
    with psycopg.connect(server.url(), autocommit=True) as admin:
        for name in mine:
            admin.execute(f"CREATE DATABASE {name}".encode())
    quiet = "-c pg_stat_statements.track=none"
    for name in mine:
        with psycopg.connect(server.url(name), autocommit=True, options=quiet) as connection:
            connection.execute("CREATE EXTENSION pg_stat_statements")
            if name == PARTITIONED:
                _partitions(extent, connection)
            else:
                _tables(extent, connection, name)
            connection.execute("ANALYZE")
    share = -(-extent.statements // len(mine))
    for name in mine:
        with psycopg.connect(server.url(name), autocommit=True) as connection:
            _statements(connection, share)


def _tables(extent: Extent, connection: psycopg.Connection, name: str) -> None:
    made = []
    for n in range(extent.tables):
        refers = f"REFERENCES {name}_t{n - 1} (id)" if n % 3 else ""
        made.append(
            f"CREATE TABLE {name}_t{n} (id bigint PRIMARY KEY, before_id bigint {refers}, "
            "code text, status text, amount numeric(12, 2), note text, created_at timestamptz "
            f"DEFAULT now()); CREATE INDEX ON {name}_t{n} (status, created_at)"
        )
        rows = 20 + (n * n) % 997
        made.append(
            f"INSERT INTO {name}_t{n} SELECT i, NULL, 'c' || i, 'open', i, repeat('x', {n % 90}) "
            f"FROM generate_series(1, {rows}) AS i"
        )
    connection.execute(";".join(made).encode())


def _partitions(extent: Extent, connection: psycopg.Connection) -> None:
    """Make one partition a day and root, day by day, so that oids rise with the days."""
    for root in range(extent.roots):
        schema = f"flow{root // extent.roots_per_service:02}"
        connection.execute(
            f"CREATE SCHEMA IF NOT EXISTS {schema}; CREATE TABLE {schema}.event{root:02} "
            "(day date NOT NULL, id bigint NOT NULL, kind text, amount numeric(12, 2), "
            "note text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)".encode()
        )
    made = []
    for ago in reversed(range(extent.days)):
        day = LAST_DAY - timedelta(days=ago)
        for root in range(extent.roots):
            table = f"flow{root // extent.roots_per_service:02}.event{root:02}"
            made.append(
                f"CREATE TABLE {table}_{day:%Y%m%d} PARTITION OF {table} "
                f"FOR VALUES FROM ('{day}') TO ('{day + timedelta(days=1)}')"
            )
            if ago < 30:
                made.append(
                    f"INSERT INTO {table}_{day:%Y%m%d} SELECT '{day}', i, 'k' || i % 7, i, 'note ' "
                    f"|| i FROM generate_series(1, {200 + 20 * root}) AS i"
                )
    for at in range(0, len(made), _BATCH):
        connection.execute(";".join(made[at : at + _BATCH]).encode())


def _statements(connection: psycopg.Connection, count: int) -> None:
    """Run ``count`` statements that pg_stat_statements tells apart: other tables, other columns."""
    columns = connection.execute(
        "SELECT c.oid::regclass::text, array_agg(quote_ident(a.attname) ORDER BY a.attnum) "
        "FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 "
        "WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace >= 2200 "
        "AND c.relnamespace::regnamespace::text NOT IN ('information_schema') GROUP BY 1 ORDER BY 1"
    ).fetchall()
    said = list(_said(columns, count))
    with connection.pipeline():
        for text in said:
            connection.execute(text.encode(), prepare=False)


def _said(columns: list[tuple[str, list[str]]], count: int) -> Iterator[str]:
    shape = 0
    left = count
    while left > 0:
        for table, held in columns[:left]:
            chosen = [c for at, c in enumerate(held) if (shape + 1) >> at & 1]
            other = held[shape % len(held)]
            tail = f" ORDER BY {other}" if shape >> len(held) & 1 else ""
            # A partitioned table is asked about one day: planning for all of them takes a second.
            where = f"day = '{LAST_DAY}'" if "day" in held else f"{held[0]} = {shape}"
            yield f"SELECT {', '.join(chosen) or '1'} FROM {table} WHERE {where}{tail}"
        left -= len(columns)
        shape += 1
