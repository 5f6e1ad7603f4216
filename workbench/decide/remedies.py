"""What takes the place of something that breaks: a catalogue of remedies, and which fits by rates and staleness.

The person-days are those of ``workbench.estate.EFFORT``, and of an estate's own ``[estate] effort`` where it has any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.decide.facts import Interval, Remedy
from workbench.estate import EFFORT, Estate

RARE = 100.0
"""Calls a day up to which a call over the network is simplest."""

MANY_READS = 100.0
"""Reads for each write from which a cache pays."""

SMALL_ROWS, STEADY_WRITES = 10_000, 100.0
"""A table with fewer rows is held whole: by hand where fewer rows a day are written, else by replication."""


@dataclass(frozen=True)
class Rates:
    """How the relations of one break are used: reads and writes a day, and their rows; None where not counted."""

    reads: float | None = None
    writes: float | None = None
    rows: float | None = None


@dataclass(frozen=True)
class Remedies:
    """Chooses remedies. ``effort`` overrides ``EFFORT`` by name; ``staleness`` says by service how many seconds old
    its copies of others' data may be (absent: nobody said)."""

    effort: Mapping[str, tuple[float, float]]
    staleness: Mapping[str, float]

    @classmethod
    def of(cls, estate: Estate) -> Remedies:
        """Return the remedies as an estate wants them."""
        said = {s.name: s.staleness_s for s in estate.services if s.staleness_s is not None}
        return cls(estate.effort, said)

    def days(self, name: str) -> Interval:
        """Return the person-days of a remedy."""
        return Interval(*(self.effort.get(name) or EFFORT[name]))

    def named(self, name: str, because: str) -> Remedy:
        """Return a remedy of the catalogue by name, with the reason it was chosen for."""
        return Remedy(name, because, self.days(name))

    def of_read(self, reader: str | None, owners: Sequence[str], rates: Rates) -> Remedy:
        """Choose for a statement or view that reads others' data.

        >>> chosen = Remedies({}, {"search": 60}).of_read("search", ["product"], Rates(50_000, 200, 1_000_000))
        >>> chosen.name, chosen.because
        ('cached copy', '250 reads for each write, and search may read data 60 s old')

        By default nobody has said how old the data may be; ``0`` seconds leave no copy to choose.

        >>> said, unsaid = Remedies({}, {"search": 0}), Remedies({}, {})
        >>> said.of_read("search", ["product"], Rates(50_000, 200, 1_000_000)).name
        'API call'
        >>> [unsaid.of_read("search", owners, Rates(99, 5_000, 1_000_000)).name for owners in (["a"], ["a", "b"])]
        ['API call', 'federated API']
        >>> [unsaid.of_read("search", ["a"], Rates(50_000, *used)).name for used in ((9, 500), (5_000, 500), (5_000, 10**6))]
        ['local reference table', 'replicated table', 'event-fed copy']
        """
        allowed = self.staleness.get(reader) if reader else None
        fresh = allowed is not None and allowed <= 0
        reads, writes, rows = rates.reads, rates.writes, rates.rows
        if fresh:
            name = "federated API" if len(owners) > 1 else "API call"
            return self.named(name, f"{reader} may read nothing old")
        if reads is not None and reads <= RARE:
            name = "federated API" if len(owners) > 1 else "API call"
            return self.named(name, f"{reads:,.0f} reads a day: a call each is simplest")
        if rows is not None and writes is not None and rows < SMALL_ROWS and writes < STEADY_WRITES:
            said = (
                f"{rows:,.0f} rows, written {writes:,.0f} times a day: small enough to hold whole"
            )
            return self.named("local reference table", said)
        told = (
            f"{reader} may read data {allowed:g} s old"
            if allowed is not None
            else "if data some seconds old will do: nobody has said"
        )
        if reads is not None and writes is not None and reads >= MANY_READS * max(writes, 1.0):
            each = reads / max(writes, 1.0)
            return self.named("cached copy", f"{each:,.0f} reads for each write, and {told}")
        if rows is not None and writes is not None and rows < SMALL_ROWS:
            said = f"{rows:,.0f} rows, written {writes:,.0f} times a day, and {told}"
            return self.named("replicated table", said)
        much = "its reads are not counted" if reads is None else f"{reads:,.0f} reads a day"
        return self.named("event-fed copy", f"{much}, and {told}")

    def of_write(self, services: Sequence[str]) -> Remedy:
        """Choose for a statement that writes another service's data, or a transaction that writes several's.

        >>> [Remedies({}, {}).of_write(services).name for services in (["a", "b"], ["a", "b", "c"])]
        ['outbox', 'saga']
        """
        if len(services) > 2:
            said = f"{len(services)} services write in it: each step needs one that undoes it"
            return self.named("saga", said)
        return self.named(
            "outbox", "the change is written beside its own data, and told as an event"
        )


def count_of(remedies: Sequence[tuple[Remedy, str]]) -> Interval:
    """Add up the person-days of remedies, each with what it serves: one that serves several breaks counts once.

    >>> one = Remedy("API call", "", Interval(2, 5))
    >>> count_of([(one, "search>product"), (one, "search>product"), (one, "order>product")])
    Interval(low=4, high=10)
    """
    distinct = {(remedy.name, serves): remedy.days for remedy, serves in remedies}
    return Interval(sum(d.low for d in distinct.values()), sum(d.high for d in distinct.values()))
