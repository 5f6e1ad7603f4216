"""What is wrong in the minutes of an estate, and due by them: its decisions and its exemptions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from difflib import get_close_matches

from workbench.decide.check import Check
from workbench.decide.decisions import Decision, decisions_due, read_decisions
from workbench.decide.facts import Status
from workbench.decide.news import FAMILIES
from workbench.estate import Estate, Exemption
from workbench.model import Finding, Level

_LEVELS: dict[str, Level] = {"overdue": "warning", "triggered": "warning", "unknown": "info"}


def minutes(
    estate: Estate,
    today: date,
    statuses: Iterable[Status] | None = None,
    checked: Check | None = None,
) -> tuple[Finding, ...]:
    """Return what is wrong in decisions and exemptions, and what is due on a day.

    ``statuses`` are the limits as they stand, by which decisions are taken up again, and ``checked`` what ``news``
    found, by which an exemption is unused; None: there is no history that tells, and nothing is said of either.
    """
    decisions, faults = read_decisions(estate)
    return (
        *_faulty(faults.lines),
        *_due(decisions, today, statuses),
        *_exemptions(estate.exemptions, today, checked),
    )


def _faulty(lines: Iterable[str]) -> Iterator[Finding]:
    for line in lines:
        file, _, told = line.partition(".md: ")
        fault, _, step = told.partition("; ")
        yield Finding(
            "decision-unreadable", "error", f"{file}.md", fault, step or "correct the file"
        )


def _due(
    decisions: tuple[Decision, ...], today: date, statuses: Iterable[Status] | None
) -> Iterator[Finding]:
    for due in decisions_due(decisions, statuses or (), today):
        if statuses is None and due.why != "overdue":
            continue
        step = {
            "overdue": 'do it, and write status = "done"; or give it a later day',
            "triggered": "take it up again, and write down what is decided",
            "unknown": "see that it is measured: `workbench verdicts` names what is missing",
        }[due.why]
        named = f"{due.decision.id} ({due.decision.service})"
        yield Finding(f"decision-{due.why}", _LEVELS[due.why], named, due.because, step)


def _exemptions(
    exemptions: Iterable[Exemption], today: date, checked: Check | None
) -> Iterator[Finding]:
    unused = {} if checked is None else {u.exemption.key: u for u in checked.exempted.unused}
    known = sorted(kind for family in FAMILIES for kind in family.kinds)
    for exemption in sorted(exemptions, key=lambda e: e.key):
        who, kind = f"{exemption.owner}: {exemption.reason}", exemption.key.partition(":")[0]
        if exemption.key in unused:
            nearest = unused[exemption.key].nearest
            near = f": the nearest that is there is {nearest}" if nearest else ""
            yield Finding(
                "exemption-unused",
                "warning",
                exemption.key,
                f"nothing has this key any more ({who})",
                f"remove it, or correct its key{near}",
            )
        elif kind not in known and (near_kinds := get_close_matches(kind, known, n=1)):
            yield Finding(
                "exemption-unused",
                "warning",
                exemption.key,
                f"no key begins with {kind!r} ({who})",
                f"write {near_kinds[0]!r}, or remove it",
            )
        if exemption.expires < today:
            yield Finding(
                "exemption-expired",
                "warning",
                exemption.key,
                f"it ended on {exemption.expires} ({who})",
                "take out what it was for, give it a later day, or remove it",
            )
