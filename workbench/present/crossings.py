"""What crossings look like: who touches whose data, with each statement, and what is forbidden or never used."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from workbench.analyse.crossings import Crossing, matrix, writers
from workbench.analyse.meetings import pairs
from workbench.present.answers import (
    brief,
    days_of,
    none_seen,
    pace_text,
    statements_abroad,
    unread,
)
from workbench.present.bench import Bench
from workbench.present.grid import Cell, grid
from workbench.present.svg import Figure
from workbench.present.tables import Column, Table
from workbench.present.text import legible, slug
from workbench.present.units import count_text, period_text

UNKNOWN = "unknown caller"
MOST = 14
"""rows and columns of the grid"""
_NONE = "No statement is seen to leave its service."


def statements_that_cross(bench: Bench) -> list[Crossing]:
    """The crossings that statements make, by calls."""
    return [c for c in bench.crossings if c.kind == "statement"]


def who_touches_whom(bench: Bench) -> Figure:
    """Draw calls a day from each actor (unknown last) to each owner; writes stand out."""
    days = days_of(bench.workload)
    found = statements_that_cross(bench)
    frame = pd.concat(
        [
            matrix([c for c in found if c.instance == instance]).assign(days=length)
            for instance, length in sorted(days.items())
        ]
        or [matrix([]).assign(days=1.0)],
        ignore_index=True,
    )
    frame["pace"] = frame["count"].astype("float64") / frame["days"].astype("float64")
    frame["actor"] = [a if isinstance(a, str) else UNKNOWN for a in frame["actor"]]
    every = frame.groupby("actor")["pace"].sum().sort_values(ascending=False, kind="stable")
    actors = [str(a) for a in every.index if a != UNKNOWN] + [UNKNOWN] * (UNKNOWN in every.index)
    owners = frame.groupby("owner")["pace"].sum().sort_values(ascending=False, kind="stable")
    rows, columns = actors[-MOST:], [str(o) for o in owners.index][:MOST]
    hidden = len(actors) - len(rows) + len(owners) - len(columns)
    cells = _cells(frame, pairs(bench.crossings))
    more = f"; {hidden} services with fewer calls are in the table alone" if hidden else ""
    return grid(
        rows,
        columns,
        cells,
        title=_title(bench, owners),
        subtitle=f"Calls a day, callers in rows, owners of the data in columns; reads in grey, writes in orange; {bench.period}{more}",
        names=("reads a day", "writes a day"),
        empty=none_seen(bench.workload, _NONE),
        colours=bench.colours,
    )


def _cells(frame: pd.DataFrame, met: pd.DataFrame) -> dict[tuple[str, str], Cell]:
    written = met.groupby(["one", "other"])["written"].sum()
    paces = frame.groupby(["actor", "owner", "access"])["pace"].sum()
    most = math.log1p(float(paces.max())) if len(paces) else 1.0
    cells = {}
    for actor, owner in frame[["actor", "owner"]].drop_duplicates().itertuples(index=False):
        by = {
            a: float(paces[actor, owner, a])
            for a in ("read", "write")
            if (actor, owner, a) in paces
        }
        words = ", ".join(f"{count_text(round(v, 1))} {a}s a day" for a, v in by.items())
        together = int(written.get(tuple(sorted((str(actor), str(owner)))), 0))
        both = [f"{together:,} transactions wrote data of both"] if together else []
        tip = "\n".join([f"{legible(actor)} to {legible(owner)}: {words}", *both])
        strength = math.log1p(by.get("read", 0.0)) / most if most else 0.0
        texts = [pace_text(by[a]) if a in by else "" for a in ("read", "write")]
        cells[str(actor), str(owner)] = Cell(texts[0], texts[1], tip, strength)
    return cells


def _title(bench: Bench, owners: pd.Series[float]) -> str:
    found = statements_abroad(bench.workload)
    days = days_of(bench.workload)
    if owners.empty:
        blank = unread(bench.workload) and bench.workload.callers.empty
        return "Who touches whose data is not known" if blank else _NONE.rstrip(".")
    total = sum((c.calls or 0) / days[c.instance] for c in found if c.instance in days)
    known = sum(c.actor is not None for c in found)
    told = f"; the caller is known for {known} of {len(found)} statements" * (known < len(found))
    return f"{pace_text(total)} calls a day touch another service's data, most often {brief(owners.index[0])}'s{told}"


_LIST = ["actor", "owners", "access", "relations", "through", "pace", "at_most", "time"]
_LIST += ["seen", "logins", "example", "because", "because_pace", "bypasses", "id"]


def _listed(bench: Bench, found: Iterable[Crossing]) -> pd.DataFrame:
    days = days_of(bench.workload)
    rows = []
    for c in found:
        length = days.get(c.instance)
        rows.append(
            {
                "actor": c.actor,
                "owners": c.owners,
                "access": "✎\u00a0write" if c.access == "write" else "read",
                "relations": c.relations,
                "through": (*c.via, *c.through) or None,
                "pace": None if c.calls is None or not length else c.calls / length,
                "at_most": c.at_most,
                "time": None if c.time_ms is None or not length else c.time_ms / length,
                "seen": _seen(c),
                "logins": c.logins or None,
                "example": c.examples[0] if c.examples else None,
                "because": c.because,
                "because_pace": "one reading says nothing of a day",
                "bypasses": c.bypasses,
                "id": slug("crossing", c.key),
            }
        )
    return pd.DataFrame(rows, columns=_LIST)


def _objects(values: Iterable[object]) -> pd.Series[Any]:
    return pd.Series(list(values), dtype="object")


def _seen(crossing: Crossing) -> str | None:
    """The first and the last reading with a call, in one piece."""
    first, last = crossing.first_seen, crossing.last_seen
    if first is None or last is None:
        return None
    told = period_text(first, last).removesuffix(f" {last:%Y}")
    return told.replace(" ", "\u00a0").replace("–\u00a0", "– ")


def _columns(*names: str) -> list[Column]:
    every = {
        "actor": Column("actor", "Caller", "name"),
        "owners": Column("owners", "Owner", "list"),
        "access": Column("access", "Access"),
        "relations": Column("relations", "Tables", "list"),
        "through": Column("through", "Through", "list", absent="directly"),
        "bypasses": Column("bypasses", "View it could use", "list"),
        "pace": Column("pace", "Calls a day", "count", because="because_pace", at_most="at_most"),
        "time": Column("time", "Time a day", "ms", because="because_pace", at_most="at_most"),
        "seen": Column("seen", "Seen", otherwise="it was not seen in a reading"),
        "logins": Column(
            "logins",
            "Login",
            "list",
            otherwise="the login was dropped, or may not be seen",
            private=True,
        ),
        "example": Column(
            "example", "Statement", "sql", otherwise="its text may not be seen", below=True
        ),
    }
    return [every[name] for name in names]


def crossings(bench: Bench, limit: int = 100) -> Table:
    """Return every statement that leaves its service, the most calls first, with its SQL and why its caller is unknown."""
    return Table(
        _listed(bench, statements_that_cross(bench)),
        _columns(
            "actor",
            "owners",
            "access",
            "relations",
            "through",
            "pace",
            "time",
            "seen",
            "logins",
            "example",
        ),
        caption="Statements that cross services",
        empty=none_seen(bench.workload, _NONE),
        limit=limit,
        ids="id",
    )


def leaving(bench: Bench, service: str) -> Table:
    """Return the statements of a service that touch another's data."""
    found = [c for c in statements_that_cross(bench) if c.actor == service]
    nothing = f"No statement of {brief(service)} is seen to touch another service's data."
    return _of_one(bench, found, "owners", "Statements that leave the service", nothing)


def entering(bench: Bench, service: str, links: Mapping[str, str] | None = None) -> Table:
    """Return the statements of others, and of unknown callers, that touch a service's data.

    ``links`` are the addresses of the callers' pages.
    """
    found = [c for c in statements_that_cross(bench) if service in c.owners and c.actor != service]
    nothing = f"No statement of another service is seen to touch {brief(service)}'s data."
    table = _of_one(bench, found, "actor", "Statements that come from outside", nothing)
    return replace(table, links=links or {})


def _of_one(bench: Bench, found: list[Crossing], other: str, caption: str, nothing: str) -> Table:
    return Table(
        _listed(bench, found),
        _columns(other, "access", "relations", "through", "pace", "seen", "logins", "example"),
        caption=caption,
        empty=none_seen(bench.workload, nothing),
        limit=200,
        ids="id",
    )


def foreign_writes(bench: Bench) -> Table:
    """Return the statements that write another service's data, directly or through a view."""
    found = [c for c in statements_that_cross(bench) if c.access == "write"]
    return Table(
        _listed(bench, found),
        _columns("actor", "owners", "relations", "through", "pace", "logins", "example"),
        caption="Writes into another service's data",
        empty=none_seen(bench.workload, "No statement is seen to write another service's data."),
    )


def bypassed_views(bench: Bench) -> Table:
    """Return the statements that read another service's tables though their own service has a view over them."""
    found = [c for c in statements_that_cross(bench) if c.bypasses]
    return Table(
        _listed(bench, found),
        _columns("actor", "owners", "relations", "bypasses", "pace", "example"),
        caption="Reads that bypass a view",
        empty=none_seen(bench.workload, "No known caller reads past a view of its own service."),
    )


def written_by_several(bench: Bench, limit: int = 40) -> Table:
    """Return the tables that more than one service or login writes."""
    frame = writers(bench.workload.attributed)
    days = days_of(bench.workload)
    length = frame["instance"].map(days).astype("Float64")
    shown = frame.assign(
        services=_objects(s or None for s in frame["services"]),
        logins=_objects(s or None for s in frame["logins"]),
        pace=frame["calls"].astype("Float64") / length,
        strangers=frame["unknown"].astype("Float64") / length,
        because="no caller is known: the login says too little",
    )
    return Table(
        shown,
        [
            Column("relation", "Table", "name"),
            Column("owner", "Owner", "name", absent="nobody's"),
            Column("services", "Written by", "list"),
            Column(
                "logins",
                "Logins",
                "list",
                otherwise="the login was dropped, or may not be seen",
                private=True,
            ),
            Column("pace", "Writing calls a day", "count"),
            Column("strangers", "By unknown callers a day", "count"),
        ],
        caption="Tables that several write",
        empty=none_seen(
            bench.workload,
            "No table is seen to be written by several services or logins; those that share a login cannot be told apart.",
        ),
        limit=limit,
    )


def unused_grants(bench: Bench, limit: int = 40) -> Table:
    """Return what the estate's logins may do to other services' data and did not do in the window."""
    found = [c for c in bench.crossings if c.kind == "grant" and c.calls == 0]
    rows = [
        {
            "actor": c.actor,
            "owners": c.owners,
            "access": "✎\u00a0write" if c.access == "write" else "read",
            "count": len(c.relations),
            "relations": _some(c.relations),
            "logins": c.logins,
        }
        for c in found
    ]
    mapped = any(a.login for a in bench.estate.actors)
    doubtful = [c for c in bench.crossings if c.kind == "grant" and c.calls is None]
    nothing = (
        f"No grant is known to be unused; of {len(doubtful)} it cannot be told."
        if doubtful
        else "No login of a service may touch another service's data without doing so."
        if mapped
        else "Unknown: the estate maps no login to a service, so nobody's privileges can be judged."
    )
    return Table(
        pd.DataFrame(rows, columns=["actor", "owners", "access", "count", "relations", "logins"]),
        [
            Column("actor", "Service", "name"),
            Column("owners", "Owner", "list"),
            Column("access", "May"),
            Column("count", "Tables", "count"),
            Column("relations", "Which", "list"),
            Column("logins", "Login", "list"),
        ],
        caption="Grants that nothing used",
        empty=nothing,
        limit=limit,
        private=True,
    )


def _some(names: tuple[str, ...], most: int = 4) -> tuple[str, ...]:
    more = (f"and {len(names) - most} more",) if len(names) > most else ()
    return (*names[:most], *more)
