"""How an estate's upkeep looks: one table per question, the worst first, and one figure.

Every function takes a ``Bench``; the numbers are those of ``workbench.analyse.health`` and none is computed
anew but sums over instances. Limits named here are the project's defaults.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from workbench.analyse.bloat import ERROR, NOTABLE_BYTES
from workbench.analyse.cache import LEAST_HIT
from workbench.analyse.vacuum import BEHIND
from workbench.analyse.wal import LATE_S, REQUESTED
from workbench.present.bench import Bench
from workbench.present.capacity import MOST_BARS, Headline
from workbench.present.charts import Bar, bars
from workbench.present.svg import Figure
from workbench.present.tables import NO_REASON, Column, Table
from workbench.present.text import legible, shorten
from workbench.present.units import bytes_text, duration_text, exact

_STATES = {
    "off": "✗\u00a0autovacuum is off",
    "behind": "✗\u00a0behind",
    "due": "·\u00a0due",
    "kept": "✓\u00a0kept",
}
_SLOTS = {
    "lost": "✗\u00a0lost",
    "unreserved": "✗\u00a0soon lost",
    "inactive": "✗\u00a0nobody reads it",
    "active": "✓\u00a0read",
}
_ARCHIVES = {
    "failing": "✗\u00a0fails",
    "failed": "✗\u00a0failed in between",
    "off": "·\u00a0off",
    "idle": "·\u00a0nothing to archive",
    "works": "✓\u00a0works",
}
_PARTS = ("dead rows", "other free space")


def headline(bench: Bench) -> Headline:
    """Say in a sentence what needs a hand, the gravest first, with the figures under it."""
    found = list(_faults(bench))
    health = bench.health
    if found:
        more = len(found) - 2
        tail = f", and {more} more below" if more > 0 else ""
        sentence = _sentence("; ".join(found[:2]) + tail)
    elif health.dead_rows.empty:
        sentence = "No table was read"
    elif (health.dead_rows["state"] == "unknown").any():
        sentence = "Nothing is out of order in what could be read"
    else:
        sentence = "Vacuum keeps up with every table, and nothing else is out of order"
    figures = [_vacuum_figure(bench), _dead_figure(bench), _cache_figure(bench)]
    return Headline(f"{sentence}.", [*figures, _avoidable_figure(bench), _waits_figure(bench)])


def _faults(bench: Bench) -> Iterator[str]:
    """What is out of order, the gravest first."""
    health = bench.health
    corrupt = health.incidents[health.incidents["checksum_failures"].fillna(0) > 0]
    for database in corrupt["database"]:
        yield f"{_brief(database)} has pages that fail their checksum"
    for instance in _where(health.archiving, "state", "failing")["instance"]:
        yield f"the archive command of {_brief(instance)} fails"
    for name, state, says in (
        ("slot", "lost", "slot {} is lost"),
        ("slot", "unreserved", "slot {} is soon lost"),
        ("slot", "inactive", "slot {} holds back WAL and nobody reads it"),
    ):
        for slot in _where(health.slots, "state", state)[name]:
            yield says.format(_brief(slot))
    for standby in _where(health.standbys, "state", "gone")["standby"]:
        yield f"standby {_brief(standby)} is gone"
    for instance in _where(health.standbys, "state", "not receiving")["instance"]:
        yield f"standby {_brief(instance)} receives nothing"
    late = health.standbys[health.standbys["late"].fillna(False).astype(bool)]
    for row in late.to_dict("records"):
        yield f"standby {_brief(row['standby'])} lags by {duration_text(row['lag_s'])}"
    for state, says in (("off", "autovacuum is off for {}"), ("behind", "vacuum is behind on {}")):
        if count := int((health.dead_rows["state"] == state).sum()):
            yield says.format(_tables(count))
    for row in health.looks.to_dict("records"):
        if row["waited"]:
            yield f"somebody waited for a lock at {row['waited']} of {row['looks']} looks"
    low = _of_instances(health.cache).dropna(subset="heap_hit")
    for row in low[low["heap_hit"] < LEAST_HIT].to_dict("records"):
        missed = 1 - float(row["heap_hit"])
        yield f"{missed:.1%} of {_brief(row['instance'])}'s heap blocks came from outside the cache"


def _where(frame: pd.DataFrame, column: str, value: str) -> pd.DataFrame:
    return frame[frame[column] == value]


def _of_instances(cache: pd.DataFrame) -> pd.DataFrame:
    return cache[cache["standing"] == "instance"]


def _brief(name: object) -> str:
    return shorten(legible(name), 40)


def _tables(count: int) -> str:
    return f"{count:,} table{'' if count == 1 else 's'}"


def _vacuum_figure(bench: Bench) -> tuple[str, str]:
    states = bench.health.dead_rows["state"]
    known = int((states != "unknown").sum())
    if not known:
        return "unknown", "tables behind: no statistics were collected"
    late = int(states.isin(["behind", "off"]).sum())
    what = "behind" if bench.health.dead_rows["off"].isna().any() else "behind or off"
    return f"{late:,} of {known:,}", f"tables whose vacuum is {what}"


def _dead_figure(bench: Bench) -> tuple[str, str]:
    known = bench.health.dead_rows["dead_bytes"].dropna()
    if known.empty:
        return "unknown", "in dead rows: no statistics were collected"
    least = "at least " if len(known) < len(bench.health.dead_rows) else ""
    return f"{least}{bytes_text(float(known.sum()))}", "in dead rows, estimated"


def _cache_figure(bench: Bench) -> tuple[str, str]:
    frame = _of_instances(bench.health.cache)
    known = frame.dropna(subset="heap_hit").sort_values("heap_hit")
    if known.empty:
        reason = next(iter(frame["heap_because"].dropna()), NO_REASON)
        return "unknown", f"cache hit: {reason}"
    worst = known.iloc[0]
    where = f" on {_brief(worst['instance'])}" if len(frame) > 1 else ""
    return f"{worst['heap_hit'] * 100:.1f} %", f"of heap blocks found in the cache{where}"


def _avoidable_figure(bench: Bench) -> tuple[str, str]:
    frame = bench.health.bloat
    known = frame.dropna(subset="avoidable_bytes")
    if known.empty:
        return "not measurable", "what a rewrite would give back: see below"
    least = "at least " if len(known) < len(frame) else ""
    return (
        f"{least}{bytes_text(float(known['avoidable_bytes'].sum()))}",
        "that a rewrite gives back",
    )


def _waits_figure(bench: Bench) -> tuple[str, str]:
    looks = bench.health.looks
    if looks.empty:
        return "unknown", "lock waits: nobody looked"
    return (
        f"{looks['waited'].sum()} of {looks['looks'].sum()}",
        "looks saw somebody wait for a lock",
    )


def space_by_service(bench: Bench) -> Figure:
    """Draw the bytes of dead rows by service and, where it can be told, the other space a rewrite frees."""
    whole = _space(bench)
    taken = whole[whole["most"].isna() | (whole["most"] > 0)]
    shown = taken.head(MOST_BARS)
    rows = [_space_bar(bench, row) for row in shown.to_dict("records")]
    measured = whole["avoidable"].notna().any()
    known = whole.dropna(subset="most")
    total = float(known["most"].sum())
    of = "can be freed in the heaps" if measured else "are taken by dead rows"
    if known.empty:
        title = "Dead rows are unknown: no statistics were collected"
    elif not total:
        title = "No byte of the heaps is taken by dead rows"
    else:
        first = known.iloc[0]
        share = f"{first['most'] / total:.0%} of it in {_brief(first['owner'])}"
        title = f"{bytes_text(total)} {of}, {share}"
    subtitle = f"Bytes by service, estimated, {bench.moment}"
    if not measured:
        subtitle += "; other free space is not measurable"
    elif whole["avoidable"].isna().any():
        subtitle += "; where only dead rows are shown, the rest is not measurable"
    return bars(
        rows,
        title=title,
        subtitle=subtitle,
        part_names=(_PARTS if measured else _PARTS[:1]) if rows else (),
        more=len(taken) - len(shown),
    )


def _space(bench: Bench) -> pd.DataFrame:
    """Dead and avoidable bytes per service, unowned and platform, over instances, the most first."""
    dead = bench.health.dead_rows[["service", "standing", "dead_bytes"]].rename(
        columns={"dead_bytes": "dead"}
    )
    free = bench.health.bloat[["service", "standing", "avoidable_bytes"]].rename(
        columns={"avoidable_bytes": "avoidable"}
    )
    sums = []
    for frame, name in ((dead, "dead"), (free, "avoidable")):
        owner = frame["service"].where(frame["standing"] == "owned", frame["standing"])
        grouped = frame.groupby([owner.rename("owner"), frame["standing"]])
        sums.append(grouped[name].agg(lambda values: values.sum(skipna=False)))
    found = pd.concat(sums, axis=1).reset_index()
    # Two estimates of one thing: what dead rows take is free at the least.
    found["most"] = found[["avoidable", "dead"]].astype("Float64").max(axis=1)
    return found.sort_values(["most", "owner"], ascending=[False, True], ignore_index=True)


def _space_bar(bench: Bench, row: dict[Any, Any]) -> Bar:
    name, colour = str(row["owner"]), bench.colour(str(row["owner"]), str(row["standing"]))
    if pd.isna(row["dead"]):
        return Bar(name, (), "unknown", f"{name}: its statistics were not collected", colour)
    dead = float(row["dead"])
    tip = f"{name}: dead rows {exact(dead, 'bytes')}"
    if pd.isna(row["avoidable"]):
        return Bar(name, (dead,), bytes_text(dead), f"{tip}\nother space: not measurable", colour)
    whole = max(float(row["avoidable"]), dead)
    tip = f"{tip}\nother free space {exact(whole - dead, 'bytes')}"
    return Bar(name, (dead, whole - dead), bytes_text(whole), tip, colour)


def _named(bench: Bench, frame: pd.DataFrame) -> tuple[pd.DataFrame, list[Column]]:
    """The frame with the name of each table, and the columns that say which it is and whose."""
    several = frame["database"].nunique() > 1
    name = frame["schema"].astype(str) + "." + frame["table"].astype(str)
    columns = [
        Column("name", "Table", "name"),
        *([Column("database", "Database", "name")] if several else []),
        Column("service", "Service", "name", absent="none"),
    ]
    return frame.assign(name=name), columns


def _spans(seconds: pd.Series[Any]) -> pd.Series[Any]:
    texts = [None if pd.isna(value) else duration_text(float(value)) for value in seconds]
    # A figure and its unit stay on one line.
    whole = [text and text.replace(" ", "\u00a0") for text in texts]
    return pd.Series(whole, seconds.index, dtype="object")


def vacuum(bench: Bench, limit: int = 15) -> Table:
    """Return the tables with dead rows, or without autovacuum, by how late vacuum is on them."""
    whole = bench.health.dead_rows
    frame, columns = _named(bench, whole[(whole["state"] != "kept") | (whole["dead"] > 0)])
    frame = frame.assign(
        state=frame["state"].map(_STATES),
        ago=_spans(frame["vacuumed_s"]) + "\u00a0ago",
        spent=_spans(frame["vacuum_s"]),
    )
    timed = frame["vacuum_s"].notna().any()
    return Table(
        frame,
        [
            *columns,
            Column("state", "Vacuum"),
            Column("dead", "Dead rows", "count"),
            Column("dead_share", "Dead", "share"),
            Column("due", f"of its threshold (late: {BEHIND:g})", "amount", absent="none"),
            Column("ago", "Last", absent="never seen"),
            Column("vacuums", "Vacuums", "count", otherwise="one reading alone"),
            *([Column("spent", "taking", absent="not counted")] if timed else []),
        ],
        caption="Dead rows and vacuum",
        limit=limit,
        empty=_no_dead_rows(whole),
    )


def _no_dead_rows(whole: pd.DataFrame) -> str:
    if whole.empty:
        return "No table was read."
    says = f"None of {_tables(len(whole))} holds a dead row"
    if whole["off"].isna().any():
        return f"{says}; whether autovacuum is off for single tables was not collected."
    return f"{says}, and autovacuum is on for all."


def avoidable(bench: Bench, limit: int = 15) -> Table:
    """Return the tables by the bytes that a rewrite of their heap would give back, or why none can be told.

    What lies within the estimate's error is left out.
    """
    whole = bench.health.bloat
    unknown = whole["avoidable_bytes"].isna()
    notable = unknown | (whole["avoidable_share"] > ERROR)
    reasons = " ".join(
        f"{_sentence(r)}." for r in sorted(set(whole.loc[unknown, "because"].dropna()))
    )
    if unknown.all():  # a reason once, not a table of it
        notable = ~unknown
    frame, columns = _named(bench, whole[notable])
    return Table(
        frame,
        [
            *columns,
            Column("avoidable_bytes", f"Avoidable (notable: {bytes_text(NOTABLE_BYTES)})", "bytes"),
            Column("avoidable_share", "of the heap", "share"),
            Column("per_day", "Growth", "bytes", per="day", because="growth_because"),
            Column("heap_bytes", "Heap", "bytes"),
            Column("toast_bytes", "TOAST, apart", "bytes"),
        ],
        caption="Bytes that a rewrite of the heap gives back, estimated",
        limit=limit,
        empty=reasons
        or f"No heap has free space beyond the error of the estimate, {ERROR:.0%} of the heap.",
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".")


def cache(bench: Bench) -> Table:
    """Return the cache hit over the period, heap and indexes apart: instances, then services."""
    frame = bench.health.cache
    owner = frame["service"].where(frame["standing"] == "owned", frame["standing"])
    whole = frame["standing"] == "instance"
    busiest = Column("busiest_hit", "All, in the busiest hour", "share", absent="not by service")
    return Table(
        frame.assign(owner=owner.mask(whole, "all of " + frame["instance"])),
        [
            Column("owner", "Service", "name"),
            *([Column("instance", "Instance", "name")] if frame["instance"].nunique() > 1 else []),
            Column("heap_blocks", "Heap blocks", "count", because="heap_because"),
            Column("heap_hit", f"in cache (low: {LEAST_HIT:.0%})", "share", because="heap_because"),
            Column("index_blocks", "Index blocks", "count", because="index_because"),
            Column("index_hit", "in cache", "share", because="index_because"),
            *([busiest] if frame["busiest_hit"].notna().any() else []),
        ],
        caption="Blocks asked for in the period, and found in shared buffers",
        colours=bench.colours,
        empty="No counters were read.",
    )


def standbys(bench: Bench) -> Table:
    """Return who receives WAL and how late, the worst first."""
    frame = bench.health.standbys
    good = frame["state"].isin(["streaming"]) & ~frame["late"].fillna(False).astype(bool)
    marks = [
        None if state == "unknown" else f"{'✓' if fine else '✗'}\u00a0{state}"
        for state, fine in zip(frame["state"], good, strict=True)
    ]
    return Table(
        frame.assign(
            mark=pd.Series(marks, frame.index, dtype="object"),
            who=frame["standby"].fillna(frame["instance"]),
            lag=_spans(frame["lag_s"]),
            worst=_spans(frame["worst_s"]),
        ),
        [
            Column("who", "Standby", "name"),
            Column("instance", "Seen on", "name"),
            Column("mark", "State"),
            Column("lag", f"Lags by (late: {duration_text(LATE_S)})"),
            Column("worst", "at worst", absent="not known"),
            Column("lag_bytes", "Not replayed", "bytes"),
            Column("looks", "Looks", "count"),
        ],
        caption="Standbys",
        empty=_nothing(bench, "replication", "No standby was seen"),
    )


def _nothing(bench: Bench, frame: str, says: str) -> str:
    """What an empty table means: nothing was there at so many looks, or nobody could look."""
    looks = sum(s.has(frame) for s in bench.history.collected)
    if not looks:
        return f"Unknown: {frame.replace('_', ' ')} was not read."
    return f"{says} at {looks:,} look{'' if looks == 1 else 's'}."


def slots(bench: Bench) -> Table:
    """Return the replication slots, those that are lost or that nobody reads first."""
    frame = bench.health.slots
    return Table(
        frame.assign(mark=frame["state"].map(_SLOTS)),
        [
            Column("slot", "Slot", "name"),
            Column("instance", "Instance", "name"),
            Column("kind", "Kind"),
            Column("mark", "State"),
            Column("held_bytes", "WAL held back", "bytes"),
            Column("per_day", "Growth", "bytes", per="day"),
            Column("room_bytes", "until it is lost", "bytes", absent="no limit"),
        ],
        caption="Replication slots",
        empty=_nothing(bench, "replication_slots", "No slot was seen"),
    )


def writing(bench: Bench) -> Table:
    """Return each instance's archiver and checkpoints over the period."""
    archiving, done = bench.health.archiving, bench.health.checkpoints
    frame = done.merge(
        archiving.drop(columns=["days"]), "outer", "instance", suffixes=("", "_archive")
    )
    return Table(
        frame.assign(mark=frame["state"].map(_ARCHIVES), spent=_spans(frame["write_s"])),
        [
            Column("instance", "Instance", "name"),
            Column("mark", "Archive", because="because_archive"),
            Column("archived", "files", "count"),
            Column("failed", "failures", "count"),
            Column("timed", "Checkpoints, timed", "count"),
            Column("requested", "requested", "count"),
            Column("requested_share", f"requested (many: {REQUESTED:.0%})", "share"),
            Column("spent", "writing for"),
        ],
        caption="Archive and checkpoints in the period",
        empty="Neither archiver nor checkpoints were read.",
    )


def lock_waits(bench: Bench, limit: int = 15) -> Table:
    """Return who waited for whom at the moments looked at, the longest first."""
    frame = bench.health.waits
    table = frame["schema"].astype("object") + "." + frame["table"].astype("object")
    return Table(
        frame.assign(
            what=table.where(table.notna(), frame["locktype"]),
            who=_who(frame, "waiter"),
            whom=_who(frame, "blocker"),
            longest=_spans(frame["longest_s"]),
        ),
        [
            Column("who", "Who waited", "name"),
            Column("whom", "for whom", "name"),
            Column("what", "for which table", "name"),
            Column("owner", "of service", "name", absent="none"),
            Column("mode", "wanting"),
            Column("longest", "Longest wait"),
            Column("seen", "Looks", "count"),
        ],
        caption="Lock waits seen",
        limit=limit,
        empty=_nothing(bench, "lock_waits", "Nobody waited for a lock"),
    )


def _who(frame: pd.DataFrame, end: str) -> pd.Series[Any]:
    """The service of a session where the estate maps its login, else the login."""
    found: pd.Series[Any] = frame[f"{end}_service"].where(
        frame[f"{end}_service"].notna(), "login " + frame[end]
    )
    return found


def incidents(bench: Bench) -> Table:
    """Return what went wrong in each database over the period."""
    return Table(
        bench.health.incidents,
        [
            Column("database", "Database", "name"),
            Column("instance", "Instance", "name"),
            Column("deadlocks", "Deadlocks", "count"),
            Column("conflicts", "Cancelled by recovery", "count"),
            Column("temp_files", "Temporary files", "count"),
            Column("temp_bytes", "Spilled", "bytes"),
            Column("checksum_failures", "Checksum failures", "count"),
        ],
        caption=f"What went wrong, {bench.period}",
        empty="The databases' statistics were not read.",
    )
