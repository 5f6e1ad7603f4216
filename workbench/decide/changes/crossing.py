"""What leaves its service, at two moments: new is what ``--check`` calls new, gone is what no longer happens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from workbench.analyse.crossings import Crossing
from workbench.decide.changes.facts import Change, Uncompared, Way
from workbench.decide.crossed import CROSSINGS, happened, keyed
from workbench.decide.evidence import Evidence
from workbench.decide.remembered import remembered
from workbench.decide.seen import Keyed, Seen, never_seen
from workbench.decide.use import counted_days, pace

A_LOT = 2.0
"""Calls a day have changed by a lot from this factor on, up or down: the project's own, and no law."""

LEAST = 10.0
"""Fewer calls a day than that, at both ends, have not changed by a lot."""

_SOURCES = {
    "statements": "statements",
    "wal": "records of the WAL",
    "locks": "samples of transactions",
    "catalog": "grants",
}
_SLACK = timedelta(hours=12)
"""Nights are not taken to the second."""


@dataclass(frozen=True)
class Windows:
    """The windows by which two moments are held against each other.

    ``before`` ends at the first moment, ``since`` goes from there to the second, and ``after`` is the end of it,
    as long as ``before``. ``days`` is that length; None where ``before`` is one reading: its counts are of a time
    that nobody knows.
    """

    before: Evidence
    since: Evidence
    after: Evidence
    days: float | None

    @classmethod
    def between(cls, before: Evidence, after: Evidence) -> Windows:
        """Return the windows of two histories cut at a moment."""
        first, last = before.history.collected[-1].at, after.history.collected[-1].at
        since = _part(after, first, last)
        mine = _part(before, first - (last - first) - _SLACK, first)
        held = mine.history.collected
        length = first - held[0].at
        if not length:
            return cls(mine, since, since, None)
        alike = (
            _part(after, last - length - _SLACK, last) if length + _SLACK < last - first else since
        )
        return cls(mine, since, alike, length.total_seconds() / 86400)


def _part(whole: Evidence, begin: datetime, end: datetime) -> Evidence:
    """The evidence of a part of a history; itself where that is all of it, so that nothing is worked out twice."""
    found = whole.history.between(begin, end)
    return whole if len(found) == len(whole.history) else replace(whole, history=found)


def crossing_changes(
    before: Evidence, windows: Windows, accepted: Seen | None = None
) -> Iterator[Change | Uncompared]:
    """Yield crossings that are new, gone, or happen far more or far less often, and what cannot be compared.

    ``before`` is all that was known at the first moment, ``accepted`` what a baseline there remembers besides. New is
    what neither remembers. Gone is what happened in the window before the first moment, and not since.
    """
    now, then = windows.since.workload.crossings, windows.before.workload.crossings
    past = [*([accepted] if accepted else []), remembered(CROSSINGS, before)]
    first = before.history.collected[-1].at
    new = never_seen([keyed(c) for c in now], past)
    gone = never_seen([keyed(c) for c in then], [happened(windows.since.workload)])
    yield from _told("added", new.new, now, windows.since)
    yield from _unread(
        new.unjudged, now, f"were not read up to {first:%Y-%m-%d}: it may be new or old"
    )
    sampled, rest = _split(gone.new, then, windows.since)
    yield from _told("removed", rest, then, windows.before)
    yield from sampled
    yield from _unread(
        gone.unjudged, then, f"were not read after {first:%Y-%m-%d}: it may go on or be gone"
    )
    yield from _more_or_less(windows, {t.key for t in (*new.new, *gone.new)})


def _told(
    way: Way, things: tuple[Keyed, ...], crossings: tuple[Crossing, ...], window: Evidence
) -> Iterator[Change]:
    """Say each with its calls a day in the window."""
    days = counted_days(window.workload)
    held = {c.key: c for c in crossings}
    for thing in things:
        crossing = held[thing.key]
        rate = pace(crossing, days)
        yield Change(
            "crossing",
            way,
            thing.key,
            thing.what,
            thing.service,
            rate if way == "removed" else None,
            rate if way == "added" else None,
            _unit(crossing) if rate is not None else "",
            crossing.because or "",
            _joins(crossing),
            thing.example,
        )


def _unit(crossing: Crossing) -> str:
    return "transactions/day" if crossing.kind == "transaction" else "calls/day"


def _joins(crossing: Crossing) -> tuple[tuple[str, str], ...]:
    """From who does it to whose data it is; where nobody knows who does it, from whom it joins besides."""
    owners = crossing.owners or crossing.services
    others = [s for s in crossing.services if s not in owners]
    sources = [crossing.actor] if crossing.actor is not None else others or list(owners)
    return tuple((one, other) for one in sources for other in owners if one != other)


def _split(
    gone: tuple[Keyed, ...], then: tuple[Crossing, ...], since: Evidence
) -> tuple[list[Uncompared], tuple[Keyed, ...]]:
    """Part what is gone from what nobody can say is: what samples saw, and the WAL where it was not read whole."""
    held = {c.key: c for c in then}
    readings = since.workload.transactions.readings
    whole = set(readings.loc[readings["seen"].fillna(0) >= 1, "instance"])
    open_, sure = [], []
    for thing in gone:
        crossing = held[thing.key]
        if crossing.source == "locks":
            why = "samples saw it, and that they did not see it again proves nothing"
            open_.append(Uncompared("crossing", thing.what, why))
        elif crossing.source == "wal" and crossing.instance not in whole:
            why = f"not all of the WAL of {crossing.instance} was read since: it may have happened"
            open_.append(Uncompared("crossing", thing.what, why))
        else:
            sure.append(thing)
    return open_, tuple(sure)


def _unread(
    things: tuple[Keyed, ...], crossings: tuple[Crossing, ...], why: str
) -> Iterator[Uncompared]:
    held = {c.key: c for c in crossings}
    for thing in things:
        crossing = held[thing.key]
        what = f"{_SOURCES[crossing.source]} of {crossing.instance}"
        yield Uncompared("crossing", thing.what, f"{what} {why}")


def _more_or_less(windows: Windows, known: set[str]) -> Iterator[Change | Uncompared]:
    """Yield what happens ``A_LOT`` more or less often, in windows of one length."""
    if windows.days is None:
        begin = windows.before.history.collected[-1].at
        why = f"there is no reading before {begin:%Y-%m-%d %H:%M} UTC, so that no rate is known up to then"
        yield Uncompared("crossing", "calls a day", why)
        return
    lengths = [counted_days(w.workload) for w in (windows.before, windows.after)]
    now = {c.key: c for c in windows.after.workload.crossings}
    blind: set[str] = set()
    for crossing in windows.before.workload.crossings:
        later = now.get(crossing.key)
        if later is None or crossing.key in known or crossing.kind == "grant":
            continue
        was, is_ = (pace(c, days) for c, days in zip((crossing, later), lengths, strict=True))
        if was is None or is_ is None:
            if crossing.source != "locks":
                blind.add(crossing.instance)
            continue
        if max(was, is_) >= LEAST and not 1 / A_LOT < is_ / was < A_LOT:
            thing = keyed(later)
            yield Change(
                "crossing",
                "changed",
                thing.key,
                thing.what,
                thing.service,
                was,
                is_,
                _unit(later),
                joins=_joins(later),
                example=thing.example,
            )
    for instance in sorted(blind):
        why = "its counts cannot be told apart by day in one of the windows: see the breaks of its epochs"
        yield Uncompared("crossing", f"calls a day of {instance}", why)
