"""What a run saw and did not see, as it is written beside the objects it refers to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from workbench import __version__
from workbench.errors import SnapshotError
from workbench.model import Missing

FORMAT = 4
"""The version of the manifest's format that is written; every lower one can be read.

1: the first. 2: adds ``profile``; every snapshot of format 1 is a full one. 3: adds ``endpoint`` to parts and
to what is missing; before, replicas were not read. 4: adds ``offset`` to parts.
"""

Profile = Literal["full", "pulse", "imported"]
"""A whole reading, one of counters alone, or figures that a person brought from elsewhere."""


_SPARED = ("as_of", "endpoint", "offset")
"""What a manifest says of a part only where there is something to say."""


@dataclass(frozen=True)
class Part:
    """One query's answer from one database (None: from the instance as a whole).

    ``content`` names the object by the SHA-256 of its bytes; ``ms`` is what the query took. ``as_of`` is
    the date of the earlier snapshot that the part stands in from, where the database could not be read
    this time; None in every other case. ``endpoint`` names the replica that answered; None: the endpoint
    that stands for the instance, its primary wherever one is declared. ``offset`` is the row at which the
    answer begins in an object that holds those of several instances, and None where the object is this
    answer alone.
    """

    frame: str
    instance: str
    database: str | None
    content: str
    rows: int
    ms: float
    as_of: datetime | None = None
    endpoint: str | None = None
    offset: int | None = None

    @property
    def sort_key(self) -> tuple[str, str, str, str]:
        """The order in a manifest."""
        return (self.frame, self.instance, self.endpoint or "", self.database or "")

    def to_json(self) -> dict[str, object]:
        """Return the part as a manifest holds it."""
        found = {name: value for name, value in asdict(self).items() if name not in _SPARED}
        as_of = self.as_of and self.as_of.isoformat()
        more = {"as_of": as_of, "endpoint": self.endpoint, "offset": self.offset}
        return found | {name: value for name, value in more.items() if value is not None}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Part:
        """Read what ``to_json`` gave."""
        as_of = data.get("as_of")
        return Part(
            data["frame"],
            data["instance"],
            data["database"],
            data["content"],
            data["rows"],
            data["ms"],
            as_of and datetime.fromisoformat(as_of),
            data.get("endpoint"),
            data.get("offset"),
        )


@dataclass(frozen=True)
class Manifest:
    """What a run saw and did not see. ``at`` is the date that counts: the simulated one where there is one."""

    id: str
    at: datetime
    taken_at: datetime
    simulated: bool
    estate: str
    reached: tuple[str, ...]
    unreached: tuple[str, ...]
    parts: tuple[Part, ...]
    missing: tuple[Missing, ...]
    workbench: str = __version__
    profile: Profile = "full"

    def to_json(self) -> dict[str, object]:
        """Return the manifest as it is written: sorted, times in UTC."""
        return {
            "format": FORMAT,
            "workbench": self.workbench,
            "id": self.id,
            "at": self.at.isoformat(),
            "taken_at": self.taken_at.isoformat(),
            "simulated": self.simulated,
            "estate": self.estate,
            "profile": self.profile,
            "reached": sorted(self.reached),
            "unreached": sorted(self.unreached),
            "parts": [p.to_json() for p in self.parts],
            "missing": [asdict(m) for m in self.missing],
        }

    @staticmethod
    def from_json(data: Mapping[str, Any], path: Path) -> Manifest:
        """Read a manifest of any known format; SnapshotError names ``path`` and what to do."""
        if data.get("format", 0) > FORMAT:
            raise SnapshotError(
                f"{path}: format {data['format']} is newer than this workbench reads ({FORMAT}); "
                f"it was written by version {data.get('workbench')}: install that version or a later one"
            )
        return Manifest(
            id=data["id"],
            at=datetime.fromisoformat(data["at"]),
            taken_at=datetime.fromisoformat(data["taken_at"]),
            simulated=data["simulated"],
            estate=data["estate"],
            reached=tuple(data["reached"]),
            unreached=tuple(data["unreached"]),
            parts=tuple(map(Part.from_json, data["parts"])),
            missing=tuple(Missing(**m) for m in data["missing"]),
            workbench=data["workbench"],
            profile=data.get("profile", "full"),
        )
