"""How much of an entry is a table's, where the entry does not say: by the tables' own counters.

Of the rows that an INSERT, UPDATE or DELETE changed, a table has at most what its counter rose by, and at
least what the other tables' counters leave over. Tables count what was rolled back and what other statements
did as well, so that both ends hold.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

import pandas as pd

from workbench.analyse.attribution import Attribution
from workbench.analyse.touching import INHERITANCE, Touch
from workbench.snapshot import Window
from workbench.sql import Statement

LATE_S = 10.0
"""So late, at most, a session's counts reach the tables' counters (measured: 15 to 18)."""

_COUNTERS = {"insert": "n_tup_ins", "update": "n_tup_upd", "delete": "n_tup_del"}
_UPSERT = re.compile(r"\bon\s+conflict\b", re.IGNORECASE)
_PLACE = ["instance", "database", "schema", "relation"]


class _Fact(Protocol):
    @property
    def statement(self) -> Statement: ...
    @property
    def attribution(self) -> Attribution: ...


def bounded(
    touches: pd.DataFrame, entries: pd.DataFrame, facts: Sequence[_Fact], window: Window
) -> pd.DataFrame:
    """Return ``touches`` with ``low`` and ``high`` of uncertain writes narrowed, where the counters can.

    They can where the statement writes one name, every relation it may mean is an ordinary table without heirs or rules, and both
    readings of its counters are those of the statements. See ``workbench.analyse.statements.Attributed``.
    """
    # what a write sets off comes on top of the rows that it changes itself
    unsure = touches[
        (touches["access"] == "write") & ~touches["certain"] & ~touches["via"].astype(bool)
    ]
    candidates = [
        n
        for n in unsure["entry"].unique().tolist()
        if facts[n].statement.kind in _COUNTERS
        and len(facts[n].statement.writes) == 1
        and not facts[n].statement.approximate
        and not facts[n].attribution.open_ended
        and not any(map(_elsewhere, facts[n].attribution.touches))
    ]
    if not candidates:
        return touches
    moved = _moved(window)
    rows = entries["rows"].astype("Float64")
    touches = touches.copy()
    for number, group in unsure[unsure["entry"].isin(candidates)].groupby("entry", sort=True):
        at = int(str(number))
        counters = [_COUNTERS[facts[at].statement.kind]]
        if _UPSERT.search(str(entries["query"].iloc[at])):
            counters.append("n_tup_upd")
        known = moved.reindex(pd.MultiIndex.from_frame(group[_PLACE]))
        changed = rows.iloc[at]
        if pd.isna(changed) or changed <= 0 or known.isna().any(axis=None):
            continue
        # what was counted late may be missing on either side
        late = (LATE_S / known["seconds"]).clip(upper=1.0) if not _settled(window) else 0.0
        counts = (known[counters].sum(axis=1).astype("float64") / float(changed) + late).to_numpy()
        touches.loc[group.index, "high"] = counts.clip(max=1.0)
        touches.loc[group.index, "low"] = (1.0 - (counts.sum() - counts)).clip(0.0, 1.0)
    return touches


def _elsewhere(touch: Touch) -> bool:
    """Whether the rows that a statement changes may be counted by another table than it names."""
    return any(step == INHERITANCE or step.startswith("rule ") for step in touch.via)


def _settled(window: Window) -> bool:
    """Whether the readings waited until every session's counts were in: where days are played."""
    return window.history.newest.manifest.simulated


def _moved(window: Window) -> pd.DataFrame:
    """What each ordinary table's counters rose by in the span of its instance's statements.

    Partitioned tables are left out: a partition dropped in the window took its counts along, and an UPDATE
    that moves a row counts as another change. So are tables that came, or were counted anew, in the window.
    """
    spans = window.spans
    spans = spans[(spans["kind"] == "difference") & spans["seconds"].notna()]
    told = spans[spans["frame"] == "statements"][["instance", "since", "until"]]
    tables = spans[(spans["frame"] == "table_statistics") & ~spans["lower_bound"]]
    same = tables.merge(told, "inner", ["instance", "since", "until"])
    found = window.tables.drop(columns="seconds")
    found = found[(found["relation_oid"] == found["root_oid"]) & (found["relkind"] == "r")]
    found = found[found["counted_from"] == "window"]
    found = found.merge(
        same[["instance", "database", "seconds"]], "inner", ["instance", "database"]
    )
    return found.set_index(_PLACE)[[*_COUNTERS.values(), "seconds"]].astype("Float64")
