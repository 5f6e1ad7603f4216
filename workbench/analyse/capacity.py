"""How large everything is, how fast it grows, and when it no longer fits.

Sizes are bytes on disk as the server's size functions give them (`queries/sizes`), rolled up from
partitions to their root. Rows are an estimate: ``reltuples`` of the last ANALYZE, and live tuples of the
cumulative statistics as far as the changes since then allow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd

from workbench.analyse.brought import Brought
from workbench.analyse.growth import HORIZON_DAYS, Growth, dated, named, series_of
from workbench.analyse.roots import roots
from workbench.analyse.trend import POINTS_FOR_A_TREND, Trend, slope, trend
from workbench.estate import Estate
from workbench.model import Coverage
from workbench.snapshot import History, Snapshot, records

GB = 10**9

_PLACE = ["instance", "database", "schema", "table"]
_SERVICE = ["instance", "service", "standing"]
_SCHEMA = ["instance", "database", "schema", "service", "standing"]
_BYTES = ["heap_bytes", "index_bytes", "toast_bytes", "total_bytes"]


@dataclass(frozen=True)
class Capacity:
    """Sizes now and their growth over a history. All sizes in bytes, all growth per day.

    ``relations``: one row per relation or partition root of the newest snapshot: instance, database,
    schema, table, kind (relkind), service (None unless owned), standing (owned, unowned, platform),
    heap_bytes, index_bytes, toast_bytes, total_bytes, rows (estimate or NA), partitions (leaves),
    estimated (a size was estimated from pages), measured_at (the date of the oldest of its sizes, where
    that is an earlier reading; else NaT), per_day, rows_per_day, ahead, ahead_low and ahead_high
    (total_bytes in 90 days, and its band; NA below 14 days), because (why a figure is NA, or old).

    ``services``: the same summed per instance and service, and per standing for what no service owns:
    instance, service, standing, schemas, tables, the four sizes, share (of all relations' bytes), rows,
    per_day, rows_per_day, the three of ahead, because. ``schemas``: the same per schema.

    ``daily``: one row per day and service or standing: at, simulated, instance, service, standing,
    total_bytes, rows.

    ``databases``: instance, database, bytes (pg_database_size), relations_bytes, catalogue_bytes,
    rest_bytes (bytes less the other two), collected (False: known only by its size), measured_at (of
    which earlier reading all but ``bytes`` is, where it could not be read; else NaT).

    ``instances``: instance, bytes (all databases; WAL and temporary files are not in it), storage_bytes
    (declared or NA), per_day, full_on, full_from and full_until (the date it is full at this pace, and
    the band's ends, or None), because.

    ``days``: how many days the growth rests on.
    """

    relations: pd.DataFrame
    services: pd.DataFrame
    schemas: pd.DataFrame
    daily: pd.DataFrame
    databases: pd.DataFrame
    instances: pd.DataFrame
    days: int
    coverage: Coverage

    def rows(self) -> list[dict[str, object]]:
        """Return the rows of the ``capacity`` document, sorted by place and metric.

        ``forecast`` is ``{"days": 90, "value", "low", "high"}`` in bytes, or for an instance's disk
        ``{"full_on", "full_from", "full_until"}``; the band holds nine futures in ten, if the future is
        like the past. ``because`` says why a figure is null.
        """
        found = [*self._instance_rows(), *self._database_rows()]
        tables = self.relations[self.relations["kind"].isin(list("rpm"))]
        for frame in (self.services, self.schemas, tables):
            found += _measured(frame)
        return sorted(found, key=_order)

    def _instance_rows(self) -> Iterator[dict[str, object]]:
        for row in records(self.instances):
            dates = {
                name: None if row[name] is None else row[name].isoformat()
                for name in ("full_on", "full_from", "full_until")
            }
            forecast = dates if row["full_on"] else None
            yield _row(row, "bytes", row["bytes"], row["per_day"], forecast, row["because"])
            yield _row(
                row,
                "storage",
                row["storage_bytes"],
                None,
                None,
                "declared, not measured: it does not grow"
                if pd.notna(row["storage_bytes"])
                else "storage_gb is not declared",
            )

    def _database_rows(self) -> Iterator[dict[str, object]]:
        for row in records(self.databases):
            for metric in ("bytes", "relations_bytes", "catalogue_bytes", "rest_bytes"):
                because = None
                if pd.isna(row[metric]):
                    because = "its size may not be read" if metric == "bytes" else "not collected"
                elif metric != "bytes" and pd.notna(row["measured_at"]):
                    because = dated(row["measured_at"])
                else:
                    because = "growth is given for the instance and for services"
                yield _row(row, metric, row[metric], None, None, because)


def capacity(history: History) -> Capacity:
    """Measure the newest snapshot of ``history`` and the growth up to it.

    Reads the frames relations, sizes, table_statistics, databases, system_size. SnapshotError where the
    history is empty. A database without sizes has NA in them, with the reason in ``because``.

    >>> from workbench import load_history
    >>> from workbench.share import shared
    >>> found = capacity(load_history(shared("data") / "estates/marketplace/history"))
    >>> "order" in set(found.services["service"])
    True
    """
    newest = history.newest
    estate = newest.settled
    days = _one_a_day(history)
    every = _owned(roots(days.snapshots), estate)
    growth = Growth(estate.events, newest.at)
    brought = Brought.of(history)
    every = every[(every["standing"] != "platform") | (every["kind"] != "v")]
    by_schema = _summed(every, _SCHEMA)
    now = by_schema[by_schema["at"] == newest.at]
    by_service = brought.services(_summed(every, _SERVICE), now)
    daily = by_service[["at", *_SERVICE, "total_bytes", "rows"]]
    return Capacity(
        relations=growth.of(
            brought.tables(every), _PLACE, "its size was not collected"
        ).sort_values(_PLACE, ignore_index=True),
        services=_with_unseen(_largest_first(growth.of(by_service, _SERVICE)), newest, estate),
        schemas=_largest_first(growth.of(brought.schemas(by_schema), _SCHEMA)),
        daily=daily.assign(
            service=named(daily["service"]),
            # what was imported bears real dates
            simulated=daily["at"].isin([s.at for s in days if s.manifest.simulated]),
        ),
        databases=_databases(newest, every),
        instances=_instances(days, growth, estate, brought),
        days=len(days),
        coverage=history.coverage,
    )


def _largest_first(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values("total_bytes", ascending=False, ignore_index=True)


def _with_unseen(services: pd.DataFrame, newest: Snapshot, estate: Estate) -> pd.DataFrame:
    """Add a row, unknown, for every declared service of which the newest snapshot holds nothing."""
    if estate.implicit:  # its services are what was found
        return services
    seen = set(services["service"])
    gaps = {(m.instance, m.database): m.why for m in newest.manifest.missing}
    rows = []
    for service in estate.services:
        if service.external or service.name in seen or service.instance is None:
            continue
        place = (service.instance, service.database)
        why = gaps.get(place) or gaps.get((service.instance, None))
        because = why or "nothing of it was found; `workbench check` names what is near"
        known = {"instance": service.instance, "service": service.name, "standing": "owned"}
        rows.append(known | {"because": because})
    if not rows:
        return services
    added = pd.DataFrame(rows).reindex(columns=services.columns)
    return pd.concat([services, added.astype(services.dtypes)], ignore_index=True)


def _one_a_day(history: History) -> History:
    """The nights that hold sizes, and the newest in any case."""
    newest = history.newest
    kept = tuple(s for s in history.nights if s.has("sizes") or s is newest)
    return replace(history, snapshots=kept or (newest,))


def _owned(relations: pd.DataFrame, estate: Estate) -> pd.DataFrame:
    """Add who owns each relation ("" for nobody), asking the estate once per name."""
    names = relations[[*_PLACE, "extension"]].drop_duplicates(_PLACE)
    owners = [
        estate.owner(i, d, s, t, extension=pd.notna(e))
        for i, d, s, t, e in names.itertuples(index=False, name=None)
    ]
    names = names.drop(columns="extension").assign(
        service=pd.Series([o.service or "" for o in owners], names.index, dtype="object"),
        standing=pd.Series([o.standing for o in owners], names.index, dtype="object"),
    )
    return relations.drop(columns="extension").merge(names, "left", _PLACE)


def _summed(every: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Sum relations per day and ``key``: sizes, rows, and how many schemas and tables they are.

    A sum with an unknown part is unknown.
    """
    group = ["at", *key]
    counts = every["kind"].isin(list("rpm"))
    parts = every[[*group, *_BYTES]].assign(rows=every["rows"].where(counts, 0))
    totals = parts.groupby(group)[[*_BYTES, "rows"]].sum(min_count=1)
    unknown = parts[[*_BYTES, "rows"]].isna().groupby([parts[g] for g in group]).any()
    totals = totals.mask(unknown)
    totals["schemas"] = every.groupby(group)["schema"].nunique().astype("Int64")
    tables = every[every["kind"].isin(list("rpmf"))].groupby(group).size()
    totals["tables"] = tables.reindex(totals.index, fill_value=0).astype("Int64")
    # A sum is old where nothing in it is new.
    dates = every.assign(fresh=every["measured_at"].isna()).groupby(group)
    totals["measured_at"] = dates["measured_at"].min().mask(dates["fresh"].any())
    whole = totals["total_bytes"].groupby("at").transform("sum").astype("Float64")
    totals["share"] = (totals["total_bytes"].astype("Float64") / whole).where(whole > 0)
    return totals.reset_index()


def _databases(newest: Snapshot, every: pd.DataFrame) -> pd.DataFrame:
    held = newest.frame("databases", "datname", "bytes", "datallowconn")
    held = held.drop(columns="database").rename(columns={"datname": "database"})
    now = every[every["at"] == newest.at]
    relations = now.groupby(["instance", "database"], as_index=False).agg(
        relations_bytes=("total_bytes", lambda sizes: sizes.sum(min_count=1))
    )
    system = newest.frame("system_size", "bytes").rename(columns={"bytes": "catalogue_bytes"})
    found = held.merge(relations, "left", ["instance", "database"]).merge(
        system, "left", ["instance", "database"]
    )
    found["rest_bytes"] = found["bytes"] - found["relations_bytes"] - found["catalogue_bytes"]
    found["collected"] = found["relations_bytes"].notna()
    places = zip(found["instance"], found["database"], strict=True)
    dates = pd.Series([newest.aged.get(place, pd.NaT) for place in places], found.index)
    found["measured_at"] = pd.to_datetime(dates, utc=True)
    columns = ["instance", "database", "bytes", "relations_bytes", "catalogue_bytes", "rest_bytes"]
    return found[[*columns, "collected", "measured_at"]].sort_values(
        ["instance", "database"], ignore_index=True
    )


def _instances(history: History, growth: Growth, estate: Estate, brought: Brought) -> pd.DataFrame:
    held = history.frame("databases", "datname", "bytes")
    sums: pd.DataFrame = held.groupby(["instance", "at"], as_index=False).agg(
        bytes=("bytes", lambda sizes: sizes.sum() if sizes.notna().all() else pd.NA)
    )
    here = held.loc[held["at"] == growth.newest, ["instance", "datname"]]
    sums = brought.instances(sums, here.set_axis(["instance", "database"], axis=1))
    declared = {i.name: i.capacity.storage_gb for i in estate.instances}
    rows = []
    for name in sorted({*declared, *sums["instance"]}):
        days = sums[sums["instance"] == name]
        x, y = series_of(days["at"], days["bytes"])
        splits = growth.splits(days["at"].min(), None, name)
        seen = bool(len(days)) and days["at"].iloc[-1] == growth.newest
        size = days["bytes"].iloc[-1] if seen else None
        now = None if pd.isna(size) else float(size)
        storage = declared.get(name)
        room = None if storage is None else storage * GB
        dates, because = _full(growth.newest, now, room, trend(x, y, splits), len(x))
        rows.append((name, now, room, slope(x, y, splits), *dates, because))
    text = ["full_on", "full_from", "full_until", "because"]
    columns = ["instance", "bytes", "storage_bytes", "per_day", *text]
    found = pd.DataFrame(rows, columns=columns)
    for name in text:  # a column of texts and None would hold NaN, which is no reason and no JSON
        found[name] = found[name].astype("object").where(found[name].notna(), None)
    return found.astype({"bytes": "Int64", "storage_bytes": "Int64", "per_day": "Float64"})


_Dates = tuple[date | None, date | None, date | None]


def _full(
    at: datetime, now: float | None, room: float | None, found: Trend | None, points: int
) -> tuple[_Dates, str | None]:
    """When the databases fill the declared storage: the day, and the band's ends; or why none is named."""
    never: _Dates = (None, None, None)
    if now is None:
        return never, "not all of the instance's databases could be sized"
    if room is None:
        return never, "storage_gb is not declared for this instance"
    if found is None:
        first = (at + timedelta(days=max(POINTS_FOR_A_TREND - points, 1))).date()
        return never, f"{points} daily points; a trend needs {POINTS_FOR_A_TREND}: from {first} on"
    if found.per_day <= 0:
        return never, "it does not grow"
    early, middle, late = found.reaches(room - now)
    if middle is None:
        return never, "not within ten years at this pace"

    def day(ahead: int | None) -> date | None:
        return None if ahead is None else (at + timedelta(days=ahead)).date()

    return (day(middle), day(early), day(late)), None


_METRICS = {
    "bytes": ("total_bytes", "per_day"),
    "heap_bytes": ("heap_bytes", None),
    "index_bytes": ("index_bytes", None),
    "toast_bytes": ("toast_bytes", None),
    "rows": ("rows", "rows_per_day"),
}


def _measured(frame: pd.DataFrame) -> Iterator[dict[str, object]]:
    """The contract's rows of one frame: each metric with its growth and, on a trend, its forecast."""
    for row in records(frame):
        for metric, (column, growth) in _METRICS.items():
            value, per_day = row[column], row[growth] if growth else None
            forecast: dict[str, object] | None = None
            if metric == "bytes" and pd.notna(row["ahead"]):
                forecast = {
                    "days": HORIZON_DAYS,
                    "value": round(row["ahead"]),
                    "low": round(row["ahead_low"]),
                    "high": round(row["ahead_high"]),
                }
            because = row["because"]
            if because is None and pd.isna(value):
                because = "never analysed" if metric == "rows" else "not collected"
            if because is None and pd.isna(per_day):
                because = (
                    "growth is given for the whole" if growth is None else "too few days known"
                )
            yield _row(row, metric, value, per_day, forecast, because)


def _row(
    place: dict[str, Any],
    metric: str,
    value: Any,
    per_day: Any,
    forecast: dict[str, object] | None,
    because: str | None,
) -> dict[str, object]:
    names = ("instance", "service", "database", "schema", "table")
    where = {n: place.get(n) for n in names}
    unit = "rows" if metric == "rows" else "bytes"
    return {
        **{n: None if pd.isna(v) else v for n, v in where.items()},
        "standing": place.get("standing"),
        "metric": metric,
        "unit": unit,
        "value": None if pd.isna(value) else int(value),
        "per_day": None if pd.isna(per_day) else round(float(per_day), 1),
        "forecast": forecast,
        "because": because,
    }


def _order(row: dict[str, object]) -> tuple[str, ...]:
    names = ("instance", "database", "schema", "table", "service", "standing", "metric")
    return tuple(str(row[n] or "") for n in names)
