"""A workload as every JSON document holds it: what it rests on, services, statements, crossings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd

from workbench.analyse.statements import MEASURES
from workbench.analyse.workload import TRACKED_BY, Workload
from workbench.snapshot import records

_FIGURES = (*MEASURES, "active_sessions")
_RUNG = ("entries", "calls", "time_ms", "calls_share", "time_ms_share")
_STATEMENT = ("calls", "time_ms", "rows", "blocks", "temp_blocks", "wal_bytes")


def document(workload: Workload) -> dict[str, object]:
    """Return ``coverage``, ``services``, ``statements`` and ``crossings`` of a window.

    A figure of a service is ``[exclusive, touching]``, or null with a ``because``; ``touching`` alone is null, with
    one, where entries were evicted and nothing else counts what they held.

    >>> from workbench import load_history, window_of, workload
    >>> from workbench.share import reference_estate
    >>> found = workload(window_of(load_history(reference_estate("hauspet-small") / "history")))
    >>> sorted(document(found))
    ['coverage', 'crossings', 'services', 'statements']
    """
    hours = {(row["instance"], row["service"]): _busiest(row) for row in records(workload.busiest)}
    return {
        "coverage": coverage(workload),
        "services": [
            _service(row) | {"busiest": hours.get((row["instance"], row["service"]))}
            for row in records(workload.services)
        ],
        "statements": [_statement(row) for row in records(workload.statements)],
        "crossings": [crossing.to_json() for crossing in workload.crossings],
    }


def coverage(workload: Workload) -> dict[str, object]:
    """Return what the window rests on, with the shares of each rung per instance and why callers are unknown."""
    return workload.coverage.to_json() | {
        "attribution": _rungs(workload.rungs, "rung"),
        "callers": _rungs(workload.callers, "caller_rung"),
        "callers_unknown": [
            {name: _plain(value) for name, value in row.items()}
            for row in records(unknown_callers(workload))
        ],
        "statistics_age_days": statistics_age(workload),
    }


def unknown_callers(workload: Workload) -> pd.DataFrame:
    """Return why callers are unknown, by calls, without the workbench's own statements and nested ones.

    One row per instance and reason: instance, because, entries, calls, time_ms.
    """
    entries = workload.attributed.entries
    top = entries["toplevel"].fillna(True).astype(bool) & (entries["rung"] != "workbench")
    unknown = entries[top & (entries["caller_rung"] == "unknown")]
    found = unknown.groupby(["instance", "caller_because"], as_index=False).agg(
        entries=("calls", "size"), calls=("calls", "sum"), time_ms=("time_ms", "sum")
    )
    found = found.rename(columns={"caller_because": "because"})
    order = ["calls", "instance", "because"]
    return found.sort_values(order, ascending=[False, True, True], ignore_index=True)


def statistics_age(workload: Workload) -> dict[str, float | None]:
    """Return, per instance, the days of the real clock from its statistics' reset to the last reading; None: unknown."""
    read = {
        instance: snapshot.manifest.taken_at
        for snapshot in workload.attributed.window.history.collected
        for instance in snapshot.manifest.reached
    }
    found: dict[str, float | None] = {}
    for instance, since in sorted(workload.coverage.statistics_since.items()):
        at: datetime | None = read.get(instance)
        known = since is not None and at is not None
        found[instance] = round((at - since).total_seconds() / 86400, 3) if known else None  # type: ignore[operator]
    return found


def _rungs(frame: pd.DataFrame, column: str) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = {}
    for row in records(frame):
        figures = {name: _plain(row[name]) for name in _RUNG}
        found.setdefault(row["instance"], []).append({"rung": row[column], **figures})
    return found


def _service(row: dict[str, Any]) -> dict[str, object]:
    figures = {name: _interval(row, name) for name in _FIGURES}
    figures |= {
        f"{n}_share": _interval(row, f"{n}_share") for n in ("calls", "time_ms", "wal_bytes")
    }
    unknown = [name for name in _FIGURES if figures[name] is None]
    because = row["because"]
    if unknown and because is None:
        because = f"the server does not count {', '.join(map(_uncounted, unknown))}"
    counts = ("statements", "slow", "read_calls", "write_calls", "read_ms", "write_ms")
    return {
        "service": row["service"],
        "instance": row["instance"],
        **figures,
        **{name: _plain(row[name]) for name in (*counts, "mean_ms", "top_five", "seconds", "days")},
        "lower_bound": bool(row["lower_bound"]),
        "because": because,
    }


def _busiest(row: dict[str, Any]) -> dict[str, object]:
    """The mean hour and the busiest; the busiest is null with a ``because`` where no hour was seen."""
    at = row["busiest_hour"]
    names = ("calls_per_hour", "active_sessions")
    return {
        **{name: _plain(row[name]) for name in names},
        **{f"busiest_{name}": _plain(row[f"busiest_{name}"]) for name in names},
        "hour": None if pd.isna(at) else at.isoformat(),
        "hours_seen": _plain(row["hours"]),
        "because": _plain(row["because"]),
    }


def _statement(row: dict[str, Any]) -> dict[str, object]:
    return {
        "instance": row["instance"],
        "database": _plain(row["datname"]),
        "login": _plain(row["rolname"]),
        # wider than a number of JSON can be trusted to be
        "queryid": None if pd.isna(row["queryid"]) else str(row["queryid"]),
        "toplevel": _plain(row["toplevel"]),
        "query": _plain(row["query"]),
        "fingerprint": _plain(row["fingerprint"]),
        "kind": row["kind"],
        **{name: _plain(row[name]) for name in _STATEMENT},
        "mean_ms": _plain(row["mean_exec_time"]),
        "relations": list(row["relations"]),
        "services": list(row["services"]),
        "exclusive": row["exclusive"],
        "rung": row["rung"],
        "caller": row["caller"],
        "caller_rung": row["caller_rung"],
        "because": None if row["caller"] else row["caller_because"],
        "counted_from": row["counted_from"],
    }


def _uncounted(name: str) -> str:
    return f"{name} ({TRACKED_BY[name]} is off)" if name in TRACKED_BY else name


def _interval(row: dict[str, Any], name: str) -> list[object] | None:
    low, high = _plain(row[f"{name}_low"]), _plain(row[f"{name}_high"])
    return None if low is None else [low, high]


def _plain(value: Any) -> Any:
    """A value as JSON has it: no NA, whole numbers without a point, six places at most."""
    if value is None or pd.isna(value):
        return None
    if isinstance(value, (str, bool)):
        return value
    number = round(float(value), 6)
    return int(number) if number.is_integer() else number
