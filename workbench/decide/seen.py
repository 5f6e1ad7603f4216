"""What is new: never seen in the whole history up to a baseline, and not in the baseline itself.

A moment is fixed, the newest baseline (else the first reading), and everything up to it counts as seen. What comes
after it stays new until a person accepts it, by a later baseline or an exemption, or it is gone: a reading
that has seen it once does not make it old.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Keyed:
    """A thing with a key: a crossing, a crossed limit, a finding, a reference.

    ``what`` says it in a line, ``service`` whose doing it is (None: unknown). ``leaves`` are the names that it is
    remembered by; ``asks`` are groups of such names: it is known where of every group one is remembered. Without
    them both are the key alone. ``scopes`` are what all has to have been read for it to be seen. ``since`` is the
    day from which it is known to be there, where something tells it. ``last_seen`` is when it happened last,
    ``quiet`` that it has not happened since the reading before.
    """

    key: str
    kind: str
    what: str
    service: str | None = None
    leaves: tuple[str, ...] = ()
    asks: tuple[tuple[str, ...], ...] = ()
    scopes: tuple[str, ...] = ()
    since: date | None = None
    last_seen: datetime | None = None
    quiet: bool = False
    example: str | None = None
    """its SQL, of the statements one"""

    @property
    def remembered_by(self) -> tuple[str, ...]:
        """The names that it leaves."""
        return self.leaves or (self.key,)

    @property
    def known_by(self) -> tuple[tuple[str, ...], ...]:
        """The groups of names of each of which one must be remembered."""
        return self.asks or ((self.key,),)


@dataclass(frozen=True)
class Seen:
    """What a reading or a baseline remembers: names, and the scopes that were read."""

    names: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()

    @staticmethod
    def of(things: Iterable[Keyed], scopes: Iterable[str] = ()) -> Seen:
        """Remember things.

        >>> sorted(Seen.of([Keyed("grant:a", "grant", "a reads b")]).names)
        ['grant:a']
        """
        names = frozenset(name for thing in things for name in thing.remembered_by)
        return Seen(names, frozenset(scopes))

    def __or__(self, other: Seen) -> Seen:
        return Seen(self.names | other.names, self.scopes | other.scopes)

    def to_json(self) -> dict[str, list[str]]:
        """Return it as a small file holds it: sorted."""
        return {"names": sorted(self.names), "scopes": sorted(self.scopes)}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Seen:
        """Read what ``to_json`` gave; nothing where a file of an older version holds none.

        >>> Seen.from_json(Seen(frozenset({"a"})).to_json()).names
        frozenset({'a'})
        """
        return Seen(frozenset(data.get("names", ())), frozenset(data.get("scopes", ())))


class Sorted(NamedTuple):
    """Things by what the past says of them: never seen, or of which nobody looked before."""

    new: tuple[Keyed, ...]
    unjudged: tuple[Keyed, ...]


def never_seen(things: Iterable[Keyed], past: Iterable[Seen]) -> Sorted:
    """Return the things that nothing of the past remembers.

    ``past`` is asked one by one, and no further than there is something left to look for: give what is
    cheap, and what remembers most, first.

    >>> now = [Keyed("a", "grant", "a"), Keyed("b", "grant", "b"), Keyed("c", "grant", "c", scopes=("wal main",))]
    >>> found = never_seen(now, [Seen(frozenset({"a"}))])
    >>> [t.key for t in found.new], [t.key for t in found.unjudged]
    (['b'], ['c'])
    """
    left = [(thing, list(thing.known_by)) for thing in things]
    scopes: set[str] = set()
    memories = iter(past)
    while left and (seen := next(memories, None)) is not None:
        scopes |= seen.scopes
        left = [
            (thing, open_)
            for thing, asked in left
            if (open_ := [group for group in asked if seen.names.isdisjoint(group)])
        ]
    looked = [scopes.issuperset(t.scopes) for t, _ in left]
    return Sorted(
        tuple(t for (t, _), known in zip(left, looked, strict=True) if known),
        tuple(t for (t, _), known in zip(left, looked, strict=True) if not known),
    )
