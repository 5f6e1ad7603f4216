"""The metrics that a threshold may limit: what each is, what it needs, and what it cannot see.

One list: the estate file is checked against it, every metric of it has a measure in ``workbench.decide``, and
``docs/metrics.md`` is made of it (``python -m workbench.estate.metrics``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Literal, get_args

from workbench.estate.names import nearest

Level = Literal["estate", "instance", "service", "schema", "table"]
LEVELS: tuple[Level, ...] = get_args(Level)
Kind = Literal["soft", "hard", "low"]
KINDS: tuple[Kind, ...] = get_args(Kind)

BUSIEST = "busiest hour"
WHOLE = "whole period"


@dataclass(frozen=True)
class Metric:
    """What a threshold may limit.

    ``levels`` are the things it is known of; on the first it is held where a threshold does not say.
    ``over`` is the window that stands where none is written; None: it is a state of the newest snapshot, or of
    all looks, and takes no window. ``parameters`` are the numbers in its formula. ``defaults`` are limits of the
    project's own. ``good`` says which way is good: where it is ``high`` only ``low`` can be limited.
    """

    name: str
    unit: str
    formula: str
    needs: str
    cannot_see: str
    levels: tuple[Level, ...]
    over: str | None = None
    parameters: Mapping[str, float] = field(default_factory=dict)
    defaults: Mapping[Kind, float] = field(default_factory=dict)
    good: Literal["low", "high"] = "low"

    def __post_init__(self) -> None:
        for name in ("parameters", "defaults"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    @property
    def a_share(self) -> bool:
        """Whether it lies between 0 and 1."""
        return self.unit == "share"

    @property
    def units(self) -> tuple[str, ...]:
        """The units in which a limit of it may be written, its own first."""
        dimension, _ = UNITS[self.unit]
        return (self.unit, *(u for u, (d, _) in UNITS.items() if d == dimension and u != self.unit))

    def size_of(self, unit: str) -> float:
        """Return how many of its own unit one of ``unit`` is.

        >>> METRICS["latency"].size_of("s"), METRICS["storage_used"].size_of("percent")
        (1000.0, 0.01)
        """
        return UNITS[unit][1] / UNITS[self.unit][1]


_PLAIN = (
    *(
        "rows",
        "rows a day",
        "calls a day",
        "ratio",
        "sessions",
        "transactions",
        "a day",
        "failures",
    ),
    *("operations a second", "MB a second"),
)
_BYTES = {"bytes": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12} | {
    "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40
}  # fmt: skip
UNITS: Mapping[str, tuple[str, float]] = MappingProxyType(
    {
        **{unit: (unit, 1.0) for unit in _PLAIN},
        "share": ("share", 1.0),
        "percent": ("share", 0.01),
        "%": ("share", 0.01),
        "ms": ("time", 1.0),
        "s": ("time", 1e3),
        "min": ("time", 6e4),
        "h": ("time", 3.6e6),
        **{unit: ("bytes", size) for unit, size in _BYTES.items()},
        **{f"{unit} a day": ("bytes a day", size) for unit, size in _BYTES.items()},
    }
)
"""Every unit: its dimension, and its size in the smallest of that dimension."""

_EVERYWHERE: tuple[Level, ...] = ("service", "schema", "table", "instance", "estate")
_OF_STATEMENTS = "pg_stat_statements, in two snapshots; with one, its counts since their reset"
_UNTOLD = "what ran through an entry that was evicted, or whose tables cannot be told: it widens the interval"
_COMMITS = "commits, and waiting for a connection"

_LIST = (
    # ------------------------------------------------------------ size and growth
    Metric(
        "storage_used", "share",
        "bytes of all databases, WAL and shared catalogues, over the declared storage",
        "sizes; capacity.storage_gb of the instance",
        "what else lies on the disk: logs, other software",
        ("instance",), defaults={"low": 0.3, "soft": 0.7, "hard": 0.85},
    ),
    Metric(
        "total_bytes", "bytes", "bytes on disk: heap, indexes, TOAST; partitions with their root", "sizes",
        "WAL, temporary files", _EVERYWHERE,
    ),
    Metric(
        "bytes_per_day", "bytes a day",
        "the median of the slopes between pairs of days (Theil-Sen) of total_bytes; below 14 days, last less first by the days",
        "sizes on two days", "since when it is so", _EVERYWHERE,
    ),
    Metric(
        "rows", "rows", "rows of its tables in the newest snapshot: of the last ANALYZE, corrected by the changes counted since",
        "table statistics; tables that were analysed", "the exact count: it is an estimate", _EVERYWHERE,
    ),
    Metric(
        "rows_per_day", "rows a day", "rows inserted into its tables in the window, by the days of the window",
        "table statistics on two days", "rows of tables dropped in the window; rows of transactions rolled back count",
        _EVERYWHERE, WHOLE,
    ),
    # ------------------------------------------------------------ statements
    Metric(
        "latency", "ms", "mean time of the service's statements, weighted by calls",
        _OF_STATEMENTS, f"percentiles; {_COMMITS}, and the network; {_UNTOLD}", ("service",), BUSIEST,
    ),
    Metric(
        "calls_per_day", "calls a day", "calls of the service's statements, by the days of the window",
        _OF_STATEMENTS, _UNTOLD, ("service", "instance", "estate"), WHOLE,
    ),
    Metric(
        "slow_calls", "calls a day",
        "calls a day of the service's statements whose mean over the window is above slower_than_ms",
        _OF_STATEMENTS, f"single slow calls of a statement that is fast in the mean; {_UNTOLD}",
        ("service",), WHOLE, {"slower_than_ms": 1000.0},
    ),
    Metric(
        "time_share", "share", "time of the service's statements over that of all its instance's",
        _OF_STATEMENTS, f"{_COMMITS}; {_UNTOLD}", ("service",), WHOLE,
    ),
    Metric(
        "active_sessions", "sessions", "sessions that work at a time: of samples, else time in statements by real time",
        "samples of sessions, or statements", "between samples; of statement time, commits",
        ("service", "instance"), WHOLE,
    ),
    Metric(
        "load", "share", "time in the service's statements by real time, over the declared vCPUs",
        f"{_OF_STATEMENTS}; capacity.vcpus of the instance", f"{_COMMITS}; waiting counts as work; {_UNTOLD}",
        ("service", "instance"), BUSIEST,
    ),
    Metric(
        "read_share", "share", "share of the service's time in statements that write and lock nothing",
        _OF_STATEMENTS, _UNTOLD, ("service",), WHOLE,
    ),
    Metric(
        "replica_load", "share",
        "load of the service's statements as a share of the declared capacity; 0 where reads are not over read_share of that load",
        f"{_OF_STATEMENTS}; capacity.vcpus of the instance", f"reads that must see the newest writes; {_UNTOLD}",
        ("service",), BUSIEST, {"read_share": 0.8},
    ),
    Metric(
        "cacheable_share", "share",
        "share of the service's time that goes to read statements repeated over calls_per_day on tables written less than writes_per_minute",
        f"{_OF_STATEMENTS}; table statistics over the same days", f"whether the same parameters repeat; {_UNTOLD}",
        ("service",), WHOLE, {"calls_per_day": 1000.0, "writes_per_minute": 1.0},
    ),
    Metric(
        "interference", "ratio",
        "mean time of the other services' statements, weighted by calls, in windows with a replay over that in windows without, with "
        "a band of this confidence; a replay is a statement that reads at least read_share of the service's blocks in one call, and "
        "least_blocks at least; 1 where none ran",
        "statements in several snapshots, some of them with a replay between, three of each at least",
        "what else happened in the same windows; statements that run only beside a replay",
        ("service",), WHOLE, {"read_share": 0.5, "confidence": 0.95, "least_blocks": 1000.0},
    ),
    # ------------------------------------------------------------ WAL and I/O
    Metric(
        "wal_per_day", "bytes a day", "WAL that the service's statements wrote, of an instance all WAL, by the days of the window",
        _OF_STATEMENTS, f"of a service: vacuum's and commits' WAL; {_UNTOLD}", ("service", "instance"), WHOLE,
    ),
    Metric(
        "wal_share", "share", "WAL of the service's statements over that of all its instance's",
        _OF_STATEMENTS, f"vacuum's and commits' WAL; {_UNTOLD}", ("service",), WHOLE,
    ),
    Metric(
        "io_share", "share", "blocks that the service's statements read from outside shared buffers, over all its instance's",
        _OF_STATEMENTS, f"whether the system's cache held them; {_UNTOLD}", ("service",), WHOLE,
    ),
    Metric(
        "cache_hit", "share", "blocks of heaps found in shared buffers, over all that were asked for", "table statistics",
        "the system's cache", ("service",), WHOLE, good="high",
    ),
    Metric(
        "temp_bytes_per_day", "bytes a day", "bytes that sorts and hashes spilled, by the days of the window",
        "database statistics on two days", "whose they were", ("instance", "estate"), WHOLE,
    ),
    # ------------------------------------------------------------ from a provider, by `workbench history import`
    Metric(
        "cpu", "share", "the last imported value of the metric cpu; unit share or percent", "an import of metrics",
        "what was not imported", ("instance",),
    ),
    Metric(
        "iops", "operations a second", "the last imported value of the metric iops", "an import of metrics",
        "what was not imported", ("instance",),
    ),
    Metric(
        "throughput", "MB a second", "the last imported value of the metric throughput", "an import of metrics",
        "what was not imported", ("instance",),
    ),
    # ------------------------------------------------------------ what runs out, what lags, what waits
    Metric(
        "connections", "share", "backends at the moment of the snapshot, over max_connections less the superusers' reserve",
        "database statistics; settings", "between snapshots", ("instance",), defaults={"soft": 0.9, "hard": 0.95},
    ),
    Metric(
        "declared_pools", "share", "declared pools of its services, over max_connections less the superusers' reserve",
        "connection_limit of every service; settings", "several processes with a pool each, unless declared", ("instance",),
    ),
    Metric(
        "transaction_age", "transactions", "age of the oldest unfrozen transaction number of any database (datfrozenxid)",
        "databases", "which table holds it back", ("instance", "estate"), defaults={"soft": 1.3e9, "hard": 1.4e9},
    ),
    Metric(
        "multixact_age", "transactions", "age of the oldest multixact number of any database (datminmxid)",
        "databases", "which table holds it back", ("instance", "estate"), defaults={"soft": 1.3e9, "hard": 1.4e9},
    ),
    Metric(
        "key_used", "share", "position of the fullest sequence, over its end or that of its column's type",
        "sequence positions", "keys that no sequence gives", ("instance", "service"), defaults={"hard": 0.9},
    ),
    Metric(
        "replay_lag", "s", "replay lag of the latest standby at the last look", "pg_stat_replication", "between looks",
        ("instance",), defaults={"soft": 5.0},
    ),
    Metric(
        "slot_wal", "bytes", "WAL kept for the replication slot that holds back most, at the last look", "replication slots",
        "between looks", ("instance",),
    ),
    Metric(
        "lock_wait", "s", "the longest wait for a lock at any look", "looks at locks", "between looks", ("instance",),
    ),
    Metric(
        "deadlocks_per_day", "a day", "deadlocks by the days of the window", "database statistics on two days",
        "whose they were", ("instance", "estate"), WHOLE,
    ),
    Metric(
        "archive_failures", "failures", "failed attempts of the archiver in the window", "pg_stat_archiver", "why it failed",
        ("instance",), WHOLE,
    ),
    Metric(
        "requested_checkpoints", "share", "checkpoints that WAL or a command asked for, over all in the window", "checkpoints",
        "which of the two", ("instance",), WHOLE, defaults={"soft": 0.5},
    ),
    # ------------------------------------------------------------ vacuum
    Metric(
        "vacuum_due", "ratio", "dead rows of the table that is most behind, over the number at which autovacuum starts on it",
        "table statistics; settings", "tables with autovacuum off; rows of TOAST tables", ("service", "table", "instance"),
    ),
    Metric(
        "dead_share", "share", "dead rows over all rows", "table statistics", "rows of TOAST tables", ("service", "table"),
    ),
    Metric(
        "vacuum_time", "share", "time in vacuum, manual and automatic, by real time", "table statistics of PostgreSQL 18, in two snapshots",
        "vacuum that is going on", ("service", "table", "instance"), WHOLE,
    ),
)  # fmt: skip

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _LIST})
"""The metrics by name."""


@dataclass(frozen=True)
class Over:
    """The window of a threshold: its busiest hour or the whole; of the last ``days``, or of a period."""

    busiest: bool = False
    days: int | None = None
    since: date | None = None
    until: date | None = None


_DAY = r"\d{4}-\d\d-\d\d"
_WINDOW = re.compile(
    r"(?P<hour>busiest hour)?"
    rf"((?(hour) of |)(?:(?P<days>[1-9]\d{{0,4}}) days?|(?P<since>{_DAY}) to (?P<until>{_DAY})))?"
)
HOW_WINDOWS_ARE_WRITTEN = (
    'write "busiest hour", "whole period", "30 days", "busiest hour of 30 days" '
    'or "2026-01-01 to 2026-01-31"'
)


def read_window(text: str) -> Over:
    """Read what a threshold says of its window; ValueError with what may be written.

    >>> read_window("busiest hour of 30 days")
    Over(busiest=True, days=30, since=None, until=None)
    """
    if text == WHOLE:
        return Over()
    found = _WINDOW.fullmatch(text) if text else None
    if found:
        hour, days = found["hour"] is not None, found["days"]
        if not found["since"]:
            return Over(hour, int(days) if days else None)
        with suppress(ValueError):
            since, until = (date.fromisoformat(found[name]) for name in ("since", "until"))
            if since <= until:
                return Over(hour, None, since, until)
    raise ValueError(f"is not understood; {HOW_WINDOWS_ARE_WRITTEN}")


def unknown_metric(name: str) -> str:
    """Say that a metric is unknown, and which is nearest."""
    return f"no metric is called {name!r}; {nearest(name, METRICS.keys())}"


def markdown(metrics: Iterable[Metric] = _LIST) -> str:
    """Return the catalogue for people, as Markdown."""
    lines = [
        "# Metrics",
        "",
        "What `[[thresholds]]` of an estate file may limit. Made from `workbench/estate/metrics.py`.",
        "Limits of the project's own stand where the estate file sets none.",
    ]
    for metric in metrics:
        lines += [
            "",
            f"## `{metric.name}`",
            "",
            f"{metric.formula[0].upper()}{metric.formula[1:]}.",
        ]
        facts = {
            "Unit": metric.unit if len(metric.units) == 1 else ", ".join(metric.units),
            "Known of": ", ".join(metric.levels),
            "Window": metric.over or "none: a state",
            "Parameters": ", ".join(f"`{n}` = {v:g}" for n, v in metric.parameters.items()),
            "The project's own limits": ", ".join(f"{k} {v:g}" for k, v in metric.defaults.items()),
            "Limited by": "`low` alone: more is better" if metric.good == "high" else "",
            "Needs": metric.needs,
            "Cannot see": metric.cannot_see,
        }
        lines += ["", *(f"- {name}: {text}" for name, text in facts.items() if text)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
