"""What changed since a baseline, a day, a snapshot or the review before; each part one call in a notebook."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import pandas as pd

from workbench.decide.changes import Change, Changes, Kind, changes
from workbench.decide.seen import Seen
from workbench.present.bench import Bench
from workbench.present.change_words import (
    ends_words,
    growth,
    rows_of,
    sentence,
    subject,
)
from workbench.present.diagrams import Diagram, overlay_diagram
from workbench.present.diagrams.overlay import Pair
from workbench.present.tables import Column, Table
from workbench.present.text import escape, file_name
from workbench.present.units import bytes_text
from workbench.snapshot import Moment, begin_of, find_moment, load_tags

MOST_LOGGED = 4
"""Steps of the change log; each is a comparison of its own."""

_SIZES: tuple[Kind, ...] = ("size", "table_size")
_EDGES: tuple[Kind, ...] = ("reference", "crossing")


@dataclass(frozen=True)
class Since:
    """What changed since a moment. Displays itself as the answer in a sentence, and what both ends rest on.

    ``changes`` is None where there is no earlier reading to compare with.
    """

    bench: Bench
    moment: Moment
    changes: Changes | None

    @property
    def sentence(self) -> str:
        """The answer."""
        if self.changes is None:
            return "There is one reading: from the next one on, this says what changed."
        return sentence(self.changes, self.moment.name)

    def _repr_html_(self) -> str:
        rests = (
            ""
            if self.changes is None
            else f'<p class="wb-more">{escape(ends_words(self.changes))}</p>'
        )
        return f'<div class="wb-headline"><p>{escape(self.sentence)}</p></div>{rests}'

    def __repr__(self) -> str:
        return self.sentence

    @property
    def table(self) -> Table:
        """What is new, gone or otherwise, without sizes."""
        found = () if self.changes is None else self.changes.found
        told = rows_of(c for c in found if c.kind not in _SIZES)
        rows = [(kind, what, way, why or None) for kind, what, way, why in told]
        frame = pd.DataFrame(rows, columns=["kind", "what", "way", "why"])
        columns = [
            Column("kind", "Kind"),
            Column("what", "What"),
            Column("way", "Before → after"),
            Column("why", "Why", absent="–"),
        ]
        return Table(frame, columns, "What changed", "Nothing but sizes changed.")

    @property
    def sizes(self) -> Table:
        """Each service's bytes and rows then and now, and the tables that grew most."""
        found = () if self.changes is None else self.changes.of(*_SIZES)
        order = {"size": 0, "table_size": 1}
        held: dict[str, list[Change]] = {}
        for change in found:
            held.setdefault(change.key, []).append(change)
        rows = []
        for mine in held.values():
            figures = {c.unit: (c.before, c.after) for c in mine}
            size, more = _now_and_more(figures.get("bytes"))
            count, more_rows = _now_and_more(figures.get("rows"))
            table = mine[0].kind == "table_size"
            kind = "table" if table else "service" if mine[0].service else "nobody's"
            what = subject(mine[0]).removesuffix(", rows")
            rows.append((order[mine[0].kind], kind, what, size, more, count, more_rows))
        rows.sort(key=lambda r: (r[0], -(r[4] or 0.0), r[2]))
        names = ["order", "kind", "what", "size", "more", "count", "more_rows"]
        frame = pd.DataFrame(rows, columns=names)
        columns = [
            Column("what", "Of", "name"),
            Column("kind", "Kind"),
            Column("size", "Size", "bytes", absent="as before"),
            Column("more", "Grew by", "bytes", absent="–"),
            Column("count", "Rows", "amount", absent="–"),
            Column("more_rows", "Rows more", "amount", absent="–"),
        ]
        return Table(frame, columns, "Sizes", "No size changed.", limit=100)

    @property
    def uncompared(self) -> Table:
        """What nobody can say to be the same or another, and why."""
        groups: dict[tuple[str, str], list[str]] = {}
        for open_ in () if self.changes is None else self.changes.uncompared:
            groups.setdefault((open_.kind, open_.because), []).append(open_.what)
        rows = [
            (tuple(names[:4]) + ((f"and {len(names) - 4} more",) if len(names) > 4 else ()), why)
            for (_, why), names in groups.items()
        ]
        frame = pd.DataFrame(rows, columns=["what", "why"])
        columns = [Column("what", "What", "list"), Column("why", "Why it cannot be compared")]
        return Table(frame, columns, "Not compared", "Everything could be compared.", limit=100)

    @property
    def overlay(self) -> Diagram | Table:
        """What was added and removed between services, over the references and crossings that are as before."""
        if self.changes is None:
            return Table(pd.DataFrame(), (), empty=self.sentence)
        added, removed = (
            _pairs(self.changes.of(*_EDGES, ways=[way])) for way in ("added", "removed")
        )
        if not added and not removed:
            none = "No reference and no crossing between services was added or removed."
            return Table(pd.DataFrame(), (), empty=none)
        bench = self.bench
        kept = {
            (r.source.service, r.target.service)
            for r in bench.references.crossing
            if r.source.service and r.target is not None and r.target.service
        }
        kept |= {
            (c.actor, owner)
            for c in bench.crossings
            if c.actor is not None
            for owner in c.owners
            if owner != c.actor
        }
        return overlay_diagram(added, removed, kept, bench.estate.services, bench.colours)


def _now_and_more(ends: tuple[object, object] | None) -> tuple[float | None, float | None]:
    """The figure now, and by how much it is more than it was; None where it is not known."""
    was, now = (None if v is None else float(v) for v in ends or (None, None))  # type: ignore[arg-type]
    return now, None if was is None or now is None else now - was


def _pairs(found: Iterable[Change]) -> dict[Pair, list[str]]:
    pairs: dict[Pair, list[str]] = {}
    for change in found:
        for one, other in change.joins:
            if one and other:
                pairs.setdefault((one, other), []).append(change.what)
    return pairs


def since(bench: Bench, baseline: str | None = None) -> Since:
    """Compare the newest reading with ``baseline``: a tag, a day, a snapshot's file or a report's folder.

    None: the newest baseline, else the first reading. UsageError where it is none of them, or not earlier.
    """
    history = bench.history
    moment = begin_of(history) if baseline is None else find_moment(history, baseline)
    if baseline is None and moment.at >= history.collected[-1].at:
        return Since(bench, moment, None)
    return Since(bench, moment, _compared(bench, moment))


def _compared(bench: Bench, moment: Moment) -> Changes:
    accepted = Seen.from_json(moment.tag.seen) if moment.tag is not None else None
    then = replace(bench, history=bench.history.between(until=moment.at))
    by = "what was seen" if moment.tag is None else f"baseline {file_name(moment.tag.name)}"
    name = f"changes since {moment.at:%Y%m%dT%H%M%S%f} by {by}"
    return bench.once(name, lambda: changes(then, bench, accepted))


@dataclass(frozen=True)
class Log:
    """What changed from each baseline to the next, and to the newest reading; the newest first. Displays itself."""

    found: Since

    @cached_property
    def steps(self) -> tuple[Since, ...]:
        """A comparison for each step, the oldest first."""
        bench = self.found.bench
        history = bench.history
        first, last = history.collected[0].at, history.collected[-1].at
        tags = load_tags(history.folder) if history.folder is not None else ()
        named = {t.at: Moment(t.at, f"baseline {t.name}", t) for t in tags if first < t.at < last}
        named[self.found.moment.at] = self.found.moment
        named.setdefault(first, Moment(first, "first reading"))
        moments = [named[at] for at in sorted(named)][-MOST_LOGGED:]
        ends: list[datetime] = [*(m.at for m in moments[1:]), last]
        return tuple(self._step(m, end) for m, end in zip(moments, ends, strict=True) if m.at < end)

    def _step(self, moment: Moment, end: datetime) -> Since:
        found = self.found
        if moment.at == found.moment.at and end == found.bench.history.collected[-1].at:
            return found
        bench = replace(found.bench, history=found.bench.history.between(until=end))
        return Since(bench, moment, _compared(bench, moment))

    @property
    def table(self) -> Table:
        """A line a change; of sizes one line a step."""
        rows = [
            (step.changes.after.until, f"since {step.moment.name}", kind, what, way)
            for step in reversed(self.steps)
            if step.changes is not None
            for kind, what, way in _lines(step.changes)
        ]
        frame = pd.DataFrame(rows, columns=["until", "name", "kind", "what", "way"])
        columns = [
            Column("until", "Up to"),
            Column("name", "Step"),
            Column("kind", "Kind"),
            Column("what", "What"),
            Column("way", "Before → after"),
        ]
        if len(self.steps) < 2:
            frame = frame.head(0)
        empty = (
            "No baseline lies between: there is one step alone, and it stands above. `workbench history tag NAME` "
            "after a meeting makes the next."
        )
        return Table(frame, columns, "Change log", empty, limit=200)

    def _repr_html_(self) -> str:
        return self.table._repr_html_()

    def __repr__(self) -> str:
        return repr(self.table)


def _lines(found: Changes) -> Iterable[tuple[str, str, str]]:
    for kind, what, way, _ in rows_of(c for c in found.found if c.kind not in _SIZES):
        yield kind, what, way
    yield "size", "all services", bytes_text(growth(found), signed=True)


def log(found: Since) -> Log:
    """Return the change log that ends with ``found``: a step for each baseline before it, and for the first reading."""
    return Log(found)
