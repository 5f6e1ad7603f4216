"""Figures that a person brings: dated sizes and a provider's metrics, from CSV into a history.

Sizes     date, instance, database, bytes, and if wanted schema, table (of whose whole size the bytes are)
Metrics   date, instance, metric, value, unit (such as cpu, 37.5, percent)

The header's names decide which it is; their order does not matter. A date is a day or a moment in ISO 8601,
UTC unless it says otherwise. Each date becomes a snapshot of the profile ``imported``, with the frame
``imported_sizes`` (schema, table, bytes) or ``imported_metrics`` (metric, value, unit). The same file
imported twice gives the same snapshots.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from workbench.errors import UsageError
from workbench.estate import Estate
from workbench.snapshot.whole import Snapshot, new_snapshot

_T = TypeVar("_T")
_SIZES = ("date", "instance", "database", "bytes")
_MAY = ("schema", "table")
_METRICS = ("date", "instance", "metric", "value", "unit")
_SHOWN = 20
_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class _Row:
    line: int
    at: datetime
    instance: str
    database: str | None
    figures: tuple[object, ...]

    @property
    def place(self) -> tuple[object, ...]:
        """What may be said once a date: of a size its table, of a metric its name."""
        held = self.figures[:-1] if self.database is not None else self.figures[:1]
        return (self.at, self.instance, self.database, *held)


class _Fault(Exception):
    """What is wrong with one value."""


def read_figures(path: Path, estate: Estate, now: datetime) -> tuple[Snapshot, ...]:
    """Read a CSV file into snapshots, one per date, oldest first, not yet saved.

    UsageError names file, line and fault of each line that is wrong (the first 20); then none is used.
    An instance that the estate declares none of, and a date after ``now``, are faults.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, strict=True))
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} is no CSV file in UTF-8: {error}") from error
    columns, is_sizes = _columns(path, rows[0] if rows else [])
    known = {i.name for i in estate.instances}
    found: list[_Row] = []
    faults: list[str] = []
    for line, cells in enumerate(rows[1:], 2):
        if not any(c.strip() for c in cells):
            continue
        try:
            found.append(_row(line, columns, cells, is_sizes, known, now))
        except _Fault as fault:
            faults.append(f"{path}:{line}: {fault}")
    faults += _twice(path, found)
    if faults:
        more = len(faults) - _SHOWN
        rest = [f"and {more} more"] if more > 0 else []
        raise UsageError("; ".join([*faults[:_SHOWN], *rest]) + "; nothing was imported")
    if not found:
        raise UsageError(f"{path} holds no figures below its header")
    return tuple(_snapshots(found, estate, is_sizes))


def _columns(path: Path, header: list[str]) -> tuple[list[str], bool]:
    columns = [c.strip().lower() for c in header]
    is_sizes = "bytes" in columns
    wanted, may = (_SIZES, _MAY) if is_sizes else (_METRICS, ())
    fault = None
    if len(set(columns)) < len(columns):
        fault = "a column is there twice"
    elif lacking := [c for c in wanted if c not in columns]:
        fault = f"the header lacks {', '.join(lacking)}"
    elif unknown := [c for c in columns if c not in (*wanted, *may)]:
        fault = f"the header has {', '.join(map(repr, unknown))}, which mean nothing here"
    if fault:
        raise UsageError(
            f"{path}:1: {fault}; sizes have {', '.join(_SIZES)} (and {', '.join(_MAY)}), metrics "
            f"{', '.join(_METRICS)}, separated by commas"
        )
    return columns, is_sizes


def _row(
    line: int, columns: list[str], cells: list[str], is_sizes: bool, known: set[str], now: datetime
) -> _Row:
    if len(cells) != len(columns):
        raise _Fault(f"{len(cells)} values where the header has {len(columns)}")
    values = dict(zip(columns, (c.strip() for c in cells), strict=True))
    at = _value(values, "date", _date)
    if at > now:
        raise _Fault(f"date {values['date']} lies in the future")
    instance = _value(values, "instance", str)
    if known and instance not in known:
        raise _Fault(
            f"instance {instance!r} is not in the estate: it has {', '.join(sorted(known))}"
        )
    if not is_sizes:
        figures = (
            _value(values, "metric", str),
            _value(values, "value", _number),
            _value(values, "unit", str),
        )
        return _Row(line, at, instance, None, figures)
    schema, table = values.get("schema") or None, values.get("table") or None
    if table and not schema:
        raise _Fault(f"table {table!r} has no schema")
    size = _value(values, "bytes", _bytes)
    return _Row(line, at, instance, _value(values, "database", str), (schema, table, size))


def _value(values: dict[str, str], name: str, read: Callable[[str], _T]) -> _T:
    text = values[name]
    if not text:
        raise _Fault(f"{name} is empty")
    try:
        return read(text)
    except ValueError as error:
        raise _Fault(f"{name} {text!r} {error}") from error


def _date(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("is no date: write it as 2026-11-28 or 2026-11-28T02:00:00Z") from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _bytes(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= _LARGEST):
        raise ValueError("is no number of bytes: write whole bytes without unit or separators")
    return int(text)


def _number(text: str) -> float:
    try:
        found = float(text)
    except ValueError as error:
        raise ValueError("is no number: write it as 37.5") from error
    if not math.isfinite(found):
        raise ValueError("is no finite number")
    return found


def _twice(path: Path, rows: list[_Row]) -> Iterator[str]:
    first: dict[tuple[object, ...], int] = {}
    for row in rows:
        line = first.setdefault(row.place, row.line)
        if line != row.line:
            yield f"{path}:{row.line}: says again what line {line} says"


def _snapshots(rows: list[_Row], estate: Estate, is_sizes: bool) -> Iterator[Snapshot]:
    frame, names, kinds = (
        ("imported_sizes", ("schema", "table", "bytes"), (pa.string(), pa.string(), pa.int64()))
        if is_sizes
        else (
            "imported_metrics",
            ("metric", "value", "unit"),
            (pa.string(), pa.float64(), pa.string()),
        )
    )
    places: dict[datetime, dict[tuple[str, str | None], list[tuple[object, ...]]]] = {}
    for row in rows:
        places.setdefault(row.at, {}).setdefault((row.instance, row.database), []).append(
            row.figures
        )
    for at, here in sorted(places.items()):
        answers = []
        for (instance, database), figures in sorted(
            here.items(), key=lambda h: (h[0][0], h[0][1] or "")
        ):
            ordered = sorted(figures, key=lambda f: tuple(str(v or "") for v in f))
            arrays = [
                pa.array(c, k) for c, k in zip(zip(*ordered, strict=True), kinds, strict=True)
            ]
            table = pa.Table.from_arrays(arrays, names=list(names))
            answers.append((frame, instance, database, table, 0.0))
        instances = sorted({i for i, _ in here})
        # The date is its own date of taking: the same figures are the same snapshot whenever they come.
        yield new_snapshot(estate, answers, [], instances, [], taken_at=at, profile="imported")
