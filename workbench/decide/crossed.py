"""Crossings as things that may be new: the names they are remembered by, and what earlier readings saw.

Their keys outlive an upgrade, a restore and a renamed service. Three things besides change a key though nothing new
crosses, and are looked through here:

- The caller of a shared login's statement becomes known, or is no longer: the statement is the same.
- A transaction writes one more or one fewer of its tables. New is where two services meet in the WAL that
  never met, or a table is written with another service's that never was. What a sample sees of a transaction is
  luck: new is where two services meet that no statement or transaction joined before, to read or to write.
- A grant comes into use: it is the same grant, table by table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import combinations

from workbench.analyse.crossings import Crossing
from workbench.analyse.meetings import transaction_crossings
from workbench.analyse.statements import Attributed
from workbench.analyse.transactions import transactions
from workbench.analyse.workload import Workload
from workbench.decide.evidence import Evidence
from workbench.decide.remembered import Family, readings
from workbench.decide.seen import Keyed, Seen
from workbench.model import join_name
from workbench.snapshot import History
from workbench.sql import READER

_MOST_NAMED = 3
_STATEMENTS, _WAL = "statements", "wal_reading"
_READ = {
    "statements": _STATEMENTS,
    "wal": _WAL,
    "locks": "transaction_samples",
    "catalog": "grants",
}
"""Of each source of crossings, the frame that must have been read of an instance."""


def keyed(crossing: Crossing) -> Keyed:
    """Return a crossing as a thing that may be new.

    >>> c = Crossing("statement", "statements", "main", "app", "shop", (), ("auth",), "read", ("auth.users",), fingerprint="0a")
    >>> keyed(c).what
    'shop reads auth.users of auth in a statement'
    >>> keyed(c).asks
    (('statement:read:shop:main/app:auth.users:0a', 'statement.read.main.app.0a.?'),)
    """
    leaves, asks = _names(crossing)
    key = crossing.key
    return Keyed(
        key,
        crossing.kind,
        _said(crossing),
        crossing.actor,
        (key, *leaves),
        tuple((key, name) for name in asks),
        (scope_of(_READ[crossing.source], crossing.instance),),
        last_seen=crossing.last_seen,
        example=crossing.examples[0] if crossing.examples else None,
    )


def _names(crossing: Crossing) -> tuple[list[str], list[str]]:
    """The names that a crossing leaves beside its key, and those that it is known by."""
    place = (crossing.instance, crossing.database)
    services = sorted(_first(crossing, s) for s in crossing.services)
    pairs = list(combinations(services, 2))
    beside = [
        join_name(["near", access, *place, *pair])
        for access in (("read", "write") if crossing.access == "write" else ("read",))
        for pair in pairs
    ]
    if crossing.kind == "statement":
        of = [crossing.access, *place, crossing.fingerprint or crossing.key]
        anybody, nobody = _by("*", *of), _by("?", *of)
        if crossing.actor is None:
            return [anybody, nobody, *beside], [anybody]
        return [anybody, *beside], [nobody]
    if crossing.source == "wal":
        met = [join_name(["met", *place, *pair]) for pair in pairs]
        met += [join_name(["written", *place, relation]) for relation in crossing.relations]
        return [*met, *beside], met
    if crossing.kind == "transaction":
        return beside, [join_name(["near", crossing.access, *place, *pair]) for pair in pairs]
    of = ["grant", crossing.access, *place, _first(crossing, crossing.actor or "")]
    granted = [join_name([*of, relation]) for relation in crossing.relations]
    return granted, granted


def _by(whom: str, access: str, instance: str, database: str, fingerprint: str) -> str:
    """Name a statement that reads or writes: by anybody (``*``), or while nobody knew by whom (``?``)."""
    return join_name(["statement", access, instance, database, fingerprint, whom])


def _nobodys(attributed: Attributed) -> frozenset[str]:
    """The names of all statements whose caller is unknown: once it is known, they may cross, and are not new."""
    entries = attributed.entries[["instance", "datname", "fingerprint"]]
    return frozenset(
        _by("?", access, instance, str(database), fingerprint)
        for fact, (instance, database, fingerprint) in zip(
            attributed.facts, entries.itertuples(index=False, name=None), strict=True
        )
        if fact.caller.service is None and isinstance(fingerprint, str)
        for access in {"write" if t.access == "write" else "read" for t in fact.attribution.touches}
    )


def _first(crossing: Crossing, service: str) -> str:
    return crossing.first_names.get(service, service)


def scope_of(frame: str, instance: str) -> str:
    """Name what has to have been read of an instance for something to be seen there."""
    return join_name([frame, instance])


def _said(crossing: Crossing) -> str:
    who = crossing.actor or "an unknown caller"
    some = ", ".join(crossing.relations[:_MOST_NAMED])
    more = len(crossing.relations) - _MOST_NAMED
    tables = f"{some} and {more} more" if more > 0 else some
    if crossing.source == "wal":
        return f"{' and '.join(crossing.services)} are written in one transaction: {tables}"
    owners = " and ".join(crossing.owners)
    if crossing.kind == "grant":
        return f"{who} may {crossing.access} {tables} of {owners} by its privileges"
    return f"{who} {crossing.access}s {tables} of {owners} in a {crossing.kind}"


def crossings_now(found: Workload) -> tuple[Keyed, ...]:
    """Return what crosses in a window. What the last reading of its instance no longer saw is quiet.

    A statement is quiet that nobody called since the reading before, and a set of tables that no transaction
    of the WAL wrote together since, where all of the WAL was read. What was seen in samples is never
    quiet: that it was not seen again proves nothing.
    """
    history = found.attributed.window.history
    before = {i: moments[-2] for i, moments in _moments(history).items() if len(moments) > 1}
    written = _WrittenLately(history)
    things = []
    for crossing in found.crossings:
        thing, last = keyed(crossing), before.get(crossing.instance)
        if last is not None and crossing.kind == "statement" and thing.last_seen is not None:
            thing = replace(thing, quiet=thing.last_seen <= last)
        elif last is not None and crossing.source == "wal":
            thing = replace(thing, quiet=written.not_again(crossing))
        things.append(thing)
    return tuple(things)


def _moments(history: History) -> dict[str, list[datetime]]:
    """When each instance's statements were read."""
    found: dict[str, list[datetime]] = {}
    for snapshot in readings(history):
        for part in snapshot.manifest.parts:
            if part.frame == _STATEMENTS and part.endpoint is None:
                found.setdefault(part.instance, []).append(snapshot.at)
    return found


@dataclass(frozen=True)
class _WrittenLately:
    """What transactions wrote together according to each instance's last reading of the WAL."""

    history: History

    def not_again(self, crossing: Crossing) -> bool:
        keys = self._last.get(crossing.instance)
        return keys is not None and crossing.key not in keys

    @cached_property
    def _last(self) -> dict[str, frozenset[str]]:
        """Per instance whose last WAL was read whole, the keys in it."""
        found: dict[str, frozenset[str]] = {}
        done: set[str] = set()
        for snapshot in reversed(readings(self.history)):
            alone = replace(self.history, snapshots=(snapshot,))
            here = [
                p.instance
                for p in snapshot.manifest.parts
                if p.frame == _WAL and p.instance not in done
            ]
            if not here:
                continue
            told = transactions(alone)
            met = transaction_crossings(alone, told)
            whole = set(told.readings.loc[told.readings["seen"].fillna(0) >= 1, "instance"])
            for instance in here:
                done.add(instance)
                if instance in whole:
                    keys = (c.key for c in met if c.instance == instance and c.source == "wal")
                    found[instance] = frozenset(keys)
            if done >= set(self.history.newest.manifest.reached):
                break
        return found


def seen_in(evidence: Evidence) -> Seen:
    """Return what crosses in a window, and the statements of nobody: once their caller is known they may cross."""
    return happened(evidence.workload)


def happened(found: Workload) -> Seen:
    """Return what crosses in a window, and what was read of it: what nobody called since it began is not here."""
    scopes = {
        scope_of(p.frame, p.instance)
        for s in readings(found.attributed.window.history)
        for p in s.manifest.parts
        if p.frame in _READ.values() and p.endpoint is None
    }
    return Seen.of(map(keyed, found.crossings), scopes) | Seen(_nobodys(found.attributed))


CROSSINGS = Family("keys", ("statement", "transaction", "grant"), f"1-{READER}", seen_in)
"""What crosses, as readings remember it. Raise the version where names or keys change."""
