"""Statements of a service that touch what nobody owns: no crossing until the service moves, for the rest stays behind."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from workbench.analyse.crossings import Crossing
from workbench.analyse.statements import Attributed

_Key = tuple[str, str, str | None, tuple[str, ...], str, tuple[str, ...], str | None]
"""instance, database, actor, services, access, relations, fingerprint"""


def strays(attributed: Attributed) -> tuple[Crossing, ...]:
    """Return the window's statements that a service runs, or that touch a service's data, and that name an unowned relation.

    As crossings without ``owners``; ``services`` are the caller and those whose data it touches besides. What
    extensions and known tools own is not here: the target has its own.
    """
    groups: dict[_Key, Crossing] = {}
    columns = ["instance", "datname", "rolname", "query", "calls", "time_ms"]
    rows = attributed.entries[columns].itertuples(index=False, name=None)
    for number, (instance, datname, rolname, query, calls, time_ms) in enumerate(rows):
        fact = attributed.facts[number]
        touches = [t for t in fact.attribution.touches if t.named]
        loose = [
            t for t in touches if t.relation.standing == "unowned" and t.relation.relkind in "rpmf"
        ]
        if pd.isna(calls) or calls <= 0 or not loose:
            continue
        actor = fact.caller.service
        met = {t.relation.service for t in touches} | {actor}
        services = tuple(sorted(s for s in met if s is not None))
        for access in ("write", "read"):
            relations = tuple(
                sorted(
                    {
                        t.relation.seen_from(instance, str(datname))
                        for t in loose
                        if (t.access == "write") is (access == "write")
                    }
                )
            )
            if not services or not relations:
                continue
            key = (
                instance,
                str(datname),
                actor,
                services,
                access,
                relations,
                fact.statement.fingerprint,
            )
            found = groups.get(key) or Crossing(
                "statement",
                "statements",
                instance,
                str(datname),
                actor,
                services,
                (),
                "write" if access == "write" else "read",
                relations,
                calls=0,
                time_ms=0.0,
                fingerprint=fact.statement.fingerprint,
                because="; ".join(f"nobody owns {name}" for name in relations),
                first_names=attributed.catalogue.estate.first_names,
            )
            groups[key] = replace(
                found,
                calls=(found.calls or 0) + int(calls),
                time_ms=(found.time_ms or 0.0) + (0.0 if pd.isna(time_ms) else float(time_ms)),
                logins=tuple(
                    sorted({*found.logins, *([rolname] if isinstance(rolname, str) else [])})
                ),
                examples=tuple(
                    sorted({*found.examples, *([query] if isinstance(query, str) else [])})[:3]
                ),
            )
    return tuple(sorted(groups.values(), key=lambda c: (-(c.calls or 0), c.key)))
