"""How much is known of a workload: what statements touch, who ran them, and what would tell more; for notebooks."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from workbench.analyse.attribution import CERTAIN
from workbench.analyse.workload_document import statistics_age, unknown_callers
from workbench.present.answers import brief, none_seen, unknown_share, unread
from workbench.present.bench import Bench
from workbench.present.ranges import Part, Whole, wholes
from workbench.present.svg import Figure
from workbench.present.tables import Column, Table
from workbench.present.theme import ACCENT, GREY, INK
from workbench.present.units import exact, share_text

MOST_INSTANCES = 4  # what a figure shows at a glance; the table has all

_RUNGS = {
    "workbench": "the workbench's own questions",
    "none": "touches no table: BEGIN, SET, catalogues",
    "qualified": "every name says its schema",
    "search_path": "the search_path that is configured finds the name",
    "unique": "one table alone is called so",
    "merged": "PostgreSQL 18 counts statements on tables of one name, or alias, together",
    "ambiguous": "several tables may be meant",
    "approximate": "cut off, dynamic or beyond the parser: names were searched for",
    "absent": "the table is not there any more, or was temporary",
    "unreadable": "there is no text to read",
}
_CALLERS = {
    "login": "the login is mapped to one service",
    "application_name": "sessions seen with it say who they are",
    "network": "sessions seen with it come from one service's network",
    "unknown": "nobody can tell: never taken for the owner of the data",
}


def known_shares(bench: Bench) -> Figure:
    """Draw how well it is known what statements touch and who ran them, by calls and by time."""
    found = bench.workload
    rows = []
    instances = sorted(found.rungs["instance"].unique())
    for instance in instances[:MOST_INSTANCES]:
        where = f" on {brief(instance)}" if len(instances) > 1 else ""
        for frame, column, what in (
            (found.rungs, "rung", "What statements touch"),
            (found.callers, "caller_rung", "Who ran them"),
        ):
            here = frame[frame["instance"] == instance]
            for measure, by in (("calls_share", "calls"), ("time_ms_share", "time")):
                parts = [_part(row, column, measure) for row in here.to_dict("records")]
                kept = tuple(p for p in parts if p is not None)
                rows.append(Whole(f"{what}{where}, by {by}", kept))
    share = unknown_share(found)
    sure = _sure_share(found.rungs)
    title = "Nothing is known of the statements"
    if share is not None and sure is not None:
        title = f"What is touched is certain for {share_text(sure)} % of calls; who called, for {share_text(1 - share)} %"
    more = (
        f"; {len(instances) - MOST_INSTANCES} more instances in the table"
        if len(instances) > MOST_INSTANCES
        else ""
    )
    return wholes(
        rows,
        title=title,
        subtitle=f"Shares of calls and of execution time, {bench.period}; what is not certain in orange{more}",
        empty=none_seen(bench.workload, "No statement ran in this period."),
    )


def _sure_share(rungs: pd.DataFrame) -> float | None:
    calls = rungs["calls"].astype("Float64")
    whole = float(calls.sum())
    return float(calls[rungs["rung"].isin(CERTAIN)].sum()) / whole if whole else None


def _part(row: Mapping[Hashable, Any], column: str, measure: str) -> Part | None:
    share = row[measure]
    if pd.isna(share) or not share:
        return None
    rung = str(row[column])
    words = _RUNGS if column == "rung" else _CALLERS
    text = f"{share_text(float(share))} %"
    entries = f"{int(row['entries']):,} statements, {exact(float(row['calls']), 'calls')}"
    tip = f"{rung}: {text}; {entries}\n{words.get(rung, '')}"
    name = rung.replace("_", " ")
    if rung in ("workbench", "none"):
        return Part(name, float(share), text, tip, GREY, 0.35 if rung == "none" else 0.6)
    shades = {"qualified": 0.85, "search_path": 0.65, "unique": 0.5}
    shades |= {"login": 0.85, "application_name": 0.65, "network": 0.5}
    if rung in shades:
        return Part(name, float(share), text, tip, INK, shades[rung])
    order = ("unknown", "merged", "ambiguous", "approximate", "absent", "unreadable")
    return Part(name, float(share), text, tip, ACCENT, 1.0 - 0.13 * max(order.index(rung) - 1, 0))


def rungs(bench: Bench) -> Table:
    """Return each rung of the two ladders with its shares, and what it means."""
    found = bench.workload
    parts = []
    for frame, column, words, of in (
        (found.rungs, "rung", _RUNGS, "what is touched"),
        (found.callers, "caller_rung", _CALLERS, "who called"),
    ):
        named = frame.assign(
            ladder=of, rung=[str(rung).replace("_", " ") for rung in frame[column]]
        )
        parts.append(named.assign(means=frame[column].map(words)))
    frame = pd.concat(parts, ignore_index=True)
    several = frame["instance"].nunique() > 1
    return Table(
        frame,
        [
            Column("rung", "Rung"),
            Column("ladder", "Of"),
            *([Column("instance", "Instance", "name")] if several else []),
            Column("entries", "Statements", "count"),
            Column("calls_share", "Calls", "share", otherwise="no call in the window"),
            Column("time_ms_share", "Time", "share", otherwise="no time in the window"),
            Column("means", "Which means"),
        ],
        caption="How statements were attributed",
        empty=none_seen(bench.workload, "No statement ran in this period."),
    )


def unknown_because(bench: Bench, limit: int = 12) -> Table:
    """Return why callers are unknown, the most calls first: each reason names what would settle it."""
    return Table(
        unknown_callers(bench.workload),
        [
            Column("because", "Why the caller is unknown, and what would tell"),
            Column("entries", "Statements", "count"),
            Column("calls", "Calls", "count"),
            Column("time_ms", "Time", "ms"),
        ],
        caption="Unknown callers, by reason",
        empty=none_seen(bench.workload, "The caller of every statement is known."),
        limit=limit,
    )


def statistics(bench: Bench) -> Table:
    """Return, per instance, since when its statistics count and how many entries were evicted since."""
    coverage = bench.coverage
    ages = statistics_age(bench.workload)
    gaps = unread(bench.workload)
    rows = [
        {
            "instance": name,
            "since": coverage.statistics_since.get(name),
            "age": ages.get(name),
            "evicted": coverage.evictions.get(name),
            "because": gaps.get(name, "the reset's date is not told before pg_stat_statements 1.9"),
        }
        for name in coverage.reached
    ]
    return Table(
        pd.DataFrame(rows, columns=["instance", "since", "age", "evicted", "because"]),
        [
            Column("instance", "Instance", "name"),
            Column("since", "Counted since", "date"),
            Column("age", "Days, by the clock", "count"),
            Column("evicted", "Statements evicted", "count"),
        ],
        caption="Age of the statistics",
        empty="No instance was reached.",
    )
