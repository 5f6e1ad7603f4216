"""Kinds of values in estate files, as pydantic checks them.

What a validator here says stands behind a key in a message, and never repeats the value: it may
have come from a variable.
"""

import ipaddress
import shlex
from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictStr

from workbench.estate.names import split_name

# NAMEDATALEN - 1: PostgreSQL cuts longer names, so that a longer one matches nothing
_LONGEST = 63


def _name(value: str) -> str:
    if not value or "\0" in value:
        raise ValueError("is not a name; a name has at least one character, and no NUL")
    if len(value.encode()) > _LONGEST:
        raise ValueError(
            f"is longer than the {_LONGEST} bytes that PostgreSQL keeps of a name; cut it"
        )
    return value


def _table(value: object) -> tuple[str, str]:
    if not isinstance(value, str):
        raise ValueError('must be "TABLE" (of schema public) or "SCHEMA.TABLE"')
    parts = split_name(value)
    if len(parts) > 2:
        raise ValueError(
            'has too many parts; write "SCHEMA.TABLE", and a part with a dot in double quotes'
        )
    schema, table = ("public", *parts)[-2:]
    return _name(schema), _name(table)


def _day(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value)  # type: ignore[arg-type] # the TypeError is caught
    except (TypeError, ValueError):
        raise ValueError("is not a date; write YYYY-MM-DD") from None


def _words(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return shlex.split(value)
    except ValueError:
        raise ValueError(
            "has a quote that is not closed; close it, or write a list of words"
        ) from None


def _least_and_most(value: object) -> object:
    if isinstance(value, list) and len(value) != 2:
        raise ValueError("must hold two numbers, the least and the most")
    return value


def _some(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value or not value[0]:
        raise ValueError("names no command; write one, or leave the key out")
    return value


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        raise ValueError("is not a network; write one like 10.1.0.0/16") from None


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty; write something, or leave the key out")
    return value


Text = Annotated[StrictStr, AfterValidator(_text)]
Name = Annotated[StrictStr, AfterValidator(_name)]
"""a schema, table, database or login: anything that PostgreSQL allows"""
Names = Annotated[tuple[Name, ...], AfterValidator(lambda names: tuple(dict.fromkeys(names)))]
Network = Annotated[StrictStr, AfterValidator(_network)]
Day = Annotated[date, BeforeValidator(_day)]
Words = Annotated[tuple[StrictStr, ...], BeforeValidator(_words), AfterValidator(_some)]
QualifiedTable = Annotated[tuple[str, str], BeforeValidator(_table)]
Flag = StrictBool
Number = Annotated[float, Field(allow_inf_nan=False)]
Amount = Annotated[float, Field(gt=0, lt=1e12, allow_inf_nan=False)]
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""a month"""
PersonDays = Annotated[tuple[Price, Price], BeforeValidator(_least_and_most)]
Count = Annotated[int, Field(ge=0)]
Span = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""seconds"""
