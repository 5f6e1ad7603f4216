"""Active sessions per service: what samples of sessions say of the load that statement times leave out."""

from __future__ import annotations

from typing import Any

import pandas as pd

from workbench.analyse.callers import Callers, Session
from workbench.analyse.cells import text_of
from workbench.analyse.statements import Attributed
from workbench.snapshot import records

_ACTIVE = ("active", "fastpath function call")
_COLUMNS = (
    *("datname", "usename", "application_name", "client_addr", "state", "wait_event_type"),
    *("query_id", "looks", "rest"),
)


def active_sessions(attributed: Attributed) -> pd.DataFrame:
    """Return how many sessions worked for each service at a time, by what they waited for.

    One row per instance, service and wait class: instance, service, wait_class (wait_event_type; ``CPU`` where a
    session waits for nothing), low (sessions that ran what touches the service's data alone, or were the
    service's own and ran what touches nobody's, as COMMIT), high (those that touched, or may have touched,
    it), both means over all looks. Without samples there is no row. Parallel workers are not counted.
    """
    history = attributed.window.history
    looks = history.frame("sampling", "looks").groupby("instance")["looks"].sum()
    rows = history.frame("session_samples", *_COLUMNS).drop(columns="database")
    rows = rows[rows["state"].isin(_ACTIVE)]
    shares = _shares(attributed, rows["query_id"])
    callers = Callers.of(history)
    homes: dict[tuple[str, str], list[str]] = {}
    for instance, database, service in attributed.catalogue.homes():
        homes.setdefault((instance, database), []).append(service)
    found: dict[tuple[str, str, str], list[float]] = {}
    for row in records(rows):
        instance = row["instance"]
        count = float(row["looks"]) / max(float(looks.get(instance, 0)), 1.0)
        wait = row["wait_event_type"] if isinstance(row["wait_event_type"], str) else "CPU"
        for service, low, high in _whose(row, shares, callers, homes):
            sums = found.setdefault((instance, service, wait), [0.0, 0.0])
            sums[0] += low * count
            sums[1] += high * count
    names = ["instance", "service", "wait_class", "low", "high"]
    return pd.DataFrame([(*key, *sums) for key, sums in sorted(found.items())], columns=names)


_Key = tuple[str, str, str, int]
_Share = tuple[str, float, float]


def _shares(attributed: Attributed, seen: pd.Series[Any]) -> dict[_Key, list[_Share]]:
    """Per statement ``seen``, the services whose data it touches, with the least and the most of it that is theirs."""
    entries = attributed.entries
    # as whole numbers: what may be NA is compared as floats, in which query ids are rounded
    entries = entries[entries["queryid"].isin(seen.dropna().astype("int64").to_numpy())]
    touches = attributed.touches
    touches = touches[touches["entry"].isin(entries.index)]
    whole: dict[int, str | None] = dict(zip(entries.index, entries["exclusive"], strict=True))
    parts: dict[int, dict[str, float]] = {}
    columns = ["entry", "service", "certain", "high"]
    for entry, service, certain, high in touches[columns].itertuples(index=False):
        if service is not None:
            mine = parts.setdefault(entry, {})
            mine[service] = max(mine.get(service, 0.0), 1.0 if certain else float(high))
    found: dict[_Key, list[_Share]] = {}
    names = ["instance", "datname", "rolname", "queryid"]
    for number, *key in entries[names].itertuples(name=None):
        if all(isinstance(part, str) for part in key[:3]) and not pd.isna(key[3]):
            found[key[0], key[1], key[2], int(key[3])] = [
                (service, float(whole[number] == service), high)
                for service, high in sorted(parts.get(number, {}).items())
            ]
    return found


def _whose(
    row: dict[str, Any],
    shares: dict[_Key, list[_Share]],
    callers: Callers,
    homes: dict[tuple[str, str], list[str]],
) -> list[_Share]:
    place = (row["instance"], row["datname"])
    if row["rest"] is not True and isinstance(row["usename"], str):
        if pd.notna(row["query_id"]):
            known = shares.get((*place, row["usename"], int(row["query_id"])))
            if known:
                return known
        said = (text_of(row["application_name"]) or None, text_of(row["client_addr"]) or None)
        service = callers.of_session(Session(row["usename"], *said)).service
        if service is not None:
            return [(service, 1.0, 1.0)]
    if isinstance(row["datname"], str):
        return [(service, 0.0, 1.0) for service in homes.get(place, [])]
    anywhere = {s for (i, _), held in homes.items() if i == row["instance"] for s in held}
    return [(service, 0.0, 1.0) for service in sorted(anywhere)]
