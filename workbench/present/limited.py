"""Limits and how they stand: as a table, and over the days with the band in which each is reached.

Every function takes a ``Bench``; the statuses are those of ``workbench.decide.thresholds``.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pandas as pd

from workbench.decide.facts import Status
from workbench.decide.judgement import SOON_DAYS
from workbench.estate import METRICS
from workbench.present.bench import Bench
from workbench.present.outlook import Limited, outlooks
from workbench.present.svg import Figure
from workbench.present.tables import Column, Table
from workbench.present.units import count_text
from workbench.present.verdict_words import limit_of, limit_words, metric_name, value_words
from workbench.snapshot import records

_MOST_PANELS = 12


def limits(bench: Bench, service: str | None = None) -> Table:
    """Every limit, or those of one service, and how it stands: written ones first, what presses before what does not."""
    rank = {"crossed": 0, "crossing": 1, "unknown": 2, "clear": 3}
    named = [s for s in bench.verdicts.statuses if service in (None, s.service)]
    held = sorted(named, key=lambda s: (not s.declared, rank[s.state]))
    rows = [
        {
            "what": metric_name(s),
            "value": value_words(s),
            "limit": f"{s.kind} {limit_of(s)}",
            "state": s.state,
            "when": s.since if s.state == "crossed" else s.crosses_on,
            "window": s.window or "",
            "source": s.source,
            "because": s.because or "",
        }
        for s in held
    ]
    columns = [
        Column("what", "What"),
        Column("value", "Is"),
        Column("limit", "Limit"),
        Column("state", "Stands"),
        Column("when", "Since, or on", absent="–"),
        Column("window", "Over"),
        Column("source", "Set by"),
        Column("because", "Note"),
    ]
    frame = pd.DataFrame(rows, columns=[c.key for c in columns])
    return Table(frame, columns, "Limits", "No limit is set.", limit=200, search=True)


def limits_over_time(bench: Bench) -> Figure:
    """Draw sizes and rows that have a limit over the days, with the limit and the band in which it is reached."""
    groups: dict[tuple[object, ...], list[Status]] = {}
    for status in bench.verdicts.statuses:
        if (
            status.metric in ("storage_used", "total_bytes", "rows")
            and status.kind != "low"
            and status.scope is None
        ):
            groups.setdefault((status.metric, status.instance, status.service), []).append(status)
    rows = [row for held in groups.values() if (row := _limited(bench, held)) is not None]
    rows.sort(
        key=lambda r: (r.reached[1] if r.reached else datetime.max.replace(tzinfo=UTC), r.name)
    )
    near = [
        s
        for s in bench.verdicts.statuses
        if s.state == "crossing" and s.crosses_on and s.kind == "hard"
    ]
    title = "No limit on a size is near"
    if near:
        first = min(near, key=lambda s: (s.crosses_on or date.max, s.key))
        title = limit_words(first)
    subtitle = f"Days measured, {bench.period}; grey: limits; orange: the days between which the hard limit is reached at this pace"
    return outlooks(rows[:_MOST_PANELS], title=title[0].upper() + title[1:], subtitle=subtitle)


def _limited(bench: Bench, held: list[Status]) -> Limited | None:
    held = sorted(held, key=lambda s: (s.kind != "hard", s.limit))
    first = held[0]
    points = _series(bench, first)
    if not points:
        return None
    dated = (first.crosses_from, first.crosses_on, first.crosses_until)
    reached = None
    if first.state == "crossing" and all(dated):
        low, likely, high = (datetime.combine(d, time(), UTC) for d in dated if d)
        horizon = points[-1][0] + timedelta(days=SOON_DAYS)
        reached = (low, likely, high) if high <= horizon else None
    return Limited(
        metric_name(first),
        points,
        tuple((s.limit * _size(s), f"{s.kind} {_short_limit(s)}") for s in held),
        value_words(first),
        limit_words(first),
        reached,
        bench.colour(first.service) if first.service else Limited.colour,
    )


def _short_limit(status: Status) -> str:
    return count_text(status.limit) if status.metric == "rows" else limit_of(status)


def _size(status: Status) -> float:
    return METRICS[status.metric].size_of(status.unit)


def _series(bench: Bench, status: Status) -> tuple[tuple[datetime, float], ...]:
    days = bench.capacity.by_day
    if status.metric == "storage_used":
        room = {r["instance"]: r for r in records(days.room)}.get(status.instance)
        if room is None or pd.isna(room["storage_bytes"]):
            return ()
        frame = days.instances[days.instances["instance"] == status.instance]
        beside = 0.0 if pd.isna(room["beside_bytes"]) else float(room["beside_bytes"])
        values = (frame["bytes"].astype("Float64") + beside) / float(room["storage_bytes"])
    else:
        frame = days.services[days.services["service"] == status.service]
        frame = frame[frame["instance"] == status.instance] if status.instance else frame
        values = frame[status.metric].astype("Float64")
    return tuple(
        (at.to_pydatetime(), float(v))
        for at, v in zip(frame["at"], values, strict=True)
        if pd.notna(v)
    )
