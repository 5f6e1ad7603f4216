"""SQL of a person's own on a live server, with every guard of a collection: read-only, timed, and gone soon."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from workbench.collect.faults import FAILURES, explain
from workbench.collect.queries import Query
from workbench.collect.sessions import Answer, Session
from workbench.errors import Unreachable, UsageError
from workbench.estate import Estate, Instance
from workbench.estate.names import nearest


def ask_live(
    estate: Estate,
    question: str,
    *,
    service: str | None = None,
    instance: str | None = None,
    database: str | None = None,
) -> pd.DataFrame:
    """Put one SELECT to a server of the estate, in a read-only transaction of at most 8 s, and return its rows.

    ``service`` says where: its instance, its database, and its schema as the search path where it has one alone;
    else ``instance``, which may be left out where the estate has one, and ``database``. UsageError where the
    server refuses the SQL, Unreachable where it cannot be connected.
    """
    owner = None if service is None else estate.service(service)
    home = _instance(estate, instance or (owner.instance if owner else None))
    target = home.target()
    place = database or (owner.database if owner else None) or home.database
    if place is not None:
        target = target.with_database(place)
    path = owner.schemas[0] if owner is not None and len(owner.schemas) == 1 else None
    # A comment at its end must not swallow what is put around it.
    query = Query("ask", "live", Path(), (), question.strip().rstrip(";") + "\n")
    try:
        with Session(target) as session:
            outcome = session.alone(query, path)
    except FAILURES as error:
        raise Unreachable(f"{home.name}: {'; '.join(explain(error, target))}") from error
    if isinstance(outcome, Answer):
        answer: pd.DataFrame = outcome.table.to_pandas()
        return answer
    raise UsageError(f"{home.name}: {explain(outcome, target)[0]}") from outcome


def _instance(estate: Estate, name: str | None) -> Instance:
    held = {i.name: i for i in estate.instances}
    if name is None and len(held) == 1:
        return next(iter(held.values()))
    if name is None:
        raise UsageError(f"the estate has {len(held)} instances: name one of {', '.join(held)}")
    if name not in held:
        raise UsageError(f"no instance is called {name!r}; {nearest(name, held)}")
    return held[name]
