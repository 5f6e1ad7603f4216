"""Why a figure is not there, and the statement or date that would settle it: what the collection noted."""

from __future__ import annotations

from workbench.snapshot import Snapshot
from workbench.snapshot.coverage import ONLY_PULSES

_WHOLE = ("instance", "database")


def gap_of(
    snapshot: Snapshot, frame: str, instance: str, database: str | None = None
) -> str | None:
    """Return why ``frame`` is not whole at a place, with the remedy; None where nothing was noted.

    The reason of the frame itself comes first, then that of its database, then that of the instance; a
    pulse holds little, and that is the reason then.

    >>> from workbench import load_history, reference_estate
    >>> newest = load_history(reference_estate("marketplace") / "history").newest
    >>> gap_of(newest, "sizes", "main", "hos_marketplace") is None
    True
    """
    places = {(instance, database), (instance, None)}
    found = [m for m in snapshot.manifest.missing if (m.instance, m.database) in places]
    for what in (frame, *reversed(_WHOLE)):
        for missing in found:
            if missing.what == what:
                return f"{missing.why}: {missing.remedy}"
    if snapshot.manifest.profile == "pulse" and not snapshot.has(frame, instance):
        return ": ".join(ONLY_PULSES)
    return None


def quoted(name: str) -> str:
    """Return a name as an identifier of SQL.

    >>> print(quoted('a"b'))
    "a""b"
    """
    return '"' + name.replace('"', '""') + '"'
