"""Looks at an instance's sessions and locks, many times a second, folded as they come.

A sample is taken before anything else is read of the instance, over the one session there is then:
what it sees is the server without our own reading, and the texts and catalogue that are read next
know every statement and table it saw. A look is one message, and looks of a few seconds share a
transaction. Where the server or this machine is late, the looks in between are left out and the count
says so: nothing is made up for.

Every session counts in every look, so that an idle one tells who runs the statement that it ran last.
Raw rows are never kept, only how often each kind of row was seen.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event

import psycopg
import pyarrow as pa

from workbench.collect.fold import KEPT, Fold
from workbench.collect.guards import GuardLost
from workbench.collect.queries import SAMPLES, load_queries
from workbench.collect.sessions import ATTEMPTS, Session
from workbench.errors import UsageError

LONGEST_S = 300.0
"""How long a sample may go on."""

LOOKS_PER_S = 10.0
"""How often it looks unless told otherwise; 1 to ``MOST_PER_S`` times a second."""

MOST_PER_S = 20.0

_LIMITS = {"statement_timeout": "2s"}

_SPEC = re.compile(r"(\d+(?:\.\d+)?)(s|m)(?:@(\d+(?:\.\d+)?))?")

SESSION_LOOK, LOCK_LOOK = (
    next(q for q in load_queries() if q.name == f"{SAMPLES}/{name}")
    for name in ("session_look", "lock_look")
)

_SAMPLING = pa.schema(
    {
        "since": pa.timestamp("us", tz="UTC"),
        "until": pa.timestamp("us", tz="UTC"),
        "seconds": pa.float64(),
        "looks": pa.int64(),
        "asked_looks": pa.int64(),
        "looks_per_s": pa.float64(),
        "sessions": pa.float64(),
        "server_ms": pa.float64(),
    }
)


@dataclass(frozen=True)
class Sampling:
    """How long to look, in seconds, and how many times a second; UsageError where that is too much.

    >>> Sampling(30).looks_per_s
    10.0
    >>> Sampling(3600)
    Traceback (most recent call last):
    workbench.errors.UsageError: a sample of 3600 s is too long: ask for more than 0 and at most 300 s
    """

    seconds: float
    looks_per_s: float = LOOKS_PER_S
    most_per_s: float = field(default=MOST_PER_S, repr=False)
    """how many looks a second may be asked for: only a server of one's own bears more"""

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= LONGEST_S:
            fault = "too long" if self.seconds > LONGEST_S else "none"
            raise UsageError(
                f"a sample of {self.seconds:g} s is {fault}: ask for more than 0 and at most {LONGEST_S:g} s"
            )
        if not 1 <= self.looks_per_s <= self.most_per_s:
            raise UsageError(
                f"{self.looks_per_s:g} looks a second cannot be asked for: ask for 1 to {self.most_per_s:g}"
            )

    @property
    def looks(self) -> int:
        """How many looks that makes, where none is late."""
        return max(int(self.seconds * self.looks_per_s), 1)


def read_sampling(text: str) -> Sampling:
    """Read what a person writes: a time, and if wanted how many looks a second.

    >>> read_sampling("30s"), read_sampling("2m@5")
    (Sampling(seconds=30.0, looks_per_s=10.0), Sampling(seconds=120.0, looks_per_s=5.0))
    """
    found = _SPEC.fullmatch(text.strip())
    if found is None:
        raise UsageError(
            f"{text!r} is no sample: write its length as 30s or 2m, and looks a second as 30s@5"
        )
    seconds = float(found[1]) * (60 if found[2] == "m" else 1)
    return Sampling(seconds, float(found[3] or LOOKS_PER_S))


@dataclass(frozen=True)
class Sampled:
    """What was seen of one instance: rows as they are stored, and how the looking went.

    ``sessions``: datname, usename, application_name, client_addr, state, wait_event_type, wait_event,
    query_id and unseen as pg_stat_activity has them; looks (in how many looks how many sessions stood
    so, summed); rest (the sum of the rarer rows with this state, wait_event_type and unseen).

    ``transactions``: the first four of these; read_oids, write_oids, row_lock_oids (sorted); transactions
    (how many held these relations in their last look, at the most they held); looks; rest (the sum of
    the rarer ones, without relations).

    ``sampling``, one row: since and until (this machine's clock, UTC), seconds, looks, asked_looks,
    looks_per_s, sessions (on average), server_ms (what all looks took, both ways of the network included).
    """

    sessions: pa.Table
    transactions: pa.Table
    sampling: pa.Table
    failure: psycopg.Error | GuardLost | None = None
    """Why it ended before its time; None where it did not."""

    @property
    def looks(self) -> int:
        """How often the server answered."""
        looks: int = self.sampling["looks"][0].as_py()
        return looks

    @property
    def ms(self) -> float:
        """What all looks took, in milliseconds."""
        ms: float = self.sampling["server_ms"][0].as_py()
        return ms

    def frames(self) -> Iterator[tuple[str, pa.Table, float]]:
        """Yield each frame's name, rows and cost in ms; the cost stands with ``sampling``."""
        yield "sampling", self.sampling, self.ms
        if self.looks:
            yield "session_samples", self.sessions, 0.0
            yield "transaction_samples", self.transactions, 0.0

    def gaps(self) -> Iterator[tuple[str, str, str]]:
        """Yield which frame lacks something that was seen, why, and what would help."""
        for frame, table in (
            ("session_samples", self.sessions),
            ("transaction_samples", self.transactions),
        ):
            if any(table["rest"].to_pylist()):
                yield (
                    frame,
                    f"more than {KEPT} kinds of rows were seen: the most frequent ones are kept, the "
                    "others are summed",
                    "nothing to do: they are the rarest; a shorter sample sees fewer",
                )


def sample(session: Session, sampling: Sampling, stop: Event | None = None) -> Sampled:
    """Look at the instance of ``session`` for as long as ``sampling`` says, or until ``stop`` is set.

    A look that fails is left out; after ``ATTEMPTS`` in a row the sample ends with what it has.
    """
    # An event costs twice as much to wait for, many times a second.
    pause = time.sleep if stop is None else stop.wait
    fold = Fold()
    since, started = datetime.now(UTC), time.monotonic()
    failures: list[psycopg.Error | GuardLost] = []
    number, ms = 0, 0.0
    with session.repeatedly((SESSION_LOOK, LOCK_LOOK), _LIMITS) as look:
        while number < sampling.looks and len(failures) < ATTEMPTS:
            if pause(max(started + number / sampling.looks_per_s - time.monotonic(), 0)):
                break
            begun = time.perf_counter()
            try:
                sessions, locks = look()
            except (psycopg.Error, GuardLost) as error:
                failures.append(error)
            else:
                failures.clear()
                fold.look(sessions, locks)
            ms += (time.perf_counter() - begun) * 1000
            # What came too late is left out: a slow server gets fewer looks, never a queue of them.
            late = int((time.monotonic() - started) * sampling.looks_per_s)
            number = max(number + 1, late)
    seconds = time.monotonic() - started
    asked = max(number, 1) if stop is not None and stop.is_set() else sampling.looks
    row = {
        "since": since,
        "until": datetime.now(UTC),
        "seconds": round(seconds, 3),
        "looks": fold.looks,
        "asked_looks": asked,
        "looks_per_s": float(sampling.looks_per_s),
        "sessions": fold.sessions / fold.looks if fold.looks else None,
        "server_ms": round(ms, 1),
    }
    ended = failures[-1] if failures and (len(failures) == ATTEMPTS or not fold.looks) else None
    return Sampled(
        fold.session_rows(), fold.transaction_rows(), pa.Table.from_pylist([row], _SAMPLING), ended
    )
