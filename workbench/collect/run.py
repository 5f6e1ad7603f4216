"""Read an estate once: its instances and databases side by side, each failure reported where it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import pyarrow as pa

from workbench.collect.faults import FAILURES, explain, names_database
from workbench.collect.parts import read_in_parts
from workbench.collect.privileges import who_we_are
from workbench.collect.queries import (
    FOLDED,
    Query,
    choose,
    in_databases,
    pulse_frames,
    replica_frames,
    version,
)
from workbench.collect.reading import Progress, Reading
from workbench.collect.replicas import Primary, Replica, Standing, read_replicas, standing_of
from workbench.collect.samples import LOOKS_PER_S, SESSION_LOOK, Sampled, Sampling, sample
from workbench.collect.sessions import Answer, Session
from workbench.collect.sizes import BUDGET_S, TURNS, measure
from workbench.collect.standing import sizes_before, standing_in, with_age
from workbench.collect.statements import Outcomes, read_statements
from workbench.collect.texts import NOTHING_KNOWN, TEXTS, Texts, entries_of, known_texts
from workbench.collect.wal import MOST_BYTES, WALINSPECT_SINCE, Refusal, WalRequest
from workbench.conninfo import Target
from workbench.errors import WorkbenchError
from workbench.estate import Estate, Instance
from workbench.model import Missing
from workbench.snapshot import Answered, Snapshot, new_snapshot

CONNECTIONS_PER_INSTANCE = 4
"""How many sessions the workbench holds on one instance at a time, at most."""

_LEFT_OUT = (
    "it was not asked for in this run",
    "collect it as well, or merge the part of the history that holds it",
)

_CORRECT = "correct the estate file or set the variable"


def collect(
    estate: Estate,
    *,
    instances: Collection[str] | None = None,
    only: Collection[str] | None = None,
    profile: Literal["full", "pulse"] = "full",
    everywhere: bool = False,
    previous: Snapshot | None = None,
    sizes_s: float = BUDGET_S,
    wal_max: int = MOST_BYTES,
    sample_s: float | None = None,
    looks_per_s: float = LOOKS_PER_S,
    sampled: Mapping[str, Sampled] | None = None,
    simulated_at: datetime | None = None,
    progress: Progress | None = None,
) -> Snapshot:
    """Read every database of ``estate`` and return what was found, not yet saved.

    ``instances`` limits the reading to these, ``only`` to these frames (see ``queries/``). A ``pulse`` puts
    only the quick questions about the instance; its snapshot stands for no night.
    ``everywhere`` reads databases that no service names as well, but those that the estate leaves out.
    ``previous`` is the snapshot before: what it knows of a database that cannot be read now stands in for
    it with its age, and so does a size that was not measured within ``sizes_s`` seconds: those of a
    database's relations, and those of an instance's databases. Texts of statements that it knows are not
    fetched again. Where the server lets us, the WAL since ``previous`` is read, its newest ``wal_max``
    bytes at most (0: none of it). ``sample_s`` looks at sessions and locks for so many seconds (at most
    300) before anything else is read of an instance, ``looks_per_s`` times a second (1 to 20); ``sampled``
    holds samples that were taken already, by instance. ``simulated_at`` stamps the snapshot with the date
    of a reference estate's simulated day.
    Nothing is written to a server. A server or database that cannot be read is named in the
    snapshot's ``missing`` with the reason and what would help; the rest is read all the same.
    Every declared replica is read as well, for what differs on a standby: see ``read_replicas``.
    EstateError or UsageError where ``instances`` or ``only`` names something that does not exist, or
    where a sample is asked for that is too long or too dense.
    """
    sampling = None if sample_s is None else Sampling(sample_s, looks_per_s)
    wanted = [estate.instance(n) for n in instances] if instances else list(estate.instances)
    choose("instance", {}, only)  # a frame that does not exist is refused before anybody is asked
    if profile == "pulse":
        only = pulse_frames() if only is None else pulse_frames() & set(only)
        previous = None  # a pulse stands for no night, and nothing stands in for it
    taken_at = datetime.now(UTC)
    runs = [
        _InstanceRun(
            estate,
            instance,
            only,
            everywhere,
            previous,
            sizes_s,
            wal_max,
            progress or _silent,
            sampling,
            (sampled or {}).get(instance.name),
        )
        for instance in wanted
    ]
    with ThreadPoolExecutor(max_workers=max(len(runs), 1)) as pool:
        list(pool.map(_InstanceRun.read, runs))
    answers = [a for run in runs for a in run.answers]
    missing = [m for run in runs for m in run.missing]
    left_out = [i.name for i in estate.instances if i not in wanted]
    missing += [Missing("instance", name, None, *_LEFT_OUT) for name in left_out]
    reached = [run.instance.name for run in runs if run.reached]
    old = []
    if previous is not None:
        asked = None if only is None else set(only)
        gone = {place for run in runs for place in run.gone()}
        found = standing_in(previous, missing, [a[:3] for a in answers])
        old = [
            (p, data)
            for p, data in found
            if (asked is None or p.frame in asked) and (p.instance, p.database) not in gone
        ]
        missing = [with_age(m, [p for p, _ in old]) for m in missing]
        missing += _clock(previous, simulated_at or taken_at, reached)
    return new_snapshot(
        estate,
        answers,
        missing,
        reached=reached,
        unreached=[run.instance.name for run in runs if not run.reached] + left_out,
        taken_at=taken_at,
        simulated_at=simulated_at,
        standing_in=old,
        profile=profile,
    )


def _silent(message: str) -> None:
    pass


def _clock(previous: Snapshot, at: datetime, reached: Collection[str]) -> Iterator[Missing]:
    """Say that the dates run backwards: what is differenced between these two is differenced wrongly."""
    if at < previous.at:
        why = f"the snapshot before is dated {previous.at:%Y-%m-%d %H:%M} UTC, later than this one"
        remedy = "set this machine's clock; if it was the earlier run's that was wrong, remove that snapshot"
        yield from (Missing("clock", name, None, why, remedy) for name in reached)


@dataclass
class _InstanceRun:
    """The reading of one instance: of the endpoint that stands for it, and of its replicas."""

    estate: Estate
    instance: Instance
    only: Collection[str] | None
    everywhere: bool
    previous: Snapshot | None
    sizes_s: float
    wal_max: int
    progress: Progress
    sampling: Sampling | None = None
    sampled: Sampled | None = None
    reached: bool = False

    def __post_init__(self) -> None:
        self.reading = Reading(self.instance.name, self.only, self.progress)
        self.replicas: list[Reading] = []
        self.standing: Standing | None = None
        self.entrance = ""

    @property
    def answers(self) -> list[Answered]:
        """What was answered, by all endpoints."""
        return [a for reading in (self.reading, *self.replicas) for a in reading.answers]

    @property
    def missing(self) -> list[Missing]:
        """What was not."""
        return [m for reading in (self.reading, *self.replicas) for m in reading.missing]

    def read(self) -> None:
        """Read the instance, its databases side by side, then its replicas."""
        try:
            target = self.instance.target()
        except WorkbenchError as error:
            self.reading.miss("instance", None, str(error), _CORRECT)
            return
        databases = self._claimed(target)
        self._read_instance(target, databases)
        if not self.reached:
            return
        inside = self.only is None or in_databases(self.only)
        if inside and self.everywhere:
            databases = sorted({*databases, *self._others()})
        if inside:
            with ThreadPoolExecutor(max_workers=CONNECTIONS_PER_INSTANCE) as pool:
                list(pool.map(lambda name: self._read_database(target, name), databases))
            self._read_statements(target, databases)
            if self.only is None or not FOLDED["wal"].isdisjoint(self.only):
                self._read_wal(target, databases)
        self._read_replicas(databases, inside)

    def gone(self) -> set[tuple[str, str | None]]:
        """The databases that could not be read because they are not there: nothing stands in for them."""
        names = {row["datname"] for row in self.reading.held("databases")}
        unread = {m.database for m in self.reading.missing if m.what == "database"}
        return {(self.instance.name, name) for name in unread - names} if names else set()

    def _claimed(self, target: Target) -> list[str]:
        """The databases that services name; where none does, those of the URLs."""
        services = self.estate.services
        mine = {s.database for s in services if s.instance == self.instance.name and s.database}
        mine |= set(self.instance.databases)
        return sorted(mine) or [target.params.get("dbname") or "postgres"]

    def _others(self) -> list[str]:
        """Every database that may be entered and is not left out; ``postgres`` holds nobody's data."""
        return [
            row["datname"]
            for row in self.reading.held("databases")
            if row["datallowconn"]
            and row["datname"] != "postgres"
            and not self.instance.excludes(row["datname"])
        ]

    def _read_instance(self, target: Target, databases: list[str]) -> None:
        """Put the questions about the instance, through the first database that lets us in."""
        own = target.params.get("dbname")
        entrances = [own] if own else []
        entrances += [d for d in databases if d not in entrances]
        failures: dict[str, Exception] = {}
        for name in entrances:
            try:
                with Session(target.with_database(name)) as session:
                    self.reached = True
                    self.entrance = name
                    self.reading.versions["server"] = session.server_version
                    self.reading.login = who_we_are(session)
                    if self.instance.replicas:
                        self.standing = standing_of(session)
                    self._sample(session)
                    self.reading.say(None, "instance")
                    self._ask_each(session, "instance", None)
                    return
            except FAILURES as error:
                failures[name] = error
                # Only a database that is absent or closed leaves hope for the next one.
                if not names_database(error, name):
                    break
        name, failure = next(iter(failures.items()))
        self.reading.miss("instance", None, *explain(failure, target.with_database(name)))

    def _sample(self, session: Session) -> None:
        """Look at sessions and locks while nothing else is read here, and keep what was seen."""
        reading = self.reading
        if self.sampling is not None:
            reading.say(None, f"sessions, for {self.sampling.seconds:g} s")
            self.sampled = sample(session, self.sampling)
        if self.sampled is None:
            return
        for frame, table, ms in self.sampled.frames():
            reading.add(frame, None, table, ms)
        for frame, why, remedy in self.sampled.gaps():
            reading.miss(frame, None, why, remedy)
        for why, remedy in reading.login.gaps(SESSION_LOOK, self.sampled.sessions):
            reading.miss("session_samples", None, why, remedy)
        if self.sampled.failure is not None:
            why, remedy = explain(self.sampled.failure, None)
            ended = f"it ended after {self.sampled.looks} looks: {why}"
            reading.miss("sampling", None, ended, remedy)

    def _read_database(self, target: Target, name: str) -> None:
        reading = self.reading
        try:
            with Session(target.with_database(name)) as session:
                reading.say(name, "catalogue")
                questions = reading.choose("catalogue", name)
                outcomes = session.together([q for q in questions if not q.alone])
                for query in (q for q in questions if not q.alone):
                    table = reading.keep(query, name, outcomes[query.frame])
                    if query.frame == "extensions" and table is not None:
                        self._remember(name, table)
                for query in (q for q in questions if q.alone):
                    read_in_parts(reading, session, query, name)
                reading.say(name, "statistics and sizes")
                self._ask_each(session, "statistics", name)
                self._ask_each(session, "sizes", name)
        except FAILURES as error:
            reading.miss("database", name, *explain(error, target.with_database(name)))

    def _remember(self, database: str, extensions: pa.Table) -> None:
        for row in extensions.to_pylist():
            if row["extname"] == "pg_stat_statements":
                self.reading.extensions[database] = (version(row["extversion"]), row["schema"])

    def _ask_each(self, session: Session, folder: str, database: str | None) -> None:
        # Whether an earlier measurement is of the same cluster is known when the instance was asked.
        questions = self.reading.choose(folder, database)
        for query in sorted(questions, key=lambda q: q.frame in TURNS):
            if query.frame in TURNS:
                self._measure(session, query, database)
            else:
                self.reading.keep(query, database, session.alone(query))

    def _measure(self, session: Session, query: Query, database: str | None) -> None:
        """Measure a frame of sizes within the budget, beginning with what has waited longest."""
        reading, earlier = self.reading, None
        if self.previous is not None and self._same_cluster():
            earlier = sizes_before(self.previous, query.frame, self.instance.name, database)
        measured = measure(session, query, earlier, budget_s=self.sizes_s)
        if isinstance(measured, Exception):
            reading.keep(query, database, measured)
            return
        reading.add(query.frame, database, measured.table, measured.ms)
        reading.note_gaps(query, database, measured.table)
        if gap := measured.gap(query.frame, self.sizes_s):
            reading.miss(query.frame, database, *gap)

    def _same_cluster(self) -> bool:
        """Whether oids and queryids mean now what they meant in the snapshot before."""
        if self.previous is None:
            return False
        names = ["system_identifier", "server_version_num"]
        before = self.previous.frame("identity", *names)
        mine = before.loc[before["instance"] == self.instance.name, names]
        known = {(i, number // 10000) for i, number in mine.itertuples(index=False)}
        now = ((row[names[0]], row[names[1]] // 10000) for row in self.reading.held("identity"))
        return not known.isdisjoint(now)

    def _encodings(self) -> dict[str, str]:
        return {r["datname"]: r["encoding"] for r in self.reading.held("databases")}

    def _read_statements(self, target: Target, databases: Collection[str]) -> None:
        if not self.reading.extensions:
            for name, extensions in self._beside(target, databases).items():
                self._remember(name, extensions)
        if not self.reading.extensions:
            self._explain_statements()
            return
        read_statements(
            self.reading,
            lambda name: Session(target.with_database(name)),
            self._encodings(),
            self._known_texts,
        )

    def _beside(self, target: Target, databases: Collection[str]) -> dict[str, pa.Table]:
        """The extensions of the entrance and of ``postgres``, where these are not read: some tell of all databases."""
        found: dict[str, pa.Table] = {}
        there = {r["datname"] for r in self.reading.held("databases") if r["datallowconn"]}
        questions, _ = self.reading.fitting("catalogue")
        for name in dict.fromkeys((self.entrance, "postgres")):
            left_out = name != self.entrance and self.instance.excludes(name)
            if name in databases or name not in there or left_out:
                continue
            with suppress(*FAILURES), Session(target.with_database(name)) as session:
                for query in questions:
                    if query.frame == "extensions":
                        outcome = session.alone(query)
                        if isinstance(outcome, Answer):
                            found[name] = outcome.table
        return found

    def _known_texts(self, outcomes: Outcomes) -> Texts:
        """What the snapshot before knows of the texts of the entries that were just counted."""
        counters, info = (outcomes.get(frame) for frame in ("statements", "statements_info"))
        if self.previous is None or not isinstance(counters, Answer) or not self._same_cluster():
            return NOTHING_KNOWN
        names = {
            column: {row["oid"]: row[column] for row in self.reading.held(frame)}
            for frame, column in (("databases", "datname"), ("roles", "rolname"))
        }
        counted = info.table if isinstance(info, Answer) else None
        return known_texts(self.previous, self.instance.name, counters.table, counted, names)

    def _read_wal(self, target: Target, databases: Collection[str]) -> None:
        """Read the transactions since the snapshot before; files are told apart by ``relation_files``."""
        reading = self.reading
        reading.say(None, "WAL")
        server, answers = reading.versions["server"], tuple(reading.answers)
        tables = (a.table for a in answers if a.frame == "extensions")
        named = {row["extname"] for table in tables for row in table.to_pylist()}
        missed = "pg_walinspect" not in named and server >= WALINSPECT_SINCE and self.wal_max > 0
        found = WalRequest(
            *(self.instance.name, target, server, reading.login),
            *(answers, self.previous, self.wal_max),
            beside=self._beside(target, databases) if missed else {},
        ).read()
        if isinstance(found, Refusal):
            reading.miss("wal_transactions", None, found.why, found.remedy)
            return
        for frame, table in found.tables.items():
            reading.add(frame, None, table, found.ms / len(found.tables))

    def _explain_statements(self) -> None:
        questions, refused = self.reading.fitting("statements")
        if not questions and not refused:
            return
        if not any(a.frame == "extensions" for a in self.reading.answers):
            why = "it could not be read which extensions there are"
            remedy = "settle what is missing of the databases first"
            self.reading.miss("statements", None, why, remedy)
        else:
            self.reading.miss(
                "statements",
                None,
                "the extension pg_stat_statements is in none of the databases that were read",
                "with shared_preload_libraries = 'pg_stat_statements' set (a restart), run "
                "CREATE EXTENSION pg_stat_statements in one of them",
            )

    def _read_replicas(self, databases: list[str], inside: bool) -> None:
        """Read each declared replica, for what differs there."""
        only = replica_frames() if self.only is None else replica_frames() & set(self.only)
        found: list[Replica] = []
        for endpoint in self.instance.replicas if only else ():
            reading = Reading(self.instance.name, only, self.progress, endpoint.name)
            self.replicas.append(reading)
            try:
                found.append(Replica(self.instance.target(endpoint=endpoint), reading))
            except WorkbenchError as error:
                reading.miss("replica", None, str(error), _CORRECT)
        if not found:
            return
        texts = (a.table for a in self.reading.answers if a.frame == TEXTS)
        primary = Primary(
            self.standing,
            self.entrance,
            databases,
            self.reading.extensions,
            self._encodings(),
            frozenset(entry for table in texts for entry in entries_of(table)),
        )
        read_replicas(found, primary, in_databases=inside, connections=CONNECTIONS_PER_INSTANCE)
