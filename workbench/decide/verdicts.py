"""A verdict for each service: what presses, how far it stands alone, how long is left, what is in the way, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from workbench.decide import argument
from workbench.decide.busiest import Busiest
from workbench.decide.caveats import Caveats
from workbench.decide.evidence import Evidence
from workbench.decide.facts import Isolation, Move, Resource, Status, Urgency, Verdict, WhatIf
from workbench.decide.isolation import Isolations
from workbench.decide.judgement import Known, judge
from workbench.decide.leaving import Leaving
from workbench.decide.order import next_moves
from workbench.decide.pressing import Pressing
from workbench.decide.remedies import Remedies
from workbench.decide.targets import Target, Targets
from workbench.decide.thresholds import statuses
from workbench.decide.whatif import Moves
from workbench.model import Coverage
from workbench.snapshot import History, records

_MOVING = ("blocked", "decouple first", "ready")
"""Verdicts that rest on what breaks."""


@dataclass(frozen=True)
class Verdicts:
    """How every limit stands, and a verdict for each service that keeps its data here, by name.

    ``targets`` are the places where each may go; ``order`` are the next moves; ``what_if`` is what was asked for.
    """

    coverage: Coverage
    statuses: tuple[Status, ...]
    verdicts: tuple[Verdict, ...]
    order: tuple[Move, ...] = ()
    what_if: WhatIf | None = None
    targets: tuple[Target, ...] = ()

    def of(self, service: str) -> Verdict:
        """Return the verdict of a service; KeyError where it has none."""
        return {v.service: v for v in self.verdicts}[service]

    def to_json(self) -> dict[str, object]:
        """Return the ``verdicts`` document."""
        asked = {} if self.what_if is None else {"what_if": self.what_if.to_json()}
        return {
            "coverage": self.coverage.to_json(),
            "thresholds": [s.to_json() for s in self.statuses],
            "verdicts": [v.to_json() for v in self.verdicts],
            "targets": [t.to_json() for t in self.targets],
            "order": [m.to_json() for m in self.order],
            **asked,
        }


def verdicts(found: History | Evidence) -> Verdicts:
    """Conclude for every service whether it is to move: see ``workbench.decide.judgement`` for the rules.

    >>> from workbench import load_history
    >>> from workbench.share import reference_estate
    >>> grown = verdicts(load_history(reference_estate("hauspet") / "history"))
    >>> grown.of("eventstore").verdict
    'decouple first'
    """
    evidence = Evidence(found) if isinstance(found, History) else found
    judging = _Judging(evidence)
    services = sorted(s.name for s in evidence.estate.services if not s.external)
    made = tuple(judging.verdict(name) for name in services)
    return Verdicts(
        evidence.coverage,
        judging.statuses,
        made,
        next_moves(judging.moves, limits=judging.statuses),
        targets=tuple(t for name in services for t in judging.targets(name)),
    )


def moves_of(evidence: Evidence) -> Moves:
    """Return what answers what-if questions about an estate."""
    chooser = Remedies.of(evidence.estate)
    return Moves(
        evidence.estate, evidence.workload, evidence.capacity, evidence.references, chooser
    )


@dataclass(frozen=True)
class _Judging:
    evidence: Evidence

    @cached_property
    def statuses(self) -> tuple[Status, ...]:
        return statuses(self.evidence)

    @cached_property
    def moves(self) -> Moves:
        return moves_of(self.evidence)

    @cached_property
    def leaving(self) -> Leaving:
        return Leaving(self.evidence)

    @cached_property
    def pressing(self) -> Pressing:
        return Pressing(self.evidence, self.moves.resources, self.leaving)

    @cached_property
    def isolations(self) -> Isolations:
        return Isolations(self.evidence)

    @cached_property
    def caveats(self) -> Caveats:
        return Caveats(self.evidence)

    @cached_property
    def busiest(self) -> Busiest:
        return Busiest(self.evidence)

    @cached_property
    def _places(self) -> dict[str, tuple[str, ...]]:
        """The instances on which something of a service was found."""
        held = self.evidence.capacity.services
        # a declared service of which nothing was found has a row as well, without tables
        found = [held[held["tables"].notna()], self.evidence.workload.services]
        both = pd.concat([f[["instance", "service"]] for f in found]).dropna()
        sums = both.groupby("service")["instance"].unique()
        return {str(name): tuple(sorted(map(str, held))) for name, held in sums.items()}

    @cached_property
    def _load(self) -> dict[tuple[str, str], dict[str, Any]]:
        return {(r["instance"], r["service"]): r for r in records(self.evidence.workload.services)}

    @cached_property
    def _alone(self) -> dict[str, WhatIf]:
        """What each service's move alone would do, as far as it was asked."""
        return {}

    @cached_property
    def _targets(self) -> Targets:
        return Targets(self.moves)

    def targets(self, service: str) -> tuple[Target, ...]:
        return self._targets.of(service, self._alone.get(service))

    def verdict(self, service: str) -> Verdict:
        places = self._places.get(service, ())
        resources = tuple(
            self.busiest.of(service, r) for r in self.moves.resources.get(service, ())
        )
        asked = self._alone[service] = self.moves.what_if([service])
        breaks = asked.breaks
        blockers = tuple(b for b in breaks if b.kind != "grant")
        shared = tuple(s for s in self.statuses if _shared(s, places))
        own = tuple(s for s in self.statuses if s.service == service)
        known = Known(
            self.evidence.history.newest.at.date(),
            tuple(s for s in own if s.declared),
            shared,
            resources,
            blockers,
            self._blind(service, places),
            self._top_five(service, places),
            self.leaving.curable(service, shared),
            self.pressing.of(service, shared),
            None if places else self._unread(service),
            asked.unknown,
        )
        judged = judge(known)
        urgency = self.leaving.urgency(service, shared) if places else Urgency(because=known.unread)
        isolation = self.isolations.of(service, breaks, known.blind)
        if known.unread is not None:
            isolation = Isolation(None, tuple((name, None) for name, _ in isolation.counts))
        binding = _binding(resources)
        warnings = self.caveats.of(service, known, judged, breaks)
        made = Verdict(
            service,
            judged.verdict,
            "",
            binding,
            resources,
            isolation,
            urgency,
            tuple(
                s.key for s in (*known.own, *shared) if s.state == "crossed" and s in judged.reasons
            ),
            blockers,
            warnings,
            tuple(
                dict.fromkeys(
                    [
                        *judged.open,
                        *self._settles(places, resources, known),
                        *(asked.unknown if judged.verdict in _MOVING else ()),
                    ]
                )
            ),
        )
        effort = self.moves.effort(blockers)
        return replace(made, argument=argument.of(made, judged, known, effort))

    def _blind(self, service: str, places: tuple[str, ...]) -> str | None:
        """Why what breaks is not known."""
        if not places:
            return self._unread(service)
        for instance in places:
            row = self._load.get((instance, service))
            if row is None:
                return f"no statement of {instance} was read"
            if pd.isna(row["calls_low"]):
                return str(row["because"])
        return None

    def _top_five(self, service: str, places: tuple[str, ...]) -> float | None:
        rows = [self._load.get((instance, service), {}) for instance in places]
        shares = [row.get("top_five") for row in rows]
        return min((float(s) for s in shares if pd.notna(s)), default=None)

    def _unread(self, service: str) -> str:
        mine = next(s for s in self.evidence.estate.services if s.name == service)
        for missing in self.evidence.coverage.missing:
            whole = missing.what == "instance" or (
                missing.what == "database" and missing.database in (None, mine.database)
            )
            if missing.instance == mine.instance and whole:
                return f"nothing of it was read: {missing.why}; {missing.remedy}"
        return "nothing of it was found; `workbench check` names what is near"

    def _settles(
        self, places: tuple[str, ...], resources: tuple[Resource, ...], known: Known
    ) -> Iterable[str]:
        for resource in resources:
            if resource.pressure is None and resource.because:
                yield f"{resource.name}: {resource.because}"
        for status in known.own:
            if status.state == "unknown":
                yield f"{status.metric}: {status.because}"
        measured = {s.instance for s in self.statuses if s.metric == "cpu" and s.value is not None}
        for instance in places:
            if instance not in measured:
                yield (
                    f"CPU unmeasured on {instance}: time in statements stands for it; "
                    "`workbench history import` takes a provider's metric"
                )


def _shared(status: Status, places: tuple[str, ...]) -> bool:
    """Whether a limit is one of the instances of a service, or of the whole estate."""
    if status.service is not None or status.scope is not None or not places:
        return False
    return status.instance is None or status.instance in places


def _binding(resources: Iterable[Resource]) -> Resource | None:
    """The resource that presses most: of the highest upper end of share times utilisation."""
    known = [(r.pressure.high, -at, r) for at, r in enumerate(resources) if r.pressure is not None]
    return max(known, key=lambda k: k[:2])[2] if known else None
