"""From opinions to references: what the estate does elsewhere, one target a column, or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from workbench.analyse.references.inference.candidates import Pairs, pairs
from workbench.analyse.references.inference.estate import Estate, Ints
from workbench.analyse.references.inference.evidence import (
    Columns,
    Floats,
    features,
    habits_of,
    opinion,
    read_columns,
)
from workbench.analyse.references.inference.weights import ALONE, CONFIDENCE, IN_CONTEXT


@dataclass(frozen=True)
class Opinions:
    """Every candidate of every column with the belief in it; ``evidence`` is what was weighed."""

    pairs: Pairs
    columns: Columns
    belief: Floats
    evidence: Mapping[str, Floats]

    @cached_property
    def whole(self) -> list[float]:
        """By column: the belief that it refers at all."""
        return [float(b) for b in np.add.reduceat(self.belief, self.columns.starts)]

    @cached_property
    def agreeing(self) -> list[tuple[int, int]]:
        """By column: how many others of its name mean what it means, and how many others there are."""
        name = self.columns.same_name
        first = self._order[self.columns.starts]
        means = np.where(self.belief[first] >= 0.5, self.pairs.key[first], -1)
        _, at, times = np.unique(
            np.stack((name, means)), axis=1, return_inverse=True, return_counts=True
        )
        count = np.bincount(name)[name] - 1
        agree = np.where(means >= 0, times[at.reshape(-1)] - 1, 0)
        return list(zip(agree.tolist(), count.tolist(), strict=True))

    def of_column(self, position: int) -> list[int]:
        """Return a column's candidates, likeliest first."""
        bounds = self._bounds
        return self._ranked[bounds[position] : bounds[position + 1]]

    @cached_property
    def _order(self) -> Ints:
        return np.lexsort((-self.belief, self.columns.of_pair))

    @cached_property
    def _ranked(self) -> list[int]:
        return [int(n) for n in self._order]

    @cached_property
    def _bounds(self) -> list[int]:
        return [*self.columns.starts.tolist(), len(self.belief)]


def weigh(evidence: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    """Return the sum of the evidence, each in its weight: log-odds against meaning nothing."""
    first = next(iter(evidence.values()))
    total = np.zeros(len(first), dtype=np.float64)
    for name, values in evidence.items():
        weight = weights.get(name, 0.0)
        if weight:
            total += weight * values
    return total


def opinions(
    estate: Estate,
    aliases: Mapping[tuple[int | None, str], Sequence[int]],
    told: Mapping[int, frozenset[int]],
    rejected: frozenset[tuple[int, int | None]],
    certain: Mapping[int, int | None],
) -> Opinions | None:
    """Return what every column could refer to, with the belief in it; None where no column could.

    First each column by itself, then again with what that says of the rest of the estate. ``certain`` maps
    the rows of columns that are known to refer to the number of the key, None where that is no key here:
    they are taken as they are, and taught from.
    """
    found = pairs(estate, aliases, told, rejected)
    if not len(found.column):
        return None
    columns = read_columns(estate, found)
    alone = features(estate, found, columns)
    belief = _sure(opinion(weigh(alone, ALONE), columns), found, certain)
    evidence = alone | habits_of(estate, found, columns, belief)
    belief = _sure(opinion(weigh(evidence, IN_CONTEXT), columns), found, certain)
    return Opinions(found, columns, belief, evidence)


def _sure(belief: Floats, found: Pairs, certain: Mapping[int, int | None]) -> Floats:
    if certain:
        known = np.isin(found.column, np.fromiter(certain, dtype=np.int64))
        for n in np.flatnonzero(known).tolist():
            belief[n] = float(certain[int(found.column[n])] == int(found.key[n]))
    return belief


def confidence(belief: float) -> float:
    """Return how often references with such a belief were right, in sets that were not learned from.

    >>> confidence(0.0), 0.85 < confidence(0.95) < 1
    (0.0, True)
    """
    for (low, share), (high, more) in pairwise(CONFIDENCE):
        if belief <= high:
            return round(share + (more - share) * (belief - low) / (high - low), 2)
    return round(CONFIDENCE[-1][1], 2)
