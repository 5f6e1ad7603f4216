"""Frozen facts that everything exchanges. They refer to each other by name, never by object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

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


def join_name(parts: Iterable[str]) -> str:
    """Write a dotted name; a part that holds a dot, or begins with a quote, stands in double quotes.

    >>> join_name(["a.b", 'say "hi"'])
    '"a.b".say "hi"'
    """

    def part(name: str) -> str:
        plain = name and "." not in name and not name.startswith('"')
        return name if plain else '"' + name.replace('"', '""') + '"'

    return ".".join(part(name) for name in parts)


Shape = Literal["plain", "self", "composite", "array", "polymorphic", "shared_key", "natural_key"]

ReferenceKind = Literal[
    "foreign_key",
    "declared",
    "join",
    "inferred",
    "view",
    "function",
    "trigger",
    "type",
    "sequence",
    "inheritance",
    "foreign_table",
    "publication",
]
"""What one object depends on another by; the first four are of columns, the strongest first."""

COLUMN_KINDS = frozenset({"foreign_key", "declared", "join", "inferred"})


@dataclass(frozen=True)
class ReferenceEnd:
    """One end of a reference: columns of a relation, a relation, or another object.

    ``object`` names what is no relation, or stands on one: a function with its arguments, a type, a trigger.
    ``object_kind`` says what it is, of a relation ``table``, ``view`` and so on. Only ``service`` is known of
    an external one, or where a map names no table; it is None where nobody owns the object.
    """

    service: str | None
    instance: str | None = None
    database: str | None = None
    schema: str | None = None
    table: str | None = None
    columns: tuple[str, ...] = ()
    object: str | None = None
    object_kind: str | None = None

    @property
    def relation(self) -> str:
        """``schema.table`` or ``schema.object``; the service where no more is known.

        >>> ReferenceEnd("auth", "main", "auth_db", "public", "users", ("id",)).relation
        'public.users'
        """
        named = [p for p in (self.schema, self.table or self.object) if p is not None]
        return join_name(named) if named else self.service or "?"

    @property
    def path(self) -> str:
        """Where it is, down to the columns: what keys are made of. No oid and no service is in it.

        >>> ReferenceEnd("auth", "main", "auth_db", "public", "users", ("id",)).path
        'main/auth_db/public.users(id)'
        """
        if self.database is None:
            return self.relation
        place = "/".join(p for p in (self.instance, self.database) if p is not None)
        on = f"#{self.object}" if self.table and self.object else ""
        columns = f"({','.join(self.columns)})" if self.columns else ""
        return f"{place}/{self.relation}{columns}{on}"

    def to_json(self) -> dict[str, Any]:
        """Return the end as documents hold it."""
        return asdict(self) | {"columns": list(self.columns)}


@dataclass(frozen=True)
class Candidate:
    """What an unresolved reference may refer to, and how likely."""

    target: ReferenceEnd
    confidence: float

    def to_json(self) -> dict[str, object]:
        """Return the candidate as documents hold it."""
        return {**self.target.to_json(), "confidence": round(self.confidence, 3)}


@dataclass(frozen=True)
class Reference:
    """One object's dependence on another.

    ``target`` is None where the reference is ``unresolved``: then ``candidates`` are what it may be, the
    best first. ``confidence`` is the share of such references that are right (1.0: a catalogue says so, or
    a person). ``crosses`` where both ends have a service, and not the same. ``evidence`` says in one line
    each what it rests on. ``calls`` counts the statements that were seen to join it (None: not looked, or
    none seen). ``group`` is ``audit`` for columns that tell who changed a row.
    """

    source: ReferenceEnd
    target: ReferenceEnd | None
    kind: ReferenceKind
    shape: Shape = "plain"
    group: Literal["audit"] | None = None
    status: Literal["accepted", "unresolved", "rejected"] = "accepted"
    confidence: float = 1.0
    evidence: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    calls: int | None = None

    @property
    def crosses(self) -> bool:
        """Whether it leaves its service; unresolved, whether it does so whichever candidate is meant."""
        ends = [self.target] if self.target else [c.target for c in self.candidates]
        mine = self.source.service
        return bool(ends) and mine is not None and all(e.service not in (None, mine) for e in ends)

    @property
    def key(self) -> str:
        """The name by which it is exempted and compared: it outlives upgrades, renamed services and new foreign keys."""
        what = "reference" if self.kind in COLUMN_KINDS else self.kind
        return f"{what}:{self.source.path}->{self.target.path if self.target else '?'}"

    def to_json(self) -> dict[str, object]:
        """Return the reference as documents hold it: ``candidates`` in place of ``to`` where unresolved."""
        return {
            "from": self.source.to_json(),
            **(
                {"candidates": [c.to_json() for c in self.candidates]}
                if self.target is None
                else {"to": self.target.to_json()}
            ),
            "kind": self.kind,
            "shape": self.shape,
            "group": self.group,
            "status": self.status,
            "confidence": round(self.confidence, 3),
            "crosses": self.crosses,
            "calls": self.calls,
            "evidence": list(self.evidence),
            "key": self.key,
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
