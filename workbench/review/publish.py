"""Reports on disk: written beside and renamed, so that what is there is whole, and ``latest`` is always a good one.

::

    reports/<estate>/
      20261128T020000Z/      one report: index.html, a page per notebook, assets/, status.json
      latest -> 2026…        the last one that did not fail
      status.json            what became of the latest attempt, also where it published nothing
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from workbench.errors import UsageError
from workbench.present.text import file_name
from workbench.snapshot import History, reported

_STAGING = ".staging-"
_NAME = re.compile(r"(\d{8}T\d{6}Z)(?:-(\d+))?")


@contextmanager
def staging(place: Path) -> Iterator[Path]:
    """Give an empty folder inside ``place`` to build in; it is gone afterwards, with all that was not published.

    One at a time: UsageError where another review holds ``place``, in this process or another. The hold ends
    with its process; what a killed one left is swept.
    """
    place.mkdir(parents=True, exist_ok=True)
    handle = os.open(place, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(_busy(place)) from None
        for old in place.glob(f"{_STAGING}*"):
            shutil.rmtree(old, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=_STAGING, dir=place))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(handle)


def _busy(place: Path) -> str:
    told = ""
    with suppress(OSError, ValueError, AttributeError):
        status = json.loads((place / "status.json").read_text(encoding="utf-8"))
        if status.get("status") == "running":
            told = f" since {status.get('started')} (process {status.get('pid')})"
    return f"{place}: a review is running there{told}; wait for it, or write elsewhere with --out"


def publish(report: Path, place: Path, at: datetime, *, latest: bool) -> Path:
    """Rename ``report`` to its final name in ``place``, its time in UTC, and let ``latest`` point there if asked.

    Two reports of one second get names of their own.
    """
    name = f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    for number in count(1):
        target = place / (name if number == 1 else f"{name}-{number}")
        if target.exists():
            continue
        try:
            report.rename(target)
            break
        except OSError:
            if not target.exists():
                raise
    if latest:
        beside = place / f".latest-{target.name}"
        beside.unlink(missing_ok=True)
        beside.symlink_to(target.name, target_is_directory=True)
        beside.replace(place / "latest")
    return target


def published(place: Path) -> list[Path]:
    """Return the reports in an estate's place, oldest first."""
    named = ((_NAME.fullmatch(path.name), path) for path in place.glob("*Z*") if path.is_dir())
    found = [((m[1], int(m[2] or 1)), path) for m, path in named if m]
    return [path for _, path in sorted(found)]


def before_this(out: Path, history: History) -> Path | None:
    """Return the review before: the newest good report under ``out`` on an earlier reading of the history; None without one."""
    held = history.collected
    found: list[tuple[datetime, int, Path]] = []
    for number, report in enumerate(
        published(Path(out).absolute() / file_name(history.estate.name))
    ):
        with suppress(UsageError):  # half a folder, or of a version without coverage
            until = reported(report, history.estate.name)
            if held[0].at <= until < held[-1].at:
                found.append((until, number, report))
    return max(found)[-1] if found else None


def thin_reports(place: Path, keep: int, decisions: Path | None) -> tuple[Path, ...]:
    """Remove all but the ``keep`` newest reports of an estate, and return those that are gone.

    What ``latest`` points to stays, and what a file in ``decisions`` names: minutes must not lose their evidence.
    Where those files cannot be read, OSError, and nothing is removed.
    """
    files = sorted(decisions.glob("*.md")) if decisions is not None else []
    cited = "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files)
    latest = place / "latest"
    spared = latest.resolve().name if latest.exists() else ""
    old = published(place)[:-keep]
    gone = tuple(r for r in old if r.name != spared and r.name not in cited)
    for report in gone:
        beside = (
            place / f"{_STAGING}{report.name}"
        )  # swept by the next review, should this one be killed
        shutil.rmtree(beside, ignore_errors=True)
        report.rename(beside)
        shutil.rmtree(beside, ignore_errors=True)
    return gone


def write_status(path: Path, status: Mapping[str, object]) -> None:
    """Write a status file so that a reader finds the old one or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(prefix=".status-", dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(status, file, indent=1, sort_keys=True, ensure_ascii=False)
        file.write("\n")
    Path(beside).chmod(0o644)
    Path(beside).replace(path)
