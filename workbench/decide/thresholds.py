"""How everything that has a limit stands against it: limits of the estate file, and the project's own where it sets none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from workbench.analyse.gaps import gap_of
from workbench.analyse.limits import absent
from workbench.analyse.standing import Figure
from workbench.decide.evidence import Evidence
from workbench.decide.facts import Interval, Limit, Status
from workbench.decide.measured import Ask, Measured, Thing
from workbench.decide.measures import MEASURES
from workbench.estate import (
    METRICS,
    Level,
    Metric,
    Threshold,
    concerns,
    level_of,
    limits_of,
    limits_on,
    read_window,
    scope_of,
    source_of,
)
from workbench.model import join_name

_Variant = tuple[str | None, tuple[tuple[str, float], ...]]
"""A window as written, and the numbers of a formula: one metric may be asked for in several."""

_KINDS: tuple[Limit, ...] = ("soft", "hard", "low")


def statuses(evidence: Evidence) -> tuple[Status, ...]:
    """Hold everything that has a limit against it: one status per thing, metric and kind of limit, sorted.

    Where several thresholds concern a thing the narrowest is meant. A threshold that concerns nothing that was
    found is ``unknown``, and so is each declared service and instance that could not be measured.

    >>> from workbench import load_history
    >>> from workbench.share import reference_estate
    >>> found = statuses(Evidence(load_history(reference_estate("hauspet") / "history")))
    >>> [(s.metric, s.state) for s in found if s.declared and s.service == "eventstore"]
    [('interference', 'crossed'), ('rows', 'crossed'), ('rows_per_day', 'crossed')]
    """
    found = list(_Holding(evidence).all())
    rank = {kind: number for number, kind in enumerate(_KINDS)}

    def order(s: Status) -> tuple[object, ...]:
        names = (s.service, s.instance, s.scope, s.metric)
        return not s.declared, *(n or "" for n in names), rank[s.kind]

    return tuple(sorted(found, key=order))


@dataclass(frozen=True)
class _Holding:
    """One pass over all limits: each metric is measured once for each of its levels and windows."""

    evidence: Evidence

    def all(self) -> Iterator[Status]:
        """Yield the statuses, metric by metric."""
        written = self.evidence.estate.thresholds
        own = [(m.name, m.levels[0]) for m in METRICS.values() if m.defaults]
        for name, level in dict.fromkeys([*own, *((t.metric, level_of(t)) for t in written)]):
            ours = [t for t in written if t.metric == name and level_of(t) == level]
            yield from self.of(METRICS[name], level, ours)

    def of(self, metric: Metric, level: Level, ours: list[Threshold]) -> Iterator[Status]:
        """Hold all things of a level against the limits of one metric."""
        kinds = {s.name: s.kind for s in self.evidence.estate.services}
        variants = [_variant(t) for t in ours]
        by_default = bool(metric.defaults) and level == metric.levels[0]
        if by_default:
            variants.append((None, ()))
        named = frozenset(t.service for t in ours if t.service is not None)
        # where each names its service, nobody else's is measured
        wanted = named if all(t.service for t in ours) and not by_default else None
        held = {v: self.measure(metric, level, v, wanted) for v in dict.fromkeys(variants)}
        things = dict.fromkeys(
            t for found in held.values() if isinstance(found, dict) for t in found
        )
        things |= dict.fromkeys(_expected(self.evidence, level))
        alike = Counter(thing._replace(database=None) for thing in things)
        used: set[int] = set()
        for thing in things:
            names = thing._asdict()
            used |= {id(t) for t in ours if concerns(t, names, kinds)}
            for kind, (limit, threshold) in limits_on(ours, metric, level, names, kinds).items():
                found = held[(None, ()) if threshold is None else _variant(threshold)]
                if isinstance(found, str):
                    told = self.unmeasured(found)
                else:
                    told = found.get(thing) or self.unmeasured(self.missing(thing))
                # one name in two databases is told apart
                bare = thing._replace(database=None)
                shown = thing if alike[bare] > 1 else bare
                yield self.status(metric, kind, limit, threshold, shown, told)
        for threshold in (t for t in ours if id(t) not in used):
            place = scope_of(threshold)
            thing = Thing(threshold.instance, threshold.service, None, *place)
            why = self.unmeasured(self.nothing(threshold))
            for kind, limit in limits_of(threshold).items():
                yield self.status(metric, kind, limit, threshold, thing, why)

    def measure(
        self, metric: Metric, level: Level, variant: _Variant, wanted: frozenset[str] | None
    ) -> dict[Thing, Measured] | str:
        """Measure a metric on all things of a level, or say why the history does not hold the window."""
        window, numbers = variant
        said = window or metric.over
        over = None if said is None else read_window(said)
        within = self.evidence if over is None else self.evidence.within(over)
        if isinstance(within, str):
            return within
        busiest = over is not None and over.busiest
        ask = Ask(level, busiest, {**metric.parameters, **dict(numbers)}, wanted)
        return {m.thing: m for m in MEASURES[metric.name](within, ask)}

    def status(
        self,
        metric: Metric,
        kind: Limit,
        limit: float,
        threshold: Threshold | None,
        thing: Thing,
        found: Measured,
    ) -> Status:
        """Hold one figure against one limit; what is exempted by the service's first name stays so."""
        status = _status(metric, kind, limit, threshold, thing, found)
        first = self.evidence.estate.first_names.get(thing.service or "")
        return replace(status, first_name=first) if first else status

    def unmeasured(self, why: str) -> Measured:
        """What stands for a thing that was not measured."""
        return Measured(Thing(), Figure(self.evidence.history.newest.at, None, None, because=why))

    def missing(self, thing: Thing) -> str:
        """Say why a declared thing was not measured."""
        newest = self.evidence.history.newest
        service = next((s for s in self.evidence.estate.services if s.name == thing.service), None)
        gap = gap_of(
            newest, "database", thing.instance or "", service.database if service else None
        )
        return gap or "nothing of it was found; `workbench check` names what is near"

    def nothing(self, threshold: Threshold) -> str:
        """Say why a threshold concerns nothing that was found."""
        for service in self.evidence.estate.services:
            if service.name == threshold.service and service.external:
                return "the service keeps its data elsewhere: nothing is collected from it"
        return absent(threshold, self.evidence.capacity.by_day)


def _variant(threshold: Threshold) -> _Variant:
    return threshold.window, tuple(sorted(threshold.parameters.items()))


def _expected(evidence: Evidence, level: Level) -> Iterator[Thing]:
    """The declared services and instances, measured or not."""
    estate = evidence.estate
    if level == "service" and not estate.implicit:
        for service in estate.services:
            if not service.external and service.instance is not None:
                yield Thing(instance=service.instance, service=service.name)
    if level == "instance":
        for instance in estate.instances:
            yield Thing(instance=instance.name)


def _status(
    metric: Metric,
    kind: Limit,
    limit: float,
    threshold: Threshold | None,
    thing: Thing,
    found: Measured,
) -> Status:
    unit = (threshold.unit if threshold else None) or metric.unit
    size = metric.size_of(unit)
    figure = found.figure
    told = figure.against(kind, limit)
    value = None
    if figure.low is not None and figure.high is not None:
        value = Interval(figure.low / size, figure.high / size)
    place = [n for n in (thing.database, thing.schema, thing.table) if n is not None]
    return Status(
        metric=metric.name,
        unit=unit,
        kind=kind,
        limit=limit / size,
        state=told.state,
        value=value,
        instance=thing.instance,
        service=thing.service,
        scope=join_name(place) if place else None,
        window=found.window or (threshold.window if threshold else None) or metric.over,
        since=told.since,
        crosses_on=told.reached.on,
        crosses_from=told.reached.since,
        crosses_until=told.reached.until,
        because=told.because,
        formula=(threshold.formula if threshold else None) or metric.formula,
        source=source_of(threshold),
        declared=threshold is not None,
        days=tuple((at, Interval(low / size, high / size)) for at, low, high in figure.days),
    )
