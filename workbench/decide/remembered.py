"""What the readings of a history remember, family by family, and the baseline that is compared with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from workbench import __version__
from workbench.decide.evidence import Evidence
from workbench.decide.seen import Seen
from workbench.snapshot import History, Snapshot, Tag, find_tag, kept_beside, load_tags
from workbench.snapshot.objects import put, staging


@dataclass(frozen=True)
class Family:
    """Things of some kinds that may be new: crossings, references, the findings of a rule.

    ``seen_in`` says what a history saw of them. ``name`` and ``version`` are of the files in which that is kept:
    another version is worked out again. ``kinds`` are what their keys begin with. ``alone``: a reading by itself
    shows them; else it takes the history up to it, as growth does.
    """

    name: str
    kinds: tuple[str, ...]
    version: str
    seen_in: Callable[[Evidence], Seen]
    alone: bool = True


def readings(history: History) -> tuple[Snapshot, ...]:
    """Return the full readings of a history, oldest first; pulses have no catalogue."""
    return tuple(s for s in history.collected if s.manifest.profile == "full")


def remembered(family: Family, evidence: Evidence) -> Seen:
    """Return what a history remembers: everything in its window, and in its last reading alone.

    A statement that nobody called in the window is in pg_stat_statements all the same: it was seen.
    """
    seen, last = family.seen_in(evidence), readings(evidence.history)[-1:]
    if not family.alone or len(evidence.history) == 1 or not last:
        return seen
    return seen | reading(family, evidence.history, last[0])


def earlier(family: Family, history: History, until: datetime) -> Iterator[Seen]:
    """Yield what each reading up to a moment saw, the newest first, each worked out when it is asked for.

    With the estate and rules of today: what is declared today makes nothing new. What it took is kept in
    ``derived/`` of the history, and left out where that cannot be written.
    """
    up_to = history.between(until=until)
    if not family.alone:
        yield remembered(family, Evidence(up_to))
        return
    for snapshot in reversed(readings(up_to)):
        yield reading(family, history, snapshot)


def reading(family: Family, history: History, snapshot: Snapshot) -> Seen:
    """Return what one reading saw; see ``earlier``."""
    made_by = {
        "rules": family.version,
        "workbench": __version__,
        "estate": history.estate.digest,
    }
    folder = kept_beside(history.folder)
    path = folder / "derived" / f"{family.name}-{snapshot.manifest.id}.json" if folder else None
    if path is not None:
        with suppress(OSError, ValueError, TypeError, LookupError):  # damaged: made again
            data = json.loads(path.read_text(encoding="utf-8"))
            if data["made_by"] == made_by:
                return Seen.from_json(data)
    found = remembered(family, Evidence(replace(history, snapshots=(snapshot,))))
    if folder is not None and path is not None:
        text = json.dumps({"made_by": made_by, **found.to_json()}, indent=1, ensure_ascii=False)
        with suppress(OSError), staging(folder) as beside:
            put(beside, path, text.encode() + b"\n")
    return found


def baseline_of(history: History, name: str | None) -> Tag | None:
    """Return the baseline of that name, else the newest one that is not after the history's end.

    UsageError where there is no baseline of that name.
    """
    if history.folder is None:
        return None
    if name is not None:
        return find_tag(history.folder, name)
    end = history.collected[-1].at
    return max(
        (t for t in load_tags(history.folder) if t.at <= end),
        key=lambda t: (t.at, t.name),
        default=None,
    )
