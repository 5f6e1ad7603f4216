"""Verdicts in a terminal: the answer first, a verdict for each service, limits that are crossed or near, what if."""

from __future__ import annotations

from collections import Counter

from rich.text import Text

from workbench.decide.facts import Status, Verdict, WhatIf
from workbench.decide.verdicts import Verdicts
from workbench.present.answers import pace_text
from workbench.present.terminal import print_coverage, stdout, table
from workbench.present.text import shorten
from workbench.present.units import interval_text, share_text
from workbench.present.verdict_words import (
    ACTS,
    KINDS,
    days_words,
    isolation_words,
    limit_words,
    pressure_words,
    verdicts_answer,
)

_STYLES = {"decouple first": "bold yellow", "ready": "bold yellow", "blocked": "bold red"}
_MOST = 12


def print_verdicts(found: Verdicts) -> None:
    """Print the answer, the table of verdicts, why for each that asks for something, and the limits that press."""
    console = stdout()
    print_coverage(found.coverage)
    console.print(Text(verdicts_answer(found)), style="bold")
    columns = ("service", "verdict", "pressure", "isolation", "days", "after")
    rows = [_row(v) for v in found.verdicts]
    console.print(table(columns, rows, right="lllrrr"))
    for verdict in found.verdicts:
        if verdict.verdict in ACTS or verdict.warnings:
            _why(verdict)
    pressing = [s for s in found.statuses if _presses(s)]
    if pressing:
        console.print(Text("limits"), style="bold")
        for status in pressing:
            console.print(Text(f"  {limit_words(status)}"))
    if found.what_if is not None:
        _what_if(found.what_if)
    elif found.verdicts:
        first = next((v for v in found.verdicts if v.verdict in ACTS), found.verdicts[0])
        console.print(Text(f"next: workbench verdicts --what-if {first.service}"), style="dim")


def _row(verdict: Verdict) -> tuple[str, ...]:
    return (
        verdict.service,
        verdict.verdict,
        pressure_words(verdict),
        isolation_words(verdict),
        days_words(verdict.urgency.days, verdict.urgency.because),
        days_words(verdict.urgency.after, verdict.urgency.because),
    )


def _why(verdict: Verdict) -> None:
    console = stdout()
    head = Text(f"{verdict.service}: {verdict.verdict}", style=_STYLES.get(verdict.verdict, "bold"))
    console.print(head)
    if verdict.verdict in ACTS:
        console.print(Text(f"  {verdict.argument}"))
    for warning in verdict.warnings:
        console.print(Text(f"  ! {warning}"))
    if verdict.verdict == "insufficient evidence":
        for step in verdict.settles:
            console.print(Text(f"  settles: {step}"), style="dim")


def _presses(status: Status) -> bool:
    return status.state in ("crossed", "crossing") or (
        status.state == "unknown" and status.declared
    )


def _what_if(asked: WhatIf) -> None:
    console = stdout()
    count = len(asked.breaks)
    title = f"if {', '.join(asked.services)} moved: {count} {'thing breaks' if count == 1 else 'things break'}, "
    title += f"{asked.effort.low:g} to {asked.effort.high:g} person-days"
    console.print(Text(title), style="bold")
    for kind, number in Counter(b.kind for b in asked.breaks).items():
        one, many = KINDS[kind]
        console.print(Text(f"  {number} {one if number == 1 else many}"))
    rows = [
        (
            KINDS[b.kind][0],
            b.caller or "unknown",
            shorten(b.sql or ", ".join(b.relations), 60),
            "unknown"
            if b.per_day is None and b.kind == "statement"
            else ""
            if b.per_day is None
            else pace_text(b.per_day),
            b.remedy.name if b.remedy else "none",
        )
        for b in asked.breaks[:_MOST]
    ]
    if rows:
        console.print(table(("breaks", "by", "what", "a day", "remedy"), rows, right="lllrl"))
    if count > _MOST:
        console.print(Text(f"  +{count - _MOST:,} more: --json has all"), style="dim")
    for resource in asked.resources:
        if resource.after is not None and resource.used is not None:
            after = interval_text(*resource.after, share_text)
            console.print(
                Text(
                    f"  {resource.name} of {resource.instance}: {share_text(resource.used)} % falls to {after} %"
                )
            )
