"""Sizes within a budget: everything estimated from pages first, then measured as far as time goes.

Size functions look at files, and on a large database at so many that they take minutes. So relations
are measured in batches, those first whose last measurement is oldest, and the largest first among
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

from workbench.collect.queries import Query
from workbench.collect.sessions import Answer, Session, Unasked

BUDGET_S = 20.0
"""How long the sizes of one database may take in a run."""

BATCH = 2000
"""How many relations are measured in one transaction, at most."""

BATCH_S = 4.0
"""How long that may take before the batch is cut into pieces."""

_WORTH_ASKING_S = 0.5
_PIECES = 8
_MEASURED_AT = pa.field("measured_at", pa.timestamp("us", tz="UTC"))


@dataclass(frozen=True)
class Measured:
    """The frame ``sizes`` of one database, what it cost, and how far the measuring came.

    ``table`` has a row per physical relation; ``measured_at`` is None where the size is of this run, else
    the date of the run it is from. ``earlier`` and ``guessed`` count the tables whose sizes are from an
    earlier run, or estimated from pages for want of time or for a lock that came in between.
    """

    table: pa.Table
    ms: float
    earlier: int
    guessed: int


def measure(
    session: Session,
    query: Query,
    earlier: pa.Table | None,
    *,
    budget_s: float = BUDGET_S,
    batch: int = BATCH,
) -> Measured | psycopg.Error | Unasked:
    """Measure the relations of a database; an exception where not even an estimate could be had.

    ``earlier`` is the frame that an earlier run made of the same database.
    """
    ends = time.monotonic() + budget_s
    estimate = session.alone(query, settings={"workbench.estimate": "on"})
    if not isinstance(estimate, Answer):
        return estimate
    earlier = _measurements(earlier, estimate.table)
    turns = _in_turn(estimate.table, earlier)
    waiting = deque(turns[at : at + batch] for at in range(0, len(turns), batch))
    found, ms = [], estimate.ms
    while waiting and (left := ends - time.monotonic()) > _WORTH_ASKING_S:
        tables = waiting.popleft()
        outcome = session.alone(
            query,
            settings={"workbench.relations": ",".join(map(str, tables))},
            limit_s=min(left, BATCH_S),
        )
        if isinstance(outcome, Answer):
            found.append(outcome.table)
            ms += outcome.ms
        elif len(tables) > 1:
            # One that is slow or locked costs the others of its batch no measurement, only their turn.
            width = math.ceil(len(tables) / _PIECES)
            waiting.extend(tables[at : at + width] for at in range(0, len(tables), width))
    return _merged(estimate.table, found, earlier, ms)


def _measurements(earlier: pa.Table | None, now: pa.Table) -> pa.Table:
    """What was once measured of the relations there are: no estimates, no relation that is gone."""
    if earlier is None:
        return _dated(now.slice(0, 0))
    here = pc.is_in(earlier.column("relation_oid"), value_set=now.column("relation_oid"))
    guessed = earlier.filter(earlier.column("estimated")).column("relation_oid")
    kept = pc.and_(here, pc.invert(pc.is_in(earlier.column("relation_oid"), value_set=guessed)))
    return _dated(earlier.filter(kept)).select(_dated(now).column_names)


def _dated(table: pa.Table) -> pa.Table:
    if _MEASURED_AT.name in table.column_names:
        return table
    return table.append_column(_MEASURED_AT, pa.nulls(table.num_rows, _MEASURED_AT.type))


def _in_turn(estimate: pa.Table, earlier: pa.Table) -> list[int]:
    """The tables in the order of their turn: never measured, oldest measured, largest.

    >>> sizes = pa.table({"relation_oid": [1, 2, 3, 4], "bytes": [10, 20, 30, 15]})
    >>> days = pa.array([2, 1], _MEASURED_AT.type)
    >>> _in_turn(sizes, pa.table({"relation_oid": [3, 2], "measured_at": days}))
    [4, 1, 2, 3]
    """
    dates = earlier.column("measured_at").cast(pa.int64()).to_pylist()
    age = dict(zip(earlier.column("relation_oid").to_pylist(), dates, strict=True))
    totals = estimate.group_by("relation_oid").aggregate([("bytes", "sum")])
    oids, sizes = (totals.column(n).to_pylist() for n in ("relation_oid", "bytes_sum"))
    size = dict(zip(oids, sizes, strict=True))
    never = -math.inf
    return sorted(oids, key=lambda oid: (age.get(oid, never), -(size[oid] or 0), oid))


def _merged(
    estimate: pa.Table, found: Sequence[pa.Table], earlier: pa.Table, ms: float
) -> Measured:
    """Each table's rows from one source: this run, else an earlier one, else the estimate."""
    kept: list[pa.Table] = []
    counts: list[int] = []
    known = pa.chunked_array([pa.array([], estimate.schema.field("relation_oid").type)])
    now = pa.concat_tables([estimate.slice(0, 0), *found])
    # A relation that was dropped in between has no size.
    now = now.filter(pc.is_valid(now.column("bytes")))
    for source in (now, earlier, estimate):
        new = source.filter(pc.invert(pc.is_in(source.column("relation_oid"), value_set=known)))
        tables = pc.unique(new.column("relation_oid"))
        counts.append(len(tables))
        known = pa.chunked_array([*known.chunks, tables])
        kept.append(_dated(new))
    table = pa.concat_tables(kept, promote_options="permissive").sort_by(
        [("relation_oid", "ascending"), ("oid", "ascending")]
    )
    return Measured(table.combine_chunks(), ms, counts[1], counts[2])
