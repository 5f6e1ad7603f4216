"""How busy instances are: their busiest hour beside the mean, and what their provider measures."""

from __future__ import annotations

import pandas as pd

from workbench.analyse.busiest import mean_and_busiest
from workbench.analyse.provider import metrics, summed_up
from workbench.present.bench import Bench
from workbench.present.charts import nice_ticks
from workbench.present.panels import Panel, panels
from workbench.present.svg import Figure
from workbench.present.tables import Column, Table
from workbench.present.text import brief
from workbench.present.units import count_text, exact, period_text
from workbench.snapshot import window_of

_METRICS = {
    "commits": "commits",
    "rows_written": "rows written",
    "wal_bytes": "bytes of WAL",
    "blocks_read": "blocks read",
    "temp_bytes": "bytes of temporary files",
    "sessions": "sessions opened",
}
_MOST_PANELS = 8
_IMPORT = (
    "Nothing of a provider was imported: `workbench history import` takes a CSV of date, instance, metric, value, "
    "unit, such as cpu, iops or storage_used."
)


def busiest_hour(bench: Bench) -> Table:
    """Return what each instance does a second: the mean of the window, and the busiest hour or why none is known."""
    found = mean_and_busiest(window_of(bench.history))
    hours = [
        None if pd.isna(at) else f"{at.day} {at:%b %Y, %H}:00 UTC" for at in found["busiest_hour"]
    ]
    times = found["busiest_per_second"] / found["per_second"].where(found["per_second"] > 0)
    return Table(
        found.assign(
            what=found["metric"].map(_METRICS),
            hour=pd.Series(hours, found.index, dtype="object"),
            times=times,
        ),
        [
            Column("what", "What, per second"),
            Column("instance", "Instance", "name"),
            Column("per_second", "Mean", "amount"),
            Column("busiest_per_second", "Busiest hour", "amount"),
            Column("times", "times the mean", "amount", absent="–"),
            Column("hour", "Hour"),
        ],
        caption="The busiest hour beside the mean",
        empty="No counters were read.",
    )


def provider_metrics(bench: Bench) -> Table:
    """Return what a provider measures, as imported: latest, mean and peak per instance."""
    return Table(
        summed_up(metrics(bench.history)),
        [
            Column("metric", "Metric", "name"),
            Column("instance", "Instance", "name"),
            Column("unit", "Unit"),
            Column("latest", "Latest", "amount"),
            Column("latest_at", "on", "date"),
            Column("mean", "Mean", "amount"),
            Column("peak", "Peak", "amount"),
            Column("peak_at", "on", "date"),
            Column("readings", "Readings", "count"),
        ],
        caption="What the provider measures",
        empty=_IMPORT,
    )


def provider_over_time(bench: Bench) -> Figure:
    """Draw each imported metric of which there are two readings or more, one below the other on one calendar."""
    found = metrics(bench.history)
    several = found["instance"].nunique() > 1
    drawn = []
    for (instance, metric, unit), days in found.groupby(["instance", "metric", "unit"], sort=True):
        if len(days) < 2:
            continue
        name = f"{brief(instance)}: {brief(metric)}" if several else brief(metric)
        values = [float(value) for value in days["value"]]
        moments = [at.to_pydatetime() for at in days["at"]]
        drawn.append(
            Panel(
                f"{name}, {brief(unit)}",
                tuple(zip(moments, values, strict=True)),
                nice_ticks(max(values), 2)[-1],
                count_text(values[-1]),
                f"{name}: {exact(values[-1], str(unit))}, at most {exact(max(values), str(unit))}",
            )
        )
    subtitle = "Each on an axis of its own from zero"
    if drawn:
        first, last = (f(at for p in drawn for at, _ in p.points) for f in (min, max))
        subtitle = f"{subtitle}, {period_text(first, last)}"
    more = max(len(drawn) - _MOST_PANELS, 0)
    title = f"What the provider measured: {len(drawn)} metrics over time"
    if not drawn:
        title = "No metric of a provider has two readings yet"
    elif len(drawn) == 1:
        title = f"What the provider measured of {drawn[0].name}"
    tail = f"; {more} more are in the table" if more else ""
    return panels(drawn[:_MOST_PANELS], title=title, subtitle=f"{subtitle}{tail}")
