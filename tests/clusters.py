"""Clusters that outlive their server's end, as an upgrade needs them: made by hand, of any major."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import find_majors, majors_folder
from workbench.lab import find_binaries, keeper
from workbench.lab.server import _account, _base, _job

SETTINGS = (
    "shared_preload_libraries = 'pg_stat_statements'\nlisten_addresses = ''\nfsync = off\n"
    "timezone = 'UTC'\n"
)
PORT = 5432  # of a socket in a folder of its own


def binaries_of(major: int):
    """The programs of a major; skips, with the reason, where they were not fetched."""
    newest = find_binaries()
    if newest.version[0] == major:
        return newest
    if folder := find_majors().get(major):
        return find_binaries(folder)
    pytest.skip(
        f"PostgreSQL {major} is not in {majors_folder()}: python tests/fetch_majors.py fetches it"
    )


class Cluster:
    """A cluster in a folder of its own; as root another account runs it."""

    def __init__(self, major: int, root: Path) -> None:
        binaries = binaries_of(major)
        self.major = major
        self.folder = root / str(major)
        self.data = self.folder / "data"
        self.account = _account() if os.geteuid() == 0 else None
        self.folder.mkdir(mode=0o700)
        job = _job(binaries, self.folder, self.account, "", None)
        if self.account:
            os.chown(self.folder, self.account.pw_uid, self.account.pw_gid)
        self.programs = keeper.carry(job)
        self.environ = dict(job["environ"])

    def run(self, program: str, *arguments: object, **more: object) -> None:
        """Run one of its programs as its account; what it says is in the failure."""
        done = subprocess.run(
            [self.programs / program, *map(str, arguments)],
            user=self.account.pw_uid if self.account else None,
            group=self.account.pw_gid if self.account else None,
            extra_groups=[] if self.account else None,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
            **{"env": self.environ} | more,
        )
        assert done.returncode == 0, f"{program}: {done.stdout[-3000:]}"

    def make(self) -> None:
        """Run initdb; alike in all majors, so that one can be upgraded to another."""
        alike = ["--no-data-checksums"] if self.major >= 18 else []
        self.run(
            "initdb", "-D", self.data, "-U", "postgres", "--auth=trust", "-E", "UTF8",
            "--locale=C", "--no-sync", *alike,
        )  # fmt: skip
        conf = self.data / "postgresql.conf"
        conf.write_text(conf.read_text() + SETTINGS)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Start the server for the length of a block; it is stopped as a person stops one."""
        log = self.folder / "log"
        self.run("pg_ctl", "-w", "-D", self.data, "-l", log, "-o", f"-k {self.folder} -p {PORT}", "start")  # fmt: skip
        try:
            yield
        finally:
            self.run("pg_ctl", "-w", "-m", "fast", "-D", self.data, "stop")

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}&port={PORT}"

    def upgrade_from(self, old: "Cluster") -> None:
        """Run pg_upgrade from another cluster, both stopped."""
        quick = ["--no-sync"] if self.major >= 17 else []
        paths = [c.environ.get("LD_LIBRARY_PATH") for c in (self, old)]
        libraries = {"LD_LIBRARY_PATH": os.pathsep.join(filter(None, paths))} if any(paths) else {}
        self.run(
            "pg_upgrade", "-b", old.programs, "-B", self.programs, "-d", old.data, "-D", self.data,
            "-U", "postgres", "-s", self.folder, *quick,
            env=self.environ | libraries,
        )  # fmt: skip

    def dump_to(self, new: "Cluster", database: str) -> None:
        """Dump one database and restore it, into a server that runs, with the newer programs."""
        script = self.folder / "dump.sql"
        self.folder.chmod(0o755)
        new.run("pg_dump", "--create", "-f", new.folder / script.name, self.url(database))
        new.run("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-f", new.folder / script.name, new.url())


@contextlib.contextmanager
def clusters(*majors: int) -> Iterator[list[Cluster]]:
    """Clusters of these majors, made and stopped, in a folder that goes with the block."""
    account = _account() if os.geteuid() == 0 else None
    root = Path(tempfile.mkdtemp(prefix="wb-up-", dir=_base(account)))
    root.chmod(0o755)
    try:
        made = [Cluster(major, root) for major in majors]
        for cluster in made:
            cluster.make()
        yield made
    finally:
        shutil.rmtree(root)
