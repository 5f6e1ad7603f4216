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
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

_STAGING = ".staging-"


@contextmanager
def staging(place: Path) -> Iterator[Path]:
    """Give an empty folder inside ``place`` to build in; it is gone afterwards, with all that was not published.

    Folders of runs that were killed are swept: nobody holds their lock.
    """
    place.mkdir(parents=True, exist_ok=True)
    held = ExitStack()
    with _locked(place):
        for old in place.glob(f"{_STAGING}*"):
            with suppress(OSError), _locked(old, wait=False):
                shutil.rmtree(old, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=_STAGING, dir=place))
        held.enter_context(_locked(folder))
    with held:
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock of a folder, which ends with the process; OSError where it is held and ``wait`` is not."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(handle)


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


def write_status(path: Path, status: Mapping[str, object]) -> None:
    """Write a status file so that a reader finds the old one or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(prefix=".status-", dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(status, file, indent=1, sort_keys=True, ensure_ascii=False)
        file.write("\n")
    Path(beside).chmod(0o644)
    Path(beside).replace(path)
