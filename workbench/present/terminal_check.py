"""A check in a terminal: what fails it and what to do, what was accepted, what nobody can say."""

from __future__ import annotations

from rich.text import Text

from workbench.decide.check import Check
from workbench.present.terminal import stdout
from workbench.present.text import legible, shorten

_LONGEST = 200


def print_check(check: Check) -> None:
    """Print a line for each thing that fails a check, the rows that accept it, and what was noted beside."""
    console = stdout()
    console.print()
    red = [a for a in check.alerts if a.kind != "stale"]
    answer = f"{len(red)} new" if red else "Nothing new"
    console.print(Text(f"check: {answer}; {check.compared}"), style="bold")
    for alert in check.alerts:
        console.print(Text(legible(str(alert))), style="red", soft_wrap=True)
        if alert.example:
            console.print(Text(f"  {shorten(legible(alert.example), _LONGEST)}"), soft_wrap=True)
        if alert.exemption:
            console.print(Text(alert.exemption), style="dim", soft_wrap=True)
    for note in check.notes:
        console.print(Text(legible(note)), style="dim", soft_wrap=True)
