"""Shares of transactions from sampled locks: a known mix comes back, at the least privilege too."""

from collections import Counter
from contextlib import ExitStack, contextmanager
from time import monotonic

import psycopg
import pytest

from patience import LONG
from workbench.analyse.lock_samples import transactions
from workbench.collect import collect
from workbench.estate import estate_from_urls
from workbench.lab import private_server
from workbench.snapshot import History

TABLES = """
CREATE SCHEMA ordering; CREATE SCHEMA stock; CREATE SCHEMA pay;
CREATE TABLE ordering.orders (id int PRIMARY KEY, n int);
CREATE TABLE stock.item (id int PRIMARY KEY, n int);
CREATE TABLE pay.account (id int PRIMARY KEY, n int);
INSERT INTO ordering.orders SELECT g, 0 FROM generate_series(0, 399) g;
INSERT INTO stock.item SELECT g, 0 FROM generate_series(0, 399) g;
INSERT INTO pay.account SELECT g, 0 FROM generate_series(0, 399) g;
CREATE ROLE watcher LOGIN IN ROLE pg_monitor;
"""

SESSIONS = 4

# Of a hundred transactions that commit 70 write orders alone, 20 stock too, 10 accounts too; of these a third
# reads stock, a seventh locks rows of an account; five more write stock and accounts, and are rolled
# back. Rows differ by session: nobody waits for another.
MIX = """
DO $$ DECLARE row int; i int := 0; BEGIN LOOP
  i := i + 1; row := (i * {sessions} + {session}) % 400;
  UPDATE ordering.orders SET n = n + 1 WHERE id = row; {between}
  IF i % 3 = 0 THEN PERFORM n FROM stock.item WHERE id = row; {between} END IF;
  IF i % 7 = 0 THEN PERFORM FROM pay.account WHERE id = row FOR UPDATE; {between} END IF;
  IF i % 20 IN (1, 2, 3, 4) THEN UPDATE stock.item SET n = n + 1 WHERE id = row; {between} END IF;
  IF i % 20 IN (5, 6) THEN UPDATE pay.account SET n = n + 1 WHERE id = row; {between} END IF;
  {at_end} COMMIT;
  IF i % 20 = 0 THEN
    UPDATE stock.item SET n = n + 1 WHERE id = row; {between}
    UPDATE pay.account SET n = n + 1 WHERE id = row; {between}
    {at_end} ROLLBACK;
  END IF;
END LOOP; END $$
"""
PAUSES = {
    "at the end": {"between": "", "at_end": "PERFORM pg_sleep(0.005);"},
    "between statements": {"between": "PERFORM pg_sleep(0.002);", "at_end": ""},
}
"""Where the time of a transaction goes: until it is on disk, or on the way to its client and back."""

# Locks are held by what is rolled back as by what commits: it is in the sum.
PLANTED = {
    ("ordering",): 70 / 105,
    ("ordering", "stock"): 20 / 105,
    ("ordering", "pay"): 10 / 105,
    ("pay", "stock"): 5 / 105,
}

ENOUGH = 600
DEADLINE_S = 240


@contextmanager
def load(server, pauses):
    """Sessions that run the mix for the length of the block."""
    with psycopg.connect(server.url(), autocommit=True) as admin, ExitStack() as stack:
        admin.execute(TABLES)
        for number in range(SESSIONS):
            session = psycopg.connect(server.url(), autocommit=True)
            stack.callback(session.close)
            text = MIX.format(sessions=SESSIONS, session=number, **PAUSES[pauses])
            session.pgconn.send_query(text.encode())
            pid = session.info.backend_pid
            stack.callback(admin.execute, "SELECT pg_terminate_backend(%s)", [pid])
        yield


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(pauses, marks=() if pauses == "at the end" else LONG) for pauses in PAUSES
    ],
)
def loaded(request):
    with private_server() as server, load(server, request.param):
        yield server, request.param


def seen(server, login):
    """Transactions by the services they write: as many samples as it takes to have seen enough."""
    estate = estate_from_urls([server.url(user=login)])
    taken, deadline = [], monotonic() + DEADLINE_S
    while True:
        taken.append(collect(estate, sample_s=8, looks_per_s=20))
        counted = Counter()
        for row in transactions(History(estate, tuple(taken))).itertuples():
            counted[row.services_written] += row.transactions
        if counted.total() >= ENOUGH:
            return {services: counted[services] / counted.total() for services in PLANTED}
        assert monotonic() < deadline, f"only {counted.total()} transactions were seen"


@pytest.mark.parametrize("login", [pytest.param("postgres", marks=LONG), "watcher"])
def test_shares_of_transactions_come_back_within_ten_points(loaded, login):
    """A look sees what a transaction holds so far: with pauses in between it is seen to write less than it will."""
    server, pauses = loaded
    shares = seen(server, login)
    if pauses == "at the end":
        assert shares == pytest.approx(PLANTED, abs=0.1)
    else:
        alone = ("ordering",)
        assert shares[alone] > PLANTED[alone]
        assert all(shares[s] < PLANTED[s] + 0.03 for s in PLANTED if s != alone)
