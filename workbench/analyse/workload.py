"""Which service causes which load: attributed statements, summed as intervals.

Every figure of a service is an interval: from what touches its data alone to all that touches, or may
touch, its data. What cannot be attributed widens the interval; it is never shared out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from workbench.analyse.activity import active_sessions
from workbench.analyse.attribution import RUNGS
from workbench.analyse.callers import CALLER_RUNGS
from workbench.analyse.catalogue import Catalogue
from workbench.analyse.crossings import Crossing, statement_crossings
from workbench.analyse.daily import busiest_hours
from workbench.analyse.evicted import evicted, said, unexplained
from workbench.analyse.grants import doubts, grant_crossings
from workbench.analyse.meetings import transaction_crossings
from workbench.analyse.statements import MEASURES, Attributed, Read, attribute, read_all
from workbench.analyse.transactions import Transactions, transactions
from workbench.estate import Estate
from workbench.model import Coverage
from workbench.snapshot import Window

SLOW_MS = 1000.0
"""A statement whose mean over the window is longer is slow, unless a threshold ``latency`` of its service, or of all, says otherwise."""

OUT_OF_SIGHT = ("merged", "approximate", "absent", "unreadable")
"""On these rungs an entry that is open-ended may touch anything in its database."""

TRACKED_BY = {"plan_ms": "pg_stat_statements.track_planning", "io_ms": "track_io_timing"}
"""The settings without which a measure is not counted."""

_READERS_OWN = ("database", "user", "database user", "client", "session")
"""Where the reader's session may have a setting from that others' have not."""

_SUMMED = [
    *("instance", "datname", "toplevel", "rung", "caller_rung", "exclusive", "open_ended", "names"),
    *("mean_exec_time", *MEASURES),
]
"""What a copy of the entries holds to sum them: there are many entries, and the rest is most of each."""

_KEY = ["instance", "service"]


@dataclass(frozen=True)
class Workload:
    """The load of a window by service, and what it rests on.

    ``services``: one row per instance and service with load or data: each of ``MEASURES`` as ``NAME_low``
    (what touches its data alone) and ``NAME_high`` (all that touches, or may touch, it), ``NAME_share_low`` and
    ``NAME_share_high`` (of all the instance's statements but the workbench's own); active_sessions_low and
    active_sessions_high (at a time, by the real clock), active_from (``samples``, or ``statements``: their time, in
    which commits are not); statements (how many touch it for certain),
    mean_ms (their mean), slow (how many of them are slower than ``slow_limits`` say), top_five (the share of their
    time that the five costliest take), read_calls, read_ms, write_calls, write_ms (of them; what locks rows
    counts as a write: it runs on no replica); seconds and days (of the window); lower_bound and because (entries
    were evicted: the sums are the least; the upper ends, and the shares, allow for what the server counts and no
    entry explains, and are NA where nothing does: see ``unexplained``). Where an instance's statements were not read, every figure is NA
    and because says why.

    ``rungs``, and, without the workbench's own, ``callers``: per instance and rung entries, calls, time_ms,
    calls_share, time_ms_share.

    ``activity``: what ``active_sessions`` gives, per service and wait class.
    """

    attributed: Attributed
    services: pd.DataFrame
    rungs: pd.DataFrame
    callers: pd.DataFrame
    activity: pd.DataFrame

    @property
    def coverage(self) -> Coverage:
        """What the window rests on."""
        return self.attributed.window.coverage

    @cached_property
    def crossings(self) -> tuple[Crossing, ...]:
        """What leaves its service: statements by calls, transactions by count, then what grants allow."""
        found = statement_crossings(self.attributed)
        met = transaction_crossings(self.attributed.window.history, self.transactions)
        catalogue = self.attributed.catalogue
        told = set(self.attributed.window.spans.query("frame == 'statements'")["instance"])
        unknown = _lower_bounds(self.attributed)
        unread = {i for i, _ in catalogue.places()} - told
        unknown |= {i: _unread(self.attributed, i) for i in sorted(unread)}
        doubtful = doubts(self.attributed, unknown)
        return (*found, *met, *grant_crossings(catalogue, found, doubtful))

    @cached_property
    def transactions(self) -> Transactions:
        """What the WAL tells of the window's transactions: the tables each wrote, and bytes by table."""
        return transactions(self.attributed.window.history)

    @cached_property
    def busiest(self) -> pd.DataFrame:
        """Each service's mean and busiest hour: see ``busiest_hours``."""
        return busiest_hours(self.attributed)

    @cached_property
    def statements(self) -> pd.DataFrame:
        """The entries, costliest first, with ``relations`` (``schema.relation``) and ``services`` they touch."""
        touched = self.attributed.touches
        relations: dict[int, dict[str, None]] = {}
        services: dict[int, set[str]] = {}
        names = ["entry", "schema", "relation", "service"]
        for entry, schema, relation, service in touched[names].itertuples(index=False):
            relations.setdefault(entry, {})[f"{schema}.{relation}"] = None
            if service is not None:
                services.setdefault(entry, set()).add(service)
        entries = self.attributed.entries
        found = entries.assign(
            relations=_objects(tuple(sorted(relations.get(i, ()))) for i in entries.index),
            services=_objects(tuple(sorted(services.get(i, ()))) for i in entries.index),
        )
        order = ["time_ms", "calls", "instance", "dbid", "userid", "queryid", "toplevel"]
        return found.sort_values(order, ascending=[False, False, *[True] * 5], kind="stable")


def workload(window: Window, read: Read = read_all, catalogue: Catalogue | None = None) -> Workload:
    """Sum the statements of a window by service.

    Only top-level entries are summed: the time of a nested one is in its caller's already. ``read`` reads
    the texts; give one that remembers what it read. ``catalogue`` is that of the newest snapshot, where it is there already.

    >>> from workbench import load_history, window_of
    >>> from workbench.share import reference_estate
    >>> found = workload(window_of(load_history(reference_estate("marketplace") / "history")))
    >>> bool((found.services["time_ms_low"] <= found.services["time_ms_high"]).all())
    True
    """
    attributed = attribute(window, read, catalogue)
    entries = attributed.entries[_SUMMED]
    top = entries[entries["toplevel"].fillna(True).astype(bool)]
    others = top[top["rung"] != "workbench"]
    activity = active_sessions(attributed)
    return Workload(
        attributed,
        _services(attributed, others, activity),
        _shares(top, "rung", RUNGS),
        _shares(others, "caller_rung", CALLER_RUNGS),
        activity,
    )


def slow_limits(estate: Estate) -> dict[str, float]:
    """Return the services for which a threshold ``latency`` is agreed, and the milliseconds it names.

    What names a service goes before what is for all of an instance, and that before what is for all; of
    several alike the lowest counts.

    >>> from workbench.estate.resolve import estate_from_text
    >>> latency = '[[thresholds]]\\nmetric = "latency"\\nunit = "ms"\\n'
    >>> slow_limits(estate_from_text(
    ...     '[instances.main]\\nurl = "postgresql://db/app"\\n[services.cart]\\nschemas = ["cart"]\\n'
    ...     '[services.shop]\\nschemas = ["shop"]\\n'
    ...     f'{latency}hard = 200\\n{latency}hard = 50\\nservice = "shop"\\n'
    ... ))
    {'cart': 200.0, 'shop': 50.0}
    """
    found: dict[str, tuple[int, float]] = {}
    for limit in estate.thresholds:
        levels = [v for v in (limit.soft, limit.hard) if v is not None]
        if limit.metric != "latency" or not levels or limit.unit not in ("ms", "s"):
            continue
        if limit.scope and not limit.service:  # a schema's or a table's: no service's as a whole
            continue
        near = 0 if limit.service else 1 if limit.instance else 2
        least = (near, float(min(levels)) * (1000.0 if limit.unit == "s" else 1.0))
        for service in estate.services:
            named = limit.service in (None, service.name)
            if named and (limit.service or limit.instance in (None, service.instance)):
                found[service.name] = min(least, found.get(service.name, least))
    return {service: ms for service, (_, ms) in sorted(found.items())}


def _objects(values: Iterable[object]) -> pd.Series[Any]:
    return pd.Series(list(values), dtype="object")


def _shares(entries: pd.DataFrame, column: str, order: tuple[str, ...]) -> pd.DataFrame:
    """Entries, calls and time per instance and rung, and their shares of the instance's."""
    sums = entries.groupby(["instance", column], as_index=False).agg(
        entries=("toplevel", "size"), calls=("calls", "sum"), time_ms=("time_ms", "sum")
    )
    for name in ("calls", "time_ms"):
        whole = sums.groupby("instance")[name].transform("sum")
        sums[f"{name}_share"] = (sums[name] / whole).where(whole > 0)
    rank = {rung: n for n, rung in enumerate(order)}
    sums = sums.assign(rank=sums[column].map(rank)).sort_values(["instance", "rank"])
    return sums.drop(columns="rank").reset_index(drop=True)


def _services(attributed: Attributed, top: pd.DataFrame, activity: pd.DataFrame) -> pd.DataFrame:
    measures = list(MEASURES)
    weights = _weights(attributed, top)
    held = weights.merge(top[measures], left_on="entry", right_index=True)
    ends = {}
    for end in ("low", "high"):
        scaled = held[measures].mul(held[end], axis=0)
        ends[end] = scaled.groupby([held[k] for k in _KEY]).sum(min_count=1)
    blind = _blind(attributed, top, weights)
    homes = _homes(attributed)
    places = ends["high"].index.union(blind.index)
    places = places.union(pd.MultiIndex.from_frame(homes[_KEY].drop_duplicates()))
    low = ends["low"].reindex(places).fillna(0.0)
    high = ends["high"].reindex(places).fillna(0.0) + blind.reindex(places).fillna(0.0)
    spans = attributed.window.spans
    spans = spans[spans["frame"] == "statements"].set_index("instance")[["seconds", "days"]]
    whole = top.groupby("instance")[measures].sum(min_count=1)
    silent = spans.index.difference(whole.index)  # read, and nothing was run there
    whole = pd.concat([whole, pd.DataFrame(0.0, silent, measures)])
    whole = whole.reindex(places.get_level_values("instance")).set_axis(places)
    found = spans.reindex(places.get_level_values("instance")).set_axis(places)
    untracked = _untracked(attributed)
    lower = _lower_bounds(attributed)
    lost = evicted(attributed.window)
    widened = pd.Series(places.get_level_values("instance").isin(lost), places)
    unbounded: dict[str, list[str]] = {}
    for name in measures:
        # what no server of this version counts, or was told not to count, is not zero
        off = [i in untracked.get(name, ()) for i in places.get_level_values("instance")]
        known = whole[name].notna() & ~(pd.Series(off, places) & (whole[name] == 0))
        total = whole[name].astype("Float64")
        least = low[name].astype("Float64").where(known)
        most = high[name].astype("Float64").where(known).clip(upper=total)
        mine = all_of_it = pd.Series(0.0, places, dtype="Float64")
        if lost:
            rest = unexplained(attributed, top, homes, name).reindex(places)
            mine, all_of_it = (rest[end].where(widened, 0.0) for end in ("mine", "all"))
        for instance in set(places[known & mine.isna()].get_level_values("instance")):
            unbounded.setdefault(instance, []).append(name)
        found[f"{name}_low"] = least
        found[f"{name}_high"] = most + mine
        found[f"{name}_share_low"] = (least / (total + all_of_it)).where(total + all_of_it > 0)
        found[f"{name}_share_high"] = ((most + mine) / (total + mine)).where(total + mine > 0)
    found = _active(found, activity, attributed)
    found = found.join(_profile(attributed, top)).reset_index()
    found["lower_bound"] = found["instance"].isin(lower)
    lower |= {i: said(lower[i], names) for i, names in unbounded.items()}
    reasons = lower | {i: _unread(attributed, i) for i in {*found["instance"]} - {*spans.index}}
    found["because"] = _objects(map(reasons.get, found["instance"]))
    order = ["instance", "time_ms_high", "service"]
    return found.sort_values(order, ascending=[True, False, True], ignore_index=True)


def _active(found: pd.DataFrame, activity: pd.DataFrame, attributed: Attributed) -> pd.DataFrame:
    """Add the sessions that worked at a time: from samples, commits included, or else from statement time."""
    sums = activity.groupby(_KEY)[["low", "high"]].sum().reindex(found.index).fillna(0.0)
    history = attributed.window.history
    looks = history.frame("sampling", "looks")
    rows = history.frame("session_samples", "unseen")
    blind = set(rows.loc[rows["unseen"].notna(), "instance"])
    told = set(looks.loc[looks["looks"].fillna(0) > 0, "instance"]) - blind
    sampled = found.index.get_level_values("instance").isin(told)
    passed = found["seconds"].where(found["seconds"] > 0)
    for end in ("low", "high"):
        worked = found[f"time_ms_{end}"] / 1000.0 / passed
        seen = sums[end].astype("Float64")
        found[f"active_sessions_{end}"] = worked.mask(sampled, seen)
    return found.assign(active_from=pd.Series("statements", found.index).mask(sampled, "samples"))


def _unread(attributed: Attributed, instance: str) -> str:
    """Why there are no statements of an instance."""
    for missing in attributed.window.coverage.missing:
        whole = missing.what == "database" and missing.database is None
        if missing.instance == instance and (whole or missing.what in ("statements", "instance")):
            return f"its statements were not read: {missing.why}; {missing.remedy}"
    return "its statements were not read in this period"


def _untracked(attributed: Attributed) -> dict[str, set[str]]:
    """The measures that a setting keeps an instance from counting, or may: measure to instances.

    What the reader's own login, database or session set says nothing of the others' sessions.
    """
    names = ("name", "reset_val", "boot_val", "source")
    settings = attributed.window.history.newest.frame("settings", *names)
    own = settings["source"].isin(_READERS_OWN)
    own |= (settings["source"] == "default") & (settings["reset_val"] != settings["boot_val"])
    off = settings[(settings["reset_val"] == "off") | own.fillna(False)]
    return {
        measure: set(off.loc[off["name"] == setting, "instance"])
        for measure, setting in TRACKED_BY.items()
    }


def _weights(attributed: Attributed, top: pd.DataFrame) -> pd.DataFrame:
    """Per entry and service, how much of the entry is the service's: ``low`` alone, ``high`` at most.

    The load is where the statement ran, also where its data is behind a foreign table.
    """
    touches = attributed.touches
    owned = touches[touches["service"].notna() & touches["entry"].isin(top.index)]
    owned = owned.assign(instance=owned["entry"].map(top["instance"]))
    found = owned.groupby(["entry", *_KEY], as_index=False).agg(
        low=("low", "sum"), high=("high", "sum"), certain=("certain", "any")
    )
    found["high"] = found["high"].clip(upper=1.0).mask(found["certain"], 1.0)
    # Among the candidates of one name alone, what the tables' counters leave to a service is its own.
    alike = ~touches["certain"] & (touches["access"] == "write") & ~touches["via"].astype(bool)
    mixed = touches.loc[~alike, "entry"]
    alone = top.index[(top["names"] == 1) & ~top["open_ended"]].difference(pd.Index(mixed))
    found["low"] = found["low"].clip(upper=1.0).where(found["entry"].isin(alone), 0.0)
    found["low"] = found["low"].mask(found["service"] == found["entry"].map(top["exclusive"]), 1.0)
    return found


def claims(attributed: Attributed) -> pd.DataFrame:
    """Return which services' data each entry touches or may touch: what the intervals of ``services`` are sums of.

    One row per top-level entry, but the workbench's own, and service: entry, instance (where it ran), service,
    certain, low (the part of it that is the service's alone) and high (at most; 0 to 1), reads (it writes and
    locks nothing of the service's), only_reads (nor anything else: it may run on a replica). What is out of sight may be any service's of its database.
    """
    entries = attributed.entries[
        ["instance", "datname", "rung", "open_ended", "kind", "exclusive", "toplevel", "names"]
    ]
    top = entries[entries["toplevel"].fillna(True).astype(bool) & (entries["rung"] != "workbench")]
    known = _weights(attributed, top)
    touches = attributed.touches
    changed = touches[touches["access"] != "read"][["entry", "service"]].drop_duplicates()
    known = known.merge(changed.assign(reads=False), "left", ["entry", "service"])
    selects = top["kind"].eq("select") & ~top.index.isin(changed["entry"])
    known["only_reads"] = known["entry"].map(selects).astype(bool)
    hidden = top[top["rung"].isin(OUT_OF_SIGHT) & top["open_ended"]]
    hidden = hidden.reset_index(names="entry")[["entry", "instance", "datname", "kind"]]
    places = _homes(attributed)
    named = hidden.merge(places, left_on=["instance", "datname"], right_on=["instance", "database"])
    nameless = hidden[hidden["datname"].isna()].merge(
        places[_KEY].drop_duplicates(), "inner", "instance"
    )
    maybe = pd.concat([named, nameless])[["entry", *_KEY, "kind"]].drop_duplicates(["entry", *_KEY])
    maybe = maybe.assign(low=0.0, high=1.0, certain=False, reads=maybe["kind"] == "select")
    maybe["only_reads"] = maybe["entry"].map(selects).astype(bool)
    both = pd.concat([known, maybe.drop(columns="kind")], ignore_index=True)
    both["reads"] = both["reads"].astype("boolean").fillna(True).astype(bool)
    # what is out of sight may be all of a service's, of which it is known to touch a part
    both = both.sort_values(["entry", *_KEY, "high"], ascending=[True, True, True, False])
    return both.drop_duplicates(["entry", *_KEY], ignore_index=True)


def _blind(attributed: Attributed, top: pd.DataFrame, weights: pd.DataFrame) -> pd.DataFrame:
    """What may be anybody's, per instance and service: entries out of sight in the service's databases.

    Less what of these is known to touch the service's data: that is among its own already.
    """
    measures = list(MEASURES)
    places = _homes(attributed)
    hidden = top[top["rung"].isin(OUT_OF_SIGHT) & top["open_ended"]]
    sums = hidden.groupby(["instance", "datname"], as_index=False)[measures].sum(min_count=1)
    named = places.merge(sums, left_on=["instance", "database"], right_on=["instance", "datname"])
    nameless = hidden[hidden["datname"].isna()].groupby("instance", as_index=False)[measures].sum()
    anywhere = places[_KEY].drop_duplicates().merge(nameless, on="instance")
    both = pd.concat([named[[*_KEY, *measures]], anywhere[[*_KEY, *measures]]])
    known = weights.merge(hidden[measures], left_on="entry", right_index=True)
    known[measures] = -known[measures].mul(known["high"], axis=0)
    both = pd.concat([both, known[[*_KEY, *measures]]])
    return both.groupby(_KEY)[measures].sum(min_count=1).clip(lower=0.0)


def _homes(attributed: Attributed) -> pd.DataFrame:
    """Where services have data, in databases that could be read; where they say so, in the others."""
    catalogue = attributed.catalogue
    held = set(catalogue.homes())
    read = set(catalogue.places())
    for s in catalogue.estate.services:
        if s.instance and s.database and (s.instance, s.database) not in read:
            held.add((s.instance, s.database, s.name))
    names = ["instance", "database", "service"]
    return pd.DataFrame(sorted(held), columns=names, dtype="object")


def _lower_bounds(attributed: Attributed) -> dict[str, str]:
    """The instances whose statements are not all there any more, or will soon not be, and why."""
    spans = attributed.window.spans
    cut = spans[(spans["frame"] == "statements") & spans["lower_bound"]]
    return {i: str(b) for i, b in cut[["instance", "because"]].itertuples(index=False)}


def _profile(attributed: Attributed, top: pd.DataFrame) -> pd.DataFrame:
    """What kind of load it is, from the statements that touch a service's data for certain."""
    touches = attributed.touches
    sure = touches[
        touches["certain"] & touches["service"].notna() & touches["entry"].isin(top.index)
    ]
    where = sure["entry"].map(top["instance"]).astype("object")
    sure = sure.assign(writes=sure["access"] != "read", instance=where)
    sure = sure.groupby(["entry", *_KEY], as_index=False).agg(writes=("writes", "any"))
    sure = sure.merge(
        top[["calls", "time_ms", "mean_exec_time"]], left_on="entry", right_index=True
    )
    sure = sure.sort_values(["time_ms", "entry"], ascending=[False, True])
    limits = slow_limits(attributed.catalogue.estate)
    sure["slow"] = sure["mean_exec_time"] > [limits.get(s, SLOW_MS) for s in sure["service"]]
    groups = sure.groupby(_KEY)
    found = groups.agg(
        statements=("entry", "size"),
        calls=("calls", "sum"),
        time_ms=("time_ms", "sum"),
        slow=("slow", "sum"),
    )
    found["mean_ms"] = (found["time_ms"] / found["calls"]).where(found["calls"] > 0)
    five = groups.head(5).groupby(_KEY)["time_ms"].sum()
    found["top_five"] = (five / found["time_ms"]).where(found["time_ms"] > 0)
    written = sure[sure["writes"]].groupby(_KEY)[["calls", "time_ms"]].sum()
    written = written.reindex(found.index).fillna(0)
    for whole, part in (("calls", "calls"), ("time_ms", "ms")):
        found[f"write_{part}"] = written[whole]
        found[f"read_{part}"] = found[whole] - written[whole]
    return found.drop(columns=["calls", "time_ms"])
