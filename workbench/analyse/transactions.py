"""Which services one transaction writes to, and how much WAL each table makes: read from the WAL itself.

Sources are the frames ``wal_transactions``, ``wal_relations`` and ``wal_reading`` of each snapshot, which tell of
the WAL since the snapshot before. Row locks do not count, so that a foreign-key check is no write of its parent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.model import Coverage
from workbench.snapshot import History, Snapshot, records

_PLACE = ["instance", "database"]
_NAMED = [*_PLACE, "relation_oid"]
_COUNTS = ("transactions", "aborted", "unfinished", "lock_only", "unmapped_bytes")


@dataclass(frozen=True)
class Transactions:
    """Committed transactions by what they wrote, and bytes of WAL by table, over a history's period.

    ``sets``: instance, database, writes (tuple of ``schema.relation``, partition roots, sorted; None where the
    database was not read), services (tuple of the owners, sorted; what nobody owns has none), partly (it wrote
    to relations besides that nobody can name: more services may be in it), transactions, records, bytes (of the
    changes of rows). ``crosses`` says whether there are two services or more.

    ``relations``: instance, database, schema, table (the root; both None for what could not be named), service
    (None unless owned), standing (owned, unowned, platform; None), records, bytes, fpi_bytes. WAL of row changes:
    that of indexes, and of vacuum, is not in it.

    ``services``: instance, service, transactions (that wrote to it), crossing (those that wrote to another
    service too), records, bytes, fpi_bytes, share (of the instance's WAL of row changes).

    ``readings``: instance, snapshots, bytes_read, bytes_between, seen (share of the WAL in the period that was
    read; NA where that is unknown), seconds (that reading took), days (that the WAL tells of, simulated where the
    snapshots are; NA where nothing tells when it begins), transactions, aborted, unfinished, lock_only,
    unmapped_bytes, because.
    """

    sets: pd.DataFrame
    relations: pd.DataFrame
    services: pd.DataFrame
    readings: pd.DataFrame
    coverage: Coverage


def transactions(history: History) -> Transactions:
    """Sum what the snapshots of ``history`` read from the WAL, per instance inside its last epoch.

    The first snapshot of a period tells of the time before it, and counts only where it is the only one.
    Frames without a row: ask ``coverage.missing`` why. SnapshotError where the history is empty.

    >>> from workbench import load_history
    >>> from workbench.share import shared
    >>> found = transactions(load_history(shared("data") / "estates/marketplace/history"))
    >>> list(found.readings.columns[:3])
    ['instance', 'snapshots', 'bytes_read']
    """
    used = _used(history)
    names = _names(history, {number for _, number in used})
    sets = _sets(_stacked(history, used, "wal_transactions", *_SET_COLUMNS), names)
    relations = _relations(_stacked(history, used, "wal_relations", *_RELATION_COLUMNS), names)
    return Transactions(
        sets=sets,
        relations=relations,
        services=_services(sets, relations),
        readings=_readings(
            _stacked(history, used, "wal_reading", *_READING_COLUMNS), _days(history, used)
        ),
        coverage=history.coverage,
    )


_SET_COLUMNS = ("datname", "write_oids", "unmapped", "transactions", "records", "bytes")
_RELATION_COLUMNS = ("datname", "relation_oid", "records", "bytes", "fpi_bytes")
_READING_COLUMNS = ("bytes_read", "bytes_between", "seconds", *_COUNTS, "because")


def _used(history: History) -> list[tuple[str, int]]:
    """The readings that count: instance, and position in ``history.collected``."""
    first: dict[str, int] = {}
    for cut in history.cuts:
        if cut.cuts_all:
            first[cut.broken.instance] = cut.number
    held: dict[str, list[int]] = {}
    for number, snapshot in enumerate(history.collected):
        for part in snapshot.manifest.parts:
            if part.frame == "wal_reading" and number >= first.get(part.instance, 0):
                held.setdefault(part.instance, []).append(number)
    begins = {i: min(_read(history.collected, i), default=0) for i in held}
    return [
        (instance, number)
        for instance, numbers in sorted(held.items())
        for number in numbers
        if number > max(begins[instance], first.get(instance, 0)) or len(numbers) == 1
    ]


def _read(snapshots: tuple[Snapshot, ...], instance: str) -> list[int]:
    """The positions of the snapshots that tell where an instance's WAL was."""
    return [
        n
        for n, s in enumerate(snapshots)
        if s.manifest.profile == "full" and s.has("identity", instance)
    ]


def _stacked(
    history: History, used: list[tuple[str, int]], frame: str, *columns: str
) -> pd.DataFrame:
    """The rows of ``frame`` in these readings, one below the other."""
    found = [pd.DataFrame(columns=["instance", *columns])]
    for number in sorted({n for _, n in used}):
        rows = history.collected[number].frame(frame, *columns)
        here = {i for i, n in used if n == number}
        found.append(rows[rows["instance"].isin(here)].drop(columns="database"))
    return pd.concat([f for f in found if len(f)] or found, ignore_index=True)


def _names(history: History, numbers: set[int]) -> pd.DataFrame:
    """Per oid: schema and table of its root, service, standing; as it was last seen, dropped ones too."""
    numbers |= {n - 1 for n in numbers if n > 0}
    columns = ("oid", "schema", "relation", "root_oid", "extension")
    found = [history.collected[n].frame("relations", *columns) for n in sorted(numbers)]
    empty = pd.DataFrame(columns=[*_PLACE, *columns])
    every = pd.concat([f for f in found if len(f)] or [empty], ignore_index=True)
    every = every.drop_duplicates([*_PLACE, "oid"], keep="last")
    roots = every[[*_PLACE, "oid", "schema", "relation", "extension"]]
    roots = roots.rename(columns={"oid": "root_oid", "relation": "table"})
    leaves = every[[*_PLACE, "oid", "root_oid"]].rename(columns={"oid": "relation_oid"})
    named = leaves.merge(roots, "inner", [*_PLACE, "root_oid"])
    estate = history.newest.settled
    names = list(zip(*(named[c] for c in (*_PLACE, "schema", "table", "extension")), strict=True))
    owners = {
        key: estate.owner(*key[:4], extension=pd.notna(key[4])) for key in dict.fromkeys(names)
    }
    return named.assign(
        service=pd.Series([owners[n].service for n in names], named.index, dtype="object"),
        standing=pd.Series([owners[n].standing for n in names], named.index, dtype="object"),
    ).drop(columns=["root_oid", "extension"])


def _sets(rows: pd.DataFrame, names: pd.DataFrame) -> pd.DataFrame:
    known = {
        (r["instance"], r["database"], r["relation_oid"]): (
            f"{r['schema']}.{r['table']}",
            r["service"],
        )
        for r in records(names)
    }
    sums: dict[tuple[Any, ...], list[int]] = {}
    for row in records(rows):
        oids = row["write_oids"]
        writes: tuple[str, ...] | None = None
        services: tuple[str, ...] = ()
        partly = bool(row["unmapped"])
        if oids is None:
            partly = True
        else:
            found = [known.get((row["instance"], row["datname"], int(oid))) for oid in oids]
            partly |= None in found
            writes = tuple(sorted({f[0] for f in found if f}))
            services = tuple(sorted({f[1] for f in found if f and f[1]}))
        key = (row["instance"], row["datname"], writes, services, partly)
        held = sums.setdefault(key, [0, 0, 0])
        for at, name in enumerate(_SET_COLUMNS[3:]):
            held[at] += int(row[name])
    made = [(*key, len(key[3]) > 1, *figures) for key, figures in sums.items()]
    made.sort(key=lambda r: (r[0], -r[6], r[1] or "", r[2] or (), r[4]))
    columns = ["instance", "database", "writes", "services", "partly", "crosses"]
    columns += list(_SET_COLUMNS[3:])
    return pd.DataFrame(made, columns=columns).astype(
        dict.fromkeys(_SET_COLUMNS[3:], "Int64") | {"partly": "bool", "crosses": "bool"}
    )


def _relations(rows: pd.DataFrame, names: pd.DataFrame) -> pd.DataFrame:
    figures = ["records", "bytes", "fpi_bytes"]
    rows = rows.rename(columns={"datname": "database"}).astype(
        {"relation_oid": "Int64"} | dict.fromkeys(figures, "Int64")
    )
    wide = rows.merge(names.astype({"relation_oid": "Int64"}), "left", _NAMED)
    group = [*_PLACE, "schema", "table", "service", "standing"]
    found = wide.groupby(group, dropna=False)[figures].sum().reset_index()
    found[group] = found[group].astype(object).where(found[group].notna(), None)
    order = ["instance", "bytes", "database", "schema", "table"]
    return found.sort_values(order, ascending=[True, False, True, True, True], ignore_index=True)


def _services(sets: pd.DataFrame, relations: pd.DataFrame) -> pd.DataFrame:
    key = ["instance", "service"]
    each = sets.explode("services").rename(columns={"services": "service"}).dropna(subset="service")
    each = each.assign(crossing=each["transactions"].where(each["crosses"], 0))
    counts = each.groupby(key)[["transactions", "crossing"]].sum()
    whole = relations.groupby("instance")["bytes"].sum()
    owned = relations.dropna(subset="service")
    wal = owned.groupby(key)[["records", "bytes", "fpi_bytes"]].sum()
    found = wal.join(counts, how="outer").fillna(0).astype("Int64").reset_index()
    total = found["instance"].map(whole).astype("Float64")
    found["share"] = (found["bytes"].astype("Float64") / total).where(total > 0)
    return found[[*key, "transactions", "crossing", "records", "bytes", "fpi_bytes", "share"]]


def _days(history: History, used: list[tuple[str, int]]) -> dict[str, float]:
    """The days that each instance's readings tell of: from the snapshot before the first to the last."""
    found = {}
    for instance in dict.fromkeys(i for i, _ in used):
        numbers = [n for i, n in used if i == instance]
        before = [n for n in _read(history.collected, instance) if n < min(numbers)]
        if before:
            passed = history.collected[max(numbers)].at - history.collected[before[-1]].at
            found[instance] = passed.total_seconds() / 86400
    return found


def _readings(rows: pd.DataFrame, days: dict[str, float]) -> pd.DataFrame:
    """Sum the readings of each instance; a share of WAL whose amount is unknown is unknown."""
    sums = ["bytes_read", "bytes_between", *_COUNTS]
    found = []
    for instance, held in rows.groupby("instance", sort=True):
        row: dict[str, Any] = {"instance": instance, "snapshots": len(held)}
        row |= {c: held[c].sum(skipna=False) for c in sums}
        between = row["bytes_between"]
        row["seen"] = pd.NA
        if pd.notna(between):
            row["seen"] = min(row["bytes_read"] / between, 1.0) if between else 1.0
        row["seconds"] = held["seconds"].sum()
        row["days"] = days.get(str(instance), pd.NA)
        reasons = dict.fromkeys(r for r in held["because"] if isinstance(r, str))
        row["because"] = "; ".join(reasons) or None
        found.append(row)
    columns = ["instance", "snapshots", "bytes_read", "bytes_between", "seen", "seconds", "days"]
    kinds = dict.fromkeys([*sums, "snapshots"], "Int64")
    kinds |= dict.fromkeys(("seen", "seconds", "days"), "Float64")
    return pd.DataFrame(found, columns=[*columns, *_COUNTS, "because"]).astype(kinds)
