"""What other limits would change: each limit and verdict that is not what it was; one call in a notebook."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from workbench.decide.facts import Status, Verdict
from workbench.present.bench import Bench
from workbench.present.tables import Column, Table
from workbench.present.units import day_text
from workbench.present.verdict_words import limit_of, metric_name, value_words

_SAME = "Limits are as written. Name another in the cell above, and run the two cells again."
_ABSENT = "–"


def otherwise(bench: Bench, other: Bench) -> Table:
    """Lay what follows from the limits of ``other`` beside what follows from those of ``bench``; what is alike is left out.

    Both are of one history: see ``Bench.with_limit``.
    """
    rows = [] if other is bench else [*_verdicts(bench, other), *_limits(bench, other)]
    frame = pd.DataFrame(rows, columns=["what", "value", "before", "after"])
    columns = [
        Column("what", "What"),
        Column("value", "Is"),
        Column("before", "As written"),
        Column("after", "With the other limits"),
    ]
    empty = _SAME if other is bench else "Nothing changes: those limits are the ones written."
    return Table(frame, columns, "Other limits", empty, limit=50)


def _verdicts(bench: Bench, other: Bench) -> Iterator[tuple[str, str, str, str]]:
    for was, now in zip(bench.verdicts.verdicts, other.verdicts.verdicts, strict=True):
        if _concluded(was) != _concluded(now):
            yield f"verdict of {was.service}", "", _concluded(was), _concluded(now)


def _concluded(verdict: Verdict) -> str:
    days = verdict.urgency.days
    return (
        verdict.verdict
        if days is None
        else f"{verdict.verdict}, {days:,} days to its instance's limit"
    )


def _limits(bench: Bench, other: Bench) -> Iterator[tuple[str, str, str, str]]:
    before, after = ({s.key: s for s in b.verdicts.statuses} for b in (bench, other))
    for key in sorted(before.keys() | after.keys()):
        was, now = before.get(key), after.get(key)
        if (told := _stands(was)) != (anew := _stands(now)):
            of = now or was
            assert of is not None
            yield f"{of.kind} limit on {metric_name(of)}", value_words(of), told, anew


def _stands(status: Status | None) -> str:
    if status is None:
        return _ABSENT
    told = f"{limit_of(status)}: {status.state}"
    if status.state == "crossed" and status.since:
        told += f" since {day_text(status.since)}"
    elif status.crosses_on:
        told += f" it on {day_text(status.crosses_on)}"
    return told
