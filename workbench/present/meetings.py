"""Which services meet inside one transaction, and which tables make the WAL; each one call in a notebook."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

from workbench.analyse.crossings import Crossing
from workbench.analyse.meetings import pairs
from workbench.analyse.workload import Workload
from workbench.present.answers import brief, pace_text, wal_days, written_together
from workbench.present.arcs import Arc, arcs
from workbench.present.bench import Bench
from workbench.present.svg import Figure
from workbench.present.tables import Column, Table
from workbench.present.text import legible
from workbench.present.units import share_text
from workbench.snapshot import records

_MOST_TIES = 24
_NO_SAMPLE = "no sample was taken: `workbench collect --sample 30s` takes one"
_NOT_A_RATE = "samples say what was seen, not how often it is"
_ONE = "one reading of the WAL says nothing of a day"


def transaction_graph(bench: Bench) -> Figure:
    """Draw which services meet inside one transaction: written together in the WAL, or seen so in samples of locks."""
    found = bench.workload
    ties = _ties(found)
    tied = {name for tie in ties for name in (tie.one, tie.other)}
    every = [str(name) for name in dict.fromkeys(sorted(found.services["service"]))]
    title = _title(found, ties)
    return arcs(
        ties[:_MOST_TIES],
        [name for name in every if name not in tied],
        title=title,
        subtitle=_subtitle(bench, ties),
        empty="Nothing to draw: the table below says what would tell more."
        if "not known" in title
        else "No two services are seen to meet.",
        alone="Not seen to meet another: ",
        colours=bench.colours,
    )


def _ties(found: Workload) -> list[Arc]:
    frame = pairs(found.crossings)
    days = wal_days(found)
    frame["pace"] = [
        w / days[i] if days.get(i) else math.nan
        for i, w in zip(frame["instance"], frame["written"], strict=True)
    ]
    sums = frame.groupby(["one", "other"], sort=False).agg(
        written=("written", "sum"),
        pace=("pace", lambda paces: paces.sum(skipna=False)),
        seen=("seen", "sum"),
        writes=("writes", "any"),
    )
    rows = records(sums.reset_index())
    tops = {name: max([row[name] for row in rows], default=0) for name in ("written", "seen")}
    ties = []
    for row in rows:
        written, seen = int(row["written"]), int(row["seen"])
        told = [_written_text(written, row["pace"])] if written else []
        told += [f"{seen:,} seen"] if seen else []
        source = "written" if written else "seen"
        # each source has its own scale: samples count what they chance on, and weigh less beside the WAL
        strength = math.log1p(row[source]) / math.log1p(tops[source])
        strength *= 0.3 if tops["written"] and not written else 1.0
        one, other = row["one"], row["other"]
        tip = [f"{legible(one)} and {legible(other)} in one transaction"]
        tip += [f"written together {written:,} times, from the WAL"] * bool(written)
        tip += [f"at least {seen:,} seen in samples of locks"] * bool(seen)
        loud = bool(written or row["writes"])
        ties.append(Arc(one, other, strength, told[0], "\n".join(tip), loud))
    return sorted(ties, key=lambda t: (not t.loud, -t.strength, t.one, t.other))


def _written_text(written: int, pace: float) -> str:
    return f"{written:,} in all" if math.isnan(pace) else f"{pace_text(pace)} a day"


def _title(found: Workload, ties: list[Arc]) -> str:
    told = written_together(found)
    if told is not None:
        seen = [tie for tie in ties if tie.figure.endswith("seen")]
        only = ties and len(seen) == len(ties)
        return f"{told}; samples saw {len(ties)} pairs meet" if only else told
    if not ties:
        looked = found.attributed.window.history.frame("sampling", "looks")["looks"].sum()
        return (
            "No sample saw services meet inside one transaction; the WAL was not read"
            if looked
            else "Which services meet inside a transaction is not known"
        )
    first = ties[0]
    many = f"{len(ties)} pairs" if len(ties) > 1 else "a pair"
    return f"Samples saw {many} of services inside one transaction, as {brief(first.one)} with {brief(first.other)}; the WAL was not read"


def _subtitle(bench: Bench, ties: list[Arc]) -> str:
    readings = bench.workload.transactions.readings
    parts = []
    if len(readings):
        gone = [brief(name) for name in _unread(bench.workload)]
        some = f"{', '.join(gone[:3])}{' and others' if len(gone) > 3 else ''}"
        but = f" but that of {some}, which was not read" if gone else ""
        parts.append(f"Transactions that wrote data of both, from {_how_much(readings)}{but}")
    if not len(readings) or any(tie.figure.endswith("seen") for tie in ties):
        parts.append("transactions seen with both in samples of locks, where the long are likelier")
    loud = "; orange: writes another service's data" if any(tie.loud for tie in ties) else ""
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}{loud}; {bench.period}"


def _how_much(readings: pd.DataFrame) -> str:
    least = readings["seen"].min(skipna=False)
    if pd.isna(least):
        return "as much of the WAL as was kept"
    return "all of the WAL" if least >= 1.0 else f"{share_text(float(least))} % of the WAL or more"


def transactions_that_meet(bench: Bench, limit: int = 40) -> Table:
    """Return the sets of tables that transactions of several services touched: how often, from which source, by whom."""
    found = bench.workload
    met = [c for c in found.crossings if c.kind == "transaction"]
    met.sort(key=lambda c: (c.source != "wal", -(c.transactions or 0), c.key))
    days = wal_days(found)
    return Table(
        pd.DataFrame([_row(c, met, days) for c in met], columns=_ROW),
        [
            Column("services", "Services", "list"),
            Column("access", "Access"),
            Column("pace", "Transactions a day", "count", because="because_pace"),
            Column("seen", "Seen in samples", "count", absent="–"),
            Column("source", "Source"),
            Column("caller", "Caller", "list"),
            Column("relations", "Tables", "list"),
        ],
        caption="Transactions in which services meet",
        empty=_none_met(found),
        limit=limit,
    )


_ROW = ["services", "access", "relations", "pace", "seen", "source", "caller"]
_ROW += ["because", "because_pace"]


def _row(crossing: Crossing, met: Iterable[Crossing], days: dict[str, float]) -> dict[str, Any]:
    written = crossing.source == "wal"
    count, length = crossing.transactions or 0, days.get(crossing.instance)
    caller = _callers(crossing, met) if written else (crossing.actor,)
    return {
        "services": crossing.services,
        "access": "✎\u00a0write" if crossing.access == "write" else "read",
        "relations": crossing.relations,
        "pace": count / length if written and length else None,
        "seen": None if written else count,
        "source": "WAL" if written else "locks",
        "caller": None if caller in ((), (None,)) else caller,
        "because": crossing.because if written else _stranger(crossing),
        "because_pace": _ONE if written else _NOT_A_RATE,
    }


def _stranger(crossing: Crossing) -> str:
    login = ", ".join(crossing.logins) or "one that may not be seen"
    return f"the login ({login}) is mapped to no service, and application_name names none"


def _callers(written: Crossing, met: Iterable[Crossing]) -> tuple[str, ...]:
    """Who was seen to write what the WAL tells of: the actors of samples that fit this set of tables and no other."""
    held = list(met)
    sets = [c for c in held if c.source == "wal"]
    seen: dict[str, int] = {}
    for c in held:
        fits = c.source == "locks" and c.actor and [s for s in sets if _fits(c, s)] == [written]
        if fits and c.actor:
            seen[c.actor] = seen.get(c.actor, 0) + (c.transactions or 0)
    ranked = sorted(seen.items(), key=lambda item: (-item[1], item[0]))
    return tuple(f"{name}, {count:,} seen" for name, count in ranked)


def _fits(sample: Crossing, written: Crossing) -> bool:
    """Whether a sampled write may be of this set: an actor's own tables are not among those of its crossing."""
    place = (sample.instance, sample.database, sample.access)
    if place != (written.instance, written.database, "write"):
        return False
    if sample.actor in written.services:
        return sample.services == written.services and {*sample.relations} <= {*written.relations}
    return sample.relations == written.relations


def _none_met(found: Workload) -> str:
    if len(found.transactions.readings):
        return "No transaction is seen to touch data of several services."
    return "Unknown: " + "; ".join(dict.fromkeys(_unread(found).values())) + "."


def _unread(found: Workload) -> dict[str, str]:
    """The instances whose WAL was not read: why, and what would let it be."""
    coverage = found.coverage
    told = set(found.transactions.readings["instance"])
    reasons = {
        m.instance: f"{m.why}: {m.remedy}"
        for m in coverage.missing
        if m.what in ("instance", "wal_transactions")
    }
    other = "the WAL was not read: two snapshots with pg_walinspect tell of what lies between them"
    names = [*coverage.reached, *coverage.unreached]
    return {i: reasons.get(i, other) for i in sorted(names) if i not in told}


def wal_by_service(bench: Bench) -> Table:
    """Return the WAL of row changes by the service that owns the data, and its transactions that wrote elsewhere too."""
    frame = bench.workload.transactions.services
    days = frame["instance"].map(wal_days(bench.workload)).astype("Float64")
    shown = frame.assign(
        per_day=frame["transactions"].astype("Float64") / days,
        abroad=frame["crossing"].astype("Float64") / days,
    ).sort_values(["bytes", "instance", "service"], ascending=[False, True, True])
    several = frame["instance"].nunique() > 1
    return Table(
        shown,
        [
            Column("service", "Service", "name"),
            *([Column("instance", "Instance", "name")] if several else []),
            Column("bytes", "WAL", "bytes"),
            Column("share", "Share", "share"),
            Column("per_day", "Transactions a day", "count", otherwise=_ONE),
            Column("abroad", "That write elsewhere too", "count", otherwise=_ONE),
        ],
        caption="WAL by service",
        colours=bench.colours,
        empty=_no_wal(bench.workload),
    )


def wal_by_table(bench: Bench, limit: int = 12) -> Table:
    """Return the tables that make the most WAL."""
    frame = bench.workload.transactions.relations
    whole = frame.groupby("instance")["bytes"].transform("sum").astype("Float64")
    known = frame["table"].notna()
    owner = frame["service"].where(frame["service"].notna(), frame["standing"])
    shown = frame.assign(
        name=(frame["schema"].astype("string") + "." + frame["table"].astype("string"))
        .astype("object")
        .where(known, "tables that nobody can name"),
        owner=owner.astype("object"),
        share=(frame["bytes"].astype("Float64") / whole).where(whole > 0),
    ).sort_values(["bytes", "instance", "name"], ascending=[False, True, True])
    several = frame["instance"].nunique() > 1
    return Table(
        shown,
        [
            Column("name", "Table", "name"),
            *([Column("instance", "Instance", "name")] if several else []),
            Column("owner", "Owner", "name", absent="–"),
            Column("bytes", "WAL", "bytes"),
            Column("share", "Share", "share"),
            Column("records", "Changes", "count"),
        ],
        caption="Tables that make the most WAL",
        empty=_no_wal(bench.workload),
        limit=limit,
    )


def _no_wal(found: Workload) -> str:
    if len(found.transactions.readings):
        return "No table was written in the WAL that was read."
    return "Unknown: " + "; ".join(dict.fromkeys(_unread(found).values())) + "."


def what_was_seen(bench: Bench) -> Table:
    """Return, per instance, how much of its WAL was read, what became of its transactions, and how often locks were looked at."""
    found = bench.workload
    written = found.transactions
    readings = written.readings.set_index("instance")
    partly = written.sets[written.sets["partly"]].groupby("instance")["transactions"].sum()
    looks = found.attributed.window.history.frame("sampling", "looks")
    looked = looks.groupby("instance")["looks"].sum()
    unread = _unread(found)
    figures = ("seen", "transactions", "aborted", "unfinished", "unmapped_bytes")
    rows = []
    for name in sorted({*unread, *readings.index}):
        row: dict[str, Any] = {"instance": name, "because": unread.get(name)}
        row |= {f: readings.loc[name, f] if name in readings.index else None for f in figures}
        if name in readings.index:
            row["partly"] = int(partly.get(name, 0))
            row["because"] = readings.loc[name, "because"]
        row["looks"] = looked.get(name)
        rows.append(row | {"because_looks": _NO_SAMPLE})
    columns = ["instance", *figures, "partly", "looks", "because", "because_looks"]
    return Table(
        pd.DataFrame(rows, columns=columns),
        [
            Column("instance", "Instance", "name"),
            Column("seen", "WAL read", "share"),
            Column("transactions", "Committed", "count"),
            Column("aborted", "Aborted", "count"),
            Column("unfinished", "Unfinished", "count"),
            Column("partly", "With tables nobody can name", "count"),
            Column("unmapped_bytes", "WAL of those", "bytes"),
            Column("looks", "Looks at locks", "count", because="because_looks"),
        ],
        caption="What was seen of transactions",
        empty="No instance was reached.",
    )
