"""What decisions rest on: the analyses of one history, each computed when first asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from workbench.analyse.capacity import Capacity, capacity
from workbench.analyse.catalogue import Catalogue
from workbench.analyse.crossings import Crossing
from workbench.analyse.daily import daily_load, rises
from workbench.analyse.evicted import evicted
from workbench.analyse.health import Health
from workbench.analyse.interference import interference
from workbench.analyse.limits import Inserted
from workbench.analyse.sessions import Sessions, sessions
from workbench.analyse.statements import Read
from workbench.analyse.upkeep import limits
from workbench.analyse.workload import Workload, claims, workload
from workbench.decide.slices import Slices
from workbench.estate import Estate, Over
from workbench.model import Coverage
from workbench.snapshot import History, Window, reader_beside, window_of

if TYPE_CHECKING:
    from workbench.analyse.references import References
    from workbench.decide.verdicts import Verdicts

_SLACK = timedelta(hours=12)
"""By so much a history may begin too late for a window of days: nights are not taken to the second."""


@dataclass(frozen=True)
class Evidence:
    """The analyses of one history.

    >>> from workbench import load_history
    >>> from workbench.share import reference_estate
    >>> found = Evidence(load_history(reference_estate("hauspet") / "history"))
    >>> sorted(found.workload.services["service"])
    ['app', 'eventstore', 'readmodels']
    """

    history: History
    whole: Evidence | None = field(default=None, repr=False, kw_only=True)
    """of a window: the evidence of the history it is of, with which it shares texts and names"""

    @cached_property
    def estate(self) -> Estate:
        """The estate, with the services that follow from its newest snapshot where it declares none."""
        return self.history.newest.settled

    @cached_property
    def capacity(self) -> Capacity:
        """Sizes now and their growth."""
        return capacity(self.history, self.inserted)

    @cached_property
    def health(self) -> Health:
        """How well it is kept: vacuum, cache, bloat, WAL, locks."""
        return Health(self.history, self.window)

    @cached_property
    def headroom(self) -> pd.DataFrame:
        """What runs out besides disk: see ``workbench.analyse.upkeep.limits``."""
        return limits(self.history.newest)

    @cached_property
    def window(self) -> Window:
        """What was counted between the first reading and the last."""
        return window_of(self.history)

    @cached_property
    def evicted(self) -> dict[str, str]:
        """The instances that evicted entries of their statements: see the analysis of that name."""
        return evicted(self.window)

    @cached_property
    def inserted(self) -> Inserted:
        """What tables' counters say was written, by the window and as of each day."""
        return Inserted(self.window, self.estate)

    @cached_property
    def workload(self) -> Workload:
        """The load of the window by service, and its statements."""
        return workload(self.window, self._read, self._catalogue)

    @cached_property
    def _read(self) -> Read:
        return self.whole._read if self.whole else reader_beside(self.history.folder)

    @cached_property
    def _catalogue(self) -> Catalogue:
        newest = self.history.newest
        same = self.whole is not None and self.whole.history.newest == newest
        return self.whole._catalogue if self.whole and same else Catalogue(newest)

    @property
    def coverage(self) -> Coverage:
        """What the figures rest on, and what could not be seen."""
        return self.history.coverage

    @property
    def crossings(self) -> tuple[Crossing, ...]:
        """What leaves its service."""
        return self.workload.crossings

    @cached_property
    def references(self) -> References:
        """What refers to what, with the joins of the window's statements."""
        from workbench.analyse.references import references  # its graphs are slow to load

        return references(self.history.newest, self.workload.attributed)

    @cached_property
    def verdicts(self) -> Verdicts:
        """How every limit stands, and a verdict for each service."""
        from workbench.decide.verdicts import (
            verdicts,
        )  # it rests on this module; its graphs are slow to load

        return verdicts(self)

    @cached_property
    def moved(self) -> pd.DataFrame:
        """What each statement took from one reading to the next: see ``rises``."""
        return rises(self.workload.attributed)

    @cached_property
    def claims(self) -> pd.DataFrame:
        """Which services' data each statement touches or may touch: see the function of that name."""
        return claims(self.workload.attributed)

    @cached_property
    def load(self) -> pd.DataFrame:
        """Each service's load from one reading to the next: see ``daily_load``."""
        return daily_load(self.workload.attributed, self.moved)

    @cached_property
    def slices(self) -> Slices:
        """What each service's statements took, slice by slice."""
        return Slices(self.workload.attributed, self.moved, self.claims)

    @cached_property
    def busiest(self) -> pd.DataFrame:
        """Each service's mean and busiest hour: see ``busiest_hours``."""
        return self.workload.busiest

    @cached_property
    def sessions(self) -> Sessions:
        """What samples saw of sessions: see the analysis of that name."""
        return sessions(self.history)

    @cached_property
    def interference(self) -> pd.DataFrame:
        """Whether a service's heavy reads slow the others: see the analysis of that name."""
        return interference(self.workload.attributed, self.moved)

    @cached_property
    def _periods(self) -> dict[tuple[object, ...], Evidence | str]:
        return {}

    def within(self, over: Over) -> Evidence | str:
        """Return the evidence of a window alone, or why the history does not hold it, and from when on it will."""
        if over.days is None and over.since is None:
            return self
        key = (over.days, over.since, over.until)
        if key not in self._periods:
            found = self._within(over)
            self._periods[key] = found if isinstance(found, str) else Evidence(found, whole=self)
        return self._periods[key]

    def _within(self, over: Over) -> History | str:
        read = self.history.collected
        first, last = read[0].at, read[-1].at
        if over.days is not None:
            begin = last - timedelta(days=over.days)
            if first > begin + _SLACK:
                there = (first + timedelta(days=over.days)).date()
                held = f"the history goes back to {first:%Y-%m-%d}"
                return f"{held}, and {over.days} days are asked for: from {there} on"
            # the reading that the window begins with may be a little older than that
            begun = max((s.at for s in read if s.at <= begin + _SLACK), default=begin)
            return self.history.between(begun, last)
        assert over.since is not None
        assert over.until is not None
        begin = datetime.combine(over.since, time.min, UTC)
        until = datetime.combine(over.until, time.max, UTC)
        found = self.history.between(begin, until)
        held = f"the history holds {first:%Y-%m-%d} to {last:%Y-%m-%d}"
        if not found.collected:
            return f"{held}, and nothing of {over.since} to {over.until}"
        if first.date() > over.since or last.date() < over.until:
            return f"{held}, and not all of {over.since} to {over.until}"
        return found
