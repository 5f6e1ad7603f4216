"""A reference estate on private servers, with its days of history, for as long as somebody looks."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path

from workbench.collect import collect
from workbench.collect.samples import Sampled
from workbench.estate import load_estate
from workbench.lab.reference import BuiltEstate, build, estate_folder, private_servers
from workbench.lab.watch import watching
from workbench.lab.workload import load_workload
from workbench.snapshot import Snapshot

_SAMPLED_DAYS = 7
"""The last days of a history carry samples: a whole week, and no more than is needed to see who runs what."""

_COMMAND = Path(sys.executable).with_name("workbench")


@dataclass(frozen=True)
class Demo:
    """A running reference estate: its ``folder`` with the history just recorded, and the variables it needs."""

    name: str
    folder: Path
    environ: dict[str, str] = field(repr=False)
    settings: Path
    """a file for a shell to read: it sets the variables, passwords among them, and only its owner may read it"""

    def invitation(self) -> list[str]:
        """Return the lines that tell a person what to do with it."""
        return [
            f"{self.name} is running; its estate folder is {self.folder}",
            "in another terminal:",
            f"  . {self.settings}",
            f"  {_COMMAND} review --offline --estate {self.folder}",
            f"  {_COMMAND} lab --estate {self.folder}",
            "Ctrl-C stops it and removes it.",
        ]


@contextmanager
def play_demo(
    name: str,
    *,
    days: int | None = None,
    record: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> Iterator[Demo]:
    """Build a reference estate, play its days with a snapshot after each, and keep it until the block ends.

    The estate's files are copied to a folder of their own, so that the recorded history of the project
    stays as it is, and the variables it needs are set while the block runs; ``record`` keeps the new
    history in that folder instead. UsageError for an unknown name; LabError where no server can be started.
    """
    source = estate_folder(name)
    outside = dict(os.environ)
    place = Path(tempfile.mkdtemp(prefix="workbench-demo-"))
    folder = place / name
    try:
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns("history"))
        history = record or folder / "history"

        seen: dict[str, Sampled] = {}
        before: list[Snapshot] = []

        def snapshot(day: date, built: BuiltEstate) -> None:
            os.environ.update(built.environ)
            at = datetime.combine(day, time(2), UTC)
            found = collect(
                load_estate(folder),
                sampled=seen,
                previous=before[-1] if before else None,
                simulated_at=at,
            )
            found.save(history)
            before[:] = [found]

        @contextmanager
        def watched(day: date) -> Iterator[None]:
            # At the end of a day nobody is connected any more: who runs what is seen while it runs.
            if day < first:
                yield
                return
            with watching(servers) as found:
                yield
            seen.update(found)

        workload = load_workload(folder)
        first = workload.day((days or workload.days) - _SAMPLED_DAYS + 1)
        # The estate vacuums itself every night; a second hand would change sizes while they are read.
        with private_servers(name, {"autovacuum_naptime": "1d"}) as servers:
            built = build(
                name, servers, on_day=snapshot, during_day=watched, days=days, progress=progress
            )
            yield Demo(name, folder, dict(built.environ), _write_settings(place, built.environ))
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.environ.clear()
        os.environ.update(outside)


def _write_settings(folder: Path, environ: Mapping[str, str]) -> Path:
    file = folder / "environ.sh"
    file.touch(mode=0o600)
    lines = (f"export {name}={shlex.quote(value)}\n" for name, value in sorted(environ.items()))
    file.write_text("".join(lines), encoding="utf-8")
    return file
