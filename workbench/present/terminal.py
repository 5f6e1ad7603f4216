"""What a terminal shows: plain tables within its width, colour only where somebody looks."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from workbench.analyse.capacity import Capacity
from workbench.collect.cost import cost
from workbench.model import Coverage, Finding
from workbench.present.units import bytes_text, count_text
from workbench.present.unmeasured import gathered
from workbench.snapshot import History, Snapshot, load_tags, records

LEVEL_STYLES = {"error": "bold red", "warning": "yellow", "info": "dim"}


def stdout() -> Console:
    """The console for answers. Text from a database is never read as markup."""
    return Console(file=sys.stdout, highlight=False, soft_wrap=False)


def stderr() -> Console:
    """The console for progress and messages."""
    return Console(file=sys.stderr, highlight=False, stderr=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: str = "") -> Table:
    """Make a table. ``right`` names, letter by letter, which columns are figures (``"lrr"``)."""
    made = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for column, side in zip(columns, right.ljust(len(columns), "l"), strict=False):
        made.add_column(
            column,
            justify="right" if side == "r" else "left",
            no_wrap=side == "r",
            overflow="fold",
        )
    for row in rows:
        made.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    return made


def say(message: str) -> None:
    """Print a line of progress or a message to stderr, with no markup read in it."""
    stderr().print(Text(message))


def print_coverage(coverage: Coverage) -> None:
    """Print in a few lines what the answer rests on and what is missing."""
    console = stdout()
    if coverage.until is None:
        return
    period = f"{coverage.until:%Y-%m-%d}"
    if coverage.since is not None and coverage.since.date() != coverage.until.date():
        period = f"{coverage.since:%Y-%m-%d} to {period}"
    simulated = " (simulated dates)" if coverage.simulated else ""
    snapshots = f"{coverage.snapshots} snapshot{'' if coverage.snapshots == 1 else 's'}"
    console.print(Text(f"{coverage.estate}: {period}{simulated}, {snapshots}"), style="bold")
    for missing in gathered(coverage.missing):
        where = ", ".join(missing.places)
        console.print(Text(f"not measured: {missing.what} of {where}: {missing.why}"))
        console.print(Text(f"  {missing.remedy}"), style="dim")


def print_json(coverage: Coverage | None, name: str, payload: object) -> None:
    """Print one document: ``coverage`` and the payload under its command's name, sorted keys."""
    print_document({"coverage": coverage.to_json() if coverage else None, name: payload})


def print_document(document: Mapping[str, object]) -> None:
    """Print a document with sorted keys."""
    json.dump(_plain(document), sys.stdout, indent=2, sort_keys=True, ensure_ascii=False)
    sys.stdout.write("\n")


def _plain(value: object) -> object:
    """What JSON can say of a value: it knows no NaN, and an unknown figure is null there."""
    if isinstance(value, Mapping):
        return {key: _plain(held) for key, held in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(held) for held in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def print_findings(findings: Sequence[Finding], none: str) -> None:
    """Print findings, the gravest first, each with what to do; ``none`` where there are none."""
    console = stdout()
    if not findings:
        console.print(Text(none))
    for finding in findings:
        head = Text(f"{finding.level:8}", style=LEVEL_STYLES[finding.level])
        console.print(head.append(f"{finding.subject}: {finding.detail}", style="default"))
        console.print(Text(f"        {finding.remediation}"), style="dim")


def print_collected(snapshot: Snapshot, path: Path) -> None:
    """Print what a collection took, what it did not, and the next command."""
    console = stdout()
    parts = snapshot.manifest.parts
    databases = {(p.instance, p.database) for p in parts if p.database}
    console.print(
        Text(
            f"{len(parts)} answers from {len(databases)} databases on "
            f"{len(snapshot.manifest.reached)} instances, {sum(p.rows for p in parts):,} rows, "
            f"{sum(p.ms for p in parts) / 1000:.1f} s of server time"
        )
    )
    if any(part.ms for part in parts):
        console.print(_cost(snapshot))
    print_coverage(snapshot.coverage)
    console.print(Text(str(path)))


def _cost(snapshot: Snapshot) -> Table:
    """What this collection cost each instance, and its slowest questions."""
    rows = []
    for row in cost(snapshot.manifest):
        slowest = (
            f"{s['frame']}"
            + (f" of {s['database']}" if s["database"] else "")
            + f" {s['ms']:.0f} ms"
            for s in row["slowest"]
        )
        rows.append((row["instance"], row["questions"], f"{row['ms']:.0f} ms", "; ".join(slowest)))
    columns = ("instance", "questions", "cost", "slowest")
    return table(columns, rows, right="lrrl")


def print_history(history: History) -> None:
    """Print one line per snapshot, oldest first."""
    if not history.snapshots:
        stdout().print(Text(f"no snapshot in {history.folder}; `workbench collect` takes one"))
        return
    rows = [
        (
            f"{s.at:%Y-%m-%d %H:%M}" + (" simulated" if s.manifest.simulated else ""),
            s.manifest.profile,
            len(s.manifest.reached),
            len(s.manifest.unreached),
            len(s.manifest.missing),
            s.manifest.id,
        )
        for s in history
    ]
    columns = ("date (UTC)", "profile", "reached", "unreached", "gaps", "snapshot")
    stdout().print(table(columns, rows, right="llrrrl"))
    for name in load_tags(history.folder) if history.folder else ():
        stdout().print(Text(f"baseline {name.name}: {name.snapshot} {name.note}".rstrip()))
    for cut in history.cuts:
        broken = cut.broken
        joined = f" (joined by {broken.adopted})" if broken.adopted else ""
        stdout().print(Text(f"{broken.at:%Y-%m-%d %H:%M} {broken.place}: {broken.why}{joined}"))


def _or_unknown(text: Callable[[float], str], value: Any) -> str:
    return "unknown" if pd.isna(value) else text(value)


def print_capacity(capacity: Capacity) -> None:
    """Print size, growth and rows per service, then the instances' headroom."""
    print_coverage(capacity.coverage)
    services = capacity.services
    rows = [
        (
            row["service"] or f"({row['standing']})",
            row["instance"],
            row["tables"],
            _or_unknown(bytes_text, row["total_bytes"]),
            _or_unknown(lambda v: bytes_text(v, signed=True), row["per_day"]),
            _or_unknown(count_text, row["rows"]),
        )
        for row in records(services)
    ]
    columns = ("service", "instance", "tables", "size", "a day", "rows")
    stdout().print(table(columns, rows, right="llrrrr"))
    for because in sorted(set(services["because"].dropna())):
        stdout().print(Text(f"unknown: {because}"), style="dim")
    for row in records(capacity.instances):
        size = _or_unknown(bytes_text, row["bytes"])
        outlook = row["because"] or (
            f"full on {row['full_on']}, between {row['full_from']} and "
            f"{row['full_until'] or 'ten years from now'}"
        )
        stdout().print(Text(f"{row['instance']}: databases {size}; {outlook}"))
