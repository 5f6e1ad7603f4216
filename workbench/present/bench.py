"""What a notebook works on: one estate, its history up to a day, and the analyses of it, computed when first asked for."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from workbench.decide.evidence import Evidence
from workbench.errors import EstateError, UsageError
from workbench.estate import Threshold, load_estate, with_limit
from workbench.estate.names import nearest
from workbench.present.kept import FOLDER, Kept, kept_of
from workbench.present.parameters import as_end_of_day, as_path, as_switch
from workbench.present.text import escape
from workbench.present.theme import GREY, Colour, lab_variables, service_colours
from workbench.present.units import day_text, period_text
from workbench.share import shared
from workbench.snapshot import History, load_history, load_snapshot

if TYPE_CHECKING:
    import pandas as pd

    from workbench.analyse.capacity import Capacity
    from workbench.analyse.references import References
    from workbench.analyse.workload import Workload
    from workbench.decide.decisions import Decision, Due
    from workbench.decide.verdicts import Verdicts
    from workbench.decide.whatif import Moves

_T = TypeVar("_T")

_WORDS = frozenset({"service", "scope", "instance", "kind", "per", "window", "source"})


@dataclass(frozen=True)
class Bench(Evidence):
    """One estate with the history under review. Displays itself as a line: estate, period, coverage.

    ``kept`` is a folder in which the notebooks of one review share what they compute.
    """

    kept: Path | None = field(default=None, repr=False, compare=False)

    @cached_property
    def _kept(self) -> Kept | None:
        return kept_of(self.history, self.kept)

    def once(self, name: str, compute: Callable[[], _T]) -> _T:
        """Compute, or take what another notebook of this review computed."""
        return compute() if self._kept is None else self._kept.get(name, compute)

    @cached_property
    def capacity(self) -> Capacity:
        """Sizes now and their growth."""
        return self.once("capacity", self._capacity)

    def _capacity(self) -> Capacity:
        return super().capacity

    @cached_property
    def workload(self) -> Workload:
        """The load of the window by service, and its statements."""
        return self.once("workload", self._workload)

    def _workload(self) -> Workload:
        found = super().workload
        found.crossings  # noqa: B018  # nearly every page asks for them: they are kept with it
        return found

    @cached_property
    def references(self) -> References:
        """What refers to what, with the joins of the window's statements."""
        return self.once("references", self._references)

    def _references(self) -> References:
        return super().references

    @cached_property
    def verdicts(self) -> Verdicts:
        """How every limit stands, and a verdict for each service."""
        from workbench.decide.verdicts import verdicts  # its graphs are slow to load

        return self.once("verdicts", lambda: verdicts(self))

    @cached_property
    def moves(self) -> Moves:
        """Answers what if: ``bench.moves.what_if(["order"])``."""
        from workbench.decide.verdicts import moves_of

        return moves_of(self)

    def ask(self, question: str) -> pd.DataFrame:
        """Answer SQL of one's own over the snapshots: ``bench.ask("SELECT * FROM relations LIMIT 5")``.

        ``over_time.relations`` holds every reading, with ``moment`` in front; see ``workbench.snapshot.ask``.
        """
        from workbench.snapshot.ask import ask

        return ask(self.history, question)

    def ask_live(
        self,
        question: str,
        *,
        service: str | None = None,
        instance: str | None = None,
        database: str | None = None,
    ) -> pd.DataFrame:
        """Put one SELECT to a server of the estate, read-only and timed; see ``workbench.collect.ask``."""
        from workbench.collect.ask import ask_live

        where = {"service": service, "instance": instance, "database": database}
        return ask_live(self.estate, question, **where)

    def with_limit(
        self,
        metric: str,
        *,
        soft: float | None = None,
        hard: float | None = None,
        low: float | None = None,
        unit: str | None = None,
        **of: str,
    ) -> Bench:
        """Return a bench with another limit: ``bench.with_limit("total_bytes", service="order", hard=50, unit="GB")``.

        It stands in place of what the estate file says, which is not changed; ``of`` takes the other keys of a
        threshold that are text, as ``service``, ``scope``, ``instance`` and ``window``. Of several, one is said
        after the other. EstateError where such a limit could not be written.

        >>> written = open_bench()
        >>> other = written.with_limit("total_bytes", service="search", hard=1, unit="GB")
        >>> len(other.estate.thresholds) - len(written.estate.thresholds)
        1
        """
        if unknown := sorted(of.keys() - _WORDS):
            raise EstateError(f"a limit has no {unknown[0]!r}; {nearest(unknown[0], _WORDS)}")
        for name, number in {"soft": soft, "hard": hard, "low": low}.items():
            if not isinstance(number, int | float | None):
                raise EstateError(f"{name}: {number!r} is not a number")
        limit = Threshold(metric, soft=soft, hard=hard, low=low, unit=unit, **of)  # type: ignore[arg-type]
        return replace(self, history=self.history.seen_with(with_limit(self.estate, limit)))

    @cached_property
    def decided(self) -> tuple[Decision, ...]:
        """What meetings decided; EstateError where a file of ``decisions/`` cannot be read."""
        from workbench.decide.decisions import load_decisions

        return load_decisions(self.estate)

    @cached_property
    def due(self) -> tuple[Due, ...]:
        """The decisions that are due on the newest snapshot's day."""
        from workbench.decide.decisions import decisions_due

        return decisions_due(self.decided, self.verdicts.statuses, self.history.newest.at.date())

    @cached_property
    def title(self) -> str:
        """The estate's name for people."""
        return self.estate.title or self.estate.name

    @cached_property
    def colours(self) -> dict[str, Colour]:
        """The colour of each service, the same on every page."""
        return service_colours(s.name for s in self.estate.services)

    def colour(self, owner: str, standing: str = "owned") -> Colour:
        """Return a service's colour; grey for what no service owns."""
        return self.colours.get(owner, GREY) if standing == "owned" else GREY

    @property
    def moment(self) -> str:
        """The day of the newest snapshot, marked where it is simulated."""
        return self._marked(day_text(self.history.newest.at))

    @property
    def period(self) -> str:
        """First to last day of the history, marked where the days are simulated."""
        return self._marked(self.period_alone)

    @property
    def period_alone(self) -> str:
        """First to last day of the history."""
        since, until = self.coverage.since, self.coverage.until
        return period_text(since or until, until) if until else "no snapshot"

    def _marked(self, text: str) -> str:
        return f"{text} (simulated dates)" if self.coverage.simulated else text

    @property
    def covered(self) -> str:
        """Coverage in a few words: instances reached, and how much could not be measured."""
        found = self.coverage
        every = len(found.reached) + len(found.unreached)
        words = f"{len(found.reached)} of {every} instance{'' if every == 1 else 's'} reached"
        missing = len(found.missing)
        return (
            f"{words}, {missing} gap{'' if missing == 1 else 's'}"
            if missing
            else f"{words}, no gaps"
        )

    def _repr_html_(self) -> str:
        # For JupyterLab, where nothing else brings the style sheet; a report has a head that says the same.
        facts = " · ".join(
            map(escape, (self.period, f"{self.coverage.snapshots} snapshots", self.covered))
        )
        return f"<div data-workbench><style>{lab_variables()}{_parts()}</style><p><b>{escape(self.title)}</b> · {facts}</p></div>"

    def __repr__(self) -> str:
        return f"{self.title}: {self.period}; {self.covered}"


def _parts() -> str:
    """The part of the style sheet that dresses outputs, for JupyterLab in its light and dark themes."""
    sheet = (files("workbench.present") / "assets" / "report.css").read_text(encoding="utf-8")
    return sheet.split("/* parts */")[1].split("/* narrow */")[0]


def open_bench(
    estate: str | os.PathLike[str] | None = None,
    *,
    history: str | os.PathLike[str] | None = None,
    snapshot: str | os.PathLike[str] | None = None,
    until: str | None = None,
    live: bool = False,
) -> Bench:
    """Open an estate's recorded history; without ``live`` nothing is asked of any server.

    ``history`` is ``history/`` in the estate's folder unless given; ``snapshot`` narrows it to one file;
    ``until`` (a day, as in ``2026-11-28``) leaves out what came later. ``live`` reads the estate's servers
    now, and lays what it read over the history without keeping it. Without ``estate``, the estate file
    beside the history or snapshot counts; with nothing at all, the estate that the environment names in
    ``WORKBENCH_ESTATE``, or the recorded marketplace. EstateError or SnapshotError where a file cannot be
    used; UsageError where an argument is not what it should be, or holds a secret, and where a live reading
    would follow simulated days; Unreachable where no server answered.
    """
    place, folder, one = (
        as_path("estate", estate),
        as_path("history", history),
        as_path("snapshot", snapshot),
    )
    end = as_end_of_day("until", until)
    kept = Path(os.environ[FOLDER]) if os.environ.get(FOLDER) else None
    if place is None and folder is None and one is None:
        named = os.environ.get("WORKBENCH_ESTATE")
        place = Path(named) if named else shared("data") / "estates" / "marketplace"
    if as_switch("live", live):
        if place is None or one is not None or end is not None:
            raise UsageError(
                "live reads the servers of an estate as they are now: name the estate, and neither a "
                "snapshot nor a day to end with"
            )
        from workbench.source import Source, open_live  # what talks to servers is slow to load

        return Bench(open_live(Source(place, history=folder)), kept)
    loaded = None if place is None else load_estate(place)
    if one is not None:
        alone = load_snapshot(one, loaded)
        return Bench(History(alone.estate, (alone,), one.parent.parent), kept)
    beside = loaded.folder if loaded else None
    found = load_history(folder or (beside or Path()) / "history", loaded)
    if end is not None:
        found = found.between(None, end)
    found.newest  # noqa: B018  # an empty history is refused here, with the next step
    return Bench(found, kept)
