"""Transactions from the WAL: what was written since the snapshot before, read backwards and folded.

pg_walinspect shows the records. They are read in pieces, each in a short transaction of its own, from the
newest back to where the snapshot before ended: where bytes, time or the server's own retention end the
reading, what was read is the newest stretch, without a hole, and the next reading goes on where it began.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import psycopg
import pyarrow as pa
from psycopg import sql

from workbench.collect.faults import FAILURES, explain
from workbench.collect.guards import Unasked
from workbench.collect.privileges import REFUSED, Login
from workbench.collect.queries import FOLDED, Query, Version, choose, version
from workbench.collect.sessions import STATEMENT_S, Answer, NoTimeLeft, Session
from workbench.collect.wal_fold import SYSTEM, Files, fold
from workbench.conninfo import Target
from workbench.errors import UsageError
from workbench.snapshot import Answered, Snapshot, records

BUDGET_S = 20.0
"""How long the WAL of one instance may take in a run."""

MOST_BYTES = 256 * 2**20
"""How much of it is read at most, the newest."""

PIECE = 16 * 2**20
"""How much is read in one transaction: a segment of the usual size, so that a removed one costs no more."""

WALINSPECT_SINCE: Version = (15, 0)
"""Before this version no server has pg_walinspect."""

_WORTH_ASKING_S = 0.5
_LEAST_PIECE = 2**20
_FIRST = 0x1000000
_REMOVED, _TOO_SLOW = "58P01", "57014"
_ROOM = {"work_mem": "64MB"}  # a piece is held in memory: no temporary file is written

_READING = pa.schema(
    [
        ("since_lsn", pa.int64()),
        ("until_lsn", pa.int64()),
        ("bytes_read", pa.int64()),
        ("bytes_between", pa.int64()),
        ("seconds", pa.float64()),
        ("transactions", pa.int64()),
        ("aborted", pa.int64()),
        ("unfinished", pa.int64()),
        ("lock_only", pa.int64()),
        ("unmapped_bytes", pa.int64()),
        ("timeline", pa.int64()),
        ("because", pa.string()),
    ]
)


def read_size(text: str) -> int:
    """Return the bytes of a size as PostgreSQL writes it; UsageError where it is none.

    >>> read_size("256MB") == MOST_BYTES, read_size("1 GB"), read_size("0")
    (True, 1073741824, 0)
    """
    found = re.fullmatch(r"(\d+)\s*(B|kB|MB|GB|TB|)", text.strip(), re.IGNORECASE)
    if found is None:
        raise UsageError(f"{text!r} is not a size: write it as 256MB")
    units = ("", "kb", "mb", "gb", "tb")
    return int(found[1]) << 10 * units.index(found[2].lower().removeprefix("b"))


@dataclass(frozen=True)
class Refusal:
    """Why the WAL was not read, and what would let it be."""

    why: str
    remedy: str


@dataclass(frozen=True)
class WalFrames:
    """The frames of ``FOLDED["wal"]`` by name; ``ms`` is what all questions took.

    ``wal_transactions`` and ``wal_relations`` are as ``Folded`` has them. ``wal_reading`` is one row: since_lsn
    and until_lsn (positions in bytes), bytes_read, bytes_between (all WAL since the snapshot before; None where
    there is none on this timeline), seconds, the five counts of ``Folded``, timeline, because (why not all of it).
    """

    tables: dict[str, pa.Table]
    ms: float


@dataclass(frozen=True)
class WalRequest:
    """What there is to read of one instance's WAL: ``answers`` are all that was read of the instance in this run."""

    instance: str
    target: Target
    server: Version
    login: Login
    answers: Sequence[Answered]
    previous: Snapshot | None
    most_bytes: int = MOST_BYTES
    budget_s: float = BUDGET_S
    beside: Mapping[str, pa.Table] = field(default_factory=dict)
    """the extensions of databases that were not read otherwise"""

    def read(self) -> WalFrames | Refusal:
        """Read and fold the WAL since ``previous``, in the first database that has pg_walinspect."""
        if self.most_bytes <= 0:
            return Refusal("it was told to leave the WAL alone", "collect with --wal-max 256MB")
        found = self._entrance()
        if isinstance(found, Refusal):
            return found
        database, schema, (position, changes) = found
        try:
            with Session(self.target.with_database(database)) as session:
                return self._through(session, schema, position, changes, database)
        except FAILURES as error:
            return Refusal(*explain(error, self.target.with_database(database)))

    def _entrance(self) -> tuple[str, str, tuple[Query, Query]] | Refusal:
        """The database to ask in, the extension's schema there, and the questions."""
        extensions = [
            (a.database, a.table) for a in self.answers if a.frame == "extensions" and a.database
        ]
        extensions += self.beside.items()
        if not extensions:
            why = "it could not be read which extensions there are"
            return Refusal(why, "settle what is missing of the databases first")
        held = {
            d: (version(row["extversion"]), row["schema"])
            for d, table in extensions
            for row in table.to_pylist()
            if row["extname"] == "pg_walinspect"
        }
        database = min(held, default="")
        versions = {"server": self.server}
        if held:
            versions["pg_walinspect"] = held[database][0]
        fitting, refused = choose("wal", versions)
        for lacking in refused.values():
            if lacking.what == "server":
                return Refusal(lacking.why, lacking.remedy)
            return Refusal(
                "the extension pg_walinspect is in none of the databases that were read",
                "CREATE EXTENSION pg_walinspect; in one of them (no restart is needed)",
            )
        by_frame = {q.frame: q for q in fitting}
        return database, held[database][1], (by_frame["wal_position"], by_frame["wal_changes"])

    def _through(
        self, session: Session, schema: str, position: Query, changes: Query, database: str
    ) -> WalFrames | Refusal:
        began = time.monotonic()
        answer = session.alone(position)
        if not isinstance(answer, Answer):
            return Refusal(*explain(answer, None))
        until = answer.table.column("until_lsn")[0].as_py()
        if until is None:
            return Refusal("the server has replayed no WAL yet", "run again later")
        before, because = self._before(until)
        floor = max(before or 0, until - self.most_bytes, _FIRST)
        if before is not None and floor > before:
            because.append("older WAL was left out: --wal-max says how much is read")
        reading = _Reading(session, changes, schema, began + self.budget_s, answer.ms)
        failure = reading.back(until, floor)
        if failure is not None:
            if not reading.pieces:
                return self._refusal(failure, changes, schema, database)
            because.append(_ended(failure))
        found = fold(reading.table(), self._files())
        row = {
            "since_lsn": reading.since,
            "until_lsn": reading.until,
            "bytes_read": reading.until - reading.since,
            "bytes_between": None if before is None else reading.until - before,
            "seconds": round(time.monotonic() - began, 3),
            "transactions": found.committed,
            "aborted": found.aborted,
            "unfinished": found.unfinished,
            "lock_only": found.lock_only,
            "unmapped_bytes": found.unmapped_bytes,
            "timeline": _only(self.answers_of("identity")).get("timeline_id"),
            "because": "; ".join(because) or None,
        }
        tables = {
            "wal_reading": pa.Table.from_pylist([row], schema=_READING),
            "wal_relations": found.relations,
            "wal_transactions": found.transactions,
        }
        assert set(tables) == FOLDED["wal"]
        return WalFrames(tables, reading.ms)

    def _refusal(
        self, error: psycopg.Error | Unasked, query: Query, schema: str, database: str
    ) -> Refusal:
        why, remedy = explain(error, None)
        if getattr(error, "sqlstate", None) == REFUSED:
            named = sql.Identifier(schema).as_string(None)
            grant = self.login.grant(query).replace("{schema}", named)
            where = " ".join(database.split())  # nothing of a name leaves the comment
            return Refusal(why, f"{grant} -- in the database {where}")
        if getattr(error, "sqlstate", None) == _REMOVED:
            return Refusal(why, "collect more often, or raise wal_keep_size on the server")
        return Refusal(why, remedy)

    def answers_of(self, frame: str) -> list[dict[str, Any]]:
        """The rows of an answer about the whole instance; none where it was not given."""
        held = [a.table for a in self.answers if a.frame == frame and a.database is None]
        return [row for table in held for row in table.to_pylist()]

    def _before(self, until: int) -> tuple[int | None, list[str]]:
        """Where the snapshot before ended, or None and the reason why that says nothing here."""
        newest = ["the newest WAL was read, however old it is"]
        if self.previous is None:
            return None, ["there is no snapshot before", *newest]
        columns = ("system_identifier", "timeline_id", "wal_position")
        identity = self.previous.frame("identity", *columns)
        was = _only(records(identity[identity["instance"] == self.instance]))
        now = _only(self.answers_of("identity"))
        same = [str(r.get(c)) for r in (was, now) for c in columns[:2]]
        position = was.get("wal_position")
        readings = self.previous.frame("wal_reading", "until_lsn", "timeline")
        for row in records(readings[readings["instance"] == self.instance]):
            position = row["until_lsn"]
        if not was or not now or pd.isna(position):
            return None, ["the snapshot before does not tell where its WAL ended", *newest]
        if same[:2] != same[2:] or int(position) > until:
            return None, ["another server or timeline answers than before", *newest]
        return int(position), []

    def _files(self) -> Files:
        """Every file that this snapshot or the one before knows; a file that both know is what it is now."""
        names = {r["oid"]: r["datname"] for r in self.answers_of("databases")}
        oids = {name: oid for oid, name in names.items()}
        held: list[tuple[str | None, Iterable[dict[str, Any]]]] = []
        if self.previous is not None:
            columns = ("relation_oid", "tablespace_oid", "filenode")
            was = self.previous.frame("relation_files", *columns)
            was = was[was["instance"] == self.instance].astype(object).where(was.notna(), None)
            held += [(str(d), records(rows)) for d, rows in was.groupby("database")]
        held += [
            (a.database, a.table.to_pylist()) for a in self.answers if a.frame == "relation_files"
        ]
        relations: dict[tuple[int, int, int], int] = {}
        read = set()
        for database, rows in held:
            oid = oids.get(database or "")
            if oid is None:
                continue
            read.add(oid)
            for row in rows:
                place = (oid, int(row["tablespace_oid"]), int(row["filenode"]))
                relations[place] = int(row["relation_oid"] or SYSTEM)
        return Files(relations, names, frozenset(read))


@dataclass
class _Reading:
    """Pieces of WAL, newest first; ``since`` and ``until`` are the positions between which all was read."""

    session: Session
    query: Query
    schema: str
    ends: float
    ms: float
    since: int = 0
    until: int = 0
    pieces: list[pa.Table] = field(default_factory=list)

    def back(self, until: int, floor: int) -> psycopg.Error | Unasked | None:
        """Read from ``until`` back to ``floor``; return what ended it before, if anything did."""
        self.since = self.until = border = until
        width = PIECE
        while border > floor:
            at = self.since
            start = max(floor, (border - 1) // PIECE * PIECE, border - width)
            left = self.ends - time.monotonic()
            if left < _WORTH_ASKING_S:
                return NoTimeLeft("the time for reading the WAL was used up")
            bounds = {"workbench.wal_since": lsn(start), "workbench.wal_until": lsn(at)}
            outcome = self.session.alone(
                self.query, self.schema, bounds | _ROOM, min(left, STATEMENT_S)
            )
            if isinstance(outcome, Answer):
                self.ms += outcome.ms
                self._keep(outcome.table, start, floor)
                border = start
            elif getattr(outcome, "sqlstate", None) == _TOO_SLOW and border - start > _LEAST_PIECE:
                width = (border - start) // 2
            else:
                return outcome
        return None

    def _keep(self, table: pa.Table, start: int, floor: int) -> None:
        """Keep a piece. It begins with its first record: what lies before may end in the piece before it."""
        self.since = start
        if table.num_rows:
            if not self.pieces:
                self.until = _bytes(table.column("end_lsn")[-1].as_py())
            if start > floor:
                self.since = _bytes(table.column("start_lsn")[0].as_py())
        small = table.drop_columns(["start_lsn", "end_lsn"])
        for name in ("record_type", "file"):
            index = small.schema.get_field_index(name)
            small = small.set_column(index, name, small.column(name).dictionary_encode())
        self.pieces.append(small)

    def table(self) -> pa.Table:
        """All records in the order of the WAL, without their positions; at least one piece was asked."""
        if not self.pieces:
            kinds = {"xid": pa.int64(), "record_type": pa.string(), "file": pa.string()}
            kinds |= {"bytes": pa.int64(), "fpi_bytes": pa.int64(), "xids": pa.string()}
            return pa.schema(list(kinds.items())).empty_table()
        return pa.concat_tables(self.pieces[::-1]).unify_dictionaries()


def _only(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return rows[0] if rows else {}


def _ended(error: psycopg.Error | Unasked) -> str:
    if getattr(error, "sqlstate", None) == _REMOVED:
        return "the server has removed older WAL: collect more often, or raise wal_keep_size"
    why, _ = explain(error, None) if isinstance(error, psycopg.Error) else (str(error), "")
    return f"older WAL was not read: {why}"


def lsn(position: int) -> str:
    """Write a position as PostgreSQL does.

    >>> lsn(0x1_0000_00FF), _bytes("1/FF") == 0x1_0000_00FF
    ('1/FF', True)
    """
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def _bytes(lsn: str) -> int:
    high, low = lsn.split("/")
    return (int(high, 16) << 32) + int(low, 16)
