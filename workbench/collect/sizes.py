"""Sizes within a budget: everything named first, then measured as far as time goes.

Size functions look at files, and on a large database at so many that they take minutes. So relations
and databases are measured in batches, those first whose last measurement is oldest, and the largest first among
equals; over several runs every one has its turn. What was not measured this time keeps its last
measurement, with the date of it.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
import pyarrow as pa
import pyarrow.compute as pc

from workbench.collect.guards import Unasked
from workbench.collect.queries import Query
from workbench.collect.sessions import STATEMENT_S, Answer, Session

BUDGET_S = 20.0
"""How long the sizes of one database's relations may take in a run, or those of one instance's databases."""

_WORTH_ASKING_S = 0.5
_PIECES = 8
_MEASURED_AT = pa.field("measured_at", pa.timestamp("us", tz="UTC"))


@dataclass(frozen=True)
class Turns:
    """How the rows of a frame are measured in turns.

    ``key`` is the column of what has a turn (it may have several rows), ``setting`` the one that limits the
    question to some of them, ``batch`` how many are measured in one transaction, ``patience_s`` how long
    that may take: a batch that takes longer is cut into pieces, and one alone gets the next longer time,
    after all others. ``things``, ``otherwise`` and ``remedy`` say to a person what was not measured.
    """

    key: str
    setting: str
    batch: int
    patience_s: tuple[float, ...]
    things: str
    otherwise: str
    remedy: str


TURNS = {
    "sizes": Turns(
        key="relation_oid",
        setting="workbench.relations",
        batch=2000,
        patience_s=(4.0,),
        things="tables",
        otherwise="are estimated from pages",
        remedy="nothing to do: they are the first to be measured in the next run",
    ),
    "database_sizes": Turns(
        key="oid",
        setting="workbench.databases",
        batch=16,
        # A database takes as long as it has files: the small ones do not wait for the large ones.
        patience_s=(1.0, STATEMENT_S),
        things="databases",
        otherwise="have no size",
        remedy="they are the first to be measured in the next run; of one that takes too long every time, "
        "bring the size of the provider's console with `workbench history import`",
    ),
}
"""The frames that are measured in turns."""


@dataclass(frozen=True)
class Measured:
    """A frame of sizes, what it cost, and how far the measuring came.

    ``table`` has the rows of the query; ``measured_at`` is None where the size is of this run, else
    the date of the run it is from. ``earlier`` and ``guessed`` count the things whose sizes are from an
    earlier run, or as the question gives them without looking (of relations estimates from pages, of
    databases none), for want of time or for a lock that came in between.
    """

    table: pa.Table
    ms: float
    earlier: int
    guessed: int

    def gap(self, frame: str, budget_s: float) -> tuple[str, str] | None:
        """Say what was not measured this time, and what would settle it; None where everything was."""
        turns = TURNS[frame]
        if not self.earlier + self.guessed:
            return None
        return (
            f"{self.earlier + self.guessed} {turns.things} could not be measured within {budget_s:g} s: "
            f"of {self.earlier} an earlier measurement is shown with its date, "
            f"{self.guessed} {turns.otherwise}",
            turns.remedy,
        )


def measure(
    session: Session,
    query: Query,
    earlier: pa.Table | None,
    *,
    budget_s: float = BUDGET_S,
    batch: int | None = None,
) -> Measured | psycopg.Error | Unasked:
    """Measure what ``query`` (one of ``TURNS``) asks; an exception where not even the names could be had.

    ``earlier`` is the frame that an earlier run made of the same place. A row that is ``unseen`` has no
    turn: time would not help.
    """
    turns = TURNS[query.frame]
    width = batch or turns.batch
    ends = time.monotonic() + budget_s
    named = session.alone(query, settings={"workbench.estimate": "on"})
    if not isinstance(named, Answer):
        return named
    earlier = _measurements(earlier, named.table, turns.key)
    order = _in_turn(named.table, earlier, turns.key)
    waiting = deque((order[at : at + width], 0) for at in range(0, len(order), width))
    found, ms = [], named.ms
    while waiting and (left := ends - time.monotonic()) > _WORTH_ASKING_S:
        things, patience = waiting.popleft()
        outcome = session.alone(
            query,
            settings={turns.setting: ",".join(map(str, things))},
            limit_s=min(left, turns.patience_s[patience]),
        )
        if isinstance(outcome, Answer):
            found.append(outcome.table)
            ms += outcome.ms
        elif len(things) > 1:
            # One that is slow or locked costs the others of its batch no measurement, only their turn.
            piece = math.ceil(len(things) / _PIECES)
            waiting.extend((things[at : at + piece], 0) for at in range(0, len(things), piece))
        elif isinstance(outcome, psycopg.errors.QueryCanceled) and turns.patience_s[patience + 1 :]:
            waiting.append((things, patience + 1))
    return _merged(named.table, found, earlier, ms, turns.key)


def _unmeasured(table: pa.Table) -> pa.ChunkedArray:
    """Which rows hold no measurement: no size, or an estimate."""
    empty = pc.is_null(table.column("bytes"))
    return pc.or_(empty, table.column("estimated")) if "estimated" in table.column_names else empty


def _measurements(earlier: pa.Table | None, now: pa.Table, key: str) -> pa.Table:
    """What was once measured of the things there are: no estimates, nothing that is gone or hidden."""
    if earlier is None:
        return _dated(now.slice(0, 0))
    guessed = earlier.filter(_unmeasured(earlier)).column(key)
    here = pc.is_in(earlier.column(key), value_set=_seen(now).column(key))
    kept = pc.and_(here, pc.invert(pc.is_in(earlier.column(key), value_set=guessed)))
    return _dated(earlier.filter(kept)).select(_dated(now).column_names)


def _dated(table: pa.Table) -> pa.Table:
    if _MEASURED_AT.name in table.column_names:
        return table
    return table.append_column(_MEASURED_AT, pa.nulls(table.num_rows, _MEASURED_AT.type))


def _seen(table: pa.Table) -> pa.Table:
    """The rows that time would measure."""
    return (
        table.filter(pc.is_null(table.column("unseen")))
        if "unseen" in table.column_names
        else table
    )


def _in_turn(named: pa.Table, earlier: pa.Table, key: str) -> list[int]:
    """The things in the order of their turn: never measured, oldest measured, largest.

    >>> sizes = pa.table({"oid": [1, 2, 3, 4], "bytes": [10, 20, 30, 15]})
    >>> days = pa.array([2, 1], _MEASURED_AT.type)
    >>> _in_turn(sizes, pa.table({"oid": [3, 2], "bytes": [30, 20], "measured_at": days}), "oid")
    [4, 1, 2, 3]
    """
    dates = earlier.column("measured_at").cast(pa.int64()).to_pylist()
    age = dict(zip(earlier.column(key).to_pylist(), dates, strict=True))
    size: dict[int, int] = {}
    for source in (earlier, _seen(named)):  # of a database only the earlier size is known
        totals = source.group_by(key).aggregate([("bytes", "sum")])
        for thing, total in zip(
            *(totals.column(n).to_pylist() for n in (key, "bytes_sum")), strict=True
        ):
            size[thing] = total or size.get(thing, 0)
    things = _seen(named).column(key).unique().to_pylist()
    return sorted(things, key=lambda thing: (age.get(thing, -math.inf), -size[thing], thing))


def _merged(
    named: pa.Table, found: Sequence[pa.Table], earlier: pa.Table, ms: float, key: str
) -> Measured:
    """Each thing's rows from one source: this run, else an earlier one, else without a measurement."""
    kept: list[pa.Table] = []
    counts: list[int] = []
    known = pa.chunked_array([pa.array([], named.schema.field(key).type)])
    now = pa.concat_tables([named.slice(0, 0), *found])
    # What was dropped in between has no size.
    now = now.filter(pc.is_valid(now.column("bytes")))
    for source in (now, earlier, named):
        new = source.filter(pc.invert(pc.is_in(source.column(key), value_set=known)))
        counts.append(len(pc.unique(_seen(new).column(key))))
        known = pa.chunked_array([*known.chunks, pc.unique(new.column(key))])
        kept.append(_dated(new))
    order = dict.fromkeys((key, "oid"))
    table = pa.concat_tables(kept, promote_options="permissive").sort_by(
        [(name, "ascending") for name in order]
    )
    return Measured(table.combine_chunks(), ms, counts[1], counts[2])
