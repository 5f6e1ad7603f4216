"""What samples saw: sessions active for each service, what they waited for, and the busiest hour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from workbench.analyse.sessions import Sessions
from workbench.present.answers import brief
from workbench.present.bench import Bench
from workbench.present.charts import nice_ticks
from workbench.present.ranges import Range, ranges
from workbench.present.svg import Figure
from workbench.present.tables import Column, Table
from workbench.present.text import legible
from workbench.present.units import interval_text
from workbench.snapshot import records

_MOST = 24
_NEEDED = "no sample was taken: `workbench collect --sample 30s` takes one"


def active_by_service(bench: Bench) -> Figure | Table:
    """Draw how many sessions work for each service at a time, as samples saw them; a sentence where none did."""
    frame = bench.workload.services
    sampled = frame[frame["active_from"] == "samples"]
    if sampled.empty:
        # a table without a row is the sentence that says why
        return Table(sampled, [], empty=_unsampled(bench.sessions))
    several = sampled["instance"].nunique() > 1
    ranked = sampled.sort_values(
        ["active_sessions_high", "active_sessions_low", "instance", "service"],
        ascending=[False, False, True, True],
    )
    waits = _waits(bench)
    rows = [_range(bench, row, waits, several=several) for row in records(ranked.head(_MOST))]
    ticks = nice_ticks(float(ranked["active_sessions_high"].max()))
    found = bench.sessions.instances
    looks = int(found["looks"].sum())
    absent = found.loc[found["active_sessions"].isna(), "instance"]
    tail = f"; without samples: {', '.join(brief(i) for i in absent[:3])}" if len(absent) else ""
    return ranges(
        rows,
        ticks=[(tick, f"{tick:g}") for tick in ticks],
        title=_title(found),
        subtitle="Average active sessions: from what runs on a service's data alone to all that touches it. "
        f"Commits are in it, which no statement's time holds; {looks:,} looks, {bench.period}{tail}",
        more=len(ranked) - len(rows),
    )


def _waits(bench: Bench) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    activity = bench.workload.activity.sort_values(["high", "wait_class"], ascending=[False, True])
    for row in records(activity):
        text = f"{row['wait_class']} {interval_text(row['low'], row['high'], _sessions_text)}"
        found.setdefault((row["instance"], row["service"]), []).append(text)
    return found


def _range(
    bench: Bench,
    row: Mapping[str, Any],
    waits: Mapping[tuple[str, str], list[str]],
    *,
    several: bool,
) -> Range:
    name = str(row["service"])
    label = f"{name} ({row['instance']})" if several else name
    low, high = float(row["active_sessions_low"]), float(row["active_sessions_high"])
    text = interval_text(low, high, _sessions_text)
    tip = "\n".join(
        [
            f"{legible(label)}: {text} active sessions",
            *waits.get((row["instance"], row["service"]), []),
        ]
    )
    return Range(label, low, high, text, tip, bench.colour(name))


def _sessions_text(value: float) -> str:
    return "0" if not value else "< 0.01" if value < 0.005 else f"{value:.2g}"


def _title(instances: pd.DataFrame) -> str:
    known = instances.dropna(subset="active_sessions").sort_values(
        ["active_sessions", "instance"], ascending=[False, True]
    )
    first = known.iloc[0]
    mean = float(first["active_sessions"])
    where = f" on {brief(first['instance'])}" if len(known) > 1 else ""
    if not mean:
        return f"No session was seen at work{where} in {int(first['looks']):,} looks"
    verb = "session is" if _sessions_text(mean) == "1" else "sessions are"
    return f"{_sessions_text(mean)} {verb} active at a time{where}, on average"


def _unsampled(found: Sessions) -> str:
    reasons = dict.fromkeys(found.instances["because"].dropna())
    return f"Unknown how many sessions are active: {'; '.join(reasons) or _NEEDED}."


def waits(bench: Bench) -> Table:
    """Return what active sessions waited for, per instance, the most first."""
    frame = bench.sessions.waits
    several = bench.sessions.instances["instance"].nunique() > 1
    words = {"CPU": "nothing: it worked on a processor, or waited for one"}
    means = [words.get(c, _MEANS.get(c, "")) for c in frame["wait_class"]]
    known = bench.sessions.instances["active_sessions"].notna().any()
    return Table(
        frame.assign(means=pd.Series(means, frame.index, dtype="object")),
        [
            Column("wait_class", "Waited for"),
            *([Column("instance", "Instance", "name")] if several else []),
            Column("active_sessions", "Active sessions", "amount"),
            Column("share", "Share", "share"),
            Column("means", "Which is"),
        ],
        caption="What active sessions waited for",
        empty="No session was active in any look." if known else _unsampled(bench.sessions),
    )


_MEANS = {
    "Activity": "a background process at rest",
    "BufferPin": "a page that another process holds",
    "Client": "the application, to send or to fetch",
    "Extension": "code of an extension",
    "IO": "reading or writing files",
    "IPC": "another process of the server",
    "Lock": "a table or a row that another transaction holds",
    "LWLock": "a structure in shared memory",
    "Timeout": "time to pass, as pg_sleep",
}
"""The wait event types of pg_stat_activity."""


def sampled_instances(bench: Bench) -> Table:
    """Return what samples saw of each instance: sessions on average, and the busiest hour beside the mean."""
    found = bench.sessions.instances
    hours = bench.sessions.hours.groupby("instance")["hour"].nunique()
    compared = found["instance"].map(hours).fillna(0) > 1
    busiest = found["busiest"].where(compared)
    why = pd.Series("samples lie in one hour: nothing to compare it with", found.index)
    told = [
        None if pd.isna(at) or not more else f"{at.day} {at:%b %Y, %H}:00 UTC"
        for at, more in zip(found["busiest_hour"], compared, strict=True)
    ]
    return Table(
        found.assign(
            busiest=busiest,
            hour=pd.Series(told, found.index, dtype="object"),
            why=found["because"].where(found["because"].notna(), why),
            looks=found["looks"].where(found["looks"] > 0),
        ),
        [
            Column("instance", "Instance", "name"),
            Column("looks", "Looks", "count"),
            Column("sessions", "Connected", "amount"),
            Column("active_sessions", "Active", "amount"),
            Column("idle_in_transaction", "Idle in transaction", "amount"),
            Column("busiest", "Active in the busiest hour sampled", "amount", because="why"),
            Column("hour", "Hour", because="why"),
        ],
        caption=f"Sessions on average, by instance, {bench.period}",
        empty="No instance was reached.",
    )
