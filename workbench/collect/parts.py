"""Questions that lock what they ask about: put in several transactions where one would take too many locks."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from workbench.collect.queries import Query
from workbench.collect.reading import Reading
from workbench.collect.sessions import Answer, Session

TRANSACTIONS = 20
"""How many transactions a question may take in one database."""

_KEY = "relation_oid"


def read_in_parts(reading: Reading, session: Session, query: Query, database: str) -> None:
    """Put ``query`` in a transaction of its own, and again for the rows that say ``locks``, until none does.

    Its rows have ``relation_oid`` and ``unseen``; the setting ``workbench.relations`` limits it to some. What is
    left after ``TRANSACTIONS``, or where one fails, is noted as a gap.
    """
    outcome = session.alone(query)
    if not isinstance(outcome, Answer) or "unseen" not in outcome.table.column_names:
        reading.keep(query, database, outcome)
        return
    table, ms = outcome.table, outcome.ms
    for _ in range(TRANSACTIONS - 1):
        oids = _late(table)
        if not oids:
            break
        setting = {"workbench.relations": ",".join(map(str, oids))}
        more = session.alone(query, settings=setting)
        if not isinstance(more, Answer):
            break
        ms += more.ms
        rest = table.filter(pc.invert(pc.is_in(table.column(_KEY), pa.array(oids, pa.int64()))))
        table = pa.concat_tables([rest, more.table]).sort_by(_KEY)
        if _late(table) == oids:
            break  # each alone would take too many
    reading.keep_rows(query, database, table, ms)


def _late(table: pa.Table) -> list[int]:
    late: list[int] = (
        table.filter(pc.equal(table.column("unseen"), "locks")).column(_KEY).to_pylist()
    )
    return late
