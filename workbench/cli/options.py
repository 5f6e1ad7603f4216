"""What the commands share: their options, where their data comes from, and how they say what they do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from workbench.source import Source

EstatePath = Annotated[
    Path | None,
    typer.Option("--estate", help="The estate's folder, or its estate.toml.", metavar="PATH"),
]
Urls = Annotated[
    list[str] | None,
    typer.Option(
        "--url",
        help="A database instead of an estate file; each schema is then a service.",
        metavar="URL",
    ),
]
HistoryDir = Annotated[
    Path | None,
    typer.Option(
        "--history",
        help="Where snapshots are kept; history/ in the estate's folder.",
        metavar="DIR",
    ),
]
SnapshotPath = Annotated[
    Path | None,
    typer.Option("--snapshot", help="Work on this one snapshot, offline.", metavar="PATH"),
]
Since = Annotated[
    str | None, typer.Option("--since", help="First day, as 2026-11-01.", metavar="DAY")
]
Until = Annotated[
    str | None, typer.Option("--until", help="Last day, as 2026-11-28.", metavar="DAY")
]
Baseline = Annotated[
    str | None,
    typer.Option("--baseline", help="Begin with this tagged snapshot.", metavar="NAME"),
]
Check = Annotated[
    bool,
    typer.Option(
        "--check",
        help="Exit with 1 where something is new that neither a baseline nor an exemption accepts, or a target is stale.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def progress(message: str) -> None:
    """Tell on stderr what is being done."""
    print(message, file=sys.stderr, flush=True)


def source_of(
    estate: Path | None = None,
    urls: list[str] | None = None,
    history: Path | None = None,
    snapshot: Path | None = None,
    since: str | None = None,
    until: str | None = None,
    baseline: str | None = None,
) -> Source:
    """Return what a person named with the options that every reading command has."""
    # Here as in the commands, what is heavy is imported when it is needed: help answers at once.
    from workbench.source import Source

    return Source(estate, urls or (), history, snapshot, since, until, baseline)
