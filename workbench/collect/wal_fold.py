"""Records of the WAL, folded: how many transactions changed the same relations, and how much WAL that was.

Only changes of rows are counted, and TRUNCATE. A lock of a row is none (a foreign-key check locks the parent's), and
a transaction that only reads may log PRUNE, FPI or VISIBLE under its own number: those are not asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa

MOST_SETS = 10_000
"""How many sets of relations are told apart, the most frequent ones; the others are summed per database."""

SYSTEM, UNMAPPED, ELSEWHERE = 0, -1, -2
"""What a file may be instead of a relation: a system catalogue, unknown, or of a database that was not read."""

_FIRST_NORMAL = 16384
_LOCKS = ("LOCK", "LOCK_UPDATED")
_COMMITS = ("COMMIT", "COMMIT_PREPARED")
_ABORTS = ("ABORT", "ABORT_PREPARED")

_TRANSACTIONS = pa.schema(
    [
        ("datname", pa.string()),
        ("write_oids", pa.list_(pa.int64())),
        ("unmapped", pa.bool_()),
        ("transactions", pa.int64()),
        ("records", pa.int64()),
        ("bytes", pa.int64()),
    ]
)
_RELATIONS = pa.schema(
    [
        ("datname", pa.string()),
        ("relation_oid", pa.int64()),
        ("records", pa.int64()),
        ("bytes", pa.int64()),
        ("fpi_bytes", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Files:
    """Which relation each file holds: ``relations`` by ``(database oid, tablespace oid, filenode)``.

    ``databases`` are the names of all databases by oid, ``read`` the oids of those whose files are known.
    """

    relations: Mapping[tuple[int, int, int], int]
    databases: Mapping[int, str]
    read: frozenset[int]

    def holds(self, file: str) -> tuple[int, int]:
        """Return the database's oid, and the relation's or what stands for it, of ``tablespace/database/filenode``.

        >>> files = Files({(5, 1663, 77): 16385}, {5: "shop"}, frozenset({5}))
        >>> [files.holds(f) for f in ("1663/5/77", "1663/5/78", "1663/6/16390", "1664/0/1260")]
        [(5, 16385), (5, -1), (6, -2), (0, 0)]
        """
        tablespace, database, filenode = map(int, file.split("/"))
        if database == 0:  # shared by all databases
            return 0, SYSTEM
        if database not in self.read:
            # Files that initdb made are the catalogues' own, as long as nobody rewrote them.
            return database, SYSTEM if filenode < _FIRST_NORMAL else ELSEWHERE
        return database, self.relations.get((database, tablespace, filenode), UNMAPPED)


@dataclass(frozen=True)
class Folded:
    """What a stretch of WAL says.

    ``transactions``: one row per database and set of relations that committed transactions changed: datname
    (None: dropped since), write_oids (ascending; None where the database was not read, and for sets beyond
    ``MOST_SETS``), unmapped (they changed files of unknown relations as well), transactions, records, bytes.

    ``relations``: datname, relation_oid (None for files of unknown relations, and of databases that were not
    read), records, bytes (of the changes of rows, with their page images), fpi_bytes (those images alone). WAL
    of aborted and unfinished transactions is in it: it was written all the same.

    ``committed`` counts the transactions that changed rows, ``aborted`` those that had and were rolled back,
    wholly or to a savepoint, ``unfinished`` those whose end is not in the stretch, ``lock_only`` committed
    ones that locked rows and changed none. ``unmapped_bytes`` is the WAL of files of unknown relations.
    """

    transactions: pa.Table
    relations: pa.Table
    committed: int
    aborted: int
    unfinished: int
    lock_only: int
    unmapped_bytes: int


def fold(changes: pa.Table, files: Files) -> Folded:
    """Fold records as ``queries/wal/wal_changes`` gives them: xid, record_type, file, bytes, fpi_bytes, xids.

    Subtransactions count for the transaction that they ended with; TOAST for its table.

    >>> rows = [(7, "INSERT", "1663/5/77", 60, 0, None), (8, "LOCK", "1663/5/77", 50, 0, None)]
    >>> rows += [(7, "COMMIT", None, 30, 0, None), (8, "COMMIT", None, 30, 0, None)]
    >>> names = ("xid", "record_type", "file", "bytes", "fpi_bytes", "xids")
    >>> found = fold(
    ...     pa.table(dict(zip(names, map(list, zip(*rows)), strict=True))),
    ...     Files({(5, 1663, 77): 16385}, {5: "shop"}, frozenset({5})),
    ... )
    >>> found.transactions.to_pylist()[0]["write_oids"], found.committed, found.lock_only
    ([16385], 1, 1)
    """
    frame = changes.to_pandas()
    frame["xid"] = frame["xid"].fillna(0).astype("int64")
    kind = frame["record_type"]
    ends = frame[kind.isin([*_COMMITS, *_ABORTS]) & (frame["xid"] != 0)]
    tops = _tops(ends)
    committed = ends.loc[ends["record_type"].isin(_COMMITS), "xid"].unique()
    aborted = ends.loc[ends["record_type"].isin(_ABORTS), "xid"].unique()

    touched = _touched(frame[~kind.isin([*_COMMITS, *_ABORTS])], tops, files)
    touched = touched[touched["relation"] != SYSTEM]
    locks = touched["record_type"].isin(_LOCKS)
    writes = touched[~locks].drop(columns="record_type")
    writers = writes["top"].unique()
    done = writes[writes["top"].isin(committed)]
    locking = np.setdiff1d(touched.loc[locks, "top"].unique(), writers)
    return Folded(
        _transactions(done, files),
        _relations(writes, files),
        committed=done["top"].nunique(),
        aborted=int(np.isin(writers, aborted).sum()),
        unfinished=int((~np.isin(writers, np.union1d(committed, aborted))).sum()),
        lock_only=int(np.isin(locking, committed).sum()),
        unmapped_bytes=int(writes.loc[writes["relation"] == UNMAPPED, "bytes"].sum()),
    )


def _tops(ends: pd.DataFrame) -> dict[int, int]:
    """The transaction that each subtransaction ended with."""
    named = ends[ends["xids"].notna()]
    return {
        int(sub): top
        for top, subs in zip(named["xid"], named["xids"], strict=True)
        for sub in subs.split()
    }


def _touched(frame: pd.DataFrame, tops: Mapping[int, int], files: Files) -> pd.DataFrame:
    """One row per record: top, database (oid), relation (oid, or what stands for it), record_type, bytes, fpi_bytes."""
    codes, names = pd.factorize(frame["file"])
    held = np.array([files.holds(str(n)) for n in names], dtype="int64").reshape(-1, 2)
    held = np.vstack([held, [[0, SYSTEM]]])  # the code -1: a record without a file
    top = frame["xid"]
    if tops:
        top = top.map(tops).fillna(top).astype("int64")
    found = pd.DataFrame(
        {
            "top": top.to_numpy(),
            "database": held[codes, 0],
            "relation": held[codes, 1],
            "record_type": frame["record_type"].to_numpy(),
            "bytes": frame["bytes"].to_numpy(dtype="int64"),
            "fpi_bytes": frame["fpi_bytes"].to_numpy(dtype="int64"),
        }
    )
    truncated = (frame["record_type"] == "TRUNCATE").to_numpy()
    if not truncated.any():
        return found
    return pd.concat(
        [found[~truncated], _truncations(found, truncated, frame["xids"])], ignore_index=True
    )


def _truncations(
    found: pd.DataFrame, truncated: np.ndarray[tuple[int], np.dtype[np.bool_]], oids: pd.Series[str]
) -> pd.DataFrame:
    """A row per truncated relation. The record does not say in which database: the catalogue's own changes do."""
    here = found[truncated]
    beside = found[(found["database"] != 0) & found["top"].isin(here["top"])]
    home = beside.groupby("top")["database"].first()
    rows = here.assign(
        relation=oids[truncated].str.split(r"[, ]+", regex=True).to_numpy(),
        database=here["top"].map(home).fillna(0).astype("int64"),
    ).explode("relation")
    # The record's bytes count once.
    again = rows.index.duplicated()
    rows["bytes"] = rows["bytes"].mask(again, 0)
    return rows.assign(relation=rows["relation"].fillna(UNMAPPED).astype("int64"))


def _transactions(done: pd.DataFrame, files: Files) -> pa.Table:
    """Group committed transactions by the set of relations that they changed."""
    totals = done.groupby("top").agg(
        database=("database", "max"),
        records=("bytes", "size"),
        bytes=("bytes", "sum"),
        least=("relation", "min"),
    )
    pairs = done.loc[done["relation"] > 0, ["top", "relation"]].drop_duplicates()
    pairs = pairs.sort_values(["top", "relation"])
    counts = pairs.groupby("top").size().reindex(totals.index, fill_value=0)
    oids = pairs["relation"].tolist()
    bounds = [0, *counts.cumsum().tolist()]
    totals["oids"] = pd.Series([tuple(oids[a:b]) for a, b in pairwise(bounds)], totals.index)
    totals["unmapped"] = totals["least"] == UNMAPPED
    sets = totals.groupby(["database", "oids", "unmapped"], sort=False).agg(
        transactions=("bytes", "size"), records=("records", "sum"), bytes=("bytes", "sum")
    )
    rows = [
        (
            files.databases.get(database),
            list(oids) if database in files.read else None,
            unmapped,
            *map(int, figures),
        )
        for (database, oids, unmapped), figures in zip(sets.index, sets.to_numpy(), strict=True)
    ]
    rows.sort(key=lambda r: (-r[3], r[0] or "", r[1] or [], r[2]))
    return _table([*rows[:MOST_SETS], *_rest(rows[MOST_SETS:])], _TRANSACTIONS)


def _rest(rows: Iterable[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Sum what is beyond ``MOST_SETS`` per database: which relations is then unknown."""
    sums: dict[str | None, list[int]] = {}
    for datname, _, _, *figures in rows:
        held = sums.setdefault(datname, [0, 0, 0])  # type: ignore[arg-type]
        sums[datname] = [a + int(b) for a, b in zip(held, figures, strict=True)]  # type: ignore[index, call-overload]
    return [(d, None, False, *f) for d, f in sorted(sums.items(), key=lambda i: i[0] or "")]


def _relations(writes: pd.DataFrame, files: Files) -> pa.Table:
    known = writes.assign(relation=writes["relation"].clip(lower=0))
    sums = known.groupby(["database", "relation"]).agg(
        records=("bytes", "size"), bytes=("bytes", "sum"), fpi_bytes=("fpi_bytes", "sum")
    )
    rows = [
        (files.databases.get(database), relation or None, *map(int, figures))
        for (database, relation), figures in zip(sums.index, sums.to_numpy(), strict=True)
    ]
    rows.sort(key=lambda r: (r[0] or "", r[1] or 0))
    return _table(rows, _RELATIONS)


def _table(rows: list[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.table([list(c) for c in columns], schema=schema)
