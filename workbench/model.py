"""Frozen facts that everything exchanges. They refer to each other by name, never by object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Literal

PRIMARY = "primary"
"""How frames over all endpoints call the one that stands for the instance."""


@dataclass(frozen=True, order=True)
class Missing:
    """Something that could not be measured: what, where, why, and what would settle it.

    ``what`` is the name of a frame or figure; ``database`` is None where the whole instance is meant.
    ``endpoint`` names the replica that did not show it; None where it is of the instance itself. ``what``
    is then ``replica`` where all of it is missing, or all of its ``database``.

    >>> Missing("statements", "main", None, "extension absent", "CREATE EXTENSION pg_stat_statements").what
    'statements'
    """

    what: str
    instance: str
    database: str | None
    why: str
    remedy: str
    endpoint: str | None = None

    @property
    def sort_key(self) -> tuple[str, str, str, str]:
        """Order by place, then by what is missing."""
        return (self.instance, self.endpoint or "", self.database or "", self.what)

    @property
    def place(self) -> str:
        """Where it is missing: see ``place_of``."""
        return place_of(self.instance, self.database, self.endpoint)


def place_of(instance: str, database: str | None, endpoint: str | None = None) -> str:
    """Name a place as messages do.

    >>> place_of("main", None), place_of("main", "shop", "replica-1")
    ('main', 'main/shop on replica-1')
    """
    place = f"{instance}/{database}" if database else instance
    return f"{place} on {endpoint}" if endpoint else place


BreakKind = Literal[
    "failover",
    "restore",
    "upgrade",
    "replaced",
    "role",
    "crash",
    "reset",
    "recreated",
    "statements",
]


@dataclass(frozen=True)
class EpochBreak:
    """A moment after which counters are not comparable with those before; sizes go on.

    ``at`` is the date of the first snapshot after it. ``kind`` is ``failover``, ``restore``,
    ``upgrade``, ``replaced`` or ``role`` where another server or state answers, ``crash`` where a
    restart lost the counters, ``reset`` and ``recreated`` of one ``database``, and ``statements`` where
    pg_stat_statements was reset. ``adopted`` says who joined the two sides and why: then it cuts nothing.
    ``endpoint`` names the replica whose counters broke; None: those of the instance itself.
    """

    instance: str
    at: datetime
    why: str
    kind: BreakKind = "replaced"
    database: str | None = None
    adopted: str | None = None
    endpoint: str | None = None

    @property
    def place(self) -> str:
        """Whose counters broke: see ``place_of``."""
        return place_of(self.instance, self.database, self.endpoint)


@dataclass(frozen=True)
class Coverage:
    """What an answer rests on, and what it could not see. Heads every document and page.

    ``since`` and ``until`` bound the snapshots used (equal for a single one); ``statistics_since`` gives,
    per instance, when its counters were last reset (None: unknown); ``evictions`` how many statements
    pg_stat_statements has dropped since then (None: unknown).
    """

    estate: str
    estate_digest: str
    since: datetime | None
    until: datetime | None
    snapshots: int
    simulated: bool
    reached: tuple[str, ...] = ()
    unreached: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()
    epoch_breaks: tuple[EpochBreak, ...] = ()
    statistics_since: Mapping[str, datetime | None] = field(default_factory=dict)
    evictions: Mapping[str, int | None] = field(default_factory=dict)

    @property
    def partial(self) -> bool:
        """Whether an instance, a replica or a whole database of the estate could not be read."""
        whole = ("instance", "database", "replica")
        return bool(self.unreached) or any(m.what in whole for m in self.missing)

    @property
    def days(self) -> float:
        """Length of the period in days; 0.0 for a single snapshot."""
        if self.since is None or self.until is None:
            return 0.0
        return (self.until - self.since).total_seconds() / 86400

    def to_json(self) -> dict[str, object]:
        """Return the ``coverage`` object of every JSON document (sorted, without a clock)."""

        def when(moment: datetime | None) -> str | None:
            return None if moment is None else moment.isoformat()

        return {
            "estate": self.estate,
            "estate_digest": self.estate_digest,
            "period": {
                "since": when(self.since),
                "until": when(self.until),
                "snapshots": self.snapshots,
            },
            "simulated": self.simulated,
            "status": "partial" if self.partial else "complete",
            "instances": {"reached": list(self.reached), "unreached": list(self.unreached)},
            "statistics_since": {k: when(v) for k, v in sorted(self.statistics_since.items())},
            "evictions": dict(sorted(self.evictions.items())),
            "epoch_breaks": [asdict(b) | {"at": when(b.at)} for b in self.epoch_breaks],
            "missing": [asdict(m) for m in sorted(self.missing, key=lambda m: m.sort_key)],
        }


Level = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Finding:
    """One thing that a rule saw. ``key`` is built from rule and subject, so that it outlives upgrades.

    >>> Finding("no-statements", "error", "main", "absent", "CREATE EXTENSION ...").key
    'no-statements:main'
    """

    rule: str
    level: Level
    subject: str
    detail: str
    remediation: str
    evidence: str = ""

    @property
    def key(self) -> str:
        """The name by which a finding is exempted, compared and cited."""
        return f"{self.rule}:{self.subject}"

    def to_json(self) -> dict[str, str]:
        """Return the finding as every document holds it."""
        return asdict(self) | {"key": self.key}
