"""What a collection cost the servers: the collector's own share is part of the report."""

from __future__ import annotations

from typing import Any

from workbench.snapshot import Manifest

SLOWEST = 3
"""How many of an instance's questions are named as its slowest."""


def cost(manifest: Manifest) -> list[dict[str, Any]]:
    """Return, per instance that was reached, the milliseconds of all questions and the slowest ones.

    ``questions`` counts the answers of this run; what stands in from an earlier one cost nothing.
    """
    asked = sorted(
        (p for p in manifest.parts if p.as_of is None),
        key=lambda p: (-p.ms, p.frame, p.database or ""),
    )
    found: list[dict[str, Any]] = []
    for name in manifest.reached:
        mine = [p for p in asked if p.instance == name]
        slowest = [{"frame": p.frame, "database": p.database, "ms": p.ms} for p in mine[:SLOWEST]]
        total = round(sum(p.ms for p in mine), 1)
        found.append({"instance": name, "ms": total, "questions": len(mine), "slowest": slowest})
    return found
