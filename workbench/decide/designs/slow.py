"""Slow statements: which are over the limit that was agreed, how often, and what they take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from workbench.analyse.evicted import evicted
from workbench.analyse.workload import SLOW_MS, slow_limits
from workbench.decide.designs.facts import Answer, Figure, known
from workbench.decide.evidence import Evidence
from workbench.decide.measures.common import EVICTED
from workbench.snapshot import records
from workbench.snapshot.differences import STATEMENT_KEY

_STEP = "look at EXPLAIN (ANALYZE, BUFFERS) of it on a copy: an index, fewer rows, or another way to ask"


@dataclass(frozen=True)
class Slow:
    """Answers the limit on a statement's time, service by service.

    A statement is slow whose mean over the window is above the limit. Its longest call is since its counters
    began: pg_stat_statements keeps no other.
    """

    evidence: Evidence

    def answers(self) -> Iterator[Answer]:
        """Yield an answer for each slow statement, and one for each service that has none."""
        limits = slow_limits(self.evidence.estate)
        services = self.evidence.workload.services
        held = self._held
        for row in records(services[services["service"].notna()]):
            instance, service = str(row["instance"]), str(row["service"])
            limit = limits.get(service, SLOW_MS)
            own = "" if service in limits else " (the project's default)"
            facts: dict[str, Any] = {
                "wished": f"no statement above {limit:g} ms{own}",
                "service": service,
                "instance": instance,
                "source": self._source(service),
            }
            mine = held[(held["instance"] == instance) & (held["service"] == service)]
            slow = mine[mine["mean_exec_time"] > limit]
            for one in records(slow):
                yield self._one(one, row, facts)
            if slow[slow["certain"]].empty:
                yield self._none(mine, row, limit, facts)

    def _one(self, one: dict[str, Any], row: dict[str, Any], facts: dict[str, Any]) -> Answer:
        mean, longest = float(one["mean_exec_time"]), one["max_exec_time"]
        days, whole = row["days"], self._whole.get(facts["instance"])
        figures = [
            known("mean time", "ms", mean),
            Figure("longest call", "ms", None, "it was not read")
            if pd.isna(longest)
            else known("longest call", "ms", float(longest)),
            known("calls a day", "calls a day", float(one["calls"]) / float(days))
            if pd.notna(days) and days > 0
            else Figure("calls a day", "calls a day", None, "it needs snapshots of two days"),
            known("share of time", "share", float(one["time_ms"]) / whole)
            if whole
            else Figure("share of time", "share", None, "no time was counted"),
        ]
        sure = bool(one["certain"])
        names = self._touched.get(int(one["entry"]), ())
        because = f"a statement on {', '.join(names)} takes {mean:,.0f} ms in the mean"
        if not sure:
            because += f"; whether it touches data of {facts['service']} is not certain"
        return Answer(
            "slow statements",
            "not met" if sure else "unknown",
            f"statement {one['fingerprint'] or one['entry']}",
            because=because,
            next_step=_STEP,
            figures=tuple(figures),
            sql=one["query"] if isinstance(one["query"], str) else None,
            **facts,
        )

    def _none(
        self, mine: pd.DataFrame, row: dict[str, Any], limit: float, facts: dict[str, Any]
    ) -> Answer:
        subject = facts["service"]
        lost = evicted(self.evidence.window).get(facts["instance"])
        if pd.isna(row["calls_low"]) or lost:
            because = EVICTED if lost else str(row["because"] or "its statements were not read")
            step = (
                "raise pg_stat_statements.max"
                if lost
                else "run `workbench check`, which says what is missing"
            )
            return Answer(
                "slow statements", "unknown", subject, because=because, next_step=step, **facts
            )
        sure = mine[mine["certain"]]
        longest = sure["max_exec_time"].max()
        if sure.empty:
            because, step = (
                "no statement of it was counted",
                "collect again when the service has run",
            )
            return Answer(
                "slow statements", "unknown", subject, because=because, next_step=step, **facts
            )
        means = float(sure["mean_exec_time"].max())
        because = f"{len(sure)} statements; the slowest takes {means:,.3g} ms in the mean"
        figures: tuple[Figure, ...] = (known("mean time of the slowest", "ms", means),)
        if pd.isna(longest):
            because += "; longest calls were not read"
        else:
            figures += (known("longest call", "ms", float(longest)),)
            because += f", the longest call {float(longest):,.3g} ms"
        if pd.notna(longest) and float(longest) > limit:
            step = "see by auto_explain.log_min_duration what the single long calls were"
            return Answer(
                "slow statements",
                "not met",
                subject,
                because=because,
                next_step=step,
                figures=figures,
                **facts,
            )
        return Answer("slow statements", "met", subject, because=because, figures=figures, **facts)

    @cached_property
    def _held(self) -> pd.DataFrame:
        """Each top-level statement with each service that it touches, or may touch."""
        names = ["calls", "time_ms", "mean_exec_time", "query", "fingerprint"]
        entries = self.evidence.workload.attributed.entries
        key = ["instance", *STATEMENT_KEY]
        longest = self.evidence.history.newest.frame(
            "statements", *STATEMENT_KEY, "max_exec_time"
        ).drop(columns="database")
        found = entries[[*key, *names]].reset_index(names="entry").merge(longest, "left", key)
        claims = self.evidence.claims[["entry", "instance", "service", "certain"]]
        found = claims.merge(found.drop(columns="instance"), "inner", "entry")
        found = found[found["calls"] > 0]
        order = ["time_ms", "entry", "service"]
        return found.sort_values(order, ascending=[False, True, True], ignore_index=True)

    @cached_property
    def _touched(self) -> dict[int, tuple[str, ...]]:
        """The relations of each statement that is slow anywhere."""
        touches = self.evidence.workload.attributed.touches
        limits = slow_limits(self.evidence.estate)
        least = min([SLOW_MS, *limits.values()])
        slow = set(self._held.loc[self._held["mean_exec_time"] > least, "entry"])
        found: dict[int, set[str]] = {}
        rows = touches.loc[touches["entry"].isin(slow), ["entry", "relation"]]
        for entry, relation in rows.itertuples(index=False, name=None):
            found.setdefault(int(entry), set()).add(str(relation))
        return {entry: tuple(sorted(names)) for entry, names in found.items()}

    @cached_property
    def _whole(self) -> dict[str, float]:
        sums = self.evidence.workload.callers.groupby("instance")["time_ms"].sum()
        return {str(i): float(v) for i, v in sums.items() if pd.notna(v) and v > 0}

    def _source(self, service: str) -> str | None:
        found = [t for t in self.evidence.estate.thresholds if t.metric == "latency"]
        found.sort(key=lambda t: t.service != service)
        return next((t.source for t in found if t.service in (None, service)), None)
