"""What goes to a server and comes back as libpq has it: descriptions, and rows in bulk through COPY."""

from __future__ import annotations

import selectors

import psycopg
import pyarrow as pa
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from workbench.collect.rows import arrow_type

SILENCE_S = 30
"""How long a server may send nothing before the session is given up."""

Connection = psycopg.Connection[tuple[object, ...]]


def describe(connection: Connection, text: str) -> dict[str, pa.DataType]:
    """Return the names and Arrow types of the columns that ``text`` gives, without running it."""
    server = connection.pgconn
    checked(server.prepare(b"", text.encode()), ExecStatus.COMMAND_OK)
    described = checked(server.describe_prepared(b""), ExecStatus.COMMAND_OK)
    schema = {}
    for column in range(described.nfields):
        name = (described.fname(column) or b"").decode()
        schema[name] = arrow_type(described.ftype(column))
    return schema


def copy_out(connection: Connection, text: str) -> bytes:
    """Run a COPY TO STDOUT and return its bytes."""
    (data,) = copies_out(connection, text)
    return data


def copies_out(connection: Connection, text: str) -> list[bytes]:
    """Run statements in one message and return the bytes of each COPY TO STDOUT among them.

    Read from libpq directly: psycopg's iterator costs a third more on rows as short as these.
    """
    server = connection.pgconn
    result: PGresult | None = server.exec_(text.encode())
    copied: list[bytes] = []
    others = []
    with selectors.DefaultSelector() as selector:
        selector.register(server.socket, selectors.EVENT_READ)
        while result is not None:
            if result.status == ExecStatus.COPY_OUT:
                copied.append(_copied(server, selector))
            else:
                others.append(result)
            result = server.get_result()
    for other in others:
        # All were fetched first: a failure half-way leaves the session usable.
        checked(other, ExecStatus.COMMAND_OK)
    return copied


def _copied(server: PGconn, selector: selectors.BaseSelector) -> bytes:
    chunks: list[bytes] = []
    while (received := server.get_copy_data(1))[0] >= 0:
        size, data = received
        if size > 0:
            chunks.append(bytes(data))
        elif selector.select(SILENCE_S):
            server.consume_input()
        else:
            server.finish()
            raise psycopg.OperationalError(f"the server was silent for {SILENCE_S} s")
    return b"".join(chunks)


def checked(result: PGresult, expected: ExecStatus) -> PGresult:
    """Return ``result`` where it is what was ``expected``; psycopg.Error, as the server has it, where not."""
    if result.status != expected:
        raise psycopg.errors.error_from_result(result)
    return result
