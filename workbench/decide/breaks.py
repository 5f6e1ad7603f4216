"""What breaks when services move to a database of their own: statements, transactions, views, keys, code, types, grants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from workbench.analyse.crossings import Crossing
from workbench.analyse.gaps import quoted
from workbench.analyse.references import References
from workbench.analyse.workload import Workload
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
        rows = self.workload.services
        found: list[str] = []
        for name in sorted(set(rows.loc[rows["service"].isin(moving), "instance"])):
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
        calls = self._unknown_calls(moving)
        if calls:
            found.append(
                f"{calls:,.0f} calls a day that touch this data alone have no known caller: others may be among them;"
                " give every service a login or an application_name of its own"
            )
        return tuple(found)

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
            text = self._text(kind, source, target)
            said = [*reference.evidence, *(f"nobody owns {name}" for name in nobody)]
            said += self._unseen(kind, source, text)
            yield Break(
                kind,
                reference.key,
                *_place(source),
                tuple(sorted(sides)),
                (source.relation, target.relation),
                "read" if kind == "view" else None,
                source.service,
                text,
                None,
                self._cure(kind, reference),
                "; ".join(said),
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
        """What declares it, as far as the snapshot holds that: a key, a trigger, a function's body."""
        if kind == "foreign_key":
            return _declared(source, target)
        if kind == "type":
            return self._types.get((*_place(target), target.relation))
        return self._texts.get((*_place(source), source.relation, source.object or ""))

    def _unseen(self, kind: BreakKind, source: ReferenceEnd, text: str | None) -> Iterator[str]:
        """What is not known of code that a server holds: its text, and how often it runs."""
        if kind == "view" and text is None:
            yield "its text is not collected: pg_get_viewdef shows it"
        if kind in ("function", "trigger"):
            counted = self._counting.get(source.instance or "", "was not read")
            hint = "" if counted in ("pl", "all") else ": track_functions = all counts them"
            yield f"its calls are not collected; track_functions is {counted}{hint}"

    @cached_property
    def _counting(self) -> dict[str, str]:
        """What each instance counts of functions."""
        settings = self.workload.attributed.window.history.newest.frame(
            "settings", "name", "reset_val"
        )
        held = settings[(settings["name"] == "track_functions") & settings["reset_val"].notna()]
        return {r["instance"]: str(r["reset_val"]) for r in records(held)}

    @cached_property
    def _types(self) -> dict[tuple[str, str, str], str]:
        return type_texts(self.workload.attributed.window.history.newest)

    @cached_property
    def _texts(self) -> dict[tuple[str, str, str, str], str]:
        """The definitions of triggers and the bodies of functions, by place, relation or function, and name."""
        newest = self.workload.attributed.window.history.newest
        place = ["instance", "database"]
        functions = newest.frame("functions", "schema", "function", "arguments", "body")
        found: dict[tuple[str, str, str, str], str] = {}
        for row in records(functions[functions["body"].notna()]):
            name = f"{row['function']}({row['arguments']})"
            end = ReferenceEnd(None, schema=row["schema"], object=name)
            found[row["instance"], row["database"], end.relation, name] = row["body"]
        relations = newest.frame("relations", "oid", "schema", "relation")
        relations = relations[[*place, "oid", "schema", "relation"]]
        relations = relations.rename(columns={"oid": "relation_oid"})
        triggers = newest.frame("triggers", "relation_oid", "trigger", "definition")
        triggers = triggers[[*place, "relation_oid", "trigger", "definition"]].dropna()
        for row in records(triggers.merge(relations)):
            end = ReferenceEnd(None, schema=row["schema"], table=row["relation"])
            found[row["instance"], row["database"], end.relation, row["trigger"]] = row[
                "definition"
            ]
        return found

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
