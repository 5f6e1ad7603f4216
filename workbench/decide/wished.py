"""Wishes held against what is there: a setting has the wished value or not, an index stands or not, or nobody knows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pandas as pd

from workbench.analyse.gaps import gap_of
from workbench.decide.argument import figure_of
from workbench.decide.facts import Interval
from workbench.estate import Service
from workbench.estate.names import nearest
from workbench.snapshot import Snapshot, records

_BYTES = {"B": 1.0, "kB": 2.0**10, "MB": 2.0**20, "GB": 2.0**30, "TB": 2.0**40}
_TIMES = {"us": 1e-3, "ms": 1.0, "s": 1e3, "min": 6e4, "h": 3.6e6, "d": 8.64e7}
_ON, _OFF = ("on", "true", "yes", "1"), ("off", "false", "no", "0")
_WAL_LEVELS = ("minimal", "replica", "logical")


def setting_told(service: Service, name: str, wish: str, newest: Snapshot) -> str:
    """Say whether the service's instance has the wished value of a setting, as a new session would get it."""
    instance = service.instance or ""
    shown = f"{name} = {wish}"
    settings = newest.frame("settings", "name", "reset_val", "unit", "vartype")
    here = settings[settings["instance"] == instance]
    if here.empty:
        why = gap_of(newest, "settings", instance) or "settings were not read: collect anew"
        return f"wish unknown: {shown}; {why}"
    rows = records(here[here["name"] == name])
    if not rows:
        return f"wish unknown: {shown}; {instance} has no setting of that name: {nearest(name, set(here['name']))}"
    row = rows[0]
    if not isinstance(row["reset_val"], str):
        return f"wish unknown: {shown}; its value was withheld on {instance}"
    there = row["reset_val"]
    unit = row["unit"] if isinstance(row["unit"], str) else None
    if row["vartype"] in ("integer", "real"):
        wanted, held = _size(wish, unit), _size(there, unit)
        if wanted is None or held is None:
            return f"wish unknown: {shown} is not understood; {name} is {there}{unit or ''} on {instance}"
        if wanted == held:
            return f"wish met: {shown} on {instance}"
        return f"wish not met: {shown}; it is {_shown(held, unit)} on {instance}"
    levels = _WAL_LEVELS if name == "wal_level" else ()
    if wish in levels and there in levels and levels.index(there) > levels.index(wish):
        return f"wish met: {shown}; {there} on {instance} holds it and more"
    if _plain(wish) == _plain(there):
        return f"wish met: {shown} on {instance}"
    return f"wish not met: {shown}; it is {there} on {instance}"


def index_told(service: Service, wish: Mapping[str, object], newest: Snapshot) -> str:
    """Say whether an index of the wished name stands on the wished table of the service, or another on the same columns."""
    name = str(wish["index"])
    columns = wish.get("columns")
    wanted = tuple(map(str, columns)) if isinstance(columns, list | tuple) else ()
    table = str(wish.get("table", ""))
    schema, _, bare = table.rpartition(".")
    relations = newest.frame("relations", "oid", "schema", "relation", "relkind")
    here = relations[
        (relations["instance"] == service.instance)
        & relations["relkind"].isin(["r", "p", "m"])
        & ((relations["relation"] == bare) if bare else True)
        & ((relations["schema"] == schema) if schema else True)
    ]
    owner = newest.settled.owner
    mine = [
        r
        for r in records(here)
        if owner(r["instance"], r["database"], r["schema"], r["relation"]).service == service.name
    ]
    where = f" on {table}" if table else ""
    if not mine or not newest.has("indexes", service.instance or ""):
        what = (
            f"no table {table} of {service.name} was found" if not mine else "indexes were not read"
        )
        return f"wish unknown: index {name}{where}; {what}"
    indexes = newest.frame("indexes", "relation", "relation_oid", "indisvalid", "indkey")
    oids = {(r["instance"], r["database"], r["oid"]): r for r in mine}
    key = indexes[["instance", "database", "relation_oid"]].itertuples(index=False, name=None)
    held = records(indexes[pd.Series([k in oids for k in key], indexes.index, dtype=bool)])
    places = sorted({f"{r['schema']}.{r['relation']}" for r in mine}) if bare else []
    where = f" on {' and '.join(places)}" if places else ""
    for index in held:
        if index["relation"] == name:
            if index["indisvalid"] is not True and not bool(index["indisvalid"]):
                return f"wish not met: index {name}{where} is there and not valid: REINDEX INDEX CONCURRENTLY {name}"
            return f"wish met: index {name}{where}"
    other = _on_columns(held, wanted, newest) if wanted and bare else None
    on = f" ({', '.join(wanted)})" if wanted else ""
    if other:
        return f"wish met: index {name}{where}{on}; {other} begins with the same columns"
    return f"wish not met: index {name}{where}{on} is not there"


def _on_columns(
    held: Sequence[Mapping[str, object]], wanted: tuple[str, ...], newest: Snapshot
) -> str | None:
    """The valid index that begins with the wished columns."""
    columns = newest.frame("columns", "relation_oid", "attnum", "attname")
    names = {
        (r["instance"], r["database"], r["relation_oid"], int(r["attnum"])): r["attname"]
        for r in records(columns)
    }
    for index in held:
        place = (index["instance"], index["database"], index["relation_oid"])
        key = re.findall(r"\d+", str(index["indkey"]))
        begins = tuple(names.get((*place, int(n)), "") for n in key[: len(wanted)])
        if begins == wanted and bool(index["indisvalid"]):
            return str(index["relation"])
    return None


def _size(text: str, unit: str | None) -> float | None:
    """A value in bytes or milliseconds, as the server reads it: without a unit it is in the setting's own.

    >>> _size("512MB", "8kB") == _size("65536", "8kB"), _size("5min", "s"), _size("plenty", "kB"), _size("7", None)
    (True, 300000.0, None, 7.0)
    """
    found = re.fullmatch(r"\s*(-?\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    if not found:
        return None
    number, said = float(found[1]), found[2]
    if number == -1 and not said:
        return number  # a value by itself: off, or as another setting says
    own = re.fullmatch(r"(\d*)([A-Za-z]+)", unit or "")
    kinds = next((k for k in (_BYTES, _TIMES) if own and own[2] in k), None)
    if said:
        return number * kinds[said] if kinds and said in kinds else None
    return number * float(own[1] or 1) * kinds[own[2]] if own and kinds else number


def _shown(size: float, unit: str | None) -> str:
    if size == -1 or unit is None:
        return f"{size:g}"
    if re.search(r"B$", unit):
        told = next((u for u in reversed(_BYTES) if size >= _BYTES[u]), "B")
        return f"{size / _BYTES[told]:.4g} {told.replace('MB', 'MiB').replace('GB', 'GiB').replace('TB', 'TiB')}"
    return figure_of(Interval(size, size), "ms") if size < 1e3 else f"{size / 1e3:g} s"


def _plain(value: str) -> str:
    text = value.strip().lower()
    return "on" if text in _ON else "off" if text in _OFF else text
