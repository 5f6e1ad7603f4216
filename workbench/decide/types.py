"""The statements that make the types of a snapshot: enums with their labels, domains with what they are of."""

from __future__ import annotations

import pandas as pd

from workbench.analyse.gaps import quoted
from workbench.model import ReferenceEnd
from workbench.snapshot import Snapshot, records

_PLACE = ["instance", "database"]


def type_texts(snapshot: Snapshot) -> dict[tuple[str, str, str], str]:
    """Return ``CREATE TYPE`` or ``CREATE DOMAIN`` of each enum and domain, by instance, database and its name in references.

    A domain's default is as it was stored, redacted; its checks are constraints and not here. Of composite and range
    types the snapshot has no text.
    """
    types = snapshot.frame(
        "types", "oid", "schema", "type", "typtype", "base_type", "typnotnull", "typdefault"
    )
    labels = snapshot.frame("enum_labels", "type_oid", "position", "label")
    held: dict[tuple[str, str, int], list[str]] = {}
    for row in records(labels.sort_values([*_PLACE, "type_oid", "position"])):
        held.setdefault((row["instance"], row["database"], row["type_oid"]), []).append(
            row["label"]
        )
    found = {}
    for row in records(types[types["typtype"].isin(["e", "d"])]):
        place = (row["instance"], row["database"])
        name = f"{quoted(row['schema'])}.{quoted(row['type'])}"
        if row["typtype"] == "e":
            values = ", ".join(_literal(label) for label in held.get((*place, row["oid"]), ()))
            text = f"CREATE TYPE {name} AS ENUM ({values})"
        elif pd.isna(row["base_type"]):
            continue
        else:
            default = "" if pd.isna(row["typdefault"]) else f" DEFAULT {row['typdefault']}"
            must = " NOT NULL" if row["typnotnull"] is True or bool(row["typnotnull"]) else ""
            text = f"CREATE DOMAIN {name} AS {row['base_type']}{default}{must}"
        end = ReferenceEnd(None, schema=row["schema"], object=row["type"])
        found[(*place, end.relation)] = text
    return found


def _literal(text: str) -> str:
    """A string constant of SQL, whatever standard_conforming_strings says.

    >>> _literal("it's"), _literal("a\\\\b")
    ("'it''s'", "E'a\\\\\\\\b'")
    """
    escaped = text.replace("'", "''")
    return f"'{escaped}'" if "\\" not in text else "E'" + escaped.replace("\\", "\\\\") + "'"
