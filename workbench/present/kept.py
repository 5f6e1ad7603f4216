"""Analyses kept while a review runs, so that its notebooks, each in a kernel of its own, compute them once.

The folder is the review's own, made for it and deleted with it: nobody else may read it, and what others could
have written in it is not read. Outside of a review nothing is kept.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pickle
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from workbench import __version__
from workbench.snapshot import History
from workbench.sql import READER

FOLDER = "WORKBENCH_KEPT"
"""The environment variable that names the folder to the kernels of a review."""

_DIGEST = hashlib.sha256().digest_size
_T = TypeVar("_T")


@dataclass(frozen=True)
class Kept:
    """What was computed of one history: the same snapshots, seen with the same estate file, by the same version."""

    folder: Path
    history: str

    def get(self, name: str, compute: Callable[[], _T]) -> _T:
        """Return what is kept under ``name``, or compute and keep it; one process computes, the others wait.

        What is damaged, or cannot be kept, is computed.
        """
        path = self.folder / f"{name}-{self.history}"
        with _alone(path.with_suffix(".lock")):
            held = _read(path)
            if held is not None:
                return held[0]  # type: ignore[return-value]
            found = compute()
            with suppress(OSError, pickle.PicklingError, AttributeError, TypeError):
                _write(path, found)
            return found


def kept_of(history: History, folder: Path | None) -> Kept | None:
    """Return what is kept of a history in a folder; None without one, or where others could write there."""
    if folder is None or not _ours(folder):
        return None
    parts = [__version__, READER, history.estate.digest, str(history.folder)]
    parts += [repr(history.adopted), repr(history.estate.name)]
    parts += [f"{s.manifest.id} {s.at.isoformat()}" for s in history]
    digest = hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass"))
    return Kept(folder, digest.hexdigest()[:32])


def _ours(folder: Path) -> bool:
    """Whether nobody but this user can have written there: what is read back is run."""
    with suppress(OSError):
        found = folder.lstat()
        return (
            stat.S_ISDIR(found.st_mode)
            and found.st_uid == os.geteuid()
            and not found.st_mode & 0o077
        )
    return False


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    handle = None
    with suppress(OSError):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _read(path: Path) -> tuple[object] | None:
    with suppress(OSError):
        data = path.read_bytes()
        digest, content = data[:_DIGEST], data[_DIGEST:]
        if hashlib.sha256(content).digest() == digest:
            return (pickle.loads(content),)
    return None


def _write(path: Path, found: object) -> None:
    content = pickle.dumps(found, protocol=pickle.HIGHEST_PROTOCOL)
    handle, beside = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(content).digest())
            file.write(content)
        Path(beside).replace(path)
    except OSError:
        Path(beside).unlink(missing_ok=True)
        raise
