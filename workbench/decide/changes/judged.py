"""Verdicts and limits at two moments, held against each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count

from workbench.decide.argument import figure_of
from workbench.decide.changes.facts import Change, Uncompared, Way
from workbench.decide.changes.names import FirstNames
from workbench.decide.facts import Interval, Status
from workbench.decide.verdicts import Verdicts

_TELLING = ("crossed", "crossing")

States = tuple[str | None, str | None]


def verdict_changes(before: Verdicts, after: Verdicts, first: FirstNames) -> Iterator[Change]:
    """Yield the verdicts that are no longer the same, with the argument of today's.

    A service that has none at one end was added or removed: it is no verdict that changed.
    """
    then = {first(v.service): v for v in before.verdicts}
    for now in after.verdicts:
        was = then.get(first(now.service))
        if was is None or was.verdict == now.verdict:
            continue
        yield Change(
            "verdict",
            "changed",
            f"verdict:{first(now.service)}",
            now.service,
            now.service,
            was.verdict,
            now.verdict,
            because=now.argument,
        )


def limit_changes(
    before: Verdicts, after: Verdicts, first: FirstNames
) -> Iterator[Change | Uncompared]:
    """Yield the limits that stand otherwise, and those of which that cannot be said.

    A limit that one end does not know is a change only where the other says that it is crossed, or will be.
    """
    then, now = (_keyed(v.statuses, first) for v in (before, after))
    for key in sorted(then.keys() | now.keys()):
        was, held = then.get(key), now.get(key)
        some = held or was
        assert some is not None
        states: States = (_state(was), _state(held))
        if states[0] == states[1] != "unknown":
            continue
        if None in states:
            if any(state in _TELLING for state in states):
                way: Way = "added" if was is None else "removed"
                yield _change(key[0], some, way, states, some.because or "")
        elif "unknown" in states and not any(state in _TELLING for state in states):
            yield Uncompared("threshold", _what(some), _open(was, held))
        else:
            because = _open(was, held) if "unknown" in states else (some.because or "")
            yield _change(key[0], some, "changed", states, because)


def _keyed(statuses: Iterable[Status], first: FirstNames) -> dict[tuple[str, float, int], Status]:
    """Statuses by key and limit; two of one metric, over windows of their own, in the order in which they are written."""
    found: dict[tuple[str, float, int], Status] = {}
    for status in statuses:
        place = (status.instance, first(status.service), status.scope)
        named = "/".join(p for p in place if p is not None)
        key = f"threshold:{status.metric}:{status.kind}:{named}"
        number = next(n for n in count() if (key, status.limit, n) not in found)
        found[key, status.limit, number] = status
    return found


def _state(status: Status | None) -> str | None:
    return None if status is None else status.state


def _change(key: str, status: Status, way: Way, states: States, because: str) -> Change:
    return Change(
        "threshold",
        way,
        key,
        _what(status),
        status.service,
        before=states[0],
        after=states[1],
        because=because,
    )


def _what(status: Status) -> str:
    """The limit in words: ``total bytes of order, hard limit 500 GB``."""
    place = ", ".join(p for p in (status.service or status.instance, status.scope) if p)
    metric = status.metric.replace("_", " ")
    limit = figure_of(Interval(status.limit, status.limit), status.unit)
    return f"{metric} of {place or 'the estate'}, {status.kind} limit {limit}"


def _open(was: Status | None, held: Status | None) -> str:
    """Why a state is not known, at which end."""
    told = [
        f"{end}: {s.because or 'the reason was not recorded'}"
        for end, s in (("before", was), ("now", held))
        if s is not None and s.state == "unknown"
    ]
    if len(told) == 2 and was is not None and held is not None and was.because == held.because:
        return str(held.because)
    return "; ".join(told)
