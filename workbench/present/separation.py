"""Which service is to move, and why: verdicts, pressure, isolation, limits, what if; each one call in a notebook.

Every function takes a ``Bench``; the verdicts are those of ``workbench.decide.verdicts``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from workbench.decide.facts import Verdict
from workbench.decide.judgement import RELIEF, SOON_DAYS
from workbench.present.bench import Bench
from workbench.present.capacity import Headline
from workbench.present.limited import limits, limits_over_time
from workbench.present.moves import what_if
from workbench.present.otherwise import otherwise
from workbench.present.scatter import Point, scatter
from workbench.present.svg import Figure
from workbench.present.tables import Column, Table
from workbench.present.targets import next_moves, targets
from workbench.present.text import brief, escape
from workbench.present.units import interval_text, share_text
from workbench.present.verdict_words import (
    ACTS,
    KINDS,
    days_words,
    isolation_words,
    ordered,
    verdicts_answer,
)


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
            # most rows say it, and are a line high where it does not break
            "verdict": v.verdict.replace("not needed", "not\u00a0needed"),
            "binding": v.binding.name if v.binding else None,
            "low": v.binding.share.low if v.binding and v.binding.share else None,
            "high": v.binding.share.high if v.binding and v.binding.share else None,
            "used": v.binding.used if v.binding else None,
            "isolation": v.isolation.share,
            "days": days_words(v.urgency.days, v.urgency.because),
            "after": days_words(v.urgency.after, v.urgency.because),
            "breaks": _breaks_words(v),
        }
        for v in ordered(bench.verdicts)
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
        held = ordered(self.bench.verdicts)
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
            for v in ordered(self.bench.verdicts)
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
    for v in ordered(bench.verdicts):
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
        (v.binding.pressure.high, v)
        for v in ordered(bench.verdicts)
        if v.binding and v.binding.pressure
    ]
    if not known:
        return "No pressure is known: no capacity is declared"
    top = max(known, key=lambda k: k[0])[1]
    assert top.binding is not None
    return f"{brief(top.service)} presses most, on {top.binding.name}; {isolation_words(top)} of its calls stay inside"


@dataclass(frozen=True)
class Pressures:
    """The resources of the services that a verdict asks something of; those of the rest are folded. Displays itself."""

    asked: Table
    rest: Table

    def _repr_html_(self) -> str:
        shown = self.asked._repr_html_() if len(self.asked.frame) else ""
        if self.rest.frame.empty and shown:
            return shown
        count = self.rest.frame["service"].nunique()
        told = f"{count} service{'' if count == 1 else 's'} of which nothing is asked"
        inside = self.rest._repr_html_()
        return f"{shown}<details><summary>{told}</summary>{inside}</details>"

    def __repr__(self) -> str:
        return f"{self.asked!r}\n\n{self.rest!r}"


def pressures(bench: Bench) -> Pressures:
    """Every resource of every service: its share as an interval, the busiest hour beside, use before and after."""
    held = ordered(bench.verdicts)
    asked, rest = ([v for v in held if (v.verdict in ACTS) == acts] for acts in (True, False))
    return Pressures(_pressures(bench, asked), _pressures(bench, rest))


def pressures_of(bench: Bench, service: str) -> Table:
    """The resources of one service."""
    return _pressures(bench, [bench.verdicts.of(service)])


def _pressures(bench: Bench, verdicts: Sequence[Verdict]) -> Table:
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
        for v in verdicts
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
    )


def crossing_counts(bench: Bench) -> Table:
    """The raw counts beside each isolation: what crosses its boundary."""
    rows = [
        {"service": v.service, "share": v.isolation.share, **dict(v.isolation.counts)}
        for v in ordered(bench.verdicts)
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


__all__ = [
    "Reasons",
    "arguments",
    "crossing_counts",
    "cut_offs",
    "decisions",
    "headline",
    "limits",
    "limits_over_time",
    "next_moves",
    "otherwise",
    "pressure_by_isolation",
    "pressures",
    "pressures_of",
    "targets",
    "unsettled",
    "what_if",
]
