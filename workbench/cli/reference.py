"""The reference of the commands, as Markdown: ``python -m workbench.cli.reference > docs/commands.md``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from inspect import cleandoc
from typing import Any

from typer.main import get_command

from workbench.cli.commands import app

SHARED_BY = 3
"""An option that so many commands have stands in a table of its own."""

_HEAD = """\
# Commands

Made from the commands themselves, by `python -m workbench.cli.reference`. `workbench COMMAND --help` says the same.

With `--json` a command prints one document on stdout and nothing else: [JSON documents](json.md). Progress and
messages go to stderr.

| exit code | what it means |
|---|---|
| 0 | Done; also where part of an estate could not be reached. |
| 1 | With `--check`, something is new that nobody accepted, or a target is stale. Also where a private server failed. |
| 2 | Wrong usage, or a file that cannot be used. |
| 3 | Nothing could be connected, a target was not read for longer than `max_age`, or a notebook failed. |
| 128 + n | Signal n ended it. |"""


def markdown() -> str:
    """Return the reference: the options that many commands share, then each command in help's order.

    >>> "## `workbench history tag NAME`" in markdown()
    True
    """
    found = list(_commands(get_command(app), "workbench"))
    often = Counter(_fact(p) for _, command in found for p in _options(command))
    shared = [fact for fact, count in often.items() if count >= SHARED_BY]
    parts = [_HEAD, "## Options that many commands have", _table(shared)]
    for name, command in found:
        facts = [_fact(p) for p in _options(command)]
        arguments = [_fact(p) for p in command.params if p.param_type_name == "argument"]
        words = " ".join((name, *(spelt for spelt, _ in arguments)))
        parts += [f"## `{words}`", cleandoc(command.help or "")]
        own = [f for f in (*arguments, *facts) if f not in shared]
        parts += [_table(own)] if own else []
        known = [f"`{spelt}`" for spelt, _ in facts if (spelt, _) in shared]
        parts += [f"{'Also' if own else 'Takes'} {', '.join(known)}."] if known else []
    return "\n\n".join(parts) + "\n"


# The classes behind a command are not typer's to import: what is read here is what its help reads.
def _commands(group: Any, name: str) -> Iterator[tuple[str, Any]]:
    for word, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{name} {word}")
        else:
            yield f"{name} {word}", command


def _options(command: Any) -> list[Any]:
    return [p for p in command.params if p.param_type_name == "option"]


def _fact(param: Any) -> tuple[str, str]:
    """How a parameter is written, and what is said of it."""
    if param.param_type_name == "argument":
        word = param.metavar or param.name.upper()
        return (word if param.required else f"[{word}]"), param.help or ""
    spelt = ", ".join(param.opts)
    if not param.is_flag:
        spelt += f" {param.metavar or 'VALUE'}"
    more = [] if param.default in (None, False, "", ()) else [f"Default: `{_text(param.default)}`."]
    again = ["Repeatable."] if param.multiple and "repeatable" not in param.help.lower() else []
    must = ["Required."] if param.required else []
    return spelt, " ".join([param.help or "", *must, *more, *again]).strip()


def _text(value: Any) -> str:
    return str(getattr(value, "value", value))


def _table(facts: Iterable[tuple[str, str]]) -> str:
    rows = (f"| `{_cell(spelt)}` | {_cell(told)} |" for spelt, told in facts)
    return "\n".join(("| | |", "|---|---|", *rows))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(markdown(), end="")
