"""What an instance's disk holds, part by part, against the figure of its provider."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from workbench.analyse.disk import disk
from workbench.present.bench import Bench
from workbench.present.charts import Bar, bars
from workbench.present.svg import Figure
from workbench.present.tables import NO_REASON, Column, Table
from workbench.present.text import brief
from workbench.present.theme import ACCENT, GREY, INK, Colour
from workbench.present.units import bytes_text, exact

_MOST_SERVICES = 8  # with a bar of their own; the rest is one bar


def _parts(bench: Bench) -> pd.DataFrame:
    found = bench.capacity
    return disk(bench.history, found.services, found.databases, bench.estate)


def made_of(bench: Bench, instance: str | None = None) -> Figure:
    """Draw what the disk of ``instance`` holds as a waterfall up to its provider's figure.

    Without ``instance`` it is the one with the most bytes; the table has all.
    """
    frame = _parts(bench)
    counted = frame[~frame["kind"].isin(["provider", "unexplained"])]
    sums = counted.groupby("instance")["bytes"].sum().sort_values(ascending=False, kind="stable")
    if sums.empty:
        return bars([], title="No instance was reached", subtitle=bench.moment)
    name = instance or str(sums.index[0])
    rows = _few(frame[frame["instance"] == name])
    drawn, reached = [], 0.0
    for row in rows.to_dict("records"):
        whole = row["kind"] == "provider"
        drawn.append(_bar(bench, row, 0.0 if whole else reached))
        if not whole and pd.notna(row["bytes"]):
            reached += float(row["bytes"])
    subtitle = f"Bytes on the disk of {brief(name)}, each part from where the one before ends; {bench.moment}"
    return bars(drawn, title=_title(name, rows), subtitle=subtitle)


def _few(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with the smaller services summed into one."""
    services = rows[rows["kind"] == "service"]
    if len(services) <= _MOST_SERVICES + 1:
        return rows
    rest = services.iloc[_MOST_SERVICES:]
    one = rest.iloc[[0]].assign(
        part=f"{len(rest)} smaller services",
        kind="services",
        bytes=rest["bytes"].sum(skipna=False),
        because="not every one of them could be sized",
    )
    return pd.concat([services.head(_MOST_SERVICES), one, rows.drop(services.index)])


def _title(name: str, rows: pd.DataFrame) -> str:
    by_kind = rows.set_index("kind")["bytes"]
    left, figure = by_kind["unexplained"], by_kind["provider"]
    parts = rows[~rows["kind"].isin(["provider", "unexplained"])]
    counted = bytes_text(float(parts["bytes"].sum()))
    if pd.notna(left) and figure:
        if left < 0:
            return f"{brief(name)} holds {bytes_text(-float(left))} more than its provider says"
        share = float(left) / float(figure)
        return f"{bytes_text(float(left))} of {brief(name)}'s {bytes_text(float(figure))} are unexplained, {share:.0%}"
    if pd.notna(figure):
        gaps = int(parts["bytes"].isna().sum())
        of = f"of the {bytes_text(float(figure))} on {brief(name)}'s disk"
        return f"{counted} {of} are accounted for; {gaps} parts could not be read"
    return (
        f"{counted} of {brief(name)}'s disk are accounted for; its provider's figure is not known"
    )


_COLOURS: dict[str, Colour] = {"unexplained": ACCENT, "provider": INK}


def _bar(bench: Bench, row: Mapping[Hashable, Any], start: float) -> Bar:
    name, value = str(row["part"]), row["bytes"]
    colour = bench.colour(name) if row["kind"] == "service" else _COLOURS.get(row["kind"], GREY)
    if pd.isna(value):
        return Bar(name, (), "unknown", f"{name}: unknown, {row['because'] or NO_REASON}", colour)
    size = float(value)
    tip = f"{name}: {exact(size, 'bytes')}"
    return Bar(name, (size,), bytes_text(size), tip, colour, start)


def disks(bench: Bench) -> Table:
    """Return what every instance's disk holds; the parts add up to the provider's figure to the byte."""
    frame = _parts(bench)
    several = frame["instance"].nunique() > 1
    return Table(
        frame,
        [
            Column("part", "Part", "name"),
            *([Column("instance", "Instance", "name")] if several else []),
            Column("bytes", "Size", "bytes"),
        ],
        caption="What the disk holds",
        empty="No instance was reached.",
        limit=200,
    )
