"""What runs out besides disk: transaction numbers, keys, connections; and what lags or fails to archive.

Each figure is held against the limit that the server itself has, not against a rule of thumb.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from workbench.analyse.gaps import gap_of
from workbench.estate import Estate
from workbench.snapshot import Snapshot, records

LAST_TRANSACTION = 2**31 - 3_000_000
"""Where the server stops giving transaction numbers, to keep three million in reserve."""

_UNREAD = "it was not asked for: run `workbench collect`"
_KEY_LIMITS = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}
_COLUMNS = [
    "instance",
    "database",
    "subject",
    "service",
    "metric",
    "unit",
    "value",
    "limit",
    "used",
    "because",
]


def limits(snapshot: Snapshot) -> pd.DataFrame:
    """Hold every counted thing of a snapshot against its limit, the fullest first.

    One row per figure: instance, database (None for the whole instance), subject (what it is about),
    service (None where nobody's), metric, unit, value, limit, used (value / limit), because (why a
    figure is NA). Metrics: ``transaction_age`` and ``multixact_age`` per database (against the stop of
    writes), ``key_position`` per sequence (against the narrower of the sequence's end and the end of its
    column's type), ``connections`` and ``declared_pools`` per instance (against max_connections less the
    superusers' reserve).
    """
    rows = [
        *_ages(snapshot),
        *_keys(snapshot, snapshot.settled),
        *_connections(snapshot, snapshot.settled),
    ]
    found = pd.DataFrame(rows, columns=_COLUMNS)
    found = found.astype({"value": "Float64", "limit": "Float64"})
    found["used"] = (found["value"] / found["limit"]).astype("Float64")
    for name in ("database", "service", "because"):
        found[name] = found[name].astype("object").where(found[name].notna(), None)
    order = ["used", "instance", "metric", "subject"]
    return found.sort_values(order, ascending=[False, True, True, True], ignore_index=True)


def _row(instance: str, metric: str, **facts: object) -> dict[str, object]:
    empty: dict[str, object] = dict.fromkeys(_COLUMNS)
    return empty | {"instance": instance, "metric": metric} | facts


def _ages(snapshot: Snapshot) -> Iterator[dict[str, object]]:
    held = snapshot.frame("databases", "datname", "frozen_xid_age", "min_mxid_age")
    for row in records(held):
        for metric, column in (
            ("transaction_age", "frozen_xid_age"),
            ("multixact_age", "min_mxid_age"),
        ):
            yield _row(
                row["instance"],
                metric,
                database=row["datname"],
                subject=row["datname"],
                unit="transactions",
                value=row[column],
                limit=LAST_TRANSACTION,
            )


def _keys(snapshot: Snapshot, estate: Estate) -> Iterator[dict[str, object]]:
    key = ["instance", "database"]
    sequences = snapshot.frame("sequences", "relation_oid", "seqmax", "owner_oid", "attnum")
    positions = snapshot.frame("sequence_positions", "relation_oid", "last_value", "unseen")
    positions = positions.assign(read=True)
    relations = snapshot.frame("relations", "oid", "schema", "relation")
    columns = snapshot.frame("columns", "relation_oid", "attnum", "attname", "type")
    found = (
        sequences.merge(positions, "left", [*key, "relation_oid"])
        .merge(
            relations.rename(columns={"oid": "owner_oid", "relation": "table", "schema": "home"}),
            "left",
            [*key, "owner_oid"],
        )
        .merge(relations.rename(columns={"oid": "relation_oid"}), "left", [*key, "relation_oid"])
        .merge(
            columns.rename(columns={"relation_oid": "owner_oid"}),
            "left",
            [*key, "owner_oid", "attnum"],
        )
    )
    unseen: dict[tuple[str, str], int] = {}
    for row in records(found):
        place = (row["instance"], row["database"])
        if row["read"] is not True or pd.notna(row["unseen"]):
            unseen[place] = unseen.get(place, 0) + 1
            continue
        owned = pd.notna(row["table"])
        schema, table = (row["home"], row["table"]) if owned else (row["schema"], row["relation"])
        column = f".{row['attname']}" if pd.notna(row["attname"]) else ""
        widest = _KEY_LIMITS.get(row["type"]) if pd.notna(row["type"]) else None
        yield _row(
            row["instance"],
            "key_position",
            database=row["database"],
            subject=f"{schema}.{table}{column}",
            service=estate.owner(*place, schema, table).service,
            unit="values",
            value=0 if pd.isna(row["last_value"]) else row["last_value"],
            limit=min(row["seqmax"], widest or row["seqmax"]),
        )
    for (instance, database), count in unseen.items():
        yield _row(
            instance,
            "key_position",
            database=database,
            subject=f"{count} sequences of {database}",
            unit="values",
            because=gap_of(snapshot, "sequence_positions", instance, database) or _UNREAD,
        )


def _connections(snapshot: Snapshot, estate: Estate) -> Iterator[dict[str, object]]:
    settings = snapshot.frame("settings", "name", "reset_val")
    known = {(r["instance"], r["name"]): r["reset_val"] for r in records(settings)}
    used = snapshot.frame("database_statistics", "numbackends")
    for instance in snapshot.manifest.reached:
        room = known.get((instance, "max_connections"))
        kept = known.get((instance, "superuser_reserved_connections"), "0")
        limit = None if room is None else int(room) - int(kept)
        pools = [s.connection_limit for s in estate.services if s.instance == instance]
        declared = [p for p in pools if p is not None]
        now = used.loc[used["instance"] == instance, "numbackends"]
        unread = gap_of(snapshot, "database_statistics", instance) or _UNREAD
        yield _row(
            instance,
            "connections",
            subject="in use at this moment",
            unit="connections",
            value=None if now.empty else int(now.sum()),
            limit=limit,
            because=unread if now.empty else None,
        )
        unknown = (
            f"{len(pools) - len(declared)} of {len(pools)} services declare no connection_limit: "
            "write it for them in the estate file"
        )
        yield _row(
            instance,
            "declared_pools",
            subject=f"pools of {len(declared)} of {len(pools)} services",
            unit="connections",
            value=sum(declared) if declared else None,
            limit=limit,
            because=unknown if len(declared) < len(pools) else None,
        )
