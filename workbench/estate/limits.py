"""What a threshold on capacity may say: its metrics, where it applies, and the limits of storage that stand by default.

Thresholds on other metrics are taken as they are written, unless a metric looks like one of these misspelt.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import pairwise
from types import MappingProxyType

from workbench.estate.facts import Threshold
from workbench.estate.names import split_name

STORAGE_USED = "storage_used"

CAPACITY_METRICS: Mapping[str, str] = MappingProxyType(
    {
        STORAGE_USED: "share",
        "total_bytes": "bytes",
        "bytes_per_day": "bytes a day",
        "rows": "rows",
        "rows_per_day": "rows a day",
    }
)
"""The metrics of capacity and their units: of an instance ``storage_used``; of services, schemas and tables the others.

``rows_per_day`` is rows inserted in the window by its days; ``bytes_per_day`` is the trend of the size.
"""

STORAGE_LIMITS: Mapping[str, float] = MappingProxyType({"low": 0.3, "soft": 0.7, "hard": 0.85})
"""The project's own limits of ``storage_used``, where an estate declares none."""

_ALMOST = 0.85  # how alike two names are of which one is the other misspelt


def scope_of(threshold: Threshold) -> tuple[str | None, str | None]:
    """Return the schema and the table that a threshold's ``scope`` names; None where it names none.

    >>> scope_of(Threshold("rows", scope="shop.orders")), scope_of(Threshold("rows", scope="shop"))
    (('shop', 'orders'), ('shop', None))
    """
    if threshold.scope is None:
        return None, None
    schema, table, *_ = (*split_name(threshold.scope), None)
    return schema, table


def storage_limits(
    thresholds: tuple[Threshold, ...], instance: str
) -> dict[str, tuple[float, str]]:
    """Return the limits of an instance's ``storage_used`` by kind: the share, and where it was agreed.

    What is declared for the instance goes before what is declared for all, and that before the default.

    >>> storage_limits((Threshold("storage_used", hard=0.9, source="SLA"),), "main")["hard"]
    (0.9, 'SLA')
    """
    found = {kind: (share, "the project's default") for kind, share in STORAGE_LIMITS.items()}
    ours = (t for t in thresholds if t.metric == STORAGE_USED and t.instance in (None, instance))
    for threshold in sorted(ours, key=lambda t: t.instance is not None):
        for kind in STORAGE_LIMITS:
            share = getattr(threshold, kind)
            if share is not None:
                found[kind] = (share, source_of(threshold))
    return found


def source_of(threshold: Threshold) -> str:
    """Return where a limit was agreed, in words."""
    return threshold.source or "the estate file"


def faults_of(threshold: Threshold) -> Iterator[tuple[str, str]]:
    """Say what is wrong with a threshold as one on capacity: the key, and the fault with the next step."""
    metric = threshold.metric
    if metric not in CAPACITY_METRICS:
        if near := get_close_matches(metric, CAPACITY_METRICS, n=1, cutoff=_ALMOST):
            yield "metric", f"no metric is called {metric!r}; nearest valid: {near[0]!r}"
        return
    limits = {kind: getattr(threshold, kind) for kind in ("low", "soft", "hard")}
    if metric == STORAGE_USED:
        for key in ("service", "scope"):
            if getattr(threshold, key) is not None:
                yield (
                    key,
                    "storage is an instance's; write instance = NAME, or leave it out for all",
                )
        for kind, value in limits.items():
            if value is not None and not 0 < value <= 1:
                yield (
                    kind,
                    "must be a share of the declared storage, over 0 and up to 1; 85 % is 0.85",
                )
        limits = {k: STORAGE_LIMITS[k] if v is None else v for k, v in limits.items()}
    given = [(kind, value) for kind, value in limits.items() if value is not None]
    for (lower, low), (upper, high) in pairwise(given):
        if low >= high:
            yield upper, f"must be above {lower} ({low:g}); what is not written has its default"
    try:
        parts = split_name(threshold.scope) if threshold.scope is not None else ()
    except ValueError as error:
        yield "scope", str(error)
    else:
        if len(parts) > 2:
            yield "scope", "has too many parts; write SCHEMA or SCHEMA.TABLE"
