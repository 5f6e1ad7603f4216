"""Where the map of references that people keep differs from what is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from workbench.analyse.references.written import Written
from workbench.model import COLUMN_KINDS, Finding, Reference, ReferenceEnd

MISSING, CONTRADICTED = "reference-map-missing", "reference-map-contradicted"


def differences(
    written: Written,
    accepted: Iterable[Reference],
    suggested: Mapping[ReferenceEnd, Reference],
) -> tuple[Finding, ...]:
    """Return what the map lacks, what in it matches nothing, and what contradicts it; nothing where nobody keeps a map.

    ``suggested`` is what names suggest of each source. Keys are made of the ends alone, so that they
    outlive upgrades and renamed services.
    """
    if not written.mapped and not written.stale:
        return ()
    found = [*written.stale, *_contradicted(written, suggested), *_missing(written, accepted)]
    return tuple(sorted(found, key=lambda f: (f.rule, f.subject)))


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
    written: Written, suggested: Mapping[ReferenceEnd, Reference]
) -> Iterator[Finding]:
    for row in written.mapped:
        seen = suggested.get(row.source)
        if seen is None or seen.target is None or seen.status != "accepted":
            continue
        same = seen.target.service == row.target.service if row.loose else seen.target == row.target
        if same:
            continue
        yield Finding(
            CONTRADICTED,
            "warning",
            row.source.path,
            f"the map says that {_named(row.source)} refers to {_named(row.target)}; its name and type "
            f"say {_named(seen.target)} (confidence {seen.confidence:.2f})",
            "the map holds until somebody changes it: ask the owner of the column",
            "; ".join(seen.evidence),
        )


def _named(end: ReferenceEnd) -> str:
    """An end as people say it: its service, table and columns."""
    if end.table is None:
        return f"service {end.service}"
    return ".".join([end.service or end.database or "?", end.table, *end.columns[:1]]) + (
        f" (and {len(end.columns) - 1} more)" if len(end.columns) > 1 else ""
    )
