"""A provider's metrics that a person imported: `workbench history import`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from workbench.estate import Estate
from workbench.snapshot import History, records

# Ours, then what CloudWatch, Cloud SQL and Azure call it.
_USED = ("storage_used", "disk_used", "disk/bytes_used", "bytes_used")
_FREE = ("storage_free", "disk_free", "freestoragespace", "free_storage_space")
NAMES_OF_USED = "storage_used or storage_free"

_UNITS = {
    **dict.fromkeys(("b", "byte", "bytes"), 1),
    **{f"{name}b": 1000**power for power, name in enumerate("kmgtp", 1)},
    **{f"{name}ib": 1024**power for power, name in enumerate("kmgtp", 1)},
}
_SHARES = {"percent": 100.0, "%": 100.0, "share": 1.0}


@dataclass(frozen=True)
class Figure:
    """A provider's figure of storage used: when, which of its metrics, how many bytes."""

    at: datetime
    metric: str
    bytes: int


def metrics(history: History) -> pd.DataFrame:
    """Return every imported metric: at, instance, metric, unit, value, in order; empty where there is none."""
    found = history.frame("imported_metrics", "metric", "value", "unit")
    kept = found[["at", "instance", "metric", "unit", "value"]]
    return kept.sort_values(["instance", "metric", "unit", "at"], ignore_index=True)


def summed_up(found: pd.DataFrame) -> pd.DataFrame:
    """Return one row per instance, metric and unit of ``metrics``: the latest, the mean, the peak, with dates.

    Columns: instance, metric, unit, readings, latest, latest_at, mean (of the readings), peak, peak_at
    (the first of equal ones). ``since`` is the date of the first reading.
    """
    rows = []
    for (instance, metric, unit), days in found.groupby(["instance", "metric", "unit"], sort=True):
        last = days.iloc[-1]
        peak = days.sort_values("value", ascending=False, kind="stable").iloc[0]
        rows.append(
            {
                "instance": instance,
                "metric": metric,
                "unit": unit,
                "readings": len(days),
                "since": days["at"].iloc[0],
                "latest": last["value"],
                "latest_at": last["at"],
                "mean": float(days["value"].mean()),
                "peak": peak["value"],
                "peak_at": peak["at"],
            }
        )
    columns = ["instance", "metric", "unit", "readings", "since", "latest", "latest_at", "mean"]
    return pd.DataFrame(rows, columns=[*columns, "peak", "peak_at"])


def storage_used(history: History, estate: Estate, instance: str) -> Figure | str | None:
    """Return the provider's figure of an instance's storage used that is nearest to the newest snapshot.

    None where no metric of the kind was imported, and a reason where it cannot be read in bytes. Free
    storage and shares count too, against the declared ``storage_gb``.
    """
    found = metrics(history)
    named = found["metric"].astype("object").map(_plain)
    mine = found[(found["instance"] == instance) & named.isin([*_USED, *_FREE])]
    if mine.empty:
        return None
    away = (mine["at"] - history.newest.at).abs()
    (row,) = records(mine.loc[[away.idxmin()]])
    unit = row["unit"].strip().lower()
    capacities = {i.name: i.capacity for i in estate.instances}
    declared = capacities[instance].storage_bytes if instance in capacities else None
    free = _plain(row["metric"]) in _FREE
    if unit not in _UNITS and unit not in _SHARES:
        return (
            f"the provider's {row['metric']} is in {row['unit']!r}: import it in bytes, kB, MB, GB, MiB, GiB "
            "or percent"
        )
    if declared is None and (free or unit in _SHARES):
        return (
            f"the provider's {row['metric']} in {row['unit']} says how much is used only against storage_gb: "
            "declare it in the estate file"
        )
    size = row["value"]
    size = size * _UNITS[unit] if unit in _UNITS else size / _SHARES[unit] * (declared or 0)
    used = (declared or 0) - size if free else size
    return Figure(row["at"].to_pydatetime(), row["metric"], round(used))


def _plain(metric: str) -> str:
    return metric.strip().lower().replace(" ", "_").replace("-", "_")
