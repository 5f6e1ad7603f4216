"""How much of a service's life stays inside it: the share of its calls, beside the raw counts of what crosses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from workbench.decide.evidence import Evidence
from workbench.decide.facts import Break, Isolation

_CODE = ("function", "trigger")


@dataclass(frozen=True)
class Isolations:
    """The isolation of every service. Its weight is calls of statements: the project's own choice, as no measure wins."""

    evidence: Evidence

    def of(self, service: str, breaks: Iterable[Break], blind: str | None) -> Isolation:
        """Return 1 less crossing calls over all calls that the service made or that touched its data, and what crosses.

        ``breaks`` is what joins it with others. ``blind`` says why its statements were not read: then what they do is None.
        """
        held = list(breaks)
        crossing, whole = self._calls.get(service, (0.0, 0.0))
        share = None if blind is not None or not whole else 1.0 - crossing / whole
        statements = [b for b in held if b.kind == "statement"]
        calls = [b.per_day for b in statements]
        met = [b for b in held if b.kind == "transaction"]
        counted = [b.per_day for b in met if b.per_day is not None]
        read = not self.evidence.workload.transactions.readings.empty
        counts: list[tuple[str, float | None]] = [
            ("foreign keys in", _count(held, ("foreign_key",), service, out=False)),
            ("foreign keys out", _count(held, ("foreign_key",), service, out=True)),
            ("views in", _count(held, ("view",), service, out=False)),
            ("views out", _count(held, ("view",), service, out=True)),
            ("functions", float(sum(b.kind in _CODE for b in held))),
            ("types", float(sum(b.kind == "type" for b in held))),
            (
                "statements",
                None if blind is not None else float(len({b.sql or b.key for b in statements})),
            ),
            (
                "statements a day",
                None if blind is not None or None in calls else _sum_of_statements(statements),
            ),
            ("cross-write transactions", float(len(met)) if read or met else None),
            (
                "cross-write transactions a day",
                sum(counted) if read and (counted or not met) else None,
            ),
        ]
        return Isolation(share, tuple(counts))

    @cached_property
    def _calls(self) -> dict[str, tuple[float, float]]:
        """Calls that cross, and all calls, of each service."""
        entries = self.evidence.workload.statements
        top = entries["toplevel"].fillna(True).astype(bool) & (entries["rung"] != "workbench")
        held = entries.loc[top, ["calls", "caller", "services"]]
        found: dict[str, tuple[float, float]] = {}
        for calls, caller, touched in held.itertuples(index=False):
            if pd.isna(calls) or not touched:
                continue
            parties = {*touched, *([caller] if isinstance(caller, str) else [])}
            for name in parties:
                crossing, whole = found.get(name, (0.0, 0.0))
                more = float(calls) if len(parties) > 1 else 0.0
                found[name] = (crossing + more, whole + float(calls))
        return found


def _count(breaks: Iterable[Break], kinds: tuple[str, ...], service: str, *, out: bool) -> float:
    return float(sum(b.kind in kinds and (b.caller == service) == out for b in breaks))


def _sum_of_statements(statements: Iterable[Break]) -> float:
    """Calls a day; one statement that reads one service and writes another is two breaks, and called once."""
    once: dict[tuple[object, ...], float] = {}
    for b in statements:
        key = (b.instance, b.database, b.caller, b.sql or b.key)
        once[key] = max(once.get(key, 0.0), b.per_day or 0.0)
    return sum(once.values())
