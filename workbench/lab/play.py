"""Plays a workload on private servers: builds what the files say, then lives through its days.

Statements are real and run over sessions of their services; only the calendar is simulated. What
the player does for itself stays out of pg_stat_statements.
"""

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
from psycopg import sql

from workbench.errors import LabError
from workbench.lab.server import Server
from workbench.lab.timetable import Call, Timetable
from workbench.lab.workload import SessionPart, Workload

_SETTLE_SECONDS = 30.0

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]
Cursor: TypeAlias = psycopg.Cursor[tuple[Any, ...]]


class Player:
    """An estate on its servers: `build` makes it, `play` lives through one day of it."""

    def __init__(self, folder: Path, workload: Workload, servers: Mapping[str, Server]) -> None:
        """Take the servers by instance; nothing is connected yet."""
        self.folder = folder
        self.workload = workload
        self.servers = servers
        self.timetable = Timetable(workload)
        self._backends: dict[str, set[int]] = {instance: set() for instance in workload.instances}

    def build(self) -> None:
        """Make roles, databases and seed rows from the estate's files; `LabError` names a faulty one."""
        for instance, part in self.workload.instances.items():
            with self._own(instance) as connection:
                self._run_files(connection, part.files)
                for database, its in self.workload.databases.items():
                    if its.instance == instance:
                        _create(connection, database)
        for database, its in self.workload.databases.items():
            with self._own(its.instance, database) as connection:
                self._run_files(connection, its.files)
        self._end_day()

    def play(self, day: int, during: AbstractContextManager[object] | None = None) -> int:
        """Play a day, counted from 1, until its counts have settled; return how many statements ran.

        ``during`` is entered while the services' statements run, and left before the night's maintenance.
        """
        count = 0
        beside = {flow.service for flow in self.workload.flows if flow.beside}
        with ExitStack() as stack:
            stack.enter_context(during or nullcontext())
            cursors_beside = self._cursors(stack, beside)
            worker = stack.enter_context(ThreadPoolExecutor(1))
            running: list[Future[None]] = []
            # The sessions here end first, also on an error: the worker may be waiting for what one of them has locked.
            with ExitStack() as others:
                cursors = self._cursors(others, self.workload.sessions)
                for call in self.timetable.calls(day):
                    if call.beside:
                        cursor = cursors_beside[call.service]
                        running.append(worker.submit(self._run, cursor, call, day))
                    else:
                        self._run(cursors[call.service], call, day)
                    count += len(call.statements)
            for call_beside in running:
                call_beside.result()
        self._end_day()
        return count

    def url(self, database: str, login: str) -> str:
        """Return the URL of one of the estate's databases for a login."""
        return self.servers[self.workload.databases[database].instance].url(database, login)

    @contextmanager
    def _open(
        self, instance: str, url: str, settings: Mapping[str, str], application_name: str = ""
    ) -> Iterator[Connection]:
        with closing(
            psycopg.connect(
                url,
                autocommit=True,
                application_name=application_name,
                options=_options(settings),
                cursor_factory=psycopg.RawCursor,
            )
        ) as connection:
            self._backends[instance].add(connection.info.backend_pid)
            yield connection

    def _cursors(self, stack: ExitStack, services: Iterable[str]) -> dict[str, Cursor]:
        sessions = self.workload.sessions
        return {
            service: stack.enter_context(self._serve(sessions[service])).cursor()
            for service in services
        }

    def _run(self, cursor: Cursor, call: Call, day: int) -> None:
        try:
            # As drivers do; and pg_stat_statements counts a prepared BEGIN only once.
            if call.transaction:
                cursor.execute("BEGIN", prepare=False)
            for statement, parameters in call.statements:
                cursor.execute(statement, parameters)
            if call.transaction:
                cursor.execute("COMMIT", prepare=False)
        except psycopg.Error as error:
            place = f"{self.folder / 'workload.toml'}: flows[{call.flow!r}]"
            fault = f"failed on {self.workload.day(day)}: {error}"
            raise LabError(f"{place} {fault}") from error

    @contextmanager
    def _serve(self, session: SessionPart) -> Iterator[Connection]:
        """Connect as a service does."""
        settings = {"timezone": "UTC", "synchronous_commit": "off"}
        if session.search_path:
            settings["search_path"] = session.search_path
        instance = self.workload.databases[session.database].instance
        url = self.url(session.database, session.login)
        with self._open(instance, url, settings, session.application_name) as connection:
            yield connection

    @contextmanager
    def _own(self, instance: str, database: str = "postgres") -> Iterator[Connection]:
        """Connect for the player itself, as superuser."""
        settings = {"pg_stat_statements.track": "none", "timezone": "UTC"} | self.workload.settings
        url = self.servers[instance].url(database)
        with self._open(instance, url, settings) as connection:
            yield connection

    def _run_files(self, connection: Connection, patterns: tuple[str, ...]) -> None:
        for file in _files(self.folder, patterns):
            text = file.read_text(encoding="utf-8")
            try:
                with connection.transaction():
                    connection.execute(text)
            except psycopg.Error as error:
                place = f"{file}{_line(text, error)}"
                raise LabError(f"{place}: {error.diag.message_primary or error}") from error

    def _end_day(self) -> None:
        """Maintain the databases when all sessions have ended, and wait for that to end as well."""
        self._await_counts()
        for database, part in self.workload.databases.items():
            with self._own(part.instance, database) as connection:
                for command in part.maintenance:
                    connection.execute(command)
        self._await_counts()

    def _await_counts(self) -> None:
        # A backend adds its counts to the server's before it leaves pg_stat_activity.
        until = time.monotonic() + _SETTLE_SECONDS
        query = "SELECT array_agg(pid) FROM pg_stat_activity WHERE pid = ANY($1)"
        for instance, gone in self._backends.items():
            ended = list(gone)
            with self._own(instance) as connection:
                while left := _value(connection.execute(query, [ended])):
                    if time.monotonic() > until:
                        fault = f"sessions {left} have not ended after {_SETTLE_SECONDS:.0f} s"
                        raise LabError(f"instance {instance}: {fault}; see pg_stat_activity")
                    time.sleep(0.005)
            gone.clear()


def _create(connection: Connection, database: str) -> None:
    try:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
    except psycopg.Error as error:
        fault = error.diag.message_primary or error
        raise LabError(f"database {database}: {fault}; build on a fresh private server") from error


def _files(folder: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        found = sorted(folder.glob(pattern))
        if not found:
            raise LabError(
                f"{folder}: no file is {pattern!r}, as workload.toml has it; add or unlist it"
            )
        yield from found


def _value(cursor: Cursor) -> Any:
    row = cursor.fetchone()
    return row[0] if row else None


def _line(text: str, error: psycopg.Error) -> str:
    position = error.diag.statement_position
    return f":{text.count(chr(10), 0, int(position) - 1) + 1}" if position else ""


def _options(settings: Mapping[str, str]) -> str:
    escaped = {name: re.sub(r"([\\\s])", r"\\\1", value) for name, value in settings.items()}
    return " ".join(f"-c {name}={value}" for name, value in escaped.items())
