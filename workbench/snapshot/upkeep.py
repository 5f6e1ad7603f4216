"""What a person does with a history's folder: merge parts, tag, join epochs, thin.

    history/tags/NAME.json       a baseline: which snapshot bears the name, and what was seen up to it
    history/adopted/….json       a person's word that counters go on over a break

A snapshot that exists is never changed. Thinning alone removes some.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from workbench.errors import SnapshotError, UsageError
from workbench.snapshot.epochs import Adoption, load_adoptions, save_adoption
from workbench.snapshot.history import History, load_history, load_snapshot
from workbench.snapshot.objects import alone, put, staging
from workbench.snapshot.whole import Snapshot

WEEKLY_AFTER = timedelta(days=90)
"""From this age on one full reading a week and instance is kept, and one pulse a day."""

HOURLY_AFTER = timedelta(days=14)
"""From this age on one pulse an hour and instance is kept: the busiest hour needs no more."""

_TAG = re.compile(r"[A-Za-z0-9][\w.-]{0,62}", re.ASCII)


@dataclass(frozen=True)
class Tag:
    """A name for a snapshot: a baseline to compare with. ``at`` is the snapshot's date.

    ``seen`` is what was known up to it, as whoever tagged it writes it down: it stays when the snapshots
    before it are thinned. Empty in files of older versions.
    """

    name: str
    snapshot: str
    at: datetime
    note: str = ""
    seen: Mapping[str, list[str]] = field(default_factory=dict, repr=False)

    def to_json(self) -> dict[str, object]:
        """Return the tag as documents hold it; its file holds ``seen`` too."""
        found = asdict(self) | {"at": self.at.isoformat()}
        del found["seen"]
        return found


@dataclass(frozen=True)
class Merged:
    """What a merge brought: ids of ``added`` snapshots, how many were ``known``, tags and adoptions."""

    added: tuple[str, ...]
    known: int
    tags: tuple[str, ...]
    adopted: int

    def to_json(self) -> dict[str, object]:
        """Return the result as documents hold it."""
        return asdict(self)


@dataclass(frozen=True)
class Thinned:
    """Ids of snapshots ``removed``, how many are ``kept``, and the ``bytes`` that were freed."""

    removed: tuple[str, ...]
    kept: int
    bytes: int

    def to_json(self) -> dict[str, object]:
        """Return the result as documents hold it."""
        return asdict(self)


def tag(
    folder: Path,
    name: str,
    snapshot: Snapshot,
    note: str = "",
    seen: Mapping[str, list[str]] | None = None,
) -> Tag:
    """Give ``snapshot`` a name; UsageError where the name is no name, or another snapshot's."""
    if not _TAG.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for a baseline: up to 63 letters, digits, '-', '_' and '.', "
            "such as 2026-Q3"
        )
    made = Tag(name, snapshot.manifest.id, snapshot.at, note, seen or {})
    path = folder / "tags" / f"{name}.json"
    held = {t.name: t for t in load_tags(folder)}.get(name)
    if held is not None and held.snapshot != made.snapshot:
        raise UsageError(
            f"the baseline {name} is the snapshot {held.snapshot} already: choose another name, or "
            f"remove {path}"
        )
    with staging(folder) as beside:
        put(beside, path, _text(made.to_json() | {"seen": dict(made.seen)}))
    return made


def load_tags(folder: Path) -> tuple[Tag, ...]:
    """Return the baselines of a history, sorted by name; SnapshotError names a file that is none."""
    return tuple(map(_read_tag, sorted((folder / "tags").glob("*.json"))))


def find_tag(folder: Path, name: str) -> Tag:
    """Return the baseline of that name; UsageError names those there are."""
    tags = {t.name: t for t in load_tags(folder)}
    if name not in tags:
        there = f"there are {', '.join(tags)}" if tags else "there is none"
        raise UsageError(
            f"no baseline {name!r} in {folder}: {there}; `workbench history tag NAME` makes one"
        )
    return tags[name]


def _read_tag(path: Path) -> Tag:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        at = datetime.fromisoformat(data["at"])
        seen = {name: list(held) for name, held in data.get("seen", {}).items()}
        return Tag(data["name"], data["snapshot"], at, data["note"], seen)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SnapshotError(f"{path} is no baseline ({error}): remove it, and tag again") from error


def _text(data: dict[str, object]) -> bytes:
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def adopt(history: History, instance: str, *, who: str, why: str, when: datetime) -> Adoption:
    """Join the last epoch break of an instance that a change of identity made, by a person's word.

    From then on counters are differenced over it; one that went down is still taken as it stands.
    UsageError where there is no such break: what a crash or a reset threw away nobody can bring back.
    """
    if history.folder is None:
        raise UsageError("epochs are joined in a history's folder: name it with --history DIR")
    mine = [c for c in history.cuts if c.broken.instance == instance and c.broken.endpoint is None]
    open_ = [c for c in mine if c.sides is not None and c.broken.adopted is None]
    if not open_:
        others = "; ".join(f"{c.broken.at:%Y-%m-%d}: {c.broken.why}" for c in mine)
        raise UsageError(
            f"no epoch break of {instance} can be joined"
            + (f" (there are: {others})" if others else ": its counters were never broken")
        )
    before, after = open_[-1].sides or (None, None)
    assert before is not None
    assert after is not None
    adoption = Adoption(instance, before, after, who, why, when)
    save_adoption(history.folder, adoption)
    return adoption


def merge(folder: Path, other: Path) -> Merged:
    """Copy what ``other`` holds and ``folder`` does not: snapshots with their objects, tags, adoptions.

    ``other`` is a history or an estate's folder with one. Every object is checked against its name, and
    each manifest comes after its objects: a merge that is broken off can be run again. SnapshotError
    where ``other`` is none, is damaged, or holds another snapshot or baseline of the same name.
    """
    source = other if (other / "snapshots").is_dir() else other / "history"
    if not (source / "snapshots").is_dir():
        raise SnapshotError(f"{other} holds no history: there is no folder snapshots/ in it")
    manifests = sorted((source / "snapshots").glob("*.json"))
    added = []
    with staging(folder) as beside:
        for path in manifests:
            target = folder / "snapshots" / path.name
            if target.exists():
                if target.read_bytes() != path.read_bytes():
                    raise SnapshotError(f"{path} and {target} differ though they have one name")
                continue
            snapshot = load_snapshot(path)
            for content in dict.fromkeys(p.content for p in snapshot.manifest.parts):
                copy = folder / "objects" / f"{content}.parquet"
                if not copy.exists():
                    put(beside, copy, _checked(snapshot, content))
            put(beside, target, path.read_bytes())
            added.append(snapshot.manifest.id)
        words = _copy_small(beside, source, folder, "adopted")
        tags = _copy_small(beside, source, folder, "tags")
    return Merged(tuple(added), len(manifests) - len(added), tuple(tags), len(words))


def _checked(snapshot: Snapshot, content: str) -> bytes:
    path = snapshot.objects.path(content)
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise SnapshotError(
            f"{path} is missing though {snapshot.manifest.id} refers to it: copy the history again"
        ) from error
    if hashlib.sha256(data).hexdigest() != content:
        raise SnapshotError(
            f"{path} is damaged: its content is not what its name says; copy it again"
        )
    return data


def _copy_small(beside: Path, source: Path, folder: Path, kind: str) -> list[str]:
    """Copy what the other history says and this one does not; a contradiction is for a person to settle."""
    load_tags(source), load_adoptions(source)  # a file that is none is refused before it is copied
    copied = []
    for path in sorted((source / kind).glob("*.json")):
        target = folder / kind / path.name
        if target.exists() and target.read_bytes() != path.read_bytes():
            raise SnapshotError(f"{path} and {target} differ: keep one of them, and merge again")
        if not target.exists():
            put(beside, target, path.read_bytes())
            copied.append(path.stem)
    return copied


def thin(folder: Path, *, dry: bool = False) -> Thinned:
    """Remove what is old: after 90 days all but one full reading a week, and most pulses.

    Ages count from the newest snapshot, not from the clock. Per instance the week's last reading with
    sizes stays; of pulses one an hour after 14 days, one a day after 90. What bears a tag, and what was
    imported, always stays. Objects that no snapshot refers to are removed. ``dry`` removes nothing.
    """
    with alone(folder):
        history = load_history(folder)
        kept = _kept(history, {t.snapshot for t in load_tags(folder)})
        removed = [s for s in history if s.manifest.id not in kept]
        wanted = {p.content for s in history if s.manifest.id in kept for p in s.manifest.parts}
        manifests = [folder / "snapshots" / f"{s.manifest.id}.json" for s in removed]
        derived = [p for s in removed for p in (folder / "derived").glob(f"*-{s.manifest.id}.json")]
        objects = [p for p in (folder / "objects").glob("*.parquet") if p.stem not in wanted]
        freed = sum(p.stat().st_size for p in (*manifests, *objects))
        if not dry:
            for path in (*manifests, *objects):  # manifests first: none refers to what is gone
                path.unlink()
            for path in derived:
                path.unlink(missing_ok=True)
    return Thinned(tuple(s.manifest.id for s in removed), len(history) - len(removed), freed)


def _kept(history: History, tagged: Iterable[str]) -> set[str]:
    kept = set(tagged)
    if not history.collected:
        return kept | {s.manifest.id for s in history}
    newest = history.collected[-1].at
    last: dict[tuple[object, ...], str] = {}
    for snapshot in history:
        manifest = snapshot.manifest
        age = newest - snapshot.at
        pulse = manifest.profile == "pulse"
        if manifest.profile == "imported" or age <= (HOURLY_AFTER if pulse else WEEKLY_AFTER):
            kept.add(manifest.id)
            continue
        bucket: object = snapshot.at.isocalendar()[:2]
        if pulse:
            bucket = snapshot.at.date()
            if age <= WEEKLY_AFTER:
                bucket = (bucket, snapshot.at.hour)
        for instance in manifest.reached:
            whole = pulse or snapshot.has("sizes", instance)
            key = (pulse, instance, bucket)
            if (
                whole or key not in last
            ):  # a reading without sizes stands only where there is no other
                last[key] = manifest.id
    return kept | set(last.values())
