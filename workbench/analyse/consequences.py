"""What running a statement touches beyond its text: bodies of functions, triggers, rules, foreign keys that cascade,
row policies, defaults, checks and index expressions, and what inherits from a table.

Bodies are searched for names, so that what they touch is never certain. What a foreign key cascades to is as
certain as the change that sets it off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Protocol

from workbench.analyse.catalogue import Catalogue, DatabaseNames, Function, read_path
from workbench.analyse.reactions import Place, Reactions, reactions
from workbench.analyse.sharing import Context
from workbench.analyse.touching import INHERITANCE, Access, Touch, by_name, is_system, wanted
from workbench.sql import Name, Statement

_DYNAMIC = re.compile(r"\bexecute\b(?!\s+(?:function|procedure)\b)", re.IGNORECASE)
"""What a function's body needs to run what nobody can read in it."""


def as_statement(body: str) -> str:
    """Return a function's body as a statement that can be read."""
    quote = "$body$" if "$body$" not in body else "$body_$"
    return f"DO {quote}{body}{quote}"


def runs_unread(body: object) -> bool:
    """Whether a body may use what its text does not name: it is not known, or it runs text that it makes.

    >>> runs_unread("BEGIN EXECUTE 'DELETE FROM ' || t; END"), runs_unread("SELECT 1"), runs_unread(None)
    (True, False, True)
    """
    return not isinstance(body, str) or _DYNAMIC.search(body) is not None


class Change(NamedTuple):
    """What is done to the rows of one relation."""

    event: str
    """insert, update, delete or truncate"""
    oid: int
    columns: frozenset[str]
    """of an update; none where they are unknown"""
    certain: bool
    named: bool
    """the text names the relation; False: it may hide behind the same name"""
    only: bool = False
    """what inherits from the relation is left alone"""


class After(NamedTuple):
    """What else is touched then."""

    touches: tuple[Touch, ...] = ()
    functions: tuple[str, ...] = ()
    """those that touch something, or that nobody can read, as ``f()``; policies as ``policy p``, rules as ``rule r``"""
    hidden: bool = False
    """one of them may touch anything"""


class Resolve(Protocol):
    """The relations that a name may mean to who runs it, and how sure that is."""

    def __call__(
        self,
        names: DatabaseNames,
        context: Context,
        path: tuple[str, ...],
        schema: str | None,
        name: str,
        several: bool,
    ) -> tuple[tuple[int, ...], object]:
        """Return oids, and the rung that they stand on."""


Touched = Callable[[DatabaseNames, int, Access, bool, bool], tuple[Touch, ...]]


class _Step(NamedTuple):
    """Something that is yet to be followed: a call (``function``), a ``change``, or a row
    ``policy`` or rule: what it is called, and its text."""

    via: tuple[str, ...]
    path: tuple[str, ...]
    function: Name | None = None
    change: Change | None = None
    text: tuple[str, Function] | None = None
    named: bool = False
    """whether what the text names sets this off, as surely as a trigger fires"""


@dataclass
class _Walk:
    names: DatabaseNames
    context: Context
    waiting: list[_Step]
    touches: dict[Touch, None] = field(default_factory=dict)
    functions: dict[str, None] = field(default_factory=dict)
    hidden: bool = False


@dataclass(frozen=True)
class Consequences:
    """Follows calls and changes of one snapshot's catalogue; each body is read once, each change followed once.

    ``resolve`` and ``touched`` say what a name means and which tables a relation stands for.
    """

    catalogue: Catalogue
    read: Callable[[str], Statement]
    resolve: Resolve
    touched: Touched
    _bodies: dict[Function, Statement] = field(default_factory=dict)
    _known: dict[tuple[Context, tuple[str, ...], Change], After] = field(default_factory=dict)

    def of_calls(
        self, names: DatabaseNames, context: Context, path: tuple[str, ...], calls: Iterable[Name]
    ) -> After:
        """Return what the bodies of called functions name, and of those that they call: it may be touched."""
        steps = [_Step((), path, function=call) for call in calls if call[1] in names.functions]
        return self._follow(_Walk(names, context, steps[::-1])) if steps else _NOTHING

    def of_policies(
        self,
        names: DatabaseNames,
        context: Context,
        path: tuple[str, ...],
        policies: Iterable[tuple[str, Function]],
    ) -> After:
        """Return what row policies look at: it may be touched, for some logins are above them."""
        steps = [_Step((), path, text=(f"policy {p}", asked)) for p, asked in policies]
        return self._follow(_Walk(names, context, steps[::-1])) if steps else _NOTHING

    def of_change(
        self, names: DatabaseNames, context: Context, path: tuple[str, ...], change: Change
    ) -> After:
        """Return what a change sets off: the triggers it fires, the foreign keys that cascade, and on from there."""
        if not any(place in self._reactions for place in self._places(names, change.oid)):
            return _NOTHING
        key = (context, path, change)
        if key not in self._known:
            step = _Step((), path, change=change, named=change.named)
            self._known[key] = self._follow(_Walk(names, context, [step]))
        return self._known[key]

    @cached_property
    def _reactions(self) -> dict[Place, Reactions]:
        roots = {
            place: names.root
            for place in self.catalogue.places()
            if (names := self.catalogue.database(*place)) is not None
        }
        return reactions(self.catalogue.snapshot, roots)

    def _places(self, names: DatabaseNames, oid: int) -> Iterator[Place]:
        """Where a change of a relation's rows happens: itself, and the tables here that it is a view of."""
        here = (names.instance, names.database)
        root = names.root.get(oid, oid)
        yield (*here, root)
        if names.by_oid[root].relkind == "v":
            for table in self.catalogue.behind(*here, oid).tables:
                found = names.find(table.schema, table.relation)
                if found is not None and (table.instance, table.database) == here:
                    yield (*here, names.root.get(found, found))

    def _follow(self, walk: _Walk) -> After:
        seen: set[object] = set()
        while walk.waiting:
            step = walk.waiting.pop()
            if step.function is not None:
                for place in sorted(walk.names.functions.get(step.function[1], {})):
                    called = (place, step.function[1])
                    if step.function[0] in (None, place) and (called, step.named) not in seen:
                        seen.add((called, step.named))
                        self._call(walk, step, called)
            elif step.change is not None:
                for at in self._places(walk.names, step.change.oid):
                    event, _, columns, _, named, only = step.change
                    what = (at, event, columns, named, only)
                    if what not in seen:
                        seen.add(what)
                        self._react(walk, step, step.change, self._reactions.get(at, _NO_REACTION))
            elif step.text is not None:
                self._run(walk, step, *step.text)
        return After(tuple(walk.touches), tuple(walk.functions), walk.hidden)

    def _react(self, walk: _Walk, step: _Step, change: Change, found: Reactions) -> None:
        for trigger in found.triggers:
            if trigger.fires(change.event, change.columns):
                via = (*step.via, f"trigger {trigger.name}")
                walk.waiting.append(
                    _Step(via, step.path, function=trigger.function, named=step.named)
                )
        for rule in found.rules:
            if rule.event == change.event:
                called = f"rule {rule.name}"
                via, does = (*step.via, called), (called, rule.does)
                walk.waiting.append(_Step(via, step.path, text=does, named=step.named))
        for expression in found.expressions:
            if expression.computed(change.event, change.columns):
                via = (*step.via, expression.name)
                walk.waiting.append(_Step(via, step.path, function=expression.function))
        for cascade in found.cascades:
            then = cascade.change(change.event, change.columns)
            if then is None or cascade.child not in walk.names.root:
                continue
            via = (*step.via, f"foreign key {cascade.name}")
            certain = change.certain
            touched = self.touched(walk.names, cascade.child, "write", certain, step.named)
            walk.touches |= dict.fromkeys(t._replace(via=via) for t in touched)
            # the server's own query says ONLY
            after = Change(then[0], cascade.child, then[1], certain, step.named, only=True)
            walk.waiting.append(_Step(via, step.path, change=after, named=step.named))
        for child in () if change.only or change.event == "insert" else found.children:
            if child in walk.names.root:
                via = (*step.via, INHERITANCE)
                # a view may say ONLY
                certain = change.certain and walk.names.by_oid[change.oid].relkind != "v"
                touched = self.touched(walk.names, child, "write", certain, step.named)
                walk.touches |= dict.fromkeys(t._replace(via=via) for t in touched)
                after = change._replace(oid=child, certain=certain)
                walk.waiting.append(_Step(via, step.path, change=after, named=step.named))

    def _call(self, walk: _Walk, step: _Step, called: tuple[str, str]) -> None:
        for function in walk.names.functions[called[1]][called[0]]:
            self._run(walk, step, f"{called[1]}()", function)

    def _run(self, walk: _Walk, step: _Step, called: str, function: Function) -> None:
        code = self._code(function)
        path = step.path
        if function.search_path is not None:
            path = read_path(function.search_path, walk.context.login)
        inside = dict.fromkeys(
            touch._replace(named=step.named, via=(*step.via, *touch.via))
            for oid, access, _ in self._inside(walk, path, code)
            for touch in self.touched(walk.names, oid, access, False, False)
        )
        hidden = code is None or runs_unread(function.body)
        if inside or hidden:
            walk.functions[called] = None
            walk.hidden |= hidden
        walk.touches |= inside
        if code is None:
            return
        calls = sorted(code.functions, key=by_name, reverse=True)
        walk.waiting += [_Step(step.via, path, function=name, named=step.named) for name in calls]
        for oid, access, name in self._inside(walk, path, code):
            if access == "write":
                walk.waiting += [
                    _Step(
                        step.via,
                        path,
                        change=Change(e, oid, frozenset(c), False, step.named),
                        named=step.named,
                    )
                    for e, of, c in sorted(code.changes, key=str)
                    if of == name
                ]

    def _code(self, function: Function) -> Statement | None:
        """What a function's body names; None where it cannot be read."""
        if function.body is None:
            return None
        if function not in self._bodies:
            self._bodies[function] = self.read(as_statement(function.body))
        return self._bodies[function]

    def _inside(
        self, walk: _Walk, path: tuple[str, ...], code: Statement | None
    ) -> Iterator[tuple[int, Access, Name]]:
        for access, (schema, name) in wanted(code) if code else ():
            if access != "lock" and not is_system(walk.names, schema, name):
                oids, _ = self.resolve(walk.names, walk.context, path, schema, name, False)
                for oid in oids:
                    yield oid, access, (schema, name)


_NOTHING = After()
_NO_REACTION = Reactions()
