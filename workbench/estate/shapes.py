"""The vocabulary of estate files: which keys each table has, and what is said of a wrong one."""

import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date, time
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, cast, get_args, get_type_hints

from pydantic import BeforeValidator, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from workbench.estate.facts import Capacity, Partitioning, Prices, Role, Shape, Tls, WrittenEnd
from workbench.estate.kinds import (
    Count,
    Flag,
    Name,
    Names,
    PersonDays,
    QualifiedTable,
    Span,
    Text,
    Words,
)
from workbench.estate.names import nearest, split_name

T = TypeVar("T")
KeyPath = tuple[str | int, ...]
Complain = Callable[[KeyPath, str], None]


@dataclass(frozen=True)
class EstateTable:
    """``[estate]``."""

    name: Text | None = None
    title: Text | None = None
    max_age: Count = 3
    prices: Prices | None = None
    effort: dict[Text, PersonDays] = field(default_factory=dict)


@dataclass(frozen=True)
class EndpointTable:
    """``[[instances.NAME.endpoints]]``."""

    role: Role
    url: Text = field(repr=False)
    pool_size: Count | None = None
    pool_mode: Literal["session", "transaction", "statement"] | None = None
    max_clients: Count | None = None
    name: Text | None = None


@dataclass(frozen=True)
class InstanceTable:
    """``[instances.NAME]``."""

    provider: Text | None = None
    network: Text | None = None
    url: Text | None = field(default=None, repr=False)
    endpoints: tuple[EndpointTable, ...] = ()
    database: Name | None = None
    capacity: Capacity = field(default_factory=Capacity)
    tls: Tls = field(default_factory=Tls)
    password_command: Words | None = field(default=None, repr=False)
    exclude_databases: tuple[Text, ...] = ()


@dataclass(frozen=True)
class ServiceTable:
    """``[services.NAME]``, or a file of its own."""

    team: Text | None = None
    contact: Text | None = None
    kind: Text | None = None
    was: tuple[Text, ...] = ()
    external: Flag = False
    instance: Text | None = None
    database: Name | None = None
    schemas: Names | None = None
    tables: tuple[QualifiedTable, ...] | None = None
    url: Text | None = field(default=None, repr=False)
    connection_limit: Count | None = None
    pool_timeout: Span | None = None
    staleness_s: Span | None = None
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def owns_something(self) -> bool:
        """Whether it claims anything: ``tables = []`` says that nothing is known yet."""
        return not self.external and (bool(self.schemas or self.tables) or self._unsaid)

    @property
    def claims_by_url(self) -> bool:
        """Whether what it owns is left to its URL."""
        return self._unsaid and self.database is None

    @property
    def _unsaid(self) -> bool:
        return self.schemas is None and self.tables is None


def _end(value: object) -> WrittenEnd:
    """``SERVICE``, ``SERVICE.TABLE``, ``SERVICE.TABLE.COLUMN``, ``SERVICE.SCHEMA.TABLE.COLUMN``."""
    texts = value if isinstance(value, list) else [value]
    ends = [split_name(text) for text in texts if isinstance(text, str)]
    if not texts or len(ends) < len(texts):
        raise ValueError('must be "SERVICE.TABLE.COLUMN", or a list of such for a composite key')
    longest = max(len(end) for end in ends)
    if longest > 4:
        raise ValueError("has too many parts; write SERVICE.SCHEMA.TABLE.COLUMN")
    if len({end[:-1] for end in ends}) > 1 or (len(ends) > 1 and longest < 3):
        raise ValueError("must name columns of one table: SERVICE.TABLE.COLUMN")
    first = ends[0]
    return WrittenEnd(
        service=first[0],
        schema=first[1] if longest == 4 else None,
        table=first[-2] if longest > 2 else first[1] if longest == 2 else None,
        columns=tuple(end[-1] for end in ends) if longest > 2 else (),
    )


@dataclass(frozen=True)
class ReferenceTable:
    """``[[references]]``; ``from_`` is written ``from``."""

    from_: Annotated[WrittenEnd, BeforeValidator(_end)]
    to: Annotated[WrittenEnd | None, BeforeValidator(_end)] = None
    shape: Shape | None = None
    note: Text | None = None
    rejected: Flag = False
    """the column refers to no such thing; without ``to``, to nothing at all"""


@dataclass(frozen=True)
class AliasTable:
    """``[[aliases]]``: a word of column names, and the table that it means."""

    word: Text
    means: Annotated[WrittenEnd, BeforeValidator(_end)]
    service: Text | None = None


def _table_end(value: object) -> WrittenEnd:
    """``SERVICE.TABLE`` or ``SERVICE.SCHEMA.TABLE``."""
    parts = split_name(value) if isinstance(value, str) else ()
    if len(parts) not in (2, 3):
        raise ValueError('must be "SERVICE.TABLE" or "SERVICE.SCHEMA.TABLE"')
    return WrittenEnd(parts[0], parts[1] if len(parts) == 3 else None, parts[-1])


_PERIODS = ("day", "week", "month", "quarter", "year")
_PARTITION = re.compile(r"\s*(?P<word>[a-z]+)\s*(?:\((?P<columns>[^()]+)\)\s*)?")


def _partitioning(value: object) -> Partitioning:
    found = _PARTITION.fullmatch(value) if isinstance(value, str) else None
    columns = (
        tuple(c.strip().strip('"') for c in (found["columns"] or "").split(",")) if found else ()
    )
    columns = () if columns == ("",) else columns
    word: Any = found["word"] if found else None
    if word in _PERIODS and len(columns) < 2 and all(columns):
        return Partitioning("range", columns, word)
    if word in ("hash", "list", "range") and columns and all(columns):
        return Partitioning(word, columns)
    raise ValueError(
        'is no way to divide a table; write "month", "month(created_at)" (or day, week, quarter, year),'
        ' "hash(user_id)", "list(region)" or "range(id)"'
    )


@dataclass(frozen=True)
class DesignTable:
    """``[[designs]]``: how a table is to be divided or indexed, or by which key data is to be sharded."""

    table: Annotated[WrittenEnd | None, BeforeValidator(_table_end)] = None
    partition: Annotated[Partitioning | None, BeforeValidator(_partitioning)] = None
    partitions: Count | None = None
    index: Name | None = None
    on: Names | None = None
    where: Text | None = None
    shard_key: Name | None = None
    source: Text | None = None


def read_table(cls: type[T], raw: object, at: KeyPath, complain: Complain) -> T | None:
    """Read a TOML table as ``cls``; every fault goes to ``complain``, and then None is returned."""
    faults: list[tuple[KeyPath, str]] = []
    if not isinstance(raw, Mapping):
        faults.append((at, f"must be a table, not {_kind(raw)}"))
    else:
        faults.extend(_unknown(cls, raw, at))
        try:
            known = {_field(key): value for key, value in raw.items()}
            read: T = _adapter(cast("Hashable", cls)).validate_python(known)
            if not faults:
                return read
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                path = tuple(p.rstrip("_") if isinstance(p, str) else p for p in fault["loc"])
                faults.append(((*at, *path), _wording(fault)))
    for path, text in faults:
        complain(path, text)
    return None


@cache
def _adapter(cls: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast("type[Any]", cls))


@cache
def keys(cls: type) -> dict[str, Any]:
    """The keys of a table and the types of their values."""
    hints = get_type_hints(cls)
    return {f.name.rstrip("_"): hints[f.name] for f in fields(cls)}


def _field(key: str) -> str:
    return "from_" if key == "from" else key


def _unknown(cls: type, raw: Mapping[str, Any], at: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    known = keys(cls)
    for key, value in raw.items():
        if key not in known:
            yield (*at, key), f"unknown key; {nearest(key, known)}"
            continue
        inner = next((t for t in (known[key], *get_args(known[key])) if is_dataclass(t)), None)
        if isinstance(inner, type) and isinstance(value, Mapping):
            yield from _unknown(inner, value, (*at, key))
        elif isinstance(inner, type) and isinstance(value, list):
            for i, item in enumerate(value):
                if isinstance(item, Mapping):
                    yield from _unknown(inner, item, (*at, key, i))


_WORDS = {
    "missing": "is missing; write it",
    "string_type": "must be text in quotes",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list in square brackets",
    "dict_type": "must be a table",
    "dataclass_type": "must be a table",
}


def _wording(fault: ErrorDetails) -> str:
    kind = fault["type"]
    if kind == "literal_error":
        valid = fault["ctx"]["expected"].replace(" or ", ", ").replace("'", "").split(", ")
        value = fault["input"]
        near = nearest(value, valid) if isinstance(value, str) else f"valid: {', '.join(valid)}"
        return f"is not one of the known words; {near}"
    if kind == "missing":
        return _WORDS[kind]
    if kind in _WORDS:
        return f"{_WORDS[kind]}, not {_kind(fault['input'])}"
    return fault["msg"].removeprefix("Value error, ").replace("Input should be", "must be")


def _kind(value: object) -> str:
    names = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}
    names |= {list: "a list", dict: "a table", date: "a date", time: "a time"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "that")
