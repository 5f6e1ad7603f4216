"""How much room instances have: what their size is made of, their limits, when they are reached, and what was foretold.

Every function takes a ``Bench`` and is one call in a notebook; the numbers are those of ``workbench.analyse``.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from workbench.analyse.hindsight import judged
from workbench.analyse.upkeep import limits
from workbench.present.bench import Bench
from workbench.present.tables import Column, Table
from workbench.present.text import brief
from workbench.present.units import bytes_text, count_text, day_text

_UNREAD = "this database was not collected: only its size is known"
_UNDECLARED = "storage_gb is not declared in the estate file"
_UNSEEN = "not read, and left out of account: the table of what the disk holds says why"

_METRICS = {
    "storage_used": "storage used",
    "total_bytes": "size",
    "bytes_per_day": "growth a day",
    "rows": "rows",
    "rows_per_day": "rows inserted a day",
}
_KINDS = {"hard": "hard", "soft": "soft", "low": "over-provisioned?"}


def first_limit(bench: Bench) -> list[tuple[str, str]]:
    """Return the hard limit that is reached first, or was crossed: the day, and which it is; nothing without one."""
    limits = bench.capacity.limits
    dated = limits[(limits["kind"] == "hard") & limits["days"].notna()]
    if dated.empty:
        return []
    first = dated.sort_values(["days", "crosses_on"], kind="stable").to_dict("records")[0]
    verb, pace = ("crossed", "") if first["crossed"] else ("reaches", ", at this pace")
    limit = _amount(first, first["limit"])
    what = f"{_limited(first)} {verb} the hard limit of {limit}{pace}"
    return [(day_text(first["crosses_on"]), what)]


def databases(bench: Bench) -> Table:
    """Return what each database is made of: relations counted here, the catalogue, and the rest."""
    frame = bench.capacity.databases
    return Table(
        frame,
        [
            Column("database", "Database", "name"),
            Column("instance", "Instance", "name"),
            Column("bytes", "On disk", "bytes", because="bytes_because"),
            *_how(frame),
            Column("relations_bytes", "Tables and indexes", "bytes", otherwise=_UNREAD),
            Column("catalogue_bytes", "Catalogue", "bytes", otherwise=_UNREAD),
            Column("rest_bytes", "Rest", "bytes", otherwise=_UNREAD),
        ],
        caption="Databases: what the size is made of",
        empty="No database was reached.",
    )


def _how(frame: pd.DataFrame) -> list[Column]:
    """A column that says how sizes came about, where one is not simply measured."""
    special = frame["bytes"].notna() & frame["bytes_because"].notna()
    return [Column("bytes_because", "How", absent="measured")] if special.any() else []


def storage(bench: Bench) -> Table:
    """Return each instance's size against its declared storage, and the day it would be full or why none is named."""
    frame = bench.capacity.instances
    whole = frame["bytes"].astype("Float64") + frame["beside_bytes"].astype("Float64").fillna(0)
    used = whole / frame["storage_bytes"].astype("Float64")
    full = [_full_text(row) for row in frame.to_dict("records")]
    return Table(
        frame.assign(used=used, full=full),
        [
            Column("instance", "Instance", "name"),
            Column("bytes", "Databases", "bytes"),
            *_how(frame),
            Column("beside_bytes", "WAL and shared", "bytes", because="unseen", otherwise=_UNSEEN),
            Column("storage_bytes", "Storage, declared", "bytes", otherwise=_UNDECLARED),
            Column("used", "Used", "share", otherwise=_UNDECLARED),
            Column("per_day", "Growth", "bytes", per="day"),
            Column("full", "Full on"),
        ],
        caption="Instances: headroom",
        empty="No instance was reached.",
    )


def against_limits(bench: Bench, limit: int = 40) -> Table:
    """Return every limit that was agreed, or stands by default, and the day it is reached: the next one first."""
    frame = bench.capacity.limits
    rows = frame.to_dict("records")
    low = frame["kind"] == "low"
    shown = frame.assign(
        what=[_limited(row) for row in rows],
        kind=frame["kind"].map(_KINDS),
        limit=[_amount(row, row["limit"]) for row in rows],
        value=pd.Series([_now(row) for row in rows], frame.index, dtype="object"),
        reached=[_reached(row) for row in rows],
        days=frame["days"].mask(low),  # until it is above: no date to plan for
        last=low,
    ).sort_values(["last", "days"], kind="stable", na_position="last")
    return Table(
        shown,
        [
            Column("what", "What", "name"),
            Column("kind", "Limit"),
            Column("limit", "at"),
            Column("value", "Now"),
            Column("reached", "Reached"),
            Column("days", "Days", "count", absent="–"),
            Column("source", "Set by"),
        ],
        caption="Limits, and when they are reached",
        empty="No instance was reached, and no limit is declared.",
        limit=limit,
    )


def _limited(row: Mapping[Hashable, Any]) -> str:
    """What a limit is about, in words."""
    place = ".".join(brief(row[n]) for n in ("schema", "table") if row[n])
    names = [brief(row["service"]) if row["service"] else "", place]
    whose = ", ".join(name for name in names if name) or brief(row["instance"])
    return f"{whose}: {_METRICS[row['metric']]}"


def _amount(row: Mapping[Hashable, Any], value: float) -> str:
    """A value in the unit of its limit."""
    if row["unit"] == "share":
        return _unbroken(f"{value * 100:.3g} %")
    text = bytes_text(value) if row["unit"].startswith("bytes") else count_text(value)
    return _unbroken(text.replace(".0 ", " ")) + (" a day" if row["unit"].endswith("a day") else "")


def _unbroken(text: str) -> str:
    """Keep a figure with its unit, or a date, on one line."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def _now(row: Mapping[Hashable, Any]) -> str | None:
    return None if pd.isna(row["value"]) else _amount(row, row["value"])


def _reached(row: Mapping[Hashable, Any]) -> str:
    """The day with its band, since when it is crossed, or why there is no day."""
    if row["kind"] == "low":
        if pd.isna(row["crossed"]):
            return f"unknown: {row['because']}"
        return (
            "yes: below it now and in 90 days"
            if row["crossed"]
            else f"not over-provisioned: {_low_until(row)}"
        )
    if pd.notna(row["crossed"]) and row["crossed"]:
        return f"✗ crossed since {_unbroken(day_text(row['crosses_on']))}"
    return str(row["because"]) if row["crosses_on"] is None else _band(row, "crosses")


def _low_until(row: Mapping[Hashable, Any]) -> str:
    on = row["crosses_on"]
    return f"above it from {_unbroken(day_text(on))} on" if on else str(row["because"])


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
    several = frame["instance"].nunique() > 1
    return Table(
        frame.assign(what=frame["metric"].map(_LIMITED)),
        [
            Column("what", "What"),
            Column("subject", "Where", "name"),
            *([Column("instance", "Instance", "name")] if several else []),
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
    return str(row["because"]) if row["full_on"] is None else _band(row, "full")


def _band(row: Mapping[Hashable, Any], what: str) -> str:
    """A foretold day, between the ends of its band."""
    until = row[f"{what}_until"]
    on, since = (day_text(row[f"{what}_{end}"]) for end in ("on", "from"))
    latest = day_text(until) if until else "ten years from now"
    return f"{_unbroken(on)}; {_unbroken(f'between {since} and {latest}')}"
