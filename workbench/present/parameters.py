"""What the first cell of a notebook may hold: checked before anything is opened, and refused by name.

Parameters are kept with every run of a notebook. So none may hold a secret, and no message repeats a value
that does.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, time
from pathlib import Path

from workbench.errors import UsageError
from workbench.present.text import without_secrets

_SECRET_NAME = re.compile(r"passw|passwd|pwd|secret|token|credential|api_?key", re.IGNORECASE)
_ADDRESS = re.compile(r"^\s*\w+://|\b(host|dbname|user)\s*=", re.IGNORECASE)


def holds_secret(name: str, value: object) -> bool:
    """Whether a parameter is named like a secret, or holds what looks like one.

    >>> holds_secret("estate", "postgresql://app:hunter2@db/shop"), holds_secret("estate", "estate/")
    (True, False)
    """
    return bool(_SECRET_NAME.search(name)) or without_secrets(str(value)) != str(value)


def as_path(name: str, value: object) -> Path | None:
    """Return a parameter that names a file or folder; UsageError where it is something else.

    >>> as_path("estate", 7)
    Traceback (most recent call last):
    workbench.errors.UsageError: estate: 7 is no path; write it in quotes, as in "shop/estate.toml", or None
    """
    if value is None:
        return None
    if not isinstance(value, str | os.PathLike):
        raise UsageError(
            f'{name}: {value!r} is no path; write it in quotes, as in "shop/estate.toml", or None'
        )
    if holds_secret(name, value):
        raise UsageError(
            f"{name} holds a secret: parameters are stored with the run, so change that password, and delete "
            "what was written; name the estate's folder, whose file says where passwords are"
        )
    if _ADDRESS.search(str(value)):
        raise UsageError(
            f"{name} is the address of a server: name the estate's folder instead; "
            "`workbench init URL -o estate.toml` writes a first one"
        )
    if not str(value).strip() or "\0" in str(value):
        raise UsageError(f"{name} is empty, or no path: name a file or folder, or None")
    return Path(value)


def as_end_of_day(name: str, value: object) -> datetime | None:
    """Return the last moment, in UTC, of the day that a parameter names; UsageError where it names none.

    >>> as_end_of_day("until", 20261128)
    Traceback (most recent call last):
    workbench.errors.UsageError: until: 20261128 is not a day; write it as "2026-11-28"
    """
    if value is None:
        return None
    try:
        if isinstance(value, str):
            return datetime.combine(datetime.fromisoformat(value).date(), time.max, UTC)
    except ValueError:
        pass
    raise UsageError(
        f'{name}: {without_secrets(repr(value))} is not a day; write it as "2026-11-28"'
    )


def as_switch(name: str, value: object) -> bool:
    """Return a parameter that is True or False; UsageError where it is neither.

    >>> as_switch("live", "yes")
    Traceback (most recent call last):
    workbench.errors.UsageError: live: 'yes' is neither True nor False
    """
    if isinstance(value, bool):
        return value
    raise UsageError(f"{name}: {without_secrets(repr(value))} is neither True nor False")
