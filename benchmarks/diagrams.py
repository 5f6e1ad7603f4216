"""Diagrams: the time from references to a drawn SVG, against limits that a reader waits without noticing.

Prints the time of the key-column diagram of a service with 100 tables (limit 1 s), of the graph of 300 services
(limit 2 s) and of an estate of 1,000 tables (limit 5 s), and each over its limit. Each is the middle of five
processes, with loading what draws and the start of the layout's own process in it.
"""

import random
import statistics
import subprocess
import sys
import time

import pandas as pd

from workbench.analyse.references.structure import Structure
from workbench.estate.facts import Service
from workbench.model import Reference, ReferenceEnd
from workbench.present.diagrams import er_diagram, estate_diagram, service_diagram
from workbench.present.theme import service_colours

LIMITS = {"service of 100 tables": 1.0, "graph of 300 services": 2.0, "estate of 1,000 tables": 5.0}
ROUNDS = 5


def made_up(
    tables: int, services: int, across: float = 0.2, seed: int = 7
) -> tuple[Structure, list[Reference], list[Service]]:
    """Make an estate up: large and small services, tables that many refer to, some keys across services."""
    draw = random.Random(seed)
    owners = [f"s{n}" for n in range(services)]
    share = [(n + 1) ** -0.6 for n in range(services)]
    # every service owns something
    owned = owners + draw.choices(owners, share, k=tables - services)
    names = sorted((owner, f"{owner}_table_{n}") for n, owner in enumerate(owned))
    mine: dict[str, list[int]] = {}
    for number, (owner, _) in enumerate(names):
        mine.setdefault(owner, []).append(number)
    columns, keys, references = [], [], []

    def end(number: int, column: str) -> ReferenceEnd:
        owner, table = names[number]
        return ReferenceEnd(owner, "main", "estate", owner, table, (column,), None, "table")

    for number, (owner, table) in enumerate(names):
        columns.append((number, 1, "id", True, True))
        keys.append((number, f"{table}_pkey", ("id",), True))
        targets: dict[int, None] = {}
        for _ in range(draw.choice((0, 1, 1, 2, 2, 3))):
            far = draw.random() < across
            near = min(int(draw.expovariate(0.4)), len(mine[owner]) - 1)
            targets[draw.randrange(tables) if far else mine[owner][near]] = None
        for at, target in enumerate(targets):
            column = f"{names[target][1]}_id"
            columns.append((number, at + 2, column, draw.random() < 0.7, False))
            weights = (1, 8, 2) if names[target][0] != owner else (8, 3, 1)
            kind = draw.choices(("foreign_key", "inferred", "join"), weights)[0]
            shape = "self" if target == number else "plain"
            references.append(
                Reference(
                    end(number, column), end(target, "id"), kind, shape, evidence=("made up",)
                )
            )
        columns.append((number, 9, "code", True, False))
        keys.append((number, f"{table}_code_key", ("code",), False))
    structure = Structure(
        pd.DataFrame(
            {
                "instance": "main",
                "database": "estate",
                "schema": [owner for owner, _ in names],
                "table": [table for _, table in names],
                "relkind": "r",
                "service": [owner for owner, _ in names],
                "standing": "owned",
                "oid": range(16384, 16384 + tables),
                "comment": None,
            }
        ),
        pd.DataFrame(
            columns, columns=["table", "attnum", "column", "not_null", "generated"]
        ).assign(type="bigint", type_kind="b", comment=None),
        pd.DataFrame(keys, columns=["table", "name", "columns", "primary"]),
        pd.DataFrame(keys, columns=["table", "name", "columns", "partial"]).assign(partial=False),
    )
    return structure, references, [Service(owner) for owner in owners]


def main() -> None:
    for what, limit in LIMITS.items():
        times = []
        for _ in range(ROUNDS):
            run = [sys.executable, "-m", "benchmarks.diagrams", what]
            said = subprocess.run(run, check=True, capture_output=True, text=True).stdout
            times.append(float(said))
        took = statistics.median(times)
        print(f"  {what}: {took:.2f} s, {took / limit:.2f} of the limit")


def measure(what: str) -> float:
    tables, services = {
        "service of 100 tables": (100, 1),
        "graph of 300 services": (1800, 300),
        "estate of 1,000 tables": (1000, 30),
    }[what]
    structure, references, owners = made_up(tables, services)
    colours = service_colours(owner.name for owner in owners)
    start = time.perf_counter()
    if what.startswith("service"):
        drawn = er_diagram(structure, references, "s0", colours)
    elif what.startswith("graph"):
        drawn = service_diagram(references, owners, colours)
    else:
        drawn = estate_diagram(structure, references, colours)
    drawn.render("svg")
    return time.perf_counter() - start


if __name__ == "__main__":
    print(measure(sys.argv[1]))
