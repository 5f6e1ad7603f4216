"""Diagrams: the time from references to a drawn SVG, against limits that a reader waits without noticing.

Prints the time of the key-column diagram of a service with 100 tables (limit 1 s), of the graph of 300 services
(limit 2 s) and of an estate of 1,000 tables (limit 5 s), and each over its limit. Each is the middle of five
processes, with loading what draws and the start of the layout's own process in it.

Then a search on a page with 1,000 tables in Chromium, with their key columns and as an estate (limit 100 ms): from
the letter typed until what it finds is marked, in view and laid out, and until it is painted; the middle and the
longest of the letters of a few names.
"""

import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from workbench.analyse.references.structure import Structure
from workbench.estate.facts import Service
from workbench.model import Reference, ReferenceEnd
from workbench.present.diagrams import er_diagram, estate_diagram, service_diagram
from workbench.present.html import Frame, Section, index_page, write_assets
from workbench.present.theme import service_colours

LIMITS = {"service of 100 tables": 1.0, "graph of 300 services": 2.0, "estate of 1,000 tables": 5.0}
ROUNDS = 5
SEARCH_LIMIT = 100.0  # ms
SEARCHES = ("table_7", "s0.s0_table_12", "s0_table_999", "_id")
# the event on its way down is the start; the page's own listener has run when it comes up again
_CLOCK = """() => {
    window.took = []
    let start
    addEventListener('input', () => { start = performance.now() }, true)
    addEventListener('input', () => {
        document.querySelector('.wb-veil .wb-strong').getBoundingClientRect()
        const laid = performance.now() - start
        const painted = new MessageChannel()
        painted.port1.onmessage = () => took.push([laid, performance.now() - start])
        requestAnimationFrame(() => painted.port2.postMessage(0))
    })
}"""


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
    search_pages()


def search_pages() -> None:
    """Type into the search of pages with 1,000 tables, and print how long the answer takes."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        print("  a search: not measured, no chromium on PATH")
        return
    for what, services in (("1,000 tables with their keys", 1), ("an estate of 1,000 tables", 30)):
        structure, references, owners = made_up(1000, services)
        colours = service_colours(owner.name for owner in owners)
        if services == 1:
            drawn = er_diagram(structure, references, "s0", colours)
        else:
            drawn = estate_diagram(structure, references, colours)
        with tempfile.TemporaryDirectory() as folder:
            write_assets(Path(folder))
            frame = Frame("made up", "", False, "", "", "")
            text = index_page(frame, headline=None, sections=[Section(what, drawn)], runs=[])
            page = Path(folder, "page.html")
            page.write_text(text, encoding="utf-8")
            took = _typed(browser, page)
        for until, times in zip(("laid out", "painted"), zip(*took, strict=True), strict=True):
            middle, longest = statistics.median(times), max(times)
            print(
                f"  a search in {what}, {until}: {middle:.0f} ms, at most {longest:.0f}, "
                f"{middle / SEARCH_LIMIT:.2f} of the limit"
            )


def _typed(browser: str, page: Path) -> list[tuple[float, float]]:
    """Type every search letter by letter; the times in ms of every letter."""
    from playwright.sync_api import sync_playwright

    flags = (
        "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    )
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=flags.split())
        tab = chromium.new_page(viewport={"width": 1440, "height": 900})
        tab.goto(page.as_uri())
        box = tab.locator(".wb-tools input").first
        box.focus()
        tab.evaluate(_CLOCK)
        typed = 0
        for text in SEARCHES:
            for letter in text:
                tab.keyboard.type(letter)
                typed += 1
                tab.wait_for_function("typed => took.length === typed", arg=typed)
            tab.keyboard.press("Escape")
        took: list[tuple[float, float]] = tab.evaluate("took")
        chromium.close()
    return took


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
