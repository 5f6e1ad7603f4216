"""What an answer rests on: period, instances reached, epochs, gaps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from workbench.model import Coverage, EpochBreak

if TYPE_CHECKING:
    from workbench.snapshot.whole import Snapshot

ONLY_PULSES = (
    "only pulses were collected in this period: they read no catalogue, no sizes and no statements",
    "run `workbench collect`, or ask for a period with a night in it",
)
"""Why so much is unknown of a period without a night, and what would settle it."""


def not_taken(missed: Sequence[date]) -> tuple[str, str]:
    """Say which nights have no snapshot, and what would settle it.

    >>> not_taken([date(2026, 3, 5), date(2026, 3, 6)])[0]
    'no snapshot was taken from 2026-03-05 to 2026-03-06, though nights before have one'
    """
    days = f"on {missed[0]}" if len(missed) == 1 else f"from {missed[0]} to {missed[-1]}"
    return (
        f"no snapshot was taken {days}, though nights before have one",
        "nothing brings them back; status.json of each night, and the journal of the timer, say why",
    )


def coverage_of(
    snapshots: Sequence[Snapshot], newest: Snapshot, breaks: Sequence[EpochBreak] = ()
) -> Coverage:
    """Say what ``newest`` could and could not see, over the period of ``snapshots``."""
    manifest = newest.manifest
    resets = newest.frame("database_statistics", "datname", "stats_reset")
    info = newest.frame("statements_info", "dealloc", "stats_reset")
    resets = pd.concat([resets, info], ignore_index=True)
    return Coverage(
        estate=newest.estate.name,
        estate_digest=newest.estate.digest,
        since=snapshots[0].at,
        until=max(newest.at, snapshots[-1].at),
        snapshots=len(snapshots),
        simulated=any(s.manifest.simulated for s in snapshots),
        reached=manifest.reached,
        unreached=manifest.unreached,
        missing=manifest.missing,
        epoch_breaks=tuple(breaks),
        statistics_since={
            name: _latest(resets.loc[resets["instance"] == name, "stats_reset"])
            for name in manifest.reached
        },
        evictions={
            name: _only_int(info.loc[info["instance"] == name, "dealloc"])
            for name in manifest.reached
        },
    )


def _latest(moments: pd.Series[Any]) -> datetime | None:
    known = moments.dropna()
    return None if known.empty else known.max().to_pydatetime()


def _only_int(values: pd.Series[Any]) -> int | None:
    known = values.dropna()
    return None if known.empty else int(known.iloc[0])
