"""Every limit that a reference estate wrote: what the workbench measured, and the same by plain SQL beside it.

The recorded frames are read from their files and copied into a PostgreSQL server; the SQL that computes each figure
there knows nothing of the workbench, nor do the limits, which are read from the text of `estate.toml`.
"""

import json
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pyarrow.parquet as pq

from benchmarks._recomputed import FIGURES, FRAMES, SETUP
from workbench.decide.evidence import Evidence
from workbench.decide.facts import Status
from workbench.decide.thresholds import statuses
from workbench.estate import load_estate
from workbench.lab import private_server
from workbench.share import reference_estate
from workbench.snapshot import load_history

ESTATES = ("hauspet", "hauspet-small", "shop", "marketplace", "edtech")
CLOSE = 1e-6  # floats are added up in another order


@dataclass(frozen=True)
class Written:
    """A limit on one thing, as the estate's file has it; ``limit`` is in the metric's own unit."""

    metric: str
    service: str
    kind: str
    limit: float
    unit: str
    numbers: dict[str, float]


@dataclass(frozen=True)
class Line:
    """A limit, what the workbench says of it, and the ends of the figure by SQL; None where SQL has none."""

    estate: str
    written: Written
    status: Status
    low: float | None
    high: float | None

    @property
    def agrees(self) -> bool:
        """Whether both give the same figure, the same limit, and fall on the same side of it."""
        told = self.status
        if told.value is None or self.low is None or self.high is None:
            return told.value is None and self.low is None and told.state == "unknown"
        # where the workbench cannot tell whose a statement is, the figure lies between its ends
        near = CLOSE * max(abs(self.low), abs(self.high))
        same = abs(told.value.low - self.low) <= near and abs(told.value.high - self.high) <= near
        limit = abs(told.limit - self.written.limit) <= CLOSE * abs(told.limit)
        return same and limit and told.state in self.states

    @property
    def states(self) -> tuple[str, ...]:
        """The states that SQL allows: a limit that is not reached may be about to be."""
        low, high = self.low, self.high
        assert low is not None
        assert high is not None
        if self.written.kind == "low":
            low, high = -high, -low
        limit = -self.written.limit if self.written.kind == "low" else self.written.limit
        if low > limit:
            return ("crossed",)
        return ("clear", "crossing") if high <= limit else ("unknown",)


def written_in(text: str) -> Iterator[Written]:
    """Read the limits of an estate file, one for each service where none is named."""
    data = tomllib.loads(text)
    here = [name for name, s in data.get("services", {}).items() if not s.get("external")]
    for threshold in data.get("thresholds", ()):
        metric = threshold["metric"]
        for service in [threshold["service"]] if "service" in threshold else here:
            for kind in ("soft", "hard", "low"):
                if kind in threshold:
                    numbers = FIGURES[metric].numbers | threshold.get("parameters", {})
                    yield Written(
                        metric, service, kind, float(threshold[kind]), threshold["unit"], numbers
                    )


def load(session: psycopg.Connection, folder: Path) -> None:
    """Copy the frames of a recorded history into temporary tables, and what the estate file says of owners."""
    for frame, columns in FRAMES.items():
        names = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        session.execute(
            f"CREATE TEMP TABLE {frame} (at timestamptz, taken timestamptz, instance text, database text, {names})"
        )
    for path in sorted((folder / "history" / "snapshots").glob("*.json")):
        manifest = json.loads(path.read_text())
        for part in manifest["parts"]:
            columns = list(FRAMES.get(part["frame"], ()))
            if not columns or part.get("endpoint"):
                continue
            content = folder / "history" / "objects" / f"{part['content']}.parquet"
            held = pq.read_table(content, columns=columns)
            held = held.slice(part.get("offset") or 0, part["rows"])
            place = manifest["at"], manifest["taken_at"], part["instance"], part["database"]
            with session.cursor().copy(f"COPY {part['frame']} FROM STDIN") as copy:
                for row in zip(*(held[name].to_pylist() for name in columns), strict=True):
                    copy.write_row((*place, *row))
    data = tomllib.loads((folder / "estate.toml").read_text())
    session.execute(
        "CREATE TEMP TABLE owned (service text, database text, schema text);"
        "CREATE TEMP TABLE actors (service text, login text)"
    )
    (alone,) = data["instances"].values()  # which all have that write limits
    for name, service in data["services"].items():
        if service.get("external"):
            continue
        database = service.get("database") or alone["database"]
        for schema in service.get("schemas", ["public"]):
            session.execute("INSERT INTO owned VALUES (%s, %s, %s)", (name, database, schema))
    for actor in data.get("actors", ()):
        if "login" in actor:
            said = actor["service"], actor["login"]
            session.execute("INSERT INTO actors VALUES (%s, %s)", said)
    session.execute(SETUP)


def recompute(
    session: psycopg.Connection, written: Written, vcpus: float
) -> tuple[float | None, ...]:
    """Return the ends of a figure by SQL, in the unit of its limit."""
    figure = FIGURES[written.metric]
    asked = {"service": written.service, "vcpus": vcpus, **written.numbers}
    row = session.execute(figure.sql, asked).fetchone()
    assert row is not None
    size = figure.units.get(written.unit, 1.0)
    ends = [None if value is None else float(value) / size for value in row]
    return ends[0], ends[-1]


def lines(name: str, url: str, told: Iterable[Status] | None = None) -> list[Line]:
    """Hold every limit that an estate wrote beside what SQL says, on the server of ``url``.

    ``told`` are the statuses, where they are known already.
    """
    folder = reference_estate(name)
    text = (folder / "estate.toml").read_text()
    limits = list(written_in(text))
    if not limits:
        return []
    if told is None:
        told = statuses(Evidence(load_history(folder / "history", load_estate(folder))))
    held = {(s.metric, s.service, s.kind): s for s in told if s.declared}
    vcpus = next(iter(tomllib.loads(text)["instances"].values()))["capacity"]["vcpus"]
    with psycopg.connect(url, autocommit=True) as session:
        load(session, folder)
        return [
            Line(name, w, held[w.metric, w.service, w.kind], *recompute(session, w, vcpus))
            for w in limits
        ]


def table(found: list[Line]) -> str:
    """Write the lines as a table."""
    head = ("estate", "service", "metric", "limit", "workbench", "by SQL", "status", "agree")
    rows = [head]
    for line in found:
        told, w = line.status, line.written
        rows.append(
            (
                line.estate,
                w.service,
                w.metric,
                f"{w.kind} {w.limit:,.6g} {w.unit}",
                _shown(*(told.value or (None, None))),
                _shown(line.low, line.high),
                told.state + (f" since {told.since}" if told.since else ""),
                "yes" if line.agrees else "NO",
            )
        )
    widths = [max(len(row[n]) for row in rows) for n in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _shown(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "unknown"
    ends = [f"{end:,.9g}" for end in (low, high)]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def main() -> None:
    """Print the table; end with 1 where a line does not agree."""
    with private_server() as server:
        found = [line for name in ESTATES for line in lines(name, server.url())]
    print(table(found))
    silent = sorted(set(ESTATES) - {line.estate for line in found})
    if silent:
        print(f"no limit is written by: {', '.join(silent)}")
    if not all(line.agrees for line in found):
        raise SystemExit(1)
