"""Where a service may go: on the same server, to an instance of its own, to a replica, to Citus, or nowhere; what each relieves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from workbench.decide.facts import Interval, WhatIf
from workbench.decide.resources import RESOURCES
from workbench.decide.whatif import Moves
from workbench.model import ReferenceEnd
from workbench.snapshot import Snapshot, records

TARGETS = (
    "own database, same server",
    "own instance",
    "read replica",
    "Citus",
    "stay",
)
"""In the order in which they are shown."""

SHARED = (
    *("CPU", "memory", "WAL", "checkpoints", "transaction ids", "connections", "storage"),
    *("autovacuum workers", "restarts and upgrades"),
)
"""What databases of one server have in common, whatever is in them."""

_PLACE = ["instance", "database"]


@dataclass(frozen=True)
class Target:
    """One place for a service: what it relieves, what it does not, and what stands in its way.

    ``after`` is what each resource of its instance falls to (1.0: all of what is declared). ``blockers`` are what has
    to be done or decided first: what breaks, or of Citus what ``citus_schema_distribute`` refuses.
    """

    service: str
    name: str
    relieves: tuple[str, ...]
    leaves: tuple[str, ...]
    blockers: tuple[str, ...] = ()
    after: tuple[tuple[str, Interval], ...] = ()
    effort: Interval | None = None
    because: str = ""

    def to_json(self) -> dict[str, object]:
        """Return the target as documents hold it."""
        return {
            "service": self.service,
            "target": self.name,
            "relieves": list(self.relieves),
            "leaves": list(self.leaves),
            "blockers": list(self.blockers),
            "after": {name: [float(f"{v:.6g}") for v in value] for name, value in self.after},
            "effort_days": None if self.effort is None else list(self.effort),
            "because": self.because,
        }


@dataclass(frozen=True)
class Targets:
    """Compares the five targets of a service."""

    moves: Moves

    def of(self, service: str, found: WhatIf | None = None) -> tuple[Target, ...]:
        """Return a row for each of ``TARGETS``; UsageError where the service is unknown.

        ``found`` is what its move alone would do, where that was asked before.

        >>> from workbench import load_history
        >>> from workbench.share import reference_estate
        >>> targets = Targets(Moves.of(load_history(reference_estate("hauspet") / "history")))
        >>> same, *_ = targets.of("readmodels")
        >>> same.name, "WAL" in same.leaves
        ('own database, same server', True)
        """
        found = found or self.moves.what_if([service])
        name = found.services[0]
        return (
            self._same_server(name, found),
            self._own_instance(name, found),
            self._replica(name, found),
            self._citus(name, found),
            self._stay(name, found),
        )

    def _same_server(self, service: str, found: WhatIf) -> Target:
        return Target(
            service,
            TARGETS[0],
            ("names and privileges apart", "dump and restore by itself", "the catalogue's size"),
            SHARED,
            _in_the_way(found),
            effort=found.effort,
            because="every crossing breaks as with an instance of its own, and no resource is relieved:"
            " a step on the way, not the end of it",
        )

    def _own_instance(self, service: str, found: WhatIf) -> Target:
        after = tuple((r.name, r.after) for r in found.resources if r.after is not None)
        unknown = [
            f"{r.name}: {r.because or 'its share is not known'}"
            for r in found.resources
            if r.after is None
        ]
        told = [f"{name} down to {_percent(fall)}" for name, fall in after]
        return Target(
            service,
            TARGETS[1],
            (*RESOURCES, "checkpoints", "restarts and upgrades"),
            (),
            _in_the_way(found),
            after,
            found.effort,
            "; ".join([*told, *(f"not known of {u}" for u in unknown)]),
        )

    def _replica(self, service: str, found: WhatIf) -> Target:
        blockers = []
        staleness = self.moves.remedies.staleness.get(service)
        if staleness is not None and staleness <= 0:
            blockers.append(f"{service} may read nothing old, and a replica is behind")
        elif staleness is None:
            blockers.append(
                f"how old its reads may be is not said: write staleness_s for {service}"
            )
        copied = {i.name for i in self.moves.estate.instances if i.replicas}
        for instance in sorted({r.instance for r in found.resources}):
            if instance not in copied:
                blockers.append(f"{instance} declares no replica")
        part = self._reads.get(service)
        after = []
        for one in found.resources:
            if one.name == "active sessions" and one.used and one.share and part is not None:
                low, high = (one.used * (1 - s * part) for s in (one.share.high, one.share.low))
                after.append((one.name, Interval(low, high)))
        because = (
            "how much of its time are reads is not known"
            if part is None
            else f"{part:.0%} of its statements' time are reads; nothing breaks, and nothing else leaves"
        )
        return Target(
            service,
            TARGETS[2],
            ("the CPU of its reads", "the connections of its reads"),
            (
                "writes",
                "WAL",
                "storage, which every replica holds whole",
                "checkpoints",
                "transaction ids",
            ),
            tuple(blockers),
            tuple(after),
            because=because,
        )

    def _citus(self, service: str, found: WhatIf) -> Target:
        refused = tuple(self._refused(service))
        told = "" if refused else "the catalogue shows nothing that it refuses; "
        return Target(
            service,
            TARGETS[3],
            (
                "CPU",
                "memory",
                "WAL",
                "storage",
                "once its schema is moved to another node (from Citus 12.1)",
            ),
            ("connections, which the coordinator takes", "one coordinator for all"),
            refused,
            because=f"{told}schema-based sharding: citus_schema_distribute takes an AccessExclusive lock on the schema and"
            " is for its owner; joins with other nodes' schemas break as they would between instances",
        )

    def _stay(self, service: str, found: WhatIf) -> Target:
        count = sum(b.kind == "statement" for b in found.breaks)
        rest = len(found.breaks) - count
        crossings = f"{count} crossing statement{'' if count == 1 else 's'}"
        others = f"{rest} other crossing{'' if rest == 1 else 's'}"
        return Target(
            service,
            TARGETS[4],
            (),
            ("everything",),
            because=f"nothing breaks: {crossings} and {others} stay as they are",
        )

    @cached_property
    def _reads(self) -> dict[str, float]:
        """The share of each service's statements' time that reads take."""
        found: dict[str, float] = {}
        rows = self.moves.workload.services
        for row in records(
            rows.groupby("service")[["read_ms", "write_ms"]].sum(min_count=1).reset_index()
        ):
            if pd.isna(row["read_ms"]) or pd.isna(row["write_ms"]):
                continue
            whole = float(row["read_ms"]) + float(row["write_ms"])
            if whole > 0:
                found[str(row["service"])] = float(row["read_ms"]) / whole
        return found

    # -- what citus_schema_distribute refuses, from the catalogue alone

    def _refused(self, service: str) -> Iterator[str]:
        held = self._relations
        mine = held[held["service"] == service]
        if mine.empty:
            yield f"nothing of {service} was found in the catalogue"
            return
        for frame in ("constraints", "indexes", "inheritance"):
            missing = [i for i in sorted(set(mine["instance"])) if not self._newest.has(frame, i)]
            if missing:
                yield f"not known: {frame} of {_some(missing)} were not collected; collect anew"
        places = mine[["instance", "database", "schema"]].drop_duplicates()
        here = held.merge(places)
        if "public" in set(places["schema"]):
            yield "schema public cannot be distributed: move its tables to a schema of their own"
        others = sorted(set(here["service"].dropna()) - {service})
        if others:
            yield f"its schema is shared with {_some(others)}: a schema moves whole"
        yield from self._kinds(here)
        yield from self._inherited(here)
        yield from self._keys(here)

    def _kinds(self, here: pd.DataFrame) -> Iterator[str]:
        members = here[here["extension"].notna()]
        if len(members):
            yield f"an extension owns {_named(members)}"
        owned = self._of_extensions.merge(
            here[["instance", "database", "schema"]].drop_duplicates()
        )
        if len(owned):
            yield f"an extension owns the schema {_some(sorted(set(owned['schema'])))}"
        foreign = here[here["relkind"] == "f"]
        if len(foreign):
            yield f"foreign tables: {_named(foreign)}"

    def _inherited(self, here: pd.DataFrame) -> Iterator[str]:
        mine = here[[*_PLACE, "oid"]].set_axis([*_PLACE, "relation_oid"], axis=1)
        plain = self._children.merge(mine)
        if len(plain):
            yield f"inheritance: {_named(plain)}"
        across = self._parts_across
        touched = _schemas_of(here)
        ends = [
            (i, d, s) in touched or (i, d, t) in touched
            for i, d, s, t in _rows(across, *_PLACE, "schema", "parent_schema")
        ]
        across = across[pd.Series(ends, across.index, dtype=bool)]
        if len(across):
            yield f"partitions in another schema than their table: {_named(across)}"

    def _keys(self, here: pd.DataFrame) -> Iterator[str]:
        mine = _schemas_of(here)
        incoming, outgoing = set(), set()
        for source, target in self._foreign_keys:
            ends = [(e.instance, e.database, e.schema) for e in (source, target)]
            if ends[0] not in mine and ends[1] in mine:
                incoming.add(source.relation)
            elif ends[0] in mine and ends[1] not in mine:
                outgoing.add(target.relation)
        if incoming:
            yield f"foreign keys from other schemas: {_some(sorted(incoming))}"
        if outgoing:
            yield f"foreign keys to {_some(sorted(outgoing))}, which then must be reference tables"
        tables = here[here["relkind"].isin(["r", "p"]) & here["parent_oid"].isna()]
        whole = (tables["relreplident"] == "f").fillna(False).astype(bool)
        bare = [key not in self._keyed for key in _rows(tables, *_PLACE, "oid")]
        keyless = tables[pd.Series(bare, tables.index, dtype=bool) & ~whole]
        if len(keyless):
            yield f"no primary key, so that it moves with writes blocked: {_named(keyless)}"

    @cached_property
    def _of_extensions(self) -> pd.DataFrame:
        """The schemas that extensions own."""
        schemas = self._newest.frame("schemas", "schema", "extension")
        return schemas[schemas["extension"].notna()]

    @cached_property
    def _children(self) -> pd.DataFrame:
        """Tables that inherit from another, and are no partitions."""
        links = self._newest.frame("inheritance", "relation_oid", "parent_oid")
        names = self._relations[[*_PLACE, "oid", "schema", "relation"]]
        links = links[[*_PLACE, "relation_oid", "parent_oid"]]
        return links.merge(names.rename(columns={"oid": "relation_oid"}))

    @cached_property
    def _parts_across(self) -> pd.DataFrame:
        """Partitions that lie in another schema than their table."""
        names = self._relations[[*_PLACE, "oid", "schema", "relation"]]
        parts = self._relations[self._relations["parent_oid"].notna()]
        parents = names.set_axis([*_PLACE, "parent_oid", "parent_schema", "parent"], axis=1)
        across = parts.merge(parents, on=[*_PLACE, "parent_oid"])
        return across[across["schema"] != across["parent_schema"]]

    @cached_property
    def _foreign_keys(self) -> tuple[tuple[ReferenceEnd, ReferenceEnd], ...]:
        found = self.moves.references.accepted
        return tuple((r.source, r.target) for r in found if r.kind == "foreign_key" and r.target)

    @cached_property
    def _keyed(self) -> set[tuple[object, ...]]:
        """The relations that have a primary key or a replica identity of their own."""
        indexes = self._newest.frame("indexes", "relation_oid", "indisprimary", "indisreplident")
        # a snapshot of an older version may lack a column: it is NA then, and of no type
        said = indexes[["indisprimary", "indisreplident"]].astype("boolean").fillna(False)
        return set(_rows(indexes[said.any(axis=1).astype(bool)], *_PLACE, "relation_oid"))

    @cached_property
    def _newest(self) -> Snapshot:
        return self.moves.workload.attributed.window.history.newest

    @cached_property
    def _relations(self) -> pd.DataFrame:
        """Every relation of the newest snapshot with its service (None: nobody's)."""
        wanted = ("oid", "schema", "relation", "relkind", "parent_oid", "relreplident", "extension")
        found = self._newest.frame("relations", *wanted)
        found = found[found["relkind"].isin(list("rpvmf"))]
        estate = self._newest.settled
        names = found[["instance", "database", "schema", "relation"]].itertuples(
            index=False, name=None
        )
        owners = [
            estate.owner(*name, extension=bool(e)).service
            for name, e in zip(names, found["extension"].notna(), strict=True)
        ]
        return found.assign(service=pd.Series(owners, found.index, dtype=object))


def _rows(frame: pd.DataFrame, *columns: str) -> Iterator[tuple[object, ...]]:
    yield from frame[list(columns)].itertuples(index=False, name=None)


def _schemas_of(here: pd.DataFrame) -> set[tuple[object, ...]]:
    return set(_rows(here, *_PLACE, "schema"))


def _in_the_way(found: WhatIf) -> tuple[str, ...]:
    """What breaks, counted by kind; what no remedy removes is named."""
    counts: dict[str, int] = {}
    for one in found.breaks:
        counts[one.kind] = counts.get(one.kind, 0) + 1
    told = [
        f"{count} {kind.replace('_', ' ')}{'s' * (count > 1)}" for kind, count in counts.items()
    ]
    stuck = [f"no remedy for {b.kind} {b.relations[0]}" for b in found.breaks if b.remedy is None]
    return (*told, *stuck)


def _percent(value: Interval) -> str:
    low, high = ("under 0.1%" if 0 < v < 0.001 else f"{v:.0%}" for v in value)
    return low if low == high else f"{low} to {high}"


def _named(rows: pd.DataFrame) -> str:
    return _some(sorted({f"{r['schema']}.{r['relation']}" for r in records(rows)}))


def _some(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
