"""A window's statements, each with what it touches and who ran it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from workbench.analyse.attribution import (
    Attribution,
    Attributor,
    Context,
    aliases_in,
    setting_paths,
)
from workbench.analyse.callers import Caller, Callers
from workbench.analyse.catalogue import Catalogue
from workbench.snapshot import Window
from workbench.sql import Statement, read_statement

MEASURES: dict[str, tuple[str, ...]] = {
    "calls": ("calls",),
    "time_ms": ("total_exec_time",),
    "plan_ms": ("total_plan_time",),
    "rows": ("rows",),
    "blocks": ("shared_blks_hit", "shared_blks_read"),
    "blocks_read": ("shared_blks_read",),
    "blocks_dirtied": ("shared_blks_dirtied",),
    "temp_blocks": ("temp_blks_read", "temp_blks_written"),
    "wal_bytes": ("wal_bytes",),
    "io_ms": ("shared_blk_read_time", "shared_blk_write_time"),
}
"""What is summed per service, and of which columns of pg_stat_statements."""

Read = Callable[[Iterable[str]], Mapping[str, Statement]]
"""Reads many texts; see ``workbench.snapshot.readings.read_texts``, which remembers what it read."""


def read_all(texts: Iterable[str]) -> dict[str, Statement]:
    """Read each text once."""
    return {text: read_statement(text) for text in dict.fromkeys(texts)}


class Entry(NamedTuple):
    """What is known of one entry of pg_stat_statements besides its counters."""

    statement: Statement
    attribution: Attribution
    caller: Caller


@dataclass(frozen=True)
class Attributed:
    """A window's statements with what each touches and who ran it.

    ``entries``: the rows of ``Window.statements`` (index 0 to n - 1), with the columns of ``MEASURES``,
    kind, rung, caller (service or None), caller_rung, caller_because, exclusive (service or None),
    open_ended (it may touch more), names (how many relations its text names), fingerprint, approximate (why, or None). ``facts``: the ``Entry`` of each row. ``catalogue``: by whose names.

    ``touches``: one row per entry and relation: entry, instance, database, schema, relation (partition
    root), service, standing, access (read, write, lock), certain, named (the text names it; else it may
    hide behind the name), views (``schema.view``, in order),
    view_services, low and high (the least and the most of the entry that is this relation's, 0 to 1).
    """

    window: Window
    entries: pd.DataFrame
    touches: pd.DataFrame
    facts: tuple[Entry, ...]
    catalogue: Catalogue


def attribute(window: Window, read: Read = read_all) -> Attributed:
    """Attribute every entry of a window's statements.

    ``read`` reads the texts; give one that remembers what it read. Names are resolved by the newest
    snapshot's catalogue.
    """
    entries = window.statements.reset_index(drop=True)
    for name, columns in MEASURES.items():
        entries[name] = entries[list(columns)].astype("Float64").sum(axis=1, min_count=len(columns))
    newest = window.history.newest
    catalogue = Catalogue(newest)
    callers = Callers.of(window.history)
    contexts = [
        Context(i, _text(d), _text(r))
        for i, d, r in entries[["instance", "datname", "rolname"]].itertuples(index=False)
    ]
    texts = [_text(q) for q in entries["query"]]
    known = read(texts)
    statements = [known[text] for text in texts]
    attributor = Attributor(
        catalogue,
        _majors(window),
        read_statement,
        setting_paths(catalogue, zip(contexts, statements, strict=True)),
        aliases_in(((c[:2], s) for c, s in zip(contexts, statements, strict=True))),
    )
    readers = _readers(window)
    several = entries.duplicated(["instance", "dbid", "userid", "toplevel", "query"], keep=False)
    facts = []
    done: dict[tuple[Context, str, bool], Attribution] = {}
    for context, text, statement, twice, queryid in zip(
        contexts, texts, statements, several, entries["queryid"], strict=True
    ):
        key = (context, text, bool(twice))
        if key not in done:
            found = attributor.attribute(context, statement, several=bool(twice))
            mine = (context.instance, context.login) in readers and not found.open_ended
            if mine and all(t.relation.standing == "platform" for t in found.touches):
                found = Attribution("workbench", ())
            done[key] = found
        number = None if pd.isna(queryid) else int(queryid)
        caller = callers.of_entry(
            context.instance, context.database or None, context.login or None, number
        )
        facts.append(Entry(statement, done[key], caller))
    entries = entries.assign(
        kind=[f.statement.kind for f in facts],
        rung=[f.attribution.rung for f in facts],
        exclusive=pd.Series([f.attribution.exclusive for f in facts], entries.index, dtype=object),
        caller=pd.Series([f.caller.service for f in facts], entries.index, dtype=object),
        caller_rung=[f.caller.rung for f in facts],
        caller_because=[f.caller.because for f in facts],
        fingerprint=pd.Series(
            [f.statement.fingerprint for f in facts], entries.index, dtype=object
        ),
        open_ended=[f.attribution.open_ended for f in facts],
        names=[f.attribution.names for f in facts],
        approximate=pd.Series([f.statement.because for f in facts], entries.index, dtype=object),
    )
    return Attributed(window, entries, _touches(facts, entries, window), tuple(facts), catalogue)


_TOUCH = [
    *("entry", "instance", "database", "schema", "relation", "service", "standing"),
    *("access", "certain", "named", "views", "view_services", "low", "high"),
]


def _touches(facts: list[Entry], entries: pd.DataFrame, window: Window) -> pd.DataFrame:
    rows = []
    for number, fact in enumerate(facts):
        for touch in fact.attribution.touches:
            relation = touch.relation
            views = tuple(v.qualified for v in touch.views)
            owners = tuple(sorted({v.service for v in touch.views if v.service}))
            rows.append(
                (
                    *(number, relation.instance, relation.database, relation.schema),
                    *(relation.relation, relation.service, relation.standing),
                    *(
                        touch.access,
                        touch.certain,
                        touch.named,
                        views,
                        owners,
                        float(touch.certain),
                        1.0,
                    ),
                )
            )
    found = pd.DataFrame(rows, columns=_TOUCH)
    found = found.astype(
        {"entry": "int64", "certain": "bool", "named": "bool", "low": "float64", "high": "float64"}
    )
    return _bounded(found, entries, window)


_CHANGES = {"insert": "n_tup_ins", "update": "n_tup_upd", "delete": "n_tup_del"}


def _bounded(touches: pd.DataFrame, entries: pd.DataFrame, window: Window) -> pd.DataFrame:
    """Narrow, by the tables' own counters, which of several tables an INSERT, UPDATE or DELETE changed.

    Of the rows that such an entry changed, a table has at most what its counter rose by, and at least what
    the other tables' counters leave over.
    """
    unsure = touches[(touches["access"] == "write") & ~touches["certain"]]
    unsure = unsure.assign(kind=entries["kind"].reindex(unsure["entry"]).to_numpy())
    unsure = unsure[unsure["kind"].isin(list(_CHANGES))]
    if unsure.empty:
        return touches
    place = ["instance", "database", "schema", "relation"]
    tables = window.tables.drop(columns=["schema", "relation"])
    tables = tables.rename(columns={"root_schema": "schema", "root": "relation"})
    moved = tables.groupby(place)[list(_CHANGES.values())].sum(min_count=1)
    changed = entries["rows"].astype("Float64")
    touches = touches.copy()
    for (number, kind), group in unsure.groupby(["entry", "kind"], sort=True):
        rows = changed.iloc[int(str(number))]
        counter = moved[_CHANGES[str(kind)]].reindex(pd.MultiIndex.from_frame(group[place]))
        if pd.isna(rows) or rows <= 0 or counter.isna().any():
            continue
        counts = counter.astype("float64").to_numpy()
        most = (counts / float(rows)).clip(max=1.0)
        least = (1.0 - (counts.sum() - counts) / float(rows)).clip(min=0.0, max=1.0)
        touches.loc[group.index, "high"] = most
        touches.loc[group.index, "low"] = least
    return touches


def _majors(window: Window) -> dict[str, int]:
    """The major version of each instance, as the newest snapshot that reached it says."""
    found: dict[str, int] = {}
    for snapshot in window.history.collected:
        numbers = snapshot.frame("identity", "server_version_num")
        for instance, number in numbers[["instance", "server_version_num"]].itertuples(index=False):
            found[instance] = int(number) // 10000
    return found


def _readers(window: Window) -> set[tuple[str, str]]:
    """Logins that the workbench read with, unless the estate says that a service uses them too."""
    actors = {a.login for a in window.history.newest.settled.actors}
    found: set[tuple[str, str]] = set()
    for snapshot in window.history.collected:
        rows = snapshot.frame("identity", "read_as")[["instance", "read_as"]]
        found |= {(i, r) for i, r in rows.itertuples(index=False) if r not in actors}
    return found


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
