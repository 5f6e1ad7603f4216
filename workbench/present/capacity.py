"""How large services and tables are and how they grow: figures and tables, each one call in a notebook and the same on the index page.

Every function takes a ``Bench``; the numbers are those of ``workbench.analyse.capacity`` and none is computed anew
but sums over instances and shares.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

import pandas as pd

from workbench.present.bench import Bench
from workbench.present.charts import Bar, Line, bars, lines, nice_ticks
from workbench.present.headroom import first_limit
from workbench.present.marks import Mark
from workbench.present.svg import Figure
from workbench.present.tables import NO_REASON, Column, Table
from workbench.present.text import brief, escape, slug
from workbench.present.theme import GREY
from workbench.present.units import axis_text, bytes_text, exact
from workbench.present.unmeasured import gathered

_PARTS = ("heap_bytes", "index_bytes", "toast_bytes")
_PART_NAMES = ("heap", "indexes", "TOAST")
_UNCOUNTED = "no estimate of its rows: never analysed"
MOST_BARS = 24  # what a page shows at a glance; the rest is counted
MOST_LABELS = 6  # lines with a name of their own
MOST_LINES = 40


@dataclass(frozen=True)
class Headline:
    """The answer in a sentence, and the few figures under it: pairs of value and what it is."""

    sentence: str
    figures: Sequence[tuple[str, str]]

    def _repr_html_(self) -> str:
        items = "".join(
            f"<div><dd>{escape(value)}</dd><dt>{escape(what)}</dt></div>"
            for value, what in self.figures
        )
        return f'<div class="wb-headline"><p>{escape(self.sentence)}</p><dl>{items}</dl></div>'

    def __repr__(self) -> str:
        return self.sentence


def by_owner(bench: Bench) -> pd.DataFrame:
    """Sum the newest state over instances: one row per service, then unowned and platform, largest first.

    Columns: owner, standing, tables, the byte columns, total_bytes, share, rows, per_day, rows_per_day, because.
    A sum with an unknown part is unknown.
    """
    frame = bench.capacity.services
    owner = frame["service"].where(frame["standing"] == "owned", frame["standing"]).rename("owner")
    grouped = frame.groupby([owner, frame["standing"]], sort=True, dropna=False)
    whole = grouped[["standing"]].first()[[]]
    for name in ("tables", *_PARTS, "total_bytes", "rows", "per_day", "rows_per_day"):
        whole[name] = grouped[name].agg(lambda values: values.sum(skipna=False))
    whole["because"] = grouped["because"].first()
    whole = whole.reset_index()
    # Where a size is unknown, a share of the rest would be too large for everyone.
    sizes = whole["total_bytes"].astype("Float64")
    total = sizes.sum(skipna=False)
    whole["share"] = sizes / (pd.NA if pd.isna(total) or total == 0 else total)
    whole["share_because"] = "not every service could be sized"
    whole["last"] = whole["standing"] != "owned"
    whole = whole.sort_values(
        ["last", "total_bytes", "owner"], ascending=[True, False, True], kind="stable"
    )
    return whole.drop(columns="last").reset_index(drop=True)


def headline(bench: Bench) -> Headline:
    """Say in one sentence what is there and what grows, with the estate's figures under it."""
    whole = by_owner(bench)
    owned = whole[whole["standing"] == "owned"]
    unsized = owned["total_bytes"].isna()
    figures = [
        (f"{len(owned):,}", "services"),
        (_tables_text(whole), "tables"),
        (_total_text(whole), "in tables, indexes and TOAST"),
        _growth_figure(whole),
        *first_limit(bench),
    ]
    if owned.empty:
        return Headline("No table in this estate belongs to a service yet.", figures)
    if unsized.any():
        gap = f"{unsized.sum()} of {len(owned)} services could not be sized"
        return Headline(f"{gap}; the others hold {_total_text(whole)}.", figures)
    first = owned.iloc[0]
    part = f"{first['share']:.0%} of {_total_text(whole)}" if pd.notna(first["share"]) else "0 B"
    sentence = f"{brief(first['owner'])} holds {part}"
    grows = owned[owned["per_day"] > 0].sort_values("per_day", ascending=False)
    if grows.empty:
        why = "no service grows" if owned["per_day"].notna().any() else "growth is not known yet"
        return Headline(f"{sentence}; {why}.", figures)
    fast = grows.iloc[0]
    who = "and grows" if fast["owner"] == first["owner"] else f"; {brief(fast['owner'])} grows"
    pace = f"fastest, by {bytes_text(fast['per_day'])} a day"
    return Headline(f"{sentence} {who} {pace}.".replace(" ;", ";"), figures)


def _tables_text(whole: pd.DataFrame) -> str:
    least = "at least " if whole["tables"].isna().any() else ""
    return f"{least}{int(whole['tables'].sum()):,}"


def _total_text(whole: pd.DataFrame) -> str:
    """All bytes that are known; said to be the least where some are not."""
    text = bytes_text(float(whole["total_bytes"].sum()))
    return f"at least {text}" if whole["total_bytes"].isna().any() else text


def _growth_figure(whole: pd.DataFrame) -> tuple[str, str]:
    """The estate's growth a day; where a part of it is unknown, the whole is, and why is said."""
    unknown = whole[whole["per_day"].isna()]
    if unknown.empty:
        return bytes_text(float(whole["per_day"].sum()), signed=True), "a day"
    reason = next(iter(unknown["because"].dropna()), NO_REASON)
    return "unknown", f"growth a day: {reason}"


def services(bench: Bench) -> Table:
    """Return the table of services: size, share, growth, rows; unowned and platform stand last."""
    whole = by_owner(bench)
    owners = zip(whole["owner"], whole["standing"], strict=True)
    ids = [slug("service", owner) if standing == "owned" else "" for owner, standing in owners]
    return Table(
        whole.assign(id=ids),
        [
            Column("owner", "Service", "name"),
            Column("tables", "Tables", "count"),
            Column("total_bytes", "Size", "bytes"),
            Column("share", "Share", "share", because="share_because"),
            Column("per_day", "Growth", "bytes", per="day"),
            Column("rows", "Rows, estimated", "count", otherwise=_UNCOUNTED),
            Column("rows_per_day", "Rows", "count", per="day", otherwise=_UNCOUNTED),
        ],
        caption="Services by size",
        colours=bench.colours,
        limit=MOST_BARS * 2,
        empty="No relation was found in this estate.",
        ids="id",
    )


def size_by_service(bench: Bench) -> Figure:
    """Draw the size of every service, split into heap, indexes and TOAST."""
    whole = by_owner(bench)
    total = float(whole["total_bytes"].sum())
    owned = whole[whole["standing"] == "owned"]
    top = owned.head(3)
    if len(owned) > 3 and top["share"].notna().all() and total:
        names = (
            ", ".join(brief(owner) for owner in top["owner"].iloc[:2])
            + f" and {brief(top['owner'].iloc[2])}"
        )
        title = f"{names} hold {top['total_bytes'].sum() / total:.0%} of {bytes_text(total)}"
    else:
        title = f"The estate holds {_total_text(whole)}"
    shown = whole.head(MOST_BARS)
    rows = [
        Bar(
            str(row["owner"]),
            *_sizes(str(row["owner"]), row),
            bench.colour(str(row["owner"]), str(row["standing"])),
        )
        for row in shown.to_dict("records")
    ]
    subtitle = f"Bytes on disk by service, {bench.moment}"
    return bars(
        rows, title=title, subtitle=subtitle, part_names=_PART_NAMES, more=len(whole) - len(shown)
    )


def _sizes(name: str, row: Mapping[Hashable, Any]) -> tuple[tuple[float, ...], str, str]:
    """What a bar shows of sizes: its parts, the figure beside it, and the exact values."""
    if any(pd.isna(row[part]) for part in _PARTS):
        return (), "unknown", f"{name}: unknown, {row['because'] or NO_REASON}"
    parts = tuple(float(row[part]) for part in _PARTS)
    lines_ = [
        f"{what} {exact(size, 'bytes')}" for what, size in zip(_PART_NAMES, parts, strict=True)
    ]
    whole = float(row["total_bytes"])
    return parts, bytes_text(whole), "\n".join([f"{name}: {exact(whole, 'bytes')}", *lines_])


def growth_over_time(bench: Bench) -> Figure:
    """Draw the size of each service over the period; the largest carry their names."""
    daily = bench.capacity.daily
    owner = daily["service"].where(daily["standing"] == "owned", daily["standing"]).rename("owner")
    sums = daily.groupby(["at", owner])["total_bytes"].sum(min_count=1)
    sizes = sums.unstack("owner").sort_index()
    last = (
        sizes.ffill().iloc[-1].sort_values(ascending=False, kind="stable")
        if len(sizes)
        else pd.Series(dtype=float)
    )
    steps = nice_ticks(float(sizes.max().max()) if len(sizes) else 0.0)
    ticks = [(step, axis_text(step, steps[-1])) for step in steps]
    named = [str(name) for name in last.index if name not in {"unowned", "platform"}][:MOST_LABELS]
    drawn = [str(name) for name in last.index][:MOST_LINES]
    series = [_line(bench, name, sizes[name].dropna(), named=name in named) for name in drawn]
    subtitle = f"Bytes on disk by service, {bench.period}"
    if len(drawn) > len(named):
        subtitle += f"; {len(drawn) - len(named)} smaller in grey"
    if len(last) > len(drawn):
        subtitle += f", {len(last) - len(drawn)} more not drawn"
    ends = "; ".join(f"{line.label} {line.figure}" for line in series if line.label)
    return lines(
        series,
        ticks=ticks,
        title=_growth_title(sizes),
        subtitle=subtitle,
        description=f"{subtitle}. {ends}.",
        marks=_marks(bench, pd.DatetimeIndex(sizes.index)),
    )


def _marks(bench: Bench, days: pd.DatetimeIndex) -> list[Mark]:
    """What the estate file says has happened within the period, and the breaks of instances' epochs."""
    if not len(days):
        return []
    events = bench.estate.events
    moments = [datetime.combine(event.date, time(), UTC) for event in events]
    found = []
    for at, event in zip(moments, events, strict=True):
        whose = event.service or event.instance
        tip = f"{event.what} ({whose})" if whose else event.what
        found.append(Mark(at, event.what.split(":")[0], tip))
    for broken in bench.coverage.epoch_breaks:
        if broken.database is None and broken.adopted is None:
            tip = f"{broken.instance}: {broken.kind}, {broken.why}"
            found.append(Mark(broken.at, broken.kind, tip, discreet=True))
    first, last = days[0].normalize(), days[-1]
    return sorted((m for m in found if first <= m.at <= last), key=lambda m: (m.at, m.tip))


def _line(bench: Bench, name: str, sizes: pd.Series[float], *, named: bool) -> Line:
    points = tuple(
        (at.to_pydatetime(), float(size))
        for at, size in zip(pd.DatetimeIndex(sizes.index), sizes, strict=True)
    )
    last = points[-1][1]
    return Line(
        points,
        name if named else "",
        bytes_text(last) if named else "",
        f"{name}: {exact(last, 'bytes')}",
        bench.colour(name) if named else GREY,
    )


def _growth_title(sizes: pd.DataFrame) -> str:
    if len(sizes) < 2:
        return "One snapshot: growth needs a second one"
    totals = sizes.ffill().sum(axis=1)
    first, last = float(totals.iloc[0]), float(totals.iloc[-1])
    days = max((sizes.index[-1] - sizes.index[0]).days, 1)
    verb = "grew" if last > first else "shrank" if last < first else "stayed"
    if verb == "stayed":
        return f"The estate stayed at {bytes_text(last)} over {days} days"
    change = (sizes.ffill().iloc[-1] - sizes.bfill().iloc[0]).sort_values(
        ascending=False, kind="stable"
    )
    title = f"The estate {verb} from {bytes_text(first)} to {bytes_text(last)} in {days} days"
    share = float(change.iloc[0]) / (last - first) if last > first else 0.0
    return (
        f"{title}; {share:.0%} of that is {brief(change.index[0])}" if 0.05 < share <= 1 else title
    )


def growth_by_service(bench: Bench) -> Figure:
    """Draw how many bytes each service gains a day; unknown growth is said, not drawn."""
    whole = by_owner(bench)
    ranked = whole.assign(known=whole["per_day"].notna()).sort_values(
        ["known", "per_day", "owner"], ascending=[False, False, True], kind="stable"
    )
    shown = ranked.head(MOST_BARS)
    rows = [_growth_bar(bench, row) for row in shown.to_dict("records")]
    growing = whole[whole["per_day"] > 0]
    total = float(growing["per_day"].sum())
    if growing.empty:
        title = "Nothing grows" if whole["per_day"].notna().any() else "Growth is not known yet"
    else:
        top = growing.sort_values("per_day", ascending=False).iloc[0]
        title = f"{brief(top['owner'])} grows by {bytes_text(top['per_day'])} a day, {top['per_day'] / total:.0%} of all growth"
    return bars(
        rows,
        title=title,
        subtitle=f"Bytes a day by service, {bench.period}",
        more=len(whole) - len(shown),
    )


def _growth_bar(bench: Bench, row: Mapping[Hashable, Any]) -> Bar:
    owner, value = str(row["owner"]), row["per_day"]
    colour = bench.colour(owner, str(row["standing"]))
    if pd.isna(value):
        return Bar(owner, (), "unknown", f"{owner}: unknown, {row['because'] or NO_REASON}", colour)
    pace = float(value)
    return Bar(
        owner,
        (pace,),
        f"{bytes_text(pace, signed=True)}",
        f"{owner}: {exact(pace, 'bytes/day')}",
        colour,
    )


def biggest_tables(bench: Bench, count: int = 12) -> Figure:
    """Draw the ``count`` biggest tables, partitions counted with their root."""
    frame = _by_size(_stored(bench.capacity.relations))
    shown = frame.head(count)
    whole = float(frame["total_bytes"].sum())
    several = frame["database"].nunique() > 1
    rows = []
    for row in shown.to_dict("records"):
        name = f"{row['schema']}.{row['table']}"
        name = f"{row['database']}.{name}" if several else name
        colour = bench.colour(str(row["service"]), str(row["standing"]))
        rows.append(Bar(name, *_sizes(name, row), colour))
    title = "No table was found"
    if rows and whole:
        share = float(shown["total_bytes"].iloc[0]) / whole
        title = f"{brief(rows[0].label)} is the biggest table: {rows[0].figure}, {share:.0%} of all bytes"
    return bars(
        rows,
        title=title,
        subtitle=f"Bytes on disk of the {len(rows)} biggest tables, {bench.moment}",
        part_names=_PART_NAMES,
        more=len(frame) - len(shown),
        more_of="tables",
    )


def _stored(relations: pd.DataFrame) -> pd.DataFrame:
    """The relations that hold rows: tables, partitioned ones, materialised views."""
    return relations[relations["kind"].isin(["r", "p", "m"])]


def _by_size(relations: pd.DataFrame) -> pd.DataFrame:
    keys = ["total_bytes", "instance", "database", "schema", "table"]
    return relations.sort_values(keys, ascending=[False, True, True, True, True], kind="stable")


def tables(bench: Bench, limit: int = 40) -> Table:
    """Return the services' biggest tables with their parts, rows and growth."""
    frame = _stored(bench.capacity.relations)
    owned = _by_size(frame[frame["standing"] == "owned"])
    return _relations(bench, owned, "Tables by size", limit, "No table belongs to a service.")


def tables_of(bench: Bench, service: str, limit: int = 200) -> Table:
    """Return the tables of one service, the biggest first."""
    frame = _stored(bench.capacity.relations)
    found = _by_size(frame[(frame["standing"] == "owned") & (frame["service"] == service)])
    return _relations(bench, found, "Tables", limit, "It has no table.", owner=False)


def fastest_tables(bench: Bench, limit: int = 15) -> Table:
    """Return the tables that grow by the most bytes a day."""
    frame = _stored(bench.capacity.relations)
    growing = frame[frame["per_day"].fillna(0) > 0].sort_values(
        ["per_day", "database", "schema", "table"],
        ascending=[False, True, True, True],
        kind="stable",
    )
    reasons = frame.loc[frame["per_day"].isna(), "because"].dropna()
    known = frame["per_day"].notna().any() or reasons.empty
    empty = "No table grew in this period." if known else f"Growth is unknown: {reasons.iloc[0]}."
    return _relations(bench, growing, "Tables by growth", limit, empty)


def not_owned(bench: Bench, standing: str, limit: int = 30) -> Table:
    """Return the relations that are ``unowned`` (somebody must claim them) or ``platform`` (extensions and tools)."""
    frame = _stored(bench.capacity.relations)
    caption, empty = {
        "unowned": ("Tables without an owner", "Every table has an owner."),
        "platform": (
            "Tables of extensions and tools",
            "No table of an extension or tool was found.",
        ),
    }[standing]
    found = _by_size(frame[frame["standing"] == standing])
    return _relations(bench, found, caption, limit, empty, owner=False)


def _relations(
    bench: Bench, frame: pd.DataFrame, caption: str, limit: int, empty: str, *, owner: bool = True
) -> Table:
    frame = frame.assign(name=frame["schema"].astype(str) + "." + frame["table"].astype(str))
    several = bench.capacity.relations["database"].nunique() > 1
    parted = bool((frame["partitions"].head(limit) > 0).any())
    frame = frame.assign(partitions=frame["partitions"].where(frame["partitions"] > 0))
    places = zip(
        *(frame[part] for part in ("instance", "database", "schema", "table")), strict=True
    )
    frame = frame.assign(id=[slug("table", *place) for place in places])
    columns = [
        Column("name", "Table", "name"),
        *([Column("partitions", "Partitions", "count", absent="none")] if parted else []),
        *([Column("database", "Database", "name")] if several else []),
        *([Column("service", "Service", "name", absent="none")] if owner else []),
        Column("total_bytes", "Size", "bytes"),
        Column("heap_bytes", "Heap", "bytes"),
        Column("index_bytes", "Indexes", "bytes"),
        Column("toast_bytes", "TOAST", "bytes"),
        Column("per_day", "Growth", "bytes", per="day"),
        Column("rows", "Rows, estimated", "count", otherwise=_UNCOUNTED),
        Column("rows_per_day", "Rows", "count", per="day", otherwise=_UNCOUNTED),
    ]
    return Table(frame, columns, caption=caption, limit=limit, empty=empty, ids="id")


def not_measured(bench: Bench, places: Collection[tuple[str, str]] | None = None) -> Table:
    """Return what could not be measured, why, and what would settle it; of instances and databases, or everywhere."""
    instances = {instance for instance, _ in places or ()}
    missing = [
        m
        for m in bench.capacity.coverage.missing
        if places is None
        or (m.instance, m.database) in places
        or (m.database is None and m.instance in instances)
    ]
    rows = [
        {"what": m.what, "where": m.places, "why": m.why, "remedy": m.remedy}
        for m in gathered(missing)
    ]
    return Table(
        pd.DataFrame(rows, columns=["what", "where", "why", "remedy"]),
        [
            Column("what", "Not measured"),
            Column("where", "Where", "list", absent="everywhere"),
            Column("why", "Why"),
            Column("remedy", "What would settle it", absent="nothing known", private=True),
        ],
        caption="What could not be measured",
        empty="Everything asked of this estate was measured.",
        limit=200,
    )
