"""Sizes that a person imported, put before a history's own: `workbench history import`.

An imported size stands for exactly what its row names: a table, a schema, or a database with nothing
named. It extends backwards the series of that thing, and of a sum only on dates that cover all of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from workbench.snapshot import History

_SCHEMA = ["instance", "database", "schema"]
_TABLE = [*_SCHEMA, "table"]


@dataclass(frozen=True)
class Brought:
    """The imported sizes of a history: at, instance, database, schema and table (or None), bytes."""

    sizes: pd.DataFrame

    @staticmethod
    def of(history: History) -> Brought:
        """Read what was imported; empty where nothing was."""
        return Brought(history.frame("imported_sizes", "schema", "table", "bytes"))

    def tables(self, every: pd.DataFrame) -> pd.DataFrame:
        """Put table sizes before the rows of ``every``, one per day and relation."""
        found = self.sizes[self.sizes["table"].notna()]
        return _before(every, found.rename(columns={"bytes": "total_bytes"}), _TABLE)

    def schemas(self, every: pd.DataFrame) -> pd.DataFrame:
        """Put schema sizes before the rows of ``every``, where a schema is wholly one owner's."""
        return _before(every, self._of_schemas(), _SCHEMA)

    def services(self, every: pd.DataFrame, schemas: pd.DataFrame) -> pd.DataFrame:
        """Put sums of schema sizes before the rows of ``every``, on dates that cover a service's schemas.

        ``schemas`` says what a service has: its rows of the newest day.
        """
        key = ["instance", "service", "standing"]
        if self.sizes.empty or schemas.empty:
            return every
        alone = ~schemas.duplicated(_SCHEMA, keep=False)
        wanted = schemas[alone].groupby(key, as_index=False).size()
        split = schemas.loc[~alone, key].drop_duplicates().assign(split=True)
        wanted = wanted.merge(split, "left", key)
        wanted = wanted[wanted["split"].isna()]
        held = self._of_schemas().merge(schemas[[*key, "database", "schema"]], "inner", _SCHEMA)
        sums = held.groupby([*key, "at"], as_index=False).agg(
            total_bytes=("total_bytes", "sum"), covered=("schema", "size")
        )
        sums = sums.merge(wanted, "inner", key)
        return _before(every, sums[sums["covered"] == sums["size"]], key)

    def instances(self, every: pd.DataFrame, databases: pd.DataFrame) -> pd.DataFrame:
        """Put sums of database sizes before ``every`` (instance, at, bytes), on dates that cover them.

        ``databases`` says what an instance holds now: instance and database. One that an import names
        and that is gone counts as well.
        """
        held = self.sizes[self.sizes["schema"].isna()]
        if held.empty:
            return every
        databases = databases[databases["database"] != "postgres"]  # which holds nobody's data
        known = databases.assign(known=1)[["instance", "database", "known"]]
        held = held.merge(known, "left", ["instance", "database"])
        sums = held.groupby(["instance", "at"], as_index=False).agg(
            bytes=("bytes", "sum"), covered=("known", "sum")
        )
        wanted = databases.groupby("instance", as_index=False).size()
        sums = sums.merge(wanted, "inner", "instance")
        return _before(every, sums[sums["covered"] == sums["size"]], ["instance"])

    def _of_schemas(self) -> pd.DataFrame:
        found = self.sizes[self.sizes["schema"].notna() & self.sizes["table"].isna()]
        return found.rename(columns={"bytes": "total_bytes"})


def _before(every: pd.DataFrame, brought: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Put the rows of ``brought`` that are older than all of their thing in ``every`` in front of them."""
    if brought.empty or every.empty:
        return every
    first = every.sort_values("at").drop_duplicates(key)
    first = first[[c for c in every.columns if c in (*key, "at", "service", "standing")]]
    several = every.loc[every["at"] == every["at"].max()].duplicated(key, keep=False)
    if several.any():  # of what has two owners nobody knows whose the imported bytes are
        shared = every.loc[every["at"] == every["at"].max(), key][several].drop_duplicates()
        first = first.merge(shared.assign(shared=True), "left", key)
        first = first[first["shared"].isna()].drop(columns="shared")
    size = "total_bytes" if "total_bytes" in every else "bytes"
    brought = brought[[*key, "at", size]]
    found = brought.merge(first.rename(columns={"at": "first"}), "inner", key)
    found = found[found["at"] < found["first"]].drop(columns="first").sort_values("at")
    if found.empty:
        return every
    found = found.reindex(columns=every.columns)
    kinds = {c: every[c].dtype for c in every.columns if c != "at"}
    return pd.concat([found.astype(kinds), every], ignore_index=True)
