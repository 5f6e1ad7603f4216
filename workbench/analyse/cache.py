"""Cache hit over the window: of the blocks that were asked for, the share found in shared buffers.

``hit / (hit + read)`` of differences, heap and indexes apart. What the operating system's cache gave
counts as read: PostgreSQL cannot tell it from the disk.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from workbench.snapshot import Window

LEAST_BLOCKS = 10_000
"""Blocks asked for below which no share is stated."""

LEAST_HIT = 0.99
"""A share below this is worth a look: PgHero's limit, the project's default."""

_PARTS = ("heap", "index")


def _share(hit: pd.Series[Any], read: pd.Series[Any]) -> pd.Series[Any]:
    asked = (hit + read).astype("Float64")
    found: pd.Series[Any] = hit.astype("Float64") / asked.where(asked >= LEAST_BLOCKS)
    return found


def cache_hit(window: Window, homes: pd.DataFrame) -> pd.DataFrame:
    """Return the cache hit per instance and per service, the lowest first within each.

    ``homes`` says whose each relation is (see ``stored.homes``). Columns: instance, service (None: the
    whole instance), standing, heap_blocks and index_blocks (asked for in the window), heap_hit and
    index_hit (shares), busiest_hit and busiest_hour (of the hour in which an instance was asked for the
    most blocks, its databases together; NA for a service, whose counters are not read by the hour),
    heap_because, index_because, busiest_because (why a share is NA).
    """
    blocks = pd.concat([_heap(window, homes), _index(window, homes)], ignore_index=True)
    whole = blocks.assign(service="", standing="instance")
    found = pd.concat([_summed(whole), _summed(blocks)], ignore_index=True)
    for part in _PARTS:
        found[f"{part}_blocks"] = found[f"{part}_hit"] + found[f"{part}_read"]
        found[f"{part}_hit"] = _share(found[f"{part}_hit"], found[f"{part}_read"])
        found[f"{part}_because"] = [_too_few(n) for n in found[f"{part}_blocks"]]
        short = found[f"{part}_hit"].isna()
        found[f"{part}_because"] = found[f"{part}_because"].where(short, None)
    found = found.merge(_busiest(window), "left", "instance")
    of_instance = found["standing"] == "instance"
    found["busiest_hit"] = found["busiest_hit"].astype("Float64").where(of_instance)
    found["busiest_hour"] = found["busiest_hour"].where(of_instance)
    found["busiest_because"] = found["busiest_because"].where(
        of_instance, "hours are read per database, not per table"
    )
    found["service"] = found["service"].astype("object").where(found["service"] != "", None)
    columns = ["instance", "service", "standing", "heap_blocks", "heap_hit", "index_blocks"]
    columns += ["index_hit", "busiest_hit", "busiest_hour"]
    columns += ["heap_because", "index_because", "busiest_because"]
    found["rank"] = (~of_instance).astype(int)
    found = found.sort_values(["rank", "heap_hit", "instance", "service"])
    return found[columns].reset_index(drop=True)


def _heap(window: Window, homes: pd.DataFrame) -> pd.DataFrame:
    held = window.tables[
        ["instance", "database", "relation_oid", "heap_blks_hit", "heap_blks_read"]
    ]
    held = held.rename(columns={"heap_blks_hit": "heap_hit", "heap_blks_read": "heap_read"})
    return _homed(held, homes)


def _index(window: Window, homes: pd.DataFrame) -> pd.DataFrame:
    held = window.indexes[["instance", "database", "relation_oid", "idx_blks_hit", "idx_blks_read"]]
    held = held.rename(columns={"idx_blks_hit": "index_hit", "idx_blks_read": "index_read"})
    return _homed(held, homes)


def _homed(held: pd.DataFrame, homes: pd.DataFrame) -> pd.DataFrame:
    owners = homes[["instance", "database", "oid", "service", "standing"]]
    owners = owners.rename(columns={"oid": "relation_oid"})
    found = held.merge(owners, "inner", ["instance", "database", "relation_oid"])
    return found.assign(service=found["service"].fillna(""))


def _summed(blocks: pd.DataFrame) -> pd.DataFrame:
    figures = [f"{part}_{kind}" for part in _PARTS for kind in ("hit", "read")]
    kept = blocks.reindex(columns=["instance", "service", "standing", *figures])
    kept = kept.astype(dict.fromkeys(figures, "Int64"))
    return kept.groupby(["instance", "service", "standing"], as_index=False)[figures].sum(
        min_count=1
    )


def _too_few(blocks: Any) -> str:
    if pd.isna(blocks):
        return "its counters were not collected"
    return f"fewer than {LEAST_BLOCKS:,} blocks were asked for"


def _busiest(window: Window) -> pd.DataFrame:
    """The hour in which each instance was asked for the most blocks, and its cache hit."""
    hours = window.hours[["instance", "hour", "blks_hit", "blks_read"]]
    sums = hours.groupby(["instance", "hour"], as_index=False)[["blks_hit", "blks_read"]].sum()
    sums["asked"] = sums["blks_hit"] + sums["blks_read"]
    top = sums.sort_values(["asked", "hour"], ascending=[False, True]).drop_duplicates("instance")
    top = top.assign(busiest_hit=_share(top["blks_hit"], top["blks_read"]))
    every = pd.DataFrame({"instance": sorted(set(window.spans["instance"]))}, dtype="object")
    found = every.merge(
        top.rename(columns={"hour": "busiest_hour"})[
            ["instance", "busiest_hour", "busiest_hit", "asked"]
        ],
        "left",
        "instance",
    )
    found["busiest_because"] = [
        None
        if pd.notna(share)
        else "no hour was seen: `workbench collect --profile pulse` every 5 to 15 minutes shows it"
        if pd.isna(asked)
        else _too_few(asked)
        for share, asked in zip(found["busiest_hit"], found["asked"], strict=True)
    ]
    return found.drop(columns="asked")
