"""What an estate consists of: frozen facts that refer to each other by name."""

import copyreg
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

from workbench.conninfo import Target, TargetError, expand, read_target
from workbench.errors import EstateError
from workbench.estate.kinds import Amount, Day, Name, Network, Number, Price, Text
from workbench.model import Shape as Shape

Role = Literal["primary", "pooler", "replica"]
Standing = Literal["owned", "unowned", "platform"]
SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]


# Estates travel to other processes, and Python has no pickle for a read-only mapping of its own.
def _frozen(held: dict[str, object]) -> Mapping[str, object]:
    return MappingProxyType(held)


def _reduced(held: MappingProxyType[str, object]) -> tuple[object, tuple[dict[str, object]]]:
    return _frozen, (dict(held),)


copyreg.pickle(MappingProxyType, _reduced)  # type: ignore[arg-type]

# the order in which an instance is connected
_ROLES: tuple[Role, ...] = ("primary", "pooler", "replica")


class TableName(NamedTuple):
    """A table that a service owns inside a schema that it shares."""

    schema: str
    table: str


class Place(NamedTuple):
    """Something that a snapshot holds: a table, or a schema or database without any."""

    instance: str
    database: str
    schema: str | None = None
    table: str | None = None


@dataclass(frozen=True)
class Owner:
    """Who owns a place: a service, nobody declared yet, or the platform."""

    service: str | None
    standing: Standing


@dataclass(frozen=True)
class Capacity:
    """What SQL cannot see of a server; None where it was not declared."""

    vcpus: Amount | None = None
    memory_gb: Amount | None = None
    """GiB"""
    storage_gb: Amount | None = None
    """GB of 1,000,000,000 bytes"""
    iops: Amount | None = None
    """operations a second"""
    throughput_mb: Amount | None = None
    """MiB a second"""

    @property
    def storage_bytes(self) -> float | None:
        """The declared storage in bytes."""
        return None if self.storage_gb is None else self.storage_gb * 10**9


@dataclass(frozen=True)
class Prices:
    """What a month of a server costs: each vCPU, each GiB of memory, each GB of storage."""

    currency: Text
    vcpu: Price
    memory_gb: Price
    storage_gb: Price


@dataclass(frozen=True)
class Tls:
    """libpq's TLS settings, as written; they override what a URL says."""

    sslmode: SslMode | None = None
    sslrootcert: Text | None = None
    sslcert: Text | None = None
    sslkey: Text | None = None


@dataclass(frozen=True)
class Endpoint:
    """One way to reach an instance."""

    role: Role
    url: str = field(repr=False)
    """as written, variables and all; may hold a password, so it is never shown"""
    pool_size: int | None = None
    """server connections that a pooler keeps per database and user"""
    pool_mode: Literal["session", "transaction", "statement"] | None = None
    max_clients: int | None = None
    """client connections that a pooler accepts"""
    name: str | None = None
    """what a replica is called in snapshots: as written, else replica-1, replica-2 in their order"""
    where: str = field(default="", compare=False)
    """file and key, for messages"""


@dataclass(frozen=True)
class Instance:
    """A PostgreSQL cluster: where it runs, how to reach it, what SQL cannot see of it."""

    name: str
    endpoints: tuple[Endpoint, ...]
    provider: str | None = None
    network: str | None = None
    database: str | None = None
    """where its services live that do not name a database"""
    capacity: Capacity = field(default_factory=Capacity)
    tls: Tls = field(default_factory=Tls)
    password_command: tuple[str, ...] = field(default=(), repr=False)
    exclude_databases: tuple[str, ...] = ()
    """glob patterns"""
    databases: tuple[str, ...] = ()
    """read even where no service names them: those of URLs"""
    folder: Path | None = None
    """what relative paths of certificates start from"""
    where: str = field(default="", compare=False)
    """file and key, for messages"""

    def excludes(self, database: str) -> bool:
        """Whether ``database`` is left out of collections.

        >>> Instance("main", (), exclude_databases=("*_dev",)).excludes("orion_user_dev")
        True
        """
        return any(fnmatchcase(database, pattern) for pattern in self.exclude_databases)

    def target(
        self,
        environ: Mapping[str, str] | None = None,
        database: str | None = None,
        endpoint: Endpoint | None = None,
    ) -> Target:
        """How to connect: the primary, else the pooler, else a replica; TLS settings applied.

        ``endpoint`` is one of its ``replicas`` to be connected instead. ``environ`` defaults to the
        process's. The password command is not run yet: see :meth:`Target.connecting`. Raises
        EstateError, which names file, key and variable.
        """
        environ = os.environ if environ is None else environ
        if not self.endpoints:
            raise EstateError(f'{self.where}: no url; write url = "postgresql://..."')
        endpoint = endpoint or self._connected
        where = endpoint.where
        try:
            target = read_target(expand(endpoint.url, environ))
            where = f"{self.where}.tls"
            target = target.override(**self._tls(environ))
            where = f"{self.where}.password_command"
            command = tuple(expand(word, environ) for word in self.password_command)
        except TargetError as error:
            raise EstateError(f"{where}: {error}") from None
        name = database or target.params.get("dbname") or self.database
        target = target.override(dbname=name) if name else target
        return target.asking(command)

    @property
    def _connected(self) -> Endpoint:
        return min(self.endpoints, key=lambda e: _ROLES.index(e.role))

    @property
    def replicas(self) -> tuple[Endpoint, ...]:
        """The declared replicas, but for one that is connected because there is no primary or pooler."""
        return tuple(e for e in self.endpoints if e.role == "replica" and e is not self._connected)

    def _tls(self, environ: Mapping[str, str]) -> dict[str, str]:
        given: dict[str, str] = {"sslmode": self.tls.sslmode} if self.tls.sslmode else {}
        for key in ("sslrootcert", "sslcert", "sslkey"):
            value = getattr(self.tls, key)
            if value is None:
                continue
            value = expand(value, environ)
            # "system" is libpq's word for the certificates of the machine
            path = value if value == "system" else Path(value).expanduser()
            given[key] = str(self.folder / path if self.folder and path != "system" else path)
        return given


@dataclass(frozen=True)
class Service:
    """The owner of data: schemas, a whole database or instance, or named tables."""

    name: str
    team: str | None = None
    contact: str | None = None
    kind: str | None = None
    """what sort of service it is, in a person's own word; thresholds may name it"""
    was: tuple[str, ...] = ()
    """names it had before, the oldest first"""
    external: bool = False
    """it keeps its data elsewhere; nothing is collected from it"""
    instance: str | None = None
    database: str | None = None
    """None: wherever on the instance the schemas are found"""
    schemas: tuple[str, ...] = ()
    tables: tuple[TableName, ...] = ()
    whole: bool = False
    """it owns the whole database, or the whole instance where no database is named"""
    attributes: Mapping[str, object] = field(
        default_factory=lambda: MappingProxyType({}), hash=False
    )
    """free facts of a person's own, such as ``port``; exported with the service"""
    connection_limit: int | None = None
    """connections of the application's pool"""
    pool_timeout: float | None = None
    """seconds"""
    staleness_s: float | None = None
    """how old, in seconds, its copies of others' data may be; 0: it may read nothing old; None: nobody has said"""
    where: str = field(default="", compare=False)
    """file and key, for messages"""


@dataclass(frozen=True)
class WrittenEnd:
    """One end of a declared reference; what is not said is None or empty."""

    service: str
    schema: str | None = None
    table: str | None = None
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeclaredReference:
    """A reference that a person wrote down, or rejected: ``[[references]]`` from ... to ..."""

    source: WrittenEnd
    target: WrittenEnd | None
    """None: rejected, whatever it may seem to refer to"""
    shape: Shape | None = None
    note: str | None = None
    rejected: bool = False
    """a person looked and found that there is none"""


@dataclass(frozen=True)
class Alias:
    """A word of column names that means a table: ``[[aliases]]`` word ... means ..."""

    word: str
    means: WrittenEnd
    service: str | None = None
    """where the word means that; None: everywhere"""


@dataclass(frozen=True)
class Actor:
    """Who a service is seen as: by login, by application_name or by client network."""

    service: Text
    login: Name | None = None
    application_name: Text | None = None
    network: Network | None = None
    """CIDR"""


@dataclass(frozen=True)
class Threshold:
    """A limit on a metric, as written; judged elsewhere."""

    metric: Text
    service: Text | None = None
    scope: Text | None = None
    """a schema, or ``SCHEMA.TABLE``"""
    instance: Text | None = None
    kind: Text | None = None
    """the kind of its services, as these say"""
    per: Literal["estate", "instance", "service", "schema", "table"] | None = None
    """what each is held against the limit; None: what scope names, else as the metric has it"""
    soft: Number | None = None
    hard: Number | None = None
    low: Number | None = None
    unit: Text | None = None
    window: Text | None = None
    formula: Text | None = None
    """how the estate computes the metric, in words"""
    parameters: Mapping[str, Number] = field(
        default_factory=lambda: MappingProxyType({}), hash=False
    )
    """the numbers in the formula, by name"""
    source: Text | None = None
    """where the limit was agreed"""


@dataclass(frozen=True)
class Partitioning:
    """How the rows of a table are to be divided: ``month``, ``month(created_at)``, ``hash(user_id)``, ``list(region)``."""

    strategy: Literal["hash", "list", "range"]
    columns: tuple[str, ...] = ()
    """the key, in order; of a range by time it may be left out: then it is the table's only column of time"""
    every: Literal["day", "week", "month", "quarter", "year"] | None = None
    """of a range, how long a partition is; None: not said"""

    def __str__(self) -> str:
        key = f"({', '.join(self.columns)})" if self.columns else ""
        return f"{self.every or self.strategy}{key}"


@dataclass(frozen=True)
class Design:
    """What was designed, and is held against what is there: ``[[designs]]``. One of three things is said.

    A ``partition`` of ``table``, in ``partitions`` parts where a hash says so; an ``index`` of it ``on`` columns,
    ``where`` it is partial; or the ``shard_key`` that data is to be distributed by one day.
    """

    table: WrittenEnd | None = None
    partition: Partitioning | None = None
    partitions: int | None = None
    index: str | None = None
    on: tuple[str, ...] = ()
    where: str | None = None
    shard_key: str | None = None
    source: str | None = None
    """where it was agreed"""


@dataclass(frozen=True)
class Event:
    """Something that happened and that a chart should show."""

    date: Day
    what: Text
    service: Text | None = None
    instance: Text | None = None


@dataclass(frozen=True)
class Exemption:
    """A finding or crossing accepted on purpose, until it expires."""

    key: Text
    owner: Text
    reason: Text
    expires: Day
