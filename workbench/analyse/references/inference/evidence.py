"""What speaks for and against each candidate, as a matrix of numbers that are added up with weights.

The first features need the structure alone. The others, the habits, need a first opinion of every
candidate: they say what the estate does elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.analyse.references.inference.candidates import Pairs
from workbench.analyse.references.inference.estate import Bools, Estate, Ints
from workbench.analyse.references.inference.lookup import Kind
from workbench.analyse.references.inference.words import (
    CODES,
    FLEETING,
    IDENTIFIERS,
    PEOPLE,
    SELVES,
    words,
)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Columns:
    """The columns that have candidates: what of them the features ask for. Arrays by position in ``row``."""

    row: Ints  # row in the structure's columns
    of_pair: Ints  # position of each pair's column
    starts: Ints  # the first pair of each column
    tail: npt.NDArray[np.object_]
    identifier: Bools
    code: Bools
    bare: Bools
    by: Bools
    stemless: Bools
    own_name: Bools  # it is called after its own table: an identifier of the row itself
    fleeting: Bools
    plural: Bools  # it says many: how many, where it is no array
    related: Bools  # it names a relation between rows of one table
    same_name: Ints  # number of the name within the database
    same_end: Ints  # number of its last word and tail within the database
    same_tail: Ints
    place: Ints  # number of the database


def read_columns(estate: Estate, pairs: Pairs) -> Columns:
    """Return the columns of ``pairs``, which are in order of columns."""
    row, starts, of_pair = np.unique(pairs.column, return_index=True, return_inverse=True)
    size = len(row)
    flags = {
        name: np.zeros(size, dtype=bool)
        for name in (
            "identifier",
            "code",
            "bare",
            "by",
            "stemless",
            "own_name",
            "fleeting",
            "plural",
            "related",
        )
    }
    tails = np.empty(size, dtype=object)
    numbers: tuple[dict[object, int], ...] = ({}, {}, {})
    same = np.zeros((3, size), dtype=np.int64)
    place = np.zeros(size, dtype=np.int64)
    for n, column in enumerate(row.tolist()):
        reading = estate.read(column)
        table = estate.table_of[column]
        stem, tail = reading.stem, reading.tail
        name = estate.names[table]
        tails[n] = tail
        flags["identifier"][n] = tail in IDENTIFIERS
        flags["code"][n] = tail in CODES
        flags["bare"][n] = not tail
        flags["by"][n] = tail in ("by", "to")
        flags["stemless"][n] = not stem
        said = "".join(stem)
        flags["own_name"][n] = (
            bool(stem)
            and bool(tail)
            and (
                "".join(name).endswith(said)
                or said.endswith("".join(name))
                or said == "".join(name[: len(stem)])
            )
        )
        flags["fleeting"][n] = bool(stem) and stem[-1] in FLEETING
        flags["plural"][n] = not tail and words(estate.column_names[column])[-1:] != stem[-1:]
        flags["related"][n] = any(word in SELVES for word in stem)
        where = estate.near[table]
        family = estate.families[column]
        marks = (reading.all, reading.all[-2:], tail or "-")
        for k, mark in enumerate(marks):
            same[k, n] = numbers[k].setdefault((where, mark, family), len(numbers[k]))
        place[n] = where
    return Columns(
        row=row,
        of_pair=of_pair,
        starts=starts,
        tail=tails,
        same_name=same[0],
        same_end=same[1],
        same_tail=same[2],
        place=place,
        **flags,
    )


def features(estate: Estate, pairs: Pairs, columns: Columns) -> dict[str, Floats]:
    """Return what the structure alone says of each pair, by name of the feature; mostly 0 or 1."""
    c, k = columns.of_pair, pairs.key
    keys = estate.keys

    def of_key(ask: Callable[[int], object], dtype: type = bool) -> npt.NDArray[Any]:
        return np.array([ask(n) for n in range(len(keys))], dtype=dtype)[k]

    row = columns.row[c]
    key_table = of_key(lambda n: keys[n].table, np.int64)
    table = np.array(estate.table_of, dtype=np.int64)[row]
    own = np.array(estate.own)
    same_table = key_table == table
    primary, alone, of_own = (
        of_key(lambda n: keys[n].primary),
        of_key(lambda n: keys[n].alone),
        of_key(lambda n: keys[n].own),
    )
    key_tail = of_key(lambda n: keys[n].reading.tail, object)
    families = np.array(estate.families, dtype=object)[row]
    kinds = {kind: pairs.kind == kind for kind in Kind}
    bare, identifier, code = columns.bare[c], columns.identifier[c], columns.code[c]
    longest = pairs.matched == np.maximum.reduceat(pairs.matched, columns.starts)[c]
    named = pairs.named == 1
    strong = kinds[Kind.FULL] | kinds[Kind.CONTEXT] | kinds[Kind.KEY]
    element = np.array([t.removesuffix("[]") for t in estate.types], dtype=object)
    key_column = of_key(lambda n: keys[n].column, np.int64)
    exact = element[row] == element[key_column]
    sole, member = estate.sole[row], estate.member[row]
    people = of_key(
        lambda n: (
            PEOPLE.get(estate.names[keys[n].table][-1], 0.0) if estate.names[keys[n].table] else 0.0
        ),
        np.float64,
    ).astype(np.float64)
    one_word = of_key(lambda n: len(estate.names[keys[n].table]) == 1)
    told = kinds[Kind.FULL] | kinds[Kind.CONTEXT] | (kinds[Kind.SUFFIX] & (pairs.left == 0))
    told &= ~same_table
    rivals = np.logical_or.reduceat(
        told | kinds[Kind.PREFIX] | (kinds[Kind.KEY] & of_own), columns.starts
    )
    position = np.full(len(estate.table_of), -1, dtype=np.int64)
    position[columns.row] = np.arange(len(columns.row))
    at = position[np.array([key.column for key in keys], dtype=np.int64)]
    full = np.logical_or.reduceat(told, columns.starts)
    key_refers = np.where(at >= 0, full[np.maximum(at, 0)], False)
    joined = ["".join(name) for name in estate.names]
    extends = np.array(
        [
            joined[a].startswith(joined[b])
            for a, b in zip(table.tolist(), key_table.tolist(), strict=True)
        ]
    )
    own_source = np.zeros(len(estate.table_of), dtype=bool)
    own_source[[key.column for key in keys if key.own and key.reading.stem]] = True
    places = np.array([estate.near[key.table] for key in keys])
    spelt: dict[object, int] = {}
    said = np.array(
        [
            spelt.setdefault((w, x.reading.all), len(spelt))
            for w, x in zip(places, keys, strict=True)
        ]
    )
    holders = np.bincount(said)[said][k]
    sole_holder = kinds[Kind.KEY] & (pairs.left == 0) & (holders == 1) & ~key_refers[k]
    spread = np.bincount(columns.same_name)[columns.same_name][c].astype(np.float64)
    alone_in = np.bincount(c)[c] == 1
    found: dict[str, npt.NDArray[Any]] = {f"kind_{kind.name.lower()}": kinds[kind] for kind in Kind}
    found |= {
        "key_named": named & ~kinds[Kind.KEY],
        "exact_type": exact,
        "left": np.minimum(pairs.left, 2) * strong,
        "left_weak": np.minimum(pairs.left, 2) * (~strong & ~kinds[Kind.ROLE]),
        "extra": np.minimum(pairs.extra, 3) * (~kinds[Kind.CONTEXT] & ~kinds[Kind.FULL] & ~named),
        "context": (pairs.context == 1) & ~kinds[Kind.FULL],
        "many_words": pairs.matched > 1,
        "longest": longest,
        "key_primary": primary,
        "key_leads": ~alone,
        "key_own": of_own,
        "key_stray": ~of_own & ~primary & ~sole_holder,
        "tail_agrees": columns.tail[c] == key_tail,
        "tail_id": identifier,
        "tail_code": code,
        "bare_full": bare & (kinds[Kind.FULL] | kinds[Kind.CONTEXT]) & (pairs.left == 0),
        "bare_left": bare & (kinds[Kind.FULL] | kinds[Kind.CONTEXT]) & (pairs.left > 0),
        "bare_other": bare & ~kinds[Kind.FULL] & ~kinds[Kind.CONTEXT],
        "bare_text": bare & (families == "text"),
        "code_text": code & (families == "text"),
        "indexed": estate.indexed[row],
        "unique": estate.unique[row] & ~sole,
        "sole": sole,
        "sole_stemless": sole & columns.stemless[c],
        "member": member,
        "generated": estate.generated[row],
        "array": estate.arrays[row],
        "own_name": columns.own_name[c] & ~kinds[Kind.SELF],
        "own_name_full": columns.own_name[c] & kinds[Kind.FULL] & ~same_table,
        "foreign": pairs.foreign == 1,
        "fleeting": columns.fleeting[c] & ~kinds[Kind.FULL] & ~kinds[Kind.CONTEXT],
        "same_table": same_table & ~kinds[Kind.SELF] & ~columns.related[c],
        "self_full": same_table & ~kinds[Kind.SELF] & columns.related[c],
        "key_refers": kinds[Kind.KEY] & key_refers[k] & ~of_own & ~extends,
        "key_own_named": (named | kinds[Kind.KEY]) & of_own,
        "sole_holder": sole_holder,
        "sole_holder_many": sole_holder * np.log2(np.minimum(spread, 16.0)),
        "sibling": _siblings(pairs, columns, at[k], told | (kinds[Kind.KEY] & of_own)) & ~extends,
        "sole_own": sole & own_source[row],
        "plural": columns.plural[c] & ~estate.arrays[row],
        "extends_other": extends & ~kinds[Kind.KEY] & ~kinds[Kind.FULL] & ~same_table,
        "self_plain": kinds[Kind.SELF] & (pairs.matched == 0) & (pairs.left == 0),
        "role_rival": kinds[Kind.ROLE] & rivals[c],
        "extends": kinds[Kind.KEY] & extends,
        "alone": alone_in,
        "same_service": own[key_table] == own[table],
        "self_named": kinds[Kind.SELF] & (pairs.matched > 0),
        "self_left": kinds[Kind.SELF] & (pairs.left > 0),
        "role_people": kinds[Kind.ROLE] * people,
        "role_one_word": kinds[Kind.ROLE] & one_word,
        "told": pairs.told == 1,
        "role_by": kinds[Kind.ROLE] & columns.by[c],
    }
    return {name: values.astype(np.float64) for name, values in found.items()}


def _siblings(pairs: Pairs, columns: Columns, at: Ints, said: Bools) -> Bools:
    """Return the pairs whose key is of a column that seems to refer to the same as this column does.

    ``at`` is the position of the key's column, -1 where it has no candidates; ``said`` are the pairs that
    name a table.
    """
    bounds = [*columns.starts.tolist(), len(pairs.key)]
    keys, surely = pairs.key.tolist(), said.tolist()
    meant: dict[int, set[int]] = {}

    def means(position: int) -> set[int]:
        if position not in meant:
            inside = range(bounds[position], bounds[position + 1])
            meant[position] = {keys[n] for n in inside if surely[n]}
        return meant[position]

    found = np.zeros(len(keys), dtype=bool)
    for n in np.flatnonzero((pairs.kind == Kind.KEY) & (at >= 0)).tolist():
        mine = means(int(columns.of_pair[n])) - {keys[n]}
        found[n] = bool(mine) and not mine.isdisjoint(means(int(at[n])))
    return found


def opinion(scores: Floats, columns: Columns) -> Floats:
    """Return each pair's share of belief: a column means one of its candidates, or nothing (score 0)."""
    top = np.maximum(np.maximum.reduceat(scores, columns.starts), 0.0)
    raised = np.exp(scores - top[columns.of_pair])
    whole = np.add.reduceat(raised, columns.starts) + np.exp(-top)
    return np.asarray(raised / whole[columns.of_pair], dtype=np.float64)


def habits_of(
    estate: Estate,
    pairs: Pairs,
    columns: Columns,
    belief: Floats,
) -> dict[str, Floats]:
    """Return what the rest of the estate says of each pair, given a first ``belief`` in every pair."""
    c, k = columns.of_pair, pairs.key
    keys = estate.keys
    refers = np.add.reduceat(belief, columns.starts)  # by column: that it refers at all
    found: dict[str, Floats] = {}
    for name, mark in (("name", columns.same_name), ("end", columns.same_end)):
        times = np.bincount(mark).astype(np.float64)
        others = times[mark][c] - 1
        both = mark[c].astype(np.int64) * (len(keys) + 1) + k
        codes, inverse = np.unique(both, return_inverse=True)
        same = np.bincount(inverse, weights=belief, minlength=len(codes))[inverse] - belief
        any_ = np.bincount(mark, weights=refers)[mark][c] - refers[c]
        found[f"{name}_agrees"] = same / (others + 1)
        found[f"{name}_other"] = np.maximum(any_ - same, 0.0) / (others + 1)
        found[f"{name}_nothing"] = np.maximum(others - any_, 0.0) / (others + 1)
    tail_times = np.bincount(columns.same_tail).astype(np.float64)
    tail_any = np.bincount(columns.same_tail, weights=refers)
    others = tail_times[columns.same_tail][c]
    style = (tail_any[columns.same_tail][c] - refers[c] + 0.5) / others
    found["style"] = np.log(np.clip(style, 0.02, 0.98) / (1 - np.clip(style, 0.02, 0.98)))
    hub = np.bincount(k, weights=belief, minlength=len(keys))
    found["hub"] = np.log1p(np.maximum(hub[k] - belief, 0.0))
    role = pairs.kind == Kind.ROLE
    found["hub_role"] = found["hub"] * role
    roles = np.bincount(k, weights=belief * role, minlength=len(keys))
    played = np.bincount(columns.place[c], weights=belief * role)
    found["role_agrees"] = role * (roles[k] - belief * role) / (played[columns.place[c]] + 1)
    position = np.full(len(estate.table_of), -1, dtype=np.int64)
    position[columns.row] = np.arange(len(columns.row))
    key_position = position[np.array([key.column for key in keys], dtype=np.int64)]
    chained = np.where(key_position >= 0, refers[np.maximum(key_position, 0)], 0.0)
    found["chained"] = chained[k] * (pairs.kind == Kind.KEY)
    place = columns.place
    total = np.bincount(place, weights=refers) + 2.0
    with_index = np.bincount(place, weights=refers * estate.indexed[columns.row]) + 1.0
    habit = (with_index / total)[place][c]
    indexed = estate.indexed[columns.row][c]
    found["index_habit"] = np.where(indexed, habit, 0.0)
    found["index_missed"] = np.where(indexed | estate.arrays[columns.row][c], 0.0, habit)
    found["exact_habit"] = _exact_habit(estate, pairs, columns, belief, refers)
    return found


def _exact_habit(
    estate: Estate, pairs: Pairs, columns: Columns, belief: Floats, refers: Floats
) -> Floats:
    types = np.array([t.removesuffix("[]") for t in estate.types], dtype=object)
    key_type = types[np.array([key.column for key in estate.keys], dtype=np.int64)[pairs.key]]
    exact = types[pairs.column] == key_type
    place = columns.place[columns.of_pair]
    whole = np.bincount(columns.place, weights=refers)
    share = (np.bincount(place, weights=belief * exact) + 0.5) / (whole + 2.0)
    return np.where(exact, 0.0, share[place])
