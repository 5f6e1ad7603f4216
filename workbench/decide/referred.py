"""References that leave their service as things that may be new.

Their keys are of columns and objects, so that an upgrade, a restore and a renamed service make nothing new, and
neither does a foreign key or a person's word where names suggested the same before. Looked through is besides what
was known to refer to something, and only now is known to what.
"""

from __future__ import annotations

from collections.abc import Mapping

from workbench.analyse.references import References
from workbench.decide.evidence import Evidence
from workbench.decide.remembered import Family, readings
from workbench.decide.seen import Keyed, Seen
from workbench.model import COLUMN_KINDS, Reference, ReferenceEnd, join_name
from workbench.sql import READER

_CATALOGUE, _STATEMENTS = "relations", "statements"
_WORDS = {"declared": "as a person wrote", "join": "by a join", "inferred": "by its name"}


def keyed(reference: Reference, first_names: Mapping[str, str] | None = None) -> Keyed:
    """Return a reference as a thing that may be new; ``first_names`` are of services that were renamed.

    >>> one, two = (ReferenceEnd(s, "main", "app", s, t, (c,)) for s, t, c in [("shop", "orders", "user_id"), ("auth", "users", "id")])
    >>> found = keyed(Reference(one, two, "inferred", confidence=0.9))
    >>> found.what
    'shop.orders(user_id) of shop refers to auth.users(id) of auth, by its name'
    >>> found.asks
    (('reference:main/app/shop.orders(user_id)->main/app/auth.users(id)', 'reference:main/app/shop.orders(user_id)->?'),)
    """
    source, target = reference.source, reference.target
    names = first_names or {}
    what = reference.key.partition(":")[0]
    key = f"{what}:{_path(source, names)}->{_path(target, names) if target else '?'}"
    scopes = {
        join_name([_CATALOGUE, end.instance, end.database])
        for end in (source, target)
        if end is not None and end.instance is not None and end.database is not None
    }
    if reference.kind == "join" and source.instance is not None:
        scopes.add(join_name([_STATEMENTS, source.instance]))
    known = (key, f"{what}:{_path(source, names)}->?") if reference.kind in COLUMN_KINDS else (key,)
    return Keyed(
        key,
        what,
        _said(reference),
        source.service,
        asks=(known,),
        scopes=tuple(sorted(scopes)),
    )


def _path(end: ReferenceEnd, first_names: Mapping[str, str]) -> str:
    """Where an end is; of one elsewhere no more is known than its service, by its first name."""
    if end.database is None and end.schema is None and end.service is not None:
        return first_names.get(end.service, end.service)
    return end.path


def _said(reference: Reference) -> str:
    how = _WORDS.get(reference.kind, f"as a {reference.kind.replace('_', ' ')}")
    target = _named(reference.target) if reference.target else "one of several"
    return f"{_named(reference.source)} refers to {target}, {how}"


def _named(end: ReferenceEnd) -> str:
    columns = f"({', '.join(end.columns)})" if end.columns else ""
    on = f" ({end.object})" if end.table and end.object else ""
    place = f"{end.relation}{columns}{on}"
    return place if end.service in (None, end.relation) else f"{place} of {end.service}"


def references_now(found: References, first_names: Mapping[str, str]) -> tuple[Keyed, ...]:
    """Return what refers to another service's data for certain."""
    things = (keyed(r, first_names) for r in found.crossing)
    return tuple({t.key: t for t in things}.values())


def seen_in(evidence: Evidence) -> Seen:
    """Return what refers to another service's data, and what does though nobody can say to which."""
    names = evidence.estate.first_names
    found = evidence.references
    things = [*found.crossing, *(r for r in found.unresolved if r.crosses)]
    scopes = set()
    for snapshot in readings(evidence.history):
        for part in snapshot.manifest.parts:
            if part.frame == _CATALOGUE and part.database is not None:
                scopes.add(join_name([_CATALOGUE, part.instance, part.database]))
            elif part.frame == _STATEMENTS and part.endpoint is None:
                scopes.add(join_name([_STATEMENTS, part.instance]))
    return Seen.of((keyed(r, names) for r in things), scopes)


REFERENCES = Family(
    "references",
    (
        *("reference", "view", "function", "trigger", "type", "sequence", "inheritance"),
        *("foreign_table", "publication"),
    ),
    f"2-{READER}",
    seen_in,
)
"""What refers across, as readings remember it. Raise the version where names or keys change."""
