"""The walk over every statement that is not a query: what it names, and of what kind it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.sql.expressions import QUERIES, Tree
from workbench.sql.queries import Queries, name_of
from workbench.sql.statement import Name

KINDS = {
    "SelectStmt": "select",
    "InsertStmt": "insert",
    "UpdateStmt": "update",
    "DeleteStmt": "delete",
    "MergeStmt": "merge",
    "CopyStmt": "copy",
    "TruncateStmt": "truncate",
    "RefreshMatViewStmt": "refresh",
    "LockStmt": "lock",
    "CallStmt": "call",
    "DoStmt": "do",
    "ExecuteStmt": "execute",
    "ExplainStmt": "explain",
    "VacuumStmt": "maintenance",
    "ClusterStmt": "maintenance",
    "ReindexStmt": "maintenance",
    "CheckPointStmt": "maintenance",
    "VariableSetStmt": "set",
    "VariableShowStmt": "set",
    "ConstraintsSetStmt": "set",
    "DiscardStmt": "set",
    "TransactionStmt": "transaction",
    "FetchStmt": "cursor",
    "ClosePortalStmt": "cursor",
    "DeallocateStmt": "other",
    "ListenStmt": "other",
    "UnlistenStmt": "other",
    "NotifyStmt": "other",
    "LoadStmt": "other",
}
"""The kind of each statement of the parser's; what is not listed is DDL."""

_OF_RELATIONS = frozenset(
    f"OBJECT_{kind}" for kind in ("TABLE", "VIEW", "MATVIEW", "FOREIGN_TABLE", "SEQUENCE", "INDEX")
)
_ON_RELATIONS = frozenset(
    f"OBJECT_{kind}" for kind in ("COLUMN", "TRIGGER", "RULE", "POLICY", "TABCONSTRAINT")
)


class Commands(Queries):
    """Collects the facts of every statement it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.objects: set[Name] = set()
        self.opaque = False
        self.bodies: list[str] = []

    def statement(self, node: Tree) -> str:
        """Walk one statement and return its kind."""
        ((kind, body),) = node.items()
        if walk := _COMMANDS.get(kind):
            return walk(self, body) or KINDS.get(kind, "ddl")
        named = KINDS.get(kind)
        if kind in QUERIES:
            self.top(node)
        elif named in (None, "maintenance"):
            self._named(body)
        return named or "ddl"

    def _named(self, body: Any) -> None:
        """Whatever relations a command names; a query within it is walked as one."""
        if isinstance(body, list):
            for item in body:
                self._named(item)
        elif isinstance(body, dict):
            if "relname" in body and ("inh" in body or "relpersistence" in body):
                self.objects.add(name_of(body))
                return
            for field, value in body.items():
                if field in KINDS:
                    inner = Commands()
                    inner.statement({field: value})  # of a view, a rule or a function: not run now
                    inner.objects |= inner.writes | inner.locks
                    self._absorb(inner, runs=False)
                elif isinstance(value, (dict, list)):
                    self._named(value)

    def _copy(self, body: Tree) -> None:
        if "relation" in body:
            name = name_of(body["relation"])
            (self.writes if body.get("is_from") else self.reads).add(name)
            if body.get("is_from"):
                self.changes.add(("insert", name, ()))
            else:
                self.alone.add(name)  # COPY passes over what inherits
        if "query" in body:
            self.query(body["query"])
        if "whereClause" in body:
            self._named(body["whereClause"])

    def _truncate(self, body: Tree) -> None:
        names = [name_of(r["RangeVar"]) for r in body["relations"]]
        for relation in body["relations"]:
            self.reach(relation["RangeVar"])
        self.writes.update(names)
        self.changes.update(("truncate", name, ()) for name in names)

    def _refresh(self, body: Tree) -> None:
        self.writes.add(name_of(body["relation"]))

    def _lock_tables(self, body: Tree) -> None:
        self.locks.update(name_of(r["RangeVar"]) for r in body["relations"])
        for relation in body["relations"]:
            self.reach(relation["RangeVar"])

    def _create_as(self, body: Tree) -> None:
        target = name_of(body["into"]["rel"])
        self.objects.add(target)
        if not body["into"].get("skipData"):
            self.writes.add(target)
        self.statement(body["query"])

    def _wrapped(self, body: Tree) -> str:
        return self.statement(body["query"])

    def _explain(self, body: Tree) -> None:
        inner = Commands()
        inner.statement(body["query"])
        runs = any(map(_is_analyze, body.get("options", ())))
        if not runs:
            inner.reads |= inner.writes | inner.locks
        self._absorb(inner, runs=runs)

    def _absorb(self, inner: Commands, *, runs: bool) -> None:
        """Take over the facts of a statement in this one; what does not run writes and locks nothing."""
        if not runs:
            inner.writes, inner.locks, inner.changes = set(), set(), set()
            inner.opaque, inner.bodies = False, []
        for name, found in vars(inner).items():
            mine = getattr(self, name)
            setattr(self, name, mine | found if isinstance(mine, set) else mine or found)

    def _call(self, body: Tree) -> None:
        self.opaque = True
        self._named_functions(body["funccall"])

    def _named_functions(self, call: Tree) -> None:
        self.top({"SelectStmt": {"targetList": [{"ResTarget": {"val": {"FuncCall": call}}}]}})

    def _do(self, body: Tree) -> None:
        self.opaque = True
        for option in body.get("args", ()):
            if option["DefElem"]["defname"] == "as":
                self.bodies.append(option["DefElem"]["arg"]["String"].get("sval", ""))

    def _opaque(self, body: Tree) -> None:
        self.opaque = True

    def _drop(self, body: Tree) -> None:
        self._by_type(body["removeType"], body["objects"])

    def _comment(self, body: Tree) -> None:
        self._by_type(body["objtype"], [body["object"]])

    def _by_type(self, kind: str, objects: list[Tree]) -> None:
        for item in objects:
            parts = [
                p["String"]["sval"] for p in item.get("List", {}).get("items", ()) if "String" in p
            ]
            if kind in _ON_RELATIONS:
                parts = parts[:-1]
            elif kind not in _OF_RELATIONS:
                continue
            if parts:
                self.objects.add((parts[-2] if len(parts) > 1 else None, parts[-1]))


def _is_analyze(option: Tree) -> bool:
    element = option["DefElem"]
    if element["defname"] != "analyze":
        return False
    given = element.get("arg")
    if not given:
        return True
    text = str(given.get("String", {}).get("sval", "")).lower()
    return text in ("true", "on", "yes", "1") or given.get("Integer", {}).get("ival", 0) == 1


_COMMANDS: dict[str, Callable[[Commands, Tree], str | None]] = {
    "CopyStmt": Commands._copy,
    "TruncateStmt": Commands._truncate,
    "RefreshMatViewStmt": Commands._refresh,
    "LockStmt": Commands._lock_tables,
    "CreateTableAsStmt": Commands._create_as,
    "PrepareStmt": Commands._wrapped,
    "DeclareCursorStmt": Commands._wrapped,
    "ExplainStmt": Commands._explain,
    "CallStmt": Commands._call,
    "DoStmt": Commands._do,
    "ExecuteStmt": Commands._opaque,
    "FetchStmt": Commands._opaque,
    "DropStmt": Commands._drop,
    "CommentStmt": Commands._comment,
    "SecLabelStmt": Commands._comment,
}
