"""How an estate writes its names: what stands before a table's columns, what ends a key, what is run together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from workbench.analyse.references.inference.words import CODES, IDENTIFIERS, stems, words

_ENDINGS = ("uuid", "guid", "code", "number", "key", "id", "sk", "no")
_RUN_TOGETHER = 3  # keys like `departmentid` that make a database's habit of it
_ROOTS = 3  # letters that are left before an ending


class Reading(NamedTuple):
    """A column's name: ``stem`` says what, ``tail`` in which form (id, code, by, or nothing), ``which``
    of several (entity0, concept_id_2), ``all`` is both."""

    stem: tuple[str, ...]
    tail: str
    which: int | None
    all: tuple[str, ...]


@dataclass(frozen=True)
class Habits:
    """The habits of one database in writing names."""

    nouns: frozenset[str]
    """what is named by one word: the last words of tables, and the roots of keys"""
    run_together: bool
    """keys are written as `departmentid`"""

    def read(self, name: str, prefix: str | None = None) -> Reading:
        """Return a column's name in parts; ``prefix`` stands before every column of its table.

        >>> Habits(frozenset({"person"}), False).read("ss_billtoperson_id", "ss").stem
        ('billtoperson',)
        >>> Habits(frozenset({"person"}), False).read("editorpersonid").all
        ('editor', 'person', 'id')
        """
        found = list(stems(name))
        if prefix is not None and len(found) > 1 and found[0] == prefix:
            found = found[1:]
        which = None
        if len(found) > 1 and found[-1].isdigit() and len(found[-1]) < 3:
            which = int(found.pop())
        if found:
            found[-1:] = self._parted(found[-1])
        tail = ""
        if found and (found[-1] in IDENTIFIERS or found[-1] in CODES or found[-1] in ("by", "to")):
            tail = found[-1]
        stem = tuple(found[:-1]) if tail else tuple(found)
        return Reading(stem, tail, which, tuple(found))

    def _parted(self, word: str) -> list[str]:
        if word in self.nouns:
            return [word]
        for ending in _ENDINGS:
            root = word.removesuffix(ending)
            if root == word or len(root) < _ROOTS:
                continue
            for start in range(len(root) - _ROOTS):
                if root[start:] in self.nouns:
                    return [*([root[:start]] if start else []), root[start:], ending]
            if root in self.nouns or (self.run_together and ending in ("uuid", "guid", "id")):
                return [root, ending]
        return [word]


def habits(tables: Iterable[str], keys: Iterable[str]) -> Habits:
    """Learn from the names of a database's ``tables`` and of its single-column primary ``keys``.

    >>> habits(["department", "shift"], ["departmentid", "shiftid", "vendorid"]).run_together
    True
    """
    nouns = set()
    for table in tables:
        found = stems(table)
        if found:
            nouns.add(found[-1])
    roots = []
    for key in keys:
        found = words(key)
        if found and found[-1] not in IDENTIFIERS and found[-1].endswith("id"):
            root = found[-1].removesuffix("id")
            if len(root) >= _ROOTS:
                roots.append(root)
    return Habits(
        frozenset(noun for noun in {*nouns, *roots} if len(noun) > _ROOTS),
        len(roots) >= _RUN_TOGETHER,
    )


def table_prefix(names: Sequence[tuple[str, ...]]) -> str | None:
    """Return the word that stands before most tables of a database, and is no table itself.

    >>> table_prefix([("wp", "post"), ("wp", "user"), ("wp", "term"), ("wp", "link")])
    'wp'
    """
    firsts = Counter(name[0] for name in names if len(name) > 1)
    if not firsts:
        return None
    word, times = min(firsts.items(), key=lambda item: (-item[1], item[0]))
    common = times >= 4 and times >= 0.6 * len(names)
    return word if common and (word,) not in set(names) else None


def column_prefixes(table_of: Sequence[int], names: Sequence[str]) -> dict[int, str]:
    """Return, by table, the word that stands before (nearly) all of its columns.

    >>> column_prefixes([0, 0, 0, 1, 1, 1], ["ss_a", "ss_b", "ss_c", "id", "name", "kind"])
    {0: 'ss'}
    """
    firsts: dict[int, Counter[str]] = defaultdict(Counter)
    sizes: Counter[int] = Counter()
    for table, name in zip(table_of, names, strict=True):
        sizes[table] += 1
        found = stems(name)
        if len(found) > 1:
            firsts[table][found[0]] += 1
    prefixes = {}
    for table, counted in firsts.items():
        word, times = counted.most_common(1)[0]
        if times >= 3 and times >= 0.9 * sizes[table]:
            prefixes[table] = word
    return prefixes
