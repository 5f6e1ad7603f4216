"""Whether a cache of its own is worth it: reads that repeat often, on tables that are written seldom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from workbench.analyse.trend import Floats
from workbench.decide.evidence import Evidence
from workbench.decide.measured import Ask, Measured
from workbench.decide.measures.common import (
    EVICTED,
    UNUSED,
    elapsed_days,
    measured,
    period,
    services,
    thing_of,
    unknown,
)


def cacheable_share(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure the share of each service's time that reads take which repeat often, on tables that change seldom."""
    numbers = dict(ask.parameters or {})
    held = _seldom_written(evidence, numbers["writes_per_minute"])
    taken = evidence.slices.taken.merge(evidence.claims, "inner", ["entry", "instance"])
    of_service = dict(iter(taken.groupby(["instance", "service"], sort=False)))
    for row, days in services(evidence, ask, busiest=False):
        thing, words = thing_of(row), period(evidence)
        elapsed = elapsed_days(evidence, days) if len(days) else None
        if elapsed is None or not days["ms"].sum():
            yield unknown(evidence, thing, row, UNUSED, words)
            continue
        if elapsed.isna().any() or held is None:
            yield unknown(
                evidence,
                thing,
                row,
                "calls and rows were not counted over days: it needs two snapshots on different days",
                words,
            )
            continue
        mine = of_service.get((thing.instance, thing.service), taken.iloc[:0])
        low, high = _cacheable(mine, held, elapsed, days["at"], numbers["calls_per_day"])
        if evidence.evicted.get(row["instance"]):
            yield unknown(evidence, thing, row, EVICTED, words)
            continue
        yield measured(evidence, thing, days, low[-1], high[-1], (low, high), words, None)


def _cacheable(
    taken: pd.DataFrame, held: pd.DataFrame, days: pd.Series[Any], at: pd.Series[Any], often: float
) -> tuple[Floats, Floats]:
    """The share of time as of each day: of what is the service's for certain, and with all that may be."""
    about = taken.drop_duplicates("entry").set_index("entry").sort_index()
    moments = pd.Index(at)
    shape = len(moments), len(about)
    when, which = (
        moments.get_indexer(pd.Index(taken["at"])),
        about.index.get_indexer(pd.Index(taken["entry"])),
    )

    def so_far(column: str) -> Floats:
        wide = np.zeros(shape)
        np.add.at(wide, (when, which), taken[column].to_numpy(dtype=float, na_value=0.0))
        found: Floats = wide.cumsum(axis=0)
        return found

    # what touches a table that is written too often, or not counted
    busy = np.zeros(shape, dtype=bool)
    rows, columns = (
        moments.get_indexer(pd.Index(held["at"])),
        about.index.get_indexer(pd.Index(held["entry"])),
    )
    here = (rows >= 0) & (columns >= 0)
    busy[rows[here], columns[here]] = True
    fits = (so_far("calls") / days.to_numpy(dtype=float)[:, None] > often) & ~busy
    fits &= about["only_reads"].to_numpy(dtype=bool)
    time = so_far("time_ms") * about["high"].to_numpy(dtype=float)
    sure = about["certain"].to_numpy(dtype=bool)

    def summed(chosen: np.ndarray) -> Floats:
        found: Floats = np.where(chosen, time, 0.0).sum(axis=1)
        return found

    part, total = summed(fits & sure), summed(np.broadcast_to(sure, fits.shape))
    maybe, rest = summed(fits & ~sure), summed(~fits & ~sure)
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = part / (total + rest), (part + maybe) / (total + maybe)
    return np.nan_to_num(low), np.nan_to_num(high)


def _seldom_written(evidence: Evidence, most: float) -> pd.DataFrame | None:
    """Per reading, the entries that touch a table written ``most`` times a minute or more, or one not counted: at, entry."""
    written = evidence.inserted.written
    touches = evidence.workload.attributed.touches
    place = ["instance", "database", "schema", "relation"]
    tables = touches[["entry", *place]].drop_duplicates()
    written = written.rename(columns={"table": "relation"})
    if written.empty:
        return None
    minutes = written["days"] * 24 * 60
    written["often"] = written["written"].astype("float64") / minutes >= most
    moments = written[["at"]].drop_duplicates()
    every = tables.merge(moments, how="cross")
    every = every.merge(written[["at", *place, "often"]], "left", ["at", *place])
    catalogue = {
        (r.instance, r.database, r.schema, r.relation)
        for r in evidence.workload.attributed.catalogue.relations()
        if r.relkind in "rpm"
    }
    counted = pd.Series(
        [t in catalogue for t in every[place].itertuples(index=False, name=None)], every.index
    )
    often = every["often"].astype("boolean").fillna(counted.astype("boolean")).astype(bool)
    return every.loc[often, ["at", "entry"]].drop_duplicates()
