"""The commands, in the order in which help lists them. Each reads its options, calls one function, and prints what it returns."""

from __future__ import annotations

import typer

from workbench.cli import answers, estates, history, reports

app = typer.Typer(
    name="workbench",
    help="The data architecture of PostgreSQL estates: what is there, how it grows, who touches whose data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (estates.app, answers.app, reports.app):
    app.add_typer(group)
app.add_typer(history.app, name="history")
