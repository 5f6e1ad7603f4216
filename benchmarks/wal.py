"""Reading the WAL: 64,000 small transactions, folded into what they wrote together.

Prints megabytes a second of the whole reading (the server's part, the transfer, the folding), for WAL with
page images as after a checkpoint, and without; and the same with the server grouping the records itself.
"""

import subprocess
import time
from pathlib import Path
from typing import Any

import psycopg

from workbench.collect import collect, wal
from workbench.collect.queries import load_queries
from workbench.estate import estate_from_urls
from workbench.lab import Server, private_server

CLIENTS, EACH, ROUNDS = 4, 16_000, 3
SCRIPT = """
\\set i random(1, 50000)
BEGIN;
UPDATE a SET n = n + 1 WHERE id = :i;
UPDATE b SET n = n + 1 WHERE id = :i;
INSERT INTO c VALUES (:i, repeat('x', 200), 1);
COMMIT;
"""


def main() -> None:
    settings = {"max_wal_size": "4GB", "checkpoint_timeout": "1h", "autovacuum": "off"}
    with private_server(settings=settings) as server:
        build(server)
        for name, before in (("with page images", "CHECKPOINT"), ("without", "SELECT")):
            measure(server, name, before)


def build(server: Server) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_walinspect")
        for table in "abc":
            connection.execute(f"CREATE TABLE {table} (id int, v text, n int)".encode())
            connection.execute(
                f"INSERT INTO {table} SELECT g, repeat(md5(g::text), 6), 0 FROM generate_series(1, 50000) g".encode()
            )
            connection.execute(
                f"CREATE INDEX ON {table} (id); CREATE INDEX ON {table} (n)".encode()
            )
        connection.execute("VACUUM ANALYZE")


def measure(server: Server, name: str, before: str) -> None:
    estate = estate_from_urls([server.url()])
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(before.encode())
        start = collect(estate, wal_max=0)
        load(server)
        plain, grouped, found = [], [], start
        for _ in range(ROUNDS):
            found = collect(estate, previous=start)
            (row,) = found.frame("wal_reading").to_dict("records")
            plain.append(row["seconds"])
            grouped.append(group(connection, row))
    megabytes = row["bytes_read"] / 1e6
    parts = {p.frame: p.ms for p in found.manifest.parts}
    asked = sum(
        ms for frame, ms in parts.items() if frame.startswith("wal_") and "stat" not in frame
    )
    print(
        f"  {name:17} {row['transactions']:,} transactions, {megabytes:.0f} MB: {min(plain):.2f} s, "
        f"{megabytes / min(plain):.0f} MB/s (asking {asked / 1000:.2f} s of the last)"
    )
    print(f"  {'':17} grouped by the server, not yet folded: {megabytes / min(grouped):.0f} MB/s")


def load(server: Server) -> None:
    path = Path(server.folder, "load.sql")
    path.write_text(SCRIPT)
    pgbench = [
        str(server.bin / "pgbench"),
        "-n",
        "-c",
        str(CLIENTS),
        "-t",
        str(EACH),
        "-f",
        str(path),
    ]
    environ = dict(server.binaries.environ)
    subprocess.run([*pgbench, server.url()], check=True, capture_output=True, env=environ)


def group(connection: psycopg.Connection[Any], row: dict[str, Any]) -> float:
    """Seconds for the same records, one row per transaction and file instead of one per record."""
    (query,) = (q for q in load_queries() if q.frame == "wal_changes")
    since, until = (wal.lsn(int(row[name])) for name in ("since_lsn", "until_lsn"))
    for setting, value in (("since", since), ("until", until)):
        connection.execute(f"SET workbench.wal_{setting} = '{value}'".encode())
    connection.execute("SET work_mem = '256MB'")
    began = time.perf_counter()
    text = f"""COPY (SELECT xid, file, record_type, count(*), sum(bytes), sum(fpi_bytes), min(xids), min(start_lsn), max(end_lsn)
               FROM ({query.text}) AS r GROUP BY 1, 2, 3) TO STDOUT (FORMAT csv)"""
    with connection.cursor().copy(text.encode()) as answer:
        for _ in answer:
            pass
    return time.perf_counter() - began
