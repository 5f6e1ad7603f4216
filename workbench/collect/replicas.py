"""Replicas: read beside their primary, for what differs on a standby, once it is proved that they are standbys of it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from workbench.collect.faults import FAILURES, explain
from workbench.collect.privileges import who_we_are
from workbench.collect.queries import Query, Version
from workbench.collect.reading import Reading
from workbench.collect.sessions import Answer, Session
from workbench.collect.statements import Outcomes, read_statements
from workbench.collect.texts import NOTHING_KNOWN, Entry, Texts, known_elsewhere
from workbench.conninfo import Target
from workbench.model import PRIMARY

_STANDING = Query(
    "instance",
    "standing",
    Path(),
    (),
    "SELECT s.system_identifier, pg_catalog.pg_is_in_recovery() AS in_recovery, "
    "pg_catalog.pg_postmaster_start_time() AS started_at "
    "FROM pg_catalog.pg_control_system() AS s",
)


@dataclass(frozen=True)
class Standing:
    """Which server a session is with: its cluster, and the start by which its servers are told apart."""

    system_identifier: int
    in_recovery: bool
    started_at: datetime


def standing_of(session: Session) -> Standing | None:
    """Ask the server which one it is; None where it does not say."""
    outcome = session.alone(_STANDING)
    return Standing(**outcome.table.to_pylist()[0]) if isinstance(outcome, Answer) else None


@dataclass(frozen=True)
class Primary:
    """What is known of an instance before its replicas are asked.

    ``standing`` is that of the endpoint that stands for it; ``entrance`` the database it was entered through;
    ``texts`` are the entries of pg_stat_statements whose text is known.
    """

    standing: Standing | None
    entrance: str
    databases: Sequence[str]
    extensions: dict[str, tuple[Version, str]]
    encodings: dict[str, str]
    texts: frozenset[Entry]


@dataclass
class Replica:
    """One declared replica: how to reach it, and what it answered."""

    target: Target
    reading: Reading
    standing: Standing | None = field(default=None, init=False)


class _Refused(Exception):
    """A server that is not counted with the instance: why, and what would help."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why)
        self.remedy = remedy


def read_replicas(
    replicas: Sequence[Replica], primary: Primary, *, in_databases: bool, connections: int
) -> None:
    """Read all replicas of an instance, with at most ``connections`` sessions at a time over all of them.

    One that is not proved to be a standby of this cluster, or leads to a server that is read already, is
    missing, with the reason. ``in_databases`` says whether databases are entered, too.
    """
    with ThreadPoolExecutor(max_workers=connections) as pool:
        list(pool.map(lambda r: _read_instance(r, primary), replicas))
        kept = _each_server_once([r for r in replicas if r.standing is not None], primary)
        if not in_databases:
            return
        places = [(r, name) for r in kept for name in primary.databases]
        list(pool.map(lambda place: _read_database(*place), places))
        list(pool.map(lambda r: _read_statements(r, primary), kept))


def _read_instance(replica: Replica, primary: Primary) -> None:
    reading = replica.reading
    target = replica.target
    if not target.params.get("dbname"):
        target = target.with_database(primary.entrance)
    try:
        with Session(target) as session:
            replica.standing = _proved(standing_of(session), primary.standing)
            reading.versions["server"] = session.server_version
            reading.login = who_we_are(session)
            reading.say(None, "statistics")
            reading.ask_each(session, "instance", None)
    except _Refused as refused:
        reading.miss("replica", None, str(refused), refused.remedy)
    except FAILURES as error:
        replica.standing = None
        reading.miss("replica", None, *explain(error, target))


def _proved(found: Standing | None, primary: Standing | None) -> Standing:
    """Return what is found where it is a standby of the cluster that the instance is; _Refused if not."""
    if found is None or primary is None:
        whose = "the replica" if found is None else "the primary"
        raise _Refused(
            f"its system identifier cannot be compared: {whose} does not say its own",
            "let the login execute pg_control_system() on both",
        )
    if found.system_identifier != primary.system_identifier:
        raise _Refused(
            f"it is no physical standby of this instance: its system identifier is "
            f"{found.system_identifier}, not {primary.system_identifier}",
            "correct the endpoint's url; a logical replica, or a copy, is an instance of its own",
        )
    if not found.in_recovery:
        raise _Refused(
            "it is no standby: it is not in recovery",
            "correct the endpoint's url, or, if it was promoted, make it the primary in the estate file",
        )
    return found


def _each_server_once(replicas: Sequence[Replica], primary: Primary) -> list[Replica]:
    """Leave out what leads to a server that is read already: it would be counted twice."""
    read = {primary.standing.started_at: PRIMARY} if primary.standing else {}
    kept = []
    for replica in replicas:
        name = str(replica.reading.endpoint)
        before = read.setdefault(replica.standing.started_at, name) if replica.standing else name
        if before == name:
            kept.append(replica)
            continue
        replica.reading.answers.clear()
        replica.reading.missing.clear()
        why = f"it leads to the same server as {before}"
        replica.reading.miss("replica", None, why, "name each server in one endpoint")
    return kept


def _enter(replica: Replica, database: str) -> _Same:
    return _Same(replica.target.with_database(database), replica.standing)


class _Same(Session):
    """A session with the very server that was asked before: an address may lead to several in turn."""

    def __init__(self, target: Target, standing: Standing | None) -> None:
        super().__init__(target)
        self._standing = standing

    def __enter__(self) -> _Same:
        super().__enter__()
        try:
            found = standing_of(self)
            if found != self._standing:
                raise _Refused(
                    "its address led to another server than a moment before",
                    "name every replica in an endpoint of its own, past the load balancer",
                )
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self


def _read_database(replica: Replica, name: str) -> None:
    reading = replica.reading
    try:
        with _enter(replica, name) as session:
            reading.say(name, "statistics")
            reading.ask_each(session, "statistics", name)
    except _Refused as refused:
        reading.miss("replica", name, str(refused), refused.remedy)
    except FAILURES as error:
        reading.miss("replica", name, *explain(error, replica.target))


def _read_statements(replica: Replica, primary: Primary) -> None:
    def known(outcomes: Outcomes) -> Texts:
        counters = outcomes.get("statements")
        if not isinstance(counters, Answer):
            return NOTHING_KNOWN
        return known_elsewhere(primary.texts, counters.table)

    replica.reading.extensions = primary.extensions
    try:
        read_statements(
            replica.reading, lambda name: _enter(replica, name), primary.encodings, known
        )
    except _Refused as refused:
        replica.reading.miss("statements", None, str(refused), refused.remedy)
