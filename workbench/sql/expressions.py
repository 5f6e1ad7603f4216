"""The walk over expressions: what they call, join, filter and select whole.

The tree is the parser's JSON as plain dicts and lists: building the parser's own Python objects costs
six times more than parsing. A node is ``{"SelectStmt": {...}}``; a field of a fixed type has no such
wrapper. Fields that are false, zero or empty are absent.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from workbench.sql.comparisons import class_of, is_constant, sides
from workbench.sql.scope import Found, Output, Scope, Source
from workbench.sql.statement import Change, Column, Filter, Name, ordered

Tree = dict[str, Any]

_LEAVES = frozenset(
    ("A_Const", "ParamRef", "SetToDefault", "SQLValueFunction", "String", "TypeName", "A_Star")
)


QUERIES = frozenset(("SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"))


class Expressions(ABC):
    """Collects the facts of every expression it is shown; what a query in one is, ``query`` says."""

    def __init__(self) -> None:
        self.reads: set[Name] = set()
        self.writes: set[Name] = set()
        self.locks: set[Name] = set()
        self.joins: set[tuple[Column, Column]] = set()
        self.filters: set[Filter] = set()
        self.order_by: list[Column] = []
        self.stars: set[Name] = set()
        self.functions: set[Name] = set()
        self.aliases: set[tuple[str, Name]] = set()
        self.uses: set[Source] = set()
        self.changes: set[Change] = set()
        self.alone: set[Name] = set()
        self.spread: set[Name] = set()
        self.has_limit = self.has_offset = False
        self.because: str | None = None

    @abstractmethod
    def query(
        self,
        node: Tree,
        parent: Scope | None = None,
        ctes: dict[str, Output] | None = None,
        *,
        starless: bool = False,
    ) -> Output:
        """Walk any of the five kinds of query; ``starless`` where its stars select nothing."""

    def expressions(self, nodes: Iterable[Tree], scope: Scope) -> None:
        """Walk a list of nodes, such as a thousand parameters of IN."""
        for node in nodes:
            for kind in node:
                if kind not in _LEAVES:
                    self.expression(node, scope)

    def expression(self, node: Tree, scope: Scope) -> None:
        """Walk an expression for functions, subqueries and whole rows."""
        for kind, body in node.items():
            if kind in _LEAVES:
                continue
            if kind == "ColumnRef":
                fields = body["fields"]
                if "A_Star" in fields[-1]:
                    self.stars.update(s.base for s in self.starred(fields[:-1], scope) if s.base)
                    continue
                path = [f["String"]["sval"] for f in fields]
                if len(path) == 1:
                    self.whole_row(path[0], scope)
                self.resolved(path, scope)
            elif kind == "SubLink":
                self._sublink(body, scope)
            elif kind in QUERIES:
                self.query(node, scope, scope.ctes)
            else:
                if kind in ("FuncCall", "funccall"):
                    self.functions.add(name_in(body["funcname"]))
                if isinstance(body, dict):
                    self.expression(body, scope)
                elif isinstance(body, list):
                    self.expressions(body, scope)

    def resolved(self, path: list[str], scope: Scope) -> Found | None:
        """What a reference to a column means; that its relation's column is used is noted."""
        found = scope.resolve(path)
        if found is not None and found[0].base is not None:
            found[0].used.add(path[-1])
        return found

    def starred(self, fields: list[Tree], scope: Scope) -> list[Source]:
        """Return the sources that a star means, after the ``fields`` in front of it."""
        if not fields:
            return list(scope.sources)
        path = [f["String"]["sval"] for f in fields]
        source = scope.find(path[-1], path[-2] if len(path) > 1 else None)
        return [source] if source else []

    def whole_row(self, name: str, scope: Scope) -> None:
        """Note that a name alone, where it is a relation's alias here, selects the whole row."""
        for source in scope.named(name):
            if source.base:
                self.stars.add(source.base)

    def _sublink(self, body: Tree, scope: Scope) -> Output:
        kind = body["subLinkType"]
        starless = kind == "EXISTS_SUBLINK"
        output = self.query(body["subselect"], scope, scope.ctes, starless=starless)
        if "testexpr" in body:
            test = body["testexpr"]
            operator = name_in(body["operName"])[1] if "operName" in body else "="
            for place, one in enumerate(sides(test)):
                found = self._plain(one, scope)
                if kind == "ANY_SUBLINK" and operator == "=":
                    self.equal(found, (_SUBQUERY, output.at(place)))
        return output

    # -- conditions --------------------------------------------------------------------------------

    def condition(self, node: Tree, scope: Scope) -> None:
        """Walk a condition for joins and filters too."""
        for kind, body in node.items():
            if kind == "BoolExpr":
                for argument in body["args"]:
                    self.condition(argument, scope)
            elif kind == "A_Expr":
                self._comparison(body, scope)
            elif kind == "NullTest":
                test = "null" if body["nulltesttype"] == "IS_NULL" else "not_null"
                self._filter(self._plain(body["arg"], scope), test)
            elif kind == "BooleanTest":
                self._filter(self._plain(body["arg"], scope), "eq")
            elif kind == "ColumnRef":
                self._filter(self._plain(node, scope), "eq")
            else:
                self.expression(node, scope)

    def _comparison(self, body: Tree, scope: Scope) -> None:
        kind = body["kind"]
        operator = name_in(body["name"])[1]
        lefts, rights = sides(body.get("lexpr")), sides(body.get("rexpr"))
        if kind == "AEXPR_IN":
            found = [self._plain(node, scope) for node in lefts]
            columns = [n for n in rights if "ParamRef" not in n and not is_constant(n)]
            for node in columns:
                other = self._plain(node, scope)
                if operator == "=" and len(found) == 1:
                    self.equal(found[0], other)
            if len(columns) < len(rights):
                for node, one in zip(lefts, found, strict=True):
                    self._filter(one, "in" if operator == "=" else "not_in")
                    self._typed(node, one)
            return
        if kind in ("AEXPR_OP", "AEXPR_NOT_DISTINCT") and operator == "=" and len(lefts) > 1:
            if len(rights) == 1 and "SubLink" in rights[0]:
                output = self._sublink(rights[0]["SubLink"], scope)
                for place, node in enumerate(lefts):
                    self.equal(self._plain(node, scope), (_SUBQUERY, output.at(place)))
                return
            for left, right in zip(lefts, rights, strict=False):
                self._pair("eq", left, right, scope, typed=False)
            return
        test = class_of(kind, operator)
        if "lexpr" in body and "rexpr" in body:
            # of a comparison with NULL the server may make IS NULL, which is of no type
            typed = kind not in _OF_NULL and not any(map(_is_null, (*lefts, *rights)))
            self._pair(test, body["lexpr"], body["rexpr"], scope, typed=typed)
        else:
            self.expression(body, scope)

    def _pair(
        self, test: str, left: Tree, right: Tree, scope: Scope, *, typed: bool = True
    ) -> None:
        one, other = self._plain(left, scope), self._plain(right, scope)
        if typed and test in _BY_TYPE:
            self._typed(left, one)
            self._typed(right, other)
        if one and other:
            if test in ("eq", "in"):
                self.equal(one, other)
        elif one and is_constant(right):
            self._filter(one, test)
        elif other and is_constant(left):
            self._filter(other, test)

    def _plain(self, node: Tree, scope: Scope) -> Found | None:
        """What a plain column, cast or not, is; any other expression is walked, and is nothing."""
        for kind, body in node.items():
            if kind == "ColumnRef":
                path = path_of(node)
                return self.resolved(path, scope) if path else None
            if kind in ("TypeCast", "CollateClause") and "arg" in body:
                return self._plain(body["arg"], scope)
            if kind == "SubLink" and body["subLinkType"] in ("EXPR_SUBLINK", "ARRAY_SUBLINK"):
                return _SUBQUERY, self._sublink(body, scope).at(0)
        self.expression(node, scope)
        return None

    def _typed(self, node: Tree, found: Found | None) -> None:
        """Note that the operator on a column, which is not cast, depends on the column's type."""
        path = path_of(node)
        if path and found is not None and found[0].base is not None:
            found[0].compared.add(path[-1])

    def equal(self, one: Found | None, other: Found | None) -> None:
        """Note a join, unless both columns are of one use of a relation."""
        if one is None or other is None or one[0] is other[0]:
            return
        if len(one[1]) * len(other[1]) > _MOST_PAIRS:
            self.because = (
                "it compares unions of too many tables: not all of their joins are listed"
            )
            return
        for left in one[1]:
            for right in other[1]:
                pair = (left, right) if ordered(left) <= ordered(right) else (right, left)
                self.joins.add(pair)

    def _filter(self, found: Found | None, test: str) -> None:
        if found:
            self.filters.update((column, test) for column in found[1])


_MOST_PAIRS = 1000

_BY_TYPE = frozenset(("eq", "ne", "range", "in", "not_in", "like", "regex"))
"""Comparisons whose operator is another one for each of the types that are not polymorphic."""

_OF_NULL = frozenset(("AEXPR_DISTINCT", "AEXPR_NOT_DISTINCT"))


def _is_null(node: Tree) -> bool:
    return bool(node.get("A_Const", {}).get("isnull"))


_SUBQUERY = Source("")
"""Stands for a subquery in an expression: never the same use of a relation as another one."""


def path_of(node: Tree) -> list[str] | None:
    """Return the parts of a reference to a column; None for a star and for anything else."""
    reference = node.get("ColumnRef")
    if reference is None or "A_Star" in reference["fields"][-1]:
        return None
    return [f["String"]["sval"] for f in reference["fields"]]


def name_in(names: list[Tree]) -> Name:
    """Return the name of a function or operator."""
    parts = [n["String"].get("sval", "") for n in names]
    return parts[-2] if len(parts) > 1 else None, parts[-1]
