"""Measures of what runs out, lags, waits or was brought: states of instances, and of tables that vacuum keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from workbench.analyse.gaps import gap_of
from workbench.analyse.standing import Figure
from workbench.decide.evidence import Evidence
from workbench.decide.measured import Ask, Measured, Thing
from workbench.decide.measures.common import UNFORETOLD, of_instances
from workbench.snapshot import records

_SAWTOOTH = "it falls with every freeze: no day is foretold"
_LOOKED = "a state at a look has no trend: no day is foretold"
_UNIT_SIZES = {"share": 1.0, "percent": 0.01, "%": 0.01}


def _instances(evidence: Evidence) -> list[str]:
    held = evidence.history.newest.manifest
    return [i.name for i in evidence.estate.instances] or sorted({*held.reached, *held.unreached})


def _plain(
    evidence: Evidence,
    value: Any,
    because: str | None,
    series: pd.Series[Any] | None = None,
    unforetold: str | None = _LOOKED,
) -> Figure:
    """A figure of the newest moment; ``series`` has earlier ones by their dates, of each day the last."""
    newest = evidence.history.newest.at
    if value is None or pd.isna(value):
        return Figure(
            newest, None, None, because=because or "it was not read: run `workbench collect`"
        )
    now = float(value)
    if series is None or series.empty:
        return Figure(newest, now, now, because=because, unforetold=unforetold)
    held = series.dropna().astype("float64").sort_index()
    at = pd.DatetimeIndex(held.index)
    last = ~at.floor("D").duplicated(keep="last")
    y = np.array(held.to_numpy(), dtype=np.float64)[last]
    at = at[last]
    x = np.asarray((at - at[0]).total_seconds(), dtype=np.float64) / 86400.0
    y[-1] = now
    start = at[0].to_pydatetime()
    return Figure(newest, now, now, start, x, y, y, because=because, unforetold=unforetold)


def _headroom(metric: str, column: str, evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure the fullest of ``workbench.analyse.upkeep.limits``, per instance or service, or of the estate."""
    held = evidence.headroom
    held = held[held["metric"] == metric]
    series = _earlier(evidence, metric)
    for thing, rows in _grouped(evidence, ask, held):
        known = rows[rows[column].notna()]
        unread = rows.loc[rows[column].isna(), "because"].dropna()
        if thing.service is None and known.empty and unread.empty:
            gap = gap_of(evidence.history.newest, _FRAMES[metric], thing.instance or "")
            nothing = (
                "there is no sequence: nothing to run out"
                if metric == "key_position" and gap is None
                else None
            )
            yield Measured(thing, _plain(evidence, 0.0 if nothing else None, nothing or gap))
            continue
        if known.empty or (len(unread) and metric != "declared_pools"):
            least = None if known.empty else float(known[column].max())
            why = str(unread.iloc[0]) if len(unread) else None
            figure = _plain(evidence, least, why)
            yield Measured(thing, figure if least is None else _at_least(figure))
            continue
        top = known.sort_values(column, ascending=False, kind="stable").iloc[0]
        because = (
            f"{top['subject']}" if column != "used" or metric == "key_position" else top["because"]
        )
        mine = series.get(thing.instance or "") if thing.service is None else None
        figure = _plain(
            evidence, top[column], because, mine, _SAWTOOTH if metric.endswith("age") else _LOOKED
        )
        yield Measured(
            thing, _at_least(figure) if metric == "declared_pools" and len(unread) else figure
        )


_FRAMES = {
    "connections": "database_statistics",
    "declared_pools": "settings",
    "transaction_age": "databases",
    "multixact_age": "databases",
    "key_position": "sequence_positions",
}


def _at_least(figure: Figure) -> Figure:
    return Figure(
        figure.at,
        figure.low,
        figure.high,
        because=figure.because,
        open_ended=True,
        unforetold=figure.unforetold,
    )


def _grouped(
    evidence: Evidence, ask: Ask, held: pd.DataFrame
) -> Iterator[tuple[Thing, pd.DataFrame]]:
    if ask.level == "estate":
        yield Thing(), held
    elif ask.level == "service":
        for (instance, service), rows in held[held["service"].notna()].groupby(
            ["instance", "service"], sort=True
        ):
            yield Thing(instance=str(instance), service=str(service)), rows
    else:
        for name in _instances(evidence):
            yield Thing(instance=name), held[held["instance"] == name]


def _earlier(evidence: Evidence, metric: str) -> Mapping[str, pd.Series[Any]]:
    """Earlier values of an instance by date, where its snapshots hold them."""
    if metric in ("transaction_age", "multixact_age"):
        column = "frozen_xid_age" if metric == "transaction_age" else "min_mxid_age"
        read = evidence.history.frame("databases", column)
        found = read.groupby(["instance", "at"])[column].max()
    elif metric == "connections":
        held = evidence.headroom
        room = held[held["metric"] == metric].set_index("instance")["limit"]
        read = evidence.history.frame("database_statistics", "numbackends")
        found = read.groupby(["instance", "at"])["numbackends"].sum().astype("Float64")
        limits = room.reindex(found.index.get_level_values("instance")).astype("Float64")
        found = found / limits.set_axis(found.index)
    else:
        return {}
    return {str(name): days.droplevel(0) for name, days in found.groupby(level=0)}


connections = partial(_headroom, "connections", "used")
declared_pools = partial(_headroom, "declared_pools", "used")
transaction_age = partial(_headroom, "transaction_age", "value")
multixact_age = partial(_headroom, "multixact_age", "value")
key_used = partial(_headroom, "key_position", "used")


def replay_lag(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure the lag of the latest standby; one that is gone, or does not tell, is unknown."""
    held = evidence.health.standbys
    held = held[held["standby"].notna() | held["client"].notna()]
    looks = evidence.history.frame("replication", "replay_lag_s")
    series = looks.groupby(["instance", "at"])["replay_lag_s"].max()
    for name in _instances(evidence):
        rows = held[held["instance"] == name]
        unknown = rows[rows["lag_s"].isna()]
        if gap := gap_of(evidence.history.newest, "replication", name):
            figure = _plain(evidence, None, gap)
        elif rows.empty and not evidence.history.newest.has("replication", name):
            figure = _plain(evidence, None, "the last look did not ask who receives WAL")
        elif rows.empty:
            figure = _plain(evidence, 0.0, "no standby is connected: nothing lags")
        elif len(unknown):
            who = unknown.iloc[0]
            figure = _plain(
                evidence, None, f"{who['standby']}: {who['because'] or 'it tells no lag'}"
            )
        else:
            worst = rows.sort_values("lag_s", ascending=False, kind="stable").iloc[0]
            mine = series[series.index.get_level_values(0) == name].droplevel(0)
            figure = _plain(evidence, float(worst["lag_s"]) * 1.0, str(worst["standby"]), mine)
        yield Measured(Thing(instance=name), figure)


def slot_wal(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure the WAL kept for the slot that holds back most."""
    held = evidence.health.slots
    for name in _instances(evidence):
        rows = held[held["instance"] == name]
        known = rows[rows["held_bytes"].notna()]
        if gap := gap_of(evidence.history.newest, "replication_slots", name):
            figure = _plain(evidence, None, gap)
        elif rows.empty and not evidence.history.newest.has("replication_slots", name):
            figure = _plain(evidence, None, "the last look did not ask for slots")
        elif known.empty:
            figure = _plain(evidence, 0.0, "no slot holds WAL back")
        else:
            most = known.sort_values("held_bytes", ascending=False, kind="stable").iloc[0]
            figure = _plain(evidence, most["held_bytes"], str(most["slot"]))
        yield Measured(Thing(instance=name), figure)


def lock_wait(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure the longest wait for a lock that a look saw."""
    held = {r["instance"]: r for r in records(evidence.health.looks)}
    for name in _instances(evidence):
        row = held.get(name)
        if row is None:
            figure = _plain(evidence, None, "nobody looked for locks: run `workbench collect`")
        elif not row["waited"]:
            figure = _plain(evidence, 0.0, f"nobody was seen waiting at {row['looks']} looks")
        else:
            looks = f"seen at {row['waited']} of {row['looks']} looks"
            figure = _plain(evidence, row["longest_s"], looks)
        yield Measured(Thing(instance=name), figure)


def _of_databases(counter: str, evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure a counter of pg_stat_database by the days of the window."""
    held = evidence.window.databases
    rates = held[counter].astype("Float64") / held["days"].where(held["days"] > 0).astype("Float64")
    sums = rates.groupby(held["instance"]).agg(lambda r: r.sum(skipna=False))
    again = held["lower_bound"] | (held["counted_from"] == "restarted")
    yield from of_instances(
        evidence,
        ask,
        dict(sums),
        set(held.loc[again, "instance"]),
        "some of its counters were reset within the window",
    )


temp_bytes_per_day = partial(_of_databases, "temp_bytes")
deadlocks_per_day = partial(_of_databases, "deadlocks")


def archive_failures(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure failed attempts of the archiver in the window."""
    held = evidence.health.archiving
    found = {r["instance"]: r["failed"] for r in records(held)}
    yield from of_instances(evidence, ask, found, set(), "")


def requested_checkpoints(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure the share of checkpoints that were requested."""
    held = {r["instance"]: r for r in records(evidence.health.checkpoints)}
    for name in _instances(evidence):
        row = held.get(name)
        value, why = (None, None) if row is None else (row["requested_share"], row["because"])
        if row is not None and row["timed"] == 0 and row["requested"] == 0:
            value = 0.0  # none was asked for
        figure = _plain(evidence, value, why, None, UNFORETOLD)
        yield Measured(Thing(instance=name), figure)


def cache_hit(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure how much of what was asked for lay in shared buffers."""
    for row in records(evidence.health.cache):
        if row["service"] is not None:
            figure = _plain(evidence, row["heap_hit"], row["heap_because"], None, UNFORETOLD)
            yield Measured(Thing(instance=row["instance"], service=row["service"]), figure)


def _brought(metric: str, evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure what a person imported under a metric's name, with its earlier values."""
    held = evidence.history.frame("imported_metrics", "metric", "value", "unit")
    held = held[held["metric"].str.lower() == metric]
    for name in _instances(evidence):
        mine = held[held["instance"] == name].sort_values("at")
        if mine.empty:
            why = f"no metric {metric!r} was imported: `workbench history import` takes it from CSV"
            yield Measured(Thing(instance=name), _plain(evidence, None, why))
            continue
        sizes = mine["unit"].map(
            lambda u: _UNIT_SIZES.get(str(u).lower()) if metric == "cpu" else 1.0
        )
        if sizes.isna().any():
            why = (
                f"{metric} was imported in {mine['unit'].iloc[-1]!r}; import it as share or percent"
            )
            yield Measured(Thing(instance=name), _plain(evidence, None, why))
            continue
        series = pd.Series(
            (mine["value"].astype(float) * sizes.astype(float)).to_numpy(),
            index=pd.DatetimeIndex(mine["at"]),
        )
        because = f"imported, of {mine['at'].iloc[-1]:%Y-%m-%d}"
        yield Measured(
            Thing(instance=name), _plain(evidence, series.iloc[-1], because, series, None)
        )


cpu = partial(_brought, "cpu")
iops = partial(_brought, "iops")
throughput = partial(_brought, "throughput")


# ------------------------------------------------------------ vacuum


def vacuum_due(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure the table whose dead rows are furthest over the number at which autovacuum starts."""
    for thing, rows in _tables(evidence, ask, evidence.health.dead_rows):
        known = rows[rows["due"].notna()].sort_values("due", ascending=False, kind="stable")
        # a table on which autovacuum is off has no such number: that is no unknown one
        unknown = rows[rows["due"].isna() & (rows["state"] != "off")]
        if known.empty:
            why = rows["because"].dropna()
            yield Measured(thing, _plain(evidence, None, str(why.iloc[0]) if len(why) else None))
        else:
            top = known.iloc[0]
            note = f"{top['schema']}.{top['table']}"
            if len(unknown):
                note += f"; of {len(unknown)} tables it is not known"
            figure = _plain(evidence, top["due"], note)
            yield Measured(thing, _at_least(figure) if len(unknown) else figure)


def dead_share(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure dead rows over all rows."""
    if ask.level == "service":
        for row in records(evidence.health.dead_by_service):
            if isinstance(row["service"], str):
                why = row["because"] if pd.isna(row["dead_share"]) else None
                thing = Thing(instance=row["instance"], service=row["service"])
                yield Measured(thing, _plain(evidence, row["dead_share"], why))
        return
    for thing, rows in _tables(evidence, ask, evidence.health.dead_rows):
        only = rows.iloc[0]
        yield Measured(thing, _plain(evidence, only["dead_share"], only["because"]))


def vacuum_time(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure the share of real time that vacuum took."""
    spans = evidence.window.spans
    spans = spans[spans["frame"] == "table_statistics"]
    passed = spans.groupby("instance")["seconds"].max()
    why = "the server does not count it: PostgreSQL 18 does, between two snapshots"
    for thing, rows in _tables(evidence, ask, evidence.health.dead_rows):
        seconds = passed.get(thing.instance or "")
        unknown = rows["vacuum_s"].isna().any() or seconds is None or pd.isna(seconds)
        value = None if unknown else float(rows["vacuum_s"].sum()) / float(seconds or 1.0)
        yield Measured(thing, _plain(evidence, value, why if unknown else None, None, UNFORETOLD))


def _tables(
    evidence: Evidence, ask: Ask, held: pd.DataFrame
) -> Iterator[tuple[Thing, pd.DataFrame]]:
    if ask.level == "instance":
        for name in _instances(evidence):
            rows = held[held["instance"] == name]
            if len(rows):
                yield Thing(instance=name), rows
        return
    keys = ["instance", "service"]
    owned = held[held["service"].notna()]
    if ask.level == "table":
        keys = ["instance", "service", "database", "schema", "table"]
    for names, rows in owned.groupby(keys, sort=True):
        yield Thing(**dict(zip(keys, map(str, names), strict=True))), rows
