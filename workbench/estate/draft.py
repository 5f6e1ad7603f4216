"""The text of an estate file: drafted from what was found, and extended without loss.

An update adds lines and never rewrites one, so that all that a person wrote stays as it is.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from workbench.conninfo import Target, escape, expand, read_target
from workbench.errors import EstateError
from workbench.estate.claims import claimed, is_platform_schema
from workbench.estate.facts import Place, Service
from workbench.estate.files import find_files
from workbench.estate.names import toml_key, toml_string
from workbench.estate.resolve import estate_from_text, load_estate
from workbench.estate.whole import Estate, services_found

_HEAD = """\
# Who owns what, where it runs, its limits: drafted by "workbench init" from what it found.
# Correct it, then ask "workbench check" what does not match. "workbench init --update" adds what
# is new and leaves the rest as it is. ${VAR} and ${VAR:-default} stand for variables.

[estate]
name = %s
# title = "..."
# max_age = 3  # nights until a snapshot is too old
# prices = { currency = "EUR", vcpu = 30, memory_gb = 4, storage_gb = 0.12 }  # a month of each
# effort = { "API call" = [2, 5] }  # person-days of a remedy, least and most
"""
_PASSWORD = """\
# The password is not kept here. libpq finds it in ~/.pgpass (PGPASSFILE) or in a service file
# (url = "service=NAME"); or let a command print it at every connect:
# password_command = ["pass", "show", "postgres"]
"""
_INSTANCE = """\
# provider = "..."
# network = "..."
# exclude_databases = ["*_dev", "*_test"]
# capacity = { vcpus = 4, memory_gb = 16, storage_gb = 100 }  # SQL cannot see these
"""
_SERVICES = """\
# A service owns schemas, a whole database, or named tables (tables = ["public.orders"]). It may
# say team, contact, was = ["its former names, the oldest first"], url (the application's own),
# staleness_s (how old, in seconds, its copies of others' data may be), and facts of your own
# under [services.NAME.attributes], such as port. One whose data is elsewhere is external = true.
"""
_ACTORS = "# Whose login it is, guessed from the schemas that it owns or searches.\n"
_ADDED = '# Added by "workbench init --update".\n'
# Where a person connects who has no database in mind.
_MAINTENANCE = {"postgres", "template1"}


@dataclass(frozen=True)
class FoundSchema:
    """A schema that is there."""

    name: str
    tables: int = 0
    bytes: int | None = None
    """None where sizes could not be read"""
    platform: bool = False
    """it belongs to an extension; the schemas of known tools need not be marked"""


@dataclass(frozen=True)
class FoundDatabase:
    """A database that was looked into."""

    name: str
    schemas: tuple[FoundSchema, ...] = ()


@dataclass(frozen=True)
class FoundLogin:
    """A role that can log in and is no superuser."""

    name: str
    schemas: tuple[tuple[str, str], ...] = ()
    """(database, schema) of all that it owns or has in a search_path of its own"""


@dataclass(frozen=True)
class FoundInstance:
    """A server that was looked into."""

    name: str
    url: str = field(repr=False)
    """as an estate file holds it, without variables; its password is not written down"""
    databases: tuple[FoundDatabase, ...] = ()
    logins: tuple[FoundLogin, ...] = ()


@dataclass(frozen=True)
class Found:
    """What ``workbench init`` found."""

    instances: tuple[FoundInstance, ...]


def draft_text(found: Found, name: str | None = None) -> str:
    """Write a commented estate.toml that :func:`load_estate` accepts.

    Services are named as those of an implicit estate. Neither a password nor a date is in it.
    """
    name = name or next((d.name for i in found.instances for d in i.databases), None)
    head = _HEAD % _value(name or "estate")
    known = {instance.name: instance.name for instance in found.instances}
    blocks = [_instance_block(i.name, i) for i in _sorted(found)]
    empty = Estate(name="", instances=())
    services = _new_services(found, known, empty)
    if services:
        blocks.append(_SERVICES.rstrip("\n"))
    blocks += _service_blocks(services, found, known, several=len(known) > 1)
    left = sorted({_value(s) for *_, s in _platform(found)})
    if left:
        blocks.append(f"# Left to the platform: {', '.join(left)}")
    actors, shared = _actors(found, known, replace(empty, services=services))
    if actors or shared:
        blocks.append(_ACTORS.rstrip("\n"))
    blocks += [_actor_block(*actor) for actor in actors]
    if shared:
        blocks.append(f"# Of no single service: {', '.join(_value(login) for login in shared)}")
    return "\n\n".join([head.rstrip("\n"), *blocks]) + "\n"


def update_text(
    text: str,
    found: Found,
    others: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> str:
    """Add to ``text``, an estate.toml, what was found and is not in it.

    New are instances, schemas and databases that nobody owns, and logins of a single service.
    Lines are added and none is changed; where a second instance or database makes a default
    ambiguous, what was meant is written out. A second update adds nothing. ``others`` are the
    estate's other files by path. Raises EstateError where ``text`` is no estate file, or must be
    changed by hand first.
    """
    estate = estate_from_text(text, others, environ)
    known = _known_instances(found, estate, environ)
    names = {i.name for i in estate.instances}
    fresh = [i for i in _sorted(found) if known[i.name] not in names]
    services = _new_services(found, known, estate)
    blocks = [_instance_block(known[i.name], i) for i in fresh]
    several = len(names | set(known.values())) > 1
    blocks += _service_blocks(services, found, known, several=several)
    owners = replace(estate, services=(*estate.services, *services))
    mapped = {actor.login for actor in estate.actors}
    actors = [a for a in _actors(found, known, owners)[0] if a[1] not in mapped]
    blocks += [_actor_block(*actor) for actor in actors]
    if not blocks:
        return text
    eol = "\r\n" if "\r\n" in text else "\n"
    longer = text if text.endswith("\n") else text + eol
    if fresh:
        for service in estate.services:
            if service.instance in names:
                line = f"instance = {_value(service.instance or '')}"
                longer = _said(longer, ("services", service.name), line, eol)
    for name, database in _meant(estate, services, found, known).items():
        longer = _said(longer, ("instances", name), f"database = {_value(database)}", eol)
    added = "\n" + _ADDED + "\n".join(f"{block}\n" for block in blocks)
    longer += added.replace("\n", eol)
    _check_unchanged(estate, longer, others, environ)
    return longer


def update_file(path: Path | str, found: Found, environ: Mapping[str, str] | None = None) -> str:
    """The text that the estate's main file should have: see :func:`update_text`."""
    main, *others = find_files(Path(path))
    load_estate(path, environ)  # for messages that name the files
    texts = {
        file.relative_to(main.parent).as_posix(): file.read_bytes().decode() for file in others
    }
    return update_text(main.read_bytes().decode(), found, texts, environ)


def _said(text: str, table: tuple[str, str], line: str, eol: str) -> str:
    """``text`` with ``line`` first in ``table``, unless its key is there or the table is not."""
    document = tomllib.loads(text.removeprefix("\ufeff"))
    kind, name = table
    if line.partition(" ")[0] in document.get(kind, {}).get(name, {}):
        return text
    lines = text.splitlines(keepends=True)
    for number, header in enumerate(lines):
        if header.lstrip().startswith("["):
            with suppress(tomllib.TOMLDecodeError):
                if tomllib.loads(header) == {kind: {name: {}}}:
                    return "".join([*lines[: number + 1], line + eol, *lines[number + 1 :]])
    return text


def _meant(
    estate: Estate, new: Iterable[Service], found: Found, known: Mapping[str, str]
) -> dict[str, str]:
    """Per instance, the database of services that name none, where new ones name another."""
    meant: dict[str, str] = {}
    for name in sorted({service.instance or "" for service in new}):
        here = [s for s in estate.services if s.instance == name and (s.schemas or s.tables)]
        named = {s.database for s in new if s.instance == name}
        homes = {s.database for s in here}
        if len(homes) != 1 or homes == named:
            continue
        schemas = {schema for s in here for schema in (*s.schemas, *(t.schema for t in s.tables))}
        holders: dict[str, set[str]] = {}
        for instance, database, schema in _schemas(found):
            if known[instance.name] == name:
                holders.setdefault(database.name, set()).add(schema.name)
        home = homes.pop()
        full = [d for d, names in sorted(holders.items()) if schemas <= names]
        if home or len(full) == 1:
            meant[name] = home or full[0]
    return meant


def _check_unchanged(
    estate: Estate,
    longer: str,
    others: Mapping[str, str] | None,
    environ: Mapping[str, str] | None,
) -> None:
    """Refuse an update after which what was declared would mean something else."""
    try:
        after = estate_from_text(longer, others, environ)
        moved = [
            before.name
            for before in estate.services
            for now in [after.service(before.name)]
            if now.instance != before.instance
            or (before.database and now.database != before.database)
        ]
        fault = f"services {', '.join(map(repr, moved))} would move" if moved else ""
    except EstateError as error:
        fault = str(error)
    if fault:
        raise EstateError(
            "estate.toml: cannot be added to as it is written; write tables as [services.NAME],"
            " lists as [[actors]], and say instance and database where services leave them out"
            f" ({fault})"
        )


def _sorted(found: Found) -> list[FoundInstance]:
    return sorted(found.instances, key=lambda instance: instance.name)


def _schemas(found: Found) -> Iterator[tuple[FoundInstance, FoundDatabase, FoundSchema]]:
    for instance in found.instances:
        for database in instance.databases:
            for schema in database.schemas:
                yield instance, database, schema


def _platform(found: Found) -> Iterator[tuple[str, str, str]]:
    for instance, database, schema in _schemas(found):
        own = schema.name == "information_schema" or schema.name.startswith("pg_")
        if not own and (schema.platform or is_platform_schema(schema.name)):
            yield instance.name, database.name, schema.name


def _known_instances(
    found: Found, estate: Estate, environ: Mapping[str, str] | None
) -> dict[str, str]:
    """The estate's name for each instance found: by name, else by address, else a free one."""
    names = {instance.name for instance in estate.instances}
    at: dict[str, str] = {}
    for declared in estate.instances:
        # where a variable is not set, the address cannot be compared
        with suppress(EstateError):
            at |= dict.fromkeys(declared.target(environ).addresses, declared.name)
    known: dict[str, str] = {}
    for instance in _sorted(found):
        addresses = _target(instance).addresses
        same = next((at[a] for a in sorted(addresses) if a in at), None)
        known[instance.name] = instance.name if instance.name in names else same or instance.name
    return known


def _new_services(found: Found, known: Mapping[str, str], estate: Estate) -> tuple[Service, ...]:
    schemas = {
        Place(known[i.name], d.name, s.name): s for i, d, s in _schemas(found) if not s.platform
    }
    several = {
        p[:2] for p in schemas if p.schema != "public" and not is_platform_schema(p[2] or "")
    }
    claims = {key for service in estate.services for key in claimed(service)}
    taken_apart = {key[:3] for key in claims if len(key) == 4}
    touched = {key[:2] for key in claims}
    patterns = {instance.name: instance for instance in estate.instances}

    def wanted(place: Place) -> bool:
        instance, database, schema, _ = place
        if instance in patterns and patterns[instance].excludes(database):
            return False
        if {(instance, database, schema), (instance, None, schema)} & taken_apart:
            return False  # where services own tables by name, the rest is shared on purpose
        empty = schema == "public" and not schemas[place].tables
        if empty and (database in _MAINTENANCE or place[:2] in several):
            return False  # nobody's data lies there
        return estate.owner(instance, database, schema or "").standing == "unowned"

    taken = [name for s in estate.services for name in (s.name, *s.was)]
    services = services_found(((p[0], p[1], p[2] or "") for p in schemas), wanted, taken)
    return tuple(
        replace(s, whole=False, schemas=("public",))
        if s.whole and {(s.instance, s.database), (s.instance, None)} & touched
        else s
        for s in services
    )


def _actors(
    found: Found, known: Mapping[str, str], estate: Estate
) -> tuple[list[tuple[str, str]], list[str]]:
    """(service, login) of each login of a single service, and the logins of none or several."""
    owners: dict[str, set[str]] = {}
    for instance in found.instances:
        for login in instance.logins:
            services = owners.setdefault(login.name, set())
            for database, schema in login.schemas:
                owner = estate.owner(known[instance.name], database, schema)
                services |= {owner.service} if owner.service else set()
    single = sorted((next(iter(s)), login) for login, s in owners.items() if len(s) == 1)
    return single, sorted(login for login, s in owners.items() if len(s) != 1)


def _target(instance: FoundInstance) -> Target:
    return read_target(expand(instance.url, {}))


def _instance_block(name: str, instance: FoundInstance) -> str:
    url = _value(_target(instance).url)
    lines = f"[instances.{toml_key(name)}]\nurl = {url}\n{_PASSWORD}{_INSTANCE}"
    return lines.rstrip("\n")


def _service_blocks(
    services: Iterable[Service], found: Found, known: Mapping[str, str], *, several: bool
) -> Iterator[str]:
    schemas = {(known[i.name], d.name, s.name): s for i, d, s in _schemas(found)}
    for service in services:
        own = [
            schemas[service.instance or "", service.database or "", schema]
            for schema in service.schemas or ("public",)
        ]
        lines = [f"[services.{toml_key(service.name)}]  # {_extent(own)}"]
        if several:
            lines.append(f"instance = {_value(service.instance or '')}")
        lines.append(f"database = {_value(service.database or '')}")
        if not service.whole:
            lines.append(f"schemas = [{', '.join(_value(schema) for schema in service.schemas)}]")
        yield "\n".join(lines)


def _actor_block(service: str, login: str) -> str:
    return f"[[actors]]\nservice = {_value(service)}\nlogin = {_value(login)}"


def _value(text: str) -> str:
    return toml_string(escape(text))


def _extent(schemas: Iterable[FoundSchema]) -> str:
    """Tables and size, as found.

    >>> _extent([FoundSchema("a", 12, 3_500_000)])
    '12 tables, 3.3 MB'
    """
    schemas = list(schemas)
    tables = sum(schema.tables for schema in schemas)
    text = f"{tables} table{'' if tables == 1 else 's'}"
    if any(schema.bytes is None for schema in schemas):
        return f"{text}, size unknown"
    size, units = float(sum(schema.bytes or 0 for schema in schemas)), ["kB", "MB", "GB", "TB"]
    if size < 1024:
        return f"{text}, {size:.0f} bytes"
    while (size := size / 1024) >= 1024 and len(units) > 1:
        units.pop(0)
    return f"{text}, {size:.1f} {units[0]}"
