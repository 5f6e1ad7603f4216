"""What a sample costs: 50 sessions, 10 looks a second, 20 s; CPU here and on the server.

Of the 50 sessions 10 run a statement in a transaction that holds five tables with three indexes each,
5 are idle in such a transaction, and 35 are idle. Prints the share of one core that this process and
the backend it talks to used, and the looks that were made of those asked for. Looks of three seconds share a
transaction. A machine with other work to do makes both dearer, for what they need is no longer in its
caches: take the least of several runs.
"""

import resource
from contextlib import ExitStack

import psutil
import psycopg

from workbench.collect.samples import Sampling, sample
from workbench.collect.sessions import Session
from workbench.conninfo import read_target
from workbench.lab import Server, private_server

ACTIVE, HOLDING, IDLE, TABLES = 10, 5, 35, 5
ASKED = Sampling(20.0)


def main() -> None:
    with private_server() as server, ExitStack() as stack:
        with psycopg.connect(server.url(), autocommit=True) as admin:
            for n in range(TABLES):
                admin.execute(
                    f"CREATE TABLE t{n} (id int PRIMARY KEY, a int UNIQUE, b int UNIQUE)".encode()
                )
        for n in range(ACTIVE + HOLDING + IDLE):
            connection = psycopg.connect(server.url(), autocommit=True)
            stack.callback(connection.close)
            connection.execute("SELECT 1")
            if n < ACTIVE + HOLDING:
                hold(connection)
            if n < ACTIVE:
                connection.pgconn.send_query(b"SELECT pg_sleep(600)")
        measure(server)


def hold(connection: psycopg.Connection) -> None:
    """Read four tables and write one, in a transaction that stays open."""
    connection.execute("BEGIN")
    for n in range(TABLES - 1):
        connection.execute(f"SELECT * FROM t{n} WHERE id = 1".encode())
    connection.execute(f"UPDATE t{TABLES - 1} SET b = 0 WHERE id = 1".encode())


def measure(server: Server) -> None:
    target = read_target(server.url())
    with Session(target) as session:
        sample(session, Sampling(1.0))
        with psycopg.connect(server.url(), autocommit=True) as admin:
            find = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'workbench%'"
            (pid,) = admin.execute(find).fetchone() or (0,)
        backend = psutil.Process(pid)
        before = ours(), theirs(backend)
        found = sample(session, ASKED)
        after = ours(), theirs(backend)
    client, held = (100 * (b - a) / ASKED.seconds for a, b in zip(before, after, strict=True))
    row = found.sampling.to_pylist()[0]
    print(f"  {row['looks']} of {row['asked_looks']} looks, {row['sessions']:.0f} sessions")
    print(f"  {found.ms / row['looks']:.2f} ms a look until its answer is here")
    print(f"  here {client:.2f} % of a core, the backend {held:.2f} %, both {client + held:.2f} %")


def ours() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def theirs(backend: psutil.Process) -> float:
    times = backend.cpu_times()
    return times.user + times.system
