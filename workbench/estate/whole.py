"""The estate: what was declared, and the questions that it answers."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from workbench.conninfo import Target, TargetError, escape, read_target
from workbench.errors import EstateError
from workbench.estate.claims import Claims, Key, claimed, in_words, is_platform_schema
from workbench.estate.facts import (
    Actor,
    Alias,
    DeclaredReference,
    Design,
    Endpoint,
    Event,
    Exemption,
    Instance,
    Owner,
    Place,
    Prices,
    Service,
    Threshold,
)
from workbench.estate.names import distinct, join_name, nearest


@dataclass(frozen=True)
class Unmatched:
    """A declaration that matches nothing found: the service, what it names, and what is near."""

    service: str
    what: str
    """such as ``schema 'order_service' of database 'hos'``"""
    nearest: str | None
    """the most similar name that was found there"""
    where: str
    """file and key"""


@dataclass(frozen=True)
class Estate:
    """All services of one organisation under review: who owns what, where, within which limits."""

    name: str
    instances: tuple[Instance, ...]
    services: tuple[Service, ...] = ()
    title: str = ""
    folder: Path | None = None
    """where its files and its history are; None where it was made from URLs"""
    digest: str = ""
    """sha256 of the files' names and bytes, in hexadecimal"""
    references: tuple[DeclaredReference, ...] = ()
    aliases: tuple[Alias, ...] = ()
    actors: tuple[Actor, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    designs: tuple[Design, ...] = ()
    events: tuple[Event, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    max_age: int = 3
    """nights before a snapshot is stale"""
    prices: Prices | None = None
    """what servers cost; None: nobody has said, and nothing is told in money"""
    effort: Mapping[str, tuple[float, float]] = field(
        default_factory=lambda: MappingProxyType({}), hash=False
    )
    """person-days, least and most, by the remedies of ``EFFORT`` that the estate sets itself"""
    implicit: bool = False
    """made from URLs: its services are what is found"""

    @cached_property
    def _claims(self) -> Claims:
        return Claims(self.services)

    @cached_property
    def _services(self) -> dict[str, Service]:
        return {name: s for s in self.services for name in (*s.was, s.name)}

    @cached_property
    def first_names(self) -> Mapping[str, str]:
        """Of each service that was renamed, the name it had first: what keys call it, so that they go on."""
        return MappingProxyType({s.name: s.was[0] for s in self.services if s.was})

    def instance(self, name: str) -> Instance:
        """Return the instance called ``name``; raises EstateError with the nearest name."""
        for instance in self.instances:
            if instance.name == name:
                return instance
        known = [i.name for i in self.instances]
        raise EstateError(f"estate {self.name!r} has no instance {name!r}; {nearest(name, known)}")

    def service(self, name: str) -> Service:
        """Return the service that is, or was, called ``name``; raises EstateError likewise."""
        if name not in self._services:
            known = [s.name for s in self.services]
            raise EstateError(
                f"estate {self.name!r} has no service {name!r}; {nearest(name, known)}"
            )
        return self._services[name]

    def owner(
        self,
        instance: str,
        database: str,
        schema: str,
        table: str | None = None,
        *,
        extension: bool = False,
    ) -> Owner:
        """Who owns a table, or a schema where ``table`` is None.

        ``extension``: the catalogue says that it is a member of an extension (pg_depend 'e').
        A lookup takes a few dictionary reads (about a microsecond), so that it can be mapped
        over the distinct (instance, database, schema, table) of a frame.
        """
        return self._claims.owner(instance, database, schema, table, extension)

    def settle(self, found: Iterable[tuple[str, str, str]]) -> "Estate":
        """Give an implicit estate its services: what is found, as (instance, database, schema).

        Each schema is a service named after it; a database with nothing but ``public`` is a
        service named after the database; names that clash become ``database.schema``, and
        ``instance.database.schema`` where that clashes too. Other estates return themselves.
        """
        return replace(self, services=services_found(found)) if self.implicit else self

    def declared_unmatched(
        self, found: Iterable[tuple[str, str, str | None, str | None]]
    ) -> tuple[Unmatched, ...]:
        """Declarations that match nothing in ``found``, rows of :class:`Place`.

        An instance of which ``found`` holds no row was not read, so that nothing is said of it.
        """
        return tuple(_unmatched(self.services, [Place(*row) for row in found]))


def services_found(
    found: Iterable[tuple[str, str, str]],
    wanted: Callable[[Place], bool] = lambda place: True,
    taken: Collection[str] = (),
) -> tuple[Service, ...]:
    """One service per schema or single-schema database found, as :meth:`Estate.settle` says.

    ``wanted`` chooses among them, and ``taken`` holds names that are not to be given.
    """
    schemas = sorted({Place(*row[:3]) for row in found if not is_platform_schema(row[2])})
    several = {p[:2] for p in schemas if p.schema != "public"}
    wishes = {
        place: (
            place.schema or "" if place[:2] in several else place.database,
            join_name((place.database, place.schema or "")),
            join_name((place.instance, place.database, place.schema or "")),
        )
        for place in schemas
        if wanted(place)
    }
    names = distinct(wishes, taken)
    return tuple(
        Service(
            name=names[place],
            instance=place.instance,
            database=place.database,
            schemas=(place.schema or "",) if place[:2] in several else (),
            whole=place[:2] not in several,
        )
        for place in sorted(names, key=names.__getitem__)
    )


def estate_from_urls(urls: Sequence[str]) -> Estate:
    """An implicit estate: each URL names an instance; its services are what is found there.

    Instances are named after their host, or after the database where the host is this machine;
    URLs of one server are one instance, read with one login. Raises EstateError without repeating a
    URL, also where one of the same server asks for another login than the first does.

    >>> [i.name for i in estate_from_urls(["postgresql://db/a", "postgresql:///b"]).instances]
    ['db', 'b']
    """
    targets: dict[frozenset[str], tuple[Target, str]] = {}
    databases: dict[frozenset[str], list[str]] = {}
    for number, url in enumerate(urls, 1):
        try:
            target = read_target(url)
        except TargetError as error:
            raise EstateError(f"--url {number}: {error}") from None
        before, _ = targets.setdefault(target.addresses, (target, url))
        if ignored := _ignored(before, target):
            raise EstateError(
                f"--url {number}: a server is read with one login, and an earlier URL of this one says "
                f"otherwise: {', '.join(ignored)}; write the same in both, or name an estate file"
            )
        if name := target.params.get("dbname"):
            databases.setdefault(target.addresses, []).append(name)
    if not targets:
        raise EstateError("no --url was given; give one, or --estate PATH")
    names = distinct(
        {at: (_base(target), ",".join(sorted(at))) for at, (target, _) in targets.items()}
    )
    instances = tuple(
        Instance(
            name=names[at],
            endpoints=(Endpoint("primary", escape(url), where=f"--url of {names[at]}"),),
            databases=tuple(dict.fromkeys(databases.get(at, ()))),
            where=f"--url of {names[at]}",
        )
        for at, (_, url) in targets.items()
    )
    first = next(iter(targets.values()))[0]
    name = first.params.get("dbname") or instances[0].name
    more = len(instances) - 1
    text = "\n".join(target.url for target, _ in targets.values())
    return Estate(
        name=f"{name} and {more} more" if more else name,
        title=f"{name} and {more} more" if more else name,
        instances=instances,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        implicit=True,
    )


def _ignored(first: Target, other: Target) -> list[str]:
    """What ``other`` says and ``first`` says otherwise; names alone, for values may be secret."""
    same = {"dbname", "host", "hostaddr", "port"}
    return sorted(
        k for k in other.params if k not in same and first.params.get(k) != other.params[k]
    )


def _base(target: Target) -> str:
    host = target.params.get("host", "").split(",")[0]
    if host and not host.startswith("/") and host not in {"localhost", "127.0.0.1", "::1"}:
        return host
    return target.params.get("dbname") or target.params.get("service") or "local"


def _unmatched(services: Iterable[Service], found: list[Place]) -> Iterator[Unmatched]:
    instances = {place.instance for place in found}
    present: dict[Key, set[str]] = {}
    for place in found:
        for base in ((place.instance, place.database), (place.instance, None)):
            present.setdefault((place.instance,), set()).add(place.database)
            if place.schema is not None:
                present.setdefault(base, set()).add(place.schema)
            if place.schema is not None and place.table is not None:
                present.setdefault((*base, place.schema), set()).add(place.table)
    for service in services:
        if service.instance not in instances:
            continue
        for key in claimed(service):
            at = (service.instance,) if len(key) == 2 else key[:-1]
            name = key[-1]
            inside = present.get(at, set())
            if name is not None and name not in inside:
                near = get_close_matches(name, sorted(inside), n=1)
                yield Unmatched(
                    service.name, in_words(key), near[0] if near else None, service.where
                )
