"""Facts of statements kept beside a history: a text once read is not read again in the next review.

They are derived and may be deleted at any time. A line per text: the hash of the text, and its facts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from io import FileIO
from pathlib import Path

from workbench.share import shared
from workbench.snapshot.objects import moved, staging
from workbench.sql import READER, Pool, Statement, read_statement, statement_from_json

_MOST = 200_000
"""With more texts kept than that, only those of the last question stay."""

_CHUNK = 1 << 20
"""So many bytes are written at a time."""


def read_texts(
    texts: Iterable[str],
    history: Path | None = None,
    *,
    columns: bool = True,
    known: dict[bytes, Statement] | None = None,
) -> list[Statement]:
    """Return the facts of each text, in order, from ``history`` where it has them.

    What had to be read is added to ``history/derived/statements-VERSION.jsonl`` at once or not at all;
    another version of the reader or parser keeps a file of its own. A history that cannot be written
    to, or a damaged line, costs time and nothing else. Without ``columns`` the facts about columns are
    left out (see ``Statement.without_columns``); the file has them all the same. Of texts and lines one
    each is held at a time: ``texts`` is gone through twice, and no iterator. What is in ``known`` is not looked
    for, and what was found is put there: see ``reader_beside``.

    >>> read_texts(["SELECT 1 FROM t"])[0].reads
    frozenset({(None, 't')})
    """
    keys = [_key(text) for text in texts]
    asked = set(keys)
    pool = Pool()
    found = {} if known is None else known
    held = 0

    def keep(key: bytes, statement: Statement) -> None:
        found[key] = pool.shared(statement if columns else statement.without_columns())

    for key, line in _lines(history) if asked - found.keys() else ():
        held += 1
        if key in asked and key not in found and (statement := _kept(line)) is not None:
            keep(key, statement)
    if new := asked - found.keys():
        full = held + len(new) > _MOST
        old = (
            (k, line) for k, line in _lines(history) if k not in new and (k in asked or not full)
        )
        with _rewritten(history, old) as add:
            for key, text in zip(keys, texts, strict=True):
                if key not in found:
                    statement = read_statement(text)
                    add(key, statement.to_json())
                    keep(key, statement)
    return [found[key] for key in keys]


def reader_beside(history: Path | None) -> Callable[[Iterable[str]], list[Statement]]:
    """Return ``read_texts`` for a history, without columns: it keeps what it read there, except beside what is shipped in ``data/``.

    What it gave once it gives again: the texts of a part of a window are those of the window.

    >>> from workbench.share import reference_estate
    >>> reader_beside(reference_estate("marketplace") / "history").keywords["history"] is None
    True
    """
    return partial(read_texts, history=kept_beside(history), columns=False, known={})


def kept_beside(history: Path | None) -> Path | None:
    """Return the history if something derived may be kept in it: not in what is shipped in ``data/``."""
    shipped = history is not None and history.resolve().is_relative_to(shared("data").resolve())
    return None if shipped else history


def _path(history: Path) -> Path:
    return history / "derived" / f"statements-{READER}.jsonl"


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()


def _lines(history: Path | None) -> Iterator[tuple[bytes, str]]:
    """The key and facts of each line there is; what is no such line is passed over."""
    if history is None:
        return
    with suppress(OSError), _path(history).open(encoding="ascii", errors="replace") as file:
        for line in file:
            name, _, facts = line.rstrip("\n").partition(" ")
            with suppress(ValueError):
                if facts:
                    yield bytes.fromhex(name), facts


def _kept(line: str) -> Statement | None:
    with suppress(ValueError, TypeError):
        return statement_from_json(line)
    return None


@contextmanager
def _rewritten(
    history: Path | None, old: Iterable[tuple[bytes, str]]
) -> Iterator[Callable[[bytes, str], None]]:
    """Put the lines of ``old``, and what is added while this is open, in place of the file; or leave it as it is."""
    with ExitStack() as stack:
        lines = _Lines(None)
        if history is not None:
            with suppress(OSError):
                beside = stack.enter_context(staging(history)) / _path(history).name
                lines = _Lines(stack.enter_context(beside.open("wb", buffering=0)))
        for key, facts in old if lines.file else ():
            lines.add(key, facts)
        yield lines.add
        lines.flush()
        if lines.file is not None and history is not None:
            with suppress(OSError):
                path = _path(history)
                moved(beside, path)
                for older in path.parent.glob("statements-*.jsonl"):
                    if older != path:
                        older.unlink(missing_ok=True)


@dataclass
class _Lines:
    """Lines on their way to a file; None as soon as the disk refuses one."""

    file: FileIO | None
    waiting: bytearray = field(default_factory=bytearray)

    def add(self, key: bytes, facts: str) -> None:
        self.waiting += f"{key.hex()} {facts}\n".encode()
        if len(self.waiting) >= _CHUNK:
            self.flush()

    def flush(self) -> None:
        if self.file is not None:
            try:
                if self.file.write(self.waiting) != len(self.waiting):
                    self.file = None  # a full disk takes what it can
            except OSError:
                self.file = None
        self.waiting.clear()
