"""What a team accepted on purpose, until a day: exemptions held against what is there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches

from workbench.decide.seen import Keyed
from workbench.estate import Exemption
from workbench.estate.names import toml_string

USUAL_DAYS = 90
"""How long an exemption is proposed to last."""


@dataclass(frozen=True)
class Unused:
    """An exemption of which nothing is there any more, and the nearest key of what is."""

    exemption: Exemption
    nearest: str | None

    def __str__(self) -> str:
        near = f"; the nearest key there is {self.nearest}" if self.nearest else ""
        return (
            f"the exemption of {self.exemption.key} ({self.exemption.owner}) matches nothing{near}: remove it,"
            " or correct its key"
        )


@dataclass(frozen=True)
class Exempted:
    """Exemptions held against things at a date: those in force, those that have expired, and the unused."""

    in_force: tuple[tuple[Keyed, Exemption], ...]
    expired: tuple[tuple[Keyed, Exemption], ...]
    unused: tuple[Unused, ...]


def exempted(
    exemptions: Iterable[Exemption],
    things: Sequence[Keyed],
    today: date,
    kinds: Iterable[str] | None = None,
) -> Exempted:
    """Hold exemptions against what is there. The day on which one expires is its last.

    ``kinds`` are those that ``things`` were looked for of: an exemption of another kind (what its key begins with)
    is neither used nor unused. None: all there are.

    >>> old = Exemption("grant:read:content", "ada", "the archive goes in May", date(2026, 5, 31))
    >>> found = exempted([old], [Keyed("grant:read:content", "grant", "content may read")], date(2026, 6, 1))
    >>> len(found.in_force), len(found.expired), found.unused
    (0, 1, ())
    """
    by_key = {thing.key: thing for thing in things}
    asked = None if kinds is None else frozenset(kinds)
    in_force: list[tuple[Keyed, Exemption]] = []
    expired: list[tuple[Keyed, Exemption]] = []
    unused = []
    for exemption in sorted(exemptions, key=lambda e: e.key):
        thing = by_key.get(exemption.key)
        if thing is not None:
            (in_force if today <= exemption.expires else expired).append((thing, exemption))
        elif asked is None or exemption.key.partition(":")[0] in asked:
            near = get_close_matches(exemption.key, sorted(by_key), n=1, cutoff=0.8)
            unused.append(Unused(exemption, near[0] if near else None))
    return Exempted(tuple(in_force), tuple(expired), tuple(unused))


def exemption_row(key: str, today: date) -> str:
    r"""Write what a person adds to ``exemptions.toml`` to accept a key; owner and reason are theirs to fill in.

    >>> print(exemption_row("grant:read:content\x9b", date(2026, 3, 1)))
    [[exemptions]]
    key = "grant:read:content\u009b"
    owner = ""
    reason = ""
    expires = 2026-05-30
    """
    # a name may hold what a terminal obeys and an editor does not show
    told = re.sub(r"[^ -~]", _shown, toml_string(key))
    until = today + timedelta(days=USUAL_DAYS)
    return f'[[exemptions]]\nkey = {told}\nowner = ""\nreason = ""\nexpires = {until}'


def _shown(found: re.Match[str]) -> str:
    char = found[0]
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
