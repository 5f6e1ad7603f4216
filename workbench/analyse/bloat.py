"""How many bytes of a table's heap a rewrite would give back: an estimate from column statistics.

The estimate is that of check_postgres and ioguix (OTTA, the optimal number of table pages), with the
alignment of PostgreSQL's own types of fixed width added::

    row      24 bytes of header (8 more per 64 columns, where any is nullable), its columns by their
             average width, 4 bytes of line pointer
    page     block size * fillfactor - 24 bytes of header
    expected rows / rows a page * block size
    avoidable = heap - expected - free space map - visibility map

It speaks of the heap alone: a TOAST table's rows have no statistics, and indexes fill by rules of their
own. Without the right to read a table's columns it is not measurable, which is not zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from workbench.analyse.stored import HOME, PLACE
from workbench.snapshot import Snapshot, records

GB = 10**9
NOTABLE_BYTES, GRAVE_BYTES = 1 * GB, 5 * GB
"""Avoidable bytes of one table that are worth a look, and a rewrite: check_postgres' defaults, the project's too."""

ERROR = 0.03
"""What the estimate may be wrong by, as a share of the heap; held on a real server by a test."""

_KEY = ["instance", "database", "oid"]
_PAGE_HEAD, _ITEM, _MAX_ALIGN = 24, 4, 8
_ALIGNED = {
    **dict.fromkeys((20, 701, 790, 1083, 1114, 1184, 1186, 1266), 8),
    **dict.fromkeys((23, 26, 28, 700, 829, 1082), 4),
    21: 2,
    **dict.fromkeys((16, 18, 19, 2950), 1),
}
"""Alignment in bytes of the system's types of fixed width, by oid of pg_type."""
_SHORT = 127  # bytes up to which a value of variable width is stored without alignment


def bloat(snapshot: Snapshot, tables: pd.DataFrame) -> pd.DataFrame:
    """Return the avoidable bytes of each table's heap, the most first.

    ``tables`` is ``stored`` of the snapshot. One row per table or partition root: ``HOME``, heap_bytes,
    expected_bytes, avoidable_bytes, avoidable_share (of the heap), toast_bytes (not part of the
    estimate), because (why it is not measurable, and what would settle it). A root is measurable where
    all of its partitions are.
    """
    found = tables.merge(_widths(snapshot), "left", _KEY)
    remedies = _remedies(snapshot)
    read = set(_read(snapshot))
    figures = [_estimate(row, read, remedies) for row in records(found)]
    made = pd.DataFrame(figures, columns=["expected_bytes", "avoidable_bytes", "because"])
    found = found.join(made.astype({"expected_bytes": "Int64", "avoidable_bytes": "Int64"}))
    group = found.groupby(PLACE, sort=False)
    whole = group[["service", "standing"]].first()
    for column in ("heap_bytes", "expected_bytes", "avoidable_bytes", "toast_bytes"):
        unknown = found[column].isna().groupby([found[c] for c in PLACE], sort=False).any()
        whole[column] = group[column].sum(min_count=1).mask(unknown)
    heap = whole["heap_bytes"].astype("Float64")
    share = whole["avoidable_bytes"] / heap.where(heap > 0)
    whole["avoidable_share"] = share.mask((heap == 0) & whole["avoidable_bytes"].notna(), 0.0)
    whole["because"] = group["because"].first()
    whole = whole.reset_index()
    for name in ("service", "because"):
        whole[name] = whole[name].astype("object").where(whole[name].notna(), None)
    columns = ["heap_bytes", "expected_bytes", "avoidable_bytes", "avoidable_share", "toast_bytes"]
    return whole[[*HOME, *columns, "because"]].sort_values(
        ["avoidable_bytes", "heap_bytes", *PLACE],
        ascending=[False, False] + [True] * 4,
        ignore_index=True,
    )


def bloat_growth(now: pd.DataFrame, then: pd.DataFrame, days: float) -> pd.Series[Any]:
    """Return the avoidable bytes that each row of ``now`` gained a day since ``then``, ``days`` earlier.

    Both are of ``bloat``. NA where either was not measurable, or no time lies between.
    """
    earlier = then[[*PLACE, "avoidable_bytes"]].rename(columns={"avoidable_bytes": "before"})
    both = now[[*PLACE, "avoidable_bytes"]].merge(earlier, "left", PLACE)
    gained = (both["avoidable_bytes"] - both["before"]).astype("Float64")
    found: pd.Series[Any] = gained / days if days > 0 else gained.mask(gained.notna())
    return found.set_axis(now.index)


def _read(snapshot: Snapshot) -> Iterable[tuple[str, str]]:
    """The databases whose column statistics were asked for."""
    for part in snapshot.manifest.parts:
        if part.frame == "column_statistics" and part.database is not None:
            yield part.instance, part.database


def _remedies(snapshot: Snapshot) -> dict[tuple[str, str], str]:
    """What lets the login read the column statistics of a database, as the collection said."""
    return {
        (m.instance, m.database): m.remedy
        for m in snapshot.manifest.missing
        if m.what == "column_statistics" and m.database is not None
    }


def _widths(snapshot: Snapshot) -> pd.DataFrame:
    """One row per table with columns: its row's width in bytes (NaN where a column's is unknown).

    ``exact`` says that every row is that wide; ``hidden`` that columns may not be read.
    """
    columns = snapshot.frame("columns", "relation_oid", "attnum", "atttypid", "attgenerated")
    columns = columns[columns["attgenerated"] != "v"]  # computed when read: not stored
    asked = ("relation_oid", "attnum", "inherited", "null_frac", "avg_width", "unseen")
    statistics = snapshot.frame("column_statistics", *asked)
    hidden = statistics[statistics["unseen"].notna()]
    own = statistics[statistics["unseen"].isna() & ~statistics["inherited"].fillna(False)]
    key = ["instance", "database", "relation_oid"]
    found = columns.merge(
        own.drop(columns=["unseen", "inherited"]), "left", [*key, "attnum"]
    ).sort_values([*key, "attnum"])
    names = found[key]
    starts = np.flatnonzero((names != names.shift()).any(axis=1).to_numpy())
    types = found["atttypid"].to_numpy(dtype=float, na_value=np.nan)
    nulls = found["null_frac"].to_numpy(dtype=float, na_value=np.nan)
    widths = found["avg_width"].to_numpy(dtype=float, na_value=np.nan)
    rows = []
    for start, end in zip(starts, [*starts, len(found)][1:], strict=True):
        of = slice(start, end)
        rows.append(row_width(types[of], nulls[of], widths[of]))
    wide = names.iloc[starts].reset_index(drop=True)
    wide[["width", "exact"]] = pd.DataFrame(rows, columns=["width", "exact"])
    barred = hidden[key].drop_duplicates().assign(hidden=True)
    return wide.merge(barred, "left", key).rename(columns={"relation_oid": "oid"})


def row_width(
    types: Iterable[float], nulls: Iterable[float], widths: Iterable[float]
) -> tuple[float, bool]:
    """Return the bytes of a row on its page, line pointer apart, and whether every row is that wide.

    ``types`` are oids of pg_type, ``nulls`` and ``widths`` null_frac and avg_width of pg_stats, in the
    order of the columns.

    >>> row_width([23, 20], [0, 0], [4, 8])  # 24 + 4 + 4 of padding + 8
    (40.0, True)
    >>> row_width([20, 25], [0, 0], [8, 11])  # the text varies: half a step of padding at the end
    (46.5, False)
    """
    data, exact, count, nullable = 0.0, True, 0, False
    for oid, empty, width in zip(types, nulls, widths, strict=True):
        count += 1
        nullable |= empty > 0
        step = _ALIGNED.get(int(oid), 0)
        if not step:
            step, fixed = (4, False) if width > _SHORT else (1, False)
        else:
            fixed = True
        if exact:
            data = math.ceil(data / step) * step if not math.isnan(data) else data
        else:
            data += (step - 1) / 2 * (1 - empty)
        data += (1 - empty) * width
        exact = exact and fixed and empty == 0
    head = 23 + (math.ceil(count / 8) if nullable else 0)
    head = math.ceil(head / _MAX_ALIGN) * _MAX_ALIGN
    if exact and not math.isnan(data):
        return float(head + math.ceil(data / _MAX_ALIGN) * _MAX_ALIGN), True
    return head + data + (_MAX_ALIGN - 1) / 2, False


def _estimate(
    row: dict[str, Any], read: set[tuple[str, str]], remedies: dict[tuple[str, str], str]
) -> tuple[int | None, int | None, str | None]:
    """Expected and avoidable bytes of one table, or why they cannot be told."""
    place = (row["instance"], row["database"])
    heap, rows = row["heap_bytes"], row["rows"]
    if pd.isna(heap):
        return None, None, "its size was not collected"
    if row["estimated"]:
        return None, None, "its size itself is an estimate: collect again when it is not locked"
    if heap == 0:
        return 0, 0, None
    if pd.isna(rows):
        return None, None, "not measurable: never analysed; ANALYZE it"
    if place not in read:
        return None, None, "not measurable: column statistics were not collected"
    if row["hidden"] is True:
        if row["row_security"]:
            return (
                None,
                None,
                (
                    "not measurable: row security hides its column statistics; a login with BYPASSRLS "
                    "reads them"
                ),
            )
        return (
            None,
            None,
            "not measurable: its column statistics are hidden; "
            + remedies.get(place, "GRANT pg_read_all_data to the login"),
        )
    block = int(row["block_size"]) if pd.notna(row["block_size"]) else 8192
    if rows == 0:
        expected = 0
    elif pd.isna(row["width"]):
        return None, None, "not measurable: a column has no statistics; ANALYZE the table"
    else:
        fill = int((row["options"] or {}).get("fillfactor", 100)) / 100
        room, size = block * fill - _PAGE_HEAD, float(row["width"]) + _ITEM
        # What is left of a page is too small for a row: none where all are alike, else half of one.
        page = math.floor(room / size) if row["exact"] else (room - size / 2) / size
        expected = math.ceil(float(rows) / max(page, 1)) * block
    pages = heap // block
    maps = (4 + pages // 4000 + pages // 32000) * block
    return expected, max(int(heap - expected - maps), 0), None
