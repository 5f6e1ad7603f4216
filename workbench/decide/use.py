"""How often a service reads what is another's, and how often that is written: what remedies are chosen by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from workbench.analyse.crossings import Crossing
from workbench.analyse.references import References
from workbench.analyse.workload import Workload
from workbench.decide.remedies import Rates
from workbench.snapshot import records

_Place = tuple[str, str, str]
"""(instance, database, ``schema.relation``)"""

Pair = tuple[str, str, str | tuple[str, ...] | None, str]
"""(instance, database, reader, owner); where the reader is unknown, all who meet stand for it"""

Days = dict[tuple[str, bool], float]
"""Days by instance: of the WAL read (True), and of everything else"""


def counted_days(workload: Workload) -> Days:
    """Return the days that the counts of a window are of; an instance without two readings is not here."""
    spans = workload.attributed.window.spans
    spans = spans[(spans["frame"] == "statements") & (spans["days"] > 0)]
    found = {(r["instance"], False): float(r["days"]) for r in records(spans)}
    read = workload.transactions.readings
    read = read[read["days"].fillna(0) > 0]
    return found | {(r["instance"], True): float(r["days"]) for r in records(read)}


def pace(crossing: Crossing, days: Days) -> float | None:
    """Return the calls or transactions a day of a crossing; None where they were not counted."""
    if crossing.source == "locks":
        return None  # seen in samples, not counted
    count = crossing.transactions if crossing.kind == "transaction" else crossing.calls
    length = days.get((crossing.instance, crossing.source == "wal"))
    return None if count is None or not length else count / length


@dataclass(frozen=True)
class Use:
    """The rates of a window: calls a day of its crossings, and of tables the rows written a day."""

    workload: Workload
    references: References

    def per_day(self, crossing: Crossing) -> float | None:
        """Return the calls or transactions a day of a crossing; None where they were not counted."""
        return pace(crossing, self.days)

    @cached_property
    def days(self) -> Days:
        """The days that counts are of: see ``counted_days``."""
        return counted_days(self.workload)

    def rates(self, pairs: Iterable[Pair]) -> Rates:
        """Return how what readers take of owners is used: one remedy serves all that a service reads of another."""
        read: list[float | None] = []
        places: set[_Place] = set()
        for pair in pairs:
            read.append(self._reads.get(pair))
            places |= {(pair[0], pair[1], name) for name in self._relations.get(pair, ())}
        written = [self._written.get(place) for place in sorted(places)]
        known = [w for w in written if w is not None]
        whole = bool(known) and len(known) == len(written)
        counted = [r for r in read if r is not None]
        return Rates(
            max(counted) if counted else None,
            sum(w for w, _ in known) if whole else None,
            sum(r for _, r in known) if whole else None,
        )

    @cached_property
    def _reads(self) -> dict[Pair, float]:
        """Statements a day that read, by reader and owner: those that were counted."""
        found: dict[Pair, float] = {}
        for crossing in self.workload.crossings:
            per_day = self.per_day(crossing)
            if crossing.kind != "statement" or crossing.access != "read" or per_day is None:
                continue
            for owner in crossing.owners:
                pair = (crossing.instance, crossing.database, reader_of(crossing), owner)
                found[pair] = found.get(pair, 0.0) + per_day
        return found

    @cached_property
    def _relations(self) -> dict[Pair, set[str]]:
        """What is read of an owner by a reader, through statements and views."""
        found: dict[Pair, set[str]] = {}
        owners = {
            (t.instance, t.database, f"{t.schema}.{t.table}"): t.service
            for r in self.references.accepted
            for t in (r.source, r.target)
            if t is not None
        }
        for crossing in self.workload.crossings:
            if crossing.kind != "statement" or crossing.access != "read":
                continue
            for name in crossing.relations:
                place = (crossing.instance, crossing.database)
                owner = owners.get((*place, name))
                whose = crossing.owners if owner not in crossing.owners else (owner,)
                for one in whose:
                    found.setdefault((*place, reader_of(crossing), str(one)), set()).add(name)
        for reference in self.references.crossing:
            source, target = reference.source, reference.target
            if reference.kind == "view" and target is not None and target.table is not None:
                pair = (
                    source.instance or "",
                    source.database or "",
                    source.service,
                    target.service or "",
                )
                found.setdefault(pair, set()).add(f"{target.schema}.{target.table}")
        return found

    @cached_property
    def _written(self) -> dict[_Place, tuple[float, float]]:
        """Rows written a day, and rows there are, by table: where its counters tell of the window."""
        names = ["n_tup_ins", "n_tup_upd", "n_tup_del"]
        place = ["instance", "database", "root_schema", "root"]
        tables = self.workload.attributed.window.tables
        tables = tables[tables["days"].fillna(0) > 0]
        written = tables[names].astype("Float64").sum(axis=1, skipna=False)
        sums = tables[place].assign(
            written=written / tables["days"].astype("Float64"),
            rows=tables["n_live_tup"].astype("Float64"),
        )
        unknown = sums[["written", "rows"]].isna().any(axis=1)
        partly = set(sums.loc[unknown, place].itertuples(index=False, name=None))
        found: dict[_Place, tuple[float, float]] = {}
        for row in records(sums[~unknown].groupby(place, sort=False).sum().reset_index()):
            instance, database, schema, name = (row[n] for n in place)
            if (instance, database, schema, name) not in partly:
                found[instance, database, f"{schema}.{name}"] = (row["written"], row["rows"])
        return found


def reader_of(crossing: Crossing) -> str | tuple[str, ...]:
    """Return who reads; where that is unknown, all who meet stand for it."""
    return crossing.actor or crossing.services
