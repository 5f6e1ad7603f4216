"""Facts of statements kept beside a history: a text once read is not read again in the next review.

They are derived and may be deleted at any time. A line per text: the hash of the text, and its facts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

from workbench.share import shared
from workbench.snapshot.objects import put, staging
from workbench.sql import READER, Pool, Statement, read_statement, statement_from_json

_MOST = 200_000
"""With more texts kept than that, only those of the last question stay."""


def read_texts(texts: Iterable[str], history: Path | None = None) -> dict[str, Statement]:
    """Return the facts of each text, in order of first appearance, from ``history`` where it has them.

    What had to be read is added to ``history/derived/statements-VERSION.jsonl`` at once or not at all;
    another version of the reader or parser keeps a file of its own. A history that cannot be written
    to, or a damaged line, costs time and nothing else.

    >>> read_texts(["SELECT 1 FROM t"])["SELECT 1 FROM t"].reads
    frozenset({(None, 't')})
    """
    kept = _lines(history)
    found: dict[str, Statement] = {}
    lines: dict[str, str] = {}
    pool = Pool()
    for text in dict.fromkeys(texts):
        key = _key(text)
        statement = _kept(kept.get(key))
        if statement is None:
            statement = read_statement(text)
            lines[key] = statement.to_json()
        found[text] = pool.shared(statement)
    if history is not None and lines:
        if len(kept) + len(lines) > _MOST:
            asked = set(map(_key, found))
            kept = {key: line for key, line in kept.items() if key in asked}
        _write(history, kept | lines)
    return found


def reader_beside(history: Path | None) -> Callable[[Iterable[str]], dict[str, Statement]]:
    """Return ``read_texts`` for a history: it keeps what it read there, except beside what is shipped in ``data/``.

    >>> from workbench.share import reference_estate
    >>> reader_beside(reference_estate("marketplace") / "history").keywords["history"] is None
    True
    """
    shipped = history is not None and history.resolve().is_relative_to(shared("data").resolve())
    return partial(read_texts, history=None if shipped else history)


def _path(history: Path) -> Path:
    return history / "derived" / f"statements-{READER}.jsonl"


def _key(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def _lines(history: Path | None) -> dict[str, str]:
    if history is None:
        return {}
    try:
        with _path(history).open(encoding="ascii", errors="replace", newline="\n") as file:
            parts = (line.rstrip("\n").partition(" ") for line in file)
            return {key: facts for key, _, facts in parts if facts}
    except OSError:
        return {}


def _kept(line: str | None) -> Statement | None:
    if line is not None:
        with suppress(ValueError, TypeError):
            return statement_from_json(line)
    return None


def _write(history: Path, lines: dict[str, str]) -> None:
    data = "".join(f"{key} {lines[key]}\n" for key in sorted(lines)).encode()
    with suppress(OSError), staging(history) as beside:
        path = _path(history)
        put(beside, path, data)
        for older in path.parent.glob("statements-*.jsonl"):
            if older != path:
                older.unlink(missing_ok=True)
