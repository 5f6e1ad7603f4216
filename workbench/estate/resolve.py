"""From what the files say to facts: defaults filled in, names checked, clashes refused."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from workbench.conninfo import TargetError, hanging_on, outline
from workbench.estate.applications import (
    Application,
    addresses_of,
    instance_meant,
    read_application,
)
from workbench.estate.claims import clashes
from workbench.estate.effort import effort_faults
from workbench.estate.facts import (
    Alias,
    DeclaredReference,
    Design,
    Endpoint,
    Instance,
    Service,
    TableName,
)
from workbench.estate.files import (
    MAIN,
    Contents,
    Entry,
    Faults,
    digest_of,
    key_path,
    parse_texts,
    read_contents,
)
from workbench.estate.limits import contradictions, faults_of
from workbench.estate.names import nearest
from workbench.estate.shapes import DesignTable, EndpointTable, InstanceTable, KeyPath, ServiceTable
from workbench.estate.whole import Estate
from workbench.model import PRIMARY

# Where a person connects who has no database in mind; nobody's data by default.
_MAINTENANCE = {"postgres", "template1"}
_DATA = ("instance", "database", "schemas", "tables", "url")
_OWNS_NOTHING = (
    "owns nothing; give it schemas, tables, a database, an instance or a url,"
    " write external = true where its data is kept elsewhere,"
    " or tables = [] where it is not yet known"
)


def resolve(contents: Contents, name: str, environ: Mapping[str, str], faults: Faults) -> Estate:
    """Make the estate; every fault goes to ``faults``, and then the estate is of no use."""
    resolver = _Resolver(contents, environ, faults)
    instances, services = resolver.instances_and_services()
    resolver.names()
    resolver.effort()
    for kind in (
        "references",
        "aliases",
        "actors",
        "thresholds",
        "designs",
        "events",
        "exemptions",
    ):
        getattr(resolver, kind)()
    name = contents.estate.name or name
    return Estate(
        name=name,
        title=contents.estate.title or name,
        folder=contents.folder,
        digest=contents.digest,
        instances=instances,
        services=services,
        references=tuple(
            DeclaredReference(t.from_, t.to, t.shape, t.note, t.rejected)
            for t in _tables(contents.references)
        ),
        aliases=tuple(Alias(t.word, t.means, t.service) for t in _tables(contents.aliases)),
        actors=tuple(_tables(contents.actors)),
        thresholds=tuple(_tables(contents.thresholds)),
        designs=tuple(_design(t) for t in _tables(contents.designs)),
        events=tuple(sorted(_tables(contents.events), key=lambda e: (e.date, e.what))),
        exemptions=tuple(_tables(contents.exemptions)),
        max_age=contents.estate.max_age,
        prices=contents.estate.prices,
        effort=MappingProxyType(contents.estate.effort),
    )


def _tables(entries: Iterable[Entry[Any]]) -> list[Any]:
    return [entry.table for entry in entries if entry.table is not None]


def _design(t: DesignTable) -> Design:
    return Design(
        t.table, t.partition, t.partitions, t.index, t.on or (), t.where, t.shard_key, t.source
    )


@dataclass(frozen=True)
class _Placed:
    """A service and where it is."""

    entry: Entry[ServiceTable]
    table: ServiceTable
    application: Application | None
    instance: str | None = None

    @property
    def database(self) -> str | None:
        return self.table.database or (self.application.database if self.application else None)


class _Resolver:
    """One pass over the contents; what a faulty table would have said is never guessed."""

    def __init__(self, contents: Contents, environ: Mapping[str, str], faults: Faults) -> None:
        self.contents, self.environ, self._faults = contents, environ, faults
        # of faulty tables too: nobody is told off for naming them
        self.instance_names = {entry.name for entry in contents.instances}
        self.service_names = {entry.name for entry in contents.services}

    def fault(self, entry: Entry[Any], text: str, *key: str | int) -> None:
        self._faults.add(entry.file, (*entry.at, *key), text)

    # -- instances

    def instances_and_services(self) -> tuple[tuple[Instance, ...], tuple[Service, ...]]:
        instances = {e.name: self.instance(e, e.table) for e in self.contents.instances if e.table}
        placed = self.placed(instances)
        databases = _databases_named(placed)
        services = [self.service(p, instances, databases) for p in placed]
        by_name = {p.entry.name: p.entry for p in placed}
        for service, text in clashes(services):
            self.fault(by_name[service.name], f"{text}; let one of them own it")
        return tuple(instances.values()), tuple(services)

    def instance(self, entry: Entry[InstanceTable], table: InstanceTable) -> Instance:
        ways: list[tuple[KeyPath, EndpointTable]] = [
            (("endpoints", i, "url"), e) for i, e in enumerate(table.endpoints)
        ]
        if table.url:
            ways.insert(0, (("url",), EndpointTable("primary", table.url)))
        if not ways:
            self.fault(entry, 'has no url; write url = "postgresql://...", variables and all')
        if sum(e.role == "primary" for _, e in ways) > 1:
            self.fault(entry, "has two primaries (url is one); make the others replicas or poolers")
        for key, endpoint in ways:
            try:
                outline(endpoint.url, self.environ)
            except TargetError as error:
                self.fault(entry, str(error), *key)
        endpoints = tuple(
            Endpoint(**vars(endpoint), where=f"{entry.file}: {key_path((*entry.at, *key))}")
            for key, endpoint in _named(ways)
        )
        names = [e.name for e in endpoints if e.name]
        if len(set(names)) < len(names) or PRIMARY in names:
            self.fault(
                entry, f"has endpoints named {names}; give each another name than {PRIMARY!r}"
            )
        return Instance(
            name=entry.name,
            endpoints=endpoints,
            provider=table.provider,
            network=table.network,
            database=table.database,
            capacity=table.capacity,
            tls=table.tls,
            password_command=table.password_command or (),
            exclude_databases=table.exclude_databases,
            folder=self.contents.folder,
            where=entry.where,
        )

    # -- services

    def placed(self, instances: dict[str, Instance]) -> list[_Placed]:
        """Each service with its instance; the instances that URLs imply are added."""
        declared = dict(instances)
        found = {
            entry.name: _Placed(entry, entry.table, self.application(entry, entry.table))
            for entry in self.contents.services
            if entry.table
        }
        for name, place in found.items():
            if place.application and not place.table.instance:
                found[name] = self.by_url(place, place.application, declared, instances)
        for name, place in found.items():
            if not place.application or place.table.instance:
                found[name] = self.by_name(place, instances)
        return list(found.values())

    def application(self, entry: Entry[ServiceTable], table: ServiceTable) -> Application | None:
        if table.external:
            for key in _DATA:
                if getattr(table, key) is not None:
                    text = "an external service keeps its data elsewhere; remove this, or external"
                    self.fault(entry, text, key)
            return None
        if table.url is None:
            return None
        try:
            return read_application(table.url, self.environ)
        except TargetError as error:
            self.fault(entry, str(error), "url")
            return None

    def by_url(
        self,
        place: _Placed,
        application: Application,
        declared: Mapping[str, Instance],
        instances: dict[str, Instance],
    ) -> _Placed:
        entry = place.entry
        meant, doubt = instance_meant(entry.name, application, declared)
        if doubt:
            self.fault(entry, doubt, "url")
        elif meant is None:
            implied = [n for n, i in instances.items() if n not in declared]
            same = (n for n in implied if addresses_of(instances[n]) & application.addresses)
            meant = next(same, entry.name)
            if meant == entry.name:
                where = f"{entry.file}: {key_path((*entry.at, 'url'))}"
                endpoint = Endpoint("primary", place.table.url or "", where=where)
                instances[meant] = Instance(
                    meant, (endpoint,), folder=self.contents.folder, where=entry.where
                )
        return replace(place, instance=meant)

    def by_name(self, place: _Placed, instances: Mapping[str, Instance]) -> _Placed:
        entry, table = place.entry, place.table
        known = self.instance_names | instances.keys()
        usual = self.instance_names or instances.keys()
        if table.external:
            return place
        if table.instance:
            if table.instance not in known:
                text = f"no instance is called {table.instance!r}; {nearest(table.instance, known)}"
                self.fault(entry, text, "instance")
            return replace(place, instance=table.instance)
        if entry.name in known:
            return replace(place, instance=entry.name)
        if all(getattr(table, key) is None for key in _DATA):
            self.fault(entry, _OWNS_NOTHING)
        elif table.url is not None or (not table.owns_something and len(usual) != 1):
            pass  # a faulty url was told of; and who owns nothing yet may be anywhere
        elif not usual:
            self.fault(entry, "no instance is declared; write [instances.NAME] with its url")
        elif len(usual) > 1:
            text = f"is on which instance? Write instance = one of {', '.join(sorted(usual))}"
            self.fault(entry, text)
        else:
            return replace(place, instance=next(iter(usual)))
        return place

    def service(
        self,
        place: _Placed,
        instances: Mapping[str, Instance],
        databases: Mapping[str, set[str]],
    ) -> Service:
        table, application = place.table, place.application
        schemas = table.schemas or ()
        if application and application.schema and table.claims_by_url:
            schemas = (application.schema,)
        whole = table.owns_something and not schemas and not table.tables
        return Service(
            name=place.entry.name,
            team=table.team,
            contact=table.contact,
            kind=table.kind,
            was=table.was,
            external=table.external,
            instance=place.instance,
            database=self.database(place, whole, instances, databases),
            schemas=schemas,
            tables=tuple(TableName(*names) for names in dict.fromkeys(table.tables or ())),
            whole=whole and place.instance is not None,
            attributes=MappingProxyType(table.attributes),
            connection_limit=table.connection_limit
            or (application.connection_limit if application else None),
            pool_timeout=table.pool_timeout or (application.pool_timeout if application else None),
            staleness_s=table.staleness_s,
            where=place.entry.where,
        )

    def database(
        self,
        place: _Placed,
        whole: bool,
        instances: Mapping[str, Instance],
        databases: Mapping[str, set[str]],
    ) -> str | None:
        """The service's database: written, of its URL, of its instance's URL, or the only one named."""
        if place.database or not place.table.owns_something:
            return place.database
        if place.application and place.application.missing:
            text = f"variable {place.application.missing} is not set, and the database hangs on it"
            self.fault(place.entry, f'{text}; set it, or write database = "..."', "url")
            return None
        instance = instances.get(place.instance or "")
        if instance is None or instance.database or whole:
            return instance.database if instance else None
        if written := _written_database(instance):
            return written  # one more service with a database of its own moves no other
        named = databases.get(instance.name, set())
        if len(named) > 1:
            text = f"is in which database? Write database = one of {', '.join(sorted(named))}"
            self.fault(place.entry, text)
            return None
        return next(iter(named), None)

    def effort(self) -> None:
        for name, text in effort_faults(self.contents.estate.effort):
            self._faults.add(self.contents.main, ("estate", "effort", name), text)

    # -- names

    def names(self) -> None:
        known = Counter(self.service_names)
        for entry in self.contents.services:
            for old in dict.fromkeys(entry.table.was if entry.table else ()):
                known[old] += 1
                if known[old] > 1:
                    text = f"{old!r} is, or was, another service too; a name has one history"
                    self.fault(entry, text, "was")

    def service_known(self, entry: Entry[Any], name: str | None, key: str = "service") -> None:
        if name is not None and name not in self.service_names:
            text = f"no service is called {name!r}; {nearest(name, self.service_names)}"
            self.fault(entry, text, key)

    def instance_known(self, entry: Entry[Any], name: str | None) -> None:
        if name is not None and name not in self.instance_names:
            text = f"no instance is called {name!r}; {nearest(name, self.instance_names)}"
            self.fault(entry, text, "instance")

    def references(self) -> None:
        for entry in self.contents.references:
            if entry.table:
                source, target = entry.table.from_, entry.table.to
                self.service_known(entry, source.service, "from")
                if not source.columns:
                    self.fault(entry, "names no column; write SERVICE.TABLE.COLUMN", "from")
                if target is not None:
                    self.service_known(entry, target.service, "to")
                    if target.columns and len(target.columns) != len(source.columns):
                        self.fault(entry, "has another number of columns than from", "to")
                elif not entry.table.rejected:
                    text = "is missing; write what it refers to, or rejected = true"
                    self.fault(entry, text, "to")

    def aliases(self) -> None:
        seen: dict[tuple[str, str | None], str] = {}
        for entry in self.contents.aliases:
            if not entry.table:
                continue
            alias = entry.table
            self.service_known(entry, alias.service)
            self.service_known(entry, alias.means.service, "means")
            if alias.means.table is None or len(alias.means.columns) > 1:
                self.fault(entry, "names no table; write SERVICE.TABLE", "means")
            before = seen.setdefault((alias.word.lower(), alias.service), entry.where)
            if before != entry.where:
                self.fault(entry, f"has a meaning at {before} already; keep one", "word")

    def actors(self) -> None:
        seen: dict[tuple[str, str], str] = {}
        for entry in self.contents.actors:
            if not entry.table:
                continue
            self.service_known(entry, entry.table.service)
            kinds = ("login", "application_name", "network")
            given = [(k, getattr(entry.table, k)) for k in kinds if getattr(entry.table, k)]
            if len(given) != 1:
                self.fault(entry, "write exactly one of login, application_name and network")
            for way in given:
                other = seen.setdefault(way, entry.table.service)
                if other != entry.table.service:
                    text = f"is service {other!r} already; nobody can tell them apart by it"
                    self.fault(entry, text, way[0])

    def thresholds(self) -> None:
        kinds = {e.table.kind for e in self.contents.services if e.table and e.table.kind}
        sound = []
        for entry in self.contents.thresholds:
            if not entry.table:
                continue
            self.service_known(entry, entry.table.service)
            if entry.table.soft is entry.table.hard is entry.table.low is None:
                self.fault(entry, "has no limit; write soft, hard or low")
                continue
            self.instance_known(entry, entry.table.instance)
            if entry.table.kind is not None and entry.table.kind not in kinds:
                text = f"no service is of kind {entry.table.kind!r}; {nearest(entry.table.kind, kinds)}"
                self.fault(entry, text, "kind")
            faults = list(faults_of(entry.table))
            for key, text in faults:
                self.fault(entry, text, key)
            sound += [] if faults else [entry]
        written = [(e.table, e.where) for e in sound if e.table]
        services = [Service(e.name, kind=e.table.kind) for e in self.contents.services if e.table]
        for number, key, text in contradictions(written, services):
            self.fault(sound[number], text, key)

    def designs(self) -> None:
        seen: dict[object, str] = {}
        for entry in self.contents.designs:
            if not entry.table:
                continue
            one = entry.table
            said = [k for k in ("partition", "index", "shard_key") if getattr(one, k) is not None]
            if len(said) != 1:
                self.fault(entry, "write exactly one of partition, index and shard_key")
                continue
            if said == ["shard_key"]:
                if one.table is not None:
                    self.fault(
                        entry, "stands for all services; leave it out of a shard_key", "table"
                    )
            elif one.table is None:
                self.fault(entry, 'is missing; write table = "SERVICE.TABLE"', "table")
                continue
            else:
                self.service_known(entry, one.table.service, "table")
            if (one.index is None) != (one.on is None) or one.on == ():
                self.fault(entry, 'belongs to an index; write on = ["COLUMN", ...] beside it', "on")
            if one.where is not None and one.index is None:
                self.fault(entry, "belongs to an index; leave it out", "where")
            hashed = one.partition is not None and one.partition.strategy == "hash"
            if one.partitions is not None and (one.partitions < 1 or not hashed):
                self.fault(
                    entry, "counts the parts of a hash; leave it out elsewhere", "partitions"
                )
            key = (said[0], one.index, one.table)
            before = seen.setdefault(key, entry.where)
            if before != entry.where:
                self.fault(entry, f"is said at {before} already; keep one", said[0])

    def events(self) -> None:
        for entry in self.contents.events:
            if entry.table:
                self.service_known(entry, entry.table.service)
                self.instance_known(entry, entry.table.instance)

    def exemptions(self) -> None:
        seen: dict[str, Entry[Any]] = {}
        for entry in self.contents.exemptions:
            if entry.table and seen.setdefault(entry.table.key, entry) is not entry:
                text = f"is exempted at {seen[entry.table.key].where} already; keep one of them"
                self.fault(entry, text, "key")


def _named(
    ways: Iterable[tuple[KeyPath, EndpointTable]],
) -> Iterator[tuple[KeyPath, EndpointTable]]:
    """Give every replica a name: as written, else by its place among the replicas."""
    count = 0
    for key, endpoint in ways:
        count += endpoint.role == "replica"
        name = f"replica-{count}" if endpoint.role == "replica" else None
        yield key, replace(endpoint, name=endpoint.name or name)


def _databases_named(placed: Iterable[_Placed]) -> dict[str, set[str]]:
    """The databases that services name, per instance."""
    named: dict[str, set[str]] = {}
    for place in placed:
        if place.instance and place.database:
            named.setdefault(place.instance, set()).add(place.database)
    return named


def _written_database(instance: Instance) -> str | None:
    """The database that the instance's URL names in so many words."""
    for endpoint in instance.endpoints:
        try:
            name = outline(endpoint.url).params.get("dbname")
        except TargetError:  # told of as a fault of the instance
            continue
        if name and name not in _MAINTENANCE and not hanging_on(name):
            return name
    return None


def load_estate(path: Path | str, environ: Mapping[str, str] | None = None) -> Estate:
    """Read the estate at ``path``: a folder or its estate.toml.

    ``environ`` holds the variables, by default the process's. Raises EstateError, which lists
    every fault of every file as ``file: key: fault; next step``.
    """
    environ = os.environ if environ is None else environ
    faults = Faults()
    contents = read_contents(Path(path), environ, faults)
    return _made(contents, Path(contents.main).resolve().parent.name, environ, faults)


def estate_from_text(
    text: str,
    others: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Estate:
    """Read an estate from the text of its estate.toml, and of its other files by path."""
    environ = os.environ if environ is None else environ
    faults = Faults()
    texts = {MAIN: text.encode(), **{k: v.encode() for k, v in (others or {}).items()}}
    contents = Contents(MAIN, None, digest_of(texts))
    parse_texts(texts, contents, environ, faults)
    return _made(contents, "estate", environ, faults)


def _made(contents: Contents, name: str, environ: Mapping[str, str], faults: Faults) -> Estate:
    if not contents.instances and not contents.services and not faults:
        text = "declares neither instances nor services; write [instances.NAME]"
        faults.add(contents.main, (), text)
    estate = resolve(contents, name, environ, faults)
    faults.refuse()
    return estate
