"""Why a reference is believed, in one line that a person can check."""

from __future__ import annotations

from workbench.analyse.references.inference.choice import Opinions
from workbench.analyse.references.inference.estate import Estate
from workbench.analyse.references.inference.lookup import Kind

_SAYS = {
    Kind.ALIAS: "name `{column}` means {table}, as is said of it elsewhere",
    Kind.FULL: "name `{column}` says table {table}",
    Kind.CONTEXT: "name `{column}` after that of its table says {table}",
    Kind.EXTENDS: "its table is called after {table} and has its key",
    Kind.SUFFIX: "name `{column}` says the last words of table {table}",
    Kind.KEY: "name `{column}` is that of the key of {table}",
    Kind.PREFIX: "name `{column}` says the first words of table {table}",
    Kind.PAIR: "numbered, in a table that is called after {table} and another",
    Kind.SELF: "name `{column}` says a relation between rows of {table}",
    Kind.ROLE: "name `{column}` says what a person did, and people are in {table}",
    Kind.ACRONYM: "name `{column}` says the first letters of {table}",
    Kind.SHORT: "name `{column}` shortens {table}",
    Kind.INITIALED: "name `{column}` shortens {table}",
    Kind.TOLD: "not by its name",
}


def why(estate: Estate, held: Opinions, position: int, best: int) -> str:
    """Return the evidence for one candidate (a row of the pairs) of a column."""
    column = int(held.columns.row[position])
    key = estate.keys[int(held.pairs.key[best])]
    name = estate.column_names[column]
    target = estate.table_names[key.table]
    said = _SAYS[Kind(int(held.pairs.kind[best]))].format(column=name, table=target)
    parts = [f"{said}, key `{key.name}`"]
    mine, other = estate.types[column].removesuffix("[]"), key.type
    each = "each element" if estate.arrays[column] else ""
    agree = f"types agree ({mine})" if mine == other else f"types fit ({mine}, {other})"
    parts.append(f"{each} {agree}".strip())
    if held.pairs.told[best]:
        parts.append("statements join the two, or a comment says so")
    if estate.indexed[column]:
        parts.append("indexed")
    parts.append(_elsewhere(held, position, best))
    parts.append(_others(estate, held, position, best))
    return "; ".join(part for part in parts if part)


def _elsewhere(held: Opinions, position: int, best: int) -> str:
    agree, count = held.agreeing[position]
    if not agree or held.belief[best] < 0.5:
        return ""
    if agree == count:
        return f"so does every other column of that name ({count})"
    return f"so do {agree} of {count} other columns of that name"


def _others(estate: Estate, held: Opinions, position: int, best: int) -> str:
    table = estate.keys[int(held.pairs.key[best])].table
    source = estate.table_of[int(held.columns.row[position])]
    others = [n for n in held.of_column(position)[:2] if n != best]
    if not others or held.belief[others[0]] < 0.02:
        own = estate.own[table] == estate.own[source]
        return "no other candidate " + ("in its service" if own else "comes near")
    nearest = estate.keys[int(held.pairs.key[others[0]])]
    return f"next {estate.table_names[nearest.table]} ({held.belief[others[0]]:.2f})"
