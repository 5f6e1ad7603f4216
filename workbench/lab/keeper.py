"""The process that owns one private server: builds it, watches it, and takes it away.

It is a script of its own, run by ``python -I -S`` and importing nothing but the standard library, so that it starts at once and
needs nothing from the one who asked. It lives on its standard input: when that ends, because the one who asked said so or is no
more (exit, exception, any signal, SIGKILL), the server is stopped and its folder removed. It speaks JSON, a line at a time:
a ``Job`` comes in, a ``Ready`` or a ``Fault`` goes out, and a second ``Fault`` if the server ends without being asked to.
"""

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TypedDict

INITDB_BOUND = READY_BOUND = 120.0  # seconds: a machine that thrashes is slow, not broken
FAST_BOUND = 10.0  # seconds for a fast shutdown, which waits for replicas that may be stuck
QUICK_BOUND = 10.0  # seconds for an immediate one
REMOVE_BOUND = 15.0  # seconds for the last processes of a killed server to let go of its files
PORTS = 20  # ports tried before giving up
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
UNWANTED = "it was told to end before it was ready"


class Job(TypedDict):
    """What to build. ``account`` is (uid, gid) of the one who runs the server, None for this process's own."""

    folder: str  # to be created, and removed in the end
    account: tuple[int, int] | None
    top: str  # of the programs' tree, within which they find each other by relative paths
    bin: str  # where they lie, relative to top
    carried: list[str]  # what of the tree to bring where the account can enter, relative to top
    locales: list[list[str]]  # options of initdb, tried in order
    primary: str | None  # connection string of the server to copy and follow, instead of initdb
    settings: str  # appended to postgresql.conf
    environ: dict[str, str]


class Ready(TypedDict):
    """The server answers on this port."""

    port: int


class Fault(TypedDict):
    """Why there is no server, with the end of what it wrote."""

    fault: str
    log: str


class StartError(Exception):
    """The server could not be built or started, or was not wanted any more."""


class Watch:
    """Wakes when a child ends, a signal asks for the end, or standard input says or is so."""

    def __init__(self) -> None:
        self.asked = False
        self._woken, wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(wake, False)
        # The one who asked may have blocked or ignored any of these, and both are inherited.
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True

    def wait(self, seconds: float | None = None) -> None:
        """Sleep until something happened, or for that long."""
        watched = [self._woken] if self.asked else [self._woken, 0]
        ready, _, _ = select.select(watched, [], [], seconds)
        if 0 in ready:
            self.asked = True
        if self._woken in ready:
            with contextlib.suppress(BlockingIOError):
                while os.read(self._woken, 512):
                    pass

    def ended(self, process: subprocess.Popen[bytes], bound: float) -> bool:
        """Wait for a child's end, at most so many seconds; say whether it came."""
        limit = time.monotonic() + bound
        while process.poll() is None:
            left = limit - time.monotonic()
            if left <= 0:
                return False
            self.wait(left)
        return True


def keep(job: Job, watch: Watch, report: Callable[[Ready | Fault], None]) -> None:
    """Build the server, report, wait for the end, and leave nothing behind."""
    try:
        Path(job["folder"]).mkdir(0o700)
    except OSError as reason:  # above all one that exists: it is never shared
        report({"fault": str(reason), "log": ""})
        return
    try:
        with Path(job["folder"], "log").open("a+b") as log:
            try:
                programs = carry(job)
                if job["account"]:
                    os.chown(job["folder"], *job["account"])
                initialise(job, programs, watch, log)
                postgres, port = start(job, programs, watch, log, free_ports())
            except (StartError, OSError) as reason:
                report({"fault": str(reason), "log": tail(log)})
                return
            try:
                report({"port": port})
                while not watch.asked and postgres.poll() is None:
                    watch.wait()
                if not watch.asked:
                    fault = f"it ended by itself ({postgres.returncode})"
                    report({"fault": fault, "log": tail(log)})
            finally:
                stop(postgres, watch)
    finally:
        remove(job["folder"])


def carry(job: Job) -> Path:
    """Return the folder of the programs, brought beside the server where its account cannot enter their own place.

    Files are linked where their modes let everyone use them, else copied; nothing outside the server's folder is changed.
    """
    if not job["carried"]:
        return Path(job["top"], job["bin"])
    top = Path(job["folder"], "programs")
    for name in job["carried"]:
        for source, folders, files in os.walk(Path(job["top"], name)):
            target = top / Path(source).relative_to(job["top"])
            target.mkdir(parents=True, exist_ok=True)
            for file in files:
                bring(Path(source, file), target / file)
            for folder in folders:
                if Path(source, folder).is_symlink():
                    bring(Path(source, folder), target / folder)
    return top / job["bin"]


def bring(source: Path, target: Path) -> None:
    """Link or copy one file so that everyone can read it, and run it if it is a program."""
    if source.is_symlink():
        target.symlink_to(source.readlink())
        return
    mode = source.stat().st_mode
    wanted = 0o005 if mode & 0o111 else 0o004
    if mode & wanted == wanted:
        with contextlib.suppress(OSError):  # another file system, or one without links
            target.hardlink_to(source)
            return
    shutil.copyfile(source, target)
    if mode & 0o111:
        target.chmod(0o755)


def initialise(job: Job, programs: Path, watch: Watch, log: IO[bytes]) -> None:
    """Make the data folder and its settings, or copy those of the server to follow."""
    data = Path(job["folder"], "data")
    if job["primary"]:
        follow(job, programs, watch, log)
    else:
        initdb(job, programs, watch, log)
    # Written as the account, never as root into a folder of somebody else.
    command = ["/bin/sh", "-c", 'cat >> "$0"', str(data / "postgresql.conf")]
    append = spawn(job, command, log, stdin=subprocess.PIPE)
    append.communicate(job["settings"].encode())
    if finish(append, watch):
        raise StartError("its settings could not be written")


def follow(job: Job, programs: Path, watch: Watch, log: IO[bytes]) -> None:
    """Copy the data folder of a running server, set up to follow it."""
    command = [
        str(programs / "pg_basebackup"),
        f"--pgdata={Path(job['folder'], 'data')}",
        f"--dbname={job['primary']}",
        "--write-recovery-conf",
        "--checkpoint=fast",
        "--no-sync",
    ]
    if finish(spawn(job, command, log), watch):
        raise StartError("the server that it is to follow could not be copied")


def initdb(job: Job, programs: Path, watch: Watch, log: IO[bytes]) -> None:
    """Make an empty data folder, with the first of the locales that the system has."""
    data = Path(job["folder"], "data")
    common = [
        "--username=postgres",
        "--encoding=UTF8",
        "--auth-local=trust",
        "--auth-host=scram-sha-256",
        "--no-sync",
    ]
    for locale in job["locales"]:
        made = spawn(job, [str(programs / "initdb"), f"--pgdata={data}", *common, *locale], log)
        if finish(made, watch) == 0:
            return
    raise StartError("initdb failed")


def start(
    job: Job, programs: Path, watch: Watch, log: IO[bytes], ports: Iterator[int]
) -> tuple[subprocess.Popen[bytes], int]:
    """Start the server on the first port that nobody takes in between; return it and the port once it answers."""
    sockets = '"' + job["folder"].replace('"', '""') + '"'
    command = [str(programs / "postgres"), "-D", str(Path(job["folder"], "data"))]
    command.append(f"--unix_socket_directories={sockets}")
    for port in ports:
        said = log.seek(0, os.SEEK_END)
        postgres = spawn(job, [*command, f"--port={port}"], log, last_will=signal.SIGQUIT)
        limit = time.monotonic() + READY_BOUND
        while postgres.poll() is None and time.monotonic() < limit and not watch.asked:
            if is_ready(job["folder"], postgres.pid):
                return postgres, port
            watch.wait(0.01)
        exited = postgres.poll()
        stop(postgres, watch)
        if watch.asked:
            raise StartError(UNWANTED)
        if exited is None:
            raise StartError(f"it was not ready within {READY_BOUND:.0f} seconds")
        log.seek(said)
        if b"could not bind IPv4 address" not in log.read():
            raise StartError(f"it ended at once ({exited})")
    raise StartError("no port of 127.0.0.1 was free for it")


def free_ports() -> Iterator[int]:
    """Yield ports of 127.0.0.1 that are free at this moment."""
    for _ in range(PORTS):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        yield port


def is_ready(folder: str, pid: int) -> bool:
    """Say whether the server that this process id belongs to has declared itself ready in its lock file."""
    try:
        lines = Path(folder, "data", "postmaster.pid").read_text(errors="replace").splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def spawn(
    job: Job,
    command: Sequence[str],
    log: IO[bytes],
    stdin: int = subprocess.DEVNULL,
    last_will: signal.Signals | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program as the server's account, in the server's folder, writing to its log."""
    uid, gid = job["account"] or (None, None)
    return subprocess.Popen(
        command,
        stdin=stdin,
        stdout=log,
        stderr=log,
        cwd=job["folder"],
        env=job["environ"],
        user=uid,
        group=gid,
        extra_groups=None if uid is None else [],
        umask=0o077,
        preexec_fn=die_with_parent(last_will) if last_will else None,  # noqa: PLW1509 (no threads here)
    )


def die_with_parent(number: signal.Signals) -> Callable[[], object] | None:
    """Return a call by which Linux sends its process this signal should the keeper itself be killed."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    # subprocess calls it after the change of account, which would have cleared it.
    return lambda: prctl(PR_SET_PDEATHSIG, number)


def finish(process: subprocess.Popen[bytes], watch: Watch) -> int:
    """Wait for a short-lived program, and return its exit code; end it where the end is asked for or time is up."""
    limit = time.monotonic() + INITDB_BOUND
    while process.poll() is None and not watch.asked and time.monotonic() < limit:
        watch.wait(limit - time.monotonic())
    if process.poll() is None:
        process.terminate()  # initdb cleans up behind itself
        if not watch.ended(process, QUICK_BOUND):
            process.kill()
            process.wait()
    if watch.asked:
        raise StartError(UNWANTED)
    return process.returncode


def stop(postgres: subprocess.Popen[bytes], watch: Watch) -> None:
    """End the server: politely, then quickly, then by force."""
    for number, bound in ((signal.SIGINT, FAST_BOUND), (signal.SIGQUIT, QUICK_BOUND)):
        postgres.send_signal(number)
        if watch.ended(postgres, bound):
            return
    postgres.kill()
    postgres.wait()


def tail(log: IO[bytes], lines: int = 15) -> str:
    """Return the last lines of the log."""
    log.seek(max(0, log.seek(0, os.SEEK_END) - 4000))
    return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])


def remove(folder: str) -> None:
    """Remove the server's folder, however long its last processes still write to it, within a bound."""
    limit = time.monotonic() + REMOVE_BOUND
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder) or time.monotonic() > limit:
            return
        time.sleep(0.05)


def main() -> None:
    """Do the one job that standard input brings."""
    watch = Watch()
    os.umask(0o022)  # what is carried must be readable; the folder around it is private

    def report(said: Ready | Fault) -> None:
        try:
            os.write(1, json.dumps(said).encode() + b"\n")
        except BrokenPipeError:
            watch.asked = True  # nobody is left to hear it

    with open(
        0, "rb", buffering=0, closefd=False
    ) as stdin:  # unbuffered: what follows the job is for select
        line = stdin.readline()
    if line.endswith(b"\n"):
        keep(json.loads(line), watch, report)


if __name__ == "__main__":
    main()
