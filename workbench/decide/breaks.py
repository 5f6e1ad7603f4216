"""What breaks when services move to a database of their own: statements, transactions, views, keys, code, types, grants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from workbench.analyse.crossings import Crossing
from workbench.analyse.references import References
from workbench.analyse.workload import Workload
from workbench.decide.facts import Break, BreakKind, Remedy
from workbench.decide.remedies import Rates, Remedies
from workbench.model import Reference
from workbench.snapshot import records

_KINDS: Mapping[str, BreakKind] = {
    "foreign_key": "foreign_key",
    "view": "view",
    "trigger": "trigger",
    "function": "function",
    "type": "type",
    "sequence": "sequence",
    "inheritance": "inheritance",
}
"""References that the server itself holds, and that it cannot hold between databases."""

_Place = tuple[str, str, str]
"""(instance, database, ``schema.relation``)"""


@dataclass(frozen=True)
class Breaks:
    """Finds what breaks, from a window's crossings and the references of its newest snapshot.

    A logical reference breaks nothing by itself: the statements that join it do, and they are here.
    """

    workload: Workload
    references: References
    remedies: Remedies

    def of(self, services: Iterable[str]) -> tuple[Break, ...]:
        """Return what joins ``services`` with any other, by kind and weight; what joins them among themselves stays."""
        moving = frozenset(services)
        found = [*self._crossings(moving), *self._held(moving)]
        order = list(_ORDER)
        return tuple(sorted(found, key=lambda b: (order.index(b.kind), -(b.per_day or 0), b.key)))

    def _crossings(self, moving: frozenset[str]) -> Iterator[Break]:
        for crossing in self.workload.crossings:
            parties = {*crossing.owners, *([crossing.actor] if crossing.actor else [])}
            if crossing.actor is None:
                parties |= set(crossing.services)
            if not parties & moving or parties <= moving or _told_elsewhere(crossing):
                continue
            if crossing.kind == "grant":
                remedy = self.remedies.named("grant withdrawn", "nothing used it in the window")
            elif crossing.access == "write":
                remedy = self.remedies.of_write(sorted(parties))
            else:
                rates = self._rates(crossing)
                remedy = self.remedies.of_read(crossing.actor, crossing.owners, rates)
            yield Break(
                crossing.kind,
                crossing.key,
                crossing.instance,
                crossing.database,
                tuple(sorted(parties)),
                crossing.relations,
                crossing.access,
                crossing.actor,
                next(iter(crossing.examples), None),
                self._per_day(crossing),
                remedy,
                crossing.because or "",
            )

    def _per_day(self, crossing: Crossing) -> float | None:
        if crossing.source == "locks":
            return None  # seen in samples, not counted
        count = crossing.transactions if crossing.kind == "transaction" else crossing.calls
        days = self._days.get((crossing.instance, crossing.source == "wal"))
        return None if count is None or not days else count / days

    @cached_property
    def _days(self) -> dict[tuple[str, bool], float]:
        """The days that counts are of, by instance: of the WAL read, and of everything else."""
        spans = self.workload.attributed.window.spans
        spans = spans[(spans["frame"] == "statements") & (spans["days"] > 0)]
        found = {(r["instance"], False): float(r["days"]) for r in records(spans)}
        read = self.workload.transactions.readings
        read = read[read["days"].fillna(0) > 0]
        return found | {(r["instance"], True): float(r["days"]) for r in records(read)}

    def _rates(self, crossing: Crossing) -> Rates:
        written = [
            self._written.get((crossing.instance, crossing.database, name))
            for name in crossing.relations
        ]
        known = [w for w in written if w is not None]
        whole = len(known) == len(written)
        return Rates(
            self._per_day(crossing),
            sum(w for w, _ in known) if whole else None,
            sum(r for _, r in known) if whole else None,
        )

    @cached_property
    def _written(self) -> dict[_Place, tuple[float, float]]:
        """Rows written a day, and rows there are, by table: where its counters tell of the window."""
        found: dict[_Place, tuple[float, float]] = {}
        window = self.workload.attributed.window
        days = {i: d for (i, of_wal), d in self._days.items() if not of_wal}
        tables = window.tables
        names = ["n_tup_ins", "n_tup_upd", "n_tup_del"]
        place = ["instance", "database", "schema", "relation"]
        sums = tables.assign(written=tables[names].sum(axis=1)).groupby(place, sort=False)
        for row in records(sums[["written", "n_live_tup"]].sum().reset_index()):
            if row["instance"] in days:
                named = (row["instance"], row["database"], f"{row['schema']}.{row['relation']}")
                found[named] = (
                    float(row["written"]) / days[row["instance"]],
                    float(row["n_live_tup"]),
                )
        return found

    def _held(self, moving: frozenset[str]) -> Iterator[Break]:
        for reference in self.references.crossing:
            source, target = reference.source, reference.target
            if reference.kind not in _KINDS or target is None:
                continue
            sides = {source.service or "", target.service or ""}
            if not sides & moving or (source.instance, source.database) != (
                target.instance,
                target.database,
            ):
                continue
            kind = _KINDS[reference.kind]
            named = (source.relation, target.relation)
            yield Break(
                kind,
                reference.key,
                source.instance or "",
                source.database or "",
                tuple(sorted(sides)),
                named,
                "read" if kind == "view" else None,
                source.service,
                None,
                None,
                self._cure(kind, reference),
                "; ".join(reference.evidence),
            )

    def _cure(self, kind: BreakKind, reference: Reference) -> Remedy | None:
        named, target = self.remedies.named, reference.target
        if kind == "foreign_key":
            return named(
                "loose foreign key", "orphans are found and removed by a worker, not by the server"
            )
        if kind == "view":
            if target is not None and len(target.columns) == 1:
                return named("denormalised column", f"it uses {target.columns[0]} alone")
            place = (
                reference.source.instance,
                reference.source.database,
                target.relation if target else "",
            )
            written = self._written.get(place)  # type: ignore[arg-type]
            rates = Rates(None, *(written or (None, None)))
            owners = [target.service] if target and target.service else []
            return self.remedies.of_read(reference.source.service, owners, rates)
        if kind == "type":
            return named("copied type", "the target database needs it before its tables")
        if kind in ("function", "trigger"):
            return named("rewritten function", "what it does over there becomes an event or a call")
        if kind == "sequence":
            return named("sequence of its own", "its numbers begin above those drawn so far")
        return None


def _told_elsewhere(crossing: Crossing) -> bool:
    """Whether other breaks say the same: a used grant is its statements, what a transaction reads as well."""
    if crossing.kind == "grant":
        return bool(crossing.calls)
    return crossing.kind == "transaction" and crossing.access == "read"


_ORDER: tuple[BreakKind, ...] = (
    *("statement", "transaction", "view", "foreign_key", "trigger", "function", "type"),
    *("sequence", "inheritance", "foreign_table", "publication", "reference", "grant"),
)
