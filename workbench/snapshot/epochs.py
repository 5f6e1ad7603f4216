"""Epochs: stretches of history in which one instance's counters may be differenced.

What tells them apart: system identifier, timeline, recovery state and the declared endpoint together
(none does alone: standbys and restored copies share the identifier, pg_upgrade changes it, a failover
keeps it), the WAL's position, where the server is, and the counters themselves. Two standbys of one
primary differ in nothing but the last two. That a moment of reset moved proves nothing:
pg_stat_reset_single_table_counters moves the database's too. Only a counter that went down does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from workbench.errors import SnapshotError
from workbench.model import BreakKind, EpochBreak
from workbench.snapshot.objects import put, records, stacked, staging

if TYPE_CHECKING:
    from workbench.snapshot.whole import Snapshot

Signature = tuple[str, int, bool]
"""System identifier, timeline, in recovery."""

_PLACE = ("server_address", "server_port", "data_directory", "cluster_name")
"""Where a server is, as it says itself. Proves another server only together with other counters."""

_IDENTITY = (
    "system_identifier",
    "timeline_id",
    "in_recovery",
    "server_version_num",
    "started_at",
    "counters_since",
    "wal_position",
    "read_at",
    *_PLACE,
)
_NEVER_FALL = (
    "xact_commit",
    "xact_rollback",
    "blks_read",
    "blks_hit",
    "tup_returned",
    "tup_fetched",
    "tup_inserted",
    "tup_updated",
    "tup_deleted",
    "sessions",
)


@dataclass(frozen=True)
class Adoption:
    """A person's word that counters go on over a change of identity. ``when`` is when it was given."""

    instance: str
    before: Signature
    after: Signature
    who: str
    why: str
    when: datetime


@dataclass(frozen=True)
class Cut:
    """An epoch break, the position of the first snapshot after it, and the identities on its two sides.

    ``sides`` is None where the identity stayed, or the counters are proved to be another server's: then
    nobody's word can make them go on.
    """

    number: int
    broken: EpochBreak
    sides: tuple[Signature, Signature] | None = None

    @property
    def cuts_all(self) -> bool:
        """Whether every counter of the instance starts anew here."""
        partly = self.broken.kind in ("reset", "recreated", "statements")
        return not partly and self.broken.adopted is None


def numbered(
    snapshots: Sequence[Snapshot], name: str, *columns: str, endpoint: str | None = None
) -> pd.DataFrame:
    """Return ``name`` of these snapshots with their positions (``number``) and dates in front."""
    parts = (
        (s.objects, p, {"number": number, "at": s.at})
        for number, s in enumerate(snapshots)
        for p in s.manifest.parts
        if p.frame == name and p.endpoint == endpoint
    )
    found = stacked(parts, ("number", "at", "instance", "database"), columns)
    return found.astype({"number": "int64"})


def cuts(snapshots: Sequence[Snapshot], adopted: Sequence[Adoption] = ()) -> tuple[Cut, ...]:
    """Return every epoch break of ``snapshots``, in their order. One pass over small frames.

    Every endpoint has counters and epochs of its own; ``adopted`` concerns those of the instances.
    """
    found = list(_cuts(snapshots, None, adopted))
    for name in endpoints(snapshots):
        found += (
            replace(c, broken=replace(c.broken, endpoint=name)) for c in _cuts(snapshots, name, ())
        )

    def order(cut: Cut) -> tuple[int, str, str, str]:
        broken = cut.broken
        return cut.number, broken.instance, broken.endpoint or "", broken.database or ""

    return tuple(sorted(found, key=order))


def endpoints(snapshots: Sequence[Snapshot]) -> list[str]:
    """Return the names of all replicas that were read, sorted."""
    return sorted({p.endpoint for s in snapshots for p in s.manifest.parts if p.endpoint})


def _cuts(
    snapshots: Sequence[Snapshot], endpoint: str | None, adopted: Sequence[Adoption]
) -> list[Cut]:
    identity = numbered(snapshots, "identity", *_IDENTITY, endpoint=endpoint)
    names = ("datname", "datid", "stats_reset", *_NEVER_FALL)
    counters = _fallen(numbered(snapshots, "database_statistics", *names, endpoint=endpoint))
    resets = numbered(snapshots, "statements_info", "stats_reset", endpoint=endpoint)
    info = _moved(resets, ["instance"], "stats_reset")
    found = [*_identity_cuts(identity, adopted)]
    held = {(c.broken.instance, c.number) for c in found}
    found += _crashes(identity, counters, info, held)
    held = {(c.broken.instance, c.number) for c in found}
    found += _resets(counters, held)
    found += [
        Cut(
            row["number"],
            EpochBreak(
                row["instance"],
                row["at"].to_pydatetime(),
                f"pg_stat_statements was reset at {row['stats_reset']:%Y-%m-%d %H:%M} UTC",
                "statements",
            ),
        )
        for row in records(info[info["moved"]])
        if (row["instance"], row["number"]) not in held
    ]
    return found


def _identity_cuts(identity: pd.DataFrame, adopted: Sequence[Adoption]) -> list[Cut]:
    found: list[Cut] = []
    identity = identity.dropna(subset=["system_identifier", "timeline_id", "in_recovery"])
    words = {(a.instance, a.before, a.after): a for a in adopted}
    for instance, rows in identity.groupby("instance", sort=True):
        seen = records(rows)
        for before, after in pairwise(seen):
            told = _told(before, after)
            if told is None:
                continue
            kind, why = told
            sides = (_signature(before), _signature(after))
            word = words.get((str(instance), *sides))
            broken = EpochBreak(str(instance), after["at"].to_pydatetime(), why, kind)
            if word is not None:
                broken = replace(broken, adopted=f"{word.who}: {word.why}")
            elsewhere = kind == "replaced" and sides[0] == sides[1]
            found.append(Cut(after["number"], broken, None if elsewhere else sides))
    return found


def _signature(row: dict[str, Any]) -> Signature:
    return str(row["system_identifier"]), int(row["timeline_id"]), bool(row["in_recovery"])


def _told(before: dict[str, Any], after: dict[str, Any]) -> tuple[BreakKind, str] | None:
    """What became of the server between two readings, or None where it is the same one."""
    was, now = _signature(before), _signature(after)
    wal = before["wal_position"], after["wal_position"]
    back = pd.notna(wal[0]) and pd.notna(wal[1]) and wal[1] < wal[0]
    if was[0] != now[0]:
        majors = [
            0 if pd.isna(r["server_version_num"]) else int(r["server_version_num"]) // 10000
            for r in (before, after)
        ]
        if majors[1] > majors[0] > 0:
            return "upgrade", (
                f"PostgreSQL {majors[0]} became {majors[1]} with a new system identifier: pg_upgrade, "
                "or a move to a new cluster"
            )
        return "replaced", f"another cluster answers: system identifier {was[0]} became {now[0]}"
    if was[1] != now[1]:
        lines = f"timeline {was[1]} became {now[1]}"
        if was[2] and not now[2]:
            return "failover", f"the standby was promoted: {lines}"
        if back or now[1] < was[1]:
            return "restore", f"restored to an earlier moment: {lines}, and the WAL went back"
        if was[2]:
            return "failover", f"the standby follows a new primary: {lines}"
        return (
            "failover",
            f"failover to a promoted standby, or a restore to the newest state: {lines}",
        )
    if was[2] != now[2]:
        return (
            "role",
            f"a {'standby' if now[2] else 'primary'} answers where a {'standby' if was[2] else 'primary'} did",
        )
    elsewhere = _elsewhere(before, after)
    if elsewhere is not None:
        kind = "standby" if now[2] else "server"
        return "replaced", f"another {kind} of this cluster answers: {elsewhere}"
    if back and now[2]:
        # Right after a restart a standby may replay again what it had replayed; its counters tell.
        if _kept_counting(before, after):
            return None
        return "replaced", "replay went back: another standby answers, or this one was built anew"
    if back:
        return (
            "restore",
            "the WAL went back on the same timeline: a copy of the volume was restored",
        )
    return None


def _kept_counting(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether both readings are of the same counters: those of two servers never begin at one microsecond."""
    was, now = before["counters_since"], after["counters_since"]
    return bool(pd.notna(was) and pd.notna(now) and was == now)


def _elsewhere(before: dict[str, Any], after: dict[str, Any]) -> str | None:
    """What proves that another server answers though identifier, timeline and state stayed, or None.

    Only with other counters, of another start: an address, a folder or a name may change under a server.
    """
    started = before["started_at"], after["started_at"]
    began = before["counters_since"], after["counters_since"]
    if pd.isna([*started, *began]).any() or started[0] == started[1] or began[0] == began[1]:
        return None
    if pd.notna(before["read_at"]) and started[1] <= before["read_at"]:
        return (
            f"it has run since {started[1]:%Y-%m-%d %H:%M} UTC, beside the one that was read before"
        )
    moved = [n for n in _PLACE if pd.notna(before[n]) and pd.notna(after[n])]
    moved = [n for n in moved if before[n] != after[n]]
    return ", ".join(f"{n.replace('_', ' ')} {before[n]} became {after[n]}" for n in moved) or None


def _stayed(identity: pd.DataFrame) -> pd.Series[Any]:
    """Whether a server is where the one of the reading before was: as a standby, nothing else tells them apart.

    By its address; over a socket it has none, and is on this machine: there its folder tells.
    """
    before = identity.groupby("instance", sort=False)[["server_address", "data_directory"]].shift()
    address, folder = (
        (identity[n] == before[n]).fillna(False).astype(bool) for n in before.columns
    )
    local = identity["server_address"].isna() & before["server_address"].isna()
    return address | (local & folder)


def _fallen(statistics: pd.DataFrame) -> pd.DataFrame:
    """Mark per database and snapshot whether a counter went down, and whether it is another database."""
    found = statistics[statistics["datname"].notna()].reset_index(drop=True)
    place = [found["instance"], found["datname"]]
    before = found.groupby(["instance", "datname"], sort=False)
    fell = pd.Series(False, found.index)
    for counter in _NEVER_FALL:
        values = found[counter].astype("Float64")
        fell |= (values < values.groupby(place, sort=False).shift()).fillna(False).astype(bool)
    found["fell"] = fell
    was = before["datid"].shift()
    found["recreated"] = (was.notna() & (found["datid"] != was)).fillna(False).astype(bool)
    return _moved(found, ["instance", "datname"], "stats_reset")


def _moved(frame: pd.DataFrame, key: list[str], column: str) -> pd.DataFrame:
    """Add ``moved``: whether a moment differs from the one before; becoming known counts, becoming NULL not."""
    frame = frame.assign(**{column: pd.to_datetime(frame[column], utc=True)})
    group = frame.groupby(key, sort=False)
    was = group[column].shift()
    first = group.cumcount() == 0
    return frame.assign(moved=frame[column].notna() & ~first & (frame[column] != was))


def _crashes(
    identity: pd.DataFrame, counters: pd.DataFrame, info: pd.DataFrame, held: set[tuple[str, int]]
) -> list[Cut]:
    """Restarts that lost every counter: PostgreSQL throws them away after a crash, and says when."""
    known = _moved(identity.assign(stayed=_stayed(identity)), ["instance"], "counters_since")
    known = _moved(known.rename(columns={"moved": "lost"}), ["instance"], "started_at")
    key = ["instance", "number"]
    fell = counters[counters["fell"] & ~counters["recreated"]]
    # Snapshots of format 1 do not say when counters were lost: there, falling without a reset says it.
    silent = fell[~fell["moved"]][key].drop_duplicates().assign(silent=True)
    fell = fell[key].drop_duplicates().assign(fell=True)
    cleared = info[info["moved"]][key].drop_duplicates().assign(cleared=True)
    found = known
    for marks in (fell, silent, cleared):
        found = found.merge(marks, "left", key)
    for mark in ("fell", "silent", "cleared"):
        found[mark] = found[mark].eq(True).fillna(False).astype(bool)
    lost = found["lost"] & (found["fell"] | found["cleared"])
    lost |= found["counters_since"].isna() & found["silent"]
    found_cuts = []
    for row in records(found[lost]):
        if (row["instance"], row["number"]) not in held:
            kind, why = _crash(row)
            broken = EpochBreak(row["instance"], row["at"].to_pydatetime(), why, kind)
            found_cuts.append(Cut(row["number"], broken))
    return found_cuts


def _crash(row: dict[str, Any]) -> tuple[BreakKind, str]:
    """A crash, unless it is a standby of which nothing says that it is the one that was there before."""
    if not row["moved"]:
        return "crash", (
            "a server process crashed and every counter was lost; the server itself was not started anew"
        )
    started = f"started at {row['started_at']:%Y-%m-%d %H:%M} UTC without"
    if not row["in_recovery"]:
        return "crash", (
            f"the server {started} its counters: it had crashed, was stopped at once, or is a copy"
        )
    if row["stayed"]:
        return "crash", (
            f"the standby {started} its counters: it had crashed, was stopped at once, or was built anew; "
            "a standby of PostgreSQL 14 loses them at every restart"
        )
    return "replaced", (
        f"another standby stands in its place, {started} the counters of the one before; "
        "nothing tells it from one that crashed"
    )


def _resets(counters: pd.DataFrame, held: set[tuple[str, int]]) -> list[Cut]:
    found = []
    for row in records(counters[counters["fell"] | counters["recreated"]]):
        if (row["instance"], row["number"]) in held:
            continue
        kind: BreakKind = "recreated" if row["recreated"] else "reset"
        why = "the database was dropped and created again"
        if kind == "reset":
            when = f" at {row['stats_reset']:%Y-%m-%d %H:%M} UTC" if row["moved"] else ""
            why = f"the database's counters were reset{when}"
        at = row["at"].to_pydatetime()
        found.append(Cut(row["number"], EpochBreak(row["instance"], at, why, kind, row["datname"])))
    return found


def save_adoption(folder: Path, adoption: Adoption) -> Path:
    """Write a person's word into the history ``folder``; return the file. Snapshots stay as they are."""
    text = json.dumps(
        {"format": 1, **asdict(adoption), "when": adoption.when.isoformat()},
        indent=1,
        sort_keys=True,
        ensure_ascii=False,
    )
    named = repr((adoption.instance, adoption.before, adoption.after)).encode()
    path = folder / "adopted" / f"{hashlib.sha256(named).hexdigest()[:12]}.json"
    with staging(folder) as beside:
        put(beside, path, text.encode() + b"\n")
    return path


def load_adoptions(folder: Path) -> tuple[Adoption, ...]:
    """Read every adoption of a history; SnapshotError names a file that is none."""
    return tuple(map(_read_adoption, sorted((folder / "adopted").glob("*.json"))))


def _read_adoption(path: Path) -> Adoption:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        side = partial(_side, data)
        return Adoption(
            data["instance"],
            side("before"),
            side("after"),
            data["who"],
            data["why"],
            datetime.fromisoformat(data["when"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise SnapshotError(
            f"{path} is no adoption ({error}): remove it, and join the epochs again with "
            "`workbench history adopt`"
        ) from error


def _side(data: dict[str, Any], name: str) -> Signature:
    identifier, timeline, in_recovery = data[name]
    return str(identifier), int(timeline), bool(in_recovery)
