"""A history made by hand, small and as hostile as asked: one database, one table in each schema."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from workbench.estate import Estate
from workbench.model import Missing
from workbench.snapshot import new_snapshot

START = datetime(2026, 11, 1, 2, tzinfo=UTC)
HOSTILE = [
    'a"b',
    "<script>alert(1)</script>",
    "$(x) $y$",
    "&amp;",
    "заказы" * 5,
    "x" * 63,
    "\x01control\u202e",
    "]]>--><!--",
]


def write_history(
    folder: Path, schemas: list[str], *, days: int = 15, missing: tuple[Missing, ...] = ()
) -> Path:
    """Write ``days`` daily snapshots into ``folder`` and return it; the n-th schema's table grows by n MB a day."""
    for day in range(days):
        snapshot = new_snapshot(
            Estate(folder.parent.name, instances=(), implicit=True),
            _shaped(_answers(schemas, day)),
            missing,
            ["main"],
            [],
            taken_at=START + timedelta(days=400),
            simulated_at=START + timedelta(days=day),
        )
        snapshot.save(folder)
    return folder


def _answers(schemas, day):
    oids = list(range(100, 100 + len(schemas)))
    heaps = [(at + 1) * (10_000_000 + day * 1_000_000) for at in range(len(schemas))]
    tables = {
        "schemas": {"schema": schemas},
        "relations": {
            "oid": oids,
            "schema": schemas,
            "relation": [f"{name[:20]}_rows" for name in schemas],
            "relkind": ["r"] * len(oids),
            "root_oid": oids,
            "extension": pa.nulls(len(oids), pa.string()),
        },
        "sizes": {
            "relation_oid": oids * 2,
            "part": ["heap"] * len(oids) + ["index"] * len(oids),
            "bytes": heaps + [heap // 4 for heap in heaps],
            "estimated": [False] * 2 * len(oids),
        },
        "table_statistics": {
            "relation_oid": oids,
            "reltuples": [-1.0] * len(oids),
            "n_live_tup": [heap // 100 for heap in heaps],
        },
        "system_size": {"bytes": [8_000_000]},
    }
    yield from (("shop", name, columns) for name, columns in tables.items())
    yield (
        None,
        "databases",
        {"datname": ["shop"], "bytes": [sum(heaps) * 5 // 4 + 9_000_000], "datallowconn": [True]},
    )


def _shaped(answers):
    for database, frame, columns in answers:
        yield frame, "main", database, pa.table(columns), 1.0
