"""What could not be measured, told once where many places lack the same for the same reason."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from workbench.model import Missing

_COUNTED = re.compile(r"\d[\d,]* of \d[\d,]* ")


class Unmeasured(NamedTuple):
    """One thing that is missing in several places; ``why`` says no counts where they differ."""

    what: str
    places: tuple[str, ...]
    why: str
    remedy: str


def gathered(missing: Iterable[Missing]) -> list[Unmeasured]:
    """Bring together what differs in its place alone, or in how many rows, in order of what is missing.

    >>> gap = Missing("columns", "a", "x", "the server withholds 2 of 2 rows", "GRANT ...")
    >>> gathered([gap, Missing("columns", "a", "y", "the server withholds 5 of 9 rows", "GRANT ...")])
    [Unmeasured(what='columns', places=('a/x', 'a/y'), why='the server withholds rows', remedy='GRANT ...')]
    """
    groups: dict[tuple[str, str, str], list[Missing]] = {}
    for gap in sorted(missing, key=lambda m: (m.what, *m.sort_key)):
        groups.setdefault((gap.what, _COUNTED.sub("", gap.why), gap.remedy), []).append(gap)
    return [
        Unmeasured(
            what,
            tuple(m.place for m in group),
            group[0].why if len({m.why for m in group}) == 1 else why,
            remedy,
        )
        for (what, why, remedy), group in groups.items()
    ]
