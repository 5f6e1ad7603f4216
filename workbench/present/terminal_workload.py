"""A workload in a terminal: the answer first, load per service, what crosses most, and what it rests on."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from rich.text import Text

from workbench.analyse.crossings import Crossing
from workbench.analyse.workload import Workload
from workbench.analyse.workload_document import unknown_callers
from workbench.present.answers import days_of, workload_answer, written_together
from workbench.present.terminal import print_coverage, stdout, table
from workbench.present.text import legible, shorten
from workbench.present.units import count_text, interval_text, share_text
from workbench.snapshot import records

_MOST_SERVICES, _MOST_CROSSINGS = 40, 8


def print_workload(workload: Workload) -> None:
    """Print the answer, a row per service, the crossings with the most calls, and the next command."""
    console = stdout()
    console.print(Text(workload_answer(workload)), style="bold")
    print_coverage(workload.coverage)
    _services(workload)
    statements = [c for c in workload.crossings if c.kind == "statement"]
    if statements:
        console.print()
        _crossings(statements, days_of(workload))
    told = (
        written_together(workload) or "Transactions of several services: unknown, no WAL was read"
    )
    console.print(Text(told))
    for row in records(unknown_callers(workload).head(3)):
        calls = count_text(float(row["calls"]))
        console.print(Text(f"{calls} calls of unknown callers: {row['because']}"), style="dim")
    console.print(Text("next: workbench workload --json, or workbench review for the page"))


def _services(workload: Workload) -> None:
    services = workload.services
    several = services["instance"].nunique() > 1
    rows = []
    for row in records(services.head(_MOST_SERVICES)):
        days = None if pd.isna(row["days"]) or not row["days"] else float(row["days"])
        low, high = [
            None if pd.isna(row[f"calls_{e}"]) or not days else float(row[f"calls_{e}"]) / days
            for e in ("low", "high")
        ]
        mean = "" if pd.isna(row["mean_ms"]) else f"{row['mean_ms']:.3g}"
        rows.append(
            (
                shorten(legible(row["service"]), 20),
                *((shorten(legible(row["instance"]), 12),) if several else ()),
                interval_text(row["time_ms_share_low"], row["time_ms_share_high"], share_text),
                interval_text(low, high, count_text),
                "" if pd.isna(row["statements"]) else int(row["statements"]),
                mean,
                interval_text(row["wal_bytes_share_low"], row["wal_bytes_share_high"], share_text),
            )
        )
    names = ("service", *(("instance",) if several else ()))
    columns = (*names, "time %", "calls/day", "statements", "mean ms", "WAL %")
    stdout().print(table(columns, rows, right="l" * len(names) + "rrrrr"))
    if len(services) > _MOST_SERVICES:
        stdout().print(Text(f"+{len(services) - _MOST_SERVICES} more"), style="dim")
    for because in sorted(set(services["because"].dropna())):
        stdout().print(Text(because), style="dim")


def _crossings(found: Sequence[Crossing], days: dict[str, float]) -> None:
    rows = []
    for crossing in found[:_MOST_CROSSINGS]:
        length = days.get(crossing.instance)
        calls = "unknown" if not length else count_text((crossing.calls or 0) / length)
        rows.append(
            (
                shorten(legible(crossing.actor or "unknown"), 14),
                crossing.access,
                _tables(crossing.relations),
                f"≤ {calls}" if crossing.at_most else calls,
            )
        )
    columns = ("actor", "access", "tables of others", "calls/day")
    stdout().print(table(columns, rows, right="lllr"))
    if len(found) > _MOST_CROSSINGS:
        stdout().print(Text(f"+{len(found) - _MOST_CROSSINGS} more that cross"), style="dim")


def _tables(relations: Sequence[str]) -> str:
    more = f" +{len(relations) - 1} more" if len(relations) > 1 else ""
    return shorten(legible(relations[0]), 44 - len(more)) + more
