"""What a security team asks before it lets the workbench in: the login, every query, what leaves the server.

Everything here is derived from what is really sent: the query files, their heads, and the guards.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from psycopg import sql

from workbench.collect.guards import GUARDS
from workbench.collect.looking import TOGETHER_S
from workbench.collect.privileges import WHO, Login
from workbench.collect.queries import INSTANCE, Query, load_queries
from workbench.collect.samples import LOCK_LOOK, LONGEST_S, MOST_PER_S, SESSION_LOOK
from workbench.collect.withhold import withheld_columns
from workbench.estate import Estate
from workbench.model import Finding
from workbench.sql.outline import outline

_LOGIN = "workbench"
_CONNECT = "CONNECT"
_MONITOR = ("pg_read_all_stats", "pg_read_all_settings", "pg_stat_scan_tables")
_GAINS = {
    _CONNECT: "a login that may connect, and nothing else",
    "pg_monitor": "statistics, settings and statements of everybody; the recommended tier",
    "pg_read_all_data": "lets the login read rows too, which the workbench never does: leave it out, and "
    "these figures stay unknown",
}


def dossier(estate: Estate, findings: Sequence[Finding] = ()) -> str:
    """Return the dossier of an estate as Markdown: the same text for the same estate and version.

    ``findings`` are those of a check, if there was one: what was missing, and the statement that fixes it.

    >>> from workbench import load_estate, reference_estate
    >>> "GRANT pg_monitor" in dossier(load_estate(reference_estate("marketplace")))
    True
    """
    parts = (_roles(estate), _manners(), _tiers(), _fixes(findings), _leaving(), _queries())
    return "\n".join(line for part in parts for line in part) + "\n"


def role_sql(databases: list[str]) -> list[str]:
    """Return the statements that make the login on one instance.

    >>> role_sql(["shop"])[-1]
    'GRANT CONNECT ON DATABASE "shop" TO "workbench";'
    """
    login = _name(_LOGIN)
    made = [f"CREATE ROLE {login} LOGIN;", f"GRANT pg_monitor TO {login};"]
    return made + [f"GRANT CONNECT ON DATABASE {_name(d)} TO {login};" for d in databases]


def _name(text: str) -> str:
    return sql.Identifier(text).as_string(None)


def _fenced(language: str, text: str) -> list[str]:
    ticks = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`+", text)), 3)
    return [f"{ticks}{language}", text, ticks, ""]


def _roles(estate: Estate) -> Iterator[str]:
    yield "# What the workbench reads, and how\n"
    yield "## The login\n"
    yield "One per instance. Its password is yours to set; `pg_monitor` lets it write nothing.\n"
    grants = {q.if_refused for q in load_queries() if q.if_refused}
    for instance in estate.instances:
        names = {s.database for s in estate.services if s.instance == instance.name and s.database}
        databases = sorted({*names, *instance.databases})
        yield f"### Instance {_plain(instance.name)}\n"
        yield "In any of its databases, as a superuser or a role that may create roles:\n"
        yield from _fenced("sql", "\n".join(role_sql(databases)))
        yield (
            "For statements, `shared_preload_libraries` must hold `pg_stat_statements` (a restart), and "
            "one of the databases the extension. Functions are granted in each database:\n"
        )
        at = databases[0] if databases else "postgres"
        once = [
            "-- if statements are to be seen",
            "CREATE EXTENSION IF NOT EXISTS pg_stat_statements;",
        ]
        more = [g.replace("{login}", _name(_LOGIN)) for g in sorted(grants)]
        once += ["-- if a question that pg_monitor may not ask is to be asked", *more]
        yield f"Once, in database {_plain(at)}:\n"
        yield from _fenced("sql", "\n".join(once))


def _manners() -> Iterator[str]:
    yield "## How it reads\n"
    yield "Every transaction is READ ONLY and sets these for itself, reads them back, and runs nothing where one did not hold:\n"
    for name, value in sorted(GUARDS.items()):
        yield f"- `{name} = {value}`"
    looks = " and ".join(f"`{query.name}`" for query in (SESSION_LOOK, LOCK_LOOK))
    yield (
        f"\nOnly where `collect --sample` asks for it, {looks} are put up to {MOST_PER_S:g} times a second "
        f"for at most {LONGEST_S:g} s, in transactions of {TOGETHER_S:g} s each that hold no snapshot in between; "
        "what is kept is how often each kind of row was seen.\n"
    )
    yield "No extension is created, no statistics are reset, no temporary table is made, no row of a user's table is read.\n"


def _tier(query: Query) -> str:
    """The least that a login needs to see all of the answer."""
    if query.if_refused:
        return query.if_refused.replace("{login}", _name(_LOGIN))
    role = query.sees_all_with or _CONNECT
    return "pg_monitor" if role in _MONITOR else role


def _tiers() -> Iterator[str]:
    yield "## What each privilege adds\n"
    yield "Tiers are granted one beside the other; without one, its figures are unknown and say so.\n"
    gained: dict[str, dict[str, str]] = defaultdict(dict)
    for query in load_queries():
        gained[_tier(query)].setdefault(query.name, _question(query))
    order = [t for t in _GAINS if t in gained]
    for tier in [*order, *sorted(gained.keys() - _GAINS.keys())]:
        note = f": {_GAINS[tier]}" if tier in _GAINS else ""
        yield f"### `{tier}`{note}\n"
        for name, question in sorted(gained[tier].items()):
            yield f"- {name}: {question}"
        yield ""


def _fixes(findings: Sequence[Finding]) -> Iterator[str]:
    yield "## What mends what is missing\n"
    login = Login(_LOGIN, frozenset())
    statements: dict[str, set[str]] = defaultdict(set)
    for query in load_queries():
        if _tier(query) != _CONNECT:
            statements[login.grant(query)].add(query.name)
        for what, _ in query.needs:
            if what != "server":
                statements[f"CREATE EXTENSION {what}; -- or: ALTER EXTENSION {what} UPDATE;"].add(
                    query.name
                )
    for statement, names in sorted(statements.items()):
        yield f"- `{statement}`: {', '.join(sorted(names))}"
    yield ""
    if findings:
        yield "What a check found here:\n"
        for found in findings:
            yield f"- {found.level}, {_plain(found.subject)}: {_plain(found.detail)}"
            yield from ("", *_fenced("", found.remediation))


def _plain(text: str) -> str:
    """Text of a server as Markdown that is text: no markup, no line of its own."""
    return re.sub(r"([\\`*_{}\[\]<>#|!])", r"\\\1", " ".join(text.split()))


def _leaving() -> Iterator[str]:
    yield "## What leaves the server\n"
    yield "The columns that each query below names, and nothing else. They are stored in the history folder, and sent nowhere.\n"
    yield "## What is taken out before anything is stored\n"
    yield "Literals and comments of every text of SQL, and values of settings that may hold a secret:\n"
    for frame, columns in sorted(withheld_columns().items()):
        yield f"- {frame}: {', '.join(columns)}"
    yield ""


def _queries() -> Iterator[str]:
    yield "## Every query\n"
    withheld = withheld_columns()
    for query in (WHO, *load_queries()):
        found = outline(query.text)
        yield f"### {query.name}{f' ({query.path.name})' if query.path.name else ''}\n"
        yield (
            _head(query) if query is not WHO else "Who are we to this server? Not stored."
        ) + "\n"
        put = "once per instance" if query.folder in INSTANCE else "in each database"
        yield f"- Put: {put}"
        yield f"- Reads: {_listed(found.relations)}"
        yield f"- Calls: {_listed(found.functions)}"
        yield f"- Leaves the server: {_listed(found.columns)}"
        if query.frame in withheld:
            yield f"- Redacted before it is stored: {_listed(withheld[query.frame])}"
        yield f"- Sees all with: `{_tier(query)}`\n"
        yield from _fenced("sql", query.text)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"


def _question(query: Query) -> str:
    return query.path.read_text(encoding="utf-8").splitlines()[0].removeprefix("--").strip()


def _head(query: Query) -> str:
    lines = query.path.read_text(encoding="utf-8").splitlines()
    return " ".join(line.removeprefix("--").strip() for line in lines if line.startswith("--"))
