"""One snapshot a night: what was read in parts, on several networks or again, put together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from statistics import median
from typing import TypeVar

from workbench.model import Missing
from workbench.snapshot.manifest import Part
from workbench.snapshot.objects import Objects
from workbench.snapshot.whole import Snapshot

_RHYTHM_OF = 7
"""So many intervals between nights say how often a snapshot is taken."""

_LONGEST_NIGHT = timedelta(hours=6)
_Placed = TypeVar("_Placed", Part, Missing)


def nights_of(snapshots: Sequence[Snapshot]) -> tuple[Snapshot, ...]:
    """Return one snapshot per night; ``snapshots`` are in order of their dates."""
    nights: list[list[Snapshot]] = []
    for snapshot in snapshots:
        if nights and _same_night(nights[-1], snapshot):
            nights[-1].append(snapshot)
        else:
            nights.append([snapshot])
    return tuple(night[0] if len(night) == 1 else _joined(night) for night in nights)


def missed_nights(taken: Sequence[date]) -> tuple[date, ...]:
    """Return the days before the last one on which a snapshot was to be expected, and none was taken.

    ``taken`` are the days of the nights, in order. How often one is to be expected follows from the
    intervals before: with fewer than two of them nothing is. Earlier gaps are not told again, and what was
    thinned is none.

    >>> missed_nights([date(2026, 3, n) for n in (1, 2, 3, 4, 7)])
    (datetime.date(2026, 3, 5), datetime.date(2026, 3, 6))
    >>> missed_nights([date(2026, 3, n) for n in (1, 8, 15, 22)])
    ()
    """
    apart = [(late - early).days for early, late in pairwise(taken)]
    before = apart[:-1][-_RHYTHM_OF:]
    if len(before) < 2:
        return ()
    rhythm = max(1, round(median(before)))
    missed = round(apart[-1] / rhythm) - 1
    return tuple(taken[-2] + timedelta(days=rhythm * n) for n in range(1, missed + 1))


def _same_night(night: list[Snapshot], late: Snapshot) -> bool:
    first = night[0].at
    if late.at.date() == first.date():
        return True
    held = {i for s in night for i in s.manifest.reached}
    # A night that began before midnight goes on after it, for what it does not hold yet.
    return late.at - first <= _LONGEST_NIGHT and held.isdisjoint(late.manifest.reached)


def _joined(night: list[Snapshot]) -> Snapshot:
    last = night[-1].manifest
    parts: list[Part] = []
    missing: list[Missing] = []
    reached = {i for s in night for i in s.manifest.reached}
    asked = {i for s in night for i in s.manifest.unreached} | reached
    for instance in sorted(asked):
        found, gaps = _of_instance(night, instance, instance in reached)
        parts += found
        missing += gaps
    manifest = replace(
        last,
        at=max(s.at for s in night),
        simulated=any(s.manifest.simulated for s in night),
        reached=tuple(sorted(reached)),
        unreached=tuple(sorted(asked - reached)),
        parts=tuple(sorted(parts, key=lambda p: p.sort_key)),
        missing=tuple(sorted(missing, key=lambda m: m.sort_key)),
    )
    memory = {content: data for s in night for content, data in s.objects.memory.items()}
    folder = next((s.objects.folder for s in night if s.objects.folder), None)
    return Snapshot(manifest, Objects(folder, memory), night[-1].estate)


def _of_instance(
    night: list[Snapshot], instance: str, reached: bool
) -> tuple[list[Part], list[Missing]]:
    """The last reading of an instance; earlier ones stand in for databases that it could not read."""
    readings = [
        s for s in night if instance in (s.manifest.reached if reached else s.manifest.unreached)
    ]
    base = readings[-1]
    places = {p.database for p in _at(base.manifest.parts, instance)}
    gaps = {m.database for m in _at(base.manifest.missing, instance)}
    source = dict.fromkeys(places | gaps, base)
    for place in gaps - {None}:
        if not _sized(base, instance, place):
            stand_in = [s for s in readings if _sized(s, instance, place)]
            source[place] = stand_in[-1] if stand_in else base
    parts = [
        p
        for place, snapshot in source.items()
        for p in _at(snapshot.manifest.parts, instance)
        if p.database == place
    ]
    missing = [
        m
        for place, snapshot in source.items()
        for m in _at(snapshot.manifest.missing, instance)
        if m.database == place
    ]
    return parts, missing


def _sized(snapshot: Snapshot, instance: str, database: str | None) -> bool:
    return any(
        p.frame == "sizes" and (p.instance, p.database) == (instance, database)
        for p in snapshot.manifest.parts
    )


def _at(things: Iterable[_Placed], instance: str) -> list[_Placed]:
    return [t for t in things if t.instance == instance]
