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

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import pyarrow as pa

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

_WRITTEN = re.compile(rb'(?:^|,)("(?:[^"]|"")*"|[^,]*)')
_DOUBLED = re.compile(rb'(["\\])\1')

_Uses = tuple[tuple[int, ...], ...]
_Key = tuple[bytes, bytes]


@dataclass
class _Transaction:
    """One that goes on: how its session stood last, the locks it was seen with, in how many looks."""

    standing: bytes = b""
    held: set[bytes] = field(default_factory=set)
    looks: int = 0


class Fold:
    """Looks, added up. Takes rows as the server writes records, and reads values only when all are in.

    >>> fold = Fold()
    >>> sessions = [b"(shop,ann,app,,active,,,7,,42)"]
    >>> reads, writes = b"(42,3/1,AccessShareLock,{16400})", b"(42,3/1,RowExclusiveLock,{16500})"
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
        self._standing: Counter[bytes] = Counter()
        self._rare: Counter[bytes] = Counter()
        self._running: dict[_Key, _Transaction] = {}
        self._ended: dict[tuple[bytes, _Uses], list[int]] = {}
        self._beyond = [0, 0]

    def look(self, sessions: Iterable[bytes], locks: Iterable[bytes]) -> None:
        """Add one look: the rows of ``session_look`` and those of ``lock_look``, just after."""
        self.looks += 1
        whose: dict[bytes, bytes] = {}
        for row in sessions:
            standing, _, pid = row[1:-1].rpartition(b",")
            whose[pid] = standing
        self.sessions += len(whose)
        if len(self._standing) < _HELD:
            self._standing.update(whose.values())
        else:
            for standing in whose.values():
                if standing in self._standing:
                    self._standing[standing] += 1
                else:
                    self._rare[_rest_of(standing)] += 1
        running: dict[_Key, _Transaction] = {}
        for row in locks:
            pid, number, lock = row[1:-1].split(b",", 2)
            # Parallel and other workers, and prepared transactions, are no client's session.
            if pid in whose:
                key = pid, number
                going_on = running.get(key)
                if going_on is None:
                    running[key] = going_on = self._running.pop(key, None) or _Transaction()
                    going_on.standing = whose[pid]
                    going_on.looks += 1
                going_on.held.add(lock)
        for gone in self._running.values():
            self._end(gone)
        self._running = running

    def _end(self, transaction: _Transaction) -> None:
        uses = _by_use(frozenset(transaction.held))
        if not any(uses):
            return
        key = _first(len(_WHOSE), transaction.standing), uses
        if key not in self._ended and len(self._ended) >= _HELD:
            counts = self._beyond
        else:
            counts = self._ended.setdefault(key, [0, 0])
        counts[0] += 1
        counts[1] += transaction.looks

    def session_rows(self) -> pa.Table:
        """Return the rows of ``session_samples``, the most frequent first."""
        kept = sorted(self._standing.items(), key=lambda item: (-item[1], item[0]))
        beyond = Counter(self._rare)
        for standing, count in kept[KEPT:]:
            beyond[_rest_of(standing)] += count
        rows = [_values(SESSION_COLUMNS, s) | {"looks": n, "rest": False} for s, n in kept[:KEPT]]
        for standing, count in sorted(beyond.items()):
            rows.append(_values(SESSION_COLUMNS, standing) | {"looks": count, "rest": True})
        return pa.Table.from_pylist(rows, _SESSIONS)

    def transaction_rows(self) -> pa.Table:
        """Return the rows of ``transaction_samples``, the most frequent first, with those that still run."""
        for transaction in self._running.values():
            self._end(transaction)
        self._running = {}
        kept = sorted(self._ended.items(), key=lambda item: (-item[1][1], item[0]))
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
def _by_use(held: frozenset[bytes]) -> _Uses:
    """Return the relations that are read, written, and row-locked alone.

    >>> locks = b'RowShareLock,"{1,2}"', b"AccessShareLock,{2}", b"AccessExclusiveLock,{3}"
    >>> _by_use(frozenset(locks))
    ((2,), (), (1,))
    """
    oids: dict[str, set[int]] = {mode: set() for mode in _USES.values()}
    for lock in held:
        mode, _, relations = lock.decode().partition(",")
        if mode in oids:
            oids[mode].update(map(int, relations.strip('{}"').split(",")))
    reads, writes, rows = oids.values()
    return tuple(tuple(sorted(found)) for found in (reads, writes, rows - reads - writes))


def _rest_of(standing: bytes) -> bytes:
    """What is still told of a row that is summed with others: state, wait class, whether it was seen."""
    return b",".join(
        b"" if column in _LOST_IN_REST else value
        for column, value in zip(SESSION_COLUMNS, _written(standing), strict=True)
    )


def _first(many: int, record: bytes) -> bytes:
    return b",".join(_written(record)[:many])


def _written(record: bytes) -> list[bytes]:
    r"""Return the values of a record as they are written in it; the record is without its parentheses.

    >>> _written(b',a,"b,\\c",,""')
    [b'', b'a', b'"b,\\c"', b'', b'""']
    """
    found: list[bytes] = _WRITTEN.findall(record)
    return found


def _values(columns: Iterable[str], record: bytes) -> dict[str, Any]:
    r"""Read the values of a record, which is without its parentheses.

    >>> _values(["application_name", "client_addr", "query_id"], b'"a\\\\""b, c",,-7')
    {'application_name': 'a\\"b, c', 'client_addr': None, 'query_id': -7}
    """
    found: dict[str, Any] = {}
    for column, value in zip(columns, _written(record), strict=True):
        plain = _DOUBLED.sub(rb"\1", value[1:-1]) if value.startswith(b'"') else value
        text = plain.decode(errors="replace") if value else None
        found[column] = int(text) if text is not None and column == "query_id" else text
    return found
