"""Estates: who owns what, where it runs, its limits. Reads files; knows no server.

estate.toml         [estate] [instances.NAME] [services.NAME] [[references]] [[actors]]
                    [[aliases]] [[thresholds]] [[events]] [[exemptions]]
services/NAME.toml  the keys of [services.NAME], for who wants a file per service
references.toml     [[references]] [[aliases]], for who wants them apart
exemptions.toml     [[exemptions]], for who wants them apart
"""

from workbench.estate.claims import is_platform_schema
from workbench.estate.effort import CHANGED, EFFORT, MOVE
from workbench.estate.facts import (
    Actor,
    Alias,
    Capacity,
    DeclaredReference,
    Endpoint,
    Event,
    Exemption,
    Instance,
    Owner,
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
    STORAGE_USED,
    scope_of,
    source_of,
    storage_limits,
)
from workbench.estate.resolve import load_estate
from workbench.estate.whole import Estate, Unmatched, estate_from_urls

__all__ = [
    "CAPACITY_METRICS",
    "CHANGED",
    "EFFORT",
    "MOVE",
    "STORAGE_USED",
    "Actor",
    "Alias",
    "Capacity",
    "DeclaredReference",
    "Endpoint",
    "Estate",
    "Event",
    "Exemption",
    "Instance",
    "Owner",
    "Place",
    "Prices",
    "Service",
    "TableName",
    "Threshold",
    "Tls",
    "Unmatched",
    "WrittenEnd",
    "estate_from_urls",
    "is_platform_schema",
    "load_estate",
    "scope_of",
    "source_of",
    "storage_limits",
]
