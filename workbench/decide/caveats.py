"""What a verdict does not say by itself: warnings, each with its figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from workbench.decide.argument import bytes_of, share_of, shares_of
from workbench.decide.evidence import Evidence
from workbench.decide.facts import Break
from workbench.decide.judgement import CONCENTRATED, RELIEF, Judged, Known
from workbench.decide.seasons import Seasons
from workbench.decide.wishes import warnings_of
from workbench.estate import Service
from workbench.snapshot import records

ONE_TABLE, LARGE_BYTES = 0.5, 100e9
"""A table over this share of its service, or this size, is moved along with its problem. The project's own."""

HUB = 3
"""So many services that use its data make a service a hub. The project's own."""

UNKNOWN_CALLERS = 0.10
"""A share of calls from which a forgotten path may hide among unknown callers. The project's own."""


@dataclass(frozen=True)
class Caveats:
    """Warns about the services of one estate."""

    evidence: Evidence

    def of(
        self,
        service: str,
        known: Known,
        judged: Judged,
        breaks: tuple[Break, ...],
    ) -> tuple[str, ...]:
        """Return the warnings of a service; where no move is needed, only those of its wishes and promises."""
        declared = self._declared[service]
        wishes = warnings_of(declared, self.evidence.history.newest, self.evidence.references)
        if judged.verdict == "not needed" or known.unread is not None:
            return wishes
        made = [
            *self._one_table(service, known),
            *_relief(known, service),
            *_tune_first(known, judged),
            *_same_instance(declared),
            *_hub(service, breaks),
            *self._pools(service, breaks),
            *_orphans(breaks),
            *_distributed(declared, breaks),
            *_ping_pong(service, breaks),
            *self._forgotten(service),
            *self._seasons.of(service),
        ]
        return (*made, *wishes)

    def _one_table(self, service: str, known: Known) -> Iterator[str]:
        mine = self._sized.get(service)
        if mine is None:
            return
        order = ["total_bytes", "schema", "table"]
        top = records(mine.sort_values(order, ascending=[False, True, True]).head(1))[0]
        size, whole = float(top["total_bytes"]), float(mine["total_bytes"].sum())
        shares = [r.share.high for r in known.resources if r.name == "storage" and r.share]
        weighs = max(shares, default=0.0) >= RELIEF and size > whole * ONE_TABLE
        if weighs or size > LARGE_BYTES:
            yield (
                f"one table is the problem: {top['schema']}.{top['table']} is {share_of(size / whole)} of its "
                f"{bytes_of(whole)}, and a move takes it along; partition or archive it"
            )

    def _pools(self, service: str, breaks: tuple[Break, ...]) -> Iterator[str]:
        users = {b.caller for b in breaks if b.kind in ("statement", "transaction") and b.caller}
        users -= {service}
        if users:
            limits = [
                self._declared[u].connection_limit for u in sorted(users & set(self._declared))
            ]
            known = [n for n in limits if n is not None]
            more = f", {sum(known)} connections more by their declared pools" if known else ""
            yield f"connections double: {_names(users)} would hold a second pool{more}, unless decoupled"

    def _forgotten(self, service: str) -> Iterator[str]:
        unknown, whole = self._callers.get(service, (0.0, 0.0))
        if whole and unknown / whole > UNKNOWN_CALLERS:
            yield (
                f"forgotten paths: the caller of {share_of(unknown / whole)} of the calls on its data is unknown; "
                "a scheduled job or a report may be among them"
            )

    @cached_property
    def _sized(self) -> dict[Any, pd.DataFrame]:
        """The relations of each service whose size is known."""
        found = self.evidence.capacity.relations
        return dict(iter(found[found["total_bytes"].notna()].groupby("service", sort=False)))

    @cached_property
    def _seasons(self) -> Seasons:
        return Seasons(self.evidence)

    @cached_property
    def _declared(self) -> dict[str, Service]:
        return {s.name: s for s in self.evidence.estate.services}

    @cached_property
    def _callers(self) -> dict[str, tuple[float, float]]:
        """Calls on each service's data whose caller is unknown, and all."""
        entries = self.evidence.workload.statements
        top = entries["toplevel"].fillna(True).astype(bool) & (entries["rung"] != "workbench")
        found: dict[str, tuple[float, float]] = {}
        held = entries.loc[top, ["calls", "caller_rung", "services"]]
        for calls, rung, touched in held.itertuples(index=False):
            for name in () if pd.isna(calls) else touched:
                unknown, whole = found.get(name, (0.0, 0.0))
                more = float(calls) if rung == "unknown" else 0.0
                found[name] = (unknown + more, whole + float(calls))
        return found


def _relief(known: Known, service: str) -> Iterator[str]:
    """The fullest resource, where the service's leaving hardly changes it."""
    used = [r for r in known.resources if r.used is not None and r.share is not None]
    if not used:
        return
    top = max(used, key=lambda r: r.used or 0.0)
    assert top.share is not None
    if top.share.high < RELIEF:
        grows = [
            p.share.high for p in known.presses.values() if p.of == "growth" and p.share is not None
        ]
        faster = top.name == "storage" and max(grows, default=0.0) >= RELIEF
        but = f", though {share_of(max(grows))} of its growth" if faster else ""
        yield (
            f"no relief: {service} is {shares_of(top.share)} of {top.name}, the fullest resource of {top.instance} "
            f"({share_of(top.used or 0.0)} used){but}"
        )


def _tune_first(known: Known, judged: Judged) -> Iterator[str]:
    if (
        known.top_five is not None
        and known.top_five > CONCENTRATED
        and judged.verdict != "fix in place"
    ):
        yield f"tune first: five statements take {share_of(known.top_five)} of its time"


def _same_instance(service: Service) -> Iterator[str]:
    target: Any = service.attributes.get("separated")
    if not isinstance(target, Mapping):
        return
    to = target.get("instance")
    sized = to is not None or "vcpus" in target or "url" in target
    if (to is not None and to == service.instance) or not sized:
        named = f"instance {to}" if to else "a database, and no instance or size of its own"
        yield (
            f"same instance: its target names {named}; there CPU, WAL, checkpoints and transaction numbers stay shared"
        )


def _hub(service: str, breaks: tuple[Break, ...]) -> Iterator[str]:
    users = {
        name
        for b in breaks
        if b.kind != "grant" and b.caller != service
        for name in b.services
        if name != service
    }
    if len(users) >= HUB:
        yield f"hub: {len(users)} services use its data ({_names(users)}); decouple them first"


def _orphans(breaks: tuple[Break, ...]) -> Iterator[str]:
    keys = [b for b in breaks if b.kind == "foreign_key"]
    cascades = sum("DELETE CASCADE" in b.because or "DELETE SET" in b.because for b in keys)
    if keys:
        many = f"{len(keys)} foreign key{'' if len(keys) == 1 else 's'}"
        yield f"orphans: {many} end at the boundary, {cascades or 'none'} of them with an action on delete that stops there"


def _distributed(service: Service, breaks: tuple[Break, ...]) -> Iterator[str]:
    met = [b for b in breaks if b.kind == "transaction" and b.access == "write"]
    target: Any = service.attributes.get("separated")
    agreed = isinstance(target, Mapping) and "transactions" in target
    if met and not agreed:
        pace = sum(b.per_day for b in met if b.per_day is not None)
        told = f" ({pace:,.0f} a day are counted)" if pace else ""
        kinds = (
            "1 kind of transaction writes"
            if len(met) == 1
            else f"{len(met)} kinds of transactions write"
        )
        yield f"distributed transaction: {kinds} its data and another's together{told}; no remedy is agreed"


def _ping_pong(service: str, breaks: tuple[Break, ...]) -> Iterator[str]:
    """Pairs whose statements go both ways, or one way and back in a transaction that writes both's data."""
    there: dict[str, list[Break]] = {}
    back: dict[str, list[Break]] = {}
    both: dict[str, int] = {}
    for one in breaks:
        for other in one.services:
            if other == service:
                continue
            if one.kind == "statement" and one.caller == service:
                there.setdefault(other, []).append(one)
            elif one.kind == "statement" and one.caller == other:
                back.setdefault(other, []).append(one)
            elif one.kind == "transaction" and one.access == "write":
                both[other] = both.get(other, 0) + 1
    for other in sorted({*there, *back}):
        ways = [there.get(other, []), back.get(other, [])]
        if not all(ways) and other not in both:
            continue
        told = [
            f"{_kinds(len(way), 'statement')}{_pace(way)} {where}"
            for way, where in zip(
                ways, (f"to {other}'s data", f"of {other} to its data"), strict=True
            )
            if way
        ]
        met = both.get(other)
        if met:
            told.append(f"{_kinds(met, 'transaction')} that write both's")
        yield (
            f"ping-pong: {service} and {other} go to and fro: {', '.join(told)}; each becomes a round trip, "
            "so move them together or cut one direction first"
        )


def _kinds(count: int, what: str) -> str:
    return f"1 kind of {what}" if count == 1 else f"{count} kinds of {what}s"


def _pace(found: list[Break]) -> str:
    counted = [b.per_day for b in found if b.per_day is not None]
    if not counted:
        return ""
    rate = sum(counted)
    return f" ({rate:,.0f} calls a day)" if rate >= 1 else " (under 1 call a day)"


def _names(names: set[str]) -> str:
    ordered = sorted(names)
    if len(ordered) > 4:
        return f"{', '.join(ordered[:3])} and {len(ordered) - 3} more"
    return ", ".join(ordered)
