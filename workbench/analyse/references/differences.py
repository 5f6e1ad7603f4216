"""Where the map of references that people keep differs from what is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from workbench.analyse.references.written import Mapped, Written
from workbench.model import COLUMN_KINDS, Finding, Reference, ReferenceEnd

MISSING, CONTRADICTED = "reference-map-missing", "reference-map-contradicted"


def differences(
    written: Written,
    accepted: Iterable[Reference],
    suggested: Mapping[ReferenceEnd, Reference],
) -> tuple[Finding, ...]:
    """Return what the map lacks, what in it matches nothing, and what contradicts it; nothing where nobody keeps a map.

    ``suggested`` is what names suggest of each source; a foreign key of it weighs more. Keys are made of the ends alone, so that they
    outlive upgrades and renamed services.
    """
    if not written.mapped and not written.stale:
        return ()
    accepted = tuple(accepted)
    keys: dict[ReferenceEnd, list[Reference]] = {}
    for reference in accepted:
        if reference.kind == "foreign_key":
            keys.setdefault(reference.source, []).append(reference)
    contradicted = _contradicted(written, suggested, keys)
    found = [*written.stale, *contradicted, *_missing(written, accepted)]
    return tuple(sorted(dict.fromkeys(found), key=lambda f: (f.rule, f.subject)))


def _missing(written: Written, accepted: Iterable[Reference]) -> Iterator[Finding]:
    mapped = {(m.source.path, m.target.service) for m in written.mapped}
    for reference in accepted:
        target = reference.target
        if not reference.crosses or target is None or reference.kind not in COLUMN_KINDS:
            continue
        if reference.kind == "declared" or (reference.source.path, target.service) in mapped:
            continue
        yield Finding(
            MISSING,
            "info",
            f"{reference.source.path}->{target.path}",
            f"{_named(reference.source)} refers to {_named(target)}, and the map does not say so",
            "add it to [[references]], or reject it there",
            "; ".join(reference.evidence),
        )


def _contradicted(
    written: Written,
    suggested: Mapping[ReferenceEnd, Reference],
    keys: Mapping[ReferenceEnd, list[Reference]],
) -> Iterator[Finding]:
    for row in written.mapped:
        guess = suggested.get(row.source)
        seen = keys.get(row.source) or ([guess] if guess and guess.status == "accepted" else [])
        if not seen or any(_agree(row, other.target) for other in seen):
            continue
        target, evidence = seen[0].target, "; ".join(seen[0].evidence)
        if target is None:
            continue
        if seen[0].kind == "foreign_key":
            said = f"a foreign key says {_named(target)}"
            remedy = "the server enforces the key: correct the map, or drop the key"
        else:
            said = f"its name and type say {_named(target)} (confidence {seen[0].confidence:.2f})"
            remedy = "the map holds until somebody changes it: ask the owner of the column"
        detail = f"the map says that {_named(row.source)} refers to {_named(row.target)}; {said}"
        yield Finding(CONTRADICTED, "warning", row.source.path, detail, remedy, evidence)


def _agree(row: Mapped, target: ReferenceEnd | None) -> bool:
    if target is None:
        return True
    return target.service == row.target.service if row.loose else target == row.target


def _named(end: ReferenceEnd) -> str:
    """An end as people say it: its service, table and columns."""
    if end.table is None:
        return f"service {end.service}"
    return ".".join([end.service or end.database or "?", end.table, *end.columns[:1]]) + (
        f" (and {len(end.columns) - 1} more)" if len(end.columns) > 1 else ""
    )
