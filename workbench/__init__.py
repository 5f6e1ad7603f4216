"""A Jupyter workbench for the data architecture of PostgreSQL estates.

>>> import workbench as wb
>>> wb.load_estate(wb.reference_estate("marketplace")).name
'marketplace'
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "capacity",
    "collect",
    "load_estate",
    "load_history",
    "load_snapshot",
    "open_bench",
    "read_statement",
    "readiness",
    "reference_estate",
    "references",
    "verdicts",
    "window_of",
    "workload",
]

if TYPE_CHECKING:
    from workbench.analyse.capacity import capacity
    from workbench.analyse.readiness import readiness
    from workbench.analyse.references import references
    from workbench.analyse.workload import workload
    from workbench.collect import collect
    from workbench.decide.verdicts import verdicts
    from workbench.estate import load_estate
    from workbench.present import open_bench
    from workbench.share import reference_estate
    from workbench.snapshot import load_history, load_snapshot, window_of
    from workbench.sql import read_statement

_HOMES = {
    "capacity": "workbench.analyse.capacity",
    "collect": "workbench.collect",
    "load_estate": "workbench.estate",
    "load_history": "workbench.snapshot",
    "load_snapshot": "workbench.snapshot",
    "open_bench": "workbench.present",
    "read_statement": "workbench.sql",
    "readiness": "workbench.analyse.readiness",
    "reference_estate": "workbench.share",
    "references": "workbench.analyse.references",
    "verdicts": "workbench.decide.verdicts",
    "window_of": "workbench.snapshot",
    "workload": "workbench.analyse.workload",
}


def __getattr__(name: str) -> object:
    # Loaded when first used: a command that needs no figures does not wait for them.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
