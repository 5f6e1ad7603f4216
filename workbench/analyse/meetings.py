"""Transactions in which services meet, as crossings: written together in the WAL, or seen in samples of locks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Literal, NamedTuple

from workbench.analyse.callers import Callers, Session
from workbench.analyse.catalogue import Catalogue
from workbench.analyse.crossings import Crossing
from workbench.analyse.lock_samples import transactions as sampled
from workbench.analyse.transactions import transactions as written
from workbench.snapshot import History, records

_NO_CALLER = "the WAL does not say who wrote it; samples of sessions and locks may"
_SEEN = "counted as seen in samples: the longer a transaction lasts, the likelier it is seen"


def transaction_crossings(history: History) -> tuple[Crossing, ...]:
    """Return the sets of tables that transactions of several services, or of a stranger, touched together.

    From the WAL (source ``wal``): every committed set of written tables of two services or more, with its
    count. From samples (source ``locks``): what was read and written together, by whom as far as the session
    says; an actor's own tables are no crossing. Sorted by count.
    """
    catalogue = Catalogue(history.newest)
    found = [*_from_wal(history), *_from_locks(history, catalogue)]
    return tuple(sorted(found, key=lambda c: (c.source, -(c.transactions or 0), c.key)))


def _from_wal(history: History) -> Iterator[Crossing]:
    for row in records(written(history).sets):
        if len(row["services"] or ()) < 2:
            continue
        yield Crossing(
            "transaction",
            "wal",
            row["instance"],
            row["database"],
            None,
            tuple(row["services"]),
            tuple(row["services"]),
            "write",
            tuple(row["writes"]),
            transactions=int(row["transactions"]),
            because=_NO_CALLER,
        )


def _from_locks(history: History, catalogue: Catalogue) -> Iterator[Crossing]:
    callers = Callers(history.newest.settled, {})
    owner = {
        (r.instance, r.database, r.qualified): r.service
        for r in catalogue.relations()
        if r.service is not None
    }
    counts: Counter[_Met] = Counter()
    logins: dict[_Met, set[str]] = {}
    for row in records(sampled(history)):
        if row["reads"] is None or row["writes"] is None:
            continue
        who = Session(_text(row["usename"]), _text(row["application_name"]))
        actor = callers.of_session(who).service
        place = (row["instance"], row["database"])
        writes = {n: owner[*place, n] for n in row["writes"] if (*place, n) in owner}
        reads = {
            n: owner[*place, n]
            for n in row["reads"]
            if (*place, n) in owner and n not in row["writes"]
        }
        met = {*writes.values(), *reads.values(), *([actor] if actor else [])}
        own = actor
        if own is None and len(set(writes.values())) == 1:
            own = next(iter(writes.values()))  # the least claim: it wrote its own
        accesses: tuple[tuple[Literal["read", "write"], dict[str, str]], ...] = (
            ("write", writes),
            ("read", reads),
        )
        for access, names in accesses:
            abroad = {n: s for n, s in names.items() if s != own}
            if len(met) > 1 and abroad:
                services, owners = tuple(sorted(met)), tuple(sorted(set(abroad.values())))
                key = _Met(*place, actor, services, owners, access, tuple(sorted(abroad)))
                counts[key] += int(row["transactions"])
                logins.setdefault(key, set()).add(row["usename"] or "")
    for key, count in counts.items():
        yield Crossing(
            "transaction",
            "locks",
            *key,
            transactions=count,
            logins=tuple(sorted(logins[key] - {""})),
            because=_SEEN,
        )


class _Met(NamedTuple):
    instance: str
    database: str
    actor: str | None
    services: tuple[str, ...]
    owners: tuple[str, ...]
    access: Literal["read", "write"]
    relations: tuple[str, ...]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
