"""The commands that make what people open: a report, a reference estate, JupyterLab."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.options import (
    EstatePath,
    HistoryDir,
    Json,
    SnapshotPath,
    Until,
    Urls,
    progress,
    source_of,
)

if TYPE_CHECKING:
    from workbench.review import ReviewResult

app = typer.Typer()


@app.command()
def review(
    estate: EstatePath = None,
    url: Urls = None,
    history: HistoryDir = None,
    snapshot: SnapshotPath = None,
    until: Until = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Review the history as it stands; collect nothing.")
    ] = False,
    out: Annotated[Path, typer.Option("--out", help="Where reports go.", metavar="DIR")] = Path(
        "reports"
    ),
    audience: Annotated[
        str,
        typer.Option(
            "--audience",
            help="lead; room, without logins, grants and statements' texts; or team:NAME, its services alone.",
            metavar="WHO",
        ),
    ] = "lead",
    single_file: Annotated[
        bool,
        typer.Option(
            "--single-file", help="Also write the whole report as one file, to be mailed."
        ),
    ] = False,
    timeout: Annotated[
        int, typer.Option(help="Seconds a notebook may take.", metavar="SECONDS")
    ] = 600,
    keep: Annotated[
        int | None,
        typer.Option(
            "--keep",
            help="Remove older reports but the newest so many, the latest, and those that a decision names.",
            metavar="N",
            min=1,
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Exit with 1 where something new crosses, or a limit is newly crossed."
        ),
    ] = False,
    webhook: Annotated[
        Path | None,
        typer.Option(
            "--webhook",
            help="Tell what may alert to the address in this file, or in WORKBENCH_WEBHOOK.",
            metavar="FILE",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Collect, run every notebook, and write the report; its path is printed last."""
    from workbench.review import Wanted, webhook_of
    from workbench.review import review as run

    wanted = Wanted(audience, single_file, strict=check, retain=keep, timeout=timeout)
    made = run(
        source_of(estate, url, history, snapshot, until=until),
        out,
        wanted,
        offline=offline,
        webhook=webhook_of(webhook),
        progress=progress,
    )
    _report(made, json)


def _report(result: ReviewResult, json: bool) -> None:
    from workbench.present import terminal

    if result.untold:
        progress(result.untold)
    if json:
        terminal.print_json(result.coverage, "review", result.to_json())
    else:
        for line in (*map(str, result.check.alerts), *result.failures):
            progress(line)
        sys.stdout.write(f"{result.single or result.index}\n")
    if result.exit_code:
        raise typer.Exit(result.exit_code)


@app.command()
def demo(
    name: Annotated[str, typer.Argument(help="A reference estate, such as marketplace.")],
    review: Annotated[bool, typer.Option("--review", help="Review it once, then stop.")] = False,
    days: Annotated[
        int | None, typer.Option("--days", help="Play only the first days.", metavar="N", min=1)
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option("--record", help="Keep the recorded history in this folder.", metavar="DIR"),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Where reports go.", metavar="DIR")] = Path(
        "reports"
    ),
    json: Json = False,
) -> None:
    """Build a reference estate on a private server, give it its days of load, and keep it running.

    Stops with Ctrl-C; nothing is left behind.
    """
    from workbench.lab.demo import play_demo
    from workbench.review import review as run

    with play_demo(name, days=days, record=record, progress=progress) as estate:
        if review:
            _report(run(source_of(estate.folder), out, offline=True, progress=progress), json)
            return
        if record is not None:
            return
        for line in estate.invitation():
            progress(line)
        with suppress(KeyboardInterrupt):
            signal.pause()


@app.command()
def lab(
    estate: EstatePath = None,
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Passed on to JupyterLab.", metavar="ARGUMENTS")
    ] = None,
) -> None:
    """Open JupyterLab on the notebooks, with the estate set."""
    from workbench.review import open_lab

    open_lab(estate, arguments or ())
