"""Looks at a private server's sessions while a reference estate lives on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

from workbench.collect.samples import LONGEST_S, Sampled, Sampling, sample
from workbench.collect.sessions import Session
from workbench.conninfo import Target, read_target
from workbench.lab.server import Server

# A day is played in a second or two: what takes a millisecond of it is to be seen as well.
_ALL = Sampling(LONGEST_S, 100.0, most_per_s=100.0)


@contextmanager
def watching(servers: Mapping[str, Server]) -> Iterator[dict[str, Sampled]]:
    """Sample each server, by instance, for the length of the block; the samples are there after it.

    The statements of the looks are not counted in pg_stat_statements, as are none of the player's own.
    """
    found: dict[str, Sampled] = {}
    stop = Event()
    unseen = "-c pg_stat_statements.track=none"
    with ThreadPoolExecutor(max_workers=max(len(servers), 1)) as pool:
        targets = {n: read_target(s.url()).override(options=unseen) for n, s in servers.items()}
        looking = {name: pool.submit(_look, target, stop) for name, target in targets.items()}
        try:
            yield found
        finally:
            stop.set()
        found |= {name: taken.result() for name, taken in looking.items()}


def _look(target: Target, stop: Event) -> Sampled:
    with Session(target) as session:
        return sample(session, _ALL, stop)
