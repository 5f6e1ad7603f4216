"""Which service is to move, and why: verdicts, pressure, isolation, limits, what if; each one call in a notebook.

Every function takes a ``Bench``; the verdicts are those of ``workbench.decide.verdicts``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import pandas as pd

from workbench.decide.facts import Status, Verdict, WhatIf
from workbench.decide.judgement import RELIEF, SOON_DAYS
from workbench.estate import METRICS
from workbench.present.bench import Bench
from workbench.present.capacity import Headline
from workbench.present.outlook import Limited, outlooks
from workbench.present.scatter import Point, scatter
from workbench.present.svg import Figure
from workbench.present.tables import Column, Table
from workbench.present.text import brief, escape
from workbench.present.units import count_text, interval_text, share_text
from workbench.present.verdict_words import (
    ACTS,
    KINDS,
    days_words,
    isolation_words,
    limit_of,
    limit_words,
    metric_name,
    value_words,
    verdicts_answer,
)
from workbench.snapshot import records

_MOST_PANELS = 12


def _ordered(bench: Bench) -> list[Verdict]:
    """The verdicts, the nearest to a move first, then by pressure."""
    rank = {verdict: at for at, verdict in enumerate((*ACTS, "not needed"))}

    def order(v: Verdict) -> tuple[object, ...]:
        pressed = v.binding.pressure if v.binding is not None else None
        return rank[v.verdict], -(pressed.high if pressed else 0.0), v.service

    return sorted(bench.verdicts.verdicts, key=order)


def headline(bench: Bench) -> Headline:
    """Say which services are to move, with the figures under it."""
    found = bench.verdicts
    counts = Counter(v.verdict for v in found.verdicts)
    figures: list[tuple[str, str]] = [
        (f"{counts[v]:,}", v) for v in (*ACTS, "not needed") if counts[v]
    ]
    crossed = sum(s.state == "crossed" and s.declared for s in found.statuses)
    unknown = sum(s.state == "unknown" and s.declared for s in found.statuses)
    written = sum(s.declared for s in found.statuses)
    figures.append((f"{crossed:,} of {written:,}", "written limits crossed"))
    if unknown:
        figures.append((f"{unknown:,}", "of them unknown"))
    return Headline(verdicts_answer(found), figures)


def decisions(bench: Bench) -> Table:
    """One row per service: its verdict, what presses, how far it stands alone, days left with it and without it."""
    rows = [
        {
            "service": v.service,
            "verdict": v.verdict,
            "binding": v.binding.name if v.binding else None,
            "low": v.binding.share.low if v.binding and v.binding.share else None,
            "high": v.binding.share.high if v.binding and v.binding.share else None,
            "used": v.binding.used if v.binding else None,
            "isolation": v.isolation.share,
            "days": days_words(v.urgency.days, v.urgency.because),
            "after": days_words(v.urgency.after, v.urgency.because),
            "breaks": _breaks_words(v),
        }
        for v in _ordered(bench)
    ]
    open_ = "no resource is known both in what is used and in whose it is: see what would settle it"
    columns = [
        Column("service", "Service", "name"),
        Column("verdict", "Verdict"),
        Column("binding", "Binding resource", otherwise=open_),
        Column("low", "Its share", "share", until="high", otherwise=open_),
        Column("used", "Used of capacity", "share", otherwise=open_),
        Column("isolation", "Calls inside", "share", otherwise="no statement of it was counted"),
        Column("days", "Days to its instance's limit"),
        Column("after", "Without it"),
        Column("breaks", "Breaks if it moves"),
    ]
    frame = pd.DataFrame(rows, columns=[*(c.key for c in columns), "high"])
    empty = "No service keeps its data here: there is nothing to separate."
    return Table(frame, columns, "Verdicts", empty, colours=bench.colours, limit=100)


def _breaks_words(verdict: Verdict) -> str:
    counts = Counter(b.kind for b in verdict.blockers)
    told = [f"{n} {KINDS[k][n != 1]}" for k, n in counts.items()]
    return ", ".join(told) or ("unknown" if verdict.isolation.share is None else "nothing")


@dataclass(frozen=True)
class Reasons:
    """Why each verdict is what it is, with what to beware of; those that ask for nothing are folded. Displays itself."""

    bench: Bench

    def _repr_html_(self) -> str:
        held = _ordered(self.bench)
        acts = "".join(self._one(v) for v in held if v.verdict in ACTS or v.warnings)
        rest = [v for v in held if v.verdict not in ACTS and not v.warnings]
        if rest:
            count = f"{len(rest)} service{'' if len(rest) == 1 else 's'}, not needed"
            inside = "".join(self._one(v) for v in rest)
            acts += f"<details><summary>{count}: why</summary>{inside}</details>"
        return f'<div class="wb-reasons">{acts}</div>'

    def _one(self, verdict: Verdict) -> str:
        swatch = (
            f'<i class="wb-swatch" style="background:{self.bench.colour(verdict.service).css}"></i>'
        )
        beware = "".join(f"<li>{escape(warning)}</li>" for warning in verdict.warnings)
        listed = f"<ul>{beware}</ul>" if beware else ""
        return (
            f"<section><p>{swatch}<b>{escape(verdict.service)}</b> · {escape(verdict.verdict)}</p>"
            f"<p>{escape(verdict.argument)}</p>{listed}</section>"
        )

    def __repr__(self) -> str:
        return "\n".join(
            "\n".join(
                [f"{v.service}: {v.verdict}. {v.argument}", *(f"  ! {w}" for w in v.warnings)]
            )
            for v in _ordered(self.bench)
        )


def arguments(bench: Bench) -> Reasons:
    """Why: two or three sentences for each service, with its warnings."""
    return Reasons(bench)


def unsettled(bench: Bench) -> Table:
    """What is not known, for which services, and what would settle it."""
    found: dict[str, list[str]] = {}
    for verdict in bench.verdicts.verdicts:
        for step in verdict.settles:
            found.setdefault(step, []).append(verdict.service)
    rows = [
        (", ".join(names) if len(names) < 5 else f"{len(names)} services", step)
        for step, names in found.items()
    ]
    frame = pd.DataFrame(rows, columns=["services", "step"])
    columns = [
        Column("services", "Of"),
        Column("step", "What is open, and what would settle it"),
    ]
    return Table(frame, columns, "What would settle it", "Nothing is open.", limit=100)


def pressure_by_isolation(bench: Bench) -> Figure:
    """Draw how hard each service presses on its binding resource against how much of it stays inside."""
    points, missing = [], []
    for v in _ordered(bench):
        if v.binding is None or v.binding.pressure is None or v.isolation.share is None:
            missing.append(v.service)
            continue
        low, high = v.binding.pressure
        share = interval_text(low, high, share_text)
        days, after = (days_words(d, v.urgency.because) for d in (v.urgency.days, v.urgency.after))
        told = (
            f"{days} → {after} days"
            if v.urgency.days is not None and v.urgency.after is not None
            else (f"{days} days → {after}" if v.urgency.days is not None else "")
        )
        tip = f"{v.verdict}; {share} % of the capacity of {v.binding.name}; {isolation_words(v)} of calls inside; {told or 'no day is foretold'}"
        acts = v.verdict in ACTS
        points.append(
            Point(v.isolation.share, low, high, v.service, told, tip, bench.colour(v.service), acts)
        )
    subtitle = (
        "Pressure is the share of the capacity of its binding resource that is the service's, from what is its alone to what "
        "may be; beside a name, where there is room, the days until its instance crosses a limit, with it and without"
    )
    if missing:
        subtitle += f"; not drawn, for a figure is unknown: {', '.join(map(brief, missing))}"
    return scatter(
        points,
        across="calls that stay inside the service",
        upwards="pressure",
        title=_scatter_title(bench),
        subtitle=subtitle,
    )


def _scatter_title(bench: Bench) -> str:
    known = [
        (v.binding.pressure.high, v) for v in _ordered(bench) if v.binding and v.binding.pressure
    ]
    if not known:
        return "No pressure is known: no capacity is declared"
    top = max(known, key=lambda k: k[0])[1]
    assert top.binding is not None
    return f"{brief(top.service)} presses most, on {top.binding.name}; {isolation_words(top)} of its calls stay inside"


def pressures(bench: Bench) -> Table:
    """Every resource of every service: its share as an interval, the busiest hour beside, what is used before and after."""
    rows = [
        {
            "service": v.service,
            "resource": f"{r.name} of {r.instance}",
            "low": r.share.low if r.share else None,
            "high": r.share.high if r.share else None,
            "busy": r.busiest.low if r.busiest else None,
            "busy_until": r.busiest.high if r.busiest else None,
            "used": r.used,
            "after": r.after.low if r.after else None,
            "after_until": r.after.high if r.after else None,
            "binds": "binds" if r is v.binding else "",
            "because": r.because,
            "no_busy": r.no_busiest,
        }
        for v in _ordered(bench)
        for r in v.resources
    ]
    columns = [
        Column("service", "Service", "name"),
        Column("resource", "Resource"),
        Column("low", "Share", "share", until="high"),
        Column("busy", "Busiest hour", "share", until="busy_until", because="no_busy"),
        Column("used", "Used of capacity", "share"),
        Column("after", "Without it", "share", until="after_until"),
        Column("binds", ""),
    ]
    hidden = ["high", "busy_until", "after_until", "because", "no_busy"]
    frame = pd.DataFrame(rows, columns=[*(c.key for c in columns), *hidden])
    return Table(
        frame,
        columns,
        "Pressure",
        "Nothing was measured.",
        colours=bench.colours,
        limit=400,
        search=True,
    )


def crossing_counts(bench: Bench) -> Table:
    """The raw counts beside each isolation: what crosses its boundary."""
    rows = [
        {"service": v.service, "share": v.isolation.share, **dict(v.isolation.counts)}
        for v in _ordered(bench)
    ]
    names = [name for name, _ in bench.verdicts.verdicts[0].isolation.counts] if rows else []
    columns = [
        Column("service", "Service", "name"),
        Column("share", "Calls inside", "share", otherwise="no statement of it was counted"),
        *(
            Column(
                n,
                n.capitalize(),
                "amount",
                otherwise="not counted: no statements or no WAL were read, or samples of locks alone saw it",
            )
            for n in names
        ),
    ]
    frame = pd.DataFrame(rows, columns=["service", "share", *names])
    return Table(
        frame, columns, "What crosses", "No service was found.", colours=bench.colours, limit=100
    )


def limits(bench: Bench) -> Table:
    """Every limit and how it stands: written ones first, what presses before what does not."""
    rank = {"crossed": 0, "crossing": 1, "unknown": 2, "clear": 3}
    held = sorted(bench.verdicts.statuses, key=lambda s: (not s.declared, rank[s.state]))
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


@dataclass(frozen=True)
class Asked:
    """The answer to a what-if: what it costs, what breaks, what each resource falls to. Displays itself."""

    found: WhatIf
    bench: Bench

    @property
    def sentence(self) -> str:
        """The answer in a sentence."""
        counts = Counter(b.kind for b in self.found.breaks)
        told = (
            ", ".join(f"{n} {KINDS[k][n != 1]}" for k, n in counts.items())
            or "nothing that is known"
        )
        verb = "breaks" if sum(counts.values()) <= 1 else "break"
        who = ", ".join(map(brief, self.found.services))
        effort = self.found.effort
        work = f": {effort.low:g} to {effort.high:g} person-days" if counts else ""
        return f"Move {who}, and {told} {verb}{work}."

    @property
    def relief(self) -> Table:
        """What each resource falls to."""
        rows = [
            (f"{r.name} of {r.instance}", r.used, *(r.after or (None, None)), r.because)
            for r in self.found.resources
        ]
        frame = pd.DataFrame(rows, columns=["resource", "used", "after", "until", "because"])
        columns = [
            Column("resource", "Resource"),
            Column("used", "Used of capacity", "share"),
            Column("after", "Falls to", "share", until="until"),
        ]
        return Table(frame, columns, "Relief", "No resource is known.")

    @property
    def breaks(self) -> Table:
        """What breaks, each with who runs it, calls a day and the remedy."""
        rows = [
            {
                "kind": KINDS[b.kind][0],
                "caller": b.caller,
                "services": b.services,
                "relations": b.relations,
                "per_day": b.per_day,
                "remedy": b.remedy.name if b.remedy else "none is known",
                "why": b.remedy.because if b.remedy else b.because,
                "sql": b.sql,
            }
            for b in self.found.breaks
        ]
        columns = [
            Column("kind", "Breaks"),
            Column("caller", "Run by", absent="unknown"),
            Column("services", "Joins", "list"),
            Column("relations", "On", "list"),
            Column("per_day", "A day", "amount", absent="–"),
            Column("remedy", "Remedy"),
            Column("why", "Because"),
            Column(
                "sql",
                "SQL",
                "sql",
                below=True,
                otherwise="held by the catalogue, or seen in WAL and locks: no statement of its own",
            ),
        ]
        frame = pd.DataFrame(rows, columns=[c.key for c in columns])
        empty = "Nothing is known to break."
        return Table(frame, columns, "What breaks", empty, limit=200, search=True)

    def _repr_html_(self) -> str:
        head = Headline(self.sentence, [])._repr_html_()
        return f"{head}{self.relief._repr_html_()}{self.breaks._repr_html_()}"

    def __repr__(self) -> str:
        return self.sentence


def what_if(bench: Bench, services: Sequence[str] | None = None) -> Asked:
    """Answer what happens if services move together; None: the first that a verdict asks something of."""
    if services is None:
        services = [v.service for v in _ordered(bench)[:1]]
    return Asked(bench.moves.what_if(services), bench)


def cut_offs() -> Table:
    """The cut-offs that verdicts use: the project's own, and no law."""
    from workbench.decide.caveats import HUB, ONE_TABLE, UNKNOWN_CALLERS
    from workbench.decide.judgement import CONCENTRATED

    rows = [
        ("a limit that is reached within", f"{SOON_DAYS} days", "is a reason now", "SOON_DAYS"),
        (
            "a move that takes less than",
            f"{RELIEF:.0%} of a resource",
            "does not relieve it",
            "RELIEF",
        ),
        (
            "five statements over",
            f"{CONCENTRATED:.0%} of the time",
            "are tuned first",
            "CONCENTRATED",
        ),
        (
            "a table over",
            f"{ONE_TABLE:.0%} of its service",
            "is moved with its problem",
            "ONE_TABLE",
        ),
        ("services that use its data, from", f"{HUB}", "make a hub", "HUB"),
        (
            "unknown callers over",
            f"{UNKNOWN_CALLERS:.0%} of calls",
            "may hide a forgotten path",
            "UNKNOWN_CALLERS",
        ),
    ]
    frame = pd.DataFrame(rows, columns=["what", "cut", "means", "name"])
    columns = [
        Column("what", "What"),
        Column("cut", "Cut-off"),
        Column("means", "Means"),
        Column("name", "Constant"),
    ]
    return Table(frame, columns, "Cut-offs of the project's own")
