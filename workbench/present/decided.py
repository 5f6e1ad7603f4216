"""What meetings decided: what is due now, and what was decided for a service; each one call in a notebook."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from workbench.decide.decisions import Decision
from workbench.present.bench import Bench
from workbench.present.tables import Column, Table

_NO_FILES = "No decision is written down: decisions/*.md in the estate's folder keeps them."


def due(bench: Bench) -> Table:
    """Return the decisions that a review opens with: overdue, triggered by their metric, or nobody can say."""
    rows = [
        {
            "why": f"{d.why}, {d.days} days" if d.days else d.why,
            "service": d.decision.service,
            "option": d.decision.option,
            "owner": d.decision.owner,
            "date": d.decision.date,
            "due": d.decision.due,
            "because": d.because,
        }
        for d in bench.due
    ]
    columns = [
        Column("service", "Service", "name"),
        Column("why", "Is"),
        Column("option", "Decided"),
        Column("owner", "Owner"),
        Column("date", "On"),
        Column("due", "Due", absent="–"),
        Column("because", "Because"),
    ]
    held = len(bench.decided)
    empty = f"None of {held} decisions is due." if held else _NO_FILES
    frame = pd.DataFrame(rows, columns=[c.key for c in columns])
    return Table(frame, columns, "Decisions due", empty, colours=bench.colours)


def decided(bench: Bench, service: str) -> Table:
    """Return what was decided for a service, the newest first, with what has become due of it."""
    why: dict[str, list[str]] = {}
    for d in bench.due:
        why.setdefault(d.decision.id, []).append(d.because)
    return _listed([d for d in bench.decided if d.service == service], why, service)


def _listed(found: Iterable[Decision], why: dict[str, list[str]], service: str) -> Table:
    rows = [
        {
            "date": d.date,
            "option": d.option,
            "then": d.verdict_then,
            "status": d.status,
            "owner": d.owner,
            "due": d.due,
            "now": "; ".join(why.get(d.id, ())) or None,
            "text": d.text or None,
        }
        for d in sorted(found, key=lambda d: (d.date, d.id), reverse=True)
    ]
    columns = [
        Column("date", "On"),
        Column("option", "Decided"),
        Column("then", "Verdict then", absent="–"),
        Column("status", "Is"),
        Column("owner", "Owner"),
        Column("due", "Due", absent="–"),
        Column("now", "Now", absent="–"),
        Column("text", "In words", absent="–"),
    ]
    frame = pd.DataFrame(rows, columns=[c.key for c in columns])
    return Table(frame, columns, "Decisions", f"Nothing is decided for {service} yet.")
