"""Who touches whose data: statements, transactions and grants that leave their service.

A statement crosses where its caller is known and it touches another service's data, or where it touches
several services' at once, whoever ran it. What only a shared login did to one service's data is not
called a crossing: its caller is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

import pandas as pd

from workbench.analyse.attribution import MAINTAINING, Touch
from workbench.analyse.catalogue import Relation
from workbench.analyse.statements import Attributed, Entry
from workbench.snapshot.differences import STATEMENT_KEY

Kind = Literal["statement", "transaction", "grant"]
Source = Literal["statements", "wal", "locks", "catalog"]


@dataclass(frozen=True)
class Crossing:
    """One way in which a service's data is touched from outside.

    ``actor`` is None where the caller is unknown, and ``because`` says why. ``owners`` are the services
    whose data is touched, ``services`` all that meet. ``calls`` (or, of transactions, ``transactions``) count in
    the window; None where nothing was counted; with ``at_most`` others may be among them.
    ``relations`` are ``schema.relation``; of one in another database, that one's instance and name stand in front.
    ``via`` are the triggers, rules and foreign keys that the statement's own writes set off, and ``inheritance``: it reaches
    the data through them alone. ``through`` are the views it goes through, ``bypasses`` the actor's own views over the same data that it does not use.
    """

    kind: Kind
    source: Source
    instance: str
    database: str
    actor: str | None
    services: tuple[str, ...]
    owners: tuple[str, ...]
    access: Literal["read", "write"]
    relations: tuple[str, ...]
    calls: int | None = None
    transactions: int | None = None
    time_ms: float | None = None
    at_most: bool = False
    through: tuple[str, ...] = ()
    via: tuple[str, ...] = ()
    bypasses: tuple[str, ...] = ()
    logins: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    fingerprint: str | None = None
    because: str | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    first_names: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """what renamed services were called first; see ``Estate.first_names``"""

    @property
    def key(self) -> str:
        """The name by which it is exempted and compared: no oid, no queryid, and services by their first names.

        Kind, access, actor, place, relations, and the fingerprint; of a transaction its source and who meets too.

        >>> Crossing("statement", "statements", "main", "app", "shop", (), ("auth",), "read", ("auth.users",),
        ...          fingerprint="0a", first_names={"shop": "cart"}).key
        'statement:read:cart:main/app:auth.users:0a'
        """
        met = self.kind == "transaction"
        parts = [
            (self.kind,),
            *([(self.source,)] if met else []),
            (self.access,),
            (self._first(self.actor) if self.actor is not None else "",),
            *([sorted(map(self._first, self.services))] if met else []),
        ]
        place = f"{_quoted(self.instance)}/{_quoted(self.database)}"
        found = ["+".join(map(_quoted, names)) for names in parts]
        found += [place, "+".join(map(_quoted, self.relations)), *filter(None, [self.fingerprint])]
        return ":".join(found)

    def _first(self, service: str) -> str:
        return self.first_names.get(service, service)

    def to_json(self) -> dict[str, object]:
        """Return it as documents hold it."""
        moments = {
            name: None if at is None else at.isoformat()
            for name, at in (("first_seen", self.first_seen), ("last_seen", self.last_seen))
        }
        return {
            "kind": self.kind,
            "source": self.source,
            "instance": self.instance,
            "database": self.database,
            "actor": self.actor,
            "services": list(self.services),
            "owners": list(self.owners),
            "access": self.access,
            ("transactions" if self.kind == "transaction" else "calls"): (
                self.transactions if self.kind == "transaction" else self.calls
            ),
            "time_ms": None if self.time_ms is None else round(self.time_ms, 3),
            "at_most": self.at_most,
            "relations": list(self.relations),
            "through": list(self.through),
            "via": list(self.via),
            "bypasses": list(self.bypasses),
            "logins": list(self.logins),
            "examples": list(self.examples),
            "because": self.because,
            **moments,
            "key": self.key,
        }


_DIVIDES = re.compile(r'[:+/"]')


def _quoted(name: str) -> str:
    """A part of a key: in double quotes where it holds what divides keys."""
    return '"' + name.replace('"', '""') + '"' if _DIVIDES.search(name) else name


@dataclass
class _Group:
    """Entries of one fingerprint and caller that cross alike."""

    calls: int = 0
    time_ms: float = 0.0
    at_most: bool = False
    through: set[str] = field(default_factory=set)
    via: set[str] = field(default_factory=set)
    logins: set[str] = field(default_factory=set)
    examples: set[str] = field(default_factory=set)
    because: set[str] = field(default_factory=set)
    rows: list[int] = field(default_factory=list)
    services: set[str] = field(default_factory=set)


_Key = tuple[str, str, str | None, tuple[str, ...], str, tuple[str, ...], str | None]


def statement_crossings(attributed: Attributed) -> tuple[Crossing, ...]:
    """Return the statements of a window that leave their service, by calls.

    One per fingerprint, caller, access and relations. A statement that writes one service's data and reads
    another's is two. Entries without a call in the window are left out.
    """
    groups: dict[_Key, _Group] = {}
    entries = attributed.entries
    columns = ["instance", "datname", "rolname", "query", "calls", "time_ms"]
    for number, row in enumerate(entries[columns].itertuples(index=False, name=None)):
        instance, datname, rolname, query, calls, time_ms = row
        if pd.isna(calls) or calls <= 0:
            continue
        fact = attributed.facts[number]
        for access, owners, touches in _crossed(fact):
            relations = tuple(
                sorted({t.relation.seen_from(instance, str(datname)) for t in touches})
            )
            key = (
                instance,
                str(datname),
                fact.caller.service,
                owners,
                access,
                relations,
                fact.statement.fingerprint,
            )
            group = groups.setdefault(key, _Group())
            group.calls += int(calls)
            group.time_ms += 0.0 if pd.isna(time_ms) else float(time_ms)
            group.at_most |= not all(t.certain for t in touches)
            group.through |= {v.qualified for t in touches for v in t.views}
            group.via |= {" > ".join(t.via) for t in touches if t.via}
            group.services |= _met(fact)
            group.rows.append(number)
            if isinstance(rolname, str):
                group.logins.add(rolname)
            if isinstance(query, str):
                group.examples.add(query)
            if fact.caller.service is None:
                group.because.add(fact.caller.because)
    seen = _when_seen(attributed, sorted({n for g in groups.values() for n in g.rows}))
    views = _views_over(attributed)
    names = attributed.catalogue.estate.first_names
    found = [
        replace(_crossing(key, group, seen, views), first_names=names)
        for key, group in groups.items()
    ]
    return tuple(sorted(found, key=lambda c: (-(c.calls or 0), c.key, c.instance, c.database)))


def _crossing(
    key: _Key,
    group: _Group,
    seen: dict[int, tuple[datetime, datetime]],
    views: dict[tuple[str, str, str], dict[str, set[str]]],
) -> Crossing:
    instance, database, actor, owners, access, relations, fingerprint = key
    moments = [seen[n] for n in group.rows if n in seen]
    bypassed: set[str] = set()
    if actor is not None and access == "read" and not (group.through or group.via):
        for relation in relations:
            bypassed |= views.get((instance, database, relation), {}).get(actor, set())
    return Crossing(
        "statement",
        "statements",
        instance,
        database,
        actor,
        tuple(sorted(group.services | ({actor} if actor else set()))),
        owners,
        "write" if access == "write" else "read",
        relations,
        calls=group.calls,
        time_ms=group.time_ms,
        at_most=group.at_most,
        through=tuple(sorted(group.through)),
        via=tuple(sorted(group.via)),
        bypasses=tuple(sorted(bypassed)),
        logins=tuple(sorted(group.logins)),
        examples=tuple(sorted(group.examples)[:3]),
        fingerprint=fingerprint,
        because="; ".join(sorted(group.because)) or None,
        first_seen=min((m[0] for m in moments), default=None),
        last_seen=max((m[1] for m in moments), default=None),
    )


def _met(fact: Entry) -> set[str]:
    """The services whose tables or views a statement names."""
    named = [t for t in fact.attribution.touches if t.named]
    tables = {t.relation.service for t in named}
    views = {v.service for t in named for v in t.views}
    return {s for s in tables | views if s is not None}


def _crossed(fact: Entry) -> Iterator[tuple[str, tuple[str, ...], list[Touch]]]:
    """How a statement leaves its service: access, whose data, and the touches of it."""
    named = [t for t in fact.attribution.touches if t.named and t.relation.service is not None]
    if fact.statement.kind in MAINTAINING:  # a migration, or maintenance: it takes no rows anywhere
        named = [t for t in named if t.access != "lock"]
    actor = fact.caller.service
    if actor is not None:
        abroad = [t for t in named if t.relation.service != actor]
    elif named and len(_met(fact)) > 1:
        abroad = _abroad_for_anybody(named)
    else:
        return
    taken: set[tuple[Relation, str]] = set()
    for set_off in (
        False,
        True,
    ):  # what the text itself does stays as it is, whatever a trigger adds
        for access in ("write", "read"):
            touches = [
                t
                for t in abroad
                if bool(t.via) is set_off
                and (t.access == "write") is (access == "write")
                and not {(t.relation, access), (t.relation, "write")} & taken
            ]
            if touches:
                yield access, tuple(sorted({str(t.relation.service) for t in touches})), touches
            taken |= {(t.relation, access) for t in touches}


def _abroad_for_anybody(named: list[Touch]) -> list[Touch]:
    """What crosses whoever the caller is, claiming the least.

    Where all that the text names is one service's, its views reach abroad. Else what it writes
    directly may be its own.
    """
    hosts = {(t.views[0] if t.views else t.relation).service for t in named if not t.via}
    if len(hosts) > 1:
        hosts = {
            t.relation.service for t in named if t.access == "write" and not (t.views or t.via)
        }
    if len(hosts) != 1:
        return named
    return [t for t in named if t.relation.service not in hosts]


def _views_over(attributed: Attributed) -> dict[tuple[str, str, str], dict[str, set[str]]]:
    """Per table (instance, database, ``schema.relation``), the views of other services over it, by service."""
    found: dict[tuple[str, str, str], dict[str, set[str]]] = {}
    for view, table in attributed.catalogue.views():
        if view.service is not None and view.service != table.service:
            place = (table.instance, table.database, table.qualified)
            found.setdefault(place, {}).setdefault(view.service, set()).add(view.qualified)
    return found


def _when_seen(attributed: Attributed, rows: list[int]) -> dict[int, tuple[datetime, datetime]]:
    """When entries were first there, and when their calls last rose, over the whole history."""
    if not rows:
        return {}
    key = ["instance", *STATEMENT_KEY]
    wanted = attributed.entries.loc[rows, key].assign(row=rows)
    history = attributed.window.history
    read = history.frame("statements", *STATEMENT_KEY, "calls")
    found = read[["at", *key, "calls"]].merge(wanted, "inner", key).sort_values(["row", "at"])
    before = found.groupby("row")["calls"].shift()
    rose = found[before.isna() | (found["calls"] != before)]
    first = found.groupby("row")["at"].first()
    last = rose.groupby("row")["at"].last()
    return {
        int(row): (first[row].to_pydatetime(), last[row].to_pydatetime()) for row in first.index
    }


def writers(attributed: Attributed) -> pd.DataFrame:
    """Return the tables that more than one service or login writes.

    One row per table: instance, database, relation (``schema.relation``), owner, services (known callers), logins,
    unknown (calls of unknown callers), calls. A table that only its owner writes, through one login, is not here.
    """
    touches = attributed.touches
    touches = touches[(touches["access"] == "write") & touches["named"]]
    touches = touches.drop_duplicates(["entry", "instance", "database", "schema", "relation"])
    columns = ["rolname", "caller", "calls"]
    found = touches.merge(attributed.entries[columns], left_on="entry", right_index=True)
    found = found[found["calls"].fillna(0) > 0]
    found["relation"] = found["schema"] + "." + found["relation"]
    rows: list[dict[str, Any]] = []
    for place, group in found.groupby(["instance", "database", "relation"], sort=True):
        services = _several(group["caller"])
        logins = _several(group["rolname"])
        owner = group["service"].iloc[0]
        strangers = set(services) - {owner}
        if len(services) > 1 or len(logins) > 1 or strangers:
            unknown = int(group.loc[group["caller"].isna(), "calls"].sum())
            row = dict(zip(("instance", "database", "relation"), place, strict=True))
            row |= {"owner": owner, "services": services, "logins": logins}
            rows.append(row | {"unknown": unknown, "calls": int(group["calls"].sum())})
    names = ["instance", "database", "relation", "owner", "services", "logins", "unknown", "calls"]
    return pd.DataFrame(rows, columns=names)


def _several(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(sorted({v for v in values if isinstance(v, str)}))


def matrix(crossings: Iterable[Crossing]) -> pd.DataFrame:
    """Sum crossings by actor, owner, access and source.

    One row per pair: actor (None: unknown), owner, access, source, crossings, count (calls or transactions, None
    for grants), time_ms. A crossing into several services counts for each.
    """
    rows = [
        {
            "actor": c.actor,
            "owner": owner,
            "access": c.access,
            "source": c.source,
            "crossings": 1,
            "count": c.transactions if c.kind == "transaction" else c.calls,
            "time_ms": c.time_ms,
        }
        for c in crossings
        for owner in c.owners
    ]
    columns = ["actor", "owner", "access", "source", "crossings", "count", "time_ms"]
    found = pd.DataFrame(rows, columns=columns)
    found = found.astype({"crossings": "int64", "count": "Float64", "time_ms": "Float64"})
    group = ["actor", "owner", "access", "source"]
    summed = found.groupby(group, dropna=False, as_index=False)[columns[4:]].sum(min_count=1)
    summed["actor"] = summed["actor"].astype(object).where(summed["actor"].notna(), None)
    return summed
