"""Verdicts in words: the same in a terminal, a notebook and on a page."""

from __future__ import annotations

from workbench.decide.argument import figure_of
from workbench.decide.facts import Interval, Judgement, Status, Verdict
from workbench.decide.verdicts import Verdicts
from workbench.present.text import brief
from workbench.present.units import day_text, interval_text, share_text

ACTS: tuple[Judgement, ...] = (
    "ready",
    "decouple first",
    "blocked",
    "fix in place",
    "insufficient evidence",
)
"""The verdicts that ask for something, the nearest to a move first."""

KINDS = {
    "statement": ("statement", "statements"),
    "transaction": ("transaction", "transactions"),
    "view": ("view", "views"),
    "foreign_key": ("foreign key", "foreign keys"),
    "trigger": ("trigger", "triggers"),
    "function": ("function", "functions"),
    "type": ("type", "types"),
    "sequence": ("sequence", "sequences"),
    "foreign_table": ("foreign table", "foreign tables"),
    "inheritance": ("inheritance", "inheritances"),
    "publication": ("publication", "publications"),
    "reference": ("reference", "references"),
    "grant": ("grant", "grants"),
}
"""What people call what breaks: one, and many."""


def ordered(found: Verdicts) -> list[Verdict]:
    """Return the verdicts, the nearest to a move first, then by pressure."""
    rank = {verdict: at for at, verdict in enumerate((*ACTS, "not needed"))}

    def order(v: Verdict) -> tuple[object, ...]:
        pressed = v.binding.pressure if v.binding is not None else None
        return rank[v.verdict], -(pressed.high if pressed else 0.0), v.service

    return sorted(found.verdicts, key=order)


_TOLD = {
    "ready": "ready to move",
    "decouple first": "to be decoupled first",
    "blocked": "blocked",
    "fix in place": "to be fixed in place",
    "insufficient evidence": "withheld",
}


def verdicts_answer(found: Verdicts) -> str:
    """Say in a sentence which services are to move, and how many stay.

    >>> from workbench import load_history, reference_estate, verdicts
    >>> verdicts_answer(verdicts(load_history(reference_estate("hauspet-small") / "history")))
    'All 3 services stay together: no limit asks for a move.'
    """
    if not found.verdicts:
        return "No service keeps its data here: there is nothing to separate."
    parts = []
    for verdict in ACTS:
        names = [brief(v.service) for v in found.verdicts if v.verdict == verdict]
        if names:
            parts.append(f"{_some(names)} {'is' if len(names) == 1 else 'are'} {_TOLD[verdict]}")
    rest = sum(v.verdict == "not needed" for v in found.verdicts)
    if not parts:
        who = "The one service stays" if rest == 1 else f"All {rest} services stay together"
        return f"{who}: no limit asks for a move."
    if rest:
        parts.append(f"{rest} {'stays' if rest == 1 else 'stay'}")
    return f"{'; '.join(parts)}."


def _some(names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} more"
    return f"{', '.join(names[:-1])} and {names[-1]}"


def pressure_words(verdict: Verdict) -> str:
    """The binding resource and the share of it: ``storage 35 % of 67 %``."""
    binding = verdict.binding
    if binding is None or binding.share is None or binding.used is None:
        return "unknown"
    share = interval_text(binding.share.low, binding.share.high, share_text)
    return f"{binding.name} {share} % of {share_text(binding.used)} %"


def isolation_words(verdict: Verdict) -> str:
    """The share of its calls that stays inside."""
    share = verdict.isolation.share
    return "unknown" if share is None else f"{share_text(share)} %"


def days_words(days: int | None, because: str | None) -> str:
    """Days, or what stands for them."""
    if days is not None:
        return f"{days:,}"
    return "> 10 years" if because == "not within ten years" else "no day"


def metric_name(status: Status) -> str:
    """What is limited, and of what."""
    place = ", ".join(filter(None, [status.service or status.instance, status.scope]))
    return f"{status.metric.replace('_', ' ')} of {place or 'the estate'}"


def value_words(status: Status) -> str:
    """The figure that is limited, with its unit."""
    return "unknown" if status.value is None else figure_of(status.value, status.unit)


def limit_of(status: Status) -> str:
    """The limit with its unit."""
    return figure_of(Interval(status.limit, status.limit), status.unit)


def limit_words(status: Status) -> str:
    """One limit in a line: what, the figure, the limit, how it stands and since or from when."""
    told = f"{metric_name(status)}: {value_words(status)}, {status.kind} limit {limit_of(status)}, {status.state}"
    if status.state == "crossed" and status.since:
        told += f" since {day_text(status.since)}"
    elif status.crosses_on:
        told += f" it on {day_text(status.crosses_on)}"
    elif status.state == "unknown" and status.because:
        told += f": {status.because}"
    return told
