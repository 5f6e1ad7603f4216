"""What a query reads and gives, from its parse tree: for people who must allow it before it is run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pglast import parse_sql
from pglast.ast import ColumnRef
from pglast.visitors import Visitor


@dataclass(frozen=True)
class Outline:
    """The relations and functions that a query names, qualified as written, and the columns it gives."""

    relations: tuple[str, ...]
    functions: tuple[str, ...]
    columns: tuple[str, ...]


def outline(text: str) -> Outline:
    """Return the outline of one SELECT; names of its own WITH queries are no relations.

    >>> outline("WITH w AS (SELECT 1) SELECT pg_catalog.now() AS at, c.oid FROM pg_catalog.pg_class AS c, w")
    Outline(relations=('pg_catalog.pg_class',), functions=('pg_catalog.now',), columns=('at', 'oid'))
    """
    (raw,) = parse_sql(text)
    seen: Any = _Names()
    seen(raw)
    return Outline(
        tuple(sorted(seen.relations - seen.own)),
        tuple(sorted(seen.functions)),
        tuple(_columns(raw.stmt)),
    )


class _Names(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.relations: set[str] = set()
        self.functions: set[str] = set()
        self.own: set[str] = set()

    def visit_RangeVar(self, ancestors: object, node: Any) -> None:  # noqa: N802
        self.relations.add(".".join(filter(None, (node.schemaname, node.relname))))

    def visit_FuncCall(self, ancestors: object, node: Any) -> None:  # noqa: N802
        self.functions.add(".".join(part.sval for part in node.funcname))

    def visit_CommonTableExpr(self, ancestors: object, node: Any) -> None:  # noqa: N802
        self.own.add(node.ctename)


def _columns(statement: Any) -> Iterator[str]:
    while statement.larg is not None:  # a UNION is named by its first part
        statement = statement.larg
    for target in statement.targetList:
        if target.name is not None:
            yield target.name
        elif isinstance(target.val, ColumnRef):
            fields: Any = target.val.fields
            yield getattr(fields[-1], "sval", "*")
