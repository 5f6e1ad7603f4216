"""Fit what each piece of evidence weighs: `python -m benchmarks._fitting FOLDER [--write]`.

A conditional logit: each column means one of its candidates, or nothing. Fitted on the sets of FOLDER and
on the same sets in other styles; signs as SIGNS demand; drawn towards PRIOR. Prints the accuracy on each
set with weights that were fitted without it and its other styles, and with ``--write`` writes weights.py:
weights of all sets, and confidences as measured on the sets left out.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks._styles import STYLES, restyled
from benchmarks._truth import Edge, Truth, read_sets, truth_folder
from workbench.analyse.references import inference
from workbench.analyse.references.inference.candidates import pairs
from workbench.analyse.references.inference.choice import weigh
from workbench.analyse.references.inference.estate import read_estate
from workbench.analyse.references.inference.evidence import (
    Columns,
    Floats,
    features,
    habits_of,
    opinion,
    read_columns,
)
from workbench.analyse.references.structure import Structure

POSITIVE = frozenset(
    """
    key_named exact_type context many_words longest key_primary key_own tail_agrees indexed role_people
    role_one_word name_agrees end_agrees hub hub_role index_habit style role_agrees self_full self_named
    own_name_full same_service extends sole_stemless alone kind_full kind_context kind_pair kind_extends
    key_own_named sole_holder extends_other self_plain sole_holder_many
    """.split()  # noqa: SIM905
)
NEGATIVE = frozenset(
    """
    own_name left left_weak extra fleeting key_refers key_stray unique sole generated chained name_other
    name_nothing end_nothing index_missed exact_habit bare_text code_text bare_left bare_other role_rival
    same_table self_left key_leads kind_prefix kind_acronym kind_short plural sole_own
    """.split()  # noqa: SIM905
)
"""What can only speak for, and against; the rest may do either."""

PRIOR = {
    "chained": -2.0, "context": 1.0, "extends_other": 1.0, "hub": 0.3, "key_named": 0.5,
    "key_own_named": 1.0, "key_refers": -2.0, "kind_extends": 2.0, "kind_pair": 2.0, "longest": 0.3,
    "name_agrees": 0.5, "plural": -2.0, "self_full": 1.0, "self_plain": 2.0, "sole_holder": 1.5,
    "sole_holder_many": 0.5, "sole_own": -1.0, "style": 0.3,
}  # fmt: skip
"""Where a weight stands while nothing is known of it."""

FIXED = {
    "array": 0.0, "foreign": -2.5, "kind_alias": 3.0, "kind_told": -1.0, "role_by": 1.0, "sibling": -3.0,
    "told": 3.0,
}  # fmt: skip
"""Set by hand: the sets hold too little to measure them (an array can have no foreign key at all)."""

ALPHA = 0.7  # a set counts as its size to the power of 1 - ALPHA
STYLE_SHARE = 0.25  # of another style, beside a set as it is
THRESHOLD = 0.5
EDGES = (0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1.001)

Evidence = Mapping[str, Floats]


@dataclass(frozen=True)
class Case:
    """One set in one style, read: its evidence, which pairs are true, and how much each column counts."""

    truth: Truth
    evidence: Evidence
    columns: Columns
    true: Floats
    refers: Floats  # by column: it has a foreign key
    counts: Floats
    habits: object  # from belief to the second evidence


def read_case(
    truth: Truth, structure: Structure, references: frozenset[Edge], share: float
) -> Case:
    estate = read_estate(structure)
    found = pairs(estate, {}, {}, frozenset())
    columns = read_columns(estate, found)
    meant = [
        (estate.table_of[c], estate.column_names[c], estate.keys[k].table, estate.keys[k].name)
        in references
        for c, k in zip(found.column.tolist(), found.key.tolist(), strict=True)
    ]
    sources = {edge[:2] for edge in references}
    places = [(estate.table_of[c], estate.column_names[c]) for c in columns.row.tolist()]
    refers = np.array([place in sources for place in places])
    parts = np.array([place in truth.composite_columns for place in places]) & ~refers
    used = ~parts & ~estate.arrays[columns.row]
    if truth.partial:
        used &= refers
    return Case(
        truth,
        features(estate, found, columns),
        columns,
        np.array(meant, dtype=float),
        refers,
        used / used.sum() ** ALPHA * share,
        lambda belief: habits_of(estate, found, columns, belief),
    )


def fit(cases: Sequence[Case]) -> dict[str, float]:
    """Return the weights under which what is true of ``cases`` is likeliest (Newton's method)."""
    names = sorted(cases[0].evidence)
    x = np.concatenate([np.stack([c.evidence[n] for n in names], 1) for c in cases])
    rows = np.cumsum([0] + [len(c.columns.row) for c in cases])
    sizes = np.cumsum([0] + [len(c.true) for c in cases])
    of = np.concatenate([c.columns.of_pair + n for c, n in zip(cases, rows, strict=False)])
    starts = np.concatenate([c.columns.starts + n for c, n in zip(cases, sizes, strict=False)])
    true = np.concatenate([c.true for c in cases])
    true = true / np.maximum(np.add.reduceat(true, starts)[of], 1)
    counts = np.concatenate([c.counts for c in cases])
    counts = counts * (0.25 * len(counts) / counts.sum())
    middle = np.array([FIXED.get(n, PRIOR.get(n, 0.0)) for n in names])
    held = np.array([n in FIXED for n in names])
    up = np.array([n in POSITIVE for n in names]) & ~held
    down = np.array([n in NEGATIVE for n in names]) & ~held

    def look(w: Floats) -> tuple[Floats, float]:
        scores = x @ w
        top = np.maximum(np.maximum.reduceat(scores, starts), 0)
        raised = np.exp(scores - top[of])
        whole = np.add.reduceat(raised, starts) + np.exp(-top)
        likely = np.add.reduceat(true * scores, starts) - top - np.log(whole)
        return raised / whole[of], -(counts * likely).sum() + ((w - middle) ** 2).sum() / 2

    w = middle.copy()
    belief, cost = look(w)
    for _ in range(30):
        slope = x.T @ (counts[of] * (belief - true)) + w - middle
        mean = np.add.reduceat(x * belief[:, None], starts)
        bend = (x * (counts[of] * belief)[:, None]).T @ x - (mean * counts[:, None]).T @ mean
        bend += np.eye(len(w))
        free = ~held & ~((w <= 0) & up & (slope > 0)) & ~((w >= 0) & down & (slope < 0))
        step = np.zeros(len(w))
        step[free] = np.linalg.solve(bend[np.ix_(free, free)], slope[free])
        size = 1.0
        while True:
            there = w - size * step
            there = np.where(up, np.maximum(there, 0), np.where(down, np.minimum(there, 0), there))
            belief, new = look(there)
            if new <= cost + 1e-9 or size < 1e-4:
                break
            size /= 2
        settled = abs(cost - new) < 1e-6 * max(1.0, abs(cost))
        w, cost = there, new
        if settled:
            break
    return {n: round(float(v), 2) for n, v in zip(names, w, strict=True)}


def in_context(case: Case, weights: Mapping[str, float]) -> Case:
    """Return the case with what a first opinion of it says of its habits."""
    belief = opinion(weigh(case.evidence, weights), case.columns)
    return replace(case, evidence={**case.evidence, **case.habits(belief)})  # type: ignore[operator]


def both(cases: Sequence[Case]) -> tuple[dict[str, float], dict[str, float]]:
    """Return the weights of a column by itself, and with the rest of its estate."""
    alone = fit(cases)
    return alone, fit([in_context(c, alone) for c in cases])


def best_of(
    case: Case, weights: tuple[dict[str, float], dict[str, float]]
) -> tuple[Floats, Floats]:
    """Return, by column, the belief in its best candidate and whether that is true."""
    there = in_context(case, weights[0])
    belief = opinion(weigh(there.evidence, weights[1]), case.columns)
    top = np.maximum.reduceat(belief, case.columns.starts)
    best = belief == top[case.columns.of_pair]
    return top, np.maximum.reduceat(case.true * best, case.columns.starts)


def shares(tops: Sequence[Floats], rights: Sequence[Floats]) -> list[tuple[float, float]]:
    """Return (belief, share that was right), rising, over sets that count about once each."""
    top, right = np.concatenate(tops), np.concatenate(rights)
    counts = np.concatenate(
        [np.full(len(t), 1 / max(1, (t > EDGES[0]).sum()) ** 0.5) for t in tops]
    )
    blocks: list[tuple[float, float, list[float]]] = []
    for low, high in pairwise(EDGES):
        inside = (top >= low) & (top < high)
        if not inside.any():
            continue
        size = float(counts[inside].sum())
        block = (
            float(counts[inside] @ right[inside]),
            size,
            [float(np.average(top[inside], weights=counts[inside]))],
        )
        while blocks and blocks[-1][0] / blocks[-1][1] > block[0] / block[1]:
            before = blocks.pop()
            block = (before[0] + block[0], before[1] + block[1], before[2] + block[2])
        blocks.append(block)
    return [(0.0, 0.0)] + [(round(t, 3), round(r / n, 3)) for r, n, held in blocks for t in held]


def main(folder: Path, write: bool) -> None:
    sets = read_sets(folder)
    plain = [read_case(t, t.structure(), t.references, 1.0) for t in sets]
    styled = [read_case(t, *restyled(t, style), STYLE_SHARE) for t in sets for style in STYLES]
    tops, rights, figures = [], [], []
    for case in plain:
        others = [c for c in (*plain, *styled) if c.truth != case.truth]
        top, right = best_of(case, both(others))
        accepted = top >= THRESHOLD
        good = right[accepted].sum()
        wrong = (accepted & case.refers & (right == 0)).sum()
        extra = (accepted & ~case.refers).sum()
        rate = float("nan") if case.truth.partial else extra / accepted.sum()
        figures.append((good / len(case.truth.references), good / max(1, good + wrong), rate))
        print(
            f"  {case.truth.name:16} recall {figures[-1][0]:.3f}  precision {figures[-1][1]:.3f}  extra {rate:.3f}"
        )
        if not case.truth.partial:
            tops.append(top)
            rights.append(right)
    recall, precision = (statistics.fmean(f[n] for f in figures) for n in (0, 1))
    extra = statistics.fmean(f[2] for f in figures if f[2] == f[2])
    print(f"  each set left out: recall {recall:.3f}  precision {precision:.3f}  extra {extra:.3f}")
    if write:
        path = Path(inference.__file__).with_name("weights.py")
        path.write_text(_text(*both([*plain, *styled]), shares(tops, rights)), "utf-8")


def _text(alone: Mapping[str, float], context: Mapping[str, float], right: object) -> str:
    def listed(weights: Mapping[str, float]) -> str:
        return "{\n" + "".join(f'    "{n}": {w},\n' for n, w in weights.items() if w) + "}"

    return f'''"""What each piece of evidence weighs, in log-odds, and how often a belief was right: fitted, not written by hand.

Written by `python -m benchmarks._fitting FOLDER --write`: which says how, and which weights are set by hand.
A feature that is not named here weighs nothing.
"""

ALONE = {listed(alone)}
"""Of a column by itself."""

IN_CONTEXT = {listed(context)}
"""Of a column with what the rest of its estate does."""

CONFIDENCE = {tuple(right)!r}
"""(belief, share that was right) in schemas that the weights were not fitted on, rising; between them a line."""
'''


if __name__ == "__main__":
    given = [a for a in sys.argv[1:] if a != "--write"]
    main(Path(given[0]) if given else truth_folder(), "--write" in sys.argv[1:])
