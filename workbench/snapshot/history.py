"""Snapshots in order of their dates: reading a history's folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from itertools import groupby
from pathlib import Path

import pandas as pd

from workbench.errors import SnapshotError
from workbench.estate import Estate, load_estate
from workbench.model import Coverage, Missing
from workbench.snapshot.coverage import ONLY_PULSES, coverage_of, not_taken
from workbench.snapshot.epochs import Adoption, Cut, cuts, load_adoptions
from workbench.snapshot.manifest import Manifest
from workbench.snapshot.nights import missed_nights, nights_of
from workbench.snapshot.objects import Objects, stacked
from workbench.snapshot.whole import Snapshot


@dataclass(frozen=True)
class History:
    """Snapshots in order of their dates, oldest first, all seen with one estate's eyes.

    Iterating gives every snapshot: full ones, pulses, and what was imported. ``nights`` are the full
    ones alone, those of one night as one. ``adopted`` are the breaks of epochs that a person joined.
    """

    estate: Estate
    snapshots: tuple[Snapshot, ...]
    folder: Path | None = None
    adopted: tuple[Adoption, ...] = ()

    def __len__(self) -> int:
        return len(self.snapshots)

    def __iter__(self) -> Iterator[Snapshot]:
        return iter(self.snapshots)

    @cached_property
    def collected(self) -> tuple[Snapshot, ...]:
        """What was read from servers: every snapshot but the imported ones."""
        return tuple(s for s in self.snapshots if s.manifest.profile != "imported")

    @cached_property
    def nights(self) -> tuple[Snapshot, ...]:
        """The full snapshots, one a night: parts taken on different networks are one.

        A night is a day in UTC, and goes on past midnight for instances it does not hold yet. Where
        an instance was read twice, the later reading stands; a database that it could not read is
        taken from the earlier one.
        """
        return nights_of([s for s in self.snapshots if s.manifest.profile == "full"])

    @property
    def newest(self) -> Snapshot:
        """The last night, or the last pulse where there is no night; SnapshotError without either."""
        found = self.nights or self.collected
        if not found:
            place = f" in {self.folder}" if self.folder else ""
            raise SnapshotError(
                f"no snapshot{place} (in the period asked for): run `workbench collect` first"
            )
        return found[-1]

    @cached_property
    def cuts(self) -> tuple[Cut, ...]:
        """Where counters cannot be compared with those before, by position in ``collected``."""
        return cuts(self.collected, self.adopted)

    def between(self, since: datetime | None = None, until: datetime | None = None) -> History:
        """Return the part of the history from ``since`` to ``until``, both included."""
        kept = tuple(
            s
            for s in self.snapshots
            if (since is None or s.at >= since) and (until is None or s.at <= until)
        )
        return replace(self, snapshots=kept)

    def seen_with(self, estate: Estate) -> History:
        """Return the same snapshots seen with another estate's eyes."""
        seen = tuple(replace(s, estate=estate) for s in self.snapshots)
        return replace(self, estate=estate, snapshots=seen)

    def frame(self, name: str, *columns: str) -> pd.DataFrame:
        """Return ``name`` of all snapshots, one below the other, with the column ``at`` in front.

        An object that many snapshots share is read once.
        """
        return frame_over(self.snapshots, name, *columns)

    @cached_property
    def missed(self) -> tuple[date, ...]:
        """The nights before the newest one on which a snapshot was to be expected: see ``missed_nights``."""
        return missed_nights([s.at.date() for s in self.nights])

    @cached_property
    def coverage(self) -> Coverage:
        """What the newest night could not see, over the period of all that was collected."""
        newest = self.newest
        found = coverage_of(self.collected, newest, [c.broken for c in self.cuts])
        if missed := self.missed:
            gaps = (Missing("nights", i, None, *not_taken(missed)) for i in newest.manifest.reached)
            found = replace(found, missing=(*found.missing, *gaps))
        if newest.manifest.profile != "pulse":
            return found
        unread = (Missing("database", i, None, *ONLY_PULSES) for i in newest.manifest.reached)
        return replace(found, missing=(*found.missing, *unread))


def frame_over(snapshots: tuple[Snapshot, ...], name: str, *columns: str) -> pd.DataFrame:
    """Return ``name`` of these snapshots, one below the other, with the column ``at`` in front."""
    parts = (
        (s.objects, p, {"at": s.at})
        for s in snapshots
        for p in s.manifest.parts
        if p.frame == name and p.endpoint is None
    )
    return stacked(parts, ("at", "instance", "database"), columns)


def load_snapshot(path: str | os.PathLike[str], estate: Estate | None = None) -> Snapshot:
    """Open one snapshot by its manifest's path.

    Without ``estate``, the ``estate.toml`` beside the history decides who owns what; where there is
    none, each schema is a service. SnapshotError where the file is no manifest.
    """
    path = Path(path)
    return _opened(path, estate, Objects(path.parent.parent / "objects"))


def _opened(path: Path, estate: Estate | None, objects: Objects) -> Snapshot:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        manifest = Manifest.from_json(data, path)
    except FileNotFoundError as error:
        raise SnapshotError(
            f"{path}: no such snapshot; `workbench history list` names those there are"
        ) from error
    except IsADirectoryError as error:
        raise SnapshotError(
            f"{path} is a folder: name one of the files under its snapshots/"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SnapshotError(f"{path} is not a snapshot's manifest ({error})") from error
    history = path.parent.parent
    found = estate or _estate_beside(history) or _bare(manifest.estate)
    return Snapshot(manifest, objects, found)


def load_history(folder: str | os.PathLike[str], estate: Estate | None = None) -> History:
    """Open all snapshots of a history folder; an absent or empty folder gives an empty history."""
    folder = Path(folder)
    estate = estate or _estate_beside(folder)
    objects = Objects(folder / "objects")  # of one and all: what many share is read once
    snapshots = [_opened(m, estate, objects) for m in (folder / "snapshots").glob("*.json")]
    snapshots.sort(key=_order)
    whose = snapshots[-1].estate if snapshots else _bare(folder.name)
    return History(estate or whose, tuple(snapshots), folder, load_adoptions(folder))


def _order(snapshot: Snapshot) -> tuple[datetime, datetime, str]:
    return snapshot.at, snapshot.manifest.taken_at, snapshot.manifest.id


def newest_first(
    folder: str | os.PathLike[str], estate: Estate | None = None
) -> Iterator[Snapshot]:
    """Open the snapshots of a history one by one, newest first, each when it is asked for.

    What looks at the last few alone is not to pay for a quarter of pulses every five minutes.
    """
    folder = Path(folder)
    estate = estate or _estate_beside(folder)
    paths = sorted((folder / "snapshots").glob("*.json"), reverse=True)
    # A manifest is named after the second of its date; what is of one second is put in order here.
    for _, alike in groupby(paths, lambda path: path.name.partition("-")[0]):
        yield from sorted((load_snapshot(p, estate) for p in alike), key=_order, reverse=True)


def _estate_beside(history: Path) -> Estate | None:
    beside = history.absolute().parent / "estate.toml"
    return load_estate(beside) if beside.exists() else None


def _bare(name: str) -> Estate:
    """An estate of which nothing was written down: each schema is a service."""
    return Estate(name, instances=(), implicit=True)
