"""How large each database was on each day: measured, of an earlier day, or estimated from its parts."""

from __future__ import annotations

import pandas as pd

from workbench.analyse.gaps import gap_of
from workbench.analyse.growth import dated
from workbench.snapshot import History, Snapshot, records

_PLACE = ["at", "instance", "database"]
_NOT_MEASURED = "pg_database_size was not asked: run `workbench collect`"
_NOT_COLLECTED = "not collected: name a service that lives in it in the estate file"


def database_sizes(history: History, relations: pd.DataFrame) -> pd.DataFrame:
    """Return one row per day and database that is no template, and what it is made of.

    ``relations`` has a row per day and relation: at, instance, database, total_bytes. Columns: at,
    instance, database, bytes (pg_database_size; where that was not measured, the sum of relations and
    catalogue), estimated (it is that sum), bytes_at (the date of the earlier reading that it is of, else
    NaT), relations_bytes, catalogue_bytes, rest_bytes (bytes less the other two; NA where they are of
    different days). Snapshots of before sizes were a question of their own have them in ``databases``.
    """
    found = history.frame("databases", "oid", "datname", "bytes")
    found = found.drop(columns="database").rename(columns={"datname": "database"})
    sizes = history.frame("database_sizes", "oid", "bytes", "measured_at").drop(columns="database")
    sizes = sizes.dropna(subset="oid").set_axis([*sizes.columns[:3], "own", "bytes_at"], axis=1)
    kinds = {"oid": "Int64"}
    found = found.astype(kinds).merge(sizes.astype(kinds), "left", ["at", "instance", "oid"])
    found["bytes"] = found.pop("own").astype("Int64").fillna(found["bytes"].astype("Int64"))
    found["bytes_at"] = pd.to_datetime(found["bytes_at"], utc=True).astype("datetime64[us, UTC]")
    parts = relations.groupby(_PLACE, as_index=False).agg(
        relations_bytes=("total_bytes", lambda sizes: sizes.sum(min_count=1))
    )
    system = history.frame("system_size", "bytes").rename(columns={"bytes": "catalogue_bytes"})
    found = found.merge(parts, "left", _PLACE).merge(system, "left", _PLACE)
    found = found.astype({"relations_bytes": "Int64", "catalogue_bytes": "Int64"})
    whole = found["relations_bytes"] + found["catalogue_bytes"]
    found["rest_bytes"] = (found["bytes"] - whole).mask(found["bytes_at"].notna())
    found["estimated"] = found["bytes"].isna() & whole.notna()
    found["bytes"] = found["bytes"].fillna(whole)
    return found.drop(columns="oid").sort_values(_PLACE, ignore_index=True)


def explained(sizes: pd.DataFrame, newest: Snapshot) -> pd.DataFrame:
    """Return the newest day's rows of ``sizes`` with the reasons, and without ``at``.

    ``bytes_because``: why bytes is NA, old or estimated; ``because``: why one of its parts is NA.
    ``measured_at``: of which earlier reading all but bytes is, where it could not be read; else NaT.
    """
    found = sizes[sizes["at"] == newest.at].drop(columns="at").reset_index(drop=True)
    own: list[str | None] = []
    parts: list[str | None] = []
    for row in records(found):
        place = (row["instance"], row["database"])
        unread = gap_of(newest, "database_sizes", row["instance"]) or _NOT_MEASURED
        why = dated(row["bytes_at"]) if pd.notna(row["bytes_at"]) else None
        if row["estimated"]:
            why = f"estimated as its tables, indexes and catalogue; {unread}"
        elif pd.isna(row["bytes"]):
            why = unread
        own.append(why)
        if pd.isna(row["relations_bytes"]) or pd.isna(row["catalogue_bytes"]):
            parts.append(gap_of(newest, "sizes", *place) or _NOT_COLLECTED)
        else:
            parts.append(why if pd.isna(row["rest_bytes"]) else None)
    dates = [
        newest.aged.get(p, pd.NaT) for p in zip(found["instance"], found["database"], strict=True)
    ]
    return found.assign(
        measured_at=pd.to_datetime(pd.Series(dates, found.index, dtype="object"), utc=True),
        bytes_because=pd.Series(own, found.index, dtype="object"),
        because=pd.Series(parts, found.index, dtype="object"),
    )
