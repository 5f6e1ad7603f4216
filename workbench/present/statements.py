"""What statements look like: the costliest, the slow ones, and whether heavy reads slow the others."""

from __future__ import annotations

import pandas as pd

from workbench.analyse.workload import SLOW_MS, slow_limits
from workbench.present.answers import days_of, none_seen
from workbench.present.bench import Bench
from workbench.present.tables import Column, Table

MOST = 200
_NO_CALL = "no call in the window"
_SQL = Column(
    "query",
    "Statement",
    "sql",
    otherwise="its text may not be seen: GRANT pg_read_all_stats",
    below=True,
)


def _statements(bench: Bench) -> pd.DataFrame:
    """The top-level statements but the workbench's own, with rates a day and shares of their instance's time."""
    found = bench.workload.statements
    found = found[found["toplevel"].fillna(True).astype(bool) & (found["rung"] != "workbench")]
    found = found[found["calls"].fillna(0) > 0]
    days = found["instance"].map(days_of(bench.workload)).astype("Float64")
    time = found["time_ms"].astype("Float64")
    whole = time.groupby(found["instance"]).transform("sum")
    calls = found["calls"].astype("Float64")
    return found.assign(
        pace=calls / days,
        share=time / whole.where(whole > 0),
        per_call=found["rows"].astype("Float64") / calls,
        touched=pd.Series(
            [", ".join(s) or None for s in found["services"]], found.index, dtype="object"
        ),
        attributed=[str(rung).replace("_", " ") for rung in found["rung"]],
        because="one reading says nothing of a day",
    )


def top_statements(bench: Bench, limit: int = MOST) -> Table:
    """Return the statements that take the most execution time."""
    return Table(
        _statements(bench),
        [
            Column("touched", "Touches", "name", absent="no service"),
            _SQL,
            Column("share", "Time", "share"),
            Column("pace", "Calls a day", "count"),
            Column("mean_exec_time", "Mean", "ms", otherwise=_NO_CALL),
            Column("per_call", "Rows a call", "amount", otherwise=_NO_CALL),
            Column("caller", "Caller", "name", because="caller_because"),
            Column("attributed", "Rung"),
        ],
        caption="Statements by execution time",
        empty=none_seen(bench.workload, "No statement ran in this period."),
        limit=limit,
    )


def statements_of(bench: Bench, service: str, limit: int = 25) -> Table:
    """Return the statements that touch a service's data for certain, those that take the most time first."""
    found = _statements(bench)
    mine = found[[service in touched for touched in found["services"]]]
    return Table(
        mine,
        [
            _SQL,
            Column("share", "Time", "share"),
            Column("pace", "Calls a day", "count"),
            Column("mean_exec_time", "Mean", "ms", otherwise=_NO_CALL),
            Column("per_call", "Rows a call", "amount", otherwise=_NO_CALL),
            Column("caller", "Caller", "name", because="caller_because"),
        ],
        caption="Statements on its data",
        empty=none_seen(bench.workload, "No statement is seen to touch its data for certain."),
        limit=limit,
    )


def slow_statements(bench: Bench, limit: int = 40) -> Table:
    """Return the statements whose mean is over a second, or over the agreed latency of a service they touch."""
    found = _statements(bench)
    limits = slow_limits(bench.estate)
    agreed = [
        min([limits.get(s, SLOW_MS) for s in touched] or [SLOW_MS]) for touched in found["services"]
    ]
    found = found.assign(limit=pd.Series(agreed, found.index, dtype="Float64"))
    slow = found[(found["mean_exec_time"].astype("Float64") > found["limit"]).fillna(False)]
    slow = slow.sort_values("mean_exec_time", ascending=False, kind="stable")
    own = ", or of more than the agreed latency of a service it touches" if limits else ""
    return Table(
        slow,
        [
            Column("touched", "Touches", "name", absent="no service"),
            _SQL,
            Column("mean_exec_time", "Mean", "ms"),
            Column("limit", "Limit", "ms"),
            Column("pace", "Calls a day", "count"),
            Column("caller", "Caller", "name", because="caller_because"),
        ],
        caption="Slow statements",
        empty=none_seen(bench.workload, f"No statement has a mean of more than a second{own}."),
        limit=limit,
    )


def interference(bench: Bench, limit: int = 20) -> Table:
    """Return the heavy statements with evidence that others are slower while they read; else one sentence."""
    found = bench.interference
    seen = found[found["evidence"].eq(True).fillna(False).astype(bool)]
    entries = bench.workload.attributed.entries["query"]
    return Table(
        seen.assign(query=seen["entry"].map(entries)),
        [
            _SQL,
            Column("service", "Reads", "name"),
            Column("other", "Who is slower", "name"),
            Column("slower", "Times as slow", "amount"),
            Column("because", "Evidence"),
        ],
        caption="Heavy reads that go with slower statements of others",
        empty=_no_interference(bench, found),
        limit=limit,
    )


def _no_interference(bench: Bench, found: pd.DataFrame) -> str:
    if found.empty:
        return none_seen(
            bench.workload, "No statement reads so much, or no other service is there to suffer."
        )
    known = found[found["evidence"].notna()]
    if known.empty:
        return f"Unknown for all {len(found)} pairs: {found['because'].iloc[0]}."
    waits = f"; {len(found) - len(known)} more are not known yet" if len(known) < len(found) else ""
    pairs = "pair" if len(known) == 1 else "pairs"
    return (
        f"No evidence among {len(known)} {pairs} of a heavy statement and another service{waits}."
    )
