"""How large every relation was on each night, partitions counted with their root.

The unit of everything is the partition root: partitions come and go, and that is no change. What a night
read of a database is folded into its roots before the next is looked at, so that a history costs what
its roots are and not what its partitions are; what stayed the same over night is not folded again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from workbench.snapshot import Part, Snapshot

_OID, _TEXT, _MOMENT = pa.int64(), pa.string(), pa.timestamp("us", tz="UTC")
_READ: dict[str, dict[str, pa.DataType]] = {
    "relations": {"oid": _OID, "root_oid": _OID}
    | dict.fromkeys(("relkind", "schema", "relation", "extension"), _TEXT),
    "sizes": {"relation_oid": _OID, "part": _TEXT, "bytes": pa.float64()}
    | {"estimated": pa.bool_(), "measured_at": _MOMENT},
    "table_statistics": {"relation_oid": _OID}
    | dict.fromkeys(("reltuples", "n_live_tup", "n_mod_since_analyze"), pa.float64()),
}
_PARTS = ("heap", "index", "toast")
_NEVER = np.iinfo(np.int64).max

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]
_Bools = npt.NDArray[np.bool_]
_Texts = npt.NDArray[np.object_]


def roots(nights: Sequence[Snapshot]) -> pd.DataFrame:
    """Return one row per night and relation root: what it holds over all its partitions.

    at, instance, database, schema, table, kind (relkind), extension; heap_bytes, index_bytes,
    toast_bytes, total_bytes (NA where nothing of it was sized), rows (an estimate; NA where it is unknown
    of one partition), partitions (how many lie below the root), estimated (a size is from pages),
    measured_at (the date of the oldest of its sizes where that is an earlier reading's, else NaT).

    Reads the frames relations, sizes and table_statistics of ``nights``, which are in order.
    """
    found: list[tuple[datetime, tuple[str, str], _Tree, _Figures]] = []
    last: dict[tuple[str, str], tuple[tuple[object, ...], _Tree, _Figures]] = {}
    for night in nights:
        for place, parts in _by_place(night).items():
            if "relations" not in parts:
                continue
            aged = night.aged.get(place)
            seen = (*(parts[n].content if n in parts else None for n in _READ), aged)
            known = last.get(place)
            if known is None or known[0] != seen:
                if known is not None and known[0][0] == seen[0]:
                    tree = known[1]
                else:
                    tree = _tree(_table(night, parts["relations"]))
                sizes, counts = (
                    _table(night, parts[n]) if n in parts else None
                    for n in ("sizes", "table_statistics")
                )
                known = last[place] = seen, tree, _figures(tree, sizes, counts, aged)
            found.append((night.at, place, *known[1:]))
    return _stacked(found)


@dataclass(frozen=True)
class _Tree:
    """The relations of a database, ascending by oid, and which root each belongs to.

    ``root`` holds a position among the roots, or their number where the root itself was not read; the
    names are those of the roots.
    """

    oids: _Ints
    root: _Ints
    stores: _Bools
    hollow: _Bools
    parent: _Bools
    schema: _Texts
    table: _Texts
    kind: _Texts
    extension: _Texts
    partitions: _Ints

    def add(self, values: npt.NDArray[Any]) -> _Floats:
        """Sum a figure of each relation into the roots."""
        found: _Floats = np.bincount(self.root, values, len(self.kind) + 1)[:-1].astype(np.float64)
        return found

    def any(self, marks: _Bools) -> _Bools:
        """Whether a mark is set on any relation of each root."""
        return np.bincount(self.root[marks], minlength=len(self.kind) + 1)[:-1] > 0

    def find(self, oids: _Ints) -> tuple[_Ints, _Bools]:
        """Return where these relations are, and whether they are there at all."""
        at = np.searchsorted(self.oids, oids).clip(0, max(len(self.oids) - 1, 0))
        return at, (self.oids[at] == oids if len(self.oids) else np.zeros(len(oids), bool))


@dataclass(frozen=True)
class _Figures:
    """What a night says of each root of a tree; not a number where a figure is unknown."""

    parts: tuple[_Floats, ...]
    rows: _Floats
    estimated: _Bools
    measured_at: _Ints


def _by_place(night: Snapshot) -> dict[tuple[str, str], dict[str, Part]]:
    found: dict[tuple[str, str], dict[str, Part]] = {}
    for part in night.manifest.parts:
        if part.frame in _READ and part.database is not None and part.endpoint is None:
            found.setdefault((part.instance, part.database), {})[part.frame] = part
    return found


def _table(night: Snapshot, part: Part) -> dict[str, pa.ChunkedArray]:
    """The columns of a part; those that an older snapshot lacks are null."""
    kinds = _READ[part.frame]
    table = night.objects.answer(part, list(kinds))
    held = set(table.column_names)
    return {
        name: table.column(name).cast(kind)
        if name in held
        else pa.chunked_array([pa.nulls(table.num_rows, kind)])
        for name, kind in kinds.items()
    }


def _tree(relations: dict[str, pa.ChunkedArray]) -> _Tree:
    oids: _Ints = relations["oid"].to_numpy()
    order = np.argsort(oids)
    oids = oids[order]
    root_oid = relations["root_oid"].to_numpy()[order]
    kind = _texts(relations["relkind"])[order]
    own = oids == root_oid
    tops = oids[own]
    at = np.searchsorted(tops, root_oid)
    if len(tops):
        at = np.where(tops[at.clip(0, len(tops) - 1)] == root_oid, at, len(tops))
    return _Tree(
        oids,
        at,
        np.isin(kind, ["r", "m"]),
        np.isin(kind, ["v", "f", "p"]),
        kind == "p",
        _texts(relations["schema"])[order][own],
        _texts(relations["relation"])[order][own],
        kind[own],
        _texts(relations["extension"])[order][own],
        np.bincount(at[~own], minlength=len(tops) + 1)[:-1],
    )


def _figures(
    tree: _Tree,
    sizes: dict[str, pa.ChunkedArray] | None,
    counts: dict[str, pa.ChunkedArray] | None,
    aged: datetime | None,
) -> _Figures:
    count, tops = len(tree.oids), len(tree.kind)
    if sizes is None:
        nothing = np.full(tops, np.nan)
        unsized = np.zeros(count, bool)
        rows = _roots_rows(tree, _rows(tree, counts, unsized))
        return _Figures((nothing,) * 3, rows, np.zeros(tops, bool), np.full(tops, _NEVER))
    at, there = tree.find(sizes["relation_oid"].to_numpy())
    at = at[there]
    held = sizes["bytes"].fill_null(0).to_numpy()[there]
    part = _texts(sizes["part"])[there]
    each = [np.bincount(at[mine], held[mine], count) for mine in (part == p for p in _PARTS)]
    # A view holds nothing, and a partitioned table nothing of its own, where sizes were read at all.
    known = tree.hollow | (np.bincount(at, minlength=count) > 0)
    sized = tree.any(known)
    guessed = np.zeros(count, bool)
    guessed[at[sizes["estimated"].fill_null(False).to_numpy()[there]]] = True
    return _Figures(
        tuple(np.where(sized, tree.add(figure), np.nan) for figure in each),
        _roots_rows(tree, _rows(tree, counts, known & (each[0] == 0))),
        tree.any(guessed),
        _oldest(tree, at, sizes["measured_at"].filter(pa.array(there)), aged),
    )


def _oldest(tree: _Tree, at: _Ints, measured: pa.ChunkedArray, aged: datetime | None) -> _Ints:
    """Per root the oldest date of a size that is of an earlier reading, in microseconds."""
    dates = measured
    if aged is not None:
        dates = pc.fill_null(dates, pa.scalar(aged, _MOMENT))
    found = np.full(len(tree.kind) + 1, _NEVER)
    if dates.null_count < len(dates):
        moments = pc.fill_null(dates.cast(pa.int64()), _NEVER).to_numpy()
        np.minimum.at(found, tree.root[at], moments)
    return found[:-1]


def estimated_rows(live: _Floats, analysed: _Floats, changed: _Floats, empty: _Bools) -> _Floats:
    """Estimate the rows of relations that store some; not a number where nobody knows.

    ``live`` and ``changed`` are n_live_tup and n_mod_since_analyze, ``analysed`` is reltuples, ``empty`` says
    whose heap is. What the last ANALYZE or VACUUM found is the base, and live tuples count as far as the
    changes since allow: counters that were reset, or lost in a crash, cannot make a large table small.

    >>> nan = float("nan")
    >>> figures = [(0, 900, 100), (950, 900, 100), (7, -1, 7), (0, -1, 0), (nan, nan, nan)]
    >>> live, analysed, changed = np.array(figures, dtype="float64").T
    >>> estimated_rows(live, analysed, changed, np.zeros(5, bool)).tolist()
    [800.0, 950.0, 7.0, nan, nan]
    """
    changed = np.nan_to_num(changed)
    said = np.where(np.isnan(live), analysed, live)
    corrected = np.fmin(np.fmax(said, analysed - changed), analysed + changed)
    # Never analysed: the counters are all there is, and their 0 may be a reset.
    rows = np.where(analysed >= 0, corrected, np.where(live > 0, live, np.nan))
    return np.rint(np.where(np.isnan(rows) & empty, 0.0, rows))


def _rows(tree: _Tree, counts: dict[str, pa.ChunkedArray] | None, empty: _Bools) -> _Floats:
    """Estimate the rows of each relation; not a number where nobody knows."""
    live, analysed, changed = (np.full(len(tree.oids), np.nan) for _ in range(3))
    if counts is not None:
        at, there = tree.find(counts["relation_oid"].to_numpy())
        live[at[there]] = counts["n_live_tup"].to_numpy()[there]
        analysed[at[there]] = counts["reltuples"].to_numpy()[there]
        changed[at[there]] = counts["n_mod_since_analyze"].to_numpy()[there]
    rows = estimated_rows(live, analysed, changed, empty)
    # A partitioned table holds no rows itself, and views and sequences hold none that count.
    return np.where(tree.parent, 0.0, np.where(tree.stores, rows, np.nan))


def _roots_rows(tree: _Tree, rows: _Floats) -> _Floats:
    """Sum rows into the roots: unknown where one that stores rows is, or where none counts."""
    unknown = np.isnan(rows)
    lost = tree.any(unknown & tree.stores) | ~tree.any(~unknown)
    return np.where(lost, np.nan, tree.add(np.nan_to_num(rows)))


def _stacked(found: list[tuple[datetime, tuple[str, str], _Tree, _Figures]]) -> pd.DataFrame:
    trees = [tree for _, _, tree, _ in found]
    figures = [said for *_, said in found]
    counts = [len(tree.kind) for tree in trees]
    columns: dict[str, Any] = {
        "at": pd.DatetimeIndex([at for at, *_ in found], tz="UTC").as_unit("us").repeat(counts),
        "instance": np.repeat(np.array([p[0] for _, p, *_ in found], dtype="object"), counts),
        "database": np.repeat(np.array([p[1] for _, p, *_ in found], dtype="object"), counts),
        "schema": _joined([t.schema for t in trees], "object"),
        "table": _joined([t.table for t in trees], "object"),
        "kind": _joined([t.kind for t in trees], "object"),
        "extension": _joined([t.extension for t in trees], "object"),
    }
    for number, part in enumerate(_PARTS):
        columns[f"{part}_bytes"] = _whole([f.parts[number] for f in figures])
    columns["total_bytes"] = sum(columns[f"{part}_bytes"] for part in _PARTS)
    columns["rows"] = _whole([f.rows for f in figures])
    columns["partitions"] = pd.array(_joined([t.partitions for t in trees], "int64"), "Int64")
    columns["estimated"] = _joined([f.estimated for f in figures], "bool")
    dates = _joined([f.measured_at for f in figures], "int64")
    moments = pd.DatetimeIndex(np.where(dates == _NEVER, 0, dates).view("M8[us]"), tz="UTC")
    columns["measured_at"] = moments.where(dates != _NEVER)
    return pd.DataFrame(columns)


def _joined(arrays: list[npt.NDArray[Any]], kind: str) -> npt.NDArray[Any]:
    return np.concatenate([np.empty(0, kind), *arrays]).astype(kind, copy=False)


def _whole(arrays: list[_Floats]) -> pd.arrays.IntegerArray:
    """Whole numbers, NA where a value is not a number."""
    values = _joined(arrays, "float64")
    unknown = np.isnan(values)
    return pd.arrays.IntegerArray(np.where(unknown, 0, values).astype(np.int64), unknown)


def _texts(column: pa.ChunkedArray) -> _Texts:
    found: _Texts = column.to_numpy().astype("object")
    return found
