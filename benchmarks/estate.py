"""A large estate: 5 servers, 23 databases, 12,000 partitions under 30 roots, 90 nights and their pulses.

Servers, catalogues, statements, collection and review are real. Of the nights one is: the others are
made from it by ``_nights``, so that their dates and their growth are synthetic, and so it is with the
pulses. `python -m benchmarks estate --small` does the same on a small one in a minute.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

from benchmarks._nights import Origin
from benchmarks._servers import SMALL, Extent, estate
from workbench.analyse.capacity import capacity
from workbench.estate import load_estate
from workbench.lab import Server
from workbench.snapshot import History, load_history, window_of
from workbench.snapshot.upkeep import HOURLY_AFTER, WEEKLY_AFTER

BEAT_S = 300
BEATS_A_DAY = 24 * 3600 // BEAT_S
_SAMPLED_S = 0.1
_COMMAND = "import sys; from workbench.cli import main; sys.exit(main())"
_PARTITION = re.compile(r"event\d\d_\d{8}")


def main(small: bool = False) -> None:
    extent = SMALL if small else Extent()
    print(
        f"  {extent.servers} servers, {extent.databases} databases, {extent.partitions:,} partitions "
        f"under {extent.roots} roots; dates and growth of the history are synthetic"
    )
    with tempfile.TemporaryDirectory(prefix="workbench-bench-") as name:
        folder = Path(name)
        started = time.perf_counter()
        with estate(extent, folder) as servers:
            _line("build the servers", time.perf_counter() - started)
            _workbench("check", "--estate", name)  # compiles what is imported
            first = _collections(extent, folder, servers)
            _nights(extent, folder, first)
            _review(folder)
            _pulses(extent, folder, servers)
        without = _reading(folder, "nights alone")
        _pulse_history(extent, folder, without)
        _line("everything", time.perf_counter() - started)


def _line(what: str, seconds: float | None = None, *more: str) -> None:
    figure = "" if seconds is None else f"{seconds:8.2f} s"
    print(f"  {what:36} {figure:10}  {'  '.join(more)}".rstrip(), flush=True)


@dataclass(frozen=True)
class Run:
    """What a command took: seconds, processor seconds of it and its children, their memory at its peak."""

    seconds: float
    cpu: float
    peak_mb: float
    output: str

    @property
    def costs(self) -> tuple[str, str]:
        """Processor and memory, as they are printed."""
        return f"processor {self.cpu:6.2f} s", f"peak {self.peak_mb:5.0f} MB"


def _workbench(*arguments: str) -> Run:
    """Run a command of the workbench as a person does; its output is what it said on the way."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before, started = _children_cpu(), time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", _COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )
    with _peak_of(process.pid) as peak:
        output, _ = process.communicate()
    if process.returncode:
        sys.exit(f"workbench {' '.join(arguments)} failed:\n{output}")
    return Run(time.perf_counter() - started, _children_cpu() - before, max(peak) / 2**20, output)


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def _peak_of(pid: int) -> Iterator[list[int]]:
    """Sample the memory of a process and everything it started; pages that they share count once each."""
    seen, ended = [0], threading.Event()

    def look() -> None:
        while not ended.wait(_SAMPLED_S):
            try:
                process = psutil.Process(pid)
                family = [process, *process.children(recursive=True)]
                seen.append(sum(p.memory_info().rss for p in family))
            except psutil.NoSuchProcess:
                continue

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        ended.set()
        watcher.join()


def _servers_cpu(servers: list[Server]) -> float:
    """Processor seconds of all servers: their processes that live, and those that have ended."""
    total = 0.0
    for server in servers:
        pid = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
        postmaster = psutil.Process(pid)
        times = postmaster.cpu_times()
        total += times.user + times.system + times.children_user + times.children_system
        for child in postmaster.children(recursive=True):
            try:
                total += sum(child.cpu_times()[:2])
            except psutil.NoSuchProcess:
                continue
    return total


def _collections(extent: Extent, folder: Path, servers: list[Server]) -> Origin:
    """Collect for real into a history of its own, and derive from the last reading."""
    real = folder / "real"
    for _ in range(extent.real_nights):
        before = _servers_cpu(servers)
        run = _workbench("collect", "--estate", str(folder), "--history", str(real))
        on_servers = _servers_cpu(servers) - before
        _line("collect", run.seconds, *run.costs, f"servers {on_servers:6.2f} s")
    return Origin(load_history(real, load_estate(folder)).newest, extent)


def _nights(extent: Extent, folder: Path, origin: Origin) -> None:
    started = time.perf_counter()
    for ago in range(extent.nights - 1, 0, -1):
        origin.night(ago).save(folder / "history")
    taken = time.perf_counter() - started
    _line(f"derive {extent.nights - 1} nights", taken, _on_disk(folder / "history"))


def _on_disk(folder: Path) -> str:
    size, files = _used(folder)
    return f"{size / 1e6:.1f} MB on disk in {files:,} files"


def _review(folder: Path) -> None:
    run = _workbench("review", "--estate", str(folder), "--out", str(folder / "reports"))
    _line("review, with its collection", run.seconds, *run.costs)
    for name, seconds in re.findall(r"^(\S+): done \(([\d.]+) s\)$", run.output, re.MULTILINE):
        _line(f"  notebook {name}", float(seconds), f"{float(seconds) / run.seconds:.2f} of it")
    (report,) = (folder / "reports").glob("*/latest")
    for page in sorted(report.glob("*.html")):
        text = page.read_text(encoding="utf-8")
        leaves = len(set(_PARTITION.findall(text)))
        _line(f"  page {page.name}", None, f"{len(text) / 1000:.0f} kB, {leaves} partitions named")


def _pulses(extent: Extent, folder: Path, servers: list[Server]) -> None:
    """Beat on the history as it stands, and say what a beat takes of one processor."""
    for _ in range(extent.beats):
        before = _servers_cpu(servers)
        run = _workbench("collect", "--profile", "pulse", "--estate", str(folder))
        on_servers = _servers_cpu(servers) - before
        _line(
            "pulse",
            run.seconds,
            *run.costs,
            f"servers {on_servers:.2f} s",
            f"of one core: {run.cpu / BEAT_S:.2%} here, {on_servers / BEAT_S:.3%} there",
        )


def _reading(folder: Path, what: str) -> float:
    """Time what every notebook begins with, and return the seconds of it all."""
    whole = 0.0

    def timed(name: str, run: Callable[[], Any]) -> Any:
        nonlocal whole
        started = time.perf_counter()
        result = run()
        whole += time.perf_counter() - started
        _line(f"  {name}", time.perf_counter() - started)
        return result

    _line(f"read the history, {what}")
    history: History = timed("open", lambda: load_history(folder / "history"))
    timed("epochs", lambda: history.cuts)
    window = window_of(history)
    timed("window: tables, statements", lambda: (window.tables, window.statements))
    timed("window: busiest hour", lambda: window.busiest)
    timed("capacity", lambda: capacity(history))
    _line("  together", whole)
    return whole


def _pulse_history(extent: Extent, folder: Path, without: float) -> None:
    """Put days of pulses beside the nights: what they take on disk, and when they are read."""
    history = folder / "history"
    beat = [s for s in load_history(history, load_estate(folder)) if s.manifest.profile == "pulse"]
    origin = Origin(beat[-1], extent)
    count = extent.pulses
    before = _used(history)
    started = time.perf_counter()
    for number in range(1, count + 1):
        origin.pulse(number * timedelta(seconds=BEAT_S)).save(history)
    _line(f"derive {count:,} pulses", time.perf_counter() - started)
    size, files = ((b - a) / count for a, b in zip(before, _used(history), strict=True))
    _line("  a pulse", None, f"{size / 1e3:.1f} kB on disk in {files:.1f} files")
    kept = HOURLY_AFTER.days * BEATS_A_DAY + (WEEKLY_AFTER - HOURLY_AFTER).days * 24
    for name, number in ("all of 90 days", 90 * BEATS_A_DAY), ("90 days, thinned", kept):
        much = f"{size * number / 1e6:,.0f} MB, {files * number:,.0f} files"
        _line(f"  {name}", None, f"{number:,} pulses: {much}")
    taken = _reading(folder, f"with {count:,} pulses")
    a_pulse = (taken - without) / count
    _line("  with 90 days, thinned, about", without + a_pulse * kept)


def _used(folder: Path) -> tuple[int, int]:
    """Bytes on disk and files of a folder."""
    files = [p.stat() for p in folder.rglob("*") if p.is_file()]
    return sum(s.st_blocks * 512 for s in files), len(files)
