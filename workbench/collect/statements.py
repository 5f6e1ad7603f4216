"""pg_stat_statements, read once per endpoint: it covers all databases of a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import pyarrow as pa

from workbench.collect.faults import FAILURES
from workbench.collect.queries import Query, Version
from workbench.collect.reading import Reading
from workbench.collect.sessions import Answer, Outcome, Session
from workbench.snapshot.differences import STATEMENT_KEY

Extensions = Mapping[str, tuple[Version, str]]
"""Per database that has the extension its version and schema."""

Entry = tuple[object, ...]
"""What makes an entry of pg_stat_statements one: see ``STATEMENT_KEY``."""

_UTF8_FIRST = {"UTF8": 0, "SQL_ASCII": 1}


def read_statements(
    reading: Reading,
    enter: Callable[[str], Session],
    extensions: Extensions,
    encodings: Mapping[str, str],
    known: frozenset[Entry] = frozenset(),
) -> None:
    """Read counters and texts through the first of the databases that gives them.

    Which database it is matters for texts alone: one of encoding LATIN1 cannot show what was said in
    Cyrillic, and one of UTF8 not what was said in no encoding at all. ``enter`` opens a session with a
    database. Texts of ``known`` entries are not kept, and not asked for where all are known.
    """
    outcomes: dict[str, Outcome | Exception] = {}
    questions: tuple[Query, ...] = ()
    for name in sorted(extensions, key=lambda d: (_UTF8_FIRST.get(encodings.get(d, ""), 2), d)):
        held, schema = extensions[name]
        questions, refused = reading.fitting("statements", {"pg_stat_statements": held})
        if not outcomes:
            reading.refuse(refused, None)
        open_ = [q for q in questions if not isinstance(outcomes.get(q.frame), Answer)]
        # Texts last: by then it is known whether there is one to ask for.
        open_.sort(key=lambda q: q.frame == "statement_texts")
        try:
            with enter(name) as session:
                for query in open_:
                    if query.frame != "statement_texts" or _worth_asking(outcomes, known):
                        outcomes[query.frame] = session.alone(query, schema)
        except FAILURES as error:
            outcomes |= {q.frame: error for q in open_}
        if all(isinstance(outcome, Answer) for outcome in outcomes.values()):
            break
    for query in questions:
        if query.frame in outcomes:
            keeps = partial(_without, known) if query.frame == "statement_texts" else None
            reading.keep(query, None, outcomes[query.frame], keeps)


def entries(table: pa.Table) -> list[Entry]:
    """Return the key of every row of a frame of pg_stat_statements."""
    return list(zip(*(table.column(c).to_pylist() for c in STATEMENT_KEY), strict=True))


def _without(known: frozenset[Entry], texts: pa.Table) -> pa.Table:
    if not known:
        return texts
    return texts.filter(pa.array([entry not in known for entry in entries(texts)], pa.bool_()))


def _worth_asking(outcomes: Mapping[str, Outcome | Exception], known: frozenset[Entry]) -> bool:
    counters = outcomes.get("statements")
    return not isinstance(counters, Answer) or not known.issuperset(entries(counters.table))
