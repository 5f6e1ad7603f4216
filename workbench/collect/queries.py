"""The questions that are put to a server: one per file under ``queries/``.

A file ``FOLDER/QUESTION[.VARIANT].sql`` opens with comments: the question, what a row is, and lines
that the collector reads:

``-- requires: server >= 16`` or ``-- requires: NAME >= 1.12`` for an extension. Of a question's
variants the most demanding one that a server satisfies is put; all give the same columns.

``-- sees all with: ROLE``: other logins get a part of the answer.

``-- if refused: GRANT ... TO {login};`` where the grant that helps is not that of pg_monitor.

The folder says in which session a question is put; the question's name is the name of the frame that
holds the answers (those of ``FOLDED`` and of ``samples`` are folded into others on the way). A column
``unseen`` says, where it is not NULL, why a row's values are not there: ``privilege``, ``locked`` (asking
would wait), ``locks`` (asking would take too many) or ``long`` (they are too large to be kept).

``-- profile: pulse``: the question is put in pulses as well, its answer being small and quick whatever the
server holds.

``-- replicas: too``: the question is put to every declared replica as well, its answer being another there.

``-- transaction: its own``: the question is put behind the others of its folder, for it takes locks, or time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from workbench.errors import UsageError
from workbench.share import shared

Version = tuple[int, ...]

INSTANCE = ("instance", "statements")
"""Folders whose questions are put once per instance; the others are put in each database."""

FOLDED = {"wal": frozenset({"wal_reading", "wal_relations", "wal_transactions"})}
"""Folders whose answers are folded into other frames before they are kept, and those frames."""
SAMPLES = "samples"
"""The folder whose questions are put many times a second, while a sample lasts."""

_PULSE = re.compile(r"^-- profile: pulse$", re.MULTILINE)
_REPLICAS = re.compile(r"^-- replicas: too$", re.MULTILINE)
_ALONE = re.compile(r"^-- transaction: its own$", re.MULTILINE)
_REQUIRES = re.compile(r"^-- requires: (\w+) >= ([\d.]+)$", re.MULTILINE)
_SEES_ALL = re.compile(r"^-- sees all with: (\w+)$", re.MULTILINE)
_REFUSED = re.compile(r"^-- if refused: (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Query:
    """One question: where its file is, what it needs, and the text that is sent.

    ``sees_all_with`` is the role without which a login gets a part of the answer, ``if_refused`` the
    grant that lets a login ask at all; None where nothing of the kind is known.
    """

    folder: str
    frame: str
    path: Path
    needs: tuple[tuple[str, Version], ...]
    text: str
    sees_all_with: str | None = None
    if_refused: str | None = None
    pulse: bool = False
    replicas: bool = False
    alone: bool = False

    @property
    def name(self) -> str:
        """How the question is named in tags, logs and ``missing``."""
        return f"{self.folder}/{self.frame}"

    def unmet(self, versions: Mapping[str, Version]) -> Unmet | None:
        """Say which requirement ``versions`` (``server`` and extensions) do not meet, or None.

        >>> q = next(q for q in load_queries() if q.frame == "statements_info")
        >>> q.unmet({"server": (18, 0)}).why
        'needs pg_stat_statements >= 1.9 (absent)'
        """
        for what, least in self.needs:
            held = versions.get(what)
            if held is None or held < least:
                return Unmet(what, least, held)
        return None


@dataclass(frozen=True)
class Unmet:
    """A requirement that a server does not meet: ``what`` is ``server`` or an extension's name."""

    what: str
    least: Version
    held: Version | None

    @property
    def why(self) -> str:
        """What is needed, and what is there."""
        stands = "absent" if self.held is None else _dotted(self.held)
        return f"needs {self.what} >= {_dotted(self.least)} ({stands})"

    @property
    def remedy(self) -> str:
        """The step that would meet it."""
        if self.what == "server":
            return f"upgrade the server to {_dotted(self.least)} or later"
        verb = "CREATE EXTENSION {};" if self.held is None else "ALTER EXTENSION {} UPDATE;"
        return verb.format(self.what)


def version(text: str) -> Version:
    """Read a dotted version.

    >>> version("1.12") > version("1.9")
    True
    """
    return tuple(int(n) for n in re.findall(r"\d+", text))


def _dotted(numbers: Version) -> str:
    return ".".join(map(str, numbers))


@cache
def load_queries() -> tuple[Query, ...]:
    """Read every question, sorted by name, the most demanding variant of each first.

    >>> len({q.frame for q in load_queries()}) > 15
    True
    """
    queries = sorted(map(_read, shared("queries").glob("*/*.sql")), key=_demand, reverse=True)
    return tuple(sorted(queries, key=lambda q: q.name))


def _demand(query: Query) -> tuple[tuple[Version, ...], str]:
    return tuple(least for _, least in sorted(query.needs)), query.path.name


def _read(path: Path) -> Query:
    text = path.read_text(encoding="utf-8")
    head = "\n".join(line for line in text.splitlines() if line.startswith("--"))
    needs = tuple((what, version(least)) for what, least in _REQUIRES.findall(head))
    body = text[len(head) :].strip().removesuffix(";")
    role = _SEES_ALL.search(head)
    grant = _REFUSED.search(head)
    return Query(
        path.parent.name,
        path.name.split(".")[0],
        path,
        needs,
        body,
        role[1] if role else None,
        grant[1] if grant else None,
        _PULSE.search(head) is not None,
        _REPLICAS.search(head) is not None,
        _ALONE.search(head) is not None,
    )


def frames() -> frozenset[str]:
    """Return the names of all frames that a snapshot holds, but those of a sample."""
    kept = frozenset(q.frame for q in load_queries() if q.folder not in (*FOLDED, SAMPLES))
    return kept.union(*FOLDED.values())


def in_databases(only: Iterable[str]) -> bool:
    """Say whether one of these frames needs a session with each database."""
    return bool(set(only) - {q.frame for q in load_queries() if q.folder == "instance"})


def replica_frames() -> frozenset[str]:
    """Return the names of the frames that replicas are asked for: what differs on a standby.

    >>> "index_statistics" in replica_frames(), "relations" in replica_frames()
    (True, False)
    """
    return frozenset(q.frame for q in load_queries() if q.replicas)


def pulse_frames() -> frozenset[str]:
    """Return the names of the frames that a pulse holds.

    >>> "database_statistics" in pulse_frames(), "sizes" in pulse_frames()
    (True, False)
    """
    return frozenset(q.frame for q in load_queries() if q.pulse)


def choose(
    folder: str, versions: Mapping[str, Version], only: Iterable[str] | None = None
) -> tuple[tuple[Query, ...], dict[str, Unmet]]:
    """Return the queries of ``folder`` that fit, and for each question without one what it lacks.

    What is lacking is told of the least demanding variant, which is the nearest to being met.

    ``only`` limits the questions to these frames; UsageError names one that does not exist.
    """
    if only is not None and (unknown := set(only) - frames()):
        raise UsageError(f"no query gives {sorted(unknown)}; there are {sorted(frames())}")
    fitting: dict[str, Query] = {}
    refused: dict[str, Unmet] = {}
    for query in load_queries():
        if query.folder != folder or (only is not None and query.frame not in only):
            continue
        lacking = query.unmet(versions)
        if lacking is None:
            fitting.setdefault(query.frame, query)
        else:
            refused[query.frame] = lacking
    return tuple(fitting.values()), {f: r for f, r in refused.items() if f not in fitting}
