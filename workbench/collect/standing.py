"""What stands in for a database that could not be read this time: its state as it was read before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from workbench.collect.queries import load_queries
from workbench.model import Missing
from workbench.snapshot import Part, Snapshot

_FOLDERS = ("catalogue", "sizes")
"""Questions about a state. Counters never stand in: they would tell of a time without any load."""


def standing_in(
    previous: Snapshot, missing: Iterable[Missing], held: Iterable[tuple[object, ...]]
) -> Iterator[tuple[Part, bytes]]:
    """Return the parts of ``previous`` for what is ``missing`` as a whole, with the date they are of.

    ``held`` are the answers there are: ``(frame, instance, database)``.
    """
    state = {q.frame for q in load_queries() if q.folder in _FOLDERS}
    gone = {(m.instance, m.database) for m in missing if m.what in ("instance", "database")}
    there = set(held)
    for part in previous.manifest.parts:
        place = (part.instance, part.database)
        lost = part.database is not None and bool({place, (part.instance, None)} & gone)
        if lost and part.frame in state and (part.frame, *place) not in there:
            yield (
                replace(part, as_of=part.as_of or previous.at),
                previous.objects.bytes(part.content),
            )


def with_age(missing: Missing, parts: Iterable[Part]) -> Missing:
    """Say in a gap of a whole database or instance how old that is what stands in for it."""
    dates = [
        p.as_of
        for p in parts
        if p.as_of is not None
        and p.instance == missing.instance
        and missing.database in (None, p.database)
    ]
    if missing.what not in ("instance", "database") or not dates:
        return missing
    return replace(missing, why=f"{missing.why}; what is shown of it is of {_days(dates)}")


def _days(dates: list[datetime]) -> str:
    first, last = (f"{d.astimezone(UTC):%Y-%m-%d %H:%M} UTC" for d in (min(dates), max(dates)))
    return first if first == last else f"{first} to {last}"


def answer_before(
    previous: Snapshot, frame: str, instance: str, database: str | None
) -> tuple[pa.Table, datetime] | None:
    """Return the rows of a frame as they were read at a place, and when that was; None where they were not."""
    for part in previous.manifest.parts:
        if part.endpoint is None and (part.frame, part.instance, part.database) == (
            frame,
            instance,
            database,
        ):
            return previous.objects.answer(part), part.as_of or previous.at
    return None


def sizes_before(
    previous: Snapshot, frame: str, instance: str, database: str | None
) -> pa.Table | None:
    """Return a frame of sizes as it was, each row with the date it was measured at."""
    found = answer_before(previous, frame, instance, database)
    if found is None:
        return None
    table, read_at = found
    at = pa.scalar(read_at, pa.timestamp("us", tz="UTC"))
    if "measured_at" not in table.column_names:
        return table.append_column("measured_at", pa.repeat(at, table.num_rows))
    index = table.schema.get_field_index("measured_at")
    column = table.column(index).cast(at.type)
    return table.set_column(index, "measured_at", pc.fill_null(column, at))
