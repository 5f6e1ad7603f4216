"""Two or three plain sentences for a verdict, which cite the figures that it rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date

from workbench.decide.facts import Break, Interval, Resource, Status, Verdict
from workbench.decide.judgement import SOON_DAYS, UPKEEP, Judged, Known, days_until

_PLURALS = {
    "foreign_key": ("foreign key", "foreign keys"),
    "foreign_table": ("foreign table", "foreign tables"),
    "inheritance": ("inheritance", "inheritances"),
}
_MOST = 3  # reasons that are cited, and besides the first that its instance gives


def of(verdict: Verdict, judged: Judged, known: Known, effort: Interval) -> str:
    """Return the argument; ``effort`` are the person-days of what breaks."""
    told = [_why(verdict, judged, known)]
    if verdict.binding is not None:
        told.append(_pressure(verdict.binding, cpu="CPU unmeasured" in " ".join(verdict.settles)))
    if judged.verdict == "fix in place":
        told.append(_cure(judged, known))
    elif judged.verdict != "not needed" and known.unread is None:
        told.append(_in_the_way(known, effort))
    return " ".join(told)


def share_of(value: float) -> str:
    """A share in per cent.

    >>> share_of(0.354), share_of(0.0017), share_of(0.00001), share_of(0.0)
    ('35 %', '0.2 %', 'under 0.1 %', '0 %')
    """
    if 0 < value < 0.0005:
        return "under 0.1 %"
    return f"{value * 100:.1f} %" if 0 < value < 0.0995 else f"{value * 100:.0f} %"


def shares_of(value: Interval) -> str:
    """An interval of shares: one figure where its ends read the same.

    >>> shares_of(Interval(0.28, 0.36)), shares_of(Interval(0.35, 0.35))
    ('28 to 36 %', '35 %')
    """
    low, high = share_of(value.low), share_of(value.high)
    if low == high:
        return low
    return f"{low.removesuffix(' %')} to {high}" if "under" not in high else high


def figure_of(value: Interval, unit: str) -> str:
    """A figure in its unit.

    >>> figure_of(Interval(1_082_249, 1_082_249), "rows"), figure_of(Interval(1.58, 1.93), "ratio")
    ('1,082,249 rows', '1.58 to 1.93')
    """
    if unit == "share":
        return shares_of(value)
    if unit.startswith("bytes"):
        told = " to ".join(dict.fromkeys(bytes_of(v) for v in value))
        return told + unit.removeprefix("bytes")
    low, high = (f"{v:,.0f}" if abs(v) >= 100 else f"{v:.3g}" for v in value)
    told = low if low == high else f"{low} to {high}"
    return told if unit in ("ratio", "") else f"{told} {unit}"


def bytes_of(size: float) -> str:
    """A size.

    >>> bytes_of(20_635_648), bytes_of(80e6), bytes_of(12)
    ('20.6 MB', '80 MB', '12 B')
    """
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(size) >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size:.0f} B"


def status_text(status: Status, today: date) -> str:
    """One limit in words: the metric, its figure, the limit, since or from when, and who set it."""
    name = status.metric.replace("_", " ")
    where = (
        f" of {status.scope or status.instance or 'the estate'}"
        if status.scope or status.service is None
        else ""
    )
    # "rows" are not said to be rows
    named = status.unit.split(" ")[0] in status.metric.split("_")
    unit = "" if named and status.unit.startswith("rows") else status.unit
    limit = figure_of(Interval(status.limit, status.limit), unit)
    value = "unknown" if status.value is None else figure_of(status.value, unit)
    side = "under" if status.kind == "low" else "over"
    days = days_until(status, today)
    if status.state == "crossed":
        since = f" since {_day(status.since)}" if status.since else ""
        told = f"{name}{where}: {value}, {side} the limit of {limit}{since}"
    elif days is not None:
        band = ""
        if status.crosses_from and status.crosses_until:
            band = f", between {_day(status.crosses_from)} and {_day(status.crosses_until)}"
        told = f"{name}{where}: {value}, crosses {limit} in {days:,} days{band}"
    else:
        told = f"{name}{where}: {value}, and its limit {limit}"
    return f"{told} ({status.source})"


def _why(verdict: Verdict, judged: Judged, known: Known) -> str:
    if judged.verdict == "insufficient evidence":
        certain = f"{_reasons(judged.certain, known)} " if judged.certain else ""
        return f"{certain}Withheld: {'; '.join(judged.open[:_MOST])}."
    return _reasons(judged.reasons, known) if judged.reasons else _no_reason(verdict, known)


def _reasons(reasons: tuple[Status, ...], known: Known) -> str:
    cited = list(reasons[:_MOST])
    cited += [s for s in reasons[_MOST:] if s in known.shared][:1]
    told = [status_text(s, known.today) + _pressing(s, known) for s in cited]
    more = len(reasons) - len(told)
    tail = f"; and {more} more" if more else ""
    return f"{_upper('; '.join(told))}{tail}."


def _no_reason(verdict: Verdict, known: Known) -> str:
    written = (
        f"None of its {len(known.own)} written limits is crossed"
        if known.own
        else "No limit is written for it"
    )
    if len(known.own) == 1:
        written = "Its one written limit is not crossed"
    urgency = verdict.urgency
    if urgency.days is None:
        return f"{written}, and no day is foretold for its instance ({urgency.because})."
    metric = (urgency.metric or "").replace("_", " ")
    near = [s for s in known.shared if s.metric == urgency.metric and s.kind == "hard"]
    where = next((s.instance for s in near), None) or "its instance"
    told = f"{where} crosses its limit of {metric} in {urgency.days:,} days"
    if urgency.days == 0:
        told = f"{where} is over its limit of {metric}"
    if urgency.days > SOON_DAYS:
        return f"{written}, and {told}, later than {SOON_DAYS}."
    pressed = "".join(_leaders(s, known, verdict.service) for s in near[:1])
    if urgency.after is None:
        return f"{written}. {told}{pressed}; {urgency.because}."
    gained = urgency.after - urgency.days
    days = "1 day" if gained == 1 else f"{gained:,} days"
    return f"{written}. {told}{pressed}; moving {verdict.service} would put that off by {days}, which is no relief."


def _pressing(status: Status, known: Known) -> str:
    """Why a limit that is not its own concerns a service: its part of what is limited."""
    press = known.presses.get(status.key)
    if press is None or press.share is None:
        return ""
    took = f"; it takes {shares_of(press.share)} of the {press.of.removeprefix('the ')}"
    top = press.leaders[0][1].high if press.leaders else 0.0
    return took + (", more than any other" if press.share.high >= top > 0 else "")


def _leaders(status: Status, known: Known, service: str) -> str:
    """Who presses most on a limit that does not concern a service."""
    press = known.presses.get(status.key)
    others = [leader for leader in press.leaders if leader[0] != service] if press else []
    if not others:
        return ""
    name, share, of = others[0]
    return f"; {name} presses on it most, with {shares_of(share)} of the {of.removeprefix('the ')}"


def _pressure(binding: Resource, *, cpu: bool) -> str:
    assert binding.share is not None
    assert binding.used is not None
    of = "the declared pools" if binding.name == "connections" else binding.name
    told = f"It takes {shares_of(binding.share)} of {of}"
    if binding.busiest is not None:
        told += f" ({shares_of(binding.busiest)} in the busiest hour)"
    told += f", which on {binding.instance} {'are' if of != binding.name else 'is'} at {share_of(binding.used)} of capacity"
    if binding.after is not None:
        told += f", {shares_of(binding.after)} without it"
    return told + ("; CPU was not measured." if cpu else ".")


def _cure(judged: Judged, known: Known) -> str:
    if all(s.metric in UPKEEP for s in judged.reasons):
        names = ", ".join(dict.fromkeys(s.metric.replace("_", " ") for s in judged.reasons))
        return f"Upkeep cures {names} where it stands; a move would take it along."
    if known.curable:
        return "Taking the bloat out of its tables frees enough."
    return f"Five statements take {share_of(known.top_five or 0.0)} of its time: tune them first."


def _in_the_way(known: Known, effort: Interval) -> str:
    if not known.blockers:
        if known.blind is not None:
            return f"What would break is not known: {known.blind}."
        return "Nothing is seen to cross its boundary."
    without = [b for b in known.blockers if b.remedy is None]
    listed = ", ".join(_listed(known.blockers))
    days = f"{effort.low:g} to {effort.high:g} person-days by the table of remedies"
    if without:
        first = without[0]
        return f"In the way: {listed}; no remedy removes {_name(first.kind, 1)[2:]} {' and '.join(first.relations)}."
    return f"First to be decoupled: {listed}, each with a remedy, {days}."


def _listed(blockers: Iterable[Break]) -> Iterator[str]:
    held = list(blockers)
    for kind, count in Counter(b.kind for b in held).items():
        rates = [b.per_day for b in held if b.kind == kind and b.per_day is not None]
        pace = f" ({sum(rates):,.0f} a day)" if rates and sum(rates) >= 0.5 else ""
        yield f"{_name(kind, count)}{pace}"


def _name(kind: str, count: int) -> str:
    one, many = _PLURALS.get(kind, (kind, f"{kind}s"))
    return f"{count} {one if count == 1 else many}"


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
