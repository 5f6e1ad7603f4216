"""A window's statements, each with what it touches and who ran it."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.analyse.attribution import Attribution, Context, Touch, attributor
from workbench.analyse.bounds import bounded
from workbench.analyse.callers import Caller, Callers
from workbench.analyse.catalogue import Catalogue
from workbench.analyse.cells import text_of
from workbench.snapshot import Window
from workbench.snapshot.history import frame_over
from workbench.sql import Pool, Statement, read_statement

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

Read = Callable[[Iterable[str]], Sequence[Statement]]
"""Reads many texts, in their order, equal ones as one object; see ``workbench.snapshot.readings.read_texts``, which remembers what it read."""


def read_all(texts: Iterable[str]) -> list[Statement]:
    """Read each text, an equal one once, without columns."""
    pool = Pool()
    known = {t: pool.shared(read_statement(t).without_columns()) for t in dict.fromkeys(texts)}
    return [known[text] for text in texts]


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
    hide behind the name), views (``schema.view``, in order), view_services, via (the triggers, rules, foreign
    keys and inheritance by which it is reached, in order), low and high (the least and the most of the entry that is this relation's, 0 to 1).
    """

    window: Window
    entries: pd.DataFrame
    touches: pd.DataFrame
    facts: tuple[Entry, ...]
    catalogue: Catalogue


def attribute(
    window: Window, read: Read = read_all, catalogue: Catalogue | None = None
) -> Attributed:
    """Attribute every entry of a window's statements.

    ``read`` reads the texts; give one that remembers what it read. Names are resolved by the newest
    snapshot's ``catalogue``; give it where it is there already.
    """
    entries = window.statements.reset_index(drop=True)
    for name, columns in MEASURES.items():
        entries[name] = entries[list(columns)].astype("Float64").sum(axis=1, min_count=len(columns))
    catalogue = catalogue or Catalogue(window.history.newest)
    facts = _facts(window, entries, catalogue, read)
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
    touches = bounded(_touches(facts), entries, facts, window)
    return Attributed(window, entries, touches, tuple(facts), catalogue)


def _facts(window: Window, entries: pd.DataFrame, catalogue: Catalogue, read: Read) -> list[Entry]:
    """What is known of each entry. Of 50,000, many share their parts: each part is held once."""
    callers = Callers.of(window.history)
    places: dict[Context, Context] = {}
    contexts = []
    for i, d, r in entries[["instance", "datname", "rolname"]].itertuples(index=False):
        context = Context(i, text_of(d) or "", text_of(r) or "")
        contexts.append(places.setdefault(context, context))
    # a text lies in the frame, and is made one of Python's only while it is looked at
    texts = entries["query"].astype("str").fillna("")
    statements = read(texts.array)
    attribute_one = attributor(
        catalogue,
        majors_of(window),
        read_statement,
        zip(contexts, texts, statements, strict=True),
        next((s for s in window.history.collected if s.has("columns")), None),
    ).attribute
    readers = _readers(window)
    # equal texts are one statement: to compare them would make each a string of Python's at once
    several = (
        entries[["instance", "dbid", "userid", "toplevel"]]
        .assign(statement=[id(s) for s in statements])
        .duplicated(keep=False)
    )
    facts = []
    held: dict[Attribution, Attribution] = {}
    done: dict[tuple[Context, int, bool], Attribution] = {}
    for context, statement, twice, queryid in zip(
        contexts, statements, several.tolist(), entries["queryid"].tolist(), strict=True
    ):
        key = (context, id(statement), twice)
        if key not in done:
            found = attribute_one(context, statement, several=twice)
            mine = (context.instance, context.login) in readers and not found.open_ended
            if mine and all(t.relation.standing == "platform" for t in found.touches):
                found = Attribution("workbench", ())
            done[key] = held.setdefault(found, found)
        number = None if pd.isna(queryid) else int(queryid)
        caller = callers.of_entry(
            context.instance, context.database or None, context.login or None, number
        )
        facts.append(Entry(statement, done[key], caller))
    return facts


_TOUCH = [
    *("entry", "instance", "database", "schema", "relation", "service", "standing"),
    *("access", "certain", "named", "views", "view_services", "via", "low", "high"),
]


def _touches(facts: list[Entry]) -> pd.DataFrame:
    """One row per entry and touch; each of the few different touches is spelled out once."""
    kinds: dict[int, int] = {}
    touches: list[Touch] = []
    entries, rows = array("q"), array("q")
    for number, fact in enumerate(facts):
        for touch in fact.attribution.touches:
            # the attributor makes each touch once, and ``facts`` holds them
            row = kinds.setdefault(id(touch), len(touches))
            if row == len(touches):
                touches.append(touch)
            entries.append(number)
            rows.append(row)
    kind = pd.DataFrame([_row(t) for t in touches], columns=_TOUCH[1:-2], dtype="object")
    kind = kind.astype({"certain": "bool", "named": "bool"})
    frame = kind.take(np.frombuffer(rows, dtype="int64")).reset_index(drop=True)
    frame.insert(0, "entry", np.array(entries, dtype="int64"))
    return frame.assign(low=frame["certain"].astype("float64"), high=1.0)


def _row(touch: Touch) -> tuple[object, ...]:
    relation = touch.relation
    views = tuple(v.qualified for v in touch.views)
    owners = tuple(sorted({v.service for v in touch.views if v.service}))
    return (
        *(relation.instance, relation.database, relation.schema, relation.relation),
        *(relation.service, relation.standing, touch.access, touch.certain, touch.named),
        *(views, owners, touch.via),
    )


def majors_of(window: Window) -> dict[str, int]:
    """The major version of each instance, as the newest snapshot that reached it says."""
    read = frame_over(window.history.collected, "identity", "server_version_num")
    numbers = read[["instance", "server_version_num"]].itertuples(index=False)
    return {instance: int(number) // 10000 for instance, number in numbers}


def _readers(window: Window) -> set[tuple[str, str]]:
    """Logins that the workbench read with, unless the estate says that a service uses them too."""
    actors = {a.login for a in window.history.newest.settled.actors}
    read = frame_over(window.history.collected, "identity", "read_as")
    rows = read[["instance", "read_as"]].drop_duplicates().itertuples(index=False)
    return {(instance, login) for instance, login in rows if login not in actors}
