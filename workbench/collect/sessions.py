"""Sessions with a server under review: read-only, guarded, and gone soon.

Every transaction is READ ONLY, sets its own time limits with SET LOCAL, and reads them back before
anything else runs: a pooler that drops settings is found out, not trusted. None lasts longer than
``TRANSACTION_S``. The catalogue is read in one state (REPEATABLE READ); everything else is read a
question at a time, so that no snapshot holds back vacuum, or a standby's replay, for long. What a
server cancels for its own sake is asked again, a bounded number of times.
"""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from types import TracebackType
from typing import Literal

import psycopg
import pyarrow as pa
from psycopg import sql

from workbench.collect.guards import APPLICATION_NAME, GuardLost, Guards, Unasked
from workbench.collect.looking import Looking
from workbench.collect.queries import Query, Version
from workbench.collect.rows import to_arrow
from workbench.collect.wire import (
    SILENCE_S,
    Connection,
    copy_out,
    describe,
)
from workbench.conninfo import Target

CONNECT_TIMEOUT_S = 10

STATEMENT_S = 8.0
"""How long one statement may run."""

TRANSACTION_S = 9.0
"""How long a transaction may go on asking; its last statement is cancelled then."""

ATTEMPTS = 3
"""How often a question is put that the server cancels for the sake of others."""

LET_GO_S = 5.0
_CONNECTING_ATTEMPTS = 10
_WORTH_ASKING_S = 0.1
_PAUSE_S = 0.3

Kind = Literal["catalogue", "statistics"]

_STARTUP = {
    "application_name": APPLICATION_NAME,
    "client_encoding": "UTF8",
    # A host that vanishes is noticed though nothing is being sent.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": str(SILENCE_S * 1000),
}
_REFUSED_AT_START = re.compile(r"unsupported startup parameter( in options)?: \"?(\w+)")

_CONFLICTS = frozenset({"40001", "40P01"})
_LOCKED = "55P03"


class NoTimeLeft(Unasked):
    """The transaction had used up its time before this question."""


@dataclass(frozen=True)
class Answer:
    """The rows of one query, and how long it took in milliseconds."""

    data: bytes = field(repr=False)
    schema: Mapping[str, pa.DataType]
    ms: float

    @cached_property
    def table(self) -> pa.Table:
        """The rows, typed. Made when first asked for: a transaction does not wait for it."""
        return to_arrow(self.data, self.schema)


Outcome = Answer | psycopg.Error | Unasked


def connect(target: Target) -> Connection:
    """Open a connection; psycopg.Error where that fails. The password never leaves ``target``.

    A pooler that refuses a start-up parameter is asked without it: every transaction sets its own. A
    standby that cancels even the connecting is asked again.
    """
    params = {"connect_timeout": str(CONNECT_TIMEOUT_S)} | dict(target.connecting()) | _STARTUP
    attempt = 0
    while True:
        try:
            connection = psycopg.connect(**params)  # type: ignore[arg-type]
        except psycopg.OperationalError as error:
            attempt += 1
            name = _refused_at_start(str(error))
            if params.get(name):
                params[name] = ""  # libpq does not send what is empty
            elif _is_conflict(error) and attempt < _CONNECTING_ATTEMPTS:
                time.sleep(_PAUSE_S)
            else:
                raise
        else:
            connection.prepare_threshold = None  # a pooler would not keep prepared statements
            return connection


def _refused_at_start(text: str) -> str:
    """Return the parameter that a pooler will not take, or "".

    >>> _refused_at_start("FATAL:  unsupported startup parameter in options: geqo")
    'options'
    """
    found = _REFUSED_AT_START.search(text)
    return "" if found is None else "options" if found[1] else found[2]


def leave(connection: Connection) -> None:
    """Close, and wait until the server has let go: sessions one after another never overlap there."""
    if connection.closed:
        return
    try:
        line = socket.socket(fileno=os.dup(connection.fileno()))
    except (OSError, psycopg.Error):
        connection.close()
        return
    with line, suppress(OSError):
        connection.close()
        line.settimeout(LET_GO_S)
        while line.recv(4096):
            pass


@contextmanager
def guarded(
    connection: Connection,
    kind: Kind,
    search_path: str | None = None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Callable[[], float]]:
    """Run the block in one read-only transaction whose limits were set and read back.

    ``catalogue`` sees one state of the catalogue throughout (REPEATABLE READ); ``statistics`` holds no
    snapshot between its statements (READ COMMITTED). ``search_path`` is empty unless a schema is named;
    ``settings`` are set for this transaction besides. Yields what tells how many seconds are left.
    """
    connection.read_only = True
    connection.isolation_level = (
        psycopg.IsolationLevel.REPEATABLE_READ
        if kind == "catalogue"
        else psycopg.IsolationLevel.READ_COMMITTED
    )
    path = "" if search_path is None else sql.Identifier(search_path).as_string(None)
    guards = Guards.of(connection, {"search_path": path} | dict(settings or {}))
    ends = time.monotonic() + TRANSACTION_S
    with _unless_silent(connection), connection.transaction():
        connection.execute(guards.set_all.encode())
        guards.check(connection.execute(guards.read_back.encode()).fetchone() or ())
        yield lambda: ends - time.monotonic()


@contextmanager
def _unless_silent(connection: Connection) -> Iterator[None]:
    """Hang up where the server does not come to the end of a transaction: it may be frozen, and its host not."""
    limit_s = TRANSACTION_S + SILENCE_S
    line = socket.socket(fileno=os.dup(connection.fileno()))
    silent = threading.Event()

    def hang_up() -> None:
        silent.set()
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(limit_s, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    except psycopg.OperationalError as error:
        if silent.is_set():
            raise psycopg.OperationalError(f"the server was silent for {limit_s:g} s") from error
        raise
    finally:
        timer.cancel()
        line.close()


def ask(connection: Connection, query: Query, limit_s: float = STATEMENT_S) -> Answer:
    """Put one question inside a guarded transaction and return its rows.

    The rows come through COPY, which is the fastest way out of a server, typed by the statement's own
    description. A failing query leaves the transaction usable (a savepoint is set).
    """
    with connection.transaction():
        return _fetch(connection, query, limit_s)


def _fetch(connection: Connection, query: Query, limit_s: float) -> Answer:
    if limit_s < STATEMENT_S:
        ms = max(int(limit_s * 1000), 1)
        connection.execute(
            f"SELECT pg_catalog.set_config('statement_timeout', '{ms}', true)".encode()
        )
    started = time.perf_counter()
    tagged = f"/* workbench:{query.name} */ COPY ({query.text}) TO STDOUT (FORMAT csv)"
    schema = describe(connection, query.text)
    data = copy_out(connection, tagged)
    return Answer(data, schema, (time.perf_counter() - started) * 1000)


class Session:
    """A conversation with one database, for the length of a ``with`` block.

    Every outcome is an ``Answer``, or the exception that says why there is none. psycopg.Error is
    raised only where the connection is lost and cannot be renewed.
    """

    def __init__(self, target: Target) -> None:
        self._target = target

    def __enter__(self) -> Session:
        self._connection = connect(self._target)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        leave(self._connection)

    @property
    def server_version(self) -> Version:
        """(major, minor), as in (18, 6)."""
        return divmod(self._connection.info.server_version, 10000)

    def together(self, queries: Sequence[Query]) -> dict[str, Outcome]:
        """Put all ``queries`` in one transaction that sees one state of the catalogue, by frame.

        What does not fit into ``TRANSACTION_S`` is not asked. A standby that cancels the transaction is
        asked again from the beginning; in the end, what was answered before it cancelled is kept.
        """
        outcomes: dict[str, Outcome] = {}
        for attempt in range(ATTEMPTS):
            outcomes.clear()
            try:
                with guarded(self._connection, "catalogue") as left:
                    for query in queries:
                        outcomes[query.frame] = self._one_of_many(query, left)
                return outcomes
            except GuardLost as lost:
                return {query.frame: lost for query in queries}
            except psycopg.Error as error:
                if not _is_conflict(error):
                    raise
                failure = error
                self._renew(attempt)
        return {query.frame: failure for query in queries} | outcomes

    def _one_of_many(self, query: Query, left: Callable[[], float]) -> Outcome:
        # The second time, what is locked by now is seen in pg_locks and left out.
        for last in (False, True):
            if left() < _WORTH_ASKING_S:
                return NoTimeLeft(
                    f"the questions before it used up the {TRANSACTION_S:.0f} s of the transaction"
                )
            try:
                return ask(self._connection, query, min(left(), STATEMENT_S))
            except psycopg.Error as error:
                if self._connection.broken or _is_conflict(error):
                    raise
                if last or error.sqlstate != _LOCKED:
                    return error
        raise AssertionError("the last attempt returns")

    def alone(
        self,
        query: Query,
        search_path: str | None = None,
        settings: Mapping[str, str] | None = None,
        limit_s: float = STATEMENT_S,
    ) -> Outcome:
        """Put one question in a short transaction of its own.

        Asked again where a standby cancels it, and once where a lock came in between.
        """
        locked = False
        for attempt in range(ATTEMPTS):
            try:
                with guarded(self._connection, "statistics", search_path, settings):
                    return _fetch(self._connection, query, limit_s)
            except GuardLost as lost:
                return lost
            except psycopg.Error as error:
                failure = error
                if _is_conflict(error):
                    self._renew(attempt)
                elif self._connection.broken:
                    raise
                elif error.sqlstate == _LOCKED and not locked:
                    locked = True
                else:
                    break
        return failure

    @contextmanager
    def repeatedly(
        self, queries: Sequence[Query], settings: Mapping[str, str]
    ) -> Iterator[Callable[[], list[list[bytes]]]]:
        """Yield what puts ``queries`` at this moment, at so little cost that it may be called many times a second.

        It returns the rows of each as the server writes records. It raises GuardLost, or psycopg.Error
        where there was no answer this time; a session that was lost is renewed then.
        """
        looking = Looking(queries, settings)

        def look() -> list[list[bytes]]:
            try:
                return looking.look(self._connection)
            except (psycopg.Error, GuardLost) as error:
                looking.give_up(self._connection)
                if self._connection.broken or _is_conflict(error):
                    self._renew(0)
                raise

        try:
            yield look
        finally:
            try:
                looking.leave()
            except psycopg.Error:
                looking.give_up(self._connection)

    def _renew(self, attempt: int) -> None:
        """Start over on a fresh connection: in a savepoint a standby ends the session, not the query."""
        leave(self._connection)
        time.sleep(_PAUSE_S * (attempt + 1))
        self._connection = connect(self._target)


def _is_conflict(error: Exception) -> bool:
    return getattr(error, "sqlstate", None) in _CONFLICTS or "conflict with recovery" in str(error)
