"""What a notebook works on: one estate, its history up to a day, and the analyses of it, computed when first asked for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.decide.evidence import Evidence
from workbench.errors import UsageError
from workbench.estate import load_estate
from workbench.present.text import escape
from workbench.present.theme import GREY, Colour, service_colours
from workbench.present.units import day_text, period_text
from workbench.share import shared
from workbench.snapshot import History, load_history, load_snapshot

if TYPE_CHECKING:
    import pandas as pd

    from workbench.decide.decisions import Decision, Due
    from workbench.decide.whatif import Moves


@dataclass(frozen=True)
class Bench(Evidence):
    """One estate with the history under review. Displays itself as a line: estate, period, coverage."""

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
        return f"<div data-workbench><style>{_parts()}</style><p><b>{escape(self.title)}</b> · {facts}</p></div>"

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
) -> Bench:
    """Open an estate's recorded history; nothing is asked of any server.

    ``history`` is ``history/`` in the estate's folder unless given; ``snapshot`` narrows it to one file;
    ``until`` (a day, as in ``2026-11-28``) leaves out what came later. Without ``estate``, the estate file
    beside the history or snapshot counts; with nothing at all, the estate that the environment names in
    ``WORKBENCH_ESTATE``, or the recorded marketplace. EstateError or SnapshotError where a file cannot be
    used, UsageError where ``until`` is no day.
    """
    if estate is None and history is None and snapshot is None:
        estate = os.environ.get("WORKBENCH_ESTATE") or shared("data") / "estates" / "marketplace"
    loaded = None if estate is None else load_estate(Path(estate))
    if snapshot is not None:
        one = load_snapshot(snapshot, loaded)
        return Bench(History(one.estate, (one,), Path(snapshot).parent.parent))
    beside = loaded.folder if loaded else None
    folder = Path(history) if history is not None else (beside or Path()) / "history"
    found = load_history(folder, loaded)
    if until is not None:
        found = found.between(None, _end_of(until))
    found.newest  # noqa: B018  # an empty history is refused here, with the next step
    return Bench(found)


def _end_of(day: str) -> datetime:
    try:
        return datetime.combine(datetime.fromisoformat(day).date(), time.max, UTC)
    except ValueError as error:
        raise UsageError(f"until: {day!r} is not a day; write it as 2026-11-28") from error
