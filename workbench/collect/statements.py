"""pg_stat_statements, read once per endpoint: it covers all databases of a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from workbench.collect.faults import FAILURES
from workbench.collect.queries import Query
from workbench.collect.reading import Reading
from workbench.collect.sessions import Answer, Outcome, Session
from workbench.collect.texts import NOTHING_KNOWN, TEXTS, Texts

Outcomes = Mapping[str, Outcome | Exception]

_UTF8_FIRST = {"UTF8": 0, "SQL_ASCII": 1}


def read_statements(
    reading: Reading,
    enter: Callable[[str], Session],
    encodings: Mapping[str, str],
    known: Callable[[Outcomes], Texts],
) -> None:
    """Read counters and texts through the first of the databases that gives them.

    Which database it is matters for texts alone: one of encoding LATIN1 cannot show what was said in
    Cyrillic, and one of UTF8 not what was said in no encoding at all. ``enter`` opens a session with a
    database; ``known`` says, once the counters are there, which texts need not be asked for.
    """
    outcomes: dict[str, Outcome | Exception] = {}
    questions: tuple[Query, ...] = ()
    texts = NOTHING_KNOWN
    extensions = reading.extensions
    for name in sorted(extensions, key=lambda d: (_UTF8_FIRST.get(encodings.get(d, ""), 2), d)):
        held, schema = extensions[name]
        questions, refused = reading.fitting("statements", {"pg_stat_statements": held})
        if not outcomes:
            reading.refuse(refused, None)
        open_ = [q for q in questions if not isinstance(outcomes.get(q.frame), Answer)]
        try:
            with enter(name) as session:
                # Texts last: by then it is known whether there is one to ask for.
                for query in sorted(open_, key=lambda q: q.frame == TEXTS):
                    settings = None
                    if query.frame == TEXTS:
                        texts = known(outcomes)
                        settings = texts.settings
                    if query.frame != TEXTS or not texts.complete:
                        outcomes[query.frame] = session.alone(query, schema, settings)
        except FAILURES as error:
            outcomes |= {q.frame: error for q in open_ if q.frame not in outcomes}
        if all(isinstance(outcome, Answer) for outcome in outcomes.values()):
            break
    for query in questions:
        if query.frame == TEXTS:
            _keep_texts(reading, query, texts, outcomes.get(TEXTS))
        else:
            reading.keep(query, None, outcomes[query.frame])


def _keep_texts(
    reading: Reading, query: Query, texts: Texts, outcome: Outcome | Exception | None
) -> None:
    """Store what was fetched with what was known; ``outcome`` is None where nothing was to be fetched."""
    ms, fetched = 0.0, None
    if outcome is not None:
        fetched = reading.taken(query, None, outcome)
        ms = outcome.ms if isinstance(outcome, Answer) else 0.0
    elif texts.carried is not None:
        reading.note_gaps(query, None, texts.carried)
    whole = texts.with_fetched(fetched)
    if whole is not None:
        reading.add(query.frame, None, whole, ms)
