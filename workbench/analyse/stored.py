"""The tables that hold rows, each with its home: the partition root it is summed into, and whose that is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from workbench.analyse.roots import estimated_rows
from workbench.snapshot import Snapshot, records

PLACE = ["instance", "database", "schema", "table"]
HOME = [*PLACE, "service", "standing"]

_KEY = ["instance", "database", "oid"]
_COUNTED = (
    *("reltuples", "n_live_tup", "n_dead_tup", "n_mod_since_analyze"),
    *("last_vacuum", "last_autovacuum"),
)


def homes(snapshot: Snapshot) -> pd.DataFrame:
    """Return one row per relation: instance, database, oid, relkind, and its home.

    The home is schema and table of the partition root (the relation itself where it is none), service
    (None unless owned) and standing. ``options`` are the storage parameters it was given, a mapping, or
    None where they were not collected. ``row_security`` says whether policies hide rows of it.
    """
    asked = ("oid", "schema", "relation", "relkind", "root_oid", "extension")
    held = snapshot.frame("relations", *asked, "relrowsecurity", "reloptions")
    roots = held.loc[held["oid"] == held["root_oid"], ["instance", "database", *asked]]
    roots = roots.drop(columns=["oid", "relkind"])
    owner = snapshot.settled.owner
    owners = [
        owner(i, d, s, t, extension=pd.notna(e))
        for i, d, s, t, e in roots[
            ["instance", "database", "schema", "relation", "extension"]
        ].itertuples(index=False, name=None)
    ]
    roots = roots.drop(columns="extension").rename(columns={"relation": "table"})
    roots["service"] = pd.Series([o.service for o in owners], roots.index, dtype="object")
    roots["standing"] = pd.Series([o.standing for o in owners], roots.index, dtype="object")
    found = held[["instance", "database", "oid", "relkind", "root_oid"]].assign(
        options=pd.Series([options(o) for o in held["reloptions"]], held.index, dtype="object"),
        row_security=held["relrowsecurity"].fillna(False).astype(bool),
    )
    found = found.merge(roots, "inner", ["instance", "database", "root_oid"])
    found["service"] = found["service"].astype("object").where(found["service"].notna(), None)
    return found.drop(columns="root_oid")


def stored(snapshot: Snapshot) -> pd.DataFrame:
    """Return one row per table, partition and materialised view of a snapshot: what holds rows.

    Its oid and home (see ``homes``); heap_bytes, toast_bytes and estimated (a size was estimated from
    pages); live and dead rows and the moments of pg_stat_all_tables; rows, the estimate of ``capacity``;
    read_at, the server's clock. NA where a figure was not collected.
    """
    found = homes(snapshot)
    found = found[found["relkind"].isin(list("rm"))]
    sizes = snapshot.frame("sizes", "relation_oid", "part", "bytes", "estimated")
    sizes = sizes.rename(columns={"relation_oid": "oid"})
    for part in ("heap", "toast"):
        bytes_ = sizes[sizes["part"] == part].groupby(_KEY)["bytes"].sum()
        found = found.merge(bytes_.rename(f"{part}_bytes").reset_index(), "left", _KEY)
    found["toast_bytes"] = found["toast_bytes"].mask(
        found["toast_bytes"].isna() & found["heap_bytes"].notna(), 0
    )
    guessed = sizes[sizes["estimated"].fillna(False).astype(bool)]
    marks = guessed[_KEY].drop_duplicates().assign(estimated=True)
    found = found.merge(marks, "left", _KEY)
    found["estimated"] = found["estimated"].notna()
    statistics = snapshot.frame("table_statistics", "relation_oid", *_COUNTED)
    statistics = statistics.rename(columns={"relation_oid": "oid"})
    found = found.merge(statistics, "left", _KEY)
    counts = found[["n_live_tup", "reltuples", "n_mod_since_analyze"]].astype("Float64")
    live, analysed, changed = counts.to_numpy("float64", na_value=np.nan).T
    empty = (found["heap_bytes"].fillna(-1) == 0).to_numpy(bool)
    rows = estimated_rows(live, analysed, changed, empty)
    found["rows"] = pd.Series(rows, found.index).astype("Int64")
    clock = snapshot.frame("identity", "read_at", "block_size").drop(columns="database")
    found = found.merge(clock.drop_duplicates("instance"), "left", "instance")
    figures = ["heap_bytes", "toast_bytes", "n_live_tup", "n_dead_tup", "block_size"]
    moments = ["last_vacuum", "last_autovacuum", "read_at"]
    dates = {m: pd.to_datetime(found[m], utc=True) for m in moments}
    return found.astype(dict.fromkeys(figures, "Int64") | {"reltuples": "Float64"}).assign(**dates)


def options(told: Any) -> Mapping[str, str] | None:
    """Read storage parameters (pg_class.reloptions): a list, or the text of an array; None where unknown.

    >>> options(["fillfactor=70"]), options("{fillfactor=70,autovacuum_enabled=off}")
    ({'fillfactor': '70'}, {'fillfactor': '70', 'autovacuum_enabled': 'off'})
    >>> options(None), options(pd.NA)
    ({}, None)
    """
    if told is pd.NA:
        return None
    if told is None or isinstance(told, float):
        return {}
    entries = re.findall(r'"?(\w+=[^,"}]*)', told) if isinstance(told, str) else list(told)
    return dict(e.split("=", 1) for e in entries if "=" in e)


def settings_of(snapshot: Snapshot) -> dict[str, dict[str, str]]:
    """Return the settings of each instance by name, as a new session would get them."""
    found: dict[str, dict[str, str]] = {}
    for row in records(snapshot.frame("settings", "name", "reset_val")):
        if pd.notna(row["reset_val"]):
            found.setdefault(row["instance"], {})[row["name"]] = row["reset_val"]
    return found


def off(value: str | None) -> bool:
    """Whether a setting is switched off; PostgreSQL takes any beginning of these words.

    >>> [off(v) for v in ("off", "FALSE", "0", "on", "1", None)]
    [True, True, True, False, False, False]
    """
    text = (value or "").lower()
    words = ("false", "no") if len(text) == 1 else ("false", "no", "off")
    return text == "0" or (bool(text) and any(word.startswith(text) for word in words))
