"""Reading a large catalogue: 100 schemas, 10,000 tables, 120,000 columns.

Prints what relations, columns, constraints and indexes cost the workbench, psql (the same files into
/dev/null; aligned as it comes, and bare with -At), SQLAlchemy's Inspector.get_multi_* and
MetaData.reflect, each as a ratio to the workbench's own time; then the whole `collect` process: its
peak memory, and how its time grows from 1,000 to 10,000 tables.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import psycopg
import sqlalchemy

from workbench.collect import sessions
from workbench.collect.queries import load_queries
from workbench.conninfo import read_target
from workbench.lab import Server, private_server

QUESTIONS = ("relations", "columns", "constraints", "indexes")
ROUNDS = 5
TABLE = """CREATE TABLE s{s}.t{t} (
  id bigint PRIMARY KEY, parent_id bigint {fk}, code text UNIQUE, name varchar(80) NOT NULL,
  status text, amount numeric(12, 2), created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz,
  is_active boolean DEFAULT true, payload jsonb, owner_id uuid, note text)"""


def main() -> None:
    with private_server(settings={"max_locks_per_transaction": "1024"}) as server:
        build(server, "large", schemas=100, tables=100)
        build(server, "small", schemas=10, tables=100)
        compare(server, "large")
        processes(server)


def build(server: Server, name: str, *, schemas: int, tables: int) -> None:
    """Create a database of that many schemas with that many tables each, 12 columns a table."""
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    with psycopg.connect(server.url(name), autocommit=True) as connection:
        for s in range(schemas):
            made = [f"CREATE SCHEMA s{s}"]
            for t in range(tables):
                fk = f"REFERENCES s{s}.t{t - 1} (id)" if t else ""
                made.append(TABLE.format(s=s, t=t, fk=fk))
            connection.execute(";".join(made).encode())
        connection.execute("VACUUM ANALYZE")


def compare(server: Server, database: str) -> None:
    url = server.url(database)
    queries = [q for q in load_queries() if q.frame in QUESTIONS]
    engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    connection = sessions.connect(read_target(url))

    def ours() -> None:
        with sessions.guarded(connection, "catalogue"):
            for query in queries:
                sessions.ask(connection, query)

    def psql(flags: str) -> Callable[[], None]:
        files = [argument for q in queries for argument in ("-f", str(q.path))]
        command = [str(server.bin / "psql"), flags, "-o", "/dev/null", *files, url]
        return lambda: (
            subprocess.run(command, check=True, env=dict(server.binaries.environ)) and None
        )

    def inspector() -> None:
        inspect = sqlalchemy.inspect(engine)
        for schema in inspect.get_schema_names():
            if schema.startswith("s"):
                inspect.get_multi_columns(schema=schema)
                inspect.get_multi_pk_constraint(schema=schema)
                inspect.get_multi_foreign_keys(schema=schema)
                inspect.get_multi_unique_constraints(schema=schema)
                inspect.get_multi_indexes(schema=schema)

    def reflect() -> None:
        metadata = sqlalchemy.MetaData()
        for schema in sqlalchemy.inspect(engine).get_schema_names():
            if schema.startswith("s"):
                metadata.reflect(engine, schema=schema)

    mine = median(ours)
    print(f"  workbench                 {mine:7.3f} s  1.00")
    for name, run, rounds in (
        ("psql", psql("-Xq"), ROUNDS),
        ("psql -At", psql("-XqAt"), ROUNDS),
        ("Inspector.get_multi_*", inspector, 1),
        ("MetaData.reflect", reflect, 1),
    ):
        taken = median(run, rounds)
        print(f"  {name:25} {taken:7.3f} s  {taken / mine:.2f}")
    connection.close()
    engine.dispose()


def median(run: Callable[[], None], rounds: int = ROUNDS) -> float:
    """Seconds, after one round that is not counted where there are several."""
    if rounds > 1:
        run()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


MEASURED = """
import sys
from workbench.cli import main
sys.argv = {arguments!r}
code = main()
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(peak.split()[1], file=sys.stderr)
sys.exit(code)
"""


def processes(server: Server) -> None:
    """Whole `workbench collect` processes, statistics and sizes included; peak memory as VmHWM has it."""
    taken = {}
    for name in ("small", "large"):
        with tempfile.TemporaryDirectory() as history:
            arguments = ["workbench", "collect", "--url", server.url(name), "--history", history]
            start = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", MEASURED.format(arguments=arguments)],
                capture_output=True,
                text=True,
                check=True,
            )
            taken[name] = time.perf_counter() - start
        peak = int(done.stderr.split()[-1]) / 1024
        print(f"  collect, {name}: {taken[name]:.2f} s, peak memory {peak:.0f} MB")
    print(f"  ten times the tables cost {taken['large'] / taken['small']:.1f} times the time")
