"""An estate as it would be with another limit: for who wants to see what follows before it is written down."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workbench.errors import EstateError
from workbench.estate.facts import Threshold
from workbench.estate.limits import contains, contradictions, faults_of, level_of
from workbench.estate.metrics import KINDS
from workbench.estate.whole import Estate


def with_limit(estate: Estate, limit: Threshold) -> Estate:
    """Return the estate with ``limit`` in place of what is written, of the same kind and metric, for the same things.

    A window or parameters that it leaves out are those of the limit in whose place it stands. EstateError says
    what is wrong with it, or which other limit it contradicts.

    >>> from workbench.estate import Service
    >>> written = Threshold("rows", hard=9, service="order")
    >>> estate = Estate("shop", (), (Service("order"),), thresholds=(written,))
    >>> other = with_limit(estate, Threshold("rows", hard=5, service="order"))
    >>> [t.hard for t in other.thresholds], other.digest == estate.digest
    ([5], False)
    """
    given = [kind for kind in KINDS if getattr(limit, kind) is not None]
    faults = [f"{key}: {text}" for key, text in faults_of(limit)]
    if faults or not given:
        raise EstateError(f"{limit.metric}: {'; '.join(faults) or 'give soft, hard or low'}")
    if limit.service is not None:
        estate.service(limit.service)
    if limit.instance is not None:
        estate.instance(limit.instance)
    kinds = {s.name: s.kind for s in estate.services}
    held = []
    for written in estate.thresholds:
        if _alike(written, limit, kinds):
            window = limit.window or written.window
            parameters = limit.parameters or written.parameters
            limit = replace(limit, window=window, parameters=parameters)
            nothing: dict[str, Any] = dict.fromkeys(given)
            written = replace(written, **nothing)
        if any(getattr(written, kind) is not None for kind in KINDS):
            held.append(written)
    told = [*((t, "the estate file") for t in held), (limit, "the limit that was given")]
    for number, key, text in contradictions(told, estate.services):
        raise EstateError(f"{told[number][0].metric}, {told[number][1]}: {key} {text}")
    # What is kept of one estate's analyses is not the other's.
    digest = hashlib.sha256(f"{estate.digest} {limit!r}".encode()).hexdigest()
    return replace(estate, thresholds=(*held, limit), digest=digest)


def _alike(one: Threshold, other: Threshold, kinds: Mapping[str, str | None]) -> bool:
    """Whether two thresholds limit one metric of the same things."""
    if one.metric != other.metric or level_of(one) != level_of(other):
        return False
    return contains(one, other, kinds) and contains(other, one, kinds)
