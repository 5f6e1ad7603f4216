"""The same questions many times a second, at little cost: limits are set, and plans made, once in a few seconds.

Several looks share a transaction, which is READ ONLY, guarded as every other, and over in ``TOGETHER_S``. It is
READ COMMITTED: between two looks it holds no snapshot, so it keeps back neither vacuum nor a standby's
replay. The questions are prepared inside it and deallocated before it ends: a pooler keeps one session
for the length of a transaction, and what follows on that session finds nothing of ours.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

import psycopg

from workbench.collect.guards import Guards
from workbench.collect.queries import Query
from workbench.collect.wire import Connection, answered, rows

TOGETHER_S = 7.0
"""How long looks may begin in one transaction; with their time-outs it is over within ten seconds."""

_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"

# Without it sessions and their waits would be the same all through the transaction.
_ANEW = "SELECT pg_catalog.pg_stat_clear_snapshot()"


class Looking:
    """Questions put again and again; the transaction that they share now, if any."""

    def __init__(self, queries: Sequence[Query], settings: Mapping[str, str]) -> None:
        ours = f"workbench_{secrets.token_hex(4)}"
        names = [f"{ours}_{number}" for number in range(len(queries) + 1)]
        self._settings = {"search_path": ""} | dict(settings)
        # A row is one value: a value costs the client as much as a row does.
        asked = [f"SELECT q::text /* workbench:{q.name} */ FROM ({q.text}) AS q" for q in queries]
        self._prepare = [
            f"PREPARE {name} AS {text}" for name, text in zip(names, [_ANEW, *asked], strict=True)
        ]
        self._look = [f"EXECUTE {name}" for name in names]
        self._deallocate = [f"DEALLOCATE {name}" for name in names]
        self._connection: Connection | None = None
        self._until = 0.0

    def look(self, connection: Connection) -> list[list[bytes]]:
        """Return the rows of each question at this moment, written as the server writes a record.

        One message goes to the server, and three where a transaction begins. GuardLost or psycopg.Error where there was no answer this time: ``give_up`` then.
        """
        statements = self._look
        if connection is not self._connection or time.monotonic() >= self._until:
            self.leave()
            self._enter(connection)
            statements = [*self._prepare, *statements]
        _, *results = answered(connection, "; ".join(statements))[-len(self._look) :]
        return [rows(result) for result in results]

    def _enter(self, connection: Connection) -> None:
        guards = Guards.of(connection, self._settings)
        self._until = time.monotonic() + TOGETHER_S
        self._connection = connection
        held = answered(connection, f"{_BEGIN}; {guards.set_all}; {guards.read_back}")[-1]
        guards.check([held.get_value(0, column) or b"" for column in range(held.nfields)])

    def leave(self) -> None:
        """End the transaction, if there is one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            answered(connection, "; ".join([*self._deallocate, "COMMIT"]))

    def give_up(self, connection: Connection) -> None:
        """Leave ``connection`` as it was found, after a failure in the middle of anything."""
        self._connection = None
        with suppress(psycopg.Error):
            # In one message, so that a pooler takes it to the session that has them, if they were prepared.
            answered(connection, "; ".join(["ROLLBACK", *self._deallocate]))
