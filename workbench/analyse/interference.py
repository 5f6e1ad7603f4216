"""Whether a service's heavy reads slow the others: rank correlation off the trend, tested by permutation.

For each window between two readings it is known how much a heavy statement read, and how long the other
services' statements took against their own mean over the whole period. If the one goes with the
other more than chance would have it, that is evidence; it is no proof of cause.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.analyse.daily import owners, rises
from workbench.analyse.statements import Attributed

LEAST_WINDOWS = 14
"""With fewer windows nothing is said."""

HEAVY_SHARE = 0.05
"""A statement that reads this share of its instance's blocks is heavy."""

MOST_HEAVY = 5
PERMUTATIONS = 4000
AT_ONCE = 1_000_000
"""So many numbers are shuffled at once: 8 MB."""

LIKELY = 0.05
LEAST_EFFECT = 1.1
"""Others must take a tenth longer before it is called interference."""

_COLUMNS = [
    *("instance", "entry", "service", "other", "windows", "correlation", "p"),
    *("slower", "evidence", "because"),
]


@dataclass(frozen=True)
class Association:
    """How two series of windows go together, their common trend over time left out.

    ``correlation`` is Spearman's, partial for time; ``p`` the share of random orders in which it is at least
    as large; ``slower`` the second's median where the first is in its upper third, over that in its lower third.
    """

    windows: int
    correlation: float
    p: float
    slower: float


def association(load: np.ndarray, slowness: np.ndarray, seed: int = 0) -> Association | None:
    """Return how ``slowness`` goes with ``load``, window by window; None where either never changes.

    Both are of one length, in order of time. What only rises or falls all along is no change: in an estate
    that grows, everything goes with everything. The same input gives the same answer: orders are drawn
    from ``seed``.

    >>> load = np.arange(20.0) % 5
    >>> found = association(load, 1 + load / 20)
    >>> round(found.correlation, 2), found.p < 0.001, found.slower > 1.1
    (1.0, True, True)
    >>> association(np.arange(20.0), np.arange(20.0)) is None
    True
    """
    one, other = (_off_trend(pd.Series(v).rank().to_numpy()) for v in (load, slowness))
    size = float(np.sqrt((one**2).sum() * (other**2).sum()))
    if size < 1e-9 * len(load):
        return None
    found = float(one @ other) / size
    draws = np.random.default_rng(seed)
    at_once = max(AT_ONCE // len(load), 1)
    as_large = 0
    for done in range(0, PERMUTATIONS, at_once):
        many = min(at_once, PERMUTATIONS - done)
        orders = draws.permuted(np.tile(other, (many, 1)), axis=1)
        as_large += int((orders @ one / size >= found - 1e-12).sum())
    # how slow it was against how slow it had by then become
    usual = slowness - _off_trend(slowness)
    relative = slowness / np.where(usual > 0, usual, slowness.mean())
    low, high = np.quantile(one, [1 / 3, 2 / 3])
    quiet, busy = relative[one <= low], relative[one >= high]
    p = (1 + as_large) / (1 + PERMUTATIONS)
    return Association(len(load), found, p, float(np.median(busy) / np.median(quiet)))


def _off_trend(values: np.ndarray) -> np.ndarray:
    """What is left of a series when its straight line over time is taken off."""
    time = np.arange(len(values)) - (len(values) - 1) / 2
    centred = values - values.mean()
    slope = float(time @ centred) / float(time @ time) if len(values) > 1 else 0.0
    left: np.ndarray = centred - slope * time
    return left


def interference(attributed: Attributed, moved: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return, for every heavy statement and every other service, whether they get in each other's way.

    One row per pair: instance, entry (the heavy statement, see ``Attributed.entries``), service (whose data it
    reads), other (the service that may suffer), windows, correlation, p (after Holm's correction for the number of
    pairs), slower (a ratio), evidence (None: too little is known), because (in words). ``moved`` is ``rises``,
    where it is known already.
    """
    moved = rises(attributed) if moved is None else moved
    owned = owners(attributed)
    rows = []
    for instance, here in moved.groupby("instance", sort=True):
        mine = owned[owned["instance"] == instance]
        for entry in _heavy(attributed, here):
            whose = set(mine.loc[mine["entry"] == entry, "service"])
            load = _intensity(here[here["entry"] == entry], here)
            for other in sorted(set(mine["service"]) - whose):
                entries = mine.loc[mine["service"] == other, "entry"]
                slow = _slowness(here[here["entry"].isin(entries)])
                both = pd.concat({"load": load, "slow": slow}, axis=1).dropna()
                service = "+".join(sorted(whose))
                rows.append([instance, entry, service, other, *_judged(both)])
    found = pd.DataFrame(rows, columns=_COLUMNS[:-2])
    found = found.astype({"correlation": "Float64", "p": "Float64", "slower": "Float64"})
    return _concluded(found)


def _heavy(attributed: Attributed, moved: pd.DataFrame) -> list[int]:
    """The reading statements that take the largest shares of an instance's blocks."""
    entries = attributed.entries
    sums = _blocks(moved).groupby(moved["entry"]).sum()
    total = float(sums.sum())
    selects = sums[entries.loc[sums.index, "kind"].eq("select")]
    if total <= 0:
        return []
    large = selects[selects / total >= HEAVY_SHARE]
    return [
        int(e) for e in large.sort_values(ascending=False, kind="stable").head(MOST_HEAVY).index
    ]


def _blocks(moved: pd.DataFrame) -> pd.Series[float]:
    """Blocks read, from memory or not, and from temporary files."""
    parts = moved[["blocks_hit", "blocks_read", "temp_blocks"]].astype("Float64").fillna(0.0)
    return parts.sum(axis=1).astype("float64")


def _intensity(mine: pd.DataFrame, all_of_it: pd.DataFrame) -> pd.Series[float]:
    """Blocks a second that a statement read, by window; 0 where it did not run."""
    windows = all_of_it.drop_duplicates("at").set_index("at")["seconds"].sort_index()
    blocks = _blocks(mine).groupby(mine["at"]).sum().reindex(windows.index).fillna(0.0)
    return (blocks / windows.where(windows > 0)).astype("float64")


def _slowness(moved: pd.DataFrame) -> pd.Series[float]:
    """By window, the time that statements took over what they would have taken at their own means."""
    sums = moved.groupby("entry")[["time_ms", "calls"]].sum()
    means = (sums["time_ms"] / sums["calls"].where(sums["calls"] > 0)).astype("Float64")
    expected = moved["calls"] * moved["entry"].map(means)
    both = pd.DataFrame({"at": moved["at"], "took": moved["time_ms"], "expected": expected})
    found = both.groupby("at")[["took", "expected"]].sum()
    return (found["took"] / found["expected"].where(found["expected"] > 0)).astype("float64")


def _judged(both: pd.DataFrame) -> tuple[int, float | None, float | None, float | None]:
    if len(both) < LEAST_WINDOWS:
        return len(both), None, None, None
    found = association(both["load"].to_numpy(), both["slow"].to_numpy())
    if found is None:
        return len(both), None, None, None
    return found.windows, found.correlation, found.p, found.slower


def _concluded(found: pd.DataFrame) -> pd.DataFrame:
    """Correct for the number of pairs, and say in words what is concluded."""
    known = found["p"].notna()
    ranked = found.loc[known, "p"].astype("float64").sort_values(kind="stable")
    steps = ranked * np.arange(len(ranked), 0, -1)
    found.loc[ranked.index, "p"] = steps.cummax().clip(upper=1.0)
    words = [_words(row) for row in found.itertuples(index=False)]
    found["evidence"] = pd.Series([w[0] for w in words], found.index, dtype="object")
    found["because"] = [w[1] for w in words]
    order = found.assign(rank=[{True: 0, False: 1, None: 2}[w[0]] for w in words])
    order = order.sort_values(["rank", "p", "instance", "entry", "other"], kind="stable")
    return order.drop(columns="rank").reset_index(drop=True)


def _words(row: object) -> tuple[bool | None, str]:
    windows, p = row.windows, row.p  # type: ignore[attr-defined]
    if windows < LEAST_WINDOWS:
        need = LEAST_WINDOWS - windows
        return (
            None,
            f"{windows} windows are known, {LEAST_WINDOWS} are needed: after {need} more readings",
        )
    if pd.isna(p):
        return None, "one of the two never changed: nothing can be compared"
    correlation, slower = float(row.correlation), float(row.slower)  # type: ignore[attr-defined]
    figures = f"rank correlation {correlation:+.2f} over {windows} windows, p = {p:.2g}"
    if p < LIKELY and slower >= LEAST_EFFECT:
        return True, f"when it reads most, they take {slower:.1f} times as long ({figures})"
    if p < LIKELY:
        return False, f"they go together, but the effect is small: {slower:.2f} times ({figures})"
    return False, f"no evidence: {figures}"
