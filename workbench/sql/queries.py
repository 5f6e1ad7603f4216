"""The walk over a query's parse tree: SELECT, INSERT, UPDATE, DELETE and MERGE."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from workbench.sql.expressions import Expressions, Tree, path_of
from workbench.sql.scope import SURELY, Columns, Found, Output, Scope, Source
from workbench.sql.statement import Name


class Queries(Expressions):
    """Collects the facts of every query it is shown."""

    # -- queries -----------------------------------------------------------------------------------

    def query(
        self,
        node: Tree,
        parent: Scope | None = None,
        ctes: dict[str, Output] | None = None,
        *,
        starless: bool = False,
    ) -> Output:
        """Walk any of the five kinds of query; what is none of them has no output."""
        for kind, body in node.items():
            if kind == "SelectStmt":
                return self._select(body, parent, ctes or {}, starless=starless)
            if walk := _CHANGES.get(kind):
                return walk(self, body, parent, ctes or {})
        return Output(open=True)

    def top(self, node: Tree) -> None:
        """Walk the outermost query: its order and limit are the statement's."""
        if select := node.get("SelectStmt"):
            self._select(select, None, {}, outermost=True)
        else:
            self.query(node)

    def _select(
        self,
        select: Tree,
        parent: Scope | None,
        ctes: dict[str, Output],
        *,
        outermost: bool = False,
        starless: bool = False,
        recursive: tuple[str, list[str]] | None = None,
    ) -> Output:
        if "withClause" in select:
            ctes = self._with(select["withClause"], parent, ctes)
        if outermost:
            self.has_limit = "limitCount" in select
            self.has_offset = "limitOffset" in select
        if "intoClause" in select:
            self.writes.add(name_of(select["intoClause"]["rel"]))
        scope = Scope(parent, ctes)
        if "larg" in select:
            output = self._set_operation(select, parent, ctes, recursive)
            scope.add(output.source(""))
        else:
            for item in select.get("fromClause", ()):
                self._from(item, scope)
            named = not outermost or "sortClause" in select
            output = self._targets(select.get("targetList", ()), scope, starless, named)
            if "whereClause" in select:
                self.condition(select["whereClause"], scope)
            if "havingClause" in select:
                self.condition(select["havingClause"], scope)
            for field in ("groupClause", "windowClause", "distinctClause", "valuesLists"):
                if field in select:
                    self.expressions(select[field], scope)
            if "valuesLists" in select:
                first = select["valuesLists"][0].get("List", {}).get("items", ())
                output = Output([(f"column{n + 1}", ()) for n in range(len(first))])
        output.beneath = [n for s in scope.sources for n in s.beneath]
        if "sortClause" in select:
            self._sort(select, scope, output, outermost)
        for field in ("limitCount", "limitOffset"):
            if field in select:
                self.expression(select[field], scope)
        for clause in select.get("lockingClause", ()):
            self._lock(clause["LockingClause"], scope)
        return output

    def _set_operation(
        self,
        select: Tree,
        parent: Scope | None,
        ctes: dict[str, Output],
        recursive: tuple[str, list[str]] | None,
    ) -> Output:
        """Walk the arms; those after the first see the CTE that is ``recursive`` with its columns."""
        arms = [select["rarg"]]  # a long chain leans to the left: a loop, not a recursion
        first = select["larg"]
        while "larg" in first and not first.keys() & {"withClause", "sortClause", "lockingClause"}:
            arms.append(first["rarg"])
            first = first["larg"]
        output = self._select(first, parent, ctes)
        if recursive:
            ctes[recursive[0]] = _renamed(output, recursive[1])
        for arm in reversed(arms):
            output = output.union(self._select(arm, parent, ctes))
        return output

    def _with(
        self, clause: Tree, parent: Scope | None, ctes: dict[str, Output]
    ) -> dict[str, Output]:
        """What the names of CTEs mean below; a name is not visible in its own, unless RECURSIVE."""
        listed = [c["CommonTableExpr"] for c in clause["ctes"]]
        ctes = dict(ctes)  # filled on the way: names are looked up as they are met
        if clause.get("recursive"):
            ctes |= {c["ctename"]: Output(open=True) for c in listed}
        for cte in listed:
            names = [n["String"].get("sval", "") for n in cte.get("aliascolnames", ())]
            body = cte["ctequery"]
            select = body.get("SelectStmt", {})
            if clause.get("recursive") and "larg" in select:
                output = self._select(select, parent, ctes, recursive=(cte["ctename"], names))
            else:
                output = self.query(body, parent, ctes)
            output = _renamed(output, names)
            output.beneath = ()  # FOR UPDATE does not reach into a CTE
            ctes[cte["ctename"]] = output
        return ctes

    def _sort(self, select: Tree, scope: Scope, output: Output, outermost: bool) -> None:
        targets = {name: found for name, found in output.columns if isinstance(found, tuple)}
        for item in select["sortClause"]:
            node = item["SortBy"]["node"]
            path = path_of(node)
            found: Columns = ()
            if path and len(path) == 1 and path[0] in targets:
                found = targets[path[0]]
            elif path:
                resolved = self.resolved(path, scope)
                found = resolved[1] if resolved else ()
            elif (place := node.get("A_Const", {}).get("ival", {}).get("ival")) is not None:
                found = output.at(place - 1) if place > 0 else ()
            else:
                self.expression(node, scope)
            if outermost:
                self.order_by.extend(found[:1])

    def _lock(self, clause: Tree, scope: Scope) -> None:
        named = [r["RangeVar"]["relname"] for r in clause.get("lockedRels", ())]
        for source in scope.sources:
            if not named or source.name in named:
                self.locks.update(source.beneath)

    def _targets(
        self, targets: Iterable[Tree], scope: Scope, starless: bool = False, named: bool = True
    ) -> Output:
        """Walk what is selected; its columns only where somebody asks for them (``named``)."""
        columns: list[tuple[str | None, Columns | Source]] = []
        for target in targets:
            body = target["ResTarget"]
            node = body.get("val")
            if node is None:
                continue
            if reference := node.get("ColumnRef"):
                fields = reference["fields"]
                if "A_Star" in fields[-1]:
                    starred = self.starred(fields[:-1], scope)
                    if not starless:
                        self.stars.update(s.base for s in starred if s.base)
                    for source in starred:
                        source.used.add("")
                    columns.extend((None, s) for s in starred)
                    continue
                name = fields[-1]["String"]["sval"]
                if len(fields) == 1:
                    self.whole_row(name, scope)
                resolved = self.resolved([f["String"]["sval"] for f in fields], scope)
                if not named:
                    continue
                columns.append((body.get("name", name), resolved[1] if resolved else ()))
            else:
                self.expression(node, scope)
                if named:
                    columns.append((body.get("name") or _called(node), ()))
        return Output(columns)

    # -- what changes contents ---------------------------------------------------------------------

    def _target(self, body: Tree, scope: Scope) -> Source:
        name = name_of(body["relation"])
        self.writes.add(name)
        source = self._use(body["relation"], name)
        scope.add(source)
        for alias in ("old", "new"):
            scope.hidden[alias] = source
        return source

    def reach(self, body: Tree) -> None:
        """Note whether a use of a relation takes in what inherits from it."""
        (self.spread if body.get("inh") else self.alone).add(name_of(body))

    def _changes(self, target: Source, event: str, sets: Iterable[str] = ()) -> None:
        target.used.update(sets)
        if target.base is not None:
            columns = tuple(sorted(set(sets))) if event == "update" else ()
            self.changes.add((event, target.base, columns))

    def _returning(self, body: Tree, scope: Scope) -> Output:
        clause = body.get("returningClause") or {"exprs": body.get("returningList", ())}
        return self._targets(clause.get("exprs", ()), scope)

    def _insert(self, body: Tree, parent: Scope | None, ctes: dict[str, Output]) -> Output:
        if "withClause" in body:
            ctes = self._with(body["withClause"], parent, ctes)
        scope = Scope(parent, ctes)
        source = self._target(body, scope)
        source.used.update(_assigned(body.get("cols", ())))
        self._changes(source, "insert")
        if "selectStmt" in body:
            self.query(body["selectStmt"], parent, ctes)
        if conflict := body.get("onConflictClause"):
            self.alone.add(name_of(body["relation"]))  # nothing that inherits conflicts
            if sets := _assigned(conflict.get("targetList", ())):
                self._changes(source, "update", sets)
            scope.hidden["excluded"] = source
            self.expressions(conflict.get("targetList", ()), scope)
            if "whereClause" in conflict:
                self.condition(conflict["whereClause"], scope)
        return self._returning(body, scope)

    def _update(self, body: Tree, parent: Scope | None, ctes: dict[str, Output]) -> Output:
        """UPDATE and DELETE: the target, then FROM or USING."""
        if "withClause" in body:
            ctes = self._with(body["withClause"], parent, ctes)
        scope = Scope(parent, ctes)
        sets = _assigned(body.get("targetList", ()))
        self.reach(body["relation"])
        self._changes(self._target(body, scope), "update" if sets else "delete", sets)
        for item in body.get("fromClause") or body.get("usingClause") or ():
            self._from(item, scope)
        self.expressions(body.get("targetList", ()), scope)
        if "whereClause" in body:
            self.condition(body["whereClause"], scope)
        return self._returning(body, scope)

    def _merge(self, body: Tree, parent: Scope | None, ctes: dict[str, Output]) -> Output:
        if "withClause" in body:
            ctes = self._with(body["withClause"], parent, ctes)
        scope = Scope(parent, ctes)
        self.reach(body["relation"])
        target = self._target(body, scope)
        self._from(body["sourceRelation"], scope)
        self.condition(body["joinCondition"], scope)
        for clause in body.get("mergeWhenClauses", ()):
            when = clause["MergeWhenClause"]
            if (event := _EVENTS.get(when["commandType"])) is not None:
                sets = _assigned(when.get("targetList", ()))
                self._changes(target, event, sets)
            if "condition" in when:
                self.condition(when["condition"], scope)
            self.expressions(when.get("targetList", ()), scope)
            self.expressions(when.get("values", ()), scope)
        return self._returning(body, scope)

    # -- FROM --------------------------------------------------------------------------------------

    def _from(self, node: Tree, scope: Scope) -> list[Source]:
        """Add an item of FROM to the scope, and return the sources it adds."""
        ((kind, body),) = node.items()
        if kind == "JoinExpr":
            return self._join(body, scope)
        if kind == "RangeTableSample":
            self.expressions(body.get("args", ()), scope)
            return self._from(body["relation"], scope)
        alias = body.get("alias", {})
        name = alias.get("aliasname", "")
        renamed = [c["String"].get("sval", "") for c in alias.get("colnames", ())]
        if kind == "RangeVar":
            source = self._relation(body, scope, renamed)
        elif kind == "RangeSubselect":
            around = scope if body.get("lateral") else scope.parent
            source = self.query(body["subquery"], around, scope.ctes).source(name, renamed)
        else:
            self.expression(node, scope)
            output = Output(
                [(c, ()) for c in renamed or [*_declared(body), name]], open=not renamed
            )
            source = output.source(name)
        scope.add(source)
        return [source]

    def _relation(self, body: Tree, scope: Scope, renamed: list[str]) -> Source:
        name = name_of(body)
        if name[0] is None and "catalogname" not in body and name[1] in scope.ctes:
            alias = body.get("alias", {}).get("aliasname", name[1])
            return scope.ctes[name[1]].source(alias, renamed)
        self.reads.add(name)
        self.reach(body)
        source = self._use(body, name)
        if renamed:  # which columns these are, only the catalogue knows
            named: dict[str, Columns] = dict.fromkeys(renamed, ())
            source = Source(source.name, named=named, through=[source], beneath=[name])
        return source

    def _use(self, body: Tree, name: Name) -> Source:
        """One use of a relation, under its alias or its own name."""
        if alias := body.get("alias"):
            source = Source(alias["aliasname"], base=name)
            if source.name != name[1]:
                self.aliases.add((source.name, name))
        else:
            source = Source(name[1], schema=name[0], base=name)
        self.uses.add(source)
        return source

    def _join(self, body: Tree, scope: Scope) -> list[Source]:
        left = self._from(body["larg"], scope)
        right = self._from(body["rarg"], scope)
        names = [n["String"]["sval"] for n in body.get("usingClause", ())]
        if body.get("isNatural") and all(s.certain for s in (*left, *right)):
            there = {c for s in right for c in s.named}
            names = [c for s in left for c in s.named if c in there]
        for name in names:
            one = scope.merged.get(name) or _one(left, name)
            other = _one(right, name)
            self.equal(one, other)
            for found in (one, other):
                if found is not None and found[0].base is not None:
                    found[0].used.add(name)
            if one is not None:
                scope.merged[name] = one
        if "quals" in body:
            self.condition(body["quals"], scope)
        if alias := body.get("alias"):
            for hidden in (*left, *right):
                scope.remove(hidden)
            beneath = [n for s in (*left, *right) for n in s.beneath]
            source = Source(alias["aliasname"], through=[*left, *right], beneath=beneath)
            scope.add(source)
            return [source]
        return left + right


_CHANGES: dict[str, Callable[[Queries, Tree, Scope | None, dict[str, Output]], Output]] = {
    "InsertStmt": Queries._insert,
    "UpdateStmt": Queries._update,
    "DeleteStmt": Queries._update,
    "MergeStmt": Queries._merge,
}


_EVENTS = {"CMD_INSERT": "insert", "CMD_UPDATE": "update", "CMD_DELETE": "delete"}


def _assigned(targets: Iterable[Tree]) -> list[str]:
    """The columns that a list of an INSERT or of SET gives values."""
    return [t["ResTarget"]["name"] for t in targets if t["ResTarget"].get("name")]


def name_of(relation: Tree) -> Name:
    """Return the name of a RangeVar; a database in front of it is the one the statement ran in."""
    return relation.get("schemaname"), relation["relname"]


def _one(sources: list[Source], name: str) -> Found | None:
    """The one source that has the column of USING; None where two may have it."""
    having = [s for s in sources if s.column(name)[0]]
    sure = [s for s in having if s.column(name)[0] == SURELY] or having
    return (sure[0], sure[0].column(name)[1]) if len(sure) == 1 else None


def _renamed(output: Output, names: list[str]) -> Output:
    if not names or any(isinstance(c, Source) for _, c in output.columns):
        return output if not names else Output([(n, ()) for n in names], open=output.open)
    columns = [
        (names[place] if place < len(names) else name, found)
        for place, (name, found) in enumerate(output.columns)
    ]
    return Output(columns, open=output.open, beneath=output.beneath)


def _called(node: Tree) -> str | None:
    """The name of a column that is no plain column and has no alias, as the server would name it."""
    if call := node.get("FuncCall"):
        return str(call["funcname"][-1]["String"]["sval"])
    if cast := node.get("TypeCast"):
        path = path_of(cast.get("arg", {}))
        return path[-1] if path else None
    return None


def _declared(body: Tree) -> list[str]:
    """The columns of a function in FROM that are declared there: ``AS x(a int)``."""
    return [c["ColumnDef"]["colname"] for c in body.get("coldeflist", ())]
