"""What breaks when services move to a database of their own: statements, transactions, views, keys, code, types, grants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from workbench.analyse.consequences import runs_unread
from workbench.analyse.crossings import Crossing
from workbench.analyse.gaps import gap_of, quoted
from workbench.analyse.references import References
from workbench.analyse.workload import Workload
from workbench.decide.code import Code, Runs
from workbench.decide.facts import Break, BreakKind, Remedy
from workbench.decide.remedies import Remedies
from workbench.decide.strays import strays
from workbench.decide.types import type_texts
from workbench.decide.use import Use, reader_of
from workbench.model import Reference, ReferenceEnd
from workbench.snapshot import records

_KINDS: Mapping[str, BreakKind] = {
    "foreign_key": "foreign_key",
    "view": "view",
    "trigger": "trigger",
    "function": "function",
    "type": "type",
    "sequence": "sequence",
    "inheritance": "inheritance",
    "foreign_table": "foreign_table",
    "publication": "publication",
}
"""References that a server itself holds, and that it cannot hold between databases, or not as they are."""


@dataclass(frozen=True)
class Breaks:
    """Finds what breaks, from a window's crossings and the references of its newest snapshot.

    A logical reference breaks nothing by itself: the statements that join it do, and they are here. What
    nobody owns stays behind, so that what joins a service with it breaks as well.
    """

    workload: Workload
    references: References
    remedies: Remedies

    def of(self, services: Iterable[str]) -> tuple[Break, ...]:
        """Return what joins ``services`` with any other, by kind and weight; what joins them among themselves stays."""
        moving = frozenset(services)
        found = {_told(b): b for b in (*self._crossings(moving), *self._held(moving))}
        order = list(_ORDER)
        return tuple(
            sorted(found.values(), key=lambda b: (order.index(b.kind), -(b.per_day or 0), _told(b)))
        )

    @cached_property
    def _use(self) -> Use:
        return Use(self.workload, self.references)

    def unknown(self, services: Iterable[str]) -> tuple[str, ...]:
        """Say which kinds of break cannot all be told where ``services`` are, why, and what would settle it."""
        moving = frozenset(services)
        window = self.workload.attributed.window
        newest = window.history.newest
        found = list(self._absent(moving))
        for name in self._instances(moving):
            if not newest.has("statements", name):
                found.append(
                    f"statements of {name} were not read: `workbench check --instance {name}` names what helps"
                )
            elif (name, False) not in self._use.days:
                found.append(f"calls a day of {name} are known from its next snapshot on")
            sampled = any(s.has("transaction_samples", name) for s in window.history.collected)
            if (name, True) not in self._use.days and not sampled:
                found.append(
                    f"transactions of {name} are not known: install pg_walinspect, or collect with --sample 30s"
                )
            if not newest.has("dependencies", name):
                found.append(
                    f"which defaults, checks, indexes and policies of {name} use functions of others is not known: "
                    "its newest snapshot is of an older format; collect anew"
                )
        hidden = self._hidden(moving)
        if hidden:
            some = ", ".join(hidden[:3]) + (
                f" and {len(hidden) - 3} more" if len(hidden) > 3 else ""
            )
            found.append(
                f"what {some} {'use' if len(hidden) > 1 else 'uses'} is not all known, for the text is made while it runs, or "
                "is not read: look into it by hand"
            )
        calls = self._unknown_calls(moving)
        if calls:
            pace = f"{calls:,.0f}" if calls >= 10 else f"{calls:.2g}"
            found.append(
                f"{pace} calls a day that touch this data alone have no known caller: others may be among them;"
                " give every service a login or an application_name of its own"
            )
        return tuple(found)

    def uncounted(self, services: Iterable[str]) -> bool:
        """Whether calls of statements that join ``services`` with others are not known, or of some of their instances."""
        here = self._instances(frozenset(services))
        return not here or any((name, False) not in self._use.days for name in here)

    def _instances(self, moving: frozenset[str]) -> tuple[str, ...]:
        """Where statements or relations of what moves were found."""
        rows, tables = self.workload.services, self.references.structure.tables
        both = [f.loc[f["service"].isin(moving), "instance"] for f in (rows, tables)]
        return tuple(sorted({str(name) for held in both for name in held}))

    def _absent(self, moving: frozenset[str]) -> Iterator[str]:
        """Say of which services nothing is there that could break."""
        newest = self.workload.attributed.window.history.newest
        there = {*self.references.structure.tables["service"], *self.workload.services["service"]}
        for service in newest.settled.services:
            if service.name not in moving or service.name in there:
                continue
            why = gap_of(newest, "database", service.instance or "", service.database)
            why = why or "nothing of it was found; `workbench check` names what is near"
            yield f"what joins {service.name} with others is not known: {why}"

    def _hidden(self, moving: frozenset[str]) -> list[str]:
        """The functions in the databases of what moves of which nobody can say all that they use."""
        tables = self.references.structure.tables
        held = tables.loc[tables["service"].isin(moving), ["instance", "database"]]
        here = sorted(set(held.itertuples(index=False, name=None)))
        return sorted(name for place in here for name in self._unreadable.get(place, ()))

    @cached_property
    def _unreadable(self) -> dict[tuple[str, str], list[str]]:
        newest = self.workload.attributed.window.history.newest
        names = ("schema", "function", "arguments", "body", "prokind", "extension", "language")
        rows = newest.frame("functions", *names)
        # an aggregate's functions are told by themselves; what the server makes for a range type is internal
        own = rows["extension"].isna() & (rows["prokind"] != "a")
        found: dict[tuple[str, str], list[str]] = {}
        for row in records(rows[own & (rows["language"] != "internal")]):
            if runs_unread(row["body"]):
                name = f"{row['function']}({row['arguments']})"
                end = ReferenceEnd(None, schema=row["schema"], object=name)
                found.setdefault((row["instance"], row["database"]), []).append(end.relation)
        return found

    def _unknown_calls(self, moving: frozenset[str]) -> float:
        """Calls a day of unknown callers that touch nothing but what moves."""
        total = 0.0
        for owners, rate in self._uncalled:
            if owners <= moving:
                total += rate
        return total

    @cached_property
    def _uncalled(self) -> list[tuple[frozenset[str | None], float]]:
        """Whose data each entry of an unknown caller touches, and its calls a day."""
        attributed = self.workload.attributed
        found = []
        entries = attributed.entries[["instance", "calls"]].itertuples(index=False, name=None)
        for (instance, calls), fact in zip(entries, attributed.facts, strict=True):
            days = self._use.days.get((instance, False))
            if days is None or pd.isna(calls) or fact.caller.service is not None:
                continue
            touches = fact.attribution.touches
            owners = {t.relation.service for t in touches if t.relation.standing != "platform"}
            if owners:
                found.append((frozenset(owners), float(calls) / days))
        return found

    # -- statements, transactions, grants

    def _crossings(self, moving: frozenset[str]) -> Iterator[Break]:
        crossings, places = self._met
        for number in sorted({n for service in moving for n in places.get(service, ())}):
            crossing = crossings[number]
            parties = _parties(crossing)
            if parties <= moving and crossing.owners:
                continue
            yield Break(
                crossing.kind,
                crossing.key,
                crossing.instance,
                crossing.database,
                tuple(sorted(parties)),
                crossing.relations,
                crossing.access,
                crossing.actor,
                next(iter(crossing.examples), None),
                self._use.per_day(crossing),
                self._instead_of(crossing, parties),
                crossing.because or "",
            )

    @cached_property
    def _met(self) -> tuple[list[Crossing], dict[str, list[int]]]:
        """The crossings that say something of their own, and where each service's are among them."""
        every = (*self.workload.crossings, *strays(self.workload.attributed))
        found = [c for c in every if not _told_elsewhere(c)]
        return found, _places(map(_parties, found))

    def _instead_of(self, crossing: Crossing, parties: frozenset[str]) -> Remedy:
        if crossing.kind == "grant":
            unused = crossing.calls == 0
            why = "nothing used it in the window" if unused else "first see that nothing needs it"
            return self.remedies.named("grant withdrawn", why)
        if not crossing.owners:
            return self.remedies.named("owner found", "whose it is decides whether it moves along")
        if crossing.access == "write":
            return self.remedies.of_write(sorted(parties))
        place = (crossing.instance, crossing.database)
        pairs = [(*place, reader_of(crossing), owner) for owner in crossing.owners]
        return self.remedies.of_read(crossing.actor, crossing.owners, self._use.rates(pairs))

    # -- what the server holds

    def _held(self, moving: frozenset[str]) -> Iterator[Break]:
        references, places = self._joined
        for number in sorted({n for service in moving for n in places.get(service, ())}):
            reference = references[number]
            source, target, sides = reference.source, reference.target, _sides(reference)
            if target is None or (len(sides) > 1 and sides <= moving):
                continue
            kind = _KINDS[reference.kind]
            if kind == "type" and source.object_kind in ("view", "materialised view"):
                continue  # a view goes with what it reads
            if kind == "foreign_table":
                if target.service not in moving:
                    continue  # it goes along with its service, and its server stays where it is
            elif _place(source) != _place(target):
                continue
            nobody = [e.relation for e in (source, target) if e.service is None]
            said = [*reference.evidence, *(f"nobody owns {name}" for name in nobody)]
            runs = self._code.runs(reference) if kind in ("function", "trigger") else Runs(None)
            said += [self._code.unseen(source) if kind == "view" else "", runs.because]
            yield Break(
                kind,
                reference.key,
                *_place(source),
                tuple(sorted(sides)),
                (source.relation, target.relation),
                "read" if kind == "view" else None,
                source.service,
                self._text(kind, source, target),
                runs.per_day,
                self._cure(kind, reference),
                "; ".join(filter(None, said)),
            )

    @cached_property
    def _joined(self) -> tuple[list[Reference], dict[str, list[int]]]:
        """What servers hold between two owners, or an owner and nobody, and where each service's are among them."""
        found = [
            r
            for r in self.references.accepted
            if r.kind in _KINDS and r.target is not None and r.source.service != r.target.service
        ]
        return found, _places(map(_sides, found))

    def _text(self, kind: BreakKind, source: ReferenceEnd, target: ReferenceEnd) -> str | None:
        """What declares it, as far as the snapshot holds that: a key, a view, a trigger, a function's body."""
        if kind == "foreign_key":
            return _declared(source, target)
        if kind == "type":
            return self._types.get((*_place(target), target.relation))
        return self._code.text(source)

    @cached_property
    def _code(self) -> Code:
        return Code(self.workload.attributed.window)

    @cached_property
    def _types(self) -> dict[tuple[str, str, str], str]:
        return type_texts(self.workload.attributed.window.history.newest)

    def _cure(self, kind: BreakKind, reference: Reference) -> Remedy | None:
        named, source, target = self.remedies.named, reference.source, reference.target
        if kind == "view" and target is not None:
            if len(target.columns) == 1:
                return named("denormalised column", f"it uses {target.columns[0]} alone")
            rates = self._use.rates([(*_place(source), source.service, target.service or "")])
            return self.remedies.of_read(source.service, [target.service or ""], rates)
        return named(*_CURES[kind]) if kind in _CURES else None


_CURES: Mapping[BreakKind, tuple[str, str]] = {
    "foreign_key": (
        "loose foreign key",
        "orphans are found and removed by a worker, not by the server",
    ),
    "type": ("copied type", "the target database needs it before its tables"),
    "function": ("rewritten function", "what it does over there becomes an event or a call"),
    "trigger": ("rewritten function", "what it does over there becomes an event or a call"),
    "sequence": ("sequence of its own", "its numbers begin above those drawn so far"),
    "foreign_table": ("foreign server repointed", "the table it stands for has another address"),
    "publication": ("publication made anew", "a publication names tables of its own database"),
}
"""Remedies that no rate decides, and why; of inheritance there is none."""

_ORDER: tuple[BreakKind, ...] = (
    *("statement", "transaction", "view", "foreign_key", "trigger", "function", "type"),
    *("sequence", "inheritance", "foreign_table", "publication", "reference", "grant"),
)


def _parties(crossing: Crossing) -> frozenset[str]:
    actor = [crossing.actor] if crossing.actor else crossing.services
    return frozenset((*crossing.owners, *actor))


def _sides(reference: Reference) -> frozenset[str]:
    ends = (reference.source, reference.target)
    return frozenset(e.service for e in ends if e is not None and e.service is not None)


def _places(found: Iterable[frozenset[str]]) -> dict[str, list[int]]:
    """Where each name is in a list of sets."""
    places: dict[str, list[int]] = {}
    for number, names in enumerate(found):
        for name in names:
            places.setdefault(name, []).append(number)
    return places


def _told_elsewhere(crossing: Crossing) -> bool:
    """Whether other breaks say the same: a used grant is its statements, what a transaction reads as well."""
    if crossing.kind == "grant":
        return bool(crossing.calls)
    return crossing.kind == "transaction" and crossing.access == "read"


def _told(found: Break) -> tuple[str, ...]:
    """What makes a break another one; samples tell one transaction several times, by what else it read."""
    if found.kind == "transaction" and found.per_day is None:
        where = (found.instance, found.database, found.caller or "")
        return (*where, *found.services, "", *found.relations)
    return (found.key,)


def _place(end: ReferenceEnd) -> tuple[str, str]:
    return end.instance or "", end.database or ""


def _declared(source: ReferenceEnd, target: ReferenceEnd) -> str:
    """A foreign key as its table declares it."""
    here, there = (", ".join(map(quoted, end.columns)) for end in (source, target))
    table, other = (
        ".".join(quoted(n) for n in (end.schema, end.table) if n) for end in (source, target)
    )
    return f"ALTER TABLE {table} ADD FOREIGN KEY ({here}) REFERENCES {other} ({there})"
