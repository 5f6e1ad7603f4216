"""What an instance's disk holds, part by part, held against the figure of its provider."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pandas as pd

from workbench.analyse.gaps import gap_of
from workbench.analyse.provider import NAMES_OF_USED, storage_used
from workbench.estate import Estate
from workbench.snapshot import History, Snapshot, records

SAME_DAY = timedelta(days=1)
"""A provider's figure at most this far from a snapshot is of the same state."""

_OTHER = (
    ("shared_files", "catalogue_bytes", "shared catalogues"),
    ("shared_files", "template_bytes", "template databases"),
    ("wal_files", "bytes", "WAL"),
    ("temporary_files", "bytes", "temporary files"),
)
_NOT_ASKED = "the snapshot was taken before this was asked for: run `workbench collect`"
_NO_FIGURE = (
    "no figure of the provider is known: `workbench history import` takes a CSV of date, instance, metric, "
    f"value, unit with the metric {NAMES_OF_USED}"
)


def beside_databases(snapshot: Snapshot) -> dict[str, int]:
    """Return, per instance, the bytes of WAL, shared catalogues and templates, as far as they are known.

    An instance of which nothing of the kind is known is not in it. Temporary files come and go: they
    are left out.
    """
    found: dict[str, int] = {}
    for frame, column, part in _OTHER:
        if part == "temporary files":
            continue
        held = snapshot.frame(frame, column).dropna(subset=column)
        for row in records(held):
            found[row["instance"]] = found.get(row["instance"], 0) + int(row[column])
    return found


def disk(
    history: History, services: pd.DataFrame, databases: pd.DataFrame, estate: Estate
) -> pd.DataFrame:
    """Return what each instance's disk holds in the newest snapshot; the parts add up to the last row exactly.

    ``services`` and ``databases`` are those of ``Capacity``. Columns: instance, part, kind, bytes (NA:
    unknown), because (why it is unknown, or what it rests on). Kinds, in this order: ``service`` (each,
    the largest first), ``unowned``, ``platform``, ``catalogue`` (of the databases read), ``rest`` (what
    else of these databases there is), ``uncollected`` (databases known by their size alone), ``shared``,
    ``wal``, ``temporary``, ``unexplained`` (NA where a part or the figure is unknown; negative where more
    was counted than the provider says), ``provider`` (its figure).
    """
    newest = history.newest
    rows = []
    for instance in sorted({*services["instance"], *databases["instance"]}):
        mine = services[services["instance"] == instance]
        parts = [
            *_owned(mine),
            *_of_databases(databases[databases["instance"] == instance]),
            *_beside(newest, instance),
        ]
        rows += [
            (instance, *part) for part in (*parts, *_against(history, estate, instance, parts))
        ]
    found = pd.DataFrame(rows, columns=["instance", "part", "kind", "bytes", "because"])
    found["because"] = found["because"].astype("object").where(found["because"].notna(), None)
    return found.astype({"bytes": "Int64"})


_Part = tuple[str, str, Any, str | None]


def _owned(services: pd.DataFrame) -> Iterator[_Part]:
    kinds = {"owned": 0, "unowned": 1, "platform": 2}
    ranked = services.assign(rank=services["standing"].map(kinds)).sort_values(
        ["rank", "total_bytes", "service"], ascending=[True, False, True], kind="stable"
    )
    for row in records(ranked):
        owned = row["standing"] == "owned"
        why = row["because"] if pd.isna(row["total_bytes"]) else None
        yield (
            row["service"] if owned else row["standing"],
            "service" if owned else row["standing"],
            row["total_bytes"],
            why,
        )


def _of_databases(databases: pd.DataFrame) -> Iterator[_Part]:
    collected = databases["relations_bytes"].notna()
    read = databases[collected]
    if len(read):
        for column, name, kind in (
            ("catalogue_bytes", "catalogues of databases", "catalogue"),
            ("rest_bytes", "rest of databases", "rest"),
        ):
            whole = read[column].sum(skipna=False)
            lacking = ", ".join(read.loc[read[column].isna(), "database"])
            yield name, kind, whole, f"not read in {lacking}" if pd.isna(whole) else None
    for row in records(databases[~collected]):
        why = "its size may not be read: GRANT pg_monitor to the login of the workbench"
        yield (
            f"database {row['database']}, not collected",
            "uncollected",
            row["bytes"],
            why if pd.isna(row["bytes"]) else None,
        )


def _beside(newest: Snapshot, instance: str) -> Iterator[_Part]:
    kinds = {"WAL": "wal", "temporary files": "temporary"}
    for frame, column, part in _OTHER:
        held = newest.frame(frame, column)
        held = held[held["instance"] == instance]
        size = held[column].sum(skipna=False) if len(held) else pd.NA
        why = (gap_of(newest, frame, instance) or _NOT_ASKED) if pd.isna(size) else None
        yield part, kinds.get(part, "shared"), size, why


def _against(
    history: History, estate: Estate, instance: str, parts: list[_Part]
) -> Iterator[_Part]:
    at = history.newest.at
    figure = storage_used(history, estate, instance)
    size: Any = pd.NA
    if figure is None:
        why = _NO_FIGURE
    elif isinstance(figure, str):
        why = figure
    elif abs(figure.at - at) > SAME_DAY:
        why = (
            f"the provider's figure is of {figure.at:%Y-%m-%d}, the snapshot of {at:%Y-%m-%d}: "
            "import one of that day with `workbench history import`"
        )
    else:
        size, why = figure.bytes, f"its {figure.metric} of {figure.at:%Y-%m-%d %H:%M} UTC"
    unknown = [name for name, _, held, _ in parts if pd.isna(held)]
    left: Any = pd.NA
    reason: str | None = why if pd.isna(size) else None
    if unknown:
        reason = f"unknown as long as these are: {', '.join(unknown)}"
    elif reason is None:
        left = size - sum(int(held) for _, _, held, _ in parts)
    yield "unexplained", "unexplained", left, reason
    yield "the provider's figure", "provider", size, why
