"""What is taken out of the answers before they are kept: no secret, no literal, no value of a user."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from workbench.collect.prose import strip_secrets
from workbench.sql import redact

WITHHELD = "<withheld>"

_SECRET_SETTING = re.compile(
    r"(_command|_conninfo|passphrase|password|secret|token|_key|credential)", re.IGNORECASE
)
_HARMLESS = frozenset({"password_encryption", "max_pred_locks_per_page", "ssl_key_file"})


def withhold(frame: str, table: pa.Table) -> pa.Table:
    """Return the rows of ``frame`` as they may be stored.

    Texts of SQL lose their literals and comments (a column ``approximate`` tells where one had to be
    cut); comments on objects lose what looks like a secret; settings that may hold a command, an
    address or a secret keep their name and lose their value.
    """
    change = _CHANGES.get(frame)
    return table if change is None else change.apply(table)


def withheld_columns() -> dict[str, tuple[str, ...]]:
    """Return, per frame, the columns that are redacted or emptied before they are stored.

    >>> withheld_columns()["statement_texts"]
    ('query',)
    """
    return {frame: change.columns for frame, change in _CHANGES.items()}


def is_secret_setting(name: str, vartype: str | None) -> bool:
    """Whether a setting's value may carry a secret, by its name.

    Settings that somebody invented (``app.jwt``) are withheld as a whole: nobody knows what is in them.

    >>> is_secret_setting("primary_conninfo", "string"), is_secret_setting("work_mem", "integer")
    (True, False)
    >>> is_secret_setting("app.jwt", "string")
    True
    """
    if name in _HARMLESS or vartype in ("bool", "integer", "real", "enum"):
        return False
    invented = "." in name and not name.startswith(("pg_stat_statements.", "auto_explain."))
    return invented or bool(_SECRET_SETTING.search(name))


def _settings(table: pa.Table) -> pa.Table:
    names = table.column("name").to_pylist()
    kinds = table.column("vartype").to_pylist()
    for column in ("reset_val", "boot_val"):
        kept = [
            WITHHELD if value and is_secret_setting(name, kind) else value
            for name, kind, value in zip(
                names, kinds, table.column(column).to_pylist(), strict=True
            )
        ]
        table = _replaced(table, column, pa.array(kept, pa.string()))
    return table


def _role_settings(table: pa.Table) -> pa.Table:
    kept = [
        WITHHELD if is_secret_setting(name, None) else value
        for name, value in zip(
            table.column("name").to_pylist(), table.column("value").to_pylist(), strict=True
        )
    ]
    return _replaced(table, "value", pa.array(kept, pa.string()))


@dataclass(frozen=True)
class _Change:
    """What is done to the columns of a frame."""

    columns: tuple[str, ...]
    apply: Callable[[pa.Table], pa.Table]


def _redacting(*columns: str) -> _Change:
    """Return the change that redacts ``columns``, and adds ``approximate`` where one was cut."""

    def change(table: pa.Table) -> pa.Table:
        cut: list[bool | None] = [None] * table.num_rows
        for column in columns:
            texts = table.column(column).to_pylist()
            # Generated SQL repeats itself: partitions share their expressions.
            known = {text: redact(text) for text in set(texts) if text is not None}
            found = [known.get(text) for text in texts]
            kept = pa.array([None if r is None else r.text for r in found], pa.string())
            table = _replaced(table, column, kept)
            cut = [
                before if r is None else r.approximate or bool(before)
                for before, r in zip(cut, found, strict=True)
            ]
        return table.append_column("approximate", pa.array(cut, pa.bool_()))

    return _Change(columns, change)


def _comments(table: pa.Table) -> pa.Table:
    kept = [t and strip_secrets(t) for t in table.column("comment").to_pylist()]
    return _replaced(table, "comment", pa.array(kept, pa.string()))


def _foreign_servers(table: pa.Table) -> pa.Table:
    # Wrappers differ in what they take for a host or a database: a whole connection string, say.
    for column in ("host", "port", "dbname"):
        kept = [
            WITHHELD if text and re.search(r"[=@?]|://", text) else text
            for text in table.column(column).to_pylist()
        ]
        table = _replaced(table, column, pa.array(kept, pa.string()))
    return table


def _replaced(table: pa.Table, column: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(column), column, values)


_CHANGES: dict[str, _Change] = {
    "settings": _Change(("reset_val", "boot_val"), _settings),
    "role_settings": _Change(("value",), _role_settings),
    "statement_texts": _redacting("query"),
    "activity": _redacting("query"),
    "functions": _redacting("body"),
    "triggers": _redacting("definition"),
    "types": _redacting("typdefault"),
    "column_defaults": _redacting("expression"),
    "check_expressions": _redacting("expression"),
    "index_definitions": _redacting("definition", "predicate"),
    "partition_keys": _redacting("definition"),
    "partition_bounds": _redacting("bound"),
    "publication_tables": _redacting("row_filter"),
    "rules": _redacting("definition"),
    "view_definitions": _redacting("definition"),
    "row_policies": _redacting("using_expression", "check_expression"),
    "comments": _Change(("comment",), _comments),
    "instance_comments": _Change(("comment",), _comments),
    "foreign_servers": _Change(("host", "port", "dbname"), _foreign_servers),
}
