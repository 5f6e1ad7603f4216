"""What work costs in person-days, and what servers cost in money: the editable tables of an estate file."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from workbench.estate.names import nearest

MOVE, CHANGED = "the move itself", "statement changed"

EFFORT: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "event-fed copy": (5, 15),
        "cached copy": (3, 8),
        "local reference table": (3, 8),
        "replicated table": (2, 5),
        "denormalised column": (2, 6),
        "API call": (2, 5),
        "federated API": (5, 12),
        "outbox": (5, 12),
        "saga": (10, 25),
        "loose foreign key": (2, 5),
        "copied type": (0.25, 1),
        "rewritten function": (1, 3),
        "sequence of its own": (0.25, 0.5),
        "foreign server repointed": (0.25, 1),
        "publication made anew": (0.5, 2),
        "grant withdrawn": (0.1, 0.25),
        "owner found": (0.25, 2),
        CHANGED: (0.25, 1),
        MOVE: (3, 10),
    }
)
"""Person-days of each remedy, least and most: the project's own, where ``[estate] effort`` says nothing.

``statement changed`` is added for every statement that breaks, ``the move itself`` once: the target made, the
copy, a rehearsal, the cut-over.
"""


def effort_faults(written: Mapping[str, tuple[float, float]]) -> Iterator[tuple[str, str]]:
    """Say what is wrong with an estate's person-days: the key, and the fault with the next step.

    >>> list(effort_faults({"API cal": (2, 5), "saga": (9, 3)}))
    [('API cal', "no remedy is called that; nearest valid: 'API call'"), ('saga', 'the least is above the most; write [3, 9]')]
    """
    for name, (low, high) in written.items():
        if name not in EFFORT:
            yield name, f"no remedy is called that; {nearest(name, EFFORT)}"
        elif low > high:
            yield name, f"the least is above the most; write [{high:g}, {low:g}]"
