"""What the load looks like: who causes it, what kind it is, and what that rests on; each one call in a notebook.

Every function takes a ``Bench``; the numbers are those of ``workbench.analyse.workload`` and none is computed anew
but rates a day and shares.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from workbench.present.answers import (
    brief,
    days_of,
    none_seen,
    pace_text,
    statements_abroad,
    together_a_day,
    unknown_share,
    unread,
    workload_answer,
)
from workbench.present.bench import Bench
from workbench.present.capacity import Headline
from workbench.present.charts import Line, lines, nice_ticks
from workbench.present.ranges import Range, ranges
from workbench.present.svg import Figure
from workbench.present.tables import Column, Table
from workbench.present.theme import GREY
from workbench.present.units import count_text, exact, interval_text, share_text
from workbench.snapshot import records

MOST_SERVICES = 24  # what a page shows at a glance; the rest is counted
MOST_LABELS = 6
MOST_LINES = 40
READ_ENOUGH = 0.9
"""With so large a share of reads, by calls and by time, a replica takes a service's load."""


def headline(bench: Bench) -> Headline:
    """Say in one sentence who carries the load, what crosses and what is unknown, with its figures under it."""
    found = bench.workload
    days = days_of(bench.workload)
    calls = sum(
        float(row["calls"]) / days[row["instance"]]
        for row in records(found.callers)
        if row["instance"] in days
    )
    crossed = statements_abroad(found)
    unknown = unknown_share(found)
    together = together_a_day(found)
    blank = bool(unread(bench.workload)) and found.callers.empty
    figures = [
        ("unknown" if not days else count_text(calls), "calls a day"),
        ("unknown" if blank else f"{len(crossed):,}", "statements cross"),
        (
            "unknown" if together is None else pace_text(together),
            "transactions a day cross",
        ),
        (
            "unknown" if unknown is None else f"{share_text(unknown)} %",
            "caller unknown",
        ),
        (_age_text(bench), "of statistics"),
    ]
    return Headline(workload_answer(found), figures)


def _age_text(bench: Bench) -> str:
    """What the window rests on: its days, said where they are simulated."""
    days = days_of(bench.workload)
    if not days:
        return "unknown"
    low, high = min(days.values()), max(days.values())
    text = interval_text(low, high, lambda v: f"{v:.3g}")
    return f"{text} day{'' if text == '1' else 's'}"


def load_by_service(bench: Bench) -> Figure:
    """Draw each service's share of execution time as an interval: what is its own, to what may touch its data."""
    frame = bench.workload.services
    several = frame["instance"].nunique() > 1
    ranked = frame.sort_values(
        ["time_ms_share_high", "instance", "service"], ascending=[False, True, True], kind="stable"
    )
    shown = ranked.head(MOST_SERVICES)
    rows = [_range(bench, row, several=several) for row in shown.to_dict("records")]
    top = (
        float(shown["time_ms_share_high"].max())
        if shown["time_ms_share_high"].notna().any()
        else 1.0
    )
    steps = [step for step in nice_ticks(top) if step <= 1.0]
    steps = steps if steps[-1] >= top else [*steps, 1.0]
    return ranges(
        rows,
        ticks=[(step, f"{step * 100:g} %") for step in steps],
        title=_load_title(rows),
        subtitle=f"Share of execution time{' of the instance' if several else ''}: from statements on a service's "
        f"data alone to all that touch it, {bench.period}. Commits are in no statement's time.",
        more=len(ranked) - len(shown),
    )


def _range(bench: Bench, row: Mapping[Hashable, Any], *, several: bool) -> Range:
    name = str(row["service"])
    label = f"{name} ({row['instance']})" if several else name
    low, high = row["time_ms_share_low"], row["time_ms_share_high"]
    if pd.isna(low) or pd.isna(high):
        return Range(label, None, None, "unknown", f"{label}: unknown, {row['because']}")
    text = f"{interval_text(low, high, share_text)} %"
    tip = f"{label}: {text}, {exact(float(row['time_ms_low']), 'ms')} to {exact(float(row['time_ms_high']), 'ms')}"
    return Range(label, float(low), float(high), text, tip, bench.colour(name))


def _load_title(rows: list[Range]) -> str:
    known = [row for row in rows if row.high is not None]
    if not known:
        return "The load of no service is known"
    first = known[0]
    rivals = [r for r in known[1:] if r.high is not None and r.high > (first.low or 0.0)]
    if not rivals:
        return f"{brief(first.label)} takes the most: {first.figure} of execution time"
    many = f"{len(rivals)} others" if len(rivals) > 1 else brief(rivals[0].label)
    return f"{brief(first.label)} may take the most, {first.figure}; its interval overlaps that of {many}"


def services(bench: Bench) -> Table:
    """Return the load of each service: each figure from what is its own to what may touch its data."""
    frame = bench.workload.services
    days = frame["days"].astype("Float64").where(frame["days"] > 0)
    shown = frame.copy()
    for name in ("calls", "rows", "blocks", "temp_blocks"):
        for end in ("low", "high"):
            shown[f"{name}_{end}"] = frame[f"{name}_{end}"].astype("Float64") / days
    many = frame["instance"].nunique() > 1
    sources = sorted(frame["active_from"].unique())
    alone = "one reading says nothing of a day, or the server does not count it"
    return Table(
        shown,
        [
            Column("service", "Service", "name"),
            *([Column("instance", "Instance", "name")] if many else []),
            Column("calls_low", "Calls a day", "count", until="calls_high", otherwise=alone),
            Column(
                "time_ms_share_low", "Time", "share", until="time_ms_share_high", otherwise=alone
            ),
            Column(
                "active_sessions_low",
                _ACTIVE_HEADS[sources[0]] if len(sources) == 1 else "Active sessions",
                "amount",
                until="active_sessions_high",
                otherwise=alone,
            ),
            *([Column("active_from", "of which told by")] if len(sources) > 1 else []),
            Column(
                "wal_bytes_share_low", "WAL", "share", until="wal_bytes_share_high", otherwise=alone
            ),
            Column("rows_low", "Rows a day", "count", until="rows_high", otherwise=alone),
            Column("blocks_low", "Blocks a day", "count", until="blocks_high", otherwise=alone),
            Column(
                "temp_blocks_low",
                "Temporary blocks a day",
                "count",
                until="temp_blocks_high",
                otherwise=alone,
            ),
        ],
        caption="Load by service",
        colours=bench.colours,
        limit=MOST_SERVICES * 2,
        empty="No service has data or load on an instance that was reached.",
    )


_ACTIVE_HEADS = {
    "samples": "Active sessions, from samples",
    "statements": "Active sessions, from statement time without commits",
}


def kinds_of_load(bench: Bench) -> Table:
    """Return what kind each service's load is, from the statements that touch its data for certain, and what a replica would do."""
    frame = bench.workload.services
    calls = (frame["read_calls"] + frame["write_calls"]).astype("Float64")
    time = (frame["read_ms"] + frame["write_ms"]).astype("Float64")
    reads = frame["read_calls"].astype("Float64") / calls.where(calls > 0)
    read_time = frame["read_ms"].astype("Float64") / time.where(time > 0)
    words = pd.Series(
        [_replica(*pair) for pair in zip(reads, read_time, strict=True)], dtype="object"
    )
    because = frame["because"].where(
        frame["calls_low"].isna(), "no statement touches its data for certain"
    )
    return Table(
        frame.assign(reads=reads, read_time=read_time, replica=words, because=because),
        [
            Column("service", "Service", "name"),
            Column("statements", "Statements", "count"),
            Column("mean_ms", "Mean", "ms"),
            Column("slow", "Slow", "count"),
            Column("top_five", "Time of the top five", "share"),
            Column("reads", "Reads, of calls", "share"),
            Column("read_time", "Reads, of time", "share"),
            Column("replica", "A replica"),
        ],
        caption="What kind of load",
        colours=bench.colours,
        limit=MOST_SERVICES * 2,
        empty="No service has load.",
    )


def _replica(reads: Any, read_time: Any) -> str | None:
    if pd.isna(reads) or pd.isna(read_time):
        return None
    if min(reads, read_time) >= READ_ENOUGH:
        return "✓ would take it, where reads may be a little old"
    what = "calls" if reads <= read_time else "time"
    return f"no: {share_text(1 - min(float(reads), float(read_time)))} % of {what} writes or locks"


def busiest_hours(bench: Bench) -> Table:
    """Return each service's busiest hour beside the mean, or why none is known."""
    frame = bench.workload.busiest
    frame = frame.sort_values(
        ["active_sessions", "instance", "service"], ascending=[False, True, True], kind="stable"
    )
    hours = [
        None if pd.isna(at) else f"{at.day} {at:%b %Y, %H}:00 UTC" for at in frame["busiest_hour"]
    ]
    many = frame["instance"].nunique() > 1
    return Table(
        frame.assign(hour=pd.Series(hours, frame.index, dtype="object")),
        [
            Column("service", "Service", "name"),
            *([Column("instance", "Instance", "name")] if many else []),
            Column("active_sessions", "Active, mean", "amount"),
            Column("busiest_active_sessions", "In the busiest hour", "amount"),
            Column("calls_per_hour", "Calls an hour, mean", "amount"),
            Column("busiest_calls_per_hour", "In that hour", "amount"),
            Column("hour", "Hour"),
        ],
        caption="The busiest hour beside the mean, from statements that touch a service's data for certain",
        colours=bench.colours,
        limit=MOST_SERVICES * 2,
        empty=none_seen(bench.workload, "No service has data there."),
    )


def load_over_time(bench: Bench) -> Figure:
    """Draw each service's active sessions from one reading to the next; the busiest carry their names."""
    load = bench.load
    load = load[load["seconds"] > 0]
    load = load.assign(active=load["time_ms"].astype("Float64") / 1000.0 / load["seconds"])
    sums = load.groupby(["at", "service"])["active"].sum(min_count=1).astype("float64")
    paces = sums.unstack("service").sort_index().fillna(0.0)
    order = paces.mean().sort_values(ascending=False, kind="stable")
    drawn = [str(name) for name in order.index][:MOST_LINES]
    named = drawn[:MOST_LABELS]
    top = float(paces.max().max()) if len(paces) else 0.0
    steps = nice_ticks(top)
    series = [_line(bench, name, paces[name], named=name in named) for name in drawn]
    subtitle = (
        f"Average active sessions by service between readings, by the real clock, {bench.period}"
    )
    if len(drawn) > len(named):
        subtitle += f"; {len(order) - len(named)} less busy in grey"
    return lines(
        series,
        ticks=[(step, f"{step:.3g}") for step in steps],
        title=_over_time_title(paces),
        subtitle=subtitle,
        description=f"{subtitle}. " + "; ".join(f"{s.label} {s.figure}" for s in series if s.label),
    )


def _line(bench: Bench, name: str, pace: pd.Series[float], *, named: bool) -> Line:
    moments = pd.DatetimeIndex(pace.index)
    points = tuple((at.to_pydatetime(), float(v)) for at, v in zip(moments, pace, strict=True))
    mean, peak = float(pace.mean()), float(pace.max())
    tip = f"{name}: {mean:.2g} active sessions on average, {peak:.2g} at most"
    return Line(
        points,
        name if named else "",
        f"{points[-1][1]:.2g}" if named else "",
        tip,
        bench.colour(name) if named else GREY,
    )


def _over_time_title(paces: pd.DataFrame) -> str:
    if len(paces) < 1:
        return "One reading: load over time needs a second one"
    whole = paces.sum(axis=1)
    mean, peak = float(whole.mean()), float(whole.max())
    day = pd.DatetimeIndex(whole.index)[int(whole.to_numpy().argmax())]
    return f"{mean:.2g} sessions are active on average, {peak:.2g} in the busiest stretch, up to {day.day} {day:%b}"
