"""What goes to a server and comes back as libpq has it: descriptions, and rows in bulk through COPY."""

from __future__ import annotations

import select

import psycopg
import pyarrow as pa
from psycopg import generators
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from workbench.collect.rows import arrow_type

SILENCE_S = 30
"""How long a server may send nothing before the session is given up."""

Connection = psycopg.Connection[tuple[object, ...]]


def describe(connection: Connection, text: str) -> dict[str, pa.DataType]:
    """Return the names and Arrow types of the columns that ``text`` gives, without running it."""
    server = connection.pgconn
    line = _Line(connection)
    server.send_prepare(b"", text.encode())
    checked(line.last(), ExecStatus.COMMAND_OK)
    server.send_describe_prepared(b"")
    described = checked(line.last(), ExecStatus.COMMAND_OK)
    schema = {}
    for column in range(described.nfields):
        name = (described.fname(column) or b"").decode()
        schema[name] = arrow_type(described.ftype(column))
    return schema


def answered(connection: Connection, text: str) -> list[PGresult]:
    """Run statements in one message and return their results; psycopg.Error for the one that failed."""
    line = _Line(connection)
    connection.pgconn.send_query(text.encode())
    results = list(iter(line.result, None))
    for result in results:
        # All were fetched first: a failure half-way leaves the session usable.
        if result.status == ExecStatus.FATAL_ERROR:
            raise psycopg.errors.error_from_result(result)
    return results


def rows(result: PGresult) -> list[bytes]:
    """Return the rows of a result that has one column and no NULL, as the server writes them."""
    value = result.get_value
    return [value(row, 0) or b"" for row in range(result.ntuples)]


def copy_out(connection: Connection, text: str) -> bytes:
    """Run a COPY TO STDOUT and return its bytes.

    Read from libpq directly: psycopg's iterator costs a third more on rows as short as these.
    """
    copied = b""
    others = []
    line = _Line(connection)
    connection.pgconn.send_query(text.encode())
    while (result := line.result()) is not None:
        if result.status == ExecStatus.COPY_OUT:
            copied = line.copied()
        else:
            others.append(result)
    for other in others:
        # All were fetched first: a failure half-way leaves the session usable.
        checked(other, ExecStatus.COMMAND_OK)
    return copied


class _Line:
    """What comes back on a connection, waited for without holding up other threads, or for ever.

    libpq's own waiting would do both: its calls that block keep Python's lock.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._server = connection.pgconn
        # Costs no call to the system until it waits, unlike epoll: answers are often this short.
        self._arrival = select.poll()
        self._arrival.register(self._server.socket, select.POLLIN)

    def result(self) -> PGresult | None:
        """Return the next result of what was sent; None after the last."""
        if self._server.flush():
            self._connection.wait(generators.send(self._server))
        while self._server.is_busy():
            self._more()
        return self._server.get_result()

    def last(self) -> PGresult:
        """Return the last result of what was sent, or the first that is an error."""
        results = []
        while (result := self.result()) is not None:
            results.append(result)
        failed = [r for r in results if r.status == ExecStatus.FATAL_ERROR]
        return (failed or results)[0 if failed else -1]

    def copied(self) -> bytes:
        """Return the bytes of the COPY that has begun."""
        chunks: list[bytes] = []
        while (received := self._server.get_copy_data(1))[0] >= 0:
            size, data = received
            if size > 0:
                chunks.append(bytes(data))
            else:
                self._more()
        return b"".join(chunks)

    def _more(self) -> None:
        if not self._arrival.poll(SILENCE_S * 1000):
            self._server.finish()
            raise psycopg.OperationalError(f"the server was silent for {SILENCE_S} s")
        self._server.consume_input()


def checked(result: PGresult, expected: ExecStatus) -> PGresult:
    """Return ``result`` where it is what was ``expected``; psycopg.Error, as the server has it, where not."""
    if result.status != expected:
        raise psycopg.errors.error_from_result(result)
    return result
