"""What stands against a limit that a person set: storage of instances, sizes and rows of services, schemas and tables.

Limits of storage have defaults of the project's own; all others are ``[[thresholds]]`` of the estate file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.analyse.crossing import Crossing
from workbench.analyse.growth import Growth, series_of
from workbench.analyse.inserts import inserted_per_day, written_so_far
from workbench.analyse.standing import Figure
from workbench.analyse.trend import Floats, slope
from workbench.estate import (
    CAPACITY_METRICS,
    METRICS,
    STORAGE_USED,
    Estate,
    Level,
    Threshold,
    concerns,
    level_of,
    limits_of,
    limits_on,
    scope_of,
    source_of,
)
from workbench.estate.metrics import WHOLE
from workbench.estate.names import nearest
from workbench.snapshot import Window, records

KINDS = ("soft", "hard", "low")

COLUMNS = [
    *("instance", "service", "database", "schema", "table", "metric", "unit", "kind", "limit"),
    *("value", "crossed", "crosses_on", "crosses_from", "crosses_until", "days", "because"),
    "source",
]

_PLACE = ["instance", "database", "schema", "table"]
_NO_STORAGE = "storage_gb is not declared: write capacity = { storage_gb = ... } for this instance"
_NO_ROWS: npt.NDArray[np.intp] = np.empty(0, dtype=np.intp)
_A_RATE = "a pace has no trend of its own: no day is foretold"


@dataclass(frozen=True)
class Daily:
    """What the limits are held against, a row per day and thing, ordered by day.

    ``services``, ``schemas``, ``tables``: at, the names of the thing, total_bytes, rows, measured_at.
    ``instances``: at, instance, bytes, old (nothing of it was measured that day). ``room``: instance, bytes, beside_bytes, storage_bytes, of the
    newest day.
    """

    services: pd.DataFrame
    schemas: pd.DataFrame
    tables: pd.DataFrame
    instances: pd.DataFrame
    room: pd.DataFrame


def held_against_limits(
    daily: Daily, growth: Growth, estate: Estate, inserted: Inserted
) -> pd.DataFrame:
    """Hold everything that has a limit against it; one row per thing, metric and kind of limit.

    A threshold with a window of its own is not among them: ``workbench.decide.thresholds`` holds all.

    Columns: instance, service, database, schema, table (None where the thing is wider), metric and unit
    (see ``CAPACITY_METRICS``), kind (``soft``, ``hard``, or ``low``: over-provisioned below it), limit,
    value (NA: unknown), crossed (of ``low``: below it now and in 90 days; NA: unknown), crosses_on with
    crosses_from and crosses_until (the day it is reached at this pace and the band's ends; where it is
    crossed already, the day since when), days (until then; 0 where crossed), because (why there is no
    day, or no value), source (who set the limit).
    """
    rows = [*_storage(daily, growth, estate), *_declared(daily, growth, estate, inserted)]
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


def _told(kind: str, limit: float, figure: Figure, unit_size: float = 1.0) -> dict[str, object]:
    """The columns that say how a figure stands against a limit, which is ``unit_size`` times that of the figure."""
    found = figure.against(kind, limit * unit_size)
    if figure.high is None:
        return {"because": figure.because}
    reached, since = found.reached, found.since
    if found.state == "crossed" and kind != "low":
        reached = Crossing(since, since, since, 0, found.because)
    return {
        "value": figure.high / unit_size,
        "crossed": None if found.state == "unknown" else found.state == "crossed",
        "crosses_on": reached.on,
        "crosses_from": reached.since,
        "crosses_until": reached.until,
        "days": reached.days,
        "because": found.because,
    }


def storage(row: dict[str, Any], daily: Daily, growth: Growth) -> Figure:
    """Return what an instance holds on its disk, in bytes; ``row`` is its row of ``Daily.room``."""
    days = daily.instances[daily.instances["instance"] == row["instance"]]
    known = pd.notna(row["bytes"]) and pd.notna(row["storage_bytes"])
    beside = 0.0 if pd.isna(row["beside_bytes"]) else float(row["beside_bytes"])
    why = None
    if not known:
        why = _NO_STORAGE if pd.isna(row["storage_bytes"]) else row["because"]
    x, y = series_of(days["at"], days["bytes"])
    start = days["at"].min() if len(days) else growth.newest
    splits = growth.splits(start, None, row["instance"])
    value = float(row["bytes"]) + beside if known else None
    return Figure(growth.newest, value, value, start, x, y + beside, y + beside, splits, why)


def _storage(daily: Daily, growth: Growth, estate: Estate) -> Iterator[dict[str, object]]:
    metric = METRICS[STORAGE_USED]
    for row in records(daily.room):
        figure = storage(row, daily, growth)
        size = 1.0 if figure.high is None else float(row["storage_bytes"])
        named = {"instance": row["instance"]}
        for kind, (limit, threshold) in limits_on(
            estate.thresholds, metric, "instance", named, {}
        ).items():
            told = {**named, "metric": STORAGE_USED, "unit": metric.unit, "kind": kind}
            who = {"limit": limit, "source": source_of(threshold)}
            yield {**told, **who, **_told(kind, limit, figure, size)}


def _declared(
    daily: Daily, growth: Growth, estate: Estate, inserted: Inserted
) -> Iterator[dict[str, object]]:
    ours = [t for t in estate.thresholds if t.metric in CAPACITY_METRICS]
    ours = [t for t in ours if t.metric != STORAGE_USED and t.window in (None, WHOLE)]
    kinds = {s.name: s.kind for s in estate.services}
    used: set[int] = set()
    for name, level in dict.fromkeys((t.metric, level_of(t)) for t in ours):
        metric = METRICS[name]
        for names, days in things(level, daily, growth.newest):
            limits = limits_on(ours, metric, level, names, kinds)
            if not limits:
                continue
            used |= {
                id(t)
                for t in ours
                if t.metric == name and level_of(t) == level and concerns(t, names, kinds)
            }
            figure = figure_of(name, names, days, growth, inserted)
            for kind, (limit, threshold) in limits.items():
                told = {**names, "metric": name, "unit": metric.unit, "kind": kind, "limit": limit}
                yield {**told, "source": source_of(threshold), **_told(kind, limit, figure)}
    for threshold in ours:
        if id(threshold) not in used:
            schema, table = scope_of(threshold)
            named = {"instance": threshold.instance, "service": threshold.service}
            why = {"schema": schema, "table": table, "because": absent(threshold, daily)}
            for kind, limit in limits_of(threshold).items():
                told = {"metric": threshold.metric, "unit": METRICS[threshold.metric].unit}
                who = {"kind": kind, "limit": limit, "source": source_of(threshold)}
                yield {**told, **named, **who, **why}


@dataclass(frozen=True)
class Days:
    """What is known of one thing, day by day, in order: moments (UTC), bytes and rows (not a number: unknown).

    ``fresh``: its size was measured that day.
    """

    at: npt.NDArray[np.datetime64]
    total_bytes: Floats
    rows: Floats
    fresh: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Days:
        """Take them from at, total_bytes, rows and measured_at of a frame, in its order."""
        return cls(
            pd.DatetimeIndex(frame["at"]).tz_localize(None).to_numpy(),
            frame["total_bytes"].to_numpy(dtype=float, na_value=np.nan),
            frame["rows"].to_numpy(dtype=float, na_value=np.nan),
            frame["measured_at"].isna().to_numpy(),
        )

    def take(self, rows: npt.NDArray[np.intp]) -> Days:
        """Return those rows, ordered by day."""
        rows = rows[np.argsort(self.at[rows], kind="stable")]
        return Days(self.at[rows], self.total_bytes[rows], self.rows[rows], self.fresh[rows])


Thing = tuple[dict[str, str | None], Days]
"""The names of a thing (instance, service, database, schema, table; None where it is wider), and its days."""

_NAMES: dict[Level, list[str]] = {
    "service": ["instance", "service"],
    "schema": ["instance", "service", "database", "schema"],
    "table": ["instance", "service", *_PLACE[1:]],
    "instance": ["instance"],
    "estate": [],
}


def things(level: Level, daily: Daily, newest: datetime) -> Iterator[Thing]:
    """Yield everything of a level that the newest day holds, with its days.

    Services are those that are declared; schemas and tables anybody's; of instances and the estate rows are of
    all that is theirs, and bytes those of the databases.
    """
    keys = _NAMES[level]
    every: Iterator[Thing]
    now = pd.Timestamp(newest).tz_convert(None).to_datetime64()
    if level in ("instance", "estate"):
        every = ((named, Days.of(days)) for named, days in _whole(daily, keys))
    else:
        frame = {"service": daily.services, "schema": daily.schemas, "table": daily.tables}[level]
        if level == "service":
            frame = frame[frame["standing"] == "owned"]
        every = _each(frame, keys)
    for named, days in every:
        if days.at[-1] == now:
            yield named, days


def _each(frame: pd.DataFrame, keys: list[str]) -> Iterator[Thing]:
    """Of many things each has few days: arrays, not frames."""
    groups, every = frame.groupby(keys, sort=True), Days.of(frame)
    number = groups.ngroup().to_numpy()
    rows = np.argsort(number, kind="stable")[np.count_nonzero(number < 0) :]
    sizes = groups.size()
    for names, mine in zip(
        sizes.index, np.split(rows, sizes.cumsum().to_numpy()[:-1]), strict=True
    ):
        yield {k: str(v) or None for k, v in zip(keys, names, strict=True)}, every.take(mine)


def _whole(daily: Daily, keys: list[str]) -> Iterator[tuple[dict[str, str | None], pd.DataFrame]]:
    """Sum days over instances, or over all of them; a sum with an unknown part is unknown."""
    moving = daily.instances["bytes"].mask(daily.instances["old"].fillna(False).astype(bool))
    sizes = daily.instances[["at", "instance"]].assign(total_bytes=moving)
    group = ["at", *keys]
    whole = pd.DataFrame(sizes.groupby(group)["total_bytes"].agg(lambda b: b.sum(skipna=False)))
    rows = daily.services.groupby(group)["rows"].agg(lambda r: r.sum(skipna=False))
    there = daily.instances.groupby(group)["instance"].nunique()
    found = whole.assign(rows=rows, there=there).reset_index()
    found["measured_at"] = pd.Series(pd.NaT, found.index)
    for name in sorted(found["instance"].unique()) if keys else [None]:
        days = found[found["instance"] == name] if keys else found
        days = days[days["there"] == days["there"].max()]  # on other days the whole was not seen
        if len(days):
            yield ({"instance": str(name)} if keys else {}), days


def absent(threshold: Threshold, daily: Daily) -> str:
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


def figure_of(
    metric: str,
    names: dict[str, str | None],
    days: Days,
    growth: Growth,
    inserted: Inserted,
) -> Figure:
    """Return a metric of capacity, but storage, of one thing of ``things``."""
    newest = growth.newest
    if metric == "rows_per_day":
        return inserted.figure(names, newest)
    start: datetime = days.at[0].astype("datetime64[us]").item().replace(tzinfo=UTC)
    splits = growth.splits(start, names.get("service"), names.get("instance"))
    held = days.rows if metric == "rows" else days.total_bytes
    fresh = days.fresh & ~np.isnan(held)
    x = ((days.at - days.at[0]) / np.timedelta64(1, "D"))[fresh]
    y = held[fresh]
    if metric == "bytes_per_day":
        pace = slope(x, y, splits)
        why = "growth is known from two days on" if pace is None else None
        return Figure(newest, pace, pace, because=why, unforetold=_A_RATE)
    value = None if np.isnan(held[-1]) else float(held[-1])
    unknown = "it has tables that were never analysed: ANALYZE them" if metric == "rows" else None
    why = (unknown or "its size was not collected, or not of every part") if value is None else None
    return Figure(newest, value, value, start, x, y, y, splits, why)


@dataclass(frozen=True)
class Inserted:
    """Rows inserted a day, by the window and as of each day of it; read when first asked for."""

    window: Window
    estate: Estate

    @cached_property
    def _now(self) -> pd.DataFrame:
        return inserted_per_day(self.window, self.estate)

    @cached_property
    def _so_far(self) -> pd.DataFrame:
        owned = self._now[[*_PLACE, "service"]]
        return self.written.merge(owned, "inner", _PLACE)

    @cached_property
    def written(self) -> pd.DataFrame:
        """What each table had written by each reading: see ``written_so_far``."""
        return written_so_far(self.window)

    @cached_property
    def _groups(self) -> dict[tuple[str, ...], tuple[_Rows, _Rows]]:
        return {}

    def _of(self, names: dict[str, str | None]) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The rows of all tables of a thing, and what they sum up to as of each day: at, inserted, days."""
        keys = tuple(k for k, name in names.items() if name is not None)
        if not keys:
            return self._now, _by_day(self._so_far)
        if keys not in self._groups:
            self._groups[keys] = _Rows(self._now, keys), _Rows(_by_day(self._so_far, *keys), keys)
        now, so_far = self._groups[keys]
        named = tuple(names[k] for k in keys)
        return now.of(named), so_far.of(named)

    def figure(self, names: dict[str, str | None], newest: datetime) -> Figure:
        """Return the rows inserted a day into all tables of a thing; unknown where one of them is."""
        now, sums = self._of(names)
        if now.empty or now["per_day"].isna().any():
            why = "no inserts were counted: a difference needs two snapshots of one epoch"
            if len(now):
                why = str(now.loc[now["per_day"].isna(), "because"].iloc[0])
            return Figure(newest, None, None, because=why)
        value = float(now["per_day"].sum())
        why_least = now.loc[now["at_least"], "because"]
        y = (sums["inserted"] / sums["days"]).to_numpy(dtype=float)
        start = sums["at"].min() if len(sums) else newest
        x = np.array([(at - start).total_seconds() / 86400.0 for at in sums["at"]])
        least = bool(now["at_least"].any())
        if least and len(y):  # reading by reading less is lost than from the first to the last
            value = max(value, float(y[-1]))
        steps = np.diff(x, prepend=0.0 if not len(sums) else x[0] - float(sums["days"].iloc[0]))
        rises = np.diff(sums["inserted"].to_numpy(dtype=float), prepend=0.0)
        apart = steps > 0
        by_day = x[apart], rises[apart] / steps[apart]
        if len(y):
            y[-1] = value
        because = None if why_least.empty else str(why_least.iloc[0])
        return Figure(newest, value, value, start, x, y, y, (), because, least, _A_RATE, by_day)


def _by_day(so_far: pd.DataFrame, *keys: str) -> pd.DataFrame:
    sums = so_far.groupby([*keys, "at"], as_index=False)
    found: pd.DataFrame = sums.agg(inserted=("inserted", "sum"), days=("days", "max"))
    return found


class _Rows:
    """The rows of a frame by the names in its columns ``keys``."""

    def __init__(self, frame: pd.DataFrame, keys: tuple[str, ...]) -> None:
        self._frame = frame
        found: Any = frame.groupby(list(keys) if len(keys) > 1 else keys[0], sort=False).indices
        self._places: dict[Any, npt.NDArray[np.intp]] = found

    def of(self, names: tuple[str | None, ...]) -> pd.DataFrame:
        """Return the rows with these names, in their order."""
        rows = self._places.get(names if len(names) > 1 else names[0], _NO_ROWS)
        return self._frame.iloc[rows]


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
