"""What a threshold may say: its metric and unit, what it is held against, and that no two of them contradict."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType

from workbench.estate.facts import Service, Threshold
from workbench.estate.metrics import (
    KINDS,
    METRICS,
    Kind,
    Level,
    Metric,
    read_window,
    unknown_metric,
)
from workbench.estate.names import nearest, split_name

STORAGE_USED = "storage_used"

CAPACITY_METRICS: Mapping[str, str] = MappingProxyType(
    {
        name: METRICS[name].unit
        for name in (STORAGE_USED, "total_bytes", "bytes_per_day", "rows", "rows_per_day")
    }
)
"""Those of the metrics that pages about capacity show, and their units."""

PROJECTS_OWN = "the project's default"


def scope_of(threshold: Threshold) -> tuple[str | None, str | None]:
    """Return the schema and the table that a threshold's ``scope`` names; None where it names none.

    >>> scope_of(Threshold("rows", scope="shop.orders")), scope_of(Threshold("rows", scope="shop"))
    (('shop', 'orders'), ('shop', None))
    """
    if threshold.scope is None:
        return None, None
    schema, table, *_ = (*split_name(threshold.scope), None)
    return schema, table


def concerns(
    threshold: Threshold, thing: Mapping[str, str | None], kinds: Mapping[str, str | None]
) -> bool:
    """Whether a threshold is about a thing, given its names and the kinds of all services.

    ``thing`` names instance, service, schema and table, None where it is wider.

    >>> concerns(Threshold("rows", scope="shop"), {"service": "order", "schema": "shop"}, {})
    True
    """
    schema, table = scope_of(threshold)
    service = thing.get("service")
    pairs = (
        (threshold.instance, thing.get("instance")),
        (threshold.service, service),
        (threshold.kind, kinds.get(service) if service else None),
        (schema, thing.get("schema")),
        (table, thing.get("table")),
    )
    return all(wanted is None or wanted == name for wanted, name in pairs)


def limits_on(
    thresholds: Iterable[Threshold],
    metric: Metric,
    level: Level,
    thing: Mapping[str, str | None],
    kinds: Mapping[str, str | None],
) -> dict[Kind, tuple[float, Threshold | None]]:
    """Return the limits of a thing by kind, each in the metric's own unit and with the threshold that sets it.

    The narrowest goes first, and the project's own (None), of the metric's first level, last. See ``concerns``.

    >>> limits_on([Threshold("rows", hard=5)], METRICS["rows"], "service", {"service": "order"}, {})["hard"][0]
    5.0
    """
    found: dict[Kind, tuple[float, Threshold | None]] = {}
    if level == metric.levels[0]:
        found = {kind: (limit, None) for kind, limit in metric.defaults.items()}
    ours = (t for t in thresholds if t.metric == metric.name and level_of(t) == level)
    for threshold in sorted((t for t in ours if concerns(t, thing, kinds)), key=rank_of):
        found |= {kind: (limit, threshold) for kind, limit in limits_of(threshold).items()}
    return found


def source_of(threshold: Threshold | None) -> str:
    """Return where a limit was agreed, in words; None: the project's own."""
    if threshold is None:
        return PROJECTS_OWN
    return threshold.source or "the estate file"


def limits_of(threshold: Threshold) -> dict[Kind, float]:
    """Return the limits that a threshold sets, by kind, in its metric's own unit.

    >>> limits_of(Threshold("latency", hard=1, unit="s"))
    {'hard': 1000.0}
    """
    metric = METRICS[threshold.metric]
    size = metric.size_of(threshold.unit or metric.unit)
    given = {kind: getattr(threshold, kind) for kind in KINDS}
    return {kind: value * size for kind, value in given.items() if value is not None}


def level_of(threshold: Threshold) -> Level:
    """Return what each is held against a threshold: as it says, or as its scope or metric has it.

    >>> level_of(Threshold("rows", scope="shop.orders")), level_of(Threshold("latency"))
    ('table', 'service')
    """
    if threshold.per is not None:
        return threshold.per
    schema, table = scope_of(threshold)
    if schema is not None:
        return "schema" if table is None else "table"
    levels = METRICS[threshold.metric].levels
    named = threshold.service or threshold.kind
    return "service" if named and "service" in levels else levels[0]


def rank_of(threshold: Threshold) -> tuple[bool, ...]:
    """Return how narrow a threshold is; of two that concern one thing, the greater goes first."""
    narrow = (threshold.scope, threshold.service, threshold.kind, threshold.instance)
    return tuple(name is not None for name in narrow)


def faults_of(threshold: Threshold) -> Iterator[tuple[str, str]]:
    """Say what is wrong with a threshold alone: the key, and the fault with the next step."""
    if threshold.metric not in METRICS:
        yield "metric", unknown_metric(threshold.metric)
        return
    metric = METRICS[threshold.metric]
    if threshold.unit is not None and threshold.unit not in metric.units:
        yield (
            "unit",
            f"{metric.name} is not in {threshold.unit!r}; {nearest(threshold.unit, metric.units)}",
        )
        return
    scoped = list(_scope_faults(threshold))
    yield from scoped or _level_faults(threshold, metric)
    yield from _number_faults(threshold, metric)
    if threshold.window is not None:
        try:
            read_window(threshold.window)
        except ValueError as error:
            yield "window", str(error)
        else:
            if metric.over is None:
                yield "window", f"{metric.name} is a state of the newest snapshot; leave window out"
    for name in threshold.parameters:
        if name not in metric.parameters:
            valid = nearest(name, metric.parameters.keys())
            yield "parameters", f"{metric.name} has no parameter {name!r}; {valid}"


def _scope_faults(threshold: Threshold) -> Iterator[tuple[str, str]]:
    try:
        parts = split_name(threshold.scope) if threshold.scope is not None else ()
    except ValueError as error:
        yield "scope", str(error)
    else:
        if len(parts) > 2:
            yield "scope", "has too many parts; write SCHEMA or SCHEMA.TABLE"


def _level_faults(threshold: Threshold, metric: Metric) -> Iterator[tuple[str, str]]:
    held = metric.levels
    if "service" not in held:
        for key in ("service", "kind", "scope"):
            if getattr(threshold, key) is not None:
                whose = f"{metric.name} is an instance's"
                yield key, f"{whose}; write instance = NAME, or leave it out for all"
                return
    level = level_of(threshold)
    if level not in held:
        key = "per" if threshold.per is not None else "scope"
        yield key, f"{metric.name} is not known of a {level}; valid: {', '.join(held)}"
    wider = {
        "estate": ("service", "kind", "instance", "scope"),
        "instance": ("service", "kind", "scope"),
    }
    for name in (*wider.get(level, ()), *(("scope",) if level == "service" else ())):
        if getattr(threshold, name) is not None:
            yield (
                name,
                f"says nothing where each {level} is limited; leave it out, or write another per",
            )


def _number_faults(threshold: Threshold, metric: Metric) -> Iterator[tuple[str, str]]:
    given = limits_of(threshold)
    for kind, value in given.items():
        if metric.good == "high" and kind != "low":
            yield kind, f"more {metric.name} is better; write low"
        elif metric.a_share and not 0 < value <= 1:
            yield kind, "must be a share, over 0 and up to 1; 85 % is 0.85"
        elif value < 0:
            yield kind, "must not be below 0"
    for name, value in threshold.parameters.items():
        if value < 0 or (name.endswith(("share", "confidence")) and not 0 < value < 1):
            yield (
                "parameters",
                f"{name} must be {'over 0 and below 1' if value >= 0 else '0 or more'}",
            )
    limits: dict[Kind, float] = {**metric.defaults, **given}
    for lower, upper in _disordered(limits):
        said = "" if lower in given and upper in given else "; what is not written has its default"
        yield upper, f"must be above {lower} ({limits[lower]:g}){said}"


def _disordered(limits: Mapping[Kind, float]) -> Iterator[tuple[Kind, Kind]]:
    """The pairs of neighbouring kinds of which the lower is not below the upper."""
    order: tuple[Kind, ...] = ("low", "soft", "hard")
    for lower, upper in pairwise(kind for kind in order if kind in limits):
        if limits[lower] >= limits[upper]:
            yield lower, upper


def contradictions(
    thresholds: Sequence[tuple[Threshold, str]], services: Iterable[Service]
) -> Iterator[tuple[int, str, str]]:
    """Say which thresholds contradict others: the number of each, the key, and the fault with the next step.

    ``thresholds`` come with where they are written, and have no faults alone.
    """
    kinds = {s.name: s.kind for s in services}
    alike: dict[tuple[object, ...], list[int]] = {}
    for number, (threshold, _) in enumerate(thresholds):
        alike.setdefault((threshold.metric, level_of(threshold)), []).append(number)
    for numbers in alike.values():
        for number in numbers:
            mine, _ = thresholds[number]
            given = limits_of(mine)
            over = [n for n in numbers if n != number and contains(thresholds[n][0], mine, kinds)]
            same = [n for n in over if contains(mine, thresholds[n][0], kinds)]
            limits: dict[Kind, float] = dict(METRICS[mine.metric].defaults)
            said = dict.fromkeys(limits, "it is the project's own")
            for n in sorted(over, key=lambda n: (rank_of(thresholds[n][0]), n)):
                theirs = limits_of(thresholds[n][0])
                if n in same and n > number:
                    continue  # that one is told of it
                if twice := [kind for kind in given if n in same and kind in theirs]:
                    yield (
                        number,
                        twice[0],
                        f"is set at {thresholds[n][1]} already; keep one of them",
                    )
                limits |= theirs
                said |= dict.fromkeys(theirs, f"{thresholds[n][1]} says so")
            for lower, upper in _disordered({**limits, **given}):
                if upper in given and lower not in given:
                    yield number, upper, f"must be above {lower} ({limits[lower]:g}); {said[lower]}"
                elif lower in given and upper not in given:
                    yield number, lower, f"must be below {upper} ({limits[upper]:g}); {said[upper]}"


def contains(wide: Threshold, narrow: Threshold, kinds: Mapping[str, str | None]) -> bool:
    """Whether whatever the narrow threshold concerns, the wide one concerns as well."""
    kind = narrow.kind or kinds.get(narrow.service or "")
    pairs = (
        (wide.scope, narrow.scope),
        (wide.service, narrow.service),
        (wide.kind, kind),
        (wide.instance, narrow.instance),
    )
    return all(w is None or w == n for w, n in pairs)
