"""What if services moved: what breaks, what each resource falls to, what it costs; each one call in a notebook."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from workbench.decide.facts import Break, WhatIf
from workbench.present.bench import Bench
from workbench.present.capacity import Headline
from workbench.present.tables import Column, Table
from workbench.present.text import brief, escape, slug
from workbench.present.units import count_text
from workbench.present.verdict_words import KINDS, ordered

NO_PRICES = (
    "no cost: write prices = { currency = ..., vcpu = ..., memory_gb = ..., storage_gb = ... } "
    "into the estate file"
)


@dataclass(frozen=True)
class Asked:
    """The answer to a what-if: what it costs, what breaks, what each resource falls to. Displays itself."""

    found: WhatIf
    bench: Bench

    @property
    def sentence(self) -> str:
        """The answer in a sentence."""
        counts = Counter(b.kind for b in self.found.breaks)
        parts = [f"{n} {KINDS[k][n != 1]}" for k, n in counts.items()]
        told = " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))
        told = told or "nothing that is known"
        verb = "breaks" if sum(counts.values()) <= 1 else "break"
        who = ", ".join(map(brief, self.found.services))
        effort = self.found.effort
        work = f": {effort.low:g} to {effort.high:g} person-days, the move included"
        return f"Move {who}, and {told} {verb}{work}."

    @property
    def relief(self) -> Table:
        """What each resource falls to."""
        rows = [
            (f"{r.name} of {r.instance}", r.used, *(r.after or (None, None)), r.because)
            for r in self.found.resources
        ]
        frame = pd.DataFrame(rows, columns=["resource", "used", "after", "until", "because"])
        columns = [
            Column("resource", "Resource"),
            Column("used", "Used of capacity", "share"),
            Column("after", "Falls to", "share", until="until"),
        ]
        return Table(frame, columns, "Relief", "No resource is known.")

    @property
    def breaks(self) -> Table:
        """What breaks, each with who runs it, calls a day and the remedy."""
        return broken(self.found.breaks)

    @property
    def figures(self) -> list[tuple[str, str]]:
        """What the sentence does not say: round trips, what moving together saves, what servers cost a month."""
        found = self.found
        trips = found.round_trips
        told = [("unknown" if trips is None else count_text(trips), "round trips more a day")]
        saved = found.cheaper_together
        if saved is not None:
            word = "saved by" if saved >= 0 else "more for"
            told.append((f"{abs(saved):.3g}", f"person-days {word} moving together"))
        if found.cost is not None:
            cost = found.cost
            for what, price in (
                ("a month now", cost.now),
                ("while both run", cost.both),
                ("after", cost.after),
                ("if nothing moves", cost.waiting),
            ):
                shown = "unknown" if price is None else f"{price:,.0f} {cost.currency}"
                told.append((shown, what))
        return told

    @property
    def notes(self) -> tuple[str, ...]:
        """What the costs rest on, why there are none, and what else may break that nobody can tell."""
        found = self.found
        costs = found.cost.because if found.cost is not None else ()
        if found.no_cost is not None:
            costs = (f"no cost: {found.no_cost}",)
        elif found.cost is None:
            costs = (NO_PRICES,)
        return (*costs, *(f"what else may break: {what}" for what in found.unknown))

    @property
    def summary(self) -> Summary:
        """The answer with its figures and what they rest on, without the tables."""
        return Summary(self.sentence, self.figures, self.notes)

    def _repr_html_(self) -> str:
        parts = (self.summary, self.relief, self.breaks)
        return "".join(part._repr_html_() for part in parts)

    def __repr__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class Summary:
    """A sentence, its figures, and notes below them. Displays itself."""

    sentence: str
    figures: list[tuple[str, str]]
    notes: tuple[str, ...]

    def _repr_html_(self) -> str:
        listed = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        notes = f'<div class="wb-reasons"><ul>{listed}</ul></div>' if listed else ""
        return f"{Headline(self.sentence, self.figures)._repr_html_()}{notes}"


def what_if(bench: Bench, services: Sequence[str] | None = None) -> Asked:
    """Answer what happens if services move together; None: the first that a verdict asks something of."""
    if services is None:
        services = [v.service for v in ordered(bench.verdicts)[:1]]
    return Asked(bench.moves.what_if(services), bench)


def broken(breaks: Iterable[Break]) -> Table:
    """Return what breaks as a table: each with who runs it, calls a day and the remedy."""
    rows = [
        {
            "kind": KINDS[b.kind][0],
            "caller": b.caller,
            "services": b.services,
            "relations": b.relations,
            "per_day": b.per_day,
            "remedy": b.remedy.name if b.remedy else "none is known",
            "why": b.remedy.because if b.remedy else b.because,
            "sql": b.sql,
            "id": slug("break", b.key),
        }
        for b in breaks
    ]
    columns = [
        Column("kind", "Breaks"),
        Column("caller", "Run by", absent="unknown"),
        Column("services", "Joins", "list"),
        Column("relations", "On", "list"),
        Column("per_day", "A day", "amount", absent="–"),
        Column("remedy", "Remedy"),
        Column("why", "Because"),
        Column(
            "sql",
            "SQL",
            "sql",
            below=True,
            otherwise="held by the catalogue, or seen in WAL and locks: no statement of its own",
        ),
    ]
    frame = pd.DataFrame(rows, columns=[*(c.key for c in columns), "id"])
    empty = "Nothing is known to break."
    return Table(frame, columns, "What breaks", empty, limit=200, ids="id")
