"""How much of the transaction numbers, or of the multixact numbers, the oldest unfrozen rows of each service use up.

An instance stops to write where its oldest row is ``LAST_TRANSACTION`` numbers old; a vacuum against that begins by
itself at ``autovacuum_freeze_max_age``. Ages are those of pg_database and pg_class (datfrozenxid, relfrozenxid, and the same
of multixacts).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from workbench.analyse.gaps import gap_of
from workbench.analyse.upkeep import LAST_TRANSACTION
from workbench.decide.facts import Interval, Resource
from workbench.snapshot import Snapshot, records

NAME = "wraparound age"

_KINDS = {
    "frozen_xid_age": ("transactions", "autovacuum_freeze_max_age"),
    "min_mxid_age": ("multixacts", "autovacuum_multixact_freeze_max_age"),
}
_PLACE = ["instance", "database"]


@dataclass(frozen=True)
class Wraparound:
    """The ages of one snapshot; ``owned`` says whose each table is: instance, database, schema, table, service."""

    newest: Snapshot
    owned: pd.DataFrame

    def of(self, instance: str, service: str) -> Resource:
        """Return the resource of an instance: of transactions and multixacts that which is used up further.

        ``share`` is the age of the service's oldest table over that of the instance's oldest database; without the
        service the age falls to between that of the oldest table that stays and what it is: the catalogues' own may hold it.
        """
        databases = self._databases[self._databases["instance"] == instance]
        ages = databases[list(_KINDS)].max()
        if databases.empty or ages.isna().any():
            why = gap_of(self.newest, "databases", instance) or "run `workbench collect`"
            return Resource(NAME, instance, None, None, because=f"ages were not read: {why}")
        kind = str(ages.astype("Float64").idxmax())
        oldest = float(ages[kind])
        used = oldest / LAST_TRANSACTION
        said = self._said(instance, kind, databases, oldest)
        tables = self._tables[self._tables["instance"] == instance]
        mine = tables[tables["service"] == service]
        if mine.empty or mine[kind].isna().any():
            why = "the age of its tables was not read, or not of all: collect anew"
            return Resource(NAME, instance, used, None, because=f"{said}; {why}")
        share = min(float(mine[kind].max()) / oldest, 1.0) if oldest else 0.0
        rest = tables.loc[tables["service"] != service, kind].dropna()
        elsewhere = databases.loc[~databases["datname"].isin(mine["database"]), kind].dropna()
        least = max([0.0, *map(float, rest), *map(float, elsewhere)]) / LAST_TRANSACTION
        after = Interval(min(least, used), used)
        return Resource(NAME, instance, used, Interval(share, share), after, because=said)

    def _said(self, instance: str, kind: str, databases: pd.DataFrame, oldest: float) -> str:
        """The oldest database, and how far it is from the vacuum that begins by itself."""
        name = databases.sort_values([kind, "datname"], ascending=[False, True])["datname"].iloc[0]
        unit, setting = _KINDS[kind]
        told = f"{name} is the oldest: {oldest:,.0f} of {LAST_TRANSACTION:,} {unit}"
        begins = self._settings.get((instance, setting))
        if begins is None:
            return f"{told}; {setting} was not read"
        over = ", which is past it" if oldest > begins else ""
        return f"{told}; {setting} is {begins:,.0f}{over}"

    @cached_property
    def _databases(self) -> pd.DataFrame:
        found = self.newest.frame("databases", "datname", *_KINDS)
        return found.astype(dict.fromkeys(_KINDS, "Float64"))

    @cached_property
    def _settings(self) -> Mapping[tuple[str, str], float]:
        held = self.newest.frame("settings", "name", "reset_val")
        held = held[held["name"].isin([s for _, s in _KINDS.values()]) & held["reset_val"].notna()]
        return {(r["instance"], r["name"]): float(r["reset_val"]) for r in records(held)}

    @cached_property
    def _tables(self) -> pd.DataFrame:
        """The age of every table and partition with whose it is (of a partition: whose its root is)."""
        names = self.newest.frame("relations", "oid", "schema", "relation", "relkind", "root_oid")
        roots = names[[*_PLACE, "oid", "schema", "relation"]].set_axis(
            [*_PLACE, "root_oid", "schema", "table"], axis=1
        )
        held = names.loc[names["relkind"].isin(["r", "m"]), [*_PLACE, "oid", "root_oid"]]
        held = held.merge(roots, "left", [*_PLACE, "root_oid"])
        held = held.merge(self.owned, "left", [*_PLACE, "schema", "table"])
        ages = self.newest.frame("table_statistics", "relation_oid", *_KINDS)
        ages = ages.astype(dict.fromkeys(_KINDS, "Float64")).rename(columns={"relation_oid": "oid"})
        found: pd.DataFrame = held.merge(ages[[*_PLACE, "oid", *_KINDS]], "left", [*_PLACE, "oid"])
        return found


def together(found: list[Resource]) -> Resource:
    """Return what of an instance's age several services use: ages do not add up, the oldest holds.

    >>> two = [Resource(NAME, "main", 0.5, Interval(s, s), Interval(0.2, 0.5)) for s in (0.9, 1.0)]
    >>> together(two).share, together(two).after
    (Interval(low=1.0, high=1.0), Interval(low=0.0, high=0.5))
    """
    first = found[0]
    if len(found) == 1:
        return first
    shares = [r.share.high for r in found if r.share is not None]
    if len(shares) < len(found) or first.used is None:
        return replace(first, share=None, after=None)
    top = max(shares)
    return replace(first, share=Interval(top, top), after=Interval(0.0, first.used))
