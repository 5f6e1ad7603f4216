"""``--check``: what makes a scheduled run fail, and what a person does about each.

Red are a new crossing, a new reference across services, a limit newly crossed, and a target not read in time. Each
stays red until it is accepted by a baseline, exempted, or gone. An exemption that has expired makes it red again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Literal, NamedTuple

from workbench.decide.exemptions import Exempted, exempted, exemption_row
from workbench.decide.seen import Keyed, Seen, never_seen
from workbench.estate import Exemption

Word = Literal["crossing", "reference", "threshold", "finding"]

_WRONG: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "crossing": ("it crosses and was never seen before", "take it out"),
        "reference": (
            "it leaves its service and was never seen before",
            "take it out, or where it is none reject it in references.toml",
        ),
        "threshold": ("a limit is newly crossed", "raise the limit, make room"),
        "finding": ("it was never seen before", "mend it"),
    }
)
"""Of each word what is wrong with a thing that is new, and what takes it away."""
_COLLECT = "`workbench collect` says what keeps it from being read"


@dataclass(frozen=True)
class Alert:
    """One thing that fails a check: what it is about, what is wrong, and the next step."""

    kind: Word | Literal["stale"]
    subject: str
    wrong: str
    next: str
    key: str | None = None
    exemption: str | None = None
    """the rows of ``exemptions.toml`` that accept it"""
    example: str | None = None
    """the SQL of a statement"""

    def __str__(self) -> str:
        return f"{self.subject}: {self.wrong}; {self.next}"

    def to_json(self) -> dict[str, object]:
        """Return the alert as documents hold it."""
        return dict(vars(self))


@dataclass(frozen=True)
class Check:
    """What a check found, against everything seen up to ``since`` (None: there is nothing to compare with).

    Only ``alerts`` fail it. ``quiet`` is new and no longer seen by the last reading; ``unjudged`` are of
    sources that were not read up to then, so that nobody can say whether they are new.
    """

    baseline: str | None
    since: datetime | None
    today: date
    alerts: tuple[Alert, ...]
    exempted: Exempted
    quiet: tuple[Keyed, ...] = ()
    unjudged: tuple[Keyed, ...] = ()

    @property
    def exit_code(self) -> int:
        """1 where something fails it."""
        return 1 if self.alerts else 0

    @property
    def compared(self) -> str:
        """What was compared with, in words."""
        if self.since is None:
            return "there is one reading alone: nothing can be new yet"
        day = f"{self.since:%Y-%m-%d %H:%M} UTC"
        if self.baseline is not None:
            return f"compared with the baseline {self.baseline} of {day} and all before it"
        return (
            f"compared with the first reading, of {day}: no baseline is tagged; "
            "`workbench history tag NAME` accepts what is there now"
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What fails nothing and a person should know, a line each."""
        until = {t.key: e for t, e in self.exempted.in_force}
        found = [f"exempted until {e.expires} by {e.owner}: {k}" for k, e in sorted(until.items())]
        found += [f"new, and not seen again since: {t.what} ({t.key})" for t in self.quiet]
        if self.unjudged:
            scopes = ", ".join(sorted({s for t in self.unjudged for s in t.scopes}))
            found.append(
                f"{len(self.unjudged)} of what is there may be new or old: {scopes} was not read up to the baseline; "
                "`workbench history tag NAME` begins to watch it"
            )
        return (*found, *map(str, self.exempted.unused))

    def to_json(self) -> dict[str, object]:
        """Return the check as documents hold it."""
        return {
            "baseline": self.baseline,
            "since": None if self.since is None else self.since.isoformat(),
            "today": self.today.isoformat(),
            "compared": self.compared,
            "alerts": [a.to_json() for a in self.alerts],
            "exempted": [
                {"key": t.key, "owner": e.owner, "expires": e.expires.isoformat()}
                for t, e in self.exempted.in_force
            ],
            "expired": [t.key for t, _ in self.exempted.expired],
            "unused": [
                {"key": u.exemption.key, "nearest": u.nearest} for u in self.exempted.unused
            ],
            "quiet": [t.key for t in self.quiet],
            "unjudged": [t.key for t in self.unjudged],
        }


class Batch(NamedTuple):
    """What is there of one sort, and what was seen of it before, asked one by one (None: nothing can be new).

    ``kinds`` are what keys of the sort begin with: an exemption of such a key that meets nothing is unused.
    """

    word: Word
    kinds: tuple[str, ...]
    things: Sequence[Keyed]
    past: Iterable[Seen] | None


def check(
    batches: Iterable[Batch],
    *,
    today: date,
    exemptions: Iterable[Exemption] = (),
    stale: Iterable[str] = (),
    since: datetime | None = None,
    baseline: str | None = None,
) -> Check:
    """Hold what is there against what was seen up to ``since``, and what was accepted. Pure.

    What tells itself that it has been there since a day before that of ``since`` is old. ``stale`` are lines of
    ``source.stale``.

    >>> now = [Keyed("grant:read:shop", "grant", "shop may read auth.users", "shop")]
    >>> check([Batch("crossing", ("grant",), now, [Seen()])], today=date(2026, 3, 1)).exit_code
    1
    >>> check([Batch("crossing", ("grant",), now, [Seen.of(now)])], today=date(2026, 3, 1)).exit_code
    0
    """
    held = [(batch, _unseen(batch, since)) for batch in batches]
    everything = [(batch.word, t) for batch, _ in held for t in batch.things]
    kinds = [kind for batch, _ in held for kind in batch.kinds]
    accepted = exempted(exemptions, [t for _, t in everything], today, kinds)
    in_force = {t.key for t, _ in accepted.in_force}
    expired = {t.key: e for t, e in accepted.expired}
    red = {t.key for _, (new, _) in held for t in new} - in_force | expired.keys()
    alerts = [
        _alert(word, thing, expired.get(thing.key), today)
        for word, thing in everything
        if thing.key in red and not thing.quiet
    ]
    alerts += [Alert("stale", *_parted(line), _COLLECT) for line in stale]
    known = in_force | expired.keys()
    return Check(
        baseline,
        since,
        today,
        tuple(alerts),
        accepted,
        tuple(t for _, t in everything if t.key in red and t.quiet),
        tuple(t for _, (_, unjudged) in held for t in unjudged if t.key not in known),
    )


def _unseen(batch: Batch, since: datetime | None) -> tuple[Iterable[Keyed], Iterable[Keyed]]:
    """What is new of a batch, and of what nobody can say."""
    if batch.past is None:
        return (), ()
    old = {t.key for t in batch.things if since and t.since and t.since < since.date()}
    return never_seen([t for t in batch.things if t.key not in old], batch.past)


def _parted(line: str) -> tuple[str, str]:
    subject, _, wrong = line.partition(": ")
    return subject, wrong


def _alert(word: Word, thing: Keyed, expired: Exemption | None, today: date) -> Alert:
    wrong, step = _WRONG[word]
    # a limit and a finding say what is wrong themselves, after their subject
    placed = word in ("threshold", "finding")
    subject, _, rest = thing.what.partition(": ") if placed else (thing.what, "", "")
    if expired is not None:
        wrong = f"the exemption by {expired.owner} ({expired.reason}) ended on {expired.expires}"
        step = f"{step}, or give the exemption a later day"
    else:
        step = f"{step}, or accept it: an exemption, or a baseline by `workbench history tag NAME`"
    return Alert(
        word,
        subject,
        f"{wrong}: {rest}" if rest else wrong,
        step,
        thing.key,
        None if expired is not None else exemption_row(thing.key, today),
        thing.example,
    )
