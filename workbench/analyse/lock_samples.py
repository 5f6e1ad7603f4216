"""Which relations were read and written together in one transaction, by sampled locks.

A running transaction keeps every lock until it ends, so that one look shows what it has touched so far
(`queries/samples/lock_look.sql`). The longer a transaction lasts, the likelier it is seen: counts are
weighted by duration, and most short transactions are never seen. One that is seen before it has touched all
it will counts with what it held: where clients pause between statements, crossings are seen too seldom (a
third of all transactions as a fifth, where half the time or more goes by before the second lock).
The WAL tells what was written exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import pandas as pd

from workbench.estate import Estate
from workbench.snapshot import History, Snapshot, records


class _Place(NamedTuple):
    """A relation as a sample's oid leads to it: its root's name, and the service that owns it."""

    oid: int
    name: str
    service: str | None


_TRANSACTION_COLUMNS = (
    *("datname", "usename", "application_name", "read_oids", "write_oids", "row_lock_oids"),
    *("transactions", "looks", "rest"),
)
_SETS = ["reads", "writes", "services_read", "services_written"]
_GROUP = ["instance", "database", "usename", "application_name", *_SETS]


def transactions(source: Snapshot | History) -> pd.DataFrame:
    """Return which relations were read and written together in one transaction, and by whom.

    One row per instance, database, usename, application_name, reads, writes (sorted tuples of
    ``schema.relation``, partitions as their root), services_read, services_written (sorted tuples of the
    services that own them); transactions (how many were seen so) and looks. None stands for
    these tuples where rare transactions were summed, or the database was not read. Sorted by looks, then by name.

    A relation is read that the transaction holds in AccessShareLock, and written in RowExclusiveLock. One
    that it holds in RowShareLock alone is read by SELECT FOR UPDATE or FOR SHARE, and counts as read, but
    not where a foreign key joins it to a relation that the transaction writes: then it is the key's
    check. Indexes, sequences, TOAST and what was dropped since are not in the frame ``relations`` and are
    left out, and so is a transaction that holds nothing else. A pulse's oids are named by the nearest
    full snapshot of the same cluster, before it if there is one; without any they stay unknown (None).
    """
    snapshots = source.collected if isinstance(source, History) else (source,)
    known: dict[object, _Catalogue] = {}
    found = [
        row
        for position, snapshot in enumerate(snapshots)
        if snapshot.has("transaction_samples")
        for row in _named(snapshot, snapshots, position, known)
    ]
    frame = pd.DataFrame(found, columns=[*_GROUP, "transactions", "looks"])
    frame = frame.groupby(_GROUP, dropna=False, sort=False, as_index=False).sum()
    frame = frame.astype({"transactions": "Int64", "looks": "Int64"})
    names = frame[_GROUP[1:6]].itertuples(index=False, name=None)
    order = frame[["instance", "looks"]].assign(names=[" ".join(map(str, row)) for row in names])
    order = order.sort_values(["instance", "looks", "names"], ascending=[True, False, True])
    return frame.loc[order.index].reset_index(drop=True)


def _named(
    snapshot: Snapshot,
    snapshots: Sequence[Snapshot],
    position: int,
    known: dict[object, _Catalogue],
) -> Iterator[dict[str, Any]]:
    held = snapshot.frame("transaction_samples", *_TRANSACTION_COLUMNS).drop(columns="database")
    for instance, rows in held.groupby("instance"):
        catalogue = _catalogue(str(instance), snapshots, position, known)
        for row in records(rows):
            named: dict[str, Any] | None = dict.fromkeys(_SETS)
            if catalogue is not None and row["datname"] in catalogue.databases:
                named = _sets(row, catalogue)
            if named is not None:
                yield {
                    "instance": instance,
                    "database": row["datname"],
                    "usename": row["usename"],
                    "application_name": row["application_name"],
                    **named,
                    "transactions": row["transactions"],
                    "looks": row["looks"],
                }


def _sets(row: dict[str, Any], catalogue: _Catalogue) -> dict[str, Any] | None:
    """What a row's oids lead to; None where that is no relation at all."""
    database = row["datname"]
    writes = catalogue.places(database, row["write_oids"])
    reads = catalogue.places(database, row["read_oids"])
    checked = {oid for w in writes for oid in catalogue.keys.get((database, w.oid), ())}
    locked = catalogue.places(database, row["row_lock_oids"])
    reads |= {place for place in locked if place.oid not in checked}
    if not reads and not writes:
        return None
    return {
        "reads": tuple(sorted(p.name for p in reads)),
        "writes": tuple(sorted(p.name for p in writes)),
        "services_read": tuple(sorted({p.service for p in reads if p.service})),
        "services_written": tuple(sorted({p.service for p in writes if p.service})),
    }


def _catalogue(
    instance: str, snapshots: Sequence[Snapshot], position: int, known: dict[object, _Catalogue]
) -> _Catalogue | None:
    """The instance's catalogue nearest to a snapshot: of itself, before it, or after it.

    None where there is none of the same cluster: another one's oids lead elsewhere.
    """
    cluster = _cluster(snapshots[position], instance)
    for snapshot in (*reversed(snapshots[: position + 1]), *snapshots[position + 1 :]):
        if snapshot.has("relations", instance) and _cluster(snapshot, instance) == cluster:
            key = (
                instance,
                *(
                    p.content
                    for p in snapshot.manifest.parts
                    if p.instance == instance and p.frame in ("relations", "constraints")
                ),
            )
            if key not in known:
                known[key] = _Catalogue(snapshot, instance)
            return known[key]
    return None


def _cluster(snapshot: Snapshot, instance: str) -> frozenset[Any]:
    held = snapshot.frame("identity", "system_identifier")
    return frozenset(held.loc[held["instance"] == instance, "system_identifier"])


class _Catalogue:
    """Where an instance's oids lead, by database, and which roots foreign keys join, both ways."""

    def __init__(self, snapshot: Snapshot, instance: str) -> None:
        names = ("oid", "schema", "relation", "relkind", "root_oid", "extension")
        held = snapshot.frame("relations", *names)
        held = held[(held["instance"] == instance) & (held["relkind"] != "S")]
        by_oid = {(r["database"], int(r["oid"])): r for r in records(held)}
        self.databases = {
            p.database
            for p in snapshot.manifest.parts
            if p.frame == "relations" and p.instance == instance
        }
        self._places = {
            (database, oid): _place(
                snapshot.settled, by_oid.get((database, int(row["root_oid"])), row)
            )
            for (database, oid), row in by_oid.items()
        }
        self.keys: dict[tuple[str, int], set[int]] = {}
        joined = snapshot.frame("constraints", "contype", "relation_oid", "referenced_oid")
        joined = joined[(joined["instance"] == instance) & (joined["contype"] == "f")]
        for row in records(joined):
            ends = self.places(row["database"], (row["relation_oid"], row["referenced_oid"]))
            for one in ends:
                others = {end.oid for end in ends if end is not one}
                self.keys.setdefault((row["database"], one.oid), set()).update(others)

    def places(self, database: str, oids: Iterable[int]) -> set[_Place]:
        """Return the roots that ``oids`` lead to in ``database``."""
        found = (self._places.get((database, int(oid))) for oid in oids)
        return {place for place in found if place is not None}


def _place(estate: Estate, row: dict[str, Any]) -> _Place:
    extension = isinstance(row["extension"], str)
    owner = estate.owner(
        row["instance"], row["database"], row["schema"], row["relation"], extension=extension
    )
    return _Place(int(row["root_oid"]), f"{row['schema']}.{row['relation']}", owner.service)
