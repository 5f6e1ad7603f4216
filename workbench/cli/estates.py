"""The commands that ask servers: draft an estate, say what can be seen there, take a snapshot."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.options import (
    EstatePath,
    HistoryDir,
    Json,
    SnapshotPath,
    Urls,
    progress,
    source_of,
)

if TYPE_CHECKING:
    from workbench.model import Finding
    from workbench.snapshot import Snapshot
    from workbench.source import Source

app = typer.Typer()


class Profile(StrEnum):
    """How much a collection takes."""

    full = "full"
    pulse = "pulse"


@app.command()
def init(
    url: Annotated[
        list[str], typer.Argument(help="A database of each instance.", metavar="URL...")
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the file here.", metavar="PATH")
    ] = None,
    update: Annotated[
        bool,
        typer.Option(
            "--update", help="Add to the file of -o what is new; keep what a person wrote."
        ),
    ] = False,
) -> None:
    """Print a commented estate file made from what is found on the servers."""
    from workbench.collect.discovery import discover
    from workbench.errors import UsageError
    from workbench.estate.draft import draft_text, update_file

    if update and output is None:
        raise UsageError("--update needs the file to update: -o estate.toml")
    if output is not None and output.exists() and not update:
        raise UsageError(f"{output} exists: add --update to extend it, or name another file")
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
    found = discover(url, progress=progress)
    if output is None:
        sys.stdout.write(draft_text(found))
        return
    output.write_text(update_file(output, found) if update else draft_text(found), "utf-8")
    progress(f"wrote {output}; next: workbench check --estate {output}")


@app.command()
def check(
    estate: EstatePath = None,
    url: Urls = None,
    snapshot: SnapshotPath = None,
    dossier: Annotated[
        Path | None,
        typer.Option(
            "--dossier", help="Write what a security team asks for to this file.", metavar="PATH"
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Say what a review could see here, and which statement would let it see more.

    Reads versions, privileges, extensions, settings and names, and compares the estate file with them. Of decisions
    and exemptions it says what is wrong in them, what is due, and what has expired or meets nothing.
    """
    from workbench.analyse.readiness import FRAMES, readiness
    from workbench.collect import collect
    from workbench.present import terminal
    from workbench.snapshot import load_snapshot

    source = source_of(estate, url, snapshot=snapshot)
    if dossier is not None:
        from workbench.collect.dossier import dossier as write

        held = load_snapshot(snapshot, source.load_estate()) if snapshot else None
        found = readiness(held) if held else ()
        dossier.write_text(write(source.load_estate(), found), "utf-8")
        more = "" if held else "; add --snapshot PATH for what was missing then"
        progress(
            f"wrote {dossier}: the login's SQL, every query, what is withheld; no server was asked{more}"
        )
        return
    taken = (
        load_snapshot(snapshot, source.load_estate())
        if snapshot
        else collect(source.load_estate(), only=FRAMES, progress=progress)
    )
    findings = (*readiness(taken), *_minutes(source, taken))
    if json:
        terminal.print_json(taken.coverage, "check", [f.to_json() for f in findings])
    else:
        terminal.print_findings(findings, "Everything a review needs can be read.")
    if not taken.manifest.reached:
        raise typer.Exit(3)


@app.command()
def collect(
    estate: EstatePath = None,
    url: Urls = None,
    history: HistoryDir = None,
    instance: Annotated[
        list[str] | None,
        typer.Option("--instance", help="Only this instance; repeatable.", metavar="NAME"),
    ] = None,
    profile: Annotated[
        Profile,
        typer.Option(
            "--profile",
            help="Everything, or counters alone for every few minutes.",
            metavar="|".join(Profile),
        ),
    ] = Profile.full,
    sample: Annotated[
        str | None,
        typer.Option(
            "--sample",
            help="First look at sessions and locks for so long: 30s, or 2m; 30s@5 for 5 looks a second (1 to 20; 10).",
            metavar="TIME",
        ),
    ] = None,
    wal_max: Annotated[
        str, typer.Option(help="How much WAL to read; 0 for none.", metavar="SIZE")
    ] = "256MB",
    json: Json = False,
) -> None:
    """Take a snapshot of the estate into its history. Reads only; writes nothing to a server."""
    from workbench.collect.cost import cost
    from workbench.collect.samples import LOOKS_PER_S, read_sampling
    from workbench.collect.wal import read_size
    from workbench.errors import UsageError
    from workbench.present import terminal
    from workbench.source import collect_reached, keep, stale

    sampling = read_sampling(sample) if sample is not None else None
    source = source_of(estate, url, history)
    loaded = source.load_estate()
    folder = source.history_folder(loaded)
    if folder is None:
        raise UsageError("name a folder for the snapshot with --history DIR: a URL has none")
    snapshot = collect_reached(
        loaded,
        instances=instance,
        profile=profile.value,
        previous=source.newest(loaded) if profile is Profile.full else None,
        sample_s=sampling and sampling.seconds,
        looks_per_s=sampling.looks_per_s if sampling else LOOKS_PER_S,
        wal_max=read_size(wal_max),
        progress=progress,
    )
    path = keep(snapshot, folder)
    if json:
        terminal.print_json(
            snapshot.coverage,
            "collect",
            snapshot.summary() | {"path": str(path), "cost": cost(snapshot.manifest)},
        )
    else:
        terminal.print_collected(snapshot, path)
    if late := stale(folder, loaded):
        for line in late:
            progress(line)
        raise typer.Exit(3)


def _minutes(source: Source, taken: Snapshot) -> tuple[Finding, ...]:
    """What is wrong in decisions and exemptions, as the recorded history tells; as of its day where days are simulated."""
    from workbench.decide.evidence import Evidence
    from workbench.decide.minutes import minutes
    from workbench.decide.news import news
    from workbench.decide.thresholds import statuses

    estate, today = taken.estate, taken.at.date()
    folder = source.history_folder(estate)
    told = bool(estate.exemptions or any((estate.folder or Path()).glob("decisions/*.md")))
    if not told or estate.folder is None or folder is None or source.snapshot is not None:
        return minutes(estate, today)
    history = source.open_or_empty()
    if not history.collected:
        return minutes(estate, today)
    if history.newest.manifest.simulated:
        today = history.newest.at.date()
    evidence = Evidence(history)
    limits = statuses(evidence)
    return minutes(estate, today, limits, news(evidence, limits=limits))
