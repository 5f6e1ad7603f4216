"""Objects: answers of queries, each a Parquet file named by its content, and how they become frames."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workbench.errors import SnapshotError
from workbench.snapshot.manifest import Part

# Arrow's own allocator keeps what was let go of: 65 of 270 MB where 50,000 statements were read.
pa.set_memory_pool(pa.system_memory_pool())


def encode(table: pa.Table) -> bytes:
    """Return the bytes of an object: one row group, compressed, without what a small file can spare."""
    texts = [f.name for f in table.schema if pa.types.is_string(f.type)]
    sink = pa.BufferOutputStream()
    pq.write_table(
        table.replace_schema_metadata(None),
        sink,
        compression="zstd",
        compression_level=9,
        use_dictionary=texts,  # counters do not repeat: a dictionary of them costs a fifth more
        store_schema=False,
        write_statistics=False,
    )
    written: bytes = sink.getvalue().to_pybytes()
    return written


def outside_python(data: bytes) -> pa.BufferReader:
    """Return a stream over a copy of ``data`` that Arrow's own threads may let go of at any time.

    A stream over Python's bytes is released under Python's lock. A reader's thread that does so while
    the interpreter ends is ended with it, and takes the whole process along (SIGABRT).

    >>> outside_python(b"a,b").read()
    b'a,b'
    """
    sink = pa.BufferOutputStream()
    sink.write(data)
    return pa.BufferReader(sink.getvalue())


_SMALL = 32
"""Rows of an object that is held once it was read."""

_MOST_SMALL = 1024
"""So many of them are held: a few megabytes, and a year of nights."""


@dataclass(frozen=True)
class Objects:
    """Where the bytes of parts are: in ``memory`` before a snapshot is saved, in ``folder`` after."""

    folder: Path | None = None
    memory: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    _small: dict[str, pa.Table] = field(default_factory=dict, repr=False, compare=False)

    def path(self, content: str) -> Path:
        """Return where an object lies in the folder."""
        if self.folder is None:
            raise SnapshotError("this snapshot has not been saved: call save(history) first")
        return self.folder / f"{content}.parquet"

    def bytes(self, content: str) -> bytes:
        """Return an object's bytes as they are stored."""
        held = self.memory.get(content)
        return self.path(content).read_bytes() if held is None else held

    def answer(self, part: Part, columns: list[str] | None = None) -> pa.Table:
        """Read the answer of a part, or the ``columns`` of it that it has; SnapshotError if it is lost."""
        return rows_of(part, self.read(part.content, columns))

    def read(self, content: str, columns: list[str] | None) -> pa.Table:
        """Read an object, or the ``columns`` of it that it has; SnapshotError if it is lost.

        What is small is read whole, and the first such objects are held: most of what there is in a history
        is a row or two, of which one question after the other wants other columns.
        """
        if content in self._small:
            return _only(self._small[content], columns)
        source: pa.BufferReader | Path
        if content in self.memory:
            source = outside_python(self.memory[content])
        else:
            source = self.path(content)
            if not source.exists():
                raise SnapshotError(
                    f"{source} is missing though a snapshot refers to it: restore it from a backup "
                    "of the history, or remove the manifests that name it"
                )
        with pq.ParquetFile(source) as file:
            if file.metadata.num_rows <= _SMALL and len(self._small) < _MOST_SMALL:
                self._small[content] = file.read(use_threads=False)
                return _only(self._small[content], columns)
            if columns is not None:
                held = set(file.schema_arrow.names)
                columns = [c for c in columns if c in held]
            # Objects are small and many: handing their columns to threads costs more than it gains.
            return file.read(columns=columns, use_threads=False)


def _only(table: pa.Table, columns: list[str] | None) -> pa.Table:
    if columns is None:
        return table
    held = set(table.column_names)
    return table.select([c for c in columns if c in held])


_STALE = timedelta(hours=1)


@contextmanager
def staging(history: Path) -> Iterator[Path]:
    """A folder inside the history to write in before renaming; those of killed runs are swept.

    As long as it is held, nobody thins the history.
    """
    history.mkdir(parents=True, exist_ok=True)
    oldest = (datetime.now(UTC) - _STALE).timestamp()
    for old in history.glob(".staging-*"):
        with suppress(FileNotFoundError):  # a run beside this one has just ended
            if old.stat().st_mtime < oldest:
                shutil.rmtree(old, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=".staging-", dir=history))
    try:
        with _locked(history, fcntl.LOCK_SH):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def alone(history: Path) -> Iterator[None]:
    """Hold the history for oneself: nobody writes in it, so what nothing refers to may be removed.

    SnapshotError where there is no such folder, or its file system holds no locks.
    """
    if not history.is_dir():
        raise SnapshotError(f"{history} is no folder: name the history with --history DIR")
    try:
        with _locked(history, fcntl.LOCK_EX):
            yield
    except BlockingIOError as error:
        raise SnapshotError(
            f"{history} is being written to: run again when that is done"
        ) from error


@contextmanager
def _locked(history: Path, how: int) -> Iterator[None]:
    descriptor = os.open(history, os.O_RDONLY)
    try:
        if how == fcntl.LOCK_EX:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        else:
            with suppress(OSError):  # a file system without locks: there nothing is thinned
                fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def put(folder: Path, target: Path, data: bytes) -> None:
    """Bring ``data`` to ``target`` so that it is there entirely or not at all."""
    beside = folder / target.name
    beside.write_bytes(data)
    moved(beside, target)


def moved(beside: Path, target: Path) -> None:
    """Bring the file ``beside``, written on the same disk, to ``target``, once all of it is on the disk."""
    with beside.open("rb") as file:
        os.fsync(file.fileno())
    target.parent.mkdir(parents=True, exist_ok=True)
    beside.replace(target)


def rows_of(part: Part, table: pa.Table) -> pa.Table:
    """Return a part's own rows of the object it names."""
    return table if part.offset is None else table.slice(part.offset, part.rows)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a frame's rows as dictionaries.

    >>> records(pd.DataFrame({"a": [1]}))
    [{'a': 1}]
    """
    columns = [_cells(frame.iloc[:, at]) for at in range(frame.shape[1])]
    return [dict(zip(frame.columns, row, strict=True)) for row in zip(*columns, strict=True)]


def _cells(column: pd.Series[Any]) -> Iterable[Any]:
    """A column's cells as Python's own, made all at once: one by one Arrow and pandas are slow to hand them out."""
    if isinstance(column.dtype, pd.StringDtype):
        return column.to_numpy(dtype=object)
    if isinstance(column.array, _MASKED):
        return column.to_numpy(dtype=object, na_value=None)  # type: ignore[call-overload,no-any-return]
    if pd.api.types.is_object_dtype(column.dtype):
        return [_plain(cell) for cell in column.to_numpy()]
    return column


_MASKED = (pd.arrays.IntegerArray, pd.arrays.BooleanArray, pd.arrays.FloatingArray)


def _plain(cell: object) -> object:
    if cell is pd.NA:
        return None
    return cell.item() if isinstance(cell, np.generic) else cell


_DTYPES = {
    pa.int16(): pd.Int64Dtype(),
    pa.int32(): pd.Int64Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}


_FRONT = {
    "instance": pa.string(),
    "endpoint": pa.string(),
    "database": pa.string(),
    "at": pa.timestamp("us", tz="UTC"),
    "number": pa.int64(),
}


def stacked(
    parts: Iterable[tuple[Objects, Part, Mapping[str, Any]]],
    front: tuple[str, ...],
    columns: tuple[str, ...],
) -> pd.DataFrame:
    """Return the answers of ``parts`` one below the other; an object that many share is read once.

    ``front`` names the columns put before an answer's own: its instance, its database, and the labels
    given with each part. With ``columns`` only these are read, and they are there even where no part is.
    """
    read: dict[str, pa.Table] = {}
    tables: list[pa.Table] = []
    fronts: list[Mapping[str, Any]] = []
    for objects, part, labels in parts:
        if part.content not in read:
            read[part.content] = objects.read(part.content, list(columns) or None)
        tables.append(rows_of(part, read[part.content]))
        fronts.append({"instance": part.instance, "database": part.database, **labels})
    return _to_pandas(_labelled(tables, fronts, front), (*front, *columns))


def _labelled(
    tables: list[pa.Table], fronts: list[Mapping[str, Any]], names: tuple[str, ...]
) -> pa.Table | None:
    """Put ``tables`` one below the other, each row with what is said of its table in front."""
    if not tables:
        return None
    whole = pa.concat_tables(tables, promote_options="permissive")
    # Once for all: a history of pulses has many thousand tables of a row or two.
    table_of = pa.array(np.repeat(np.arange(len(tables)), [t.num_rows for t in tables]))
    said = [pa.array([f[name] for f in fronts], _FRONT[name]).take(table_of) for name in names]
    return pa.Table.from_arrays([*said, *whole.columns], names=[*names, *whole.column_names])


def _to_pandas(whole: pa.Table | None, columns: tuple[str, ...]) -> pd.DataFrame:
    if whole is None:
        kinds = {"at": "datetime64[us, UTC]"}
        return pd.DataFrame({c: pd.Series(dtype=kinds.get(c, "object")) for c in columns})
    frame: pd.DataFrame = whole.to_pandas(types_mapper=_DTYPES.get, ignore_metadata=True)
    for column in columns:
        if column not in frame:
            frame[column] = pd.Series(pd.NA, index=frame.index, dtype="object")
    return frame
