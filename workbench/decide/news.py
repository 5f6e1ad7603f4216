"""What is new in an estate: crossings, references and limits, held against the baseline and all that was seen."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple

from workbench.analyse.references import References
from workbench.analyse.workload import Workload
from workbench.decide.check import Batch, Check, Word, check
from workbench.decide.crossed import CROSSINGS, crossings_now
from workbench.decide.evidence import Evidence
from workbench.decide.facts import Status
from workbench.decide.limited import LIMITS, limits_now
from workbench.decide.referred import REFERENCES, references_now
from workbench.decide.remembered import (
    Family,
    baseline_of,
    earlier,
    readings,
    remembered,
)
from workbench.decide.seen import Keyed, Seen
from workbench.decide.thresholds import statuses
from workbench.snapshot import History, Snapshot, load_tags

FAMILIES = (CROSSINGS, REFERENCES, LIMITS)
"""What a baseline accepts."""


class Part(NamedTuple):
    """One sort of things as they are now: what they are called, what remembers them, and the things."""

    word: Word
    family: Family
    things: tuple[Keyed, ...]


def news(
    evidence: Evidence,
    whole: History | None = None,
    *,
    baseline: str | None = None,
    limits: Iterable[Status] | None = None,
    more: Iterable[Part] = (),
    stale: Iterable[str] = (),
) -> Check:
    """Return what is new of everything together, what is exempted until when, what expired, and what is unused.

    ``whole`` is the history from its first reading to the end of the evidence's, where that begins later.
    Compared is with ``baseline``, else with the newest one, else with the first reading; today is the newest
    reading's date. ``limits`` are the statuses, where they are known already. ``more`` are further sorts, such as the
    findings of rules. UsageError where there is no baseline of that name.

    >>> from workbench import load_history
    >>> from workbench.share import reference_estate
    >>> found = news(Evidence(load_history(reference_estate("hauspet-small") / "history")))
    >>> found.exit_code, found.alerts
    (0, ())
    """
    found = statuses(evidence) if limits is None else limits
    parts = (
        Part("crossing", CROSSINGS, crossings_now(evidence.workload)),
        Part("reference", REFERENCES, _referred(evidence.references, evidence.history)),
        Part("threshold", LIMITS, limits_now(found)),
        *more,
    )
    return _checked(parts, whole or evidence.history, baseline, stale)


def check_workload(
    found: Workload, whole: History, *, baseline: str | None = None, stale: Iterable[str] = ()
) -> Check:
    """Check what crosses in a workload alone; see ``news``."""
    part = Part("crossing", CROSSINGS, crossings_now(found))
    return _checked([part], whole, baseline, stale)


def check_references(
    found: References, whole: History, *, baseline: str | None = None, stale: Iterable[str] = ()
) -> Check:
    """Check the references alone that leave their service; see ``news``."""
    part = Part("reference", REFERENCES, _referred(found, whole))
    return _checked([part], whole, baseline, stale)


def check_limits(
    found: Iterable[Status],
    whole: History,
    *,
    baseline: str | None = None,
    stale: Iterable[str] = (),
) -> Check:
    """Check the limits alone: written ones, and the project's own where they are hard; see ``news``."""
    return _checked([Part("threshold", LIMITS, limits_now(found))], whole, baseline, stale)


def _referred(found: References, history: History) -> tuple[Keyed, ...]:
    return references_now(found, history.newest.settled.first_names)


def _checked(
    parts: Iterable[Part], whole: History, baseline: str | None, stale: Iterable[str]
) -> Check:
    held, newest = readings(whole), whole.newest
    tagged = baseline_of(whole, baseline)
    since = tagged.at if tagged else held[0].at if len(held) > 1 else None
    kept = [Seen.from_json(tagged.seen)] if tagged else []

    def past(family: Family) -> Iterable[Seen] | None:
        return None if since is None else chain(kept, earlier(family, whole, since))

    return check(
        [Batch(p.word, p.family.kinds, p.things, past(p.family)) for p in parts],
        today=newest.at.date(),
        exemptions=newest.settled.exemptions,
        stale=stale,
        since=since,
        baseline=tagged.name if tagged else None,
    )


def accept(history: History, snapshot: Snapshot, families: Iterable[Family] = FAMILIES) -> Seen:
    """Return what a baseline at ``snapshot`` accepts: all that was seen up to it, those baselines' before it too."""
    up_to = history.between(until=snapshot.at)
    seen = Seen()
    if readings(up_to):
        evidence = Evidence(up_to)
        for family in families:
            seen |= remembered(family, evidence)
    for tagged in load_tags(history.folder) if history.folder is not None else ():
        if tagged.at <= snapshot.at:
            seen |= Seen.from_json(tagged.seen)
    return seen
