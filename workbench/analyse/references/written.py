"""What people wrote of references in the estate's files, held against the tables that are there."""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.analyse.references.structure import Structure
from workbench.estate import DeclaredReference, Estate, WrittenEnd
from workbench.model import Finding, ReferenceEnd, join_name

STALE = "reference-map-stale"


@dataclass(frozen=True)
class Mapped:
    """One row of the map whose ends are there, or are a service alone."""

    row: DeclaredReference
    source: ReferenceEnd
    target: ReferenceEnd

    @property
    def loose(self) -> bool:
        """Whether the target names a service of the estate and no table of it."""
        return self.target.table is None


@dataclass(frozen=True)
class Written:
    """The map of an estate: what it declares, what it rejects, which words mean which table, and what is stale.

    ``rejected`` holds (table, columns, table that is not meant; None: no table is). ``aliases`` holds
    (word, table, service in which it holds or None). ``stale`` are rows that match nothing any more.
    """

    mapped: tuple[Mapped, ...] = ()
    rejected: frozenset[tuple[int, tuple[str, ...], int | None]] = frozenset()
    aliases: tuple[tuple[str, int, str | None], ...] = ()
    stale: tuple[Finding, ...] = ()


@dataclass
class _Reader:
    estate: Estate
    structure: Structure
    stale: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        tables = self.structure.tables
        self._numbers: dict[tuple[str | None, str], list[int]] = {}
        for number, (service, table) in enumerate(
            zip(tables["service"], tables["table"], strict=True)
        ):
            self._numbers.setdefault((service, table), []).append(number)
        self._columns: dict[int, set[str]] = {
            int(str(table)): set(names)
            for table, names in self.structure.columns.groupby("table")["column"]
        }

    def find(self, end: WrittenEnd, said: str) -> int | None:
        """The table that an end names; None, and a finding, where it is not there or not the only one."""
        service = self.estate.service(end.service).name
        schemas = self.structure.tables["schema"]
        numbers = [
            n
            for n in self._numbers.get((service, end.table or ""), [])
            if end.schema in (None, schemas[n])
        ]
        if len(numbers) == 1:
            lost = [c for c in end.columns if c not in self._columns.get(numbers[0], set())]
            if not lost:
                return numbers[0]
            why = f"{_text(end)}: the table has no column {', '.join(lost)}"
        elif numbers:
            why = f"{_text(end)}: {len(numbers)} tables of the service are called so; write its schema too"
        else:
            why = f"{_text(end)}: service {service} has no such table"
        self.stale.append(
            Finding(
                STALE, "warning", said, why, "correct the row in the estate's files, or remove it"
            )
        )
        return None

    def end(self, end: WrittenEnd, said: str) -> ReferenceEnd | None:
        """An end of a row as references name it; what is external is taken at its word."""
        service = self.estate.service(end.service)
        if service.external or end.table is None:
            known = end if service.external else WrittenEnd(end.service)
            return ReferenceEnd(service.name, None, None, known.schema, known.table, known.columns)
        number = self.find(end, said)
        if number is None:
            return None
        return self.structure.end(number, end.columns or self.structure.primary_key(number))


def read_written(estate: Estate, structure: Structure) -> Written:
    """Return what ``estate`` says of references (``[[references]]`` and ``[[aliases]]``), in the order written."""
    reader = _Reader(estate, structure)
    mapped, rejected, aliases = [], set(), []
    services = structure.tables["service"]
    for row in estate.references:
        said = f"{_text(row.source)} -> {_text(row.target) if row.target else '?'}"
        source = reader.end(row.source, said)
        if row.rejected:
            number = None if source is None else structure.of(source)
            target = reader.end(row.target, said) if row.target else None
            if number is None or source is None or (row.target and target is None):
                continue
            other = None if target is None else structure.of(target)
            others: list[int | None] = [other]
            if target is not None and other is None:
                others = list(services.index[services == target.service])
            rejected |= {(number, source.columns, o) for o in others}
            continue
        target = reader.end(row.target, said) if row.target else None
        if source is not None and target is not None:
            mapped.append(Mapped(row, source, target))
    for alias in estate.aliases:
        number = reader.find(alias.means, f"alias {alias.word}")
        if number is not None:
            aliases.append((alias.word, number, alias.service))
    return Written(tuple(mapped), frozenset(rejected), tuple(aliases), tuple(reader.stale))


def _text(end: WrittenEnd) -> str:
    """An end as people write it."""
    parts = [end.service, end.schema, end.table, "+".join(end.columns) or None]
    return join_name([p for p in parts if p])
