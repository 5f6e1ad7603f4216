"""Waiting for a server: its statistics arrive late, and the machine may be busy. And what is too long for every run."""

import os
import time

import pytest

SOAK = "WORKBENCH_SOAK" in os.environ
LONG = pytest.mark.skipif(not SOAK, reason="long: `make soak` runs it")

DEADLINE_S = 120


def eventually(question, expected=True):
    """Ask until the answer is ``expected``, and insist on it."""
    end = time.monotonic() + DEADLINE_S
    while (found := question()) != expected and time.monotonic() < end:
        time.sleep(0.1)
    assert found == expected


def one(connection, text, *values):
    """The single value that a query returns."""
    return connection.execute(text, values).fetchone()[0]


def settled(connection, table, rows, counter="n_dead_tup"):
    """Wait until the server has counted the rows of ``table``."""
    asked = f"SELECT {counter} FROM pg_stat_all_tables WHERE relid = %s::regclass"
    eventually(lambda: one(connection, asked, table), rows)
