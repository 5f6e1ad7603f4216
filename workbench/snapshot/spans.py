"""Spans: from when to when the counters of each place can be counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from workbench.snapshot.differences import COUNTERS
from workbench.snapshot.history import History
from workbench.snapshot.objects import records

FULL_ENOUGH = 0.9
"""From this share of pg_stat_statements.max on, entries are about to be evicted."""


@dataclass(frozen=True)
class Span:
    """From when to when the counters of one place are counted.

    ``frame`` is the counters' frame, ``database`` None where it covers the instance. ``kind`` is
    ``difference`` between two snapshots, or ``since_reset``: one snapshot alone, counted from the reset of
    the statistics. ``since`` and ``until`` are dates that count (simulated where they are; None: unknown).
    ``seconds`` is real time by the server's clock, ``days`` are of the calendar that counts; None where
    unknown. ``lower_bound`` says that more may have happened; ``because`` holds every reason, or is "".
    ``endpoint`` names the replica whose counters they are; None: the instance's own. ``evictions`` says how
    often entries of pg_stat_statements were evicted within it; None: unknown, or they are no statements'.
    """

    frame: str
    instance: str
    database: str | None
    kind: str
    since: datetime | None
    until: datetime
    seconds: float | None
    days: float | None
    lower_bound: bool
    because: str
    first: int | None = field(repr=False)
    last: int = field(repr=False)
    endpoint: str | None = None
    evictions: int | None = None


def find_spans(
    history: History, clocks: Mapping[tuple[str, int], float], endpoint: str | None = None
) -> Iterator[Span]:
    """Find, for every place that has counters, the two readings to difference, in order of frame and place.

    ``clocks`` gives the server's time in seconds per instance and position in ``history.collected``;
    ``endpoint`` is the replica whose readings they are, None for those of the instances themselves.
    """
    return _Spans(history, clocks, endpoint).all()


class _Spans:
    def __init__(
        self, history: History, clocks: Mapping[tuple[str, int], float], endpoint: str | None
    ) -> None:
        self.snapshots = history.collected
        self.cuts = [c for c in history.cuts if c.broken.endpoint == endpoint]
        self.clocks = clocks
        self.endpoint = endpoint
        self.readings: dict[tuple[str, str, str | None], list[int]] = {}
        for number, snapshot in enumerate(self.snapshots):
            for part in snapshot.manifest.parts:
                place = (part.frame, part.instance, part.database)
                if part.endpoint == endpoint:
                    self.readings.setdefault(place, []).append(number)

    def all(self) -> Iterator[Span]:
        for (frame, instance, database), numbers in sorted(
            self.readings.items(), key=lambda item: (*item[0][:2], item[0][2] or "")
        ):
            if frame == "statements":
                cut, why = self._cut(instance, lambda c: c.broken.kind == "statements")
                yield from self._span(frame, instance, None, numbers, cut, why)
            elif frame == "database_statistics":
                for name in self._databases(instance, numbers[-1]):
                    yield from self._of_database(frame, instance, name, numbers)
            elif frame in COUNTERS:
                yield from self._of_database(frame, instance, database, numbers)

    def _frame(self, number: int, name: str, *columns: str) -> pd.DataFrame:
        found: pd.DataFrame = self.snapshots[number].frame(name, *columns, endpoint=self.endpoint)
        return found

    def _databases(self, instance: str, number: int) -> list[str]:
        held = self._frame(number, "database_statistics", "datname")
        return sorted(held.loc[held["instance"] == instance, "datname"].dropna())

    def _of_database(
        self, frame: str, instance: str, database: str | None, numbers: list[int]
    ) -> Iterator[Span]:
        cut, why = self._cut(instance, lambda c: c.broken.database == database is not None)
        yield from self._span(frame, instance, database, numbers, cut, why)

    def _cut(self, instance: str, concerns: Callable[[Any], bool]) -> tuple[int, str]:
        """The position of the last break that concerns a place, and why it broke; 0 and "" without one."""
        for cut in reversed(self.cuts):
            if cut.broken.instance == instance and (cut.cuts_all or concerns(cut)):
                return cut.number, f"counted from {cut.broken.at:%Y-%m-%d} on: {cut.broken.why}"
        return 0, ""

    def _span(
        self,
        frame: str,
        instance: str,
        database: str | None,
        numbers: list[int],
        cut: int,
        why: str,
    ) -> Iterator[Span]:
        inside = [n for n in numbers if n >= cut]
        if not inside:
            return
        first, last = inside[0], inside[-1]
        reasons = [why] if why else []
        reset = self._resets(frame, instance, database, last)
        evictions = self._evictions(frame, instance, first, last)
        lossy = self._lossy(frame, instance, last, evictions, reasons)
        if first < last and frame != "statements":
            was = self._resets(frame, instance, database, first)
            if was != reset:
                lossy = True
                reasons.append("some of these counters were reset within the window")
        until = self.snapshots[last].at
        since: datetime | None = self.snapshots[first].at
        seconds: float | None
        if first < last:
            seconds = self.clocks[instance, last] - self.clocks[instance, first]
            days: float | None = (until - self.snapshots[first].at).total_seconds() / 86400
            kind, start = "difference", first
        else:
            kind, start = "since_reset", None
            since, seconds, days = self._since_reset(instance, last, reset, reasons)
        if seconds is not None and seconds <= 0:
            seconds = None
            reasons.append("the server's clock went back: no rate per second")
        yield Span(
            frame, instance, database, kind, since, until, seconds, days, lossy, "; ".join(reasons), start, last, self.endpoint, evictions
        )  # fmt: skip

    def _since_reset(
        self, instance: str, last: int, reset: datetime | None, reasons: list[str]
    ) -> tuple[datetime | None, float | None, float | None]:
        origin = "when they were reset"
        if reset is None:
            reset = self._moment(last, "identity", "counters_since", instance)
            origin = "the beginning of the server's statistics, or the database's if that is later"
        if reset is None:
            reasons.append("one reading alone, and nobody knows since when it counts")
            return None, None, None
        reasons.append(f"one reading alone: counted from {reset:%Y-%m-%d %H:%M} UTC, {origin}")
        seconds = self.clocks[instance, last] - reset.timestamp()
        if self.snapshots[last].manifest.simulated:
            reasons.append("simulated dates have no calendar before the first snapshot")
            return None, seconds, None
        return reset, seconds, seconds / 86400

    def _resets(
        self, frame: str, instance: str, database: str | None, number: int
    ) -> datetime | None:
        if frame == "statements":
            return self._moment(number, "statements_info", "stats_reset", instance)
        if frame in ("archiver", "checkpoints", "wal_statistics"):
            return self._moment(number, frame, "stats_reset", instance)
        return self._moment(number, "database_statistics", "stats_reset", instance, database)

    def _moment(
        self, number: int, frame: str, column: str, instance: str, database: str | None = None
    ) -> datetime | None:
        names = [column] if database is None else [column, "datname"]
        held = self._frame(number, frame, *names)
        held = held[held["instance"] == instance]
        if database is not None:
            held = held[held["datname"] == database]
        known = held[column].dropna()
        return None if known.empty else known.iloc[0].to_pydatetime()

    def _evictions(self, frame: str, instance: str, first: int, last: int) -> int | None:
        """How often pg_stat_statements evicted entries within the span."""
        if frame != "statements":
            return None
        was, now = (self._info(instance, n) for n in (first, last))
        if now is None:
            return None
        return int(now["dealloc"]) - (int(was["dealloc"]) if first < last and was else 0)

    def _lossy(
        self, frame: str, instance: str, last: int, evictions: int | None, reasons: list[str]
    ) -> bool:
        """Whether pg_stat_statements lost entries within the span, or is about to."""
        now = self._info(instance, last) if frame == "statements" else None
        if now is None:
            return False
        found = False
        if evictions is not None and evictions > 0:
            reasons.append(f"entries were evicted {evictions} times: totals are lower bounds")
            found = True
        if now["entries"] >= FULL_ENOUGH * now["max_entries"]:
            reasons.append(
                f"{now['entries']} of {now['max_entries']} entries are in use: totals are lower bounds; "
                "a higher pg_stat_statements.max keeps them all"
            )
            found = True
        return found

    def _info(self, instance: str, number: int) -> dict[str, Any] | None:
        names = ("dealloc", "entries", "max_entries")
        held = self._frame(number, "statements_info", *names)
        found = records(held[held["instance"] == instance].dropna(subset=list(names)))
        return found[0] if found else None
