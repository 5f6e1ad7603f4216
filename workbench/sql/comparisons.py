"""How a column can be compared, and with what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_OF_KINDS = {
    "AEXPR_LIKE": "like",
    "AEXPR_ILIKE": "like",
    "AEXPR_SIMILAR": "like",
    "AEXPR_BETWEEN": "range",
    "AEXPR_NOT_BETWEEN": "range",
    "AEXPR_BETWEEN_SYM": "range",
    "AEXPR_NOT_BETWEEN_SYM": "range",
    "AEXPR_DISTINCT": "ne",
    "AEXPR_NOT_DISTINCT": "eq",
}
_OF_OPERATORS = {
    "=": "eq",
    "<>": "ne",
    "!=": "ne",
    "<": "range",
    "<=": "range",
    ">": "range",
    ">=": "range",
    "~~": "like",
    "~~*": "like",
    "~": "regex",
    "~*": "regex",
    "@>": "contains",
    "<@": "contains",
    "&&": "contains",
    "?": "contains",
    "?|": "contains",
    "?&": "contains",
    "@@": "contains",
}

_CONSTANTS = frozenset(("A_Const", "ParamRef", "SQLValueFunction"))
_OF_CONSTANTS = frozenset(
    ("TypeCast", "FuncCall", "A_Expr", "List", "A_ArrayExpr", "CoalesceExpr", "RowExpr")
)


def class_of(kind: str, operator: str) -> str:
    """Return the class of a comparison: by its kind in the parse tree, or by its operator.

    >>> class_of("AEXPR_OP", "<="), class_of("AEXPR_OP_ANY", "="), class_of("AEXPR_OP_ANY", "~~")
    ('range', 'in', 'like')
    """
    if kind == "AEXPR_OP_ANY" and operator == "=":
        return "in"
    if kind == "AEXPR_OP_ALL":
        return "not_in" if operator == "<>" else "other"
    if kind in ("AEXPR_OP", "AEXPR_OP_ANY"):
        return _OF_OPERATORS.get(operator, "other")
    return _OF_KINDS.get(kind, "other")


def is_constant(node: Any) -> bool:
    """Whether an expression has one value for the whole statement: nothing in it is a column.

    >>> is_constant({"TypeCast": {"arg": {"ParamRef": {"number": 1}}}})
    True
    >>> is_constant({"ColumnRef": {"fields": []}})
    False
    """
    for kind, body in node.items():
        if kind in _CONSTANTS:
            continue
        if kind not in _OF_CONSTANTS:
            return False
        for field in ("arg", "lexpr", "rexpr"):
            if field in body and not is_constant(body[field]):
                return False
        for field in ("args", "items", "elements"):
            if not all(map(is_constant, body.get(field, ()))):
                return False
    return True


def sides(node: Any) -> Sequence[Any]:
    """The parts of one side of a comparison: of a row or list each item, else the side itself."""
    if node is None:
        return ()
    if row := node.get("RowExpr"):
        return row.get("args", ())  # type: ignore[no-any-return]
    if listed := node.get("List"):
        return listed.get("items", ())  # type: ignore[no-any-return]
    return (node,)
