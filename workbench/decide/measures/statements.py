"""Measures of load: what statements took. Each figure lies between what is a service's for certain and all that may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from workbench.analyse.evicted import evicted
from workbench.analyse.standing import Figure
from workbench.analyse.trend import Floats
from workbench.analyse.workload import Workload
from workbench.decide.evidence import Evidence
from workbench.decide.measured import Ask, Measured, Thing
from workbench.snapshot import records

UNFORETOLD = "a figure of a whole window has no trend of its own: no day is foretold"
_EVICTED = "entries were evicted: how often the lost ones ran is not known"
_UNUSED = "no statement touched its data for certain in this window"
_DAY_S = 86400.0


def latency(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure each service's mean time of a call, in ms; of its busiest hour where asked."""
    for row, days in _services(evidence, ask, ask.busiest):
        thing, words, note = _thing(row), *_words(evidence, row, ask.busiest)
        if days.empty or not days["calls"].sum():
            yield _unknown(evidence, thing, row, _UNUSED, words)
            continue
        at, series = _as_of(days, ask.busiest, "ms", "calls")
        now = (
            evidence.slices.entries_of(
                thing.instance or "", thing.service or "", days["at"].iloc[at]
            )
            if ask.busiest
            else _entries(evidence, thing)
        )
        low, high = mean_between(now)
        because = note
        if evicted(evidence.window).get(row["instance"]):
            because = _EVICTED
            lost = (
                float(row["time_ms_high"] or 0) - float(days["high_ms"].sum())
                if pd.notna(row["time_ms_high"])
                else None
            )
            if lost is None:
                yield _unknown(evidence, thing, row, _EVICTED, words)
                continue
            calls = float(now.loc[now["certain"], "calls"].sum())
            low, high = 0.0, high + max(lost, 0.0) / calls
        yield _measured(evidence, thing, days, low, high, series, words, because)


def mean_between(entries: pd.DataFrame) -> tuple[float, float]:
    """Return the least and the most that the mean time of a call may be: uncertain entries may count or not.

    >>> mean_between(pd.DataFrame({"certain": [True, False], "calls": [3.0, 1.0], "time_ms": [3.0, 5.0]}))
    (1.0, 2.0)
    """
    sure = entries[entries["certain"]]
    time, calls = float(sure["time_ms"].sum()), float(sure["calls"].sum())
    rest = entries[~entries["certain"] & (entries["calls"] > 0)]
    ends = []
    for direction in (-1.0, 1.0):
        total, count = time, calls
        means = rest["time_ms"] / rest["calls"]
        for number in (direction * means).sort_values(ascending=False, kind="stable").index:
            if direction * (means[number] - total / count) <= 0:
                break
            total, count = total + rest["time_ms"][number], count + rest["calls"][number]
        ends.append(float(total / count))
    return ends[0], ends[1]


def _column(name: str, metric_per: str | None, evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure a column of ``Workload.services``, by the days of the window where ``metric_per`` says so."""
    for row, days in _services(evidence, ask, busiest=False):
        thing, words = _thing(row), _period(evidence)
        per = float(row[metric_per]) if metric_per and pd.notna(row[metric_per]) else 1.0
        low, high = row[f"{name}_low"], row[f"{name}_high"]
        if pd.isna(low) or pd.isna(high) or (metric_per and (pd.isna(row[metric_per]) or per <= 0)):
            why = row["because"] or "the server does not count it, or over no days"
            yield _unknown(evidence, thing, row, str(why), words)
            continue
        series = np.empty(0)
        if name == "calls" and len(days):
            series = (days["calls"].cumsum() / _elapsed(evidence, days)).to_numpy(dtype=float)
        yield _measured(evidence, thing, days, low / per, high / per, series, words, row["because"])


time_share = partial(_column, "time_ms_share", None)
wal_share = partial(_column, "wal_bytes_share", None)
io_share = partial(_column, "blocks_read_share", None)


def calls_per_day(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure calls a day: of services an interval, of instances and the estate all of them."""
    if ask.level == "service":
        yield from _column("calls", "days", evidence, ask)
    else:
        entries = evidence.workload.callers  # without the workbench's own
        spans = _spans(evidence).set_index("instance")
        sums = entries.groupby("instance")["calls"].sum().astype("float64")
        rates = sums / spans["days"].astype("Float64").reindex(sums.index)
        lost = evicted(evidence.window)
        yield from of_instances(evidence, ask, dict(rates), set(lost), _EVICTED)


def wal_per_day(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure WAL a day: of services by their statements, of instances all of it."""
    if ask.level == "service":
        yield from _column("wal_bytes", "days", evidence, ask)
    else:
        held = evidence.window.wal.set_index("instance")
        rates = held["wal_bytes"].astype("Float64") / held["days"].where(held["days"] > 0)
        restarted = set(held.index[held["lower_bound"] | (held["counted_from"] == "restarted")])
        yield from of_instances(evidence, ask, dict(rates), restarted, "its counters were reset")


def of_instances(
    evidence: Evidence, ask: Ask, found: Mapping[Any, Any], least: set[Any], why: str
) -> Iterator[Measured]:
    """Tell a figure per instance, or their sum; those in ``least`` may be more, and ``why`` says so."""
    names = [i.name for i in evidence.estate.instances] or sorted(map(str, found))
    known = {n: float(found[n]) for n in names if n in found and pd.notna(found[n])}
    at, words = evidence.history.newest.at, _period(evidence)

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


def slow_calls(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure the calls a day of statements that are slow in the mean."""
    slower = dict(ask.parameters or {})["slower_than_ms"]
    entries = evidence.workload.attributed.entries
    slow = entries.index[(entries["mean_exec_time"] > slower).fillna(False)]
    held = evidence.claims[evidence.claims["entry"].isin(slow)]
    held = held.assign(calls=held["entry"].map(entries["calls"]).astype("float64"))
    for row, _ in _services(evidence, ask, busiest=False):
        thing, words, days = _thing(row), _period(evidence), row["days"]
        if pd.isna(row["time_ms_low"]) or pd.isna(days) or days <= 0:
            yield _unknown(evidence, thing, row, "it needs two snapshots on different days", words)
            continue
        mine = held[(held["instance"] == thing.instance) & (held["service"] == thing.service)]
        low = float((mine["calls"] * mine["low"]).sum()) / float(days)
        high = float((mine["calls"] * mine["high"]).sum()) / float(days)
        lost = row["instance"] in evicted(evidence.window)
        figure = Figure(
            evidence.history.newest.at,
            low,
            high,
            unforetold=UNFORETOLD,
            open_ended=lost,
            because=_EVICTED if lost else None,
        )
        yield Measured(thing, figure, words)


def active_sessions(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure how many sessions work at a time."""
    if ask.level == "service":
        for row, days in _services(evidence, ask, busiest=False):
            low, high, words = (
                row["active_sessions_low"],
                row["active_sessions_high"],
                _period(evidence),
            )
            if pd.isna(low) or pd.isna(high):
                yield _unknown(evidence, _thing(row), row, "it was not counted", words)
            else:
                note = f"from {row['active_from']}"
                yield _measured(evidence, _thing(row), days, low, high, np.empty(0), words, note)
        return
    at = evidence.history.newest.at
    for row in records(evidence.sessions.instances):
        value = None if pd.isna(row["active_sessions"]) else float(row["active_sessions"])
        figure = Figure(at, value, value, because=row["because"], unforetold=UNFORETOLD)
        yield Measured(Thing(instance=row["instance"]), figure, "all samples")


def load(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure time in statements over the declared vCPUs."""
    yield from _load(evidence, ask, None)


def replica_load(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure the load of services that mostly read; 0 of those that do not."""
    yield from _load(evidence, ask, dict(ask.parameters or {})["read_share"])


def _load(evidence: Evidence, ask: Ask, reads_over: float | None) -> Iterator[Measured]:
    vcpus = {i.name: i.capacity.vcpus for i in evidence.estate.instances}
    held = _services(evidence, ask, ask.busiest)
    for row, days in _of_instances(held) if ask.level == "instance" else held:
        thing, words, note = _thing(row), *_words(evidence, row, ask.busiest)
        cores = vcpus.get(row["instance"])
        if cores is None:
            why = "vcpus is not declared: write capacity = { vcpus = ... } for this instance"
            yield Measured(
                thing, Figure(evidence.history.newest.at, None, None, because=why), words
            )
            continue
        if days.empty or days["seconds"].isna().any() or (days["seconds"] <= 0).any():
            yield _unknown(evidence, thing, row, "no time between readings was counted", words)
            continue
        at, _ = _as_of(days, ask.busiest, "high_ms", "seconds")
        sums = days if ask.busiest else days[_SUMMED].cumsum()
        low = sums["low_ms"] / 1000.0 / sums["seconds"] / cores
        high = sums["high_ms"] / 1000.0 / sums["seconds"] / cores
        if reads_over is not None:
            rest = sums["ms"] - sums["read_ms"]
            maybe = sums["maybe_read_ms"], sums["maybe_write_ms"]
            least = _over(sums["read_ms"], sums["ms"] + maybe[1])
            most = _over(sums["read_ms"] + maybe[0], sums["read_ms"] + maybe[0] + rest)
            note = _read_note(note, sums.iloc[at], least.iloc[at], most.iloc[at], reads_over, cores)
            low, high = low.where(least > reads_over, 0.0), high.where(most > reads_over, 0.0)
        if evicted(evidence.window).get(row["instance"]):
            figure = Figure(
                evidence.history.newest.at,
                float(low.iloc[at]),
                float(high.iloc[at]),
                because=_EVICTED,
                open_ended=True,
                unforetold=UNFORETOLD,
            )
            yield Measured(thing, figure, words)
            continue
        chosen = _running(days, "high_ms") if ask.busiest else np.arange(len(days))
        series = low.to_numpy(dtype=float)[chosen], high.to_numpy(dtype=float)[chosen]
        yield _measured(evidence, thing, days, low.iloc[at], high.iloc[at], series, words, note)


def _read_note(
    note: str | None, part: pd.Series[Any], least: float, most: float, over: float, cores: float
) -> str:
    """Say which share of the load reads are, for where they are too few the figure is 0."""
    ends = f"{least:.1%}" if f"{least:.1%}" == f"{most:.1%}" else f"{least:.1%} to {most:.1%}"
    low, high = (
        float(part[n]) / 1000.0 / float(part["seconds"]) / cores for n in ("low_ms", "high_ms")
    )
    load_ = f"its load is {low:.3f} to {high:.3f} of the vCPUs"
    text = f"reads are {ends} of its load, and count where over {over:.0%}; {load_}"
    return f"{text}; {note}" if note else text


_SUMMED = [
    "calls",
    "ms",
    "read_ms",
    "low_ms",
    "high_ms",
    "maybe_read_ms",
    "maybe_write_ms",
    "seconds",
]


def _of_instances(
    held: Iterator[tuple[Mapping[str, Any], pd.DataFrame]],
) -> Iterator[tuple[Mapping[str, Any], pd.DataFrame]]:
    """Sum services' slices per instance: what touches two of them counts twice in the high end, in neither's low one."""
    groups: dict[str, list[tuple[Mapping[str, Any], pd.DataFrame]]] = {}
    for row, days in held:
        groups.setdefault(row["instance"], []).append((row, days))
    for rows in groups.values():
        every = pd.concat([days for _, days in rows])
        sums = every.groupby(["at", "seconds"], as_index=False)[_SUMMED[:-1]].sum()
        yield {**rows[0][0], "service": None}, sums


def read_share(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure the share of each service's time that statements take which only read."""
    for row, days in _services(evidence, ask, busiest=False):
        thing, words = _thing(row), _period(evidence)
        if days.empty or not days["ms"].sum():
            yield _unknown(evidence, thing, row, _UNUSED, words)
            continue
        sums = days[_SUMMED].cumsum()
        rest = sums["ms"] - sums["read_ms"]
        read = sums["read_ms"] + sums["maybe_read_ms"]
        low = _over(sums["read_ms"], sums["ms"] + sums["maybe_write_ms"])
        high = _over(read, read + rest)
        if evicted(evidence.window).get(row["instance"]):
            yield _unknown(evidence, thing, row, _EVICTED, words)
            continue
        yield _measured(
            evidence,
            thing,
            days,
            low.iloc[-1],
            high.iloc[-1],
            (low.to_numpy(dtype=float), high.to_numpy(dtype=float)),
            words,
            None,
        )


def cacheable_share(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure the share of each service's time that reads take which repeat often, on tables that change seldom."""
    numbers = dict(ask.parameters or {})
    held = _seldom_written(evidence, numbers["writes_per_minute"])
    taken = evidence.slices.taken.merge(evidence.claims, "inner", ["entry", "instance"])
    for row, days in _services(evidence, ask, busiest=False):
        thing, words = _thing(row), _period(evidence)
        elapsed = _elapsed(evidence, days) if len(days) else None
        if elapsed is None or not days["ms"].sum():
            yield _unknown(evidence, thing, row, _UNUSED, words)
            continue
        if elapsed.isna().any() or held is None:
            yield _unknown(
                evidence,
                thing,
                row,
                "calls and rows were not counted over days: it needs two snapshots on different days",
                words,
            )
            continue
        mine = taken[(taken["instance"] == thing.instance) & (taken["service"] == thing.service)]
        low, high = _cacheable(mine, held, elapsed, days["at"], numbers["calls_per_day"])
        if evicted(evidence.window).get(row["instance"]):
            yield _unknown(evidence, thing, row, _EVICTED, words)
            continue
        yield _measured(evidence, thing, days, low[-1], high[-1], (low, high), words, None)


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


# ------------------------------------------------------------ what the measures share


def _services(
    evidence: Evidence, ask: Ask, busiest: bool
) -> Iterator[tuple[Mapping[str, Any], pd.DataFrame]]:
    """Each service's row of the workload, and its slices in order."""
    found: Workload = evidence.workload
    slices = evidence.slices.by_hour if busiest else evidence.slices.by_reading
    held = dict(iter(slices.groupby(["instance", "service"], sort=False)))
    rows = found.services.sort_values(["instance", "service"])
    wanted = ask.services if ask.level == "service" else None
    for row in records(rows if wanted is None else rows[rows["service"].isin(wanted)]):
        days = held.get((row["instance"], row["service"]), slices.iloc[:0])
        yield row, days.reset_index(drop=True)


def _entries(evidence: Evidence, thing: Thing) -> pd.DataFrame:
    """What each statement that may touch a service's data took in the whole window: certain, calls, time_ms."""
    mine = evidence.claims
    mine = mine[(mine["instance"] == thing.instance) & (mine["service"] == thing.service)]
    taken = evidence.slices.taken.groupby("entry")[["calls", "time_ms"]].sum()
    return mine[["entry", "certain"]].merge(taken, "inner", left_on="entry", right_index=True)


def _running(days: pd.DataFrame, time: str) -> Floats:
    """As of each slice, the number of the busiest so far: that with the most time by real time."""
    busy = (days[time] / days["seconds"]).to_numpy(dtype=float)
    best = np.maximum.accumulate(busy)
    first = np.flatnonzero(np.concatenate([[True], best[1:] > best[:-1]]))
    numbers = np.zeros(len(busy), dtype=int)
    numbers[first] = first
    found: Floats = np.maximum.accumulate(numbers)
    return found


def _as_of(days: pd.DataFrame, busiest: bool, time: str, by: str) -> tuple[int, Floats]:
    """The number of the slice that the figure is of, and ``time`` over ``by`` as of each slice."""
    if busiest:
        numbers = _running(days, time)
        series = _over(days[time], days[by]).to_numpy(dtype=float)[numbers]
        return int(numbers[-1]), series
    sums = days[[time, by]].cumsum()
    return len(days) - 1, _over(sums[time], sums[by]).to_numpy(dtype=float)


def _over(part: pd.Series[Any], whole: pd.Series[Any]) -> pd.Series[Any]:
    found: pd.Series[Any] = (part / whole.where(whole > 0)).fillna(0.0)
    return found


def _elapsed(evidence: Evidence, days: pd.DataFrame) -> pd.Series[Any]:
    """Days of the calendar from the beginning of the window to each slice; NA where nobody knows."""
    spans = _spans(evidence)
    spans = spans[spans["instance"] == days["instance"].iloc[0]]
    since, alone = spans["since"].iloc[0], spans["kind"].iloc[0] != "difference"
    if alone:
        return pd.Series(spans["days"].iloc[0], days.index, dtype="Float64")
    passed = (days["at"] - since).dt.total_seconds() / _DAY_S
    found: pd.Series[Any] = passed.where(passed > 0)
    return found


def _spans(evidence: Evidence) -> pd.DataFrame:
    spans = evidence.window.spans
    return spans[spans["frame"] == "statements"]


def _thing(row: Mapping[str, Any]) -> Thing:
    return Thing(instance=row["instance"], service=row["service"])


def _period(evidence: Evidence) -> str | None:
    since, until = evidence.coverage.since, evidence.coverage.until
    return f"{since:%Y-%m-%d} to {until:%Y-%m-%d}" if since and until else None


def _words(
    evidence: Evidence, row: Mapping[str, Any], busiest: bool
) -> tuple[str | None, str | None]:
    """The window in words, and what it leaves out."""
    if not busiest or row["instance"] not in set(evidence.slices.readings["instance"]):
        return _period(evidence), None
    return evidence.slices.words(row["instance"])


def _unknown(
    evidence: Evidence, thing: Thing, row: Mapping[str, Any], why: str, words: str | None
) -> Measured:
    unread = row["because"] if pd.isna(row["time_ms_low"]) else None
    because = unread or why
    return Measured(
        thing, Figure(evidence.history.newest.at, None, None, because=str(because)), words
    )


def _measured(
    evidence: Evidence,
    thing: Thing,
    days: pd.DataFrame,
    low: float,
    high: float,
    series: Floats | tuple[Floats, Floats],
    words: str | None,
    because: str | None,
) -> Measured:
    """A figure with the figure as of each day: of the slices of one day the last stands."""
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
    x = ((days["at"] - start).dt.total_seconds() / _DAY_S).to_numpy(dtype=float)[last]
    lows, highs = lows[last].copy(), highs[last].copy()
    lows[-1], highs[-1] = low, high
    figure = Figure(
        newest, low, high, start, x, lows, highs, because=because, unforetold=UNFORETOLD
    )
    return Measured(thing, figure, words)
