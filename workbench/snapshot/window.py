"""Windows: what happened between two moments, per instance inside one epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from workbench.model import Coverage
from workbench.snapshot.differences import (
    COUNTERS,
    GAUGES,
    STATEMENT_KEY,
    difference,
    hourly,
    statement_difference,
)
from workbench.snapshot.epochs import endpoints, numbered
from workbench.snapshot.history import History
from workbench.snapshot.objects import records
from workbench.snapshot.spans import Span, find_spans

LONGEST_PULSE_S = 3960.0
"""Two readings at most this many seconds apart say what happened in an hour: an hour and a tenth."""

LEAST_OF_AN_HOUR_S = 1800.0
"""An hour of which less was seen is not compared with others."""

_WITH_DATABASE = ["instance", "database"]


@dataclass(frozen=True)
class Window:
    """What happened in a history's period: counters of its last epoch, last reading less first.

    Only what lies after an instance's last epoch break in the period is counted; ``spans`` says from
    when. All frames carry, for their rows' place, ``seconds`` (real; divide by it for rates and shares of
    time), ``days`` (the calendar that counts, simulated where it is; divide by it for counts and bytes a
    day), ``lower_bound``, and ``counted_from``: ``window`` (the first reading), ``created`` (the object's
    own beginning), ``restarted`` (a reset, or an eviction and return: at least this much) or ``reset``
    (the statistics' own reset: there is one reading alone).

    ``endpoint`` names a replica: then all counters are those of the replicas of that name, inside their own
    epochs. See ``each`` and ``together`` for those of all endpoints.
    """

    history: History
    endpoint: str | None = None

    @cached_property
    def replicas(self) -> Mapping[str, Window]:
        """What happened on each replica that was read, by its name."""
        return {name: replace(self, endpoint=name) for name in endpoints(self._snapshots)}

    @property
    def coverage(self) -> Coverage:
        """What the window rests on."""
        return self.history.coverage

    @cached_property
    def spans(self) -> pd.DataFrame:
        """One row per place and frame of counters, with the fields of ``Span``."""
        names = [n for n in Span.__dataclass_fields__ if n not in ("first", "last")]
        rows = [[getattr(s, n) for n in names] for s in self._spans]
        found = pd.DataFrame(rows, columns=names, dtype="object")
        kinds = {
            "seconds": "Float64",
            "days": "Float64",
            "evictions": "Int64",
            "lower_bound": "bool",
        }
        dates = {d: pd.to_datetime(found[d], utc=True) for d in ("since", "until")}
        return found.astype(kinds).assign(**dates)

    @cached_property
    def databases(self) -> pd.DataFrame:
        """Counters of pg_stat_database per instance and database, and backends at the end."""
        return self._differenced("database_statistics", ["datid"])

    @cached_property
    def tables(self) -> pd.DataFrame:
        """Counters per table and partition: relation_oid, schema, relation, relkind, root_oid, and gauges.

        ``root_schema`` and ``root`` name the partition root, in which rows are to be summed. A table
        dropped within the window is not here: nobody knows its last counters.
        """
        found = self._differenced("table_statistics", ["relation_oid"])
        names = self._names("relations", "oid", "schema", "relation", "relkind", "root_oid")
        roots = names[[*_WITH_DATABASE, "oid", "schema", "relation"]]
        roots = roots.set_axis([*_WITH_DATABASE, "root_oid", "root_schema", "root"], axis=1)
        names = names.merge(roots, "left", [*_WITH_DATABASE, "root_oid"])
        names = names.rename(columns={"oid": "relation_oid"})
        return _named(found, names, [*_WITH_DATABASE, "relation_oid"])

    @cached_property
    def indexes(self) -> pd.DataFrame:
        """Counters per index: index_oid, index (its name), relation_oid, schema, relation."""
        found = self._differenced("index_statistics", ["index_oid"])
        names = self._names("indexes", "oid", "relation", "relation_oid")
        names = names.rename(columns={"oid": "index_oid", "relation": "index"})
        tables = self._names("relations", "oid", "schema", "relation")
        tables = tables.rename(columns={"oid": "relation_oid"})
        names = names.merge(tables, "left", [*_WITH_DATABASE, "relation_oid"])
        return _named(found, names, [*_WITH_DATABASE, "index_oid"])

    @cached_property
    def functions(self) -> pd.DataFrame:
        """Counters per function that was counted (track_functions): function_oid, schema, function, arguments, language.

        calls; total_time and self_time in milliseconds. One without a row was not called, or not counted.
        """
        found = self._differenced("function_statistics", ["function_oid"])
        names = self._names("functions", "oid", "schema", "function", "arguments", "language")
        names = names.rename(columns={"oid": "function_oid"})
        return _named(found, names, [*_WITH_DATABASE, "function_oid"])

    @cached_property
    def statements(self) -> pd.DataFrame:
        """Counters per entry of pg_stat_statements: its key, datname, rolname, query (redacted).

        ``mean_exec_time`` and ``stddev_exec_time`` are the window's own, in milliseconds; NA where
        there was no call. Entries without a call in the window are kept, with zeros. Those that the login
        may not see are summed by database and login, without queryid and text.
        """
        found = self._differenced("statements", list(STATEMENT_KEY))
        key = ["instance", *STATEMENT_KEY]
        names = self._names("statement_texts", *STATEMENT_KEY, "datname", "rolname", "query")
        names = names.drop(columns="database")
        names = names.astype({k: found[k].dtype for k in STATEMENT_KEY})
        texts = names[names["queryid"].notna()].drop_duplicates(key)
        found = _named(found.drop(columns="database"), texts, key)
        for oid, name in (("dbid", "datname"), ("userid", "rolname")):
            # what has no queryid is a sum over texts, and no text's; where and by whom is known
            called = names[["instance", oid, name]].dropna().drop_duplicates(["instance", oid])
            known = found[["instance", oid]].merge(called, "left", ["instance", oid])[name]
            found[name] = found[name].where(found[name].notna(), known.set_axis(found.index))
        return found

    @cached_property
    def archiver(self) -> pd.DataFrame:
        """Counters of pg_stat_archiver, one row per instance."""
        return self._differenced("archiver", []).drop(columns="database")

    @cached_property
    def checkpoints(self) -> pd.DataFrame:
        """Counters of checkpoints and of the background writer, one row per instance."""
        return self._differenced("checkpoints", []).drop(columns="database")

    @cached_property
    def wal(self) -> pd.DataFrame:
        """Counters of pg_stat_wal, one row per instance."""
        return self._differenced("wal_statistics", []).drop(columns="database")

    @cached_property
    def hours(self) -> pd.DataFrame:
        """Counters of pg_stat_database per database and hour (UTC), wherever pulses saw most of the hour.

        instance, database, hour, seconds (real, seen of the hour), counters.
        """
        return self._hourly("database_statistics")

    @cached_property
    def wal_hours(self) -> pd.DataFrame:
        """Counters of pg_stat_wal per instance and hour, as ``hours``."""
        return self._hourly("wal_statistics").drop(columns="database")

    def _hourly(self, frame: str) -> pd.DataFrame:
        counters = COUNTERS[frame]
        of_databases = frame == "database_statistics"
        names = ["datname"] if of_databases else []
        read = self._numbered(frame, *names, *counters).drop(columns="database")
        if of_databases:
            read = read.rename(columns={"datname": "database"}).dropna(subset=["database"])
        else:
            read = read.assign(database="")  # a group needs a name
        clocks = pd.DataFrame(
            [(i, n, c) for (i, n), c in self._clocks.items()],
            columns=["instance", "number", "clock"],
        ).astype({"number": "int64", "clock": "float64"})
        read = read.merge(clocks, "left", ["instance", "number"])
        first = {(s.instance, s.database or ""): s for s in self.spans_of(frame)}
        spans = [first.get(p) for p in zip(read["instance"], read["database"], strict=True)]
        inside = [
            s is not None and n >= (s.last if s.first is None else s.first)
            for s, n in zip(spans, read["number"], strict=True)
        ]
        read = (
            read[pd.Series(inside, read.index, dtype="bool")].assign(epoch=0).reset_index(drop=True)
        )
        found = hourly(read, _WITH_DATABASE, counters, LONGEST_PULSE_S)
        return found[found["seconds"] >= LEAST_OF_AN_HOUR_S].reset_index(drop=True)

    @cached_property
    def busiest(self) -> pd.DataFrame:
        """Per database and counter: the mean of the window and the busiest hour, both per second.

        instance, database, counter, per_second, busiest_per_second, busiest_hour, because (why the
        busiest hour is unknown).
        """
        rows = []
        by_place = dict(iter(self.hours.groupby(_WITH_DATABASE, sort=False)))
        for row in records(self.databases):
            hours = by_place.get((row["instance"], row["database"]))
            for counter in COUNTERS["database_statistics"]:
                best, when = _busiest(hours, counter)
                mean = None
                if pd.notna(row[counter]) and pd.notna(row["seconds"]):
                    mean = float(row[counter]) / float(row["seconds"])
                because = None if best is not None else why_no_hour(hours)
                rows.append((row["instance"], row["database"], counter, mean, best, when, because))
        columns = ["instance", "database", "counter", "per_second"]
        columns += ["busiest_per_second", "busiest_hour", "because"]
        found = pd.DataFrame(rows, columns=columns)
        return found.astype({"per_second": "Float64", "busiest_per_second": "Float64"})

    @cached_property
    def _snapshots(self) -> tuple[Any, ...]:
        return self.history.collected

    @cached_property
    def _clocks(self) -> dict[tuple[str, int], float]:
        """The server's clock at each reading of an instance, in seconds; the collector's where it is unknown."""
        found = {
            (instance, number): snapshot.manifest.taken_at.timestamp()
            for number, snapshot in enumerate(self._snapshots)
            for instance in snapshot.manifest.reached
        }
        identity = self._numbered("identity", "read_at").dropna(subset=["read_at"])
        for row in records(identity):
            found[row["instance"], row["number"]] = row["read_at"].timestamp()
        return found

    def spans_of(self, frame: str) -> Iterator[Span]:
        """Return the spans of one frame of counters, in order of place."""
        return (s for s in self._spans if s.frame == frame)

    @cached_property
    def _spans(self) -> tuple[Span, ...]:
        return tuple(find_spans(self.history, self._clocks, self.endpoint))

    def _numbered(self, name: str, *columns: str) -> pd.DataFrame:
        return numbered(self._snapshots, name, *columns, endpoint=self.endpoint)

    def _read(self, number: int, name: str, *columns: str) -> pd.DataFrame:
        found: pd.DataFrame
        found = self._snapshots[number].frame(name, *columns, endpoint=self.endpoint)
        if name == "database_statistics":
            found = found.drop(columns="database").rename(columns={"datname": "database"})
        return found

    def _differenced(self, frame: str, key: list[str]) -> pd.DataFrame:
        """Difference ``frame`` over each of its spans; places that share two snapshots at once."""
        counters = COUNTERS[frame]
        columns = [*key, *counters, *GAUGES[frame]]
        columns += {"database_statistics": ["datname"], "statements": ["stats_since"]}.get(
            frame, []
        )
        spans = list(self.spans_of(frame))
        ends: dict[tuple[int | None, int], list[Span]] = {}
        for span in spans:
            ends.setdefault((span.first, span.last), []).append(span)
        found = []
        for (first, last), here in ends.items():
            after = _at(self._read(last, frame, *columns), here)
            before = None if first is None else _at(self._read(first, frame, *columns), here)
            place = ["instance"] if frame == "statements" else _WITH_DATABASE
            if frame == "statements":
                for span in here:
                    one = after[after["instance"] == span.instance].drop(columns=place)
                    was = before
                    if was is not None:
                        was = was[was["instance"] == span.instance].drop(columns=place)
                    entries = statement_difference(was, one)
                    entries.insert(0, "instance", span.instance)
                    found.append(entries)
            else:
                found.append(difference(before, after, [*place, *key], counters))
        empty = pd.DataFrame(columns=["instance", "database", *columns, "counted_from"])
        whole = pd.concat(found, ignore_index=True) if found else empty
        marks = pd.DataFrame(
            [(s.instance, s.database, s.seconds, s.days, s.lower_bound) for s in spans],
            columns=["instance", "database", "seconds", "days", "lower_bound"],
        ).astype({"seconds": "Float64", "days": "Float64", "lower_bound": "bool"})
        if frame == "statements":
            return _ordered(whole.merge(marks.drop(columns="database"), "left", "instance"), key)
        return _ordered(whole.merge(marks, "left", _WITH_DATABASE), key)

    def _names(self, frame: str, *columns: str) -> pd.DataFrame:
        """Return ``frame`` as the last reading of each place's counters saw it.

        A replica was asked for neither a catalogue nor the texts that its primary knows.
        """
        counters = {
            "relations": "table_statistics",
            "indexes": "index_statistics",
            "functions": "function_statistics",
        }
        spans = list(self.spans_of(counters.get(frame, "statements")))
        own = {None, self.endpoint if frame == "statement_texts" else None}
        found = [
            _at(
                self._snapshots[last].frame(frame, *columns, endpoint=endpoint),
                [s for s in spans if s.last == last],
            )
            for last in sorted({s.last for s in spans})
            for endpoint in sorted(own, key=str)
        ]
        found = [f for f in found if not f.empty] or found[:1]
        if not found:
            return pd.DataFrame(columns=["instance", "database", *columns])
        return pd.concat(found, ignore_index=True)


def window_of(history: History) -> Window:
    """Return the window over a history's period; see ``History.between`` for another period.

    SnapshotError where nothing was collected in it.

    >>> from workbench.share import reference_estate
    >>> from workbench.snapshot import load_history
    >>> window = window_of(load_history(reference_estate("marketplace") / "history"))
    >>> set(window.spans["kind"])
    {'difference'}
    """
    history.newest  # noqa: B018 - an empty period is refused here, with the next step
    return Window(history)


def per_day(frame: pd.DataFrame, column: str) -> pd.Series[Any]:
    """Return a counter of a window's frame per day of the calendar that counts; NA where it is unknown."""
    days = frame["days"].astype("Float64")
    return frame[column].astype("Float64") / days.where(days > 0)


def per_second(frame: pd.DataFrame, column: str) -> pd.Series[Any]:
    """Return a counter of a window's frame per second of the real clock; NA where it is unknown."""
    seconds = frame["seconds"].astype("Float64")
    return frame[column].astype("Float64") / seconds.where(seconds > 0)


def _at(frame: pd.DataFrame, spans: list[Span]) -> pd.DataFrame:
    """The rows of the places of ``spans``."""
    instances = {s.instance for s in spans if s.database is None}
    places = {(s.instance, s.database) for s in spans}
    kept = [
        i in instances or (i, d) in places
        for i, d in zip(frame["instance"], frame["database"], strict=True)
    ]
    return frame[pd.Series(kept, frame.index, dtype="bool")].reset_index(drop=True)


def _named(found: pd.DataFrame, names: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Put the columns of ``names`` behind the key."""
    merged = found.merge(names, "left", key)
    more = [c for c in names.columns if c not in key]
    rest = [c for c in found.columns if c not in key]
    return merged[[*key, *more, *rest]]


def _ordered(frame: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Place and key first, then what the figures count from, then they."""
    front = ["instance", "database", *key, "counted_from", "seconds", "days", "lower_bound"]
    front = [c for c in front if c in frame]
    return frame[[*front, *(c for c in frame.columns if c not in front)]]


def _busiest(hours: pd.DataFrame | None, counter: str) -> tuple[float | None, Any]:
    if hours is None:
        return None, None
    rates = (hours[counter] / hours["seconds"]).dropna()
    if rates.empty:
        return None, None
    return float(rates.max()), hours["hour"].loc[rates.index[rates == rates.max()]].iloc[0]


def why_no_hour(hours: pd.DataFrame | pd.Series[Any] | None) -> str:
    """Return why a busiest hour is not known: ``hours`` are those that were seen, None where none was."""
    if hours is not None:
        return "the server does not count it"
    return "no hour was seen: `workbench collect --profile pulse` every 5 to 15 minutes shows the busiest"
