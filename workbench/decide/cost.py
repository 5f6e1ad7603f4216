"""What servers cost before, during and after a move, from the prices that an estate declares."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.analyse.capacity import Capacity
from workbench.decide.facts import Cost, Resource
from workbench.estate import STORAGE_USED, Estate, Prices
from workbench.snapshot import records

FULL = 0.7
"""A server is not planned to be busier, or its disk fuller, than this: the soft limit of storage, too."""

SOON_DAYS = 365
"""An instance has to grow first where it reaches a hard limit within a year."""


@dataclass(frozen=True)
class Size:
    """A server as it is priced: vCPUs, GiB of memory, GB of storage."""

    vcpus: float
    memory_gb: float
    storage_gb: float

    def price(self, prices: Prices) -> float:
        """Return what it costs a month.

        >>> Size(2, 8, 100).price(Prices("EUR", 30, 4, 0.12))
        104.0
        """
        return (
            self.vcpus * prices.vcpu
            + self.memory_gb * prices.memory_gb
            + self.storage_gb * prices.storage_gb
        )

    def times(self, power: float, disk: float = 1.0) -> Size:
        """Return it with so many times its vCPUs and memory, and so many times its storage."""
        return Size(self.vcpus * power, self.memory_gb * power, self.storage_gb * disk)


def cost_of(
    estate: Estate, capacity: Capacity, moving: Iterable[Resource], services: Sequence[str]
) -> Cost | str | None:
    """Return what moving ``services`` to one instance of their own costs; None without prices, else why it cannot be told.

    ``moving`` are their resources, summed. The target is as their attribute ``separated`` says (vcpus,
    memory_gb, storage_gb, replicas); what it does not say is their share of each instance's vCPUs and
    memory rounded up, and their size at ``FULL``. The source becomes half as large as often as the move, and nothing
    else, makes that possible; its storage never does. Waiting costs twice the vCPUs and memory where they are busier than
    ``FULL``, and twice the storage where its hard limit is reached within a year.
    """
    prices = estate.prices
    if prices is None:
        return None
    resources = {(r.instance, r.name): r for r in moving}
    instances = sorted({i for i, _ in resources})
    now: dict[str, Size] = {}
    for name in instances:
        declared = estate.instance(name).capacity
        sizes = (declared.vcpus, declared.memory_gb, declared.storage_gb)
        if None in sizes:
            return "write capacity = { vcpus = ..., memory_gb = ..., storage_gb = ... } for " + name
        now[name] = Size(*sizes)  # type: ignore[arg-type]
    if not instances:
        return "nothing of what moves was found on a server"
    target = _target(estate, capacity, resources, services, now)
    if isinstance(target, str):
        return target
    size, copies, how = target
    today = sum(s.price(prices) for s in now.values())
    fresh = size.price(prices) * copies
    after = 0.0
    said = [how]
    for name in instances:
        halves = _halvings(resources.get((name, "active sessions")), now[name].vcpus)
        if halves:
            said.append(f"{name} may be {2**halves} times smaller then")
        after += now[name].times(0.5**halves).price(prices)
    waiting, why = _waiting(capacity, resources, now, prices)
    return Cost(
        prices.currency,
        round(today, 2),
        round(today + fresh, 2),
        round(after + fresh, 2),
        None if waiting is None else round(waiting, 2),
        (*said, *why),
    )


def _target(
    estate: Estate,
    capacity: Capacity,
    resources: dict[tuple[str, str], Resource],
    services: Sequence[str],
    now: dict[str, Size],
) -> tuple[Size, int, str] | str:
    wishes = [_wish(estate, name) for name in services]
    copies = 1 + max(_count(w.get("replicas")) for w in wishes)
    found: dict[str, float] = {}
    sources = []
    for key in ("vcpus", "memory_gb", "storage_gb"):
        if all(_is_number(w.get(key)) for w in wishes):
            found[key] = float(sum(w[key] for w in wishes))
            sources.append(f"{key} as declared")
            continue
        if key == "storage_gb":
            held = capacity.services[capacity.services["service"].isin(services)]["total_bytes"]
            if held.isna().any() or held.empty:
                return f"the size of {' and '.join(services)} was not collected"
            found[key] = float(max(math.ceil(float(held.sum()) / 10**9 / FULL), 1))
            sources.append(f"{key} by its size, {FULL:.0%} full")
            continue
        parts = [_share(resources, name) for name in now]
        if None in parts:
            return (
                f"how much of {' and '.join(now)} is theirs is not known, and attributes.separated"
                f" = {{ {key} = ... }} does not say how large they are to be"
            )
        whole = sum(getattr(s, key) * p for s, p in zip(now.values(), parts, strict=True) if p)
        found[key] = float(max(math.ceil(whole), 1))
        sources.append(f"{key} by its share")
    size = Size(found["vcpus"], found["memory_gb"], found["storage_gb"])
    more = f", {copies} times" if copies > 1 else ""
    shown = f"{size.vcpus:g} vCPUs, {size.memory_gb:g} GiB, {size.storage_gb:g} GB{more}"
    return size, copies, f"the target has {shown}: {', '.join(sources)}"


def _wish(estate: Estate, service: str) -> dict[str, Any]:
    wish = estate.service(service).attributes.get("separated")
    return dict(wish) if isinstance(wish, dict) else {}


def _count(replicas: object) -> int:
    """How many replicas are wished for: ``true`` is one."""
    return int(replicas) if isinstance(replicas, int) and replicas > 0 else 0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _share(resources: dict[tuple[str, str], Resource], instance: str) -> float | None:
    found = resources.get((instance, "active sessions"))
    return None if found is None or found.share is None else found.share.high


def _halvings(load: Resource | None, vcpus: float) -> int:
    """How often the move makes half the instance enough, where it was not before."""
    if load is None or load.used is None or load.after is None:
        return 0
    return max(_fits(load.after.high, vcpus) - _fits(load.used, vcpus), 0)


def _fits(used: float, vcpus: float) -> int:
    """How often an instance can be halved before it is too busy, or has less than one vCPU.

    >>> [_fits(used, 8) for used in (0.8, 0.3, 0.15, 0.0)]
    [0, 1, 2, 3]
    """
    count = 0
    while used * 2 ** (count + 1) <= FULL and vcpus / 2 ** (count + 1) >= 1:
        count += 1
    return count


def _waiting(
    capacity: Capacity,
    resources: dict[tuple[str, str], Resource],
    now: dict[str, Size],
    prices: Prices,
) -> tuple[float | None, list[str]]:
    limits = capacity.limits
    hard = limits[(limits["metric"] == STORAGE_USED) & (limits["kind"] == "hard")]
    days = {r["instance"]: r for r in records(hard)}
    total, said = 0.0, []
    for name, size in now.items():
        load, disk = resources.get((name, "active sessions")), days.get(name)
        if load is None or load.used is None or disk is None or pd.isna(disk["value"]):
            return None, [f"what waiting costs is not known: {name}'s load or size is not"]
        if pd.isna(disk["days"]) and "daily points" in (disk["because"] or ""):
            return None, [f"what waiting costs is not known: {disk['because']}"]
        power = 2.0 if load.used > FULL else 1.0
        fills = not pd.isna(disk["days"]) and float(disk["days"]) <= SOON_DAYS
        if power > 1:
            said.append(f"{name} is {load.used:.0%} busy: it needs twice the vCPUs and memory")
        if fills:
            said.append(
                f"{name} reaches {float(disk['limit']):.0%} of its storage in {disk['days']:.0f} days: it needs twice"
            )
        total += size.times(power, 2.0 if fills else 1.0).price(prices)
    return total, said
