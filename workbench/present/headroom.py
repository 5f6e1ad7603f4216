"""How much room instances have: what their size is made of, their limits, when they are reached, and what was foretold.

Every function takes a ``Bench`` and is one call in a notebook; the numbers are those of ``workbench.analyse``.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from workbench.analyse.hindsight import judged
from workbench.analyse.upkeep import limits
from workbench.present.bench import Bench
from workbench.present.tables import Column, Table
from workbench.present.text import brief
from workbench.present.units import day_text

_UNREAD = "this database was not collected: only its size is known"
_UNDECLARED = "storage_gb is not declared in the estate file"


def first_full(bench: Bench) -> list[tuple[str, str]]:
    """Return the first day on which an instance's declared storage is full, where one is foreseen: value and words."""
    dated = bench.capacity.instances.dropna(subset="full_on").sort_values(["full_on", "instance"])
    if dated.empty:
        return []
    first = dated.iloc[0]
    return [(day_text(first["full_on"]), f"{brief(first['instance'])} is full, at this pace")]


def databases(bench: Bench) -> Table:
    """Return what each database is made of: relations counted here, the catalogue, and the rest."""
    return Table(
        bench.capacity.databases,
        [
            Column("database", "Database", "name"),
            Column("instance", "Instance", "name"),
            Column("bytes", "On disk", "bytes"),
            Column("relations_bytes", "Tables and indexes", "bytes", otherwise=_UNREAD),
            Column("catalogue_bytes", "Catalogue", "bytes", otherwise=_UNREAD),
            Column("rest_bytes", "Rest", "bytes", otherwise=_UNREAD),
        ],
        caption="Databases: what the size is made of",
        empty="No database was reached.",
    )


def storage(bench: Bench) -> Table:
    """Return each instance's size against its declared storage, and the day it would be full or why none is named."""
    frame = bench.capacity.instances
    used = frame["bytes"].astype("Float64") / frame["storage_bytes"].astype("Float64")
    full = [_full_text(row) for row in frame.to_dict("records")]
    return Table(
        frame.assign(used=used, full=full),
        [
            Column("instance", "Instance", "name"),
            Column("bytes", "Size", "bytes"),
            Column("storage_bytes", "Storage, declared", "bytes", otherwise=_UNDECLARED),
            Column("used", "Used", "share", otherwise=_UNDECLARED),
            Column("per_day", "Growth", "bytes", per="day"),
            Column("full", "Full on"),
        ],
        caption="Instances: headroom",
        empty="No instance was reached.",
    )


_LIMITED = {
    "transaction_age": "age of the oldest unfrozen transaction",
    "multixact_age": "age of the oldest multixact",
    "key_position": "key values used",
    "connections": "connections",
    "declared_pools": "declared pools",
}


def running_out(bench: Bench, limit: int = 15) -> Table:
    """Return what is counted against a limit of the server itself, the fullest first."""
    frame = limits(bench.history.newest)
    return Table(
        frame.assign(what=frame["metric"].map(_LIMITED)),
        [
            Column("what", "What"),
            Column("subject", "Where", "name"),
            Column("service", "Service", "name", absent="nobody's"),
            Column("value", "Now", "amount", because="because"),
            Column("limit", "Limit", "amount", otherwise="max_connections was not read"),
            Column("used", "Used", "share", because="because"),
        ],
        caption="What runs out besides disk",
        empty="Nothing with a limit was read.",
        limit=limit,
    )


def forecasts_kept(bench: Bench) -> Table:
    """Return what was foretold one and three months ago beside what came, or when that can be said."""
    frame = judged(bench.capacity, bench.estate.events)
    told = frame.dropna(subset="said")
    owner = told["service"].where(told["standing"] == "owned", told["standing"])
    verdict = told["held"].map({True: "✓ within the band", False: "✗ outside the band"})
    reasons = frame.dropna(subset="because")[["days", "because"]].drop_duplicates()
    waiting = [f"{days} days ago: {why}." for days, why in sorted(reasons.itertuples(index=False))]
    return Table(
        told.assign(owner=owner, verdict=verdict),
        [
            Column("owner", "Service", "name"),
            Column("days", "Days ago", "count"),
            Column("said", "Said", "bytes"),
            Column("said_low", "at least", "bytes"),
            Column("said_high", "at most", "bytes"),
            Column("came", "Came", "bytes"),
            Column("verdict", "Verdict"),
        ],
        caption="Earlier forecasts, and what came",
        empty=" ".join(waiting) or "No service to judge.",
        colours=bench.colours,
    )


def _full_text(row: Mapping[Hashable, Any]) -> str:
    """The day with its band, or why there is none."""
    if row["full_on"] is None:
        return str(row["because"])
    latest = f"and {day_text(row['full_until'])}" if row["full_until"] else "and ten years from now"
    return f"{day_text(row['full_on'])}; between {day_text(row['full_from'])} {latest}"
