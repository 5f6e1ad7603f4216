"""What measures of statements share: each service's slices in order, windows in words, figures as of each day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from workbench.analyse.standing import Figure
from workbench.analyse.trend import Floats
from workbench.analyse.workload import Workload
from workbench.decide.evidence import Evidence
from workbench.decide.measured import Ask, Measured, Thing
from workbench.snapshot import records

UNFORETOLD = "a figure of a whole window has no trend of its own: no day is foretold"
EVICTED = "entries were evicted: how often the lost ones ran is not known"
UNUSED = "no statement touched its data for certain in this window"
DAY_S = 86400.0


def of_instances(
    evidence: Evidence, ask: Ask, found: Mapping[Any, Any], least: set[Any], why: str
) -> Iterator[Measured]:
    """Tell a figure per instance, or their sum; those in ``least`` may be more, and ``why`` says so."""
    names = [i.name for i in evidence.estate.instances] or sorted(map(str, found))
    known = {n: float(found[n]) for n in names if n in found and pd.notna(found[n])}
    at, words = evidence.history.newest.at, period(evidence)

    def figure(members: list[str]) -> Figure:
        missing = [n for n in members if n not in known]
        if missing:
            told = "it was not counted over days; it needs two snapshots on different days"
            return Figure(at, None, None, because=f"of {', '.join(missing)}: {told}")
        value = sum(known[n] for n in members)
        open_ended = any(n in least for n in members)
        because = why if open_ended else None
        return Figure(
            at, value, value, because=because, open_ended=open_ended, unforetold=UNFORETOLD
        )

    if ask.level == "estate":
        yield Measured(Thing(), figure(names), words)
    else:
        for name in names:
            yield Measured(Thing(instance=name), figure([name]), words)


def services(
    evidence: Evidence, ask: Ask, busiest: bool
) -> Iterator[tuple[Mapping[str, Any], pd.DataFrame]]:
    """Each service's row of the workload, and its slices in order."""
    found: Workload = evidence.workload
    held = evidence.slices.in_order(busiest)
    nothing = evidence.slices.by_reading.iloc[:0]
    rows = found.services.sort_values(["instance", "service"])
    wanted = ask.services if ask.level == "service" else None
    for row in records(rows if wanted is None else rows[rows["service"].isin(wanted)]):
        yield row, held.get((row["instance"], row["service"]), nothing)


def entries_of(evidence: Evidence, thing: Thing) -> pd.DataFrame:
    """What each statement that may touch a service's data took in the whole window: certain, calls, time_ms."""
    mine = evidence.slices.claims_of(thing.instance, thing.service)
    taken = evidence.slices.by_entry
    return mine[["entry", "certain"]].merge(taken, "inner", left_on="entry", right_index=True)


def running(days: pd.DataFrame, time: str) -> Floats:
    """As of each slice, the number of the busiest so far: that with the most time by real time."""
    busy = (days[time] / days["seconds"]).to_numpy(dtype=float)
    best = np.maximum.accumulate(busy)
    first = np.flatnonzero(np.concatenate([[True], best[1:] > best[:-1]]))
    numbers = np.zeros(len(busy), dtype=int)
    numbers[first] = first
    found: Floats = np.maximum.accumulate(numbers)
    return found


def as_of(days: pd.DataFrame, busiest: bool, time: str, by: str) -> tuple[int, Floats]:
    """The number of the slice that the figure is of, and ``time`` over ``by`` as of each slice."""
    if busiest:
        numbers = running(days, time)
        series = over(days[time], days[by]).to_numpy(dtype=float)[numbers]
        return int(numbers[-1]), series
    sums = days[[time, by]].cumsum()
    return len(days) - 1, over(sums[time], sums[by]).to_numpy(dtype=float)


def over(part: pd.Series[Any], whole: pd.Series[Any]) -> pd.Series[Any]:
    """Return part over whole; 0 where the whole is nothing."""
    found: pd.Series[Any] = (part / whole.where(whole > 0)).fillna(0.0)
    return found


def elapsed_days(evidence: Evidence, days: pd.DataFrame) -> pd.Series[Any]:
    """Days of the calendar from the beginning of the window to each slice; NA where nobody knows."""
    spans = statement_spans(evidence)
    spans = spans[spans["instance"] == days["instance"].iloc[0]]
    since, alone = spans["since"].iloc[0], spans["kind"].iloc[0] != "difference"
    if alone:
        return pd.Series(spans["days"].iloc[0], days.index, dtype="Float64")
    passed = (days["at"] - since).dt.total_seconds() / DAY_S
    found: pd.Series[Any] = passed.where(passed > 0)
    return found


def statement_spans(evidence: Evidence) -> pd.DataFrame:
    """Return from when to when the statements of each instance are counted."""
    spans = evidence.window.spans
    return spans[spans["frame"] == "statements"]


def thing_of(row: Mapping[str, Any]) -> Thing:
    """Return the service of a row of the workload."""
    return Thing(instance=row["instance"], service=row["service"])


def period(evidence: Evidence) -> str | None:
    """Return the days of the history, in words."""
    since, until = evidence.coverage.since, evidence.coverage.until
    return f"{since:%Y-%m-%d} to {until:%Y-%m-%d}" if since and until else None


def words_of(
    evidence: Evidence, row: Mapping[str, Any], busiest: bool
) -> tuple[str | None, str | None]:
    """The window in words, and what it leaves out."""
    if not busiest or row["instance"] not in set(evidence.slices.readings["instance"]):
        return period(evidence), None
    return evidence.slices.words(row["instance"])


def unknown(
    evidence: Evidence, thing: Thing, row: Mapping[str, Any], why: str, words: str | None
) -> Measured:
    """Return a figure without value: because the statements were not read, else ``why``."""
    unread = row["because"] if pd.isna(row["time_ms_low"]) else None
    because = unread or why
    return Measured(
        thing, Figure(evidence.history.newest.at, None, None, because=str(because)), words
    )


def measured(
    evidence: Evidence,
    thing: Thing,
    days: pd.DataFrame,
    low: float,
    high: float,
    series: Floats | tuple[Floats, Floats],
    words: str | None,
    because: str | None,
    each: Floats | None = None,
    *,
    top: bool = True,
) -> Measured:
    """A figure with the figure as of each day: of the slices of one day the last stands.

    ``each`` is the figure of each slice by itself, which a day is foretold from: of one day's slices the highest
    (``top``), else their mean.
    """
    low, high = float(low), max(float(low), float(high))
    lows, highs = series if isinstance(series, tuple) else (series, series)
    newest = evidence.history.newest.at
    if not len(lows):
        return Measured(
            thing, Figure(newest, low, high, because=because, unforetold=UNFORETOLD), words
        )
    dates = days["at"].dt.floor("D")
    last = ~dates.duplicated(keep="last").to_numpy()
    start = days["at"].iloc[0]
    x = ((days["at"] - start).dt.total_seconds() / DAY_S).to_numpy(dtype=float)[last]
    lows, highs = lows[last].copy(), highs[last].copy()
    lows[-1], highs[-1] = low, high
    figure = Figure(
        newest,
        low,
        high,
        start,
        x,
        lows,
        highs,
        because=because,
        unforetold=UNFORETOLD,
        by_day=None if each is None else _by_day(days, each, top=top),
    )
    return Measured(thing, figure, words)


def _by_day(days: pd.DataFrame, each: Floats, *, top: bool) -> tuple[Floats, Floats]:
    """The days since the first, and the highest or mean figure of each; what is not known of a slice is left out."""
    known = pd.Series(each, days.index)
    dated = known.groupby(days["at"].dt.floor("D"))
    tops = (dated.max() if top else dated.mean()).dropna()
    at = (pd.DatetimeIndex(tops.index) - days["at"].iloc[0]).total_seconds()
    return at.to_numpy(dtype=float) / DAY_S, tops.to_numpy(dtype=float)
