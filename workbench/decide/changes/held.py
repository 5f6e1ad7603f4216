"""What an estate holds, at two moments: services, relations, references, sizes, findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import pandas as pd

from workbench.analyse.references.structure import RELKINDS
from workbench.decide.changes.facts import Change, Uncompared, Way
from workbench.decide.changes.names import FirstNames
from workbench.decide.evidence import Evidence
from workbench.model import Finding, Reference, ReferenceEnd, ReferenceKind
from workbench.snapshot import records

MOST_GROWN = 10
"""Tables that grew most: so many are told."""

_Place = tuple[str | None, str | None]
_LEARNT: Mapping[ReferenceKind, tuple[str, str]] = {
    "join": ("statements join them since", "no statement is seen to join them any more"),
    "inferred": ("names, types or values suggest it since", "nothing suggests it any more"),
    "declared": ("a person says so since", "nobody says so any more"),
}


@dataclass(frozen=True)
class Held:
    """What is there at one moment, by keys."""

    evidence: Evidence

    @cached_property
    def relations(self) -> dict[str, dict[str, Any]]:
        """Tables, views and foreign tables, but the platform's, by path; partitions count as their root."""
        structure = self.evidence.references.structure
        mine = structure.tables[structure.tables["standing"] != "platform"]
        return {
            structure.end(int(n)).path: row
            for n, row in zip(mine.index, records(mine), strict=True)
        }

    @cached_property
    def references(self) -> dict[str, list[Reference]]:
        """Accepted references by key."""
        found: dict[str, list[Reference]] = {}
        for reference in self.evidence.references.accepted:
            found.setdefault(reference.key, []).append(reference)
        return found

    @cached_property
    def unread(self) -> dict[_Place, str]:
        """The databases that are there and were not read, with why; an instance as a whole has None for its database."""
        newest = self.evidence.history.newest
        found: dict[_Place, str] = {
            (i, None): "the instance could not be reached" for i in newest.manifest.unreached
        }
        for missing in newest.manifest.missing:
            if missing.what in ("instance", "database") and missing.endpoint is None:
                found[missing.instance, missing.database] = missing.why
        read = {(p.instance, p.database) for p in newest.manifest.parts if p.frame == "relations"}
        databases = newest.frame("databases", "datname")
        for instance, name in databases[["instance", "datname"]].itertuples(index=False, name=None):
            if (instance, name) not in read:
                found.setdefault((instance, name), "it was there, and was not read")
        for place in read:
            found.pop(place, None)
        return found

    @cached_property
    def old(self) -> dict[_Place, datetime]:
        """The databases for which an earlier reading stands in, with its date."""
        parts = self.evidence.history.newest.manifest.parts
        return {
            (p.instance, p.database): p.as_of for p in parts if p.frame == "relations" and p.as_of
        }

    def why_unread(self, instance: str | None, database: str | None) -> str | None:
        """Why nothing can be said of a database at this end; None where it was read, or was not there."""
        return self.unread.get((instance, database)) or self.unread.get((instance, None))

    def has_columns(self, end: ReferenceEnd) -> bool:
        """Whether the relation, and all columns of an end, are there."""
        structure = self.evidence.references.structure
        number = structure.of(end)
        return number is not None and all((number, c) in self._columns for c in end.columns)

    @cached_property
    def _columns(self) -> set[tuple[int, str]]:
        columns = self.evidence.references.structure.columns[["table", "column"]]
        return set(columns.itertuples(index=False, name=None))


def unread_changes(before: Held, after: Held) -> Iterator[Uncompared]:
    """Yield the databases of which one end knows nothing, or nothing new."""
    for held, other, word in ((before, after, "then"), (after, before, "now")):
        there = {(row["instance"], row["database"]) for row in other.relations.values()}
        for instance, database in sorted(there):
            if why := held.why_unread(instance, database):
                yield Uncompared(
                    "relation", f"all of {instance}/{database}", f"not read {word}: {why}"
                )
    for (instance, database), moment in sorted(after.old.items(), key=lambda i: str(i[0])):
        why = f"not read now: its reading of {moment:%Y-%m-%d %H:%M} UTC stands in"
        yield Uncompared("relation", f"all of {instance}/{database}", why)


def service_changes(before: Held, after: Held, first: FirstNames) -> Iterator[Change]:
    """Yield services that began to keep data here, no longer do, or are called otherwise."""
    ends = []
    for held in (before, after):
        rows = (row for row in held.relations.values() if row["standing"] == "owned")
        ends.append({first(row["service"]): row for row in rows})
    then, now = ends
    for name in sorted(then.keys() | now.keys()):
        was, is_ = then.get(name), now.get(name)
        some, other = (is_, before) if is_ is not None else (was, after)
        assert some is not None
        service = some["service"]
        key = f"service:{name}"
        if was is not None and is_ is not None:
            if was["service"] != service:
                yield Change("service", "changed", key, service, service, was["service"], service)
        elif not other.why_unread(some["instance"], some["database"]):
            way: Way = "added" if was is None else "removed"
            yield Change("service", way, key, service, service)


def relation_changes(before: Held, after: Held) -> Iterator[Change]:
    """Yield tables and views that appeared or vanished."""
    for way, here, there in (("added", after, before), ("removed", before, after)):
        for path in sorted(here.relations.keys() - there.relations.keys()):
            row = here.relations[path]
            if there.why_unread(row["instance"], row["database"]):
                continue
            kind = RELKINDS[row["relkind"]]
            what = f"{kind} {row['schema']}.{row['table']}"
            done: Way = "added" if way == "added" else "removed"
            yield Change("relation", done, f"relation:{path}", what, row["service"])


def reference_changes(before: Held, after: Held) -> Iterator[Change | Uncompared]:
    """Yield references that appeared, vanished, or rest on something else now."""
    for key in sorted(before.references.keys() | after.references.keys()):
        then, now = before.references.get(key), after.references.get(key)
        if then is not None and now is not None:
            kinds = [
                ", ".join(sorted({r.kind.replace("_", " ") for r in end})) for end in (then, now)
            ]
            if kinds[0] != kinds[1]:
                yield _reference("changed", now[0], *kinds)
            continue
        found, other = (now, before) if now is not None else (then, after)
        assert found is not None
        reference = found[0]
        if why := _unread_end(reference, other):
            yield Uncompared("reference", _said(reference), why)
            continue
        learnt = ""
        if other.has_columns(reference.source) and _there(reference.target, other):
            learnt = _LEARNT.get(reference.kind, ("", ""))[now is None]
        because = f"both ends are there all along: {learnt}" if learnt else ""
        kind = reference.kind.replace("_", " ")
        if now is not None:
            yield _reference("added", reference, None, kind, because)
        else:
            yield _reference("removed", reference, kind, None, because)


def _there(end: ReferenceEnd | None, held: Held) -> bool:
    return end is None or end.table is None or held.has_columns(end)


def _unread_end(reference: Reference, held: Held) -> str | None:
    for end in (reference.source, reference.target):
        if end is not None and end.database is not None:
            why = held.why_unread(end.instance, end.database)
            if why:
                return f"{end.instance}/{end.database} was not read: {why}"
    return None


def _reference(
    way: Way, reference: Reference, before: str | None, after: str | None, because: str = ""
) -> Change:
    target = reference.target
    joins = (
        ((reference.source.service or "", target.service or ""),)
        if target is not None and reference.crosses
        else ()
    )
    return Change(
        "reference",
        way,
        reference.key,
        _said(reference),
        reference.source.service,
        before,
        after,
        because=because,
        joins=joins,
    )


def _said(reference: Reference) -> str:
    ends = [reference.source, reference.target]
    one, other = (
        f"{e.relation}({', '.join(e.columns)})" if e and e.columns else e.relation if e else "?"
        for e in ends
    )
    return f"{one} → {other}"


def size_changes(before: Held, after: Held, first: FirstNames) -> Iterator[Change | Uncompared]:
    """Yield bytes and rows of each service and of what nobody owns, and the tables that grew most."""
    then, now = (_sums(held.evidence, first) for held in (before, after))
    for name in sorted(then.keys() & now.keys()):
        was, is_ = then[name], now[name]
        for metric, unit in (("total_bytes", "bytes"), ("rows", "rows")):
            figures = was[metric], is_[metric]
            if any(f is None for f in figures):
                end, reason = ("then", was) if figures[0] is None else ("now", is_)
                why = (
                    f"{unit} not known {end}: {reason['because'] or 'the reason was not recorded'}"
                )
                yield Uncompared("size", f"{unit} of {is_['name']}", why)
            elif is_["measured_at"] is not None:
                why = f"its size is that of {is_['measured_at']:%Y-%m-%d}"
                yield Uncompared("size", f"{unit} of {is_['name']}", why)
            elif figures[0] != figures[1]:
                key = f"size:{name}"
                yield Change("size", "changed", key, is_["name"], is_["service"], *figures, unit)
    yield from _most_grown(before, after)


def _sums(evidence: Evidence, first: FirstNames) -> dict[str, dict[str, Any]]:
    frame = evidence.capacity.services
    frame = frame[frame["standing"] != "platform"]
    found: dict[str, dict[str, Any]] = {}
    for row in records(frame):
        owned = row["standing"] == "owned"
        name = first(row["service"]) if owned else f"({row['standing']})"
        mine = found.setdefault(
            name,
            {
                "name": row["service"] if owned else "nobody's tables",
                "service": row["service"] if owned else None,
                "total_bytes": 0,
                "rows": 0,
                "because": None,
                "measured_at": None,
            },
        )
        for metric in ("total_bytes", "rows"):
            known = mine[metric] is not None and pd.notna(row[metric])
            mine[metric] = mine[metric] + int(row[metric]) if known else None
        if pd.notna(row["because"]):
            mine["because"] = mine["because"] or row["because"]
        if pd.notna(row["measured_at"]):
            mine["measured_at"] = row["measured_at"]
    return found


def _most_grown(before: Held, after: Held) -> Iterator[Change]:
    names = ["instance", "database", "schema", "table"]
    frames = [
        held.evidence.capacity.relations[[*names, "service", "standing", "total_bytes"]]
        for held in (before, after)
    ]
    both = frames[1].merge(
        frames[0][[*names, "total_bytes"]], "inner", names, suffixes=("", "_was")
    )
    both = both[both["standing"] != "platform"].dropna(subset=["total_bytes", "total_bytes_was"])
    both = both.assign(more=both["total_bytes"] - both["total_bytes_was"])
    both = both[both["more"] > 0].sort_values(["more", *names], ascending=[False] + [True] * 4)
    for row in records(both.head(MOST_GROWN)):
        end = ReferenceEnd(None, *(row[n] for n in names))
        service = row["service"] if isinstance(row["service"], str) and row["service"] else None
        yield Change(
            "table_size",
            "changed",
            f"size:{end.path}",
            end.relation,
            service,
            int(row["total_bytes_was"]),
            int(row["total_bytes"]),
            "bytes",
        )


def finding_changes(before: Iterable[Finding], after: Iterable[Finding]) -> Iterator[Change]:
    """Yield findings that are new or gone, by key, and those of which the level changed.

    >>> old = Finding("no-primary-key", "warning", "app.logs", "has no key", "add one")
    >>> [(c.way, c.key) for c in finding_changes([old], [])]
    [('removed', 'no-primary-key:app.logs')]
    """
    then, now = ({f.key: f for f in held} for held in (before, after))
    for key in sorted(then.keys() | now.keys()):
        was, is_ = then.get(key), now.get(key)
        some = is_ or was
        assert some is not None
        level, now_level = _level(was), _level(is_)
        if level != now_level:
            way: Way = "added" if was is None else "removed" if is_ is None else "changed"
            what = f"{some.subject}: {some.detail}"
            yield Change(
                "finding",
                way,
                key,
                what,
                before=level,
                after=now_level,
                because=some.remediation,
            )


def _level(finding: Finding | None) -> str | None:
    return None if finding is None else finding.level
