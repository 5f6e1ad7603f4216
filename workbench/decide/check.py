"""``--check``: what makes a scheduled run fail, and what a person does about each.

Red are a new crossing, a limit newly crossed, and a target not read in time; never a convention. A crossing stays
red until it is accepted by a baseline, exempted, or gone. An exemption that has expired makes it red again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from typing import Literal

from workbench.analyse.workload import Workload
from workbench.decide.crossed import crossings_now, earlier, readings, seen_in
from workbench.decide.decisions import figure
from workbench.decide.exemptions import Exempted, exempted, exemption_row
from workbench.decide.facts import Status
from workbench.decide.seen import Keyed, Seen, never_seen
from workbench.estate import Exemption
from workbench.snapshot import History, Snapshot, Tag, find_tag, load_tags

CROSSINGS = ("statement", "transaction", "grant")
_COLLECT = "`workbench collect` says what keeps it from being read"


@dataclass(frozen=True)
class Alert:
    """One thing that fails a check: what it is about, what is wrong, and the next step."""

    kind: Literal["crossing", "threshold", "stale"]
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

    Only ``alerts`` fail it. ``quiet`` are new crossings that the last reading no longer saw; ``unjudged`` are of
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
            scopes = ", ".join(sorted({t.scope for t in self.unjudged if t.scope}))
            found.append(
                f"{len(self.unjudged)} crossings may be new or old: {scopes} was not read up to the baseline; "
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


def check(
    things: Sequence[Keyed],
    past: Iterable[Seen] | None,
    *,
    today: date,
    exemptions: Iterable[Exemption] = (),
    statuses: Iterable[Status] = (),
    stale: Iterable[str] = (),
    since: datetime | None = None,
    baseline: str | None = None,
    kinds: Iterable[str] = CROSSINGS,
) -> Check:
    """Hold what is there against what was seen and what was accepted.

    ``things`` are what may be new; ``past`` is what was seen up to ``since``, asked one by one (None: nothing
    can be new). Of ``statuses`` the hard limits count that are crossed, and have been since a day after
    ``since``. ``stale`` are lines of ``source.stale``. ``kinds`` are the kinds of ``things`` that were looked
    for: see ``exempted``.

    >>> now = [Keyed("grant:read:shop", "grant", "shop may read auth.users", "shop")]
    >>> check(now, [Seen()], today=date(2026, 3, 1)).exit_code
    1
    >>> check(now, [Seen.of(now)], today=date(2026, 3, 1)).exit_code
    0
    """
    crossed = [s for s in statuses if s.state == "crossed" and s.kind == "hard"]
    limits = [_limit(s) for s in crossed]
    lately = {s.key for s in crossed if not (since and s.since and s.since <= since.date())}
    everything = [*things, *limits]
    accepted = exempted(exemptions, everything, today, [*kinds, *(["threshold"] if limits else [])])
    judged = [*things, *(t for t in limits if t.key in lately)]
    new, unjudged = never_seen(judged, past) if past is not None else ((), ())
    in_force = {t.key for t, _ in accepted.in_force}
    expired = {t.key: e for t, e in accepted.expired}
    red = {t.key for t in new} - in_force | expired.keys()
    alerts = [
        _alert(thing, expired.get(thing.key), today)
        for thing in everything
        if thing.key in red and not thing.quiet
    ]
    alerts += [Alert("stale", *_parted(line), _COLLECT) for line in stale]
    return Check(
        baseline,
        since,
        today,
        tuple(alerts),
        accepted,
        tuple(t for t in everything if t.key in red and t.quiet),
        tuple(t for t in unjudged if t.key not in in_force and t.key not in expired),
    )


def _parted(line: str) -> tuple[str, str]:
    subject, _, wrong = line.partition(": ")
    return subject, wrong


def _limit(status: Status) -> Keyed:
    place = [p for p in (status.instance, status.service, status.scope) if p is not None]
    value = "" if status.value is None else f" at {figure(status.value.low)}"
    what = (
        f"{'/'.join(place)}: {status.metric} is beyond {figure(status.limit)} {status.unit}{value}"
    )
    return Keyed(status.key, "threshold", what, status.service)


def _alert(thing: Keyed, expired: Exemption | None, today: date) -> Alert:
    limit = thing.kind == "threshold"
    wrong = "a hard limit is newly crossed" if limit else "it crosses and was never seen before"
    step = "raise the limit, make room" if limit else "take it out"
    subject, _, rest = thing.what.partition(": ") if limit else (thing.what, "", "")
    if rest:
        wrong = f"{wrong}: {rest}"
    if expired is not None:
        wrong = f"the exemption by {expired.owner} ({expired.reason}) ended on {expired.expires}"
        return Alert(
            "threshold" if limit else "crossing",
            subject,
            wrong,
            f"{step}, or give the exemption a later day",
            thing.key,
            example=thing.example,
        )
    return Alert(
        "threshold" if limit else "crossing",
        subject,
        wrong,
        f"{step}, or accept it: an exemption, or a baseline by `workbench history tag NAME`",
        thing.key,
        exemption_row(thing.key, today),
        thing.example,
    )


def check_workload(
    found: Workload,
    whole: History,
    *,
    baseline: str | None = None,
    statuses: Iterable[Status] = (),
    stale: Iterable[str] = (),
) -> Check:
    """Check what crosses in a workload against all that its history saw.

    ``whole`` is the history from its first reading to the end of the workload's window. Compared is with
    ``baseline``, else with the newest one, else with the first reading. Today is the newest reading's date.
    UsageError where there is no baseline of that name.
    """
    held = readings(whole)
    newest = whole.newest
    tagged = _baseline(whole, baseline)
    since = tagged.at if tagged else held[0].at if len(held) > 1 else None
    past = None
    if since is not None:
        kept = [Seen.from_json(tagged.seen)] if tagged else []
        past = chain(kept, earlier(whole, since))
    return check(
        crossings_now(found),
        past,
        today=newest.at.date(),
        exemptions=newest.settled.exemptions,
        statuses=statuses,
        stale=stale,
        since=since,
        baseline=tagged.name if tagged else None,
    )


def _baseline(history: History, name: str | None) -> Tag | None:
    """The baseline of that name, else the newest one that is not after the history's end."""
    if history.folder is None:
        return None
    if name is not None:
        return find_tag(history.folder, name)
    end = history.collected[-1].at
    return max(
        (t for t in load_tags(history.folder) if t.at <= end),
        key=lambda t: (t.at, t.name),
        default=None,
    )


def accept(history: History, snapshot: Snapshot) -> Seen:
    """Return what a baseline at ``snapshot`` accepts: all that was seen up to it, those baselines' before it too."""
    up_to = history.between(until=snapshot.at)
    seen = seen_in(up_to) if readings(up_to) else Seen()
    for tagged in load_tags(history.folder) if history.folder is not None else ():
        if tagged.at <= snapshot.at:
            seen |= Seen.from_json(tagged.seen)
    return seen
