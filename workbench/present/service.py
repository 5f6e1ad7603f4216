"""One service on a page that can be sent to its team: whose it is, how large, what it loads, what crosses, what is in the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import pandas as pd

from workbench.decide.facts import Verdict
from workbench.present import (
    capacity,
    crossings,
    limited,
    moves,
    reference_figures,
    references,
    separation,
    statements,
)
from workbench.present.bench import Bench
from workbench.present.capacity import Headline
from workbench.present.charts import Line, lines, nice_ticks
from workbench.present.decided import decided
from workbench.present.html import Displayed, Section, Several
from workbench.present.tables import Column, Table
from workbench.present.targets import targets_of
from workbench.present.text import escape
from workbench.present.units import axis_text, bytes_text, exact, interval_text, share_text


@dataclass(frozen=True)
class ServicePage:
    """What a service's page says: the answer with its figures, and the sections below it."""

    name: str
    headline: Headline
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class _Prose:
    """Paragraphs, and a list under them."""

    paragraphs: tuple[str, ...]
    listed: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        told = "".join(f"<p>{escape(text)}</p>" for text in self.paragraphs)
        items = "".join(f"<li>{escape(text)}</li>" for text in self.listed)
        return f'<div class="wb-reasons">{told}{f"<ul>{items}</ul>" if items else ""}</div>'


def services_with_a_page(bench: Bench) -> list[str]:
    """Return the services that keep their data here, by name."""
    return sorted(v.service for v in bench.verdicts.verdicts)


def service_page(bench: Bench, name: str, pages: Mapping[str, str] | None = None) -> ServicePage:
    """Return what the page of a service says; KeyError where it keeps no data here.

    ``pages`` are the addresses of services' pages, from this one: names and boxes of others lead there.
    """
    links = {other: href for other, href in (pages or {}).items() if other != name}
    verdict = bench.verdicts.of(name)
    relations = bench.capacity.relations
    mine = relations[(relations["service"] == name) & (relations["standing"] == "owned")]
    places = set(mine[["instance", "database"]].itertuples(index=False, name=None))
    why = _Prose((verdict.argument,), verdict.warnings)
    load = (separation.pressures_of(bench, name), statements.statements_of(bench, name))
    out = (crossings.leaving(bench, name), references.references_of(bench, name, outwards=True))
    into = (
        crossings.entering(bench, name, links),
        references.references_of(bench, name, outwards=False, links=links),
    )
    asked = moves.what_if(bench, [name])
    breaks = (asked.summary, moves.broken(verdict.blockers))
    sections = [
        Section("Why", why),
        Section("Whose is it, and where?", _card(bench, name, mine)),
        Section("What was decided", decided(bench, name)),
        Section("Its limits", Several(_limits(bench, name))),
        Section("How large is it, and how does it grow?", Several(_size(bench, name))),
        Section("What does it load?", Several(load)),
        Section("Whom does it touch?", Several(out)),
        Section("Who touches it?", Several(into)),
        Section("What breaks if it moves?", Several(breaks)),
        Section("Where may it go?", targets_of(bench, name)),
        *([Section("Its tables", _Drawn(bench, name, links))] if len(mine) else []),
        Section("What could not be measured", capacity.not_measured(bench, places)),
    ]
    return ServicePage(name, _headline(bench, name, verdict), tuple(sections))


def _headline(bench: Bench, name: str, verdict: Verdict) -> Headline:
    held = capacity.by_owner(bench)
    held = held[held["owner"] == name]
    figures = []
    for column, told, signed in (("total_bytes", "on disk", False), ("per_day", "a day", True)):
        known = [float(value) for value in held[column].dropna()]
        figures.append((bytes_text(known[0], signed=signed) if known else "unknown", told))
    load = bench.workload.services
    load = load[(load["service"] == name) & load["time_ms_share_low"].notna()]
    share = "unknown"
    if len(load):
        top = load.sort_values("time_ms_share_high").iloc[-1]
        ends = top["time_ms_share_low"], top["time_ms_share_high"]
        share = f"{interval_text(*ends, share_text)} %"
    touching = crossings.statements_that_cross(bench)
    figures += [
        (share, "of execution time"),
        (f"{sum(c.actor == name for c in touching):,}", "statements leave it"),
        (
            f"{sum(name in c.owners and c.actor != name for c in touching):,}",
            "come from outside",
        ),
    ]
    told = "a move is not needed" if verdict.verdict == "not needed" else verdict.verdict
    return Headline(f"{name}: {told}", figures)


def _limits(bench: Bench, name: str) -> tuple[Displayed, ...]:
    """Its limits over the days where any is drawn, and as a table."""
    table = limited.limits(bench, name)
    known = any(s.service == name and len(s.days) > 1 for s in bench.verdicts.statuses)
    return (limited.limits_over_time(bench, name), table) if known else (table,)


def _card(bench: Bench, name: str, mine: pd.DataFrame) -> Table:
    """Team, contact, where the data is, and what else the estate file says."""
    service = bench.estate.service(name)
    homes = sorted(set(mine[["instance", "database", "schema"]].itertuples(index=False, name=None)))
    said: list[tuple[str, object]] = [
        ("Team", service.team),
        ("Contact", service.contact),
        ("Kind", service.kind),
        ("Schemas", tuple("/".join(home) for home in homes) or None),
        ("Called before", service.was or None),
        ("Connections of its pool", service.connection_limit),
        *((key.capitalize(), value) for key, value in sorted(service.attributes.items())),
    ]
    rows = [(what, value) for what, value in said if value is not None]
    if service.team is None and service.contact is None:
        rows.insert(0, ("Team", "unknown: write team and contact into the estate file"))
    frame = pd.DataFrame(rows, columns=["what", "value"], dtype="object")
    return Table(frame, [Column("what", ""), Column("value", "", "list")], "Whose it is")


def _size(bench: Bench, name: str) -> tuple[Displayed, ...]:
    daily = bench.capacity.daily
    mine = daily[(daily["service"] == name) & (daily["standing"] == "owned")]
    sums = mine.groupby("at")["total_bytes"].sum(min_count=1).dropna()
    tables = capacity.tables_of(bench, name)
    if len(sums) < 2:
        return (tables,)
    points = tuple((_moment(at), float(size)) for at, size in sums.items())
    first, last = points[0][1], points[-1][1]
    ticks = nice_ticks(max(size for _, size in points))
    verb = "grew" if last > first else "shrank" if last < first else "stayed"
    told = (
        f"{name} stayed at {bytes_text(last)}"
        if verb == "stayed"
        else f"{name} {verb} from {bytes_text(first)} to {bytes_text(last)}"
    )
    line = Line(
        points, name, bytes_text(last), f"{name}: {exact(last, 'bytes')}", bench.colour(name)
    )
    drawn = lines(
        [line],
        ticks=[(step, axis_text(step, ticks[-1])) for step in ticks],
        title=told,
        subtitle=f"Bytes on disk, {bench.period}",
        description=f"{told}. Bytes on disk, {bench.period}.",
    )
    return drawn, tables


def _moment(at: object) -> datetime:
    return pd.Timestamp(at).to_pydatetime()  # type: ignore[arg-type]


@dataclass(frozen=True)
class _Drawn:
    """The diagram of a service's tables; ends in other services lead to these services' pages."""

    bench: Bench
    name: str
    links: Mapping[str, str]

    def _repr_html_(self) -> str:
        drawn = reference_figures.service_schema(self.bench, self.name)
        ends = {
            box.id.removeprefix("stub-"): self.links[box.service]
            for box in drawn.scene.boxes
            if box.service is not None and box.service in self.links
        }
        return replace(drawn, links=ends).html()
