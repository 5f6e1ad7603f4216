"""Looks at sessions and locks, added up on the way: how often each kind of row was seen.

What a transaction holds says what it does with a relation, for it keeps its locks until it ends:

    AccessShareLock    it reads it
    RowExclusiveLock   it writes it; reads it too only where the first stands beside it
    RowShareLock       alone: SELECT FOR UPDATE or FOR SHARE, or the check of a foreign key, which locks
                       the row on the other side; kept apart, and told apart by the keys there are

Stronger modes are those of DDL, maintenance and LOCK TABLE, and are not kept; TRUNCATE is among them.
Indexes, sequences and TOAST are held as well: they are left out where names are found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import pyarrow as pa

from workbench.collect.wire import Row

KEPT = 1000
"""How many rows of each frame are kept, the most frequent ones; the others are summed."""

_HELD = 20 * KEPT
"""How many kinds of rows are told apart while the sample goes on."""

_WHOSE = ("datname", "usename", "application_name", "client_addr")
SESSION_COLUMNS = (
    *_WHOSE,
    *("state", "wait_event_type", "wait_event", "query_id", "unseen"),
)
"""What is kept of a session look, in the order of its query; its last column, the pid, is not."""

_LOST_IN_REST = frozenset({*_WHOSE, "wait_event", "query_id"})

_USES = {
    "read_oids": "AccessShareLock",
    "write_oids": "RowExclusiveLock",
    "row_lock_oids": "RowShareLock",
}

_SESSIONS = pa.schema(
    {c: pa.int64() if c == "query_id" else pa.string() for c in SESSION_COLUMNS}
    | {"looks": pa.int64(), "rest": pa.bool_()}
)
_TRANSACTIONS = pa.schema(
    dict.fromkeys(_WHOSE, pa.string())
    | dict.fromkeys(_USES, pa.list_(pa.int64()))
    | {"transactions": pa.int64(), "looks": pa.int64(), "rest": pa.bool_()}
)

_Uses = tuple[tuple[int, ...], ...]


@dataclass
class _Transaction:
    """One that goes on: how its session stood last, the locks it was seen with, in how many looks."""

    standing: Row = ()
    held: set[Row] = field(default_factory=set)
    looks: int = 0


class Fold:
    """Looks, added up. Takes values as the server writes them, and reads them only when all are in.

    >>> fold = Fold()
    >>> sessions = [(b"shop", b"ann", b"app", None, b"active", None, None, b"7", None, b"42")]
    >>> reads = (b"42", b"3/1", b"AccessShareLock", b"{16400}")
    >>> writes = (b"42", b"3/1", b"RowExclusiveLock", b"{16500}")
    >>> fold.look(sessions, [reads, writes])
    >>> fold.look(sessions, [reads])
    >>> fold.session_rows().select(["usename", "query_id", "looks"]).to_pylist()
    [{'usename': 'ann', 'query_id': 7, 'looks': 2}]
    >>> fold.transaction_rows().select(["read_oids", "write_oids", "transactions", "looks"]).to_pylist()
    [{'read_oids': [16400], 'write_oids': [16500], 'transactions': 1, 'looks': 2}]
    """

    def __init__(self) -> None:
        self.looks = 0
        self.sessions = 0
        self._standing: Counter[Row] = Counter()
        self._rare: Counter[Row] = Counter()
        self._running: dict[Row, _Transaction] = {}
        self._ended: dict[tuple[Row, _Uses], list[int]] = {}
        self._beyond = [0, 0]

    def look(self, sessions: Sequence[Row], locks: Sequence[Row]) -> None:
        """Add one look: the rows of ``session_look`` and those of ``lock_look``, just after."""
        self.looks += 1
        self.sessions += len(sessions)
        whose = {session[-1]: session[:-1] for session in sessions}
        if len(self._standing) < _HELD:
            self._standing.update(whose.values())
        else:
            for standing in whose.values():
                if standing in self._standing:
                    self._standing[standing] += 1
                else:
                    self._rare[_rest_of(standing)] += 1
        running: dict[Row, _Transaction] = {}
        for pid, number, *lock in locks:
            # Parallel and other workers, and prepared transactions, are no client's session.
            if pid in whose:
                key = pid, number
                going_on = running.get(key)
                if going_on is None:
                    running[key] = going_on = self._running.pop(key, None) or _Transaction()
                    going_on.standing = whose[pid]
                    going_on.looks += 1
                going_on.held.add(tuple(lock))
        for gone in self._running.values():
            self._end(gone)
        self._running = running

    def _end(self, transaction: _Transaction) -> None:
        uses = _by_use(frozenset(transaction.held))
        if not any(uses):
            return
        key = transaction.standing[: len(_WHOSE)], uses
        if key not in self._ended and len(self._ended) >= _HELD:
            counts = self._beyond
        else:
            counts = self._ended.setdefault(key, [0, 0])
        counts[0] += 1
        counts[1] += transaction.looks

    def session_rows(self) -> pa.Table:
        """Return the rows of ``session_samples``, the most frequent first."""
        kept = sorted(self._standing.items(), key=lambda item: (-item[1], _order(item[0])))
        beyond = Counter(self._rare)
        for standing, count in kept[KEPT:]:
            beyond[_rest_of(standing)] += count
        rows = [_values(SESSION_COLUMNS, s) | {"looks": n, "rest": False} for s, n in kept[:KEPT]]
        for standing, count in sorted(beyond.items(), key=lambda item: _order(item[0])):
            rows.append(_values(SESSION_COLUMNS, standing) | {"looks": count, "rest": True})
        return pa.Table.from_pylist(rows, _SESSIONS)

    def transaction_rows(self) -> pa.Table:
        """Return the rows of ``transaction_samples``, the most frequent first, with those that still run."""
        for transaction in self._running.values():
            self._end(transaction)
        self._running = {}
        kept = sorted(
            self._ended.items(), key=lambda item: (-item[1][1], _order(item[0][0]), item[0][1])
        )
        rows = [
            _values(_WHOSE, whose) | dict(zip(_USES, uses, strict=True)) | _counted(counts)
            for (whose, uses), counts in kept[:KEPT]
        ]
        beyond = list(self._beyond)
        for _, counts in kept[KEPT:]:
            _add(beyond, counts)
        if beyond[0]:
            rows.append(_counted(beyond) | {"rest": True})
        return pa.Table.from_pylist(rows, _TRANSACTIONS)


def _add(to: list[int], counts: Iterable[int]) -> None:
    to[:] = [a + b for a, b in zip(to, counts, strict=True)]


def _counted(counts: list[int]) -> dict[str, Any]:
    return {"transactions": counts[0], "looks": counts[1], "rest": False}


@lru_cache(4096)
def _by_use(held: frozenset[Row]) -> _Uses:
    """Return the relations that are read, written, and row-locked alone.

    >>> locks = (b"RowShareLock", b"{1,2}"), (b"AccessShareLock", b"{2}"), (b"AccessExclusiveLock", b"{3}")
    >>> _by_use(frozenset(locks))
    ((2,), (), (1,))
    """
    oids: dict[bytes, set[int]] = {mode.encode(): set() for mode in _USES.values()}
    for mode, relations in held:
        if mode in oids and relations is not None:
            oids[mode].update(map(int, relations[1:-1].split(b",")))
    reads, writes, rows = oids.values()
    return tuple(tuple(sorted(found)) for found in (reads, writes, rows - reads - writes))


def _order(row: Row) -> tuple[tuple[bool, bytes], ...]:
    return tuple((value is not None, value or b"") for value in row)


def _rest_of(standing: Row) -> Row:
    """What is still told of a row that is summed with others: state, wait class, whether it was seen."""
    return tuple(
        None if column in _LOST_IN_REST else value
        for column, value in zip(SESSION_COLUMNS, standing, strict=True)
    )


def _values(columns: Iterable[str], row: Row) -> dict[str, Any]:
    r"""Read the values of a row.

    >>> _values(["application_name", "client_addr", "query_id"], (b"a\xff", None, b"-7"))
    {'application_name': 'a\ufffd', 'client_addr': None, 'query_id': -7}
    """
    found: dict[str, Any] = {}
    for column, value in zip(columns, row, strict=True):
        text = None if value is None else value.decode(errors="replace")
        found[column] = int(text) if text is not None and column == "query_id" else text
    return found
