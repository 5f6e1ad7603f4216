"""The file ``workload.toml`` of a reference estate: its keys, read and checked.

The head of ``data/estates/marketplace/workload.toml`` explains the vocabulary to its reader.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.errors import EstateError
from workbench.lab.draws import Draw, DrawError, Drawn, KeyKind, Population, new_in, read_draw

Constant = bool | int | float
Week = Annotated[tuple[float, ...], Field(min_length=7, max_length=7)]
Span = Annotated[tuple[int, ...], Field(min_length=2, max_length=2)]


AddressPart = Literal["host", "port", "name", "user", "password"]
ADDRESS_PARTS: tuple[AddressPart, ...] = get_args(AddressPart)


class Variable(NamedTuple):
    """What one variable holds of the way to a database; the whole URL where ``part`` is None."""

    database: str
    login: str
    part: AddressPart | None


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InstancePart(_Part):
    """An instance: SQL files run once as superuser, before its databases are made."""

    files: tuple[str, ...] = ()


class DatabasePart(_Part):
    """A database: SQL files as glob patterns, in order, and the maintenance of each night."""

    instance: str
    files: tuple[str, ...]
    maintenance: tuple[str, ...] = ()


class VariablePart(_Part):
    """What ``estate.toml`` asks for: the URL of a database for a login, in one variable.

    ``parts``: in five, each with one `AddressPart` for the end of its name.
    """

    database: str
    login: str
    parts: bool = False


class PopulationPart(_Part):
    """How many things there are on the first morning, and what their keys look like."""

    count: int = Field(ge=0)
    key: KeyKind = "uuid"
    like: str = ""


class SessionPart(_Part):
    """How a service connects."""

    database: str
    login: str
    application_name: str = ""
    search_path: str = ""


class Statement(_Part):
    """One statement with ``$n`` parameters, each filled by a draw, a drawn name or a constant.

    ``rows`` turns every parameter into an array of so many draws; ``planted`` says which fault
    the statement is there to show.
    """

    sql: str = Field(min_length=1)
    fill: tuple[str | Constant, ...] = Field(default=(), alias="with")
    repeat: int | Span = 1
    rows: int | None = Field(default=None, ge=1)
    planted: str = ""

    @property
    def repeats(self) -> tuple[int, int]:
        """The fewest and the most times that a call runs this statement."""
        return (
            (self.repeat, self.repeat)
            if isinstance(self.repeat, int)
            else (self.repeat[0], self.repeat[1])
        )


class Flow(_Part):
    """Something that a service does so many times a day; ``beside``: while everything else goes on."""

    name: str
    service: str
    calls: float = Field(gt=0)
    rhythm: str = ""
    growth: float = Field(default=0.0, gt=-1, lt=1)
    on: tuple[date, ...] = ()
    transaction: bool = False
    beside: bool = False
    draws: dict[str, str] = {}
    statements: tuple[Statement, ...] = Field(min_length=1)

    @property
    def makes(self) -> dict[str, int]:
        """How many of each population one call adds."""
        made: dict[str, int] = {}
        drawn = [(text, 1) for text in self.draws.values()]
        for statement in self.statements:
            times = statement.repeats[0] * (statement.rows or 1)
            drawn += [(item, times) for item in statement.fill if isinstance(item, str)]
        for text, times in drawn:
            if name := new_in(text):
                made[name] = made.get(name, 0) + times
        return made


class Workload(_Part):
    """All that ``workload.toml`` says; `load_workload` has checked that it holds together."""

    start: date
    days: int = Field(ge=1)
    instances: dict[str, InstancePart]
    databases: dict[str, DatabasePart]
    environ: dict[str, VariablePart] = {}
    populations: dict[str, PopulationPart] = {}
    seed_rows: dict[str, int] = {}
    rhythms: dict[str, Week] = {}
    sessions: dict[str, SessionPart]
    flows: tuple[Flow, ...]

    def day(self, number: int) -> date:
        """Return the simulated date of a day, counted from 1."""
        return self.start + timedelta(days=number - 1)

    @property
    def variables(self) -> dict[str, Variable]:
        """Every variable that `environ` gives, by name: ``SHOP_URL``, or ``SHOP_HOST``, ``SHOP_PORT`` ..."""
        return {name: variable for _, name, variable in _variables(self)}

    @property
    def settings(self) -> dict[str, str]:
        """What seed files read through ``current_setting``: start, populations, row counts."""
        return (
            {"estate.start": self.start.isoformat()}
            | {f"population.{name}": str(part.count) for name, part in self.populations.items()}
            | {f"seed_rows.{name}": str(count) for name, count in self.seed_rows.items()}
        )


class ReadFlow(NamedTuple):
    """A flow whose draws have been read: those it makes first, then those of each statement."""

    draws: tuple[tuple[str, Draw], ...]
    fills: tuple[tuple[Draw, ...], ...]


def read_flow(flow: Flow, populations: Mapping[str, PopulationPart]) -> ReadFlow:
    """Read the draws of a flow; raises `DrawError`."""
    known = {
        name: Population(name, part.count, part.key, part.like)
        for name, part in populations.items()
    }
    names: frozenset[str] = frozenset()
    draws: list[tuple[str, Draw]] = []
    for name, text in flow.draws.items():
        draws.append((name, read_draw(text, known, names)))
        names |= {name}

    def filler(item: str | Constant) -> Draw:
        if isinstance(item, str):
            return read_draw(item, known, names)
        constant = Drawn(str(item).lower() if isinstance(item, bool) else str(item))
        return lambda scene: constant

    fills = tuple(tuple(filler(item) for item in one.fill) for one in flow.statements)
    return ReadFlow(tuple(draws), fills)


def _variables(workload: Workload) -> Iterator[tuple[str, str, Variable]]:
    """Yield (entry of `environ`, variable, what it holds)."""
    for entry, given in workload.environ.items():
        for part in ADDRESS_PARTS if given.parts else (None,):
            name = f"{entry}_{part.upper()}" if part else entry
            yield entry, name, Variable(given.database, given.login, part)


def load_workload(folder: Path) -> Workload:
    """Read ``workload.toml`` of a folder; raises `EstateError` naming file, key and remedy."""
    file = folder / "workload.toml"
    try:
        data: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        fault = f"cannot be read ({error.strerror}); every reference estate needs this file"
        raise EstateError(f"{file}: {fault}") from None
    except ValueError as error:
        raise EstateError(f"{file}: is not TOML in UTF-8: {error}") from None
    try:
        workload = Workload.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise EstateError(f"{file}: {_key(first['loc'], data)}: {first['msg']}") from None
    for key, fault in _faults(workload):
        raise EstateError(f"{file}: {key}: {fault}")
    return workload


def _key(loc: tuple[int | str, ...], data: Mapping[str, Any]) -> str:
    """Write a place in the file as a person would: ``flows['log in'].calls``."""
    if len(loc) > 1 and loc[0] == "flows" and isinstance(loc[1], int):
        flow = data["flows"][loc[1]]
        name = flow.get("name", loc[1]) if isinstance(flow, dict) else loc[1]
        return ".".join([f"flows[{name!r}]", *map(str, loc[2:])])
    return ".".join(map(str, loc))


def _faults(workload: Workload) -> Iterator[tuple[str, str]]:
    """Yield (key, fault) wherever the parts do not fit together."""
    for name, database in workload.databases.items():
        yield from _unknown(f"databases.{name}.instance", database.instance, workload.instances)
    for name, variable in workload.environ.items():
        yield from _unknown(f"environ.{name}.database", variable.database, workload.databases)
    given = Counter(name for _, name, _ in _variables(workload))
    for entry, name, _ in _variables(workload):
        if given[name] > 1:
            yield f"environ.{entry}", f"{name} is given twice; call one of them otherwise"
    for name, session in workload.sessions.items():
        yield from _unknown(f"sessions.{name}.database", session.database, workload.databases)
    for name, part in workload.populations.items():
        if part.like:
            yield from _unknown(f"populations.{name}.like", part.like, workload.populations)
    seen: set[str] = set()
    for flow in workload.flows:
        if flow.name in seen:
            yield f"flows[{flow.name!r}].name", "two flows have this name; give each its own"
        seen.add(flow.name)
        yield from _flow_faults(workload, flow)


def _flow_faults(workload: Workload, flow: Flow) -> Iterator[tuple[str, str]]:
    key = f"flows[{flow.name!r}]"
    yield from _unknown(f"{key}.service", flow.service, workload.sessions)
    if flow.rhythm:
        yield from _unknown(f"{key}.rhythm", flow.rhythm, workload.rhythms)
    last = workload.day(workload.days)
    for day in flow.on:
        if not workload.start <= day <= last:
            yield f"{key}.on", f"{day} is not one of the days from {workload.start} to {last}"
    for index, statement in enumerate(flow.statements):
        place = f"{key}.statements.{index}"
        named = {int(number) for number in re.findall(r"\$(\d+)", statement.sql)}
        if named != set(range(1, len(statement.fill) + 1)):
            names = ", ".join(f"${number}" for number in sorted(named)) or "none"
            yield (
                f"{place}.with",
                f"fills {len(statement.fill)} parameters, the statement has {names}",
            )
        fewest, most = statement.repeats
        if not 0 <= fewest <= most:
            yield f"{place}.repeat", "takes one number, or the lower and the higher of two"
        if fewest != most and any(
            isinstance(item, str) and new_in(item) for item in statement.fill
        ):
            yield f"{place}.repeat", "must be one number where the statement draws something new"
    try:
        read_flow(flow, workload.populations)
    except DrawError as error:
        yield key, str(error)


def _unknown(key: str, name: str, known: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
        yield key, f"nothing is called {name!r}; {hint}"
