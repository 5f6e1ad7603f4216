"""Transactions in which services meet, as crossings: written together in the WAL, or seen in samples of locks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import combinations
from typing import Literal, NamedTuple

import pandas as pd

from workbench.analyse.callers import Callers, Session
from workbench.analyse.catalogue import Catalogue
from workbench.analyse.cells import text_of
from workbench.analyse.crossings import Crossing
from workbench.analyse.lock_samples import transactions as sampled
from workbench.analyse.transactions import Transactions
from workbench.analyse.transactions import transactions as written
from workbench.snapshot import History, records

_NO_CALLER = "the WAL does not say who wrote it; samples of sessions and locks may"
_SEEN = "counted as seen in samples: the longer a transaction lasts, the likelier it is seen"


def transaction_crossings(
    history: History, found: Transactions | None = None
) -> tuple[Crossing, ...]:
    """Return the sets of tables that transactions of several services, or of a stranger, touched together.

    From the WAL (source ``wal``): every committed set of written tables of two services or more, with its
    count. From samples (source ``locks``): what was read and written together, by whom as far as the session
    says; an actor's own tables are no crossing. Sorted by count. ``found`` spares reading the WAL's frames again.
    """
    catalogue = Catalogue(history.newest)
    names = catalogue.estate.first_names
    met = [
        replace(crossing, first_names=names)
        for crossing in (*_from_wal(found or written(history)), *_from_locks(history, catalogue))
    ]
    return tuple(sorted(met, key=lambda c: (c.source, -(c.transactions or 0), c.key)))


def pairs(crossings: Iterable[Crossing]) -> pd.DataFrame:
    """Return which two services meet inside transactions; what is no transaction is passed over.

    One row per instance and pair: instance, one, other (by name); written (transactions that wrote to both,
    from the WAL), seen (that samples of locks saw with both, at least), writes (a sample saw one write into
    another service's data). 0 where a source saw none. The most written come first.
    """
    held: dict[tuple[str, str, str], dict[str, int]] = {}
    for crossing in crossings:
        if crossing.kind != "transaction":
            continue
        source = "wal" if crossing.source == "wal" else crossing.access
        for one, other in combinations(sorted(crossing.services), 2):
            counts = held.setdefault((crossing.instance, one, other), {})
            counts[source] = counts.get(source, 0) + (crossing.transactions or 0)
    rows = [
        # one transaction may be a crossing that reads and one that writes: the larger sum is the least
        (*key, c.get("wal", 0), max(c.get("read", 0), c.get("write", 0)), c.get("write", 0) > 0)
        for key, c in held.items()
    ]
    rows.sort(key=lambda r: (-r[3], -r[4], r[:3]))
    columns = ["instance", "one", "other", "written", "seen", "writes"]
    return pd.DataFrame(rows, columns=columns).astype({"writes": "bool"})


def _from_wal(found: Transactions) -> Iterator[Crossing]:
    for row in records(found.sets):
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
        who = Session(text_of(row["usename"]) or None, text_of(row["application_name"]) or None)
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
