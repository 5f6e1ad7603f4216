"""Which verdict follows from what is known of one service: asked at both ends of every interval, withheld where they differ.

Nothing is weighted and summed. First comes whether anything is a reason to act; then whether it can be cured where it
stands; then what is in the way of a move.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Literal

from workbench.decide.facts import Break, Interval, Judgement, Press, Resource, Status
from workbench.estate import METRICS

SOON_DAYS = 365
"""A limit that is reached within so many days is a reason to act now. The project's own."""

RELIEF = 0.10
"""A move that takes less than this share of a resource does not relieve it. The project's own."""

CONCENTRATED = 0.80
"""Where five statements take more than this share of a service's time, tuning them comes first. The project's own."""

RESOURCE_OF: Mapping[str, str] = MappingProxyType(
    {
        "storage_used": "storage",
        "total_bytes": "storage",
        "bytes_per_day": "storage",
        "cpu": "active sessions",
        "load": "active sessions",
        "active_sessions": "active sessions",
        "connections": "connections",
        "declared_pools": "connections",
        "wal_per_day": "WAL",
        "throughput": "WAL",
    }
)
"""Of which resource a limit of a whole instance is, so that a service's share of it can be told."""

UPKEEP = frozenset(
    {
        *("transaction_age", "multixact_age", "vacuum_due", "dead_share", "vacuum_time"),
        *("requested_checkpoints", "archive_failures", "key_used", "slot_wal", "deadlocks_per_day"),
    }
)
"""Metrics that vacuum, a setting or a wider key cures where the data stands: a move would take them along."""

_ANYBODYS = "statements that may be its own or another's: a role for each service tells"
_UNSIZED = "the sizes or the growth of others beside it are not all known: `workbench capacity` says of which, and why"
_DOUBT: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(
        ("storage_used", "total_bytes", "bytes_per_day", "rows", "rows_per_day"), _UNSIZED
    )
)
"""Why a share of something is an interval; of all that statements do, it is that others may have run them."""

End = Literal["low", "high"]


@dataclass(frozen=True)
class Known:
    """What the verdict on one service rests on.

    ``own`` are the limits written for it, ``shared`` those of its instances; ``blockers`` what breaks when it
    moves. ``blind`` says why what breaks is not known (None: it is). ``top_five`` is the share of its statements'
    time that five take, ``curable`` whether removing its bloat takes storage off its limit for ``SOON_DAYS``.
    """

    today: date
    own: tuple[Status, ...] = ()
    shared: tuple[Status, ...] = ()
    resources: tuple[Resource, ...] = ()
    blockers: tuple[Break, ...] = ()
    blind: str | None = None
    top_five: float | None = None
    curable: bool = False
    presses: Mapping[str, Press] = field(default_factory=dict)
    """how it presses on the limits that it shares: by key"""
    unread: str | None = None
    """why nothing of the service was read (None: it was)"""
    unseen: tuple[str, ...] = ()
    """kinds of break that cannot all be told, each with why: where nothing else is in the way, one may be"""


@dataclass(frozen=True)
class Judged:
    """A verdict, the reasons for it (those of the upper end where it is withheld), and what would settle it."""

    verdict: Judgement
    reasons: tuple[Status, ...]
    open: tuple[str, ...] = ()
    certain: tuple[Status, ...] = ()
    """the reasons that hold at both ends, where it is withheld"""


def judge(known: Known) -> Judged:
    """Return the verdict: that of both ends of every interval, ``insufficient evidence`` where they differ.

    >>> judge(Known(date(2026, 3, 15))).verdict
    'not needed'
    >>> judge(Known(date(2026, 3, 15), unread="main was not reached")).verdict
    'insufficient evidence'
    """
    if known.unread is not None:
        return Judged("insufficient evidence", (), (known.unread,))
    (low, least), (high, most) = _at(known, "low"), _at(known, "high")
    if low == high:
        return Judged(low, least or most)
    opened = tuple(dict.fromkeys(_open(known, least, most)))
    return Judged("insufficient evidence", most, opened, least)


def days_until(status: Status, today: date) -> int | None:
    """Return in how many days a limit is reached: 0 where it is crossed, None where no day is foretold."""
    if status.state == "crossed":
        return 0
    return None if status.crosses_on is None else max((status.crosses_on - today).days, 0)


def concerning(status: Status) -> bool:
    """Whether a limit may be a reason at all: not one by which an instance is too large for what it does."""
    return status.kind != "low" or METRICS[status.metric].good == "high"


def resource_of(status: Status, resources: Iterable[Resource]) -> Resource | None:
    """Return the resource that a limit of an instance is of."""
    name = RESOURCE_OF.get(status.metric)
    return next((r for r in resources if (r.name, r.instance) == (name, status.instance)), None)


def _at(known: Known, end: End) -> tuple[Judgement, tuple[Status, ...]]:
    reasons = tuple(_reasons(known, end))
    if not reasons:
        return "not needed", ()
    if all(_in_place(known, s) for s in reasons):
        return "fix in place", reasons
    if any(b.remedy is None for b in known.blockers):
        return "blocked", reasons
    hidden = known.blind is not None or bool(known.unseen)
    if known.blockers or (hidden and end == "high"):
        return "decouple first", reasons
    return "ready", reasons


def _reasons(known: Known, end: End) -> Iterator[Status]:
    for status in known.own:
        if concerning(status) and reached(status, known.today, end):
            yield status
    for status in known.shared:
        helped = status.metric in UPKEEP or _relieved(known, status, end)
        if helped and concerning(status) and reached(status, known.today, end):
            yield status


def reached(status: Status, today: date, end: End) -> bool:
    """Return whether a limit is crossed, or will be soon, at one end. A limit of the project's own counts where it is hard."""
    if not status.declared and status.kind == "soft":
        return False
    days = days_until(status, today)
    if days is not None and (days == 0 or status.kind == "hard") and days <= SOON_DAYS:
        return True
    if status.state != "unknown" or (status.metric in UPKEEP and not status.declared):
        return False
    if status.value is None:
        return end == "high"
    if status.kind == "low":
        return (status.value.high if end == "low" else status.value.low) < status.limit
    return (status.value.low if end == "low" else status.value.high) > status.limit


def _relieved(known: Known, status: Status, end: End) -> bool:
    """Whether a shared limit concerns the service: its leaving relieves what is limited, or it presses on it most."""
    press = known.presses.get(status.key)
    if press is not None and press.first:
        return True
    share = share_of_limit(known, status)
    if share is None:
        return end == "high"
    return (share.low if end == "low" else share.high) >= RELIEF


def share_of_limit(known: Known, status: Status) -> Interval | None:
    """Return the service's part of what a shared limit is of; None where that is not known."""
    press = known.presses.get(status.key)
    if press is not None:
        return press.share
    resource = resource_of(status, known.resources)
    return None if resource is None else resource.share


def _in_place(known: Known, status: Status) -> bool:
    if status.metric in UPKEEP:
        return True
    if status in known.own:
        return False
    name = RESOURCE_OF.get(status.metric)
    if name == "storage":
        return known.curable
    return name == "active sessions" and (known.top_five or 0.0) > CONCENTRATED


def _open(known: Known, least: tuple[Status, ...], most: tuple[Status, ...]) -> Iterator[str]:
    """What would settle a verdict that differs between the ends."""
    if least and known.blind is not None:
        yield f"what breaks: {known.blind}"
    if least and not known.blockers:
        yield from known.unseen
    for status in most:
        if status in least:
            continue
        name = _limit_name(status)
        if status.state == "unknown":
            yield f"{name}: {status.because or 'it may be crossed or not'}"
        elif status in known.shared:
            resource = resource_of(status, known.resources)
            press = known.presses.get(status.key)
            why = (resource and resource.because) or (
                _DOUBT.get(status.metric, _ANYBODYS)
                if share_of_limit(known, status)
                else f"whose it is, is not told by what was read; {name} is reached"
            )
            of = resource.name if resource else (press and press.of) or status.metric
            yield f"its share of {of}: {why}"


def _limit_name(status: Status) -> str:
    return f"{status.metric} of {status.service or status.instance or 'the estate'}"
