"""The next moves: by the days that they gain for their instances, for each person-day of their effort."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations
from math import comb

from workbench.decide.facts import Interval, Move, Status
from workbench.decide.runway import NEVER, Runway
from workbench.decide.whatif import Moves
from workbench.snapshot import records

OWN_INSTANCE = "own instance"

EXHAUSTIVE = 15
"""Up to so many candidates every set of next moves is weighed; above, one move after the other."""

_MOST_SETS = 2_000
"""Of so many sets at most: the next three of fifteen are 455, and each is a trend of what stays."""

_LEAST_EFFORT = 0.1
"""What takes no time takes so many person-days: gains are divided by it."""

_First = dict[str, tuple[Interval | None, str]]
"""Per instance, the days until its first hard limit, and which that is."""


def next_moves(moves: Moves, count: int = 3, limits: Iterable[Status] = ()) -> tuple[Move, ...]:
    """Return the next ``count`` moves, one after the other.

    Of all sets of so many services that one is taken which gains most days for its effort in all: two can gain
    together what neither gains alone. With more than ``EXHAUSTIVE`` candidates each next move is the one that gains
    most for itself. In either case a move's gain is the days that its instance's first hard limit is put off by, from
    the earliest to the latest, after the moves before it; its effort that of what it breaks and earlier moves have
    not cured. ``limits`` are how all limits stand: those of an instance's sessions, CPU, connections and WAL count besides
    storage and what services were given. Left out: external services, services without data, and a service that
    has its instance to itself. Where no days can be told, or gains are alike, the least effort comes first, then the name.

    >>> from workbench import load_history
    >>> from workbench.share import reference_estate
    >>> moves = Moves.of(load_history(reference_estate("hauspet") / "history"))
    >>> [move.service for move in next_moves(moves, 1)]
    ['eventstore']
    """
    runway = Runway(moves.estate, moves.capacity, tuple(limits), moves.resources)
    homes = _homes(moves)
    chosen = _best_set(moves, runway, homes, count)
    return _with_what_follows(_one_by_one(moves, runway, homes, count, chosen))


def _one_by_one(
    moves: Moves,
    runway: Runway,
    homes: dict[str, list[str]],
    count: int,
    chosen: frozenset[str] | None,
) -> tuple[Move, ...]:
    """Take the best of ``chosen`` (None: of all) first, and weigh the rest anew after each."""
    found: list[Move] = []
    gone: list[str] = []
    while len(found) < count:
        left = {s: where for s, where in homes.items() if s not in gone}
        shared = Counter(instance for where in left.values() for instance in where)
        first: _First = {i: runway.of(i, gone) for i in shared}
        weighed = [
            _weighed(moves, runway, service, where, gone, first)
            for service, where in left.items()
            if any(shared[i] > 1 for i in where) and (chosen is None or service in chosen)
        ]
        if not weighed:
            break
        best = min(weighed, key=_rank)
        found.append(best)
        gone.append(best.service)
    return tuple(found)


def _with_what_follows(found: Sequence[Move]) -> tuple[Move, ...]:
    """Say of a move that gains nothing by itself what it is the first step to."""
    told = []
    for number, move in enumerate(found):
        later = [m for m in found[number + 1 :] if m.gain_days is not None and m.gain_days.high > 0]
        if later and move.gain_days is not None and move.gain_days.high <= 0:
            why = f"{move.because}; without it {later[0].service} would gain none either"
            told.append(replace(move, because=why))
        else:
            told.append(move)
    return tuple(told)


def _best_set(
    moves: Moves, runway: Runway, homes: dict[str, list[str]], count: int
) -> frozenset[str] | None:
    """The services whose moves gain most days for their effort in all; None where there are too many to weigh."""
    shared = Counter(instance for where in homes.values() for instance in where)
    names = sorted(s for s, where in homes.items() if any(shared[i] > 1 for i in where))
    if len(names) > EXHAUSTIVE:
        return None
    for size in range(min(count, len(names)), 0, -1):
        if comb(len(names), size) > _MOST_SETS:
            return None
        sets = [s for s in combinations(names, size) if _may_all_leave(s, homes, shared)]
        if sets:
            before: _First = {i: runway.of(i) for i in shared}
            ranked = ((_rank_of(moves, runway, homes, one, before), one) for one in sets)
            return frozenset(min(ranked)[1])
    return frozenset()


def _may_all_leave(
    services: Sequence[str], homes: dict[str, list[str]], shared: Counter[str]
) -> bool:
    """Whether each of a set leaves others behind when its turn comes."""
    left = Counter(shared)
    waiting = list(services)
    while waiting:
        able = [s for s in waiting if any(left[i] > 1 for i in homes[s])]
        if not able:
            return False
        left.subtract(homes[able[0]])
        waiting.remove(able[0])
    return True


def _rank_of(
    moves: Moves,
    runway: Runway,
    homes: dict[str, list[str]],
    services: Sequence[str],
    first: _First,
) -> tuple[float, float, tuple[str, ...]]:
    gained = 0.0
    for instance in {i for s in services for i in homes[s]}:
        days, _ = _gain(instance, first[instance], runway.of(instance, services))
        gained += 0.0 if days is None else days.middle
    effort = moves.days_apart(services).middle
    return -gained / max(effort, _LEAST_EFFORT), effort, tuple(services)


def _homes(moves: Moves) -> dict[str, list[str]]:
    """The services that have data somewhere, by name, and the instances that hold it."""
    external = {s.name for s in moves.estate.services if s.external}
    held = moves.capacity.services
    held = held[(held["total_bytes"].fillna(0) > 0) & held["service"].notna()]
    found: dict[str, list[str]] = {}
    for row in records(held.sort_values(["service", "instance"])):
        if row["service"] not in external:
            found.setdefault(row["service"], []).append(row["instance"])
    return found


def _weighed(
    moves: Moves, runway: Runway, service: str, homes: list[str], gone: list[str], first: _First
) -> Move:
    effort = moves.days_of([service], gone)
    gains: list[tuple[Interval | None, str]] = [
        _gain(instance, first[instance], runway.of(instance, [*gone, service]))
        for instance in homes
    ]
    gain, why = max(gains, key=lambda g: (g[0] is not None, g[0] or Interval(0, 0)))
    again = " after that" if gone else ""
    work = f"{effort.low:g} to {effort.high:g} person-days{again}"
    return Move(service, gain, effort, OWN_INSTANCE, f"{why}; {work}")


def _gain(
    instance: str, now: tuple[Interval | None, str], moved: tuple[Interval | None, str]
) -> tuple[Interval | None, str]:
    (before, first), (after, then) = now, moved
    if before is None or after is None:
        why = first if before is None else then
        return None, f"the days it gains for {instance} are not known: {why}"
    # the same future with and without it: ends belong together
    ends = sorted((after.low - before.low, after.high - before.high))
    gain = Interval(*(max(e, 0.0) for e in ends))
    if gain.high <= 0:
        if before.low >= NEVER:
            return gain, f"{instance} reaches no limit within ten years, with it or without it"
        return gain, f"it gains {instance} no days: {then} comes as early without it"
    days = f"{gain.low:,.0f}" if gain.low == gain.high else f"{gain.low:,.0f} to {gain.high:,.0f}"
    days = f"{days} days" if gain.high < NEVER else "ten years or more"
    if after.low >= NEVER:
        later = "without it no limit is reached within ten years"
    else:
        later = "it comes later then" if then == first else f"then {then}"
    return gain, f"it gains {instance} {days}: the first limit is {first}; {later}"


def _rank(move: Move) -> tuple[float, float, str]:
    gain = -1.0 if move.gain_days is None else move.gain_days.middle
    effort = max(move.effort.middle, _LEAST_EFFORT)
    return -gain / effort if gain > 0 else -gain, effort, move.service
