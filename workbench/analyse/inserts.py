"""Rows inserted a day, from the cumulative statistics of tables."""

from __future__ import annotations

import pandas as pd

from workbench.estate import Estate
from workbench.snapshot import History, Window, per_day

_NOT_COUNTED = (
    "inserts were not counted over days: it needs two snapshots of one epoch, on different days"
)


def inserted_per_day(history: History, estate: Estate) -> pd.DataFrame:
    """Return rows inserted a day per partition root: n_tup_ins of the window by its days.

    Columns: instance, database, schema, table, service ("" for nobody), per_day (NA: unknown), because.
    A table dropped within the window is not here, and one that was truncated or emptied still counts.
    """
    counted = Window(history).tables
    found = counted.assign(
        per_day=per_day(counted, "n_tup_ins"),
        schema=counted["root_schema"].fillna(counted["schema"]),
        table=counted["root"].fillna(counted["relation"]),
    )
    place = ["instance", "database", "schema", "table"]
    # A sum with an unknown part is unknown.
    sums = found.groupby(place, sort=True)["per_day"].agg(lambda days: days.sum(skipna=False))
    whole = sums.reset_index()
    owners = [estate.owner(*names).service or "" for names in whole[place].itertuples(index=False)]
    return whole.assign(
        service=pd.Series(owners, whole.index, dtype="object"),
        because=pd.Series(_NOT_COUNTED, whole.index, dtype="object").where(whole["per_day"].isna()),
    )
