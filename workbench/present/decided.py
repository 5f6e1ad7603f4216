"""What meetings decided, and which of it is due; one call in a notebook."""

from __future__ import annotations

import pandas as pd

from workbench.decide.decisions import decisions_due, load_decisions
from workbench.present.bench import Bench
from workbench.present.tables import Column, Table


def due(bench: Bench) -> Table:
    """Decisions that are overdue, that a metric brings back, or of which nobody can say: see ``decisions_due``.

    Today is the newest reading's date. EstateError where a decision's file cannot be read.
    """
    decisions = load_decisions(bench.estate)
    found = decisions_due(decisions, bench.verdicts.statuses, bench.history.newest.at.date())
    rows = [
        (d.decision.id, d.decision.service, d.decision.option, d.why, d.because, d.decision.owner)
        for d in found
    ]
    columns = [
        Column("id", "Decision"),
        Column("service", "Service", "name"),
        Column("option", "Decided"),
        Column("why", "Is"),
        Column("because", "Because"),
        Column("owner", "Owner"),
    ]
    frame = pd.DataFrame(rows, columns=[c.key for c in columns])
    count = len(decisions)
    empty = (
        f"None of {count:,} decision{'' if count == 1 else 's'} is due."
        if count
        else "No decision is written down: decisions/*.md in the estate's folder."
    )
    return Table(frame, columns, "Decisions due", empty, limit=100)
