"""All endpoints of an instance together: what the primary and its replicas did, summed or side by side.

A standby counts what is read on it, and never what is written: that arrives as WAL. So a table or an
index that nobody reads on the primary may be in use, and a statement may run on replicas alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from workbench.model import PRIMARY
from workbench.snapshot.differences import COUNTERS, ONLY_WRITTEN, STATEMENT_KEY
from workbench.snapshot.spans import Span
from workbench.snapshot.window import Window

Name = Literal["databases", "tables", "indexes", "statements"]

_PLACED: dict[Name, tuple[str, list[str]]] = {
    "databases": ("database_statistics", ["instance", "database", "datid"]),
    "tables": ("table_statistics", ["instance", "database", "relation_oid"]),
    "indexes": ("index_statistics", ["instance", "database", "index_oid"]),
    "statements": ("statements", ["instance", *STATEMENT_KEY]),
}


def each(window: Window, name: Name) -> pd.DataFrame:
    """Return the window's frame ``name`` with a row per endpoint: the column ``endpoint`` behind ``instance``.

    It is ``primary`` (the endpoint that stands for the instance) or a replica's name. Every row is counted
    inside its endpoint's own epoch, over the ``seconds`` and ``days`` given with it.

    >>> from workbench.share import reference_estate
    >>> from workbench.snapshot import load_history, window_of
    >>> window = window_of(load_history(reference_estate("marketplace") / "history"))
    >>> set(each(window, "tables")["endpoint"])
    {'primary'}
    """
    found = [(PRIMARY, getattr(window, name))]
    found += [(endpoint, getattr(of, name)) for endpoint, of in window.replicas.items()]
    labelled = []
    for endpoint, frame in found:
        if endpoint == PRIMARY or not frame.empty:
            frame = frame.copy()
            frame.insert(1, "endpoint", endpoint)
            labelled.append(frame)
    whole: pd.DataFrame = pd.concat(labelled, ignore_index=True)
    return whole


def together(window: Window, name: Name) -> pd.DataFrame:
    """Return the window's frame ``name`` with the counters of the primary and all its replicas summed.

    One row per row of the frame, and per statement that ran on replicas alone; gauges, ``seconds`` and
    ``days`` are the primary's. ``mean_exec_time`` is that of all calls; there is no deviation.
    ``endpoints`` counts those that are in the sums. ``because`` says why a declared replica is not, or
    is for another period; NA where nothing lacks. Where one may have done more, ``lower_bound`` is set,
    and a counter of 0 is NA: what a server that was not read did is unknown.
    """
    frame, key = _PLACED[name]
    counters = list(COUNTERS[frame])
    judged = list(_judged(window, frame))
    place = ["instance", "database"] if "database" in key else ["instance"]
    counted = {(j.endpoint, *j.place[: len(place)]) for j in judged if j.counted}
    whole = each(window, name).astype(dict.fromkeys(counters, "Float64"))
    own = whole["endpoint"] == PRIMARY
    kept = own | pd.Series(
        [row in counted for row in zip(*(whole[c] for c in ["endpoint", *place]), strict=True)],
        whole.index,
        dtype="bool",
    )
    rows = whole[kept]
    groups: Any = rows.groupby(key, dropna=False, sort=False)
    sums = groups[counters].sum(min_count=1)
    sums["lower_bound"] = groups["lower_bound"].any()
    # The primary's rows come first: they give names, gauges and the period.
    found = rows.drop_duplicates(key).drop(columns=["endpoint", "lower_bound", *counters])
    found = found.merge(sums.reset_index(), "left", key)
    found = found.merge(_reasons(judged, place), "left", place)
    if name == "statements":
        calls = found["calls"]
        found["mean_exec_time"] = (found["total_exec_time"] / calls).where(calls > 0)
        found = found.drop(columns="stddev_exec_time")
    short = found.pop("short").eq(True).fillna(False).astype(bool)
    found["lower_bound"] = found["lower_bound"].astype(bool) | short
    for counter in (c for c in counters if c not in ONLY_WRITTEN):
        found[counter] = found[counter].mask(short & (found[counter] == 0))
    front = [c for c in whole.columns if c in found]
    return found[[*front, "endpoints", "because"]]


@dataclass(frozen=True)
class _Judged:
    """Whether a replica is in the sums of a place, and what is to be said of it."""

    endpoint: str
    place: tuple[str, str | None]
    counted: bool
    short: bool = False
    because: str = ""


def _judged(window: Window, frame: str) -> Iterator[_Judged]:
    theirs = {
        (endpoint, s.instance, s.database): s
        for endpoint, of in window.replicas.items()
        for s in of.spans_of(frame)
    }
    for own in window.spans_of(frame):
        place = (own.instance, own.database)
        if _standby(window, own):
            why = "no primary is read: the endpoint that stands for it is a standby itself"
            yield _Judged(PRIMARY, place, counted=True, short=True, because=why)
        else:
            yield _Judged(PRIMARY, place, counted=True)
        for endpoint in _declared(window, own):
            span = theirs.get((endpoint, *place))
            yield _judge(own, endpoint, span, _unread(window, own, endpoint, frame))


def _judge(own: Span, endpoint: str, span: Span | None, unread: str) -> _Judged:
    place = (own.instance, own.database)
    if span is None:
        return _Judged(endpoint, place, counted=False, short=True, because=unread)
    once = span.kind == "since_reset" and own.kind == "difference"
    inside = span.since is not None and own.since is not None and span.since >= own.since
    fits = inside or not once
    if span.until < own.until:
        return _Judged(endpoint, place, counted=fits, short=True, because=unread)
    if not fits:
        why = f"{endpoint} was read once: what it did in the window is unknown"
        return _Judged(endpoint, place, counted=False, short=True, because=why)
    if span.kind == own.kind == "since_reset" or span.since == own.since:
        return _Judged(endpoint, place, counted=True)
    from_ = "an unknown day" if span.since is None else f"{span.since:%Y-%m-%d %H:%M} UTC"
    why = f"{endpoint} is counted from {from_} on" + (f" ({span.because})" if span.because else "")
    return _Judged(endpoint, place, counted=True, short=inside, because=why)


def _declared(window: Window, own: Span) -> list[str]:
    """The replicas of an instance that the estate names, or that its last reading knew of."""
    manifest = window.history.collected[own.last].manifest
    named = {
        e.name
        for i in window.history.estate.instances
        if i.name == own.instance
        for e in i.replicas
    }
    known = {p.endpoint for p in manifest.parts if p.instance == own.instance}
    known |= {m.endpoint for m in manifest.missing if m.instance == own.instance}
    return sorted({name for name in named | known if name is not None})


def _unread(window: Window, own: Span, endpoint: str, frame: str) -> str:
    for missing in window.history.collected[own.last].manifest.missing:
        here = (missing.instance, missing.endpoint) == (own.instance, endpoint)
        if here and missing.what in ("replica", frame) and missing.database in (None, own.database):
            return f"{endpoint} could not be read: {missing.why}"
    return f"{endpoint} was not read at the end of the window"


def _standby(window: Window, own: Span) -> bool:
    read = window.history.collected[own.last].frame("identity", "in_recovery")
    held = read.loc[read["instance"] == own.instance, "in_recovery"].dropna()
    return bool(held.any())


def _reasons(judged: list[_Judged], place: list[str]) -> pd.DataFrame:
    columns = [*place, "endpoints", "short", "because"]
    told = [
        (*j.place[: len(place)], j.counted, j.short, f"; {j.because}" if j.because else "")
        for j in judged
    ]
    groups: Any = pd.DataFrame(told, columns=columns).groupby(place, as_index=False)
    found: pd.DataFrame = groups.agg({"endpoints": "sum", "short": "any", "because": "sum"})
    told_of = found["because"].str.removeprefix("; ")
    return found.astype({"endpoints": "Int64"}).assign(because=told_of.where(told_of != "", pd.NA))
