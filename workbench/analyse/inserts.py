"""Rows inserted and written a day, from the cumulative statistics of tables."""

from __future__ import annotations

import pandas as pd

from workbench.estate import Estate
from workbench.snapshot import Window, per_day

_NOT_COUNTED = (
    "inserts were not counted over days: it needs two snapshots of one epoch, on different days"
)
_PLACE = ["instance", "database", "schema", "table"]
_WRITES = ("n_tup_ins", "n_tup_upd", "n_tup_del")


def inserted_per_day(window: Window, estate: Estate) -> pd.DataFrame:
    """Return rows inserted a day per partition root: n_tup_ins of the window by its days.

    Columns: instance, database, schema, table, service ("" for nobody), per_day (NA: unknown), at_least (its
    counters were reset, so that it may be more), because. A table dropped within the window is not here, and
    one that was truncated or emptied still counts.
    """
    counted = window.tables
    again = (counted["counted_from"] == "restarted") | counted["lower_bound"].fillna(False)
    found = counted.assign(
        per_day=per_day(counted, "n_tup_ins"),
        schema=counted["root_schema"].fillna(counted["schema"]),
        table=counted["root"].fillna(counted["relation"]),
        again=again.astype(bool),
    )
    # A sum with an unknown part is unknown.
    groups = found.groupby(_PLACE, sort=True)
    sums, parts = groups["per_day"].sum(), groups["per_day"].agg(["size", "count"])
    whole = sums.where(parts["count"] == parts["size"]).reset_index()
    whole["at_least"] = groups["again"].any().to_numpy()
    owners = [estate.owner(*names).service or "" for names in whole[_PLACE].itertuples(index=False)]
    spans = window.spans
    spans = spans[(spans["frame"] == "table_statistics") & (spans["because"] != "")]
    said = {(i, d): str(b) for i, d, b in spans[["instance", "database", "because"]].to_numpy()}
    why = [
        "; ".join(
            reason
            for reason in (_NOT_COUNTED if pd.isna(rate) else "", said.get((i, d), ""))
            if reason
        )
        or ("some of its counters began anew within the window" if least else None)
        for i, d, rate, least in zip(
            whole["instance"], whole["database"], whole["per_day"], whole["at_least"], strict=True
        )
    ]
    return whole.assign(
        service=pd.Series(owners, whole.index, dtype="object"),
        because=pd.Series(why, whole.index, dtype="object"),
    )


def written_so_far(window: Window) -> pd.DataFrame:
    """Return how many rows each table had written by each reading of the window, since its first.

    One row per reading but the first and partition root: at, instance, database, schema, table, days (of the
    calendar that counts, since the first reading), inserted and written (inserted, updated and deleted). A counter
    that fell counts from zero; a table that is gone by the last reading is not here.
    """
    spans = window.spans
    spans = spans[(spans["frame"] == "table_statistics") & (spans["kind"] == "difference")]
    begun = spans[["instance", "database", "since"]]
    read = window.history.frame("table_statistics", "relation_oid", *_WRITES)
    read = read.merge(begun, "inner", ["instance", "database"])
    read = read[read["at"] >= read["since"]]
    names = window.tables[["instance", "database", "relation_oid", "root_schema", "root"]]
    names = names.dropna(subset=["root"])
    key = ["instance", "database", "relation_oid"]
    # many nights of many tables: their names are put to the sums alone
    root = ["instance", "database", "root_schema", "root"]
    names = names.assign(number=names.groupby(root, sort=True).ngroup(), row=range(len(names)))
    roots = names.drop_duplicates("number").set_index("number")[root].set_axis(_PLACE, axis=1)
    read = read.merge(names[[*key, "number", "row"]], "inner", key)
    read = read.sort_values(["row", "at"], ignore_index=True)
    held = read.groupby("row", sort=False)
    first = held.cumcount() == 0
    found = read[["at", "since", "number"]]
    rises = {}
    for name in _WRITES:
        now = read[name].astype("Float64")
        before = held[name].shift().astype("Float64")
        rise = (now - before).where((now >= before).fillna(False), now)
        # what a table that came within the window has counted, it has counted since
        rises[name] = rise.mask(first & (read["at"] == read["since"]), 0.0)
    group = ["at", "number", "since"]
    sums = found.assign(**rises).groupby(group, as_index=False)[list(_WRITES)].sum()
    sums["written"] = sums[list(_WRITES)].sum(axis=1)
    so_far = sums.groupby("number", sort=False)[["n_tup_ins", "written"]].cumsum()
    sums = sums.join(roots, "number")
    days = (sums["at"] - sums["since"]).dt.total_seconds() / 86400.0
    made = sums[["at", *_PLACE]].assign(
        days=days, inserted=so_far["n_tup_ins"], written=so_far["written"]
    )
    # ordered by day and number, which is the order of names
    return made[made["days"] > 0].reset_index(drop=True)
