"""Attributing statements: 5,000 typical texts against the time of reading them, and 50,000 entries in little memory.

Prints the time to read the texts, to attribute them when read, and their ratio; then, each in a process of its
own, the time and the peak memory of the workload and crossings of 5,000 and 50,000 entries.
"""

import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from benchmarks.statements import FIELDS, WORDS, orm_texts
from workbench.analyse.crossings import statement_crossings
from workbench.analyse.statements import attribute, read_all
from workbench.analyse.workload import workload
from workbench.estate.resolve import estate_from_text
from workbench.snapshot import Window, load_history, new_snapshot, reader_beside, window_of
from workbench.snapshot.differences import COUNTERS, GAUGES
from workbench.sql import Statement

SERVICES, LOGINS, ROUNDS = 20, 10, 5
START = datetime(2026, 1, 1, 2, tzinfo=UTC)


def main() -> None:
    for entries in (5000, 50_000):
        with tempfile.TemporaryDirectory() as folder:
            # a child's peak begins with its parent's: what is large is made by another child
            run = [sys.executable, "-m", "benchmarks.workload", folder, str(entries)]
            subprocess.run(run, check=True)
            for what in ("first", "again"):
                run = [sys.executable, "-m", "benchmarks.workload", folder]
                said = subprocess.run(run, check=True, capture_output=True, text=True).stdout
                print(f"  {entries} entries, the {what} time: {said.strip()}")
    with tempfile.TemporaryDirectory() as folder:
        window = build(Path(folder), 5000)
        texts = list(dict.fromkeys(window.statements["query"]))
        times: dict[str, list[float]] = {"reading": [], "attributing": []}
        for _ in range(ROUNDS):  # turn by turn, so that a busy machine is busy for both
            start = time.perf_counter()
            known = read_all(texts)
            times["reading"].append(time.perf_counter() - start)

            def from_known(
                wanted: Iterable[str], known: Sequence[Statement] = known
            ) -> Sequence[Statement]:
                return known

            start = time.perf_counter()
            attribute(window, from_known)
            times["attributing"].append(time.perf_counter() - start)
        reading, attributing = (statistics.median(t) for t in times.values())
        print(f"  reading {len(texts)} texts {reading:.2f} s, attributing them {attributing:.2f} s")
        print(f"  attributing over reading: {attributing / reading:.2f}")


def measure(folder: Path) -> None:
    """Find the workload and crossings of a history, and print time and peak memory of this process."""
    before = _peak()
    start = time.perf_counter()
    window = window_of(load_history(folder))
    found = workload(window, reader_beside(folder))
    crossings = statement_crossings(found.attributed)
    took = time.perf_counter() - start
    print(
        f"{took:.1f} s, {_peak():.0f} MB at the peak ({before:.0f} MB of it the libraries'), "
        f"{len(found.attributed.touches)} touches, {len(crossings)} crossings"
    )


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def build(folder: Path, entries: int) -> Window:
    """Two nights of a database of 20 services, ten logins, and as many entries as asked."""
    text = '[instances.main]\nurl = "postgresql:///shop"\ndatabase = "shop"\n'
    for n in range(SERVICES):
        text += f'[services.s{n}]\nschemas = ["s{n}"]\n[[actors]]\nservice = "s{n}"\n'
        text += f'login = "login{n}"\n' if n < LOGINS // 2 else f'application_name = "app{n}"\n'
    estate = estate_from_text(text)
    frames = _frames(entries)
    for night in range(2):
        answers = [(name, "main", *_at(columns, night)) for name, columns in frames.items()]
        snapshot = new_snapshot(
            estate,
            [(n, i, d, t, 1.0) for n, i, d, t in answers],
            [],
            ["main"],
            [],
            taken_at=START + timedelta(days=night),
        )
        snapshot.save(folder)
    return window_of(load_history(folder))


def _at(columns: dict[str, list[object]], night: int) -> tuple[str | None, pa.Table]:
    columns = dict(columns)
    database = "shop" if "oid" in columns or "relation_oid" in columns else None
    for name in COUNTERS["statements"]:
        if name in columns:
            columns[name] = [v * (night + 1) for v in columns[name]]  # type: ignore[operator]
    return database, pa.table(columns)


def _frames(entries: int) -> dict[str, dict[str, list[object]]]:
    draw = random.Random(11)
    names = [f"{a}_{b}" for a in WORDS for b in WORDS]
    places = [(f"s{draw.randrange(SERVICES)}", n) for n in names]
    places += [("public", n.title()) for n in names]
    places += [(f"s{n}", "outbox_events") for n in range(SERVICES)]
    oids: list[object] = list(range(16384, 16384 + len(places)))
    texts = _texts(entries)
    many = {name: [draw.randint(1, 1000) for _ in texts] for name in COUNTERS["statements"]}
    gauges = {name: [1.0] * len(texts) for name in GAUGES["statements"]}
    key: dict[str, list[object]] = {
        "dbid": [5] * len(texts),
        "userid": [10 + n % LOGINS for n in range(len(texts))],
        "queryid": list(range(1, len(texts) + 1)),
        "toplevel": [True] * len(texts),
    }
    looks = draw.sample(range(len(texts)), min(2000, len(texts)))
    return {
        "relations": {
            "oid": oids,
            "schema": [s for s, _ in places],
            "relation": [n for _, n in places],
            "relkind": ["r"] * len(places),
            "root_oid": oids,
            "extension": [None] * len(places),
        },
        "statements": {**key, **many, **gauges, "stats_since": [None] * len(texts)},
        "statement_texts": {
            **key,
            "datname": ["shop"] * len(texts),
            "rolname": [f"login{n % LOGINS}" for n in range(len(texts))],
            "query": list(texts),
        },
        "activity": {
            "datname": ["shop"] * len(looks),
            "usename": [f"login{n % LOGINS}" for n in looks],
            "application_name": [f"app{n % SERVICES}" for n in looks],
            "query_id": [n + 1 for n in looks],
        },
        "identity": {
            "server_version_num": [180000],
            "read_as": ["workbench"],
            "system_identifier": [7],
            "timeline_id": [1],
            "in_recovery": [False],
        },
    }  # type: ignore[dict-item]


def _texts(count: int) -> list[str]:
    """Texts of ORMs, with other schemas and fields where there are more entries than they differ in."""
    texts = orm_texts(min(count, 5000))
    for n in range(len(texts), count):
        texts.append(
            f"{texts[n % 5000]} /* */ ".replace(FIELDS[n % len(FIELDS)], f"column_{n}") + f"-- {n}"
        )
    return texts


if __name__ == "__main__":
    if len(sys.argv) > 2:
        build(Path(sys.argv[1]), int(sys.argv[2]))
    else:
        measure(Path(sys.argv[1]))
