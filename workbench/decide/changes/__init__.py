"""What changed between two moments of a history. Pure: two ends in, facts out, sorted, without a clock."""

from __future__ import annotations

from itertools import chain

from workbench.decide.changes.crossing import A_LOT, LEAST, Windows, crossing_changes
from workbench.decide.changes.facts import (
    KINDS,
    WAYS,
    Change,
    Changes,
    End,
    Kind,
    Uncompared,
    Way,
)
from workbench.decide.changes.held import (
    Held,
    finding_changes,
    reference_changes,
    relation_changes,
    service_changes,
    size_changes,
    unread_changes,
)
from workbench.decide.changes.judged import limit_changes, verdict_changes
from workbench.decide.changes.names import FirstNames
from workbench.decide.evidence import Evidence
from workbench.decide.seen import Seen
from workbench.errors import UsageError


def changes(before: Evidence, after: Evidence, accepted: Seen | None = None) -> Changes:
    """Return what is not the same in ``after`` as it was in ``before``: the same history, cut at two moments.

    Verdicts, limits, references and sizes are those of each end, by all that was known then. Crossings are new where
    nothing up to the first end remembers them (nor ``accepted``, what a baseline there does), gone where
    they have not happened since; calls a day are compared in windows of one length. What cannot be compared is in
    ``uncompared``. UsageError where ``after`` is not later than ``before``.

    >>> from workbench import load_history, reference_estate
    >>> grown = load_history(reference_estate("hauspet") / "history")
    >>> first = grown.between(until=grown.collected[0].at)
    >>> [c.what for c in changes(Evidence(first), Evidence(grown)).of("verdict")]
    ['eventstore', 'readmodels']
    """
    begin, end = _end(before), _end(after)
    if begin.until >= end.until:
        raise UsageError(
            f"nothing can have changed from {begin.until:%Y-%m-%d %H:%M} to {end.until:%Y-%m-%d %H:%M} "
            "UTC: name two readings, the earlier one first; `workbench history list` shows them"
        )
    first = FirstNames(before.estate, after.estate)
    then, now = Held(before), Held(after)
    windows = Windows.between(before, after)
    found = list(
        chain(
            verdict_changes(before.verdicts, after.verdicts, first),
            limit_changes(before.verdicts, after.verdicts, first),
            crossing_changes(before, windows, accepted),
            reference_changes(then, now),
            service_changes(then, now, first),
            relation_changes(then, now),
            size_changes(then, now, first),
            finding_changes(before.references.differences, after.references.differences),
            unread_changes(then, now),
        )
    )
    return Changes(
        begin,
        end,
        windows.days,
        tuple(sorted((c for c in found if isinstance(c, Change)), key=lambda c: c.order)),
        tuple(sorted({u for u in found if isinstance(u, Uncompared)})),
    )


def _end(evidence: Evidence) -> End:
    held = evidence.history.collected
    newest = evidence.history.newest  # an empty history is refused here, with the next step
    return End(held[0].at, held[-1].at, len(held), newest.manifest.simulated)


__all__ = [
    "A_LOT",
    "KINDS",
    "LEAST",
    "WAYS",
    "Change",
    "Changes",
    "End",
    "Kind",
    "Uncompared",
    "Way",
    "changes",
    "finding_changes",
]
