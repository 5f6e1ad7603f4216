"""SQL of a person's own over what was read: DuckDB on the frames of a history. No server is asked."""

from __future__ import annotations

import re

import duckdb
import pandas as pd

from workbench.errors import UsageError
from workbench.estate.names import nearest
from workbench.snapshot.history import History

OVER_TIME = "over_time"
"""The schema in which a frame's name is all of its readings, with the column ``moment`` in front."""

MOMENT = "moment"
"""``at`` is a word of SQL."""

_CLOSED: dict[str, str | bool | int | float | list[str]] = {
    # A question reads the frames: no file, no address, no extension from anywhere.
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}


def ask(history: History, question: str) -> pd.DataFrame:
    """Answer SQL in DuckDB's dialect; the tables are frames, called as their query files are.

    ``relations`` is the newest night's, with the columns ``instance`` and ``database`` in front;
    ``over_time.relations`` all that the history holds. UsageError says what the SQL lacks.

    >>> from workbench import load_history
    >>> from workbench.share import reference_estate
    >>> held = load_history(reference_estate("hauspet") / "history")
    >>> list(ask(held, "SELECT count(*) AS n FROM databases WHERE datname = 'hauspet_db'")["n"])
    [1]
    """
    frames = {part.frame for s in history.snapshots for part in s.manifest.parts}
    named = [name for name in sorted(frames) if re.search(rf"\b{re.escape(name)}\b", question)]
    with duckdb.connect(config=_CLOSED) as tables:
        tables.execute(f"CREATE SCHEMA {OVER_TIME}")
        for name in named:
            tables.register(name, history.newest.frame(name))
            if re.search(rf"\b{OVER_TIME}\s*\.\s*\"?{re.escape(name)}\b", question):
                tables.register(f"{name} over time", history.frame(name))
                tables.execute(
                    f'CREATE VIEW {OVER_TIME}."{name}" AS '
                    f'SELECT "at" AS {MOMENT}, * EXCLUDE ("at") FROM "{name} over time"'
                )
        tables.execute("SET lock_configuration = true")
        try:
            answer: pd.DataFrame = tables.sql(question).to_arrow_table().to_pandas()
        except duckdb.CatalogException as error:
            raise UsageError(_unknown(str(error), frames)) from error
        except duckdb.Error as error:
            raise UsageError(f"the question cannot be answered: {error}") from error
    return answer


def _unknown(error: str, frames: set[str]) -> str:
    found = re.search(r"Table with name (\S+) does not exist", error)
    if found is None:
        return f"the question cannot be answered: {error}"
    return f"no frame is called {found[1]!r}; {nearest(found[1], sorted(frames))}"
