"""Whether reading all of a service slows the others: their mean times in windows with such a read, and in those without."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
import pandas as pd

from workbench.analyse.standing import Figure
from workbench.analyse.trend import Floats
from workbench.decide.evidence import Evidence
from workbench.decide.measured import Ask, Measured, Thing
from workbench.decide.measures.common import UNFORETOLD
from workbench.snapshot import records

LEAST_WINDOWS = 3
"""So many windows of each kind are needed before a band is stated."""


def interference(evidence: Evidence, ask: Ask) -> Iterator[Measured]:
    """Measure how much longer the others' statements take while a service is read as a whole."""
    numbers = dict(ask.parameters or {})
    since, until = evidence.coverage.since, evidence.coverage.until
    words = f"{since:%Y-%m-%d} to {until:%Y-%m-%d}" if since and until else None
    sizes = evidence.capacity.services.set_index(["instance", "service"])["total_bytes"]
    held = evidence.moved
    blocks = (
        held[["blocks_hit", "blocks_read", "temp_blocks"]].astype("Float64").fillna(0.0).sum(axis=1)
    )
    held = held.assign(blocks=blocks, a_call=blocks / held["calls"].where(held["calls"] > 0))
    blocks_of = _block_sizes(evidence)
    for row in records(evidence.workload.services):
        if ask.services is not None and row["service"] not in ask.services:
            continue
        thing = Thing(instance=row["instance"], service=row["service"])
        size = sizes.get((thing.instance, thing.service))
        if size is None or pd.isna(size):
            figure = _unknown(
                evidence, "the size of the service is not known: `workbench check` names what helps"
            )
        elif pd.isna(row["time_ms_low"]):
            figure = _unknown(evidence, str(row["because"]))
        else:
            least = max(
                numbers["read_share"] * float(size) / blocks_of.get(row["instance"], 8192.0),
                numbers["least_blocks"],
            )
            figure = _figure(evidence, thing, held, least, numbers["confidence"])
        yield Measured(thing, figure, words)


def _block_sizes(evidence: Evidence) -> dict[str, float]:
    held = evidence.history.newest.frame("identity", "block_size").dropna(subset=["block_size"])
    return {r["instance"]: float(r["block_size"]) for r in records(held)}


def _unknown(evidence: Evidence, why: str) -> Figure:
    return Figure(evidence.history.newest.at, None, None, because=why)


def _figure(
    evidence: Evidence, thing: Thing, moved: pd.DataFrame, least: float, confidence: float
) -> Figure:
    here = moved[moved["instance"] == thing.instance]
    windows = pd.DatetimeIndex(sorted(here["at"].unique()))
    if not len(windows):
        return _unknown(evidence, "one reading tells no windows apart: collect several times")
    claims = evidence.claims[evidence.claims["instance"] == thing.instance]
    mine = claims[claims["service"] == thing.service]
    reading = set(mine.loc[mine["certain"] & mine["reads"], "entry"])
    replays = here[here["entry"].isin(reading) & (here["calls"] > 0) & (here["a_call"] >= least)]
    with_one = windows.isin(replays["at"])
    lost = evidence.evicted.get(thing.instance or "")
    if not with_one.any():
        if lost:
            return _unknown(evidence, f"no replay was seen, and {lost}")
        why = f"no statement read {least:,.0f} blocks of it in a call: there was no replay that could slow anybody"
        return Figure(evidence.history.newest.at, 1.0, 1.0, because=why, unforetold=UNFORETOLD)
    others = set(claims.loc[claims["certain"], "entry"]) - set(mine["entry"])
    slow = slowness(here[here["entry"].isin(others)], windows, with_one)
    known = ~np.isnan(slow)
    counts = int((known & with_one).sum()), int((known & ~with_one).sum())
    seen = f"{counts[0]} windows with a replay and {counts[1]} without"
    if min(counts) < LEAST_WINDOWS:
        told = f"{seen} have statements of others in them; {LEAST_WINDOWS} of each are needed"
        return _unknown(evidence, told)
    bands = [band(slow[: n + 1], with_one[: n + 1], confidence) for n in range(len(windows))]
    told_on = [n for n, found in enumerate(bands) if found is not None]
    lows = np.array([b[0] for b in bands if b is not None])
    highs = np.array([b[1] for b in bands if b is not None])
    start = windows[0].to_pydatetime()
    x = np.array([(windows[n] - windows[0]).total_seconds() / 86400.0 for n in told_on])
    because = f"{seen}, a band of {confidence:.0%}" + (f"; {lost}" if lost else "")
    low, high = float(lows[-1]), float(highs[-1])
    return Figure(
        evidence.history.newest.at, low, high, start, x, lows, highs, (), because, False, UNFORETOLD
    )


def slowness(moved: pd.DataFrame, windows: pd.DatetimeIndex, with_one: np.ndarray) -> Floats:
    """Return, by window, the logarithm of the time that statements took over that at their means without a replay.

    The same calls weigh both, so that another mix of statements is no slowness. Not a number where none ran.
    """
    quiet = moved[moved["at"].isin(windows[~with_one])]
    sums = quiet.groupby("entry")[["time_ms", "calls"]].sum()
    means = (sums["time_ms"] / sums["calls"].where(sums["calls"] > 0)).astype("float64")
    base = moved["entry"].map(means[means > 0])
    held = moved[base.notna()].assign(usual=(moved["calls"] * base)[base.notna()])
    both = held.groupby("at")[["time_ms", "usual"]].sum().astype("float64").reindex(windows)
    ratio = (both["time_ms"] / both["usual"].where(both["usual"] > 0)).to_numpy(dtype=float)
    return np.log(np.where(ratio > 0, ratio, np.nan))


def band(slow: Floats, with_one: np.ndarray, confidence: float) -> tuple[float, float] | None:
    """Return the band of the ratio of two means, by Welch on logarithms; None from fewer than three of either.

    >>> import numpy as np
    >>> low, high = band(np.log([1, 1.01, 0.99, 2, 2.02, 1.98]), np.arange(6) > 2, 0.95)
    >>> round(low, 1), round(high, 1)
    (2.0, 2.0)
    """
    known = ~np.isnan(slow)
    one, other = slow[known & with_one], slow[known & ~with_one]
    if min(len(one), len(other)) < LEAST_WINDOWS:
        return None
    parts = [float(np.var(v, ddof=1)) / len(v) for v in (one, other)]
    difference, variance = float(one.mean() - other.mean()), sum(parts)
    if variance == 0:
        return math.exp(difference), math.exp(difference)
    squares = sum(p**2 / (len(v) - 1) for p, v in zip(parts, (one, other), strict=True))
    reach = student(confidence, variance**2 / squares) * math.sqrt(variance)
    return math.exp(difference - reach), math.exp(difference + reach)


def student(confidence: float, freedom: float) -> float:
    """Student's quantile of a two-sided band, by Cornish and Fisher's expansion.

    >>> round(student(0.95, 3), 1), round(student(0.95, 10), 2), round(student(0.95, 1e9), 2)
    (3.2, 2.23, 1.96)
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, 1))
