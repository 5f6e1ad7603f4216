"""Crossed limits and findings as things that may be new."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from workbench.decide.decisions import figure
from workbench.decide.evidence import Evidence
from workbench.decide.facts import Status
from workbench.decide.remembered import Family
from workbench.decide.seen import Keyed, Seen
from workbench.decide.thresholds import statuses
from workbench.model import Finding


def limits_now(found: Iterable[Status]) -> tuple[Keyed, ...]:
    """Return the limits that are crossed: every written one, and the project's own where it is hard.

    >>> from workbench.decide.facts import Interval
    >>> limits_now([Status("rows", "rows", "hard", 1e6, "crossed", Interval(2e6, 2e6), "main", "log")])[0].what
    'main/log: rows is 2,000,000, beyond its hard limit of 1,000,000 rows'
    """
    return tuple(
        Keyed(s.key, "threshold", _said(s), s.service, since=s.since)
        for s in found
        if s.state == "crossed" and (s.declared or s.kind == "hard")
    )


def _said(status: Status) -> str:
    place = [p for p in (status.instance, status.service, status.scope) if p is not None]
    beyond = "under" if status.kind == "low" else "beyond"
    value = "" if status.value is None else f"{figure(status.value.low)}, "
    limit = f"its {status.kind} limit of {figure(status.limit)} {status.unit}"
    return f"{'/'.join(place) or 'the estate'}: {status.metric} is {value}{beyond} {limit}"


LIMITS = Family(
    "limits", ("threshold",), "1", lambda e: Seen.of(limits_now(statuses(e))), alone=False
)
"""Limits that are crossed, as a history remembers them."""


def findings_now(found: Iterable[Finding]) -> tuple[Keyed, ...]:
    """Return findings as things that may be new: errors and warnings.

    >>> findings_now([Finding("no-key", "error", "shop.orders", "it has no primary key", "add one")])[0].what
    'shop.orders: it has no primary key'
    """
    return tuple(
        Keyed(f.key, f.rule, f"{f.subject}: {f.detail}") for f in found if f.level != "info"
    )


def findings_family(
    name: str, kinds: Iterable[str], version: str, rules: Callable[[Evidence], Iterable[Finding]]
) -> Family:
    """Return what remembers the findings of rules: ``kinds`` are the rules' names. See ``Family``."""
    return Family(name, tuple(kinds), version, lambda e: Seen.of(findings_now(rules(e))))
