"""What of each instance's resources is a service's, how much of them is used, and what the use falls to without it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pandas as pd

from workbench.analyse.capacity import Capacity
from workbench.analyse.workload import Workload
from workbench.decide import wraparound
from workbench.decide.facts import Interval, Resource
from workbench.estate import Capacity as Declared
from workbench.estate import Estate
from workbench.snapshot import records

RESOURCES = ("active sessions", "storage", "WAL", "connections", wraparound.NAME)
"""In the order in which they are shown."""

_MIB = 1024.0 * 1024.0


def resources(
    workload: Workload, capacity: Capacity, estate: Estate
) -> dict[str, tuple[Resource, ...]]:
    """Return every resource of each service's instances, by service, in the order of ``RESOURCES``.

    ``active sessions``: execution time of statements a second, over the declared vCPUs; commits and waits of
    clients are not in it. ``storage``: bytes of the service's relations, over the declared storage. ``WAL``: bytes
    that statements wrote a second, over the declared throughput. ``connections``: declared pools, over
    ``max_connections``. ``wraparound age``: the age of the oldest unfrozen number, over where the server stops to
    write; see ``workbench.decide.wraparound``. What is not declared or not counted is None, and says why.
    """
    found: dict[str, tuple[Resource, ...]] = {}
    for service, resource in _all(workload, capacity, estate):
        found[service] = (*found.get(service, ()), resource)
    return found


def together(found: Iterable[Resource]) -> tuple[Resource, ...]:
    """Add up the shares of several services, resource by resource; a share that is unknown makes the sum unknown."""
    groups: dict[tuple[str, str], list[Resource]] = {}
    for resource in found:
        groups.setdefault((resource.instance, resource.name), []).append(resource)
    return tuple(
        wraparound.together(group) if name == wraparound.NAME else _with(group[0], _sum(group))
        for (_, name), group in groups.items()
    )


def _sum(group: list[Resource]) -> Interval | None:
    shares = [r.share for r in group]
    known = [s for s in shares if s is not None]
    if len(known) < len(shares):
        return None
    return Interval(min(sum(s.low for s in known), 1.0), min(sum(s.high for s in known), 1.0))


def _with(resource: Resource, share: Interval | None) -> Resource:
    after = None
    if share is not None and resource.used is not None:
        after = Interval(resource.used * (1 - share.high), resource.used * (1 - share.low))
    return replace(resource, share=share, after=after)


def _all(workload: Workload, capacity: Capacity, estate: Estate) -> Iterator[tuple[str, Resource]]:
    load = {(r["instance"], r["service"]): r for r in records(workload.services)}
    sizes = {(r["instance"], r["service"]): r for r in records(capacity.services)}
    disks = {r["instance"]: r for r in records(capacity.instances)}
    settings = workload.attributed.window.history.newest.frame("settings", "name", "reset_val")
    most = {
        r["instance"]: float(r["reset_val"])
        for r in records(settings[settings["name"] == "max_connections"])
    }
    given = {i.name: i.capacity for i in estate.instances}
    newest = workload.attributed.window.history.newest
    owned = capacity.relations[["instance", "database", "schema", "table", "service"]]
    ages = wraparound.Wraparound(newest, owned)
    for instance, service in sorted(k for k in {*load, *sizes} if isinstance(k[1], str)):
        row = load.get((instance, service))
        # a snapshot may know an instance that the estate file does not name any more
        declared = given.get(instance, Declared())
        used = _seconds_of(workload, instance, "time_ms")
        vcpus = declared.vcpus
        yield (
            service,
            _with(
                Resource(
                    "active sessions",
                    instance,
                    None if used is None or not vcpus else used / 1000 / vcpus,
                    None,
                    because=_why(row, "vcpus" if not vcpus else None, instance),
                ),
                _share(row, "time_ms_share"),
            ),
        )
        yield service, _storage(instance, disks.get(instance), sizes.get((instance, service)))
        wal, throughput = _seconds_of(workload, instance, "wal_bytes"), declared.throughput_mb
        yield (
            service,
            _with(
                Resource(
                    "WAL",
                    instance,
                    None if wal is None or not throughput else wal / (throughput * _MIB),
                    None,
                    because=_why(row, "throughput_mb" if not throughput else None, instance),
                ),
                _share(row, "wal_bytes_share"),
            ),
        )
        yield service, _connections(estate, instance, service, most.get(instance))
        yield service, ages.of(instance, service)


def _seconds_of(workload: Workload, instance: str, measure: str) -> float | None:
    """What all statements of an instance made of a measure in a second of the real clock."""
    entries = workload.attributed.entries
    mine = entries[(entries["instance"] == instance) & entries["toplevel"].fillna(True)]
    seconds = workload.services.loc[workload.services["instance"] == instance, "seconds"].dropna()
    total = mine[measure].sum(min_count=1)
    if seconds.empty or not float(seconds.iloc[0]) or pd.isna(total):
        return None
    return float(total) / float(seconds.iloc[0])


def _share(row: dict[str, Any] | None, name: str) -> Interval | None:
    if row is None or pd.isna(row[f"{name}_low"]) or pd.isna(row[f"{name}_high"]):
        return None
    return Interval(float(row[f"{name}_low"]), float(row[f"{name}_high"]))


def _why(row: dict[str, Any] | None, undeclared: str | None, instance: str) -> str | None:
    reasons = []
    if row is None:
        reasons.append("no statement of it was seen")
    elif isinstance(row["because"], str):
        reasons.append(row["because"])
    if undeclared:
        reasons.append(
            f"{undeclared} is not declared: write capacity = {{ {undeclared} = ... }} for {instance}"
        )
    return "; ".join(reasons) or None


def _storage(instance: str, disk: dict[str, Any] | None, size: dict[str, Any] | None) -> Resource:
    if disk is None or pd.isna(disk["bytes"]):
        return Resource("storage", instance, None, None, because="its size was not collected")
    beside = 0.0 if pd.isna(disk["beside_bytes"]) else float(disk["beside_bytes"])
    whole = float(disk["bytes"]) + beside
    room = disk["storage_bytes"]
    share = None
    if size is not None and not pd.isna(size["total_bytes"]) and whole:
        part = float(size["total_bytes"]) / whole
        share = Interval(part, part)
    because = (
        f"storage_gb is not declared: write capacity = {{ storage_gb = ... }} for {instance}"
        if pd.isna(room)
        else None
    )
    used = None if pd.isna(room) else whole / float(room)
    return _with(Resource("storage", instance, used, None, because=because), share)


def _connections(estate: Estate, instance: str, service: str, most: float | None) -> Resource:
    here = [s for s in estate.services if s.instance == instance and not s.external]
    pools = {s.name: s.connection_limit for s in here}
    known = {name: limit for name, limit in pools.items() if limit is not None}
    if service not in known or not most:
        said = f"write connection_limit for {service}" if most else "max_connections was not read"
        return Resource("connections", instance, None, None, because=said)
    total = float(sum(known.values()))
    missing = len(pools) - len(known)
    because = f"{missing} services declare no connection_limit" if missing else None
    part = known[service] / total
    # pools that nobody declared make this one's part smaller, never larger
    share = Interval(0.0 if missing else part, part)
    return _with(Resource("connections", instance, total / most, None, because=because), share)
