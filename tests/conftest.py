"""What every test may ask for: a private server, a fresh database on it, and server versions.

``@pytest.mark.pg(">= 16")`` skips a test, with that reason, where the private server is of another version.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from packaging.specifiers import SpecifierSet
from psycopg.sql import SQL, Identifier

from servers import TESTED, find_majors, majors_folder
from workbench.lab import Server, find_binaries, private_server


@dataclass(frozen=True)
class Database:
    """A database of the private server; ``url`` is over its socket, as the superuser."""

    name: str
    server: Server

    @property
    def url(self) -> str:
        return self.server.url(self.name)

    def connect(self, user: str = "postgres") -> psycopg.Connection:
        """Open a connection that commits each statement; use it in a ``with`` block."""
        return psycopg.connect(self.server.url(self.name, user), autocommit=True)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A private server for the whole run; under xdist each worker has its own.

    It has room for the statements of all tests: evictions would widen every figure of the later ones.
    """
    with private_server(settings={"pg_stat_statements.max": "50000"}) as server:
        yield server


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    """A fresh empty database, dropped after the test. Roles are the server's: a test that makes some drops them."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    yield Database(name, server)
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture(autouse=True)
def _only_on_versions(request: pytest.FixtureRequest) -> None:
    for marker in request.node.iter_markers("pg"):
        (wanted,) = marker.args
        version = ".".join(map(str, request.getfixturevalue("server").version))
        if version not in SpecifierSet(wanted):
            pytest.skip(f"for PostgreSQL {wanted}; the private server is {version}")


@pytest.fixture(scope="session", params=TESTED, ids=lambda number: f"pg{number}")
def major(request: pytest.FixtureRequest, server: Server) -> Iterator[Server]:
    """A private server of each major version in turn; skips, with that reason, where it was not fetched."""
    if server.version[0] == request.param:
        binaries = server.binaries
    elif folder := find_majors().get(request.param):
        binaries = find_binaries(folder)
    else:
        pytest.skip(
            f"PostgreSQL {request.param} is not in {majors_folder()}: python tests/fetch_majors.py fetches it"
        )
    with private_server(binaries) as other:
        yield other
