"""Limits and how they stand: as a table, and over the days with the band in which each is reached.

Every function takes a ``Bench``; the statuses are those of ``workbench.decide.thresholds``.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pandas as pd

from workbench.decide.argument import bytes_of
from workbench.decide.facts import Status
from workbench.decide.judgement import SOON_DAYS
from workbench.present.bench import Bench
from workbench.present.outlook import Limited, outlooks
from workbench.present.svg import Figure
from workbench.present.tables import Column, Table
from workbench.present.text import slug
from workbench.present.units import count_text, day_text, share_text
from workbench.present.verdict_words import limit_of, limit_words, metric_name, value_words

MOST_PANELS = 16
"""Small multiples of one figure; the table has all."""

_RANK = {"crossed": 0, "crossing": 1, "unknown": 2, "clear": 3}


def limits(bench: Bench, service: str | None = None) -> Table:
    """Every limit, or those of one service, and how it stands: written ones first, what presses before what does not."""
    named = [s for s in bench.verdicts.statuses if service in (None, s.service)]
    held = sorted(named, key=lambda s: (not s.declared, _RANK[s.state]))
    rows = [
        {
            "what": metric_name(s),
            "value": value_words(s),
            "limit": f"{s.kind} {limit_of(s)}",
            "state": s.state,
            "when": s.since if s.state == "crossed" else s.crosses_on,
            "window": s.window or "",
            "source": s.source,
            "because": (s.because,) if s.because else (),
            "id": slug("threshold", s.key),
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
        Column("because", "Note", "list"),
    ]
    frame = pd.DataFrame(rows, columns=[*(c.key for c in columns), "id"])
    empty = "No limit is set." if service is None else "No limit is written for it alone."
    return Table(frame, columns, "Limits", empty, limit=200, ids="id")


def limits_over_time(bench: Bench, service: str | None = None) -> Figure:
    """Draw what has a limit as of each day, with its limits and the band in which one is reached; what presses first.

    Every metric is drawn whose daily figures are known, of everything or of one service; the subtitle names those that are not.
    """
    groups: dict[tuple[object, ...], list[Status]] = {}
    for status in bench.verdicts.statuses:
        if service in (None, status.service):
            key = (status.metric, status.instance, status.service, status.scope, status.window)
            groups.setdefault(key, []).append(status)
    ranked = sorted((_first_to_press(held) for held in groups.values()), key=lambda h: _order(h[0]))
    drawn = [held for held in ranked if len(held[0].days) > 1]
    missing = [metric_name(held[0]) for held in ranked if len(held[0].days) < 2]
    subtitle = (
        f"As of each day, {bench.period}: a figure of a window is that of the window up to the day; grey lines: limits; "
        "orange: the days between which one is reached at this pace"
    )
    if (more := len(drawn) - MOST_PANELS) > 0:
        subtitle += f"; {more} more are in the table alone"
    if missing:
        subtitle += f"; no daily figures of {_some(missing)}"
    rows = [_limited(bench, held) for held in drawn[:MOST_PANELS]]
    return outlooks(rows, title=_title([held[0] for held in ranked]), subtitle=subtitle)


def _first_to_press(held: list[Status]) -> list[Status]:
    """The limits of one figure, the one that presses most first."""
    return sorted(held, key=lambda s: (_RANK[s.state], s.kind != "hard", s.limit))


def _order(status: Status) -> tuple[object, ...]:
    hard = status.kind == "hard"
    return (
        _RANK[status.state],
        not status.declared,
        not hard,
        status.crosses_on or date.max,
        metric_name(status),
    )


def _title(found: list[Status]) -> str:
    """What presses in a sentence: how many are crossed, and the next that is reached."""
    crossed = [s for s in found if s.state == "crossed" and s.kind != "low"]
    near = [s for s in found if s.state == "crossing" and s.crosses_on]
    if not crossed and not near:
        return "No limit is near"
    told = []
    if crossed:
        first = min(crossed, key=lambda s: (s.since or date.max, s.key))
        since = f", {metric_name(first)} since {day_text(first.since)}" if first.since else ""
        told.append(f"{len(crossed)} of {len(found)} limited figures are over{since}")
    if near:
        first = min(near, key=lambda s: (s.crosses_on or date.max, s.key))
        told.append(f"next: {limit_words(first)}" if crossed else limit_words(first))
    title = "; ".join(told)
    return title[0].upper() + title[1:]


def _some(names: list[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _limited(bench: Bench, held: list[Status]) -> Limited:
    first = held[0]
    points = tuple((at, value.low, value.high) for at, value in first.days)
    dated = (first.crosses_from, first.crosses_on, first.crosses_until)
    reached = None
    if first.state == "crossing" and all(dated):
        low, likely, high = (datetime.combine(d, time(), UTC) for d in dated if d)
        horizon = points[-1][0] + timedelta(days=SOON_DAYS)
        reached = (low, likely, high) if high <= horizon else None
    # a low limit that nobody wrote says that a server is larger than it need be: no line to watch
    lines = [s for s in held if s.kind != "low" or s.declared] or held
    return Limited(
        metric_name(first),
        points,
        tuple((s.limit, f"{s.kind} {_short(s)}") for s in lines),
        f"{value_words(first)}, {_stands(first)}",
        limit_words(first),
        reached,
        bench.colour(first.service) if first.service else Limited.colour,
        first.state in ("crossed", "crossing") and first.kind != "low",
    )


def _stands(status: Status) -> str:
    if status.state == "crossed" and status.since:
        return f"crossed since {day_text(status.since)}"
    if status.state == "crossing" and status.crosses_on:
        return f"crossing on {day_text(status.crosses_on)}"
    return status.state


def _short(status: Status) -> str:
    """A limit as it fits beside its line; the unit stands with the figure."""
    if status.unit == "share":
        return f"{share_text(status.limit).removesuffix('.0')} %"
    if status.unit.startswith("bytes"):
        return bytes_of(status.limit)
    return count_text(status.limit)
