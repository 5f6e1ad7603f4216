"""What stands against a limit that a person set: storage of instances, sizes and rows of services, schemas and tables.

Limits of storage have defaults of the project's own; all others are ``[[thresholds]]`` of the estate file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

from workbench.analyse.crossing import Crossing, crossing
from workbench.analyse.growth import HORIZON_DAYS, Growth, series_of
from workbench.analyse.inserts import inserted_per_day
from workbench.analyse.trend import Floats, slope, trend
from workbench.estate import (
    CAPACITY_METRICS,
    STORAGE_USED,
    Estate,
    Threshold,
    scope_of,
    source_of,
    storage_limits,
)
from workbench.estate.names import nearest
from workbench.snapshot import History, records

KINDS = ("soft", "hard", "low")

COLUMNS = [
    *("instance", "service", "database", "schema", "table", "metric", "unit", "kind", "limit"),
    *("value", "crossed", "crosses_on", "crosses_from", "crosses_until", "days", "because"),
    "source",
]

_PLACE = ["instance", "database", "schema", "table"]
_NO_STORAGE = "storage_gb is not declared: write capacity = { storage_gb = ... } for this instance"
_A_RATE = "a pace has no trend of its own: no day is foretold"


@dataclass(frozen=True)
class Daily:
    """What the limits are held against, a row per day and thing, ordered by day.

    ``services``, ``schemas``, ``tables``: at, the names of the thing, total_bytes, rows, measured_at.
    ``instances``: at, instance, bytes. ``room``: instance, bytes, beside_bytes, storage_bytes, of the
    newest day.
    """

    services: pd.DataFrame
    schemas: pd.DataFrame
    tables: pd.DataFrame
    instances: pd.DataFrame
    room: pd.DataFrame


def held_against_limits(
    history: History, daily: Daily, growth: Growth, estate: Estate
) -> pd.DataFrame:
    """Hold everything that has a limit against it; one row per thing, metric and kind of limit.

    Columns: instance, service, database, schema, table (None where the thing is wider), metric and unit
    (see ``CAPACITY_METRICS``), kind (``soft``, ``hard``, or ``low``: over-provisioned below it), limit,
    value (NA: unknown), crossed (of ``low``: below it now and in 90 days; NA: unknown), crosses_on with
    crosses_from and crosses_until (the day it is reached at this pace and the band's ends; where it is
    crossed already, the day since when), days (until then; 0 where crossed), because (why there is no
    day, or no value), source (who set the limit).
    """
    rows = [*_storage(daily, growth, estate), *_declared(history, daily, growth, estate)]
    found = pd.DataFrame(rows, columns=COLUMNS).astype(
        {"limit": "Float64", "value": "Float64", "crossed": "boolean", "days": "Int64"}
    )
    texts = [c for c in COLUMNS if c not in ("limit", "value", "crossed", "days")]
    for name in texts:
        found[name] = found[name].astype("object").where(found[name].notna(), None)
    rank = found["kind"].map({kind: at for at, kind in enumerate(KINDS)})
    order = ["instance", "metric", "service", "database", "schema", "table", "rank"]
    keys = found.assign(rank=rank).fillna(dict.fromkeys(order[2:6], "")).sort_values(order)
    return found.loc[keys.index].reset_index(drop=True)


@dataclass(frozen=True)
class _Figure:
    """A figure that has a limit: its value now, and the days it was known on, from ``start`` on."""

    at: datetime
    start: datetime
    value: float | None
    x: Floats
    y: Floats
    splits: list[float]
    because: str | None = None

    def against(self, kind: str, limit: float, unit_size: float = 1.0) -> dict[str, object]:
        """Return value, whether the limit is crossed, and when; the limit is ``unit_size`` times that of ``y``."""
        if self.value is None:
            return {"because": self.because}
        value = self.value / unit_size
        if kind == "low":
            return {"value": value, **self._low(limit * unit_size)}
        if self.value >= limit * unit_size:
            since = self._since(limit * unit_size)
            dates = {"crosses_on": since, "crosses_from": since, "crosses_until": since}
            return {"value": value, "crossed": True, "days": 0, **dates}
        found = self._crossing(limit * unit_size)
        return {"value": value, "crossed": False, **_dates(found)}

    def _crossing(self, limit: float) -> Crossing:
        assert self.value is not None
        if self.because:
            return Crossing(because=self.because)
        return crossing(
            self.at, limit - self.value, trend(self.x, self.y, self.splits), len(self.x)
        )

    def _low(self, limit: float) -> dict[str, object]:
        assert self.value is not None
        if self.value >= limit:
            return {"crossed": False, "because": "it is above it"}
        found = trend(self.x, self.y, self.splits)
        when = _dates(self._crossing(limit))
        if found is None:
            return when
        below = self.value + found.change(HORIZON_DAYS)[2] < limit
        return {**when, "crossed": below}

    def _since(self, limit: float) -> date:
        """The first day of those since when the limit is crossed without a break."""
        below = np.flatnonzero(self.y < limit)
        first = 0 if not len(below) else int(below[-1]) + 1
        if first >= len(self.x):
            return self.at.date()
        return (self.start + pd.Timedelta(days=float(self.x[first]))).date()


def _dates(found: Crossing) -> dict[str, object]:
    return {
        "crosses_on": found.on,
        "crosses_from": found.since,
        "crosses_until": found.until,
        "days": found.days,
        "because": found.because,
    }


def _storage(daily: Daily, growth: Growth, estate: Estate) -> Iterator[dict[str, object]]:
    for row in records(daily.room):
        name = row["instance"]
        days = daily.instances[daily.instances["instance"] == name]
        known = pd.notna(row["bytes"]) and pd.notna(row["storage_bytes"])
        beside = 0 if pd.isna(row["beside_bytes"]) else float(row["beside_bytes"])
        why = None
        if not known:
            why = _NO_STORAGE if pd.isna(row["storage_bytes"]) else row["because"]
        x, y = series_of(days["at"], days["bytes"])
        start = days["at"].min() if len(days) else growth.newest
        splits = growth.splits(start, None, name)
        value = float(row["bytes"]) + beside if known else None
        figure = _Figure(growth.newest, start, value, x, y + beside, splits, why)
        size = float(row["storage_bytes"]) if known else 1.0
        for kind, (limit, source) in storage_limits(estate.thresholds, name).items():
            told = {"instance": name, "metric": STORAGE_USED, "unit": "share", "kind": kind}
            yield {**told, "limit": limit, "source": source, **figure.against(kind, limit, size)}


def _declared(
    history: History, daily: Daily, growth: Growth, estate: Estate
) -> Iterator[dict[str, object]]:
    ours = [t for t in estate.thresholds if t.metric in CAPACITY_METRICS]
    ours = [t for t in ours if t.metric != STORAGE_USED]
    inserts = None
    if any(t.metric == "rows_per_day" for t in ours):
        inserts = inserted_per_day(history, estate)
    for threshold in ours:
        things = _things(threshold, daily, growth.newest)
        limits = [(k, getattr(threshold, k)) for k in KINDS if getattr(threshold, k) is not None]
        told: dict[str, object] = {
            "metric": threshold.metric,
            "unit": CAPACITY_METRICS[threshold.metric],
            "source": source_of(threshold),
        }
        for kind, limit in limits:
            if not things:
                named = {"instance": threshold.instance, "service": threshold.service}
                schema, table = scope_of(threshold)
                why = {"schema": schema, "table": table, "because": _absent(threshold, daily)}
                yield {**told, **named, "kind": kind, "limit": limit, **why}
            for names, days in things:
                figure = _figure(threshold.metric, names, days, growth, inserts)
                yield {**told, **names, "kind": kind, "limit": limit, **figure.against(kind, limit)}


_Thing = tuple[dict[str, Any], pd.DataFrame]


def _things(threshold: Threshold, daily: Daily, newest: datetime) -> list[_Thing]:
    """What a threshold is about: the names of each thing, and its days."""
    schema, table = scope_of(threshold)
    frame, keys = daily.services, ["instance", "service"]
    if table is not None:
        frame, keys = daily.tables, ["instance", "service", *_PLACE[1:]]
    elif schema is not None:
        frame, keys = daily.schemas, ["instance", "service", "database", "schema"]
    wanted = {"service": threshold.service, "instance": threshold.instance}
    wanted |= {"schema": schema, "table": table}
    for key, name in wanted.items():
        if name is not None and key in frame:
            frame = frame[frame[key] == name]
    if schema is None:
        frame = frame[frame["standing"] == "owned"]
    found = []
    for names, days in frame.groupby(keys, sort=True):
        if days["at"].max() == newest:
            found.append(({k: v or None for k, v in zip(keys, names, strict=True)}, days))
    return found


def _absent(threshold: Threshold, daily: Daily) -> str:
    """Say what of a threshold was not found, and what is near."""
    schema, table = scope_of(threshold)
    if schema is None:
        return "nothing of it was found; `workbench check` names what is near"
    frame = daily.schemas
    if threshold.service is not None:
        frame = frame[frame["service"] == threshold.service]
    whose = f" of {threshold.service}" if threshold.service else ""
    if table is None or schema not in set(frame["schema"]):
        return f"no schema {schema!r}{whose} was found; {nearest(schema, set(frame['schema']))}"
    there = set(daily.tables.loc[daily.tables["schema"] == schema, "table"])
    return f"no table {table!r}{whose} was found in {schema}; {nearest(table, there)}"


def _figure(
    metric: str,
    names: dict[str, Any],
    days: pd.DataFrame,
    growth: Growth,
    inserts: pd.DataFrame | None,
) -> _Figure:
    days = days.sort_values("at")
    start = days["at"].min()
    splits = growth.splits(start, names["service"], names["instance"])
    if metric == "rows_per_day":
        assert inserts is not None
        value, why = _inserted(names, inserts)
        empty = np.empty(0)
        return _Figure(growth.newest, growth.newest, value, empty, empty, splits, why or _A_RATE)
    column = "rows" if metric == "rows" else "total_bytes"
    x, y = series_of(days["at"], days[column].mask(days["measured_at"].notna()))
    if metric == "bytes_per_day":
        pace = slope(x, y, splits)
        why = "growth is known from two days on" if pace is None else _A_RATE
        empty = np.empty(0)
        return _Figure(growth.newest, growth.newest, pace, empty, empty, splits, why)
    now = days[column].iloc[-1]
    value = None if pd.isna(now) else float(now)
    unknown = "it has tables that were never analysed: ANALYZE them" if metric == "rows" else None
    why = (unknown or "its size was not collected, or not of every part") if value is None else None
    return _Figure(growth.newest, start, value, x, y, splits, why)


def _inserted(names: dict[str, Any], inserts: pd.DataFrame) -> tuple[float | None, str | None]:
    """The rows inserted a day into all tables of a thing; None with the reason where one is not known."""
    for key, name in names.items():
        inserts = inserts[inserts[key] == name] if name is not None else inserts
    if inserts.empty:
        return None, "no inserts were counted: a difference needs two snapshots of one epoch"
    if inserts["per_day"].isna().any():
        return None, inserts.loc[inserts["per_day"].isna(), "because"].iloc[0]
    return float(inserts["per_day"].sum()), None


def limit_rows(limits: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Yield the rows of the ``capacity`` document of ``held_against_limits``; see ``Capacity.rows``."""
    for row in records(limits):
        dated = pd.notna(row["days"])
        dates: dict[str, object] = {
            name: row[name].isoformat() if row[name] else None
            for name in ("crosses_on", "crosses_from", "crosses_until")
        }
        yield {
            **{name: row[name] for name in ("instance", "service", *_PLACE[1:])},
            "standing": "owned" if row["service"] else None,
            "metric": f"{row['metric']}_{row['kind']}_limit",
            "unit": row["unit"],
            "value": float(row["limit"]),
            "per_day": None,
            "forecast": {**dates, "days": int(row["days"])} if dated else None,
            "because": row["because"] or "a limit is agreed, not measured: it does not grow",
            "measured": round(float(row["value"]), 6) if pd.notna(row["value"]) else None,
            "crossed": bool(row["crossed"]) if pd.notna(row["crossed"]) else None,
            "source": row["source"],
        }
