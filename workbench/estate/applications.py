"""What the URL of an application says of its data, and which instance it points at.

Which instance a URL means is decided by what the files say alone, so that a recorded history is
owned in the same way wherever it is read; the variables of a URL stand for themselves.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from workbench.conninfo import TargetError, hanging_on, outline
from workbench.estate.facts import Instance


@dataclass(frozen=True)
class Application:
    """What an application's own URL says; None where it says nothing."""

    addresses: frozenset[str]
    database: str | None
    schema: str | None
    connection_limit: int | None
    pool_timeout: float | None
    missing: str | None
    """the variable without which database and schema are not known"""


def read_application(text: str, environ: Mapping[str, str]) -> Application:
    """Read a service's ``url``; raises TargetError."""
    said = outline(text, environ)
    database, schema = said.params.get("dbname"), said.schema
    missing = hanging_on(database or "") or hanging_on(schema or "")
    return Application(
        addresses=outline(text).addresses,
        database=None if missing else database,
        schema=None if missing else schema,
        connection_limit=said.connection_limit,
        pool_timeout=said.pool_timeout,
        missing=missing,
    )


def instance_meant(
    service: str, application: Application, declared: Mapping[str, Instance]
) -> tuple[str | None, str | None]:
    """Which declared instance an application's URL points at, or why that cannot be told.

    Both are None where it points elsewhere.
    """
    addresses = {name: addresses_of(instance) for name, instance in declared.items()}
    same = [name for name, known in addresses.items() if known & application.addresses]
    if len(same) == 1:
        return same[0], None
    if service in declared:
        return service, None
    if len(same) > 1:
        return None, f"points at several instances ({_list(same)}); write instance = one of them"
    hanging = _hang(application.addresses)
    if hanging and len(declared) == 1:
        return next(iter(declared)), None
    unsure = [name for name, known in addresses.items() if hanging or _hang(known)]
    if unsure:
        return None, (
            f"may point at {_list(unsure)}: an address hangs on a variable; write instance = the one"
        )
    return None, None


def addresses_of(instance: Instance) -> frozenset[str]:
    """The addresses of an instance as its file writes them, variables standing for themselves."""
    found: set[str] = set()
    for endpoint in instance.endpoints:
        with suppress(TargetError):  # a fault of that instance, and told there
            found |= outline(endpoint.url).addresses
    return frozenset(found)


def _hang(addresses: Iterable[str]) -> bool:
    return any(hanging_on(address) for address in addresses)


def _list(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
