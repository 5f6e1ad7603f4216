"""How large everything is, how fast it grows, and when it no longer fits.

Sizes are bytes on disk as the server's size functions give them (`queries/sizes`), rolled up from
partitions to their root. Rows are an estimate: ``reltuples`` of the last ANALYZE, and live tuples of the
cumulative statistics as far as the changes since then allow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pandas as pd

from workbench.analyse.brought import Brought
from workbench.analyse.crossing import Crossing, crossing
from workbench.analyse.databases import database_sizes, explained
from workbench.analyse.disk import beside_databases
from workbench.analyse.gaps import gap_of, quoted
from workbench.analyse.growth import HORIZON_DAYS, Growth, dated, named, series_of
from workbench.analyse.limits import Daily, Inserted, held_against_limits, limit_rows
from workbench.analyse.roots import roots
from workbench.analyse.trend import slope, trend
from workbench.estate import Estate
from workbench.model import Coverage
from workbench.snapshot import History, Snapshot, Window, records

_UNSIZED = "its size was not collected: `workbench check` names what helps"
_UNDECLARED = "write capacity = { storage_gb = ... } for it in the estate file"

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

    ``databases``: what ``database_sizes`` and ``explained`` of workbench.analyse.databases give.

    ``instances``: instance, bytes (all databases), beside_bytes (WAL, shared catalogues and templates; NA
    where they are not known, and then left out of account), storage_bytes (declared or NA), per_day,
    full_on, full_from and full_until (the date it is full at this pace, and the band's ends, or None),
    because, bytes_because (which part of bytes is an estimate, or None).

    ``limits``: what ``held_against_limits`` of workbench.analyse.limits gives.

    ``days``: how many days the growth rests on. ``by_day`` and ``growth``: the sizes of each day and what
    bends them, which limits are held against.
    """

    relations: pd.DataFrame
    services: pd.DataFrame
    schemas: pd.DataFrame
    daily: pd.DataFrame
    databases: pd.DataFrame
    instances: pd.DataFrame
    limits: pd.DataFrame
    days: int
    coverage: Coverage
    by_day: Daily
    growth: Growth

    def rows(self) -> list[dict[str, object]]:
        """Return the rows of the ``capacity`` document, sorted by place and metric.

        ``forecast`` is ``{"days": 90, "value", "low", "high"}`` in bytes, or for an instance's disk
        ``{"full_on", "full_from", "full_until"}``; the band holds nine futures in ten, if the future is
        like the past. ``because`` says why a figure is null.

        A row of metric ``METRIC_KIND_limit`` (as in ``storage_used_hard_limit``) has the limit as its value,
        ``{"crosses_on", "crosses_from", "crosses_until", "days"}`` as its forecast, and besides ``measured``
        (METRIC now), ``crossed`` and ``source``.
        """
        found = [*self._instance_rows(), *self._database_rows()]
        found += limit_rows(self.limits)
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
                else f"storage_gb is not declared: {_UNDECLARED}",
            )

    def _database_rows(self) -> Iterator[dict[str, object]]:
        for row in records(self.databases):
            for metric in ("bytes", "relations_bytes", "catalogue_bytes", "rest_bytes"):
                because = row["bytes_because"] if metric == "bytes" else row["because"]
                if metric != "bytes" and pd.notna(row["measured_at"]):
                    because = dated(row["measured_at"])
                because = because or "growth is given for the instance and for services"
                yield _row(row, metric, row[metric], None, None, because)


def capacity(history: History, inserted: Inserted | None = None) -> Capacity:
    """Measure the newest snapshot of ``history`` and the growth up to it.

    Reads the frames relations, sizes, table_statistics, databases, database_sizes, system_size; ``inserted`` is what
    its window says of inserts, where that is known already. SnapshotError where the history is empty. A database without sizes has NA in them, with the reason in ``because``.

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
    sizes = database_sizes(days, every)
    sums = _instance_days(sizes, newest.at, brought)
    instances = _instances(sums, sizes, newest, growth, estate)
    every_day = Daily(by_service, brought.schemas(by_schema), every, sums, instances)
    return Capacity(
        relations=growth.of(brought.tables(every), _PLACE, _UNSIZED).sort_values(
            _PLACE, ignore_index=True
        ),
        services=_with_unseen(_largest_first(growth.of(by_service, _SERVICE)), newest, estate),
        schemas=_largest_first(growth.of(brought.schemas(by_schema), _SCHEMA)),
        daily=daily.assign(
            service=named(daily["service"]),
            # what was imported bears real dates
            simulated=daily["at"].isin([s.at for s in days if s.manifest.simulated]),
        ),
        databases=explained(sizes, newest),
        instances=instances,
        limits=held_against_limits(
            every_day, growth, estate, inserted or Inserted(Window(history), estate)
        ),
        days=len(days),
        coverage=history.coverage,
        by_day=every_day,
        growth=growth,
    )


def _largest_first(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values("total_bytes", ascending=False, ignore_index=True)


def _with_unseen(services: pd.DataFrame, newest: Snapshot, estate: Estate) -> pd.DataFrame:
    """Add a row, unknown, for every declared service of which the newest snapshot holds nothing."""
    if estate.implicit:  # its services are what was found
        return services
    seen = set(services["service"])
    rows = []
    for service in estate.services:
        if service.external or service.name in seen or service.instance is None:
            continue
        why = gap_of(newest, "database", service.instance, service.database)
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


def _instance_days(sizes: pd.DataFrame, newest: datetime, brought: Brought) -> pd.DataFrame:
    """All databases' bytes per instance and day: instance, at, bytes (NA where one could not be sized), old."""
    days_of = sizes.groupby(["instance", "at"], as_index=False)
    sums: pd.DataFrame = days_of.agg(
        bytes=("bytes", lambda held: held.sum() if held.notna().all() else pd.NA),
        # A sum of which nothing is new says nothing of growth.
        old=("bytes_at", lambda dates: dates.notna().all()),
    )
    here = sizes[sizes["at"] == newest]
    return brought.instances(sums, here[["instance", "database"]])


def _instances(
    sums: pd.DataFrame, sizes: pd.DataFrame, newest: Snapshot, growth: Growth, estate: Estate
) -> pd.DataFrame:
    here = sizes[sizes["at"] == newest.at]
    beside = beside_databases(newest)
    declared = {i.name: i.capacity.storage_bytes for i in estate.instances}
    rows = []
    for name in sorted({*declared, *sums["instance"]}):
        days = sums[sums["instance"] == name]
        moving = days["bytes"].mask(days["old"].fillna(False).astype(bool))
        x, y = series_of(days["at"], moving)
        splits = growth.splits(days["at"].min(), None, name)
        seen = bool(len(days)) and days["at"].iloc[-1] == growth.newest
        size = days["bytes"].iloc[-1] if seen else None
        now = None if pd.isna(size) else float(size)
        room = declared.get(name)
        mine = here[here["instance"] == name]
        unsized = gap_of(newest, "database_sizes", name)
        if now is None:
            unknown = "not all of the instance's databases could be sized"
            full = Crossing(because=f"{unknown}; {unsized or 'run `workbench collect`'}")
        elif room is None:
            undeclared = "storage_gb is not declared for this instance"
            full = Crossing(because=f"{undeclared}: {_UNDECLARED}")
        else:
            left = room - beside.get(name, 0) - now
            full = crossing(growth.newest, left, trend(x, y, splits), len(x))
        guess = f"{mine['estimated'].sum()} of {len(mine)} databases are estimated; {unsized}"
        how = guess if mine["estimated"].any() else None
        dates = (full.on, full.since, full.until, full.because, how)
        rows.append((name, now, beside.get(name), room, slope(x, y, splits), *dates))
    text = ["full_on", "full_from", "full_until", "because", "bytes_because"]
    columns = ["instance", "bytes", "beside_bytes", "storage_bytes", "per_day", *text]
    found = pd.DataFrame(rows, columns=columns)
    for name in text:  # a column of texts and None would hold NaN, which is no reason and no JSON
        found[name] = found[name].astype("object").where(found[name].notna(), None)
    kinds = dict.fromkeys(["bytes", "beside_bytes", "storage_bytes"], "Int64")
    return found.astype({**kinds, "per_day": "Float64"})


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
            if pd.isna(value) and metric == "rows" and pd.notna(row["total_bytes"]):
                because = _unanalysed(row)
            elif because is None and pd.isna(value):
                because = _UNSIZED
            if because is None and pd.isna(per_day):
                because = (
                    "growth is given for the whole" if growth is None else "too few days known"
                )
            yield _row(row, metric, value, per_day, forecast, because)


def _unanalysed(place: dict[str, Any]) -> str:
    """Why rows are not known, and the statement that counts them."""
    name = ".".join(quoted(place[n]) for n in ("schema", "table") if isinstance(place.get(n), str))
    table = name if isinstance(place.get("table"), str) else ""
    return f"never analysed: ANALYZE {table}".rstrip() + ";"


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
