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
    single_file: Annotated[
        bool,
        typer.Option(
            "--single-file", help="Also write the whole report as one file, to be mailed."
        ),
    ] = False,
    timeout: Annotated[int, typer.Option(help="Seconds a notebook may take.")] = 600,
    json: Json = False,
) -> None:
    """Collect, run every notebook, and write the report; its path is printed last."""
    from workbench.review import review as run

    source = source_of(estate, url, history, snapshot, until=until)
    done = run(source, out, offline=offline, single=single_file, timeout=timeout, progress=progress)
    _report(done, json)


def _report(result: ReviewResult, json: bool) -> None:
    from workbench.present import terminal

    if json:
        terminal.print_json(result.coverage, "review", result.to_json())
    else:
        for line in (*result.late, *result.failures):
            progress(line)
        sys.stdout.write(f"{result.single or result.index}\n")
    if result.exit_code:
        raise typer.Exit(result.exit_code)


@app.command()
def demo(
    name: Annotated[str, typer.Argument(help="A reference estate, such as marketplace.")],
    review: Annotated[bool, typer.Option("--review", help="Review it once, then stop.")] = False,
    days: Annotated[
        int | None, typer.Option("--days", help="Play only the first days.", min=1)
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
