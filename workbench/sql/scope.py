"""Which relation's column a name means, by the rules of SQL, without a catalogue.

A source is one use of a relation, subquery, CTE or function in FROM. What a column of a subquery is,
is followed down to the table's column where it is a plain one. Where the text alone does not say
which of two tables an unqualified column belongs to, it stays unresolved.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workbench.sql.statement import Column, Name

NO = 0
MAYBE = 1
SURELY = 2

Columns = tuple[Column, ...]
"""The columns of tables that one column of a query is: several in a union, none in an expression."""


class Source:
    """One use of something in FROM: a relation (``base``), or what has the columns ``named``.

    ``through`` are sources all columns of which it has too (a star), ``open`` says that it may have
    columns that nobody can know, ``beneath`` are the relations that FOR UPDATE reaches through it. ``used``
    and ``compared`` fill as the walk meets the columns of a relation.
    """

    __slots__ = (
        *("_found", "base", "beneath", "compared", "name", "named", "open", "schema", "through"),
        "used",
    )

    def __init__(
        self,
        name: str,
        *,
        schema: str | None = None,
        base: Name | None = None,
        named: dict[str, Columns] | None = None,
        through: Sequence[Source] = (),
        open: bool = False,
        beneath: Iterable[Name] = (),
    ) -> None:
        self.name = name
        self.schema = schema
        self.base = base
        self.named = named or {}
        self.through = through
        self.open = open
        self.beneath = (base,) if base else beneath
        self.used: set[str] = set()
        self.compared: set[str] = set()
        self._found: dict[str, tuple[int, Columns]] = {}

    def column(self, name: str) -> tuple[int, Columns]:
        """Whether the source has the column, and which columns of tables it then is."""
        if self.base is not None:
            return MAYBE, ((*self.base, name),)
        if name in self.named:
            return SURELY, self.named[name]
        if not self.through:
            return MAYBE if self.open else NO, ()
        if name not in self._found:  # kept: stars over stars would be followed twice at each level
            self._found[name] = one_of(self.through, name, self.open)
        return self._found[name]

    @property
    def certain(self) -> bool:
        """Whether the text says every column it has."""
        return self.base is None and not self.open and not self.through


def one_of(sources: Iterable[Source], name: str, open: bool = False) -> tuple[int, Columns]:
    """Which column ``name`` of those sources together is; none of them where two may have it."""
    maybe = [(NO, Columns())]
    for source in sources:
        found = source.column(name)
        if found[0] == SURELY:
            return found
        if found[0] == MAYBE:
            maybe.append(found)
    if open or len(maybe) > 2:
        return MAYBE, ()
    return maybe[-1]


class Output:
    """The columns of a query, in order: a name with its columns of tables, or a star's source."""

    __slots__ = ("beneath", "columns", "open")

    def __init__(
        self,
        columns: list[tuple[str | None, Columns | Source]] | None = None,
        *,
        open: bool = False,
        beneath: Iterable[Name] = (),
    ) -> None:
        self.columns = columns or []
        self.open = open
        self.beneath = beneath

    def at(self, place: int) -> Columns:
        """Return the columns of tables that the query's column number ``place`` is, from 0."""
        if place < len(self.columns) and not any(
            isinstance(c, Source) for _, c in self.columns[: place + 1]
        ):
            found = self.columns[place][1]
            return found if isinstance(found, tuple) else ()
        return ()

    def union(self, other: Output) -> Output:
        """The output of a set operation: names of the first, columns of both, place by place."""
        columns: list[tuple[str | None, Columns | Source]] = []
        for place, (name, found) in enumerate(self.columns):
            if isinstance(found, tuple):
                found = tuple(dict.fromkeys(found + other.at(place)))
            columns.append((name, found))
        return Output(columns, open=self.open, beneath=(*self.beneath, *other.beneath))

    def source(self, name: str, renamed: Sequence[str] = ()) -> Source:
        """The source this query is in FROM, under an alias, its first columns ``renamed``."""
        named: dict[str, Columns] = {}
        through: list[Source] = []
        for place, (column, found) in enumerate(self.columns):
            if isinstance(found, Source):
                through.append(found)
            elif (as_named := renamed[place] if place < len(renamed) else column) is not None:
                named.setdefault(as_named, found if not through else _after_star(found, renamed))
        for late in renamed[len(self.columns) :]:
            named.setdefault(late, ())
        return Source(name, named=named, through=through, open=self.open, beneath=self.beneath)


def _after_star(found: Columns, renamed: Sequence[str]) -> Columns:
    """A column after a star keeps its meaning only where no list of aliases counts places."""
    return () if renamed else found


Found = tuple[Source, Columns]
"""What a name means: the use of a relation or subquery, and its columns of tables."""


class Scope:
    """The sources that names in one query may mean, inside those of the query around it."""

    __slots__ = ("_named", "_sure", "_unsure", "ctes", "hidden", "merged", "parent", "sources")

    def __init__(self, parent: Scope | None, ctes: dict[str, Output]) -> None:
        self.parent = parent
        self.ctes = ctes
        self.sources: dict[Source, None] = {}
        self.hidden: dict[str, Source] = {}  # excluded, old and new
        self.merged: dict[str, Found] = {}  # of USING
        self._named: dict[str, list[Source]] = {}
        self._sure: dict[str, Source] = {}
        self._unsure: dict[Source, None] = {}

    def add(self, source: Source) -> None:
        """Let names mean this source from here on."""
        self.sources[source] = None
        self._named.setdefault(source.name, []).append(source)
        for column in source.named:
            self._sure.setdefault(column, source)
        if not source.certain:
            self._unsure[source] = None

    def remove(self, source: Source) -> None:
        """Hide a source: a join that has an alias hides what it joins."""
        del self.sources[source]
        self._unsure.pop(source, None)
        self._named[source.name].remove(source)
        for column in source.named:
            if self._sure.get(column) is source:
                del self._sure[column]

    def named(self, name: str) -> Sequence[Source]:
        """The sources of this query alone that go by ``name``."""
        return self._named.get(name, ())

    def find(self, name: str, schema: str | None = None) -> Source | None:
        """The source of that alias, or of that relation where it has no alias; the innermost one."""
        scope: Scope | None = self
        while scope is not None:
            for source in scope._named.get(name, ()):
                if schema is None or source.schema == schema or source.base == (None, name):
                    return source
            if name in scope.hidden:
                return scope.hidden[name]
            scope = scope.parent
        return None

    def resolve(self, path: Sequence[str]) -> Found | None:
        """The source, and the columns of tables, that ``path`` (``t.c``, ``c``, ``s.t.c``) means.

        None where the text does not say; ``(source, ())`` where it is an expression's value.
        """
        name = path[-1]
        if len(path) > 1:
            source = self.find(path[-2], path[-3] if len(path) > 2 else None)
            return (source, source.column(name)[1]) if source is not None else None
        scope: Scope | None = self
        while scope is not None:
            if name in scope.merged:
                return scope.merged[name]
            if source := scope._sure.get(name):
                return source, source.column(name)[1]
            there, found = scope._likely(name)
            if there:
                return found
            scope = scope.parent
        return None

    def _likely(self, name: str) -> tuple[int, Found | None]:
        """Whether sources here may have the column, and the one that has it; None where several may."""
        if len(self._unsure) > _MOST:
            return MAYBE, None
        likely: Found | None = None
        for source in self._unsure:
            sure, columns = source.column(name)
            if sure == SURELY:
                return sure, (source, columns)
            if sure == MAYBE:
                if likely is not None:
                    return MAYBE, None
                likely = source, columns
        return (NO if likely is None else MAYBE), likely


_MOST = 64
"""With more sources than that, which one an unqualified column is of is not looked for."""
