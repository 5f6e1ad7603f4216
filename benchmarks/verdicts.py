"""Verdicts of 90 nights of 3,000 tables: processor seconds and peak memory, each of a fresh process.

Half the tables and half the nights tell how both grow. The first run reads the statements' texts and keeps
their facts beside the history; "again" finds them there. The estate has 30 services, 2,000 statements that
join within services and across, a foreign key per table, and limits on services and on every table.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from workbench.estate import load_estate
from workbench.snapshot import new_snapshot
from workbench.snapshot.differences import COUNTERS, GAUGES

TABLES, NIGHTS, STATEMENTS, SERVICES, COLUMNS = 3000, 90, 2000, 30, 8
ROUNDS = 3
START = datetime(2026, 1, 1, 2, tzinfo=UTC)
_DATABASE = "shop"
_MOMENT = pa.timestamp("us", tz="UTC")
_MEASURED = """
import resource, sys
import workbench
workbench.verdicts(workbench.load_history(sys.argv[1]))
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""


@dataclass(frozen=True)
class Run:
    """What a process took: processor seconds, seconds by the clock, MB at its peak."""

    cpu: float
    clock: float
    peak_mb: float

    def __str__(self) -> str:
        return (
            f"processor {self.cpu:5.2f} s, clock {self.clock:5.2f} s, peak {self.peak_mb:4.0f} MB"
        )


def main() -> None:
    extents = [(TABLES, NIGHTS), (TABLES // 2, NIGHTS), (TABLES, NIGHTS // 2)]
    with tempfile.TemporaryDirectory() as name:
        folders = {extent: Path(name) / f"{number}" for number, extent in enumerate(extents)}
        for (tables, nights), folder in folders.items():
            # a child's peak begins with its parent's: what is large is made by another child
            made = [sys.executable, "-m", "benchmarks.verdicts", str(folder)]
            subprocess.run([*made, str(tables), str(nights)], check=True)
            print(f"  {tables} tables, {nights} nights, the first time: {_run(folder)}", flush=True)
        # turn by turn, so that a busy machine is busy for all
        runs = [{extent: _run(folder) for extent, folder in folders.items()} for _ in range(ROUNDS)]
        best = {e: min((r[e] for r in runs), key=lambda run: run.cpu) for e in extents}
    for (tables, nights), run in best.items():
        print(f"  {tables} tables, {nights} nights, again, the best of {ROUNDS}: {run}")
    whole, *halves = (best[e] for e in extents)
    for what, half in zip(("tables", "nights"), halves, strict=True):
        print(
            f"  twice the {what} cost {whole.cpu / half.cpu:.2f} times the processor seconds "
            f"and {whole.peak_mb / half.peak_mb:.2f} times the memory"
        )


def _run(folder: Path) -> Run:
    start = time.perf_counter()
    command = [sys.executable, "-c", _MEASURED, str(folder / "history")]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    cpu, peak = map(float, said.split())
    return Run(cpu, time.perf_counter() - start, peak)


def build(folder: Path, tables: int, nights: int) -> None:
    """Write an estate file and, beside it, the history of ``nights`` daily snapshots."""
    folder.mkdir(parents=True)
    (folder / "estate.toml").write_text(estate_text(), encoding="utf-8")
    estate = load_estate(folder / "estate.toml")
    still = list(catalogue(tables))
    for night in range(nights):
        at = START + timedelta(days=night)
        answers = [
            (frame, "main", database, pa.table(columns), 1.0)
            for frame, database, columns in (*still, *figures(tables, night, at))
        ]
        new_snapshot(estate, answers, [], ["main"], [], taken_at=at).save(folder / "history")


def estate_text() -> str:
    """An estate file with limits on services, on every table, on hours and on a shorter window."""
    text = f'[estate]\nname = "large"\n[instances.main]\nurl = "service=large"\ndatabase = "{_DATABASE}"\n'
    text += "capacity = { vcpus = 8, storage_gb = 500 }\n"
    for n in range(SERVICES):
        text += f'[services.s{n}]\nschemas = ["s{n}"]\n'
    shares = ("latency", "replica_load", "cacheable_share", "load", "time_share", "read_share")
    counts = ("rows", "rows_per_day", "total_bytes", "interference", "slow_calls", "calls_per_day")
    for limit, metrics in ((0.5, shares), (1000, counts)):
        for metric in metrics:
            text += f'[[thresholds]]\nmetric = "{metric}"\nhard = {limit}\n'
    text += '[[thresholds]]\nmetric = "total_bytes"\nper = "table"\nhard = 100000000\n'
    text += '[[thresholds]]\nmetric = "latency"\nwindow = "30 days"\nservice = "s1"\nhard = 100\n'
    return text


_Columns = dict[str, Any]


def catalogue(tables: int) -> Iterator[tuple[str, str | None, _Columns]]:
    """What is the same every night: frame, database, columns."""
    oids = _oids(tables)
    number = np.arange(tables)
    yield "schemas", _DATABASE, {"schema": [f"s{n}" for n in range(SERVICES)]}
    yield (
        "relations",
        _DATABASE,
        {
            "oid": oids,
            "schema": [f"s{n % SERVICES}" for n in number],
            "relation": [f"t{n}" for n in number],
            "relkind": ["r"] * tables,
            "root_oid": oids,
            "extension": pa.nulls(tables, pa.string()),
        },
    )
    yield (
        "columns",
        _DATABASE,
        {
            "relation_oid": oids.repeat(COLUMNS),
            "attnum": np.tile(np.arange(1, COLUMNS + 1), tables),
            "attname": ["id", "other_id", *(f"c{n}" for n in range(COLUMNS - 2))] * tables,
            "type": ["bigint"] * COLUMNS * tables,
            "atttypid": [20] * COLUMNS * tables,
            "attnotnull": [True] * COLUMNS * tables,
        },
    )
    yield (
        "column_statistics",
        _DATABASE,
        {
            "relation_oid": oids.repeat(COLUMNS),
            "attnum": np.tile(np.arange(1, COLUMNS + 1), tables),
            "inherited": [False] * COLUMNS * tables,
            "null_frac": [0.0] * COLUMNS * tables,
            "avg_width": [8] * COLUMNS * tables,
            "unseen": pa.nulls(COLUMNS * tables, pa.string()),
        },
    )
    # every ninth refers to a table of another service
    other = np.where(number % 9 == 0, number + 1, number + SERVICES) % tables
    yield (
        "constraints",
        _DATABASE,
        {
            "oid": np.r_[oids, oids + tables] + 10**6,
            "conname": [f"t{n}_{kind}" for kind in ("pkey", "fkey") for n in number],
            "contype": ["p"] * tables + ["f"] * tables,
            "relation_oid": np.r_[oids, oids],
            "conkey": pa.array([[1]] * tables + [[2]] * tables, pa.list_(pa.int16())),
            "index_oid": pa.array([*(oids + 10**7).tolist(), *[None] * tables], pa.int64()),
            "referenced_oid": pa.array([None] * tables + oids[other].tolist(), pa.int64()),
            "confkey": pa.array([None] * tables + [[1]] * tables, pa.list_(pa.int16())),
            "condeferrable": [False] * 2 * tables,
            "convalidated": [True] * 2 * tables,
        },
    )
    yield (
        "indexes",
        _DATABASE,
        {
            "oid": oids + 10**7,
            "relation": [f"t{n}_pkey" for n in number],
            "relation_oid": oids,
            "amname": ["btree"] * tables,
            "indisunique": [True] * tables,
            "indisprimary": [True] * tables,
            "indisvalid": [True] * tables,
            "indisready": [True] * tables,
            "indnkeyatts": [1] * tables,
            "indkey": pa.array([[1]] * tables, pa.list_(pa.int16())),
            "has_predicate": [False] * tables,
            "has_expressions": [False] * tables,
        },
    )
    texts = [
        f"SELECT a.c{n % 5}, b.c1 FROM s{a % SERVICES}.t{a} a "
        f"JOIN s{b % SERVICES}.t{b} b ON a.other_id = b.id WHERE a.id = $1 /* {n} */"
        if n % 3
        else f"UPDATE s{a % SERVICES}.t{a} SET c{n % 5} = $1 WHERE id = $2 /* {n} */"
        for n in range(STATEMENTS)
        for a in [n % tables]
        for b in [(a + (1 if n % 10 == 0 else SERVICES)) % tables]
    ]
    names = {"datname": [_DATABASE] * STATEMENTS, "rolname": ["app"] * STATEMENTS}
    yield "statement_texts", None, _entries() | names | {"query": texts}


def figures(tables: int, night: int, at: datetime) -> Iterator[tuple[str, str | None, _Columns]]:
    """What every night counts: frame, database, columns. All of it rises, and scatters a little."""
    draw = np.random.default_rng(night)
    oids, pace = _oids(tables), 1 + np.arange(tables) % 97
    rows = 1000 * pace + night * pace
    heap = 8192 * (pace * (100 + night) + draw.integers(0, 3, tables))
    counted = _counted("table_statistics", night * pace)
    yield (
        "table_statistics",
        _DATABASE,
        {"relation_oid": oids} | counted | {"n_live_tup": rows, "reltuples": rows.astype(float)},
    )
    yield (
        "sizes",
        _DATABASE,
        {
            "relation_oid": np.tile(oids, 3),
            "part": ["heap"] * tables + ["index"] * tables + ["toast"] * tables,
            "bytes": np.r_[heap, heap // 4, heap // 8],
            "estimated": [False] * 3 * tables,
        },
    )
    yield "system_size", _DATABASE, {"bytes": [8_000_000]}
    calls = night * (1 + np.arange(STATEMENTS) % 97)
    counted = _counted("statements", calls) | {"total_exec_time": calls * 1.5}
    yield "statements", None, _entries() | counted | {"stats_since": pa.nulls(STATEMENTS, _MOMENT)}
    info = {"dealloc": [0], "entries": [STATEMENTS], "max_entries": [5000]}
    began = pa.array([START - timedelta(days=1)], _MOMENT)
    yield "statements_info", None, info | {"stats_reset": began}
    whole = _counted("database_statistics", np.array([night])) | {"stats_reset": began}
    yield "database_statistics", None, {"datid": [5], "datname": [_DATABASE]} | whole
    bytes_ = int(heap.sum() * 11 // 8) + 9_000_000
    ages = {"frozen_xid_age": [1000 * night], "min_mxid_age": [night]}
    yield (
        "databases",
        None,
        {"datname": [_DATABASE], "bytes": [bytes_], "datallowconn": [True]} | ages,
    )
    yield (
        "identity",
        None,
        {
            "system_identifier": [7],
            "timeline_id": [1],
            "in_recovery": [False],
            "server_version_num": [170006],
            "started_at": began,
            "counters_since": began,
            "wal_position": [1000 + night * 1_000_000],
            "read_at": pa.array([at], _MOMENT),
            "block_size": [8192],
        },
    )


def _counted(frame: str, values: Any) -> _Columns:
    return dict.fromkeys((*COUNTERS[frame], *GAUGES[frame]), values)


def _entries() -> _Columns:
    every = {"dbid": [5], "userid": [10]}
    return {k: v * STATEMENTS for k, v in every.items()} | {
        "queryid": np.arange(1, STATEMENTS + 1),
        "toplevel": [True] * STATEMENTS,
    }


def _oids(tables: int) -> Any:
    return np.arange(20_000, 20_000 + tables)


if __name__ == "__main__":
    build(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
