"""What a security team asks before it lets the workbench in: the login, every query, what leaves the server.

Everything here is derived from what is really sent: the query files, their heads, and the guards.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from psycopg import sql

from workbench.collect.queries import Query, load_queries
from workbench.collect.samples import LOCK_LOOK, LONGEST_S, MOST_PER_S, SESSION_LOOK
from workbench.collect.sessions import GUARDS
from workbench.collect.withhold import withheld_columns
from workbench.estate import Estate

_LOGIN = "workbench"
_OBJECT = re.compile(r"\bpg_catalog\.(pg_\w+)\b(?!\()")
_MONITOR = ("pg_read_all_stats", "pg_read_all_settings", "pg_stat_scan_tables")


def dossier(estate: Estate) -> str:
    """Return the dossier of an estate as Markdown: the same text for the same estate and version.

    >>> from workbench import load_estate, reference_estate
    >>> "GRANT pg_monitor" in dossier(load_estate(reference_estate("marketplace")))
    True
    """
    return "\n".join([*_roles(estate), *_manners(), *_tiers(), *_leaving(), *_queries()]) + "\n"


def role_sql(databases: list[str]) -> list[str]:
    """Return the statements that make the login on one instance.

    >>> role_sql(["shop"])[-1]
    'GRANT CONNECT ON DATABASE "shop" TO "workbench";'
    """
    login = sql.Identifier(_LOGIN).as_string(None)
    made = [f"CREATE ROLE {login} LOGIN;", f"GRANT pg_monitor TO {login};"]
    for name in databases:
        made.append(f"GRANT CONNECT ON DATABASE {sql.Identifier(name).as_string(None)} TO {login};")
    return made


def _fenced(language: str, text: str) -> list[str]:
    ticks = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`+", text)), 3)
    return [f"{ticks}{language}", text, ticks, ""]


def _roles(estate: Estate) -> Iterator[str]:
    yield "# What the workbench reads, and how\n"
    yield "## The login\n"
    yield "One per instance. Its password is yours to set; `pg_monitor` lets it write nothing.\n"
    for instance in estate.instances:
        names = {s.database for s in estate.services if s.instance == instance.name and s.database}
        yield from _fenced(
            "sql",
            "\n".join([f"-- {instance.name!a}", *role_sql(sorted({*names, *instance.databases}))]),
        )


def _manners() -> Iterator[str]:
    yield "## How it reads\n"
    yield "Every transaction is READ ONLY and sets these for itself, reads them back, and runs nothing where one did not hold:\n"
    for name, value in sorted(GUARDS.items()):
        yield f"- `{name} = {value}`"
    looks = " and ".join(f"`{query.name}`" for query in (SESSION_LOOK, LOCK_LOOK))
    yield (
        f"\nOnly where `collect --sample` asks for it, {looks} are put up to {MOST_PER_S:g} times a second "
        f"for at most {LONGEST_S:g} s; what is kept is how often each kind of row was seen.\n"
    )
    yield "No extension is created, no statistics are reset, no temporary table is made, no row of a user's table is read.\n"


def _tiers() -> Iterator[str]:
    yield "## What each privilege adds\n"
    gained: dict[str, list[str]] = defaultdict(list)
    for query in load_queries():
        role = query.sees_all_with or ""
        tier = "pg_monitor" if role in _MONITOR else role or query.if_refused or "CONNECT"
        if query.frame not in gained[tier]:
            gained[tier].append(query.frame)
    for tier, frames in sorted(gained.items()):
        yield f"- `{tier}`: {', '.join(sorted(frames))}"
    yield ""


def _leaving() -> Iterator[str]:
    yield "## What is taken out before anything is stored\n"
    yield "Literals and comments of every text of SQL, and values of settings that may hold a secret:\n"
    for frame, columns in sorted(withheld_columns().items()):
        yield f"- {frame}: {', '.join(columns)}"
    yield "\nWhat is stored stays in the history folder; nothing is sent anywhere.\n"


def _queries() -> Iterator[str]:
    yield "## Every query\n"
    for query in load_queries():
        yield f"### {query.name} ({query.path.name})\n"
        yield _head(query) + "\n"
        objects = sorted(set(_OBJECT.findall(query.text)))
        if objects:
            yield f"Reads: {', '.join(objects)}\n"
        yield from _fenced("sql", query.text)


def _head(query: Query) -> str:
    lines = query.path.read_text(encoding="utf-8").splitlines()
    return " ".join(line.removeprefix("--").strip() for line in lines if line.startswith("--"))
