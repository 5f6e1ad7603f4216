"""Read an estate once: its instances and databases side by side, each failure reported where it is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Literal

import pyarrow as pa

from workbench.collect.faults import FAILURES, explain, names_database
from workbench.collect.privileges import NOBODY, REFUSED, Login, who_we_are
from workbench.collect.queries import (
    Query,
    Unmet,
    Version,
    choose,
    in_databases,
    pulse_frames,
    version,
)
from workbench.collect.samples import LOOKS_PER_S, SESSION_LOOK, Sampled, Sampling, sample
from workbench.collect.sessions import Answer, Outcome, Session
from workbench.collect.sizes import BUDGET_S, measure
from workbench.collect.standing import sizes_before, standing_in, with_age
from workbench.collect.withhold import withhold
from workbench.conninfo import Target
from workbench.errors import WorkbenchError
from workbench.estate import Estate, Instance
from workbench.model import Missing
from workbench.snapshot import Snapshot, new_snapshot

CONNECTIONS_PER_INSTANCE = 4
"""How many sessions the workbench holds on one instance at a time, at most."""

_LEFT_OUT = (
    "it was not asked for in this run",
    "collect it as well, or merge the part of the history that holds it",
)

Progress = Callable[[str], None]


def collect(
    estate: Estate,
    *,
    instances: Collection[str] | None = None,
    only: Collection[str] | None = None,
    profile: Literal["full", "pulse"] = "full",
    everywhere: bool = False,
    previous: Snapshot | None = None,
    sizes_s: float = BUDGET_S,
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
    it with its age, and so does the size of a relation that was not measured within ``sizes_s`` seconds
    per database. ``sample_s`` looks at sessions and locks for so many seconds (at most 300) before
    anything else is read of an instance, ``looks_per_s`` times a second (1 to 20); ``sampled`` holds
    samples that were taken already, by instance. ``simulated_at`` stamps the snapshot with the date of a reference estate's simulated day.
    Nothing is written to a server. A server or database that cannot be read is named in the
    snapshot's ``missing`` with the reason and what would help; the rest is read all the same.
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
        found = standing_in(previous, missing, [a[:3] for a in answers])
        old = [(p, data) for p, data in found if asked is None or p.frame in asked]
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
    """The reading of one instance; each of its methods adds to what was found and what is missing."""

    estate: Estate
    instance: Instance
    only: Collection[str] | None
    everywhere: bool
    previous: Snapshot | None
    sizes_s: float
    progress: Progress
    sampling: Sampling | None = None
    sampled: Sampled | None = None
    answers: list[tuple[str, str, str | None, pa.Table, float]] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    versions: dict[str, Version] = field(default_factory=dict)
    extensions: dict[str, tuple[Version, str]] = field(default_factory=dict)
    login: Login = NOBODY
    reached: bool = False
    _lock: Lock = field(default_factory=Lock)

    def read(self) -> None:
        """Read the instance, then its databases side by side."""
        try:
            target = self.instance.target()
        except WorkbenchError as error:
            self._miss("instance", None, str(error), "correct the estate file or set the variable")
            return
        databases = self._claimed(target)
        self._read_instance(target, databases)
        if not self.reached:
            return
        if self.only is not None and not in_databases(self.only):
            return
        if self.everywhere:
            databases = sorted({*databases, *self._others()})
        with ThreadPoolExecutor(max_workers=CONNECTIONS_PER_INSTANCE) as pool:
            list(pool.map(lambda name: self._read_database(target, name), databases))
        self._read_statements(target)

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
            for row in self._held("databases")
            if row["datallowconn"]
            and row["datname"] != "postgres"
            and not self.instance.excludes(row["datname"])
        ]

    def _held(self, frame: str) -> list[dict[str, Any]]:
        """The rows of an answer about the whole instance; none where it was not given."""
        tables = [a[3] for a in self.answers if a[0] == frame and a[2] is None]
        return [row for table in tables for row in table.to_pylist()]

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
                    self.versions["server"] = session.server_version
                    self.login = who_we_are(session)
                    self._sample(session)
                    self.progress(f"{self.instance.name}: instance")
                    self._ask_each(session, "instance", None)
                    return
            except FAILURES as error:
                failures[name] = error
                # Only a database that is absent or closed leaves hope for the next one.
                if not names_database(error, name):
                    break
        name, failure = next(iter(failures.items()))
        why, remedy = explain(failure, target.with_database(name))
        self._miss("instance", None, why, remedy)

    def _sample(self, session: Session) -> None:
        """Look at sessions and locks while nothing else is read here, and keep what was seen."""
        if self.sampling is not None:
            self.progress(f"{self.instance.name}: sessions, for {self.sampling.seconds:g} s")
            self.sampled = sample(session, self.sampling)
        if self.sampled is None:
            return
        for frame, table, ms in self.sampled.frames():
            self._add(frame, None, table, ms)
        for frame, why, remedy in self.sampled.gaps():
            self._miss(frame, None, why, remedy)
        for why, remedy in self.login.gaps(SESSION_LOOK, self.sampled.sessions):
            self._miss("session_samples", None, why, remedy)
        if self.sampled.failure is not None:
            why, remedy = explain(self.sampled.failure, None)
            self._miss(
                "sampling", None, f"it ended after {self.sampled.looks} looks: {why}", remedy
            )

    def _read_database(self, target: Target, name: str) -> None:
        try:
            with Session(target.with_database(name)) as session:
                self.progress(f"{self.instance.name}/{name}: catalogue")
                questions = self._choose("catalogue", name)
                outcomes = session.together(questions)
                for query in questions:
                    table = self._keep(query, name, outcomes[query.frame])
                    if query.frame == "extensions" and table is not None:
                        self._remember(name, table)
                self.progress(f"{self.instance.name}/{name}: statistics and sizes")
                self._ask_each(session, "statistics", name)
                self._read_sizes(session, name)
        except FAILURES as error:
            why, remedy = explain(error, target.with_database(name))
            self._miss("database", name, why, remedy)

    def _remember(self, database: str, extensions: pa.Table) -> None:
        for row in extensions.to_pylist():
            if row["extname"] == "pg_stat_statements":
                with self._lock:
                    self.extensions[database] = (version(row["extversion"]), row["schema"])

    def _read_sizes(self, session: Session, database: str) -> None:
        for query in self._choose("sizes", database):
            if query.frame != "sizes":
                self._keep(query, database, session.alone(query))
                continue
            earlier = None
            if self._same_cluster():
                earlier = sizes_before(self.previous, self.instance.name, database)
            measured = measure(session, query, earlier, budget_s=self.sizes_s)
            if isinstance(measured, Exception):
                self._keep(query, database, measured)
                continue
            self._add(query.frame, database, measured.table, measured.ms)
            if measured.earlier or measured.guessed:
                self._miss(
                    query.frame,
                    database,
                    f"{measured.earlier + measured.guessed} tables could not be measured within "
                    f"{self.sizes_s:g} s: of {measured.earlier} an earlier measurement is shown with its "
                    f"date, {measured.guessed} are estimated from pages",
                    "nothing to do: they are the first to be measured in the next run",
                )

    def _same_cluster(self) -> bool:
        """Whether oids mean now what they meant in the snapshot before."""
        if self.previous is None:
            return False
        before = self.previous.frame("identity", "system_identifier")
        known = set(before.loc[before["instance"] == self.instance.name, "system_identifier"])
        return bool(known & {row["system_identifier"] for row in self._held("identity")})

    def _read_statements(self, target: Target) -> None:
        """Read pg_stat_statements once per instance: it covers all its databases.

        Which database it is read through matters for texts alone: one of encoding LATIN1 cannot show
        what was said in Cyrillic, and one of UTF8 not what was said in no encoding at all.
        """
        if not self.extensions:
            self._explain_statements()
            return
        encodings = {r["datname"]: r["encoding"] for r in self._held("databases")}
        rank = {"UTF8": 0, "SQL_ASCII": 1}
        outcomes: dict[str, Outcome | Exception] = {}
        for name in sorted(self.extensions, key=lambda d: (rank.get(encodings.get(d, ""), 2), d)):
            held, schema = self.extensions[name]
            versions = self.versions | {"pg_stat_statements": held}
            questions, refused = choose("statements", versions, self.only)
            if not outcomes:
                self._refuse(refused, None)
            open_ = [q for q in questions if not isinstance(outcomes.get(q.frame), Answer)]
            try:
                with Session(target.with_database(name)) as session:
                    outcomes |= {q.frame: session.alone(q, schema) for q in open_}
            except FAILURES as error:
                outcomes |= {q.frame: error for q in open_}
            if all(isinstance(outcome, Answer) for outcome in outcomes.values()):
                break
        for query in questions:
            self._keep(query, None, outcomes[query.frame])

    def _explain_statements(self) -> None:
        questions, refused = choose("statements", self.versions, self.only)
        if not questions and not refused:
            return
        if not any(frame == "extensions" for frame, *_ in self.answers):
            why = "it could not be read which extensions there are"
            self._miss("statements", None, why, "settle what is missing of the databases first")
        else:
            self._miss(
                "statements",
                None,
                "the extension pg_stat_statements is in none of the databases that were read",
                "with shared_preload_libraries = 'pg_stat_statements' set (a restart), run "
                "CREATE EXTENSION pg_stat_statements in one of them",
            )

    def _choose(self, folder: str, database: str | None) -> tuple[Query, ...]:
        """Return the questions of ``folder`` that fit this server; note those that do not."""
        questions, refused = choose(folder, self.versions, self.only)
        self._refuse(refused, database)
        return questions

    def _refuse(self, refused: dict[str, Unmet], database: str | None) -> None:
        for frame, lacking in refused.items():
            self._miss(frame, database, lacking.why, lacking.remedy)

    def _ask_each(self, session: Session, folder: str, database: str | None) -> None:
        for query in self._choose(folder, database):
            self._keep(query, database, session.alone(query))

    def _keep(
        self, query: Query, database: str | None, outcome: Outcome | Exception
    ) -> pa.Table | None:
        """Store an answer without what is to be withheld; note what it lacks, or why there is none."""
        if not isinstance(outcome, Answer):
            why, remedy = explain(outcome, None)
            if getattr(outcome, "sqlstate", None) == REFUSED:
                remedy = self.login.grant(query)
            self._miss(query.frame, database, why, remedy)
            return None
        for why, remedy in self.login.gaps(query, outcome.table):
            self._miss(query.frame, database, why, remedy)
        table = withhold(query.frame, outcome.table)
        self._add(query.frame, database, table, outcome.ms)
        return table

    def _add(self, frame: str, database: str | None, table: pa.Table, ms: float) -> None:
        with self._lock:
            self.answers.append((frame, self.instance.name, database, table, ms))

    def _miss(self, what: str, database: str | None, why: str, remedy: str) -> None:
        with self._lock:
            self.missing.append(Missing(what, self.instance.name, database, why, remedy))
        place = f"{self.instance.name}/{database}" if database else self.instance.name
        self.progress(f"{place}: {what} could not be read: {why}")
