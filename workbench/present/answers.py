"""Answers in a sentence: the same words on a page, in a notebook and in a terminal."""

from __future__ import annotations

from workbench.analyse.crossings import Crossing
from workbench.analyse.workload import Workload
from workbench.present.text import legible, shorten
from workbench.present.units import count_text, interval_text, share_text
from workbench.snapshot import records

_NEVER_READ = "no snapshot of this period holds statements; `workbench collect` takes a whole one"


def unread(workload: Workload) -> dict[str, str]:
    """The instances whose statements were not read, and why."""
    services = workload.services
    gone = services[services["calls_low"].isna()]
    gaps = dict(zip(gone["instance"], gone["because"], strict=True))
    spans = workload.attributed.window.spans
    counted = set(spans.loc[spans["frame"] == "statements", "instance"])
    for instance in set(workload.coverage.reached) - counted - gaps.keys():
        gaps[instance] = _NEVER_READ
    return gaps


def none_seen(workload: Workload, nothing: str) -> str:
    """What stands for an empty table: ``nothing``, or that nothing is known."""
    gaps = unread(workload)
    if not gaps:
        return nothing
    reasons = "; ".join(f"{name}: {why}" for name, why in sorted(gaps.items()))
    known = set(workload.services["instance"]) - set(gaps)
    return (
        f"{nothing} But not everywhere was looked: {reasons}." if known else f"Unknown: {reasons}."
    )


def days_of(workload: Workload) -> dict[str, float]:
    """The days of the window by instance, where a rate a day can be told."""
    spans = workload.attributed.window.spans
    spans = spans[(spans["frame"] == "statements") & (spans["days"] > 0)]
    return {i: float(d) for i, d in spans[["instance", "days"]].itertuples(index=False)}


def workload_answer(workload: Workload) -> str:
    """Say which services carry the load, what crosses, and how many callers are unknown."""
    load = _carriers(workload)
    if load is None:
        reasons = sorted(set(unread(workload).values()))
        return (
            f"The load is not known: {reasons[0]}."
            if reasons
            else "No statement ran in this period."
        )
    return f"{load}; {_crossings(workload)}{_unknown(workload)}."


def _carriers(workload: Workload) -> str | None:
    services = workload.services
    known = services[services["time_ms_share_high"].notna()]
    several = known["instance"].nunique() > 1
    top = known.sort_values(["time_ms_high", "instance", "service"], ascending=[False, True, True])
    if top.empty:
        return None
    told = []
    for at, row in enumerate(records(top.head(2))):
        share = interval_text(row["time_ms_share_low"], row["time_ms_share_high"], share_text)
        where = f" on {brief(row['instance'])}" if several else ""
        of = "" if at else " of execution time"
        takes = "" if at else "takes "
        told.append(f"{brief(row['service'])} {takes}{share}\u00a0%{of}{where}")
    return ", ".join(told)


def _crossings(workload: Workload) -> str:
    found = statements_abroad(workload)
    writes = sum(c.access == "write" for c in found)
    if not found:
        return "no statement is seen to leave its service"
    verb = "crosses" if len(found) == 1 else "cross"
    of_them = (
        f"{writes} of them write{'s' if writes == 1 else ''}" if writes else "none of them writes"
    )
    return f"{len(found)} statement{'s' if len(found) != 1 else ''} {verb} services, {of_them}"


def statements_abroad(workload: Workload) -> list[Crossing]:
    """One crossing of every statement that leaves its service: its write, where it reads abroad as well.

    What writes one service's data and reads another's is two crossings, and one statement.
    """
    found: dict[tuple[object, ...], Crossing] = {}
    for c in workload.crossings:
        if c.kind == "statement":
            key = (c.instance, c.database, c.actor, c.fingerprint, c.examples)
            if key not in found or c.access == "write":
                found[key] = c
    return list(found.values())


def unknown_share(workload: Workload) -> float | None:
    """The share of all calls, the workbench's own left out, whose caller is unknown; None without a call."""
    calls = workload.callers["calls"].astype("Float64")
    whole = float(calls.sum())
    unknown = calls[workload.callers["caller_rung"] == "unknown"].sum()
    return float(unknown) / whole if whole else None


def _unknown(workload: Workload) -> str:
    share = unknown_share(workload)
    if share is None or not share:
        return ""
    return f"; the caller of {share_text(share)}\u00a0% of calls is unknown"


def wal_days(workload: Workload) -> dict[str, float]:
    """The days that the WAL read tells of, by instance, where a rate a day can be told."""
    readings = workload.transactions.readings
    readings = readings[readings["days"].fillna(0) > 0]
    return {i: float(d) for i, d in readings[["instance", "days"]].itertuples(index=False)}


def pace_text(pace: float) -> str:
    """A rate as people read it.

    >>> pace_text(35.8), pace_text(0.26), pace_text(0.01), pace_text(0.0)
    ('36', '0.3', '< 0.1', '0')
    """
    if 0 < pace < 0.05:
        return "< 0.1"
    return count_text(round(pace, 1) if pace < 10 else round(pace))


def together_a_day(workload: Workload) -> float | None:
    """The transactions a day that write data of several services; None where that is not known everywhere."""
    readings = workload.transactions.readings
    days = wal_days(workload)
    if readings.empty or set(readings["instance"]) - set(days):
        return None
    sets = workload.transactions.sets
    met = sets[sets["crosses"]]
    return float(
        sum(n / days[i] for i, n in zip(met["instance"], met["transactions"], strict=True))
    )


def written_together(workload: Workload) -> str | None:
    """Say how many transactions write data of several services, and of which most often; None where no WAL was read."""
    written = workload.transactions
    if written.readings.empty:
        return None
    sets = written.sets[written.sets["crosses"]]
    if sets.empty:
        partly = bool((written.readings["seen"].fillna(0.0) < 1.0).any())
        return "No transaction is seen to write data of several services" + (
            "; not all of the WAL was read" if partly else ""
        )
    pace = together_a_day(workload)
    total = int(sets["transactions"].sum())
    many = f"{total:,} transactions" if pace is None else f"{pace_text(pace)} transactions a day"
    most = sets.groupby("services", sort=True)["transactions"].sum().sort_values(kind="stable")
    names = [f"{brief(name)}'s" for name in most.index[-1]]
    whose = (
        ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) < 4 else f"{len(names)} at once"
    )
    often = ", most often" if len(most) > 1 else ":"
    return f"{many} write data of several services{often} {whose}"


def brief(name: object) -> str:
    """A name as it fits into a sentence."""
    return shorten(legible(name), 40)
