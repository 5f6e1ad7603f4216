"""What was designed, and what is there: partitions, shard keys, indexes, slow statements, pools, replicas, backups.

Designs stand in the estate file: ``[[designs]]``, and limits, pools and backups where they always did.
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.decide.designs.facts import TOPICS, Answer, Figure, State, Topic
from workbench.decide.designs.indexes import Indexes
from workbench.decide.designs.keys import Statements
from workbench.decide.designs.layout import Layout
from workbench.decide.designs.partitions import Partitions
from workbench.decide.designs.servers import Servers
from workbench.decide.designs.shards import Shards
from workbench.decide.designs.slow import Slow
from workbench.decide.evidence import Evidence
from workbench.snapshot import History

__all__ = ["TOPICS", "Answer", "Designs", "Figure", "State", "Topic", "designs"]


@dataclass(frozen=True)
class Designs:
    """The answers, by topic, service and subject."""

    answers: tuple[Answer, ...]

    def of(self, topic: Topic, service: str | None = None) -> tuple[Answer, ...]:
        """Return the answers on a topic, of one service where it is named."""
        return tuple(a for a in self.answers if a.topic == topic and service in (None, a.service))

    def to_json(self) -> list[dict[str, object]]:
        """Return the answers as documents hold them."""
        return [a.to_json() for a in self.answers]


def designs(found: History | Evidence) -> Designs:
    """Hold what was designed against what is there.

    >>> from workbench import load_history
    >>> from workbench.share import reference_estate
    >>> found = designs(load_history(reference_estate("hauspet-small") / "history"))
    >>> [(a.subject, a.state) for a in found.of("pool")]
    [('main', 'unknown')]
    """
    evidence = Evidence(found) if isinstance(found, History) else found
    layout, statements = Layout(evidence.history.newest), Statements(evidence)
    made = (
        *Partitions(evidence, layout, statements).answers(),
        *Shards(evidence, layout, statements).answers(),
        *Indexes(evidence, layout).answers(),
        *Slow(evidence).answers(),
        *Servers(evidence).answers(),
    )
    return Designs(tuple(sorted(made, key=lambda a: a.key)))
