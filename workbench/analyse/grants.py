"""Privileges that let a service's login touch another service's data, and whether anything uses them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from workbench.analyse.catalogue import Catalogue, Relation
from workbench.analyse.crossings import Crossing
from workbench.analyse.privileges import Privileges
from workbench.analyse.statements import Attributed
from workbench.analyse.touching import MAINTAINING

_Found = dict[tuple[str, str, str, str, str], dict[Relation, set[str]]]
"""Per instance, database, service, owner and access: the relations, and the logins that may."""


_Who = tuple[str, str, str]
"""Instance, database and login."""


@dataclass(frozen=True)
class Doubts:
    """What may use a privilege though no crossing says so.

    ``unknown``: instances whose statements are not all known, and why. ``anything``: who ran what may touch
    anything. ``touched``: who touches which relations, perhaps, in which way (``read``: any): a write needs to
    read what it looks for, and a lock to write.
    """

    unknown: Mapping[str, str] = field(default_factory=dict)
    anything: frozenset[_Who] = frozenset()
    touched: Mapping[tuple[_Who, str], frozenset[Relation]] = field(default_factory=dict)

    def because(
        self, instance: str, database: str, access: str, relations: Mapping[Relation, set[str]]
    ) -> str | None:
        """Return why it is not known whether these ``relations``, each with its logins, are used; None: they are not."""
        if instance in self.unknown:
            return (
                f"no statement is known to use it, but not all are known: {self.unknown[instance]}"
            )
        logins = sorted({login for held in relations.values() for login in held})
        blind = [n for n in logins if (instance, database, n) in self.anything]
        if blind:
            return (
                f"no statement is known to use it, but what {_some(blind)} ran may touch anything"
            )
        for login in logins:
            mine = self.touched.get(((instance, database, login), access), frozenset())
            if near := sorted(r.qualified for r in mine if login in relations.get(r, ())):
                return (
                    "no statement is known to use it for itself, but some of "
                    f"{login} may need it: they touch {_some(near)}"
                )
        return None


def doubts(attributed: Attributed, unknown: Mapping[str, str]) -> Doubts:
    """Return what in a window's statements may use privileges unseen; ``unknown`` as in ``Doubts``."""
    logins = {a.login for a in attributed.catalogue.estate.actors if a.login}
    entries = attributed.entries
    ran = entries[(entries["calls"] > 0).fillna(False) & entries["rolname"].isin(logins)]
    anything: set[_Who] = set()
    touched: dict[tuple[_Who, str], set[Relation]] = {}
    for number, instance, datname, login in ran[["instance", "datname", "rolname"]].itertuples():
        fact, who = attributed.facts[number], (instance, str(datname), login)
        if fact.attribution.open_ended:
            anything.add(who)
        for touch in fact.attribution.touches:
            if touch.access == "lock" and fact.statement.kind in MAINTAINING:
                continue
            for access in ("read",) if touch.access == "read" else ("read", "write"):
                touched.setdefault((who, access), set()).update((touch.relation, *touch.views))
    found = {key: frozenset(relations) for key, relations in touched.items()}
    return Doubts(unknown, frozenset(anything), found)


def _some(names: Sequence[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def grant_crossings(
    catalogue: Catalogue, used: Iterable[Crossing], doubtful: Doubts | None = None
) -> tuple[Crossing, ...]:
    """Return what the estate's logins may do to other services' data: explicit grants, ownership, memberships.

    One crossing per service, owner, access, and whether a statement of ``used`` makes use of it: ``calls`` are
    then those statements', 0 where nothing of the window used it, and None where something may have: see
    ``doubts``. What goes through a view uses the view's grant. Only logins that the estate maps
    to a service are looked at, in the databases that they may connect to; superusers may do everything and are left out. Reads the frames grants,
    relations, roles, memberships, schemas.
    """
    found: _Found = {}
    logins = {a.login: a.service for a in catalogue.estate.actors if a.login}
    held = Privileges(catalogue)
    for instance, database in catalogue.places():
        for login, service in sorted(logins.items()):
            if not held.may_connect(instance, database, login):
                continue
            for access, relation in held.of(instance, database, login) or ():
                if relation.service not in (None, service):
                    key = (instance, database, service, str(relation.service), access)
                    found.setdefault(key, {}).setdefault(relation, set()).add(login)
    names = catalogue.estate.first_names
    return tuple(
        replace(c, first_names=names) for c in _crossings(found, used, doubtful or Doubts())
    )


def _crossings(found: _Found, used: Iterable[Crossing], doubtful: Doubts) -> Iterable[Crossing]:
    users: dict[tuple[str, str, str | None, str], list[Crossing]] = {}
    for crossing in used:
        place = (crossing.instance, crossing.database, crossing.actor, crossing.access)
        users.setdefault(place, []).append(crossing)
    for (instance, database, service, owner, access), relations in sorted(found.items()):
        here = users.get((instance, database, service, access), [])
        calls = {name for crossing in here for name in (*crossing.relations, *crossing.through)}
        for in_use in (True, False):
            named = [r for r in relations if (r.qualified in calls) is in_use]
            if not named:
                continue
            blank = Crossing(
                "grant",
                "catalog",
                instance,
                database,
                service,
                tuple(sorted((service, owner))),
                (owner,),
                "write" if access == "write" else "read",
                tuple(sorted(r.qualified for r in named)),
                logins=tuple(sorted({login for r in named for login in relations[r]})),
            )
            if in_use:
                names = {r.qualified for r in named}
                by_these = [c for c in here if names & {*c.relations, *c.through}]
                yield replace(blank, calls=sum(c.calls or 0 for c in by_these))
            elif doubt := doubtful.because(
                instance, database, access, {r: relations[r] for r in named}
            ):
                yield replace(blank, because=doubt)
            else:
                yield replace(blank, calls=0, because="no statement of the window used it")
