"""Measures of size and growth: what the page of capacity shows, thing by thing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from workbench.analyse.limits import figure_of, storage, things
from workbench.decide.evidence import Evidence
from workbench.decide.measured import Ask, Measured, Thing
from workbench.snapshot import records


def storage_used(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure what each instance holds, as a share of its declared storage."""
    held = evidence.capacity
    for row in records(held.by_day.room):
        figure = storage(row, held.by_day, held.growth)
        if figure.low is not None and figure.high is not None:
            size = float(row["storage_bytes"])
            figure = replace(
                figure,
                low=figure.low / size,
                high=figure.high / size,
                lows=figure.lows / size,
                highs=figure.highs / size,
            )
        yield Measured(Thing(instance=row["instance"]), figure)


def _of_capacity(metric: str, evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    held = evidence.capacity
    words = None
    if metric == "rows_per_day":
        since, until = evidence.coverage.since, evidence.coverage.until
        words = f"{since:%Y-%m-%d} to {until:%Y-%m-%d}" if since and until else None
    for names, days in things(ask.level, held.by_day, held.growth.newest):
        yield Measured(
            Thing(**names), figure_of(metric, names, days, held.growth, evidence.inserted), words
        )


total_bytes = partial(_of_capacity, "total_bytes")
bytes_per_day = partial(_of_capacity, "bytes_per_day")
rows = partial(_of_capacity, "rows")
rows_per_day = partial(_of_capacity, "rows_per_day")
