"""What meetings decided: ``decisions/*.md`` of the estate's folder, and which of it is due.

A decision is a text of Markdown, headed by TOML between two lines of ``+++``::

    +++
    id = "2026-11-order"
    date = 2026-11-20
    service = "order"
    option = "stay"                  # what was chosen; see OPTIONS
    verdict = "decouple first"       # what the review said then
    evidence = ["threshold:bytes:hard:main/order"]
    owner = "ada"
    due = 2027-01-31                 # by when it is done; without, there is nothing to do
    status = "open"                  # open, done or dropped

    [revisit_when]                   # a metric over its limit brings it back to the table
    metric = "total_bytes"
    limit = 500_000_000_000
    unit = "bytes"
    +++
    The stock moves first: order waits for the outbox.

They are no part of the estate: a slip in the minutes must not stop a night's collection, and a decision changes no
figure, so that the digest under which figures are cited leaves them out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from workbench.decide.facts import Interval, Status
from workbench.estate import METRICS, Estate
from workbench.estate.files import Faults
from workbench.estate.kinds import Day, Number, Text
from workbench.estate.names import nearest
from workbench.estate.shapes import KeyPath, read_table

FOLDER = "decisions"

Option = Literal[
    "stay", "tune", "archive", "partition", "replica", "separate", "own database", "own instance"
]
"""What may be decided for a service: leave it, mend it in place, or move it out."""

Standing = Literal["open", "done", "dropped"]


@dataclass(frozen=True)
class Revisit:
    """When a decision is taken up again: the metric is over the limit, of the service or what is in ``scope``."""

    metric: Text
    limit: Number
    unit: Text | None = None
    """None: the unit that the metric is measured in"""
    scope: Text | None = None
    """``SCHEMA`` or ``SCHEMA.TABLE`` of the service; None: the service, or else its instance"""


@dataclass(frozen=True)
class Decision:
    """What a meeting decided for a service, and what brings it back."""

    id: str
    date: Day
    service: str
    """by the name that it has today"""
    option: Option
    owner: str
    instance: str | None = None
    """where the service runs"""
    verdict_then: str | None = None
    evidence: tuple[str, ...] = ()
    """keys of crossings, limits and findings that it rests on"""
    due: Day | None = None
    status: Standing = "open"
    revisit: Revisit | None = None
    text: str = ""
    """Markdown"""
    file: str = field(default="", compare=False)

    def to_json(self) -> dict[str, object]:
        """Return the decision as documents hold it."""
        return {
            "id": self.id,
            "date": self.date.isoformat(),
            "service": self.service,
            "option": self.option,
            "owner": self.owner,
            "verdict_then": self.verdict_then,
            "evidence": list(self.evidence),
            "due": None if self.due is None else self.due.isoformat(),
            "status": self.status,
            "revisit_when": None if self.revisit is None else dict(vars(self.revisit)),
            "text": self.text,
        }


@dataclass(frozen=True)
class _Head:
    """The keys between the lines of ``+++``."""

    id: Text
    date: Day
    service: Text
    option: Option
    owner: Text
    verdict: Text | None = None
    evidence: tuple[Text, ...] = ()
    due: Day | None = None
    status: Standing = "open"
    revisit_when: Revisit | None = None


def load_decisions(estate: Estate) -> tuple[Decision, ...]:
    """Return the decisions in an estate's folder, by date; none where there is no such folder.

    EstateError lists every fault of every file as ``file: key: fault; next step``.
    """
    found, faults = read_decisions(estate)
    faults.refuse()
    return found


def read_decisions(estate: Estate) -> tuple[tuple[Decision, ...], Faults]:
    """Return the decisions that can be read, by date, and what is wrong in the other files."""
    texts = {}
    faults = Faults()
    if estate.folder is None:
        return (), faults
    for path in sorted((estate.folder / FOLDER).glob("*.md")):
        if path.name.startswith(".") or path.name == "README.md":
            continue
        try:
            texts[str(path)] = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            faults.add(str(path), (), "is not UTF-8; save it as UTF-8")
        except OSError as error:
            faults.add(str(path), (), f"cannot be read: {error.strerror}; change its permissions")
    return _read_all(texts, estate, faults), faults


def decisions_from_texts(texts: dict[str, str], estate: Estate) -> tuple[Decision, ...]:
    """Read decisions from texts by file name; see ``load_decisions``.

    >>> from workbench.estate.resolve import estate_from_text
    >>> estate = estate_from_text('[instances.main]\\nurl = "service=x"\\n[services.order]\\nschemas = ["o"]')
    >>> head = 'id = "1"\\ndate = 2026-11-20\\nservice = "order"\\noption = "stay"\\nowner = "ada"'
    >>> decisions_from_texts({"1.md": f"+++\\n{head}\\n+++\\nIt is quiet."}, estate)[0].text
    'It is quiet.'
    """
    faults = Faults()
    found = _read_all(texts, estate, faults)
    faults.refuse()
    return found


def _read_all(texts: dict[str, str], estate: Estate, faults: Faults) -> tuple[Decision, ...]:
    found: dict[str, Decision] = {}
    for file, text in texts.items():
        decision = _read(file, text, estate, faults)
        if decision is None:
            continue
        if decision.id in found:
            other = found[decision.id].file
            faults.add(file, ("id",), f"{decision.id!r} is the id of {other} too; give another")
            continue
        found[decision.id] = decision
    return tuple(sorted(found.values(), key=lambda d: (d.date, d.id)))


_FRONT = re.compile(r"\s*\+\+\+[ \t]*\r?\n(?P<head>.*?)^\+\+\+[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.M)


def _read(file: str, text: str, estate: Estate, faults: Faults) -> Decision | None:
    front = _FRONT.match(text)
    if front is None:
        faults.add(
            file, (), "has no head; begin it with TOML between two lines of +++ (id, date, service, option, owner)"
        )  # fmt: skip
        return None
    try:
        raw = tomllib.loads(front["head"].replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        faults.add(file, (), f"its head is not TOML: {error}; mend that line")
        return None

    def complain(at: KeyPath, fault: str) -> None:
        faults.add(file, at, fault)

    head = read_table(_Head, raw, (), complain)
    if head is None:
        return None
    known = {name: s for s in estate.services for name in (*s.was, s.name)}
    if head.service not in known:
        near = nearest(head.service, known)
        faults.add(file, ("service",), f"no service is called {head.service!r}; {near}")
        return None
    if head.revisit_when is not None and (fault := _unmeasurable(head.revisit_when)):
        faults.add(file, ("revisit_when", fault[0]), fault[1])
        return None
    if head.due is not None and head.due < head.date:
        faults.add(file, ("due",), "is before the decision's date; correct one of them")
        return None
    return Decision(
        head.id,
        head.date,
        known[head.service].name,
        head.option,
        head.owner,
        known[head.service].instance,
        head.verdict,
        head.evidence,
        head.due,
        head.status,
        head.revisit_when,
        text[front.end() :].strip(),
        file,
    )


def _unmeasurable(revisit: Revisit) -> tuple[str, str] | None:
    """The key and fault of a metric that does not exist, or is not measured in that unit."""
    if revisit.metric not in METRICS:
        near = nearest(revisit.metric, METRICS)
        return "metric", f"no metric is called {revisit.metric!r}; {near}"
    units = METRICS[revisit.metric].units
    if revisit.unit is not None and revisit.unit not in units:
        return (
            "unit",
            f"{revisit.metric} is not measured in {revisit.unit!r}; {nearest(revisit.unit, units)}",
        )
    return None


@dataclass(frozen=True)
class Due:
    """A decision that a review opens with, and why.

    ``overdue``: it should have been done. ``triggered``: its metric is over its limit. ``unknown``: nobody can say
    whether it is. ``value`` is the metric's, where it is known; ``days`` how long it is overdue.
    """

    decision: Decision
    why: Literal["overdue", "triggered", "unknown"]
    because: str
    value: Interval | None = None
    days: int | None = None

    def to_json(self) -> dict[str, object]:
        """Return it as documents hold it."""
        return {
            **self.decision.to_json(),
            "why": self.why,
            "because": self.because,
            "value": None if self.value is None else list(self.value),
            "days_overdue": self.days,
        }


Measured = tuple[Interval | None, str]
"""A metric's value, and its unit; or None and why it is not known."""

Values = Callable[[Decision], Measured]


def decisions_due(
    decisions: Iterable[Decision], values: Iterable[Status] | Values, today: date
) -> tuple[Due, ...]:
    """Return what is due: overdue decisions, the longest first, then triggered ones, then what nobody can say.

    Overdue is an open decision on the day after its due one. Triggered is one that was not dropped, done or not,
    whose metric is over its limit: for the whole of its interval; where only the upper end is, it is ``unknown``.
    ``values`` are the statuses of limits, of the service or else of its instance, or a look-up.

    >>> d = Decision("1", date(2026, 3, 1), "order", "tune", "ada", due=date(2026, 4, 1))
    >>> [(due.why, due.days) for due in decisions_due([d], [], date(2026, 4, 3))]
    [('overdue', 2)]
    """
    look = values if callable(values) else _looked_up(list(values))
    found: list[Due] = []
    for decision in decisions:
        if decision.status == "open" and decision.due is not None and decision.due < today:
            late = (today - decision.due).days
            days = "a day" if late == 1 else f"{late} days"
            because = f"{decision.owner} has it since {decision.due}: {days} overdue"
            found.append(Due(decision, "overdue", because, days=late))
        if decision.status != "dropped" and decision.revisit is not None:
            found.extend(_triggered(decision, decision.revisit, look(decision)))
    order = {"overdue": 0, "triggered": 1, "unknown": 2}
    return tuple(
        sorted(found, key=lambda d: (order[d.why], -(d.days or 0), d.decision.date, d.decision.id))
    )


def _triggered(decision: Decision, revisit: Revisit, measured: Measured) -> Iterator[Due]:
    value, told = measured
    limit = f"{figure(revisit.limit)} {revisit.unit or (told if value else '')}".strip()
    if value is None:
        because = f"whether {revisit.metric} is over {limit} is not known: {told}"
        yield Due(decision, "unknown", because)
    elif revisit.unit is not None and revisit.unit != told:
        because = f"{revisit.metric} is measured in {told}, and the limit is in {revisit.unit}: write it in {told}"
        yield Due(decision, "unknown", because, value)
    elif value.low > revisit.limit:
        because = f"{revisit.metric} is {figure(value.low)}, over the {limit} that bring it back"
        yield Due(decision, "triggered", because, value)
    elif value.high > revisit.limit:
        because = f"{revisit.metric} is between {figure(value.low)} and {figure(value.high)}, and may be over {limit}"
        yield Due(decision, "unknown", because, value)


def figure(value: float) -> str:
    """Write a figure as a person reads it.

    >>> figure(500e9), figure(0.85)
    ('500,000,000,000', '0.85')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"


def _looked_up(statuses: list[Status]) -> Values:
    """Look a decision's metric up in statuses: of its scope, its service, else of the service's instance."""

    def look(decision: Decision) -> Measured:
        revisit = decision.revisit
        assert revisit is not None
        named = [s for s in statuses if s.metric == revisit.metric]
        held = [s for s in named if (s.service, s.scope) == (decision.service, revisit.scope)]
        if not held and revisit.scope is None:
            home = decision.instance
            held = [s for s in named if s.service is None and home and s.instance == home]
        known = [s for s in held if s.value is not None]
        if known:
            return known[0].value, known[0].unit
        because = next((s.because for s in held if s.because), None)
        return None, because or (
            f"no limit on {revisit.metric} is held for {decision.service}; write [[thresholds]] of it, so that "
            "it is measured"
        )

    return look
