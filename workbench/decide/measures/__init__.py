"""A measure for each metric of the catalogue: what it is now, between which ends, and what it was on each day."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from workbench.decide.measured import Measure
from workbench.decide.measures import cacheable, replay, sizes, statements, states
from workbench.estate import METRICS

MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        name: next(
            getattr(module, name)
            for module in (sizes, statements, cacheable, replay, states)
            if hasattr(module, name)
        )
        for name in METRICS
    }
)
"""The measure of each metric, by its name: the function of that name of this package's modules."""
