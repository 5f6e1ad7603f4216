"""The commands on a history: list, name, join, merge, import, thin."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.options import (
    Baseline,
    EstatePath,
    HistoryDir,
    Json,
    Since,
    SnapshotPath,
    Until,
    source_of,
)

if TYPE_CHECKING:
    from workbench.snapshot import History

app = typer.Typer(help="The snapshots of an estate, in order.", no_args_is_help=True)


@app.command("list")
def history_list(
    estate: EstatePath = None,
    history: HistoryDir = None,
    since: Since = None,
    until: Until = None,
    baseline: Baseline = None,
    json: Json = False,
) -> None:
    """List the snapshots: date, profile, what was reached, what is missing; baselines; epoch breaks."""
    from workbench.present import terminal

    source = source_of(estate, None, history, since=since, until=until, baseline=baseline)
    found = source.open_or_empty()
    rows = [s.summary() for s in found]
    if json:
        terminal.print_json(found.coverage if found.collected else None, "history", rows)
    else:
        terminal.print_history(found)


@app.command("tag")
def history_tag(
    name: Annotated[str, typer.Argument(help="A name such as 2026-Q3.")],
    estate: EstatePath = None,
    history: HistoryDir = None,
    snapshot: SnapshotPath = None,
    note: Annotated[
        str, typer.Option("--note", help="What the baseline stands for.", metavar="TEXT")
    ] = "",
    json: Json = False,
) -> None:
    """Name the newest snapshot, or that of --snapshot, as a baseline; thinning keeps it.

    What crosses, refers across and is over its limit up to it is accepted: with --check, new is what was never
    seen up to the newest baseline.
    """
    from workbench.decide.news import accept
    from workbench.snapshot import load_snapshot, tag

    found, folder = _recorded(estate, history)
    chosen = load_snapshot(snapshot, found.estate) if snapshot else found.newest
    made = tag(folder, name, chosen, note, accept(found, chosen).to_json())
    _say(json, made.to_json(), f"{name} is {made.snapshot}, of {made.at:%Y-%m-%d %H:%M} UTC")


@app.command("adopt")
def history_adopt(
    instance: Annotated[str, typer.Argument(help="The instance whose last break is joined.")],
    why: Annotated[
        str, typer.Option("--why", help="How you know that counters go on.", metavar="TEXT")
    ],
    estate: EstatePath = None,
    history: HistoryDir = None,
    who: Annotated[
        str | None, typer.Option("--who", help="Whose word it is; your login.", metavar="NAME")
    ] = None,
    json: Json = False,
) -> None:
    """Join two epochs of an instance by your word: its counters are then differenced over the break."""
    from getpass import getuser

    from workbench.snapshot import adopt

    found, _ = _recorded(estate, history)
    made = adopt(found, instance, who=who or getuser(), why=why, when=datetime.now(UTC))
    document: dict[str, object] = {
        "instance": instance,
        "before": list(made.before),
        "after": list(made.after),
        "who": made.who,
        "why": why,
        "when": made.when.isoformat(),
    }
    _say(json, document, f"{instance}: the epochs are joined; `workbench history list` shows it")


@app.command("merge")
def history_merge(
    other: Annotated[Path, typer.Argument(help="Another history, or an estate's folder.")],
    estate: EstatePath = None,
    history: HistoryDir = None,
    json: Json = False,
) -> None:
    """Bring in what was collected elsewhere, on another network for one; parts of one night count as one."""
    from workbench.snapshot import merge

    _, folder = _recorded(estate, history)
    made = merge(folder, other)
    _say(json, made.to_json(), f"{len(made.added)} snapshots added, {made.known} were known")


@app.command("import")
def history_import(
    file: Annotated[Path, typer.Argument(help="Sizes or a provider's metrics.", metavar="CSV")],
    estate: EstatePath = None,
    history: HistoryDir = None,
    json: Json = False,
) -> None:
    """Take dated figures from a CSV file, all of them or none.

    Sizes: date, instance, database, bytes, and if wanted schema, table. Metrics: date, instance, metric,
    value, unit.
    """
    from workbench.snapshot import read_figures

    found, folder = _recorded(estate, history)
    taken = read_figures(file, found.estate, datetime.now(UTC))
    for snapshot in taken:
        snapshot.save(folder)
    rows = sum(p.rows for s in taken for p in s.manifest.parts)
    document: dict[str, object] = {"added": [s.manifest.id for s in taken], "figures": rows}
    _say(json, document, f"{rows} figures of {len(taken)} dates imported")


@app.command("thin")
def history_thin(
    estate: EstatePath = None,
    history: HistoryDir = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    json: Json = False,
) -> None:
    """Keep a reading a week of what is older than 90 days, and fewer pulses; never remove a baseline."""
    from workbench.snapshot import thin

    _, folder = _recorded(estate, history)
    made = thin(folder, dry=dry_run)
    would = "would go" if dry_run else "removed"
    text = f"{len(made.removed)} snapshots {would} ({made.bytes:,} bytes), {made.kept} stay"
    _say(json, made.to_json() | {"dry_run": dry_run}, text)


def _recorded(estate: Path | None, history: Path | None) -> tuple[History, Path]:
    """The history that --estate or --history names, and its folder."""
    from workbench.snapshot import load_history

    if estate is None and history is not None:  # the estate beside it, where there is one
        return load_history(history), history
    source = source_of(estate, None, history)
    loaded = source.load_estate()
    folder = source.history_folder(loaded)
    assert folder is not None
    return load_history(folder, loaded), folder


def _say(json: bool, document: Mapping[str, object], text: str) -> None:
    from workbench.present import terminal

    if json:
        terminal.print_json(None, "history", document)
    else:
        sys.stdout.write(f"{text}\n")
