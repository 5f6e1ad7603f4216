"""References of columns: keys, the map that people keep, joins and names brought together, each pair of ends once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from workbench.analyse.references.inference import Inferred, Known, infer
from workbench.analyse.references.objects import Objects
from workbench.analyse.references.seen import Join
from workbench.analyse.references.tables import shape_of
from workbench.analyse.references.written import Mapped, Written
from workbench.model import Candidate, Reference, ReferenceEnd

JOIN_CONFIDENCE = 0.8
"""Of a column that statements join to a key while its name says nothing of it."""

_STRONGEST = ("foreign_key", "declared", "join", "inferred")


@dataclass(frozen=True)
class ColumnReferences:
    """What columns refer to, from all that is known: ``keys``, what is ``written``, ``joins``, and names."""

    objects: Objects
    keys: tuple[Reference, ...]
    written: Written
    joins: tuple[Join, ...]

    def references(self) -> Iterator[Reference]:
        """Yield every reference of columns, accepted, unresolved and rejected; each pair of ends once.

        A pair known in several ways is of the strongest kind, with the evidence of all. What people wrote
        stands against what names suggest: that is rejected then, and says so.
        """
        declared = [self._declared(m) for m in self.written.mapped]
        certain = {r.source: r for r in (*self.keys, *declared)}
        accepted: list[Reference] = [*self.keys, *declared]
        for found in self._unaided.values():
            other = certain.get(found.source)
            if other is None:
                continue
            if found.target is None:
                continue
            if found.target == other.target:
                accepted.append(found)
            elif other.kind == "declared":
                yield replace(found, status="rejected", evidence=(*found.evidence, _instead(other)))
        for found in self._inferred.values():
            if found.source in certain:
                continue
            if found.status == "accepted":
                accepted.append(found)
            else:
                yield found
        taken = {r.source for r in accepted} | set(self._inferred)
        yield from self._merged([*accepted, *self._joined(taken)])
        yield from self._rejections()

    @cached_property
    def suggested(self) -> dict[ReferenceEnd, Reference]:
        """What names suggest of each source when nobody has written anything of it."""
        return self._unaided

    @cached_property
    def _inferred(self) -> dict[ReferenceEnd, Reference]:
        """By source: what names suggest of what is not certain, learning also from what people wrote."""
        concrete = [self._known(m.source, m.target, "declared") for m in self.written.mapped]
        learnt = [k for k in concrete if k is not None]
        return self._infer(learnt) if learnt else self._unaided

    @cached_property
    def _unaided(self) -> dict[ReferenceEnd, Reference]:
        return self._infer(())

    def _infer(self, learnt: Sequence[Known]) -> dict[ReferenceEnd, Reference]:
        keys = [self._known(r.source, r.target, "foreign_key") for r in self.keys]
        found = infer(
            self.objects.structure,
            # of a column that is written of twice the last is learned: the key, for the server enforces it
            [*learnt, *(k for k in keys if k is not None)],
            joins=self.joins,
            aliases=self.written.aliases,
            rejected=self.written.rejected,
        )
        made = map(self._reference, found)
        return {r.source: r for r in made}

    def _known(self, source: ReferenceEnd, target: ReferenceEnd | None, kind: str) -> Known | None:
        structure = self.objects.structure
        number = structure.of(source)
        other = None if target is None else structure.of(target)
        if number is None or other is None or target is None or not source.columns:
            return None
        return Known(number, source.columns, other, target.columns, kind)

    def _reference(self, found: Inferred) -> Reference:
        end = self.objects.structure.end
        target = None if found.target is None else end(found.target, found.target_columns)
        return Reference(
            end(found.table, found.columns),
            target,
            "inferred",
            found.shape,
            found.group,
            found.status,
            found.confidence,
            (found.why,),
            tuple(Candidate(end(t, columns), c) for t, columns, c in found.candidates)
            if target is None
            else (),
        )

    def _declared(self, mapped: Mapped) -> Reference:
        """A row of the map; what names a service alone means the table there that its columns fit best."""
        target = mapped.target
        seen = self._unaided.get(mapped.source)
        if mapped.loose and seen is not None:
            candidates = [c.target for c in seen.candidates]
            likely = [seen.target, *candidates] if seen.target else candidates
            target = next((t for t in likely if t.service == target.service), target)
        said = ["the estate's map says so", *([mapped.row.note] if mapped.row.note else [])]
        structure = self.objects.structure
        there = structure.of(target) if target.table else None
        shape = mapped.row.shape or (
            shape_of(self.objects, mapped.source, target) if there is not None else "plain"
        )
        group = seen.group if seen else None
        return Reference(mapped.source, target, "declared", shape, group, evidence=tuple(said))

    def _joined(self, taken: set[ReferenceEnd]) -> Iterator[Reference]:
        """Columns that statements join to a key, where nothing else says what they refer to."""
        structure = self.objects.structure
        keys = structure.keys[structure.keys["columns"].map(len) == 1]
        unique = {(t, c[0]) for t, c in zip(keys["table"], keys["columns"], strict=True)}
        for join in self.joins:
            ends = [(join.table, join.column), (join.other, join.other_column)]
            if len(unique.intersection(ends)) != 1:
                continue
            (source,) = (structure.end(t, (c,)) for t, c in ends if (t, c) not in unique)
            (target,) = (structure.end(t, (c,)) for t, c in ends if (t, c) in unique)
            if source not in taken:
                shape = shape_of(self.objects, source, target)
                yield Reference(source, target, "join", shape, confidence=JOIN_CONFIDENCE)

    def _merged(self, found: Iterable[Reference]) -> Iterator[Reference]:
        """Bring together what has the same ends, and add how often statements join them."""
        calls: dict[frozenset[ReferenceEnd], int] = {}
        end = self.objects.structure.end
        for join in self.joins:
            pair = frozenset(
                (end(join.table, (join.column,)), end(join.other, (join.other_column,)))
            )
            calls[pair] = calls.get(pair, 0) + join.calls
        groups: dict[tuple[ReferenceEnd, ReferenceEnd | None], list[Reference]] = {}
        for reference in found:
            groups.setdefault((reference.source, reference.target), []).append(reference)
        for (source, target), group in groups.items():
            group.sort(key=lambda r: (_STRONGEST.index(r.kind), r.evidence))
            count = calls.get(frozenset(e for e in (source, target) if e is not None))
            said = [line for r in group for line in r.evidence]
            if count is not None:
                said.append(f"statements join them: {count:,} call{'' if count == 1 else 's'}")
            group_of = next((r.group for r in group if r.group), None)
            yield replace(
                group[0], group=group_of, evidence=tuple(dict.fromkeys(said)), calls=count
            )

    def _rejections(self) -> Iterator[Reference]:
        """What people looked at and rejected, so that it is seen to stay so."""
        end = self.objects.structure.end
        for table, columns, other in sorted(
            self.written.rejected, key=lambda r: (*r[:2], r[2] or -1)
        ):
            target = None if other is None else end(other)
            said = "the estate's files reject it"
            yield Reference(
                end(table, columns), target, "declared", status="rejected", evidence=(said,)
            )


def _instead(other: Reference) -> str:
    target = other.target
    if target is None:
        return "the estate's map says otherwise"
    named = f"{target.service}: {target.relation}" if target.table else f"service {target.service}"
    return f"the estate's map says {named} instead"
