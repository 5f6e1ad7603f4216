"""What one endpoint answers and does not: filled by the questions that are put to it, from several threads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from threading import Lock
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from workbench.collect.faults import explain
from workbench.collect.privileges import NOBODY, REFUSED, UNSEEN, Login
from workbench.collect.queries import Query, Unmet, Version, choose
from workbench.collect.sessions import Answer, Outcome, Session
from workbench.collect.withhold import withhold
from workbench.model import Missing, place_of
from workbench.snapshot import Answered

Progress = Callable[[str], None]


@dataclass
class Reading:
    """The reading of one endpoint of an instance; ``endpoint`` names a replica.

    ``only`` limits it to these frames. ``versions`` and ``login`` are learnt in its first session;
    ``extensions`` is, per database that has pg_stat_statements, its version and schema there.
    """

    instance: str
    only: Collection[str] | None
    progress: Progress
    endpoint: str | None = None
    versions: dict[str, Version] = field(default_factory=dict)
    extensions: dict[str, tuple[Version, str]] = field(default_factory=dict)
    login: Login = NOBODY
    answers: list[Answered] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def held(self, frame: str) -> list[dict[str, Any]]:
        """Return the rows of an answer about the whole instance; none where it was not given."""
        tables = [a.table for a in self.answers if a.frame == frame and a.database is None]
        return [row for table in tables for row in table.to_pylist()]

    def choose(self, folder: str, database: str | None) -> tuple[Query, ...]:
        """Return the questions of ``folder`` that fit this server; note those that do not."""
        questions, refused = self.fitting(folder)
        self.refuse(refused, database)
        return questions

    def fitting(
        self, folder: str, extensions: Mapping[str, Version] = MappingProxyType({})
    ) -> tuple[tuple[Query, ...], dict[str, Unmet]]:
        """Return the questions of ``folder`` that fit, and what is lacking for the others: see ``choose``."""
        return choose(folder, {**self.versions, **extensions}, self.only)

    def refuse(self, refused: dict[str, Unmet], database: str | None) -> None:
        """Note what the server lacks for these frames; a replica lacks what its primary does."""
        if self.endpoint is not None:
            return
        for frame, lacking in refused.items():
            self.miss(frame, database, lacking.why, lacking.remedy)

    def ask_each(self, session: Session, folder: str, database: str | None) -> None:
        """Put each question of ``folder`` in a transaction of its own."""
        for query in self.choose(folder, database):
            self.keep(query, database, session.alone(query))

    def keep(
        self, query: Query, database: str | None, outcome: Outcome | Exception
    ) -> pa.Table | None:
        """Store an answer without what is to be withheld; note what it lacks, or why there is none."""
        table = self.taken(query, database, outcome)
        if table is not None and isinstance(outcome, Answer):
            self.add(query.frame, database, table, outcome.ms)
        return table

    def keep_rows(self, query: Query, database: str | None, rows: pa.Table, ms: float) -> None:
        """Store rows that several answers gave, without what is to be withheld; note what they lack."""
        self.note_gaps(query, database, rows)
        self.add(query.frame, database, withhold(query.frame, rows), ms)

    def taken(
        self, query: Query, database: str | None, outcome: Outcome | Exception
    ) -> pa.Table | None:
        """Return an answer without what is to be withheld; note what it lacks, or why there is none."""
        if isinstance(outcome, Answer):
            self.note_gaps(query, database, outcome.table)
            return withhold(query.frame, outcome.table)
        why, remedy = explain(outcome, None)
        state = getattr(outcome, "sqlstate", None)
        if state == REFUSED:
            remedy = self.login.grant(query)
        elif state in UNSEEN and query.folder == "statements":
            remedy = "; ".join(
                f"in database {name}: {self.login.usage(schema)}"
                for name, (_, schema) in sorted(self.extensions.items())
            )
        self.miss(query.frame, database, why, remedy)
        return None

    def note_gaps(self, query: Query, database: str | None, answer: pa.Table) -> None:
        """Note what the server withholds of an answer."""
        for why, remedy in self.login.gaps(query, answer):
            self.miss(query.frame, database, why, remedy)

    def add(self, frame: str, database: str | None, table: pa.Table, ms: float) -> None:
        """Store rows as they are."""
        with self._lock:
            self.answers.append(Answered(frame, self.instance, database, table, ms, self.endpoint))

    def miss(self, what: str, database: str | None, why: str, remedy: str) -> None:
        """Note something that could not be read, and say so."""
        gap = Missing(what, self.instance, database, why, remedy, self.endpoint)
        with self._lock:
            self.missing.append(gap)
        self.progress(f"{gap.place}: {what} could not be read: {why}")

    def say(self, database: str | None, what: str) -> None:
        """Tell whoever waits what is being read."""
        self.progress(f"{place_of(self.instance, database, self.endpoint)}: {what}")
