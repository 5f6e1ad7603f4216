"""The references that names suggest: one for each column that seems to refer, or why it is not certain."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from workbench.analyse.references.inference.choice import Opinions, confidence, opinions
from workbench.analyse.references.inference.estate import Estate, read_estate
from workbench.analyse.references.inference.explain import why
from workbench.analyse.references.inference.hearsay import aliases_of, told_of
from workbench.analyse.references.inference.lookup import Kind
from workbench.analyse.references.inference.shapes import (
    Composite,
    audits,
    composites,
    polymorphic,
    shape_of,
)
from workbench.analyse.references.structure import Structure
from workbench.model import Shape

ACCEPTED = 0.5
"""Belief from which a reference is accepted: no two candidates can have it."""

UNRESOLVED, UNRESOLVED_NATURAL = 0.35, 0.5
"""Belief in all candidates together from which a column is listed with them: somebody may know. More is asked of
what is no primary key: columns are often called after what they copy."""

COMPOSITE_CONFIDENCE = 0.85
"""Of a reference to a key of several columns: too few are known to measure it."""

_LISTED = 5  # candidates of an unresolved column

TOLD_CONFIDENCE = 0.8
"""Of a table that statements join with a polymorphic column."""


@dataclass(frozen=True)
class Known:
    """A reference that is certain: learned from, and its columns are not inferred again."""

    table: int
    columns: tuple[str, ...]
    target: int
    target_columns: tuple[str, ...]
    kind: str  # foreign_key or declared


@dataclass(frozen=True)
class Inferred:
    """A reference that names suggest, tables by their number.

    ``confidence`` is the share of such references that are right; where it is unresolved (``target`` None)
    that of the best of ``candidates``, which are (table, columns, confidence), best first.
    """

    table: int
    columns: tuple[str, ...]
    target: int | None
    target_columns: tuple[str, ...]
    shape: Shape
    group: Literal["audit"] | None
    confidence: float
    status: Literal["accepted", "unresolved"]
    candidates: tuple[tuple[int, tuple[str, ...], float], ...]
    why: str


def infer(
    structure: Structure,
    known: Sequence[Known] = (),
    *,
    joins: Iterable[tuple[int, str, int, str, int]] = (),
    aliases: Iterable[tuple[str, int, str | None]] = (),
    rejected: Collection[tuple[int, tuple[str, ...], int | None]] = (),
) -> tuple[Inferred, ...]:
    """Return the references of columns that nothing declares, by table and columns.

    ``joins`` are (table, column, table, column, calls) that statements compare; ``aliases`` are (word,
    table, service or None: everywhere) that people gave; ``rejected`` are (table, columns, target or None:
    any). The time grows with the columns. The same input gives the same output.
    """
    estate = read_estate(structure)
    at = {
        place: n for n, place in enumerate(zip(estate.table_of, estate.column_names, strict=True))
    }
    key_at = {key.column: n for n, key in enumerate(estate.keys)}
    certain: dict[int, int | None] = {}
    for reference in known:
        if len(reference.columns) == 1 and (reference.table, reference.columns[0]) in at:
            target = at.get((reference.target, (reference.target_columns or ("",))[0]))
            row = at[reference.table, reference.columns[0]]
            certain[row] = None if target is None else key_at.get(target)
    refused = frozenset(
        (at[table, columns[0]], target)
        for table, columns, target in rejected
        if len(columns) == 1 and (table, columns[0]) in at
    )
    told = told_of(estate, at, key_at, joins)
    held = opinions(
        estate,
        aliases_of(estate, aliases, certain),
        told,
        refused,
        certain,
    )
    kinds = polymorphic(estate)
    taken = {(reference.table, reference.columns) for reference in known}
    found: list[Inferred] = []
    plain: dict[int, int] = {}
    if held is not None:
        for position, column in enumerate(held.columns.row.tolist()):
            if column in certain or held.whole[position] < UNRESOLVED:
                continue
            made = _inferred(estate, held, position, column, column in kinds)
            if made is not None:
                found.append(made)
                if made.target is not None:
                    plain[column] = at[made.target, made.target_columns[0]]
    numbers = {
        (table, tuple(at[table, name] for name in columns if (table, name) in at))
        for table, columns in taken
    }
    several = [c for c in composites(estate, plain, numbers) if not _refused(estate, c, rejected)]
    found = _without_parts(estate, found, several)
    found += [_composite(estate, c) for c in several]
    covered = {(f.table, f.columns[0]) for f in found if f.target is not None}
    for column, says in kinds.items():
        place = (estate.table_of[column], estate.column_names[column])
        wanted = (
            estate.eligible[place[0]] and column not in certain and (column, None) not in refused
        )
        if wanted and place not in covered:
            found.append(_any_table(estate, column, says, told.get(column, frozenset())))
    return tuple(sorted(found, key=lambda f: (f.table, f.columns)))


def _inferred(
    estate: Estate, held: Opinions, position: int, column: int, any_table: bool
) -> Inferred | None:
    ranked = held.of_column(position)
    best = ranked[0]
    belief = float(held.belief[best])
    # a statement that joins it to one table says nothing of the rows that are of another
    named = held.pairs.kind[best] in (Kind.FULL, Kind.CONTEXT, Kind.ALIAS)
    accepted = belief >= ACCEPTED
    if any_table and not (accepted and named and held.pairs.left[best] == 0):
        return None
    key = estate.keys[int(held.pairs.key[best])]
    if held.whole[position] < UNRESOLVED_NATURAL and not key.primary:
        return None
    table, name = estate.table_of[column], estate.column_names[column]
    reason = why(estate, held, position, best)
    candidates: tuple[tuple[int, tuple[str, ...], float], ...] = ()
    if not accepted:
        candidates = tuple(
            (other.table, (other.name,), confidence(float(held.belief[n])))
            for n in ranked[:_LISTED]
            if held.belief[n] >= 0.02
            for other in (estate.keys[int(held.pairs.key[n])],)
        )
        few = "one table fits" if len(candidates) == 1 else "several tables fit"
        much = "not surely enough" if len(candidates) == 1 else "none surely enough"
        reason = f"{few} name `{name}`, {much}; best: {reason}"
    return Inferred(
        table,
        (name,),
        key.table if accepted else None,
        (key.name,) if accepted else (),
        shape_of(estate, column, key.column, key.reading.tail),
        "audit" if held.pairs.kind[best] != Kind.SELF and audits(name) else None,
        confidence(belief),
        "accepted" if accepted else "unresolved",
        candidates,
        reason,
    )


def _composite(estate: Estate, found: Composite) -> Inferred:
    columns = tuple(estate.column_names[c] for c in found.columns)
    target = tuple(estate.column_names[c] for c in found.target_columns)
    name = estate.table_names[found.target]
    return Inferred(
        found.table,
        columns,
        found.target,
        target,
        "composite",
        None,
        COMPOSITE_CONFIDENCE,
        "accepted",
        (),
        f"columns `{'`, `'.join(columns)}` are the key ({', '.join(target)}) of table {name}; types fit",
    )


def _without_parts(
    estate: Estate, found: list[Inferred], several: Sequence[Composite]
) -> list[Inferred]:
    """Leave out what a composite stands for: the column that is called after the table of its key."""
    leads = set()
    for composite in several:
        for column, part in zip(composite.columns, composite.target_columns, strict=True):
            name = "".join(estate.names[composite.target])
            if column == composite.replaces or "".join(estate.read(part).stem) == name:
                leads.add((composite.table, (estate.column_names[column],)))
    return [f for f in found if (f.table, f.columns) not in leads]


def _refused(
    estate: Estate, found: Composite, rejected: Collection[tuple[int, tuple[str, ...], int | None]]
) -> bool:
    columns = tuple(estate.column_names[c] for c in found.columns)
    return any((found.table, columns, t) in rejected for t in (None, found.target))


def _any_table(estate: Estate, column: int, says: int, told: Collection[int]) -> Inferred:
    """A column of a polymorphic pair; ``told`` are keys that statements join it to: some of what it means."""
    name, kind = estate.column_names[column], estate.column_names[says]
    keys = [estate.keys[key] for key in sorted(told)]
    return Inferred(
        estate.table_of[column],
        (name,),
        None,
        (),
        "polymorphic",
        "audit" if audits(name) else None,
        0.0,
        "unresolved",
        tuple((key.table, (key.name,), TOLD_CONFIDENCE) for key in keys[:_LISTED]),
        f"`{name}` identifies a row of whichever table `{kind}` says",
    )
