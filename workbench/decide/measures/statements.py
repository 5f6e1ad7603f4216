"""Measures of load: what statements took. Each figure lies between what is a service's for certain and all that may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from workbench.analyse.evicted import evicted
from workbench.analyse.standing import Figure
from workbench.decide.evidence import Evidence
from workbench.decide.measured import Ask, Measured, Thing
from workbench.decide.measures.common import (
    EVICTED,
    UNFORETOLD,
    UNUSED,
    as_of,
    elapsed_days,
    entries_of,
    measured,
    of_instances,
    over,
    period,
    running,
    services,
    statement_spans,
    thing_of,
    unknown,
    words_of,
)
from workbench.snapshot import records


def latency(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure each service's mean time of a call, in ms; of its busiest hour where asked."""
    for row, days in services(evidence, ask, ask.busiest):
        thing, words, note = thing_of(row), *words_of(evidence, row, ask.busiest)
        if days.empty or not days["calls"].sum():
            yield unknown(evidence, thing, row, UNUSED, words)
            continue
        at, series = as_of(days, ask.busiest, "ms", "calls")
        now = (
            evidence.slices.entries_of(
                thing.instance or "", thing.service or "", days["at"].iloc[at]
            )
            if ask.busiest
            else entries_of(evidence, thing)
        )
        low, high = mean_between(now)
        because = note
        if evicted(evidence.window).get(row["instance"]):
            because = EVICTED
            lost = (
                float(row["time_ms_high"] or 0) - float(days["high_ms"].sum())
                if pd.notna(row["time_ms_high"])
                else None
            )
            if lost is None:
                yield unknown(evidence, thing, row, EVICTED, words)
                continue
            calls = float(now.loc[now["certain"], "calls"].sum())
            low, high = 0.0, high + max(lost, 0.0) / calls
        each = (days["ms"] / days["calls"].where(days["calls"] > 0)).to_numpy(dtype=float)
        yield measured(evidence, thing, days, low, high, series, words, because, each)


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
    for row, days in services(evidence, ask, busiest=False):
        thing, words = thing_of(row), period(evidence)
        per = float(row[metric_per]) if metric_per and pd.notna(row[metric_per]) else 1.0
        low, high = row[f"{name}_low"], row[f"{name}_high"]
        if pd.isna(low) or pd.isna(high) or (metric_per and (pd.isna(row[metric_per]) or per <= 0)):
            why = row["because"] or "the server does not count it, or over no days"
            yield unknown(evidence, thing, row, str(why), words)
            continue
        series, each = np.empty(0), None
        if name == "calls" and len(days):
            passed = elapsed_days(evidence, days).astype("Float64")
            series = (days["calls"].cumsum() / passed).to_numpy(dtype=float, na_value=np.nan)
            gaps = passed - passed.shift().fillna(0.0)
            each = (days["calls"] / gaps.where(gaps > 0)).to_numpy(dtype=float, na_value=np.nan)
        ends, why = (low / per, high / per), row["because"]
        yield measured(evidence, thing, days, *ends, series, words, why, each, top=False)


time_share = partial(_column, "time_ms_share", None)
wal_share = partial(_column, "wal_bytes_share", None)
io_share = partial(_column, "blocks_read_share", None)


def calls_per_day(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure calls a day: of services an interval, of instances and the estate all of them."""
    if ask.level == "service":
        yield from _column("calls", "days", evidence, ask)
    else:
        entries = evidence.workload.callers  # without the workbench's own
        spans = statement_spans(evidence).set_index("instance")
        sums = entries.groupby("instance")["calls"].sum().astype("float64")
        rates = sums / spans["days"].astype("Float64").reindex(sums.index)
        lost = evicted(evidence.window)
        yield from of_instances(evidence, ask, dict(rates), set(lost), EVICTED)


def wal_per_day(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure WAL a day: of services by their statements, of instances all of it."""
    if ask.level == "service":
        yield from _column("wal_bytes", "days", evidence, ask)
    else:
        held = evidence.window.wal.set_index("instance")
        rates = held["wal_bytes"].astype("Float64") / held["days"].where(held["days"] > 0)
        restarted = set(held.index[held["lower_bound"] | (held["counted_from"] == "restarted")])
        yield from of_instances(evidence, ask, dict(rates), restarted, "its counters were reset")


def slow_calls(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure the calls a day of statements that are slow in the mean."""
    slower = dict(ask.parameters or {})["slower_than_ms"]
    entries = evidence.workload.attributed.entries
    slow = entries.index[(entries["mean_exec_time"] > slower).fillna(False)]
    held = evidence.claims[evidence.claims["entry"].isin(slow)]
    held = held.assign(calls=held["entry"].map(entries["calls"]).astype("float64"))
    for row, _ in services(evidence, ask, busiest=False):
        thing, words, days = thing_of(row), period(evidence), row["days"]
        if pd.isna(row["time_ms_low"]) or pd.isna(days) or days <= 0:
            yield unknown(evidence, thing, row, "it needs two snapshots on different days", words)
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
            because=EVICTED if lost else None,
        )
        yield Measured(thing, figure, words)


def active_sessions(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure how many sessions work at a time."""
    if ask.level == "service":
        for row, days in services(evidence, ask, busiest=False):
            low, high, words = (
                row["active_sessions_low"],
                row["active_sessions_high"],
                period(evidence),
            )
            if pd.isna(low) or pd.isna(high):
                yield unknown(evidence, thing_of(row), row, "it was not counted", words)
            else:
                note = f"from {row['active_from']}"
                yield measured(evidence, thing_of(row), days, low, high, np.empty(0), words, note)
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
    held = services(evidence, ask, ask.busiest)
    for row, days in _of_instances(held) if ask.level == "instance" else held:
        thing, words, note = thing_of(row), *words_of(evidence, row, ask.busiest)
        cores = vcpus.get(row["instance"])
        if cores is None:
            why = "vcpus is not declared: write capacity = { vcpus = ... } for this instance"
            yield Measured(
                thing, Figure(evidence.history.newest.at, None, None, because=why), words
            )
            continue
        if days.empty or days["seconds"].isna().any() or (days["seconds"] <= 0).any():
            yield unknown(evidence, thing, row, "no time between readings was counted", words)
            continue
        at, _ = as_of(days, ask.busiest, "high_ms", "seconds")
        sums = days if ask.busiest else days[_SUMMED].cumsum()
        low = sums["low_ms"] / 1000.0 / sums["seconds"] / cores
        high = sums["high_ms"] / 1000.0 / sums["seconds"] / cores
        if reads_over is not None:
            rest = sums["ms"] - sums["read_ms"]
            maybe = sums["maybe_read_ms"], sums["maybe_write_ms"]
            least = over(sums["read_ms"], sums["ms"] + maybe[1])
            most = over(sums["read_ms"] + maybe[0], sums["read_ms"] + maybe[0] + rest)
            note = _read_note(note, sums.iloc[at], least.iloc[at], most.iloc[at], reads_over, cores)
            low, high = low.where(least > reads_over, 0.0), high.where(most > reads_over, 0.0)
        if evicted(evidence.window).get(row["instance"]):
            figure = Figure(
                evidence.history.newest.at,
                float(low.iloc[at]),
                float(high.iloc[at]),
                because=EVICTED,
                open_ended=True,
                unforetold=UNFORETOLD,
            )
            yield Measured(thing, figure, words)
            continue
        chosen = running(days, "high_ms") if ask.busiest else np.arange(len(days))
        series = low.to_numpy(dtype=float)[chosen], high.to_numpy(dtype=float)[chosen]
        # each slice by itself is foretold only where no slice falls out for its reads
        alone = days["high_ms"] / 1000.0 / days["seconds"] / cores if reads_over is None else None
        each = None if alone is None else alone.to_numpy(dtype=float)
        ends = float(low.iloc[at]), float(high.iloc[at])
        yield measured(evidence, thing, days, *ends, series, words, note, each)


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
    for row, days in services(evidence, ask, busiest=False):
        thing, words = thing_of(row), period(evidence)
        if days.empty or not days["ms"].sum():
            yield unknown(evidence, thing, row, UNUSED, words)
            continue
        sums = days[_SUMMED].cumsum()
        rest = sums["ms"] - sums["read_ms"]
        read = sums["read_ms"] + sums["maybe_read_ms"]
        low = over(sums["read_ms"], sums["ms"] + sums["maybe_write_ms"])
        high = over(read, read + rest)
        if evicted(evidence.window).get(row["instance"]):
            yield unknown(evidence, thing, row, EVICTED, words)
            continue
        yield measured(
            evidence,
            thing,
            days,
            low.iloc[-1],
            high.iloc[-1],
            (low.to_numpy(dtype=float), high.to_numpy(dtype=float)),
            words,
            None,
        )
