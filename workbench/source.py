"""Where a command or a notebook gets its history from: an estate, URLs, or one snapshot's file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from workbench.collect import collect
from workbench.errors import Unreachable, UsageError
from workbench.estate import Estate, estate_from_urls, load_estate
from workbench.snapshot import (
    History,
    Snapshot,
    find_tag,
    load_history,
    load_snapshot,
    newest_first,
)


@dataclass(frozen=True)
class Source:
    """What a person names on the command line or in a notebook's first cell.

    ``estate`` is a folder or its ``estate.toml``; ``urls`` stand for an estate that nobody wrote down;
    ``history`` is where snapshots are, ``history/`` in the estate's folder unless given; ``snapshot``
    is one of them, worked on alone; ``since`` and ``until`` are days, both included;
    ``baseline`` names a tagged snapshot to begin with instead of ``since``.
    """

    estate: Path | None = None
    urls: Sequence[str] = ()
    history: Path | None = None
    snapshot: Path | None = None
    since: str | None = None
    until: str | None = None
    baseline: str | None = None

    def load_estate(self) -> Estate:
        """Return the estate; EstateError where its files are wrong, UsageError where none is named."""
        if self.estate is not None and self.urls:
            raise UsageError("name an estate or URLs, not both")
        if self.urls:
            return estate_from_urls(self.urls)
        if self.estate is not None:
            return load_estate(self.estate)
        if self.snapshot is not None:
            return load_snapshot(self.snapshot).estate
        raise UsageError(
            "no estate: name one with --estate PATH, a server with --url URL, or a recorded snapshot "
            "with --snapshot PATH; `workbench init URL -o estate.toml` writes a first estate file"
        )

    def history_folder(self, estate: Estate) -> Path | None:
        """Return where snapshots are kept; None where nothing says so (``urls`` alone)."""
        if self.history is not None:
            return self.history
        return estate.folder / "history" if estate.folder is not None else None

    def newest(self, estate: Estate) -> Snapshot | None:
        """Return the snapshot that a new one follows, or None where there is none yet.

        A full one: a pulse knows neither a catalogue nor sizes that could stand in.
        """
        folder = self.history_folder(estate)
        held = newest_first(folder, estate) if folder is not None else ()
        return next((s for s in held if s.manifest.profile == "full"), None)

    def open(self) -> History:
        """Return the history to analyse. Collects only where ``urls`` stand without a ``history``.

        SnapshotError where there is no snapshot (in the period); Unreachable where URLs lead nowhere.
        """
        estate = self.load_estate()
        if self.snapshot is not None:
            return History(estate, (load_snapshot(self.snapshot, estate),))
        if self.history_folder(estate) is None:
            return History(estate, (collect_reached(estate),))
        found = self.open_or_empty()
        found.newest  # noqa: B018 - an empty history is refused here, with the next step
        return found

    def open_or_empty(self) -> History:
        """Return the recorded history, which may hold nothing; UsageError where none is named."""
        estate = self.load_estate()
        folder = self.history_folder(estate)
        if folder is None:
            raise UsageError("no history: name its folder with --history DIR, or an estate")
        since = _moment(self.since, time.min)
        if self.baseline is not None:
            if since is not None:
                raise UsageError("a period begins with --since or with --baseline, not with both")
            since = find_tag(folder, self.baseline).at
        found = load_history(folder, estate)
        return found.between(since, _moment(self.until, time.max))


def open_live(source: Source, **options: object) -> History:
    """Return the history with what the servers say now as its newest snapshot, which is kept nowhere.

    UsageError where the history holds simulated days; Unreachable where no instance was connected.
    """
    estate = source.load_estate()
    folder = source.history_folder(estate)
    recorded = source.open_or_empty() if folder is not None else History(estate, ())
    if recorded.collected and recorded.collected[-1].manifest.simulated:
        raise _simulated(folder)
    read = collect_reached(estate, previous=source.newest(estate), **options)
    return replace(recorded, snapshots=(*recorded.snapshots, read))


def since_its_beginning(source: Source, opened: History) -> History:
    """Return the whole history up to the end of what ``source`` opened: what came before its period too."""
    if opened.folder is None or (source.since is None and source.baseline is None):
        return opened
    return replace(source, since=None, baseline=None).open()


def late(source: Source, opened: History) -> list[str]:
    """Name what is stale today; of a period that a person ended, or of one snapshot, nothing is."""
    if opened.folder is None or source.until is not None:
        return []
    return stale(opened.folder, opened.estate)


def collect_reached(estate: Estate, **options: object) -> Snapshot:
    """Collect, and raise Unreachable with every reason where no instance could be connected."""
    snapshot = collect(estate, **options)  # type: ignore[arg-type]
    if not snapshot.manifest.reached:
        reasons = "; ".join(f"{m.place}: {m.why}: {m.remedy}" for m in snapshot.manifest.missing)
        raise Unreachable(f"nothing could be connected: {reasons}")
    return snapshot


def keep(snapshot: Snapshot, history: Path) -> Path:
    """Save a snapshot into a history and return its path.

    UsageError where a real day would follow simulated ones: no growth could be told from such a history.
    """
    recorded = _collected(history, snapshot.estate)
    # Real days never follow simulated ones, so that the newest speaks for all.
    before = next(recorded, None)
    simulated = before is not None and before.manifest.simulated
    if simulated and not snapshot.manifest.simulated:
        raise _simulated(history)
    return snapshot.save(history)


def _simulated(history: Path | None) -> UsageError:
    return UsageError(
        f"{history} holds simulated days, and a reading of today does not follow them: review them "
        "with --offline, or name another folder with --history"
    )


def stale(history: Path, estate: Estate, now: datetime | None = None) -> list[str]:
    """Name every instance and database of the estate whose last reading is older than its ``max_age``.

    Simulated days do not age. A target never read is not stale but missing, and what the estate no
    longer names is no target.
    """
    targets = {(i.name, "") for i in estate.instances}
    targets |= {(s.instance, s.database) for s in estate.services if s.instance and s.database}
    last: dict[tuple[str, str], datetime] = {}
    for snapshot in _collected(history, estate):
        if not last and snapshot.manifest.simulated:
            return []
        for part in snapshot.manifest.parts:
            place = (part.instance, part.database or "")
            if place in targets and part.as_of is None and part.endpoint is None:
                last.setdefault(place, snapshot.manifest.taken_at)
        if len(last) == len(targets):
            break
    oldest = (now or datetime.now(UTC)) - timedelta(days=estate.max_age)
    return [
        f"{'/'.join(filter(None, place))}: last read {seen:%Y-%m-%d %H:%M} UTC, more than "
        f"{estate.max_age} nights ago"
        for place, seen in sorted(last.items())
        if seen < oldest
    ]


def _collected(history: Path, estate: Estate) -> Iterator[Snapshot]:
    """What was read from servers, newest first."""
    return (s for s in newest_first(history, estate) if s.manifest.profile != "imported")


def _moment(day: str | None, at: time) -> datetime | None:
    if day is None:
        return None
    try:
        return datetime.combine(date.fromisoformat(day), at, UTC)
    except ValueError as error:
        raise UsageError(f"{day!r} is not a day: write it as 2026-11-28") from error
