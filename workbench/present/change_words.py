"""What changed, in words: the same in a terminal, a notebook and on a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from workbench.decide.changes import A_LOT, Change, Changes, End, Kind, Way
from workbench.decide.changes.facts import Figure
from workbench.present.answers import pace_text
from workbench.present.units import bytes_text, count_text, day_text, period_text

KIND_WORDS: dict[Kind, tuple[str, str]] = {
    "verdict": ("verdict", "verdicts"),
    "threshold": ("limit", "limits"),
    "crossing": ("crossing", "crossings"),
    "reference": ("reference", "references"),
    "service": ("service", "services"),
    "relation": ("table or view", "tables or views"),
    "finding": ("finding", "findings"),
    "size": ("size", "sizes"),
    "table_size": ("table that grew", "tables that grew"),
}
"""What people call what changed: one, and many."""

_WAYS: dict[Way, str] = {"added": "new", "removed": "gone", "changed": "changed"}


def sentence(found: Changes, name: str = "") -> str:
    """Say in a sentence what changed since the first end; ``name`` is what people call it.

    >>> from datetime import UTC, datetime
    >>> first, last = (End(datetime(2026, 3, d, tzinfo=UTC), datetime(2026, 3, d, tzinfo=UTC), 1, False) for d in (1, 2))
    >>> new = Change("crossing", "added", "k", "order reads auth.users")
    >>> sentence(Changes(first, last, None, (new,)), "baseline q1")
    'Since 1 Mar 2026 (baseline q1): 1 crossing new.'
    """
    counts = Counter((c.kind, c.way) for c in found.found if c.kind not in ("size", "table_size"))
    told = []
    for kind, (one, many) in KIND_WORDS.items():
        ways = [f"{counts[kind, way]:,} {_WAYS[way]}" for way in _WAYS if counts[kind, way]]
        number = sum(counts[kind, way] for way in _WAYS)
        noun = one if number == 1 else many
        if len(ways) == 1:
            told.append(f"{number:,} {noun} {ways[0].partition(' ')[2]}")
        elif ways:
            told.append(f"{number:,} {noun}: {', '.join(ways)}")
    since = f"Since {day_text(found.before.until)}" + (f" ({name})" if name else "")
    grown = growth(found)
    more = (
        f"; the services {'grew' if grown > 0 else 'shrank'} by {bytes_text(abs(grown))}"
        if grown
        else ""
    )
    return f"{since}: {'; '.join(told) or 'nothing but sizes'}{more}."


def growth(found: Changes) -> int:
    """Return by how many bytes all services of which both sizes are known grew."""
    sizes = [c for c in found.of("size") if c.unit == "bytes"]
    return int(sum(float(c.after or 0) - float(c.before or 0) for c in sizes))


def ends_words(found: Changes) -> str:
    """Say what both ends rest on, and how calls a day are compared."""
    both = "; ".join(
        f"{word}: {_end(end)}" for word, end in (("before", found.before), ("now", found.after))
    )
    if found.days is None:
        rates = "calls a day are not compared"
    else:
        rates = (
            f"calls a day are compared over {_days(found.days)} up to each, and told from {A_LOT:g} times more or "
            "fewer on"
        )
    return f"{both}; {rates}. Both are read with the estate's files of today."


def _days(days: float) -> str:
    return "a day" if days == 1 else f"{days:.3g} days"


def _end(end: End) -> str:
    simulated = ", simulated dates" if end.simulated else ""
    count = f"{end.readings} reading{'' if end.readings == 1 else 's'}"
    return f"{period_text(end.since, end.until)} ({count}{simulated})"


def way_words(change: Change) -> str:
    """Say what became of it: before → after, or new, or gone."""
    before, after = (_figure(value, change.unit) for value in (change.before, change.after))
    if change.way == "added":
        return f"new: {after}" if after else "new"
    if change.way == "removed":
        return f"gone: {before}" if before else "gone"
    return f"{before or 'none'} → {after or 'none'}"


def _figure(value: Figure, unit: str) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if unit == "bytes":
        return bytes_text(value)
    if unit.endswith("/day"):
        return f"{pace_text(value)} a day"
    return f"{count_text(value)} {unit}".rstrip()


def why_words(change: Change, most: int = 110) -> str:
    """The reason as far as a line or two hold it.

    >>> why_words(Change("verdict", "changed", "k", "order", because="Rows: 5, over the limit of 4. It stays."), 30)
    'Rows: 5, over the limit of 4.'
    >>> why_words(Change("verdict", "changed", "k", "order", because="Rows: 5, over the limit of 4."), 20)
    'Rows: 5, over the…'
    """
    text = change.because
    if len(text) <= most:
        return text
    end = text.rfind(". ", 0, most)
    if end > 0:
        return text[: end + 1]
    return text[: text.rfind(" ", 0, most)].rstrip(",;: ") + "…"


def rows_of(found: Iterable[Change]) -> list[tuple[str, str, str, str]]:
    """Return a row for each change, those that read alike as one: kind, what, what became of it, why."""
    rows = Counter((kind_word(c), c.what, way_words(c), why_words(c)) for c in found)
    return [
        (kind, what if number == 1 else f"{what} ({number:,} of these)", way, why)
        for (kind, what, way, why), number in rows.items()
    ]


def kind_word(change: Change) -> str:
    """What people call one thing of its kind."""
    return KIND_WORDS[change.kind][0]


def subject(change: Change) -> str:
    """What it is, with what is measured where that is not clear from the figures."""
    return f"{change.what}, rows" if change.unit == "rows" else change.what
