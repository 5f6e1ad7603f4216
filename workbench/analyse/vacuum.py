"""Dead rows, and whether vacuum comes to them in time.

What the cumulative statistics count (``n_dead_tup``) is held against the number at which autovacuum
starts on that very table. Rows of TOAST tables are not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from workbench.analyse.stored import HOME, PLACE, off
from workbench.snapshot import Window

BEHIND = 2.0
"""From this multiple of its threshold on, a table's vacuum is behind. The project's default: autovacuum
looks at each database once in ``autovacuum_naptime``, so that a little over 1 is nothing strange."""


def thresholds(tables: pd.DataFrame, settings: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """Return, row by row of ``stored``, when autovacuum starts on a table.

    Columns: ``off`` (it never does, NA where unknown), ``threshold`` (dead rows: the base plus the scale
    factor times reltuples, at most ``autovacuum_vacuum_max_threshold`` from 18 on; NA where it is off or
    unknown), ``because`` (why it is NA, or what it does not know).
    """
    given = zip(tables["instance"], tables["options"], tables["reltuples"], strict=True)
    rows = [_threshold(own, count, settings.get(instance, {})) for instance, own, count in given]
    found = pd.DataFrame(rows, columns=["off", "threshold", "because"], index=tables.index)
    return found.astype({"off": "boolean", "threshold": "Float64", "because": "object"})


def _threshold(
    own: Mapping[str, str] | None, reltuples: Any, settings: Mapping[str, str]
) -> tuple[bool | None, float | None, str | None]:
    if not settings:
        return None, None, "the settings of the server were not read"
    given = own or {}
    if off(settings.get("autovacuum")) or off(settings.get("track_counts")):
        return True, None, "autovacuum is off on this server"
    if off(given.get("autovacuum_enabled")):
        return True, None, "autovacuum is off for this table"
    if pd.isna(reltuples):
        return False, None, "its statistics were not collected"

    def told(name: str, otherwise: float) -> float:
        return float(given.get(name, settings.get(name, otherwise)))

    base = told("autovacuum_vacuum_threshold", 50)
    found = base + told("autovacuum_vacuum_scale_factor", 0.2) * max(float(reltuples), 0.0)
    most = told("autovacuum_vacuum_max_threshold", -1)
    because = None
    if own is None:
        because = "by the server's settings: those of single tables were not collected"
    return None if own is None else False, min(found, most) if most >= 0 else found, because


def dead_rows(tables: pd.DataFrame, settings: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """Return the dead rows of each table, those whose vacuum is most behind first.

    ``tables`` is ``stored`` of a snapshot. One row per table or partition root: ``HOME``, live (the
    estimate of ``capacity``, which a reset of the counters does not move) and dead rows, dead_share (of both), dead_bytes (the heap's bytes times that share: dead rows are taken to be
    as wide as live ones), due (dead rows over the threshold of autovacuum, of the partition that is most
    behind; NA where autovacuum is off), off (for how many of its parts autovacuum is; NA where their own
    settings were not collected), vacuumed_s (seconds
    from the last vacuum to the reading, of the part where it is longest ago), state (``off``, ``behind``,
    ``due``, ``kept`` or ``unknown``), because.
    """
    every = tables.join(thresholds(tables, settings))
    every["live"] = every["rows"].fillna(every["n_live_tup"])
    live, dead = every["live"], every["n_dead_tup"]
    both = (live + dead).astype("Float64")
    share = (dead / both.where(both > 0)).mask(both == 0, 0.0)
    every["dead_bytes"] = (every["heap_bytes"] * share).round()
    every["due"] = dead / every["threshold"].where(every["threshold"] > 0)
    last = every[["last_vacuum", "last_autovacuum"]].max(axis=1)
    every["vacuumed_s"] = (every["read_at"] - last).dt.total_seconds()
    held = (both > 0).fillna(False)  # an empty partition has nothing to vacuum
    every["never"] = held & last.isna() & dead.notna()
    every["vacuumed_s"] = every["vacuumed_s"].where(held)
    every["unknown"] = dead.isna()
    group = every.groupby(PLACE, sort=False)
    found = group[["service", "standing"]].first()
    found["live"] = group["live"].sum(min_count=1).mask(group["unknown"].any())
    found["dead"] = group["n_dead_tup"].sum(min_count=1).mask(group["unknown"].any())
    whole = (found["live"] + found["dead"]).astype("Float64")
    found["dead_share"] = (found["dead"] / whole.where(whole > 0)).mask(whole == 0, 0.0)
    sized = every["dead_bytes"].isna().groupby([every[c] for c in PLACE], sort=False).any()
    found["dead_bytes"] = group["dead_bytes"].sum(min_count=1).mask(sized).astype("Int64")
    found["due"] = group["due"].max().astype("Float64")
    unsure = every["off"].isna().groupby([every[c] for c in PLACE], sort=False).any()
    found["off"] = group["off"].sum().astype("Int64").mask(unsure)
    found["vacuumed_s"] = group["vacuumed_s"].max().mask(group["never"].any()).astype("Float64")
    found["never"] = group["never"].any()
    found["because"] = group["because"].first()
    found = found.reset_index()
    found["state"] = [_state(row) for row in found.to_dict("records")]
    found["service"] = found["service"].astype("object").where(found["service"].notna(), None)
    found["because"] = [_because(row) for row in found.to_dict("records")]
    rank = {"off": 0, "behind": 1, "unknown": 2, "due": 3, "kept": 4}
    found = found.assign(rank=found["state"].map(rank)).sort_values(
        ["rank", "due", "dead", *PLACE], ascending=[True, False, False] + [True] * 4
    )
    columns = ["live", "dead", "dead_share", "dead_bytes", "due", "off", "vacuumed_s", "state"]
    return found[[*HOME, *columns, "because"]].reset_index(drop=True)


def _state(row: Mapping[Any, Any]) -> str:
    if pd.isna(row["dead"]):
        return "unknown"
    if pd.notna(row["off"]) and row["off"]:
        return "off"
    if pd.isna(row["due"]):
        return "unknown"
    return "behind" if row["due"] >= BEHIND else "due" if row["due"] >= 1 else "kept"


def _because(row: Mapping[Any, Any]) -> str | None:
    reasons = [] if pd.isna(row["because"]) else [str(row["because"])]
    if pd.isna(row["dead"]) and not reasons:
        reasons.append("its statistics were not collected")
    if pd.isna(row["dead_bytes"]) and pd.notna(row["dead"]):
        reasons.append("its size was not collected")
    if row["never"]:
        reasons.append("never vacuumed since its counters began")
    return "; ".join(reasons) or None


def vacuum_work(window: Window) -> pd.DataFrame:
    """Return the vacuums of each table over the window: instance, database, schema, table, and figures.

    ``vacuums`` counts manual and automatic ones; ``vacuum_s`` is the time they took, in seconds of the
    real clock, NA before version 18, which counts it first. Partitions are summed into their root.
    """
    held = window.tables
    counted = held["vacuum_count"].astype("Float64") + held["autovacuum_count"].astype("Float64")
    spent = held["total_vacuum_time"].astype("Float64") + held["total_autovacuum_time"].astype(
        "Float64"
    )
    rooted = held[["instance", "database"]].assign(
        schema=held["root_schema"], table=held["root"], vacuums=counted, vacuum_s=spent / 1000
    )
    rooted = rooted[held["relkind"].isin(list("rm"))]
    found = rooted.groupby(PLACE, sort=False)[["vacuums", "vacuum_s"]].sum(min_count=1)
    return found.astype({"vacuums": "Int64", "vacuum_s": "Float64"}).reset_index()


def by_service(tables: pd.DataFrame) -> pd.DataFrame:
    """Sum ``dead_rows`` per instance and service, and per standing for what no service owns.

    instance, service, standing, tables, live, dead, dead_share, dead_bytes, behind and off (tables), because.
    A sum with an unknown part is unknown.
    """
    owner = tables["service"].fillna("")
    group = [tables["instance"], owner.rename("service"), tables["standing"]]
    found = pd.DataFrame(_sums(tables, group))
    whole = (found["live"] + found["dead"]).astype("Float64")
    found["dead_share"] = (found["dead"] / whole.where(whole > 0)).mask(whole == 0, 0.0)
    found = found.reset_index()
    found["service"] = found["service"].astype("object").where(found["service"] != "", None)
    unknown = found["dead"].isna() | found["dead_bytes"].isna()
    reason = "the statistics or sizes of a part of its tables were not collected"
    found["because"] = pd.Series(None, found.index, dtype="object").mask(unknown, reason)
    return found.sort_values(["dead_bytes", "instance"], ascending=[False, True], ignore_index=True)


def _sums(tables: pd.DataFrame, group: list[Any]) -> dict[str, Any]:
    grouped = tables.groupby(group, sort=True)
    found: dict[str, Any] = {"tables": grouped.size()}
    for column in ("live", "dead", "dead_bytes"):
        unknown = tables[column].isna().groupby(group).any()
        found[column] = grouped[column].sum(min_count=1).mask(unknown)
    for state in ("behind", "off"):
        found[state] = (tables["state"] == state).groupby(group).sum()
    return found
