"""A snapshot: everything read from an estate in one run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa

from workbench.estate import Estate
from workbench.model import PRIMARY, Coverage, Missing
from workbench.snapshot.coverage import coverage_of
from workbench.snapshot.manifest import Manifest, Part, Profile
from workbench.snapshot.objects import Objects, encode, put, stacked, staging


class Answered(NamedTuple):
    """What one query gave: its frame, where from (``endpoint`` names a replica), rows, and milliseconds."""

    frame: str
    instance: str
    database: str | None
    table: pa.Table
    ms: float
    endpoint: str | None = None


@dataclass(frozen=True)
class Snapshot:
    """Everything read from an estate in one run. Immutable; as good a source as a live server."""

    manifest: Manifest
    objects: Objects
    estate: Estate

    @property
    def at(self) -> datetime:
        """The date this snapshot stands for, in UTC (simulated where the manifest says so)."""
        return self.manifest.at

    def frame(self, name: str, *columns: str, endpoint: str | None = None) -> pd.DataFrame:
        """Return the frame ``name`` with the columns ``instance`` and ``database`` in front.

        One row per row that the query file of that name returns, over all databases. Integers are
        ``Int64``, booleans ``boolean``, moments UTC. With ``columns`` only these are read, and they
        are there, empty, even where nothing was collected: ask ``missing`` for the reason.
        ``endpoint`` names a replica: then it is what the replicas of that name answered.
        """
        parts: Iterable[tuple[Objects, Part, dict[str, object]]] = (
            (self.objects, p, {})
            for p in self.manifest.parts
            if p.frame == name and p.endpoint == endpoint
        )
        return stacked(parts, ("instance", "database"), columns)

    def by_endpoint(self, name: str, *columns: str) -> pd.DataFrame:
        """Return the frame ``name`` of every endpoint, with the column ``endpoint`` behind ``instance``.

        It is ``primary``, or a replica's name. A replica is asked only what differs on a standby.
        """
        parts = (
            (self.objects, p, {"endpoint": p.endpoint or PRIMARY})
            for p in self.manifest.parts
            if p.frame == name
        )
        return stacked(parts, ("instance", "endpoint", "database"), columns)

    def has(self, name: str, instance: str | None = None) -> bool:
        """Whether the frame ``name`` was collected (from ``instance``)."""
        return any(
            p.frame == name and p.endpoint is None and instance in (None, p.instance)
            for p in self.manifest.parts
        )

    @cached_property
    def aged(self) -> dict[tuple[str, str], datetime]:
        """The databases ``(instance, database)`` shown from an earlier snapshot, and that one's date."""
        return {
            (p.instance, p.database): p.as_of
            for p in self.manifest.parts
            if p.as_of is not None and p.database is not None
        }

    @cached_property
    def settled(self) -> Estate:
        """The estate with the services that follow from what is here, where it declares none."""
        found = self.frame("schemas", "schema")
        return self.estate.settle(
            found[["instance", "database", "schema"]].itertuples(index=False, name=None)
        )

    @cached_property
    def coverage(self) -> Coverage:
        """What this snapshot could and could not see."""
        return coverage_of((self,), self)

    def summary(self) -> dict[str, object]:
        """Return what was taken and what was not, as documents show it; ``ms`` is each query's time."""
        manifest = self.manifest
        return {
            "id": manifest.id,
            "at": manifest.at.isoformat(),
            "taken_at": manifest.taken_at.isoformat(),
            "simulated": manifest.simulated,
            "profile": manifest.profile,
            "reached": list(manifest.reached),
            "unreached": list(manifest.unreached),
            "taken": [
                {n: v for n, v in p.to_json().items() if n != "content"} for p in manifest.parts
            ],
            "missing": [asdict(m) for m in manifest.missing],
        }

    def save(self, history: Path) -> Path:
        """Write the snapshot into the folder ``history`` and return its manifest's path.

        The folder is made where it is absent. OSError where the disk refuses; nothing is left then.
        """
        path = history / "snapshots" / f"{self.manifest.id}.json"
        text = json.dumps(self.manifest.to_json(), indent=1, sort_keys=True, ensure_ascii=False)
        saved = Objects(history / "objects")
        with staging(history) as beside:
            for content in dict.fromkeys(p.content for p in self.manifest.parts):
                target = saved.path(content)
                if not target.exists():
                    put(beside, target, self.objects.bytes(content))
            put(beside, path, text.encode() + b"\n")
        return path


def new_snapshot(
    estate: Estate,
    answers: Iterable[Answered | tuple[str, str, str | None, pa.Table, float]],
    missing: Iterable[Missing],
    reached: Iterable[str],
    unreached: Iterable[str],
    *,
    taken_at: datetime,
    simulated_at: datetime | None = None,
    profile: Profile = "full",
    standing_in: Iterable[tuple[Part, bytes]] = (),
) -> Snapshot:
    """Make a snapshot in memory from answers: see ``Answered``.

    ``standing_in`` are parts of an earlier snapshot, with their ``as_of``, and their bytes.
    """
    memory: dict[str, bytes] = {}
    parts: list[Part] = []
    whole = [Answered(*a) for a in answers]
    for alike in _alike(whole) if profile == "pulse" else ([a] for a in whole):
        data = encode(pa.concat_tables([a.table for a in alike]))
        content = hashlib.sha256(data).hexdigest()
        memory[content] = data
        offset = 0
        for frame, instance, database, table, ms, endpoint in alike:
            at_row = offset if len(alike) > 1 else None
            place, rows = (frame, instance, database), table.num_rows
            parts.append(Part(*place, content, rows, round(ms, 1), None, endpoint, at_row))
            offset += rows
    for part, data in standing_in:
        memory[part.content] = data
        parts.append(part)
    parts.sort(key=lambda p: p.sort_key)
    at = simulated_at or taken_at
    fingerprint = hashlib.sha256(repr((taken_at, parts)).encode()).hexdigest()[:6]
    manifest = Manifest(
        id=f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{fingerprint}",
        at=at.astimezone(UTC),
        taken_at=taken_at.astimezone(UTC),
        simulated=simulated_at is not None,
        estate=estate.name,
        reached=tuple(sorted(reached)),
        unreached=tuple(sorted(unreached)),
        parts=tuple(parts),
        missing=tuple(sorted(missing, key=lambda m: m.sort_key)),
        profile=profile,
    )
    return Snapshot(manifest, Objects(memory=memory), estate)


def _alike(answers: Iterable[Answered]) -> Iterable[list[Answered]]:
    """Put the answers to one question together, in order of the instances.

    A pulse has few rows of many questions and instances, and there are thousands of pulses: what a
    history costs then is the number of its objects.
    """
    found: dict[tuple[str, pa.Schema], list[Answered]] = {}
    order = sorted(answers, key=lambda a: (a.frame, a.instance, a.endpoint or "", a.database or ""))
    for answer in order:
        found.setdefault((answer.frame, answer.table.schema), []).append(answer)
    return found.values()
