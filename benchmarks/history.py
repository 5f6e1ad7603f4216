"""Reading a history: 90 nights of 3,000 tables with what lies between, and a quarter hour's pulses.

Prints seconds to open it, to read each large frame over all nights, to find epochs, the window and the
capacity; and how the whole grows from 30 nights to 90.
"""

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from workbench.analyse.capacity import capacity
from workbench.estate import estate_from_urls
from workbench.snapshot import load_history, new_snapshot, window_of
from workbench.snapshot.differences import COUNTERS, GAUGES

TABLES, NIGHTS, STATEMENTS = 3000, 90, 2000
START = datetime(2026, 1, 1, 2, tzinfo=UTC)
ESTATE = estate_from_urls(["postgresql:///large"])


def main() -> None:
    taken = {}
    for nights in (NIGHTS // 3, NIGHTS):
        with tempfile.TemporaryDirectory() as folder:
            build(Path(folder), nights)
            taken[nights] = measure(Path(folder), nights)
    print(f"  three times the nights cost {taken[NIGHTS] / taken[NIGHTS // 3]:.1f} times the time")


def build(folder: Path, nights: int) -> None:
    for night in range(nights):
        new_snapshot(
            ESTATE, answers(night), [], ["large"], [], taken_at=START + timedelta(days=night)
        ).save(folder)
    for quarter in range(96):
        at = START + timedelta(days=nights - 1, minutes=15 * quarter)
        held = [a for a in answers(nights * 100 + quarter) if a[2] is None and a[0] != "statements"]
        new_snapshot(ESTATE, held, [], ["large"], [], taken_at=at, profile="pulse").save(folder)


def answers(n: int) -> list[Any]:
    oids = list(range(1000, 1000 + TABLES))
    counters = {
        name: {c: [n * (i + 1) for i in range(rows)] for c in (*COUNTERS[name], *GAUGES[name])}
        for name, rows in (
            ("table_statistics", TABLES),
            ("statements", STATEMENTS),
            ("database_statistics", 1),
        )
    }
    key = {"dbid": [5] * STATEMENTS, "userid": [10] * STATEMENTS}
    key |= {"queryid": list(range(STATEMENTS)), "toplevel": [True] * STATEMENTS}
    relations = {
        "oid": oids,
        "schema": [f"s{i % 30}" for i in range(TABLES)],
        "relation": [f"t{i}" for i in range(TABLES)],
        "relkind": ["r"] * TABLES,
        "root_oid": oids,
        "extension": pa.nulls(TABLES, pa.string()),
    }
    sizes = {
        "relation_oid": [o for o in oids for _ in range(3)],
        "part": ["heap", "index", "toast"] * TABLES,
        "bytes": [8192 * (o + n) for o in oids for _ in range(3)],
        "estimated": [False] * 3 * TABLES,
    }
    identity = {"system_identifier": [7], "timeline_id": [1], "in_recovery": [False]}
    databases = {"datname": ["large"], "bytes": [sum(sizes["bytes"])], "datallowconn": [True]}
    database = {"datid": [5], "datname": ["large"]} | counters["database_statistics"]
    made = [
        ("identity", None, identity),
        ("databases", None, databases),
        ("database_statistics", None, database),
        ("statements", None, key | counters["statements"]),
        ("schemas", "large", {"schema": sorted({f"s{i}" for i in range(30)})}),
        ("relations", "large", relations),
        ("sizes", "large", sizes),
        ("table_statistics", "large", {"relation_oid": oids} | counters["table_statistics"]),
    ]
    return [(frame, "large", place, pa.table(columns), 1.0) for frame, place, columns in made]


def measure(folder: Path, nights: int) -> float:
    print(f"  {nights} nights, {TABLES} tables, {STATEMENTS} statements, 96 pulses")
    history, opened = timed(lambda: load_history(folder, ESTATE))
    _, read = timed(
        lambda: (
            history.frame("relations", "oid", "schema", "relation", "relkind", "root_oid"),
            history.frame("sizes", "relation_oid", "part", "bytes"),
            history.frame("table_statistics", "relation_oid", "n_live_tup"),
        )
    )
    _, epochs = timed(lambda: history.cuts)
    window = window_of(history)
    _, counted = timed(lambda: (window.tables, window.statements, window.busiest))
    _, sized = timed(lambda: capacity(history))
    print(f"    open {opened:.2f} s, frames {read:.2f} s: read in {opened + read:.2f} s")
    print(f"    epochs {epochs:.2f} s, window {counted:.2f} s, capacity {sized:.2f} s")
    return opened + read + epochs + counted + sized


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    return run(), time.perf_counter() - start
