"""Where services may go, and which go next: the five targets compared, and the next moves by gain for their effort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from workbench.decide.facts import Move
from workbench.decide.order import OWN_INSTANCE
from workbench.decide.runway import NEVER
from workbench.decide.targets import Target
from workbench.present.bench import Bench
from workbench.present.tables import Column, Table
from workbench.present.text import escape
from workbench.present.verdict_words import ACTS, ordered

_COLUMNS = [
    Column("name", "Where to", "name"),
    Column("relieves", "Relieves", absent="nothing"),
    Column("leaves", "Does not relieve", absent="–"),
    Column("blockers", "In the way", absent="nothing is seen"),
    Column(
        "low",
        "Person-days",
        "amount",
        until="high",
        because="",  # what it means is no reason
        otherwise="the table of person-days holds remedies and moves, not this",
    ),
    Column("because", "What that means", "list"),
]


def targets_of(bench: Bench, service: str) -> Table:
    """Return the five places for a service, a row each: what each relieves, what it does not, and what is in the way."""
    return _table(service, [t for t in bench.verdicts.targets if t.service == service])


def _table(service: str, found: Sequence[Target]) -> Table:
    rows = [
        {
            "name": t.name,
            "relieves": ", ".join(t.relieves) or None,
            "leaves": ", ".join(t.leaves) or None,
            "blockers": "; ".join(t.blockers) or None,
            "low": t.effort.low if t.effort else (0.0 if t.name == "stay" else None),
            "high": t.effort.high if t.effort else (0.0 if t.name == "stay" else None),
            "because": tuple(t.because.split("; ")),
        }
        for t in found
    ]
    frame = pd.DataFrame(rows, columns=[*(c.key for c in _COLUMNS), "high"])
    return Table(frame, _COLUMNS, f"Where {service} may go")


@dataclass(frozen=True)
class Compared:
    """The targets of every service; those of which nothing is asked are folded. Displays itself."""

    bench: Bench

    @cached_property
    def tables(self) -> tuple[tuple[str, bool, Table], ...]:
        """Each service, the nearest to a move first, whether a verdict asks something of it, and its table."""
        return tuple(
            (v.service, v.verdict in ACTS, targets_of(self.bench, v.service))
            for v in ordered(self.bench.verdicts)
        )

    def _repr_html_(self) -> str:
        asked = [self._one(name, table) for name, acts, table in self.tables if acts]
        rest = [self._one(name, table) for name, acts, table in self.tables if not acts]
        if rest:
            count = f"{len(rest)} service{'' if len(rest) == 1 else 's'} of which nothing is asked"
            folded = "".join(rest)
            asked.append(f"<details><summary>{count}</summary>{folded}</details>")
        return "\n".join(asked) or '<p class="wb-empty">No service keeps its data here.</p>'

    def _one(self, name: str, table: Table) -> str:
        swatch = f'<i class="wb-swatch" style="background:{self.bench.colour(name).css}"></i>'
        return f"<p>{swatch}<b>{escape(name)}</b></p>{table._repr_html_()}"

    def __repr__(self) -> str:
        return "\n\n".join(f"{name}\n{table!r}" for name, _, table in self.tables)


def targets(bench: Bench) -> Compared:
    """Compare the targets of every service: a database of its own, an instance, a replica, Citus, or to stay."""
    return Compared(bench)


def next_moves(bench: Bench) -> Table:
    """Return the next moves, the first first: days gained for its instance, effort, and days gained for a person-day."""
    rows = [
        {
            "service": m.service,
            "gain": m.gain_days.low if m.gain_days else None,
            "gain_until": m.gain_days.high if m.gain_days and m.gain_days.high < NEVER else None,
            "low": m.effort.low,
            "high": m.effort.high,
            **_rate(m),
            "why": tuple(m.because.split("; ")),
        }
        for m in bench.verdicts.order
    ]
    columns = [
        Column("service", "Next", "name"),
        Column("gain", "Days gained", "amount", until="gain_until", otherwise=_UNGAINED),
        Column("low", "Person-days", "amount", until="high"),
        Column("rate", "Gained a person-day", "amount", until="rate_until", otherwise=_UNGAINED),
        Column("why", "Because", "list"),
    ]
    hidden = ["gain_until", "high", "rate_until"]
    frame = pd.DataFrame(rows, columns=[*(c.key for c in columns), *hidden])
    nothing = "No service shares an instance with another: there is nothing to move."
    caption = f"The next moves, each to an {OWN_INSTANCE}"
    return Table(frame, columns, caption, nothing, colours=bench.colours)


_UNGAINED = (
    "the days it gains are not known, or no limit is reached within ten years then: see because"
)


def _rate(move: Move) -> dict[str, float | None]:
    """Days gained for each person-day: at worst the least gain for the most effort; with no end where there is none."""
    if move.gain_days is None or move.effort.low <= 0:
        return {"rate": None, "rate_until": None}
    return {
        "rate": move.gain_days.low / move.effort.high,
        "rate_until": move.gain_days.high / move.effort.low
        if move.gain_days.high < NEVER
        else None,
    }
