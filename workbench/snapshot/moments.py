"""A moment of a history, by the name that a person gives it: a baseline, a day, a snapshot's file, or a report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path

from workbench.errors import UsageError
from workbench.estate.names import nearest
from workbench.snapshot.history import History, load_snapshot
from workbench.snapshot.upkeep import Tag, load_tags


@dataclass(frozen=True)
class Moment:
    """The reading that is the newest at a moment, by its date, and what people call it.

    ``tag`` is the baseline of that name, where it is one.
    """

    at: datetime
    name: str
    tag: Tag | None = None


def find_moment(history: History, name: str) -> Moment:
    """Return the moment that ``name`` stands for: a baseline, a day as in 2026-11-28, a snapshot's file, or the folder of a report.

    A day, or a report, stands for the newest reading up to it. UsageError where it is none of them, or the history
    holds no reading up to it.
    """
    tags = {t.name: t for t in load_tags(history.folder)} if history.folder is not None else {}
    if name in tags:
        tag = tags[name]
        return Moment(_reading(history, tag.at, name), f"baseline {name}", tag)
    day = _day(name)
    if day is not None:
        end = datetime.combine(day, time.max, UTC)
        return Moment(_reading(history, end, name), f"{day.day} {day:%b %Y}")
    path = Path(name)
    if path.is_file():
        at = load_snapshot(path, history.estate).at
        if all(s.at != at for s in history.collected):
            raise UsageError(
                f"{path} is no snapshot of {_of(history)}: name one of those that `workbench history list` shows"
            )
        return Moment(at, f"reading of {at:%Y-%m-%d %H:%M} UTC")
    if (path / "status.json").is_file():
        return Moment(
            _reading(history, reported(path, history.estate.name), name), f"report {path.name}"
        )
    raise UsageError(
        f"{name!r} is no baseline of {_of(history)}, no day as in 2026-11-28, no snapshot's file and no report's folder; "
        f"{nearest(name, tags)}; `workbench history tag NAME` makes a baseline"
    )


def reported(report: Path, estate: str) -> datetime:
    """Return the date of the newest reading that a report rests on; UsageError where the folder is no report of the estate."""
    path = report / "status.json"
    try:
        coverage = json.loads(path.read_text(encoding="utf-8"))["coverage"]
        until, whose = datetime.fromisoformat(coverage["period"]["until"]), coverage["estate"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} is no report's status ({error}): name a report's folder"
        ) from error
    if whose != estate:
        raise UsageError(
            f"{report} is a report on the estate {whose!r}, not {estate!r}: name one of its own"
        )
    return until


def begin_of(history: History) -> Moment:
    """Return the moment that a history is compared with where nobody names one: the newest baseline before its end, else its first reading."""
    held = history.collected
    tags = load_tags(history.folder) if history.folder is not None else ()
    earlier = [t for t in tags if held[0].at <= t.at < held[-1].at]
    if earlier:
        chosen = max(earlier, key=lambda t: (t.at, t.name))
        return Moment(chosen.at, f"baseline {chosen.name}", chosen)
    return Moment(held[0].at, "first reading")


def _reading(history: History, until: datetime, name: str) -> datetime:
    held = [s.at for s in history.collected]
    found = [at for at in held if at <= until]
    if not found:
        first = f"begins on {held[0]:%Y-%m-%d}" if held else "is empty"
        raise UsageError(
            f"{name!r}: {_of(history)} {first}, after that: name a later moment; `workbench history list` shows them"
        )
    return found[-1]


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(name) if len(name) == len("2026-11-28") else None
    except ValueError:
        return None


def _of(history: History) -> str:
    return f"the history {history.folder}" if history.folder is not None else "the history"
