"""Inferring references: public schemas loaded into a server without their foreign keys, and 10,000 tables.

`python -m benchmarks references FOLDER` takes the sets of another folder. Each set is collected by a login
that has pg_monitor alone, from empty tables without statements. Prints each set, the averages (each set
counts once), recall against precision over confidences, how often a confidence was right, the rules of
other tools on the same structures, and the time for 5,000 and 10,000 tables.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import pandas as pd
import psycopg

from benchmarks._rivals import RIVALS, Seen
from benchmarks._truth import Counted, Edge, Truth, read_sets, truth_folder
from workbench.analyse.references.inference import Inferred, infer
from workbench.analyse.references.structure import Structure, read_structure
from workbench.collect import collect
from workbench.estate import estate_from_urls
from workbench.lab import Server, private_server

LOGIN = "truth_monitor"
THRESHOLDS = (0.2, 0.5, 0.7, 0.8, 0.85, 0.9, 0.91, 0.92, 0.93)
BINS = (0.0, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 1.01)
ROUNDS = 3
TABLES_A_SERVICE, SERVICES_A_DATABASE = 25, 20
TABLES = "instance database schema table relkind service standing comment".split()  # noqa: SIM905
COLUMNS = "table attnum column type type_kind not_null generated comment".split()  # noqa: SIM905
NOUNS = (  # noqa: SIM905
    "account address agent article asset batch bill branch budget carrier cart case category channel "
    "claim client comment contract country coupon course customer device document driver element "
    "employee event feature field file filter folder forecast group guest holiday image import index "
    "invoice issue item job journal label language lead ledger lesson level license line link list "
    "location log mail market match member menu message meter model module note offer option order "
    "owner package page parcel partner payment permission person plan policy post price product profile "
    "project promotion quote rate reason receipt record region report request resource review role route "
    "rule sale schedule section segment seller sensor session shift shipment site slot source stage "
    "station status step stock store student supplier survey tag task tax team template test ticket topic "
    "tour track trade transfer trip unit user vehicle vendor version visit voucher warehouse zone"
).split()


def main(folder: Path | None = None) -> None:
    try:
        sets = read_sets(folder or truth_folder())
    except FileNotFoundError as absent:
        if folder:
            raise
        print(f"  accuracy is left out: {absent}")
    else:
        accuracy(sets)
    speed()


def accuracy(sets: Sequence[Truth]) -> None:
    with private_server(settings={"max_locks_per_transaction": "1024"}) as server:
        with psycopg.connect(server.url(), autocommit=True) as admin:
            admin.execute(f"CREATE ROLE {LOGIN} LOGIN IN ROLE pg_monitor".encode())
        structures = {truth.name: collected(server, truth) for truth in sets}
    found = {truth.name: infer(structures[truth.name]) for truth in sets}
    print(f"  {'set':16}{'tables':>7}{'keys':>6}{'recall':>8}{'precision':>11}{'extra':>7}"
          f"{'right':>7}{'wrong':>6}{'extra':>6}{'unresolved':>11}")  # fmt: skip
    for truth in sets:
        counted = truth.count(edges(found[truth.name]))
        open_ = sum(f.status == "unresolved" for f in found[truth.name])
        print(
            f"  {truth.name:16}{len(truth.numbers):7}{counted.truth:6}{counted.recall:8.3f}"
            f"{counted.precision:11.3f}{_rate(truth, counted)}{counted.right:7}{counted.wrong:6}"
            f"{counted.extra:6}{open_:11}"
        )
    print("  averages, each set counting once; extra where the truth is whole")
    _line("workbench", sets, {t.name: edges(found[t.name]) for t in sets})
    for name, rule in RIVALS:
        _line(name, sets, {t.name: list(rule(Seen(structures[t.name]))) for t in sets})
    print("  by confidence, at least; here the best candidate stands for what is unresolved")
    for least in THRESHOLDS:
        _line(f"{least:.2f}", sets, {t.name: likeliest(found[t.name], least) for t in sets})
    print("  of references given a confidence: how many are right, where the truth is whole")
    whole = [t for t in sets if not t.partial]
    for low, high in pairwise(BINS):
        of = {t.name: [f for f in found[t.name] if low <= f.confidence < high] for t in whole}
        parts = [(t.count(edges(of[t.name])), of[t.name]) for t in whole]
        many = sum(c.right + c.wrong + c.extra for c, _ in parts)
        if many:
            mean = statistics.fmean(
                f.confidence for _, held in parts for f in held if f.target is not None
            )
            right = sum(c.right for c, _ in parts)
            print(
                f"  {low:.2f} to {min(high, 1):.2f}  {many:6} references  said {mean:.3f}  right {right / many:.3f}"
            )


def collected(server: Server, truth: Truth) -> Structure:
    """Load a set into a database of its own and return what a login with pg_monitor collects of it."""
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {truth.name}".encode())
    truth.load(server.url(truth.name))
    snapshot = collect(estate_from_urls([server.url(truth.name, LOGIN)]))
    structure = read_structure(snapshot)
    places = list(zip(structure.tables["schema"], structure.tables["table"], strict=True))
    if places != list(truth.numbers):
        raise RuntimeError(f"{truth.name}: the collected tables are not those of the set")
    return structure


def edges(found: Iterable[Inferred]) -> list[Edge]:
    """The accepted references of one column."""
    return [
        (f.table, f.columns[0], f.target, f.target_columns[0])
        for f in found
        if f.target is not None and len(f.columns) == 1
    ]


def likeliest(found: Sequence[Inferred], least: float) -> list[Edge]:
    """The references of one column with that confidence, and best candidates with it."""
    sure = [f for f in found if f.confidence >= least]
    guessed = [
        (f.table, f.columns[0], f.candidates[0][0], f.candidates[0][1][0])
        for f in sure
        if f.target is None and f.candidates
    ]
    return edges(sure) + guessed


def speed() -> None:
    """Time for the estate of many services, as the structure is in memory."""
    taken = {}
    for size in (5_000, 10_000):
        structure = large(size)
        times, walls = [], []
        for _ in range(ROUNDS):
            start, wall = time.process_time(), time.perf_counter()
            found = infer(structure)
            times.append(time.process_time() - start)  # one thread: what others run is not counted
            walls.append(time.perf_counter() - wall)
        taken[size] = statistics.median(times)
        print(
            f"  {size:6} tables, {len(structure.columns):7} columns: {taken[size]:5.2f} s of a processor "
            f"({statistics.median(walls):.2f} s by the clock), {len(found)} references"
        )
    print(f"  twice the tables: {taken[10_000] / taken[5_000]:.2f} times the time")


def large(size: int) -> Structure:
    """An estate of services with 25 tables of 12 columns each, 20 services a database, named from nouns."""
    tables, columns, keys, indexes = [], [], [], []
    for number in range(size):
        service, place = divmod(number, TABLES_A_SERVICE)
        first = NOUNS[service % len(NOUNS)]
        other = NOUNS[(service * 7 + place * 13) % len(NOUNS)]
        name = f"{first}s" if not place else f"{first}_{other}_{place}s"
        beside = NOUNS[(service + 1 + place % 3) % len(NOUNS)]
        database = service // SERVICES_A_DATABASE
        where = (f"i{database % 5}", f"db{database}", f"s{service}")
        tables.append((*where, name, "r", f"s{service}", "owned", None))
        held = (
            ("id", "bigint"),
            (f"{first}_id", "bigint"),
            (f"{beside}_id", "bigint"),
            ("created_by", "bigint"),
            ("status", "text"),
            ("name", "text"),
            ("note", "text"),
            ("amount", "numeric(12,2)"),
            ("created_at", "timestamp with time zone"),
            ("updated_at", "timestamp with time zone"),
            ("is_active", "boolean"),
            ("payload", "jsonb"),
        )
        columns += [
            (number, n + 1, column, kind, "b", not n, not n, None)
            for n, (column, kind) in enumerate(held)
        ]
        keys.append((number, f"{name}_pkey", ("id",), True))
        indexes.append((number, f"{name}_pkey", ("id",), False))
        indexes.append((number, f"{name}_{first}", (f"{first}_id",), False))
    return Structure(
        pd.DataFrame(
            tables,
            columns=TABLES,
        ),
        pd.DataFrame(
            columns,
            columns=COLUMNS,
        ),
        pd.DataFrame(keys, columns=["table", "name", "columns", "primary"]),
        pd.DataFrame(indexes, columns=["table", "name", "columns", "partial"]),
    )


def _rate(truth: Truth, counted: Counted) -> str:
    return f"{'-':>7}" if truth.partial else f"{counted.extra_rate:7.3f}"


def _line(name: str, sets: Sequence[Truth], found: dict[str, list[Edge]]) -> None:
    counted = {truth.name: truth.count(found[truth.name]) for truth in sets}
    recall = statistics.fmean(c.recall for c in counted.values())
    some = [c.precision for c in counted.values() if c.right + c.wrong]
    precision = statistics.fmean(some) if some else float("nan")
    extra = statistics.fmean(counted[t.name].extra_rate for t in sets if not t.partial)
    print(f"  {name:16} recall {recall:.3f}  precision {precision:.3f}  extra {extra:.3f}")
