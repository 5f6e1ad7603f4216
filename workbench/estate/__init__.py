"""Estates: who owns what, where it runs, its limits. Reads files; knows no server.

estate.toml         [estate] [instances.NAME] [services.NAME] [[references]] [[actors]]
                    [[aliases]] [[thresholds]] [[designs]] [[events]] [[exemptions]]
services/NAME.toml  the keys of [services.NAME], for who wants a file per service
references.toml     [[references]] [[aliases]], for who wants them apart
exemptions.toml     [[exemptions]], for who wants them apart

Beside them lie decisions/*.md: see workbench.decide.decisions.
"""

from workbench.estate.claims import is_platform_schema
from workbench.estate.effort import CHANGED, EFFORT, MOVE
from workbench.estate.facts import (
    Actor,
    Alias,
    Capacity,
    DeclaredReference,
    Design,
    Endpoint,
    Event,
    Exemption,
    Instance,
    Owner,
    Partitioning,
    Place,
    Prices,
    Service,
    TableName,
    Threshold,
    Tls,
    WrittenEnd,
)
from workbench.estate.limits import (
    CAPACITY_METRICS,
    PROJECTS_OWN,
    STORAGE_USED,
    concerns,
    level_of,
    limits_of,
    limits_on,
    rank_of,
    scope_of,
    source_of,
)
from workbench.estate.metrics import METRICS, Level, Metric, Over, read_window
from workbench.estate.resolve import load_estate
from workbench.estate.supposed import with_limit
from workbench.estate.whole import Estate, Unmatched, estate_from_urls

__all__ = [
    "CAPACITY_METRICS",
    "CHANGED",
    "EFFORT",
    "METRICS",
    "MOVE",
    "PROJECTS_OWN",
    "STORAGE_USED",
    "Actor",
    "Alias",
    "Capacity",
    "DeclaredReference",
    "Design",
    "Endpoint",
    "Estate",
    "Event",
    "Exemption",
    "Instance",
    "Level",
    "Metric",
    "Over",
    "Owner",
    "Partitioning",
    "Place",
    "Prices",
    "Service",
    "TableName",
    "Threshold",
    "Tls",
    "Unmatched",
    "WrittenEnd",
    "concerns",
    "estate_from_urls",
    "is_platform_schema",
    "level_of",
    "limits_of",
    "limits_on",
    "load_estate",
    "rank_of",
    "read_window",
    "scope_of",
    "source_of",
    "with_limit",
]
